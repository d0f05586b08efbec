"""Intervals for quantiles of measured values, without assuming how they are distributed."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike


def quantile_interval(
    values: ArrayLike, share: float, level: float = 0.95
) -> tuple[float, tuple[float, float]]:
    """The quantile and its interval between two order statistics.

    The number of values below the true quantile is binomial; the interval runs between the ranks that leave
    (1 − level) / 2 on either side. Where too few values were measured for that, the end is −inf or inf.
    Hahn & Meeker 1991, *Statistical Intervals*, §5.2.

    Args:
        values: (n,) independent values.
        share: 0.5 for the median, 0.95 for the 95th percentile.
        level: coverage.

    Returns:
        (quantile, (low, high)); (nan, (nan, nan)) without values.
    """
    x = np.sort(np.asarray(values, np.float64))
    n = len(x)
    if not n:
        return math.nan, (math.nan, math.nan)
    from scipy.special import bdtr

    tail = (1 - level) / 2
    below = bdtr(np.arange(n + 1), n, share)  # P(at most k values lie below the quantile)
    low = int(np.searchsorted(below, tail, side="right"))  # ranks 1 … low leave at most the tail
    high = int(np.searchsorted(below, 1 - tail, side="left")) + 1
    return float(np.quantile(x, share)), (
        float(x[low - 1]) if low >= 1 else -math.inf,
        float(x[high - 1]) if high <= n else math.inf,
    )
