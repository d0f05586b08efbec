"""Spurious correlation: does an attribute go with the prediction among images of the same true class?

P(prediction | attribute) alone says nothing: an attribute that goes with a class also goes with its correct
predictions. Within the true class, a model that ignores the attribute predicts the same whatever its value.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from failsight.tools.stats.contingency import (
    Association,
    cramers_v_interval,
    general_association,
    risk_difference,
)
from failsight.tools.stats.multiplicity import holm
from failsight.tools.stats.stratified import compare_counts

Int = NDArray[np.int64]
Bool = NDArray[np.bool_]
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Pull:
    """How much one attribute value raises the share of one prediction, among images of the same true class.

    Attributes:
        value: code of the attribute value.
        predicted: class that is predicted more often (or less, below 0).
        difference: Mantel–Haenszel difference of shares over true classes, with the value minus without, in [−1, 1].
        ci: its 95 % interval.
        wrong: the same over the other true classes only: predictions of this class that are mistakes.
        wrong_ci: its 95 % interval.
        n_in, n_out: images with and without the value in informative true classes.
        p: two-sided p over all true classes (exact where counts are small).
        adjusted: p after Holm over all values and predicted classes.
    """

    value: int
    predicted: int
    difference: float
    ci: Interval
    wrong: float
    wrong_ci: Interval
    n_in: int
    n_out: int
    p: float
    adjusted: float


@dataclass(frozen=True, slots=True)
class Correlation:
    """Association of one attribute and the prediction within the true class.

    Attributes:
        test: generalised Cochran–Mantel–Haenszel test over true classes.
        v: Cramér's V within true classes, 0 to 1.
        v_ci: its 95 % bootstrap interval.
        pulls: one for each value and predicted class, strongest first.
        n: images with a known value.
    """

    test: Association
    v: float
    v_ci: Interval
    pulls: tuple[Pull, ...]
    n: int


def prediction_tables(
    codes: ArrayLike, true: ArrayLike, predicted: ArrayLike
) -> tuple[NDArray[np.float64], Int]:
    """Counts (true class, value, predicted class) of the images with a known value, and the value codes."""
    value, label, guess = (np.asarray(x, np.int64) for x in (codes, true, predicted))
    if not value.shape == label.shape == guess.shape:
        raise ValueError("codes, true and predicted must have one code an image")
    known = (value >= 0) & (label >= 0) & (guess >= 0)
    value, label, guess = value[known], label[known], guess[known]
    classes = int(max(label.max(initial=-1), guess.max(initial=-1))) + 1
    kept, place = np.unique(value, return_inverse=True)
    key = (label * len(kept) + place) * classes + guess
    counts = np.bincount(key, minlength=classes * len(kept) * classes)
    return counts.reshape(classes, len(kept), classes).astype(np.float64), kept


def prediction_association(
    codes: ArrayLike, true: ArrayLike, predicted: ArrayLike, *, resamples: int = 1000, seed: int = 0
) -> Correlation:
    """Test and measure how an attribute goes with the prediction within the true class.

    Args:
        codes: (n,) attribute value of each image; −1 is missing and left out.
        true: (n,) true class.
        predicted: (n,) predicted class.
        resamples: of the bootstrap interval of V.
        seed: of the same.
    """
    tables, values = prediction_tables(codes, true, predicted)
    test = general_association(tables) if tables.size else Association(0.0, 0, 1.0)
    v, v_ci = cramers_v_interval(tables, resamples=resamples, seed=seed) if tables.size else (0.0, (0.0, 1.0))
    pulls = [
        _pull(tables, values, i, j)
        for i in range(len(values))
        for j in range(tables.shape[2])
        if len(values) > 1
    ]
    pulls = [p for p in pulls if p.n_in]
    adjusted = holm([p.p for p in pulls])
    made = [_adjust(p, float(a)) for p, a in zip(pulls, adjusted, strict=True)]
    made.sort(key=lambda p: (p.p, -abs(p.difference)))
    return Correlation(test, v, v_ci, tuple(made), int(tables.sum()))


def slice_pulls(inside: Bool, true: ArrayLike, predicted: ArrayLike) -> tuple[Pull, ...]:
    """The pulls of one slice against the rows outside it, strongest first (Holm over predicted classes)."""
    made = prediction_association(inside.astype(np.int64), true, predicted, resamples=1).pulls
    made = tuple(p for p in made if p.value == 1)
    adjusted = holm([p.p for p in made])
    return tuple(_adjust(p, float(a)) for p, a in zip(made, adjusted, strict=True))


def _pull(tables: NDArray[np.float64], values: Int, i: int, j: int) -> Pull:
    inside, everyone = tables[:, i], tables.sum(axis=1)
    n1, y1 = inside.sum(axis=1), inside[:, j]
    n, y = everyone.sum(axis=1), everyone[:, j]
    cells = np.stack([np.stack([y1, n1 - y1], 1), np.stack([y - y1, n - n1 - (y - y1)], 1)], axis=1)
    over = risk_difference(cells)
    wrong = risk_difference(np.delete(cells, j, axis=0))
    p = compare_counts(*(x.astype(np.int64) for x in (n, n1, y, y1)), alternative="two-sided").p
    difference = 0.0 if math.isnan(over.value) else over.value
    return Pull(
        int(values[i]), j, difference, over.ci, wrong.value, wrong.ci, over.n1, over.n0, p, p
    )  # fmt: skip


def _adjust(pull: Pull, adjusted: float) -> Pull:
    return replace(pull, adjusted=adjusted)
