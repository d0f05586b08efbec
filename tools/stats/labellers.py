"""What somebody's labels mean: of which class an image is, given what it looks like and what one labeller called it.

One labeller's habits are a matrix, class of the image against label given, learnt from that labeller's labels and from what a judge who
never saw them says of the images (Dawid & Skene 1979, Applied Statistics 28:20, for several labellers and no images; Raykar et al. 2010, J.
Mach. Learn. Res. 11:1297, section 2, with a classifier in place of the class frequencies, which is held fixed here). It says more than a
judge alone: where a labeller gives one class for another, an image that looks a little like that other one is probably of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Float = npt.NDArray[np.float64]
Int = npt.NDArray[np.int64]
ROUNDS = 100
CLOSE = 1e-4  # change of the habits at which they stand
RIGHT = 0.8  # share of right labels from which the habits are learnt
PRIOR = 1.0  # images of each class, spread over all labels, that are counted beside those there are
_EPSILON = 1e-12


@dataclass(frozen=True, slots=True)
class Habits:
    """What one labeller's labels mean.

    Attributes:
        given: (k, k) share of the images of a class (row) to which a label (column) is given; rows sum to 1.
        posterior: (n, k) chance of each class for each image, given its label and the judge's scores.
    """

    given: Float
    posterior: Float

    def right(self, labels: Int) -> Float:
        """(n,) chance that each label is right."""
        made: Float = self.posterior[np.arange(len(labels)), labels]
        return made


def learn_habits(scores: Float, labels: Int) -> Habits:
    """The habits of one labeller, by expectation and maximisation.

    Args:
        scores: (n, k) probabilities of the classes by a judge that did not learn from these labels.
        labels: (n,) what the labeller gave, in 0 … k−1.

    Raises:
        ValueError: no images, labels that there are no scores for, or scores that are no finite numbers ≥ 0.
    """
    n, k = scores.shape
    if not n or len(labels) != n or labels.min() < 0 or labels.max() >= k:
        raise ValueError("scores and labels must be of the same images and classes")
    if not np.isfinite(scores).all() or (scores < 0).any():
        raise ValueError("scores must be finite and not negative")
    seen = np.maximum(np.asarray(scores, np.float64), _EPSILON)
    given = np.eye(k) * RIGHT + (1 - RIGHT) / k
    for _ in range(ROUNDS):
        counts = np.full((k, k), PRIOR / k)
        np.add.at(counts.T, labels, _posterior(seen, given, labels))
        found = counts / counts.sum(axis=1, keepdims=True)
        moved, given = float(np.abs(found - given).max()), found
        if moved < CLOSE:
            break
    return Habits(given, _posterior(seen, given, labels))


def _posterior(scores: Float, given: Float, labels: Int) -> Float:
    raw = scores * given[:, labels].T
    made: Float = raw / raw.sum(axis=1, keepdims=True)
    return made
