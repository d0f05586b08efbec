"""A table in memory as a source of counts.

Rows are ordered so that errors, other discovery rows and the rest are three contiguous runs: a weighted count becomes
three plain ones. Triples whose joint tables are small are counted several at a time (`blocks`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, groupby

import numpy as np

from failsight.tools.stats.slices.blocks import Block, Marginals, Triple, most_cells, plan_blocks
from failsight.tools.stats.slices.cache import CountCache, TableDigest
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


class MemoryTable:
    """Columns recoded to supported values, rows ordered into errors, other looked-at rows, the rest."""

    def __init__(
        self,
        codes: Sequence[Key] | Codes,
        target: Float,
        rows: Bool | None,
        expected: Float | None,
        floor: int,
        cache: CountCache | None = None,
    ) -> None:
        n = len(target)
        looked = np.ones(n, bool) if rows is None else rows
        self.floor, binary = max(1, floor), is_binary(target)
        wrong = target != 0
        runs = [np.flatnonzero(run) for run in (looked & wrong, looked & ~wrong, ~looked)]
        self.first, self.looked = len(runs[0]), len(runs[0]) + len(runs[1])
        order = np.concatenate(runs)
        del runs
        self.target = None if binary else np.ascontiguousarray(target[order[: self.first]])
        self.base = float(target[looked].sum() / max(self.looked, 1))
        self.expected = None if expected is None else np.ascontiguousarray(expected[order[: self.looked]])
        self.kept: list[Int] = []
        self.columns: list[Key] = []
        for column in codes:
            self._add(np.ascontiguousarray(column)[order])
        self.cache = cache
        if cache is not None:
            sizes = np.array([n, self.floor, self.first, self.looked])
            self.digest = TableDigest((sizes, self.target, self.expected), self.columns, self.kept)

    def _add(self, column: Key) -> None:
        """Recode one column: supported values 0 … k−1, everything else (and missing) k."""
        lookup, kept = recoding(value_counts(column), self.floor)
        self.kept.append(kept)
        self.columns.append(lookup[column])

    def singles(self) -> list[Cells]:
        return [
            self.count(column, len(kept) + 1) for column, kept in zip(self.columns, self.kept, strict=True)
        ]

    def pairs(self, couples: Sequence[Couple]) -> list[Cells]:
        made = []
        for a, b in couples:
            cells = self._known((a, b))
            if cells is None:
                cells = self._keep((a, b), self.count(*self._pair(a, b)))
            made.append(cells)
        return made

    def triples(self, keys: Mapping[Couple, PairKey]) -> list[tuple[Triple, Cells]]:
        found: dict[Triple, Cells] = {}
        missing: list[Triple] = []
        for a, b in keys:
            for c in range(b + 1, len(self.kept)):
                cells = self._known((a, b, c))
                if cells is None:
                    missing.append((a, b, c))
                else:
                    found[a, b, c] = cells
        self._count_blocks(missing, keys, found)
        self._count_alone([triple for triple in missing if triple not in found], keys, found)
        return [((a, b, c), found[a, b, c]) for a, b in keys for c in range(b + 1, len(self.kept))]

    def _count_alone(
        self, triples: Sequence[Triple], keys: Mapping[Couple, PairKey], found: dict[Triple, Cells]
    ) -> None:
        """One count over the rows for each triple; the key of a couple serves all its triples."""
        for (a, b), group in groupby(triples, lambda triple: triple[:2]):
            recode, left, _ = keys[a, b]
            key = recoded(self._pair(a, b)[0], recode, len(left), self.kept[b + 1 :])
            for _, _, c in group:
                joined = join(key, self.columns[c], len(self.kept[c]) + 1, len(left) - 1)
                found[a, b, c] = self._keep((a, b, c), self.count(*joined))

    def _count_blocks(
        self, missing: Sequence[Triple], keys: Mapping[Couple, PairKey], found: dict[Triple, Cells]
    ) -> None:
        """One count over the rows for each block of attributes, and the triples in it as marginals."""
        sizes = [len(kept) + 1 for kept in self.kept]
        wanted = set(missing)
        prefixes: list[tuple[Block, Key]] = []
        for block in plan_blocks(sizes, missing, most_cells(len(self.columns[0]) if self.columns else 0)):
            key = self._block_key(block, prefixes)
            shape = [sizes[a] for a in block]
            counts, sums = self.tally(key, int(np.prod(shape)))
            plain = Marginals(block, shape, counts)
            weighted = Marginals(block, shape, sums) if len(sums) else None
            for triple in combinations(block, 3):
                if triple in wanted:
                    wanted.discard(triple)
                    sums_of = None if weighted is None else weighted.of(triple)
                    cells = self._triple_cells(triple, keys, plain.of(triple), sums_of)
                    found[triple] = self._keep(triple, cells)

    def _block_key(self, block: Block, prefixes: list[tuple[Block, Key]]) -> Key:
        """Mixed-radix code of a block; what it begins with in common with the block before is not built again."""
        while prefixes and prefixes[-1][0] != block[: len(prefixes[-1][0])]:
            prefixes.pop()
        if not prefixes:
            prefixes.append((block[:1], self.columns[block[0]]))
        name, key = prefixes[-1]
        cells = int(np.prod([len(self.kept[a]) + 1 for a in name]))
        for a in block[len(name) :]:
            key, cells = join(key, self.columns[a], len(self.kept[a]) + 1, cells - 1)
            prefixes.append((block[: len(prefixes[-1][0]) + 1], key))
        return key

    def _triple_cells(
        self, triple: Triple, keys: Mapping[Couple, PairKey], counts: Int, sums: Float | None
    ) -> Cells:
        """Cells of three supported values, coded as a count of the triple alone codes them."""
        a, b, c = triple
        recode, _, _ = keys[a, b]
        real = counts[0, : len(self.kept[a]), : len(self.kept[b]), : len(self.kept[c])]
        va, vb, vc = np.nonzero(real >= self.floor)
        wide = len(self.kept[b]) + 1
        pair = va * wide + vb
        cell = (pair if recode is None else recode[pair]) * (len(self.kept[c]) + 1) + vc
        support, looked, hit = counts[:, va, vb, vc]
        at = iter(() if sums is None else sums[:, va, vb, vc])
        total = hit if self.target is None else next(at)
        expected = looked * self.base if self.expected is None else next(at)
        return cell, [support, looked, total, expected]

    def _pair(self, a: int, b: int) -> tuple[Key, int]:
        return join(self.columns[a], self.columns[b], len(self.kept[b]) + 1, len(self.kept[a]))

    def _known(self, attributes: tuple[int, ...]) -> Cells | None:
        return None if self.cache is None else self.cache.get(self.digest.of(attributes))

    def _keep(self, attributes: tuple[int, ...], cells: Cells) -> Cells:
        if self.cache is not None:
            self.cache.put(self.digest.of(attributes), cells)
        return cells

    def count(self, key: Key, cells: int) -> Cells:
        """Cells with enough support; there: support, rows looked at, sum of the target, of the expected target."""
        counts, sums = self.tally(key, cells)
        cell = np.flatnonzero(counts[0] >= self.floor)
        support, looked, total = counts[:, cell]
        at = iter(sums[:, cell])
        if self.target is not None:
            total = next(at)
        expected = looked * self.base if self.expected is None else next(at)
        return cell, [support, looked, total, expected]

    def tally(self, key: Key, cells: int) -> tuple[Int, Float]:
        """(3, cells) support, rows looked at, errors; (0 to 2, cells) sums of the target and of the expected target."""
        a, b = self.first, self.looked
        counts = np.empty((3, cells), np.int64)
        counts[2] = np.bincount(key[:a], minlength=cells)
        np.add(counts[2], np.bincount(key[a:b], minlength=cells), out=counts[1])
        counts[0] = counts[1]
        if b < len(key):
            counts[0] += np.bincount(key[b:], minlength=cells)
        weights = [(a, self.target), (b, self.expected)]
        sums = [np.bincount(key[:end], given, cells) for end, given in weights if given is not None]
        return counts, np.array(sums, np.float64).reshape(len(sums), cells)
