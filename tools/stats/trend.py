"""Is a short, noisy curve rising or falling? Rank tests for a trend, its slope, and the noise about it.

The values are ordered in time and may be correlated from one to the next; the tests then widen.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from failsight.tools.stats.intervals import normal_quantile
from failsight.tools.stats.tests import normal_p

Float = NDArray[np.float64]
#: up to this many different values the distribution of the rank statistic is counted out
EXACT = 10


@dataclass(frozen=True, slots=True)
class Trend:
    """A trend test.

    Attributes:
        tau: Kendall's rank correlation of the values with time, −1 to 1.
        p_up, p_down: one-sided p-values of "it does not rise" and "it does not fall".
        slope: Theil–Sen slope per unit of time; NaN for fewer than two values.
        ci: its 95 % interval.
        n: values.
    """

    tau: float
    p_up: float
    p_down: float
    slope: float
    ci: tuple[float, float]
    n: int


def mann_kendall(values: ArrayLike, times: ArrayLike | None = None, level: float = 0.95) -> Trend:
    """Mann–Kendall test with the Theil–Sen slope.

    Args:
        values: (n,) finite values in order of time; O(n²), meant for at most a few hundred.
        times: (n,) increasing times, 0 … n−1 by default.
        level: of the slope's interval.

    Few different values are tested exactly (Kendall 1975, *Rank Correlation Methods*); otherwise the normal
    approximation with the variance inflated for autocorrelation, as Hamed & Rao 1998 (J. Hydrol. 204:182) do, here for a
    first-order process and never deflated. Slope and interval: Sen 1968, J. Am. Stat. Assoc. 63:1379.
    """
    x = np.asarray(values, np.float64)
    t = np.arange(len(x), dtype=np.float64) if times is None else np.asarray(times, np.float64)
    n = len(x)
    if n < 2:
        return Trend(0.0, 1.0, 1.0, math.nan, (math.nan, math.nan), n)
    i, j = np.triu_indices(n, 1)
    s = float(np.sign(x[j] - x[i]).sum())
    slopes = np.sort((x[j] - x[i]) / (t[j] - t[i]))
    slope = float(np.median(slopes))
    tied = len(np.unique(x)) < n
    variance = _variance(x) * _inflation(t, x)
    if n <= EXACT and not tied:
        p_up, p_down = _exact(n, s)
    elif variance <= 0:
        p_up = p_down = 1.0
    else:
        root = math.sqrt(variance)
        p_up, p_down = normal_p((s - 1) / root, "greater"), normal_p((s + 1) / root, "less")
    reach = normal_quantile(level) * math.sqrt(max(variance, 0.0))
    low = slopes[max(0, math.floor((len(slopes) - reach) / 2))]
    high = slopes[min(len(slopes) - 1, math.ceil((len(slopes) + reach) / 2))]
    return Trend(s / (n * (n - 1) / 2), p_up, p_down, slope, (float(low), float(high)), n)


def _variance(x: Float) -> float:
    """Variance of the rank statistic for independent values, ties taken off."""
    n = len(x)
    _, times = np.unique(x, return_counts=True)
    ties = float((times * (times - 1) * (2 * times + 5)).sum())
    return (n * (n - 1) * (2 * n + 5) - ties) / 18


def _inflation(t: Float, x: Float) -> float:
    """How many times larger the variance is because neighbouring values resemble each other; at least 1.

    First-order autocorrelation of the ranks about a parabola (a bent trend is no autocorrelation; of a curve that hardly leaves
    its parabola, only the part that does is noise), corrected for its bias in short series (Kendall 1954, Biometrika 41:403).
    """
    n = len(x)
    if n <= EXACT or len(np.unique(x)) < 3:
        return 1.0
    centred = (t - t.mean()) / (t[-1] - t[0])
    bend = np.stack([np.ones(n), centred, centred**2], 1)
    ranks = np.argsort(np.argsort(x, kind="stable"), kind="stable").astype(np.float64)
    left = ranks - bend @ np.linalg.lstsq(bend, ranks, rcond=None)[0]
    total = float(((ranks - ranks.mean()) ** 2).sum())
    share = min(1.0, 3 * float(left @ left) / total)
    found = float(left[:-1] @ left[1:]) / max(float(left @ left), 1e-12)
    rho = min(0.95, found + (1 + 4 * found) / n)
    if rho <= 0:
        return 1.0
    lags = np.arange(1, n)
    return float(1 + 2 * share * ((1 - lags / n) * rho**lags).sum())


def _exact(n: int, s: float) -> tuple[float, float]:
    """P(S ≥ s) and P(S ≤ s) when all orders are equally likely."""
    pairs = n * (n - 1) // 2
    share = np.array(_inversions(n), np.float64)
    share /= share.sum()
    down = round((pairs - s) / 2)  # discordant pairs observed
    return float(min(1.0, share[: down + 1].sum())), float(min(1.0, share[down:].sum()))


@cache
def _inversions(n: int) -> tuple[int, ...]:
    """How many orders of n values have 0, 1, 2 … discordant pairs."""
    counts = [1]
    for m in range(2, n + 1):
        counts = [
            sum(counts[k - j] for j in range(m) if 0 <= k - j < len(counts))
            for k in range(len(counts) + m - 1)
        ]
    return tuple(counts)


def wiggles(values: ArrayLike) -> Float:
    """(n − 2,) how far each inner value lies from the line between its neighbours, scaled to the noise's own size.

    For independent noise of standard deviation σ about a straight line each has standard deviation σ.
    """
    x = np.asarray(values, np.float64)
    if len(x) < 3:
        return np.zeros(0)
    made: Float = (x[1:-1] - (x[:-2] + x[2:]) / 2) / math.sqrt(1.5)
    return made


def noise(values: ArrayLike, kind: Literal["robust", "plain"] = "robust") -> float:
    """Standard deviation of the noise of a curve about its local line; NaN for fewer than three values.

    ``robust`` reads it off the median, so that single spikes do not count.
    """
    left = wiggles(values)
    if not len(left):
        return math.nan
    return float(1.4826 * np.median(np.abs(left))) if kind == "robust" else float(math.sqrt((left**2).mean()))
