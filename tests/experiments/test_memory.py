"""Experiments hold one batch of pictures at a time, however many images they ask."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
from PIL import Image

from failsight.tools.experiments.fills import make_fill
from failsight.tools.experiments.masking import Bench, measure
from failsight.tools.experiments.regions import parse_region
from tests.fakes.view import FakeModel, FakeTable, FakeView

SIDE, DRAWS = 64, 8
CLASSES = ("night", "day")


class Drawn(FakeTable):
    """Pictures that are made when they are opened."""

    def open(self, row: int) -> Image.Image:
        return Image.fromarray(np.random.default_rng(row).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8))


def brightness(pixels: Any) -> Any:
    mean = pixels.mean((1, 2, 3), dtype=np.float32)
    return np.stack([-mean, mean], 1)


def peak(count: int) -> int:
    """Most bytes held at a time by a masking test of so many images."""
    table = Drawn(np.zeros((count, 1, 1, 3), np.uint8), [0] * count, CLASSES)
    view = FakeView({"data": table}, FakeModel(brightness, CLASSES, (SIDE, SIDE)))
    region = parse_region("rect:0.25,0.25,0.5,0.5", {}, CLASSES)
    bench = Bench(view, "data", region, make_fill("mean"), DRAWS, 0)
    tracemalloc.start()
    try:
        made = measure(bench, np.arange(count), 1, "masking")
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        assert len(made) == count


def test_four_times_the_images_take_no_more_memory() -> None:
    peak(20)  # what is loaded on first use is not counted
    batch = 64 * SIDE * SIDE * 3
    assert 240 * (2 + DRAWS) > 30 * 64
    assert peak(240) < peak(40) + 2 * batch
