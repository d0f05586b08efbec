"""Have the features changed? The finding's own cue masked before and after, in both arms; else the panel of cues."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Finding
from failsight.tools.experiments.cues.compared import Moved, compare_panels, shared_sample
from failsight.tools.experiments.masking import measure
from failsight.tools.experiments.masking_plan import Asked, Plan, make_plan
from failsight.tools.experiments.population import shows
from failsight.tools.inputs.base import Split
from failsight.tools.repair.outcomes import Arms
from failsight.tools.stats.crossed import CrossedMean, crossed_mean
from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]
DRAWS = 4  # controls an image
FEWEST = 8  # images below which nothing is said


@dataclass(frozen=True)
class Reliance:
    """How much the watched score falls with the finding's cue, beyond a control of equal area, in [−1, 1].

    Attributes:
        what: the cue, as in "masking the television".
        of: whose score was watched.
        before, repair, control: mean effects; over seeds for the arms. ``control`` None without that arm.
        change: repair − before; effect: repair − control.
    """

    what: str
    of: str
    n: int
    before: CrossedMean
    repair: CrossedMean
    control: float | None
    change: CrossedMean
    effect: CrossedMean | None


def masked(view: CaseView, arms: Arms, finding: str, rows: Ints, split: Split, most: int) -> Reliance | None:
    """Mask the finding's cue in untouched images, for every version. None where the finding names no region or too few show it.

    Args:
        rows: untouched images of ``split``.
    """
    plan = _plan(view, finding, split, most)
    if plan is None:
        return None
    if plan.region.kind == "box":
        rows = rows[shows(view.table(split), plan.region.name)[rows]]
    if len(rows) < FEWEST:
        return None
    if len(rows) > most:
        rows = np.sort(np.random.default_rng([view.seed, 17]).choice(rows, most, replace=False))
    label = f"masking {plan.region.title}"
    views = [view, *(view.version(v.name) for v in arms.versions)]
    made = [measure(dataclasses.replace(plan.bench, view=one), rows, plan.watched, label) for one in views]
    common = set(made[0].rows.tolist()).intersection(*(set(m.rows.tolist()) for m in made[1:]))
    if len(common) < FEWEST:
        return None
    effects = np.stack([m.effect[np.isin(m.rows, list(common))] for m in made])
    before, rest = effects[0], effects[1:]
    repair, control = rest[: len(arms.repair)], rest[len(arms.repair) :]
    return Reliance(
        plan.region.title,
        plan.class_title,
        len(common),
        crossed_mean(before, counts=False),
        crossed_mean(repair, counts=False),
        float(control.mean()) if len(control) else None,
        crossed_mean(repair - before, scale=2.0, counts=False),
        crossed_mean(repair - control, scale=2.0, counts=False) if len(control) else None,
    )


def _plan(view: CaseView, finding: str, split: Split, most: int) -> Plan | None:
    asked = Asked(finding=finding, second_fill=None, draws=DRAWS, max_images=most, split=split)
    try:
        plan = make_plan(view, asked)
    except RetryError:  # the finding is about no region, or there is no model to run
        return None
    return None if plan.region.kind == "saliency" else plan


def panel(view: CaseView, arms: Arms, split: Split, most: int) -> list[Moved]:
    """The panel of cues before and after, for the first version; empty where nothing can be said."""
    try:
        made = shared_sample(view, split, most)
        return compare_panels(view, [view.version(v.name) for v in arms.repair[:1]], made)
    except RetryError:
        return []


def about(finding: Finding | None) -> bool:
    """Whether the finding is about what the model looks at, so that its cue is worth masking."""
    return finding is not None and finding.kind in (
        "spurious_correlation",
        "overemphasised_feature",
        "missing_feature",
    )
