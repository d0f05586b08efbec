"""Columns that a person reads as numbers and a program as words: decimal commas, and a word where the number is not known."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any, Final

from failsight.tools.text import clean, listing

ENOUGH: Final = 13  # different numbers: fewer may be codes (1, 2, 3, other), of which a word is one more
MOST_WORDS: Final = 2  # different words among numbers that are taken for "not known"; more are names
MOST_SHARE: Final = 0.5  # of the values that may be such words
_NUMBER: Final = re.compile(r"[+-]?(?:0|[1-9]\d*)(?:\.\d+)?")
_COMMA: Final = re.compile(r"[+-]?(?:0|[1-9]\d*),\d+")
_THOUSANDS: Final = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+")


def as_numbers(name: str, column: list[Any] | None, notes: list[str]) -> list[Any] | None:
    """``column`` as numbers where nearly all of it is; else as it was. What was taken for what is said in ``notes``.

    ``80,3`` is 80.3 where no value of the column has a point and at least one comma is no separator of thousands
    (``1,234`` alone may be either, and stays a word). One or two words among at least :data:`ENOUGH` different numbers, in up to half
    of the values, are a number that is not known (``unknown``, ``k. A.``, ``?``): missing.

    Args:
        column: strings and None as :func:`failsight.tools.inputs.columns.typed` gives them; numbers are left alone.
    """
    if column is None or not any(isinstance(value, str) for value in column):
        return column
    there = [value for value in column if value is not None]
    commas = _decimal_commas(there)
    words = Counter(value for value in there if _number(value, commas) is None)
    numbers = [_number(value, commas) for value in there if value not in words]
    if len(set(numbers)) < ENOUGH or len(words) > MOST_WORDS or words.total() > MOST_SHARE * len(there):
        return column
    if any(any(sign.isdigit() for sign in word) for word in words):  # 90+, <18: known, and no single number
        return column
    if commas:
        notes.append(f"The column {clean(name, 60)} has decimal commas; its values are read as numbers.")
    if words:
        told = listing([f"{n:,} times “{clean(word, 40)}”" for word, n in words.most_common()])
        notes.append(
            f"The column {clean(name, 60)} has {len(numbers):,} numbers and {told}, which is taken for a missing value."
        )
    return [None if value is None or value in words else _number(value, commas) for value in column]


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
