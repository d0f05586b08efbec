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


@dataclass(frozen=True, slots=True)
class PredictionTables:
    """Counts of the images with a known value.

    Attributes:
        counts: (H, values, classes) images by stratum, attribute value and predicted class.
        true: (H,) true class of each stratum.
        values: (values,) code of each attribute value.
    """

    counts: NDArray[np.float64]
    true: Int
    values: Int


def prediction_tables(
    codes: ArrayLike, true: ArrayLike, predicted: ArrayLike, given: ArrayLike | None = None
) -> PredictionTables:
    """Count images by true class (and `given`), attribute value and predicted class.

    Args:
        codes: (n,) attribute value of each image; −1 is missing and left out.
        true, predicted: (n,) classes, ≥ 0.
        given: (n,) a further code ≥ 0 to hold fixed, beside the true class.
    """
    value, label, guess = (np.asarray(x, np.int64) for x in (codes, true, predicted))
    if not value.shape == label.shape == guess.shape:
        raise ValueError("codes, true and predicted must have one code an image")
    extra = np.zeros_like(label) if given is None else np.asarray(given, np.int64)
    known = (value >= 0) & (label >= 0) & (guess >= 0)
    levels = int(extra.max(initial=0)) + 1
    strata, stratum = np.unique(label[known] * levels + extra[known], return_inverse=True)
    kept, place = np.unique(value[known], return_inverse=True)
    classes = int(max(label.max(initial=-1), guess.max(initial=-1))) + 1
    key = (stratum * len(kept) + place) * classes + guess[known]
    shape = (len(strata), len(kept), classes)
    counts = np.bincount(key, minlength=len(strata) * len(kept) * classes).reshape(shape)
    return PredictionTables(counts.astype(np.float64), strata // levels, kept)


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
    tables = prediction_tables(codes, true, predicted)
    made = [
        pull(tables, i, j)
        for i in range(len(tables.values))
        for j in range(tables.counts.shape[2])
        if len(tables.values) > 1
    ]
    made = [p for p in made if p.n_in]
    adjusted = holm([p.p for p in made])
    made = [replace(p, adjusted=float(a)) for p, a in zip(made, adjusted, strict=True)]
    made.sort(key=lambda p: (p.p, -abs(p.difference)))
    v, v_ci = cramers_v_interval(tables.counts, resamples=resamples, seed=seed)
    return Correlation(general_association(tables.counts), v, v_ci, tuple(made), int(tables.counts.sum()))


def screen_pulls(tables: PredictionTables) -> NDArray[np.float64]:
    """(values, classes) standardised excess of each prediction with each value, within strata (0 without variance)."""
    t = tables.counts
    n = t.sum(axis=(1, 2))[:, None, None]
    inside, total = t.sum(axis=2)[:, :, None], t.sum(axis=1)[:, None, :]
    usable = np.maximum(n, 1)
    gap = (t - inside * total / usable).sum(axis=0)
    spread = inside * (n - inside) * total * (n - total) / (usable**2 * np.maximum(n - 1, 1))
    variance = spread.sum(axis=0)
    z: NDArray[np.float64] = np.divide(gap, np.sqrt(variance), out=np.zeros_like(gap), where=variance > 1e-12)
    return z


def pull(tables: PredictionTables, i: int, j: int) -> Pull:
    """The pull of the i-th value towards class j; `adjusted` is p itself."""
    inside, everyone = tables.counts[:, i], tables.counts.sum(axis=1)
    n1, y1 = inside.sum(axis=1), inside[:, j]
    n, y = everyone.sum(axis=1), everyone[:, j]
    cells = np.stack([np.stack([y1, n1 - y1], 1), np.stack([y - y1, n - n1 - (y - y1)], 1)], axis=1)
    over = risk_difference(cells)
    wrong = risk_difference(cells[tables.true != j])
    p = compare_counts(*(x.astype(np.int64) for x in (n, n1, y, y1)), alternative="two-sided").p
    difference = 0.0 if math.isnan(over.value) else over.value
    return Pull(int(tables.values[i]), j, difference, over.ci, wrong.value, wrong.ci, over.n1, over.n0, p, p)
