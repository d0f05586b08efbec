"""Images of a split counted by conditions, with those of which a condition can't be told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.dates import as_grouped
from failsight.tools.belonging import value_text
from failsight.tools.errors import RetryError
from failsight.tools.experiments.population import (
    CONFIDENCE,
    NO_SCORES,
    PREDICTED_NAMES,
    TRUE_NAMES,
    Filter,
    boxed_objects,
    edited,
    has_attribute,
    met_and_failed,
    shows,
)
from failsight.tools.inputs.base import Predictions, Split
from failsight.tools.notes import called, labelled_splits
from failsight.tools.slices.columns import encode_column
from failsight.tools.stats.operating import Rate, rate
from failsight.tools.text import clean
from failsight.tools.view import CaseView

Bool = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
OUTCOME = "outcome"  # by right and wrong
MOST_WHOLE = 100  # whole numbers that name things (houses, cameras) rather than measure
CLASS = "class"  # the true class, where no column is called so


@dataclass(frozen=True, slots=True)
class Images:
    """The images of a split that can be counted.

    Attributes:
        rows: (n,) their row numbers in the split's table, ascending.
        predictions: of the split, where ``rows`` are those of it; None where the model's answers are not at hand and not needed.
        groups: (n,) which belong together; None where each image stands alone.
    """

    split: Split
    rows: Ints
    predictions: Predictions | None
    groups: Ints | None = None

    def rate(self, hits: Bool, inside: Bool) -> Rate:
        """The share of ``hits`` (n,) among the images ``inside`` (n,)."""
        return rate(hits[inside], None if self.groups is None else self.groups[inside])


@dataclass(frozen=True, slots=True)
class Met:
    """(n,) images that meet all of some conditions, that fail one of them, and of which it can't be told."""

    yes: Bool
    no: Bool

    @property
    def unknown(self) -> Bool:
        return ~(self.yes | self.no)


@dataclass(frozen=True, slots=True)
class Counted:
    """One count.

    Attributes:
        base: (n,) images among which is counted, all of which can be told.
        hits: (n,) those of them that are counted.
        unknown_base: how many more may belong to the base: of them a condition of it can't be told.
        unknown: how many more of the base can't be told whether they count.
    """

    base: Bool
    hits: Bool
    unknown_base: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Value:
    """The count of the images that have one value. ``rate``: of the base in it, those that are counted."""

    name: str
    inside: Bool
    rate: Rate


def images_of(
    view: CaseView, split: Split, filters: Sequence[Filter], by: str | None, group_by: str | None
) -> Images:
    """The images to be counted: those that the model answered, or all of the table where its answers are neither at hand nor asked for.

    Raises:
        RetryError: true classes or outcomes are asked for where there are no labels; answers where there are none; an unknown column.
    """
    filters = [part for one in filters for part in one.inside]
    if any(_reads_truth(one) for one in filters) or by in (*TRUE_NAMES, OUTCOME):
        _need_truth(view, split)
    told = [*PREDICTED_NAMES, *([] if has_attribute(view, split, CONFIDENCE) else [CONFIDENCE])]
    asked = any(not one.op or one.name in told for one in filters) or by in (*told, OUTCOME)
    try:
        predictions: Predictions | None = view.predictions(split)
    except RetryError:  # a black box gives predictions for the evaluation images only
        if asked:
            raise
        predictions = None
    rows = np.arange(len(view.table(split)), dtype=np.int64) if predictions is None else predictions.rows
    made = Images(split, rows, predictions)
    if group_by is None:
        return made
    texts = [value_text(v) or f"\0{i}" for i, v in enumerate(_values_of(view, made, group_by))]
    codes: Ints = np.unique(np.array(texts, object).astype(str), return_inverse=True)[1].astype(np.int64)
    return Images(split, rows, predictions, codes)


def by_named(view: CaseView, split: Split, by: str | None) -> str | None:
    """``by`` as it is known here: ``class`` stands for the true class, where no column or boxed object is called so; None for nothing."""
    return TRUE_NAMES[0] if by == CLASS and not has_attribute(view, split, CLASS) else by or None


def _reads_truth(one: Filter) -> bool:
    return not one.op or one.name in TRUE_NAMES


def _need_truth(view: CaseView, split: Split) -> None:
    labelled = labelled_splits(view)
    if split not in labelled:
        raise RetryError(
            f"The {called(split)} have no labels: their true classes, and which of them are answered right or wrong, are not known.",
            labelled,
        )


