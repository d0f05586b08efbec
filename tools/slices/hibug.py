"""HiBug's own rules for bugs, for comparison: thresholds on rates, without any test.

Chen et al. 2023, *HiBug: On Human-Interpretable Model Debug*, section 3.2: slices whose accuracy lies below the overall
accuracy are bugs; a bug that is seldom in training is a rare case; a description given which one prediction has a
probability above α is a spurious correlation. The code that the authors released asks for more, in fixed numbers
(``RELEASED``); ``rules="released"`` follows that code for single values and goes on likewise for combinations.

Nothing here says whether a slice would show again on other images: every bug is as it was found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Rules = Literal["paper", "released"]
BugKind = Literal["weak_slice", "rare_case", "spurious_correlation"]
Ints = npt.NDArray[np.int64]

#: a share of the training images below which a description counts as seldom; the paper gives no number
RARE = 0.05


@dataclass(frozen=True, slots=True)
class Released:
    """The numbers in the authors' code.

    Attributes:
        below: how far below the overall accuracy a slice must lie.
        shifted: how much larger its share must be here than in training to be put down to a shift.
        rare: multiple of an even share of the values below which it is seldom in training.
        dominant: share of one prediction, among all images of a weak slice or among the errors of any.
    """

    below: float = 0.03
    shifted: float = 0.3
    rare: float = 0.5
    dominant: float = 0.8


RELEASED = Released()


@dataclass(frozen=True, slots=True)
class HiBugBug:
    """One bug by HiBug's rules.

    Attributes:
        kind: ``weak_slice``, ``rare_case`` or ``spurious_correlation``.
        attributes, values: the description: names of the attributes, and the value of each.
        columns, codes: the same as columns of the table and codes in them.
        class_index, class_name: the prediction that goes with the description (a correlation), else None.
        score: what the list is sorted by within a kind: errors in the slice for weak slices and rare cases, the
            probability of the prediction (times the errors, by the released rules) for correlations.
        n: images of the description.
        error: share of them that is wrong.
        probability: P(prediction = class | description), of the errors alone where ``of_errors``; None without a class.
        of_errors: whether only wrong predictions were looked at.
        train_share: share of the training images that meet the description; None without training images.
    """

    kind: BugKind
    attributes: tuple[str, ...]
    values: tuple[str, ...]
    columns: tuple[int, ...]
    codes: tuple[int, ...]
    class_index: int | None
    class_name: str | None
    score: float
    n: int
    error: float
    probability: float | None = None
    of_errors: bool = False
    train_share: float | None = None


def hibug_bugs(
    codes: npt.NDArray[Any],
    value_names: Sequence[Sequence[str]],
    attribute_names: Sequence[str],
    labels: npt.NDArray[Any],
    predicted: npt.NDArray[Any],
    classes: Sequence[str],
    *,
    train_codes: npt.NDArray[Any] | None = None,
    alpha: float = 0.7,
    error_over: float | None = None,
    depth: int = 1,
    rules: Rules = "paper",
    rare: float = RARE,
    min_images: int = 1,
) -> list[HiBugBug]:
    """All bugs by HiBug's rules: correlations first, then rare cases, then weak slices; the highest score first.

    Args:
        codes: (n, a) integer codes; −1 is a missing value: such an image has no description of that attribute.
        value_names: for each attribute, what its codes stand for.
        attribute_names: (a,) names.
        labels, predicted: (n,) classes.
        classes: their names.
        train_codes: (m, a) codes of the training images (−1 throughout for an attribute not known there); without them
            there is no rare case.
        alpha: threshold of a correlation (the paper tries 0.7 and 0.8); the released rules have their own.
        error_over: error above which a slice is a bug; the overall error by default (released: 3 points more).
        depth: most attributes in a description, 1 to 3.
        rules: ``paper`` or ``released``.
        rare: share in training below which a description is seldom (paper).
        min_images: fewest images of a description; HiBug asks for one.

    Raises:
        ValueError: shapes disagree or the depth is out of range.
    """
    table, truth, guess = np.asarray(codes), np.asarray(labels, np.int64), np.asarray(predicted, np.int64)
    if table.ndim != 2 or truth.shape != (len(table),) or guess.shape != (len(table),):
        raise ValueError("codes must be (n, a), labels and predicted (n,)")
    if not 1 <= depth <= 3:
        raise ValueError(f"depth must be 1, 2 or 3, not {depth}")
    if not len(table):
        return []
    overall = float((truth != guess).mean())
    bar = (overall + (RELEASED.below if rules == "released" else 0.0)) if error_over is None else error_over
    made: list[HiBugBug] = []
    for counted in _slices(table, train_codes, truth, guess, len(classes), depth, max(1, min_images)):
        if rules == "released":
            made += _released(counted, bar)
        else:
            made += _paper(counted, bar, alpha, rare)
    order: dict[BugKind, int] = {"spurious_correlation": 0, "rare_case": 1, "weak_slice": 2}
    made.sort(key=lambda bug: (order[bug.kind], -bug.score, len(bug.columns)))
    return [_named(bug, attribute_names, value_names, classes) for bug in made]


@dataclass(frozen=True, slots=True)
class _Slice:
    """One description, counted: images by predicted class, all and wrong."""

    columns: tuple[int, ...]
    codes: tuple[int, ...]
    values: tuple[int, ...]
    by_class: Ints
    wrong: Ints
    share: float
    train_share: float | None

    @property
    def n(self) -> int:
        return int(self.by_class.sum())

    @property
    def errors(self) -> int:
        return int(self.wrong.sum())

    @property
    def error(self) -> float:
        return self.errors / self.n


def _slices(
    table: npt.NDArray[Any],
    train: npt.NDArray[Any] | None,
    labels: Ints,
    predicted: Ints,
    classes: int,
    depth: int,
    least: int,
) -> Iterator[_Slice]:
    width = table.shape[1]
    sizes = [int(table[:, j].max(initial=-1)) + 1 for j in range(width)]
    trained = max(0 if train is None else len(train), 1)
    for size in range(1, min(depth, width) + 1):
        for columns in combinations(range(width), size):
            shape = tuple(sizes[j] for j in columns)
            if 0 in shape:
                continue
            key, known = _key(table, columns, shape)
            cells = int(np.prod(shape))
            joint = key[known] * classes + predicted[known]
            wrong = labels[known] != predicted[known]
            everyone = np.bincount(joint, minlength=cells * classes).reshape(cells, classes)
            failed = np.bincount(joint[wrong], minlength=cells * classes).reshape(cells, classes)
            there = _train_counts(train, columns, shape)
            for cell in np.flatnonzero(everyone.sum(axis=1) >= least):
                at = tuple(int(v) for v in np.unravel_index(int(cell), shape))
                share = None if there is None else float(there[cell] / trained)
                n = int(everyone[cell].sum())
                yield _Slice(columns, at, shape, everyone[cell], failed[cell], n / len(table), share)


def _key(
    table: npt.NDArray[Any], columns: tuple[int, ...], shape: tuple[int, ...]
) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """(n,) mixed-radix code of these attributes, and which images have all of them (within the shape)."""
    key = np.zeros(len(table), np.int64)
    known = np.ones(len(table), bool)
    for column, size in zip(columns, shape, strict=True):
        values = table[:, column].astype(np.int64)
        known &= (values >= 0) & (values < size)
        key = key * size + values
    return key, known


def _train_counts(
    train: npt.NDArray[Any] | None, columns: tuple[int, ...], shape: tuple[int, ...]
) -> Ints | None:
    if train is None:
        return None
    key, known = _key(np.asarray(train), columns, shape)
    if not known.any():
        return None
    counts: Ints = np.bincount(key[known], minlength=int(np.prod(shape)))
    return counts


def _paper(counted: _Slice, bar: float, alpha: float, rare: float) -> list[HiBugBug]:
    made = []
    into = int(counted.by_class.argmax())
    probability = float(counted.by_class[into] / counted.n)
    if probability > alpha:
        made.append(_bug("spurious_correlation", counted, probability, into, probability))
    if counted.error > bar:
        seldom = counted.train_share is not None and counted.train_share < rare
        made.append(_bug("rare_case" if seldom else "weak_slice", counted, counted.errors))
    return made


def _released(counted: _Slice, bar: float) -> list[HiBugBug]:
    made = []
    into, into_wrong = int(counted.by_class.argmax()), int(counted.wrong.argmax())
    weak = counted.error > bar
    if weak:
        made.append(_bug(_released_kind(counted), counted, counted.errors))
        share = float(counted.by_class[into] / counted.n)
        if share > RELEASED.dominant:
            made.append(_bug("spurious_correlation", counted, counted.errors * share, into, share))
    if counted.errors:
        share = float(counted.wrong[into_wrong] / counted.errors)
        if share > RELEASED.dominant:
            bug = _bug(
                "spurious_correlation", counted, counted.errors * share, into_wrong, share, of_errors=True
            )
            made.append(bug)
    return made


def _released_kind(counted: _Slice) -> BugKind:
    """A slice that is much more frequent here than in training, or that has less than half an even share there."""
    if counted.train_share is None:
        return "weak_slice"
    shifted = counted.share - counted.train_share > RELEASED.shifted
    even = 1.0 / float(np.prod(counted.values))
    return "rare_case" if shifted or counted.train_share < RELEASED.rare * even else "weak_slice"


def _bug(
    kind: BugKind,
    counted: _Slice,
    score: float,
    into: int | None = None,
    probability: float | None = None,
    *,
    of_errors: bool = False,
) -> HiBugBug:
    return HiBugBug(
        kind,
        (),
        (),
        counted.columns,
        counted.codes,
        into,
        None,
        float(score),
        counted.n,
        counted.error,
        probability,
        of_errors,
        counted.train_share,
    )


def _named(
    bug: HiBugBug, attributes: Sequence[str], values: Sequence[Sequence[str]], classes: Sequence[str]
) -> HiBugBug:
    return replace(
        bug,
        attributes=tuple(attributes[c] for c in bug.columns),
        values=tuple(values[c][v] for c, v in zip(bug.columns, bug.codes, strict=True)),
        class_name=None if bug.class_index is None else classes[bug.class_index],
    )
