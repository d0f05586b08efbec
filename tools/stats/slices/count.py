"""Exact counts of every conjunction of up to three conditions.

One `np.bincount` over mixed-radix codes per attribute triple, as in the plain reference, with three savings that
lose nothing: rows are ordered so that errors, other discovery rows and the rest are three contiguous runs (a
weighted count becomes three plain ones), values or pairs of values with too little support share one code
(support can only shrink as conditions are added: the Apriori property, Agrawal & Srikant 1994), and triples whose
joint tables are small are counted several at a time, as marginals of one wider table (`blocks`).

Where the rows come from is a `Source`: a table in memory (`memory`, optionally with a cache of what was counted
before), or chunks of one that does not fit (`stream`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from failsight.tools.stats.slices.blocks import Triple
from failsight.tools.stats.slices.cache import CountCache
from failsight.tools.stats.slices.joint import Cells, Couple, PairKey
from failsight.tools.stats.slices.memory import MemoryTable
from failsight.tools.stats.slices.model import Bool, Codes, Conjunction, Float, Int

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
    cache: CountCache | None = None,
) -> Counts:
    """Count all conjunctions of at most `depth` conditions held by at least `min_support` rows.

    Args:
        codes: (n, a) integer codes ≥ 0; −1 means missing: such a row is in no slice of that attribute.
        target: (n,) what is summed: 0/1 errors, or a loss.
        min_support: fewest rows, over the whole table.
        depth: 1, 2 or 3.
        rows: (n,) rows whose target may be looked at (the discovery half); all by default.
        expected: (n,) expected target of each row; the mean over `rows` by default.
        cache: counts of earlier calls: tuples of attributes with the same content are not counted again.

    Returns:
        counts, exact, of every such conjunction.
    """
    table = MemoryTable(
        np.asarray(codes).T, np.asarray(target, np.float64), rows, expected, min_support, cache
    )
    return count_source(table, depth)


def count_columns(
    columns: Sequence[NDArray[Any]],
    target: Float,
    *,
    min_support: int,
    depth: int,
    rows: Bool,
    expected: Float | None,
    cache: CountCache | None,
) -> Counts:
    """`count_conjunctions` for a table that is given column by column."""
    return count_source(MemoryTable(columns, target, rows, expected, min_support, cache), depth)


class Source(Protocol):
    """Rows that can be counted.

    Attributes:
        kept: for each attribute the codes with enough support; codes are recoded to positions in it, everything else
            (and missing) to len(kept).
    """

    kept: list[Int]

    def singles(self) -> list[Cells]:
        """Counts of each attribute over its len(kept) + 1 cells."""

    def pairs(self, couples: Sequence[Couple]) -> list[Cells]:
        """Counts of each couple (a, b) over left · (len(kept[b]) + 1) + right."""

    def triples(self, keys: Mapping[Couple, PairKey]) -> list[tuple[Triple, Cells]]:
        """Counts of (a, b, c) for each couple and every later attribute, over pair key · (len(kept[c]) + 1) + value."""


def count_source(source: Source, depth: int) -> Counts:
    """Count all conjunctions of at most `depth` conditions of a source."""
    width = len(source.kept)
    levels = [_count_singles(source)]
    if min(depth, width) >= 2:
        pairs = _count_pairs(source)
        levels.append(pairs.level)
        if min(depth, width) >= 3:
            levels.append(_count_triples(source, pairs))
    return _stack(levels, source.kept)


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
        key: for each couple that can be extended, its `PairKey`.
    """

    level: _Level
    start: Int
    position: Int
    key: dict[Couple, PairKey]


def _count_singles(source: Source) -> _Level:
    attributes, values, counts = [], [], []
    for j, ((cell, found), kept) in enumerate(zip(source.singles(), source.kept, strict=True)):
        real = cell < len(kept)
        attributes.append(np.full((len(kept), 1), j))
        values.append(cell[real][:, None])
        counts.append([c[real] for c in found])
    none = np.empty((sum(map(len, source.kept)), 0), np.int64)
    return _Level(_rows(attributes, 1), _rows(values, 1), _columns(counts), none)


