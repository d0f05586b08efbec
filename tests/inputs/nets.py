"""A network whose answers are known by hand, in every format: the logit of a class is ten times its channel's mean."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

CLASSES = ("red", "green", "blue")
SIZE = 16
FACTS = {"classes": list(CLASSES), "input_size": SIZE, "mean": 0.0, "std": 1.0, "crop": "stretch"}


def expected(pixels: np.ndarray) -> np.ndarray:
    """(n, 3) logits that the network gives for (n, h, w, 3) pixels."""
    return pixels.astype(np.float64).mean((1, 2)) / 255 * 10


def pixels(count: int = 5, seed: int = 0) -> np.ndarray:
    """Seeded pictures at the network's input size."""
    return np.random.default_rng(seed).integers(0, 256, (count, SIZE, SIZE, 3)).astype(np.uint8)


def network() -> Any:
    """The network as a torch module."""
    import torch
    from torch import nn

    net = nn.Sequential()
    net.add_module("conv", nn.Conv2d(3, 3, 1))
    net.add_module("pool", nn.AdaptiveAvgPool2d(1))
    net.add_module("flat", nn.Flatten())
    with torch.no_grad():
        net.conv.weight.copy_(torch.eye(3).reshape(3, 3, 1, 1) * 10)
        net.conv.bias.zero_()
    return net.eval()


def write_side(folder: Path, name: str = "model.json", **changes: Any) -> Path:
    """A side file with the network's facts, changed."""
    facts = {key: value for key, value in {**FACTS, **changes}.items() if value is not None}
    (folder / name).write_text(json.dumps(facts))
    return folder / name


def write_onnx(
    path: Path,
    *,
    batch: int | str = "n",
    layout: str = "NCHW",
    dtype: str = "float",
    probabilities: bool = False,
    external: str | None = None,
    names: str | None = None,
) -> Path:
    """The network as an ONNX file (numbers as in ``network``), built node by node."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    shape = [batch, 3, SIZE, SIZE] if layout == "NCHW" else [batch, SIZE, SIZE, 3]
    kinds = {"float": TensorProto.FLOAT, "uint8": TensorProto.UINT8, "float16": TensorProto.FLOAT16}
    nodes, last = [], "x"
    if dtype != "float":
        nodes.append(helper.make_node("Cast", [last], ["cast"], to=TensorProto.FLOAT))
        last = "cast"
    if layout == "NHWC":
        nodes.append(helper.make_node("Transpose", [last], ["nchw"], perm=[0, 3, 1, 2]))
        last = "nchw"
    nodes += [
        helper.make_node("GlobalAveragePool", [last], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["logits"]),
    ]
    if probabilities:
        nodes.append(helper.make_node("Softmax", ["logits"], ["p"], axis=1))
    weight = numpy_helper.from_array(
        np.eye(3, dtype=np.float32) * (10 / 255 if dtype == "uint8" else 10), "w"
    )
    if external is not None:
        raw = weight.raw_data
        weight.ClearField("raw_data")
        weight.data_location = TensorProto.EXTERNAL
        for key, value in (("location", external), ("offset", "0"), ("length", str(len(raw)))):
            weight.external_data.add(key=key, value=value)
        if not Path(external).is_absolute() and ".." not in external:
            (path.parent / external).write_bytes(raw)
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", kinds[dtype], shape)],
        [helper.make_tensor_value_info("p" if probabilities else "logits", TensorProto.FLOAT, [batch, 3])],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    if names is not None:
        model.metadata_props.add(key="names", value=names)
    path.write_bytes(model.SerializeToString())
    onnx.checker.check_model(model) if external is None else None
    return path
