"""``.onnx``, run by onnxruntime."""

from __future__ import annotations

import ast
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from failsight.tools.errors import UserError
from failsight.tools.inputs import preprocess
from failsight.tools.inputs.base import Floats, Pixels, Preprocessing
from failsight.tools.inputs.models.causes import cause
from failsight.tools.inputs.models.choosing import Offer, choose
from failsight.tools.inputs.models.outputs import Kind
from failsight.tools.inputs.models.protobuf import external_files
from failsight.tools.inputs.models.scoring import (
    ScoringModel,
    fingerprint_of,
    hash_files,
    need_classes,
    need_preprocessing,
)
from failsight.tools.inputs.models.side import Side, from_shape
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.tools.inputs.models import Request

_DTYPES = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(uint8)": np.uint8,
}


class OnnxModel(ScoringModel):
    """An onnxruntime session over pictures.

    Args:
        fixed_batch: the only batch size the graph takes; None when any.
        output: name of the output that holds the class scores.
    """

    format = "onnx"

    def __init__(
        self,
        session: Any,
        classes: tuple[str, ...],
        fingerprint: str,
        preprocessing: Preprocessing,
        outputs: Kind | None,
        *,
        output: str,
        fixed_batch: int | None,
        notes: tuple[str, ...] = (),
    ) -> None:
        self._session, self._output, self._fixed_batch = session, output, fixed_batch
        self._input = session.get_inputs()[0]
        super().__init__(classes, fingerprint, preprocessing, outputs, None, notes)

    def raw_outputs(self, pixels: Pixels) -> Floats:
        """(n, outputs) outputs of the graph; a fixed batch is filled up and cut again."""
        size = self._fixed_batch or len(pixels)
        parts = [self._run(pixels[i : i + size], size) for i in range(0, len(pixels), size)]
        return np.concatenate(parts).reshape(len(pixels), -1)

    def _run(self, pixels: Pixels, size: int) -> Floats:
        missing = size - len(pixels)
        full = np.concatenate([pixels, np.repeat(pixels[-1:], missing, 0)]) if missing else pixels
        wanted = _DTYPES[self._input.type]
        if wanted is np.uint8:  # the graph normalises by itself
            values = preprocess.to_channels(full, self.preprocessing)
            values = values.transpose(0, 3, 1, 2) if self.preprocessing.layout == "NCHW" else values
        else:
            values = preprocess.normalise_array(full, self.preprocessing).astype(wanted, copy=False)
        (result,) = self._session.run([self._output], {self._input.name: np.ascontiguousarray(values)})
        return np.asarray(result, np.float32)[: len(pixels)]


def load(request: Request) -> OnnxModel:
    """The classifier in an ONNX file.

    Raises:
        UserError: damaged, data outside its folder, more than one input, or facts missing.
    """
    path = request.path
    data = _data_files(path)
    session = _session(path, request.device)
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type not in _DTYPES or len(inputs[0].shape) != 4:
        told = ", ".join(f"{clean(i.name, 40)}: {i.type} {i.shape}" for i in inputs)
        raise UserError(
            f"The ONNX model {clean(path.name)} does not take one batch of pictures ({told}).",
            "Export it with a single input (batch, channels, height, width).",
        )
    found, batch = from_shape(inputs[0].shape, request.side.layout)
    classes = need_classes(request.side, path, names_in(session.get_modelmeta().custom_metadata_map))
    output, notes = _score_output(session, len(classes), path, request.side.output)
    how = need_preprocessing(_fixed_over(found, request.side), path)
    return OnnxModel(
        session,
        classes,
        fingerprint_of(hash_files([path, *data]), request.side),
        how,
        request.side.outputs,
        output=output,
        fixed_batch=batch,
        notes=notes,
    )


