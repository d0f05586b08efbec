"""Which split's images each number of a sentence may be of: by the words for splits, by "here" and "there", by the turn from one to the other."""

from __future__ import annotations

import re
from collections.abc import Sequence

from failsight.agent.grounding.binding import (
    FAR,
    LIKELY,
    ODD,
    POSSIBLE,
    Mark,
    bind,
    clause_of,
    closest,
    distinct,
)
from failsight.agent.grounding.numbers import Number
from failsight.agent.grounding.reading import Reading

#: words that set one side against another
CONTRAST = re.compile(
    r"\b(?:than|against|compared|versus|vs|instead|rather|while|whereas|but|from|otherwise|only|elsewhere|without)\b",
    re.IGNORECASE,
)
_MOVED = re.compile(
    r"\b(?:drops?|loss(?:es)?|los[et]s?|gains?|fell|falls?|rises?|rose|goes (?:up|down)|declines?|shrinks?|halves|doubles|shifts?|changes?|grows?)\b"
    r"|\bfrom [\d.,]+ ?%?(?: \[[^\]]*\] ?%?)? to\b|\d ?% (?:to|→) \d",
    re.IGNORECASE,
)
_FROM_TO = re.compile(
    r"\bfrom (?:about |only |just |roughly )?[\d.,]+ ?%?(?: points)? to (?:about |only |just |roughly )?[\d.,]+",
    re.IGNORECASE,
)
_INSTEAD = re.compile(
    r"[^\d;,]{0,24}\b(?:rather than|instead of|not|against|vs\.?|versus|compared (?:with|to))\b",
    re.IGNORECASE,
)
_NONE_THERE = re.compile(
    r"\b(?:not|never|no|none|nowhere|hardly|rare|rarely|absent|missing|scarce)\b|n't\b", re.IGNORECASE
)
_EARLIER = re.compile(r"\b(?:before|previously|originally|initially)\b")
_ARROW = re.compile(r"→|->")
_THERE = re.compile(r"(?: [\[(][^\])]*[\])])? there\b")
BACK = re.compile(r"\bthere\b(?! (?:is|are|was|were)\b)", re.IGNORECASE)  # the set that was spoken of before
_ANEW = re.compile(r"\d|\b(?:such|they|these|those|it|there|its|their)\b")
_HERE = re.compile(r"(?: [\[(][^\])]*[\])])? here\b")


def splits_of(number: Number, reading: Reading, group: Sequence[Number]) -> tuple[dict[str, float], bool]:
    """The splits that a number may be of, and whether the text names any."""
    if _HERE.match(reading.text[number.end : number.end + 40]):
        return {"data": 0.0}, True
    there = [m.name for m in reading.mentions if m.kind == "split" and m.end <= number.start]
    if there and _THERE.match(reading.text[number.end : number.end + 40]):
        return {there[-1]: 0.0}, True
    start, end = reading.sentence.clauses[clause_of(number.start, reading.sentence.clauses)]
    if reading.carried.splits and BACK.search(reading.text[start:end]):
        return dict.fromkeys(reading.carried.splits, LIKELY), True
    marks = [Mark(m.name, m.start, m.end) for m in reading.mentions if m.kind == "split"]
    names = distinct(marks)
    if not marks:
        return _unnamed(number, reading)
    if len(names) > 1 and _ARROW.search(reading.text[max(0, number.start - 4) : number.end + 5]):
        return {str(n): LIKELY for n in names}, True
    if len(names) == 2 == len(group) and number in group and marks[-1].end <= group[0].start:
        order = (
            names[::-1]
            if re.match(r"\W*(?:compared|relative|against|unlike)\b", reading.part, re.IGNORECASE)
            else names
        )
        return {str(n): 0.0 if n == order[group.index(number)] else FAR * 0.85 for n in names}, True
    made = {str(n): c for n, c in bind(number, marks, reading, group).items()}
    if len(names) > 1 and _behind_from_or_to(number, reading):
        return {n: min(c, LIKELY) for n, c in made.items()}, True  # which is which, the direction says
    if "data" not in made:
        made["data"] = _cost_of_data(number, reading, group, marks)
    return made, True


