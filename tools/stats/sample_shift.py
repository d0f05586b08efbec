"""Does one attribute differ between two samples, once the class mix is held equal? Distances, shifts, permutation p.

Rows of a reference sample (``target`` False) and a target sample (``target`` True). Within known classes rows are
permuted inside their class, and reference rows are weighted to the target's class mix: a change of class mix then is
not taken for a change of the attribute.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from failsight.tools.stats.contingency import cramers_v_interval, general_association
from failsight.tools.stats.intervals import Interval

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

CELLS = 4_000_000  # most numbers of one block of permutations
NORMAL_SPREAD = 1.349  # quartile range of a standard normal distribution


@dataclass(frozen=True, slots=True)
class NumericShift:
    """How a number differs, target against reference at the target's class mix.

    Attributes:
        before, after: weighted medians of the two samples.
        shift: difference of the medians in reference spreads (quartile range / 1.349, which is the standard deviation
            of a normal distribution); NaN where the reference has no spread.
        ci: its bootstrap interval.
        distance: Kolmogorov–Smirnov distance, 0 to 1.
        p: permutation p of that distance.
        n: rows of the smaller sample.
    """

    before: float
    after: float
    shift: float
    ci: Interval
    distance: float
    p: float
    n: int


@dataclass(frozen=True, slots=True)
class CategoricalShift:
    """How a category differs.

    Attributes:
        v: Cramér's V between sample and value, within class, 0 to 1; ``ci`` its bootstrap interval.
        p: generalised Cochran–Mantel–Haenszel test.
        value: position of the value whose share changed most, with its shares ``before`` and ``after``.
        n: rows of the smaller sample.
    """

    v: float
    ci: Interval
    p: float
    value: int
    before: float
    after: float
    n: int


def mix_weights(target: Mask, strata: Ints) -> Floats:
    """(n,) weights that give reference rows the target's shares of the strata; 0 in strata that only one sample has.

    Each sample's weights sum to one; all zero when no stratum has rows of both.
    """
    levels = int(strata.max(initial=0)) + 1
    new = np.bincount(strata[target], minlength=levels).astype(np.float64)
    old = np.bincount(strata[~target], minlength=levels).astype(np.float64)
    both = (new > 0) & (old > 0)
    share = np.where(both, new, 0) / max(new[both].sum(), 1)
    own = np.where(
        target, share[strata] / np.maximum(new, 1)[strata], share[strata] / np.maximum(old, 1)[strata]
    )
    made: Floats = own
    return made


def numeric_shift(
    values: Floats,
    target: Mask,
    strata: Ints,
    *,
    weights: Floats | None = None,
    permutations: int = 999,
    resamples: int = 300,
    seed: int = 0,
) -> NumericShift | None:
    """Compare a number between the samples; None when no stratum has rows of both.

    Args:
        values: (n,) finite numbers.
        target: (n,) True for target rows.
        strata: (n,) class of each row, ≥ 0; rows are permuted within it. One stratum where classes are unknown.
        weights: (n,) ≥ 0 for the *sizes* of the effect, where these should be read at another class mix than the
            strata give (an estimated one); the p-value is always that of the strata.
        permutations, resamples: draws of the test and of the interval.
        seed: of both.
    """
    held = mix_weights(target, strata)
    use = held > 0
    if not (use & target).any() or not (use & ~target).any():
        return None
    x, side, group, held = values[use], target[use], strata[use], held[use]
    read = held if weights is None else weights[use]
    rng = np.random.default_rng(seed)
    p = _distance_p(x, side, group, held, permutations, rng)
    distance = _distances(x, np.where(side, 1, -1)[:, None] * _halves(read, side)[:, None])[0]
    before, after, shift, ci = _median_shift(x, side, read, resamples, rng)
    return NumericShift(before, after, shift, ci, float(distance), p, int(min(side.sum(), (~side).sum())))


def _halves(weights: Floats, side: Mask) -> Floats:
    """Weights scaled so that each sample's sum to one."""
    made = weights.astype(np.float64, copy=True)
    for part in (side, ~side):
        made[part] /= max(made[part].sum(), 1e-300)
    return made


