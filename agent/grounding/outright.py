"""Sentences that say something outright which the record plainly contradicts: both numbers given the wrong way round, a limit
that a row passes, a test that showed nothing, errors where none are said to be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from failsight.agent.grounding.claims import Claim, weighed
from failsight.agent.grounding.hedges import hedged
from failsight.agent.grounding.lexicon import NEGATION
from failsight.agent.grounding.measures import Measures, noun
from failsight.agent.grounding.names import only
from failsight.agent.grounding.reading import Reading
from failsight.agent.grounding.sources import Atom
from failsight.agent.state import CaseState

_PERCENT = r"(?P<{}>\d+(?:\.\d+)?) ?(?:%|per ?cent)"
_BETTER = re.compile(
    rf"\b(?P<way>better|worse)\b(?P<lead>[^.;%]{{0,80}}?)\b{_PERCENT.format('a')}(?P<mid>[^.;\d%]{{0,40}})\b(?:against|versus|vs\.?|compared (?:with|to)|instead of)\b"
    rf"[^.;\d%]{{0,40}}{_PERCENT.format('b')}",
    re.IGNORECASE,
)
_TURNS = re.compile(r"\b(?:which|whose|that|but|while|whereas)\b", re.IGNORECASE)
_WRONG = re.compile(r"\berrors?\b|\bwrong|\bmistakes?\b|\bfail\w*|\bmiss(?:es|ed)\b", re.IGNORECASE)
_RIGHT = re.compile(
    r"\bright\b|\baccura\w*|\brecall\b|\bprecision\b|\bcorrect\w*|\brecogni[sz]\w*", re.IGNORECASE
)
_NEVER = re.compile(
    r"\b(?:never|nowhere|in no|for no|no|not one|none)\b[^.;:\d]{0,60}?\b(?:(?P<down>below|under|less than)|(?P<up>above|over|more than|exceed\w*|beyond))"
    rf" {_PERCENT.format('n')}",
    re.IGNORECASE,
)
_OF_CLASSES = re.compile(
    r"\b(?:any|no|not one|none of the|every|each) (?:\w+ )?(?:class|categor|label)", re.IGNORECASE
)
_SHOWN = re.compile(
    r"\b(?:the|this|that|my|our|its|a) (?:\w+ )?(?:test|experiment|comparison|check|measurement) (?:has |have |clearly |plainly |also )*"
    r"(?:shows?|showed|shown|proves?|proved|finds?|found|demonstrate[sd]?|establish(?:es|ed))\b",
    re.IGNORECASE,
)
_NOTHING = re.compile(
    r"\b(?:no|not|nothing|neither|never|inconclusive|refuted|undecided|open|chance|unclear)\b|n't\b",
    re.IGNORECASE,
)
_FREE = re.compile(
    r"\b(?:free (?:of|from)|contains? no|(?:has|have|had|makes?|made|shows?) no|without (?:any|a single)) (?:\w+ )?(?:errors?|mistakes?|wrong labels?)\b",
    re.IGNORECASE,
)
_ERRORS = ("error", "label_noise", "wrong labels")


class Outright:
    """What of a record contradicts such sentences."""

    def __init__(self, state: CaseState, measures: Measures, atoms: Sequence[Atom]) -> None:
        self._state, self._measures = state, measures
        self._spotless = [
            a
            for a in atoms
            if a.value == 0 and a.part in ("value", "count") and not a.pair and a.metric in _ERRORS
        ]

    def claims(self, at: Reading) -> Iterator[Claim]:
        """All claims of one sentence."""
        for found in (swapped(at), self._never(at), self._showed(at), self._free(at)):
            if found is not None:
                yield found

    def _never(self, at: Reading) -> Claim | None:
        """``Precision never drops below 75 % in any class``: no class may."""
        match = _NEVER.search(at.part)
        if (
            match is None
            or hedged(at.part, match.start())
            or not _OF_CLASSES.search(at.part[match.start() :])
        ):
            return None
        metric = noun(re.split(r"[,;:]|\band\b", at.part[: match.start()])[-1]) or noun(match[0])
        held = self._measures.by_class(metric, only(at.whole.splits) or "data") if metric else {}
        if len(held) < 2 or at.whole.attributes:
            return None
        limit = float(match["n"])
        ok = all(v >= limit if match["down"] else v <= limit for v, _ in held.values())
        return _claim(at, match, ok, next(iter(held.values()))[1], "a class lies beyond it")

    def _showed(self, at: Reading) -> Claim | None:
        """``The test shows it to be a weak spot``: not where the test that is cited decided nothing, or refuted it."""
        match = _SHOWN.search(at.part)
        if match is None or hedged(at.part, match.start()) or _NOTHING.search(at.part[match.end() :]):
            return None
        if re.match(r"[^.;\d]{0,16}\d", at.part[match.end() :]):
            return None  # a number follows, which is checked by itself
        cited = at.whole.evidence
        about = [
            r for r in self._state.records.values()
            if r.id in at.whole.findings or cited & set(r.evidence) or any(t.evidence in cited for t in r.finding.tests)
        ]  # fmt: skip
        if not about or any(r.finding.verdict in ("confirmed", None) for r in about):
            return None
        return _claim(at, match, False, "", f"{about[0].id} is {about[0].finding.verdict}")

    def _free(self, at: Reading) -> Claim | None:
        """``These labels contain no errors``: only where the record counts none."""
        match = _FREE.search(at.part)
        things = at.about.entities
        if match is None or not things or hedged(at.part, match.start()):
            return None
        if NEGATION.search(at.part[: match.start()][-20:]):
            return None
        labels = re.search(r"\blabels?\b", at.part, re.IGNORECASE) is not None
        held = next(
            (
                a for a in self._spotless
                if a.names.entities and a.names.entities <= things and (a.metric != "error") == labels
                and (not at.about.values or a.names.values <= at.about.values)
            ),
            None,
        )  # fmt: skip
        return _claim(
            at, match, held is not None, held.refs[0] if held else "", "the record counts no such thing"
        )


def swapped(at: Reading) -> Claim | None:
    """``does better, with 22.0 % errors against 17.8 %``: what is given first is worse."""
    match = _BETTER.search(at.part)
    if match is None or hedged(at.part, match.start()) or NEGATION.search(at.part[: match.start()][-12:]):
        return None
    if re.search(r"\b(?:no|hardly|little) $", at.part[: match.start()]) or _TURNS.search(
        match["lead"] + match["mid"]
    ):
        return None
    said = match[0] + at.part[match.end() : match.end() + 24]
    wrong, right = _WRONG.search(said), _RIGHT.search(said)
    if bool(wrong) == bool(right):
        return None
    first, second = float(match["a"]), float(match["b"])
    ok = first == second or ((first > second) == (match["way"].lower() == "worse")) == bool(wrong)
    return None if ok else _claim(at, match, False, "", "the numbers say the opposite")


_BOTH = re.compile(
    rf"(?P<way>lower|less|fewer|smaller|higher|more|larger|greater)\b[^.;()]{{0,50}}\({_PERCENT.format('a')}\) than [^.;()]{{0,40}}\({_PERCENT.format('b')}\)",
    re.IGNORECASE,
)
_DOWN = ("lower", "less", "fewer", "smaller")


def by_its_numbers(at: Reading, claim: Claim) -> bool:
    """``lower at night (0.8 %) than elsewhere (1.5 %)``: a comparison that gives both of its numbers is as right as these are."""
    if claim.kind != "comparison":
        return False
    for match in _BOTH.finditer(at.part):
        start = at.sentence.start + match.start()
        if claim.start <= start < claim.end or start <= claim.start < start + len(match["way"]):
            return (float(match["a"]) < float(match["b"])) == (match["way"].lower() in _DOWN)
    return False


def _claim(at: Reading, match: re.Match[str], ok: bool, ref: str, reason: str) -> Claim:
    start = at.sentence.start + match.start()
    return weighed("comparison", start, start + len(match[0]), ok, (ref,) if ref else (), reason)
