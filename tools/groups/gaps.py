"""Every group of a case, alone and crossed with another column, measured against the other images."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Interval, Tried, group_key
from failsight.tools.experiments.population import missing_word
from failsight.tools.slices.columns import Coded
from failsight.tools.stats.groups import Gap, Spread, gap, spread
from failsight.tools.stats.intervals import mean_interval, newcombe, wilson
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.stats.power import smallest_rate_difference
from failsight.tools.stats.slices.clusters import mean_cluster_interval, rate_interval, wider

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
MOST_CELLS = 600  # crossed groups tested, the largest first; chosen by size, which says nothing about errors
FEWEST_OF_CLASS = 10  # images of a class in a group before its rates are compared
LEVEL = 0.05


@dataclass(frozen=True)
class Images:
    """The labelled images that take part. All arrays (n,).

    Attributes:
        at: places in the prediction table. labels, predicted: classes.
        confidence: of the prediction, None for a black box without scores.
        sources: what an image comes from, or None where each counts by itself.
    """

    at: Ints
    labels: Ints
    predicted: Ints
    confidence: Floats | None
    sources: Ints | None = None
    wrong: Mask = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "wrong", self.labels != self.predicted)


@dataclass(frozen=True)
class Group:
    """One group against the other images whose value is known.

    Attributes:
        names, values: its one or two columns and their values.
        inside: (n,) its images. n: their number. right: those answered right. accuracy_ci: Wilson, for as many images as their sources leave.
        raw: its error rate minus that of the others, as it is.
        gap: the same at equal class proportions.
        p: of the gap; for crossed groups the largest of the p against all others and against each column's same value alone.
        q: Benjamini–Hochberg over everything tested, by earlier tables too.
        overconfidence: mean confidence minus accuracy, and its interval; None without scores.
        detectable: the smallest gap that would have been seen with 80 % power at the corrected level; None where images
            do not count by themselves.
        others: (n,) what it is compared with.
        beside: what is left of it without other confirmed groups that have most of its excess, a sentence each.
        follows: name of the one that it can't stand beside; empty where it stands.
    """

    names: tuple[str, ...]
    values: tuple[str, ...]
    inside: Mask
    n: int
    right: int
    accuracy_ci: Interval
    raw: float
    gap: Gap
    p: float
    overconfidence: tuple[float, Interval] | None
    error_out: float
    others: Mask
    detectable: float | None = None
    q: float = 1.0
    beside: tuple[str, ...] = ()
    follows: str = ""

    @property
    def accuracy(self) -> float:
        return self.right / self.n

    @property
    def label(self) -> str:
        return " & ".join(f"{a}={b}" for a, b in zip(self.names, self.values, strict=True))

    @property
    def slice(self) -> dict[str, str]:
        """Column → value."""
        return dict(zip(self.names, self.values, strict=True))

    def verdict(self, least: float) -> str:
        """``confirmed``, ``follows`` (it is worse, but by another confirmed group), ``excluded`` (a gap of ``least`` or more is),
        ``undecided``, or ``not comparable``."""
        if not math.isfinite(self.gap.value):
            return "not comparable"
        if self.q <= LEVEL and self.gap.value >= least and self.gap.ci[0] > 0:
            return "follows" if self.follows else "confirmed"
        return "excluded" if self.gap.ci[1] < least else "undecided"


@dataclass(frozen=True)
class Odds:
    """Largest difference between two groups of a column in how often a class is recognised (recall), or wrongly given (fpr)."""

    column: str
    kind: str
    class_index: int
    high: str
    low: str
    value: float
    ci: Interval


@dataclass(frozen=True)
class Groups:
    """Everything that was measured.

    Attributes:
        single, crossed: groups that are large enough.
        spreads: column → worst against best, with its q.
        odds: two for each column where they could be compared.
        small: names of groups that are too small. cut: crossed groups not looked at because there are too many.
        tests: how many were corrected for. before: how many of these only earlier tables of the case tested.
        overruled: labels of groups that an earlier table compared with images counted together, which this one does not do:
            the larger p and the wider interval of the two stand.
        ps: the p of every test that is corrected for: those of ``all`` that can be compared come first, in their order.
    """

    single: tuple[Group, ...]
    crossed: tuple[Group, ...]
    spreads: dict[str, tuple[Spread, float]]
    odds: tuple[Odds, ...]
    small: tuple[str, ...]
    cut: int
    tests: int
    before: int = 0
    overruled: tuple[str, ...] = ()
    ps: tuple[float, ...] = ()

    @property
    def all(self) -> tuple[Group, ...]:
        return (*self.single, *self.crossed)


def measure(
    images: Images,
    columns: Sequence[Coded],
    least: int,
    crossed: bool,
    earlier: Mapping[str, Tried] | None = None,
    split: str = "data",
) -> Groups:
    """Measure and test all groups of at least ``least`` images; correct over all of them together.

    Args:
        earlier: what earlier tables of the case tested on these images, by group: these tests are corrected for, too.
        split: which images these are.
    """
    earlier = earlier or {}
    single, small = [], []
    spreads: dict[str, Spread] = {}
    for column in columns:
        large, few = _singles(images, column, least)
        small += few
        single += [g for _, g in large]
        found = spread(
            images.wrong,
            column.codes,
            images.labels,
            [c for c, _ in large if c >= 0],
            [g.gap.value for c, g in large if c >= 0],
            images.sources,
        )
        if found is not None:
            spreads[column.name] = found
    cells, cut = _cells(images, columns, least) if crossed else ([], 0)
    plain = [*single, *cells]
    groups = [g if images.sources is not None else _beside(g, earlier, split) for g in plain]
    tests = [g.p for g in groups if math.isfinite(g.gap.value)] + [s.p for s in spreads.values()]
    again = {group_key(g.slice, None, split) for g in groups}
    again |= {group_key(spread_slice(name), None, split) for name in spreads}
    before = [t.test.p for key, t in earlier.items() if key not in again]
    q = iter(benjamini_hochberg([*tests, *before]).tolist())
    total = len(tests) + len(before)
    judged = [_judged(g, q, total, images.sources is not None) for g in groups]
    return Groups(
        single=tuple(judged[: len(single)]),
        crossed=tuple(judged[len(single) :]),
        spreads={name: (s, next(q)) for name, s in spreads.items()},
        odds=tuple(o for c in columns for o in odds(images, c, least)),
        small=tuple(small),
        cut=cut,
        tests=total,
        before=len(before),
        overruled=tuple(g.label for g, one in zip(groups, plain, strict=True) if g is not one),
        ps=(*tests, *before),
    )


def spread_slice(column: str) -> dict[str, str]:
    """How the test of a column's worst against its best group is named among the tests of groups."""
    return {column: "worst against best"}