def _count_pairs(source: Source) -> _Pairs:
    sizes = np.array([len(kept) for kept in source.kept])
    width = len(sizes)
    single = np.cumsum(sizes) - sizes
    couples = list(combinations(range(width), 2))
    offset = 0
    start = np.zeros((width, width), np.int64)
    for a, b in couples:
        start[a, b] = offset
        offset += (int(sizes[a]) + 1) * (int(sizes[b]) + 1)
    counted = source.pairs(couples)
    cells = [cell for cell, _ in counted]
    (left, right), couple = np.array(couples).reshape(-1, 2).T, _owner(cells)
    cell = np.concatenate(cells) if cells else np.empty(0, np.int64)
    va, vb = np.divmod(cell, sizes[right[couple]] + 1)
    real = (va < sizes[left[couple]]) & (vb < sizes[right[couple]])
    couple, cell, va, vb = couple[real], cell[real], va[real], vb[real]
    a, b = left[couple], right[couple]
    position = np.full(offset, -1)
    position[start[a, b] + cell] = np.arange(len(cell))
    parents = np.stack([single[b] + vb, single[a] + va], axis=1)
    counts = _columns([found for _, found in counted])[:, real]
    level = _Level(np.stack([a, b], axis=1), np.stack([va, vb], axis=1), counts, parents)
    return _Pairs(level, start, position, _pair_keys(sizes, couple, couples, va, vb))


def _pair_keys(sizes: Int, couple: Int, couples: list[Couple], va: Int, vb: Int) -> dict[Couple, PairKey]:
    """How value pairs are coded in the keys of triples: as they are, or only the supported ones where many are not."""
    made: dict[Couple, PairKey] = {}
    edges = np.searchsorted(couple, np.arange(len(couples) + 1))
    for i, (a, b) in enumerate(couples):
        if b == len(sizes) - 1:
            continue
        part = slice(edges[i], edges[i + 1])
        high, wide = int(sizes[a]) + 1, int(sizes[b]) + 1
        if high * wide <= SMALL:
            made[a, b] = (None, np.repeat(np.arange(high), wide), np.tile(np.arange(wide), high))
            continue
        left, right = np.append(va[part], high - 1), np.append(vb[part], wide - 1)
        recode = np.full(high * wide, len(left) - 1)
        recode[left[:-1] * wide + right[:-1]] = np.arange(len(left) - 1)
        made[a, b] = (recode, left, right)
    return made


def _count_triples(source: Source, pairs: _Pairs) -> _Level:
    """Triples, from the value pairs of their first two attributes."""
    sizes = np.array([len(kept) for kept in source.kept])
    cells, counts, owner, values = [], [], [], []
    for (a, b, c), (cell, found) in source.triples(pairs.key):
        _, left, right = pairs.key[a, b]
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
        one, two = at[:, first], at[:, second]
        code = value[:, first] * (sizes[two] + 1) + value[:, second]
        parents.append(pairs.position[pairs.start[one, two] + code])
    return _Level(at, value, _columns(counts)[:, real], np.stack(parents, axis=1))


def _owner(cells: list[Int]) -> Int:
    """For the concatenated cells, which table each comes from."""
    owner: Int = np.repeat(np.arange(len(cells)), [len(cell) for cell in cells])
    return owner


def _rows(parts: list[Any], width: int) -> Int:
    return np.concatenate(parts).astype(np.int64) if parts else np.empty((0, width), np.int64)


def _columns(parts: list[list[NDArray[Any]]]) -> Float:
    """(4, m) counts of all tables, one after the other."""
    if not parts:
        return np.empty((4, 0))
    return np.stack([np.concatenate(column).astype(np.float64) for column in zip(*parts, strict=True)])


def _stack(levels: list[_Level], kept: Sequence[Int]) -> Counts:
    """All levels as one table, codes as they were given."""
    m = sum(len(level.attributes) for level in levels)
    attributes, values = np.full((m, 3), -1, np.int32), np.full((m, 3), -1, np.int32)
    parents = np.full((m, 3), -1, np.int64)
    width = max((len(codes) for codes in kept), default=0)
    original = np.full((len(kept), width), -1, np.int32)
    for j, codes in enumerate(kept):
        original[j, : len(codes)] = codes
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
