"""Bounds that keep their promise however small the group and however rare the error, and how many images would decide.

All error rates here are guaranteed rather than approximate where a count of images is judged: the intervals are exact
(Clopper & Pearson 1934, Biometrika 26:404), so that a rate truly below its floor is called above it in at most 2.5 % of all
samples of any size. Wilson's interval, good on average, errs up to 16 % of the time on one side when a rate is near 0 or 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Interval = tuple[float, float]
LEVEL = 0.95
POWER = 0.8
MOST_IMAGES = 1_000_000  # more is not a plan


def exact(k: int, n: int, level: float = LEVEL) -> Interval:
    """Clopper–Pearson interval of a rate; (0, 1) without trials. Each side errs with at most (1 − level) / 2."""
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is no rate")
    if n == 0:
        return 0.0, 1.0
    from scipy.special import betaincinv

    tail = (1 - level) / 2
    low = 0.0 if k == 0 else float(betaincinv(k, n - k + 1, tail))
    high = 1.0 if k == n else float(betaincinv(k + 1, n - k, 1 - tail))
    return low, high


def all_above(k: Sequence[int], n: Sequence[int], level: float = LEVEL) -> Interval:
    """Interval of the lowest of several rates.

    That all reach a bound needs no correction: each must reach it on its own (intersection–union test: Berger 1982,
    Technometrics 24:295). That one of them misses it was picked among many, so the upper end is corrected (Bonferroni).
    """
    if not n:
        return 0.0, 1.0
    low = min(exact(a, b, level)[0] for a, b in zip(k, n, strict=True))
    corrected = 1 - (1 - level) / len(n)
    high = min(exact(a, b, corrected)[1] for a, b in zip(k, n, strict=True))
    return low, high


def fewest(n: int, bound: float, level: float = LEVEL) -> int:
    """Smallest k of n whose exact lower end reaches ``bound``; n + 1 when not even n of n does."""
    from scipy.special import bdtrc

    tail = (1 - level) / 2
    if bound <= 0:
        return 0
    low, high = 0, n + 1  # P(X ≥ high | bound) ≤ tail, with X ≥ n + 1 impossible
    while high - low > 1:
        middle = (low + high) // 2
        if float(bdtrc(middle - 1, n, bound)) <= tail:
            high = middle
        else:
            low = middle
    return high


def images_to_decide(
    k: int, n: int, bound: float, *, value: float | None = None, level: float = LEVEL, power: float = POWER
) -> int | None:
    """How many more images would put the exact interval on one side of ``bound`` with the chance ``power``.

    Args:
        k, n: what was counted so far; it stays in the count.
        bound: the floor or ceiling, in (0, 1).
        value: the rate among the new images; by default k / n, and 1 without any image so far.
        level: of the two-sided interval.

    Returns:
        The number, rounded up to tens; 0 when it is decided already; None when ``value`` is the bound or more than
        MOST_IMAGES would be needed.
    """
    low, high = exact(k, n, level)
    if low >= bound or high < bound:
        return 0
    rate = value if value is not None else k / n if n else 1.0
    if rate == bound or not 0 < bound < 1:
        return None
    if rate < bound:  # the same question about the opposite outcome
        return _enough(n - k, n, 1 - bound, 1 - rate, level, power)
    return _enough(k, n, bound, rate, level, power)


def _enough(k: int, n: int, bound: float, rate: float, level: float, power: float) -> int | None:
    more = 10
    while not _decides(k, n, more, bound, rate, level, power):
        more *= 2
        if more > 2 * MOST_IMAGES:
            return None
    low = more // 2 if more > 10 else 0
    while more - low > 10:
        middle = (low + more) // 20 * 10
        if middle in (low, more):
            break
        if _decides(k, n, middle, bound, rate, level, power):
            more = middle
        else:
            low = middle
    more = math.ceil(more / 10) * 10
    return more if more <= MOST_IMAGES else None


def _decides(k: int, n: int, more: int, bound: float, rate: float, level: float, power: float) -> bool:
    from scipy.special import bdtrc

    needed = fewest(n + more, bound, level) - k
    if needed > more:
        return False
    return needed <= 0 or rate >= 1 or float(bdtrc(needed - 1, more, rate)) >= power


def images_by_width(
    n: int, gap: float, half: float, level: float = LEVEL, power: float = POWER
) -> int | None:
    """The same for a mean whose interval reaches ``half`` towards a bound at distance ``gap`` and shrinks with √n."""
    from statistics import NormalDist

    if gap <= 0 or half <= 0 or n <= 0:
        return None
    z = NormalDist().inv_cdf(0.5 + level / 2)
    wider = half * (1 + NormalDist().inv_cdf(power) / z)
    more = math.ceil(n * ((wider / gap) ** 2 - 1) / 10) * 10
    return None if more > MOST_IMAGES else max(more, 10)


def stringer(costs: Float, counts: Int, n: int, most: float, level: float = LEVEL) -> float:
    """Upper confidence limit of the mean of n costs in [0, most], one-sided at (1 + level) / 2.

    Stringer's bound of auditing: μ ≤ p(0)·most + Σ (p(j) − p(j−1))·zⱼ with the costs zⱼ that occurred, largest first, and
    p(j) the exact upper limit for j errors in n. It stays above the mean when the dearest errors did not happen to occur,
    where normal and bootstrap limits collapse (Stringer 1963; Bickel 1992, Int. Stat. Rev. 60:197; asymptotically
    conservative: Pap & van Zuijlen 1996, Stat. Neerl. 50:367). For costs of 0 and ``most`` alone it is Clopper–Pearson's.

    Args:
        costs: (m,) costs above 0 that occurred. counts: (m,) how often each did. n: images. most: largest cost possible.
    """
    if n == 0 or most <= 0:
        return max(most, 0.0)
    from scipy.special import betaincinv

    order = np.argsort(-costs, kind="stable")
    z, after = costs[order].astype(np.float64), np.cumsum(counts[order])
    ends = np.concatenate([[0], after])
    tail = (1 - level) / 2
    p = np.ones(len(ends))
    inside = ends < n
    p[inside] = betaincinv(ends[inside] + 1, n - ends[inside], 1 - tail)
    return float(min(most, p[0] * most + (np.diff(p) * z).sum()))


def mean_cost(counts: Int, costs: Float, level: float = LEVEL) -> tuple[float, Interval]:
    """Expected cost an image, with its interval, at the class mix of the images.

    Class by class Stringer's limits from above, and from below those of what was spared (dearest possible minus cost);
    the classes are put together by square and add (MOVER: Zou & Donner 2008, Stat. Med. 27:1693).

    Args:
        counts: (k, k) images by true class (row) and prediction. costs: (k, k) ≥ 0, what each outcome costs.

    Returns:
        (nan, (0, dearest)) without images.
    """
    n = counts.sum(1)
    total = int(n.sum())
    dearest = costs.max(initial=0.0)
    if total == 0:
        return math.nan, (0.0, float(dearest))
    value = down = up = 0.0
    for row, price, m in zip(counts, costs, n.tolist(), strict=True):
        if m == 0:
            continue
        weight, most = m / total, float(price.max())
        mean = float(row @ price) / m
        low, high = _class_limits(row, price, m, most, level)
        value += weight * mean
        down += (weight * (mean - low)) ** 2
        up += (weight * (high - mean)) ** 2
    return value, (max(0.0, value - math.sqrt(down)), min(float(dearest), value + math.sqrt(up)))


def _class_limits(row: Int, price: Float, n: int, most: float, level: float) -> Interval:
    """Limits of the mean cost of one class."""
    dear, spared = price > 0, price < most
    high = stringer(price[dear & (row > 0)], row[dear & (row > 0)], n, most, level)
    kept = spared & (row > 0)
    low = most - stringer(most - price[kept], row[kept], n, most, level)
    return max(0.0, low), high
