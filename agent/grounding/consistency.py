"""Whether the numbers of a sentence agree with one another, whatever the record says.

A value outside of its own interval, a rise that goes down, a sum that does not add up, a larger number that is smaller:
each shows without any evidence that something was altered.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from failsight.agent.grounding.claims import Claim
from failsight.agent.grounding.numbers import Number
from failsight.agent.grounding.reading import Reading

_OPENS = re.compile(
    r"^\**(?:[^\d,;:.\[\]()]{0,40}\[|\s*(?:points?|%)?\**[\s,]*\()(?:95 ?% )?(?:CI|(?:confidence )?interval)?[:,\s]*$"
)
_TO = re.compile(r"^(?: ?%| points?)?(?:,| to| and|\s?[–-])\s?\+?$")
_RISES = re.compile(
    r"\b(?:rises?|rose|raises?|raised|increas\w+|climb\w*|gr[eo]ws?|gains?|improv\w+|goes up|went up|is up|lifts?)\b",
    re.IGNORECASE,
)
_FALLS = re.compile(
    r"\b(?:falls?|fell|drop\w*|lower(?:s|ed)|decreas\w+|sinks?|sank|shrinks?|declin\w+|collaps\w+|goes down|went down|is down|"
    r"reduc\w+|los[et]s?|deteriorat\w+|plung\w+)\b",
    re.IGNORECASE,
)
_SIGNS = {"+": 1, "plus": 1, "and": 1, "-": -1, "−": -1, "–": -1, "minus": -1}
_RESULT = re.compile(r"^(?: ?%| points?)?\s*(?:=|equals|makes?|leaves?|gives?|is|are)\s*$", re.IGNORECASE)
_TERM = re.compile(r"^(?: ?%| points?)?\s*(?P<sign>\+|-|−|–|plus|minus)\s*$", re.IGNORECASE)
_MORE = re.compile(
    r"\b(?:is|are|was|were|lies|being)\b[^\d,;]{0,24}\b(?:larger|bigger|higher|greater|above|more)\b[^\d;]*?\bthan\b",
    re.IGNORECASE,
)
_LESS = re.compile(
    r"\b(?:is|are|was|were|lies|being)\b[^\d,;]{0,24}\b(?:smaller|lower|below|less|fewer)\b[^\d;]*?\bthan\b",
    re.IGNORECASE,
)


def consistent(at: Reading, inside: Sequence[Number]) -> Iterator[Claim]:
    """What does not add up in a sentence; nothing where all does."""
    digits = sorted((n for n in inside if not n.word), key=lambda n: n.start)
    yield from _intervals(at, digits)
    yield from _moves(at, digits)
    yield from _sums(at, digits)
    yield from _larger(at, digits)
    yield from _beyond(at, digits)
    yield from _shares(at, sorted(inside, key=lambda n: n.start))


def _claim(number: Number, reason: str) -> Claim:
    return Claim("number", number.start, number.end, False, (), reason)


def _between(at: Reading, one: Number, other: Number) -> str:
    return at.text[one.end : other.start]


def _intervals(at: Reading, digits: Sequence[Number]) -> Iterator[Claim]:
    """``58.5 % [49.5, 57.5]``: a value lies in its interval."""
    for value, low, high in zip(digits, digits[1:], digits[2:], strict=False):
        if not (low.bracket and high.bracket) or value.bracket or not _OPENS.match(_between(at, value, low)):
            continue
        if not _TO.match(_between(at, low, high)) or at.text[high.end : high.end + 12].split("]")[0].count(
            ","
        ):
            continue
        if {value.family, low.family} - {"percent", "points", "plain"}:
            continue
        ends = (
            sorted((abs(low.value), abs(high.value))) if not low.signed else sorted((low.value, high.value))
        )
        said = abs(value.value) if not low.signed else value.value
        slack = value.half + low.half
        if not ends[0] - slack <= said <= ends[1] + slack:
            yield _claim(value, "it lies outside of its own interval")


def _moves(at: Reading, digits: Sequence[Number]) -> Iterator[Claim]:
    """``rises from 0.194 to 0.147``."""
    for one, other in itertools.pairwise(digits):
        if one.family != other.family or one.bracket or other.bracket:
            continue
        lead = at.text[max(at.sentence.start, one.start - 90) : one.start]
        if not re.search(r"\bfrom (?:about |only |just |over )?$", lead) or re.search(
            r"\binterval|\brang|\bruns?\b|\breach", lead
        ):
            continue
        if not re.match(
            r"^(?: in [\w -]+| on [\w -]+)?,? to (?:about |only |just )?$", _between(at, one, other)
        ):
            continue
        up, down = list(_RISES.finditer(lead)), list(_FALLS.finditer(lead))
        last = max((m.start(), s) for s, ms in ((1, up), (-1, down)) for m in ms) if up or down else (0, 0)
        if last[1] and (other.value - one.value) * last[1] < 0:
            yield _claim(other, "the direction is the other way")


def _sums(at: Reading, digits: Sequence[Number]) -> Iterator[Claim]:
    """``42.6 + 0.9 = 43.5``, ``450 minus 121 leaves 329``."""
    at_number = 0
    while at_number < len(digits) - 2:
        total, half = abs(digits[at_number].value), digits[at_number].half
        here = at_number
        while here + 1 < len(digits) and (sign := _sign(at, digits[here], digits[here + 1])):
            here += 1
            total += sign * abs(digits[here].value)
            half += digits[here].half
        if here > at_number and here + 1 < len(digits):
            result = digits[here + 1]
            whole = all(float(n.value).is_integer() for n in digits[at_number : here + 2])
            slack = 1e-6 if whole else half + result.half + 1e-6
            if _RESULT.match(_between(at, digits[here], result)) and abs(total - abs(result.value)) > slack:
                yield _claim(result, "it does not add up")
        at_number = max(here, at_number + 1)


def _sign(at: Reading, one: Number, other: Number) -> int:
    """The sign between two neighbouring numbers, 0 where they are no terms of a sum."""
    between = _TERM.match(_between(at, one, other))
    if between is not None:
        return _SIGNS[between["sign"].lower()]
    own = at.text[other.start : other.start + 1]
    return _SIGNS.get(own, 0) if re.match(r"^(?: ?%| points?)?\s*$", _between(at, one, other)) else 0


_ABOVE = re.compile(
    r"\b(?:stays?|is|are|lies|remains?|sits?) (?:\w+ )?(?P<way>above|over|below|under)\b (?:the |your |a )?(?:\w+ )?$",
    re.IGNORECASE,
)


def _beyond(at: Reading, digits: Sequence[Number]) -> Iterator[Claim]:
    """``75.9 % stays above the 90 %``."""
    for one, other in itertools.pairwise(digits):
        between = _between(at, one, other)
        match = _ABOVE.search(between)
        if (
            match is None
            or one.family != other.family
            or len(between) > 60
            or re.search(r"[;]|\bnot\b|n't\b", between)
        ):
            continue
        if (one.value - other.value) * (1 if match["way"] in ("above", "over") else -1) <= 0:
            yield _claim(other, "the comparison is the other way")


_OF = re.compile(r"^(?: \w+){0,2} (?:out )?of (?:the |its |all |these )*$")
_WHICH = re.compile(
    r"^[^.;\d]{0,60}?(?:, (?:which|that) (?:is|are|makes|amounts to|comes to)|, (?:or|so|i\.e\.|that is)|\bmeaning) (?:just |only |about |roughly |almost |nearly |slightly |somewhat |a little |well |more than |less than |over |under )*(?:a |one |an )?$",
    re.IGNORECASE,
)


def _shares(at: Reading, inside: Sequence[Number]) -> Iterator[Claim]:
    """``279 of the 600 are wrong, which is about a quarter``."""
    for part, total, share in zip(inside, inside[1:], inside[2:], strict=False):
        if (
            part.word
            or total.word
            or share.family != "percent"
            or part.family != "plain"
            or total.family != "plain"
        ):
            continue
        if (
            not _OF.match(_between(at, part, total))
            or not _WHICH.match(_between(at, total, share))
            or part.value > total.value > 0
        ):
            continue
        if (
            total.value
            and abs(100 * part.value / total.value - share.value) > share.half + 0.03 * share.value + 0.5
        ):
            yield _claim(share, "it does not add up")


def _larger(at: Reading, digits: Sequence[Number]) -> Iterator[Claim]:
    """``The gap of 22.5 points is larger than the drop of 20.7 points``."""
    for one, other in itertools.pairwise(digits):
        if one.family != other.family or at.text[one.start - 1 : one.start] == "[":
            continue
        between = _between(at, one, other)
        more, less = _MORE.search(between), _LESS.search(between)
        if bool(more) == bool(less) or re.search(r"[;:]|\bbut\b|\bwhile\b", between):
            continue
        if re.search(r"\d", between) or (one.value - other.value) * (1 if more else -1) >= 0:
            continue
        yield _claim(other, "the comparison is the other way")
