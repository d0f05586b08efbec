"""Slices that between them hold most failures, a budget shared among them, and a spread of points that covers the rest.

Data selection of HiBug (Chen et al. 2023, NeurIPS, appendix 7.1) over arrays: slices by error rate until a share β of
the failures is covered, a budget in proportion to the failures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from failsight.tools.stats.intervals import wilson, wilson_many

Codes = NDArray[np.int64]
Mask = NDArray[np.bool_]
Float = NDArray[np.float64]
LEVEL = 0.999
BLOCK = 65_536  # rows counted at a time


@dataclass(frozen=True, slots=True)
class WeakSlice:
    """One slice of a decision list: an item belongs to the first slice of the list that it fits.

    Attributes:
        conditions: (column, code) pairs that all hold; none for whatever the others leave.
        group: the group it is confined to (a predicted class), None for all.
        n, failures: items that reach it, and how many of them fail.
    """

    conditions: tuple[tuple[int, int], ...]
    group: int | None
    n: int
    failures: int

    @property
    def rest(self) -> bool:
        """Whether it takes everything that reaches it."""
        return not self.conditions and self.group is None

    def inside(self, codes: Codes, groups: Codes | None) -> Mask:
        """(n,) which items fit it, whatever came before. Without ``groups`` a slice of a group holds nothing."""
        mask = np.ones(len(codes), bool)
        for column, code in self.conditions:
            mask &= codes[:, column] == code
        if self.group is not None:
            mask &= groups == self.group if groups is not None else False
        return mask


def cover(
    codes: Codes,
    failed: Mask,
    groups: Codes | None = None,
    *,
    beta: float = 0.9,
    depth: int = 2,
    least: int = 20,
    most: int = 30,
) -> tuple[WeakSlice, ...]:
    """The slices with the highest error rates, one after another, until they hold ``beta`` of the failures.

    For slices that do not overlap and are large this is HiBug's rule. Where they overlap, an item counts once, in the
    first slice that holds it, and rates are those of the items still left. Thousands of slices are compared, so the
    order is by the lower end of the 99.9 % Wilson interval of the error rate, and a condition stays only where that end lies
    above the rate without it: neither a few unlucky items nor decorated copies of one slice come first. When no
    slice of at least ``least`` items is surely worse than all that is left, that comes last, as one slice without conditions.

    Args:
        codes: (n, columns) value of each column as a number; negative where unknown.
        failed: (n,) failures.
        groups: (n,) a further partition that may be one of the conditions.
        beta: share of the failures to cover, in (0, 1].
        depth: most conditions on columns, 0 to 2.
        least: fewest items of a slice.
        most: slices at most; what remains to be covered is then left to the last one.
    """
    if not 0 < beta <= 1 or not 0 <= depth <= 2 or least < 1 or most < 1:
        raise ValueError("beta lies in (0, 1], depth in 0 to 2, least and most are at least 1")
    wanted = beta * int(failed.sum()) - 1e-9
    search = _Search(codes, failed, groups, depth, least)
    left, covered = np.ones(len(codes), bool), 0
    made: list[WeakSlice] = []
    while covered < wanted:
        last = len(made) == most - 1
        best = None if last else search.worst(left)
        if best is None or best.rest:
            best = _counted((), None, codes, failed, groups, left)
        else:
            best = _simplest(best, codes, failed, groups, left)
        made.append(best)
        covered += best.failures
        left &= ~best.inside(codes, groups)
    return tuple(made)


def _simplest(one: WeakSlice, codes: Codes, failed: Mask, groups: Codes | None, left: Mask) -> WeakSlice:
    """The slice without conditions that do not surely raise its error rate."""
    while True:
        low = wilson(one.failures, one.n, LEVEL)[0]
        shorter = [
            _counted(one.conditions[:i] + one.conditions[i + 1 :], one.group, codes, failed, groups, left)
            for i in range(len(one.conditions))
        ]
        if one.group is not None:
            shorter.append(_counted(one.conditions, None, codes, failed, groups, left))
        as_bad = [s for s in shorter if s.failures / s.n >= low and not s.rest]
        if not as_bad:
            return one
        one = max(as_bad, key=lambda s: (wilson(s.failures, s.n, LEVEL)[0], s.n))


def _counted(
    conditions: tuple[tuple[int, int], ...],
    group: int | None,
    codes: Codes,
    failed: Mask,
    groups: Codes | None,
    left: Mask,
) -> WeakSlice:
    """A slice of the items left, with its numbers."""
    inside = WeakSlice(conditions, group, 0, 0).inside(codes, groups) & left
    return WeakSlice(conditions, group, int(inside.sum()), int((inside & failed).sum()))


def assign(slices: Sequence[WeakSlice], codes: Codes, groups: Codes | None) -> Codes:
    """(n,) position of the first slice that each item fits; −1 where it fits none."""
    place = np.full(len(codes), -1, np.int64)
    for i, one in enumerate(slices):
        place[(place < 0) & one.inside(codes, groups)] = i
    return place


def _conditions(codes: Codes) -> tuple[list[tuple[int, int]], Mask]:
    """Every (column, code) that occurs, and (n, conditions) where it holds."""
    names = [(j, int(v)) for j in range(codes.shape[1]) for v in np.unique(codes[:, j]) if v >= 0]
    held = np.zeros((len(codes), len(names)), bool)
    for k, (j, v) in enumerate(names):
        held[:, k] = codes[:, j] == v
    return names, held


Key = tuple[float, int, int]  # lower end of the error rate, simplicity, failures: larger is worse
Found = tuple[Key, WeakSlice] | None


class _Search:
    """The worst slice among the items left, again and again; what did not change since is not counted again."""

    def __init__(self, codes: Codes, failed: Mask, groups: Codes | None, depth: int, least: int) -> None:
        self.names, self.held = _conditions(codes)
        self.failed, self.groups, self.depth, self.least = failed, groups, depth, least
        self._known: dict[int, tuple[int, Found]] = {}

    def worst(self, left: Mask) -> WeakSlice | None:
        """The slice whose error rate is surely the highest; simple ones win ties.

        None where no slice is surely worse than all that is left.
        """
        base = float(self.failed[left].mean()) if left.any() else 1.0
        best: tuple[Key, WeakSlice | None] = ((base, 0, 0), None)
        whole = self._of_scope(None, np.flatnonzero(left))
        if whole is not None and whole[0] > best[0]:
            best = whole
        for group, rows in self._groups(left):
            failures = int(self.failed[rows].sum())
            if wilson(failures, max(failures, self.least), LEVEL)[0] < best[0][0]:
                continue  # even a slice of nothing but its failures would not be the worst
            known = self._known.get(group)
            if known is None or known[0] != len(rows):
                self._known[group] = known = (len(rows), self._of_scope(group, rows))
            if known[1] is not None and known[1][0] > best[0]:
                best = known[1]
        return best[1]

    def _groups(self, left: Mask) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """Rows of each group that is large enough."""
        if self.groups is None:
            return
        rows = np.flatnonzero(left & (self.groups >= 0))
        rows = rows[np.argsort(self.groups[rows], kind="stable")]
        names, starts = np.unique(self.groups[rows], return_index=True)
        for name, part in zip(names.tolist(), np.split(rows, starts[1:]), strict=bool(len(rows))):
            if len(part) >= self.least:
                yield int(name), part

    def _of_scope(self, group: int | None, rows: NDArray[np.int64]) -> Found:
        """The worst slice among some rows."""
        best: Found = None
        for conditions, n, k in self._candidates(rows):
            if not len(n):
                continue
            low = wilson_many(k, n, LEVEL)[:, 0].round(12)
            i = int(np.lexsort((-k, -low))[0])
            key = (float(low[i]), -len(conditions[i]) - (group is not None), int(k[i]))
            if best is None or key > best[0]:
                best = key, WeakSlice(conditions[i], group, int(n[i]), int(k[i]))
        return best

    def _candidates(
        self, rows: NDArray[np.int64]
    ) -> Iterator[tuple[Sequence[tuple[tuple[int, int], ...]], Codes, Codes]]:
        """Large enough slices with failures, by number of conditions: (conditions, (m,) items, (m,) failures)."""
        failures = int(self.failed[rows].sum())
        if not failures or len(rows) < self.least:
            return
        yield [()], np.array([len(rows)]), np.array([failures])
        if self.depth == 0 or not self.names:
            return
        both_n, both_k = _together(self.held, rows), _together(self.held, rows[self.failed[rows]])
        n, k = both_n.diagonal(), both_k.diagonal()
        kept = np.flatnonzero((n >= self.least) & (k > 0)).tolist()
        yield [(self.names[i],) for i in kept], n[kept], k[kept]
        if self.depth == 1:
            return
        column = np.array([j for j, _ in self.names])
        fit = np.triu((both_n >= self.least) & (both_k > 0), 1) & (column[:, None] != column[None])
        first, second = np.nonzero(fit)
        pairs = [(self.names[i], self.names[j]) for i, j in zip(first.tolist(), second.tolist(), strict=True)]
        yield pairs, both_n[first, second], both_k[first, second]


def _together(held: Mask, rows: NDArray[np.int64]) -> Codes:
    """(conditions, conditions) how many of ``rows`` meet both; block by block, so that memory is bounded."""
    counts = np.zeros((held.shape[1], held.shape[1]), np.int64)
    for start in range(0, len(rows), BLOCK):
        part = held[rows[start : start + BLOCK]].astype(np.float32)
        counts += np.rint(part.T @ part).astype(np.int64)
    return counts


def largest_remainder(total: int, weights: Sequence[float]) -> list[int]:
    """``total`` in whole parts proportional to ``weights`` (Hamilton's method); parts sum to ``total`` exactly.

    Equal remainders go to the earlier part. All weights 0, or none: nothing is given.
    """
    whole = float(sum(weights))
    if total < 0 or any(w < 0 for w in weights):
        raise ValueError("neither the total nor a weight may be negative")
    if whole <= 0:
        return [0] * len(weights)
    exact = [total * w / whole for w in weights]
    parts = [int(e + 1e-9) for e in exact]
    order = sorted(range(len(parts)), key=lambda i: (-(round(exact[i] - parts[i], 9)), i))
    for i in order[: total - sum(parts)]:
        parts[i] += 1
    return parts


def share_out(total: int, weights: Sequence[float], caps: Sequence[int]) -> list[int]:
    """As :func:`largest_remainder`, but no part exceeds its cap: what one can't take goes to the others.

    Parts sum to ``total``, or to the sum of the caps of parts with a weight where that is less.
    """
    parts = [0] * len(weights)
    open_ = [i for i, w in enumerate(weights) if w > 0 and caps[i] > 0]
    rest = total
    while rest > 0 and open_:
        given = largest_remainder(rest, [weights[i] for i in open_])
        for i, more in zip(open_, given, strict=True):
            taken = min(more, caps[i] - parts[i])
            parts[i] += taken
            rest -= taken
        open_ = [i for i in open_ if parts[i] < caps[i]]
    return parts


def k_center(x: NDArray[np.float32], take: int, known: NDArray[np.float32] | None = None) -> Codes:
    """Positions of ``take`` points, each the farthest from all chosen and all ``known`` ones (greedy k-centre).

    Sener & Savarese 2018, ICLR (core-set selection), algorithm 1. Without known points it begins with the point
    nearest to the mean. Equal distances go to the earlier point.

    Args:
        x: (n, c) points.
        take: how many, at most n.
        known: (m, c) points that are covered already.
    """
    if not len(x):
        return np.zeros(0, np.int64)
    norms = (x.astype(np.float64) ** 2).sum(1)
    nearest = np.full(len(x), np.inf)
    for point in known if known is not None else ():
        nearest = np.minimum(nearest, _squared(x, norms, point))
    chosen: list[int] = []
    start = (
        int(_squared(x, norms, x.mean(0)).argmin())
        if known is None or not len(known)
        else int(nearest.argmax())
    )
    for _ in range(min(take, len(x))):
        best = start if not chosen else int(nearest.argmax())
        chosen.append(best)
        nearest = np.minimum(nearest, _squared(x, norms, x[best]))
        nearest[chosen[-1]] = -1.0
    return np.array(chosen, np.int64)


def _squared(x: NDArray[np.float32], norms: Float, point: NDArray[np.float32]) -> Float:
    """(n,) squared distances to one point."""
    p = point.astype(np.float64)
    made: Float = np.maximum(norms - 2.0 * (x @ point).astype(np.float64) + float(p @ p), 0.0)
    return made
