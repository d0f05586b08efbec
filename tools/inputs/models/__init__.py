"""Models: one file format, one module; ``open_model`` looks at the path and picks.

The formats import their frameworks only when used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from failsight.tools.errors import UserError
from failsight.tools.inputs.decisions import named_thresholds
from failsight.tools.inputs.models.side import Side, find_side
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.tools.inputs.models.scoring import ScoringModel


@dataclass(frozen=True, slots=True)
class Request:
    """What a person asked for: a model file, and what they said about it."""

    path: Path
    side: Side = field(default_factory=Side)
    arch: str | None = None
    trust_code: bool = False
    device: str = "cpu"
    factory: str | None = None  # the function of a Python file


def open_model(
    path: str | Path,
    *,
    arch: str | None = None,
    trust_code: bool = False,
    side_file: str | Path | None = None,
    classes: tuple[str, ...] | None = None,
    device: str = "cpu",
    thresholds: Mapping[str, float] | None = None,
) -> ScoringModel:
    """Open the model at ``path`` as a ``Classifier``.

    Args:
        path: a transformers folder, ``.onnx``, TorchScript ``.pt``, ``.pt2``, ``.safetensors`` or a ``.pt``/``.pth``
            state dictionary (both with ``arch``), ``file.py:function`` (with ``trust_code``), ``hub:owner/name``, or
            a folder with exactly one of these.
        arch: ``module:factory`` or ``file.py:factory`` that returns the untrained torch module.
        trust_code: allow running code that is not Failsight's: a factory file, a foreign architecture module, a
            transformers folder with its own code.
        side_file: what the model does not say about itself; by default NAME.json beside it, or model.json.
        classes: class names in output order, over those of side file and model.
        device: ``cpu``, ``cuda``, ``cuda:1``, ``mps`` or ``auto``.
        thresholds: class name → score from which on it is answered, in place of all those of the side file
            (see ``decisions.decide``). They are part of the fingerprint: with others it is another model.

    Raises:
        UserError: the file is missing, refused, damaged, of no known format, or lacks facts that nobody states.
    """
    text = str(path)
    if text.startswith("hub:"):
        from failsight.tools.inputs.models.transformers_folder import fetch

        text = str(fetch(text.removeprefix("hub:")))
    file_name, colon, function = text.rpartition(":")
    if colon and file_name.endswith(".py"):
        model, factory = Path(file_name), function
    else:
        model, factory = Path(text), None
    model = one_model(model.expanduser())
    side = find_side(model, Path(side_file).expanduser() if side_file is not None else None)
    if classes is not None:
        side = Side(classes=tuple(classes), raw={"classes": list(classes)}).over(side)
    if thresholds:
        named = {name: float(value) for name, value in thresholds.items()}
        side = Side(thresholds=named, raw={"thresholds": named}).over(side)
    request = Request(model, side, arch or side.arch_here(), trust_code, device, factory)
    if factory is not None or model.suffix == ".py":
        from failsight.tools.inputs.models.python_factory import load as load_python_factory

        made: ScoringModel = load_python_factory(request, factory)
    else:
        made = _by_format(request)
    made.source = request
    made.notes = (*made.notes, *_unread(made.format, side))
    if side.thresholds:
        made.thresholds = named_thresholds(side.thresholds, made.classes)
    return made


_NOT_READ = {
    "transformers": ("weights", "arch"),
    "onnx": ("weights", "arch"),
    "torchscript": ("weights", "arch"),
    "torch_export": ("weights", "arch"),
    "python": ("weights",),
}  # format → keys of the side file that say nothing of such a model


def _unread(format: str, side: Side) -> list[str]:
    """A note for each key of the side file that this kind of model does not read."""
    where = clean(side.path.name) if side.path is not None else "the side file"
    return [
        f"{key} in {where} is not read: it says nothing of a model of the format {format}."
        for key in _NOT_READ.get(format, ())
        if getattr(side, key) is not None
    ]


def one_model(path: Path) -> Path:
    """``path``, or the single model file in it. Raises UserError."""
    if not path.exists():
        hint = "Check the path"
        if not path.suffix and len(path.parts) == 2 and not path.is_absolute():
            hint += f"; to fetch a model from the Hugging Face hub, write hub:{clean(path)}"
        raise UserError(f"The model {clean(path)} does not exist.", f"{hint}.")
    if path.is_file() or (path / "config.json").is_file():
        return path
    inside = sorted(p for p in path.iterdir() if p.suffix.lower() in _SUFFIXES and not p.name.startswith("."))
    if len(inside) == 1:
        return inside[0]
    if not inside:
        raise UserError(
            f"The folder {clean(path)} holds no model.",
            f"Known formats: {', '.join(sorted(_SUFFIXES))}, or config.json with weights.",
        )
    raise UserError(
        f"The folder {clean(path)} holds {len(inside)} model files.",
        f"Name one, for instance {clean(inside[0])}.",
    )


_SUFFIXES = {".onnx", ".pt", ".pth", ".pt2", ".safetensors", ".ckpt", ".bin"}
_NEVER = {
    ".pkl": "a pickle runs code when it is opened",
    ".pickle": "a pickle runs code when it is opened",
    ".joblib": "a joblib file is a pickle, which runs code when it is opened",
    ".h5": "Keras files are not supported",
    ".keras": "Keras files are not supported",
    ".tflite": "TensorFlow Lite files are not supported",
    ".pb": "TensorFlow graphs are not supported",
}


def _by_format(request: Request) -> ScoringModel:
    path = request.path
    suffix = path.suffix.lower()
    if suffix in _NEVER:
        raise UserError(
            f"The model {clean(path.name)} is refused: {_NEVER[suffix]}.", "Export it as ONNX or safetensors."
        )
    if path.is_dir():
        from failsight.tools.inputs.models.transformers_folder import load as load_transformers_folder

        return load_transformers_folder(request)
    if suffix == ".onnx":
        from failsight.tools.inputs.models.onnx_file import load as load_onnx_file

        return load_onnx_file(request)
    if suffix == ".pt2":
        from failsight.tools.inputs.models.torch_export import load as load_torch_export

        return load_torch_export(request)
    if suffix == ".safetensors":
        from failsight.tools.inputs.models.safetensors_file import load as load_safetensors_file

        return load_safetensors_file(request)
    if suffix in _SUFFIXES:
        from failsight.tools.inputs.models.torch_file import load as load_torch_file

        return load_torch_file(request)
    raise UserError(
        f"The model {clean(path.name)} has no format that Failsight knows.",
        "Known: a transformers folder, .onnx, .pt, .pt2, .safetensors, .pth, file.py:function.",
    )
