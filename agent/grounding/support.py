"""The numbers of a sentence, each matched to recorded ones of the same kind that are about the same."""

from __future__ import annotations

import bisect
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from failsight.agent.grounding.binding import ODD
from failsight.agent.grounding.derived import EXTREMES, comparable, computed
from failsight.agent.grounding.lexicon import HIGHER, LOWER, says
from failsight.agent.grounding.numbers import Number
from failsight.agent.grounding.quantities import LIMIT, below, wrong
from failsight.agent.grounding.reading import Reading
from failsight.agent.grounding.search import Search
from failsight.agent.grounding.slots import PART_OF, Bound, bound
from failsight.agent.grounding.sources import DATA, Atom

_FAMILIES = {"percent": ("percent", "points"), "points": ("points", "percent"), "plain": ("plain", "ratio"),
             "ratio": ("ratio", "plain"), "seconds": ("seconds",)}  # fmt: skip


NOT_CITED = "not in the evidence that is cited"
OTHER_WAY = "the direction is the other way"


class Recorded:
    """All recorded numbers, found by their value."""

    def __init__(self, atoms: Sequence[Atom]) -> None:
        self.comparable = [
            a
            for a in atoms
            if (a.part in ("value", "count") or (a.part, a.metric) == ("n", "answers"))
            and not a.told
            and (not (a.row or a.when) or a.metric == "bound")
            and not a.metric.startswith("tally:")
        ]
        self.metrics = {a.metric for a in self.comparable}
        self.search = Search(atoms)
        self._levels = [a for a in atoms if a.part in ("p", "q") or a.metric in ("p", "q")]
        self._by: dict[str, tuple[list[float], list[Atom]]] = {}
        for family in _FAMILIES:
            kept = sorted((a for a in atoms if a.family == family), key=lambda a: abs(a.value))
            self._by[family] = ([abs(a.value) for a in kept], kept)

    def near(self, number: Number) -> Iterator[Atom]:
        """Those that ``number`` can be, as far as it was rounded."""
        width = 0.08 * abs(number.value) + number.half + 0.01
        if number.family == "plain" and 0 < abs(number.value) < 1:  # a share as a plain number
            share = replace(number, value=100 * number.value, half=100 * number.half, family="percent")
            yield from self.near(share)
        for family in _FAMILIES[number.family] if not number.word else (number.family,):
            keys, kept = self._by[family]
            low = bisect.bisect_left(keys, abs(number.value) - width)
            for atom in kept[low : bisect.bisect_right(keys, abs(number.value) + width)]:
                if self._is(number, atom):
                    yield atom

    def levels(self, number: Number) -> Iterator[Atom]:
        """The p and q values of which ``p < NUMBER`` is true."""
        return (a for a in self._levels if a.value <= number.value)

    def _is(self, number: Number, atom: Atom) -> bool:
        if number.signed or number.family == "seconds":
            if number.near(atom.value):
                return True
            if atom.metric == "drop" and number.value < 0 and number.near(-atom.value):
                return True  # a drop told as a negative change
            return (
                bool(atom.half)
                and abs(number.value - atom.value) <= max(number.half, atom.half) * 1.0001
                and number.half >= atom.half
            )
        if number.family == "plain" and number.value > 0 > atom.value and atom.metric != "standardised":
            return False
        return number.near(abs(atom.value))


_BARE = re.compile(r"\s?(?:$|→|->|[,.;:)]|and\b|or\b|for\b|against\b|vs\b|in\b|to\b)")


def matched(number: Number, at: Bound, recorded: Recorded, cited: frozenset[str]) -> list[Atom]:
    """The recorded numbers that ``number`` may be, the likeliest first; cited ids restrict them."""
    candidates = list(recorded.levels(number) if below(number, at) else recorded.near(number))
    if number.family == "plain" and not number.word and _BARE.match(at.reading.text, number.end):
        for unit in ("points", "percent"):  # "54 points, that of the cat about 32"
            decimal = 0 < number.half < 0.5 and number.value > 1
            if decimal or re.search(
                r"\d ?(?:percent|%|points)" if unit == "percent" else r"\d ?points", at.reading.part
            ):
                candidates += recorded.near(replace(number, family=unit))
    weighed = [(recorded.search.cost(number, a, at, cited), i, a) for i, a in enumerate(candidates)]
    return [a for cost, _, a in sorted(w for w in weighed if w[0] < LIMIT)]


