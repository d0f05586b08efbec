"""Numbers with a direction: what is at least and what at most, and which of two numbers is said to be the larger one."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from failsight.agent.grounding.claims import Claim
from failsight.agent.grounding.numbers import Number, numbers
from failsight.agent.grounding.operators import NEGATOR
from failsight.agent.grounding.reading import Reading
from failsight.agent.state import CaseState

_LEAST = re.compile(
    r"\b(?:at least|no less than|not less than|no fewer than|a minimum of|minimum of|not under|not below)(?: an?| the| some| about)? ?\+?$",
    re.IGNORECASE,
)
_MOST = re.compile(
    r"\b(?:at most|no more than|not more than|a maximum of|maximum of|up to|not over|not above)(?: an?| the| some| about)? ?\+?$",
    re.IGNORECASE,
)
_OR_MORE = re.compile(
    r"^(?: ?%| points?| percent| labelled| confidence)* (?:or|and) (?:more|above|over|higher|up|upwards|beyond)\b",
    re.IGNORECASE,
)
_OR_LESS = re.compile(
    r"^(?: ?%| points?| percent| labelled| confidence)* (?:or|and) (?:less|below|fewer|under|lower)\b",
    re.IGNORECASE,
)
_SET = re.compile(r"\bbar\b|\bminimum\b|\bbeforehand\b|\bset\b|\bfixed\b|\bthreshold\b|\bplan", re.IGNORECASE)
_UNDER_BAR = re.compile(r"\b(?:below|under|short of|less than|smaller than)\b[^,;]{0,20}$", re.IGNORECASE)
_OVER_LEVEL = re.compile(
    r"(?:\b(?:above|over|greater than|larger than|exceeds?|more than)|>) ?$", re.IGNORECASE
)
_LEVEL = re.compile(r"\b[pq](?:[- ]?values?)?\b", re.IGNORECASE)
#: words that compare two magnitudes whatever they are of
_LARGER = re.compile(
    r"\b(?:(?:far |much |well |clearly |slightly |somewhat |a little |considerably |way )?(?:above|over|exceed(?:s|ing)?|higher than|larger than|greater than|bigger than|ahead of)|more (?:often|frequently|commonly) (?:\([^()]*\) )?than|outweigh\w*|outnumber\w*)\b",
    re.IGNORECASE,
)
_SMALLER = re.compile(
    r"\b(?:(?:far |much |well |clearly |slightly |somewhat |a little |considerably |way )?(?:below|under|lower than|smaller than|short of|behind)|less (?:often|frequently|commonly) (?:\([^()]*\) )?than|(?:more rarely|fewer) than)\b",
    re.IGNORECASE,
)
_APART = re.compile(
    r"[;:]|\b(?:but|while|whereas|from)\b|\. |\d ?(?:%|points?|pp)? (?:above|over|below|under|ahead|behind|higher|lower|larger|smaller|more|less|fewer)\b"
)
_OTHER = re.compile(
    r"\b(?:right|wrong|correct\w*|precision|recall|confiden\w*|accuracy|error\w*)\b|, and\b", re.IGNORECASE
)
_THAN_PAIR = re.compile(
    r"(?P<way>more|less) (?:often|frequently|commonly|likely)\b[^.;()]*?\bthan\b[^.;()\d]*\((?P<rest>[^()]*)\)", re.IGNORECASE
)  # fmt: skip


class Directions:
    """The limits of a record: what it says is at least or at most a number, with the sense."""

    def __init__(self, state: CaseState) -> None:
        self._limits: dict[tuple[str, float], set[int]] = {}
        texts = [t for e in state.evidence for t in (e.summary, *e.notes, *e.next_steps)]
        texts += [c.action for e in state.evidence for c in e.corrections]
        for text in dict.fromkeys(texts):
            for number in numbers(text, words=False):
                sense = _limit(text, number)
                if sense:
                    self._limits.setdefault((number.family, round(number.value, 1)), set()).add(sense)
        for expectation in state.expectations.values():
            key = ("percent", round(100 * float(expectation.bound), 1))
            self._limits.setdefault(key, set()).add(1 if expectation.at_least else -1)
        self._confirmed = [
            float(v)
            for r in state.records.values()
            if r.finding.verdict == "confirmed"
            for v in (r.finding.p, r.finding.q)
            if v is not None
        ]

    def claims(self, at: Reading, inside: Sequence[Number]) -> Iterator[Claim]:
        """Limits the other way round, and comparisons of two numbers that the numbers themselves contradict."""
        digits = sorted((n for n in inside if not n.word), key=lambda n: n.start)
        for number in digits:
            sense = _limit(at.text[: number.end + 24], number)
            known = self._limits.get((number.family, round(number.value, 1)))
            if sense and known == {-sense}:
                yield Claim("number", number.start, number.end, False, (), "the limit is the other way")
            bar = number.family == "points" and known == {1} and _SET.search(at.part) is not None
            lead = at.text[max(at.sentence.start, number.start - 40) : number.start]
            if (
                bar
                and _UNDER_BAR.search(lead)
                and not NEGATOR.search(at.part)
                and not re.search(r"excess|half", at.part)
            ):
                yield Claim("number", number.start, number.end, False, (), "the record says the opposite")
        yield from self._levelled(at, digits)
        yield from _compared(at, digits)
        yield from _in_brackets(at, digits)

    def _levelled(self, at: Reading, digits: Sequence[Number]) -> Iterator[Claim]:
        """``q is above 0.001`` of what was confirmed."""
        if not re.search(r"confirmed|mask|shortcut|finding|shift|drop|gap|\bF\d", at.part) or NEGATOR.search(
            at.part
        ):
            return
        for number in digits:
            lead = at.text[max(at.sentence.start, number.start - 70) : number.start]
            if (
                0 < number.value < 0.05
                and _LEVEL.search(lead)
                and _OVER_LEVEL.search(lead)
                and self._confirmed
            ) and all(v <= number.value for v in self._confirmed):
                yield Claim("number", number.start, number.end, False, (), "the record says the opposite")


def _limit(text: str, number: Number) -> int:
    """+1 where a number is said to be a least, −1 where a most, else 0."""
    before, after = text[max(0, number.start - 24) : number.start], text[number.end : number.end + 24]
    if _LEAST.search(before) or _OR_MORE.match(after):
        return 1
    return -1 if _MOST.search(before) or _OR_LESS.match(after) else 0


def _compared(at: Reading, digits: Sequence[Number]) -> Iterator[Claim]:
    """``64.2 %, far below the 23.7 % elsewhere``: the first of two numbers against the second."""
    plain = [n for n in digits if not n.bracket or n.family in ("percent", "points")]
    for one, other in itertools.pairwise(plain):
        between = at.text[one.end : other.start]
        if one.family != other.family or len(between) > 70 or re.search(r"\d", between) or "[" in between:
            continue
        larger, smaller = _LARGER.search(between), _SMALLER.search(between)
        match = larger or smaller
        if (
            match is None
            or bool(larger) == bool(smaller)
            or _APART.search(between)
            or NEGATOR.search(between)
        ):
            continue
        if _OTHER.search(between[: match.start()]):
            continue
        if not re.fullmatch(
            r"(?:[\s*(]|the|your|an?|of|about|only|just|some|its|rate|bar|elsewhere)*", between[match.end() :]
        ):
            continue
        if (one.value - other.value) * (1 if larger else -1) < 0:
            yield Claim("number", other.start, other.end, False, (), "the comparison is the other way")


def _in_brackets(at: Reading, digits: Sequence[Number]) -> Iterator[Claim]:
    """``far less often than hiding a patch elsewhere (79.5 % vs 2.4 %)``."""
    for match in _THAN_PAIR.finditer(at.part):
        start, end = at.sentence.start + match.start("rest"), at.sentence.start + match.end("rest")
        two = [n for n in digits if start <= n.start < end]
        if len(two) != 2 or two[0].family != two[1].family or NEGATOR.search(at.part[: match.start()]):
            continue
        if not re.search(
            r"\b(?:vs\.?|versus|against|to|and|compared)\b|/", at.text[two[0].end : two[1].start]
        ):
            continue
        if (two[0].value - two[1].value) * (1 if match["way"].lower() == "more" else -1) < 0 and re.search(
            r"\b(?:often|frequently|commonly)\b", match[0]
        ):
            yield Claim("number", two[1].start, two[1].end, False, (), "the comparison is the other way")
