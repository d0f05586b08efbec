"""What could have been seen: power, and the smallest effect that a test would have shown."""

from __future__ import annotations

import math
from statistics import NormalDist

_NORMAL = NormalDist()


def power_two_rates(
    p1: float, n1: int, p0: float, n0: int, alpha: float, *, two_sided: bool = False
) -> float:
    """Chance that a test of two independent rates rejects, when they really are p1 and p0.

    Args:
        p1, n1: true rate and size of the first group; the alternative is p1 > p0.
        p0, n0: of the second.
        alpha: level of the test (each candidate's share of it when there are several).
        two_sided: whether the test is two-sided.

    Fleiss, Levin & Paik 2003, *Statistical Methods for Rates and Proportions*, §4.2, without continuity correction.
    """
    if n1 <= 0 or n0 <= 0:
        return 0.0
    pooled = (p1 * n1 + p0 * n0) / (n1 + n0)
    null = math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n0))
    real = math.sqrt(p1 * (1 - p1) / n1 + p0 * (1 - p0) / n0)
    critical = _NORMAL.inv_cdf(1 - alpha / (2 if two_sided else 1)) * null
    if real == 0:
        return 1.0 if p1 - p0 > critical else 0.0
    return _NORMAL.cdf((p1 - p0 - critical) / real)


def smallest_rate_difference(
    n1: int, p0: float, n0: int, alpha: float, power: float = 0.8, *, two_sided: bool = False
) -> float | None:
    """Smallest p1 − p0 > 0 that would have been seen with the given power; None if no difference would.

    Args:
        n1, n0: sizes of the groups.
        p0: rate of the second group.
        alpha: level of the test.
        power: chance of seeing it.
        two_sided: whether the test is two-sided.
    """
    low, high = 0.0, 1 - p0
    if high <= 0 or power_two_rates(p0 + high, n1, p0, n0, alpha, two_sided=two_sided) < power:
        return None
    for _ in range(60):
        middle = (low + high) / 2
        if power_two_rates(p0 + middle, n1, p0, n0, alpha, two_sided=two_sided) < power:
            low = middle
        else:
            high = middle
    return high


def power_paired(effect: float, sd: float, n: int, alpha: float, *, two_sided: bool = True) -> float:
    """Chance that a test of n paired differences rejects, when their mean is `effect` and their deviation `sd`.

    Normal approximation; for n < 20 with the level of Student's t in place of the normal one.
    """
    if n < 2:
        return 0.0
    if sd == 0:
        return 1.0 if effect != 0 else alpha
    from scipy.special import stdtrit

    tail = alpha / (2 if two_sided else 1)
    critical = float(stdtrit(n - 1, 1 - tail))
    shift = abs(effect) * math.sqrt(n) / sd
    return _NORMAL.cdf(shift - critical) + (_NORMAL.cdf(-shift - critical) if two_sided else 0.0)


def smallest_paired_effect(
    sd: float, n: int, alpha: float, power: float = 0.8, *, two_sided: bool = True
) -> float | None:
    """Smallest mean difference that n paired differences of deviation `sd` would have shown; None for n < 2.

    Args:
        sd: standard deviation of a difference, in the unit of the answer.
        n: pairs.
        alpha: level of the test.
        power: chance of seeing it.
        two_sided: whether the test is two-sided.
    """
    if n < 2:
        return None
    from scipy.special import stdtrit

    tail = alpha / (2 if two_sided else 1)
    return float(stdtrit(n - 1, 1 - tail) + _NORMAL.inv_cdf(power)) * sd / math.sqrt(n)
