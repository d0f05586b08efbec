"""Points in two dimensions: principal components, t-SNE, and how far such a map can be trusted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]

COMPONENTS = 50  # principal components that t-SNE and neighbours read: more is noise and time
PERPLEXITY = 30.0
ITERATIONS = 400
EARLY = 100  # iterations in which attraction is exaggerated, so that clusters form as wholes
EXAGGERATION = 12.0
BLOCK = 256


@dataclass(frozen=True, slots=True)
class Components:
    """Principal components.

    Attributes:
        scores: (n, k) of each row, largest variance first; the sign is such that the largest loading is positive.
        explained: (k,) share of the variance.
    """

    scores: Float
    explained: Float


def principal_components(x: ArrayLike, k: int) -> Components:
    """The first ``k`` principal components of (n, c) finite values; fewer when there are fewer directions."""
    data = np.asarray(x, np.float64)
    data = data - data.mean(0) if len(data) else data
    if min(data.shape) == 0:
        return Components(np.zeros((len(data), 0)), np.zeros(0))
    if data.shape[1] <= data.shape[0]:
        values, vectors = np.linalg.eigh(data.T @ data)
        values, vectors = values[::-1], vectors[:, ::-1]
        scores = data @ vectors[:, :k]
    else:
        values, left = np.linalg.eigh(data @ data.T)
        values, left = values[::-1], left[:, ::-1]
        scores = left[:, :k] * np.sqrt(np.maximum(values[:k], 0))
        vectors = data.T @ left[:, :k]
    top = vectors[:, :k]
    sign = np.sign(top[np.abs(top).argmax(0), np.arange(top.shape[1])])
    total = float(np.maximum(values, 0).sum())
    kept = np.maximum(values[:k], 0)
    real = kept > 1e-12 * max(total, 1e-300)
    explained = kept / total if total > 0 else np.zeros_like(kept)
    return Components((scores * np.where(sign == 0, 1, sign))[:, real], explained[real])


def neighbours(x: ArrayLike, k: int) -> tuple[Int, Float]:
    """The ``k`` nearest other rows by Euclidean distance: (n, k) places, nearest first, and squared distances.

    Ties go to the lower place. With fewer than k others all of them: (n, n − 1).
    """
    data = np.asarray(x, np.float64)
    n = len(data)
    k = min(k, n - 1)
    if k < 1:
        return np.zeros((n, 0), np.int64), np.zeros((n, 0))
    places, distances = np.empty((n, k), np.int64), np.empty((n, k))
    squares = (data**2).sum(1)
    for start in range(0, n, BLOCK):
        stop = min(start + BLOCK, n)
        d = squares[start:stop, None] - 2 * data[start:stop] @ data.T + squares
        d[np.arange(stop - start), np.arange(start, stop)] = np.inf
        near = np.sort(np.argpartition(d, k - 1, axis=1)[:, :k], axis=1)
        values = np.take_along_axis(d, near, 1)
        order = np.argsort(values, axis=1, kind="stable")
        places[start:stop] = np.take_along_axis(near, order, 1)
        distances[start:stop] = np.maximum(np.take_along_axis(values, order, 1), 0)
    return places, distances


def neighbours_kept(high: Int, low: Int) -> float:
    """Share of each row's nearest rows in the space that are also among its nearest on the map; nan without any.

    Args:
        high, low: (n, k) nearest rows (:func:`neighbours`) in the space and on the map.
    """
    if high.size == 0:
        return float("nan")
    same = [len(np.intersect1d(a, b, assume_unique=True)) for a, b in zip(high, low, strict=True)]
    return float(np.mean(same)) / high.shape[1]


def tsne(
    x: ArrayLike,
    *,
    perplexity: float = PERPLEXITY,
    iterations: int = ITERATIONS,
    seed: int = 0,
    advance: Callable[[], None] = lambda: None,
) -> Float:
    """A t-SNE map (n, 2) of a few thousand rows, started from the principal components.

    Repulsion is computed between all pairs, in blocks; attraction over the 3 · perplexity nearest rows only (van der
    Maaten 2014, JMLR 15:3221, §4). The start makes the coarse layout repeatable (Kobak & Berens 2019, Nat. Commun.
    10:5416); ``seed`` only separates rows that are equal. ``advance`` is called after each iteration.
    """
    data = np.asarray(x, np.float64)
    n = len(data)
    start = principal_components(data, 2).scores
    y = np.zeros((n, 2))
    y[:, : start.shape[1]] = start
    y = 1e-2 * y / max(float(y[:, 0].std()), 1e-12) if n > 1 else y
    y += 1e-4 * np.random.default_rng(seed).standard_normal(y.shape)
    if n < 5:
        return y
    perplexity = min(perplexity, (n - 1) / 3)
    near, squared = neighbours(data, round(3 * perplexity))
    rows, columns, weights = _affinities(near, squared, perplexity)
    return _descend(y, rows, columns, weights, iterations, advance)


def _affinities(near: Int, squared: Float, perplexity: float) -> tuple[Int, Int, Float]:
    """Symmetric affinities that sum to one, as a list of (row, column, weight), sorted by row."""
    n, k = near.shape
    shifted = squared - squared[:, :1]
    low, high = np.zeros(n), np.full(n, np.inf)
    beta = 1 / np.maximum(shifted.mean(1), 1e-12)
    target = np.log(perplexity)
    for _ in range(60):
        p = np.exp(-shifted * beta[:, None])
        total = p.sum(1)
        entropy = np.log(total) + beta * (shifted * p).sum(1) / total
        wide = entropy > target
        low, high = np.where(wide, beta, low), np.where(wide, high, beta)
        beta = np.where(np.isinf(high), beta * 2, (low + high) / 2)
    p = np.exp(-shifted * beta[:, None])
    p /= p.sum(1, keepdims=True)
    rows, columns = np.repeat(np.arange(n), k), near.ravel()
    key = np.concatenate([rows * n + columns, columns * n + rows])
    unique, place = np.unique(key, return_inverse=True)
    weights = np.bincount(place, np.tile(p.ravel(), 2)) / (2 * n)
    return unique // n, unique % n, weights


def _descend(
    y: Float, rows: Int, columns: Int, weights: Float, iterations: int, advance: Callable[[], None]
) -> Float:
    """Gradient descent with momentum and gains (Jacobs 1988), as in van der Maaten & Hinton 2008, JMLR 9:2579."""
    n = len(y)
    step, velocity, gains = max(n / EXAGGERATION, 50.0), np.zeros_like(y), np.ones_like(y)
    starts = np.searchsorted(rows, np.arange(n))  # every row has neighbours
    for turn in range(iterations):
        early = turn < EARLY
        apart = [
            np.repeat(y[:, d], np.diff(starts, append=len(rows))) - y[:, d].take(columns) for d in (0, 1)
        ]
        pull = weights / (1 + apart[0] ** 2 + apart[1] ** 2)
        attraction = np.stack([np.add.reduceat(pull * one, starts) for one in apart], axis=1)
        gradient = 4 * (attraction * (EXAGGERATION if early else 1.0) - _repulsion(y))
        same = (gradient > 0) == (velocity > 0)
        gains = np.maximum(np.where(same, gains * 0.8, gains + 0.2), 0.01)
        velocity = (0.5 if early else 0.8) * velocity - step * gains * gradient
        y = y + velocity
        y -= y.mean(0)
        advance()
    return y


def _repulsion(y: Float) -> Float:
    """(n, 2) Σⱼ qᵢⱼ (yᵢ − yⱼ) / (1 + |yᵢ − yⱼ|²), with q over all pairs summing to one."""
    n = len(y)
    flat = y.astype(np.float32)
    squares = (flat**2).sum(1)
    left = np.column_stack([-2 * flat, squares + 1, np.ones(n, np.float32)])
    right = np.ascontiguousarray(np.column_stack([flat, np.ones(n, np.float32), squares]).T)
    carried = np.column_stack([flat, np.ones(n, np.float32)])
    total, made = 0.0, np.empty((n, 2))
    for start in range(0, n, BLOCK):
        kernel = left[start : start + BLOCK] @ right
        np.maximum(kernel, 1, out=kernel)
        np.reciprocal(kernel, out=kernel)
        total += float(kernel.sum(dtype=np.float64))
        np.square(kernel, out=kernel)
        sums = kernel @ carried
        made[start : start + BLOCK] = flat[start : start + BLOCK] * sums[:, 2:] - sums[:, :2]
    return made / max(total - n, 1e-12)


@dataclass(frozen=True, slots=True)
class Region:
    """Rows that lie close together and are wrong more often than others.

    Attributes:
        rows: places, nearest to the middle first.
        wrong: how many of them are wrong.
        p: share of shuffles in which some neighbourhood holds as many errors. An illustration: where it lies was not
            said beforehand.
    """

    rows: Int
    wrong: int
    p: float


def dense_errors(
    near: Int, wrong: ArrayLike, strata: ArrayLike, *, most: int = 4, shuffles: int = 200, seed: int = 0
) -> list[Region]:
    """The neighbourhoods that hold most errors, none overlapping another by more than a third.

    Args:
        near: (n, k) nearest rows of each row.
        wrong: (n,) whether it is wrong.
        strata: (n,) codes within which errors are shuffled (the true class): a hard class alone is no region.
        most: regions at most; those with less than twice the errors of an average neighbourhood are left out.
        shuffles: of the p of each region.
        seed: of the shuffles.
    """
    bad = np.asarray(wrong, bool)
    n, k = near.shape
    if n == 0 or k == 0 or not bad.any():
        return []
    members = np.concatenate([np.arange(n)[:, None], near], axis=1)
    counts = bad[members].sum(1)
    group = np.asarray(strata, np.int64)
    rng = np.random.default_rng(seed)
    order = np.argsort(group, kind="stable")
    highest = np.empty(shuffles)
    for i in range(shuffles):
        shuffled = np.empty(n, bool)
        shuffled[order] = bad[order][np.lexsort((rng.random(n), group[order]))]
        highest[i] = shuffled[members].sum(1).max()
    least = max(2.0 * float(bad.mean()) * (k + 1), 3.0)
    made: list[Region] = []
    taken = np.zeros(n, bool)
    for i in np.argsort(-counts, kind="stable").tolist():
        if counts[i] < least or len(made) == most:
            break
        if taken[members[i]].mean() > 1 / 3:
            continue
        taken[members[i]] = True
        p = float((1 + (highest >= counts[i]).sum()) / (1 + shuffles))
        made.append(Region(members[i], int(counts[i]), p))
    return made
