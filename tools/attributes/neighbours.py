"""Nearest pictures in a feature space, without comparing all with all in memory.

Up to ``EXACT`` pictures every cosine is computed, block by block. Above that pictures are put into buckets round a few
hundred of them drawn at random, and compared within their buckets (an inverted file: Sivic & Zisserman 2003, ICCV; Jégou,
Douze & Schmid 2011, PAMI 33:117). Each picture lies in the buckets of its two nearest centres, so that close pairs are
rarely torn apart.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

EXACT = 30_000
BLOCK_VALUES = 16_000_000  # cosines held at a time: 64 MB
PROBES = 2  # buckets that each picture lies in
BUCKET = 4_000  # most members of a bucket that are compared with each other


def unit_rows(features: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Features with every channel centred and scaled, each row then of length 1.

    Args:
        features: (n, c).

    Returns:
        (n, c) float32, rows without a direction zero; and (n,) which rows have one (finite, not the mean itself).
    """
    good = np.isfinite(features).all(1)
    x = np.where(good[:, None], features, 0).astype(np.float32)
    if good.any():
        spread = x[good].std(0)
        spread[spread < 1e-6] = np.inf
        x = (x - x[good].mean(0)) / spread
    length = np.linalg.norm(x, axis=1)
    good &= length > 1e-6
    x[good] /= length[good, None]
    x[~good] = 0
    return x.astype(np.float32, copy=False), good


def nearest_pairs(
    features: Floats, k: int = 5, *, seed: int = 0, exact: int = EXACT
) -> tuple[Ints, Floats, bool]:
    """Pairs of rows that are among each other's ``k`` nearest by cosine.

    Args:
        features: (n, c); rows that are not finite take no part.
        k: neighbours of each row, ≥ 1.
        seed: draws the centres of the buckets.
        exact: most rows for which every cosine is computed.

    Returns:
        (m, 2) row pairs (i < j), nearest first; their (m,) cosines; and whether large buckets were cut, so that pairs
        may be missing.
    """
    unit, good = unit_rows(features)
    rows = np.flatnonzero(good)
    if len(rows) < 2:
        return np.zeros((0, 2), np.int64), np.zeros(0, np.float32), False
    x, cut = unit[rows], False
    near, cosine = _empty(len(rows), k)
    if len(rows) <= exact:
        for start, stop in _blocks(len(rows), len(rows)):
            close = x[start:stop] @ x.T
            close[np.arange(stop - start), np.arange(start, stop)] = -2
            near[start:stop], cosine[start:stop] = _best(close, None, k)
    else:
        for members in _buckets(x, seed):
            cut |= len(members) > BUCKET
            for start in range(0, len(members), BUCKET):
                _within(x, members[start : start + BUCKET], near, cosine, k)
    return *_mutual(rows, near, cosine), cut


def _empty(n: int, k: int) -> tuple[Ints, Floats]:
    return np.full((n, k), -1, np.int64), np.full((n, k), -2, np.float32)


def _blocks(n: int, width: int) -> Iterator[tuple[int, int]]:
    step = max(1, BLOCK_VALUES // max(width, 1))
    for start in range(0, n, step):
        yield start, min(start + step, n)


def _best(close: Floats, names: Ints | None, k: int) -> tuple[Ints, Floats]:
    """The ``k`` largest of each row, largest first, padded with −1 where there are fewer; ``close`` is used up."""
    b, n = close.shape
    near, cosine = _empty(b, k)
    every = np.arange(b)
    for place in range(min(k, n)):  # a few passes for the largest are faster than sorting part of the row
        at = close.argmax(1)
        near[:, place], cosine[:, place] = at if names is None else names[at], close[every, at]
        close[every, at] = -3
    near[cosine <= -2] = -1
    return near, cosine


def _buckets(x: Floats, seed: int) -> Iterator[Ints]:
    """Rows by their nearest centres; each row appears in ``PROBES`` buckets."""
    n = len(x)
    count = int(np.sqrt(n))
    centres = x[np.sort(np.random.default_rng(seed).choice(n, count, replace=False))]
    home = np.empty((n, PROBES), np.int64)
    for start, stop in _blocks(n, count):
        home[start:stop] = _best(x[start:stop] @ centres.T, None, PROBES)[0]
    order = np.argsort(home.ravel(), kind="stable")
    ends = np.cumsum(np.bincount(home.ravel(), minlength=count))
    for start, stop in zip(np.concatenate([[0], ends[:-1]]), ends, strict=True):
        members = np.sort(order[start:stop] // PROBES)
        if len(members) > 1:
            yield members


def _within(x: Floats, members: Ints, near: Ints, cosine: Floats, k: int) -> None:
    """Merge the best of one bucket into the neighbours known so far."""
    close = x[members] @ x[members].T
    np.fill_diagonal(close, -2)
    found, value = _best(close, members, k)
    both, both_value = np.hstack([near[members], found]), np.hstack([cosine[members], value])
    # a neighbour met in two buckets counts once
    order = np.argsort(both, axis=1, kind="stable")
    both, both_value = np.take_along_axis(both, order, 1), np.take_along_axis(both_value, order, 1)
    both_value[:, 1:][both[:, 1:] == both[:, :-1]] = -2
    order = np.argsort(-both_value, axis=1, kind="stable")[:, :k]
    near[members] = np.take_along_axis(both, order, 1)
    cosine[members] = np.take_along_axis(both_value, order, 1)


def _mutual(rows: Ints, near: Ints, cosine: Floats) -> tuple[Ints, Floats]:
    """Pairs that name each other, as original rows, nearest first."""
    n, k = near.shape
    left, right = np.repeat(np.arange(n), k), near.ravel()
    known = (right >= 0) & (cosine.ravel() > -2)
    left, right, value = left[known], right[known], cosine.ravel()[known]
    key = np.minimum(left, right) * n + np.maximum(left, right)
    distinct, first, count = np.unique(key, return_index=True, return_counts=True)
    both = count > 1
    pairs, value = np.stack([distinct // n, distinct % n], 1)[both], value[first][both]
    order = np.argsort(-value, kind="stable")
    found: Ints = rows[pairs[order]]
    return found, value[order]
