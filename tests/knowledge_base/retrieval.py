"""Reading the labelled sentences of ``data/``, and scoring the router on them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from failsight.knowledge_base import KnowledgeBase, Vocabulary, load
from failsight.knowledge_base.routing import Route, route

DATA = Path(__file__).parent / "data"
TEST_SHA256 = "467b43f2aafbb0a61306d67991bf241064094ff8a639e9a8c99229c28a5190df"

ROOMS = Vocabulary(
    classes=("bathroom", "bedroom", "dining_room", "kitchen", "living_room"),
    attributes={"lighting": ("dark", "bright"), "style": ("tidy", "cluttered")},
    images=("kitchen/img_0012.png",),
    objects=("television", "stool", "cat", "sofa", "bed", "stove", "sink"),
    findings=("F1",),
)


@dataclass(frozen=True)
class Sentence:
    """A sentence, the questions that it may lead to (none: off the subject), and its literacy level."""

    text: str
    expected: tuple[str, ...]
    level: str


def sentences(name: str) -> list[Sentence]:
    """The sentences of ``data/NAME.txt``."""
    found = []
    for line in (DATA / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            ids, level, text = (part.strip() for part in line.split("|", 2))
            expected = () if ids == "off" else tuple(i.strip() for i in ids.split(","))
            found.append(Sentence(text, expected, level))
    return found


@dataclass(frozen=True)
class Figures:
    """Shares in [0, 1]; the first two over sentences with an expected question, in any reply."""

    first: float
    in_three: float
    off_recognised: float
    turned_away: float
    asked_back: float
    routes: tuple[Route, ...]


@cache
def on_test_set(case: str) -> tuple[list[Sentence], Figures]:
    """The frozen test set and the figures on it, with the names of a case ("rooms") or without ("")."""
    found = sentences("retrieval_test")
    return found, figures(found, ROOMS if case == "rooms" else Vocabulary(), load())


def figures(found: list[Sentence], vocabulary: Vocabulary, base: KnowledgeBase) -> Figures:
    """Route every sentence and count."""
    routes = tuple(route(s.text, vocabulary, base=base) for s in found)
    on = [(s, r) for s, r in zip(found, routes, strict=True) if s.expected]
    off = [r for s, r in zip(found, routes, strict=True) if not s.expected]
    return Figures(
        sum(r.questions[0].id in s.expected for s, r in on) / len(on),
        sum(any(q.id in s.expected for q in r.questions[:3]) for s, r in on) / len(on),
        sum(r.off_topic for r in off) / len(off),
        sum(r.off_topic for _, r in on) / len(on),
        sum(r.asks_back for _, r in on) / len(on),
        routes,
    )
