"""What a search for slices is given, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]
Bool = NDArray[np.bool_]
Codes = NDArray[Any]
Interval = tuple[float, float]


@dataclass(frozen=True, slots=True, order=True)
class Conjunction:
    """One to three conditions "attribute = value" that all hold.

    Attributes:
        conditions: (attribute column, code) pairs, ascending by column.
    """

    conditions: tuple[tuple[int, int], ...]

    def __len__(self) -> int:
        return len(self.conditions)

    def __contains__(self, other: object) -> bool:
        """Whether `other` is a parent, grandparent … or this very conjunction: fewer conditions, all shared."""
        return isinstance(other, Conjunction) and set(other.conditions) <= set(self.conditions)

    @property
    def attributes(self) -> tuple[int, ...]:
        return tuple(a for a, _ in self.conditions)

    def parents(self) -> tuple[Conjunction, ...]:
        """The conjunctions with one condition less; a single has none (its parent is the whole table)."""
        if len(self) == 1:
            return ()
        return tuple(
            Conjunction(self.conditions[:i] + self.conditions[i + 1 :]) for i in range(len(self.conditions))
        )

    def ancestors(self) -> tuple[Conjunction, ...]:
        """All conjunctions of some, not all, of the conditions; simplest first."""
        deep = len(self.conditions)
        return tuple(
            Conjunction(part) for size in range(1, deep) for part in combinations(self.conditions, size)
        )


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """How to search. The defaults are those of the design: see the package's docstring.

    Attributes:
        depth: most conditions in a slice, 1 to 3.
        min_support: fewest rows of a slice in the whole table; None means max(20, 0.5 % of the rows).
        min_effect: fewest points (in [0, 1]) by which a slice must exceed what its class and the slices
            already confirmed lead to expect. Half the mean of the target takes its place where that is smaller:
            half as many errors again matter too where errors are few.
        q: false discovery rate over everything that is carried to confirmation.
        carry: most slices carried to confirmation.
        seed: of the split into halves.
        class_column: column of the codes that holds the true class: never reported alone.
        stand_ins: columns that name a slice only where no other column describes nearly the same rows as well (what
            is seen in a picture stands in for what people recorded about it).
    """

    depth: int = 3
    min_support: int | None = None
    min_effect: float = 0.05
    q: float = 0.05
    carry: int = 20
    seed: int = 0
    class_column: int | None = None
    stand_ins: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        if not 1 <= self.depth <= 3:
            raise ValueError(f"depth must be 1, 2 or 3, not {self.depth}")
        if not 0 < self.q < 1:
            raise ValueError(f"q must lie between 0 and 1, not {self.q}")
        if not 1 <= self.carry <= 30:
            raise ValueError(f"carry must lie in 1 … 30, not {self.carry}")
        if not 0 <= self.min_effect < 1:
            raise ValueError(f"min_effect must lie in [0, 1), not {self.min_effect}")
        if self.min_support is not None and self.min_support < 1:
            raise ValueError(f"min_support must be at least 1, not {self.min_support}")

    def floor(self, n: int) -> int:
        """Fewest rows of a slice in a table of n rows."""
        return max(20, -(-n // 200)) if self.min_support is None else self.min_support


@dataclass(frozen=True, slots=True)
class Measured:
    """A slice in one part of the table.

    Attributes:
        n: rows inside.
        total: sum of the target inside (errors, for a 0/1 target).
        rate: total / n.
        n_out, rate_out: rows outside (membership known), and their mean.
    """

    n: int
    total: float
    rate: float
    n_out: int
    rate_out: float


@dataclass(frozen=True, slots=True)
class Relative:
    """A slice that was not reported separately because a confirmed one accounts for it.

    Attributes:
        conjunction: its conditions.
        n, rate: its rows and its mean in the confirmation half.
        relation: how it lies to the confirmed slice: "copy" (nearly the same rows), "parent" (fewer
            conditions), "part" (more conditions) or "overlap".
        jaccard: rows of the confirmation half that are in both, of those in either.
        errors: share of its errors (of its sum of the target) on the confirmation half that the confirmed slice holds.
        p: p-value of its excess once the confirmed slice is accounted for; None when that was settled on
            the discovery half.
    """

    conjunction: Conjunction
    n: int
    rate: float
    relation: Literal["copy", "parent", "part", "overlap"]
    jaccard: float
    errors: float
    p: float | None = None


@dataclass(frozen=True, slots=True)
class TestedSlice:
    """One slice that was carried to the confirmation half.

    Attributes:
        conjunction: its conditions.
        support: rows in the whole table.
        discovery, confirmation: figures in the two halves. Those of the discovery half chose the slice and
            are therefore too high; those of the confirmation half are unbiased.
        overall: mean of the target in the confirmation half.
        ci: 95 % interval of the rate in the confirmation half.
        difference: rate inside minus rate outside, confirmation half.
        difference_ci: its 95 % interval.
        effect, effect_ci: the difference within strata of the true class (Mantel–Haenszel weights), and its 95 %
            interval: what was tested.
        p_outside: one-sided p against the rows outside, within strata of the true class.
        p_parents: one-sided p against the rest of each parent, in the order of `conjunction.parents()`.
        p_given: one-sided p once the other confirmed slices are accounted for; None where a slice failed
            before that.
        p: the largest of these: a slice must pass them all.
        q: p after Benjamini–Hochberg over everything carried.
        verdict: "confirmed"; "refuted" (the intervals of both differences lie below the effect floor);
            "merged" (a confirmed slice accounts for it); or "inconclusive".
        reason: why it was not confirmed, in a few words; empty for a confirmed slice.
        merged: what this confirmed slice accounts for.
        groups: where rows come in groups, how many of these hold it, or lack it where that is fewer, on the half that
            tests; None where rows stand alone.
    """

    __test__ = False  # not a test class, whatever its name begins with

    conjunction: Conjunction
    support: int
    discovery: Measured
    confirmation: Measured
    overall: float
    ci: Interval
    difference: float
    difference_ci: Interval
    effect: float
    effect_ci: Interval
    p_outside: float
    p_parents: tuple[float, ...]
    p_given: float | None
    p: float
    q: float
    verdict: Literal["confirmed", "refuted", "inconclusive", "merged"]
    reason: str = ""
    merged: tuple[Relative, ...] = ()
    groups: int | None = None


@dataclass(frozen=True, slots=True)
class SliceReport:
    """The outcome of a search.

    Attributes:
        confirmed: the slices that hold, largest number of excess errors first.
        others: what was carried to confirmation and not reported, in order of p.
        n, n_discovery, n_confirmation: rows.
        overall: mean of the target over all rows.
        examined: conjunctions with enough support that were counted.
        carried: how many were carried to confirmation.
        floor: fewest rows of a slice.
        min_effect: fewest points of excess, after the rule for few errors.
        class_adjusted: whether comparisons were made within true classes.
        discovery: (n,) True for the rows of the half that chose; the others tested.
    """

    confirmed: tuple[TestedSlice, ...]
    others: tuple[TestedSlice, ...]
    n: int
    n_discovery: int
    n_confirmation: int
    overall: float
    examined: int
    carried: int
    floor: int
    min_effect: float
    class_adjusted: bool
    discovery: Bool = field(compare=False, repr=False)
