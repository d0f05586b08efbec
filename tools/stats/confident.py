"""Confident learning: which labels are probably wrong, counted class against class.

Northcutt, Jiang & Chuang 2021, J. Artif. Intell. Res. 70:1373 (arXiv:1911.00068), §3. Scores must be out of sample:
a model that was trained with a label agrees with it, right or wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]
#: scores this close to the threshold count as reaching it; the published implementation allows as much
SLACK = 1e-6


@dataclass(frozen=True, slots=True)
class ConfidentCounts:
    """The confident joint and what it says of each image.

    Attributes:
        thresholds: (k,) mean score of a class over the images that carry its label; 1 for a class without images.
        joint: (k, k) images labelled i that are confidently of class j, not calibrated.
        suggested: (n,) the class an image is confidently of; −1 when no score reaches its threshold.
        suspect: (n,) whether that is another class than the label.
    """

    thresholds: Float
    joint: Int
    suggested: Int
    suspect: Bool

    @property
    def noise_rates(self) -> Float:
        """(k, k) share of the images labelled i, of those counted, that are confidently of class j ≠ i."""
        rates: Float = self.joint / np.maximum(self.joint.sum(axis=1, keepdims=True), 1)
        np.fill_diagonal(rates, 0.0)
        return rates


def confident_counts(labels: Int, scores: Float) -> ConfidentCounts:
    """Count labels against confident classes (eq. 1 and 2 of the paper; collisions go to the larger score).

    Args:
        labels: (n,) class indices in 0 … k−1.
        scores: (n, k) probabilities.
    """
    n, k = scores.shape
    sizes = np.bincount(labels, minlength=k)
    own = np.bincount(labels, weights=scores[np.arange(n), labels], minlength=k)
    thresholds = np.where(sizes > 0, own / np.maximum(sizes, 1), 1.0)
    reached = scores >= thresholds - SLACK
    suggested = np.where(reached.any(axis=1), np.where(reached, scores, -1.0).argmax(axis=1), -1)
    counted = suggested >= 0
    joint = np.zeros((k, k), np.int64)
    np.add.at(joint, (labels[counted], suggested[counted]), 1)
    return ConfidentCounts(thresholds, joint, suggested, counted & (suggested != labels))


def calibrated_joint(joint: Int, sizes: Int) -> Float:
    """(k, k) counts whose rows sum to the number of images of each label and which sum to n (eq. 3 of the paper)."""
    rows = joint.sum(axis=1, keepdims=True)
    made: Float = np.where(rows > 0, joint / np.maximum(rows, 1), 0.0) * sizes[:, None]
    empty = (rows[:, 0] == 0) & (sizes > 0)
    made[empty, empty] = sizes[empty]
    return made


def normalised_margin(labels: Int, scores: Float) -> Float:
    """(n,) score of the label minus the largest other score, in [−1, 1]; low is suspicious (the paper's C_nm)."""
    own = scores[np.arange(len(labels)), labels]
    others = scores.copy()
    others[np.arange(len(labels)), labels] = -np.inf
    margin: Float = own - others.max(axis=1)
    return margin