_BY_NAME = re.compile(
    r"\bcontrol(?:'s)? (?:effect|change|flip)", re.IGNORECASE
)  # no difference of two others


def ground(
    reading: Reading, inside: Sequence[Number], recorded: Recorded, cites: Sequence[frozenset[str]]
) -> Iterator[tuple[Number, list[Atom], str]]:
    """Each number of a sentence with what holds it, or why nothing does."""
    held: dict[Number, list[Atom]] = {}
    settings = {n: bound(n, reading, inside) for n in inside}
    for number, cited in zip(inside, cites, strict=True):
        found = matched(number, settings[number], recorded, cited)
        if found:
            held[number] = found
    _totals(reading, inside, recorded, settings, held)
    for number in inside:
        if number.bound and number not in held:
            found = _beyond(number, settings[number], recorded)
            held.update({number: found} if found else {})
    _ranges(reading, inside, recorded, settings, held)
    _relax(reading, inside, recorded, settings, held)
    for number, cited in zip(inside, cites, strict=True):
        found = held.get(number, [])
        if found and not _agrees(number, settings[number], found):
            yield number, [], OTHER_WAY
            continue
        if not found and not _BY_NAME.search(settings[number].near):
            found = computed(number, settings[number], inside, held, _values(settings[number], recorded))
            held.update({number: found} if found else {})
            if cited and found and not any(set(a.refs) & cited for a in found):
                found = []
        yield number, found, "" if found else _why(number, settings[number], recorded, cited)


def _totals(
    reading: Reading,
    inside: Sequence[Number],
    recorded: Recorded,
    settings: Mapping[Number, Bound],
    held: dict[Number, list[Atom]],
) -> None:
    """``155 of 195``: the total belongs to the same value as the part."""
    for one, other in itertools.pairwise(inside):
        if one not in held and _OF_ALL.search(reading.text[reading.sentence.start : one.start]):
            splits = {s for s, c in settings[one].splits.items() if c < ODD}
            totals = [
                a for a in recorded.near(one)
                if not a.names.entities and not a.told and a.metric in _TOTALS and a.names.splits <= splits
            ]  # fmt: skip
            held.update({one: totals} if totals else {})
        if other in held or not PART_OF.match(reading.text[one.end : other.start]):
            continue
        parts = held.get(one, [])
        own = {(a.names, a.refs) for a in parts}
        true = {(frozenset({a.pair[0]}), a.names.splits) for a in parts if a.pair}  # the class of a confusion
        splits = {s for s, c in settings[other].splits.items() if c < ODD}
        found = [
            a for a in recorded.near(other)
            if (a.part in ("n", "value") and ((a.names, a.refs) in own
                or (a.metric == "images" and not a.pair and not a.names.attributes and (a.names.classes, a.names.splits) in true)
                or (not a.names.entities and not a.told and a.metric in _TOTALS and a.names.splits <= splits)))
            or (a.part == "count" and a.metric == "error" and (a.names.classes, a.names.splits) in true)
        ]  # fmt: skip
        held.update({other: found} if found else {})


_OF_ALL = re.compile(r"\b(?:Of|Out of|Among) (?:the |all |these |its |our )*$")
_TOTALS = frozenset({"images", "errors", "error", "answers"})


def _ranges(
    reading: Reading,
    inside: Sequence[Number],
    recorded: Recorded,
    settings: Mapping[Number, Bound],
    held: dict[Number, list[Atom]],
) -> None:
    """``each lose between 12 and 15 points``: what is meant lies between the two."""
    for low, high in itertools.pairwise(inside):
        lead = reading.text[max(reading.sentence.start, low.start - 24) : low.start]
        if low in held or high in held or not re.search(r"\bbetween (?:about |roughly )?$", lead) or low.word:
            continue
        if (
            not re.fullmatch(r" ?%?(?: points)? (?:and|to) ", reading.text[low.end : high.start])
            or low.value >= high.value
        ):
            continue
        number = replace(low, family=high.family)
        found = [
            a for a in recorded.comparable
            if a.family == high.family and low.value - low.half <= abs(a.value) <= high.value + high.half
            and recorded.search.cost(number, a, replace(settings[low], number=number), frozenset()) < LIMIT
        ]  # fmt: skip
        if found:
            held[low] = held[high] = found


