"""A real Case (folder, journal, tools, agent loop) over in-memory images and an analytic model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from failsight.agent.case import Case
from failsight.agent.config import CaseConfig, save_config
from failsight.agent.journal import Journal
from failsight.tools.inputs.base import AttributeTable, Predictions
from tests.fakes.view import FakeModel, FakeTable, FakeView

CLASSES = ("red_room", "blue_room")


class FakeCase(Case):
    """A Case whose tables and model are given instead of read."""

    def __init__(self, folder: Path, tables: dict[str, FakeTable], model: FakeModel, **config: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        made = CaseConfig(name="fake", model="fake", data="fake", **config)
        if "train" in tables:
            made = CaseConfig(name="fake", model="fake", data="fake", train="fake", **config)
        save_config(folder, made)
        super().__init__(folder, made, Journal(folder))
        self._fake = FakeView(tables, model)
        self._model = model  # type: ignore[assignment]
        self._tables = dict(tables)  # type: ignore[arg-type]
        if not self.state().config:
            self.record("case.created", name="fake", task="", seed=0, level="intermediate", planner="guided",
                        created="2026-01-01", **self.facts())  # fmt: skip

    def predictions(self, split: Any = "data") -> Predictions:
        return self._fake.predictions(split)

    def features(self, split: Any = "data") -> Any:
        return self._fake.features(split)

    def _given_attributes(self, split: Any) -> AttributeTable:
        return self._fake.attributes(split)

    def encoder(self) -> Any:
        return self._fake.encoder()

    def pixels(self, rows: Any, split: Any = "data", batch: int = 64) -> Any:
        return self._fake.pixels(rows, split, batch)


def television_world(n: int = 900, seed: int = 0, size: int = 24) -> tuple[FakeTable, FakeModel]:
    """Red and blue rooms; a white square (the television) drags the model to ``red_room`` whatever the room.

    The rule is known: logit(red) − logit(blue) = 6·(mean red − mean blue) + 30·(share of white pixels) in [0, 1].
    """
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    television = rng.random(n) < 0.35
    pixels = rng.integers(30, 60, (n, size, size, 3)).astype(np.uint8)
    pixels[labels == 0, :, :, 0] += 60
    pixels[labels == 1, :, :, 2] += 60
    boxes: list[dict[str, Any]] = [{} for _ in range(n)]
    edge = size // 3
    for i in np.flatnonzero(television):
        x, y = rng.integers(0, size - edge, 2)
        pixels[i, y : y + edge, x : x + edge] = 255
        boxes[i] = {"television": [(x / size, y / size, (x + edge) / size, (y + edge) / size)]}
    noise = rng.random(n) < 0.03  # a few wrong labels, so that not everything else is right
    labels = np.where(noise, 1 - labels, labels)
    columns = {"television": ["yes" if t else "no" for t in television]}
    table = FakeTable(pixels, labels, CLASSES, columns, boxes)

    def rule(x: np.ndarray) -> np.ndarray:
        white = (x.min(-1) > 0.9).mean((1, 2))
        pull = 6 * (x[..., 0].mean((1, 2)) - x[..., 2].mean((1, 2))) + 30 * white
        return np.stack([pull / 2, -pull / 2], 1)

    return table, FakeModel(rule, CLASSES, (size, size))
