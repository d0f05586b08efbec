"""A model's weights: taken out to be trained, and put away in the format that they came in. The user's files are only read."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failsight.tools.errors import RetryError, UserError
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.tools.inputs.base import Classifier
    from failsight.tools.inputs.models import Request

FORMATS = ("safetensors", "transformers", "torchscript", "torch_export", "python")


def why_not(model: Classifier) -> str:
    """Why the weights of ``model`` can't be trained here; empty when they can."""
    if model.format == "onnx":
        return "an ONNX file holds a program and no weights that could be trained"
    if source_of(model) is None or model.format not in FORMATS:
        return "it was not opened from a file whose format can be written again"
    if model.torch_module() is None:
        return (
            "it takes one size of batch only"
            if getattr(model, "fixed_batch", None)
            else "it is no torch model"
        )
    network = fresh(model)
    if not any(p.is_floating_point() for p in network.parameters()):
        return "its weights were frozen into constants when it was exported"
    return ""


def source_of(model: Classifier) -> Request | None:
    """What the model was opened from; None for one that was made in memory."""
    found: Request | None = getattr(model, "source", None)
    return found


def fresh(model: Classifier) -> Any:
    """A copy of the model's network that shares nothing with it."""
    import torch

    source = source_of(model)
    device = getattr(model, "device", "cpu")
    if source is not None and model.format == "torchscript":
        return torch.jit.load(str(source.path), map_location=device)  # type: ignore[no-untyped-call]
    if source is not None and model.format == "torch_export":
        made: Any = torch.export.load(str(source.path)).module()
        return made.to(device)
    network: Any = copy.deepcopy(model.torch_module())
    if getattr(model, "_channels_last", False):
        network = network.to(memory_format=torch.channels_last)
    return network


def last_parameters(network: Any, classes: int) -> Sequence[str]:
    """Names of the weights (and offsets) of the last layer. Raises RetryError where there is none to be found."""
    named = list(network.named_parameters())
    outputs = (classes, 1) if classes == 2 else (classes,)
    for at in range(len(named) - 1, -1, -1):
        name, value = named[at]
        if value.ndim >= 2 and value.shape[0] in outputs:
            stem = name.rpartition(".")[0]
            return [
                n
                for n, v in named[at : at + 2]
                if n == name or (n.rpartition(".")[0] == stem and v.ndim == 1)
            ]
    raise RetryError("The last layer of this model can't be told from the others. Use recipe=full.")


def upper_parameters(network: Any) -> Sequence[str]:
    """Names of the upper half of the network's weights, counted in tensors."""
    names = [name for name, _ in network.named_parameters()]
    return names[len(names) // 2 :]


def put_away(model: Classifier, network: Any, folder: Path) -> Classifier:
    """Write ``network`` into ``folder`` in the format of ``model``, and open it from there.

    Raises:
        UserError: the folder can't be written.
    """
    from failsight.tools.inputs import open_model

    source = source_of(model)
    assert source is not None
    folder.mkdir(parents=True, exist_ok=True)
    try:
        _write(model, source, network, folder)
    except OSError as problem:
        raise UserError(
            f"The folder {clean(folder)} can't be written ({clean(problem)}).", "Is there room?"
        ) from problem
    return open_model(
        folder, arch=source.arch, trust_code=source.trust_code, device=str(getattr(model, "device", "cpu"))
    )


def _write(model: Classifier, source: Request, network: Any, folder: Path) -> None:
    if model.format == "transformers":
        _copy_settings(source.path, folder)
        network.model.save_pretrained(folder, safe_serialization=True)
        if source.side.raw:
            _write_side(folder / "model.json", dict(source.side.raw))
        return
    name = "weights.safetensors" if model.format == "python" else source.path.name
    side = _side(model, source)
    if model.format == "torchscript":
        network.save(str(folder / name))
    elif model.format == "torch_export":
        _write_export(source.path, network, folder / name)
    else:
        _write_state(network, folder / name)
        side["arch"] = source.arch or side.get("arch")
    _write_side(folder / f"{Path(name).stem}.json", side)


def _side(model: Classifier, source: Request) -> dict[str, Any]:
    """What the model's side file said; for a model that said it about itself, what it said."""
    side = dict(source.side.raw)
    if model.format == "python":
        how = asdict(model.preprocessing)
        side |= {
            "classes": list(model.classes),
            "input_size": list(how.pop("size")),
            "outputs": getattr(model, "kind", model.outputs),
        }
        side |= {k: list(v) if isinstance(v, tuple) else v for k, v in how.items() if v is not None}
        side["arch"] = f"{source.path}:{source.factory}"
        if model.feature_layer:
            side["feature_layer"] = model.feature_layer
    elif not side.get("classes"):
        side["classes"] = list(model.classes)
    return side


def _write_side(path: Path, side: dict[str, Any]) -> None:
    path.write_text(json.dumps(side, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _write_state(network: Any, path: Path) -> None:
    import torch

    state = {name: value.detach().cpu().contiguous().clone() for name, value in network.state_dict().items()}
    if path.suffix.lower() == ".safetensors":
        from safetensors.torch import save_file

        save_file(state, path)
    else:
        torch.save(state, path)


def _write_export(source: Path, network: Any, path: Path) -> None:
    """The exported program with the trained weights in the place of its own."""
    import torch

    program = torch.export.load(str(source))
    trained = network.state_dict()
    with torch.no_grad():
        for name, value in program.state_dict.items():
            if name in trained:
                value.copy_(trained[name].to(value.device))
    torch.export.save(program, str(path))


def _copy_settings(source: Path, folder: Path) -> None:
    """Everything of a transformers folder but its weights."""
    for path in sorted(source.iterdir()):
        weights = path.suffix in (".safetensors", ".bin", ".pt", ".pth", ".onnx", ".h5", ".msgpack")
        if path.is_file() and not weights and not path.name.endswith(".index.json"):
            shutil.copyfile(path, folder / path.name)
