"""The rows of one half of a table: who is in which slice, and what the rows inside and outside add up to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failsight.tools.stats.slices.model import Bool, Conjunction, Float, Int, Measured
from failsight.tools.stats.stratified import StratifiedTest, Sums, combine_strata, compare, is_binary

OUTSIDE, INSIDE, UNKNOWN = 0, 1, 2


class Half:
    """Attribute columns, targets and class strata of the rows of one half.

    Args:
        columns: for each attribute its (n,) codes; −1 is missing.
        target: (n,) numbers in [0, 1].
        strata: (n,) class strata, ≥ 0.
        levels: number of class strata.
    """

    def __init__(self, columns: Sequence[NDArray[Any]], target: Float, strata: Int, levels: int) -> None:
        self.columns, self.target, self.strata, self.levels = columns, target, strata, levels
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
            if len(conjunction) == 1:
                ((attribute, value),) = conjunction.conditions
                mask = self.columns[attribute] == value
            else:
                first, *rest = conjunction.conditions
                mask = self.inside(Conjunction((first,))) & self.inside(Conjunction(tuple(rest)))
            self._masks[conjunction] = mask
        return mask

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

    def sums(self, rows: Int | None, strata: Int, levels: int) -> Sums:
        """Sums by stratum of some rows (all by default)."""
        part = strata if rows is None else strata[rows]
        if not self.binary:
            return Sums.of(self.target if rows is None else self.target[rows], part, levels)
        wrong = part[self.error if rows is None else self.error[rows]]
        return Sums.of_errors(np.bincount(part, minlength=levels), np.bincount(wrong, minlength=levels))

    def against_rest(self, conjunction: Conjunction) -> StratifiedTest:
        """The slice against the rows outside, within true classes."""
        inside = self.sums(np.flatnonzero(self.inside(conjunction)), self.strata, self.levels)
        unknown = self.unknown(conjunction)
        pool = self.all_sums
        if unknown is not None:
            pool = self.sums(np.flatnonzero(~unknown), self.strata, self.levels)
        return compare(pool, inside, binary=self.binary)

    def against_parent(
        self, child: Conjunction, parent: Conjunction, *, within: bool = True
    ) -> StratifiedTest:
        """The slice against the rest of one parent, within true classes or as it stands."""
        pool, inner = self._parent_rows(child, parent)
        strata, levels = (self.strata, self.levels) if within else (np.zeros(len(self), np.int64), 1)
        whole, part = self.sums(pool, strata, levels), self.sums(inner, strata, levels)
        return compare(whole, part, binary=self.binary)

    def excess_against_parent(self, child: Conjunction, parent: Conjunction) -> StratifiedTest:
        """The excess over the mean of each row's class, in the slice against the rest of one parent."""
        pool, inner = self._parent_rows(child, parent)
        zero = np.zeros(len(pool), np.int64)
        whole = Sums.of(self.residual[pool], zero, 1)
        return compare(whole, Sums.of(self.residual[inner], zero[: len(inner)], 1), binary=False)

    def _parent_rows(self, child: Conjunction, parent: Conjunction) -> tuple[Int, Int]:
        """Rows of the parent whose membership of the child is known, and those of the child."""
        pool = self.inside(parent)
        unknown = self.unknown(child)
        if unknown is not None:
            pool = pool & ~unknown
        return np.flatnonzero(pool), np.flatnonzero(self.inside(child))

    def measure(self, conjunction: Conjunction) -> Measured:
        """Rows and means inside and outside."""
        rows = np.flatnonzero(self.inside(conjunction))
        n, total = len(rows), float(self.target[rows].sum())
        unknown = self.unknown(conjunction)
        n_out, total_out = len(self) - n, float(self.all_sums.first.sum()) - total
        if unknown is not None:
            n_out -= int(unknown.sum())
            total_out -= float(self.target[unknown].sum())
        return Measured(n, total, total / n if n else 0.0, n_out, total_out / n_out if n_out else 0.0)

    def strata_given(self, others: Sequence[Conjunction]) -> Int:
        """(n,) class strata refined by the memberships of other slices."""
        strata = self.strata
        for other in others:
            strata = combine_strata(strata, self.inside(other).view(np.int8), 2)
        return strata


class Patterns:
    """Rows put together by class and by their memberships of a few slices.

    A few hundred patterns stand for all rows, so that any question about these slices is answered at once.

    Attributes:
        strata: (P,) class stratum of each pattern.
        member: (P, k) INSIDE, OUTSIDE or UNKNOWN for each slice.
        sums: sums of the target over the rows of each pattern.
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
        self.binary = half.binary
        self.sums = half.sums(None, row.astype(np.int64), len(distinct))
        powers = 3 ** np.arange(len(slices) - 1, -1, -1, dtype=np.int64)
        self.member = (distinct[:, None] // powers) % 3
        self.strata = distinct // 3 ** len(slices)

    def given(self, i: int, others: Sequence[int]) -> StratifiedTest:
        """Slice i against the rows outside, within classes and within the memberships of other slices."""
        group = self.group(others)
        levels = int(group.max()) + 1
        pool = self.sums.where(self.member[:, i] != UNKNOWN).grouped(group, levels)
        inside = self.sums.where(self.member[:, i] == INSIDE).grouped(group, levels)
        return compare(pool, inside, binary=self.binary)

    def group(self, others: Sequence[int]) -> Int:
        """(P,) number of the stratum made of class and memberships of other slices."""
        key = np.column_stack([self.strata, self.member[:, list(others)]])
        group: Int = np.unique(key, axis=0, return_inverse=True)[1].reshape(-1).astype(np.int64)
        return group
