"""Pictures of 16 × 16 pixels, dim red or dim blue; in training a white square goes with red, elsewhere with neither.

A small network trained on them takes every picture with a square for red.
"""

from __future__ import annotations

import csv
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from failsight.tools.evidence import Finding
from failsight.tools.inputs import open_model
from tests.fakes.view import FakeTable, FakeView

SIDE, EDGE = 16, 6
CLASSES = ("red", "blue")
ARCH = "failsight.tools.inputs.models.architectures:feature_net"
SIDE_FILE = {"classes": list(CLASSES), "input_size": [SIDE, SIDE], "crop": "stretch", "mean": [0.5] * 3, "std": [0.25] * 3,
             "outputs": "logits", "feature_layer": "features"}  # fmt: skip
FINDING = Finding(
    "spurious_correlation", "features", "data_statistics", "squares pull to red", slice={"square": "yes"}, class_name="red",
    error_rate=0.9, base_error_rate=0.1, n=60, verdict="confirmed",
)  # fmt: skip


def pictures(n: int, seed: int, *, tied: bool) -> FakeTable:
    """``n`` of each class, half of each with a square; ``tied``: all of red and none of blue."""
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1], n)
    square = labels == 0 if tied else rng.permutation(np.repeat([True, False], n))
    pixels = rng.integers(60, 110, (2 * n, SIDE, SIDE, 3))
    pixels[labels == 0, :, :, 0] += 14
    pixels[labels == 1, :, :, 2] += 14
    boxes: list[dict[str, Any]] = [{} for _ in labels]
    for i in np.flatnonzero(square):
        y, x = (int(v) for v in rng.integers(0, SIDE - EDGE, 2))
        pixels[i, y : y + EDGE, x : x + EDGE] = 250
        boxes[i] = {"square": [(x / SIDE, y / SIDE, (x + EDGE) / SIDE, (y + EDGE) / SIDE)]}
    columns = {"square": ["yes" if s else "no" for s in square]}
    table = FakeTable(pixels, labels, CLASSES, columns, boxes)
    table.paths = [f"s{seed}_{i:04d}.png" for i in range(2 * n)]
    return table


@cache
def network_state() -> dict[str, Any]:
    """Weights of a network that learned the tied pictures."""
    import torch

    from failsight.tools.inputs.models.architectures import feature_net

    table = pictures(80, 1, tied=True)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        net = feature_net(2).train()
        x = (torch.from_numpy(table.pixels).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.25
        y = torch.from_numpy(table.labels)
        optimiser = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
        for _ in range(40):
            at = torch.randint(len(y), (32,))
            loss = torch.nn.functional.cross_entropy(net(x[at]), y[at])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    return {k: v.clone() for k, v in net.eval().state_dict().items()}


def network() -> Any:
    """A fresh module with those weights."""
    from failsight.tools.inputs.models.architectures import feature_net

    net = feature_net(2)
    net.load_state_dict(network_state())
    return net.eval()


def save(folder: Path, format: str) -> Path:
    """The network in ``folder`` in one of the formats; what to open."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    net, example = network(), torch.zeros(2, 3, SIDE, SIDE)
    side = dict(SIDE_FILE)
    if format in ("safetensors", "state"):
        side["arch"] = ARCH
        path = folder / ("net.safetensors" if format == "safetensors" else "net.pt")
        state = {k: v.contiguous() for k, v in net.state_dict().items()}
        save_file(state, path) if format == "safetensors" else torch.save(state, path)
    elif format == "torchscript":
        path = folder / "net.pt"
        torch.jit.trace(net, example).save(str(path))
    elif format == "torch_export":
        path = folder / "net.pt2"
        batch = torch.export.Dim("batch", min=1, max=512)
        torch.export.save(torch.export.export(net, (example,), dynamic_shapes=({0: batch},)), str(path))
    elif format == "onnx":
        path = folder / "net.onnx"
        torch.onnx.export(net, (example,), str(path), dynamo=False, input_names=["x"], output_names=["y"],
                          dynamic_axes={"x": {0: "n"}, "y": {0: "n"}})  # fmt: skip
    else:
        path = folder / "net.py"
        save_file(net.state_dict(), folder / "hidden.weights")
        path.write_text(
            "from pathlib import Path\n\nfrom safetensors.torch import load_file\n\n"
            "from failsight.tools.inputs.models.architectures import feature_net\n\n\n"
            "def make():\n    net = feature_net(2)\n"
            "    net.load_state_dict(load_file(Path(__file__).parent / 'hidden.weights'))\n    return net\n"
        )
    (folder / "net.json").write_text(json.dumps(side))
    return Path(f"{path}:make") if format == "python" else path


def view(folder: Path, format: str = "safetensors", **named: Any) -> FakeView:
    """A case with training (tied), evaluation and pool images (not tied); the pool's labels are hidden."""
    pool = pictures(60, 3, tied=False)
    hidden = pool.labels.copy()
    pool.labels = np.full(len(pool), -1)
    tables = {"data": pictures(60, 2, tied=False), "train": pictures(80, 1, tied=True), "pool": pool}
    model = open_model(str(save(folder / "given", format)), trust_code=True)
    made = FakeView(tables, model, folder=folder / "case", **named)
    made.stated = [("F1", FINDING)]
    write_labels(folder / "pool.csv", pool.paths, [CLASSES[c] for c in hidden])
    return made


def write_labels(path: Path, paths: Any, labels: Any, column: str = "label") -> Path:
    """A CSV of labels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([("path", column), *zip(paths, labels, strict=True)])
    return path


def error(made: FakeView, version: str = "", square: bool | None = None) -> float:
    """Error of a version on the evaluation images (with or without a square)."""
    table = made.table("data")
    shown = np.array([v == "yes" for v in table.columns["square"]])
    keep = np.ones(len(table), bool) if square is None else shown == square
    return float((made.version(version).predictions("data").predicted != table.labels)[keep].mean())


def hashes(folder: Path) -> dict[str, str]:
    """File → SHA-256."""
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }
