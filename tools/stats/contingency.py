"""Association in tables: within strata (Cochran–Mantel–Haenszel), its strength (Cramér's V), its evenness.

A stratified table is an array (H, r, c) of counts: H strata, r row categories, c column categories.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from failsight.tools.stats.intervals import normal_quantile
from failsight.tools.stats.tests import chi_squared_p

Float = NDArray[np.float64]
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Association:
    """A chi-squared test of association.

    Attributes:
        statistic: chi-squared.
        freedom: its degrees of freedom; 0 when nothing could be compared (then p is 1).
        p: upper tail.
    """

    statistic: float
    freedom: int
    p: float


@dataclass(frozen=True, slots=True)
class RiskDifference:
    """A difference of rates, adjusted for strata.

    Attributes:
        value: Mantel–Haenszel difference, first row minus second row; nan when nothing could be compared.
        ci: its interval.
        n1, n0: rows of the first and second kind in informative strata.
    """

    value: float
    ci: Interval
    n1: int
    n0: int


def mantel_haenszel(tables: ArrayLike, *, correction: bool = False) -> Association:
    """Cochran–Mantel–Haenszel test of 2 × 2 tables: is the common odds ratio one?

    Args:
        tables: (H, 2, 2) counts.
        correction: subtract one half from the difference (Mantel & Haenszel 1959, J. Natl. Cancer Inst. 22:719).
    """
    t = _tables(tables, 2, 2)
    n = t.sum(axis=(1, 2))
    t, n = t[n > 1], n[n > 1]
    rows, columns = t.sum(axis=2), t.sum(axis=1)
    mean = rows[:, 0] * columns[:, 0] / n
    variance = float((rows.prod(axis=1) * columns.prod(axis=1) / (n**2 * (n - 1))).sum())
    if variance == 0:
        return Association(0.0, 0, 1.0)
    gap = abs(float((t[:, 0, 0] - mean).sum()))
    if correction:
        gap = max(0.0, gap - 0.5)
    return Association(gap**2 / variance, 1, chi_squared_p(gap**2 / variance, 1))


def general_association(tables: ArrayLike) -> Association:
    """Generalised Cochran–Mantel–Haenszel test of r × c tables: any association within strata.

    Args:
        tables: (H, r, c) counts.

    Landis, Heyman & Koch 1978, Int. Stat. Rev. 46:237, general association statistic. Categories that are
    empty throughout are left out.
    """
    t = np.asarray(tables, np.float64)
    t = t[t.sum(axis=(1, 2)) > 1]
    t = t[:, t.sum(axis=(0, 2)) > 0][:, :, t.sum(axis=(0, 1)) > 0]
    if t.size == 0 or min(t.shape[1:]) < 2:
        return Association(0.0, 0, 1.0)
    n = t.sum(axis=(1, 2))
    rows, columns = t.sum(axis=2)[:, :-1], t.sum(axis=1)[:, :-1]
    expected = rows[:, :, None] * columns[:, None, :] / n[:, None, None]
    gap = (t[:, :-1, :-1] - expected).sum(axis=0).ravel()
    cover = np.zeros((len(gap), len(gap)))
    for size, row, column in zip(n, rows, columns, strict=True):
        cover += np.kron(
            size * np.diag(row) - np.outer(row, row), size * np.diag(column) - np.outer(column, column)
        ) / (size**2 * (size - 1))
    # strata may leave some contrasts without variance: these are not tested
    values, vectors = np.linalg.eigh(cover)
    kept = values > 1e-9 * max(float(values.max(initial=0.0)), 1e-12)
    statistic = float((((vectors[:, kept].T @ gap) ** 2) / values[kept]).sum())
    return Association(statistic, int(kept.sum()), chi_squared_p(statistic, int(kept.sum())))


def breslow_day(tables: ArrayLike) -> Association:
    """Breslow–Day test, with Tarone's correction, that 2 × 2 tables share one odds ratio.

    Args:
        tables: (H, 2, 2) counts; strata with an empty margin are left out.

    Breslow & Day 1980, *Statistical Methods in Cancer Research I*, §4.4; Tarone 1985, Biometrika 72:91.
    """
    t = _tables(tables, 2, 2)
    t = t[(t.sum(axis=1) > 0).all(axis=1) & (t.sum(axis=2) > 0).all(axis=1)]
    ratio = common_odds_ratio(t)
    if len(t) < 2 or not 0 < ratio < math.inf:
        return Association(0.0, 0, 1.0)
    n, row, column = t.sum(axis=(1, 2)), t[:, 0].sum(axis=1), t[:, :, 0].sum(axis=1)
    expected = _expected_corner(n, row, column, ratio)
    spread = 1 / expected + 1 / (row - expected) + 1 / (column - expected)
    variance = 1 / (spread + 1 / (n - row - column + expected))
    gap = t[:, 0, 0] - expected
    statistic = float((gap**2 / variance).sum() - gap.sum() ** 2 / variance.sum())
    return Association(statistic, len(t) - 1, chi_squared_p(statistic, len(t) - 1))


def _expected_corner(n: Float, row: Float, column: Float, ratio: float) -> Float:
    """The first cell of each table, given its margins and the odds ratio (root of a quadratic)."""
    if abs(ratio - 1) < 1e-12:
        corner: Float = row * column / n
        return corner
    a, b, c = 1 - ratio, n - row - column + ratio * (row + column), -ratio * row * column
    root = np.sqrt(b * b - 4 * a * c)
    first, second = (-b + root) / (2 * a), (-b - root) / (2 * a)
    inside = (first > np.maximum(0, row + column - n)) & (first < np.minimum(row, column))
    return np.where(inside, first, second)


def common_odds_ratio(tables: ArrayLike) -> float:
    """Mantel–Haenszel odds ratio; inf when the denominator is empty, nan when both are."""
    t = _tables(tables, 2, 2)
    n = np.maximum(t.sum(axis=(1, 2)), 1)
    up, down = float((t[:, 0, 0] * t[:, 1, 1] / n).sum()), float((t[:, 0, 1] * t[:, 1, 0] / n).sum())
    if down == 0:
        return math.inf if up > 0 else math.nan
    return up / down


def risk_difference(tables: ArrayLike, level: float = 0.95) -> RiskDifference:
    """Mantel–Haenszel difference of rates, with an interval that keeps its coverage in sparse tables.

    Args:
        tables: (H, 2, 2) counts; rows are the groups compared, the first column is what is counted.
        level: coverage.

    Klingenberg 2014, Stat. Med. 33:2968, from the variance of Sato 1989, Biometrics 45:1323.
    """
    t = _tables(tables, 2, 2)
    n1, n0 = t[:, 0].sum(axis=1), t[:, 1].sum(axis=1)
    use = (n1 > 0) & (n0 > 0)
    t, n1, n0 = t[use], n1[use], n0[use]
    if not len(t):
        return RiskDifference(math.nan, (-1.0, 1.0), 0, 0)
    n, y1, y0 = n1 + n0, t[:, 0, 0], t[:, 1, 0]
    weight = float((n1 * n0 / n).sum())
    value = float(((y1 * n0 - y0 * n1) / n).sum()) / weight
    lean = float(((n1**2 * y0 - n0**2 * y1 + n1 * n0 * (n0 - n1) / 2) / n**2).sum())
    spread = float(((y1 * (n0 - y0) + y0 * (n1 - y1)) / (2 * n)).sum())
    z2 = normal_quantile(level) ** 2
    middle = value + 0.5 * z2 * lean / weight**2
    half = math.sqrt(max(0.0, middle**2 - value**2 + z2 * spread / weight**2))
    ci = max(-1.0, middle - half), min(1.0, middle + half)
    return RiskDifference(value, ci, round(float(n1.sum())), round(float(n0.sum())))


MOST_CONTRASTS = 400  # of a test of general association: its covariance is that number squared


def cramers_v(table: ArrayLike) -> float:
    """Cramér's V of an r × c table, corrected for bias: 0 (none) to 1 (one determines the other).

    Bergsma 2013, J. Korean Stat. Soc. 42:323. Empty rows and columns are left out; 0 when fewer than two
    of either are left.
    """
    t = np.asarray(table, np.float64)[None]
    return float(np.sqrt(_squared(*_cells(t), t))[0]) if t.sum() > 0 else 0.0


def cramers_v_interval(
    tables: ArrayLike, level: float = 0.95, *, resamples: int = 2000, seed: int = 0
) -> tuple[float, Interval]:
    """Cramér's V within strata, and its bootstrap interval.

    What the cells hold beyond what their strata's margins give is added over the strata before it is squared: an association
    that goes the same way everywhere shows, however few images each stratum has. (Averaged over strata, V² of small tables is
    lost in their bias.) What goes one way in one stratum and the other way in the next cancels, as in the general association
    test (Landis, Heyman & Koch 1978) that stands beside it.

    Args:
        tables: (H, r, c) counts, or (r, c) for a single table.
        level: coverage.
        resamples: tables drawn (cells multinomial within each stratum).
        seed: makes the interval reproducible.

    Returns:
        V, corrected for bias; for a single table that of :func:`cramers_v` (Bergsma 2013). And the percentile interval of drawn
        tables, from which the bias is taken twice: they hold the noise of the images and that of the draw. (0, (0, 1)) without
        data. The lower end is 0 where the test of general association does not tell V from 0 at the tail of the level.
    """
    t = np.asarray(tables, np.float64)
    t = t[None] if t.ndim == 2 else t
    n = t.sum(axis=(1, 2))
    t, n = t[n > 1], n[n > 1]
    if not len(t):
        return 0.0, (0.0, 1.0)
    rng = np.random.default_rng(seed)
    total = float(t.sum())
    scale = (
        n / (n - 1) * (total - 1) / total
    )  # margins that a small stratum chose for itself take a share of what goes beyond them
    beyond, expected, spread = (
        sum(part)
        for part in zip(*(_cells(one[None], k) for one, k in zip(t, scale, strict=True)), strict=True)
    )
    point = float(np.sqrt(_squared(beyond, expected, spread, t)[0]))
    drawn_beyond, drawn_expected, drawn_spread = (np.zeros((resamples, *t.shape[1:])) for _ in range(3))
    for size, stratum, k in zip(n, t, scale, strict=True):
        cells = rng.multinomial(int(size), stratum.ravel() / size, resamples)
        parts = _cells(
            cells.reshape(resamples, *stratum.shape).astype(np.float64), k**2
        )  # a draw takes it once more
        for sums, part in zip((drawn_beyond, drawn_expected, drawn_spread), parts, strict=True):
            sums += part
    drawn = np.sqrt(_squared(drawn_beyond, drawn_expected, drawn_spread, t, bias=2.0))
    tail = (1 - level) / 2
    low, high = np.quantile(drawn, (tail, 1 - tail))
    low = 0.0 if _independence_p(t) > tail else min(float(low), point)
    return point, (low, max(float(high), point))


def _independence_p(tables: Float) -> float:
    """p of no association: general association, or the strata's chi-squared statistics added where that has too many contrasts."""
    if (tables.shape[1] - 1) * (tables.shape[2] - 1) <= MOST_CONTRASTS:
        return general_association(tables).p
    total, freedom = 0.0, 0
    for table in tables:
        used = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
        if min(used.shape) < 2:
            continue
        expected = np.outer(used.sum(axis=1), used.sum(axis=0)) / used.sum()
        total += float(((used - expected) ** 2 / expected).sum())
        freedom += (used.shape[0] - 1) * (used.shape[1] - 1)
    return chi_squared_p(total, freedom)


