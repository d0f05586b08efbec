"""Columns that a person reads as numbers and a program as words: decimal commas, units, and a word where the number is not known;
and values that a person reads as the same word."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Final

from failsight.tools.text import clean, listing

ENOUGH: Final = 13  # different numbers: fewer may be codes (1, 2, 3, other), of which a word is one more
MOST_WORDS: Final = 2  # different words among numbers that are taken for "not known"; more are names
MOST_SHARE: Final = 0.5  # of the values that may be such words
MOST_NAMES: Final = 2000  # different values up to which spellings are compared: more are no groups
UNITS: Final = frozenset(
    (
        "m", "cm", "mm", "km", "µm", "um", "nm", "ft", "in", "inch", "yd", "mi", "s", "sec", "ms", "min", "h", "hr", "hrs", "days", "weeks",
        "months", "years", "yrs", "px", "pixel", "pixels", "kg", "g", "mg", "lb", "lbs", "oz", "ml", "ha", "m²", "m2", "km²", "km/h", "kmh",
        "mph", "m/s", "%", "‰", "°", "deg", "°c", "°f", "mp", "mpx", "dpi", "hz", "khz", "mhz", "kb", "mb", "gb", "kib", "mib", "lux", "lx",
        "lm", "db", "kw", "ma", "mah", "hpa", "bar", "kpa", "mbar", "ppm", "masl",
    )
)  # fmt: skip
"""What numbers are measured in, as people write it behind them. Other words behind a number make a name of it."""
_WITH_UNIT: Final = re.compile(
    r"(?P<number>[+-]?\d[\d.,]*)\s?(?P<unit>[^\W\d_][^\s\d]{0,7}[²2]?|%|‰|°\s?[CFcf]?)\.?"
)
_DECADE: Final = re.compile(r"(?:1[5-9]|20)?\d0s")  # 1950s, 50s: a name, and no number of seconds
_BETWEEN: Final = re.compile(r"[\s_]+")
_NUMBER: Final = re.compile(r"[+-]?(?:0|[1-9]\d*)(?:\.\d+)?")
_COMMA: Final = re.compile(r"[+-]?(?:0|[1-9]\d*),\d+")
_THOUSANDS: Final = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+")


def as_numbers(name: str, column: list[Any] | None, notes: list[str]) -> list[Any] | None:
    """``column`` as numbers where nearly all of it is; else as it was. What was taken for what is said in ``notes``.

    ``80,3`` is 80.3 where no value of the column has a point and at least one comma is no separator of thousands
    (``1,234`` alone may be either, and stays a word). One or two words among at least :data:`ENOUGH` different numbers, in up to half
    of the values, are a number that is not known (``unknown``, ``k. A.``, ``?``): missing. ``8,0 m`` is 8 where every number of the
    column has that same unit; names with a number (``12a``) and decades (``1950s``) are not taken for one.

    Args:
        column: strings and None as :func:`failsight.tools.inputs.columns.typed` gives them; numbers are left alone.
    """
    if column is None or not any(isinstance(value, str) for value in column):
        return column
    unit, bare = _without_unit([value for value in column if value is not None])
    there = [bare.get(value, value) for value in column if value is not None]
    commas = _decimal_commas(there)
    words = Counter(value for value in there if _number(value, commas) is None)
    numbers = [_number(value, commas) for value in there if value not in words]
    enough = 2 if unit and not words else ENOUGH  # a unit says that it is no code
    if len(set(numbers)) < enough or len(words) > MOST_WORDS or words.total() > MOST_SHARE * len(there):
        return column
    if any(any(sign.isdigit() for sign in word) for word in words):  # 90+, <18: known, and no single number
        return column
    if unit:
        notes.append(
            f"The column {clean(name, 60)} has numbers in {clean(unit, 20)}; its values are read as numbers without the unit."
        )
    if commas:
        notes.append(f"The column {clean(name, 60)} has decimal commas; its values are read as numbers.")
    if words:
        told = listing([f"{n:,} times “{clean(word, 40)}”" for word, n in words.most_common()])
        notes.append(
            f"The column {clean(name, 60)} has {len(numbers):,} numbers and {told}, which is taken for a missing value."
        )
    read = {None: None} | {
        v: None if v in words else _number(bare.get(v, v), commas) for v in column if v is not None
    }
    return [read[value] for value in column]


def _without_unit(values: list[Any]) -> tuple[str, dict[str, str]]:
    """The unit that all numbers of a column have, and each such value without it; ("", {}) where they have none, or several."""
    found = {v: m for v in set(values) if isinstance(v, str) and (m := _WITH_UNIT.fullmatch(v))}
    units = {m["unit"].casefold() for m in found.values()}
    plain = any(_NUMBER.fullmatch(v) or _COMMA.fullmatch(v) for v in set(values) - set(found))
    if len(units) != 1 or plain:
        return "", {}
    unit = next(iter(found.values()))["unit"]
    if unit.casefold().replace(" ", "") not in UNITS or all(_DECADE.fullmatch(v) for v in found):
        return "", {}
    return unit, {v: m["number"] for v, m in found.items()}


def spelt_alike(name: str, column: list[Any] | None) -> str:
    """That values of a column differ only in case or spaces and so are different groups; empty where none do."""
    counts = Counter(value for value in column or () if isinstance(value, str))
    if not 2 <= len(counts) <= MOST_NAMES:
        return ""
    alike: dict[str, list[str]] = {}
    for value, _ in counts.most_common():
        alike.setdefault(_BETWEEN.sub("", value.casefold()), []).append(value)
    several = [found for found in alike.values() if len(found) > 1]
    if not several:
        return ""
    told = "; ".join(listing([f"{clean(v, 40)} ({counts[v]:,})" for v in found], 4) for found in several[:3])
    more = f"; and {len(several) - 3} more" if len(several) > 3 else ""
    return (
        f"In the column {clean(name, 60)} values differ only in case or spaces and count as different: {told}{more}. "
        "Write them alike if they mean the same."
    )


def _decimal_commas(values: list[Any]) -> bool:
    """Whether commas stand before decimals here."""
    with_comma = [value for value in values if _COMMA.fullmatch(value)]
    return any(not _THOUSANDS.fullmatch(value) for value in with_comma) and not any(
        "." in value and _NUMBER.fullmatch(value) for value in values
    )


def _number(text: str, commas: bool) -> float | None:
    if commas and _COMMA.fullmatch(text):
        return float(text.replace(",", "."))
    return float(text) if _NUMBER.fullmatch(text) else None
