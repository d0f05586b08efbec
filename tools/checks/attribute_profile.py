"""Each attribute of a split: how often each value occurs, how often the model errs there, and what it goes with."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from failsight.tools.slices.columns import Coded
from failsight.tools.stats.contingency import cramers_v, cramers_v_interval
from failsight.tools.stats.intervals import wilson_many

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

MOST_STRATA = (
    40  # classes compared within themselves; of more, classes of similar error rate are put together
)
BINS = 20
RESAMPLES = 400
MOST_CELLS = 600_000  # cells drawn for one interval: a tenth of a second
MOST_OF_ONE = 6  # values of one attribute that become columns
NEARLY = 0.9  # Cramér's V from which two attributes tell nearly the same


@dataclass(frozen=True, slots=True)
class Strength:
    """Cramér's V with its 95 % interval: 0 (tells nothing) to 1 (tells all)."""

    value: float
    ci: tuple[float, float]


@dataclass(frozen=True)
class Profile:
    """One attribute.

    Attributes:
        coded: its values.
        counts: (v,) images of each value.
        missing: images without a value, or for which the source abstained.
        errors: (v,) wrong predictions among ``judged``; both without the images that have no label or prediction.
        judged: (v,) images with label and prediction.
        ci: (v, 2) 95 % Wilson intervals of the error rates.
        label: how it goes with the true class (of one class: with being of that class); None where there are no labels.
        prediction: how it goes with the predicted class; None without predictions.
        error: how it goes with being wrong, within the true class; None without either.
        twins: other attributes that tell nearly the same, with V.
    """

    coded: Coded
    counts: Ints
    missing: int
    errors: Ints
    judged: Ints
    ci: Floats
    label: Strength | None
    prediction: Strength | None
    error: Strength | None
    twins: tuple[tuple[str, float], ...] = ()

    @property
    def rates(self) -> Floats:
        """(v,) error rates; NaN where nothing was judged."""
        made: Floats = np.divide(
            self.errors, self.judged, out=np.full(len(self.counts), np.nan), where=self.judged > 0
        )
        return made

    def interval(self, value: int) -> tuple[float, float]:
        """95 % interval of the error rate of one value."""
        return float(self.ci[value, 0]), float(self.ci[value, 1])

    @property
    def telling(self) -> tuple[float, float]:
        """What attributes are sorted by: how they go with errors, then with classes."""
        by_error = self.error.value if self.error else 0.0
        return by_error, max((s.value for s in (self.label, self.prediction) if s), default=0.0)

    def worst(self, least: int) -> int | None:
        """The value with the highest error rate among those of at least ``least`` judged images."""
        rates = np.where(self.judged >= least, self.rates, -1.0)
        return int(rates.argmax()) if len(rates) and rates.max() >= 0 else None


def profiles(
    coded: Sequence[Coded],
    labels: Ints,
    predicted: Ints | None,
    *,
    groups: Ints | None = None,
    seed: int = 0,
    advance: Callable[[], None] = lambda: None,
) -> list[Profile]:
    """Measure every attribute, the most telling first.

    Args:
        coded: attributes of n images.
        labels: (n,) true classes, −1 unknown.
        predicted: (n,) predicted classes, −1 where there is none (neither right nor wrong); None without predictions.
        groups: (n,) images of the same number belong together: in every Cramér's V each group counts as one image.
        advance: called after each attribute.
    """
    strata = _strata(labels, predicted) if predicted is not None else None
    weight = group_weights(groups)
    made = []
    for one in coded:
        made.append(_profile(one, labels, predicted, strata, seed, weight))
        advance()
    twins = alike(coded)
    made = [_with_twins(p, twins) for p in made]
    return sorted(made, key=lambda p: p.telling, reverse=True)


def group_weights(groups: Ints | None) -> Floats | None:
    """(n,) one over the size of an image's group: frames of one burst tell as much as one picture; None without groups."""
    if groups is None:
        return None
    weight: Floats = 1 / np.bincount(groups)[groups]
    return weight


