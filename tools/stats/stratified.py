"""Do the rows inside a group score higher than the rows outside, within strata?

The null hypothesis is exchangeability: within each stratum the values are dealt to the rows at random.
The statistic is the sum of the values inside. Its moments under the null are those of simple random
sampling without replacement (Cochran 1977, *Sampling Techniques*, §2.6 and §2.16; Mantel & Haenszel 1959
for values 0 and 1). For 0/1 values the sum within a stratum is hypergeometric, and when its variance is
small the tail is summed exactly (the one-sided Fisher test, stratified: Gart 1970); otherwise the tail is
that of a Pearson type III (shifted gamma) distribution with the same mean, variance and third moment.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]

#: below this variance of the sum, 0/1 values are tested exactly
EXACT_VARIANCE = 100.0
#: a p-value is never smaller than this: beyond it the approximations mean nothing
SMALLEST_P = 1e-300


@dataclass(frozen=True, slots=True)
class StratifiedTest:
    """The outcome of one comparison inside against outside.

    Attributes:
        effect: Mantel–Haenszel weighted mean of (mean inside − mean outside) over informative strata;
            0.0 when no stratum holds rows of both kinds.
        z: standardised sum, without continuity correction; 0.0 when there is no variance.
        p: p-value, in (0, 1].
        n_in: rows inside, in informative strata.
        n_out: rows outside, in informative strata.
        exact: whether the tail was summed exactly.
    """

    effect: float
    z: float
    p: float
    n_in: int
    n_out: int
    exact: bool


NOTHING = StratifiedTest(0.0, 0.0, 1.0, 0, 0, True)


@dataclass(frozen=True, slots=True)
class Sums:
    """Counts and power sums of values per stratum: all that a comparison needs to know.

    Attributes:
        n: (H,) rows.
        first, second, third: (H,) sums of the values, of their squares and of their cubes.
    """

    n: Float
    first: Float
    second: Float
    third: Float

    @classmethod
    def of(cls, values: Float, strata: Int, levels: int) -> Sums:
        """Sums of values in strata 0 … levels−1."""
        n = np.bincount(strata, minlength=levels).astype(np.float64)
        return cls(n, *(_weighted(strata, values**power, levels) for power in (1, 2, 3)))

    @classmethod
    def of_errors(cls, n: NDArray[Any], errors: NDArray[Any]) -> Sums:
        """Sums of 0/1 values, from rows and ones per stratum."""
        ones = errors.astype(np.float64)
        return cls(n.astype(np.float64), ones, ones, ones)

    def grouped(self, group: Int, levels: int) -> Sums:
        """The same with strata put together: stratum h goes to group[h]."""
        n, first = _weighted(group, self.n, levels), _weighted(group, self.first, levels)
        if self.second is self.first:
            return Sums(n, first, first, first)
        return Sums(n, first, _weighted(group, self.second, levels), _weighted(group, self.third, levels))

    def where(self, keep: Bool) -> Sums:
        """The same with the other strata emptied."""
        kept = keep.astype(np.float64)
        first = self.first * kept
        if self.second is self.first:
            return Sums(self.n * kept, first, first, first)
        return Sums(self.n * kept, first, self.second * kept, self.third * kept)

    def minus(self, part: Sums) -> Sums:
        """What is left when the rows of `part` (same strata) are taken away."""
        first = self.first - part.first
        if self.second is self.first:
            return Sums(self.n - part.n, first, first, first)
        return Sums(self.n - part.n, first, self.second - part.second, self.third - part.third)

    def followed_by(self, other: Sums, strata: Int) -> Sums:
        """These strata, and after them the given strata of `other`."""
        n, first = np.append(self.n, other.n[strata]), np.append(self.first, other.first[strata])
        if self.second is self.first:
            return Sums(n, first, first, first)
        second = np.append(self.second, other.second[strata])
        return Sums(n, first, second, np.append(self.third, other.third[strata]))

    def centred(self) -> tuple[Float, Float]:
        """Second and third power sums about the mean of each stratum."""
        mean = self.first / np.maximum(self.n, 1)
        square = np.maximum(self.second - self.n * mean**2, 0.0)
        return square, self.third - 3 * mean * self.second + 2 * self.n * mean**3


def _weighted(group: Int, weights: Float, levels: int) -> Float:
    """(levels,) sums of the weights by group."""
    total: Float = np.bincount(group, weights, minlength=levels).astype(np.float64, copy=False)
    return total


def compare_within(
    values: Float, inside: Bool, strata: Int, *, alternative: Literal["greater", "two-sided"] = "greater"
) -> StratifiedTest:
    """Compare the values inside with those outside, within strata.

    Args:
        values: (n,) finite numbers; 0/1 errors are recognised and tested exactly where that is cheap.
        inside: (n,) membership of the group.
        strata: (n,) stratum of each row, integers ≥ 0.
        alternative: "greater" (inside is higher) or "two-sided" (doubled smaller tail).

    Returns:
        effect, z and p; the neutral outcome (p = 1) when no stratum holds rows of both kinds.
    """
    if not len(values):
        return NOTHING
    levels = int(strata.max()) + 1
    pool, part = Sums.of(values, strata, levels), Sums.of(values[inside], strata[inside], levels)
    return compare(pool, part, binary=is_binary(values), alternative=alternative)


def compare_counts(
    rows: NDArray[Any],
    ins: NDArray[Any],
    total: NDArray[Any],
    observed: NDArray[Any],
    *,
    alternative: Literal["greater", "two-sided"] = "greater",
) -> StratifiedTest:
    """The same comparison for 0/1 values, from counts per stratum.

    Args:
        rows: (H,) rows in each stratum.
        ins: (H,) rows inside.
        total: (H,) ones in the stratum.
        observed: (H,) ones inside.
        alternative: as in `compare_within`.
    """
    pool, part = Sums.of_errors(rows, total), Sums.of_errors(ins, observed)
    return compare(pool, part, binary=True, alternative=alternative)


def is_binary(values: Float) -> bool:
    """Whether all values are 0 or 1."""
    return bool(np.all((values == 0) | (values == 1)))


def compare(
    pool: Sums, inside: Sums, *, binary: bool, alternative: Literal["greater", "two-sided"] = "greater"
) -> StratifiedTest:
    """The comparison from sums per stratum.

    Args:
        pool: of all rows that are compared.
        inside: of those inside.
        binary: whether the values are 0/1.
        alternative: as in `compare_within`.
    """
    use = (inside.n > 0) & (inside.n < pool.n)
    if not use.any():
        return NOTHING
    square, cube = pool.centred()
    n, m, t, o = pool.n[use], inside.n[use], pool.first[use], inside.first[use]
    weight = m * (n - m) / n
    gap = float((o - m * t / n).sum())
    effect = gap / float(weight.sum())
    n_in, n_out = round(m.sum()), round((n - m).sum())
    var = float((weight / np.maximum(n - 1, 1) * square[use]).sum())
    if var <= 1e-12:
        return StratifiedTest(effect, 0.0, 1.0, n_in, n_out, True)
    z = gap / math.sqrt(var)
    exact = binary and var < EXACT_VARIANCE
    if exact:
        upper, lower = _exact_tails(n, m, t, float(o.sum()))
    else:
        lean = np.where(n > 2, weight * (n - 2 * m) / (np.maximum(n - 1, 1) * np.maximum(n - 2, 1)), 0.0)
        skew = float((lean * cube[use]).sum()) / var**1.5
        half = 0.5 / math.sqrt(var) if binary else 0.0
        upper, lower = pearson3_sf(z - half, skew), pearson3_sf(-z - half, -skew)
    p = upper if alternative == "greater" else 2 * min(upper, lower)
    return StratifiedTest(effect, z, min(1.0, max(p, SMALLEST_P)), n_in, n_out, exact)


def pearson3_sf(z: float, skew: float) -> float:
    """P(Z ≥ z) for a standardised Pearson type III variable of the given skewness.

    Skewness 0 is the normal distribution. Where a bounded left or right end makes the tail exactly zero,
    the normal tail (which is larger) is given instead.
    """
    normal = 0.5 * math.erfc(z / math.sqrt(2))
    if abs(skew) < 1e-3 or abs(z) > 30:
        return normal
    from scipy.special import gammainc, gammaincc

    k = 4.0 / skew**2
    if skew > 0:
        return float(gammaincc(k, max(k + z * math.sqrt(k), 0.0)))
    point = k - z * math.sqrt(k)
    return float(gammainc(k, point)) if point > 0 else normal


def _exact_tails(n: Float, m: Float, t: Float, observed: float) -> tuple[float, float]:
    """P(T ≥ observed) and P(T ≤ observed) for a sum of independent hypergeometric counts."""
    pmf, start = np.ones(1), 0
    for big, drawn, ones in zip(n, m, t, strict=True):
        part, low = hypergeometric(int(big), int(drawn), round(float(ones)))
        pmf, start = np.convolve(pmf, part), start + low
    at = round(observed) - start
    return float(pmf[max(at, 0) :].sum()), float(pmf[: max(at + 1, 0)].sum())


def hypergeometric(n: int, m: int, ones: int) -> tuple[Float, int]:
    """Probabilities of the count of ones among m rows drawn from n, and the count they start at.

    Counts more than 40 standard deviations from the mean are left out: their mass is below 1e-100.
    """
    from scipy.special import gammaln

    low, high = max(0, m + ones - n), min(m, ones)
    mean = m * ones / n
    reach = 40 * math.sqrt(max(mean * (1 - ones / n) * (n - m) / max(n - 1, 1), 0.0)) + 40
    low, high = max(low, math.floor(mean - reach)), min(high, math.ceil(mean + reach))
    k = np.arange(low, high + 1, dtype=np.float64)
    logs = (
        gammaln(ones + 1) - gammaln(k + 1) - gammaln(ones - k + 1)
        + gammaln(n - ones + 1) - gammaln(m - k + 1) - gammaln(n - ones - m + k + 1)
        - (gammaln(n + 1) - gammaln(m + 1) - gammaln(n - m + 1))
    )  # fmt: skip
    return np.exp(logs), low


def combine_strata(strata: Int, codes: NDArray[Any], levels: int) -> Int:
    """Refine strata by a further code (0 … levels−1), renumbered without gaps."""
    joint = strata * levels
    joint += codes
    present = np.bincount(joint) > 0
    renumber = np.cumsum(present) - 1
    refined: Int = renumber[joint]
    return refined
