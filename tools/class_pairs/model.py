"""What is compared when classes are set side by side: who they are, and what was measured of each pair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from failsight.tools.class_pairs.measures import Apart, Difference
from failsight.tools.inputs.base import Predictions, Split
from failsight.tools.performance import Performance
from failsight.tools.stats.intervals import newcombe
from failsight.tools.stats.tests import fisher_exact
from failsight.tools.text import clean, number

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Classes:
    """Who is compared: names, indices, images in each split, performance, confident counts of labels against answers."""

    names: tuple[str, ...]
    index: tuple[int, ...]
    counts: Mapping[str, tuple[int, ...]]
    performance: Performance | None
    suspects: Ints | None


@dataclass
class Pair:
    """Two of them (positions in ``Classes``) and what was measured.

    ``rows``, ``target``: images of both in the attribute table and whether they are of the second; ``outcome``: 1 taken for
    the other, 0 recognised, 2 taken for a third class, −1 no answer. ``space``: how far apart, and the rows that its positions stand for.
    """

    first: int
    second: int
    attributes: list[Difference] = field(default_factory=list)
    confused: list[Difference] = field(default_factory=list)
    space: tuple[Apart, Ints] | None = None
    rows: Ints = field(default_factory=lambda: np.zeros(0, np.int64))
    target: npt.NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    outcome: npt.NDArray[np.int8] | None = None


@dataclass(frozen=True, slots=True)
class Recalls:
    """The recalls of two classes side by side: ``k`` of ``n`` recognised, and ``r`` of ``m``.

    ``ci`` is Newcombe's interval of k / n − r / m, ``p`` Fisher's exact test that the two are equal (two-sided).
    """

    k: int
    n: int
    r: int
    m: int
    ci: tuple[float, float]
    p: float

    @property
    def gap(self) -> float:
        """First minus second, in [−1, 1]."""
        return self.k / self.n - self.r / self.m


@dataclass(frozen=True, slots=True)
class Compared:
    """The whole comparison; the first pair is the one that was asked about."""

    split: Split
    about: Classes
    pairs: list[Pair]
    predictions: Predictions | None
    space: str

    def names(self, pair: Pair) -> tuple[str, str]:
        """Names of a pair, fit for a sentence."""
        return clean(self.about.names[pair.first], 60), clean(self.about.names[pair.second], 60)

    def recalls(self, pair: Pair) -> Recalls | None:
        """Whether one of a pair is recognised more often than the other; None where either has no answered image."""
        k, n = self.taken(pair.first, pair.first)
        r, m = self.taken(pair.second, pair.second)
        return Recalls(k, n, r, m, newcombe(k, n, r, m), fisher_exact(k, n, r, m)) if n and m else None

    def taken(self, i: int, j: int) -> tuple[int, int]:
        """(images of class ``i`` taken for ``j``, images of class ``i`` with an answer), by position."""
        made = self.about.performance
        if made is None:
            return 0, 0
        row = made.confusion[self.about.index[i]]
        return int(row[self.about.index[j]]), int(row.sum())


def shown_value(d: Difference) -> tuple[str, int, float, float]:
    """(value, its code, share in the first group, in the second) that speaks for a category: the one that differs most; of yes and no, yes."""
    assert d.category is not None
    assert d.column.coded is not None
    values, c = d.column.coded.values, d.category
    if len(values) == 2 and {v.casefold() for v in values} == {"yes", "no"}:
        yes = 0 if values[0].casefold() == "yes" else 1
        if yes != c.value:
            return values[yes], yes, abs(round(1 - c.before, 12)), abs(round(1 - c.after, 12))
    return values[c.value], c.value, c.before, c.after


def in_words(d: Difference, a: str, b: str) -> str:
    """One difference in words: medians, or the shares of the value that differs most."""
    name = clean(d.column.name, 40)
    if d.number is not None:
        return f"{name} (median {d.number.before:.3g} in {a}, {d.number.after:.3g} in {b})"
    value, _, before, after = shown_value(d)
    return f"{name} = {clean(value, 40)} ({number(before)} of {a}, {number(after)} of {b})"
