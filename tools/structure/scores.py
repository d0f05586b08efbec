"""What class probabilities alone give away about the last layers: a softmax too many, or none; classes never predicted.

*A second softmax.* If s = softmax(p) and p are probabilities, then p can be got back from s: log s differs from p by a constant, and p
sums to one. For ordinary scores the same arithmetic gives numbers that are no probabilities (negative ones, as soon as logits
differ by more than one); scores that are all valid, with sure ones among them, come from a second softmax.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Interval
from failsight.tools.stats.intervals import mean_interval, wilson
from failsight.tools.stats.tests import mcnemar_exact, sign_flip

Floats = npt.NDArray[np.float64]

SLACK = 5e-3  # float32 scores, their logarithms, and rounding in files
SURE = 0.9  # an undone probability this high: what an unsquashed model gives now and then
SURE_SHARE = 0.05
VALID = 0.99  # of the images must give valid probabilities when a softmax is undone
FEWEST = 30
FEWEST_PREDICTED = (
    5.0  # expected predictions of a class at its share of labels, below which "never predicted" says nothing
)


@dataclass(frozen=True)
class Undone:
    """What the scores look like with one softmax undone.

    Attributes:
        inner: (n, k) the probabilities that a second softmax would have been given.
        valid, ci: share of images where they are probabilities, with its interval.
        sure: share of images where the highest is at least ``SURE``.
        ceiling: the highest confidence that a second softmax allows, e / (e + k − 1).
    """

    inner: Floats
    valid: float
    ci: Interval
    sure: float
    ceiling: float

    @property
    def doubled(self) -> bool:
        """Whether the scores came through two softmaxes."""
        return (
            len(self.inner) >= FEWEST
            and self.ci[0] >= VALID - 0.09
            and self.valid >= VALID
            and self.sure >= SURE_SHARE
        )


def undo_softmax(scores: npt.NDArray[np.float32]) -> Undone | None:
    """None for one-hot or empty tables, or where a score is zero (no softmax of probabilities gives zero)."""
    n, k = scores.shape if scores.ndim == 2 else (0, 0)
    if n == 0 or k < 2 or float(scores.min()) <= 0:
        return None
    logs = np.log(scores.astype(np.float64))
    inner = logs + ((1 - logs.sum(1)) / k)[:, None]
    fine = (inner.min(1) >= -SLACK) & (inner.max(1) <= 1 + SLACK)
    good = int(fine.sum())
    sure = float((inner.max(1) >= SURE).mean())
    return Undone(np.clip(inner, 0, 1), good / n, wilson(good, n), sure, math.e / (math.e + k - 1))


@dataclass(frozen=True, slots=True)
class Better:
    """Paired comparison of other probabilities with the declared ones, on labelled images.

    Attributes:
        gain, ci, p: fall of the Brier score per image (half the squared distance to the label, 0 to 1), positive when the
            others are better; two-sided sign-flip test.
        accuracy, accuracy_p: gain in accuracy, exact McNemar test.
        n: images.
    """

    gain: float
    ci: Interval
    p: float
    accuracy: float
    accuracy_p: float
    n: int


def compare_scores(
    declared: Floats, other: Floats, labels: npt.NDArray[np.int64], seed: int = 0
) -> Better | None:
    """None without two labelled images."""
    known = labels >= 0
    if int(known.sum()) < 2:
        return None
    a, b, y = declared[known], other[known], labels[known]
    gains = _brier(a, y) - _brier(b, y)
    # the largest score: the question is which reading of the outputs is sound, not what a threshold makes of it
    before, after = a.argmax(1) == y, b.argmax(1) == y
    return Better(
        float(gains.mean()),
        mean_interval(gains),
        sign_flip(gains, seed=seed),
        float(after.mean() - before.mean()),
        mcnemar_exact(int((after & ~before).sum()), int((before & ~after).sum())),
        len(y),
    )


def _brier(scores: Floats, labels: npt.NDArray[np.int64]) -> Floats:
    truth = np.zeros_like(scores)
    truth[np.arange(len(labels)), labels] = 1
    made: Floats = ((scores - truth) ** 2).sum(1) / 2
    return made


def softmax(raw: Floats) -> Floats:
    """Row-wise softmax."""
    shifted = np.exp(raw - raw.max(1, keepdims=True))
    made: Floats = shifted / shifted.sum(1, keepdims=True)
    return made


def not_probabilities(scores: npt.NDArray[np.float32]) -> tuple[float, Interval]:
    """Share of images whose scores are no probabilities (outside 0 to 1, or not summing to one), with interval."""
    n = len(scores)
    if n == 0:
        return math.nan, (0.0, 1.0)
    bad = int(
        (
            (scores.min(1) < -SLACK) | (scores.max(1) > 1 + SLACK) | (np.abs(scores.sum(1) - 1) > 2 * SLACK)
        ).sum()
    )
    return bad / n, wilson(bad, n)


@dataclass(frozen=True, slots=True)
class Silent:
    """A class that is never predicted although ``n`` of the images are of it; ``high``: its recall is at most this (95 %)."""

    index: int
    n: int
    high: float


def never_predicted(
    predicted: npt.NDArray[np.int64], labels: npt.NDArray[np.int64], k: int
) -> tuple[list[Silent], list[int]]:
    """Classes never predicted: those with labelled images (and enough of them), and those of which there is no image."""
    times, truth = np.bincount(predicted, minlength=k), np.bincount(labels[labels >= 0], minlength=k)
    silent = [
        Silent(i, int(truth[i]), wilson(0, int(truth[i]))[1])
        for i in np.flatnonzero((times == 0) & (truth >= FEWEST_PREDICTED))
    ]
    return silent, [int(i) for i in np.flatnonzero((times == 0) & (truth == 0))]
