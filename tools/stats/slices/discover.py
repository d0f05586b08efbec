"""The discovery half: rank every conjunction, keep a short list in which each explains something of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failsight.tools.stats.slices.cache import CountCache
from failsight.tools.stats.slices.count import Counts, count_columns
from failsight.tools.stats.slices.model import Bool, Conjunction, Float, Int, SearchSettings
from failsight.tools.stats.slices.score import excess_rate, top, z_outside, z_parents
from failsight.tools.stats.slices.table import Half, Masks
from failsight.tools.stats.stratified import compare

#: conjunctions looked at one by one, after ranking
SHORTLIST = 256
SHORTLIST_RECORDED = 64  # of recorded attributes alone, where those do not all get a place
#: a conjunction must exceed the rest of each parent by so many standard errors to be looked at …
ABOVE_PARENTS = 2.0
#: … and must itself stand so far out, given everything picked before it, …
STANDS_OUT = 2.0
#: … and so far that of all conjunctions of its family about so many would by chance: what is carried without
#: prospects raises the bar for the others
FALSE_STARTS = 2.0
#: a pick is dropped when, given the later ones, less than this is left of it
LEFT_OVER = 1.0
#: unless a pick exceeds the rest of a parent by so many standard errors, the parent is carried as well:
#: the best of some hundred meaningless further conditions reaches 3 to 3.5
BEYOND_DOUBT = 4.0
AS_GOOD = 0.8  # of the best z: a description by recorded attributes may cost this much
SAME_ROWS = 0.75  # rows in common of all rows of either: then two descriptions mean one slice
MOST_COMPARED = 200
MOST_DEPTH = 4  # more than any conjunction has conditions


@dataclass(frozen=True, slots=True)
class Shortlist:
    """What the discovery half proposes.

    Attributes:
        picked: slices to carry to confirmation, in the order in which they were picked.
        passed_over: slices that stood out alone but not beside the picked ones, strongest first.
        support: rows of these slices in the whole table.
        examined: conjunctions counted.
        truncated: whether more conjunctions stood out than were looked at one by one.
        luck: of picked slices, how many of their family would stand out as far by chance.
    """

    picked: tuple[Conjunction, ...]
    passed_over: tuple[Conjunction, ...]
    support: dict[Conjunction, int]
    examined: int
    truncated: bool
    luck: dict[Conjunction, float] = field(default_factory=dict)


def discover(
    half: Half, whole: Whole, settings: SearchSettings, min_effect: float, cache: CountCache | None = None
) -> Shortlist:
    """Rank all conjunctions on the discovery half and pick those worth testing.

    Args:
        half: the discovery half.
        whole: the codes of all rows, over which support is counted.
        settings: see `SearchSettings`.
        min_effect: fewest points of excess.
        cache: counts of earlier searches.
    """
    counts = count_columns(
        whole.columns,
        whole.target,
        min_support=settings.floor(len(whole.target)),
        depth=settings.depth,
        rows=whole.rows,
        expected=_expected(half, whole) if half.levels > 1 else None,
        cache=cache,
    )
    variance = None if half.binary else float(half.target.var())
    z = z_outside(counts, rows=len(half), variance=variance)
    family = _families(counts, settings)
    bar = _bars(family)[family]
    worthy = (z >= bar) & (excess_rate(counts) >= min_effect)
    worthy &= z_parents(counts, variance=variance) >= ABOVE_PARENTS
    if settings.class_column is not None:
        worthy &= (counts.attributes[:, 0] != settings.class_column) | (counts.attributes[:, 1] >= 0)
    found = int(worthy.sum())
    best = _ranked(np.where(worthy, z, -np.inf), counts, settings)
    candidates = [counts.conjunction(int(i)) for i in best]
    support = {c: int(counts.support[i]) for c, i in zip(candidates, best, strict=True)}
    picked = _pick(half, candidates, bar[best], settings, min_effect) if candidates else []
    half.forget()
    passed_over = tuple(c for i, c in enumerate(candidates) if i not in picked)
    sizes = np.bincount(family, minlength=1)
    luck = {candidates[i]: _by_chance(sizes[family[best[i]]], z[best[i]]) for i in picked}
    return Shortlist(
        tuple(candidates[i] for i in picked), passed_over, support, len(counts), found > len(best), luck
    )


def _ranked(z: Float, counts: Counts, settings: SearchSettings) -> Int:
    """Positions of the conjunctions to look at one by one, best first: of recorded attributes some of their own.

    A strong weakness has hundreds of descriptions by what is computed, which would leave no room for others.
    """
    there = int((z > -np.inf).sum())
    best = top(z, min(SHORTLIST, there))
    if there <= SHORTLIST:
        return best
    recorded = np.where(_stands_in(counts, settings), -np.inf, z)
    mine = top(recorded, min(SHORTLIST_RECORDED, int((recorded > -np.inf).sum())))
    both = np.union1d(best, mine)
    ranked: Int = both[np.argsort(-z[both], kind="stable")]
    return ranked


def _by_chance(family: int, z: float) -> float:
    """How many of so many conjunctions would stand out by ``z`` standard errors if none were worse."""
    return float(family) * 0.5 * math.erfc(z / math.sqrt(2))


def _stands_in(counts: Counts, settings: SearchSettings) -> Bool:
    """(m,) which conjunctions have a condition on a stand-in."""
    there: Bool = np.isin(counts.attributes, sorted(settings.stand_ins)).any(axis=1)
    return there


@dataclass(frozen=True, slots=True)
class Whole:
    """All rows: the (n,) codes of each attribute, (n,) target, (n,) class strata, and (n,) which rows are the discovery half
    (the first ones).

    The target of the other rows is not looked at.
    """

    columns: Sequence[NDArray[Any]]
    target: Float
    strata: Int
    rows: Bool


def _expected(half: Half, whole: Whole) -> Float:
    """(n,) mean target of the row's class in the discovery half."""
    expected: Float = (half.all_sums.first / np.maximum(half.all_sums.n, 1))[whole.strata]
    return expected