def _beyond(number: Number, at: Bound, recorded: Recorded) -> list[Atom]:
    """``stays above 50 %``: a threshold that the value meant lies beyond, with whatever distance."""
    if number.family not in ("percent", "points") or number.word:
        return []
    weighed = sorted(
        ((c, i, a) for i, a in enumerate(recorded.comparable) if a.part == "value" and a.family == number.family
         if (c := recorded.search.cost(number, a, at, frozenset())) < LIMIT),
    )  # fmt: skip
    meant = [a for c, _, a in weighed if c <= weighed[0][0] + 0.1]
    if not meant or not all((abs(a.value) - number.value) * number.bound > 0 for a in meant):
        return []
    lead = at.reading.text[max(0, number.start - 24) : number.start]
    near = (
        4 if re.search(r"\b(?:just|slightly|a little|a bit|marginally|barely) \w+(?: than)? $", lead) else 25
    )
    return meant if min(abs(abs(a.value) - number.value) for a in meant) <= near else []


def _relax(
    reading: Reading,
    inside: Sequence[Number],
    recorded: Recorded,
    settings: Mapping[Number, Bound],
    held: dict[Number, list[Atom]],
) -> None:
    """Numbers that do add up with one another may stand for anything that the sentence names.

    Where a sentence states two numbers and their difference, ratio or sum, and the three agree, its wording is often
    too compact to tell by place alone which of the named things each belongs to.
    """
    plain = [n for n in inside if not n.word]
    missing = [n for n in plain if n not in held]
    if not missing or len(plain) < 3:
        return
    wide: dict[Number, list[Atom]] = {}
    splits = reading.whole.splits | DATA | (frozenset() if reading.whole.splits else {"deploy"})
    for number in plain:
        loose = replace(
            settings[number], classes=dict.fromkeys(reading.about.classes, 0.3), attributes=dict.fromkeys(reading.about.attributes, 0.3),
            splits=dict.fromkeys(splits, 0.0), named=True, quantities={}, clause=reading.part, other=True, contrast=True,
        )  # fmt: skip
        wide[number] = held.get(number) or [
            a for a in recorded.near(number) if recorded.search.loosely(number, a, loose)
        ]
    for result in plain:
        for one in plain:
            for other in plain:
                if (
                    len({result, one, other}) == 3
                    and wide[one]
                    and wide[other]
                    and _adds_up(result, one, other, reading.part)
                ):
                    pairs = [
                        (a, b)
                        for a in wide[one]
                        for b in wide[other]
                        if comparable(a.metric, b.metric) and a.family == b.family
                    ]
                    if pairs:
                        held.setdefault(one, [a for a, _ in pairs])
                        held.setdefault(other, [b for _, b in pairs])


def _adds_up(result: Number, one: Number, other: Number, part: str) -> bool:
    """Whether ``result`` is the difference, sum or ratio of two numbers of one family."""
    if one.family != other.family:
        return False
    slack = (
        result.half * (result.half < 0.5)
        + one.half * (one.half < 0.5)
        + other.half * (other.half < 0.5)
        + 1e-9
    )
    if result.family == "ratio":
        return (
            other.value != 0
            and abs(one.value / other.value - result.value) <= result.half + 0.03 * result.value
        )
    if {result.family, one.family} - {"percent", "points"} and result.family != one.family:
        return False
    return abs(abs(one.value - other.value) - abs(result.value)) <= slack or (
        ("=" in part or "together" in part or "in all" in part)
        and abs(one.value + other.value - result.value) <= slack
    )


def _why(number: Number, at: Bound, recorded: Recorded, cited: frozenset[str]) -> str:
    if cited and matched(number, at, recorded, frozenset()):
        return NOT_CITED
    return "no evidence holds this number about this"


