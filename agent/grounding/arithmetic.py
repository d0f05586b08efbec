"""Arithmetic on evidence: a difference, a ratio, a sum or a remainder of recorded numbers may be stated too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from failsight.agent.grounding.lexicon import agree
from failsight.agent.grounding.numbers import Number
from failsight.agent.grounding.sources import Atom

_DIFFERENCE = re.compile(
    r"differ\w*|gap|more|less|fewer|higher|lower|worse|better|above|below|drops?|falls?|excess|points|ahead|behind|apart|rest|remaining|other|against|than",
    re.IGNORECASE,
)
_RATIO = re.compile(
    r"times|twice|double|half|ratio|-fold|×|as (?:often|many|high|low|large|likely)|third|quarter|of (?:all|the)|out of|share",
    re.IGNORECASE,
)
_SUM = re.compile(r"together|sum|total|altogether|combined|both|in all", re.IGNORECASE)


def computed(
    number: Number, sentence: str, about: Any, atoms: Sequence[Atom], inside: Sequence[Number], position: int
) -> list[Atom]:
    """The recorded numbers that ``number`` is made of, or nothing.

    Only numbers that fit what the sentence is about count, two at a time, of one kind and of one quantity; and the
    sentence must say that it compares.
    """
    plain = number.family == "percent" and 0 <= number.value <= 100
    near = [a for a in atoms if not a.end and _near(about, a)]
    if number.family in ("percent", "points"):
        rest = _remainder(number, about, near) if plain else []
        if rest:
            return rest
        if _DIFFERENCE.search(sentence):
            shares = [a for a in near if a.family == "percent"]
            return next(_pairs(number, shares, lambda a, b: abs(a - b), number.half), [])
        if number.family == "percent" and _RATIO.search(sentence):
            counts = [a for a in near if a.family == "plain" and a.value >= 1 and float(a.value).is_integer()]
            return next(
                _pairs(number, counts, lambda a, b: 100 * a / b if a < b else -1.0, number.half, loose=True),
                [],
            )
        return []
    if number.family == "ratio" or (number.family == "plain" and _RATIO.search(sentence)):
        shares = [a for a in near if a.family in ("percent", "points") and a.value]
        return next(_pairs(number, shares, lambda a, b: abs(a / b), number.half), [])
    if number.family == "plain":
        counts = [a for a in near if a.family == "plain" and a.half == 0 and float(a.value).is_integer()]
        if _SUM.search(sentence):
            return next(_pairs(number, counts, lambda a, b: a + b, number.half), [])
        if _DIFFERENCE.search(sentence):
            return next(_pairs(number, counts, lambda a, b: abs(a - b), number.half), [])
    return []


def _remainder(number: Number, about: Any, near: Sequence[Atom]) -> list[Atom]:
    """What is not right is wrong: 25.8 % errors where 74.2 % are right."""
    kinds = {"accuracy", "error", "recall"}
    if not agree(about.metrics, kinds):
        return []
    fitting = (a for a in near if a.family == "percent" and a.metrics & kinds and about.fits(a))
    return next(([a] for a in fitting if abs(100 - a.value - number.value) <= number.half + 1e-6), [])


def _near(about: Any, atom: Atom) -> bool:
    """Whether a recorded number can be one side of a comparison in this sentence."""
    named = about.sentence | about.carried | about.clause | about.siblings
    if atom.names.classes and not atom.names.classes <= named.classes:
        return False
    if atom.names.attributes and not atom.names.attributes <= named.attributes:
        return False
    if named.splits and atom.names.splits and not atom.names.splits & (named.splits | {"data"}):
        return False
    if not named.splits and atom.names.splits - {"data"}:
        return False
    return agree(about.wider, atom.metrics)


def _pairs(
    number: Number, parts: Sequence[Atom], combine: Any, half: float, loose: bool = False
) -> Iterator[list[Atom]]:
    seen: dict[tuple[Any, ...], Atom] = {}
    for atom in parts:  # the same number recorded twice is one number
        seen.setdefault((round(atom.value, 6), atom.names, atom.metrics), atom)
    kept = list(seen.values())[:400]
    slack = half * (1.0 if not number.about else 2.0) + 0.1 * (number.family in ("percent", "points")) + 1e-9
    if number.about:
        slack = max(slack, 0.025 * abs(number.value))
    for one in kept:
        for other in kept:
            if one is other or one.value == other.value:
                continue
            if not loose and not (one.metrics & other.metrics or (not one.metrics and not other.metrics)):
                continue
            if abs(combine(one.value, other.value) - abs(number.value)) <= slack:
                yield [one, other]
