"""The rows of one half of a table: who is in which slice, and what the rows inside and outside add up to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failsight.tools.stats.contingency import risk_difference
from failsight.tools.stats.intervals import normal_quantile
from failsight.tools.stats.slices.clusters import Clustered, compare_clusters, wider
from failsight.tools.stats.slices.model import Bool, Conjunction, Float, Int, Measured
from failsight.tools.stats.stratified import StratifiedTest, Sums, combine_strata, compare, is_binary

OUTSIDE, INSIDE, UNKNOWN = 0, 1, 2
#: of the memberships of many conjunctions, held a byte each
MOST_BYTES = 32 * 2**20


class Masks:
    """(k, n) memberships: as they are while they are few, else one bit each and unpacked some conjunctions at a time.

    Args:
        masks: k times (n,) truth values.
        k, n: how many.
    """

    def __init__(self, masks: Iterable[Bool], k: int, n: int) -> None:
        self.k, self.n, self.packed = k, n, k * n > MOST_BYTES
        self._table = np.empty((k, -(-n // 8)), np.uint8) if self.packed else np.empty((k, n), np.uint8)
        for row, mask in zip(self._table, masks, strict=True):
            row[:] = np.packbits(mask) if self.packed else mask

    def __getitem__(self, i: int) -> Bool:
        """(n,) rows of one conjunction."""
        row: Bool = self._rows(slice(i, i + 1))[0]
        return row

    def blocks(self) -> Iterator[tuple[slice, Bool]]:
        """Positions of some conjunctions and their (b, n) rows, one block after the other."""
        size = max(1, MOST_BYTES // 2 // max(self.n, 1))
        for start in range(0, self.k, size):
            part = slice(start, min(start + size, self.k))
            yield part, self._rows(part)

    def _rows(self, part: slice) -> Bool:
        table = self._table[part]
        rows: Bool = (np.unpackbits(table, axis=1, count=self.n) if self.packed else table).view(bool)
        return rows


class Half:
    """Attribute columns, targets and class strata of the rows of one half.

    Args:
        columns: for each attribute its (n,) codes; −1 is missing.
        target: (n,) numbers in [0, 1].
        strata: (n,) class strata, ≥ 0.
        levels: number of class strata.
        clusters: (n,) group of each row, ≥ 0, where rows of one group are not independent: then no comparison is surer than
            its groups allow. None where each row stands alone.
    """

    def __init__(
        self,
        columns: Sequence[NDArray[Any]],
        target: Float,
        strata: Int,
        levels: int,
        clusters: Int | None = None,
    ) -> None:
        self.columns, self.target, self.strata, self.levels = columns, target, strata, levels
        self.clusters = clusters
        self.binary = is_binary(target)
        self.error = target != 0
        self._missing = [bool((column < 0).any()) for column in columns]
        self._masks: dict[Conjunction, Bool] = {}

    def __len__(self) -> int:
        return len(self.target)

    @cached_property
    def all_sums(self) -> Sums:
        """Sums of all rows by class stratum."""
        return self.sums(None, self.strata, self.levels)

    @cached_property
    def residual(self) -> Float:
        """(n,) target minus the mean of its stratum."""
        mean = self.all_sums.first / np.maximum(self.all_sums.n, 1)
        residual: Float = self.target - mean[self.strata]
        return residual

    def inside(self, conjunction: Conjunction) -> Bool:
        """(n,) rows that meet every condition."""
        mask = self._masks.get(conjunction)
        if mask is None:
            mask = self._compute(conjunction)
            self._masks[conjunction] = mask
        return mask

    def _compute(self, conjunction: Conjunction) -> Bool:
        (attribute, value), *rest = conjunction.conditions
        mask: Bool = self.columns[attribute] == value
        for attribute, value in rest:
            mask &= self.columns[attribute] == value
        return mask

    def forget(self) -> None:
        """Give back the memory of all masks; they are computed again when they are asked for."""
        self._masks.clear()

    def masks(self, conjunctions: Sequence[Conjunction]) -> Masks:
        """The rows of several conjunctions, held once."""
        return Masks((self._compute(c) for c in conjunctions), len(conjunctions), len(self))

    def unknown(self, conjunction: Conjunction) -> Bool | None:
        """(n,) rows whose membership cannot be told: a value is missing and no known one differs. None: no row."""
        if not any(self._missing[a] for a in conjunction.attributes):
            return None
        differs = np.zeros(len(self), bool)
        for attribute, value in conjunction.conditions:
            column = self.columns[attribute]
            differs |= (column != value) & (column >= 0)
        unknown: Bool = ~(differs | self.inside(conjunction))
        return unknown

    def sums(self, mask: Bool | None, strata: Int, levels: int) -> Sums:
        """Sums by stratum of some rows (all by default)."""
        if self.binary and levels == 1:
            wrong = self.error if mask is None else self.error & mask
            n = len(self) if mask is None else np.count_nonzero(mask)
            return Sums.of_errors(np.array([n]), np.array([np.count_nonzero(wrong)]))
        rows = slice(None) if mask is None else np.flatnonzero(mask)
        part = strata[rows]
        if not self.binary:
            return Sums.of(self.target[rows], part, levels)
        wrong = part[self.error[rows]]
        return Sums.of_errors(np.bincount(part, minlength=levels), np.bincount(wrong, minlength=levels))

    def against_rest(self, conjunction: Conjunction) -> StratifiedTest:
        """The slice against the rows outside, within true classes."""
        inside = self.sums(self.inside(conjunction), self.strata, self.levels)
        unknown = self.unknown(conjunction)
        pool = self.all_sums if unknown is None else self.sums(~unknown, self.strata, self.levels)
        found = compare(pool, inside, binary=self.binary)
        together = self.together(conjunction)
        return found if together is None else replace(found, p=max(found.p, together.p))

    def together(self, conjunction: Conjunction) -> Clustered | None:
        """The slice against the rows outside, within true classes, rows of one group together; None without groups."""
        if self.clusters is None:
            return None
        inside, outside = self.inside(conjunction), self.outside(conjunction)
        return compare_clusters(self.target, inside, outside, self.strata, self.clusters)

    def effect_interval(self, conjunction: Conjunction) -> tuple[float, float]:
        """95 % interval of the slice's difference from the rows outside, within true classes; (−1, 1) without any to compare.

        For 0/1 targets that of the Mantel–Haenszel difference; for others normal, from the variances in each class. Where rows
        come in groups, no narrower than that of the groups.
        """
        alone, together = self._effect_interval(conjunction), self.together(conjunction)
        return alone if together is None else wider(alone, together.ci)

    def _effect_interval(self, conjunction: Conjunction) -> tuple[float, float]:
        inside = self.sums(self.inside(conjunction), self.strata, self.levels)
        outside = self.sums(self.outside(conjunction), self.strata, self.levels)
        if self.binary:
            rows = [np.stack([part.first, part.n - part.first], axis=1) for part in (inside, outside)]
            return risk_difference(np.stack(rows, axis=1)).ci
        use = (inside.n > 1) & (outside.n > 1)
        if not use.any():
            return -1.0, 1.0
        (n1, y1, s1), (n0, y0, s0) = (
            (part.n[use], part.first[use], part.centred()[0][use]) for part in (inside, outside)
        )
        weight = n1 * n0 / (n1 + n0)
        effect = float(weight @ (y1 / n1 - y0 / n0) / weight.sum())
        variance = float(weight**2 @ (s1 / (n1 * (n1 - 1)) + s0 / (n0 * (n0 - 1))) / weight.sum() ** 2)
        half = normal_quantile(0.95) * math.sqrt(variance)
        return max(-1.0, effect - half), min(1.0, effect + half)

    def against_parent(
        self, child: Conjunction, parent: Conjunction, *, within: bool = True
    ) -> StratifiedTest:
        """The slice against the rest of one parent, within true classes or as it stands."""
        strata, levels = (self.strata, self.levels) if within else (np.zeros(len(self), np.int64), 1)
        inside, pool = self.inside(child), self._comparable(child, parent)
        found = compare(
            self.sums(pool, strata, levels), self.sums(inside, strata, levels), binary=self.binary
        )
        if self.clusters is None:
            return found
        together = compare_clusters(self.target, inside, pool & ~inside, strata, self.clusters)
        return replace(found, p=max(found.p, together.p))

    def excess_against_parent(self, child: Conjunction, parent: Conjunction) -> StratifiedTest:
        """The excess over the mean of each row's class, in the slice against the rest of one parent."""
        pool, inside = self._comparable(child, parent), self.inside(child)
        whole, part = self.residual[pool], self.residual[inside]
        zero = np.zeros(len(self), np.int64)
        found = compare(
            Sums.of(whole, zero[: len(whole)], 1), Sums.of(part, zero[: len(part)], 1), binary=False
        )
        if self.clusters is None:
            return found
        together = compare_clusters(self.residual, inside, pool & ~inside, zero, self.clusters)
        return replace(found, p=max(found.p, together.p))

    def _comparable(self, child: Conjunction, parent: Conjunction) -> Bool:
        """Rows of the parent whose membership of the child can be told."""
        unknown = self.unknown(child)
        return self.inside(parent) if unknown is None else self.inside(parent) & ~unknown

    def outside(self, conjunction: Conjunction, class_column: int | None = None) -> Bool:
        """(n,) rows known not to meet every condition; of the same class, where the conjunction names one."""
        inside, unknown = self.inside(conjunction), self.unknown(conjunction)
        outside = ~inside if unknown is None else ~(inside | unknown)
        for column, value in conjunction.conditions:
            if column == class_column:
                outside &= self.columns[column] == value
        return outside

    def measure(self, conjunction: Conjunction, class_column: int | None = None) -> Measured:
        """Rows and means inside and outside; outside is the rest of the class, where ``class_column`` is a condition."""
        n, total = self._count(self.inside(conjunction))
        if class_column in conjunction.attributes:
            n_out, total_out = self._count(self.outside(conjunction, class_column))
            return Measured(n, total, total / n if n else 0.0, n_out, total_out / n_out if n_out else 0.0)
        n_out, total_out = len(self) - n, float(self.all_sums.first.sum()) - total
        unknown = self.unknown(conjunction)
        if unknown is not None:
            n_unknown, total_unknown = self._count(unknown)
            n_out, total_out = n_out - n_unknown, total_out - total_unknown
        return Measured(n, total, total / n if n else 0.0, n_out, total_out / n_out if n_out else 0.0)

    def _count(self, mask: Bool) -> tuple[int, float]:
        total = np.count_nonzero(mask & self.error) if self.binary else self.target[mask].sum()
        return int(np.count_nonzero(mask)), float(total)

    def strata_given(self, other: Conjunction) -> tuple[Int, int]:
        """(n,) class strata refined by the membership of another slice, and how many."""
        strata = combine_strata(self.strata, self.inside(other).view(np.int8), 2)
        return strata, int(strata.max()) + 1


