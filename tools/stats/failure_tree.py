"""Failure trees: which features go with failure, and under which conditions on them a model fails more.

Barlow (Singla, Nushi, Shah, Kamar & Horvitz 2021, CVPR, §3, §5, Algorithm 1; equations and defaults as there, what the
paper leaves open as in its released code): the features of a group of images are ranked by mutual information with
failure, a shallow decision tree is grown on the best of them, and its leaves are read as rules. "Failure" is any yes/no
outcome of an image; for what goes with success, pass the opposite.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]
Criterion = Literal["entropy", "gini"]

NEIGHBOURS = 3
JITTER = 1e-10  # noise on standardised features, so that equal values have an order (as in scikit-learn)
CLOSEST = 1e-7  # values nearer to each other are not told apart by a split (as in scikit-learn)


# --- information ------------------------------------------------------------------------------------------------------


def mutual_information(
    features: ArrayLike, failed: ArrayLike, *, neighbours: int = NEIGHBOURS, seed: int = 0
) -> Float:
    """Mutual information of each feature with failure, in nats, by nearest neighbours; no bins.

    For an image the distance to its k-th nearest neighbour of the same outcome is measured along the feature, and all
    images nearer than that are counted: few strangers among them mean that the feature tells the outcomes apart
    (Ross 2014, PLoS ONE 9:e87357, eq. 2; the estimator of the paper's released code).

    Args:
        features: (n, c) finite numbers.
        failed: (n,) outcome of each image.
        neighbours: k.
        seed: draws the noise that breaks ties; it moves the estimate only where values are equal.

    Returns:
        (c,) estimates, none below 0; all 0 when every image, or every image but one, has the same outcome.

    Raises:
        ValueError: shapes differ, a feature is not finite, or k < 1.
    """
    x, y = _checked(features, failed)
    if neighbours < 1:
        raise ValueError(f"neighbours must be at least 1, not {neighbours}")
    counts = np.array([np.count_nonzero(~y), np.count_nonzero(y)])
    if counts.min() == 0 or counts.max() < 2:
        return np.zeros(x.shape[1])
    alone = counts == 1  # an outcome of one image has no neighbour: it takes no part
    kept = ~alone[y.astype(np.int64)]
    rng = np.random.default_rng(seed)
    made = np.empty(x.shape[1])
    for j in range(x.shape[1]):
        made[j] = _information(_jittered(x[:, j], rng), y, kept, neighbours)
    return np.maximum(made, 0.0)


def _jittered(values: Float, rng: np.random.Generator) -> Float:
    spread = float(values.std())
    scaled = values / spread if spread > 0 else values
    noise = JITTER * max(1.0, float(np.abs(scaled).mean()))
    jittered: Float = scaled + noise * rng.standard_normal(len(scaled))
    return jittered


def _information(values: Float, failed: Bool, kept: Bool, neighbours: int) -> float:
    from scipy.special import digamma

    n = int(kept.sum())
    total, everyone = 0.0, np.sort(values)
    for outcome in (False, True):
        own = np.sort(values[kept & (failed == outcome)])
        if not len(own):
            continue
        k = min(neighbours, len(own) - 1)
        nearer = _count_nearer(everyone, own, _kth_distance(own, k))
        total += len(own) * (digamma(k) - digamma(len(own))) - digamma(nearer).sum()
    return float(digamma(n) + total / n)


def _kth_distance(ordered: Float, k: int) -> Float:
    """(m,) distance of each of m sorted values to its k-th nearest other one, 1 ≤ k < m."""
    m = len(ordered)
    at = np.arange(m)
    best = np.full(m, np.inf)
    for behind in range(k + 1):  # the k nearest are a run of neighbours in the order, so many of them behind
        first = at - behind
        fits = (first >= 0) & (first + k < m)
        here = at[fits]
        reach = np.maximum(ordered[here] - ordered[first[fits]], ordered[first[fits] + k] - ordered[here])
        best[fits] = np.minimum(best[fits], reach)
    return best


def _count_nearer(ordered: Float, values: Float, radius: Float) -> Int:
    """(m,) how many of the sorted values lie nearer than ``radius`` to each of m values; at least the value itself."""
    n = len(ordered)
    low = np.searchsorted(ordered, values - radius, "left")
    high = np.searchsorted(ordered, values + radius, "right")
    while True:  # sums are rounded, differences decide: the k-th neighbour itself lies at exactly the radius
        inner = (low < n) & (values - ordered[np.minimum(low, n - 1)] >= radius) & (low < high)
        outer = (low > 0) & (values - ordered[np.maximum(low - 1, 0)] < radius) & ~inner
        if not (inner.any() or outer.any()):
            break
        low = low + inner - outer
    while True:
        inner = (high > 0) & (ordered[np.maximum(high - 1, 0)] - values >= radius) & (low < high)
        outer = (high < n) & (ordered[np.minimum(high, n - 1)] - values < radius) & ~inner
        if not (inner.any() or outer.any()):
            break
        high = high - inner + outer
    counted: Int = np.maximum(high - low, 1)
    return counted


def most_informative(information: ArrayLike, count: int) -> Int:
    """Positions of the ``count`` largest values, largest first; equal ones in the order given."""
    made: Int = np.argsort(-np.asarray(information, np.float64), kind="stable")[:count]
    return made


# --- the tree ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Condition:
    """One turn of a path: ``feature`` (a column of the matrix) is at most the threshold, or above it.

    Thresholds lie between two values that occurred, so nothing in the data that grew the tree lies on one.
    """

    feature: int
    threshold: float
    low: bool

    def holds(self, features: Float) -> Bool:
        """(n,) which rows of (n, c) meet it."""
        below: Bool = features[:, self.feature] <= self.threshold
        return below if self.low else ~below


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf with what fell into it.

    Attributes:
        path: conditions from the root on; empty where the tree is its root.
        n: images in the leaf.
        failures: those that failed.
        of: images in the group.
        all_failures: failures in the group.
    """

    path: tuple[Condition, ...]
    n: int
    failures: int
    of: int
    all_failures: int

    @property
    def error_rate(self) -> float:
        """ER (Definition 1), in [0, 1]; 0 for a leaf that nothing fell into."""
        return self.failures / self.n if self.n else 0.0

    @property
    def coverage(self) -> float:
        """EC (Definition 2): the share of the group's failures that are here, in [0, 1]; 0 where nothing failed."""
        return self.failures / self.all_failures if self.all_failures else 0.0

    @property
    def base_error_rate(self) -> float:
        """BER (Definition 3): the error rate of the whole group."""
        return self.all_failures / self.of if self.of else 0.0

    @property
    def importance(self) -> float:
        """IV (Definition 5): ER × EC."""
        return self.error_rate * self.coverage

    def valid(self, delta: float, tau: float) -> bool:
        """Whether ER ≥ BER + delta and EC ≥ tau (§5; up to rounding)."""
        return self.error_rate >= self.base_error_rate + delta - 1e-12 and self.coverage >= tau - 1e-12

    def inside(self, features: ArrayLike) -> Bool:
        """(n,) which rows of (n, c) fall into this leaf."""
        x = np.asarray(features, np.float64)
        made = np.ones(len(x), bool)
        for one in self.path:
            made &= one.holds(x)
        return made


@dataclass(frozen=True, slots=True)
class FailureTree:
    """The leaves of a tree, from the lowest branch to the highest. Every image falls into exactly one."""

    leaves: tuple[Leaf, ...]

    @property
    def base_error_rate(self) -> float:
        """BER of the group."""
        return self.leaves[0].base_error_rate

    @property
    def aler(self) -> float:
        """ALER (Definition 4): the leaves' error rates, weighed by their error coverage.

        Coverages sum to 1, so at least one leaf has an error rate of at least this (Proposition 1). It is never below
        the base error rate; their difference is what the tree explains.
        """
        return sum(leaf.importance for leaf in self.leaves)

    @property
    def depth(self) -> int:
        """Conditions on the longest path."""
        return max(len(leaf.path) for leaf in self.leaves)

    def measured(self, features: ArrayLike, failed: ArrayLike) -> FailureTree:
        """The same leaves with what falls into them of another group (or half): the paths stay, the counts are new."""
        x, y = _checked(features, failed)
        total, wrong = len(y), int(y.sum())
        made = []
        for leaf in self.leaves:
            here = leaf.inside(x)
            made.append(Leaf(leaf.path, int(here.sum()), int((here & y).sum()), total, wrong))
        return FailureTree(tuple(made))

    def valid(self, delta: float, tau: float) -> tuple[Leaf, ...]:
        """The failure modes of Algorithm 1, most important (IV) first."""
        found = [leaf for leaf in self.leaves if leaf.valid(delta, tau)]
        return tuple(sorted(found, key=lambda leaf: -leaf.importance))


def grow(
    features: ArrayLike,
    failed: ArrayLike,
    *,
    depth: int = 3,
    least: int = 1,
    criterion: Criterion = "entropy",
    balanced: bool = True,
) -> FailureTree:
    """A binary tree that separates failures from the rest, grown greedily (CART: Breiman et al. 1984).

    Args:
        features: (n, c) finite numbers, n ≥ 1; of equally good splits the one on the earlier column is taken.
        failed: (n,) outcome of each image.
        depth: most conditions on a path.
        least: fewest images in a leaf.
        criterion: what a split should lower; the released code takes entropy.
        balanced: weigh failures so that they count as much as all other images together, as the released code does.

    Raises:
        ValueError: there are no images, or shapes and values are not as above.
    """
    x, y = _checked(features, failed)
    if not len(y):
        raise ValueError("a tree needs at least one image")
    if depth < 0 or least < 1:
        raise ValueError("depth must be at least 0 and least at least 1")
    wrong = int(y.sum())
    weight = (len(y) - wrong) / wrong if balanced and 0 < wrong < len(y) else 1.0
    leaves: list[Leaf] = []

    def part(rows: Int, path: tuple[Condition, ...]) -> None:
        own = y[rows]
        mixed = 0 < int(own.sum()) < len(own)
        found = (
            _best_split(x[rows], own, weight, least, criterion)
            if mixed and len(path) < depth and len(rows) >= 2 * least
            else None
        )
        if found is None:
            leaves.append(Leaf(path, len(rows), int(own.sum()), len(y), wrong))
            return
        feature, threshold = found
        for low in (True, False):
            turn = Condition(feature, threshold, low)
            part(rows[turn.holds(x[rows])], (*path, turn))

    part(np.arange(len(y)), ())
    return FailureTree(tuple(leaves))


def _best_split(
    x: Float, failed: Bool, weight: float, least: int, criterion: Criterion
) -> tuple[int, float] | None:
    """(column, threshold) of the split after which the weighted impurity is lowest; None where no column varies."""
    n, columns = x.shape
    if not columns:
        return None
    order = np.argsort(x, axis=0, kind="stable")
    ordered = np.take_along_axis(x, order, axis=0)
    bad = np.cumsum(failed[order].astype(np.float64), axis=0)
    size = np.arange(1, n + 1, dtype=np.float64)[:, None]
    good = size - bad
    left = _impurity(weight * bad[:-1], good[:-1], criterion)
    right = _impurity(weight * (bad[-1] - bad[:-1]), good[-1] - good[:-1], criterion)
    after = left + right
    allowed = ordered[1:] > ordered[:-1] + CLOSEST
    place = np.arange(1, n)[:, None]
    allowed &= (place >= least) & (n - place >= least)
    if not allowed.any():
        return None
    after = np.where(allowed, after, np.inf)
    best_of = after.min(axis=0)
    column = int(np.flatnonzero(best_of <= best_of.min() + 1e-12 * max(1.0, n * weight))[0])
    row = int(after[:, column].argmin())
    below, above = float(ordered[row, column]), float(ordered[row + 1, column])
    threshold = below / 2 + above / 2
    return column, threshold if threshold < above else below


def _impurity(bad: Float, good: Float, criterion: Criterion) -> Float:
    """Weight of a node times its impurity."""
    total = bad + good
    safe = np.where(total > 0, total, 1.0)
    share = bad / safe
    if criterion == "gini":
        made: Float = total * 2 * share * (1 - share)
        return made
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = [np.where(p > 0, -p * np.log2(np.where(p > 0, p, 1.0)), 0.0) for p in (share, 1 - share)]
    entropy: Float = np.where(total > 0, total * (terms[0] + terms[1]), 0.0)
    return entropy


def simplified(path: Sequence[Condition]) -> tuple[Condition, ...]:
    """The same path with at most one lower and one upper bound a feature, in order of first appearance."""
    bounds: dict[tuple[int, bool], float] = {}
    for one in path:
        key = (one.feature, one.low)
        known = bounds.get(key)
        tighter = known is None or (one.threshold < known if one.low else one.threshold > known)
        bounds[key] = one.threshold if tighter else known  # type: ignore[assignment]
    return tuple(Condition(feature, value, low) for (feature, low), value in bounds.items())


def _checked(features: ArrayLike, failed: ArrayLike) -> tuple[Float, Bool]:
    x, y = np.asarray(features, np.float64), np.asarray(failed, bool)
    if x.ndim != 2 or y.ndim != 1 or len(x) != len(y):
        raise ValueError("features must be (n, c) and failed (n,)")
    if not np.isfinite(x).all():
        raise ValueError("features must be finite")
    return x, y
