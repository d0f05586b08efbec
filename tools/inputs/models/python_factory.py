"""``file.py:function``: a Python function that returns a ready module. It runs code, so a person has to say so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from failsight.tools.errors import UserError
from failsight.tools.inputs.models import factory
from failsight.tools.inputs.models.scoring import fingerprint_of, hash_files, need_classes, need_preprocessing
from failsight.tools.inputs.models.side import Side, parse_side
from failsight.tools.inputs.models.torch_based import TorchModel, pick_device, place
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.tools.inputs.models import Request


def load(request: Request, function: str | None) -> TorchModel:
    """The classifier that ``function`` in the file returns: a torch module, weights loaded.

    What the side file does not say is read from ``FACTS[function]`` in the file, then from attributes of the module
    (``classes``, ``input_size``, ``mean``, ``std``, ``crop``, ``resize``, ``channels``, ``outputs``, ``feature_layer``).

    Raises:
        UserError: not trusted, no such function, or what it returns is no module.
    """
    path = request.path
    if not request.trust_code:
        raise UserError(
            f"The model {clean(path.name)} is Python code and is not run.",
            "If you trust that code, add --trust-code.",
        )
    if function is None:
        raise UserError(
            f"The model {clean(path.name)} names no function.", f"Write {clean(path.name)}:function."
        )
    import torch

    made = factory.resolve(f"{path}:{function}", trust_code=True)
    module = factory.call(made, len(request.side.classes) if request.side.classes else None)
    if not isinstance(module, torch.nn.Module):
        raise UserError(
            f"{clean(path.name)}:{clean(function)} returned {clean(type(module).__name__)}, not a torch module.",
            "Return a torch.nn.Module with its weights loaded.",
        )
    device = pick_device(request.device)
    side = request.side.over(made.facts).over(_facts(module, path))
    return TorchModel(
        place(module.eval(), device),
        need_classes(side, path),
        fingerprint_of(_weights(module), side, hash_files([path]), function),
        need_preprocessing(side, path),
        side.outputs,
        format="python",
        feature_layer=side.feature_layer,
        device=device,
        notes=[f"The model was made by running {clean(path.name)}, which was trusted to."],
        output=side.output,
    )


def _facts(module: Any, path: Path) -> Side:
    """What the module's own attributes say about it."""
    names = (
        "classes",
        "input_size",
        "mean",
        "std",
        "crop",
        "resize",
        "channels",
        "outputs",
        "feature_layer",
        "scale",
        "layout",
    )
    found = {
        name: getattr(module, name)
        for name in names
        if isinstance(getattr(module, name, None), str | int | float | list | tuple)
    }
    try:
        return parse_side({name: list(v) if isinstance(v, tuple) else v for name, v in found.items()})
    except (TypeError, ValueError) as problem:
        raise UserError(
            f"The module from {clean(path.name)}: {clean(problem)}.", "Correct its attributes."
        ) from problem


def _weights(module: Any) -> str:
    """SHA-256 over names, shapes and bytes of the module's state."""
    import hashlib

    total = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        if hasattr(value, "detach"):
            array = value.detach().cpu().contiguous()
            total.update(f"{name}{tuple(array.shape)}{array.dtype}".encode())
            total.update(array.flatten().view(dtype=_bytes()).numpy().tobytes() if array.numel() else b"")
    return total.hexdigest()


def _bytes() -> Any:
    import torch

    return torch.uint8