def _values(at: Bound, recorded: Recorded) -> list[Atom]:
    """Recorded values that a sentence may compare: all that they are about is named in it."""
    whole = at.reading.about
    splits = whole.splits | DATA
    if not whole.splits and re.search(r"\bdrop(?:s|ped)?\b|\bloss", at.reading.part):
        splits |= {"deploy"}
    said = {
        m
        for m in recorded.metrics
        if says(m, at.reading.part)
        and (
            not at.quantities or at.number.family in ("plain", "ratio") or any(m in q for q in at.quantities)
        )
    }
    extremes = not whole.entities and EXTREMES.search(at.reading.part) is not None
    if extremes:
        return _ends(
            [
                a
                for a in recorded.comparable
                if a.metric in said
                and a.names.splits <= (whole.splits or DATA)
                and len(a.names.classes) == 1
                and not a.names.attributes
                and not a.pair
                and a.part == "value"
            ]
        )
    if (
        not whole.entities
        and not whole.findings
        and re.search(
            r"\b(?:largest|biggest|top|most frequent|highest|strongest|main|worst|weakest|first)\b",
            at.reading.part,
        )
    ):
        return [a for a in recorded.comparable if a.metric in said and a.names.splits <= splits]
    return [
        a for a in recorded.comparable
        if a.metric in said and (set(a.refs) & whole.findings or (a.names.splits <= splits and a.names.classes - a.loose <= whole.classes and a.names.attributes <= whole.attributes))
        and (a.names.entities or not whole.entities)
    ]  # fmt: skip


def _ends(found: Sequence[Atom]) -> list[Atom]:
    """The highest and the lowest value of each quantity."""
    made: list[Atom] = []
    for key in {(a.metric, a.family, a.names.splits) for a in found}:
        some = sorted(
            (a for a in found if (a.metric, a.family, a.names.splits) == key), key=lambda a: a.value
        )
        made += [some[0], some[-1]]
    return made


def _agrees(number: Number, at: Bound, found: Sequence[Atom]) -> bool:
    """Whether words such as ``gains`` beside a difference agree with the record."""
    if any(a.metric == "gap" for a in found) and all(a.metric == "gap" for a in found):
        return _agrees_gap(at, found)
    drops = [a for a in found if a.metric == "drop"]
    if not drops or number.bracket or any(a.metric != "drop" for a in found):
        return True
    clause = _SIZES.sub(" ", at.clause)
    down, up = bool(LOWER.search(clause)), bool(HIGHER.search(clause))
    if down == up:
        return True
    order = [m.name for m in at.reading.mentions if m.kind == "split"]
    still = _STATIC.search(at.clause) is not None and _MOVING.search(at.clause) is None
    for atom in drops:
        later = "deploy" if "deploy" in atom.names.splits else "data"
        first = (order or [later])[0]
        lower = first == later if still and (len(set(order)) > 1 or first == "train") else True
        if ((atom.value > 0) == lower) == (down != wrong(at.clause)):
            return True
    return False


def _agrees_gap(at: Bound, found: Sequence[Atom]) -> bool:
    """Confidence above accuracy, or accuracy below confidence."""
    down, up = (
        re.search(r"\b(?:below|lower|less|under|too (?:low|small))\b", at.clause),
        re.search(r"\b(?:above|higher|more|over|exceeds|too (?:high|large))\b", at.clause),
    )
    if bool(down) == bool(up):
        return True
    sure, right = (
        re.search(r"confiden|\bsure", at.reading.part, re.IGNORECASE),
        re.search(r"accura|\bright|correct", at.reading.part, re.IGNORECASE),
    )
    turned = bool(right and (not sure or right.start() < sure.start()))
    return any((a.value > 0) == (bool(up) != turned) for a in found)


_SIZES = re.compile(r"\b(?:is|are|was|were) (?:\w+ )?(?:larger|bigger|greater|smaller)\b", re.IGNORECASE)
_STATIC = re.compile(
    r"\b(?:above|below|higher|lower|more|less|better|worse|exceeds?|ahead|behind)\b", re.IGNORECASE
)
_MOVING = re.compile(
    r"\b(?:drops?|falls?|fell|los[et]s?|rises?|rose|gains?|improves?|increases?|decreases?|goes|sinks?|from)\b",
    re.IGNORECASE,
)