class Patterns:
    """Rows put together by class and by their memberships of a few slices.

    A few hundred patterns stand for all rows, so that any question about these slices is answered at once.

    Attributes:
        strata: (P,) class stratum of each pattern.
        member: (P, k) INSIDE, OUTSIDE or UNKNOWN for each slice.
        sums: sums of the target over the rows of each pattern.
        row: (n,) pattern of each row.
        target, clusters: (n,) of each row, as in `Half`.
    """

    def __init__(self, half: Half, slices: Sequence[Conjunction]) -> None:
        code = half.strata.copy()
        for conjunction in slices:
            code *= 3
            code += half.inside(conjunction)
            unknown = half.unknown(conjunction)
            if unknown is not None:
                code += UNKNOWN * unknown
        distinct, row = np.unique(code, return_inverse=True)
        self.binary, self.target, self.clusters = half.binary, half.target, half.clusters
        self.row: Int = row.astype(np.int64)
        self.sums = half.sums(None, self.row, len(distinct))
        powers = 3 ** np.arange(len(slices) - 1, -1, -1, dtype=np.int64)
        self.member = (distinct[:, None] // powers) % 3
        self.strata = distinct // 3 ** len(slices)

    def given(self, i: int, others: Sequence[int]) -> StratifiedTest:
        """Slice i against the rows outside, within classes and within the memberships of other slices."""
        group = self.group(others)
        levels = int(group.max()) + 1
        pool = self.sums.where(self.member[:, i] != UNKNOWN).grouped(group, levels)
        inside = self.sums.where(self.member[:, i] == INSIDE).grouped(group, levels)
        found = compare(pool, inside, binary=self.binary)
        if self.clusters is None:
            return found
        member = self.member[self.row, i]
        together = compare_clusters(
            self.target, member == INSIDE, member == OUTSIDE, group[self.row], self.clusters
        )
        return replace(found, p=max(found.p, together.p))

    def group(self, others: Sequence[int]) -> Int:
        """(P,) number of the stratum made of class and memberships of other slices."""
        key = self.strata
        for o in others:
            key = key * 3 + self.member[:, o]
        group: Int = np.unique(key, return_inverse=True)[1].astype(np.int64)
        return group
