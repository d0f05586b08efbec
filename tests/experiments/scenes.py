"""Pictures and models whose answers are known: a lamp that the model reads, a plant that it doesn't."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.fakes.view import FakeModel, FakeTable, FakeView

SIDE = 8
CLASSES = ("day", "night")


def scene(n: int = 40, size: int = 32, seed: int = 0) -> FakeTable:
    """Noise up to grey level 60, a white 8×8 ``lamp`` and a grey 8×8 ``plant`` that never overlap; every third image
    lacks the plant. Labels alternate."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 60, (n, size, size, 3)).astype(np.uint8)
    boxes: list[dict[str, Any]] = []
    for i in range(n):
        y, x = rng.integers(0, size - SIDE + 1, 2)
        pixels[i, y : y + SIDE, x : x + SIDE] = 255
        own = {"lamp": [box(y, x, size)]}
        while True:
            v, u = rng.integers(0, size - SIDE + 1, 2)
            if abs(v - y) >= SIDE or abs(u - x) >= SIDE:
                break
        if i % 3:
            pixels[i, v : v + SIDE, u : u + SIDE] = 90
            own["plant"] = [box(v, u, size)]
        boxes.append(own)
    columns = {"house": [f"h{i % 4}" for i in range(n)], "area": [float(i) for i in range(n)]}
    return FakeTable(pixels, [i % 2 for i in range(n)], CLASSES, columns, boxes)


def box(y: int, x: int, size: int) -> tuple[float, float, float, float]:
    """An 8×8 box at pixel (y, x) as fractions."""
    return x / size, y / size, (x + SIDE) / size, (y + SIDE) / size


def reads_lamp(pixels: np.ndarray) -> np.ndarray:
    """Logits (4·share of the lamp seen − 2, 0): ``day`` scores 0.881 with the lamp and 0.119 without."""
    seen = (pixels.mean(3) > 0.95).sum((1, 2)) / SIDE**2
    return np.stack([4 * seen - 2, np.zeros(len(seen))], 1)


LAMP_EFFECT = 1 / (1 + np.exp(-2)) - 1 / (1 + np.exp(2))  # exact fall of the score when the lamp goes: 0.7616


def case(
    table: FakeTable | None = None,
    rule: Any = reads_lamp,
    folder: Path | None = None,
    size: int = 32,
    **more: Any,
) -> FakeView:
    """A case over ``table`` (default: :func:`scene`) with an analytic model."""
    table = table or scene(size=size)
    return FakeView({"data": table}, FakeModel(rule, table.classes, (size, size)), folder=folder, **more)


def blank(n: int, size: int = 16, boxes: Sequence[Any] | None = None, value: int = 128) -> FakeTable:
    """``n`` uniform pictures of two classes."""
    return FakeTable(np.full((n, size, size, 3), value), [i % 2 for i in range(n)], CLASSES, boxes=boxes)
