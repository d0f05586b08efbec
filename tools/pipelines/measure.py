"""How much better one way of feeding is than another, paired: by right answers, or by the mean recall where classes are very unequal.

Where 92 of 100 pictures show no lesion, a model that never sees one is right in 92 %: fed rightly it finds three in four, raises some
false alarms for it, and is right in fewer pictures. There the mean of the classes' recalls (balanced accuracy) judges.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Interval
from failsight.tools.stats.intervals import newcombe_paired
from failsight.tools.stats.power import smallest_paired_effect
from failsight.tools.stats.tests import mcnemar_exact, sign_flip

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
TIMES = 3  # how many times as many images as an average other class the most frequent one has, from which recall judges

COLLAPSED = (
    0.85  # of the images of all other classes: a model that gives them one answer tells no classes apart
)


@dataclass(frozen=True, slots=True)
class Scale:
    """What pictures count. ``weights`` (n,) sum to n; all 1 where right answers are counted.

    Attributes:
        labels: (n,) true classes.
        balanced: whether each class counts the same.
    """

    labels: Ints
    weights: Floats
    balanced: bool

    def share(self, right: Bools) -> float:
        """Share of right answers, or mean recall; NaN without pictures."""
        return float((self.weights * right).mean()) if len(right) else math.nan

    def gain(self, right: Bools, base: Bools) -> float:
        """The same under one way of feeding minus that under another."""
        return float((self.weights * (right.astype(np.float64) - base)).mean()) if len(right) else math.nan

    def interval(self, right: Bools, base: Bools) -> Interval:
        """95 % interval of the gain: Newcombe's, paired; of the mean recall squared and added over the classes."""
        if not self.balanced:
            return _newcombe(right, base)
        value, low, high = self.gain(right, base), 0.0, 0.0
        present = np.unique(self.labels)
        for c in present.tolist():
            of = self.labels == c
            own = float((right[of].astype(np.float64) - base[of]).mean())
            ends = _newcombe(right[of], base[of])
            low += ((own - ends[0]) / len(present)) ** 2
            high += ((ends[1] - own) / len(present)) ** 2
        return max(-1.0, value - math.sqrt(low)), min(1.0, value + math.sqrt(high))

    def p(self, right: Bools, base: Bools, seed: int = 0) -> float:
        """One-sided p that it is no better: exact McNemar; of the mean recall random signs of the weighted differences."""
        if not self.balanced:
            return mcnemar_exact(int((right & ~base).sum()), int((base & ~right).sum()), "greater")
        return sign_flip(self.weights * (right.astype(np.float64) - base), "greater", seed=seed)

    def detectable(self, right: Bools, base: Bools, alpha: float) -> float:
        """The smallest gain that so many pictures would have shown with 80 % power."""
        n = len(right)
        if n < 2:
            return 1.0
        differ = self.weights[right != base]
        fewest = math.ceil(math.log2(1 / alpha)) / n * (float(differ.mean()) if len(differ) else 1.0)
        spread = math.sqrt(max(float((differ**2).sum()), 1.0) / n)
        found = smallest_paired_effect(spread, n, alpha, two_sided=False)
        return min(1.0, max(fewest, found or 1.0))


def scale(labels: Ints) -> Scale:
    """What to count on pictures of these true classes: recall where the most frequent class has more than ``TIMES`` as many images as
    the others have on average."""
    labels = np.asarray(labels, np.int64)
    present, where, counts = np.unique(labels, return_inverse=True, return_counts=True)
    n, k = len(labels), len(present)
    balanced = k > 1 and int(counts.max()) > TIMES * (n - int(counts.max())) / (k - 1)
    weights = n / (k * counts[where]) if balanced else np.ones(n)
    return Scale(labels, weights.astype(np.float64), balanced)


def recalls(right: Bools, labels: Ints) -> dict[int, tuple[int, int]]:
    """Class → (right answers, pictures)."""
    return {
        int(c): (int(right[labels == c].sum()), int((labels == c).sum())) for c in np.unique(labels).tolist()
    }


def informed(said: Ints, labels: Ints) -> tuple[float, float]:
    """How much answers depend on the true class: the mean over the classes of recall minus false alarms, and the lower end of its 95 % interval.

    0 for a model that does not look at the picture, however often it gives which answer; 1 for one that is always right (Youden's
    J, "Index for rating diagnostic tests", Cancer 1950, of each class against the others). With one class only both are 0.

    Args:
        said: (n,) answers, −1 for none.
        labels: (n,) true classes.
    """
    present = np.unique(labels).tolist()
    if len(present) < 2:
        return 0.0, 0.0
    values, variance = [], 0.0
    for c in present:
        of, answered = labels == c, said == c
        values.append(float(answered[of].mean() - answered[~of].mean()))
        for part in (answered[of], answered[~of]):
            share = (float(part.sum()) + 1) / (len(part) + 2)  # so that few pictures are not sure of anything
            variance += share * (1 - share) / len(part)
    mean = float(np.mean(values))
    return mean, mean - 1.96 * math.sqrt(variance) / len(present)


def collapsed(said: Ints, labels: Ints) -> bool:
    """Whether (nearly) all answers are one class: ``COLLAPSED`` of the images of other classes get it, or more."""
    answers, counts = np.unique(said[said >= 0], return_counts=True)
    if not len(answers):
        return True
    top = int(answers[counts.argmax()])
    others = labels != top
    return bool(others.any()) and float((said[others] == top).mean()) >= COLLAPSED


def _newcombe(right: Bools, base: Bools) -> Interval:
    gained, lost, both = int((right & ~base).sum()), int((base & ~right).sum()), int((right & base).sum())
    return newcombe_paired(both, gained, lost, len(base) - both - gained - lost)
