"""Is a slice worse than what the slices it lies in would do together, each acting on its own?

Where a conjunction is exactly the overlap of slices already confirmed, no rows are left to compare it with
inside those slices. It is then compared with a model in which class and slices act independently: a
logistic model without interactions for 0/1 targets (odds multiply, which for small rates expects at least as
much as adding the excesses or combining them as independent causes), a linear one otherwise. The model is
fitted to the rows outside the conjunction and asked for the rows inside.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from failsight.tools.stats.slices.model import Float
from failsight.tools.stats.slices.table import INSIDE, OUTSIDE, Patterns

#: fewest rows of a slice outside the conjunction, to say what the slice does on its own
ALONE = 5
#: pulls coefficients that the rows leave open towards zero
RIDGE = 1e-3


def excess_over_independence(patterns: Patterns, i: int, others: Sequence[int]) -> tuple[float, float]:
    """Whether slice i exceeds the independent action of class and the other slices.

    Returns:
        (points of excess per row, one-sided p-value); (0.0, 1.0) when some other slice has almost no rows
        outside slice i: nothing can then be said about slice i apart from it.
    """
    n, total = patterns.sums.n, patterns.sums.first
    inside, outside = patterns.member[:, i] == INSIDE, patterns.member[:, i] == OUTSIDE
    masks = [patterns.member[:, o] == INSIDE for o in others]
    masks = [m for m in masks if (m & inside).any()]
    if any(n[m & outside].sum() < ALONE for m in masks):
        return 0.0, 1.0
    classes = np.eye(int(patterns.strata.max()) + 1)[patterns.strata]
    design = np.column_stack([classes, *masks]).astype(np.float64)
    fit, ask = np.where(outside, n, 0.0), np.where(inside, n, 0.0)
    seen = np.where(outside, total, 0.0)
    if patterns.binary:
        expected, variance = _logistic(design, fit, seen, ask)
    else:
        square = patterns.sums.where(outside).grouped(np.zeros(len(n), np.int64), 1).centred()[0]
        expected, variance = _linear(design, fit, seen, ask, float(square[0]) / max(float(fit.sum()), 1.0))
    if variance <= 0:
        return 0.0, 1.0
    gap = float(total[inside].sum()) - expected
    return gap / float(ask.sum()), 0.5 * math.erfc(gap / math.sqrt(2 * variance))


def _logistic(design: Float, n: Float, total: Float, ask: Float) -> tuple[float, float]:
    """Expected sum over `ask` rows per pattern, and its variance (sampling plus estimation)."""
    weights = np.zeros(design.shape[1])
    for _ in range(50):
        rate = _rate(design, weights)
        hessian = (design.T * (n * rate * (1 - rate))) @ design + RIDGE * np.eye(design.shape[1])
        step = np.linalg.solve(hessian, design.T @ (total - n * rate) - RIDGE * weights)
        weights += np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-8:
            break
    rate = _rate(design, weights)
    hessian = (design.T * (n * rate * (1 - rate))) @ design + RIDGE * np.eye(design.shape[1])
    spread = ask * rate * (1 - rate)
    slope = design.T @ spread
    return float((ask * rate).sum()), float(spread.sum() + slope @ np.linalg.solve(hessian, slope))


def _rate(design: Float, weights: Float) -> Float:
    rate: Float = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
    return rate


def _linear(design: Float, n: Float, total: Float, ask: Float, spread: float) -> tuple[float, float]:
    """The same for an additive model of the mean."""
    normal = (design.T * n) @ design + RIDGE * np.eye(design.shape[1])
    weights = np.linalg.solve(normal, design.T @ total)
    slope = design.T @ ask
    return float(slope @ weights), spread * float(ask.sum() + slope @ np.linalg.solve(normal, slope))
