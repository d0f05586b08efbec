"""What the check of a repair tells: the verdict first, then what it rests on and what it cost."""

from __future__ import annotations

import math
from dataclasses import dataclass

from failsight.tools.evidence import Correction, Evidence, Finding, Interval
from failsight.tools.experiments.cues.compared import Moved, moved_table
from failsight.tools.repair.by_split import (
    Share,
    rates,
    sized_rates,
    sizes,
    split_table,
)
from failsight.tools.repair.least import LEAST_EFFECT, SHARE_OF_ERROR, default_minimum
from failsight.tools.repair.outcomes import Arms, Sample
from failsight.tools.repair.reliance import Reliance
from failsight.tools.repair.verdict import Compared, Decision, Outcome
from failsight.tools.repair.verdict_facts import verdict_facts
from failsight.tools.repair.verdict_steps import next_steps
from failsight.tools.repair.verdict_tables import ece_table, others_table, reliance_table, target_table
from failsight.tools.strategies import STRATEGIES
from failsight.tools.text import clean, interval, listing, number, p_value
from failsight.tools.view import CaseView

TOOL = "verify_correction"
TITLES: dict[Outcome, str] = {
    "verified": "The repair holds",
    "no effect": "The repair has no effect",
    "traded away": "The repair trades one failure for another",
    "inconclusive": "Whether the repair works is undecided",
}


@dataclass(frozen=True)
class Verified:
    """Everything that was measured about one repair.

    Attributes:
        finding_id, finding: what it is to repair; empty and None for all images.
        calibration: whether the target is measured by the calibration error.
        before_ece …: calibration error of all untouched images before, and after minus before over images and seeds.
        plan: id of the registered plan.
        directed: whether the target's errors are those that go the way of corrected labels.
        deferred: share of the target left to a person, and share of wrong ones among the answers given there; None where all are answered.
        target_by, worst_by: the target, and the group that lost most, split by split; empty where all are of one split.
    """

    arms: Arms
    finding_id: str
    finding: Finding | None
    sample: Sample
    calibration: bool
    minimum: float
    plan: str
    target: Compared
    others: tuple[Compared, ...]
    decision: Decision
    ece: Compared | None
    reliance: Reliance | None
    cues: tuple[Moved, ...]
    n: int
    notes: tuple[str, ...]
    directed: bool = False
    target_by: tuple[Share, ...] = ()
    worst_by: tuple[Share, ...] = ()
    deferred: tuple[float, float] | None = None

    @property
    def measure(self) -> str:
        """What is compared, as the subject of a sentence."""
        if self.directed:
            return "share answered the way of the wrong labels"
        return "calibration error" if self.calibration else "error"

    @property
    def worst(self) -> Compared | None:
        """The other group that lost most, those that are clearly worse first; None where none lost."""
        lost = [o for o in self.others if o.change.mean > 0]
        d = self.decision
        return max(lost, key=lambda o: (o.name in d.traded, o.name in d.worse, o.change.mean), default=None)


def evidence(view: CaseView, made: Verified) -> Evidence:
    """The Evidence of :func:`failsight.tools.verify_correction.verify_correction`, but for its arguments."""
    tables = [target_table(made.target, made.measure)]
    if made.target_by:
        tables.append(split_table(made.target_by, made.measure, made.target.name))
    tables.append(others_table(made.others))
    if made.ece is not None and not made.calibration:
        tables.append(ece_table(made.ece, made.n))
    if made.reliance is not None:
        tables.append(reliance_table(made.reliance))
    if made.cues:
        tables.append(moved_table(made.cues, ("before", made.arms.repair[0].name)))
    questions = ("iterations.3", *(("iterations.4",) if made.reliance or made.cues else ()))
    return Evidence(
        tool=TOOL,
        title=TITLES[made.decision.outcome],
        summary=" ".join(_summary(made)),
        facts=verdict_facts(made),
        tables=tuple(t for t in tables if t.rows),
        questions=questions,
        corrections=_corrections(view, made),
        notes=(*made.notes, *_notes(made)),
        next_steps=next_steps(made),
    )


def _summary(made: Verified) -> list[str]:
    t, d = made.target, made.decision
    who = f"{made.arms.name} ({made.arms.repair[0].strategy.replace('_', ' ')})"
    said = [f"{_headline(d.outcome, who)}: {d.reason[:1].lower()}{d.reason[1:]}"]
    beside = "" if t.effect is None else f", {number(t.control)} in the control arm"
    seeds = f"mean over {len(made.arms.repair)} seed{'s' * (len(made.arms.repair) != 1)}"
    of = f"; {sizes(made.target_by)}" if made.target_by else ""
    said.append(
        f"On {t.n:,} untouched images ({clean(t.name, 80)}{of}) the {made.measure} went from {number(t.before)} to "
        f"{number(t.repair)}{beside} ({seeds})"
        + (
            f"; repair − control {_difference(t.effect.mean, t.effect.ci)}, q {p_value(d.q)}."
            if t.effect
            else "."
        )
    )
    if made.target_by:
        said.append(f"Split by split: {rates(made.target_by)}.")
    said += _left(made)
    said += _all_errors(made)
    said.append(_cost(made))
    said += _not_excluded(made)
    if made.reliance is not None:
        said.append(_relied(made.reliance))
    return said


