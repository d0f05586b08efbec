"""``.pt2`` as saved by ``torch.export.save``, checked before it is loaded."""

from __future__ import annotations

import inspect
import zipfile
from typing import TYPE_CHECKING, Any

from failsight.tools.errors import UserError
from failsight.tools.inputs.models.export_check import Unsafe, check_archive
from failsight.tools.inputs.models.scoring import fingerprint_of, hash_files, need_classes, need_preprocessing
from failsight.tools.inputs.models.side import Side
from failsight.tools.inputs.models.torch_based import TorchModel, pick_device
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.tools.inputs.models import Request


def load(request: Request) -> TorchModel:
    """The classifier in a ``torch.export`` archive.

    Raises:
        UserError: refused (it could run code), damaged, or facts missing.
    """
    import torch

    path = request.path
    try:
        check_archive(path)
    except Unsafe as problem:
        raise UserError(
            f"The model {clean(path.name)} is refused: {clean(problem)}.",
            "Export it again, as ONNX or with a plain graph.",
        ) from problem
    except (zipfile.BadZipFile, ValueError, OSError, KeyError, AttributeError) as problem:
        raise UserError(
            f"The model {clean(path.name)} can't be read ({clean(problem)}).", "Is the file complete?"
        ) from problem
    device = pick_device(request.device)
    try:
        program = torch.export.load(str(path))
        checks = (
            {"check_guards": False} if "check_guards" in inspect.signature(program.module).parameters else {}
        )
        module: Any = program.module(**checks)
    except Exception as problem:
        raise UserError(
            f"torch can't load {clean(path.name)} ({clean(problem)}).", "Export it again with this torch."
        ) from problem
    found, batch = _input(program)
    side = request.side.over(found)
    return TorchModel(
        _with_feature_maps(module).to(device),
        need_classes(request.side, path),
        fingerprint_of(hash_files([path]), request.side),
        need_preprocessing(side, path),
        request.side.outputs,
        format="torch_export",
        feature_layer=request.side.feature_layer,
        device=device,
        fixed_batch=batch,
    )


def _input(program: Any) -> tuple[Side, int | None]:
    """What the graph's picture input says: its size and layout, and a fixed batch."""
    names = set(program.graph_signature.user_inputs)
    for node in program.graph.nodes:
        shape = (
            getattr(node.meta.get("val"), "shape", ())
            if node.op == "placeholder" and node.name in names
            else ()
        )
        if len(shape) == 4:
            batch = shape[0] if isinstance(shape[0], int) else None
            nhwc = shape[3] in (1, 3) and shape[1] not in (1, 3)
            height, width = (shape[1], shape[2]) if nhwc else (shape[2], shape[3])
            known = isinstance(height, int) and isinstance(width, int)
            channels = shape[3] if nhwc else shape[1]
            return (
                Side(
                    size=(height, width) if known else None,
                    layout="NHWC" if nhwc else "NCHW",
                    channels="GRAY" if channels == 1 else None,
                ),
                batch,
            )
    return Side(), None


def _with_feature_maps(module: Any) -> Any:
    """``module`` with a submodule ``feature_maps`` that its last maps pass through unchanged, for hooks to sit on.

    An exported graph is flat: it has no layers to hook. Nothing is added where it has no maps, or where layers over
    tokens follow them.
    """
    from torch import nn

    chosen = None
    for node in module.graph.nodes:
        if node.op != "call_function":
            continue
        shape = getattr(node.meta.get("val"), "shape", ())
        name = str(node.target)
        if (
            len(shape) == 4
            and all(isinstance(side, int) and side > 1 for side in shape[2:])
            and "pool" not in name
        ):
            chosen = node
        elif len(shape) == 3 and any(word in name for word in ("linear", "addmm", "bmm", "attention")):
            return module
    if chosen is not None:
        module.add_submodule("feature_maps", nn.Identity())
        with module.graph.inserting_after(chosen):
            passed = module.graph.call_module("feature_maps", (chosen,))
        chosen.replace_all_uses_with(passed, delete_user_cb=lambda user: user is not passed)
        module.recompile()
    return module
