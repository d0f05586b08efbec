"""Points in a feature space: groups of them (k-means), and a few that are both important and unlike each other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]
MOST_ROUNDS = 50


def squared_distances(x: Float, centres: Float) -> Float:
    """(n, k) squared Euclidean distances of n points to k centres."""
    made = (x**2).sum(1)[:, None] - 2 * x @ centres.T + (centres**2).sum(1)[None]
    distances: Float = np.maximum(made, 0.0)
    return distances


def k_means(x: Float, k: int, seed: int = 0) -> Float:
    """Centres of k groups (Lloyd 1982, started by k-means++: Arthur & Vassilvitskii 2007).

    Args:
        x: (n, c) finite points, n ≥ 1.
        k: groups wanted; fewer come back where there are fewer distinct points.
        seed: draws the start.

    Returns:
        (k, c) centres.
    """
    rng = np.random.default_rng(seed)
    centres = x[[int(rng.integers(len(x)))]]
    while len(centres) < min(k, len(x)):
        gap = squared_distances(x, centres).min(1)
        if gap.sum() <= 1e-12:
            break
        centres = np.vstack([centres, x[int(rng.choice(len(x), p=gap / gap.sum()))]])
    for _ in range(MOST_ROUNDS):
        home = squared_distances(x, centres).argmin(1)
        moved = np.stack(
            [x[home == j].mean(0) if (home == j).any() else centres[j] for j in range(len(centres))]
        )
        if np.allclose(moved, centres, atol=1e-9):
            break
        centres = moved
    return centres


def spread_out(importance: Float, x: Float, take: int) -> Int:
    """Positions of ``take`` points that matter and differ, most important first, each next one the best in
    importance × distance to the nearest chosen (greedy k-centre: Gonzalez 1985, weighted).

    Args:
        importance: (n,) numbers ≥ 0.
        x: (n, c) points.
        take: how many, at most n.
    """
    chosen: list[int] = []
    nearest = np.full(len(x), np.inf)
    gain = importance.astype(np.float64).copy()
    for _ in range(min(take, len(x))):
        best = int(gain.argmax())
        chosen.append(best)
        nearest = np.minimum(nearest, np.sqrt(squared_distances(x, x[[best]])[:, 0]))
        gain = importance * nearest
        gain[chosen] = -1.0
        if gain.max(initial=-1.0) <= 0:  # all that is left is a copy of what was chosen, or matters to nobody
            gain = importance.astype(np.float64).copy()
            gain[chosen] = -1.0
    return np.array(chosen, np.int64)
