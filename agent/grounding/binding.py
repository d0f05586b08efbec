"""Binds a number to the names that it may be about, by place: a cost for each name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from failsight.agent.grounding.numbers import Number
from failsight.agent.grounding.reading import Reading

FAR = 2.6  # against the wording
LIKELY, POSSIBLE, ODD = 0.3, 0.8, 1.4


@dataclass(frozen=True, slots=True)
class Mark:
    """A name, or a word for a quantity, where it stands."""

    name: object
    start: int
    end: int


def bind(
    number: Number, marks: Sequence[Mark], reading: Reading, group: Sequence[Number]
) -> dict[object, float]:
    """Cost of each named thing for ``number``.

    Args:
        number: one of ``group``.
        marks: the things named in the sentence, in order.
        reading: the sentence.
        group: its numbers of the same kind, those of intervals left out, in order.
    """
    if not marks:
        return {}
    clauses = reading.sentence.clauses
    own = clause_of(number.start, clauses)
    local = distinct(m for m in marks if clause_of(m.start, clauses) == own)
    everything = distinct(marks)
    if len(everything) == 1:
        return {everything[0]: 0.0 if local else LIKELY / 2}
    row = row_of(number, group, reading)
    ahead = distinct(m for m in marks if row and m.end <= row[0].start)
    if len(row) > 1 and len(row) == len(ahead):
        turns = re.match(r"[;,\s]*(?:but|while|whereas|;)\s", reading.text[clauses[own][0] :]) is not None
        mine = [n for n in ahead if n in local] if turns else []
        ahead = mine + [n for n in ahead if n not in mine] if mine else ahead
        return {n: 0.0 if n == ahead[row.index(number)] else FAR * 0.85 for n in everything}
    beside = _beside(number, marks, reading)
    if beside is not None:
        return {n: 0.0 if n == beside else FAR * 0.85 for n in everything}
    mates = [n for n in group if clause_of(n.start, clauses) == own]
    if len(local) == 1:
        return {n: 0.0 if n == local[0] else FAR for n in everything}
    if len(local) > 1 and len(mates) == len(local) and number in mates:
        meant = local[mates.index(number)]
        return {n: 0.0 if n == meant else FAR * 0.85 for n in everything}
    alone = any(
        not distinct(m for m in marks if clause_of(m.start, clauses) == clause_of(n.start, clauses))
        for n in group
    )
    if alone and number in group and len(group) == len(everything):
        meant = everything[group.index(number)]
        return {n: 0.0 if n == meant else ODD for n in everything}
    if local:
        last = next((m.name for m in reversed(marks) if m.end <= number.start and m.name in local), local[0])
        return {
            n: (0.0 if n == last or len(mates) == 1 else LIKELY) if n in local else FAR for n in everything
        }
    return _inherited(own, marks, clauses)


def _inherited(own: int, marks: Sequence[Mark], clauses: Sequence[tuple[int, int]]) -> dict[object, float]:
    """Nothing is named in the clause: what the nearest clause before it names, else the next one."""
    before = sorted(
        {clause_of(m.start, clauses) for m in marks if clause_of(m.start, clauses) < own}, reverse=True
    )
    made: dict[object, float] = {}
    for rank, at in enumerate(before):
        for name in distinct(m for m in marks if clause_of(m.start, clauses) == at):
            made.setdefault(name, LIKELY if rank == 0 else POSSIBLE)
    for mark in marks:
        made.setdefault(mark.name, POSSIBLE if before else LIKELY)
    return made


def row_of(number: Number, group: Sequence[Number], reading: Reading) -> list[Number]:
    """The numbers of one bracket that holds nothing else: ``(70.0 % against 59.8 %)``."""
    if not number.bracket:
        return []
    opening = reading.text.rfind("(", 0, number.start)
    ending = closing(reading.text, number.end)
    inner = [n for n in group if opening < n.start < ending]
    if opening < 0 or any(opening < m.start < ending for m in reading.mentions):
        return []
    return inner if number in inner else []


def _beside(number: Number, marks: Sequence[Mark], reading: Reading) -> object | None:
    """The name that a bracket ties to a number: ``bathroom (20.3 %)``, ``20.3 % (bathroom)``."""
    text = reading.text
    if number.bracket:
        opening = max(text.rfind("(", 0, number.start), text.rfind("[", 0, number.start))
        inner = [
            m
            for m in marks
            if opening < m.start < number.start or number.end <= m.start < closing(text, number.end)
        ]
        if inner:
            return None
        if not re.search(r"\d", text[opening + 1 : number.start]):
            before = [m for m in marks if m.end <= opening]
            if before and opening - before[-1].end <= 2:
                return before[-1].name
        return None
    after = re.match(r"\s?\(([^)\d]*)\)", text[number.end : number.end + 60])
    if after is not None:
        inner = [m for m in marks if number.end < m.start < number.end + after.end()]
        if len(inner) == 1:
            return inner[0].name
    return None


def closing(text: str, start: int) -> int:
    found = re.search(r"[\])]", text[start:])
    return start + found.start() if found else start


def clause_of(place: int, clauses: Sequence[tuple[int, int]]) -> int:
    return next((i for i, (a, b) in enumerate(clauses) if a <= place < b), len(clauses) - 1)


def distinct(marks: object) -> list[object]:
    return list(dict.fromkeys(m.name for m in marks))  # type: ignore[attr-defined]


def closest(text: str, number: Number, start: int, end: int) -> str:
    """The words between this number and the numbers beside it."""
    left = re.split(r"\d|;", text[start : number.start])[-1]
    right = re.split(r"\d|;", text[number.end : end])[0]
    if number.bracket:
        own = re.split(r"[\[(]", left)[-1] + " | " + re.split(r"[\])]", right)[0]
        return own if re.search(r"[A-Za-z]{2,}", re.sub(r"\b(?:percentage )?points?\b", "", own)) else left
    right = re.split(r"[,(\[]", right)[0]
    return left + " | " + right
