"""What to do after the check of a repair."""

from __future__ import annotations

from typing import TYPE_CHECKING

from failsight.tools.text import clean, interval, number

if TYPE_CHECKING:
    from failsight.tools.repair.verdict_report import Verified


def next_steps(made: Verified) -> tuple[str, ...]:
    """One sentence a step, the most useful first."""
    steps = _steps(made)
    if made.directed and made.decision.outcome in ("verified", "inconclusive"):
        again = "More wrong labels may be left: failsight labels export CASE FILE.csv --split train lists the next ones, of those that nobody has looked at."
        steps = (steps[0], again, *steps[1:])
    return steps


def _steps(made: Verified) -> tuple[str, ...]:
    d, name = made.decision, made.arms.repair[0].name
    if d.outcome == "verified":
        return (
            f"Take {name}, the first of the seeds; the best of them on these images would look better than it is.",
            f"Look at what else changed (compare_models, after: {name}), then judge readiness again.",
        )
    if d.outcome == "traded away":
        return (
            f"Look at what {clean(made.worst.name if made.worst else d.traded[0], 60)} lost (compare_models, after: {name}), and mix such images into the repair.",
        )
    if d.outcome == "no effect":
        other = "Take another of the proposed corrections (propose_correction), or test the cause again before more is trained."
        drift = made.target.drift
        if drift is None or drift.ci[1] >= 0 or d.worse:
            return (other,)
        return (
            f"The error fell in the control arm all the same ({number(drift.mean, 'points')} {interval(drift.ci, 'points')}): what was chosen "
            f"for the repair did not matter, but {name} may be worth taking for that fall (compare_models, after: {name}, then readiness).",
            other,
        )
    steps = []
    if d.doubt:
        more = "More" if d.doubt_images is None else f"About {d.doubt_images:,} more"
        steps.append(
            f"{more} labelled images of {clean(d.doubt, 60)} would decide whether it pays too much, if its loss stays what it is."
        )
    if d.more_images:
        steps.append(
            f"About {d.more_images:,} more labelled images of the target would decide, if the effect stays what it is."
        )
    if d.more_seeds:
        steps.append(
            f"{d.more_seeds} more seed{'s' * (d.more_seeds != 1)} of both arms would decide, if the effect stays what it is (retrain)."
        )
    return tuple(steps) or (
        "More images and more seeds of both arms are needed: neither alone would decide.",
    )
