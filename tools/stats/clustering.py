"""How many groups points fall into, which group each belongs to and how clearly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.stats.grouping import k_means, squared_distances

Floats = npt.NDArray[np.float32]
Float = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

STARTS = 3  # the tightest result is kept
FEW = 2000  # points on which the number of groups is chosen
SAMPLE = 1000  # points whose silhouette is measured
GOOD_ENOUGH = 0.01  # of silhouettes this close the one with the fewest groups is taken
BLOCK = 8192  # points compared with the centres at a time: what bounds the memory


@dataclass(frozen=True, slots=True)
class Chosen:
    """Groups, and how well apart they lie.

    Attributes:
        centres: (k, d), the largest group first.
        silhouette: mean of Rousseeuw's silhouette over a sample, in [−1, 1]; 0 where there is one group only.
        tried: number of groups → silhouette.
    """

    centres: Floats
    silhouette: float
    tried: dict[int, float]


def choose(points: Floats, sizes: Sequence[int], seed: int) -> Chosen:
    """Groups for the number among ``sizes`` whose silhouette is best; the fewest where several are as good.

    Args:
        points: (n, d) finite.
        sizes: numbers of groups to try on at most ``FEW`` points; those above the number of distinct points are skipped.
        seed: of starts and samples.

    Rousseeuw 1987, J. Comput. Appl. Math. 20:53.
    """
    few = points[np.random.default_rng([seed, 51]).permutation(len(points))[:FEW]]
    distinct = len(np.unique(few, axis=0))
    tried = {
        k: silhouette(few[:SAMPLE], nearest(few[:SAMPLE], tightest(few, k, seed, 1))[0])
        for k in sorted({k for k in sizes if 2 <= k <= distinct})
    }
    if not tried:
        return Chosen(points.mean(0, keepdims=True) if len(points) else points[:0], 0.0, {})
    best = max(tried.values())
    k = min(k for k, score in tried.items() if score >= best - GOOD_ENOUGH)
    return Chosen(tightest(points, k, seed), tried[k], tried)


def tightest(points: Floats, k: int, seed: int, starts: int = STARTS) -> Floats:
    """(≤ k, d) centres of the tightest of several k-means, the largest group first."""
    best: tuple[float, Floats] | None = None
    for attempt in range(starts):
        centres = k_means(points.astype(np.float64), k, 101 * seed + attempt).astype(np.float32)
        spread = float(nearest(points, centres)[1].sum(dtype=np.float64))
        if best is None or spread < best[0] * (1 - 1e-6):
            best = (spread, centres)
    assert best is not None
    sizes = np.bincount(nearest(points, best[1])[0], minlength=len(best[1]))
    return best[1][np.argsort(-sizes, kind="stable")]


def nearest(points: Floats, centres: Floats) -> tuple[Ints, Float, Float]:
    """(nearest centre, distance to it, distance to the next one) of each point; the last ∞ where there is one centre."""
    which = np.zeros(len(points), np.int64)
    first, second = np.zeros(len(points)), np.full(len(points), np.inf)
    for start in range(0, len(points), BLOCK):
        part = slice(start, start + BLOCK)
        away = np.sqrt(squared_distances(points[part].astype(np.float64), centres.astype(np.float64)))
        which[part] = away.argmin(1)
        rows = np.arange(len(away))
        first[part] = away[rows, which[part]]
        if len(centres) > 1:
            away[rows, which[part]] = np.inf
            second[part] = away.min(1)
    return which, first, second


def clearness(first: Float, second: Float) -> Floats:
    """How clearly a point belongs to its group: 1 at the centre, 0 where the next centre is as near."""
    ratio = np.divide(first, second, out=np.zeros_like(first), where=second > 0)
    return np.clip(1 - ratio, 0, 1).astype(np.float32)


def silhouette(points: Floats, groups: Ints) -> float:
    """Mean silhouette: how much nearer a point lies to its own group than to the next; 0 with fewer than two groups."""
    names, groups = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        return 0.0
    x = points.astype(np.float64)
    away = np.sqrt(squared_distances(x, x))
    inside = np.eye(len(names))[groups]
    total, sizes = away @ inside, inside.sum(0)
    rows = np.arange(len(points))
    own = total[rows, groups] / np.maximum(sizes[groups] - 1, 1)
    mean = total / sizes
    mean[rows, groups] = np.inf
    other = mean.min(1)
    widest = np.maximum(own, other)
    scores = np.divide(other - own, widest, out=np.zeros_like(own), where=widest > 0)
    scores[sizes[groups] < 2] = 0
    return float(scores.mean())
