"""retrain: apply a correction: versions of the model with the repair and with a control arm, beside the old one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Finding
from failsight.tools.registry import tool
from failsight.tools.repair.choosing import Asked, Control, RecipeName, choose
from failsight.tools.repair.planning import prepare
from failsight.tools.repair.relabelling import Unseen
from failsight.tools.repair.versions import AROUND
from failsight.tools.text import clean
from failsight.tools.view import CaseView

LARGEST = 64 * 2**20  # bytes of a file of labels that are hashed whole


def _content(arguments: Mapping[str, Any]) -> str:
    """A fingerprint of the file that ``data`` names: a call after it changed is a new one."""
    if not arguments.get("data"):
        return ""
    path = Path(str(arguments["data"])).expanduser()
    try:
        if path.is_file() and path.stat().st_size <= LARGEST:
            return hashlib.sha256(path.read_bytes()).hexdigest()
        return str(path.stat().st_mtime_ns)
    except OSError:
        return ""


@tool(
    cost="heavy",
    writes=True,
    stateful=True,
    reads_attributes=True,
    outside=_content,
    passes=10.0,
)
def retrain(
    view: CaseView,
    finding: Annotated[
        str | None, Field(description="Id of the finding to repair, such as F3.", max_length=40)
    ] = None,
    strategy: Annotated[
        str | None,
        Field(
            description="Which correction of propose_correction: collect, relabel, cut_and_paste, feature_specific, typical_augmentation, "
            "rebalance, loss_weighting, last_layer, hard_examples, robust_loss, regularise, train_longer, adapt_normalisation, recalibrate, defer, rule. "
            "Default: the best fitting one that can be applied here.",
            max_length=40,
        ),
    ] = None,
    data: Annotated[
        str | None,
        Field(
            description="Labelled images to add: a CSV with path and label of pool or deployment images, a folder or manifest of "
            "further images, or 'deploy' for half of the labelled deployment images. With strategy=relabel: a CSV of corrected labels.",
            max_length=1000,
        ),
    ] = None,
    budget: Annotated[int | None, Field(description="How many of them to add.", ge=1, le=1_000_000)] = None,
    epochs: Annotated[
        int | None,
        Field(description="Passes over the training images. Default: a short fine-tuning.", ge=1, le=200),
    ] = None,
    seeds: Annotated[int, Field(description="Versions of each arm.", ge=1, le=20)] = 3,
    recipe: Annotated[
        RecipeName,
        Field(
            description="full: all layers; last_layer: the last one alone (seconds); group_dro: all layers, groups weighed by how badly "
            "they do; export: lists and a script for training elsewhere."
        ),
    ] = "auto",
    control: Annotated[
        Control,
        Field(
            description="What the control arm adds: training images again (usual), or other labelled images of the same source by lot (random)."
        ),
    ] = "usual",
    unseen: Annotated[
        Unseen,
        Field(
            description="With strategy=relabel, the training labels of the annotator (batch, source) that the finding names that nobody looked "
            "at: leave_out or keep; auto: leave out where the finding was confirmed on training labels."
        ),
    ] = "auto",
) -> Evidence:
    """Retrain the model to repair a finding: three versions with the correction and three of a control arm with the same budget.

    The model and the data that were given stay as they are; every version lies in the case folder, in the format that the
    model came in, with its training record. Training is deterministic; an interrupted call goes on where it stopped when it
    is made again. Which round of a training is best is decided by held-out training images, never by the evaluation images.
    Models that can't be trained get a new last layer around them, or an export for training elsewhere; recorded answers
    without a model get another temperature, deferral or a rule.
    """
    from failsight.tools.repair import training_report as report

    wanted = finding.strip().upper() if finding else ""
    asked = Asked(
        wanted, _finding(view, wanted), strategy, data, budget, epochs, seeds, recipe, control, unseen
    )
    chosen = choose(view, asked)
    if recipe == "export" or (chosen.name not in AROUND and not view.has_model()):
        from failsight.tools.repair.export import export

        why = "" if view.has_model() else "The case has no model, only its predictions. "
        return report.exported(view, asked, chosen, export(view, asked, chosen), why)
    if chosen.name in AROUND:
        from failsight.tools.repair.around import make_around

        return report.around(view, asked, chosen, make_around(view, asked, chosen.name))
    from failsight.tools.repair.arms import make_arms

    ready = prepare(view, asked, chosen)
    return report.trained(view, asked, ready, make_arms(view, ready.plan))


def _finding(view: CaseView, wanted: str) -> Finding | None:
    if not wanted:
        return None
    findings = dict(view.findings())
    if wanted not in findings:
        raise RetryError(
            f"There is no finding {clean(wanted, 40)!r}."
            + ("" if findings else " None has been stated yet."),
            findings,
        )
    return findings[wanted]
