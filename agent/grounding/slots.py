"""Which of the things that a sentence names each of its numbers may be about, and how far-fetched each would be.

A number is bound by place: to the one name of its clause; where as many names as numbers stand side by side, in their
order; else to the names of the clauses before it. The result is a cost for each name (0 meant, ``FAR`` against the
wording), so that the search for a recorded value can weigh readings instead of being given one.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from failsight.agent.grounding.binding import (
    FAR,
    LIKELY,
    ODD,
    POSSIBLE,
    Mark,
    bind,
    clause_of,
    closest,
    closing,
    row_of,
)
from failsight.agent.grounding.lexicon import ELSEWHERE, marked_quantities
from failsight.agent.grounding.names import gather
from failsight.agent.grounding.numbers import Number
from failsight.agent.grounding.reading import Reading, pairs_in
from failsight.agent.grounding.sources import NOTHING
from failsight.agent.grounding.which_split import CONTRAST, splits_of

_WITHOUT = re.compile(
    r"\bwithout\b(?! (?:an? |the |any )?(?:\w+[ -])?\w+ (?:is|are|in)\b)|\b(?:is|are) not there\b|\bit is absent\b|\bnot there\b|\black(?:s|ing)?\b",
    re.IGNORECASE,
)
_SEVERAL = re.compile(
    r"(?<!-)\b(?:both|each|three|four|five|six|largest|smallest|highest|lowest|best|worst|weakest|strongest|biggest|longest|"
    r"effects|rates|classes|shortcuts|slices|groups|cues|findings|respectively|ranges?|spread|none|top|most|least)\b(?! (?:images|pictures)\b)|"
    r"\b(?:all|each|every|any) (?:of )?(?:the )?(?:\w+ )?(?:class|room|slice|group|shortcut|cue|finding|effect|three|four|five)\w*|\bper (?:class|room|label|group)\b",
    re.IGNORECASE,
)
_THAN = re.compile(r" (?:than|against|compared|versus|vs)\b")
LEVEL_OF = re.compile(r" ?%? (?:(?:confidence )?interval|CI\b)")
INTERVAL = re.compile(
    r"(?:\binterval\b|\bCI\b)[^.;\d]{0,24}(?:[+−-]?[\d.,]+ ?%? ?(?:points )?(?:to|and|–|-) ?)?[+−-]?$",
    re.IGNORECASE,
)
_RANGE = re.compile(
    r"[+−-]?(?P<a>\d+(?:\.\d+)?) ?%? ?(?:to|–|-|,|…) ?[+−-]?(?P<b>\d+(?:\.\d+)?) ?(?:%|points)?"
)


@dataclass(frozen=True, slots=True)
class Bound:
    """What one number may be about: each thing with the cost of reading it so.

    Attributes:
        clause: the words around it; ``near`` those between it and its neighbours.
        classes, attributes, splits: name → cost.
        claimed: attribute → the values that the text gives it.
        quantities: quantities to which words restrict it → cost; empty where no word does.
        findings: ids whose subject it may take over.
        other: whether the words near it speak of the rest, ``without`` of images that lack the thing.
        named: whether the sentence, or the one before, names a split.
    """

    reading: Reading
    number: Number
    clause: str
    near: str
    classes: Mapping[str, float]
    attributes: Mapping[str, float]
    splits: Mapping[str, float]
    claimed: Mapping[str, frozenset[str]]
    quantities: Mapping[frozenset[str], float]
    findings: frozenset[str] = NOTHING
    named: bool = False
    other: bool = False
    without: bool = False
    contrast: bool = False
    several: bool = False
    carried: bool = False
    pairs: Mapping[tuple[str, str], float] = field(default_factory=dict)
    sides: Mapping[str, float] = field(default_factory=dict)


def bound(number: Number, reading: Reading, inside: Sequence[Number]) -> Bound:
    """What ``number``, one of those ``inside`` the sentence, may be about."""
    whose = _leader(number, reading, inside)  # the ends of an interval are about what its value is about
    clauses = reading.sentence.clauses
    start, end = clauses[clause_of(whose.start, clauses)]
    group = [n for n in inside if _kin(n, whose) and _leader(n, reading, inside) is n]
    classes = _costs(whose, "class", reading, group)
    attributes = _costs(whose, "attribute", reading, group)
    if gather(reading.mentions, start, end).entities:
        classes, attributes = (
            {n: max(c, POSSIBLE) if not _local(n, reading, start, end) else c for n, c in costs.items()}
            for costs in (classes, attributes)
        )
    elif re.search(r"\b(?:is|are|was|were|has|have)\b", reading.text[start:end]):
        classes, attributes = (
            {n: max(c, POSSIBLE) if _starts_behind(n, reading, end) else c for n, c in costs.items()}
            for costs in (classes, attributes)
        )
    label = gather(reading.mentions, reading.sentence.start, start)
    if reading.text[start : start + 1] == ":" and label.classes and not _before(reading, start, whose.start):
        classes = {n: 0.0 if n in label.classes else max(c, POSSIBLE) for n, c in classes.items()}
        attributes = {n: 0.0 if n in label.attributes else max(c, POSSIBLE) for n, c in attributes.items()}
    carried = not classes and not attributes and bool(reading.carried.entities)
    if carried:
        classes = dict.fromkeys(reading.carried.classes, LIKELY)
        attributes = dict.fromkeys(reading.carried.attributes, LIKELY)
    splits, named = splits_of(whose, reading, group)
    near = closest(reading.text, whose, start, end)
    finding = "F1" if "F1" in reading.whole.findings else "\0"  # the first finding is no F1 score
    part = reading.part.replace(finding, "  ")
    shift = reading.sentence.start
    words = [Mark(names, shift + a, shift + b) for names, a, b in marked_quantities(part)]
    mentions = [m for m in reading.mentions if m.kind == "attribute" and attributes.get(m.name, 9) < 1]
    nearest = [m for m in mentions if start <= m.start < end] or mentions
    claimed: dict[str, frozenset[str]] = {}
    for mention in nearest:
        if mention.value:
            claimed[mention.name] = claimed.get(mention.name, NOTHING) | {mention.value}
    for name, value in reading.carried.values if carried else ():
        claimed[name] = claimed.get(name, NOTHING) | {value}
    ids = [Mark(m.name, m.start, m.end) for m in reading.mentions if m.kind == "finding"]
    findings = frozenset(str(n) for n, c in bind(whose, ids, reading, group).items() if c < ODD)
    return Bound(
        reading, number, reading.text[start:end], near, classes, attributes, splits, claimed,
        _quantities(whose, words, reading, group),
        findings or (reading.carried.findings if not reading.whole.entities else NOTHING),
        named, _beyond(whose, group, reading, ELSEWHERE, near), _beyond(whose, group, reading, _WITHOUT, near),
        bool(CONTRAST.search(reading.text[start:end])) or start > reading.sentence.start,
        bool(_SEVERAL.search(_blotted(reading, number))), carried, _pairs(whose, reading, group), _right_wrong(whose, reading, group),
    )  # fmt: skip


def _blotted(reading: Reading, number: Number) -> str:
    """A sentence without a share in words: the "four" of "one in four" counts nothing."""
    if number.family != "percent" or len(reading.text[number.start : number.end].split()) > 5:
        return reading.part
    start = reading.sentence.start
    return reading.part[: number.start - start] + " " + reading.part[number.end - start :]


def _beyond(
    number: Number, group: Sequence[Number], reading: Reading, words: re.Pattern[str], near: str
) -> bool:
    """Whether a number is of the rest: of two in one bracket it is the second, else the words near it say so."""
    row = row_of(number, group, reading)
    if len(row) == 2:
        return row.index(number) == 1 and words.search(reading.part) is not None
    return words.search(near) is not None


def _before(reading: Reading, start: int, end: int) -> bool:
    """Whether anything is named between two places."""
    return any(start <= m.start < end for m in reading.mentions if m.kind in ("class", "attribute"))


def _starts_behind(name: str, reading: Reading, end: int) -> bool:
    """Whether a name is first named in a clause behind a place."""
    return all(m.start >= end for m in reading.mentions if m.name == name)


def _local(name: str, reading: Reading, start: int, end: int) -> bool:
    return any(m.name == name and start <= m.start < end for m in reading.mentions)


def _quantities(
    number: Number, words: Sequence[Mark], reading: Reading, group: Sequence[Number]
) -> dict[frozenset[str], float]:
    """Words for quantities: in order where they exclude one another, else all those of the clause."""
    clauses = reading.sentence.clauses
    own = clause_of(number.start, clauses)
    local = [m for m in words if clause_of(m.start, clauses) == own]
    if own and local and _THAN.match(reading.text, clauses[own][0]):  # the other side of what was said before
        again = {m.name: LIKELY for m in words if clause_of(m.start, clauses) == own - 1}
        again |= {m.name: 0.0 for m in local}
        return {q: c for q, c in again.items() if isinstance(q, frozenset)}
    touching = [
        m.name for m in local if _touches(number, m, reading) and not _LOOSE.match(reading.text, m.start)
    ]
    sets = [m.name for m in local if isinstance(m.name, frozenset)]
    if frozenset({"baseline"}) in sets:
        return {frozenset({"baseline"}): 0.0}
    if touching:
        return {q: 0.0 for q in touching if isinstance(q, frozenset)}
    apart = all(not one & other for one, other in itertools.combinations(set(sets), 2))
    if len(set(sets)) > 1 and not apart:
        both = frozenset.intersection(*sets)
        return {both: 0.0, **{q: POSSIBLE for q in sets if q != both}} if both else dict.fromkeys(sets, 0.0)
    return {q: c for q, c in bind(number, words, reading, group).items() if isinstance(q, frozenset)}


_BEFORE = re.compile(
    r"(?: (?:is|of|was|are|were|at|stands|lies|about|only|just|reaches|comes|to|rate|rates|value|gap)\b|[\s=:(*])*$"
)
#: words that go along with several quantities and name none
_LOOSE = re.compile(
    r"answer|predict|says?\b|call|taken|mist|confus|mask|hid|cover|right|wrong|correct|errors?\b(?! rate)(?! of)|fail|err|mis|control|→|->|of ",
    re.IGNORECASE,
)
_BEHIND = re.compile(r"\s?(?:of (?:all |the |its |these )*|(?:more|fewer|less|higher|lower|better|worse) )?$")


def _touches(number: Number, mark: Mark, reading: Reading) -> bool:
    """Whether a word for a quantity stands right beside a number: ``recall is 65.5 %``, ``91 % of the errors``."""
    if mark.end <= number.start:
        return (
            number.start - mark.end < 24 and _BEFORE.match(reading.text[mark.end : number.start]) is not None
        )
    return (
        mark.start >= number.end
        and mark.start - number.end < 16
        and _BEHIND.match(reading.text[number.end : mark.start]) is not None
    )


_SIDES = re.compile(
    r"\b(?:(?P<right>right|correct\w*)|(?P<wrong>wrong\w*|errors?|mistakes?|misclassified))\b(?: (?:answers?|predictions?|ones|images))?",
    re.IGNORECASE,
)


def _right_wrong(number: Number, reading: Reading, group: Sequence[Number]) -> dict[str, float]:
    """Where both right and wrong answers are spoken of: of which of them a number is."""
    found = [
        Mark(
            "right" if m["right"] else "wrong",
            reading.sentence.start + m.start(),
            reading.sentence.start + m.end(),
        )
        for m in _SIDES.finditer(reading.part)
    ]
    if len({m.name for m in found}) < 2:
        return {}
    same = [n for n in group if n.start > found[-1].end]
    if len(same) == 1 and re.search(
        r", (?:at |with |about |only |just |roughly )*$", reading.text[: number.start]
    ):
        return {"right": LIKELY, "wrong": LIKELY}  # of what the sentence is about
    if len(same) == len(found) == 2 and number in same:
        return {str(m.name): 0.0 if m is found[same.index(number)] else FAR for m in found}
    return {str(n): c for n, c in bind(number, found, reading, group).items()}


def _pairs(number: Number, reading: Reading, group: Sequence[Number]) -> dict[tuple[str, str], float]:
    """The confusions that a number may be of."""
    marks: list[Mark] = []
    for start, end in reading.sentence.clauses:
        mentions = [m for m in reading.mentions if start <= m.start < end and m.kind == "class"]
        for pair in pairs_in(reading.text, mentions):
            last = next(m for m in reversed(mentions) if m.name in pair)
            marks.append(Mark(pair, last.start, last.end))
    for pair in reading.pairs:
        if all(m.name != pair for m in marks):
            last = next(m for m in reversed(reading.mentions) if m.name == pair[1])
            marks.append(Mark(pair, last.start, last.end))
    marks.sort(key=lambda m: m.start)
    return {p: c for p, c in bind(number, marks, reading, group).items() if isinstance(p, tuple)}


def _costs(number: Number, kind: str, reading: Reading, group: Sequence[Number]) -> dict[str, float]:
    marks = [Mark(m.name, m.start, m.end) for m in reading.mentions if m.kind == kind]
    return {str(n): c for n, c in bind(number, marks, reading, group).items()}


def _kin(one: Number, other: Number) -> bool:
    return one.family == other.family and one.word == other.word


def in_interval(text: str, number: Number) -> bool:
    """Whether a number is an end of an interval: in square brackets, or in round ones that hold a range or say so."""
    if not number.bracket:
        return False
    opening = max(text.rfind("[", 0, number.start), text.rfind("(", 0, number.start))
    if text[opening] == "[":
        return True
    inner = text[opening + 1 : closing(text, number.end)]
    return re.search(r"\bCI\b|interval", inner) is not None or (
        (span := _RANGE.fullmatch(inner)) is not None and float(span["a"]) <= float(span["b"])
    )


def _leader(number: Number, reading: Reading, inside: Sequence[Number]) -> Number:
    """The number whose subject another one shares: the value of an interval, the part of a total; else itself."""
    before = [n for n in inside if n.end <= number.start and not in_interval(reading.text, n)]
    if not before:
        return number
    if in_interval(reading.text, number):
        return _leader(before[-1], reading, inside)
    if INTERVAL.search(reading.text[reading.sentence.start : number.start]):
        values = [n for n in before if not INTERVAL.search(reading.text[reading.sentence.start : n.start])]
        values = [
            n
            for n in values
            if not re.match(r" ?%? (?:(?:confidence )?interval|CI\b)", reading.text[n.end :])
        ]
        if values:
            return _leader(values[-1], reading, inside)
    outside = [n for n in before if not n.bracket]
    if outside and number.bracket and re.search(r"\b[pqn]\s?(?:=|<|≈|>)\s?$", reading.text[: number.start]):
        return _leader(outside[-1], reading, inside)
    between = reading.text[before[-1].end : number.start]
    if PART_OF.match(between) or (
        re.fullmatch(r" ?%?(?: to | and |–)", between) and re.search(r"\binterval|\bCI\b", reading.part)
    ):
        return before[-1]
    return number


PART_OF = re.compile(r"\s(?:out )?of (?:the |its |these |those |all )*$")
