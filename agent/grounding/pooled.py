"""Several groups taken together, or all but some: their errors, their images and the rate that follows from both.

``lines 1, 2 and 4 make 144 errors on 708 items at night`` adds up the rows of one count; ``without line 3`` takes a row from the
whole that the same count holds; ``paper against cardboard, 234`` is both directions of one confusion.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from failsight.agent.grounding.names import Mention
from failsight.agent.grounding.numbers import Number
from failsight.agent.grounding.reading import Reading
from failsight.agent.grounding.sources import DATA, Atom

_LEFT_OUT = re.compile(
    r"\b(?:without|outside|except(?: for)?|apart from|other than|besides|leaving out|but not|than) (?:of )?(?:the )?$",
    re.IGNORECASE,
)
_Values = frozenset[tuple[str, str]]
_Of = tuple[str, frozenset[str], frozenset[str]]  # evidence, classes, splits


class _Counts(NamedTuple):
    """Errors and images of one group."""

    wrong: Atom | None = None
    images: Atom | None = None


class Pooled:
    """The counts of a record by group."""

    def __init__(self, atoms: Sequence[Atom]) -> None:
        self._of: dict[_Of, dict[_Values, _Counts]] = {}
        self._pairs: dict[
            tuple[str, frozenset[str], _Values, frozenset[str]], dict[tuple[str, str], Atom]
        ] = {}
        for a in atoms:
            ref = next((r for r in a.refs if r.startswith("E")), "")
            if a.told or a.row or a.when or a.elsewhere or a.family != "plain" or not ref:
                continue
            if a.pair is not None:
                if a.metric == "confusion" and a.part in ("count", "value"):
                    key = ref, frozenset(a.pair), a.names.values, a.names.splits
                    self._pairs.setdefault(key, {})[a.pair] = a
                continue
            rows = self._of.setdefault((ref, a.names.classes, a.names.splits), {})
            held = rows.get(a.names.values, _Counts())
            if a.metric == "error" and a.part == "count":
                rows[a.names.values] = held._replace(wrong=a)
            elif a.metric == "images" and a.part in ("n", "value"):
                rows[a.names.values] = held._replace(images=held.images or a)

    def held(self, number: Number, at: Reading) -> list[Atom]:
        """The counts that a number is made of, or nothing."""
        if number.bracket and number.family == "plain":
            return []
        return self._both_ways(number, at) or self._groups(number, at)

    def _both_ways(self, number: Number, at: Reading) -> list[Atom]:
        classes = at.about.classes
        if number.family != "plain" or number.word or len(classes) != 2 or at.pairs:
            return []
        for (_, pair, values, splits), found in self._pairs.items():
            if pair == classes and values <= at.whole.values and splits <= (at.whole.splits or DATA):
                some = list(found.values())
                if len(some) == 2 and number.near(sum(a.value for a in some)):
                    return some
        return []

    def _groups(self, number: Number, at: Reading) -> list[Atom]:
        named: dict[str, list[Mention]] = {}
        for m in at.mentions:
            if m.kind == "attribute" and m.value:
                named.setdefault(m.name, []).append(m)
        for name, mentions in named.items():
            some = {(name, m.value) for m in mentions}
            out = any(_LEFT_OUT.search(at.text[at.sentence.start : m.start]) for m in mentions)
            if len(some) < 2 and not out:
                continue
            around = frozenset(v for v in at.about.values if v[0] != name)
            for (_, classes, splits), rows in self._of.items():
                if classes != at.about.classes or not splits <= (at.whole.splits or DATA):
                    continue
                parts = [rows.get(around | {v}) for v in some]
                if any(p is None for p in parts):
                    continue
                known = [p for p in parts if p is not None]
                for counts in _together(known, rows.get(around), out=out):
                    if found := _makes(number, *counts):
                        return found
        return []


def _together(
    parts: Sequence[_Counts], whole: _Counts | None, *, out: bool
) -> Iterator[tuple[float | None, float | None, list[Atom]]]:
    """Errors and images of the groups together, or of all the others, with the counts that they are made of."""
    made: list[float | None] = []
    used: list[Atom] = []
    for at in (0, 1):  # errors, then images
        terms = [p[at] for p in parts]
        held = [t for t in terms if t is not None]
        total = whole[at] if whole is not None else None
        if len(held) < len(terms) or (out and total is None):
            made.append(None)
            continue
        value = sum(t.value for t in held)
        used += held if total is None or not out else [total, *held]
        made.append(value if total is None or not out else total.value - value)
    yield made[0], made[1], used


def _makes(number: Number, wrong: float | None, images: float | None, used: list[Atom]) -> list[Atom]:
    if number.family == "plain" and not number.word:
        return used if any(v is not None and number.near(v) for v in (wrong, images)) else []
    if number.family == "percent" and wrong is not None and images:
        return used if any(number.near(100 * v / images) for v in (wrong, images - wrong)) else []
    return []
