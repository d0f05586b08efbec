"""Exact counts of every conjunction of up to three conditions.

One `np.bincount` over mixed-radix codes per attribute triple, as in the plain reference, with two savings that
lose nothing: rows are ordered so that errors, other discovery rows and the rest are three contiguous runs (a
weighted count becomes three plain ones), and values or pairs of values with too little support share one code
(support can only shrink as conditions are added: the Apriori property, Agrawal & Srikant 1994).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failsight.tools.stats.slices.model import Bool, Codes, Conjunction, Float, Int
from failsight.tools.stats.stratified import is_binary

Key = NDArray[Any]
#: joint codes of two attributes up to which recoding them costs more than it saves
SMALL = 1024


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
    if min(depth, table.width) >= 2:
        pairs = _count_pairs(table)
        levels.append(pairs.level)
        if min(depth, table.width) >= 3:
            levels.append(_count_triples(table, pairs))
    return _stack(levels, table)


@dataclass(frozen=True, slots=True)
class _Level:
    """Supported conjunctions of one depth: (m, d) attributes and recoded values, (4, m) counts, (m, d) parents.

    Counts are support, rows looked at, sum of the target, sum of the expected target. Parents are positions
    in the level above.
    """

    attributes: Int
    values: Int
    counts: Float
    parents: Int


@dataclass(frozen=True, slots=True)
class _Pairs:
    """The level of pairs, and where each stands.

    Attributes:
        level: the pairs.
        start: (a, a) offset into `position` for a pair of attributes.
        position: joint code (left · wide + right) → position in the level; −1 where support is too small.
        key: how the joint code of two attributes goes into a triple's key: (recoding or None, left value of
            each key, right value of each key).
    """

    level: _Level
    start: Int
    position: Int
    key: dict[tuple[int, int], tuple[Int | None, Int, Int]]


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

    def count(self, key: Key, cells: int) -> tuple[Int, list[NDArray[Any]]]:
        """Cells with enough support; there: support, rows looked at, sum of the target, of the expected target."""
        a, b = self.first, self.looked
        hit = np.bincount(key[:a], minlength=cells)
        looked = hit + np.bincount(key[a:b], minlength=cells)
        support = looked + np.bincount(key[b:], minlength=cells) if b < len(key) else looked
        cell = np.flatnonzero(support >= self.floor)
        total: NDArray[Any] = hit[cell]
        if self.target is not None:
            total = np.bincount(key[:a], self.target, cells)[cell]
        expected: NDArray[Any] = looked[cell] * self.base
        if self.expected is not None:
            expected = np.bincount(key[:b], self.expected, cells)[cell]
        return cell, [support[cell], looked[cell], total, expected]


def _key_type(cells: int) -> type[np.int16] | type[np.int32] | type[np.int64]:
    """The narrowest integer that holds the keys: narrow keys are built fastest."""
    if cells <= np.iinfo(np.int16).max:
        return np.int16
    return np.int32 if cells <= np.iinfo(np.int32).max else np.int64


def _count_singles(table: _Table) -> _Level:
    attributes, values, counts = [], [], []
    for j, (column, kept) in enumerate(zip(table.columns, table.kept, strict=True)):
        cell, found = table.count(column, len(kept) + 1)
        real = cell < len(kept)
        attributes.append(np.full((len(kept), 1), j))
        values.append(cell[real][:, None])
        counts.append([c[real] for c in found])
    none = np.empty((sum(map(len, table.kept)), 0), np.int64)
    return _Level(_rows(attributes, 1), _rows(values, 1), _columns(counts), none)


def _count_pairs(table: _Table) -> _Pairs:
    sizes = np.array([len(kept) for kept in table.kept])
    single = np.cumsum(sizes) - sizes
    couples = list(combinations(range(table.width), 2))
    cells, counts = [], []
    offset = 0
    start = np.zeros((table.width, table.width), np.int64)
    for a, b in couples:
        wide = int(sizes[b]) + 1
        key, size = _join(table.columns[a], table.columns[b], wide, int(sizes[a]))
        cell, found = table.count(key, size)
        cells.append(cell)
        counts.append(found)
        start[a, b] = offset
        offset += size
    (left, right), couple = np.array(couples).reshape(-1, 2).T, _owner(cells)
    cell = np.concatenate(cells) if cells else np.empty(0, np.int64)
    va, vb = np.divmod(cell, sizes[right[couple]] + 1)
    real = (va < sizes[left[couple]]) & (vb < sizes[right[couple]])
    couple, cell, va, vb = couple[real], cell[real], va[real], vb[real]
    a, b = left[couple], right[couple]
    position = np.full(offset, -1)
    position[start[a, b] + cell] = np.arange(len(cell))
    parents = np.stack([single[b] + vb, single[a] + va], axis=1)
    level = _Level(np.stack([a, b], axis=1), np.stack([va, vb], axis=1), _columns(counts)[:, real], parents)
    return _Pairs(level, start, position, _pair_keys(table, couple, couples, va, vb))


def _pair_keys(
    table: _Table, couple: Int, couples: list[tuple[int, int]], va: Int, vb: Int
) -> dict[tuple[int, int], tuple[Int | None, Int, Int]]:
    """How value pairs are coded in the keys of triples: as they are, or only the supported ones where many are not."""
    made: dict[tuple[int, int], tuple[Int | None, Int, Int]] = {}
    edges = np.searchsorted(couple, np.arange(len(couples) + 1))
    for i, (a, b) in enumerate(couples):
        part = slice(edges[i], edges[i + 1])
        high, wide = len(table.kept[a]) + 1, len(table.kept[b]) + 1
        if high * wide <= SMALL:
            made[a, b] = (None, np.repeat(np.arange(high), wide), np.tile(np.arange(wide), high))
            continue
        left, right = np.append(va[part], high - 1), np.append(vb[part], wide - 1)
        recode = np.full(high * wide, len(left) - 1)
        recode[left[:-1] * wide + right[:-1]] = np.arange(len(left) - 1)
        made[a, b] = (recode, left, right)
    return made


def _count_triples(table: _Table, pairs: _Pairs) -> _Level:
    """Triples, from the value pairs of their first two attributes."""
    sizes = np.array([len(kept) for kept in table.kept])
    cells, counts, owner, values = [], [], [], []
    for (a, b), (recode, left, right) in pairs.key.items():
        if b == table.width - 1:
            continue
        key, _ = _join(table.columns[a], table.columns[b], int(sizes[b]) + 1, int(sizes[a]))
        if recode is not None:
            key = recode.astype(_key_type((len(left) + 1) * (int(sizes[b + 1 :].max()) + 1))).take(key)
        for c in range(b + 1, table.width):
            joined, size = _join(key, table.columns[c], int(sizes[c]) + 1, len(left) - 1)
            cell, found = table.count(joined, size)
            pair, vc = np.divmod(cell, int(sizes[c]) + 1)
            cells.append(cell)
            counts.append(found)
            owner.append((a, b, c))
            values.append((left[pair], right[pair], vc))
    at = np.array(owner, np.int64).reshape(-1, 3)[_owner(cells)]
    value = np.concatenate([np.stack(v, axis=1) for v in values]) if values else np.empty((0, 3), np.int64)
    real = (value < sizes[at]).all(axis=1)
    at, value = at[real], value[real]
    parents = []
    for first, second in ((1, 2), (0, 2), (0, 1)):
        left, right = at[:, first], at[:, second]
        code = value[:, first] * (sizes[right] + 1) + value[:, second]
        parents.append(pairs.position[pairs.start[left, right] + code])
    return _Level(at, value, _columns(counts)[:, real], np.stack(parents, axis=1))


def _owner(cells: list[Int]) -> Int:
    """For the concatenated cells, which table each comes from."""
    owner: Int = np.repeat(np.arange(len(cells)), [len(cell) for cell in cells])
    return owner


def _join(left: Key, right: Key, wide: int, high: int) -> tuple[Key, int]:
    """Mixed-radix key left · wide + right in the narrowest type that holds it, and the number of cells."""
    cells = (high + 1) * wide
    kind = _key_type(cells)
    key: Key = np.multiply(left, kind(wide), dtype=kind, casting="unsafe")
    key += right.astype(kind, copy=False)
    return key, cells


def _rows(parts: list[Any], width: int) -> Int:
    return np.concatenate(parts).astype(np.int64) if parts else np.empty((0, width), np.int64)


def _columns(parts: list[list[NDArray[Any]]]) -> Float:
    """(4, m) counts of all tables, one after the other."""
    if not parts:
        return np.empty((4, 0))
    return np.stack([np.concatenate(column).astype(np.float64) for column in zip(*parts, strict=True)])


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