def _left(made: Verified) -> list[str]:
    """What is left to a person, and how often the answers that are given are wrong: those that retrain and readiness count."""
    if made.deferred is None:
        return []
    share, error = made.deferred
    text = f"{number(share)} of these images are left to a person, which counts as no error"
    if math.isnan(error):
        return [f"{text}."]
    return [
        f"{text}; of the answers that it gives {number(error)} are wrong, of all answers before {number(made.target.before)}."
    ]


def _all_errors(made: Verified) -> list[str]:
    """All errors beside those that go the way of the wrong labels."""
    whole = next((o for o in made.others if o.kind == "overall"), None)
    if not made.directed or whole is None:
        return []
    beside = "" if whole.control is None else f", {number(whole.control)} in the control arm"
    return [f"All errors went from {number(whole.before)} to {number(whole.repair)}{beside}."]


def _headline(outcome: Outcome, who: str) -> str:
    return {
        "verified": f"The repair {who} holds",
        "no effect": f"The repair {who} has no effect",
        "traded away": f"The repair {who} trades one failure for another",
        "inconclusive": f"Whether the repair {who} works is undecided",
    }[outcome]


def _difference(value: float, ci: Interval) -> str:
    return f"{number(value, 'points')} {interval(ci, 'points')}"


def _cost(made: Verified) -> str:
    worst, d = made.worst, made.decision
    if worst is None:
        return (
            f"None of {len(made.others)} other groups lost anything."
            if made.others
            else "There is no other group to look at."
        )
    sure = f"q {p_value(worst.q_worse)}" + ("" if worst.name in d.worse else ", no more than chance would do")
    drift = (
        "" if worst.drift is None else f"; the control arm {_difference(worst.drift.mean, worst.drift.ci)}"
    )
    return (
        f"Of {len(made.others)} other groups {clean(worst.name, 80)} lost most: {number(worst.before)} to {number(worst.repair)} wrong, "
        f"{number(worst.change.mean, 'points')} {interval(worst.simultaneous, 'points')} ({sure}{drift})"
        + (f"; {sized_rates(made.worst_by)}." if made.worst_by else ".")
    )


def _not_excluded(made: Verified) -> list[str]:
    """How much some other group may have lost all the same: "not shown to be worse" of few images says little."""
    if not made.others:
        return []
    least_sure = max(made.others, key=lambda o: o.simultaneous[1])
    most = number(min(1.0, least_sure.simultaneous[1]), "points").lstrip("+")
    return [
        f"Losses of up to {most} in some other group ({clean(least_sure.name, 60)}, {least_sure.n} images) are not excluded "
        f"(95 %, all {len(made.others)} together)."
    ]


def _relied(r: Reliance) -> str:
    beside = "" if r.control is None else f", {number(r.control, 'points')} in the control arm"
    gone = r.change.ci[1] < 0
    less = "It relies less on it" if gone else "That it relies less on it is not shown"
    return (
        f"{less}: masking {r.what} lowered the score of {r.of} by {number(r.before.mean, 'points').lstrip('+')} before and "
        f"by {number(r.repair.mean, 'points').lstrip('+')} after{beside} (change {_difference(r.change.mean, r.change.ci)}, {r.n} images)."
    )


def _corrections(view: CaseView, made: Verified) -> tuple[Correction, ...]:
    """The correction with its new state; none where it was made for no finding."""
    if made.finding is None:
        return ()
    strategy = made.arms.repair[0].strategy
    told = [
        c
        for e in view.evidence()
        for c in e.corrections
        if c.finding == made.finding.key and c.strategy == strategy
    ]
    known = next((s for s in STRATEGIES if s.name == strategy), None)
    status = {"verified": "verified", "no effect": "rejected", "traded away": "rejected"}.get(
        made.decision.outcome, "applied"
    )
    return (
        Correction(
            made.finding.key,
            strategy,
            told[-1].family if told else known.family if known else "dataset",
            told[-1].action
            if told
            else f"{strategy.replace('_', ' ').capitalize()}, as {made.arms.name} did.",
            status,  # type: ignore[arg-type]
            made.target.before,
            made.target.repair,
            made.decision.q,
        ),
    )


def _notes(made: Verified) -> list[str]:
    notes, d = [], made.decision
    if made.arms.alone:
        notes.append(
            f"Without a partner of the same seed in the other arm, and left out: {listing(made.arms.alone)}."
        )
    least = number(made.minimum, "points").lstrip("+")
    seen = (
        ""
        if d.detectable is None or d.outcome == "verified"
        else f" A fall of {number(min(1.0, d.detectable), 'points').lstrip('+')} beyond the control would have been seen with 80 % power."
    )
    notes.append(
        f"Set beforehand: a fall of at least {least} counts{_why(made)}, a rise elsewhere is a trade from {number(d.tolerance, 'points').lstrip('+')}.{seen}"
    )
    if made.finding is not None and made.finding.kind == "label_noise":
        notes.append(
            "Evaluation labels that are wrong count against every version alike: errors can't fall to zero."
        )
    if made.calibration:
        notes.append(
            "With few images the calibration error comes out too large for every version, so that the fall is rather understated."
        )
    return notes


def _why(made: Verified) -> str:
    """Where the minimum effect comes from, where that is not the error before."""
    if not made.directed:
        return ""
    least = " (no less than 2 points)" if SHARE_OF_ERROR * made.target.before < LEAST_EFFECT else ""
    quarter = abs(made.minimum - default_minimum(made.target.before)) < 1e-9
    return (
        f", a quarter of the errors that go the way of the labels that were corrected{least}"
        if quarter
        else ""
    )
