"""Material to try the guides with: pictures of four shapes, and one small classifier in every format that Failsight reads.

    python docs/examples/shapes.py shapes/

takes about half a minute. The network saw bright pictures only, so it fails in the dark: that is what there is to find.
"""

from __future__ import annotations

import argparse
import csv
import json
import runpy
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

SHAPES = ("cross", "disc", "ring", "square")
SIDE = 32
MEAN, SPREAD = 0.5, 0.5

ARCHITECTURE = '''\
"""How the network is built: Failsight calls `build` and loads the weights into what it returns."""

from torch import nn


def build() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 12, 3, stride=2, padding=1), nn.BatchNorm2d(12), nn.ReLU(),
        nn.Conv2d(12, 24, 3, stride=2, padding=1), nn.BatchNorm2d(24), nn.ReLU(),
        nn.Conv2d(24, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 4),
    )
'''

PYTHON_MODEL = '''\
"""A model as a Python function; model.json beside it says the rest."""

from pathlib import Path

from safetensors.torch import load_file

from architecture import build


def trained():
    network = build()
    network.load_state_dict(load_file(Path(__file__).parent / "weights.safetensors"))
    return network.eval()
'''


def picture(shape: str, dark: bool, rng: np.random.Generator) -> tuple[npt.NDArray[np.uint8], list[float]]:
    """One picture (height, width, 3), dim and noisy where ``dark``, and the box of its shape in fractions."""
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    y, x = rng.uniform(11, 21, 2)
    r = rng.uniform(6, 9)
    away = np.hypot(rows - y, columns - x)
    mask = {
        "disc": away < r,
        "ring": (away < r) & (away > r - 3),
        "square": (abs(rows - y) < r * 0.85) & (abs(columns - x) < r * 0.85),
        "cross": ((abs(rows - y) < 2) | (abs(columns - x) < 2)) & (away < r),
    }[shape]
    made = np.where(mask[..., None], rng.uniform(0.0, 0.25, 3), rng.uniform(0.55, 0.75, 3))
    made = made + rng.normal(0, 0.03, made.shape)
    if dark:
        made = made * 0.3 + rng.normal(0, 0.09, made.shape)
    box = [round(float(v) / SIDE, 3) for v in (x - r, y - r, x + r, y + r)]
    return np.asarray(np.clip(made, 0, 1) * 255, np.uint8), box


def write_pictures(folder: Path, n: int, dark: float, seed: int) -> list[dict[str, str]]:
    """``n`` pictures a class in class folders; a row of the manifest for each."""
    from PIL import Image

    rng = np.random.default_rng(seed)
    rows = []
    for shape in SHAPES:
        home = folder / shape
        home.mkdir(parents=True, exist_ok=True)
        for i in range(n):
            is_dark = i < dark * n
            pixels, box = picture(shape, is_dark, rng)
            file = home / f"{shape}-{i:03d}.png"
            Image.fromarray(pixels).save(file)
            rows.append(
                {
                    "path": f"{folder.name}/{shape}/{file.name}",
                    "label": shape,
                    "lighting": "dark" if is_dark else "bright",
                    "camera": "AB"[int(rng.random() < 0.5)],
                    "boxes": json.dumps({"shape": [box]}),
                }
            )
    return rows


