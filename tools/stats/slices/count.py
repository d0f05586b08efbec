"""Exact counts of every conjunction of up to three conditions.

One `np.bincount` over mixed-radix codes per attribute triple, as in the plain reference, with two savings that
lose nothing: rows are ordered so that errors, other discovery rows and the rest are three contiguous runs (a
weighted count becomes three plain ones), and values or pairs of values with too little support share one code
(support can only shrink as conditions are added: the Apriori property, Agrawal & Srikant 1994).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failsight.tools.stats.slices.model import Bool, Codes, Conjunction, Float, Int
from failsight.tools.stats.stratified import is_binary

Key = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of m conjunctions: the singles first, then pairs, then triples.

    Attributes:
        attributes: (m, 3) attribute columns, ascending; −1 where there are fewer conditions.
        values: (m, 3) codes of the conditions; −1 likewise.
        support: (m,) rows of the whole table.
        n: (m,) rows among those whose target was looked at.
        total: (m,) sum of the target over these (errors, for a 0/1 target).
        expected: (m,) sum of the expected target over these.
        parents: (m, 3) positions of the conjunctions without the first, second, third condition; −1 if none.
    """

    attributes: NDArray[np.int32]
    values: NDArray[np.int32]
    support: Int
    n: Int
    total: Float
    expected: Float
    parents: Int

    def __len__(self) -> int:
        return len(self.n)

    def conjunction(self, i: int) -> Conjunction:
        """The i-th conjunction."""
        pairs = zip(self.attributes[i], self.values[i], strict=True)
        return Conjunction(tuple((int(a), int(v)) for a, v in pairs if a >= 0))

    @property
    def depth(self) -> Int:
        """(m,) number of conditions."""
        depth: Int = (self.attributes >= 0).sum(axis=1)
        return depth


