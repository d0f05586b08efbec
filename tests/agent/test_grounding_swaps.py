"""One name, sign, split or verdict of a true sentence swapped for another: most of what comes out has to be marked.

Nobody wrote rules for these sentences, and there are thousands of them; some stay true after the swap, and some claim
nothing, so the rates are no rates of errors. They may not fall.
"""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from failsight.agent.grounding import Checker
from failsight.agent.journal import Journal
from failsight.agent.state import fold
from tests.agent.test_grounding import CLASSES, DATA, LABELLED, VALUES

_CLASS = re.compile(r"\b(?:bathroom|bedroom|dining[ _]room|kitchen|living[ _]room)(?=s?\b)", re.IGNORECASE)
ATTRIBUTES = (
    ("television", "cat"),
    ("stools", "cat"),
    ("cat", "stools"),
    ("cat", "plant"),
    ("television", "lamp"),
    ("shower", "tub"),
)
SPLITS = (("evaluation", "deployment"), ("deployment", "training"), ("training", "evaluation"))
SIGNS = (
    ("higher", "lower"), ("more", "less"), ("larger", "smaller"), ("falls", "rises"), ("loses", "gains"), ("above", "below"),
    ("darker", "brighter"), ("most", "least"), ("highest", "lowest"), ("strongest", "weakest"), ("largest", "smallest"),
)  # fmt: skip
VERDICTS = (
    ("confirmed", "refuted"),
    ("confirmed", "inconclusive"),
    ("open", "confirmed"),
    ("inconclusive", "confirmed"),
)
#: the share of swapped sentences that is marked; measured: 86, 82, 73, 70 and 85 %
FLOORS = {"class": 0.82, "attribute": 0.79, "split": 0.69, "sign": 0.66, "verdict": 0.80}


def another_class(text: str, dice: random.Random) -> str | None:
    """``text`` with one class swapped for another one."""
    found = list(_CLASS.finditer(text))
    if not found:
        return None
    match = dice.choice(found)
    own = match[0].lower().replace(" ", "_")
    new = dice.choice([c for c in CLASSES if c != own])
    new = new if "_" in match[0] else new.replace("_", " ")
    return text[: match.start()] + (new.capitalize() if match[0][0].isupper() else new) + text[match.end() :]


def swap(pairs: Sequence[tuple[str, str]]) -> Callable[[str, random.Random], str | None]:
    """A function that swaps one of the words that it finds."""

    def swapped(text: str, dice: random.Random) -> str | None:
        found = [(m, new) for old, new in pairs for m in re.finditer(rf"\b{old}\b", text)]
        if not found:
            return None
        match, new = dice.choice(found)
        return text[: match.start()] + new + text[match.end() :]

    return swapped


def both_ways(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [*pairs, *((b, a) for a, b in pairs)]


SWAPS: dict[str, Callable[[str, random.Random], str | None]] = {
    "class": another_class,
    "attribute": swap(ATTRIBUTES),
    "split": swap(both_ways(SPLITS)),
    "sign": swap(both_ways(SIGNS)),
    "verdict": swap(VERDICTS),
}


@pytest.mark.slow
def test_most_sentences_with_one_thing_swapped_are_marked(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").write_bytes((DATA / "rooms_journal.jsonl").read_bytes())
    checker = Checker(fold(Journal(tmp_path, write=False)), CLASSES, VALUES)
    cases = [json.loads(line) for name in LABELLED for line in (DATA / name).read_text().splitlines()]
    true = [
        t
        for t in dict.fromkeys(c["text"] for c in cases if c["label"] == "true")
        if not checker.check(t).unverified
    ]
    dice = random.Random(1)
    seen: Counter[str] = Counter()
    marked: Counter[str] = Counter()
    for text in true:
        for kind, change in SWAPS.items():
            other = change(text, dice)
            if other is not None and other != text:
                seen[kind] += 1
                marked[kind] += bool(checker.check(other).unverified)
    assert all(n > 100 for n in seen.values())
    short = {k: round(marked[k] / seen[k], 3) for k in FLOORS if marked[k] / seen[k] < FLOORS[k]}
    assert not short, {k: round(marked[k] / seen[k], 3) for k in seen}
