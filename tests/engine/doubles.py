"""A table that draws its pictures and a model that needs no framework: answers known by hand, costs chosen."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from failsight.tools.inputs.base import BadImage, Preprocessing

CLASSES = ("red", "green", "blue")


class Drawn:
    """``count`` seeded pictures of one strongest channel each; nothing is held. ``bad`` rows can't be read."""

    root, format, boxes, left_out = Path("."), "drawn", None, ()

    def __init__(self, count: int, side: int = 16, bad: Sequence[int] = ()) -> None:
        self.count, self.side, self.bad = count, side, frozenset(bad)
        self.paths = [f"{i}.png" for i in range(count)]
        self.labels = np.arange(count, dtype=np.int64) % 3
        self.classes = CLASSES
        self.columns: dict[str, Any] = {}
        self.fingerprint = hashlib.sha256(f"{count} {side} {sorted(bad)}".encode()).hexdigest()
        self.opened = 0

    def __len__(self) -> int:
        return self.count

    def open(self, row: int) -> Image.Image:
        self.opened += 1
        if row in self.bad:
            raise BadImage("the file is cut short")
        values = np.random.default_rng(row).integers(0, 100, (self.side, self.side, 3))
        values[..., row % 3] += 120
        return Image.fromarray(values.astype(np.uint8))


class ChannelModel:
    """Class = strongest channel. ``delay`` seconds a batch; ``nan_at``: brightest-channel means that come out as NaN."""

    format, outputs, feature_layer = "python", "logits", None

    def __init__(self, side: int = 16, delay: float = 0.0, fingerprint: str = "model") -> None:
        self.classes = CLASSES
        self.preprocessing = Preprocessing((side, side), fit="stretch")
        self.delay, self.fingerprint = delay, fingerprint
        self.batches: list[int] = []

    def prepare(self, image: Image.Image) -> np.ndarray:
        return np.array(image.resize(self.preprocessing.size[::-1]), np.uint8)

    def logits(self, pixels: np.ndarray) -> np.ndarray:
        self.batches.append(len(pixels))
        time.sleep(self.delay)
        return pixels.astype(np.float32).mean((1, 2)) / 25

    def scores(self, pixels: np.ndarray) -> np.ndarray:
        powers = np.exp(self.logits(pixels))
        return (powers / powers.sum(1, keepdims=True)).astype(np.float32)


class Watcher:
    """Progress that counts, and raises KeyboardInterrupt once ``stop`` steps are done."""

    def __init__(self, stop: int | None = None) -> None:
        self.stop, self.done, self.total = stop, 0, 0

    @contextmanager
    def job(self, label: str, total: int):
        self.total = total
        yield self

    def advance(self, steps: int = 1) -> None:
        self.done += steps
        if self.stop is not None and self.done >= self.stop:
            raise KeyboardInterrupt
