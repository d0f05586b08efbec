"""What is said of everything at once, of the best repair or of readiness, in words alone: each asks the record one question.

``Precision is higher than recall for every class``, ``the errors are evenly spread over the classes``, ``calibration is in order``,
``the repair lowered the errors on all groups``: a sweeping sentence without a number is wrong where one recorded value is against it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from failsight.agent.grounding.claims import Claim, weighed
from failsight.agent.grounding.hedges import hedged
from failsight.agent.grounding.measures import Measures, Side
from failsight.agent.grounding.names import only
from failsight.agent.grounding.reading import Reading
from failsight.agent.state import CaseState

_OPPOSITE = "the record says the opposite"
_EVERY = r"(?:every|each|all(?: of)?(?: the)?) (?:\w+ )?(?:class(?:es)?|rooms?|categor(?:y|ies))"
_RATES = re.compile(
    rf"\b(?P<one>precision|recall) (?:is|lies|stays) (?P<way>higher|lower|above|below|better|worse)(?: than)? (?:the )?(?P<other>precision|recall)\b[^.;]{{0,24}}\b{_EVERY}",
    re.IGNORECASE,
)
_EVEN = re.compile(
    r"\b(?:errors?|mistakes|failures?)\b[^.;]{0,24}\b(?:evenly|equally|uniformly) (?:spread|distributed)\b",
    re.IGNORECASE,
)
_IN_ORDER = re.compile(
    r"\b(?:calibration|confidences?)\b[^.;,]{0,32}\b(?:in order|fine|good|sound|all right|trustworthy|no problem)\b",
    re.IGNORECASE,
)
_ALWAYS = re.compile(
    r"\b(?:always|without exception|every time|never)\b[^.;,]{0,24}\b(?P<what>wrong(?:ly)?|right|correct(?:ly)?|misclassified|recogni[sz]ed)\b",
    re.IGNORECASE,
)
_DARK = re.compile(
    r"\b(?:dark|bright|blurred|blurry|sharp|low-contrast)\w* (?:images|pictures|photos|ones)\b", re.IGNORECASE
)
_MORE_SO = re.compile(r"\band (?:even )?(?P<way>more|less) so (?:on|in)\b", re.IGNORECASE)
_AHEAD = re.compile(
    r"\b(?:is|are|stays?|remains?|lies?) (?:\w+ )?(?P<way>ahead|behind|in front)(?: of\b|\b)", re.IGNORECASE
)
_GO_TO = re.compile(
    r"\b(?:errors?|mistakes)\b[^.;]{0,40}?\bgo(?:es)? (?:mainly|mostly|chiefly|above all) to\b", re.IGNORECASE
)
_REPAIRED = re.compile(
    r"\brepair\b[^.;]{0,24}\b(?P<what>(?:is|was|has been) verified|can be (?:used|deployed|adopted|shipped)|works|worked|succeeded)\b|"
    r"\b(?P<all>lowered|reduced|cut|improved) (?:the )?(?:errors?|error rates?|accuracy) (?:on|in|for|of) (?:all|every|each)\b",
    re.IGNORECASE,
)
_CHANCE = re.compile(
    r"\b(?:is|are|was|were) (?:probably |most likely |likely |only |just |mere(?:ly)? |pure )*(?:chance|luck|coincidence|noise)\b",
    re.IGNORECASE,
)
_NOT_READY = re.compile(
    r"\b(?:judged?|rated?|deemed|considers?|considered|found|finds|declared|verdict)\b[^.;]{0,30}\bnot ready\b",
    re.IGNORECASE,
)
_OVER = re.compile(r"\b(?:more than|over|above|better than|at least) (?P<n>\d+(?:\.\d+)?) ?%", re.IGNORECASE)
_NONE = re.compile(r"\b(?:not|never|no|none|nobody)\b|n't\b", re.IGNORECASE)
_EVENLY = 1.5  # the largest error rate of a class may be so many times the smallest


class Overall:
    """The facts that settle such sentences."""

    def __init__(self, state: CaseState, measures: Measures) -> None:
        self._state, self._measures = state, measures

    def claims(self, at: Reading) -> Iterator[Claim]:
        """All claims of one sentence."""
        if at.part.rstrip().endswith("?"):
            return
        for rule in (
            self._rates, self._even, self._calibration, self._always, self._more_so, self._ahead, self._mainly, self._repair,
            self._chance, self._not_ready, self._over,
        ):  # fmt: skip
            made = rule(at)
            if made is not None:
                yield made

    def _claim(
        self, at: Reading, match: re.Match[str], ok: bool, ref: str, reason: str = _OPPOSITE
    ) -> Claim | None:
        """A comparison that is wrong, or right; nothing where it is merely supposed."""
        if hedged(at.part, match.start()):
            return None
        start = at.sentence.start + match.start()
        return weighed("comparison", start, start + len(match[0]), ok, (ref,) if ref else (), reason)

    def _rates(self, at: Reading) -> Claim | None:
        match = _RATES.search(at.part)
        if match is None or match["one"].lower() == match["other"].lower() or _NONE.search(at.part):
            return None
        split = only(at.about.splits or at.carried.splits) or "data"
        one, other = (self._measures.by_class(match[k].lower(), split) for k in ("one", "other"))
        up = match["way"].lower() in ("higher", "above", "better")
        both = one.keys() & other.keys()
        if len(both) < 2:
            return None
        return self._claim(
            at, match, all((one[c][0] > other[c][0]) == up for c in both), next(iter(one.values()))[1]
        )

    def _even(self, at: Reading) -> Claim | None:
        match = _EVEN.search(at.part)
        if match is None or _NONE.search(at.part) or at.whole.entities:
            return None
        recall = self._measures.by_class("recall", only(at.about.splits) or "data")
        wrong = sorted(100 - v for v, _ in recall.values())
        if len(wrong) < 2:
            return None
        return self._claim(
            at, match, wrong[-1] <= _EVENLY * max(wrong[0], 1.0), next(iter(recall.values()))[1]
        )

    def _calibration(self, at: Reading) -> Claim | None:
        match = _IN_ORDER.search(at.part)
        found = [
            r
            for r in self._state.records.values()
            if r.finding.kind == "overconfidence" and r.finding.verdict == "confirmed"
        ]
        if match is None or not found or _NONE.search(at.part[: match.end()]) or at.whole.classes:
            return None
        return self._claim(at, match, False, "")

    def _always(self, at: Reading) -> Claim | None:
        """``The dark pictures are always answered wrongly``: of a group whose error rate is known, or of one that no value is."""
        match = _ALWAYS.search(at.part)
        if match is None or (not at.whole.attributes and _DARK.search(at.part) is None):
            return None
        if re.search(r"\d", at.part):
            return None  # with a number that says how often
        rate = self._measures.value(
            "error",
            Side(at.whole.classes, at.whole.values, at.whole.attributes, only(at.about.splits) or "data"),
        )
        wrong = match["what"].lower().startswith(("wrong", "mis")) != match[0].lower().startswith("never")
        return self._claim(
            at,
            match,
            rate is not None and rate[0] == (100.0 if wrong else 0.0),
            rate[1] if rate else "",
            "nothing in the record bears this out",
        )

    def _more_so(self, at: Reading) -> Claim | None:
        match = _MORE_SO.search(at.part)
        if match is None or not re.search(r"overconfiden|surer|too sure", at.part, re.IGNORECASE):
            return None
        behind = [
            m.name for m in at.mentions if m.kind == "split" and m.start >= at.sentence.start + match.end()
        ]
        gaps = self._measures.by_split("gap")
        others = [v for s, v in gaps.items() if s in at.whole.splits - set(behind)]
        if not behind or behind[0] not in gaps or not others:
            return None
        ok = all((gaps[behind[0]][0] > v) == (match["way"].lower() == "more") for v, _ in others)
        return self._claim(at, match, ok, gaps[behind[0]][1])

    def _ahead(self, at: Reading) -> Claim | None:
        """``airplane is still ahead of bird``, ``there Kitchen is ahead``: by what is recognised of each."""
        match = _AHEAD.search(at.part)
        if (
            match is None
            or _NONE.search(at.part[: match.end()])
            or at.whole.attributes
            or re.search(r"\bprecision|\bf1\b|confiden", at.part, re.IGNORECASE)
        ):
            return None
        spot = at.sentence.start + match.start()
        before = [m.name for m in at.mentions if m.kind == "class" and m.start < spot]
        after = [m.name for m in at.mentions if m.kind == "class" and m.start >= spot]
        others = after[:1] or sorted(at.carried.classes - set(before))
        if len(set(before)) != 1 or len(others) != 1 or (match[0].endswith("of") and not after):
            return None
        recall = self._measures.by_class("recall", only(at.about.splits or at.carried.splits) or "data")
        if before[0] not in recall or others[0] not in recall:
            return None
        ok = (recall[before[0]][0] > recall[others[0]][0]) == (match["way"].lower() != "behind")
        return self._claim(at, match, ok, recall[before[0]][1])

    def _mainly(self, at: Reading) -> Claim | None:
        """``Bird's errors go mainly to airplane``: to no other class go more."""
        match = _GO_TO.search(at.part)
        if match is None or _NONE.search(at.part):
            return None
        spot = at.sentence.start + match.end()
        true = [m.name for m in at.mentions if m.kind == "class" and m.start < spot] or sorted(
            at.carried.classes
        )
        to = [m.name for m in at.mentions if m.kind == "class" and m.start > spot]
        pairs = self._measures.by_pair(only(at.about.splits) or "data")
        of = {b: v for (a, b), v in pairs.items() if true and a == true[-1]}
        if len(set(true)) != 1 or not to or to[0] not in of:
            return None
        return self._claim(at, match, of[to[0]][0] >= max(v for v, _ in of.values()), of[to[0]][1])

    def _repair(self, at: Reading) -> Claim | None:
        """A repair that was rejected is neither verified nor usable; one after which groups are worse did not help them all."""
        match = _REPAIRED.search(at.part)
        done = next((e for e in reversed(self._state.evidence) if e.tool == "verify_correction"), None)
        if match is None or done is None or _NONE.search(at.part):
            return None
        if match["all"]:
            worse = next((f.value for f in done.facts if f.name == "groups_worse"), None)
            ok = worse == 0
            return None if worse is None else self._claim(at, match, ok, done.id if ok else "")
        rejected = bool(done.corrections) and all(c.status == "rejected" for c in done.corrections)
        return self._claim(at, match, False, "", "the record holds no such repair") if rejected else None

    def _chance(self, at: Reading) -> Claim | None:
        """``The pull of cat at night is probably chance``: of what a finding confirms."""
        match = _CHANCE.search(at.part)
        if (
            match is None
            or _NONE.search(at.part[: match.end()])
            or not at.whole.attributes | at.whole.findings
        ):
            return None
        for record in self._state.records.values():
            named = record.id in at.whole.findings or (
                at.whole.attributes and at.whole.attributes <= set(record.finding.slice or {})
                and (not at.whole.classes or record.finding.class_name in at.whole.classes)
            )  # fmt: skip
            if named and record.finding.verdict == "confirmed":
                start = at.sentence.start + match.start()
                return Claim(
                    "verdict", start, start + len(match[0]), False, (), "the record gives another verdict"
                )
        return None

    def _not_ready(self, at: Reading) -> Claim | None:
        """``It was judged not ready``: where the check left it undecided, it was not."""
        match = _NOT_READY.search(at.part)
        made = self._state.latest("readiness")
        said = (
            next((f.value for f in made.facts if f.name == "readiness"), None) if made is not None else None
        )
        if match is None or made is None or said not in ("ready", "undecided"):
            return None
        return self._claim(at, match, False, "", "the readiness check says otherwise")

    def _over(self, at: Reading) -> Claim | None:
        """``used for kitchens and bathrooms, where it is right in more than 80 %``: of each of the classes."""
        match = _OVER.search(at.part)
        if (
            match is None
            or len(at.whole.classes) < 2
            or at.pairs
            or at.whole.attributes
            or _NONE.search(at.part)
        ):
            return None
        words = at.part[max(0, match.start() - 30) : match.start()]
        if len(re.findall(r"\d[\d.]* ?%", at.part)) != 1 or not re.search(
            r"\bright\b|recogni|\brecall\b", words
        ):
            return None
        recall = self._measures.by_class("recall", only(at.about.splits) or "data")
        if not at.whole.classes <= recall.keys():
            return None
        ok = all(recall[c][0] > float(match["n"]) for c in at.whole.classes)
        start = (
            at.sentence.start + match.start()
        )  # what it is said to reach is asserted, whatever is advised with it
        return weighed(
            "comparison", start, start + len(match[0]), ok, (next(iter(recall.values()))[1],), _OPPOSITE
        )
