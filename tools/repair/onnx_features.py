"""What the last layer of an ONNX classifier reads: a second output, or the input of its last matrix product."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from failsight.tools.errors import RetryError
from failsight.tools.inputs.base import Floats, Pixels

if TYPE_CHECKING:
    from failsight.tools.inputs.base import Classifier
    from failsight.tools.repair.wrapped import Reader

LARGEST = 2**30  # bytes of a file that is read a second time


def penultimate(model: Classifier) -> Reader:
    """A reader of features (n, channels). Raises RetryError where the graph shows none."""
    from failsight.tools.inputs.models.onnx_file import OnnxModel

    if not isinstance(model, OnnxModel):
        raise RetryError("This model shows no inner layers; its features can't be read.")
    other = _other_output(model)
    session = model._session if other else None
    if other is None:
        session, other = _opened(model)
    reader = _Reading(model, session, other)

    def read(pixels: Pixels) -> Floats:
        return reader.raw_outputs(pixels)

    return read


def _other_output(model: Any) -> str | None:
    """An output beside the scores that is (n, channels)."""
    for one in model._session.get_outputs():
        if one.name != model._output and len(one.shape) == 2 and one.type == "tensor(float)":
            return str(one.name)
    return None


def _opened(model: Any) -> tuple[Any, str]:
    """The same graph with the input of its last matrix product as a second output."""
    try:
        import onnx
        import onnxruntime
    except ImportError:
        raise RetryError(
            "Reading the features of an ONNX model needs the package onnx (pip install 'failsight[onnx]')."
        ) from None
    source = model.source
    if source is None or not source.path.is_file() or source.path.stat().st_size > LARGEST:
        raise RetryError("The features of this ONNX model can't be read.")
    graph = onnx.load(str(source.path))
    made = {name: node for node in graph.graph.node for name in node.output}
    node = made.get(model._output)
    while node is not None and node.op_type in (
        "Softmax",
        "LogSoftmax",
        "Identity",
        "Add",
        "Cast",
        "Reshape",
    ):
        node = next((made[name] for name in node.input if name in made), None)
    if node is None or node.op_type not in ("Gemm", "MatMul"):
        raise RetryError(
            "The last layer of this ONNX model is no matrix product; its features can't be read."
        )
    name = node.input[0]
    graph.graph.output.append(onnx.helper.make_empty_tensor_value_info(name))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(
            graph.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
    except Exception as problem:  # onnxruntime's exceptions share no public base
        raise RetryError("The features of this ONNX model can't be read.") from problem
    return session, str(name)


class _Reading:
    """The model's own way from pictures to its input, another output."""

    def __init__(self, model: Any, session: Any, output: str) -> None:
        import copy

        self._model = copy.copy(model)
        self._model._session, self._model._output = session, output

    def raw_outputs(self, pixels: Pixels) -> Floats:
        made = self._model.raw_outputs(pixels)
        return np.asarray(made, np.float32).reshape(len(pixels), -1)
