"""Everyday words for a table: ``month by month``, ``one line for each decade``, ``per ward, one line each``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from failsight.knowledge_base.calendar import dated_column

_ONE_BY_ONE: Final = re.compile(r"\b(?P<x>[^\W\d_]{3,}) (?:by|for) (?P=x)\b", re.IGNORECASE)
_NOT_SO: Final = frozenset(("one", "two", "side", "step", "little", "word", "bit", "piece", "line"))
_LINE: Final = re.compile(
    r"[\s,;]*\b(?:with |in |as )?(?:one|a|1|each on its own|own) (?:line|row|number|figure)s? (?:for (?:each|every)|per|each|apiece)(?: (?P<x>[^\W\d_]{3,}(?: of them)?))?(?=\W*(?:please|thanks|$)|[,.?!])",
    re.IGNORECASE,
)
_BY: Final = re.compile(r"\b(?:by|per|for each|for every|each) [^\W\d_]{3,}", re.IGNORECASE)
_MONTHS: Final = re.compile(r"\b(?:by|per|each|every|which|over the) months?\b|\bmonthly\b", re.IGNORECASE)


def by_each(question: str, columns: Mapping[str, Sequence[str]]) -> str:
    """The sentence with such words as ``by`` and the column: dates are recorded by their months, whatever their column is called."""
    text = _ONE_BY_ONE.sub(lambda m: m[0] if m["x"].lower() in _NOT_SO else f"by {m['x']}", question)
    line = _LINE.search(text)
    if line is not None and line["x"] and not _BY.search(text[: line.start()]):
        text = f"{text[: line.start()]} by {line['x']}{text[line.end() :]}"
    elif line is not None and _BY.search(text[: line.start()]):
        text = f"{text[: line.start()]}{text[line.end() :]}"
    column = dated_column(columns)
    if column and _MONTHS.search(text):
        text = _MONTHS.sub(lambda m: f"{m[0].split()[0] if ' ' in m[0] else 'by'} {column.replace('_', ' ')}", text)  # fmt: skip
    return text
