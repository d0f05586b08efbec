"""A small case with a repair whose every answer is given: images carry their number, models look it up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from failsight.tools.evidence import Evidence, Finding
from failsight.tools.inputs.base import LeftOut, Predictions
from failsight.tools.repair.beside import ModelBeside
from failsight.tools.repair.versions import ModelVersion, find_version
from tests.fakes.case import FakeCase, television_world
from tests.fakes.view import FakeModel, FakeTable, FakeView

CLASSES = ("bath", "bed")


def numbered(n: int) -> np.ndarray:
    """Pictures (n, 4, 4, 3) that say their own number in their red and green channels."""
    made = np.zeros((n, 4, 4, 3), np.uint8)
    made[..., 0] = (np.arange(n) // 256)[:, None, None]
    made[..., 1] = (np.arange(n) % 256)[:, None, None]
    return made


def answering(answers: np.ndarray, name: str, confidence: float | np.ndarray = 0.9) -> FakeModel:
    """A model that gives picture ``i`` the class ``answers[i]``."""
    sure = np.broadcast_to(np.asarray(confidence, float), len(answers))

    def rule(x: np.ndarray) -> np.ndarray:
        i = np.rint(x[:, 0, 0, 0] * 255).astype(int) * 256 + np.rint(x[:, 0, 0, 1] * 255).astype(int)
        i = np.minimum(i, len(answers) - 1)  # an edited picture may say any number
        scores = np.full((len(x), len(CLASSES)), 0.0)
        scores += ((1 - sure[i]) / (len(CLASSES) - 1))[:, None]
        scores[np.arange(len(x)), answers[i]] = sure[i]
        return np.log(scores)

    made = FakeModel(rule, CLASSES, (4, 4))
    made.fingerprint = name
    return made


class QuickView(FakeView):
    """Every model scores the pictures of a split once, all together: they are as large as the model's input."""

    def predictions(self, split: str = "data") -> Predictions:
        table = self.table(split)
        key = f"{self.model().fingerprint} {split}"
        if key not in self._cache:
            self._cache[key] = {"scores": self.model().scores(table.pixels)}
        rows = np.array([r for r in range(len(table)) if r not in table.bad], np.int64)
        scores = self._cache[key]["scores"][rows]
        left = tuple(LeftOut(table.paths[r], "the file is cut short") for r in sorted(table.bad))
        return Predictions(split, self.classes, rows, table.labels[rows], scores, left, self.has_scores)  # type: ignore[arg-type]


class World:
    """Half baths, half beds; a third show a television; the old model calls beds with a television a bath.

    ``wrong(rates)`` draws errors: group → chance to be wrong, groups being ``target`` (beds with a television),
    ``other_tv`` (baths with one) and ``rest``.
    """

    def __init__(self, n: int = 600, seed: int = 0) -> None:
        self.rng = np.random.default_rng(seed)
        self.n = n
        self.labels = np.arange(n) % 2
        self.television = self.rng.random(n) < 1 / 3
        self.target = self.television & (self.labels == 1)
        self.hard = self.rng.random(n)  # the same images are hard for every model

    def answers(self, target: float, other_tv: float, rest: float, noise: float = 0.25) -> np.ndarray:
        """Answers of a model with these error rates; ``noise``: how much of an error is the run's luck."""
        rate = np.where(self.target, target, np.where(self.television, other_tv, rest))
        luck = self.rng.random(self.n)
        wrong = np.where(self.rng.random(self.n) < noise, luck, self.hard) < rate
        return np.where(wrong, 1 - self.labels, self.labels)

    def table(self) -> FakeTable:
        """The evaluation images."""
        tv = ["yes" if t else "no" for t in self.television]
        return FakeTable(numbered(self.n), self.labels, CLASSES, {"television": tv})

    def finding(self, **more: Any) -> Finding:
        """Confirmed: the television draws to bath."""
        given = {
            "kind": "spurious_correlation", "failure": "features", "bug": "data_content", "statement": "It draws to bath.",
            "slice": {"television": "yes"}, "class_name": "bath", "verdict": "confirmed", "error_rate": 0.5, "base_error_rate": 0.1, "n": 60,
        }  # fmt: skip
        return Finding(**{**given, **more})


def repaired(
    world: World,
    before: tuple[float, float, float],
    repair: tuple[float, float, float],
    control: tuple[float, float, float] | None,
    *,
    seeds: int = 3,
    folder: Path | None = None,
    finding: Finding | None = None,
    tool: str = "test_by_masking",
    data: dict[str, Any] | None = None,
) -> QuickView:
    """A case with that finding and one repair R1 of it; error rates as :meth:`World.answers` takes them."""
    view = QuickView({"data": world.table()}, answering(world.answers(*before), "old"), folder=folder)
    found = finding or world.finding()
    view.stated.append(("F1", found))
    view.recorded.append(Evidence(tool, "Found", "Found.", {"split": "data"}, findings=(found,), id="E1"))
    for seed in range(1, seeds + 1):
        arms = [("repair", f"R1.{seed}", repair)] + ([("control", f"R1.c{seed}", control)] if control else [])
        for arm, name, rates in arms:
            view.made_versions.append(
                ModelVersion(name, "R1", arm, seed, "collect", "F1", f"repair/R1/{name}", name, data or {})  # type: ignore[arg-type]
            )
            view.given_versions[name] = answering(world.answers(*rates), name)
    return view


class RepairedCase(FakeCase):
    """The television world with a repair: the old model and the control arm follow the television, the repair does not."""

    def __init__(self, folder: Path, n: int = 320) -> None:
        table, model = television_world(n)
        super().__init__(folder, {"data": table}, model)
        self.given: dict[str, FakeModel] = {}
        finding = Finding(
            "spurious_correlation", "features", "data_content", "The television draws to red rooms.", slice={"television": "yes"},
            class_name="red_room", verdict="confirmed", n=100, error_rate=0.8, base_error_rate=0.05,
        )  # fmt: skip
        made = Evidence("test_by_masking", "Tested", "Tested.", {"split": "data"}, findings=(finding,))
        self.record("evidence.recorded", call="c", evidence=made.to_dict())
        for seed in (1, 2, 3):
            for arm, name, pull in (("repair", f"R1.{seed}", 0.0), ("control", f"R1.c{seed}", 30.0)):
                self.given[name] = drawn(model, pull, 0.1 * (seed - 2), name)
                version = ModelVersion(
                    name, "R1", arm, seed, "feature_specific", "F1", f"repair/R1/{name}", name
                )  # type: ignore[arg-type]
                self.add_version(version)

    def version(self, name: str) -> Any:
        if not name:
            return self
        found = find_version(self.versions(), name)
        return ModelBeside(self, self.given[found.name], found.name)  # type: ignore[arg-type]


def drawn(model: FakeModel, pull: float, bias: float, name: str) -> FakeModel:
    """The rule of the television world with another pull of white pixels, and a bias towards red."""

    def rule(x: np.ndarray) -> np.ndarray:
        white = (x.min(-1) > 0.9).mean((1, 2))
        red = 6 * (x[..., 0].mean((1, 2)) - x[..., 2].mean((1, 2))) + pull * white + bias
        return np.stack([red / 2, -red / 2], 1)

    made = FakeModel(rule, model.classes, model.preprocessing.size)
    made.fingerprint = f"{name}-{pull}-{bias}"
    return made
