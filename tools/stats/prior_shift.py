"""Label shift: which class mix would explain the answers given on unlabelled images, if pictures of a class look alike.

Black-box shift estimation (Lipton, Wang & Smola 2018, ICML, arXiv:1802.03916): the shares of predicted classes on the
new images are a mixture of the columns of the confusion matrix. Instead of inverting the matrix, which can leave the
simplex, the mixture is fitted by maximum likelihood with the EM steps of Saerens, Latinne & Decaestecker (2002, Neural
Computation 14:21) and pulled a little towards the old mix.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

DRAWS = 200
STEPS = 200
ILL_CONDITIONED = (
    25.0  # beyond this, an error of a point in a predicted share can become 25 points of a class share
)
CELLS = 40_000_000  # most products of one EM step over all bootstrap draws


@dataclass(frozen=True, slots=True)
class LabelShift:
    """The estimated class mix of the new images.

    Attributes:
        before: (k,) class shares of the reference images.
        shares: (k,) estimated class shares of the new images; a class without reference images gets 0.
        ci: (k, 2) bootstrap percentile intervals over both samples.
        drawn: (draws, k) the bootstrap estimates.
        condition: condition number of the matrix P(predicted | true) over the classes that have reference images.
        distance: half the sum of absolute differences of the shares (total variation).
        accuracy: expected accuracy on the new images, Σ share · recall, with its bootstrap interval.
    """

    before: Floats
    shares: Floats
    ci: Floats
    drawn: Floats
    condition: float
    distance: float
    accuracy: float
    accuracy_ci: tuple[float, float]

    @property
    def reliable(self) -> bool:
        """False when the confusion matrix is too ill-conditioned to be read backwards."""
        return self.condition <= ILL_CONDITIONED

    @property
    def weights(self) -> Floats:
        """(k,) new share / old share of each class; 0 for classes without reference images."""
        made: Floats = np.divide(
            self.shares, self.before, out=np.zeros_like(self.shares), where=self.before > 0
        )
        return made


def label_shift(confusion: Ints, answers: Ints, *, draws: int = DRAWS, seed: int = 0) -> LabelShift:
    """Class shares of the new images from the model's answers.

    Args:
        confusion: (k, k) reference images by true class (row) and predicted class (column).
        answers: (k,) new images by predicted class.
        draws: bootstrap resamples of both.
        seed: of the bootstrap.

    Raises:
        ValueError: a side is empty.
    """
    counts, told = confusion.astype(np.float64), answers.astype(np.float64)
    if counts.sum() <= 0 or told.sum() <= 0:
        raise ValueError("both the reference images and the new images must be there")
    k = len(counts)
    draws = max(40, min(draws, CELLS // (k * k)))
    rng = np.random.default_rng(seed)
    n, m = int(counts.sum()), int(told.sum())
    drawn_counts = rng.multinomial(n, counts.ravel() / n, draws).reshape(draws, k, k).astype(np.float64)
    drawn_told = rng.multinomial(m, told / m, draws).astype(np.float64)
    shares = _fit(counts[None], told[None])[0]
    drawn = _fit(drawn_counts, drawn_told)
    before = counts.sum(1) / n
    low, high = np.quantile(drawn, (0.025, 0.975), axis=0)
    ci = np.stack([np.minimum(low, shares), np.maximum(high, shares)], axis=1)
    distance = float(np.abs(shares - before).sum() / 2)
    right = np.einsum("ry,ry->r", drawn, _recall(drawn_counts))
    accuracy = float(shares @ _recall(counts[None])[0])
    around = tuple(float(v) for v in np.quantile(right, (0.025, 0.975)))
    ci_right = min(around[0], accuracy), max(around[1], accuracy)
    return LabelShift(before, shares, ci, drawn, condition_number(counts), distance, accuracy, ci_right)


def _recall(counts: Floats) -> Floats:
    """(r, k) recall of each class; 0 where there are no images of it."""
    made: Floats = np.diagonal(counts, axis1=1, axis2=2) / np.maximum(counts.sum(2), 1)
    return made


def condition_number(counts: Floats) -> float:
    """Condition number of P(predicted | true); infinite when classes are answered alike."""
    present = counts.sum(1) > 0
    rates = counts[present] / counts[present].sum(1, keepdims=True)
    values = np.linalg.svd(rates, compute_uv=False)
    return float(values[0] / values[-1]) if values[-1] > 1e-9 else math.inf


def _fit(counts: Floats, told: Floats) -> Floats:
    """(r, k) mixtures of r problems at once: (r, k, k) counts and (r, k) answers."""
    rows = counts.sum(2)
    present = rows > 0
    k = counts.shape[1]
    overall = counts.sum(1) / np.maximum(counts.sum((1, 2)), 1)[:, None]
    # one image of every class is dealt as all images are, so that no answer is impossible
    rates = (counts + overall[:, None, :] + 1e-9) / (rows[:, :, None] + 1 + k * 1e-9)
    before = rows / rows.sum(1, keepdims=True)
    prior = present.sum(1, keepdims=True) * before  # a pull as strong as one image a class
    share: Floats = before.copy()
    for _ in range(STEPS):
        mixture = np.einsum("ry,ryj->rj", share, rates)
        gain = np.einsum("rj,ryj->ry", told / np.maximum(mixture, 1e-300), rates)
        new = (share * gain + prior) / (told.sum(1) + prior.sum(1))[:, None]
        new = np.where(present, new, 0.0)
        new /= new.sum(1, keepdims=True)
        done = np.abs(new - share).max() < 1e-7
        share = np.asarray(new, np.float64)
        if done:
            break
    return share
