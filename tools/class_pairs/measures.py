"""Two classes side by side: how their images differ, how far apart they lie, what goes with being confused. Pure functions.

Attributes are compared by permutation of the class (numbers: Kolmogorov–Smirnov distance; categories: chi-squared), and
between images taken for the other class and all others within the true class; Benjamini–Hochberg runs over all attributes
of either question.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from failsight.tools.inputs.base import AttributeTable
from failsight.tools.slices.columns import FEW_VALUES, Coded, encode_column
from failsight.tools.stats.intervals import Interval, wilson
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.stats.projection import neighbours
from failsight.tools.stats.sample_shift import (
    CategoricalShift,
    NumericShift,
    categorical_shift,
    numeric_shift,
)
from failsight.tools.stats.two_sample import Auc, fold_numbers, permutation_p, reduced, separate

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
PERMUTATIONS = 1999
LEAST = 5  # images of either side that a comparison needs
MOST_EACH = 2000  # images of a class whose features are compared
DRAWS = 399


@dataclass(frozen=True, slots=True)
class Column:
    """One attribute of the images at hand: numbers as they are, categories coded."""

    name: str
    source: str
    numbers: Floats | None
    coded: Coded | None

    @property
    def known(self) -> Mask:
        """Images that have a value."""
        if self.numbers is not None:
            return np.isfinite(self.numbers)
        known: Mask = self.coded.codes >= 0 if self.coded is not None else np.zeros(0, bool)
        return known

    def of(self, keep: Mask) -> Column:
        """The same for some of the images."""
        coded = replace(self.coded, codes=self.coded.codes[keep]) if self.coded is not None else None
        return replace(self, numbers=self.numbers[keep] if self.numbers is not None else None, coded=coded)


@dataclass(frozen=True, slots=True)
class Difference:
    """One attribute in two groups of images; exactly one of ``number`` and ``category`` is set. ``q`` over all attributes."""

    column: Column
    number: NumericShift | None
    category: CategoricalShift | None
    q: float
    n: tuple[int, int]

    @property
    def p(self) -> float:
        """Uncorrected."""
        found = self.number or self.category
        return found.p if found is not None else 1.0

    @property
    def size(self) -> float:
        """How large it is, for sorting: distance of distributions, or Cramér's V; both in [0, 1]."""
        return self.number.distance if self.number else self.category.v if self.category else 0.0


def columns_of(table: AttributeTable, keep: Mask, wanted: Sequence[str] | None) -> list[Column]:
    """The attributes of some images, those that are all alike left out; ``wanted`` only, where given."""
    made = []
    for name in wanted or table.columns:
        values = table.columns[name][keep]
        source = table.sources.get(name, "")
        if values.dtype != object:
            numbers = np.asarray(values, np.float64)
            known = np.unique(numbers[np.isfinite(numbers)])
            if len(known) > FEW_VALUES:
                made.append(Column(name, source, numbers, None))
                continue
            if len(known) < 2:
                continue
        elif name in table.unusable and not wanted:
            continue
        coded = encode_column(name, source, values)
        if len(coded.values) > 1:
            made.append(Column(name, source, None, coded))
    return made


def differences(
    columns: Sequence[Column],
    target: Mask,
    strata: Ints,
    *,
    seed: int,
    advance: Callable[[], None] = lambda: None,
) -> list[Difference]:
    """Every attribute between the images that are ``target`` and the others, within strata; the surest first.

    Attributes that fewer than LEAST images of either side have are left out.
    """
    made = []
    for column in columns:
        advance()
        known = column.known
        sides = int((known & target).sum()), int((known & ~target).sum())
        if min(sides) < LEAST:
            continue
        if column.numbers is not None:
            number = numeric_shift(
                column.numbers[known], target[known], strata[known], permutations=PERMUTATIONS, seed=seed
            )
            if number is not None:
                made.append(Difference(column, number, None, 1.0, sides))
        elif column.coded is not None:
            category = categorical_shift(column.coded.codes[known], target[known], strata[known], seed=seed)
            if category is not None:
                made.append(Difference(column, None, category, 1.0, sides))
    if not made:
        return []
    q = benjamini_hochberg([d.p for d in made])
    made = [replace(d, q=float(v)) for d, v in zip(made, q, strict=True)]
    return sorted(made, key=lambda d: (d.q, -d.size))


