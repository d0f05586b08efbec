"""Groups of images on which two models, or a model before and after a repair, are compared: findings' slices and values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.metadata import metadata_columns, object_columns, unusable_columns
from failsight.tools.evidence import Finding
from failsight.tools.inputs.base import ImageTable, Predictions, Split
from failsight.tools.repair_sizes import assigned_rows, slice_rows
from failsight.tools.slices.columns import encode_column
from failsight.tools.text import clean
from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
DRAWS = ("spurious_correlation", "overemphasised_feature")  # findings whose class is the one predicted
MOST_VALUES = 12  # of a column whose values are compared one by one
PREDICTED = ("prediction", "predicted class")  # how a slice names the class that the model predicts


def finding_title(finding: Finding) -> str:
    """``television=yes, not living_room``: what a finding is about, as the name of a group."""
    text = " & ".join(f"{clean(k, 40)}={clean(v, 60)}" for k, v in (finding.slice or {}).items())
    if not finding.class_name:
        return text or finding.kind.replace("_", " ")
    name = f"{'not ' if finding.kind in DRAWS else ''}{clean(finding.class_name, 40)}"
    return f"{text}, {name}" if text else name


def finding_mask(view: CaseView, split: Split, made: Predictions, finding: Finding) -> Mask | None:
    """Which predicted images of ``split`` a finding speaks of; for a cue that draws to a class, those of the other classes.

    Args:
        made: predictions of the model that the finding is about. A slice may name its predicted class.

    Returns:
        (n,) aligned with ``made``; None where an attribute or the class is not known of these images.
    """
    inside = _meets(view, split, made, finding.slice or {})
    if inside is None or finding.class_name is None:
        return inside
    if finding.class_name not in made.classes:
        return None
    own = made.labels == made.classes.index(finding.class_name)
    other: Mask = made.labelled & ~own
    return inside & (other if finding.kind in DRAWS else own)


def _meets(view: CaseView, split: Split, made: Predictions, wanted: Mapping[str, str]) -> Mask | None:
    inside = np.ones(len(made), bool)
    table = view.table(split)
    plain = {}
    for name, value in wanted.items():
        if name == "region":  # a place in every picture makes no group
            continue
        if name in PREDICTED and name not in table.columns:
            if value not in made.classes:
                return None
            inside &= made.predicted == made.classes.index(value)
        else:
            plain[name] = value
    if not plain:
        return inside
    found = slice_rows(view, table, plain)
    if found is not None:
        plainly: Mask = inside & found[made.rows]
        return plainly
    assigned = _assigned(view, split, made.rows, plain)
    return None if assigned is None else inside & assigned


def _assigned(view: CaseView, split: Split, rows: Ints, wanted: Mapping[str, str]) -> Mask | None:
    """The same by attributes that were assigned (zero-shot, clusters, answers)."""
    met = assigned_rows(view, split, wanted)
    if met is None:
        return None
    made: Mask = np.isin(rows, met)
    return made


def value_masks(table: ImageTable, rows: Ints) -> dict[str, Mask]:
    """``attribute=value`` → images, of metadata columns and boxed objects with few values; aligned with ``rows``."""
    return {f"{clean(c, 40)}={clean(v, 60)}": mask for c, v, mask in column_values(table, rows)}


def column_values(table: ImageTable, rows: Ints) -> list[tuple[str, str, Mask]]:
    """The same as (column, value, images)."""
    columns: dict[str, npt.NDArray[Any]] = {**object_columns(table, rows), **metadata_columns(table, rows)}
    unusable = unusable_columns(columns)
    made = []
    for name, column in columns.items():
        if name in unusable:
            continue
        coded = encode_column(name, "metadata", column)
        if 1 < len(coded.values) <= MOST_VALUES:
            made += [(name, value, coded.codes == code) for code, value in enumerate(coded.values)]
    return made


def same_images(one: Mask, other: Mask, enough: float = 0.8) -> bool:
    """Whether two groups are the same images for all practical purposes (Jaccard index)."""
    either = int((one | other).sum())
    return bool(either) and int((one & other).sum()) / either >= enough


def cross_names(
    columns: Sequence[tuple[str, str, Mask]], labels: Ints, classes: Sequence[str]
) -> dict[str, Mask]:
    """Each value within each class: ``television=yes, kitchen`` → images."""
    made = {}
    for name, value, inside in columns:
        for i, known in enumerate(classes):
            made[f"{clean(name, 40)}={clean(value, 60)}, {clean(known, 40)}"] = inside & (labels == i)
    return made
