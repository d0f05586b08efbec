"""Pictures with a red square that the model reads and a green one that it doesn't; masks, points and boxes of both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.fakes.view import FakeModel, FakeTable, FakeView

CLASSES = ("day", "night")
SIZE, SIDE = 32, 8
SHARE = SIDE**2 / SIZE**2


def squares(n: int = 48, seed: int = 0, every: int = 1, fixed: tuple[int, int] | None = None) -> FakeTable:
    """Grey noise; a red 8 × 8 square in every ``every``-th image, a green one in all but every third. They never touch.

    Columns: ``red`` and ``green`` (the squares' centres as fractions, or None). ``fixed``: where the red one stands (y, x).
    """
    rng = np.random.default_rng(seed)
    pixels = rng.integers(90, 130, (n, SIZE, SIZE, 1)).repeat(3, 3) + rng.integers(-6, 7, (n, SIZE, SIZE, 3))
    columns: dict[str, list[Any]] = {"red": [None] * n, "green": [None] * n}
    for i in range(n):
        y, x = fixed or rng.integers(0, SIZE - SIDE + 1, 2)
        while True:
            v, u = rng.integers(0, SIZE - SIDE + 1, 2)
            if abs(v - y) > SIDE or abs(u - x) > SIDE:
                break
        if i % every == 0:
            pixels[i, y : y + SIDE, x : x + SIDE] = (220, 20, 30)
            columns["red"][i] = centre(y, x)
        if i % 3:
            pixels[i, v : v + SIDE, u : u + SIDE] = (30, 200, 40)
            columns["green"][i] = centre(v, u)
    pixels = np.clip(pixels, 0, 255)
    return FakeTable(pixels, [i % 2 for i in range(n)], CLASSES, columns)


def centre(y: int, x: int) -> str:
    return f"{(x + SIDE / 2) / SIZE:.4f},{(y + SIDE / 2) / SIZE:.4f}"


def is_red(pixels: np.ndarray) -> np.ndarray:
    """Which of ``pixels`` (…, 3; 0 to 1) are red."""
    return (pixels[..., 0] > 0.7) & (pixels[..., 1] < 0.3)


def is_green(pixels: np.ndarray) -> np.ndarray:
    return (pixels[..., 1] > 0.7) & (pixels[..., 0] < 0.3)


def reads_red(pixels: np.ndarray) -> np.ndarray:
    """Logits (4·share of the square seen − 2, 0)."""
    seen = is_red(pixels).sum((1, 2)) / SIDE**2
    return np.stack([4 * seen - 2, np.zeros(len(seen))], 1)


EFFECT = 1 / (1 + np.exp(-2)) - 1 / (1 + np.exp(2))  # exact fall of the score when the square goes: 0.7616


def red_net() -> Any:
    """A small network with the same rule: how red a pixel is, summed; so that gradients and maps exist."""
    import torch
    from torch import nn

    net = nn.Sequential(
        nn.Conv2d(3, 2, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2)
    )
    with torch.no_grad():
        net[0].weight.zero_()
        net[0].bias.fill_(-0.3)
        net[0].weight[0, :, 1, 1] = torch.tensor([1.0, -0.5, -0.5])
        net[0].weight[1, :, 1, 1] = torch.tensor([-0.5, 1.0, -0.5])
        net[4].weight.zero_()
        net[4].weight[0, 0] = 4 / (0.47 * SHARE)
        net[4].bias[:] = torch.tensor([-2.0, 0.0])
    return net.eval()


def world(
    table: FakeTable | None = None, *, net: bool = False, folder: Path | None = None, **more: Any
) -> FakeView:
    """A case over :func:`squares` with the analytic rule, or the network that computes about the same."""
    table = table or squares()
    model = FakeModel(None if net else reads_red, CLASSES, (SIZE, SIZE), module=red_net() if net else None)
    return FakeView({"data": table}, model, folder=folder, **more)


def draw_masks(table: FakeTable, folder: Path, colour: str = "red") -> Path:
    """A mask file named like each image that shows the square."""
    folder.mkdir(parents=True, exist_ok=True)
    inside = {"red": is_red, "green": is_green}[colour]
    for i, name in enumerate(table.paths):
        mask = inside(table.pixels[i] / 255)
        if mask.any():
            Image.fromarray(mask.astype(np.uint8) * 255).save(folder / name)
    return folder
