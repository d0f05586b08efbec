"""Which limit of confidence to try: a proposal, found on the images that a case has. What it brings is counted like everything else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from failsight.tools.experiments.population import parse_filters, rows_meeting
from failsight.tools.stats.intervals import wilson

if TYPE_CHECKING:
    from failsight.agent.case import Case

FEWEST: Final = 5  # answers that have to stay
STEPS: Final = (*(round(0.3 + 0.05 * i, 2) for i in range(14)), 0.96, 0.97, 0.98, 0.99)
Bool = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def sureness(case: Case, outside: Sequence[str]) -> tuple[Floats, Bool] | None:
    """(n,) how sure the model is of the images that meet ``outside``, and which of them are wrong; None where there are no scores."""
    if not case.has("scores"):
        return None
    meets, _ = rows_meeting(case, "data", parse_filters(list(outside)))  # type: ignore[arg-type]
    made = case.predictions("data")
    inside = meets[made.rows] & made.labelled
    confidence = np.asarray(made.confidence, np.float32).astype(np.float64)
    return confidence[inside], ~made.correct[inside]


def lowest(case: Case, outside: Sequence[str], accepted: float, *, surely: bool = False) -> float | None:
    """The lowest limit above which at most so many of the answers are wrong; None where no limit does that.

    Args:
        outside: conditions of the images that it is about.
        surely: by the upper end of the 95 % interval.
    """
    found = sureness(case, outside)
    if found is None:
        return None
    confidence, wrong = found
    for bar in STEPS:
        stay = confidence >= np.float32(bar)
        n, k = int(stay.sum()), int((wrong & stay).sum())
        if n >= FEWEST and (wilson(k, n)[1] if surely else k / n) <= accepted:
            return bar
    return None


def least_wrong(case: Case, outside: Sequence[str]) -> float | None:
    """The limit of the steps above which the smallest share of answers is wrong."""
    found = sureness(case, outside)
    if found is None:
        return None
    confidence, wrong = found
    rates = [
        (float(wrong[stay].mean()), -int(stay.sum()), bar)
        for bar in STEPS
        if int((stay := confidence >= np.float32(bar)).sum()) >= FEWEST
    ]
    return min(rates)[2] if rates else None


def within(case: Case, outside: Sequence[str], left: int) -> float | None:
    """The highest limit below which no more than ``left`` of these images lie; None where there are no scores, or nobody may look at any."""
    found = sureness(case, outside)
    if found is None or left <= 0:
        return None
    ordered = np.sort(found[0])
    if left >= len(ordered):
        return 1.0
    bar = np.floor(ordered[left] * 1000) / 1000  # told with three digits
    while bar > 0 and int((found[0] < np.float32(bar)).sum()) > left:
        bar = round(bar - 0.001, 3)
    return float(round(bar, 3)) if bar > 0 else None
