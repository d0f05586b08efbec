"""What is said of everything or of something at once, and settled by one recorded fact: all errors, any copy, another input."""

from __future__ import annotations

import re
from collections.abc import Iterator

from failsight.agent.grounding.claims import Claim, weighed
from failsight.agent.grounding.hedges import hedged
from failsight.agent.grounding.measures import Measures, Side
from failsight.agent.grounding.operators import denied
from failsight.agent.grounding.reading import Reading
from failsight.agent.state import CaseState

_CONFIDENT = re.compile(
    r"(?<!\bof )\b(?P<all>all|every|each)\b(?! but)(?: of)?(?: the| its)?(?: [\d,]+)?(?: of the)? (?:errors?|mistakes?|wrong answers?)\b"
    r"(?=[^.;]*\b(?:confiden|sure\b|certain))",
    re.IGNORECASE,
)
_COPIES = re.compile(
    r"\b(?P<some>some|several|a few|many|a number|one|two|three|\d[\d,]*) (?:of (?:the|its) )?(?:evaluation|deployment|test) (?:images|pictures)\b"
    r"[^.;]{0,40}\b(?:among|in|with|part of|copies of|identical to) (?:the )?training\b",
    re.IGNORECASE,
)
_INPUT = re.compile(
    r"\b(?:an?other|a different|some other) (?:input )?(?:pipeline|preprocessing|normali[sz]ation|way to feed)\b[^.;]{0,30}\b(?:better|improves?|beats?|more accurate)\b",
    re.IGNORECASE,
)
_LOW = r"(?:low|poor|weak|bad)"
_HIGH = r"(?:high|good|strong)"
_RATES = r"(?P<{}>recall|precision)"
_BOTH = tuple(
    re.compile(
        rf"\b{one}(?:er)? {_RATES.format('first')}\b[^.;]{{0,20}}\b{other}(?:er)? {_RATES.format('second')}\b",
        re.IGNORECASE,
    )
    for one, other in ((_LOW, _HIGH), (_HIGH, _LOW))
)


class Sweeping:
    """The facts of a record that settle such sentences."""

    def __init__(self, state: CaseState, measures: Measures) -> None:
        self._state, self._measures = state, measures

    def claims(self, at: Reading) -> Iterator[Claim]:
        """All claims of one sentence."""
        for made in (self._errors(at), self._copies(at), self._input(at), self._rates(at)):
            if made is not None:
                yield made

    def _fact(self, name: str, of: str = "") -> tuple[float, int | None, str] | None:
        """The last recorded value of a fact, its n, and its evidence."""
        for made in reversed(self._state.evidence):
            for fact in made.facts:
                if fact.name == name and fact.of == of and isinstance(fact.value, int | float):
                    return float(fact.value), fact.n, made.id
        return None

    def _errors(self, at: Reading) -> Claim | None:
        """``All errors are confident``: the share of them that is has to be whole."""
        match = _CONFIDENT.search(at.part)
        if match is None or hedged(at.part, match.start()) or at.whole.entities:
            return None
        held = self._fact("confident_errors")
        if held is None or held[0] >= 1:
            return None
        said = not denied(at.part)
        return _claim(at, match, not said, held[2], "only a part of the errors is")

    def _copies(self, at: Reading) -> Claim | None:
        """``Some evaluation images were found among the training images``."""
        match = _COPIES.search(at.part)
        if match is None or hedged(at.part, match.start()):
            return None
        held = self._fact("leaked_exact", "split deploy" if "deploy" in match[0].lower() else "")
        if held is None:
            return None
        return _claim(at, match, (held[0] > 0) != denied(at.part), held[2], "the record says otherwise")

    def _input(self, at: Reading) -> Claim | None:
        """``Another input pipeline does better``: what the hypothesis about the input came to."""
        match = _INPUT.search(at.part)
        if match is None or hedged(at.part, match.start()):
            return None
        record = next(
            (
                r
                for r in self._state.records.values()
                if r.finding.kind == "preprocessing" and r.finding.verdict and not r.finding.about
            ),
            None,
        )
        if record is None:
            return None
        ok = (record.finding.verdict == "confirmed") != denied(at.part)
        return _claim(
            at, match, ok, record.evidence[-1] if record.evidence else "", "the record says otherwise"
        )

    def _rates(self, at: Reading) -> Claim | None:
        """``low precision but high recall``: the one has to be below the other."""
        if len(at.whole.classes) != 1 or at.whole.attributes:
            return None
        for pattern, low in zip(_BOTH, (True, False), strict=True):
            match = pattern.search(at.part)
            if (
                match is None
                or match["first"].lower() == match["second"].lower()
                or hedged(at.part, match.start())
            ):
                continue
            split = next(iter(at.whole.splits), "data") if len(at.whole.splits) < 2 else ""
            side = Side(classes=at.whole.classes, split=split)
            one = self._measures.value(match["first"].lower(), side)
            other = self._measures.value(match["second"].lower(), side)
            if one is None or other is None:
                return None
            ok = ((one[0] < other[0]) == low) != denied(at.part)
            return _claim(at, match, ok, one[1], "the record says the opposite")
        return None


def _claim(at: Reading, match: re.Match[str], ok: bool, ref: str, reason: str) -> Claim:
    start = at.sentence.start + match.start()
    return weighed("comparison", start, start + len(match[0]), ok, (ref,) if ref else (), reason)