def _distances(x: Floats, signed: npt.NDArray[Any]) -> Floats:
    """(m,) largest distance of the distribution functions for each column of signed weights (target +, reference −)."""
    order = np.argsort(x, kind="stable")
    last = np.flatnonzero(np.append(np.diff(x[order]) > 0, True))  # only after the last of equal values
    made: Floats = np.abs(signed[order].cumsum(0)[last]).max(0)
    return made


def _distance_p(
    x: Floats, side: Mask, group: Ints, held: Floats, draws: int, rng: np.random.Generator
) -> float:
    signed = np.where(side, held, -held)
    observed = float(_distances(x, signed[:, None])[0])
    members = [np.flatnonzero(group == g) for g in np.unique(group)]
    block, count, done = max(1, CELLS // len(x)), 0, 0
    while done < draws:
        m = min(block, draws - done)
        mixed = np.empty((len(x), m), np.float32)
        for rows in members:
            mixed[rows] = rng.permuted(np.repeat(signed[rows].astype(np.float32)[:, None], m, axis=1), axis=0)
        count += int((_distances(x, mixed) >= observed - 1e-5).sum())
        done += m
    return (1 + count) / (draws + 1)


def _median_shift(
    x: Floats, side: Mask, weights: Floats, resamples: int, rng: np.random.Generator
) -> tuple[float, float, float, Interval]:
    old, new = x[~side], x[side]
    a, b = (weights[part] / weights[part].sum() for part in (~side, side))
    low, before, high = weighted_quantiles(old, a, (0.25, 0.5, 0.75))
    after = weighted_quantiles(new, b, (0.5,))[0]
    spread = (high - low) / NORMAL_SPREAD
    if spread <= 1e-12 * max(1.0, abs(before)):
        return before, after, math.nan, (math.nan, math.nan)
    drawn = np.empty(resamples)
    for i in range(resamples):
        drawn[i] = np.median(rng.choice(new, len(new), p=b)) - np.median(rng.choice(old, len(old), p=a))
    low, high = np.quantile(drawn, (0.025, 0.975)) / spread
    shift = (after - before) / spread
    return before, after, shift, (min(float(low), shift), max(float(high), shift))


def weighted_quantiles(values: Floats, weights: Floats, shares: tuple[float, ...]) -> list[float]:
    """Quantiles of weighted values: the smallest value that at least so much of the weight does not exceed, the mean of
    two where the weight is met exactly (numpy's ``averaged_inverted_cdf``)."""
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order]) / weights.sum()
    made = []
    for share in shares:
        low = int(np.searchsorted(total, share - 1e-12))
        high = int(np.searchsorted(total, share + 1e-12))
        pair = values[order[[min(low, len(order) - 1), min(high, len(order) - 1)]]]
        made.append(float(pair.mean()))
    return made


def categorical_shift(
    codes: Ints,
    target: Mask,
    strata: Ints,
    *,
    weights: Floats | None = None,
    resamples: int = 500,
    seed: int = 0,
) -> CategoricalShift | None:
    """Compare a category between the samples; None when no stratum has rows of both or there is one value only.

    Args:
        codes: (n,) value of each row, ≥ 0.
        target, strata: as in :func:`numeric_shift`.
        weights: as there; only the shares are read with them.
        resamples: tables drawn for the interval.
        seed: of these.
    """
    held = mix_weights(target, strata)
    use = held > 0
    if not (use & target).any() or not (use & ~target).any():
        return None
    value, side, group = codes[use], target[use], strata[use]
    levels = int(value.max()) + 1
    if len(np.unique(value)) < 2:
        return None
    kept, place = np.unique(group, return_inverse=True)
    key = (place * 2 + side) * levels + value
    tables = (
        np.bincount(key, minlength=len(kept) * 2 * levels).reshape(len(kept), 2, levels).astype(np.float64)
    )
    test = general_association(tables)
    v, ci = cramers_v_interval(tables, resamples=resamples, seed=seed)
    read = _halves(held[use] if weights is None else weights[use], side)
    shares = [np.bincount(value[part], read[part], levels) for part in (~side, side)]
    most = int(np.abs(shares[1] - shares[0]).argmax())
    n = int(min(side.sum(), (~side).sum()))
    return CategoricalShift(v, ci, test.p, most, float(shares[0][most]), float(shares[1][most]), n)