def write_tables(folder: Path, rows: list[dict[str, str]]) -> None:
    """The same pictures as CSV, as Parquet, as a Hugging Face data set; and a table of attributes alone."""
    import datasets
    import pyarrow as pa
    import pyarrow.parquet as pq

    with (folder / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    pq.write_table(pa.Table.from_pylist(rows), folder / "pictures.parquet")
    with (folder / "cameras.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["picture", "camera"])
        writer.writerows([Path(row["path"]).stem, row["camera"]] for row in rows)
    features = datasets.Features(
        {
            "image": datasets.Image(),
            "label": datasets.ClassLabel(names=list(SHAPES)),
            "lighting": datasets.Value("string"),
        }
    )
    table = {
        "image": [str(folder / row["path"]) for row in rows],
        "label": [row["label"] for row in rows],
        "lighting": [row["lighting"] for row in rows],
    }
    datasets.disable_progress_bars()
    made = datasets.Dataset.from_dict(table, features=features)
    made = made.map(lambda row: row, features=features)  # the pictures go into the Arrow file
    datasets.DatasetDict({"test": made}).save_to_disk(str(folder / "dataset"))


def tensors(folder: Path, rows: list[dict[str, str]]) -> tuple[Any, Any]:
    """Pixels as the network takes them, and class numbers."""
    import torch
    from PIL import Image

    pixels = np.stack([np.asarray(Image.open(folder / row["path"])) for row in rows]) / 255.0
    x = torch.tensor((pixels - MEAN) / SPREAD, dtype=torch.float32).permute(0, 3, 1, 2)
    return x, torch.tensor([SHAPES.index(row["label"]) for row in rows])


def train(network: Any, x: Any, y: Any, steps: int) -> list[dict[str, float]]:
    """Train in place; returns the training record."""
    import torch

    record = []
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    order = torch.Generator().manual_seed(0)
    held = torch.randperm(len(x), generator=order)
    learn, check = held[len(x) // 5 :], held[: len(x) // 5]
    for step in range(1, steps + 1):
        network.train()
        rows = learn[torch.randint(0, len(learn), (64,), generator=order)]
        loss = torch.nn.functional.cross_entropy(_scores(network, x[rows]), y[rows])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step % 15 == 0:
            network.eval()
            with torch.no_grad():
                scores = _scores(network, x[check])
                held_out = torch.nn.functional.cross_entropy(scores, y[check])
            record.append(
                {
                    "epoch": step // 15,
                    "train_loss": round(loss.item(), 4),
                    "val_loss": round(float(held_out), 4),
                    "val_accuracy": round(float((scores.argmax(1) == y[check]).float().mean()), 4),
                }
            )
    network.eval()
    return record


def _scores(network: Any, x: Any) -> Any:
    made = network(x)
    return getattr(made, "logits", made)


def write_models(folder: Path, x: Any, y: Any) -> Any:
    """One trained network as TorchScript, torch.export, ONNX, bare weights and Python; a transformers folder beside it."""
    import torch
    from safetensors.torch import save_file
    from transformers import ResNetConfig, ResNetForImageClassification

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "architecture.py").write_text(ARCHITECTURE)
    (folder / "python_model.py").write_text(PYTHON_MODEL)
    side = {
        "classes": list(SHAPES),
        "input_size": [SIDE, SIDE],
        "mean": [MEAN] * 3,
        "std": [SPREAD] * 3,
        "outputs": "logits",
    }
    (folder / "model.json").write_text(json.dumps(side, indent=1) + "\n")
    build = runpy.run_path(str(folder / "architecture.py"))["build"]
    torch.manual_seed(0)
    network = build()
    record = train(network, x, y, 300)
    with (folder / "history.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(record[0]))
        writer.writeheader()
        writer.writerows(record)
    example = x[:2]
    torch.jit.trace(network, example).save(str(folder / "network.pt"))
    batch = torch.export.Dim("batch", min=1, max=1024)
    torch.export.save(
        torch.export.export(network, (example,), dynamic_shapes=({0: batch},)), folder / "network.pt2"
    )
    torch.onnx.export(
        network, (example,), str(folder / "network.onnx"), dynamo=False, input_names=["pixels"],
        output_names=["scores"], dynamic_axes={"pixels": {0: "batch"}, "scores": {0: "batch"}},
    )  # fmt: skip
    save_file(network.state_dict(), folder / "weights.safetensors")
    torch.save(network.state_dict(), folder / "weights.pth")

    torch.manual_seed(0)
    config = ResNetConfig(
        embedding_size=12, hidden_sizes=[12, 24, 32], depths=[1, 1, 1], layer_type="basic",
        id2label=dict(enumerate(SHAPES)), label2id={name: i for i, name in enumerate(SHAPES)},
    )  # fmt: skip
    theirs = ResNetForImageClassification(config)
    train(theirs, x, y, 150)
    theirs.save_pretrained(folder / "transformers")
    processor = {
        "image_processor_type": "ViTImageProcessor",
        "do_resize": True, "size": {"height": SIDE, "width": SIDE}, "resample": 2,
        "do_rescale": True, "rescale_factor": 1 / 255,
        "do_normalize": True, "image_mean": [MEAN] * 3, "image_std": [SPREAD] * 3,
    }  # fmt: skip
    (folder / "transformers" / "preprocessor_config.json").write_text(json.dumps(processor, indent=1) + "\n")
    return network


def write_answers(folder: Path, network: Any, rows: list[dict[str, str]]) -> None:
    """What the network says of every picture, as tables: with a probability a class, and with the answer alone."""
    import torch

    with torch.no_grad():
        x, _ = tensors(folder, rows)
        shares = torch.softmax(network(x), 1).numpy()
    with (folder / "scores.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", *(f"p_{s}" for s in SHAPES), "lighting"])
        for row, share in zip(rows, shares, strict=True):
            writer.writerow([row["path"], row["label"], *(f"{p:.5f}" for p in share), row["lighting"]])
    with (folder / "answers.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "prediction", "lighting"])
        for row, share in zip(rows, shares, strict=True):
            writer.writerow([row["path"], row["label"], SHAPES[int(share.argmax())], row["lighting"]])


def main() -> None:
    warnings.simplefilter("ignore")  # of the exporters, about other exporters
    parser = argparse.ArgumentParser(description="Pictures and models to try the guides of docs/ with.")
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder.resolve()
    rows = write_pictures(folder / "photos", 120, 0.3, 2)
    learnt = write_pictures(folder / "train", 150, 0.0, 1)
    write_pictures(folder / "deploy", 40, 0.7, 3)
    write_pictures(folder / "pool", 60, 0.5, 4)
    write_tables(folder, rows)
    x, y = tensors(folder, learnt)
    network = write_models(folder / "models", x, y)
    write_answers(folder, network, rows)
    print(f"made {folder}")


if __name__ == "__main__":
    main()
