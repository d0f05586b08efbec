"""Which images a search of slices chose on: its half, drawn again by whoever has to keep away from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from failsight.tools.belonging import told
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence
from failsight.tools.experiments.population import class_index
from failsight.tools.inputs.base import Predictions, Split
from failsight.tools.slices.search import HALF, by_class, group_codes, half_digest, taking_part
from failsight.tools.slices.target import goal
from failsight.tools.stats.slices import discovery_half
from failsight.tools.view import CaseView

Mask = npt.NDArray[np.bool_]


def searched_half(view: CaseView, split: Split, made: Predictions, one: Evidence) -> Mask | None:
    """(n,) predictions of the half that chose in a call of ``find_slices``, drawn again.

    None for tools that have no such half, and where it can't be drawn again: a column or class is gone, or the rows are not
    those whose digest was recorded.
    """
    given: Mapping[str, Any] = one.arguments
    if one.tool != "find_slices" or given.get("method") == "hibug":
        return None
    group_by, target = told(given.get("group_by")), str(given.get("target") or "error")
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
