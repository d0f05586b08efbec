"""Sentence → question of the bank → tool call, with a confidence; or asking back; or saying that it is off the subject."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, Final

from failsight.knowledge_base.arguments import missing, resolve
from failsight.knowledge_base.heads import NEAREST, OFF, Heads, average, heads
from failsight.knowledge_base.schema import Entry
from failsight.knowledge_base.search import KnowledgeBase, load
from failsight.knowledge_base.vocabulary import Mentions, Vocabulary, recognise

_TEMPERATURE: Final = 0.035
_WEAK: Final = 0.25
_ASK_BACK: Final = 0.3
_OFF_TOPIC: Final = 0.2


@dataclass(frozen=True, slots=True)
class Ranked:
    """A question of the bank with the probability that it is the one meant."""

    id: str
    topic: str
    score: float
    title: str


@dataclass(frozen=True, slots=True)
class Route:
    """Where a sentence leads.

    Attributes:
        off_topic: the sentence is not about failures of image classifiers.
        asks_back: the confidence is too low to act; ``questions`` holds the nearest two or three.
        questions: questions of the bank, best first, with probabilities.
        call: ``{"tool", "arguments"}`` that measures the answer, or None.
        form: id of the elicitation form that answers it where no tool does (or as well), or empty.
        answer: what a person is told: plain text.
        sources: citations of the entries used.
        missing: slots that the preferred tool needs and the sentence does not name.
        mentions: the names found in the sentence.
        notice: one sentence on what does not work (search by words only), or empty.
    """

    off_topic: bool
    asks_back: bool
    questions: tuple[Ranked, ...]
    call: dict[str, Any] | None
    answer: str
    sources: tuple[str, ...]
    form: str = ""
    missing: tuple[str, ...] = ()
    mentions: Mentions = field(default_factory=lambda: Mentions("", (), ""))
    notice: str = ""


def route(sentence: str, vocabulary: Vocabulary | None = None, *, base: KnowledgeBase | None = None) -> Route:
    """Match ``sentence`` to the question bank.

    Args:
        sentence: what a person typed.
        vocabulary: the names of the case and the tools that exist.
        base: the knowledge base; the installed one by default.
    """
    base = base or load()
    vocabulary = vocabulary or Vocabulary()
    mentions = recognise(sentence, vocabulary)
    ranked, off, notice = rank(mentions, base)
    if off > _OFF_TOPIC or not ranked:
        return _off_topic(mentions, ranked, notice)
    best = base[ranked[0].id]
    if ranked[0].score < _ASK_BACK:
        return _ask_back(mentions, base, ranked, notice)
    call = resolve(best, mentions, vocabulary)
    return Route(
        False,
        False,
        tuple(ranked[:5]),
        call,
        explain(best, call),
        (best.source,),
        form=str(best.extra.get("form", "")),
        missing=tuple(missing(best, mentions, vocabulary)),
        mentions=mentions,
        notice=notice,
    )


def rank(mentions: Mentions, base: KnowledgeBase) -> tuple[list[Ranked], float, str]:
    """Questions of the bank with probabilities, best first; the probability of being off the subject; a notice."""
    texts = list(dict.fromkeys((mentions.sentence, mentions.masked)))
    try:
        trained = heads()
    except (OSError, ValueError, KeyError):
        return _rank_by_words(texts, base)
    words = average(trained.from_words(texts))
    vectors = base.index.embed(texts)
    if vectors is not None:
        near = _nearest(vectors, trained, base)
        probabilities = trained.fuse(words, average(trained.from_dense(vectors)), near)
    else:
        probabilities = trained.fuse(words)
    chances = dict(zip(trained.classes, (float(p) for p in probabilities), strict=True))
    ranked = [
        Ranked(q.id, q.topic, round(chances[q.id], 4), q.title)
        for q in base.of_kind("question")
        if q.id in chances
    ]
    ranked.sort(key=lambda r: -chances[r.id])
    return ranked, chances[OFF], base.notice


def _nearest(vectors: Any, trained: Heads, base: KnowledgeBase) -> Any:
    """For every class the mean cosine of its nearest few paraphrases; the better of the readings."""
    import numpy as np

    groups = _groups(base, trained.classes)
    similar = (vectors @ base.index.vectors.T).max(0)
    made = np.zeros(len(trained.classes), np.float32)
    for i, members in enumerate(groups):
        mine = similar[members]
        few = min(NEAREST, len(mine))
        made[i] = np.sort(mine)[len(mine) - few :].mean() if few else 0.0
    return made


def _groups(base: KnowledgeBase, classes: tuple[str, ...]) -> list[Any]:
    """Row numbers of the paraphrases and the title of every class."""
    cached: list[Any] | None = base.__dict__.get("_groups")
    if cached is None:
        import numpy as np

        members: dict[str, list[int]] = {name: [] for name in classes}
        for i, row in enumerate(base.index.rows):
            if row.part != "text" and row.entry in members:
                members[row.entry].append(i)
        cached = base.__dict__["_groups"] = [np.array(rows, np.int64) for rows in members.values()]
    return cached


def _rank_by_words(texts: list[str], base: KnowledgeBase) -> tuple[list[Ranked], float, str]:
    """Ranking without the trained heads: plain search by words, softened into something like probabilities."""
    hits = base.search(" ".join(texts[:1]), k=10, kinds=("question",))
    weights = [math.exp((h.score - hits[0].score) / _TEMPERATURE) for h in hits]
    ranked = [
        Ranked(h.id, h.topic, round(w / sum(weights), 4), h.title) for h, w in zip(hits, weights, strict=True)
    ]
    off = 1.0 if not hits or hits[0].score < _WEAK else 0.0
    return (
        ranked,
        off,
        f"{base.notice} The router's file is missing or damaged, so routing is rougher than usual.".strip(),
    )


def explain(entry: Entry, call: dict[str, Any] | None) -> str:
    """What a person is told about a question: what a good answer contains, how it is measured, what to beware of."""
    parts = [entry.title, str(entry.extra["answer"])]
    if call is not None:
        parts.append(f"Measured by {call['tool']}.")
    elif entry.extra.get("form"):
        parts.append(f"Nothing measures this; the form '{entry.extra['form']}' asks the people who know.")
    parts += [f"Beware: {c}" for c in entry.extra.get("caution", ())[:1]]
    return " ".join(parts)


def _off_topic(mentions: Mentions, ranked: list[Ranked], notice: str) -> Route:
    return Route(
        True,
        False,
        tuple(ranked[:3]),
        None,
        "This does not seem to be about a failing image classifier, which is all that I know about.",
        (),
        mentions=mentions,
        notice=notice,
    )


def _ask_back(mentions: Mentions, base: KnowledgeBase, ranked: list[Ranked], notice: str) -> Route:
    near = ranked[: 2 if len(ranked) > 2 and ranked[2].score < 0.1 else 3]
    asked = " ".join(f"({i}) {r.title}" for i, r in enumerate(near, 1))
    return Route(
        False,
        True,
        tuple(ranked[:5]),
        None,
        f"I'm not sure which question you mean. {asked}",
        tuple(base[r.id].source for r in near[:1]),
        mentions=mentions,
        notice=notice,
    )
