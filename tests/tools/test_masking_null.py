"""What the masking test does when there is nothing to find, and what it finds when there is: the whole tool, simulated."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from failsight.tools.stats.intervals import wilson
from failsight.tools.test_by_masking import test_by_masking as mask
from tests.experiments.scenes import CLASSES
from tests.fakes.view import FakeModel, FakeTable, FakeView

SIZE, BLOCK = 16, 4


def null_case(seed: int, n: int = 30) -> FakeView:
    """Blocks of random grey; the model reads the brightness of the whole picture, so that every place matters alike;
    the cue is a box at a random place: masking it does no more than masking any other place."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (n, SIZE // BLOCK, SIZE // BLOCK, 1))
    pixels = blocks.repeat(BLOCK, 1).repeat(BLOCK, 2).repeat(3, 3)
    boxes: list[Any] = []
    for _ in range(n):
        x, y = rng.integers(0, SIZE // BLOCK, 2) * BLOCK / SIZE
        boxes.append({"cue": [(x, y, x + BLOCK / SIZE, y + BLOCK / SIZE)]})

    def brightness(p: np.ndarray) -> np.ndarray:
        return np.stack([12 * (p.mean((1, 2, 3)) - 0.5), np.zeros(len(p))], 1)

    table = FakeTable(pixels, [i % 2 for i in range(n)], CLASSES, boxes=boxes)
    return FakeView({"data": table}, FakeModel(brightness, CLASSES, (SIZE, SIZE)), seed=seed)


def run(seeds: range) -> list[tuple[float, str]]:
    made = []
    for seed in seeds:
        told = mask(
            null_case(seed),
            region="box:cue",
            class_name="day",
            draws=4,
            minimum_effect=0.001,
            second_fill=None,
        )
        made.append((float(str(told.fact("p").value)), str(told.findings[0].verdict)))
    return made


def test_nothing_is_confirmed_where_every_place_matters_alike() -> None:
    verdicts = [v for _, v in run(range(25))]
    assert verdicts.count("confirmed") <= 1


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_type_one_error_of_the_whole_tool() -> None:
    """300 null cases: p ≤ 0.05 in 5 % of them, and confirmed (q ≤ 0.05 as well) in at most as many."""
    made = run(range(1000, 1300))
    below = sum(p <= 0.05 for p, _ in made)
    assert wilson(below, len(made))[0] <= 0.05
    assert sum(v == "confirmed" for _, v in made) <= 0.05 * len(made)
