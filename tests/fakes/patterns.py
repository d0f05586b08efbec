"""A small case on disk: four patterns of colour, and a linear network that tells them, with a side file that may be wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

CLASSES = ("ash", "birch", "cedar", "elm")
SIDE = 12


def patterns(seed: int = 0) -> np.ndarray:
    """(classes, side, side, 3) in [0, 1]: what a picture of each class looks like but for noise."""
    rng = np.random.default_rng([seed, 77])
    coarse = rng.uniform(0.15, 0.85, (len(CLASSES), 3, 3, 3))
    coarse[..., 1] = 0.5  # what green shows does not change with the order of the channels
    return np.repeat(np.repeat(coarse, SIDE // 3, 1), SIDE // 3, 2)


def made_case(
    folder: Path, *, n: int = 240, noise: float = 0.35, train: int = 0, **side: Any
) -> dict[str, str]:
    """Pictures and model under ``folder``; the arguments of ``open_case`` for them. ``side``: what the side file says otherwise."""
    looks = patterns()
    given = {"data": _pictures(folder / "data", looks, n, noise, 1)}
    if train:
        given["train"] = _pictures(folder / "train", looks, train, noise, 2)
    given["model"] = _model(folder / "model", looks, side)
    return given


def _pictures(folder: Path, looks: np.ndarray, n: int, noise: float, seed: int) -> str:
    rng = np.random.default_rng([seed, 5])
    for i in range(n):
        c = i % len(CLASSES)
        pixels = np.clip(looks[c] + rng.normal(0, noise, looks[c].shape), 0, 1)
        place = folder / CLASSES[c]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray((255 * pixels).astype(np.uint8)).save(place / f"{i:04d}.png")
    return str(folder)


def _model(folder: Path, looks: np.ndarray, side: dict[str, Any]) -> str:
    import torch

    centred = looks - 0.5
    weight = torch.tensor(centred.transpose(0, 3, 1, 2).reshape(len(looks), -1), dtype=torch.float32) * 0.35
    bias = torch.tensor(-0.5 * (centred**2).sum((1, 2, 3)), dtype=torch.float32) * 0.35
    linear = torch.nn.Linear(weight.shape[1], len(looks))
    with torch.no_grad():
        linear.weight.copy_(weight)
        linear.bias.copy_(bias)
    network = torch.nn.Sequential(torch.nn.Flatten(), linear).eval()
    folder.mkdir(parents=True)
    torch.jit.trace(network, torch.zeros(2, 3, SIDE, SIDE)).save(str(folder / "model.pt"))  # type: ignore[no-untyped-call]
    said = {
        "classes": list(CLASSES),
        "input_size": [SIDE, SIDE],
        "crop": "stretch",
        "mean": [0.5] * 3,
        "std": [1.0] * 3,
    }
    (folder / "model.json").write_text(json.dumps({**said, **side}))
    return str(folder / "model.pt")