def _unnamed(number: Number, reading: Reading) -> tuple[dict[str, float], bool]:
    """The splits that a number may be of where its sentence names none: those spoken of before, else mostly ``data``."""
    if reading.carried.splits:
        costs = {"data": ODD, **dict.fromkeys(reading.carried.splits, LIKELY)}
        return costs, True
    way = _behind_from_or_to(number, reading)
    if way == "to":
        return {"deploy": 0.0, "data": LIKELY}, False
    if way == "from":
        return {"data": 0.0, "train": LIKELY}, False
    moved = _MOVED.search(reading.part) is not None
    return {"data": 0.0, "deploy": 0.5 if moved else 1.2, "train": 1.6}, False


def _behind_from_or_to(number: Number, reading: Reading) -> str:
    """In "from 91 to 74 %": which of the two words a number stands behind; empty elsewhere."""
    if not _FROM_TO.search(reading.part):
        return ""
    lead = reading.text[max(0, number.start - 16) : number.start]
    way = re.search(r"\b(from|to) (?:about |only |just |roughly )?$", lead)
    return way[1] if way else ""


def _cost_of_data(number: Number, reading: Reading, group: Sequence[Number], marks: Sequence[Mark]) -> float:
    """What it costs to read a number as one of the evaluation images where the text names other splits only."""
    if _only_later(number, marks, reading):
        return POSSIBLE
    if number is group[0] and _INSTEAD.match(reading.text[number.end : reading.sentence.end]):
        return FAR
    moved = _MOVED.search(reading.part) is not None
    contrast = CONTRAST.search(reading.part) is not None
    before = _EARLIER.search(closest(reading.text, number, reading.sentence.start, reading.sentence.end))
    if before or (len(group) > 1 and (contrast or moved) and _turns(number, reading, group, marks)):
        return LIKELY
    shared = _shared(number, group, reading, marks) and (moved or contrast)
    return ODD if shared and "interval" not in reading.part else FAR


def _only_later(number: Number, marks: Sequence[Mark], reading: Reading) -> bool:
    """``70.7 % are wrong, and such images are rare in training (0.8 %)``: named for what a later clause says anew."""
    clauses = reading.sentence.clauses
    own = clause_of(number.start, clauses)
    places = {clause_of(m.start, clauses) for m in marks}
    if places and own not in places and max(places) < own:
        return all(_NONE_THERE.search(reading.text[slice(*clauses[i])]) is not None for i in places)
    if not places or min(places) <= own:
        return False
    return all(_ANEW.search(reading.text[slice(*clauses[i])]) is not None for i in places)


def _shared(number: Number, group: Sequence[Number], reading: Reading, marks: Sequence[Mark]) -> bool:
    """Whether the clause of a number holds another one too, or names no images of its own."""
    clauses = reading.sentence.clauses
    own = clause_of(number.start, clauses)
    named = any(clause_of(m.start, clauses) == own for m in marks)
    mates = [n for n in group if clause_of(n.start, clauses) == own]
    return len(group) > 1 and (not named or len(mates) > 1)


def _turns(number: Number, reading: Reading, group: Sequence[Number], marks: Sequence[Mark]) -> bool:
    """Whether a number is the other side of what is said of one split: behind ``than``, ``from``, or in a clause of its own."""
    lead = reading.text[max(reading.sentence.start, number.start - 40) : number.start]
    if re.search(
        r"\b(?:than|against|instead of|vs\.?|versus|rather than|from|of|down from|up from|compared (?:with|to)|not)\s*(?:the |only |about |just |its )*$",
        lead,
    ):
        return True
    clauses = reading.sentence.clauses
    own = clause_of(number.start, clauses)
    return not any(clause_of(m.start, clauses) == own for m in marks) and number is not group[0]
