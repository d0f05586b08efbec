"""The same counts of a table that does not fit in memory, from chunks of its rows.

The chunks are gone through once for each depth, and more often at depth 3 where the cells of all triples together
would be too many to hold. What is held is one chunk and the cells: nothing that grows with the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failsight.tools.stats.slices.count import Counts, count_source
from failsight.tools.stats.slices.joint import (
    Cells,
    Couple,
    Key,
    PairKey,
    join,
    recoded,
    recoding,
    value_counts,
)
from failsight.tools.stats.slices.model import Bool, Codes, Float, Int
from failsight.tools.stats.stratified import is_binary

#: cells that are held at once, over all triples of one pass
MOST_CELLS = 2_000_000


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some rows of a table.

    Attributes:
        codes: (m, a) integer codes ≥ 0; −1 is a missing value. The same attributes in every chunk.
        target: (m,) what is summed, in [0, 1].
        rows: (m,) rows whose target may be looked at; None for all.
        expected: (m,) expected target; None for the mean over all rows looked at. All chunks have it, or none.
    """

    codes: Codes
    target: Float
    rows: Bool | None = None
    expected: Float | None = None

    def __len__(self) -> int:
        return len(self.target)


def count_stream(
    chunks: Callable[[], Iterable[Chunk]],
    *,
    min_support: int,
    depth: int = 3,
    most_cells: int = MOST_CELLS,
) -> Counts:
    """Count all conjunctions of at most `depth` conditions held by at least `min_support` rows.

    Args:
        chunks: starts from the first chunk each time it is called (say, a generator function over record batches).
        min_support: fewest rows, over the whole table.
        depth: 1, 2 or 3.
        most_cells: cells held at once while triples are counted; fewer cells, more passes.

    Returns:
        what `count_conjunctions` gives for all rows together.

    Raises:
        ValueError: the chunks differ in their number of attributes.
    """
    return count_source(_Stream(chunks, max(1, min_support), most_cells), depth)


class _Sums:
    """Running counts of one tuple over its cells: support, rows looked at, target, expectation."""

    def __init__(self, cells: int, *, binary: bool, expected: bool) -> None:
        self.support, self.looked = np.zeros(cells, np.int64), np.zeros(cells, np.int64)
        self.total, self.binary = np.zeros(cells), binary
        self.expected = np.zeros(cells) if expected else None

    def add(self, key: Key, part: _Part) -> None:
        cells = len(self.support)
        seen = key[: part.looked]
        looked = np.bincount(seen, minlength=cells)
        self.looked += looked
        self.support += looked
        if part.looked < len(key):
            self.support += np.bincount(key[part.looked :], minlength=cells)
        if self.binary:
            self.total += np.bincount(key[: part.first], minlength=cells)
        else:
            self.total += np.bincount(seen, part.target, cells)
        if self.expected is not None and part.expected is not None:
            self.expected += np.bincount(seen, part.expected, cells)

    def supported(self, floor: int, base: float) -> Cells:
        cell = np.flatnonzero(self.support >= floor)
        looked = self.looked[cell]
        expected = looked * base if self.expected is None else self.expected[cell]
        return cell, [self.support[cell], looked, self.total[cell], expected]


@dataclass(frozen=True, slots=True)
class _Part:
    """A chunk with its rows in order: errors, other rows looked at, the rest; columns recoded."""

    columns: list[Key]
    first: int
    looked: int
    target: Float
    expected: Float | None


