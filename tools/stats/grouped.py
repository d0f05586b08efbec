"""Rates of images that come in groups (pictures of one patient, frames of one video): how much they tell, and exact intervals.

The groups are taken as independent, the images of one as anything. Images count as many as the design effect leaves of them
(Kish 1965, *Survey Sampling*), inside the exact interval of Clopper & Pearson, with the quantile of Student's t for the number
of groups (Korn & Graubard 1998, Surv. Methodol. 24:193). Where few groups hold the rarer outcome the design effect can't be
measured, and that interval alone would call a model ready too often: the effect is then drawn towards that of images that are
all alike within their group, the more the fewer such groups there are (PRIOR).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

Bool = npt.NDArray[np.bool_]
Int = npt.NDArray[np.int64]
Interval = tuple[float, float]

LEVEL = 0.95
PRIOR = 2.0  # groups that speak for images all alike, beside the groups that hold the rarer outcome (docs/numbers.md)


@dataclass(frozen=True, slots=True)
class Grouped:
    """How much images in groups tell.

    Attributes:
        groups: how many there are.
        effect: design effect, ≥ 1: how many images tell as much as one that stands alone.
        freedom: groups of equal size that would tell as much, less one; inf where each image stands alone.
    """

    groups: int = 0
    effect: float = 1.0
    freedom: float = field(default=math.inf)

    def worth(self, level: float = LEVEL) -> float:
        """Share of the images that would tell as much if each stood alone, at this level; 0 for a single group."""
        if math.isinf(self.freedom):
            return 1.0 / self.effect
        if self.freedom <= 0:
            return 0.0
        from scipy.special import ndtri, stdtrit

        tail = 0.5 + level / 2
        return float((ndtri(tail) / stdtrit(self.freedom, tail)) ** 2) / self.effect

    def exact(self, k: float, n: float, level: float = LEVEL) -> Interval:
        """Interval of k of n images; never narrower than of images that stand alone. (0, 1) for no images or a single group."""
        share = min(self.worth(level), 1.0)
        if n <= 0 or share <= 0:
            return 0.0, 1.0
        return _exact(k * share, n * share, level)


ALONE = Grouped()


def grouped(hits: Bool, groups: Int) -> Grouped:
    """How much (n,) outcomes tell whose images come in groups.

    Args:
        hits: (n,) what is counted.
        groups: (n,) group of each, any integers; all different: each stands alone.
    """
    n = len(hits)
    code = np.unique(groups, return_inverse=True)[1]
    sizes = np.bincount(code).astype(np.float64)
    if n == 0 or len(sizes) == n:
        return Grouped(len(sizes), 1.0, math.inf if n else 0.0)
    even = n**2 / float((sizes**2).sum())
    alike = n / even  # the effect where images of one group are all alike
    right = np.bincount(code, hits.astype(np.float64))
    rarer = min(int((right > 0).sum()), int((right < sizes).sum()))
    rate = float(hits.mean())
    plain = n * rate * (1 - rate)
    measured = alike
    if plain > 0 and len(sizes) > 1:
        spread = float(((right - sizes * rate) ** 2).sum()) * len(sizes) / (len(sizes) - 1)
        measured = max(1.0, spread / plain)
    drawn = (measured * rarer + PRIOR * alike) / (rarer + PRIOR)
    return Grouped(len(sizes), max(measured, drawn), even - 1)


def _exact(k: float, n: float, level: float) -> Interval:
    """Clopper and Pearson's interval for numbers that need not be whole."""
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    low = 0.0 if k <= 0 else float(betaincinv(k, n - k + 1, tail))
    high = 1.0 if k >= n else float(betaincinv(k + 1, n - k, 1 - tail))
    return low, high