@dataclass(frozen=True, slots=True)
class Apart:
    """How far two classes lie apart in a feature space.

    Attributes:
        auc: of a classifier that never saw the image: 0.5 one cloud, 1 apart. p: permutation p that they are one cloud.
        mixed: share of images whose nearest other image is of the other class; ``mixed_ci``; ``by_chance``: that share
            if the classes were one cloud.
        distance: of the class means, in typical distances of an image from its own class mean.
        typical: positions of the images nearest to their class mean, first and second class.
        alike: pairs of positions (first class, second class), the nearest first; every image in one pair only.
        n: images of either class that were compared.
    """

    auc: Auc
    p: float
    mixed: float
    mixed_ci: Interval
    by_chance: float
    distance: float
    typical: tuple[Ints, Ints]
    alike: tuple[tuple[int, int], ...]
    n: tuple[int, int]


def apart(features: npt.NDArray[np.floating], second: Mask, *, seed: int, shown: int = 4) -> Apart | None:  # type: ignore[type-arg]
    """Compare two clouds of features; None when either has fewer than LEAST images.

    Args:
        features: (n, c). second: (n,) whether the image is of the second class. shown: how many examples to name.
    """
    rng = np.random.default_rng([seed, 3])
    keep = []
    for side in (~second, second):
        at = np.flatnonzero(side)
        keep.append(np.sort(rng.permutation(at)[:MOST_EACH]))
    if min(len(k) for k in keep) < LEAST:
        return None
    at = np.concatenate(keep)
    x, y = reduced(features[at]), second[at]
    if x.shape[1] == 0:
        return None
    strata = np.zeros(len(at), np.int64)
    folds = fold_numbers(y, strata, seed)
    found = separate(x, y, folds)
    p = permutation_p(x, y, folds, strata, seed, DRAWS)
    raw = np.asarray(features[at], np.float64)
    nearest = neighbours(raw, 1)[0][:, 0]
    other = int((y[nearest] != y).sum())
    n = len(keep[0]), len(keep[1])
    by_chance = 2 * n[0] * n[1] / (len(at) * (len(at) - 1))
    means = raw[~y].mean(0), raw[y].mean(0)
    spread = np.concatenate(
        [np.linalg.norm(raw[~y] - means[0], axis=1), np.linalg.norm(raw[y] - means[1], axis=1)]
    )
    typical = float(np.median(spread))
    gap = float(np.linalg.norm(means[0] - means[1]))
    return Apart(
        auc=found.auc,
        p=p,
        mixed=other / len(at),
        mixed_ci=wilson(other, len(at)),
        by_chance=by_chance,
        distance=gap / typical if typical > 0 else math.inf if gap else 0.0,
        typical=(
            keep[0][np.argsort(spread[: n[0]], kind="stable")[:shown]],
            keep[1][np.argsort(spread[n[0] :], kind="stable")[:shown]],
        ),
        alike=_alike(raw[~y], raw[y], keep[0], keep[1], shown // 2),
        n=n,
    )


def _alike(a: Floats, b: Floats, at_a: Ints, at_b: Ints, most: int) -> tuple[tuple[int, int], ...]:
    """The nearest pairs across the classes, each image once."""
    d = (a**2).sum(1)[:, None] - 2 * a @ b.T + (b**2).sum(1)
    made = []
    for _ in range(min(most, len(a), len(b))):
        i, j = np.unravel_index(int(d.argmin()), d.shape)
        made.append((int(at_a[i]), int(at_b[j])))
        d[i, :] = np.inf
        d[:, j] = np.inf
    return tuple(made)
