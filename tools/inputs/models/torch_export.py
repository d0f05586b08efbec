"""``.pt2`` as saved by ``torch.export.save``, checked before it is loaded."""

from __future__ import annotations

import inspect
import zipfile
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from failsight.tools.errors import UserError
from failsight.tools.inputs.models.export_check import Unsafe, check_archive
from failsight.tools.inputs.models.layers import last_maps
from failsight.tools.inputs.models.scoring import fingerprint_of, hash_files, need_classes, need_preprocessing
from failsight.tools.inputs.models.side import Side, from_shape
from failsight.tools.inputs.models.torch_based import TorchModel, pick_device, place
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
        place(_with_feature_maps(module), device),
        need_classes(request.side, path),
        fingerprint_of(hash_files([path]), request.side),
        need_preprocessing(side, path),
        request.side.outputs,
        format="torch_export",
        feature_layer=request.side.feature_layer,
        device=device,
        fixed_batch=batch,
        output=request.side.output,
    )


def _input(program: Any) -> tuple[Side, int | None]:
    """What the graph's picture input says: its size and layout, and a fixed batch."""
    names = set(program.graph_signature.user_inputs)
    for node in program.graph.nodes:
        if node.op == "placeholder" and node.name in names and len(_shape(node)) == 4:
            return from_shape(_shape(node))
    return Side(), None


def _shape(node: Any) -> Sequence[Any]:
    """The shape of a node's value, numbers or symbols; empty where it is no tensor."""
    shape: Sequence[Any] = getattr(node.meta.get("val"), "shape", ())
    return shape


def _with_feature_maps(module: Any) -> Any:
    """``module`` with a submodule ``feature_maps`` that its last maps pass through unchanged, for hooks to sit on.

    An exported graph is flat: it has no layers to hook. Nothing is added where ``layers.last_maps`` finds no maps.
    """
    from torch import nn

    nodes = [node for node in module.graph.nodes if node.op == "call_function"]
    chosen = last_maps([(_kind(node), _shape(node)) for node in nodes])
    if chosen is not None:
        node = nodes[chosen]
        module.add_submodule("feature_maps", nn.Identity())
        with module.graph.inserting_after(node):
            passed = module.graph.call_module("feature_maps", (node,))
        node.replace_all_uses_with(passed, delete_user_cb=lambda user: user is not passed)
        module.recompile()
    return module


def _kind(node: Any) -> str:
    """``map``, ``tokens`` or ``other``, as ``layers.last_maps`` tells them apart."""
    shape, name = _shape(node), str(node.target)
    if len(shape) == 4 and all(isinstance(side, int) for side in shape[2:]):
        return "other" if any(word in name for word in ("pool", "permute", "transpose", "pad")) else "map"
    over_tokens = any(word in name for word in ("linear", "addmm", "bmm", "matmul", "attention"))
    return "tokens" if len(shape) == 3 and over_tokens else "other"
