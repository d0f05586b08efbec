"""Wrong labels told from a model's own errors: the share of labels that disagree however sure the model is.

A model's errors become rarer the surer it is; wrong labels do not. So the chance that a label disagrees with the
prediction is modelled as ``floor + (1 − floor) · (1 − q)``, where q is the confidence after temperature scaling
(Guo et al. 2017, ICML, §4.2). Each group of images has a temperature of its own: images that are hard, and models
that are too sure of themselves on hard images, have another temperature but no floor. (For Gaussian classes seen
through more noise than the model knows of, that is exact: the log-odds are too large by a constant factor.)

What this can't tell: a model's errors that are as confident as its right answers (a misleading cue) look like wrong labels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]
Interval = tuple[float, float]

SHARPNESS = np.exp(np.linspace(np.log(0.04), np.log(6.0), 48))  # inverse temperatures tried
STEP = 0.0025
GRID = np.arange(0, 241) * STEP  # floors 0 to 0.6
BINS = 160  # of log(1 − q)
LOWEST = 1e-7  # 1 − q is never taken to be smaller
MOST_CLASSES = 24  # scores beyond the largest ones are put together: they weigh nothing
SMALLEST = 1e-30  # a score below counts as this
HALF_WIDTH = 1.9207  # half of the 95 % point of chi squared with one degree of freedom


@dataclass(frozen=True, slots=True)
class FloorTest:
    """A group's floor against everybody else's.

    Attributes:
        inside, outside: estimated floors, shares in [0, 0.6].
        difference: inside minus outside.
        ci: 95 % profile likelihood interval of the difference.
        p: one-sided p-value of "the difference is no larger than the margin", by likelihood ratio.
        sharpness_in, sharpness_out: inverse temperatures; below 1 the model is surer than it is right.
    """

    inside: float
    outside: float
    difference: float
    ci: Interval
    p: float
    sharpness_in: float
    sharpness_out: float


class Disagreement:
    """Labels against predictions, by confidence: all that the floor model needs, binned once.

    Args:
        scores: (n, k) probabilities.
        disagrees: (n,) whether the label differs from the most probable class.
    """

    def __init__(self, scores: Float, disagrees: Bool) -> None:
        self.disagrees = np.asarray(disagrees, bool)
        logs = _logs(np.asarray(scores, np.float64))
        low = np.log(LOWEST)
        self.bins = np.empty((len(SHARPNESS), len(logs)), np.int16)
        for i, sharpness in enumerate(SHARPNESS):
            rest = np.exp(sharpness * logs[:, 1:]).sum(axis=1)  # relative to the top class, whose log is 0
            wrong = np.log(np.maximum(rest / (1 + rest), LOWEST))
            self.bins[i] = np.minimum((1 - wrong / low) * BINS, BINS - 1).astype(np.int16)
        centres = np.exp(low * (1 - (np.arange(BINS) + 0.5) / BINS))
        wrong = GRID[None, :] + (1 - GRID[None, :]) * centres[:, None]
        self._log_disagree, self._log_agree = np.log(wrong), np.log1p(-np.minimum(wrong, 1 - 1e-12))
        self.centres = centres

    def likelihood(self, rows: Bool) -> Float:
        """(sharpness, floor) log-likelihood of the labels of ``rows``."""
        no, yes = self._counts(rows)
        made: Float = no @ self._log_disagree + yes @ self._log_agree
        return made

    def _counts(self, rows: Bool) -> tuple[Float, Float]:
        shape = (len(SHARPNESS), BINS)
        offset = np.arange(len(SHARPNESS))[:, None] * BINS
        no, yes = (
            np.bincount((self.bins[:, rows & kind] + offset).ravel(), minlength=shape[0] * BINS).reshape(
                shape
            )
            for kind in (self.disagrees, ~self.disagrees)
        )
        return no.astype(np.float64), yes.astype(np.float64)

    def expected_errors(self, sharpness: float) -> Float:
        """(n,) chance that the most probable class is wrong, after scaling with this sharpness."""
        at = int(np.abs(np.log(SHARPNESS) - np.log(sharpness)).argmin())
        made: Float = self.centres[self.bins[at]]
        return made


def _logs(scores: Float) -> Float:
    """Log scores relative to the largest, largest first; small ones beyond the first put together."""
    k = scores.shape[1]
    ordered = -np.sort(-scores, axis=1) if k <= MOST_CLASSES else _largest(scores)
    made: Float = np.log(np.maximum(ordered, SMALLEST))
    return made - made[:, :1]


def _largest(scores: Float) -> Float:
    top = -np.sort(-np.partition(scores, -MOST_CLASSES, axis=1)[:, -MOST_CLASSES:], axis=1)
    return np.column_stack([top, np.maximum(scores.sum(axis=1) - top.sum(axis=1), 0)])


def fit_floor(made: Disagreement, rows: Bool) -> tuple[float, Interval, float, float]:
    """The floor of ``rows``: (estimate, 95 % interval, p of "there is no floor", sharpness)."""
    table = made.likelihood(rows)
    profile = table.max(axis=0)
    best = int(profile.argmax())
    inside = GRID[profile >= profile[best] - HALF_WIDTH]
    p = _one_sided(2 * (profile[best] - profile[0])) if best > 0 else 1.0
    return (
        float(GRID[best]),
        (max(0.0, float(inside.min()) - STEP), float(inside.max()) + STEP),
        p,
        float(SHARPNESS[table[:, best].argmax()]),
    )


def compare_floors(
    made: Disagreement, inside: Bool, among: Bool, margin: float = 0.0, reach: float = np.inf
) -> FloorTest:
    """Is the floor inside a group higher than outside by more than ``margin``?

    Args:
        made: binned labels and scores.
        inside: (n,) the group.
        among: (n,) the images that take part at all.
        margin: a share in [0, 0.6]; rounded to the grid of 0.25 points.
        reach: by what factor the group's sharpness may differ from the others'; without limit by default.
    """
    first, second = made.likelihood(inside & among), made.likelihood(~inside & among)
    if np.isfinite(reach):
        best = int(np.unravel_index(int(second.argmax()), second.shape)[0])
        far = np.abs(np.log(SHARPNESS / SHARPNESS[best])) > np.log(reach) + 1e-9
        first[far] = -1e18
    a, b = first.max(axis=0), second.max(axis=0)
    size = len(GRID)
    differences = np.arange(-(size - 1), size)
    profile = np.array(
        [(a[max(d, 0) : size + min(d, 0)] + b[max(-d, 0) : size - max(d, 0)]).max() for d in differences]
    )
    i, j = int(a.argmax()), int(b.argmax())
    top = a[i] + b[j]
    kept = differences[profile >= top - HALF_WIDTH] * STEP
    at = round(margin / STEP)
    null = float(profile[differences <= at].max())
    p = _one_sided(2 * (top - null)) if i - j > at else 1.0
    return FloorTest(
        float(GRID[i]), float(GRID[j]), float(GRID[i] - GRID[j]), (float(kept.min()) - STEP, float(kept.max()) + STEP), p,
        float(SHARPNESS[first[:, i].argmax()]), float(SHARPNESS[second[:, j].argmax()]),
    )  # fmt: skip


def _one_sided(ratio: float) -> float:
    """p of a likelihood ratio (twice the gain in log-likelihood) whose parameter was free to one side only."""
    from math import erfc, sqrt

    return 0.5 * erfc(sqrt(max(ratio, 0.0) / 2))


def sureness(scores: Float, predicted: Int) -> Float:
    """(2, n) how sure the model is of each image: ranks in (0, 1) among the images predicted to be of the same class.

    By the gap between the two largest log scores, and by the spread of all log scores (which tells features that
    are noisier than usual even where the gap does not). Both are the same for two classes.
    """
    logs = _logs(np.asarray(scores, np.float64))
    measured = (-logs[:, 1] if logs.shape[1] > 1 else logs[:, 0], logs.std(axis=1))
    ranks = np.zeros((2, len(logs)))
    for c in np.unique(predicted):
        rows = np.flatnonzero(predicted == c)
        for i, values in enumerate(measured):
            _, place, times = np.unique(values[rows], return_inverse=True, return_counts=True)
            ends = np.cumsum(times)
            ranks[i, rows] = (ends - times / 2)[place] / len(rows)
    return ranks


def sureness_gap(ranks: Float, inside: Bool, among: Bool) -> tuple[float, float]:
    """Is the model as sure of a group as of the others? (largest Kolmogorov-Smirnov distance, its p-value).

    Wrong labels leave the scores alone; hard images do not. p is asymptotic, and doubled for looking twice.
    """
    from scipy.special import kolmogorov

    rows, others = inside & among, ~inside & among
    n, m = int(rows.sum()), int(others.sum())
    if not n or not m:
        return 0.0, 1.0
    distances = [_distance(np.sort(r[rows]), np.sort(r[others])) for r in ranks]
    apart = max(distances)
    looks = 1 if np.array_equal(ranks[0], ranks[1]) else 2
    return apart, min(1.0, looks * float(kolmogorov(apart * np.sqrt(n * m / (n + m)))))


def _distance(first: Float, second: Float) -> float:
    both = np.concatenate([first, second])
    a = np.searchsorted(first, both, side="right") / len(first)
    b = np.searchsorted(second, both, side="right") / len(second)
    return float(np.abs(a - b).max())
