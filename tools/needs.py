"""What a measurement may need of a case, whether the case has it, and what it is called where it is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from failsight.tools.view import CaseView

LACKING: Final[Mapping[str, str]] = {
    "model": "the model itself; this case has only its predictions",
    "weights": "a model whose layers can be read (a torch model, not ONNX or a black box)",
    "scores": "class probabilities; this case has only predicted classes",
    "train": "the training images (--train)",
    "deploy": "a sample of deployment images (--deploy)",
    "pool": "a pool of unlabelled images (--pool)",
    "boxes": "object boxes in the data (a manifest column `boxes`)",
    "history": "a training record (--history)",
}


def has(view: CaseView, need: str) -> bool:
    """Whether the case has what a tool may need (see ``tools.registry.Need``)."""
    if need in ("train", "deploy", "pool"):
        return need in view.splits()
    if need == "history":
        return view.history is not None
    if need == "boxes":
        return view.table().boxes is not None
    if need == "scores":
        return view.has_model() or view.predictions().has_scores
    if need == "weights":
        return view.has_model() and view.model().torch_module() is not None
    return view.has_model()
