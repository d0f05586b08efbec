"""Which images may judge a repair: labelled ones that neither chose nor trained it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Finding
from failsight.tools.inputs.base import Predictions, Split
from failsight.tools.notes import called
from failsight.tools.repair.versions import ModelVersion
from failsight.tools.slices.halves import searched_half
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
        half = searched_half(view, split, made, one)
        if half is not None:
            chose |= half
        else:
            notes.append(
                f"{one.tool.replace('_', ' ').capitalize()} chose this finding on these very {called(split)}: the error before looks "
                "larger than it is. The control arm, measured on the same images, has the same advantage."
            )
    return chose, list(dict.fromkeys(notes))