def _cells(tables: Float, scale: float = 1.0) -> tuple[Float, Float, Float]:
    """(k, r, c) each: ``scale`` × (observed minus expected), expected by the margins, and the former's variance under independence
    (hypergeometric)."""
    n = np.maximum(tables.sum(axis=(1, 2)), 1)[:, None, None]
    rows, columns = tables.sum(axis=2)[:, :, None], tables.sum(axis=1)[:, None, :]
    expected = rows * columns / n
    spread = expected * (1 - rows / n) * (1 - columns / n) * n / np.maximum(n - 1, 1)
    return scale * (tables - expected), expected, scale**2 * spread


def _squared(beyond: Float, expected: Float, spread: Float, tables: Float, bias: float = 1.0) -> Float:
    """(k,) V² from sums over strata: chi-squared a row, less ``bias`` times what independence gives, on the scale of V."""
    used, total = expected > 0, float(tables.sum())
    phi = np.divide(beyond**2, expected, out=np.zeros_like(beyond), where=used).sum(axis=(1, 2)) / total
    null = np.divide(spread, expected, out=np.zeros_like(spread), where=used).sum(axis=(1, 2)) / total
    whole, spare = tables.sum(axis=0), max(total - 1, 1)
    r, c = int((whole.sum(axis=1) > 0).sum()), int((whole.sum(axis=0) > 0).sum())
    narrow = min(r - (r - 1) ** 2 / spare, c - (c - 1) ** 2 / spare) - 1
    if min(r, c) < 2 or narrow <= 0:
        return np.zeros(len(beyond))
    v: Float = np.clip((phi - bias * null) / narrow, 0.0, 1.0)
    return v


def _tables(tables: ArrayLike, rows: int, columns: int) -> Float:
    t = np.asarray(tables, np.float64)
    if t.ndim != 3 or t.shape[1:] != (rows, columns):
        raise ValueError(f"tables must have the shape (strata, {rows}, {columns}), not {t.shape}")
    if (t < 0).any():
        raise ValueError("counts must not be negative")
    return t