def against_others(
    found: Sequence[Profile],
    whole: Mapping[str, Coded],
    labels: Ints,
    within: int,
    *,
    groups: Ints | None = None,
    seed: int = 0,
) -> list[Profile]:
    """The profiles of one class, each attribute set against all other labelled images.

    Args:
        whole: name → the attribute of all images.
        labels: (n,) true classes of all images.
    """
    sides = np.where(labels < 0, -1, (labels == within).astype(np.int64))
    weight = group_weights(groups)
    made = []
    for one in found:
        full = whole[one.coded.name]
        label = strength(_crossed(full.codes, sides, len(full.values), weight), seed)
        made.append(replace(one, label=label))
    return sorted(made, key=lambda p: p.telling, reverse=True)


def _profile(
    one: Coded, labels: Ints, predicted: Ints | None, strata: Ints | None, seed: int, weight: Floats | None
) -> Profile:
    v, codes = len(one.values), one.codes
    known = codes >= 0
    counts = np.bincount(codes[known], minlength=v)
    labelled = labels >= 0
    judged, errors = np.zeros(v, np.int64), np.zeros(v, np.int64)
    by_label = by_prediction = by_error = None
    if labelled.any():
        by_label = strength(_crossed(codes, labels, v, weight), seed)
    if predicted is not None:
        by_prediction = strength(_crossed(codes, predicted, v, weight), seed)
    if predicted is not None and strata is not None and labelled.any():
        both = known & labelled & (predicted >= 0)
        wrong = predicted != labels
        judged = np.bincount(codes[both], minlength=v)
        errors = np.bincount(codes[both & wrong], minlength=v)
        h = int(strata.max(initial=-1)) + 1
        key = (strata[both] * v + codes[both]) * 2 + wrong[both]
        of = None if weight is None else weight[both]
        table = np.bincount(key, of, minlength=h * v * 2).reshape(h, v, 2)
        if weight is not None:  # what is worth less than two images tells nothing of its own
            table = table[table.sum(axis=(1, 2)) >= 2]
        by_error = strength(table, seed)
    ci = wilson_many(errors, judged)
    return Profile(one, counts, int((~known).sum()), errors, judged, ci, by_label, by_prediction, by_error)


def _strata(labels: Ints, predicted: Ints) -> Ints:
    """(n,) true class, −1 unknown; of many classes those of similar error rate together, so that tables don't thin out."""
    labelled = (labels >= 0) & (predicted >= 0)
    k = int(labels.max(initial=-1)) + 1
    if k <= MOST_STRATA:
        return labels
    size = np.bincount(labels[labelled], minlength=k)
    wrong = np.bincount(labels[labelled & (predicted != labels)], minlength=k)
    rate = wrong / np.maximum(size, 1)
    rank = np.empty(k, np.int64)
    rank[np.argsort(rate, kind="stable")] = np.arange(k) * BINS // k
    return np.where(labelled, rank[np.maximum(labels, 0)], -1)


def _crossed(codes: Ints, classes: Ints, v: int, weight: Floats | None = None) -> npt.NDArray[Any]:
    """(v, classes) counts of the images that have both, or sums of their weights."""
    both = (codes >= 0) & (classes >= 0)
    k = int(classes.max(initial=-1)) + 1
    of = None if weight is None else weight[both]
    made: npt.NDArray[Any] = np.bincount(codes[both] * k + classes[both], of, minlength=v * k).reshape(v, k)
    return made


