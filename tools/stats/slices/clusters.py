"""Comparisons where rows come in groups (frames of one video, rooms of one house) and rows of one group are alike.

The groups are taken as independent, the rows of one as anything. The spread of a difference is that of its sums over groups
(the linearised variance of a ratio: Liang & Zeger 1986, Biometrika 73:13), and Student's t has as many degrees of freedom as
the smaller side has groups, less one, groups counted by their size (n² / Σ nᵢ², Kish 1965, *Survey Sampling*): the usual
count is too bold where a few large groups hold most rows (Carter, Schnepel & Steigerwald 2017, Rev. Econ. Stat. 99:698).
Callers take the larger of this p and that of independent rows, and the wider interval: to say what belongs together never
makes a claim surer.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from failsight.tools.stats.intervals import normal_quantile, wilson
from failsight.tools.stats.slices.model import Bool, Float, Int, Interval
from failsight.tools.stats.stratified import SMALLEST_P

#: groups on either side of a comparison below which it says nothing
FEWEST = 10


@dataclass(frozen=True, slots=True)
class Spread:
    """The spread of a sum of scores over groups.

    Attributes:
        deviation: standard deviation of the sum; 0.0 where there is nothing to tell it by.
        freedom: degrees of freedom of Student's t, > 0 where there is a deviation.
        groups: that the side with fewer of them has.
    """

    deviation: float
    freedom: float
    groups: int

    @property
    def enough(self) -> bool:
        """Whether there are enough groups on either side to say anything."""
        return self.groups >= FEWEST and self.deviation > 0

    def upper(self, value: float) -> float:
        """p-value, in (0, 1], of a sum as large as ``value``; 1 with too few groups."""
        if not self.enough:
            return 1.0
        from scipy.special import stdtr

        return min(1.0, max(SMALLEST_P, float(stdtr(self.freedom, -value / self.deviation))))

    def reach(self, level: float) -> float:
        """Half the width of the interval of the sum; inf where nothing is known."""
        if not self.deviation:
            return math.inf
        from scipy.special import stdtrit

        return float(stdtrit(self.freedom, 0.5 + level / 2)) * self.deviation


def spread_of(scores: Float, inside: Bool, outside: Bool, clusters: Int) -> Spread:
    """The spread of Σ scores of the rows of either side.

    Args:
        scores: (n,) influence of each row on the sum, mean 0 where the rows are as supposed.
        inside, outside: (n,) the two sides; rows of neither do not count.
        clusters: (n,) group of each row, ≥ 0.
    """
    use = inside | outside
    code, part = clusters[use], inside[use]
    if not len(code):
        return Spread(0.0, 0.0, 0)
    levels = int(code.max()) + 1
    sums = np.bincount(code, scores[use], minlength=levels)
    rows_in = np.bincount(code[part], minlength=levels)
    rows_out = np.bincount(code[~part], minlength=levels)
    there = int(((rows_in > 0) | (rows_out > 0)).sum())
    groups = min(int((rows_in > 0).sum()), int((rows_out > 0).sum()))
    freedom = min(_even(rows_in), _even(rows_out)) - 1
    total = float((sums**2).sum())
    if freedom <= 0 or there < 2 or total <= 0:
        return Spread(0.0, 0.0, groups)
    return Spread(math.sqrt(total * there / (there - 1)), freedom, groups)


def _even(sizes: Int) -> float:
    """How many groups of equal size tell as much as groups of these sizes; 0 without rows."""
    square = float((sizes.astype(np.float64) ** 2).sum())
    return float(sizes.sum()) ** 2 / square if square else 0.0


@dataclass(frozen=True, slots=True)
class Clustered:
    """The difference of two sides within strata, rows of one group together.

    Attributes:
        effect: Mantel–Haenszel weighted mean of (mean inside − mean outside), as `compare` gives it; 0.0 where no stratum
            holds rows of both sides.
        p: one-sided p-value that inside is not higher; 1 with too few groups.
        p_two: two-sided.
        ci: interval of the effect; (−1, 1) where nothing is known.
        groups: that the side with fewer of them has, in strata with rows of both.
    """

    effect: float
    p: float
    p_two: float
    ci: Interval
    groups: int

    @property
    def enough(self) -> bool:
        """Whether there are enough groups on either side."""
        return self.groups >= FEWEST


NOTHING = Clustered(0.0, 1.0, 1.0, (-1.0, 1.0), 0)


def compare_clusters(
    values: Float, inside: Bool, outside: Bool, strata: Int, clusters: Int, level: float = 0.95
) -> Clustered:
    """Compare the rows inside with the rows outside, within strata, rows of one group together.

    Args:
        values: (n,) numbers in [0, 1] (or differences of such).
        inside, outside: (n,) the two sides, disjoint; rows of neither do not count.
        strata: (n,) stratum of each row, ≥ 0.
        clusters: (n,) group of each row, ≥ 0.
        level: coverage of the interval.
    """
    use = inside | outside
    y, x, h, c = np.asarray(values[use], np.float64), inside[use], strata[use], clusters[use]
    levels = int(h.max(initial=0)) + 1
    n, m = np.bincount(h, minlength=levels), np.bincount(h[x], minlength=levels)
    both = ((m > 0) & (m < n))[h]
    if not both.any():
        return NOTHING
    if not both.all():
        y, x, h, c = y[both], x[both], h[both], c[both]
    at = np.maximum(n, 1)
    x_left = x - (m / at)[h]
    y_left = y - (np.bincount(h, y, minlength=levels) / at)[h]
    weight = float(x_left[x].sum())
    effect = float((x_left * y_left).sum()) / weight
    spread = spread_of(x_left * (y_left - effect * x_left), x, ~x, c)
    p, other = spread.upper(effect * weight), spread.upper(-effect * weight)
    half = spread.reach(level) / weight
    ci = (max(-1.0, effect - half), min(1.0, effect + half))
    return Clustered(effect, p, min(1.0, 2 * min(p, other)), ci, spread.groups)


def rate_interval(hits: Bool, clusters: Int, level: float = 0.95) -> Interval:
    """Wilson's interval of a share for as many independent rows as the rows in groups are worth, never more than there are.

    Where the share is 0 or 1 nothing tells how alike rows of one group are: each group then counts as one row.

    Args:
        hits: (n,) what is counted.
        clusters: (n,) group of each row, ≥ 0.

    Korn & Graubard 1998, Surv. Methodol. 24:193.
    """
    n = len(hits)
    if not n:
        return 0.0, 1.0
    rate = float(hits.mean())
    worth = effective_rows(hits.astype(np.float64), clusters)
    freedom = _even(np.bincount(clusters)) - 1
    if freedom > 0:
        from scipy.special import stdtrit

        worth = max(1, int(worth * (normal_quantile(level) / float(stdtrit(freedom, 0.5 + level / 2))) ** 2))
    return wilson(min(rate * worth, worth), worth, level)


def mean_cluster_interval(values: Float, clusters: Int, level: float = 0.95) -> Interval:
    """Student's t interval of the mean of (n,) values in groups; (nan, nan) for fewer than two groups."""
    sizes = np.bincount(clusters)
    groups, freedom = int((sizes > 0).sum()), _even(sizes) - 1
    if groups < 2 or freedom <= 0:
        return math.nan, math.nan
    from scipy.special import stdtrit

    mean = float(values.mean())
    total = float((np.bincount(clusters, values - mean) ** 2).sum()) * groups / (groups - 1)
    half = float(stdtrit(freedom, 0.5 + level / 2)) * math.sqrt(total) / len(values)
    return mean - half, mean + half


def effective_rows(values: Float, clusters: Int) -> int:
    """How many independent rows the mean of (n,) values in groups is worth: 1 … n."""
    n = len(values)
    sizes = np.bincount(clusters)
    left = values - values.mean()
    plain = float((left**2).sum())
    groups = int((sizes > 0).sum())
    if plain <= 0 or groups < 2:
        return max(1, int(_even(sizes)))
    sums = np.bincount(clusters, left)
    together = float((sums**2).sum()) * groups / (groups - 1)
    return max(1, min(n, int(n * plain / together))) if together > 0 else n


def wider(one: Interval, other: Interval) -> Interval:
    """The interval that holds both."""
    return min(one[0], other[0]), max(one[1], other[1])
