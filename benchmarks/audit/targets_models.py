"""Targets that open models and data sets of other libraries, and check what a language model said: slow ones, few inputs each."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.audit.fuzz import PromiseError, Target
from benchmarks.audit.targets_files import Desk

CONFIG = {
    "architectures": ["ResNetForImageClassification"], "model_type": "resnet", "num_labels": 3, "hidden_sizes": [8, 8], "depths": [1, 1],
    "embedding_size": 8, "layer_type": "basic", "id2label": {"0": "a", "1": "b", "2": "c"}, "label2id": {"a": 0, "b": 1, "c": 2},
}  # fmt: skip
PROCESSOR = {
    "image_processor_type": "ConvNextImageProcessor", "size": {"shortest_edge": 32}, "crop_pct": 0.9, "do_resize": True, "do_normalize": True,
    "do_rescale": True, "rescale_factor": 0.00392156862745098, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5], "resample": 3,
}  # fmt: skip
SAID = (
    "Accuracy is 83.3 % on 120 images, and the blue_room is recognised least often (70.1 %).",
    "The television = yes slice fails 52 % of the time, 40 points above the rest; q is below 0.001.", "Nothing was confirmed. E1 says 0.833.",
    "The model relies on the television because red_room images contain it (confirmed, F1).", "| class | recall |\n|---|---|\n| red_room | 100 % |",
)  # fmt: skip


def targets(desk: Desk) -> Iterator[Target]:
    from failsight.tools.inputs.models import open_model

    folder = desk.folder / "models"
    folder.mkdir()
    (folder / "model.json").write_text(json.dumps({"classes": ["a", "b", "c"], "input_size": [8, 8]}))

    def opened(name: str, **more: Any) -> Callable[[bytes], object]:
        def call(content: bytes) -> object:
            (folder / name).write_bytes(content)
            return open_model(folder / name, **more)

        return call

    for name, content in _weights():
        more = (
            {"arch": "failsight.tools.inputs.models.architectures:feature_net"}
            if name in ("w.pth", "w.safetensors")
            else {}
        )
        yield Target(f"model {name}", "raw", [content], opened(name, **more), share=0.01)
    yield from _folders(desk)
    yield from _grounding(desk)


def _weights() -> Iterator[tuple[str, bytes]]:
    """(file name, content) of the smallest model in each format."""
    import torch
    from safetensors.torch import save

    from failsight.tools.inputs.models.architectures import feature_net

    torch.manual_seed(0)
    small = torch.nn.Sequential(
        torch.nn.Conv2d(3, 2, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(2, 3)
    ).eval()
    out = io.BytesIO()
    torch.jit.save(torch.jit.trace(small, torch.zeros(1, 3, 8, 8)), out)  # type: ignore[no-untyped-call]
    yield "script.pt", out.getvalue()
    state = feature_net(3).state_dict()
    out = io.BytesIO()
    torch.save(state, out)
    yield "w.pth", out.getvalue()
    yield "w.safetensors", save(state)
    yield "net.onnx", _onnx(torch, small)


def _onnx(torch: Any, module: Any) -> bytes:
    """A model of one node, written by the onnx package where it is there."""
    try:
        from onnx import TensorProto, helper, numpy_helper
    except ImportError:
        return b"\x08\x08"
    weight = numpy_helper.from_array(module[3].weight.detach().numpy().T.copy(), "w")
    nodes = [helper.make_node("GlobalAveragePool", ["x"], ["p"]), helper.make_node("Flatten", ["p"], ["f"]),
             helper.make_node("Slice", ["f", "s", "e", "a"], ["g"]), helper.make_node("MatMul", ["g", "w"], ["y"])]  # fmt: skip
    import numpy as np

    ends = [numpy_helper.from_array(np.array([v], np.int64), n) for n, v in (("s", 0), ("e", 2), ("a", 1))]
    graph = helper.make_graph(nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3, 8, 8])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])], [weight, *ends])  # fmt: skip
    made: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8
    ).SerializeToString()
    return made


def _folders(desk: Desk) -> Iterator[Target]:
    """A transformers folder with a broken configuration; a data set on disk with a broken state."""
    from transformers import ConvNextImageProcessor, ResNetConfig, ResNetForImageClassification

    from failsight.tools.inputs.data import open_images
    from failsight.tools.inputs.models import open_model

    folder = desk.folder / "folder"
    plain = {k: v for k, v in CONFIG.items() if k not in ("architectures", "model_type")}
    ResNetForImageClassification(ResNetConfig(**plain)).save_pretrained(folder)
    ConvNextImageProcessor(size={"shortest_edge": 32}).save_pretrained(folder)
    kept = {p.name: p.read_bytes() for p in folder.iterdir()}

    def with_file(name: str) -> Callable[[Any], object]:
        def call(value: Any) -> object:
            (folder / name).write_bytes(json.dumps(value).encode())
            try:
                return open_model(folder)
            finally:
                (folder / name).write_bytes(kept[name])

        return call

    yield Target(
        "transformers config.json",
        "tree",
        [json.loads(kept["config.json"])],
        with_file("config.json"),
        share=0.002,
    )
    name = (
        "preprocessor_config.json"
        if "preprocessor_config.json" in kept
        else next(n for n in kept if "processor" in n)
    )
    yield Target(
        "transformers processor", "tree", [json.loads(kept[name]), PROCESSOR], with_file(name), share=0.002
    )

    from datasets import ClassLabel, Dataset, Features, Image

    stored = desk.folder / "dataset"
    rows = {"image": [{"bytes": _png(), "path": None}] * 2, "label": [0, 1]}
    Dataset.from_dict(
        rows, features=Features({"image": Image(), "label": ClassLabel(names=["a", "b"])})
    ).save_to_disk(stored)
    files = {p: p.read_bytes() for p in stored.iterdir() if p.is_file()}

    def data(path: Path) -> Callable[[bytes], object]:
        def call(content: bytes) -> object:
            path.write_bytes(content)
            try:
                return open_images(stored)
            finally:
                path.write_bytes(files[path])

        return call

    for path, content in files.items():
        yield Target(f"data set {path.name}", "raw", [content], data(path), share=0.005)


def _png() -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (4, 4), (200, 10, 10)).save(out, "PNG")
    return out.getvalue()


def _grounding(desk: Desk) -> Iterator[Target]:
    from failsight.agent.grounding import Checker

    case = desk.case
    checker = Checker(case.state(), case.classes, {"television": {"yes", "no"}})

    def check(text: str) -> None:
        made = checker.check(text[:20_000])
        if any(not 0 <= c.start <= c.end <= len(made.text) for c in made.claims):
            raise PromiseError("a claim lies outside the text")
        made.marked()

    yield Target("grounding check", "text", SAID, check, share=0.05)
