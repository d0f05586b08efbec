"""Rooms of 32 × 32 pixels: a class is a bar at the bottom, the cue a red square in a known box that goes with class b."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from failsight.tools.attributes.definitions import Definition
from failsight.tools.evidence import Finding
from tests.fakes.view import FakeModel, FakeTable, FakeView

SIDE = 32
RED = np.array([220, 20, 20])
CLASSES = ("a", "b", "c")
FINDING = Finding(
    "spurious_correlation", "features", "data_statistics", "red means b", slice={"red": "yes"}, class_name="b"
)


def redness(image: np.ndarray) -> int:
    """Number of red pixels."""
    wide = image.astype(int)
    return int(((wide[..., 0] > 150) & (wide[..., 1] < 90) & (wide[..., 2] < 90)).sum())


def pictures(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[dict[str, Any]], list[str]]:
    """``n`` of each class; all of class b show the cue, none of the others."""
    rng = np.random.default_rng(seed)
    made, labels, boxes, red = [], [], [], []
    for label in range(3):
        for _ in range(n):
            one = rng.integers(90, 160, (SIDE, SIDE, 3))
            one[26:] = (40, 60 + 90 * label, 200 - 90 * label)
            found = {}
            if label == 1:
                y, x = (int(v) for v in rng.integers(2, 16, 2))
                one[y : y + 8, x : x + 8] = RED
                found = {"red": [(x / SIDE, y / SIDE, (x + 8) / SIDE, (y + 8) / SIDE)]}
            made.append(one)
            labels.append(label)
            boxes.append(found)
            red.append("yes" if found else "no")
    return np.array(made, np.uint8), np.array(labels), boxes, red


def rule(pixels: np.ndarray) -> np.ndarray:
    """Red means b; otherwise the bar's green tells."""
    red = ((pixels[..., 0] > 0.6) & (pixels[..., 1] < 0.35)).mean((1, 2)) > 0.02
    green = pixels[:, 27:, :, 1].mean((1, 2)) * 255
    logits = np.stack([-np.abs(green - g) for g in (60, 150, 240)], 1)
    return np.where(red[:, None], np.array([0, 400.0, 0]), logits)


def view(
    folder: Path, n: int = 12, *, bad: Sequence[int] = (), boxed: bool = True, model: bool = True
) -> FakeView:
    """A case with training and evaluation pictures and the finding F1."""
    tables = {}
    for split, seed in (("data", 1), ("train", 2)):
        images, labels, boxes, red = pictures(n, seed)
        columns = {"red": red, "source": ["web"] * len(red)}
        tables[split] = FakeTable(images, labels, CLASSES, columns, boxes if boxed else None, bad)
    made = FakeView(
        tables,
        FakeModel(rule, CLASSES, (SIDE, SIDE)) if model else None,
        scores=None if model else {s: np.eye(3)[t.labels] for s, t in tables.items()},
        folder=folder,
    )
    made.stated = [("F1", FINDING)]
    return made


class RedEncoder:
    """Knows one thing: how red a picture is. Classes it can't tell."""

    name, fingerprint, scale, bias = "red", "red-1", 100.0, 0.0
    vocabulary = (
        Definition("red", "zero_shot", "red", ("no", "yes"), {"no": ("nothing red",), "yes": ("red",)}),
    )

    def embed_images(self, images: Sequence[Image.Image]) -> np.ndarray:
        share = np.array([redness(np.asarray(i.convert("RGB"))) / (i.width * i.height) for i in images])
        lean = np.clip(share * 40 - 1, -1, 1)
        return np.stack([lean, np.sqrt(1 - lean**2)], 1).astype(np.float32)

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        lean = np.array([-1.0 if "nothing" in t else 1.0 if "red" in t else 0.0 for t in texts])
        return np.stack([lean, np.sqrt(1 - lean**2)], 1).astype(np.float32)