def _data_files(path: Path) -> list[Path]:
    """Files that the model reads beside itself, each checked to lie in its folder, links followed. Raises UserError."""
    try:
        names = external_files(path)
    except (ValueError, OSError, RecursionError) as problem:
        raise UserError(
            f"{clean(path.name)} is not an ONNX file ({clean(problem)}).", "Is it complete?"
        ) from problem
    folder = path.resolve().parent
    files = []
    for name in names:
        target = Path(os.path.realpath(folder / name.replace("\0", "?")))
        if "\0" in name or Path(name).is_absolute() or not target.is_relative_to(folder):
            raise UserError(
                f"The model {clean(path.name)} is refused: it wants to read {clean(name)} outside its own folder.",
                "Put its data file beside it.",
            )
        if not target.is_file():
            raise UserError(
                f"The model {clean(path.name)} lacks its data file {clean(name)}.", "Put it beside the model."
            )
        files.append(target)
    return files


def _session(path: Path, device: str) -> Any:
    try:
        import onnxruntime
    except ImportError as problem:
        raise UserError(
            f"Opening {clean(path.name)} needs onnxruntime ({clean(problem)}).", "pip install onnxruntime"
        ) from problem
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    threads = os.environ.get("OMP_NUM_THREADS", "")
    if threads.isdecimal() and int(threads) > 0:
        options.intra_op_num_threads = int(threads)
    there = onnxruntime.get_available_providers()
    wanted = ["CUDAExecutionProvider"] if device != "cpu" else []
    providers = [p for p in wanted if p in there] + ["CPUExecutionProvider"]
    if device not in ("cpu", "auto") and len(providers) == 1:
        raise UserError(
            f"onnxruntime has no {clean(device)} here.", "Use --device cpu, or install onnxruntime-gpu."
        )
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as problem:  # onnxruntime's exceptions share no public base
        text = cause(problem)
        hint = (
            "It holds numbers of a kind that onnxruntime can't compute with here (double or half precision): export it in single precision."
            if "Could not find an implementation" in text
            else "Export it again with a standard opset."
        )
        raise UserError(f"onnxruntime can't run {clean(path.name)}: {text}.", hint) from problem


def _fixed_over(found: Side, side: Side) -> Side:
    """The side file's facts, but the size that the graph fixes: it takes no other."""
    merged = side.over(found)
    return merged if found.size is None else replace(merged, size=found.size)


def names_in(stored: Mapping[str, str]) -> tuple[str, ...] | None:
    """Class names that exporters leave in the file's metadata (``names`` or ``classes``: a list or {number: name})."""
    for key in ("names", "classes", "class_names", "labels"):
        try:
            value = ast.literal_eval(stored.get(key, ""))
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
        names = [value[k] for k in sorted(value)] if isinstance(value, dict) else value
        if isinstance(names, list | tuple) and len(names) > 1 and all(isinstance(n, str) for n in names):
            return tuple(clean(n) for n in names)
    return None


def _score_output(session: Any, classes: int, path: Path, wanted: str | None) -> tuple[str, tuple[str, ...]]:
    """The output that holds one score for each class, by ``choosing.choose``, else the only floating one. Raises UserError."""
    outputs = session.get_outputs()
    kinds = ("tensor(float)", "tensor(float16)", "tensor(double)")
    offers = [Offer(str(o.name), _width(o.shape) if o.type in kinds else None) for o in outputs]
    try:
        at, notes = choose(offers, classes, wanted, path)
    except LookupError:
        floating = [i for i, o in enumerate(outputs) if o.type in kinds]
        if len(floating) == 1:
            return offers[floating[0]].name, ()
        told = ", ".join(f"{clean(o.name, 40)}: {o.type} {o.shape}" for o in outputs)
        raise UserError(
            f"No output of {clean(path.name)} has one score for each of {classes} classes ({told}).",
            "Check classes in the side file, or name the output there (`output`).",
        ) from None
    return offers[at].name, notes


def _width(shape: Any) -> int | None:
    """Numbers a picture that an output of this shape gives; None where it is not known."""
    rest = shape[1:]
    if len(shape) < 2 or not all(isinstance(side, int) for side in rest):
        return rest[0] if len(shape) >= 2 and isinstance(rest[0], int) else None
    return int(np.prod(rest))