def _families(counts: Counts, settings: SearchSettings) -> Int:
    """(m,) which conjunctions compete: those of as many attributes, apart where they also name a class, or a stand-in.

    Naming a class is no search of its own: within a class there are as many attribute values to look at as without. What
    people recorded is little beside what is computed, and more often what matters: among thousands of computed
    combinations it would have to stand out as far as the luckiest of them.
    """
    borrowed: Int = _stands_in(counts, settings).astype(np.int64)
    made: Int = counts.depth + 2 * MOST_DEPTH * borrowed
    if settings.class_column is not None:
        named: Int = (counts.attributes == settings.class_column).any(axis=1).astype(np.int64)
        made += (MOST_DEPTH - 1) * named
    return made


def _bars(family: Int) -> Float:
    """How many standard errors a conjunction of each family must stand out."""
    sizes = np.bincount(family, minlength=1)
    bars = np.full(len(sizes), STANDS_OUT)
    for f, m in enumerate(sizes):
        if m > 2 * FALSE_STARTS:
            bars[f] = max(STANDS_OUT, NormalDist().inv_cdf(1 - FALSE_STARTS / m))
    return bars


class _Residuals:
    """Standardised excess of every candidate given the slices picked so far, updated as slices are picked.

    Strata are classes refined by membership of the picked slices; a candidate's expectation and variance are
    those of the Cochran–Mantel–Haenszel statistic over these strata. Rows whose membership cannot be told
    count as outside here: this half only proposes.
    """

    def __init__(self, half: Half, candidates: list[Conjunction]) -> None:
        self.half = half
        self.inside = half.masks(candidates)
        self.observed = self._observed()
        self.first = _crosstab(self.inside, half.strata, half.levels)
        self.reset([])

    def _observed(self) -> Float:
        wrong = np.flatnonzero(self.half.error)
        values = None if self.half.binary else self.half.target[wrong]
        made = np.zeros(self.inside.k)
        for part, rows in self.inside.blocks():
            there = rows[:, wrong]
            made[part] = there.sum(axis=1) if values is None else there @ values
        return made

    def reset(self, picked: list[int]) -> None:
        """Start again from the given picks."""
        self.strata, self.rows = self.half.strata.copy(), self.first
        self.pool = self.half.all_sums
        for pick in picked:
            self.add(pick)

    def add(self, pick: int) -> None:
        """Refine the strata by one more slice: its rows move from each old stratum to a new one."""
        rows = np.flatnonzero(self.inside[pick])
        old = self.strata[rows]
        source, new = np.unique(old, return_inverse=True)
        moved = _crosstab(self.inside, new, len(source), rows)
        part = self.half.sums(self.inside[pick], self.strata, len(self.pool.n))
        stay = self.rows.copy()
        stay[:, source] -= moved
        self.rows = np.concatenate([stay, moved], axis=1)
        self.pool = self.pool.minus(part).followed_by(part, source)
        self.strata[rows] = self.rows.shape[1] - len(source) + new

    def z(self, min_effect: float) -> Float:
        """(k,) standardised excess of each candidate, −inf where the excess is below the floor."""
        n, m = np.maximum(self.pool.n, 1), self.rows
        gap = self.observed - m @ (self.pool.first / n)
        free = m * (n - m)
        variance = free @ (self.pool.centred()[0] / (n * np.maximum(n - 1, 1)))
        weight = free @ (1 / n)
        effect = np.divide(gap, weight, out=np.zeros_like(gap), where=weight > 0)
        z = np.divide(gap, np.sqrt(variance), out=np.zeros_like(gap), where=variance > 1e-9)
        return np.where(effect >= min_effect, z, -np.inf)


