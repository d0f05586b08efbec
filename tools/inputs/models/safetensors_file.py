"""``.safetensors``: named tensors and nothing else, so they need an architecture to sit in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from failsight.tools.errors import UserError
from failsight.tools.inputs.models import factory
from failsight.tools.inputs.models.scoring import fingerprint_of, hash_files, need_classes, need_preprocessing
from failsight.tools.inputs.models.torch_based import TorchModel, load_state, pick_device
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.tools.inputs.models import Request


def load(request: Request) -> TorchModel:
    """The classifier whose weights ``request.path`` holds. Raises UserError."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        state = load_file(request.path)
    except (SafetensorError, OSError) as problem:
        raise UserError(
            f"The weights {clean(request.path.name)} can't be read: {clean(problem)}.",
            "Is the file complete?",
        ) from problem
    return with_weights(request, state, "safetensors")


def with_weights(request: Request, state: dict[str, Any], format: str) -> TorchModel:
    """``state`` loaded strictly into the architecture that the request names. Raises UserError."""
    if request.arch is None:
        raise UserError(
            f"{clean(request.path.name)} holds weights only.",
            f"Name the architecture: --arch module:factory (built in: {', '.join(built_in())}).",
        )
    arch = request.arch if ":" in request.arch else f"{factory.BUILT_IN}:{request.arch}"
    made = factory.resolve(arch, trust_code=request.trust_code)
    side = request.side.over(made.facts)
    classes = need_classes(side, request.path)
    how = need_preprocessing(side, request.path)
    device = pick_device(request.device)
    module = factory.call(made, len(classes))
    load_state(module, state, request.path)
    print_of = fingerprint_of(hash_files([request.path]), side, arch.rpartition(":")[2], made.source)
    return TorchModel(
        module.to(device),
        classes,
        print_of,
        how,
        side.outputs,
        format=format,
        feature_layer=side.feature_layer,
        device=device,
    )


def built_in() -> list[str]:
    """Architectures that come with Failsight, by their short names."""
    return ["cifar_resnet20", "cifar_resnet56", "cifar_resnet4b_robust"]