def count_conjunctions(
    codes: Codes,
    target: Float,
    *,
    min_support: int,
    depth: int = 3,
    rows: Bool | None = None,
    expected: Float | None = None,
) -> Counts:
    """Count all conjunctions of at most `depth` conditions held by at least `min_support` rows.

    Args:
        codes: (n, a) integer codes ≥ 0; −1 means missing: such a row is in no slice of that attribute.
        target: (n,) what is summed: 0/1 errors, or a loss.
        min_support: fewest rows, over the whole table.
        depth: 1, 2 or 3.
        rows: (n,) rows whose target may be looked at (the discovery half); all by default.
        expected: (n,) expected target of each row; the mean over `rows` by default.

    Returns:
        counts, exact, of every such conjunction.
    """
    table = _Table(np.asarray(codes), np.asarray(target, np.float64), rows, expected, min_support)
    levels = [_count_singles(table)]
    if depth >= 2:
        pairs, where = _count_pairs(table)
        levels.append(pairs)
        if depth >= 3:
            levels.append(_count_triples(table, pairs, where))
    return _stack(levels, table)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Where the supported value pairs of one attribute pair stand.

    `positions` maps the joint code to 0 … size−1, or to `size` where the pair has too little support;
    the pairs stand at `start` … `start + size − 1` of their level.
    """

    positions: Int
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class _Level:
    """Supported conjunctions of one depth; parents are positions in the level above."""

    attributes: Int
    values: Int
    counts: Float
    parents: Int


class _Table:
    """Columns recoded to supported values, rows ordered into errors, other looked-at rows, the rest."""

    def __init__(
        self, codes: Codes, target: Float, rows: Bool | None, expected: Float | None, floor: int
    ) -> None:
        n = len(target)
        looked = np.ones(n, bool) if rows is None else rows
        self.floor, self.width, binary = max(1, floor), codes.shape[1], is_binary(target)
        wrong = target != 0
        runs = [np.flatnonzero(run) for run in (looked & wrong, looked & ~wrong, ~looked)]
        order = np.concatenate(runs)
        self.first, self.looked = len(runs[0]), len(runs[0]) + len(runs[1])
        self.target = None if binary else np.ascontiguousarray(target[order[: self.first]])
        self.base = float(target[looked].sum() / max(self.looked, 1))
        self.expected = None if expected is None else np.ascontiguousarray(expected[order[: self.looked]])
        self.kept: list[Int] = []
        self.columns: list[Key] = []
        for column in np.ascontiguousarray(codes.T):
            self._add(column[order])

    def _add(self, column: NDArray[Any]) -> None:
        """Recode one column: supported values 0 … k−1, everything else (and missing) k."""
        counts = np.bincount(column + 1)[1:]
        kept = np.flatnonzero(counts >= self.floor)
        lookup = np.full(len(counts) + 1, len(kept), np.int32)
        lookup[kept] = np.arange(len(kept))
        self.kept.append(kept)
        self.columns.append(lookup[column].astype(_key_type(len(kept) + 1)))

    def count(self, key: Key, cells: int) -> Float:
        """(4, cells): support, rows looked at, sum of the target, sum of the expected target."""
        a, b = self.first, self.looked
        out = np.empty((4, cells))
        hit = np.bincount(key[:a], minlength=cells)
        out[1] = hit + np.bincount(key[a:b], minlength=cells)
        out[0] = out[1] + np.bincount(key[b:], minlength=cells) if b < len(key) else out[1]
        out[2] = hit if self.target is None else np.bincount(key[:a], self.target, minlength=cells)
        if self.expected is None:
            out[3] = out[1] * self.base
        else:
            out[3] = np.bincount(key[:b], self.expected, minlength=cells)
        return out


def _key_type(cells: int) -> type[np.int16] | type[np.int32] | type[np.int64]:
    """The narrowest integer that holds the keys: narrow keys are built fastest."""
    if cells <= np.iinfo(np.int16).max:
        return np.int16
    return np.int32 if cells <= np.iinfo(np.int32).max else np.int64


def _count_singles(table: _Table) -> _Level:
    parts, attributes, values = [], [], []
    for j, (column, kept) in enumerate(zip(table.columns, table.kept, strict=True)):
        parts.append(table.count(column, len(kept) + 1)[:, : len(kept)])
        attributes.append(np.full((len(kept), 1), j))
        values.append(np.arange(len(kept))[:, None])
    none = np.empty((sum(map(len, table.kept)), 0), np.int64)
    return _Level(_rows(attributes, 1), _rows(values, 1), _columns(parts), none)


def _count_pairs(table: _Table) -> tuple[_Level, dict[tuple[int, int], _Pairs]]:
    parts, attributes, values, parents = [], [], [], []
    where: dict[tuple[int, int], _Pairs] = {}
    single = np.cumsum([0, *map(len, table.kept)])
    start = 0
    for a, b in combinations(range(table.width), 2):
        wide = len(table.kept[b]) + 1
        cells = (len(table.kept[a]) + 1) * wide
        counts = table.count(_join(table.columns[a], table.columns[b], wide, cells), cells)
        cell, va, vb = _supported(counts[0], table.floor, wide, len(table.kept[a]))
        positions = np.full(cells, len(cell))
        positions[cell] = np.arange(len(cell))
        where[a, b] = _Pairs(positions, start, len(cell))
        start += len(cell)
        parts.append(counts[:, cell])
        attributes.append(np.broadcast_to(np.array([a, b]), (len(cell), 2)))
        values.append(np.stack([va, vb], axis=1))
        parents.append(np.stack([single[b] + vb, single[a] + va], axis=1))
    return _Level(_rows(attributes, 2), _rows(values, 2), _columns(parts), _rows(parents, 2)), where


def _count_triples(table: _Table, pairs: _Level, where: dict[tuple[int, int], _Pairs]) -> _Level:
    """Triples, from the supported pairs of their first two attributes."""
    parts, attributes, values, parents = [], [], [], []
    for (a, b), key in _pair_keys(table, where):
        ab = where[a, b]
        for c in range(b + 1, table.width):
            wide = len(table.kept[c]) + 1
            cells = (ab.size + 1) * wide
            counts = table.count(_join(key, table.columns[c], wide, cells), cells)
            cell, pair, vc = _supported(counts[0], table.floor, wide, ab.size)
            va, vb = pairs.values[ab.start + pair].T
            ac, bc = where[a, c], where[b, c]
            parts.append(counts[:, cell])
            attributes.append(np.broadcast_to(np.array([a, b, c]), (len(cell), 3)))
            values.append(np.stack([va, vb, vc], axis=1))
            without_a = bc.start + bc.positions[vb * wide + vc]
            without_b = ac.start + ac.positions[va * wide + vc]
            parents.append(np.stack([without_a, without_b, ab.start + pair], axis=1))
    return _Level(_rows(attributes, 3), _rows(values, 3), _columns(parts), _rows(parents, 3))


def _supported(support: Float, floor: int, wide: int, high: int) -> tuple[Int, Int, Int]:
    """Cells with enough support, and their two codes; the code that stands for "all the rest" is left out."""
    cell = np.flatnonzero(support >= floor)
    left, right = np.divmod(cell, wide)
    known = (left < high) & (right < wide - 1)
    return cell[known], left[known], right[known]


def _pair_keys(table: _Table, where: dict[tuple[int, int], _Pairs]) -> Iterator[tuple[tuple[int, int], Key]]:
    """Each pair of attributes that a third can follow, with the rows' codes of its supported value pairs."""
    for a, b in combinations(range(table.width - 1), 2):
        pair = where[a, b]
        if not pair.size:
            continue
        key = _join(table.columns[a], table.columns[b], len(table.kept[b]) + 1, len(pair.positions))
        most = (pair.size + 1) * max(len(kept) + 1 for kept in table.kept[b + 1 :])
        yield (a, b), pair.positions.astype(_key_type(most)).take(key)


def _join(left: Key, right: Key, wide: int, cells: int) -> Key:
    """Mixed-radix key left · wide + right, in the narrowest type that holds it."""
    kind = _key_type(cells)
    key: Key = np.multiply(left, kind(wide), dtype=kind, casting="unsafe")
    key += right.astype(kind, copy=False)
    return key


def _rows(parts: list[Any], width: int) -> Int:
    return np.concatenate(parts).astype(np.int64) if parts else np.empty((0, width), np.int64)


def _columns(parts: list[Float]) -> Float:
    return np.concatenate(parts, axis=1) if parts else np.empty((4, 0))


def _stack(levels: list[_Level], table: _Table) -> Counts:
    """All levels as one table, codes as they were given."""
    m = sum(len(level.attributes) for level in levels)
    attributes, values = np.full((m, 3), -1, np.int32), np.full((m, 3), -1, np.int32)
    parents = np.full((m, 3), -1, np.int64)
    width = max((len(kept) for kept in table.kept), default=0)
    original = np.full((table.width, width), -1, np.int32)
    for j, kept in enumerate(table.kept):
        original[j, : len(kept)] = kept
    start, above = 0, 0
    for level in levels:
        stop, deep = start + len(level.attributes), level.attributes.shape[1]
        attributes[start:stop, :deep] = level.attributes
        values[start:stop, :deep] = original[level.attributes, level.values] if width else -1
        parents[start:stop, : level.parents.shape[1]] = level.parents + above
        start, above = stop, start
    counts = np.concatenate([level.counts for level in levels], axis=1)
    return Counts(
        attributes,
        values,
        counts[0].astype(np.int64),
        counts[1].astype(np.int64),
        counts[2],
        counts[3],
        parents,
    )
