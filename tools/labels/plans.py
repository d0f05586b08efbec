"""What to do about wrong labels of images that nobody trains on: look at them, read them back, measure anew. Nothing is retrained."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from failsight.tools.evidence import Finding
from failsight.tools.labels.corrected import corrected
from failsight.tools.notes import called
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.tools.inputs.base import Split
    from failsight.tools.view import CaseView


def judges(finding: Finding | None) -> bool:
    """Whether a finding is about labels of images that the model is judged on, not of those it is trained on.

    Not one about equal pictures under several labels (``about``): these may lie in any split, in training too.
    """
    if finding is None or finding.about:
        return False
    return finding.kind == "label_noise" and finding.split != "train"


def anew(split: str) -> str:
    """How to measure with corrected labels: a sentence."""
    name = clean(split, 20)
    file = "labels.csv" if name == "data" else f"labels-{name}.csv"
    return f"Measure anew with the corrected labels: the command that opened the case, with --{name} CASE/repair/{file} and a new folder as --out."


def look_first(finding: Finding) -> str:
    """How the labels in question are looked at and read back, and what comes of them: sentences."""
    option = "" if finding.split == "data" else f" --split {clean(finding.split, 20)}"
    n = f"{finding.n:,} " if finding.n else ""
    return (
        f"Have the labels of the {n}{called(finding.split)} in question looked at by two people who do not see the prediction, the suspects "
        f"first: failsight labels export CASE suspects.csv{option}, then failsight labels import CASE suspects.csv{option}. "
        f"{anew(finding.split)} There is nothing to retrain, for the model did not learn from these images."
    )


def to_do(view: CaseView, finding: Finding) -> str:
    """What to do about such a finding as things stand: to look, or, once verdicts came back, to measure anew."""
    split = cast("Split", finding.split)
    found = corrected(view, view.predictions(split)) if view.looked_at(split) else None
    return look_first(finding) if found is None else f"{found.counted} {anew(finding.split)}"
