"""Do confidences mean what they say? Lower is better for every error here."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from failsight.tools.stats.intervals import bootstrap, wilson

Float = NDArray[np.float64]
Interval = tuple[float, float]
Binning = Literal["equal_width", "equal_mass"]


@dataclass(frozen=True, slots=True)
class Bin:
    """One bar of a reliability diagram.

    Attributes:
        low, high: confidences covered (low excluded, but for the first bin).
        n: images.
        confidence: mean confidence.
        accuracy: share that is right.
        ci: Wilson interval of the accuracy, at the given level.
    """

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float
    ci: Interval


def reliability(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    bins: int = 15,
    binning: Binning = "equal_width",
    level: float = 0.95,
) -> tuple[Bin, ...]:
    """Bins of a reliability diagram; empty bins are left out.

    Args:
        confidence: (n,) probability of the predicted class, in [0, 1].
        correct: (n,) whether the prediction is right.
        bins: most bins.
        binning: "equal_width", or "equal_mass" (as many images in each; equal confidences stay together).
        level: of the intervals.
    """
    c, y = _checked(confidence, correct)
    if not len(c):
        return ()
    edges = _edges(c, bins, binning)
    place = np.clip(np.searchsorted(edges, c, side="left") - 1, 0, len(edges) - 2)
    made = []
    for b in np.unique(place):
        rows = place == b
        n, right = int(rows.sum()), int(y[rows].sum())
        made.append(
            Bin(
                float(edges[b]),
                float(edges[b + 1]),
                n,
                float(c[rows].mean()),
                right / n,
                wilson(right, n, level),
            )
        )
    return tuple(made)


def _edges(c: Float, bins: int, binning: Binning) -> Float:
    if bins < 1:
        raise ValueError(f"bins must be at least 1, not {bins}")
    if binning == "equal_width":
        return np.linspace(0.0, 1.0, bins + 1)
    inner = np.quantile(c, np.arange(1, bins) / bins, method="inverted_cdf")
    edges: Float = np.unique(np.concatenate([[0.0], inner, [1.0]]))
    return edges


def expected_calibration_error(
    confidence: ArrayLike, correct: ArrayLike, *, bins: int = 15, binning: Binning = "equal_width"
) -> float:
    """Mean distance of confidence and accuracy over bins, weighted by images; nan without images.

    Naeini, Cooper & Hauskrecht 2015, AAAI (equal width: Guo et al. 2017, ICML, eq. 3); equal mass is the
    less biased of the two (Nixon et al. 2019). 0 is perfect, 1 the worst.
    """
    made = reliability(confidence, correct, bins=bins, binning=binning)
    total = sum(b.n for b in made)
    if not total:
        return math.nan
    return sum(b.n * abs(b.accuracy - b.confidence) for b in made) / total


def calibration_error_interval(
    confidence: ArrayLike,
    correct: ArrayLike,
    *,
    bins: int = 15,
    binning: Binning = "equal_width",
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Interval of the expected calibration error within fixed bins.

    The estimate is biased upwards (an average of distances cannot be negative), and each resample adds the
    bias once more. So the upper end is a quantile of the resamples as they are, the lower end takes the bias
    off (2 · estimate − quantile), and it is 0 when a perfectly calibrated model with these confidences
    (consistency resampling: Bröcker & Smith 2007, Weather Forecast. 22:651) could have shown the estimate.
    """
    c, y = _checked(confidence, correct)
    if len(c) < 2:
        return 0.0, 1.0
    edges = _edges(c, bins, binning)
    place = np.clip(np.searchsorted(edges, c, side="left") - 1, 0, len(edges) - 2)
    gap = y - c
    rng = np.random.default_rng(seed)
    drawn, perfect = np.empty(resamples), np.empty(resamples)
    for i in range(resamples):
        rows = rng.integers(0, len(c), len(c))
        drawn[i] = np.abs(np.bincount(place[rows], gap[rows])).sum()
        perfect[i] = np.abs(np.bincount(place, (rng.random(len(c)) < c) - c)).sum()
    point = float(np.abs(np.bincount(place, gap)).sum())
    tail = (1 - level) / 2
    high = float(np.quantile(drawn, 1 - tail))
    low = 0.0 if point <= np.quantile(perfect, 1 - tail) else max(0.0, 2 * point - high)
    return low / len(c), min(1.0, high / len(c))


def brier(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Brier score: mean squared distance of the probabilities from the truth, 0 (best) to 2; nan without rows.

    Args:
        probabilities: (n, k) of k classes.
        labels: (n,) true class.

    Brier 1950, Mon. Weather Rev. 78:1 (the sum over classes).
    """
    p, y = np.asarray(probabilities, np.float64), np.asarray(labels, np.int64)
    if p.ndim != 2 or y.shape != (len(p),):
        raise ValueError("probabilities must be (n, k) and labels (n,)")
    if not len(p):
        return math.nan
    return float(((p - np.eye(p.shape[1])[y]) ** 2).sum(axis=1).mean())


def overconfidence(
    confidence: ArrayLike, correct: ArrayLike, *, level: float = 0.95, seed: int = 0
) -> tuple[float, Interval]:
    """Mean confidence minus accuracy, in [−1, 1], and its bootstrap interval; above 0 is overconfident."""
    c, y = _checked(confidence, correct)
    if not len(c):
        return math.nan, (-1.0, 1.0)
    gap = c - y
    if len(gap) < 2:
        return float(gap.mean()), (-1.0, 1.0)
    return float(gap.mean()), bootstrap(gap, level=level, seed=seed)


def _checked(confidence: ArrayLike, correct: ArrayLike) -> tuple[Float, Float]:
    c, y = np.asarray(confidence, np.float64), np.asarray(correct, np.float64)
    if c.shape != y.shape or c.ndim != 1:
        raise ValueError("confidence and correct must have one number an image")
    if not np.all((c >= 0) & (c <= 1)):
        raise ValueError("confidences must lie in [0, 1]")
    if not np.all((y == 0) | (y == 1)):
        raise ValueError("correct must be true or false")
    return c, y
