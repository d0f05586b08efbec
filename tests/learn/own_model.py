"""Somebody's own model: a small transformers classifier of shapes, trained in seconds, that fails in the dark."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

SHAPES = ("cross", "disc", "ring", "square")
SIDE = 32


def picture(shape: str, dark: bool, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """One picture of a shape; dark ones are dim and noisy."""
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
    ground = rng.uniform(0.55, 0.75, 3)
    ink = rng.uniform(0.0, 0.25, 3)
    made = np.where(mask[..., None], ink, ground) + rng.normal(0, 0.03, (SIDE, SIDE, 3))
    if dark:
        made = made * 0.3 + rng.normal(0, 0.09, made.shape)
    return np.asarray(np.clip(made, 0, 1) * 255, np.uint8)


def pictures(n: int, dark: float, seed: int) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """``n`` pictures of each shape, a share of them dark; (n·4, side, side, 3) and their classes."""
    rng = np.random.default_rng(seed)
    made, labels = [], []
    for number, shape in enumerate(SHAPES):
        for k in range(n):
            made.append(picture(shape, k < dark * n, rng))
            labels.append(number)
    return np.stack(made), np.array(labels)


def write_pictures(folder: Path, n: int, dark: float, seed: int, names: tuple[str, ...] = SHAPES) -> Path:
    """One folder a class."""
    from PIL import Image

    made, labels = pictures(n, dark, seed)
    for i, (pixels, label) in enumerate(zip(made, labels, strict=True)):
        home = folder / names[label]
        home.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(home / f"{i:05d}.png")
    return folder


def write_model(folder: Path, *, names: bool = True, processor: bool = True, steps: int = 150) -> Path:
    """A ResNet of transformers, trained on bright pictures only; with or without names of classes and image processor."""
    import torch
    from transformers import ResNetConfig, ResNetForImageClassification

    torch.manual_seed(0)
    config = ResNetConfig(
        embedding_size=12,
        hidden_sizes=[12, 24, 32],
        depths=[1, 1, 1],
        layer_type="basic",
        num_labels=len(SHAPES),
    )
    if names:
        config.id2label = dict(enumerate(SHAPES))
        config.label2id = {n: i for i, n in enumerate(SHAPES)}
    model = ResNetForImageClassification(config)
    made, labels = pictures(100, 0.0, 1)
    x = torch.tensor((made / 255.0 - 0.5) / 0.5, dtype=torch.float32).permute(0, 3, 1, 2)
    y = torch.tensor(labels)
    best: Any = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-2)
    order = torch.Generator().manual_seed(0)
    model.train()
    for _ in range(steps):
        rows = torch.randint(0, len(x), (64,), generator=order)
        best.zero_grad()
        torch.nn.functional.cross_entropy(model(x[rows]).logits, y[rows]).backward()
        best.step()
    model.eval()
    model.save_pretrained(folder)
    if processor:
        settings = {
            "image_processor_type": "ViTImageProcessor",
            "do_resize": True, "size": {"height": SIDE, "width": SIDE}, "resample": 2,
            "do_rescale": True, "rescale_factor": 1 / 255,
            "do_normalize": True, "image_mean": [0.5] * 3, "image_std": [0.5] * 3,
        }  # fmt: skip
        (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder
