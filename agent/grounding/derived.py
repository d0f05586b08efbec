"""Arithmetic on evidence: a difference, a ratio, a sum or a remainder of grounded numbers may be stated too."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations, permutations

from failsight.agent.grounding.numbers import Number
from failsight.agent.grounding.reading import REVERSE
from failsight.agent.grounding.slots import Bound
from failsight.agent.grounding.sources import DATA, Atom

DIFFERENCE = re.compile(
    r"differ|gap|more|less|fewer|higher|lower|worse|better|above|below|drop|fall|fell|excess|points|ahead|behind|apart|larger|smaller|los[est]|gain|"
    r"\bdown\b|rise|rose|decreas|increas|margin|remain|rest\b|leaves?\b|minus|missing|short|exceed|separat|surer|too (?:many|few|often|rarely|seldom)|spread|range|lead",
    re.IGNORECASE,
)
_RATIO = re.compile(
    r"times|twice|double|half|triple|ratio|fold|×|as (?:often|many|high|low|large|likely|much)|third|quarter|fifth|one in|factor",
    re.IGNORECASE,
)
_REST = re.compile(
    r"\bbelow\b|\bnot\b|\brest\b|\bremain\w*|\bleaves?\b|\bminus\b|\bwithout\b|n't\b", re.IGNORECASE
)
_SHARE = re.compile(
    r"of (?:all|the|these|its|them)|\d of \d|out of|share|per cent|%|half|third|quarter", re.IGNORECASE
)
_RELATIVE = re.compile(
    r" (?:lower|higher|smaller|larger|less|more|fewer|darker|brighter|relative)\b", re.IGNORECASE
)
_SHRINKS = re.compile(
    r"\b(?:los[et]s?|lost|shrinks?|shrank|cut|falls? by|fell by|drops? by|down by|reduced by|smaller by|gives? up|sheds?)\b[^,;.]*$",
    re.IGNORECASE,
)
_PART_OF = re.compile(r" (?:of (?:that|its|their|those|what)\b)", re.IGNORECASE)
SUM = re.compile(
    r"together|\bsums?\b|\badd\w*|\bgives?\b|\bmakes?\b|total|altogether|combined|both|in all|\beverything between\b|\ball between\b|=|add up|jointly|between them|counting",
    re.IGNORECASE,
)
_LEVEL = re.compile(r"\b(?:to|from) (?:about |only |just |roughly |around |some |nearly |almost )?$")
_GAP = re.compile(
    r"\b(?:over|under)-?confident by\b|\btoo (?:sure|confident|cautious|modest) by\b", re.IGNORECASE
)
SPEAKS = re.compile(
    r"\W*F\d+\W* (?:\([^)]*\) )?(?:says|states|reads|holds|tells|reports|concerns|covers|describes|is about|means|claims|speaks of|notes)\b",
    re.IGNORECASE,
)
Grounded = Mapping[Number, Sequence[Atom]]


def computed(
    number: Number, at: Bound, inside: Sequence[Number], held: Grounded, near: Sequence[Atom]
) -> list[Atom]:
    """The recorded numbers that ``number`` is made of, or nothing.

    Args:
        number: not itself recorded.
        at: what it is about.
        inside: the numbers of its sentence.
        held: those of them that the record holds, with where.
        near: recorded values of which a text of this setting may compare two.
    """
    others = [n for n in inside if n is not number and n in held and not (n.word and n.family == "percent")]
    stated = _from_stated(number, at, others, held, near)
    if stated or (number.signed and number.value < 0 and "chang" not in at.clause):
        return stated
    lead = at.reading.text[max(at.reading.sentence.start, number.start - 24) : number.start]
    if (
        number.family != "ratio"
        and _LEVEL.search(lead)
        and re.search(r"\bfrom (?:about |roughly |some )?\d", at.reading.part)
    ):
        return []  # where it ends, and not by how much it moves
    if len(at.findings) == 1 and SPEAKS.match(at.reading.part):
        return []  # what a finding says stands in its evidence
    if len(inside) == 1 and number.family == "points" and _GAP.search(at.reading.part):
        return []  # the gap itself is recorded
    if number.word and number.family == "plain":
        return []  # a count in words is of things, and no difference
    terms = [
        n
        for n in inside
        if n is not number and n.family == number.family == "plain" and n.start < number.start
    ]
    if len(terms) > 1 and _ADDED.search(at.reading.text[terms[-1].end : number.start]):
        return []  # the sum of what stands before it, or nothing
    return _from_record(number, at, near)


def _from_stated(
    number: Number, at: Bound, others: Sequence[Number], held: Grounded, near: Sequence[Atom]
) -> list[Atom]:
    sentence = at.reading.part
    for ways, result in _ways(number, at):
        for one, other in permutations(others, 2):
            if one.family != other.family and {one.family, other.family} != {"percent", "points"}:
                continue
            value = result(one.value, other.value)
            if value is not None and _makes(number, value, _slack(number, one, other, ways)):
                return [*held[one][:1], *held[other][:1]]
    plain = [n for n in others if n.family == number.family]
    remainder = _remainder(number, sentence, plain, held, near)
    if remainder:
        return remainder
    if SUM.search(sentence) and 2 < len(plain) <= 6:
        total = sum(n.value for n in plain)
        if abs(total - number.value) <= number.half + 1e-6:
            return [a for n in plain for a in held[n][:1]]
    if SUM.search(sentence):  # a total that is itself made of others: each of the rest
        for left in plain:
            rest = [n for n in plain if n is not left]
            if len(rest) >= 2 and abs(sum(n.value for n in rest) - number.value) <= number.half + 1e-6:
                return [a for n in rest for a in held[n][:1]]
    return []


def _makes(number: Number, value: float, slack: float) -> bool:
    """Whether a result is the number; "more than three times" is no 2.2."""
    beyond = (abs(value) - abs(number.value)) * number.bound
    return abs(abs(value) - abs(number.value)) <= slack and not (number.word and beyond < -1e-9)


def _remainder(
    number: Number, sentence: str, plain: Sequence[Number], held: Grounded, near: Sequence[Atom]
) -> list[Atom]:
    """``472 of the 581 are not``: what a recorded count leaves of a total that is said beside it."""
    if number.family != "plain" or not _REST.search(sentence):
        return []
    for total in plain:
        left = [a for a in near if a.value == total.value - number.value > 0 and a.half == 0]
        if left and left[0].family == "plain":
            return [*held[total][:1], left[0]]
    return []


Combine = Callable[[float, float], float | None]


def _ways(number: Number, at: Bound) -> Iterator[tuple[str, Combine]]:
    sentence, after = at.reading.part, at.reading.text[number.end : at.reading.sentence.end]
    if (
        DIFFERENCE.search(sentence)
        and number.family in ("percent", "points", "plain")
        and not (number.word and number.family == "percent")
    ):
        yield "difference", lambda a, b: a - b
    if SUM.search(sentence) and number.family in ("percent", "points", "plain"):
        yield "sum", lambda a, b: a + b
    if number.family == "ratio" and number.value >= 10:
        yield "difference", lambda a, b: a - b  # "90 times more often": 540 instead of 450
    if number.family == "ratio" or (number.family == "plain" and _RATIO.search(sentence)):
        yield "ratio", lambda a, b: a / b if b else None
    relative = re.search(r"\brelative(?:ly)?\b", sentence) is not None
    if number.family == "percent" and _PART_OF.match(after):
        yield "part", lambda a, b: 100 * a / b if b > a > 0 else None
    if number.family == "percent" and (relative or _RELATIVE.match(after)):
        yield (
            "relative",
            lambda a, b: 100 * (b - a) / b if b > a > 0 else 100 * (a - b) / b if b > 0 else None,
        )
    lead = at.reading.text[max(at.reading.sentence.start, number.start - 48) : number.start]
    if number.family == "percent" and (
        _SHRINKS.search(lead) or re.match(r" (?:in|of) (?:its|their) ", after)
    ):
        yield "relative", lambda a, b: 100 * (a - b) / a if a > b > 0 else None
    if number.family == "percent" and _SHARE.search(sentence):
        yield "share", lambda a, b: 100 * a / b if b > a >= 0 and b > 1 else None


def _slack(number: Number, one: Number, other: Number, ways: str) -> float:
    if ways in ("ratio", "share", "part", "relative"):
        relative = one.half / max(abs(one.value), 1e-9) + other.half / max(abs(other.value), 1e-9)
        return number.half + abs(number.value) * (relative + (0.06 if number.about else 0)) + 1e-9
    own = (
        0.0
        if number.family == "plain" and number.half == 0.5 and float(one.value).is_integer()
        else number.half
    )
    return (
        own
        + one.half * (one.half < 0.5)
        + other.half * (other.half < 0.5)
        + (0.025 * abs(number.value) if number.about else 0)
        + 1e-9
    )


def _from_record(number: Number, at: Bound, near: Sequence[Atom]) -> list[Atom]:
    """Two recorded values of one quantity in just the two settings that the sentence names."""
    ways = dict(_ways(number, at))
    kept: dict[tuple[object, ...], Atom] = {}
    for atom in near:
        key = (round(atom.value, 4), atom.family, atom.metric, atom.names, atom.pair)
        kept[key] = kept[key]._replace(refs=(*kept[key].refs, *atom.refs)) if key in kept else atom
    values = list(kept.values())
    top = _topmost(number, at, values) if "sum" in ways else []
    if top:
        return top
    if "sum" in ways:
        total = _total(number, at, values)
        if total:
            return total
    by: dict[str, list[Atom]] = {}
    for atom in values:
        by.setdefault(atom.metric, []).append(atom)
    for metric, ones in by.items():
        for name, others in by.items():
            if name == metric or comparable(metric, name):
                found = _two(number, at, ones[:120], others[:120], ways)
                if found:
                    return found
    return []


_ADDED = re.compile(
    r"\badds? up to|\bsums? (?:up )?to|\bamounts? to|\bmakes?\b|=|\bin total\b|\bgives?\b", re.IGNORECASE
)
_TOP = re.compile(
    r"\b(?:largest|biggest|top|most frequent|highest|strongest|main|worst|weakest|first)\b", re.IGNORECASE
)


def _topmost(number: Number, at: Bound, values: Sequence[Atom]) -> list[Atom]:
    """``The two largest confusions together``: the sum of the first few of a ranking that names none of them."""
    if at.reading.about.entities or not _TOP.search(at.reading.part):
        return []
    for key in dict.fromkeys((a.metric, a.family, a.names.splits) for a in values):
        ranked = sorted(
            {(a.names, a.pair): a for a in values if (a.metric, a.family, a.names.splits) == key}.values(),
            key=lambda a: -a.value,
        )
        for many in (2, 3, 4, 5):
            if len(ranked) >= many and number.near(sum(a.value for a in ranked[:many])):
                return ranked[:many]
    return []


def _two(
    number: Number, at: Bound, ones: Sequence[Atom], others: Sequence[Atom], ways: Mapping[str, Combine]
) -> list[Atom]:
    for one in ones:
        for other in others:
            if one is other or one.family != other.family or one.value == other.value:
                continue
            way = _allowed(one, other, at, number)
            for kind in (
                [k for k in ("part", "relative") if k in ways]
                if way and {"part", "relative"} & set(ways)
                else [way]
            ):
                if kind == "ratio" and number.word and _turned(one, other, at):
                    continue
                result = ways[kind](one.value, other.value) if kind in ways else None
                if result is not None and _hits(number, result, kind, one.family):
                    return [one, other]
    return []


def _turned(one: Atom, other: Atom, at: Bound) -> bool:
    """Whether a ratio of two values would be that of the second thing named to the first."""
    if {one.metric, other.metric} == {"answers", "images"}:
        return one.metric == "images"
    if one.elsewhere != other.elsewhere:
        lead = at.reading.text[at.reading.sentence.start : at.number.start]
        return one.elsewhere and not re.search(r"\bwithout\b|\bother\b|\bno\b|\bcontrol", lead)
    if one.names.splits != other.names.splits and len(one.names.splits) == 1 == len(other.names.splits):
        order = [m.name for m in at.reading.mentions if m.kind == "split"]
        return bool(order) and order[0] not in one.names.splits
    return False


def _hits(number: Number, result: float, way: str, family: str) -> bool:
    """Whether a result is the number, be it made of the exact values or of rounded ones."""
    if number.near(abs(result) if number.value >= 0 else -abs(result)):
        return True
    beyond = (abs(result) - abs(number.value)) * number.bound
    if number.bound and way == "difference" and 0 < beyond <= 0.25 * abs(number.value):
        return True  # "more than 20 points": a little beyond
    rounded = 0.1 if way == "difference" and family != "plain" and number.half < 0.5 else 0.0
    return (
        bool(rounded) and not number.about and abs(abs(result) - abs(number.value)) <= number.half + rounded
    )


#: quantities of which two different ones may be set against each other
_COMPARED = {
    frozenset(pair.split()) for pair in (
        "confidence_right confidence_wrong", "flip control_flip", "mended control_mended", "cue_effect control_effect", "precision recall",
        "confidence accuracy", "confidence precision", "accuracy baseline", "error share_of_errors", "answers images", "saliency area", "precision f1", "recall f1",
    )
}  # fmt: skip


def comparable(one: str, other: str) -> bool:
    """Whether values of two quantities may be set against each other."""
    return one == other or "bound" in (one, other) or frozenset({one, other}) in _COMPARED


def _total(number: Number, at: Bound, values: Sequence[Atom]) -> list[Atom]:
    """Several named findings or classes whose counts add up to the number."""
    whole = at.reading.about
    groups: dict[str, dict[object, Atom]] = {}
    for atom in values:
        if (
            atom.family == "plain"
            and atom.half == 0
            and float(atom.value).is_integer()
            and (not atom.pair or atom.pair in at.reading.pairs)
        ):
            owners: list[object] = [f for f in whole.findings if f in atom.refs] or [
                c for c in whole.classes if atom.names.classes == {c} and not atom.names.attributes
            ]
            if atom.pair in at.reading.pairs:
                owners = [atom.pair]
            for owner in owners:
                groups.setdefault(
                    f"{atom.metric} {atom.part} {sorted(atom.names.splits) if not whole.findings else 0}", {}
                ).setdefault(owner, atom)
    for by in groups.values():
        parts = list(by.values())[:7]
        for many in range(2, len(parts) + 1):
            for some in combinations(parts, many):
                if abs(sum(a.value for a in some) - number.value) <= number.half:
                    return list(some)
    return []


def _allowed(one: Atom, other: Atom, at: Bound, number: Number) -> str:
    """How two values may be combined: they differ in one thing that the sentence names, and agree in all else."""
    way = _way(one, at, number)
    if not way:
        return ""
    ours = [set(x.refs) & at.reading.about.findings for x in (one, other)]
    if one.metric in _BY_FINDING and ours[0] and ours[1] and ours[0] != ours[1]:
        return way
    fits = (
        _of_two_quantities(one, other, at) if one.metric != other.metric else _of_one_quantity(one, other, at)
    )
    same = (
        one.part == other.part
        or one.family == number.family == "plain"
        or {one.metric, other.metric} == {"answers", "images"}
    )
    return way if fits and same else ""


EXTREMES = re.compile(
    r"\b(?:best|highest|strongest)\b.*\b(?:worst|lowest|weakest)\b|\b(?:worst|lowest|weakest)\b.*\b(?:best|highest|strongest)\b",
    re.IGNORECASE,
)
_BY_FINDING = {"excess", "pull_gap", "pull", "effect", "drop"}


def _way(one: Atom, at: Bound, number: Number) -> str:
    """Which way of combining the sentence means."""
    plain = number.family == "plain"
    if number.family == "ratio" or (plain and re.search(r"\bratio\b|\bfactor\b", at.reading.part)):
        return "ratio"
    if (
        number.family != "percent"
        and one.family == "plain" != number.family
        and not (number.family == "points" and one.metric == "jpeg")
    ):
        return ""
    return "sum" if plain and one.family == "plain" and SUM.search(at.reading.part) else "difference"


def _of_two_quantities(one: Atom, other: Atom, at: Bound) -> bool:
    """Two quantities of one thing: confidence against accuracy, a value against its bound."""
    a, b, part = one.names, other.names, at.reading.part
    if "bound" in (one.metric, other.metric):
        bound, value = (one, other) if one.metric == "bound" else (other, one)
        named = value.metric in ("accuracy", "worst_recall") and set(bound.row) == set(
            value.metric.split("_")
        )
        return named and a.splits | b.splits <= DATA | at.reading.about.splits
    if "confidence_right" in (one.metric, other.metric):
        return bool(
            re.search(r"wrong|error", part, re.IGNORECASE)
            and re.search(r"\bright|correct", part, re.IGNORECASE)
        )
    alike = a.classes == b.classes and a.values == b.values and a.splits == b.splits
    return alike and not one.pair and not other.pair


def _of_one_quantity(one: Atom, other: Atom, at: Bound) -> bool:
    """One quantity of two things: two splits, two directions, two cues, with and without, two classes."""
    a, b, whole = one.names, other.names, at.reading.about
    if a.splits != b.splits:
        known = whole.splits | (DATA if len(whole.splits) < 2 else frozenset())
        named = (a.splits | b.splits) <= known and bool(whole.splits - DATA)
        return named and a.classes == b.classes and a.values == b.values and one.part == other.part
    if one.pair and other.pair:
        said = at.reading.pairs
        if len(said) > 1 and not REVERSE.search(at.reading.part):
            return one.pair in said and other.pair in said
        return one.pair == other.pair[::-1] and set(one.pair) <= whole.classes
    if a.attributes != b.attributes:
        return bool(a.attributes and b.attributes) and a.attributes | b.attributes <= whole.attributes
    if a.values != b.values or one.elsewhere != other.elsewhere:
        return bool(a.attributes) and (at.other or one.elsewhere != other.elsewhere)
    if a.classes == b.classes or one.pair or other.pair:
        return False
    if not whole.classes and EXTREMES.search(at.reading.part):
        return bool(a.classes and b.classes)
    everything = re.search(r"\boverall\b|\ball\b|\baverage\b|\btotal\b", at.reading.part) is not None
    return bool(everything or (a.classes and b.classes)) and a.classes | b.classes <= whole.classes