def meeting(view: CaseView, images: Images, filters: Sequence[Filter]) -> Met:
    """Which images meet all ``filters``. Raises RetryError for an unknown attribute, value or class."""
    yes, no = np.ones(len(images.rows), bool), np.zeros(len(images.rows), bool)
    for one in filters:
        met, failed = met_and_failed(view, images.split, one)
        yes &= met[images.rows]
        no |= failed[images.rows]
    return Met(yes & ~no, no)


def count(among: Met, having: Met | None) -> Counted:
    """How many of the base are counted; without ``having`` how large the base is among all images."""
    if having is None:
        return Counted(~among.unknown, among.yes, 0, int(among.unknown.sum()))
    told = among.yes & ~having.unknown
    unknown = int((among.yes & having.unknown).sum())
    return Counted(told, told & having.yes, int(among.unknown.sum()), unknown)


def by_value(
    view: CaseView, images: Images, made: Counted, by: str, *, sizes: bool
) -> tuple[list[Value], int]:
    """The count for each value of ``by``, the largest count first, and how many images have none.

    Args:
        by: ``true``, ``predicted``, ``outcome``, or a column. sizes: each value's share of all that are counted, not of its own base.

    Raises:
        RetryError: an unknown column.
    """
    names, codes = _values(view, images, by)
    whole = made.hits if sizes else made.base
    found = []
    for code, name in enumerate(names):
        inside = whole & (codes == code)
        if inside.any():
            share = images.rate(inside, whole) if sizes else images.rate(made.hits, inside)
            found.append(Value(name, inside, share))
    found.sort(key=lambda one: (-one.rate.k, -int(one.inside.sum()), one.name))
    return found, int((whole & (codes < 0)).sum())


def _values(view: CaseView, images: Images, by: str) -> tuple[Sequence[str], Ints]:
    """The names of the values of ``by``, and (n,) which of them each image has; −1 for none."""
    labels = view.table(images.split).labels[images.rows]
    if by in TRUE_NAMES:
        return view.classes, labels
    if by in PREDICTED_NAMES and images.predictions is not None:
        return view.classes, images.predictions.predicted
    if by == OUTCOME and images.predictions is not None:
        return ("right", "wrong"), np.where(labels < 0, -1, np.where(images.predictions.correct, 0, 1))
    if by == CONFIDENCE and images.predictions is not None and not has_attribute(view, images.split, by):
        if not images.predictions.has_scores:
            raise RetryError(NO_SCORES)
        coded = encode_column(by, "", np.asarray(images.predictions.confidence, np.float64))
        return coded.values, coded.codes
    return _column(view, images, by)


def _column(view: CaseView, images: Images, name: str) -> tuple[Sequence[str], Ints]:
    """A column's values by name, numbers with many of them in ranges. Raises RetryError for an unknown column."""
    coded = encode_column(name, "", _typed(_values_of(view, images, name)))
    return coded.values, coded.codes


def _values_of(view: CaseView, images: Images, name: str) -> npt.NDArray[np.object_]:
    """(n,) values of a column: metadata first, then boxed objects, then what is computed or assigned; None or NaN where missing.

    Where attributes were edited they are read as they are called now.
    """
    table = view.table(images.split)
    if name in table.columns and not edited(view, name):
        return _objects(as_grouped(table.columns[name]), images.rows)
    objects = boxed_objects(table)
    if name in objects and name not in table.columns:
        return np.where(shows(table, name)[images.rows], "yes", "no").astype(object)
    attributes = view.attributes(images.split)
    if name not in attributes.columns:
        known = [TRUE_NAMES[0], PREDICTED_NAMES[0], OUTCOME, *objects, *attributes.columns]
        raise RetryError(f"There is no column {clean(name, 60)!r}.", list(dict.fromkeys(known)))
    full = np.full(len(table), None, object)
    full[attributes.rows] = attributes.columns[name]
    made: npt.NDArray[np.object_] = full[images.rows]
    return made


def _objects(column: Sequence[object], rows: Ints) -> npt.NDArray[np.object_]:
    made = np.full(len(rows), None, object)
    for i, row in enumerate(rows.tolist()):
        made[i] = column[row]
    return made


def _typed(values: npt.NDArray[np.object_]) -> npt.NDArray[Any]:
    """Measured numbers as numbers, which are cut into ranges; names, and whole numbers with few of them, one by one."""
    known = [v for v in values if v is not None and v == v]
    if known and all(isinstance(v, int | float) and not isinstance(v, bool) for v in known):
        distinct = {float(v) for v in known}
        if len(distinct) > MOST_WHOLE or not all(v.is_integer() for v in distinct):
            return np.array([np.nan if v is None else float(v) for v in values], np.float64)
    return np.array([value_text(v) or None for v in values], object)
