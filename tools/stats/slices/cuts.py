"""Where to cut a number: the range whose images are worst, sought exactly on the half that chooses.

Quantiles cut wherever a fifth of the images ends; a model may fail below some other point. All ranges between at most
64 candidate cuts (quantiles of the values: the target has no say in them) are scored by their excess, and the best
range replaces what the quantiles cut there: of all images, or of one class where that stands out more. The rows that
test are not looked at, so that their test stays what it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from failsight.tools.stats.slices.model import Bool, Float, Int

CANDIDATES = 64
#: significant digits of a cut, where six do not tell the cuts apart
MORE_DIGITS = (8, 10, 12, 15, 17)
SURE_DIGITS = 15  # that any number in memory holds: what differs only beyond them is an error of rounding
#: standard errors by which the best range must stand out: the best of about a hundred ranges with one end rarely reaches
#: this by chance, the best of two thousand with two ends seldom reaches the second
STANDS_OUT, STANDS_OUT_TWICE = 3.3, 4.0
#: how much more chi-squared a second cut must bring than the first, and a learned range than a quantile range
SECOND_CUT = 8.0
BETTER = 4.0
#: of the rows with a value: a range that holds more is the rule, not a slice
MOST_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class Learner:
    """What ranges are learned from: the rows that choose.

    Attributes:
        target: (n,) numbers in [0, 1], higher is worse.
        strata: (n,) class strata, within which the excess is taken.
        discovery: (n,) the half that chooses; the target of no other row is looked at.
        floor: fewest rows of a range, of the whole table.
    """

    target: Float
    strata: Int
    discovery: Bool
    floor: int

    def excess(self) -> Float:
        """(n,) target minus the mean of the stratum on the discovery half; 0 for other rows."""
        there = np.flatnonzero(self.discovery)
        strata = self.strata[there]
        n = np.bincount(strata)
        mean = np.bincount(strata, self.target[there]) / np.maximum(n, 1)
        made = np.zeros(len(self.target))
        made[there] = self.target[there] - mean[strata]
        return made


def learned_range(
    values: Float,
    learner: Learner,
    plain: Sequence[float],
    rounded: Callable[[float, int], float],
) -> tuple[float, float] | None:
    """The range of a number that is worst, when it tells more than the ranges between the plain cuts; else None.

    Args:
        values: (n,) numbers; NaN is a missing value.
        learner: the rows that choose.
        plain: cuts made without looking at the target.
        rounded: a number with so many significant digits, as cuts are shown.

    Returns:
        (from, to): −inf or inf where the range has no end; rows v with from ≤ v < to.
    """
    known = np.isfinite(values)
    there = known & learner.discovery
    if there.sum() < 2 * learner.floor:
        return None
    edges = _candidates(values[known], rounded)
    if not len(edges):
        return None
    bins = np.searchsorted(edges, values, side="right")
    excess = learner.excess()
    found = _found(bins, excess, known, there, learner.floor, 1)
    classes = [s for s, n in enumerate(np.bincount(learner.strata[there])) if n >= 2 * learner.floor]
    for one in classes if len(classes) > 1 else ():
        mine = learner.strata == one
        within = _found(bins, excess, known & mine, there & mine, learner.floor, len(classes))
        if within is not None and (found is None or within.score > found.score + BETTER):
            found = within
    if found is None or found.score < _plain_score(values[found.rows], excess[found.rows], plain) + BETTER:
        return None
    low, high = found.bins
    start = -np.inf if low == 0 else float(edges[low - 1])
    stop = np.inf if high == len(edges) + 1 else float(edges[high - 1])
    return start, stop


class _Found(NamedTuple):
    """The worst range of some rows: its chi-squared, its first bin and the bin behind its last, and the rows that chose it."""

    score: float
    bins: tuple[int, int]
    rows: Bool


def _found(bins: Int, excess: Float, known: Bool, there: Bool, floor: int, searches: int) -> _Found | None:
    """The worst range of the rows ``known``, chosen on those ``there``; None where none stands out in so many searches."""
    size = np.bincount(bins[known], minlength=int(bins.max()) + 1)
    z = _scores(bins[there], excess[there], size, floor)
    best = _best(z, searches)
    return None if best is None else _Found(float(z[best] ** 2), best, there)


def number_key(value: float) -> float:
    """The number that ``value`` is, but for errors of rounding: equal for numbers that mean the same."""
    return value if value.is_integer() else float(f"{value:.{SURE_DIGITS}g}")


def _candidates(known: Float, rounded: Callable[[float, int], float]) -> Float:
    """Cuts inside the values, at quantiles, rounded to three digits (more where that leaves too few)."""
    shares = np.arange(1, CANDIDATES + 1) / (CANDIDATES + 1)
    quantiles = np.unique(np.quantile(known, shares, method="inverted_cdf"))
    edges, apart = quantiles, len({number_key(q) for q in quantiles.tolist()})
    for digits in (3, 4, 6, *MORE_DIGITS):
        edges = np.unique([rounded(float(q), digits) for q in quantiles])
        if len(edges) >= 0.8 * (len(quantiles) if digits < 6 else apart):
            break
    inside: Float = edges[(edges > known.min()) & (edges <= known.max())]
    return inside


def _scores(bins: Int, excess: Float, size: Int, floor: int) -> Float:
    """(m + 1, m + 1) standardised excess of the bins i … j − 1; −inf where there are too few rows inside or outside."""
    m = len(size)
    n = np.r_[0, np.cumsum(np.bincount(bins, minlength=m))].astype(np.float64)
    total = np.r_[0, np.cumsum(np.bincount(bins, excess, m))]
    rows = np.r_[0, np.cumsum(size)]
    inside, held = n[None] - n[:, None], rows[None] - rows[:, None]
    share = inside / n[-1]
    variance = float(excess.var()) * inside * (1 - share)
    fit = (held >= floor) & (held <= MOST_SHARE * rows[-1]) & (variance > 1e-12)
    z: Float = np.full(fit.shape, -np.inf)
    gap = total[None] - total[:, None] - share * total[-1]
    z[fit] = gap[fit] / np.sqrt(variance[fit])
    return z


def _best(z: Float, searches: int = 1) -> tuple[int, int] | None:
    """The best range with one end, unless one with two ends is better by far; None where none stands out in so many searches."""
    last = len(z) - 1
    open_ended = np.full_like(z, -np.inf)
    open_ended[0], open_ended[:, last] = z[0], z[:, last]
    one = np.unravel_index(int(open_ended.argmax()), z.shape)
    two = np.unravel_index(int(z.argmax()), z.shape)
    better = z[two] >= _bar(STANDS_OUT_TWICE, searches) and z[two] ** 2 > max(z[one], 0.0) ** 2 + SECOND_CUT
    at = two if better else one
    return (int(at[0]), int(at[1])) if z[at] >= _bar(STANDS_OUT, searches) else None


def _bar(bar: float, searches: int) -> float:
    """The bar that so many searches together pass by chance as often as one search passes ``bar``."""
    normal = NormalDist()
    return bar if searches == 1 else -normal.inv_cdf(normal.cdf(-bar) / searches)


def _plain_score(values: Float, excess: Float, plain: Sequence[float]) -> float:
    """Largest chi-squared of one range between the plain cuts that is worse."""
    bins = np.searchsorted(np.array(plain), values, side="right")
    size = np.bincount(bins, minlength=len(plain) + 1)
    z = _scores(bins, excess, size, 1)
    single = np.diagonal(z, offset=1)
    return float(max(single.max(initial=0.0), 0.0) ** 2)


def with_range(values: Float, found: tuple[float, float], plain: Sequence[float], least: int) -> list[float]:
    """The cuts at the ends of the found range, and those plain cuts outside it that leave ``least`` rows to each range."""
    start, stop = found
    known = np.sort(values[np.isfinite(values)])
    edges = sorted(e for e in found if np.isfinite(e))
    for cut in plain:
        if start <= cut <= stop:
            continue
        near = np.searchsorted(known, [cut, *edges])
        if np.abs(near[1:] - near[0]).min() >= least and min(near[0], len(known) - near[0]) >= least:
            edges.append(cut)
    return sorted(edges)
