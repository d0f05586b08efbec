"""Does one group fare worse than the others, at equal class proportions?

Groups are fixed beforehand, not searched for, so one Benjamini–Hochberg step over all of them keeps the false discovery
rate, and no images have to be set aside. Comparisons are made within strata (true classes): that a group has more pictures
of a hard class is not taken for unfairness.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from failsight.tools.stats.contingency import RiskDifference, general_association, risk_difference
from failsight.tools.stats.stratified import SMALLEST_P, compare_counts

Bool = NDArray[np.bool_]
Int = NDArray[np.int64]
Float = NDArray[np.float64]
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Gap:
    """How much more often one group errs than another, within strata.

    Attributes:
        value: weighted difference of error rates (Mantel–Haenszel), positive: the first group is worse; nan when no stratum
            holds both.
        ci: its interval. p: one-sided p of no difference.
        n, n_out: images of both in strata that hold both.
    """

    value: float
    ci: Interval
    p: float
    n: int
    n_out: int


@dataclass(frozen=True, slots=True)
class Spread:
    """The worst group of a column against the best one.

    Attributes:
        worst, best: codes. value: difference of error rates within strata.
        ci: simultaneous over all pairs of groups (Bonferroni), because the pair was picked by its difference.
        p: of no association at all between group and error within strata (generalised Cochran–Mantel–Haenszel); with
            sources, of no difference between any two groups: two-sided t, Bonferroni over all pairs.
    """

    worst: int
    best: int
    value: float
    ci: Interval
    p: float


def counts(wrong: Bool, inside: Bool, outside: Bool, strata: Int) -> NDArray[np.float64]:
    """(strata, 2, 2): inside and outside (rows) by wrong and right (columns)."""
    levels = int(strata.max(initial=0)) + 1
    made = np.zeros((levels, 2, 2))
    for i, group in enumerate((inside, outside)):
        for j, outcome in enumerate((wrong, ~wrong)):
            made[:, i, j] = np.bincount(strata[group & outcome], minlength=levels)
    return made


def gap(wrong: Bool, inside: Bool, outside: Bool, strata: Int, sources: Int | None = None) -> Gap:
    """Images inside against images outside, within strata.

    Args:
        wrong: (n,) errors. inside, outside: (n,) the groups, disjoint. strata: (n,) stratum, from 0.
        sources: (n,) what images come from (house, patient); images of one source do not count as independent.
    """
    if sources is not None:
        return _clustered(wrong, inside, outside, strata, sources)
    table = counts(wrong, inside, outside, strata)
    tested = compare_counts(
        table.sum((1, 2)), table[:, 0].sum(1), table[:, :, 0].sum(1), table[:, 0, 0], alternative="greater"
    )
    found: RiskDifference = risk_difference(table)
    return Gap(found.value, found.ci, tested.p if math.isfinite(found.value) else 1.0, found.n1, found.n0)


def _clustered(
    wrong: Bool, inside: Bool, outside: Bool, strata: Int, sources: Int, level: float = 0.95
) -> Gap:
    """The same difference with a variance from sums over sources, and Student's t with as many degrees of freedom as the
    smaller group has sources, less one (the linearised variance of a ratio: Liang & Zeger 1986, Biometrika 73:13)."""
    from scipy.special import stdtr, stdtrit

    nothing = Gap(math.nan, (-1.0, 1.0), 1.0, 0, 0)
    use = inside | outside
    y, x, h, c = wrong[use].astype(float), inside[use].astype(float), strata[use], sources[use]
    levels = int(h.max(initial=0)) + 1
    n = np.bincount(h, minlength=levels)
    m = np.bincount(h, x, minlength=levels)
    both = ((m > 0) & (m < n))[h]
    if not both.any():
        return nothing
    y, x, h, c = y[both], x[both], h[both], c[both]
    at = np.maximum(n, 1)
    x_left, y_left = x - (m / at)[h], y - (np.bincount(h, y, minlength=levels) / at)[h]
    weight = float((x_left * x).sum())
    value = float((x_left * y).sum()) / weight
    code = np.unique(c, return_inverse=True)[1]
    sums = np.bincount(code, x_left * (y_left - value * x_left))
    freedom = min(len(np.unique(c[x > 0])), len(np.unique(c[x == 0]))) - 1
    spread = math.sqrt(float((sums**2).sum()) * len(sums) / max(len(sums) - 1, 1)) / weight
    n_in, n_out = int(x.sum()), int((x == 0).sum())
    if freedom < 1 or spread == 0:
        return Gap(value, (-1.0, 1.0), 1.0, n_in, n_out)
    half = float(stdtrit(freedom, (1 + level) / 2)) * spread
    p = max(SMALLEST_P, float(stdtr(freedom, -value / spread)))
    return Gap(value, (max(-1.0, value - half), min(1.0, value + half)), p, n_in, n_out)


def spread(
    wrong: Bool, codes: Int, strata: Int, groups: list[int], gaps: list[float], sources: Int | None = None
) -> Spread | None:
    """The worst against the best of ``groups``, by their gaps to the rest; None for fewer than two comparable groups.

    Args:
        wrong, strata, sources: as in :func:`gap`. codes: (n,) group of each image. groups: those compared.
        gaps: of each of these, nan where it has none.
    """
    known = [(g, v) for g, v in zip(groups, gaps, strict=True) if math.isfinite(v)]
    if len(known) < 2:
        return None
    worst, best = max(known, key=lambda k: k[1])[0], min(known, key=lambda k: k[1])[0]
    pairs = len(known) * (len(known) - 1) // 2
    level = 1 - 0.05 / pairs
    if sources is not None:
        clustered = _clustered(wrong, codes == worst, codes == best, strata, sources, level)
        if not math.isfinite(clustered.value):
            return None
        p = min(1.0, 2 * pairs * clustered.p)
        return Spread(worst, best, clustered.value, clustered.ci, p)
    found = risk_difference(counts(wrong, codes == worst, codes == best, strata), level)
    if not math.isfinite(found.value):
        return None
    levels = int(strata.max(initial=0)) + 1
    table = np.zeros((levels, len(known), 2))
    for i, (g, _) in enumerate(known):
        for j, outcome in enumerate((wrong, ~wrong)):
            table[:, i, j] = np.bincount(strata[(codes == g) & outcome], minlength=levels)
    return Spread(worst, best, found.value, found.ci, general_association(table).p)