def strength(table: npt.NDArray[Any], seed: int) -> Strength:
    """V of a table (or of strata of tables) with an interval; drawn less often where tables are large."""
    cells = max(int(table.size), 1)
    resamples = int(np.clip(MOST_CELLS // cells, 100, RESAMPLES))
    value, ci = cramers_v_interval(table, resamples=resamples, seed=seed)
    return Strength(value, ci)


def alike(coded: Sequence[Coded]) -> dict[str, list[tuple[str, float]]]:
    """Attribute → others that tell nearly the same (V ≥ ``NEARLY``), strongest first."""
    found: dict[str, list[tuple[str, float]]] = {}
    for i, one in enumerate(coded):
        for other in coded[:i]:
            v = cramers_v(_crossed(one.codes, other.codes, len(one.values)))
            if v >= NEARLY:
                found.setdefault(one.name, []).append((other.name, v))
                found.setdefault(other.name, []).append((one.name, v))
    return {name: sorted(twins, key=lambda t: -t[1]) for name, twins in found.items()}


def _with_twins(made: Profile, twins: dict[str, list[tuple[str, float]]]) -> Profile:
    return replace(made, twins=tuple(twins.get(made.coded.name, ())))


@dataclass(frozen=True)
class Grid:
    """Classes against attribute values.

    Attributes:
        rows: class of each row; −1 is all other classes together.
        coded: the attributes, in the order of their columns.
        columns: (place among ``coded``, value) of each column.
        n: (rows, columns) images with the value.
        known: (rows, columns) images with any value of that attribute.
        share: n / known; NaN where nothing is known.
        errors, judged: (rows, columns) wrong and judged images.
    """

    rows: Ints
    coded: tuple[Coded, ...]
    columns: tuple[tuple[int, int], ...]
    n: Ints
    known: Ints
    share: Floats
    errors: Ints
    judged: Ints

    @property
    def rates(self) -> Floats:
        """(rows, columns) error rates; NaN where nothing was judged."""
        made: Floats = np.divide(
            self.errors, self.judged, out=np.full(self.n.shape, np.nan), where=self.judged > 0
        )
        return made


def grid(
    coded: Sequence[Coded],
    labels: Ints,
    predicted: Ints | None,
    *,
    only: int | None,
    most_rows: int,
    most_columns: int,
) -> Grid | None:
    """Shares and errors of classes by attribute values, of the first attributes; None without labels.

    Args:
        only: one class, set against all others; by default every class, of many those that stand out most.
    """
    if not (labels >= 0).any() or not coded:
        return None
    columns = _columns(coded, most_columns)
    used = sorted({p for p, _ in columns})
    k = int(labels.max()) + 1
    groups = labels if only is None else np.where(labels < 0, -1, (labels != only).astype(np.int64))
    size = k if only is None else 2
    n, known, errors, judged = (np.zeros((size, len(columns)), np.int64) for _ in range(4))
    answered = np.zeros(len(labels), bool) if predicted is None else (groups >= 0) & (predicted >= 0)
    for p in used:
        codes = coded[p].codes
        for store, keep in (
            (n, groups >= 0),
            (errors, answered & (predicted != labels)),
            (judged, answered),
        ):
            table = _crossed(np.where(keep, codes, -1), groups, len(coded[p].values)).T
            full = np.zeros((size, table.shape[1]), np.int64)
            full[: len(table)] = table
            for c, (place, value) in enumerate(columns):
                if place == p:
                    store[:, c] = full[:, value]
                    if store is n:
                        known[:, c] = full.sum(1)
    share = np.divide(n, known, out=np.full(n.shape, np.nan), where=known > 0)
    rows = np.array([only, -1], np.int64) if only is not None else _standing_out(n, known, most_rows)
    take = np.arange(2) if only is not None else rows
    return Grid(rows, tuple(coded), columns, n[take], known[take], share[take], errors[take], judged[take])


def _columns(coded: Sequence[Coded], most: int) -> tuple[tuple[int, int], ...]:
    """Values of the first attributes, whole attributes at a time; of many values the commonest."""
    made: list[tuple[int, int]] = []
    for p, one in enumerate(coded):
        values = np.arange(len(one.values))
        if len(values) > MOST_OF_ONE and one.edges is None:
            counts = np.bincount(one.codes[one.codes >= 0], minlength=len(values))
            values = np.sort(np.argsort(-counts, kind="stable")[:MOST_OF_ONE])
        if set(one.values) == {"no", "yes"}:
            values = values[[one.values.index("yes")]]  # the other column says the same
        if made and len(made) + len(values) > most:
            break
        made += [(p, int(v)) for v in values]
    return tuple(made[:most])


def _standing_out(n: Ints, known: Ints, most: int) -> Ints:
    """Classes in order; of many those whose shares differ most from the others', by standard errors."""
    present = np.flatnonzero(known.max(1, initial=0) > 0)
    if len(present) <= most:
        return present
    overall = n.sum(0) / np.maximum(known.sum(0), 1)
    spread = np.sqrt(np.maximum(overall * (1 - overall), 1e-9) / np.maximum(known, 1))
    z = np.abs(n / np.maximum(known, 1) - overall) / spread * (known > 0)
    return np.sort(present[np.argsort(-z[present].max(1), kind="stable")[:most]])
