"""Subjects that a sentence may be about, and what the record has on them: who labelled, how sure it is, whether it is ready, what is worst.

Each gives one to three sentences out of evidence and findings; none where the record has nothing on it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from failsight import prompts
from failsight.agent.narrate.findings import ordered
from failsight.agent.planners.advice.numbers import accuracy, judged, largest, of_classes, shown
from failsight.agent.planners.known import findings
from failsight.tools.expectations.names import is_price
from failsight.tools.notes import called
from failsight.tools.text import clean, interval, listing, number

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.agent.planners.advice.numbers import Judged
    from failsight.agent.planners.known.things import Things
    from failsight.agent.state import CaseState
    from failsight.tools.evidence import Evidence, Fact

WORST: Final = 2  # classes that are named as the worst
#: errors that are none: ``how many of the errors are no errors``; not ``the errors here are not more than the errors there``
NO_ERRORS: Final = re.compile(
    r"\b(?:errors?|mistakes?|wrong (?:ones|answers))\b.{0,40}?(?:\b(?:not|no|never|none)|n'?t)\b(?: (?!(?:more|fewer|less|than|as|only|all)\b)[\w']+){0,2}? (?:errors?|mistakes?|wrong)\b"
    r"|\b(?:errors?|mistakes?)\b.{0,24}\b(?:are|is|be) (?:really |actually |in fact |truly )*(?:right|correct|fine)\b(?! (?:after|before|there|here|at|in|on|behind|beside|next)\b)",
    re.IGNORECASE,
)
_LABELS: Final = re.compile(
    r"\b(?:labels?|labell?(?:ed|ing)|annotat\w+|tagged|ground truth|who (?:put|made|gave|wrote|set) the (?:wrong )?(?:labels?|names|classes))\b"
    rf"|{NO_ERRORS.pattern}",
    re.IGNORECASE,
)
_SURE: Final = re.compile(
    r"\b(?:(?:how |so |too |really )?(?:sure|confident\w*|certain\w*)|confidence|honest|(?:say|says|saying|said|tells?|admits?)(?: \w+)? ?,?[\"“']?i (?:do not|don'?t|dont) know|(?:is|when) (?:it )?unsure)\b",
    re.IGNORECASE,
)
_TRUST: Final = re.compile(
    r"\b(?:would|could|should|can|may|do) (?:you|we|i|one|they|people|anybody|anyone)(?: \w+)? (?:give|let|hand|leave|trust|rely|use|buy|recommend)\b.*\b(?:it|this|that|thing|model|mother|father|mum|mom|child(?:ren)?|kids?|family|grand\w+|friend|members?|people|users?|patients?|customers?)\b"
    r"|\b(?:is|are) (?:it|this|that|we|the (?:model|thing|machine|system)) (?:\w+ )?(?:safe|ready|good enough|trustworthy|reliable enough|usable)\b",
    re.IGNORECASE,
)
_WORST: Final = re.compile(
    r"\b(?:which|what|where)\b.*\b(?:most dangerous|dangerous|worst|riskiest|most (?:risky|harmful|unreliable|often wrong)|least (?:safe|reliable)|should (?:we|i|they) (?:worry|be (?:careful|afraid)))\b|\bwhat (?:is|are) the (?:danger|risk|worst)\w*\b",
    re.IGNORECASE,
)


def subject_of(question: str) -> str:
    """The subject of a sentence; empty where it has none of these."""
    return next((name for name, (pattern, _) in _SUBJECTS.items() if pattern.search(question)), "")


def told(case: Case, name: str, things: Things) -> list[str]:
    """What the record has on a subject, about the things that are named; empty where it has nothing."""
    return _SUBJECTS[name][1](case, things) if name in _SUBJECTS else []


# --- labels ------------------------------------------------------------------------------------------------------------


def _labels(case: Case, things: Things) -> list[str]:
    """Whose labels disagree, of those that are named first, and how many labels are wrong."""
    state = case.state()
    made = state.latest("label_noise")
    if made is None:
        return []
    found = [r for r in ordered(state) if r.finding.kind == "label_noise" and r.standing in findings.STANDING]
    groups = {c.partition("=")[0] for c in things.group}
    own = [
        r
        for r in found
        if r.finding.slice
        and (
            not groups
            or set(r.finding.slice.items()) & {tuple(c.split("=", 1)) for c in things.group if "=" in c}
        )
    ]
    lines = [findings.line(r) for r in own[:1]]
    row = [] if own else _row(made, things)
    share = next((f for f in made.facts if f.name == "label_noise" and not f.of), None)
    if share is not None and isinstance(share.value, float):
        lines.append(
            prompts.say(
                "known.labels",
                share=number(share.value),
                ci=interval(share.ci),
                n=f"{share.n or 0:,}",
                evidence=made.id,
            )
        )
    return [*row, *lines]


def _row(made: Evidence, things: Things) -> list[str]:
    """How many labels of a group that is named are wrong, of those that the check parted by."""
    for fact in made.facts:
        group = fact.of.removeprefix("slice ")
        if fact.name == "suspect_labels" and group in things.group and isinstance(fact.value, float):
            verdict = next(
                (
                    f"{r[-2]}"
                    for t in made.tables
                    for r in t.rows
                    if r and r[0] == group and "verdict" in t.columns
                ),
                "",
            )
            return [
                prompts.say(
                    "known.suspects",
                    group=clean(group, 60),
                    share=number(fact.value),
                    ci=interval(fact.ci),
                    n=f"{fact.n or 0:,}",
                    verdict=clean(verdict or "undecided", 20),
                    evidence=made.id,
                )
            ]
    return []


# --- confidence ----------------------------------------------------------------------------------------------------------


def _sure(case: Case, things: Things) -> list[str]:
    """How sure it is of wrong answers."""
    made = case.state().latest("confidence_profile")
    if made is None or things.group or things.classes:
        return []
    wrong, right = (_share(made, n) for n in ("mean_confidence_wrong", "mean_confidence_right"))
    errors = _fact(made, "mean_confidence_wrong")
    if not wrong or not right or errors is None:
        return []
    lines = [prompts.say("known.sure", wrong=wrong, n=f"{errors.n or 0:,}", right=right, evidence=made.id)]
    most, bar = _fact(made, "confident_errors"), re.search(r"at least ([\d.]+ %)", made.summary)
    if most is not None and most.n and bar is not None:
        k = f"{round(_number(most) * most.n):,}"
        lines.append(prompts.say("known.sure.errors", k=k, n=f"{most.n:,}", bar=bar[1], evidence=made.id))
    return lines


def _share(made: Evidence, name: str) -> str:
    """A fact as a share with its interval; empty where there is none."""
    fact = _fact(made, name)
    return f"{number(_number(fact))} {interval(fact.ci)}".strip() if fact is not None else ""


def _number(fact: Fact) -> float:
    return float(fact.value) if isinstance(fact.value, int | float) else 0.0


def _fact(made: Evidence, name: str) -> Fact | None:
    return next(
        (f for f in made.facts if f.name == name and not f.of and isinstance(f.value, int | float)), None
    )


# --- whether it may be used, and what is worst ---------------------------------------------------------------------------


def _trust(case: Case, things: Things) -> list[str]:
    """Whether it is ready, and the worst that is known."""
    state = case.state()
    known = judged(state)
    if things.group or things.columns:
        return []
    if known is None:
        lines = _in_use(state, case.splits()) or of_split(case, "data")
        return (
            [prompts.say("known.unjudged"), *lines, *(findings.line(r) for r in largest(state)[:1])]
            if lines
            else []
        )
    bounds = [e for e in state.expectations.values() if not is_price(e.name)]
    if known.stale and bounds and not known.criteria:  # then it was judged when nobody had demanded anything
        demands = listing([shown(e.name, e.bound, at_least=e.at_least) for e in bounds], 4, 120)
        lines = [prompts.say("known.judge_anew", demands=demands), *of_split(case, "data")]
        return [*lines, *(findings.line(r) for r in largest(state)[:1])]
    verdict = {"ready": "known.ready", "not_ready": "known.not_ready"}.get(known.verdict, "known.undecided")
    lines = [prompts.say(verdict, summary=clean(known.evidence.summary, 260), evidence=known.evidence.id)]
    if not holds(state, known):
        lines = [
            prompts.say("known.outdated", verdict=known.verdict.replace("_", " "), evidence=known.evidence.id)
        ]
    return [*lines, *_in_use(state, case.splits()), *(findings.line(r) for r in largest(state)[:1])]


def holds(state: CaseState, known: Judged) -> bool:
    """Whether a judgement may be told as it was: not by other demands than now, and no ``ready`` from before what was found since."""
    return not state.out_of_date(known.evidence) and not (known.stale and known.verdict == "ready")


def _in_use(state: CaseState, splits: Sequence[str]) -> list[str]:
    rate = accuracy(state, "deploy") if "deploy" in splits else None
    return (
        [
            prompts.say(
                "known.split",
                images=called("deploy"),
                right=str(rate),
                n=f"{rate.n:,}",
                evidence=rate.evidence,
            )
        ]
        if rate is not None
        else []
    )


def _worst(case: Case, things: Things) -> list[str]:
    """The classes that are recognised least often, in real use first."""
    state, lines = case.state(), []
    if things.group or things.columns:  # which is worst there is counted
        return []
    for split in (things.split,) if things.split else ("deploy", "data"):
        rates = of_classes(state, case.classes, "recall", split) if split in case.splits() else {}
        low = sorted((r.value, c) for c, r in rates.items())[:WORST]
        if len(rates) > 1:
            names = [
                f"{clean(c.replace('_', ' '), 60)} {rates[c]}{f' of {rates[c].n:,}' if rates[c].n else ''}"
                for _, c in low
            ]
            lines.append(
                prompts.say(
                    "known.worst",
                    images=called(split),
                    names=listing(names),
                    evidence=rates[low[0][1]].evidence,
                )
            )
    return [*lines, *(findings.line(r) for r in largest(state)[:1])] if lines else []


def of_class(case: Case, name: str, split: str = "") -> list[str]:
    """How often a class is recognised: of the images that are meant, else of those from real use and the evaluation images."""
    state = case.state()
    found = []
    for one in (split,) if split else ("data", "deploy"):
        rate = of_classes(state, [name], "recall", one).get(name) if one in case.splits() else None
        if rate is not None:
            found.append((called(one), rate))
    if not found:
        return []
    parts = [prompts.say("known.class.part", right=str(r), n=f"{r.n:,}", images=i) for i, r in found]
    return [
        prompts.say(
            "known.class",
            name=clean(name.replace("_", " "), 60),
            parts=listing(parts, 2, 200),
            evidence=found[0][1].evidence,
        )
    ]


def of_split(case: Case, split: str) -> list[str]:
    """How many of the images of a split are right."""
    rate = accuracy(case.state(), split)
    return (
        [
            prompts.say(
                "known.split", images=called(split), right=str(rate), n=f"{rate.n:,}", evidence=rate.evidence
            )
        ]
        if rate is not None
        else []
    )


#: name → the words for it, and what the record has on it; the first that fits
_SUBJECTS: Final[dict[str, tuple[re.Pattern[str], Callable[[Case, Things], list[str]]]]] = {
    "labels": (_LABELS, _labels),
    "worst": (_WORST, _worst),
    "trust": (_TRUST, _trust),
    "sure": (_SURE, _sure),
}
