"""Numbers in running text, with unit, precision and the stretch of the sentence that they belong to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from failsight.agent.grounding.lexicon import ABOUT

Family = Literal["percent", "points", "plain", "ratio", "seconds"]

_UNIT = r"(?P<unit>\s?%|\s?percentage points?|\s?per ?cent\b|\s?points?\b|\s?pp\b|\s?ms\b|\s?s\b(?!\w)|\s?seconds?\b|\s?minutes?\b|\s?times\b|\s?×|x\b|-fold\b)?"
_NUMBER = re.compile(
    rf"(?<![\w.,#/])(?P<sign>[-+−–±]\s?)?(?P<digits>\d{{1,3}}(?:,\d{{3}})+(?:\.\d+)?|\d+\.\d+|\.\d+|\d+)(?P<exp>e-?\d+)?(?![\d\w]*[\w=](?<![%xs])){_UNIT}"
)
_BRACKET = re.compile(r"[\[(][^\[\]()]*[\])]\s?(%|percentage points|points|pp)")
_FRACTIONS = {
    r"three[- ]quarters": 75.0, r"two[- ]thirds": 200 / 3, r"(?:a|one)[- ]third": 100 / 3,
    r"(?:a|one)[- ]quarter": 25.0, r"(?<!twice )\bhalf(?: of)?\b": 50.0, r"(?:a|one)[- ]fifth": 20.0, r"(?:a|one)[- ]tenth": 10.0,
}  # fmt: skip
_WORDS = {"twice": 2.0, "double": 2.0, "thrice": 3.0}
_SPLIT = re.compile(r"(?<=[.!?])\s+(?=[A-Z\[*\-•F\d])|\n+")
_CLAUSE = re.compile(
    r";|: | but | while | whereas | against | than | compared (?:with|to) | versus | vs\.? | instead of |,? and (?=[^,;]*\d)|, (?=[^,;\]]*[A-Za-z][^,;\]]*\d)| — | – "
)


@dataclass(frozen=True, slots=True)
class Number:
    """A number as it stands in a text.

    Attributes:
        value: its value; percent and points as they are written (74.2, not 0.742).
        family: what kind of unit it has.
        half: half a unit of its last digit: how far the true value may lie from it.
        signed: whether a sign is written before it.
        start, end: where it stands in the whole text.
        about: whether it is said to be approximate.
    """

    value: float
    family: Family
    half: float
    signed: bool
    start: int
    end: int
    about: bool = False


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence and its clauses, each as (start, end) in the whole text."""

    start: int
    end: int
    clauses: tuple[tuple[int, int], ...]


def sentences(text: str) -> Iterator[Sentence]:
    """The sentences of ``text`` (a list item is one) with their clauses."""
    start = 0
    for match in [*_SPLIT.finditer(text), None]:
        end = match.start() if match else len(text)
        if text[start:end].strip():
            yield Sentence(start, end, tuple(_clauses(text, start, end)))
        start = match.end() if match else end


def _clauses(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    brackets = [m.span() for m in re.finditer(r"\[[^\]]*\]|\([^)]*\)", text[start:end])]
    at = 0
    for match in _CLAUSE.finditer(text[start:end]):
        if any(a < match.start() < b for a, b in brackets):
            continue
        yield start + at, start + match.start()
        at = match.start()
    yield start + at, end


def numbers(text: str) -> Iterator[Number]:
    """Every number of ``text`` that states something: none inside names (E4, F1, 64×96) or list numbering."""
    brackets = [(m.start(), m.end(), m[1]) for m in _BRACKET.finditer(text)]
    for match in _NUMBER.finditer(text):
        if _is_label(text, match):
            continue
        digits = match["digits"].replace(",", "")
        value = float(digits + (match["exp"] or ""))
        places = len(digits.split(".")[1]) if "." in digits else 0
        sign = (match["sign"] or "").strip()
        unit = (match["unit"] or "").strip()
        if not unit:
            unit = next((u for a, b, u in brackets if a < match.start() < b), "")
        family: Family = _family(unit)
        half = 0.5 * 10.0**-places
        if unit == "ms":
            value, half = value / 1000, half / 1000
        elif unit.startswith("minute"):
            value, half = value * 60, half * 60
        yield Number(
            -value if sign in ("-", "−", "–") else value, family, half, sign in ("-", "−", "–", "+"),
            match.start(), match.end(), bool(ABOUT.search(text[: match.start()])),
        )  # fmt: skip
    for words, value in _FRACTIONS.items():
        for match in re.finditer(words, text, re.IGNORECASE):
            yield Number(value, "percent", 2.5, False, match.start(), match.end(), True)
    for word, value in _WORDS.items():
        for match in re.finditer(rf"\b{word}\b", text, re.IGNORECASE):
            yield Number(value, "ratio", 0.25, False, match.start(), match.end(), True)


def _family(unit: str) -> Family:
    if unit in ("%", "percent", "per cent"):
        return "percent"
    if unit.startswith(("point", "percentage", "pp")):
        return "points"
    if unit in ("s", "ms") or unit.startswith(("second", "minute")):
        return "seconds"
    return "ratio" if unit in ("times", "×", "x", "-fold") else "plain"


def _is_label(text: str, match: re.Match[str]) -> bool:
    """List numbering, the level of an interval, the size of an image, a date."""
    before, after = text[: match.start()], text[match.end() : match.end() + 24]
    if re.match(r"[.)]\s", after) and (not before.strip() or before.rstrip(" ").endswith("\n")):
        return True
    if match["digits"] in ("95", "80") and re.match(r"\s*(?:confidence|interval|CI\b|power)", after):
        return True
    if re.match(r"\s?[×x]\s?\d", after) or re.search(r"\d\s?[×x]\s?$", before):
        return True
    return bool(
        re.search(
            r"(?:top|depth|step|stage|section|test|plan|seed|level|version)\s?$", before[-12:], re.IGNORECASE
        )
    )
