"""The search for weak slices, from a table of codes to slices that hold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from failsight.tools.stats.slices.cache import CountCache
from failsight.tools.stats.slices.confirm import confirm
from failsight.tools.stats.slices.discover import Whole, discover
from failsight.tools.stats.slices.model import (
    Bool,
    Codes,
    Float,
    Int,
    SearchSettings,
    SliceReport,
    TestedSlice,
)
from failsight.tools.stats.slices.table import Half

#: rows of a class in a half below which comparing within classes would leave too little to compare
ROWS_PER_CLASS = 5.0


def find_slices(
    codes: Codes,
    target: ArrayLike,
    *,
    classes: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    settings: SearchSettings | None = None,
    discovery: Bool | None = None,
    cache: CountCache | None = None,
) -> SliceReport:
    """Find the conjunctions of attribute values whose rows are worse, and test them on rows set aside.

    Args:
        codes: (n, a) integer codes ≥ 0 of a attributes; −1 is a missing value.
        target: (n,) finite numbers in [0, 1], higher is worse: 0/1 errors, or a loss.
        classes: (n,) integer code of the true class; comparisons are then made within classes, so that a
            slice is not reported for the classes it happens to hold. By default the class column of the
            settings, or no classes.
        groups: (n,) rows of equal group (duplicates, one house, one patient) stay in the same half, and no test is surer
            than it would be with groups alone independent (see `clusters`).
        settings: depth, support, effect floor, q, seed …; see `SearchSettings`.
        discovery: (n,) the half that chooses, where something was chosen on it before (see `discovery_half`); drawn by
            the seed of the settings otherwise.
        cache: counts of earlier searches, to be used and added to.

    Returns:
        the slices that were confirmed, and everything that was carried to confirmation and was not.

    Raises:
        ValueError: shapes disagree, the target is not finite or leaves [0, 1], codes below −1.
    """
    settings = settings or SearchSettings()
    table, y = _checked(codes, target)
    if classes is None and settings.class_column is not None:
        classes = table[:, settings.class_column]
    strata, adjusted = _strata(classes, len(y))
    first = split_halves(strata, settings.seed, groups) if discovery is None else np.asarray(discovery, bool)
    if groups is not None and np.shape(groups) != y.shape:
        raise ValueError(f"groups must name one of each of {len(y)} rows")
    if first.shape != y.shape:
        raise ValueError(f"discovery must say of each of {len(y)} rows whether it chooses")
    base = float(y[first].mean()) if first.any() else 0.0
    min_effect = min(settings.min_effect, base / 2)
    confirmed: list[TestedSlice] = []
    others: list[TestedSlice] = []
    examined = 0
    if len(y) and y[first].min(initial=1) < y[first].max(initial=0):
        # classes too small to compare within still shape the split, not the tests
        within = strata if adjusted else np.broadcast_to(np.int64(0), len(y))
        whole = _in_order(table, y, within, first)
        chooses, tests = _halves(whole, None if groups is None else np.asarray(groups)[~first])
        shortlist = discover(chooses, whole, settings, min_effect, cache)
        examined = shortlist.examined
        confirmed, others = confirm(chooses, tests, shortlist, settings, min_effect)
    return SliceReport(
        confirmed=tuple(confirmed),
        others=tuple(others),
        n=len(y),
        n_discovery=int(first.sum()),
        n_confirmation=int((~first).sum()),
        overall=float(y.mean()) if len(y) else 0.0,
        examined=examined,
        carried=len(confirmed) + len(others),
        floor=settings.floor(len(y)),
        min_effect=min_effect,
        class_adjusted=adjusted,
        discovery=first,
    )


def _in_order(table: Codes, target: Float, strata: Int, first: Bool) -> Whole:
    """The table column by column, the rows that choose before the rows that test: each half is then a view."""
    order = np.concatenate([np.flatnonzero(first), np.flatnonzero(~first)])
    columns = [_narrow(table[:, j])[order] for j in range(table.shape[1])]
    return Whole(columns, target[order], strata[order], np.arange(len(order)) < np.count_nonzero(first))


def _halves(whole: Whole, groups: NDArray[Any] | None) -> tuple[Half, Half]:
    """The rows that choose and the rows that test; what is tested is tested by groups, where these rows come in some."""
    levels, k = int(whole.strata.max()) + 1, int(np.count_nonzero(whole.rows))
    clusters = None if groups is None else np.unique(groups, return_inverse=True)[1].astype(np.int64)
    first, second = (
        Half([column[part] for column in whole.columns], whole.target[part], whole.strata[part], levels, by)
        for part, by in ((slice(0, k), None), (slice(k, None), clusters))
    )
    return first, second


def _narrow(column: NDArray[Any]) -> NDArray[Any]:
    """Codes in one byte a row where they fit."""
    return column.astype(np.int8) if column.max(initial=0) <= np.iinfo(np.int8).max else column


def discovery_half(
    classes: ArrayLike | None, n: int, seed: int, groups: ArrayLike | None = None
) -> tuple[Bool, Int]:
    """The half that `find_slices` would draw, and the class strata (≥ 0) within which it compares.

    Args:
        classes: (n,) class codes, or None.
        n: rows.
        seed, groups: as in `split_halves`.
    """
    strata, adjusted = _strata(classes, n)
    return split_halves(strata, seed, groups), strata if adjusted else np.zeros(n, np.int64)


def split_halves(strata: Int, seed: int, groups: ArrayLike | None = None) -> Bool:
    """Draw the discovery half: half the rows (or groups) of every class, at random.

    Args:
        strata: (n,) class code ≥ 0.
        seed: makes the draw reproducible.
        groups: (n,) rows of equal group stay together; a group counts for the class of its first row.

    Returns:
        (n,) True for the discovery half.
    """
    rng = np.random.default_rng(seed)
    if groups is None:
        return _every_second(strata, rng)
    _, start, unit = np.unique(np.asarray(groups), return_index=True, return_inverse=True)
    chosen: Bool = _every_second(strata[start], rng)[unit]
    return chosen


def _every_second(strata: Int, rng: np.random.Generator) -> Bool:
    """Half the members of each stratum; the odd one goes either way."""
    shuffled = rng.permutation(len(strata))
    order = shuffled[np.argsort(strata[shuffled], kind="stable")]
    size = np.bincount(strata) if len(strata) else np.zeros(0, np.int64)
    place = np.arange(len(strata)) - np.repeat(np.cumsum(size) - size, size)
    chosen = np.zeros(len(strata), bool)
    chosen[order] = (place + np.repeat(rng.integers(0, 2, len(size)), size)) % 2 == 0
    return chosen


def _strata(classes: ArrayLike | None, n: int) -> tuple[Int, bool]:
    """Class codes without gaps (missing is a class of its own), and whether to compare within them."""
    if classes is None:
        return np.zeros(n, np.int64), False
    given = np.asarray(classes)
    if given.shape != (n,):
        raise ValueError(f"classes must be one code a row: {n}, not {given.shape}")
    distinct, strata = np.unique(given, return_inverse=True)
    return strata.astype(np.int64), 1 < len(distinct) <= n / 2 / ROWS_PER_CLASS


def _checked(codes: Codes, target: ArrayLike) -> tuple[Codes, Float]:
    table, y = np.asarray(codes), np.asarray(target, np.float64)
    if table.ndim != 2 or not np.issubdtype(table.dtype, np.integer):
        raise ValueError("codes must be a matrix of integers")
    if y.shape != (len(table),):
        raise ValueError(f"target must be one number a row: {len(table)}, not {y.shape}")
    if not np.all((y >= 0) & (y <= 1)):
        raise ValueError("target must lie in [0, 1]")
    if table.size and table.min() < -1:
        raise ValueError("codes must be ≥ 0, or −1 for a missing value")
    return table, y
