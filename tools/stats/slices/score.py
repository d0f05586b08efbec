"""Scores of counted conjunctions: how far above expectation, above their parents, and SliceLine's score."""

from __future__ import annotations

import numpy as np

from failsight.tools.stats.slices.count import Counts
from failsight.tools.stats.slices.model import Float, Int


def excess_rate(counts: Counts) -> Float:
    """(m,) points by which the mean of the slice exceeds its expectation."""
    rate: Float = (counts.total - counts.expected) / np.maximum(counts.n, 1)
    return rate


def z_outside(counts: Counts, *, rows: int, variance: float | None) -> Float:
    """(m,) standardised excess of each conjunction over its expectation.

    Args:
        counts: m conjunctions.
        rows: rows whose target was looked at.
        variance: of the target; None for 0/1 targets, whose variance follows from the expectation.

    The squared score is the chi-squared statistic of the slice against the rest; in large samples twice the
    rows times the mutual information of error and membership. Where errors depend on the attributes only
    through one conjunction, no other membership carries more information (data processing inequality), so
    ranking by it puts the true conjunction before its parents, its parts and whatever goes with it.
    """
    n = np.maximum(counts.n, 1)
    rate = np.clip(counts.expected / n, 0, 1)
    spread = rate * (1 - rate) if variance is None else np.full(len(counts), variance)
    scale = np.sqrt(spread * n * np.maximum(1 - n / max(rows, 1), 0))
    return _ratio(counts.total - counts.expected, scale)


def z_parents(counts: Counts, *, variance: float | None) -> Float:
    """(m,) smallest standardised advantage of a conjunction over the rest of any of its parents; +inf for singles.

    A conjunction with the same rows as a parent scores 0: its further condition adds nothing.
    """
    excess = counts.total - counts.expected
    best = np.full(len(counts), np.inf)
    for column in range(3):
        has = np.flatnonzero(counts.parents[:, column] >= 0)
        if not len(has):
            continue
        up = counts.parents[has, column]
        n, parent = counts.n[has], counts.n[up]
        rest = parent - n
        gap = excess[has] / np.maximum(n, 1) - (excess[up] - excess[has]) / np.maximum(rest, 1)
        rate = counts.total[up] / np.maximum(parent, 1)
        spread = rate * (1 - rate) if variance is None else np.full(len(has), variance)
        with np.errstate(divide="ignore"):
            scale = np.sqrt(spread * (1 / np.maximum(n, 1) + 1 / np.maximum(rest, 1)))
        z = np.where((n > 0) & (rest > 0), _ratio(gap, scale), 0.0)
        best[has] = np.minimum(best[has], z)
    return best


def sliceline_score(counts: Counts, *, rows: int, total: float, alpha: float = 0.95) -> Float:
    """(m,) SliceLine's score: α (mean error inside / mean error − 1) − (1 − α) (rows / rows inside − 1).

    Args:
        counts: m conjunctions counted over all rows.
        rows: rows of the table.
        total: sum of the errors over the table, > 0.
        alpha: weight of the errors against the size, in (0, 1].

    Sagadeeva & Boehm 2021, *SliceLine: Fast, Linear-Algebra-based Slice Finding for ML Model Debugging*, eq. 5.
    """
    inside = counts.total / np.maximum(counts.n, 1)
    score: Float = alpha * (inside * rows / total - 1) - (1 - alpha) * (rows / np.maximum(counts.n, 1) - 1)
    return score


def top(score: Float, k: int) -> Int:
    """Positions of the k highest scores, best first; ties in the order of the table (simplest first)."""
    order: Int = np.argsort(-score, kind="stable")[:k]
    return order


def _ratio(value: Float, scale: Float) -> Float:
    """value / scale, 0 where the scale is 0."""
    ratio: Float = np.divide(value, scale, out=np.zeros_like(value), where=scale > 0)
    return ratio