class _Stream:
    """Chunks as a source of counts."""

    def __init__(self, chunks: Callable[[], Iterable[Chunk]], floor: int, most_cells: int) -> None:
        self.chunks, self.floor, self.most_cells = chunks, floor, most_cells
        counts = self._survey()
        made = [recoding(column, floor) for column in counts]
        self.lookups: list[Key] = [lookup for lookup, _ in made]
        self.kept: list[Int] = [kept for _, kept in made]

    def _survey(self) -> list[Int]:
        """Rows of each code of each attribute; whether targets are 0/1, their mean, and whether there are expectations."""
        counts: list[Int] = []
        self.binary, self.has_expected = True, False
        rows, total = 0, 0.0
        for i, chunk in enumerate(self.chunks()):
            width = chunk.codes.shape[1]
            if i == 0:
                counts = [np.zeros(0, np.int64) for _ in range(width)]
                self.has_expected = chunk.expected is not None
            if width != len(counts):
                raise ValueError(f"every chunk must have {len(counts)} attributes, not {width}")
            counts = [_added(c, value_counts(chunk.codes[:, j])) for j, c in enumerate(counts)]
            seen = chunk.target if chunk.rows is None else chunk.target[chunk.rows]
            self.binary = self.binary and is_binary(chunk.target)
            rows, total = rows + len(seen), total + float(seen.sum())
        self.base = total / max(rows, 1)
        return counts

    def _parts(self) -> Iterable[_Part]:
        for chunk in self.chunks():
            looked = np.ones(len(chunk), bool) if chunk.rows is None else chunk.rows
            wrong = chunk.target != 0
            runs = [np.flatnonzero(run) for run in (looked & wrong, looked & ~wrong, ~looked)]
            order = np.concatenate(runs)
            first, seen = len(runs[0]), len(runs[0]) + len(runs[1])
            columns = [lookup[chunk.codes[:, j][order]] for j, lookup in enumerate(self.lookups)]
            expected = None if chunk.expected is None else chunk.expected[order[:seen]]
            yield _Part(columns, first, seen, chunk.target[order[:seen]].astype(np.float64), expected)

    def _empty(self, cells: int) -> _Sums:
        return _Sums(cells, binary=self.binary, expected=self.has_expected)

    def singles(self) -> list[Cells]:
        sums = [self._empty(len(kept) + 1) for kept in self.kept]
        for part in self._parts():
            for one, column in zip(sums, part.columns, strict=True):
                one.add(column, part)
        return [one.supported(self.floor, self.base) for one in sums]

    def pairs(self, couples: Sequence[Couple]) -> list[Cells]:
        sums = [self._empty((len(self.kept[a]) + 1) * (len(self.kept[b]) + 1)) for a, b in couples]
        for part in self._parts():
            for one, (a, b) in zip(sums, couples, strict=True):
                one.add(self._pair(part, a, b), part)
        return [one.supported(self.floor, self.base) for one in sums]

    def triples(self, keys: Mapping[Couple, PairKey]) -> list[tuple[tuple[int, int, int], Cells]]:
        made: list[tuple[tuple[int, int, int], Cells]] = []
        for batch in self._batches(keys):
            sums = {name: self._empty(cells) for name, cells in batch.items()}
            for part in self._parts():
                self._add_triples(part, keys, sums)
            made += [(name, one.supported(self.floor, self.base)) for name, one in sums.items()]
        return made

    def _add_triples(
        self, part: _Part, keys: Mapping[Couple, PairKey], sums: Mapping[tuple[int, int, int], _Sums]
    ) -> None:
        last: Couple | None = None
        key: NDArray[Any] = np.zeros(0, np.int64)
        for (a, b, c), one in sums.items():
            recode, left, _ = keys[a, b]
            if (a, b) != last:
                key = recoded(self._pair(part, a, b), recode, len(left), self.kept[b + 1 :])
                last = a, b
            one.add(join(key, part.columns[c], len(self.kept[c]) + 1, len(left) - 1)[0], part)

    def _batches(self, keys: Mapping[Couple, PairKey]) -> Iterable[dict[tuple[int, int, int], int]]:
        """Triples with their cells, as many at a time as may be held."""
        batch: dict[tuple[int, int, int], int] = {}
        held = 0
        for (a, b), (_, left, _) in keys.items():
            for c in range(b + 1, len(self.kept)):
                cells = len(left) * (len(self.kept[c]) + 1)
                if batch and held + cells > self.most_cells:
                    yield batch
                    batch, held = {}, 0
                batch[a, b, c] = cells
                held += cells
        if batch:
            yield batch

    def _pair(self, part: _Part, a: int, b: int) -> Key:
        return join(part.columns[a], part.columns[b], len(self.kept[b]) + 1, len(self.kept[a]))[0]


def _added(one: Int, other: Int) -> Int:
    """Counts by code put together, whichever has more codes."""
    made = np.zeros(max(len(one), len(other)), np.int64)
    made[: len(one)] += one
    made[: len(other)] += other
    return made


def arrow_chunks(
    batches: Callable[[], Iterable[Any]], attributes: Sequence[str], target: str, rows: str | None = None
) -> Callable[[], Iterable[Chunk]]:
    """Chunks from record batches that hold integer codes: ``attributes`` columns, a target and optionally a truth value.

    Args:
        batches: starts from the first record batch each time it is called (``pyarrow.parquet.ParquetFile.iter_batches``).
        attributes: names of the columns of codes; null is a missing value.
        target: name of the target's column.
        rows: name of the column that says whether the target may be looked at; all by default.
    """

    def chunks() -> Iterable[Chunk]:
        for batch in batches():
            codes = [_integers(batch.column(name)) for name in attributes]
            matrix = np.stack(codes, axis=1) if codes else np.zeros((batch.num_rows, 0), np.int64)
            looked = None if rows is None else np.asarray(_array(batch.column(rows)), bool)
            yield Chunk(matrix, np.asarray(_array(batch.column(target)), np.float64), looked)

    return chunks


def _array(column: Any) -> NDArray[Any]:
    made: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return made


def _integers(column: Any) -> Int:
    made: Int = _array(column.fill_null(-1)).astype(np.int64)
    return made
