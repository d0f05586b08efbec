"""Which images may judge a repair: labelled ones that neither chose nor trained it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from failsight.tools.checks.slice_target import goal
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Finding
from failsight.tools.experiments.population import class_index
from failsight.tools.inputs.base import Predictions, Split
from failsight.tools.notes import called
from failsight.tools.repair.versions import ModelVersion
from failsight.tools.slice_search import HALF, by_class, group_codes, half_digest, taking_part
from failsight.tools.stats.slices import discovery_half
from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
JUDGES: tuple[Split, ...] = (
    "data",
    "deploy",
)  # a pool's best images were picked, its rest is what was passed over
SEARCHES = ("find_slices", "explain_failures", "disaggregate", "unknown_unknowns", "label_noise", "confusion_matrix", "shift")  # fmt: skip
"""Tools that choose by the very errors that they look at."""


@dataclass(frozen=True)
class Untouched:
    """The images of one split that may judge.

    Attributes:
        keep: (n,) aligned with the predictions of the case's own model.
        notes: what was set aside, and what chose on these images all the same.
    """

    split: Split
    keep: Mask
    notes: tuple[str, ...]


def untouched(
    view: CaseView, split: Split, finding: Finding | None, versions: Sequence[ModelVersion]
) -> Untouched:
    """Labelled images of ``split`` that neither chose nor trained any of ``versions``."""
    made = view.predictions(split)
    keep = made.labelled.copy()
    notes: list[str] = []
    used = _used(versions, split, len(view.table(split)))
    trained = used[made.rows] & keep
    if trained.any():
        notes.append(
            f"{int(trained.sum()):,} of the {called(split)} trained the repair or told it when to stop, and do not judge it."
        )
        keep &= ~trained
    chose, more = _chose(view, split, made, finding)
    if (chose & keep).any():
        notes.append(
            f"{int((chose & keep).sum()):,} of the {called(split)} are of the half on which the finding was searched for, and do "
            "not judge its repair."
        )
        keep &= ~chose
    return Untouched(split, keep, (*notes, *more))


def _used(versions: Sequence[ModelVersion], split: Split, n: int) -> Mask:
    """(n,) rows of ``split`` that some version trained on, by what it says of itself; all where it only says how many."""
    used = np.zeros(n, bool)
    for version in versions:
        said = version.data.get(split)
        rows = said.get("rows") if isinstance(said, Mapping) else said
        if isinstance(rows, Sequence) and not isinstance(rows, str):
            at = np.asarray(rows, np.int64) if len(rows) else np.zeros(0, np.int64)
            used[at[(at >= 0) & (at < n)]] = True
        elif isinstance(rows, int | float) and not isinstance(rows, bool) and rows > 0:
            used[:] = True
    return used


def _chose(
    view: CaseView, split: Split, made: Predictions, finding: Finding | None
) -> tuple[Mask, list[str]]:
    """(n,) images on which the finding was searched for; and a remark where all of them had a say in it."""
    chose = np.zeros(len(made), bool)
    if finding is None or not (finding.slice or finding.class_name):
        return chose, []  # about all images: nothing was chosen among them
    notes: list[str] = []
    for one in view.evidence():
        stated = one.tool in SEARCHES and any(f.key == finding.key for f in one.findings)
        if not stated or str(one.arguments.get("split") or "data") != split:
            continue
        half = _searched_half(view, split, made, one)
        if half is not None:
            chose |= half
        else:
            notes.append(
                f"{one.tool.replace('_', ' ').capitalize()} chose this finding on these very {called(split)}: the error before looks "
                "larger than it is. The control arm, measured on the same images, has the same advantage."
            )
    return chose, list(dict.fromkeys(notes))


def _searched_half(view: CaseView, split: Split, made: Predictions, one: Evidence) -> Mask | None:
    """The half that chose in a call of ``find_slices``, drawn again.

    None for tools that have no such half, and where it can't be drawn again: a column or class is gone, or the rows are not
    those whose digest was recorded.
    """
    given: Mapping[str, Any] = one.arguments
    if one.tool != "find_slices" or given.get("method") == "hibug":
        return None
    group_by, target = given.get("group_by"), str(given.get("target") or "error")
    try:
        within, called_ = (
            class_index(made.classes, str(given[name])) if given.get(name) else None
            for name in ("within_class", "within_prediction")
        )
        keep = taking_part(made, within, called_).copy()
        table = view.attributes(split) if group_by or target.startswith("column:") else None
        if table is not None and target.startswith("column:"):
            keep &= np.isfinite(goal(target, made, table, 0.9).values)
        groups = group_codes(table, keep, str(group_by)) if table is not None and group_by else None
    except RetryError:  # the column is gone: nobody knows any more which half it was
        return None
    labels = made.labels[keep].astype(np.int64)
    strata = labels if by_class(labels, within, called_) else None
    first, _ = discovery_half(strata, len(labels), view.seed, groups)
    chose = np.zeros(len(made), bool)
    chose[np.flatnonzero(keep)[first]] = True
    recorded = next((str(fact.value) for fact in one.facts if fact.name == HALF), None)
    return chose if recorded in (None, half_digest(made.rows[chose])) else None