def _singles(images: Images, column: Coded, least: int) -> tuple[list[tuple[int, Group]], list[str]]:
    """The groups of one column, and last that of the images without a value (code −1); and the names of those too small."""
    large, small = [], []
    named = [*enumerate(column.values), (-1, missing_word(column.values))]
    for code, value in named:
        inside = column.codes == code
        known = column.codes >= 0 if code >= 0 else np.ones(len(inside), bool)
        if inside.sum() >= least:
            large.append((code, _group(images, (column.name,), (value,), inside, [known])))
        elif inside.any():
            small.append(f"{column.name}={value} ({int(inside.sum())})")
    return large, small


def _beside(group: Group, earlier: Mapping[str, Tried], split: str) -> Group:
    """A group whose images count by themselves, with what counting them together said of it before: that overrules."""
    known = earlier.get(group_key(group.slice, None, split))
    if known is None or not known.test.together or not math.isfinite(group.gap.value):
        return group
    if known.test.p <= group.p and wider(group.gap.ci, known.test.ci) == group.gap.ci:
        return group
    made = replace(group.gap, ci=wider(group.gap.ci, known.test.ci), p=max(group.gap.p, known.test.p))
    return replace(group, gap=made, p=max(group.p, known.test.p))


def _judged(group: Group, q: Iterator[float], tests: int, sourced: bool) -> Group:
    if not math.isfinite(group.gap.value):
        return group
    seen = None  # images of one source count together: how many sources a gap needs, their number alone can't say
    if not sourced:
        seen = smallest_rate_difference(group.gap.n, group.error_out, group.gap.n_out, LEVEL / max(tests, 1))
    return replace(group, q=next(q), detectable=seen)


