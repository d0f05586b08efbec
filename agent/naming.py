"""Class names of a model that only numbers its outputs: taken from the data's labels where their order is measured to be right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from failsight.tools.errors import UserError

if TYPE_CHECKING:
    from failsight.agent.inputs import CaseInputs
    from failsight.tools.inputs.only_numbered import Assumed


def assumed_of(config: Mapping[str, Any]) -> Assumed | None:
    """The names that a case was opened with by assumption, as ``case.created`` holds them; None where there are none."""
    kept = (config.get("model") or {}).get("assumed")
    if not kept:
        return None
    from failsight.tools.inputs.only_numbered import Assumed

    return Assumed(
        tuple(map(str, kept["outputs"])), tuple(map(str, kept["names"])), int(kept["right"]), int(kept["n"])
    )


def assume_names(case: CaseInputs) -> None:
    """Name the outputs of the case's model by the labels of its data, in order, if it has no names of its own and that order is
    borne out; else leave all as it is, so that opening the case says what is missing."""
    config = case.config
    if not config.model or not config.data or config.predictions:
        return
    outputs = _only_numbers(case)
    if not outputs:
        return
    from failsight.tools.inputs.only_numbered import Assumed, borne_out, orders

    for names in orders(config.data, config.class_map, len(outputs)):
        case.forget_model()
        case.assumed = Assumed(outputs, names, 0, 0)
        found = borne_out(case.table("data"), case.model(), outputs, case.seed, case.progress)
        case.forget_model()
        case.assumed = found
        if found is not None:
            return


def _only_numbers(case: CaseInputs) -> tuple[str, ...]:
    """What stands in place of class names where the model has none, and its data are labelled otherwise; else empty."""
    from failsight.tools.inputs.classes import match_labels
    from failsight.tools.inputs.data import raw_labels
    from failsight.tools.inputs.models.scoring import Unnamed
    from failsight.tools.inputs.only_numbered import only_numbered

    try:
        classes = case.model().classes
    except Unnamed as problem:
        return problem.outputs
    if not only_numbered(classes):
        return ()
    try:
        match_labels(raw_labels(case.config.data)[0], classes, {}, "")
    except UserError:
        return tuple(classes)
    return ()
