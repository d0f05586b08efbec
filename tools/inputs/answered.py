"""A further split of a case without a model: a table of pictures that gives the model's answers to them, too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from failsight.tools.errors import UserError
from failsight.tools.inputs.base import ImageTable, Predictions, Split
from failsight.tools.inputs.blackbox import open_black_box, probability_columns
from failsight.tools.inputs.columns import TABLES, read_columns, typed
from failsight.tools.inputs.data import split_off
from failsight.tools.inputs.manifest import NAMES
from failsight.tools.inputs.names import usual_names
from failsight.tools.inputs.one_score import columns_of, completed
from failsight.tools.inputs.spelling import Spellings
from failsight.tools.inputs.table import Files, Images
from failsight.tools.notes import called
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from failsight.tools.view import Progress

Columns = dict[str, list[Any]]
HINT: Final = (
    "Or give the model's answers in the table: a column prediction, or one of probabilities for each class "
    "(docs/models.md); then the pictures need not be there."
)
DECIDED: Final = "has decided classes only"
BOTH: Final = "among the evaluation images, too"
HEARD: Final = (DECIDED, BOTH)
"""In notes that a person should hear as soon as the case is open."""
_ROUNDED: Final = 0.02


def open_answered(
    path: str | Path,
    *,
    split: Split,
    data: ImageTable,
    made: Predictions,
    class_map: Mapping[str, str],
    refuse_loss: bool = False,
    cache_folder: Path | None = None,
    progress: Progress | None = None,
    thresholds: Mapping[str, float] | None = None,
) -> tuple[Images, Predictions] | None:
    """The pictures of ``split`` and the answers that its table gives; None where ``path`` is no table, or gives none.

    Args:
        data: the evaluation images.
        made: the answers to them, whose classes count.

    Raises:
        UserError: the answers are of other classes, or as ``open_black_box`` does.
    """
    whole, choose = split_off(path)
    table = _table(whole)
    if table is None:
        return None
    columns = usual_names(
        read_columns(table)[0], clean(table.name), [], "path", "label", "prediction", sure=("label",)
    )
    classes = made.classes
    if not _answers(columns, classes, class_map, table):
        return None
    _check(columns, classes, class_map, table)
    images, answers = open_black_box(
        table,
        split=split,
        classes=classes,
        class_map=class_map,
        choose=choose,
        refuse_loss=refuse_loss,
        cache_folder=cache_folder,
        progress=progress,
        thresholds=thresholds,
    )
    notes = [*images.notes]
    if made.has_scores and not answers.has_scores:
        notes.append(
            f"The table {clean(table.name)} {DECIDED}: what needs probabilities is not measured on the {called(split)}."
        )
    if n := _shared(images, data):
        notes.append(
            f"{n:,} of {len(images):,} {called(split)} {'is' if n == 1 else 'are'} {BOTH}: both tables name the same paths."
        )
    return replace(images, notes=tuple(notes)), answers


def _table(path: Path) -> Path | None:
    """The table that ``path`` is, or that the folder is read by."""
    if path.is_dir():
        return next((path / n for n in NAMES if (path / n).is_file()), None)
    return path if path.is_file() and path.suffix.lower() in TABLES else None


def _answers(columns: Columns, classes: tuple[str, ...], class_map: Mapping[str, str], table: Path) -> bool:
    """Whether the table says what the model answered."""
    if any(str(v).strip() for v in columns.get("prediction", ()) if v is not None):
        return True
    if len(_named(columns, classes)) > 1 or probability_columns(columns, classes, class_map):
        return True
    try:
        return completed(columns, classes, class_map, table.name, []) is not columns
    except UserError:  # a number of which nobody says what it is: an attribute of the pictures
        return False


def _check(columns: Columns, classes: tuple[str, ...], class_map: Mapping[str, str], table: Path) -> None:
    """Raises UserError where the answers are of other classes than those of the evaluation images."""
    name, known = clean(table.name), f"the classes of the evaluation images ({listing(classes, 6)})"
    found = probability_columns(columns, classes, class_map)
    some = _named(columns, classes)
    if not found and len(classes) > 2 and len(some) > 1:
        lacking = [c for c in classes if c not in some]
        raise UserError(
            f"The table {name} has no probabilities for {listing(lacking, 6)}, and has them for {len(some):,} other classes.",
            "Add a column for each class of the evaluation images, or leave all of them out and give a column prediction.",
        )
    if found and (more := _others(columns, found)):
        raise UserError(
            f"The table {name} has probabilities for {listing(more, 6)} too, which is none of {known}.",
            "Give the answers of one and the same model for both: the same columns of probabilities in both tables.",
        )
    told = {str(v).strip() for v in columns.get("prediction", ()) if v is not None} - {""}
    spelt = Spellings(classes)
    if told and not found and not any(spelt.find(clean(word)) for word in told):
        raise UserError(
            f"The predictions in {name} ({listing([clean(w, 40) for w in sorted(told)], 3)}) name none of {known}.",
            "Write the classes as in the table of the evaluation images, or rename the column if it is something else.",
        )


def _named(columns: Columns, classes: tuple[str, ...]) -> dict[str, str]:
    """Class → its column of numbers, where a word such as ``prob_`` says that it is one of probabilities."""
    found = columns_of(columns, classes)
    return {c: n for c, n in found.items() if len(n) > len(c) and _numbers(columns[n]) is not None}


def _others(columns: Columns, found: Mapping[str, str]) -> list[str]:
    """What else has a column called as those of the classes are, where only with these the rows sum to one."""
    one, column = next(iter(found.items()))
    before, sep, after = column.casefold().partition(one.casefold())
    if not sep or not (before or after):
        return []
    taken = {"path", "label", "prediction", *found.values()}
    more = {
        name[len(before) : len(name) - len(after)]: values
        for name, cells in columns.items()
        if name not in taken and name.casefold().startswith(before) and name.casefold().endswith(after)
        if len(name) > len(before) + len(after) and (values := _numbers(cells)) is not None
    }
    own = [_numbers(columns[name]) for name in found.values()]
    if not more or any(values is None for values in own):
        return []
    alone = np.nansum(np.array(own, float), 0)
    together = alone + np.nansum(np.array([*more.values()]), 0)
    fits = abs(together - 1) <= _ROUNDED
    return (
        [clean(n, 40) for n in more]
        if (fits & (abs(alone - 1) > _ROUNDED)).mean() > 0.01 and fits.mean() > 0.5
        else []
    )


def _numbers(cells: list[Any]) -> Any:
    """(n,) numbers, NaN where the cell is empty; None where the column is something else."""
    column = typed(cells)
    if column is None or any(isinstance(v, str) for v in column):
        return None
    return np.array([np.nan if v is None else float(v) for v in column], float)


def _shared(images: Images, data: ImageTable) -> int:
    """How many of ``images`` are files that ``data`` has, too, whether they are there or not."""
    if not isinstance(data, Images) or not (
        isinstance(images.sources, Files) and isinstance(data.sources, Files)
    ):
        return 0
    theirs = {data.sources.paths[i] for i in data.index.tolist()}
    return sum(images.sources.paths[i] in theirs for i in images.index.tolist())
