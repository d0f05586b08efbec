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
from dataclasses import dataclass

import numpy as np

from failsight.tools.stats.slices.clusters import spread_of
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
        model = _logistic(design, fit, seen, ask)
    else:
        square = patterns.sums.where(outside).grouped(np.zeros(len(n), np.int64), 1).centred()[0]
        model = _linear(design, fit, seen, ask, float(square[0]) / max(float(fit.sum()), 1.0))
    if model.variance <= 0:
        return 0.0, 1.0
    gap = float(total[inside].sum()) - model.expected
    effect, p = gap / float(ask.sum()), 0.5 * math.erfc(gap / math.sqrt(2 * model.variance))
    return effect, p if patterns.clusters is None else max(p, _together(patterns, i, model, gap, effect))


@dataclass(frozen=True, slots=True)
class _Model:
    """What the fitted model says of the rows asked for.

    Attributes:
        expected, variance: sum over these rows, and its variance (sampling plus estimation) were rows independent.
        mean: (P,) expected target of a row of each pattern.
        weight: (P,) how much a row of each pattern moves the expected sum, for each point that it lies above its mean.
    """

    expected: float
    variance: float
    mean: Float
    weight: Float


def _together(patterns: Patterns, i: int, model: _Model, gap: float, effect: float) -> float:
    """One-sided p of the gap, rows of one group together: its spread is that of the groups' shares in it."""
    assert patterns.clusters is not None
    member = patterns.member[patterns.row, i]
    inside, outside = member == INSIDE, member == OUTSIDE
    left = patterns.target - model.mean[patterns.row]
    scores = np.where(inside, left - effect, -model.weight[patterns.row] * left)
    return spread_of(scores, inside, outside, patterns.clusters).upper(gap)


def _logistic(design: Float, n: Float, total: Float, ask: Float) -> _Model:
    """A logistic model without interactions, asked for the sum over `ask` rows per pattern."""
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
    pull = np.linalg.solve(hessian, slope)
    return _Model(float((ask * rate).sum()), float(spread.sum() + slope @ pull), rate, design @ pull)


def _rate(design: Float, weights: Float) -> Float:
    rate: Float = 1 / (1 + np.exp(-np.clip(design @ weights, -30, 30)))
    return rate


def _linear(design: Float, n: Float, total: Float, ask: Float, spread: float) -> _Model:
    """The same for an additive model of the mean."""
    normal = (design.T * n) @ design + RIDGE * np.eye(design.shape[1])
    weights = np.linalg.solve(normal, design.T @ total)
    slope = design.T @ ask
    pull = np.linalg.solve(normal, slope)
    variance = spread * float(ask.sum() + slope @ pull)
    return _Model(float(slope @ weights), variance, design @ weights, design @ pull)
