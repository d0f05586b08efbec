"""Tests of two rates, of paired outcomes and of paired differences.

All return the p-value they are named for; effects and intervals come from `intervals`.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from failsight.tools.stats.stratified import SMALLEST_P, hypergeometric

Float = NDArray[np.float64]
Alternative = Literal["two-sided", "greater", "less"]
#: differences up to which all 2ⁿ sign patterns are listed
EXACT_FLIPS = 14


def fisher_exact(k1: int, n1: int, k0: int, n0: int, alternative: Alternative = "two-sided") -> float:
    """Fisher's exact test that two independent rates are equal.

    Args:
        k1, n1: successes and trials of the first group.
        k0, n0: of the second.
        alternative: "greater" means k1 / n1 is larger. Two-sided sums all tables no likelier than this one.

    Returns:
        p in (0, 1]; 1 when a group is empty.

    Raises:
        ValueError: counts are negative or exceed their trials.
    """
    _check_counts(k1, n1)
    _check_counts(k0, n0)
    if n1 == 0 or n0 == 0:
        return 1.0
    pmf, low = hypergeometric(n1 + n0, n1, k1 + k0)
    # outside of what is kept where the rates are very far apart: then one tail is all there is, the other nothing
    at = k1 - low
    if alternative == "greater":
        p = float(pmf[max(at, 0) :].sum())
    elif alternative == "less":
        p = float(pmf[: max(at + 1, 0)].sum())
    else:
        p = float(pmf[pmf <= pmf[at] * (1 + 1e-7)].sum()) if 0 <= at < len(pmf) else 0.0
    return min(1.0, max(p, SMALLEST_P))


def two_rates(k1: int, n1: int, k0: int, n0: int, alternative: Alternative = "two-sided") -> float:
    """Pooled z-test that two independent rates are equal, for large samples; 1 when nothing varies."""
    _check_counts(k1, n1)
    _check_counts(k0, n0)
    if n1 == 0 or n0 == 0 or k1 + k0 in (0, n1 + n0):
        return 1.0
    pooled = (k1 + k0) / (n1 + n0)
    z = (k1 / n1 - k0 / n0) / math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n0))
    return normal_p(z, alternative)


def mcnemar_exact(first_only: int, second_only: int, alternative: Alternative = "two-sided") -> float:
    """Exact McNemar test: do two measurements of the same items have the same rate?

    Args:
        first_only: items that count in the first measurement only.
        second_only: items that count in the second only. Items that agree say nothing.
        alternative: "greater" means the first rate is larger.

    Returns:
        p of the binomial test of first_only against one half; 1 without disagreement.

    McNemar 1947, Psychometrika 12:153.
    """
    if min(first_only, second_only) < 0:
        raise ValueError("counts must not be negative")
    n = first_only + second_only
    if n == 0:
        return 1.0
    from scipy.special import bdtr

    upper = float(1 - bdtr(first_only - 1, n, 0.5)) if first_only else 1.0
    if first_only > n / 2:  # the small tail, without cancellation
        upper = float(bdtr(second_only, n, 0.5))
    lower = float(bdtr(first_only, n, 0.5))
    p = {"greater": upper, "less": lower, "two-sided": 2 * min(upper, lower)}[alternative]
    return min(1.0, max(p, SMALLEST_P))


def sign_flip(
    differences: ArrayLike,
    alternative: Alternative = "two-sided",
    *,
    resamples: int = 10_000,
    seed: int = 0,
) -> float:
    """Permutation test that paired differences are symmetric about zero: are the signs due to chance?

    Args:
        differences: (n,) one difference an item.
        alternative: "greater" means the mean difference is positive.
        resamples: sign patterns drawn when there are more than 14 differences that are not zero.
        seed: makes the draw reproducible.

    Returns:
        p: the share of all 2ⁿ sign patterns with a mean at least as extreme; for more than 14 non-zero
        differences (b + 1) / (m + 1) over m drawn patterns (Phipson & Smyth 2010, Stat. Appl. Genet. Mol.
        Biol. 9:39), which never understates it.
    """
    x = np.asarray(differences, np.float64)
    if not np.all(np.isfinite(x)):
        raise ValueError("differences must be finite")
    x = x[x != 0]
    if not len(x):
        return 1.0
    # sums equal to the observed one up to rounding count as equal
    observed, slack = float(x.sum()), 1e-9 * float(np.abs(x).sum())
    if len(x) <= EXACT_FLIPS:
        patterns = 1 - 2 * ((np.arange(2 ** len(x))[:, None] >> np.arange(len(x))) & 1)
        return float(_as_extreme(patterns @ x, observed, slack, alternative).mean())
    rng = np.random.default_rng(seed)
    count, drawn = 0, 0
    block = max(1, min(resamples, 4_000_000 // len(x)))
    while drawn < resamples:
        size = min(block, resamples - drawn)
        signs = rng.integers(0, 2, (size, len(x)), dtype=np.int8) * 2.0 - 1.0
        count += int(_as_extreme(signs @ x, observed, slack, alternative).sum())
        drawn += size
    return (count + 1) / (resamples + 1)


def _as_extreme(sums: Float, observed: float, slack: float, alternative: Alternative) -> NDArray[np.bool_]:
    if alternative == "greater":
        return sums >= observed - slack
    if alternative == "less":
        return sums <= observed + slack
    return np.abs(sums) >= abs(observed) - slack


def normal_p(z: float, alternative: Alternative = "two-sided") -> float:
    """p-value of a standard normal statistic."""
    if alternative == "two-sided":
        p = math.erfc(abs(z) / math.sqrt(2))
    else:
        p = 0.5 * math.erfc((z if alternative == "greater" else -z) / math.sqrt(2))
    return min(1.0, max(p, SMALLEST_P))


def chi_squared_p(statistic: float, freedom: int) -> float:
    """Upper tail of the chi-squared distribution."""
    if freedom <= 0:
        return 1.0
    from scipy.special import gammaincc

    return min(1.0, max(float(gammaincc(freedom / 2, max(statistic, 0.0) / 2)), SMALLEST_P))


def _check_counts(successes: int, trials: int) -> None:
    if not 0 <= successes <= trials:
        raise ValueError(f"successes must lie between 0 and {trials}, not {successes}")