def _crosstab(inside: Masks, strata: Int, levels: int, rows: Int | None = None) -> Float:
    """(k, levels) rows of each candidate in each stratum, of some rows (all by default)."""
    table = np.zeros((inside.k, levels))
    if levels == 1:
        for part, block in inside.blocks():
            table[part, 0] = np.count_nonzero(block if rows is None else block[:, rows], axis=1)
        return table
    order = np.argsort(strata, kind="stable")
    starts = np.searchsorted(strata[order], np.arange(levels))
    present = np.flatnonzero(np.diff(np.append(starts, len(strata))))
    if len(present):
        taken = order if rows is None else rows[order]
        for part, block in inside.blocks():
            ordered = block[:, taken].view(np.int8)
            table[part, present] = np.add.reduceat(ordered, starts[present], axis=1, dtype=np.int32)
    return table


def _pick(
    half: Half, candidates: list[Conjunction], bar: Float, settings: SearchSettings, min_effect: float
) -> list[int]:
    """Forward selection, with earlier picks dropped once later ones account for them."""
    carry = settings.carry
    state = _Residuals(half, candidates)
    free = np.ones(len(candidates), bool)
    picked: list[int] = []
    while len(picked) < carry:
        z = state.z(min_effect)
        z[~free | (z < bar)] = -np.inf
        best = int(z.argmax())
        if z[best] == -np.inf:
            break
        best = _plainest(half, candidates, z, best, settings.stand_ins)
        free[best] = False
        picked.append(best)
        dropped = _superseded(half, candidates, picked)
        if dropped:
            picked = [p for p in picked if p not in dropped]
            state.reset(picked)
        else:
            state.add(best)
    return _with_ancestors(half, candidates, picked)[:carry]


def _plainest(
    half: Half, candidates: list[Conjunction], z: Float, best: int, stand_ins: frozenset[int]
) -> int:
    """The candidate that says the same as ``best`` with fewer stand-ins: nearly the same rows, nearly the same z."""

    def borrowed(conjunction: Conjunction) -> int:
        return sum(column in stand_ins for column, _ in conjunction.conditions)

    if not borrowed(candidates[best]):
        return best
    mine = half.inside(candidates[best])
    ranked: list[int] = sorted(np.flatnonzero(z >= AS_GOOD * z[best]).tolist(), key=lambda i: -float(z[i]))
    for other in ranked[:MOST_COMPARED]:
        if borrowed(candidates[other]) < borrowed(candidates[best]) and len(candidates[other]) <= len(
            candidates[best]
        ):
            theirs = half.inside(candidates[other])
            if (mine & theirs).sum() >= SAME_ROWS * (mine | theirs).sum():
                return other
    return best


def _superseded(half: Half, candidates: list[Conjunction], picked: list[int]) -> set[int]:
    """Earlier picks that contain the newest and have nothing left beside it."""
    newest = candidates[picked[-1]]
    gone: set[int] = set()
    for pick in picked[:-1]:
        if candidates[pick] not in newest:
            continue
        strata, levels = half.strata_given(newest)
        inside = half.sums(half.inside(candidates[pick]), strata, levels)
        if compare(half.sums(None, strata, levels), inside, binary=half.binary).z < LEFT_OVER:
            gone.add(pick)
    return gone


def _with_ancestors(half: Half, candidates: list[Conjunction], picked: list[int]) -> list[int]:
    """Before each pick, the simpler candidates that it may have beaten by luck alone."""
    out: list[int] = []
    place = {c: i for i, c in enumerate(candidates)}
    for pick in picked:
        child = candidates[pick]
        simpler = [place[c] for c in child.ancestors() if c in place and place[c] not in out]
        out += [i for i in simpler if half.against_parent(child, candidates[i]).z < BEYOND_DOUBT]
        if pick not in out:
            out.append(pick)
    return out
