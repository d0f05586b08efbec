"""What each number of a sentence claims to be about."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from failsight.agent.grounding.lexicon import ELSEWHERE, exclusive
from failsight.agent.grounding.names import Mention, Names, gather
from failsight.agent.grounding.numbers import Number
from failsight.agent.grounding.reading import REVERSE, Reading, pairs_in
from failsight.agent.grounding.sources import DATA, NOTHING

_CONTRAST = re.compile(
    r"^\W*(?:than|against|compared|versus|vs|instead|rather than|while|whereas|but|, not|from)\b",
    re.IGNORECASE,
)


_BESIDE = re.compile(
    r"\b(?:than|against|instead of|vs\.?|versus|rather than)\s*(?:only |about |just )?$", re.IGNORECASE
)


_MOVES = re.compile(
    r"\b(?:drops?|falls?|fell|los[et]s?|rises?|rose|gains?|improves?|increases?|decreases?|goes|sinks?|declines?|shrinks?|halves)\b",
    re.IGNORECASE,
)


_CHANGES = re.compile(
    r"\bto [\d.]|\bbefore\b|\bpreviously\b|\boriginally\b|\bused to\b|\bagainst\b|\binstead of\b|\bthan\b|\bafter\b|\bcompared\b|\bfrom [\d.]|\bversus\b|\bvs\b|→",
    re.IGNORECASE,
)


_PRONOUN_WITHOUT = re.compile(
    r"\bwithout\b(?! (?:an? |the |any )?(?:\w+[ -])?\w+ (?:is|are|in)\b)|\bare not there\b|\bit is absent\b|\bnot there\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Setting:
    """What one number claims to be about.

    Attributes:
        clause: the words around it.
        names: classes and attributes that it must be about; of these ``bound`` ones were tied to it by their place.
        splits: the splits that it may be of; ``spare`` says that the evaluation images may be meant as the other side.
        quantities: the quantities to which the words restrict it.
    """

    reading: Reading
    clause: str
    names: Names
    splits: frozenset[str]
    named: bool
    spare: bool
    quantities: frozenset[str]
    elsewhere: bool
    absent: bool
    reverse: bool
    pairs: tuple[tuple[str, str], ...] = ()
    total: bool = False
    bracket: bool = False
    everywhere: bool = False


def setting(number: Number, reading: Reading, inside: Sequence[Number]) -> Setting:
    """The setting of ``number`` among the numbers ``inside`` its sentence."""
    clauses = reading.sentence.clauses
    at = next((i for i, c in enumerate(clauses) if c[0] <= number.start < c[1]), 0)
    start, end = clauses[at]
    clause = reading.text[start:end]
    near = gather(reading.mentions, start, end)
    own = clause
    if at and not near.entities and len(re.findall(r"[A-Za-z]{2,}", clause)) < 4:
        clause = reading.text[clauses[at - 1][0] : end]
    splits, named = _splits(number, reading, at, near, inside)
    finding = "F1" if "F1" in reading.whole.findings else "\0"  # the first finding is no F1 score
    quantities = exclusive(clause.replace(finding, ""))
    for back in range(at - 1, -1, -1):
        if quantities:
            break
        quantities = exclusive(reading.text[clauses[back][0] : clauses[back][1]].replace(finding, ""))
    lead = reading.text[start : number.start]
    alone = (bool(_CONTRAST.search(own)) and not near.splits) or _BESIDE.search(lead) is not None
    turned = re.search(r"\bfrom\s+$", lead) is not None and _MOVES.search(reading.part) is not None
    return Setting(
        reading, clause, _names(number, reading, at, near, inside), splits, named, alone or turned or _compares(number, reading, inside) or bool(near.splits and " to " in clause and turned),
        quantities, bool(ELSEWHERE.search(_closest(reading.text, number, start, end))), bool(_PRONOUN_WITHOUT.search(_closest(reading.text, number, start, end))), bool(REVERSE.search(own)), pairs_in(reading.text, [m for m in reading.mentions if start <= m.start < end]), _is_total(number, reading), number.bracket, not named and bool(re.search(r"\bsets\b|\bsplits\b|\d \+ \d", reading.part)),
    )  # fmt: skip


def _compares(number: Number, reading: Reading, inside: Sequence[Number]) -> bool:
    """Whether a sentence sets numbers of one other split beside others: the evaluation images are the other side."""
    same = [n for n in inside if n.family == number.family and not _in_interval(reading.text, n)]
    return (
        len(same) > 1
        and len(reading.whole.splits) == 1
        and "interval" not in reading.part
        and _CHANGES.search(reading.part) is not None
    )


def _is_total(number: Number, reading: Reading) -> bool:
    """``of the 581 errors``: a number that is about everything."""
    before, after = reading.text[: number.start], reading.text[number.end :]
    return bool(
        (
            re.search(r"\b(?:of|of the|of all|of its|all|all the)\s$", before, re.IGNORECASE)
            and re.match(r" (?:errors|mistakes|images|pictures|evaluation|training|deployment|wrong)", after)
        )
        or (re.search(r"\ball(?: of)?(?: the)?\s$", before, re.IGNORECASE) and re.match(r"[.;]|$", after))
    )


def _closest(text: str, number: Number, start: int, end: int) -> str:
    """The words between this number and the numbers beside it."""
    left = re.split(r"\d|;", text[start : number.start])[-1]
    right = re.split(r"\d|;", text[number.end : end])[0]
    if number.bracket:
        own = re.split(r"[\[(]", left)[-1] + " | " + re.split(r"[\])]", right)[0]
        return own if re.search(r"[A-Za-z]{2,}", re.sub(r"\b(?:percentage )?points?\b", "", own)) else left
    right = re.split(r"[,(\[]", right)[0]
    right = re.split(r"[\[(]", right)[0] if "without" in left.lower() else right
    return left + " | " + right


def _in_interval(text: str, number: Number) -> bool:
    return number.bracket and re.search(r"\[[^\]]*$", text[: number.start]) is not None


def _splits(
    number: Number, reading: Reading, at: int, near: Names, inside: Sequence[Number]
) -> tuple[frozenset[str], bool]:
    """The splits that a number may be of, and whether the text names them."""
    if re.match(r"(?: [\[(][^\])]*[\])])? here\b", reading.text[number.end : number.end + 40]):
        return DATA, True
    bound = _bound_split(number, reading, at, near, inside) or _ordered_split(number, reading, near, inside)
    if bound:
        return frozenset({bound}), True
    if near.splits:
        return near.splits, True
    clauses = reading.sentence.clauses
    for other in [*range(at - 1, -1, -1), *range(at + 1, len(clauses))]:
        found = gather(reading.mentions, *clauses[other]).splits
        if found:
            between = reading.text[clauses[at][1] : clauses[other][0] + 5]
            apart = re.match(r";|, (?:or|and|yet)\b", between) is not None
            return (found | DATA, False) if other > at and apart else (found, True)
    if reading.carried.splits:
        return reading.carried.splits, True
    return (DATA | {"deploy"} if _MOVED.search(reading.part) else DATA), False


_MOVED = re.compile(
    r"\b(?:drops?|loss(?:es)?|loses?|gains?|falls?|rises?|goes (?:up|down)|declines?|shrinks?|halves|doubles)\b|\bfrom [\d.,]+ ?%? to\b|\d ?% to \d"
)


def _ordered_split(number: Number, reading: Reading, near: Names, inside: Sequence[Number]) -> str:
    """``The median in use is lower than in evaluation: 2,711 against 4,169``: two splits, then two numbers."""
    if near.splits or number.word:
        return ""
    same = [
        n for n in inside if n.family == number.family and not n.word and not _in_interval(reading.text, n)
    ]
    named = [m for m in reading.mentions if m.kind == "split"]
    both = list(dict.fromkeys(m.name for m in named))
    if re.match(r"\W*(?:compared|relative|against|unlike)\b", reading.part, re.IGNORECASE):
        both.reverse()
    if len(both) == 2 == len(same) and number in same and named[-1].end <= same[0].start:
        return both[same.index(number)]
    return ""


def _bound_split(number: Number, reading: Reading, at: int, near: Names, inside: Sequence[Number]) -> str:
    """The split to which its place ties a number: as many splits as numbers, or the one just before a bracket."""
    named = [m for m in reading.mentions if m.kind == "split"]
    same = [n for n in inside if n.family == number.family and not _in_interval(reading.text, n)]
    paired = [n for n in same if n.bracket]
    if number.bracket and len(near.splits) > 1 and len(paired) != 2:
        before = [m for m in named if m.start < number.start]
        after = reading.text[number.start : number.start + 60].split(")")[0]
        if before and not re.search("deploy|train|eval", after):
            return before[-1].name
    both = list(dict.fromkeys(m.name for m in named))
    if number in paired and len(both) == len(paired) == 2:
        return both[paired.index(number)]
    start, end = reading.sentence.clauses[at]
    mine = list(dict.fromkeys(m.name for m in named if start <= m.start < end))
    same = [n for n in same if start <= n.start < end]
    if len(mine) == len(same) > 1 and number in same and "respectively" not in reading.part:
        return mine[same.index(number)]
    return ""


def _names(number: Number, reading: Reading, at: int, near: Names, inside: Sequence[Number]) -> Names:
    """Classes and attributes of a number: bound by place where several stand with as many numbers."""
    clauses = reading.sentence.clauses
    start, end = clauses[at]
    classes = near.classes
    bound = _bound(number, reading, start, end, inside) if len(classes) != 1 else NOTHING
    if bound:
        classes = bound
    for back in [*range(at - 1, -1, -1), *range(at + 1, len(clauses))]:
        if classes:
            break
        classes = gather(reading.mentions, *clauses[back]).classes
    attributes, values = near.attributes, near.values
    own = _own_attribute(number, reading, start, end)
    if own is not None and len(attributes) > 1:
        attributes, values = frozenset({own.name}), frozenset({(own.name, own.value)} if own.value else ())
    for back in [*range(at - 1, -1, -1), *range(at + 1, len(clauses))]:
        if attributes or bound:
            break
        found = gather(reading.mentions, *clauses[back])
        attributes, values = found.attributes, found.values
    if not classes and not attributes:
        classes, attributes, values = (
            reading.carried.classes,
            reading.carried.attributes,
            reading.carried.values,
        )
    return Names(
        classes,
        attributes,
        values,
        findings=_finding(number, reading, start, end, inside) or near.findings or reading.whole.findings,
    )


def _own_attribute(number: Number, reading: Reading, start: int, end: int) -> Mention | None:
    """The attribute just before a bracket that holds one number."""
    before = [m for m in reading.mentions if m.kind == "attribute" and start <= m.start < number.start]
    return before[-1] if number.bracket and before and number.start - before[-1].end < 4 else None


def _finding(
    number: Number, reading: Reading, start: int, end: int, inside: Sequence[Number]
) -> frozenset[str]:
    """As many findings as numbers, in the same order."""
    mine = [m for m in reading.mentions if m.kind == "finding"]
    same = [n for n in inside if n.family == number.family and not n.bracket and not n.word]
    if len(mine) == len(same) > 1 and number in same:
        return frozenset({mine[same.index(number)].name})
    return NOTHING


def _bound(
    number: Number, reading: Reading, start: int, end: int, inside: Sequence[Number]
) -> frozenset[str]:
    mine = [m for m in reading.mentions if m.kind == "class"]
    local = [m for m in mine if start <= m.start < end]
    pool = local or mine
    same = [n for n in inside if n.family == number.family and (start <= n.start < end)]
    if reading.pairs and len({m.name for m in pool}) == 2:
        return NOTHING
    if number.bracket and local:
        before = [m for m in local if m.start < number.start]
        if before and number.start - before[-1].end < 4:
            return frozenset({before[-1].name})
    if len(pool) == len(same) > 1 and number in same:
        return frozenset({pool[same.index(number)].name})
    return NOTHING