def _cells(images: Images, columns: Sequence[Coded], least: int) -> tuple[list[Group], int]:
    """Pairs of values of two columns, the largest first, and how many were left out."""
    found: list[tuple[int, Coded, int, Coded, int]] = []
    for a, b in combinations(columns, 2):
        known = (a.codes >= 0) & (b.codes >= 0)
        joint = np.bincount(
            a.codes[known] * len(b.values) + b.codes[known], minlength=len(a.values) * len(b.values)
        )
        width = len(b.values)
        found += [
            (int(joint[k]), a, int(k) // width, b, int(k) % width) for k in np.flatnonzero(joint >= least)
        ]
    found.sort(key=lambda f: (-f[0], f[1].name, f[2], f[3].name, f[4]))
    made = []
    for _, a, i, b, j in found[:MOST_CELLS]:
        first, second, known = a.codes == i, b.codes == j, (a.codes >= 0) & (b.codes >= 0)
        if (first & known).sum() == (first & second).sum() or (second & known).sum() == (
            first & second
        ).sum():
            continue  # one value implies the other: the crossed group is a plain one
        names, values = (a.name, b.name), (a.values[i], b.values[j])
        made.append(_group(images, names, values, first & second, [known, first & known, second & known]))
    return made, max(0, len(found) - MOST_CELLS)


def _group(
    images: Images, names: tuple[str, ...], values: tuple[str, ...], inside: Mask, within: Sequence[Mask]
) -> Group:
    """A group against the rest of ``within[0]``, and (for its p) against the rest of each further population."""
    others = within[0] & ~inside
    n, n_out = int(inside.sum()), int(others.sum())
    wrong, wrong_out = int(images.wrong[inside].sum()), int(images.wrong[others].sum())
    gaps = [gap(images.wrong, inside, w & ~inside, images.labels, images.sources) for w in within]
    return Group(
        names=names,
        values=values,
        inside=inside,
        n=n,
        right=n - wrong,
        accuracy_ci=_share(images, inside),
        raw=wrong / n - wrong_out / n_out if n_out else math.nan,
        gap=gaps[0],
        p=max(g.p for g in gaps),
        overconfidence=_overconfidence(images, inside),
        error_out=wrong_out / n_out if n_out else 0.0,
        others=others,
    )


def _share(images: Images, inside: Mask) -> Interval:
    """Interval of the share that is right: Wilson's, or where images come from the same sources the wider of the two."""
    right = ~images.wrong[inside]
    plain = wilson(int(right.sum()), len(right))
    return plain if images.sources is None else wider(plain, rate_interval(right, images.sources[inside]))


def _overconfidence(images: Images, inside: Mask) -> tuple[float, Interval] | None:
    if images.confidence is None:
        return None
    off = images.confidence[inside] - ~images.wrong[inside]
    low, high = mean_interval(off)
    if images.sources is not None:
        of_sources = mean_cluster_interval(off, images.sources[inside])
        low, high = wider((low, high), of_sources) if math.isfinite(of_sources[0]) else of_sources
    return float(off.mean()), (max(-1.0, low), min(1.0, high)) if math.isfinite(low) else (-1.0, 1.0)


def odds(images: Images, column: Coded, least: int) -> list[Odds]:
    """Equalised-odds gaps of one column: over all classes, the two groups that differ most in recall and in false positives.

    The interval is Newcombe's, corrected (Bonferroni) for the pairs and classes it was picked from.
    """
    codes = [c for c in range(len(column.values)) if (column.codes == c).sum() >= least]
    made = []
    for kind in ("recall", "fpr"):
        best: tuple[float, int, int, int] | None = None
        rates: dict[tuple[int, int], tuple[int, int]] = {}
        looked = 0
        for k in np.unique(images.labels):
            true = images.labels == k
            base = true if kind == "recall" else ~true
            for c in codes:
                inside = base & (column.codes == c)
                n = int(inside.sum())
                if n >= FEWEST_OF_CLASS:
                    rates[(int(k), c)] = int((images.predicted[inside] == k).sum()), n
            there = [c for c in codes if (int(k), c) in rates]
            looked += len(there) * (len(there) - 1) // 2
            for a, b in combinations(there, 2):
                (x, m), (y, n) = rates[(int(k), a)], rates[(int(k), b)]
                off = x / m - y / n
                if best is None or abs(off) > best[0]:
                    best = (abs(off), int(k), a if off >= 0 else b, b if off >= 0 else a)
        if best is not None:
            value, k, high, low = best
            ci = newcombe(*rates[(k, high)], *rates[(k, low)], 1 - LEVEL / looked)
            made.append(Odds(column.name, kind, k, column.values[high], column.values[low], value, ci))
    return made
