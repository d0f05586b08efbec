"""``.safetensors``: named tensors and nothing else, so they need an architecture to sit in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from failsight.tools.errors import UserError
from failsight.tools.inputs.models import factory
from failsight.tools.inputs.models.scoring import fingerprint_of, hash_files, need_classes, need_preprocessing
from failsight.tools.inputs.models.torch_based import TorchModel, pick_device, place
from failsight.tools.inputs.models.weights import load_state, unlike
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
    return with_weights(request, state, "safetensors", prefix=request.side.weights)


def with_weights(
    request: Request,
    state: dict[str, Any],
    format: str,
    notes: tuple[str, ...] = (),
    prefix: str | None = None,
) -> TorchModel:
    """``state`` loaded strictly into the architecture that the request names. Raises UserError.

    ``prefix``: under which names of ``state`` the network's lie, where somebody says so.
    """
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
    module = factory.call_to_fit(made, len(classes), lambda m: " ".join(unlike(m, state, prefix).told))
    if not hasattr(module, "state_dict"):
        raise UserError(
            f"The factory {clean(made.name)} returned {clean(type(module).__name__)}, not a torch module.",
            "Return the untrained torch.nn.Module.",
        )
    _check_count(module, state, made, classes, request.path)
    notes = (*notes, *load_state(module, state, request.path, prefix))
    print_of = fingerprint_of(hash_files([request.path]), side, arch.rpartition(":")[2], made.source)
    return TorchModel(
        place(module, device),
        classes,
        print_of,
        how,
        side.outputs,
        format=format,
        feature_layer=side.feature_layer,
        device=device,
        notes=notes,
        output=side.output,
    )


def _check_count(
    module: Any, state: dict[str, Any], made: factory.Factory, classes: tuple[str, ...], path: Path
) -> None:
    """Raises UserError where weights and architecture differ in nothing but the number of outputs: then that is what to mend."""
    counts = unlike(module, state).outputs
    if counts is None:
        return
    own, given = counts
    if given != len(classes):
        raise UserError(
            f"The weights in {clean(path.name)} have {given:,} outputs, and there are {len(classes):,} class names.",
            "Name every output, in the order of the outputs (`classes` in the side file, see docs/models.md).",
        )
    how = (
        "makes another number all the same"
        if factory.takes_count(made)
        else "can't be told how many there are"
    )
    raise UserError(
        f"The architecture {clean(made.name)} makes {own:,} outputs and {how}; the weights in {clean(path.name)} and the class names "
        f"have {given:,}.",
        "Let its function take num_classes and make as many outputs.",
    )


def built_in() -> list[str]:
    """Architectures that come with Failsight, by their short names."""
    return ["cifar_resnet20", "cifar_resnet56", "cifar_resnet4b_robust"]
