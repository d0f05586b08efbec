"""Evaluation images that are training images too: how many, is that more than can be tolerated, what does it change."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Interval, Verdict
from failsight.tools.inputs.base import Predictions
from failsight.tools.stats.contingency import mantel_haenszel, risk_difference
from failsight.tools.stats.intervals import newcombe, wilson

TOLERATED = (
    0.005  # share of evaluation images that may be training images too; fixed before anything is compared
)
ALPHA = 0.05
INFLATED = 0.005  # a rise of accuracy by leaked images that is worth a word


@dataclass(frozen=True, slots=True)
class Share:
    """A share of evaluation images against the tolerated one.

    Attributes:
        n, size: leaked images, and all of them.
        ci: Wilson interval of the share.
        p: exact chance of so many where the share were the tolerated one (one-sided binomial).
    """

    n: int
    size: int
    ci: Interval
    p: float

    @property
    def share(self) -> float:
        return self.n / self.size if self.size else 0.0

    @property
    def verdict(self) -> Verdict:
        """By the rule of the plan: confirmed above the tolerated share, refuted below it, else inconclusive."""
        if self.ci[0] > TOLERATED and self.p <= ALPHA:
            return "confirmed"
        return "refuted" if self.ci[1] < TOLERATED else "inconclusive"


def leaked_share(n: int, size: int) -> Share:
    """``n`` of ``size`` images are leaked."""
    from scipy.stats import binom

    p = float(binom.sf(n - 1, size, TOLERATED)) if n else 1.0
    return Share(n, size, wilson(n, size), p)


@dataclass(frozen=True, slots=True)
class Inflation:
    """Accuracy with and without leaked images.

    Attributes:
        accuracy, accuracy_ci: over all labelled images.
        clean, clean_ci: over those that are not leaked.
        inflation, inflation_ci: the first minus the second.
        leaked_accuracy, leaked_ci, leaked_n: over the leaked ones.
        gap, gap_ci, p: accuracy of leaked minus others within true classes (Mantel–Haenszel), and the test of it;
            NaN and (−1, 1) where no class has both.
    """

    accuracy: float
    accuracy_ci: Interval
    clean: float
    clean_ci: Interval
    inflation: float
    inflation_ci: Interval
    leaked_accuracy: float
    leaked_ci: Interval
    leaked_n: int
    gap: float
    gap_ci: Interval
    p: float

    @property
    def verdict(self) -> Verdict:
        """Whether the score is inflated: the leaked ones are better within classes, or the rise is excluded."""
        if self.gap_ci[0] > 0 and self.p <= ALPHA and self.inflation > 0:
            return "confirmed"
        return "refuted" if self.inflation_ci[1] < INFLATED else "inconclusive"


def inflation(predictions: Predictions, leaked: npt.NDArray[np.bool_]) -> Inflation | None:
    """Accuracy with and without the images ``leaked`` (n,) of a prediction table; None unless there are both."""
    known = predictions.labelled
    right = predictions.correct
    inside, outside = known & leaked, known & ~leaked
    n1, n0, n = int(inside.sum()), int(outside.sum()), int(known.sum())
    if not n1 or not n0:
        return None
    k1, k0 = int(right[inside].sum()), int(right[outside].sum())
    part = n1 / n  # accuracy over all is a mixture: it lies above the clean one by this part of the gap
    low, high = newcombe(k1, n1, k0, n0)
    tables = [
        [[int((right & group & of).sum()), int((~right & group & of).sum())] for group in (inside, outside)]
        for of in (predictions.labels == c for c in np.unique(predictions.labels[inside]))
    ]
    gap = risk_difference(tables)
    tested = mantel_haenszel(tables)
    return Inflation(
        accuracy=(k1 + k0) / n,
        accuracy_ci=wilson(k1 + k0, n),
        clean=k0 / n0,
        clean_ci=wilson(k0, n0),
        inflation=(k1 + k0) / n - k0 / n0,
        inflation_ci=(part * low, part * high),
        leaked_accuracy=k1 / n1,
        leaked_ci=wilson(k1, n1),
        leaked_n=n1,
        gap=gap.value,
        gap_ci=gap.ci if math.isfinite(gap.value) else (-1.0, 1.0),
        p=tested.p,
    )


def disagreements(
    partners: Mapping[int, Sequence[int]], labels: npt.NDArray[np.int64], others: npt.NDArray[np.int64]
) -> tuple[int, int]:
    """Of the pictures labelled on both sides, how many carry another label there: (different, compared)."""
    different = compared = 0
    for row, rows in partners.items():
        there = {int(others[r]) for r in rows if others[r] >= 0}
        if labels[row] >= 0 and there:
            compared += 1
            different += there != {int(labels[row])}
    return different, compared
