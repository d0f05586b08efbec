"""Whole tools over worlds in which nothing is wrong: a calibrated model, homogeneous images, no shift. What do they confirm?

Labels are drawn from the model's own scores, so that confidences mean what they say, no label is noise and errors go with
nothing else. Attributes may go with the true class. Every confirmed finding is a false alarm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from benchmarks.audit.statistics.cells import FEW, Cell, Rng

Array = np.ndarray[Any, Any]
CLASSES = ("bathroom", "bedroom", "kitchen", "living_room")
WORLDS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("600 images, 85 % right", {"n": 600, "sure": 3.2}),
    ("2,000 images, 95 % right", {"n": 2000, "sure": 4.5}),
    ("2,000 images, 60 % right", {"n": 2000, "sure": 1.6}),
    ("2,000 images, classes 60 to 5 %, attributes go with the class", {"n": 2000, "sure": 3.2, "uneven": True, "tied": 0.6}),
    ("2,000 images, eight attributes alike", {"n": 2000, "sure": 3.2, "count": 8, "alike": 0.9}),
)  # fmt: skip


def cells() -> Iterator[Cell]:
    for name, world in WORLDS:
        for tool, call in _tools().items():
            yield _cell(tool, call, name, world)


def _tools() -> Mapping[str, Callable[[Any], Any]]:
    from failsight.tools.confidence_profile import confidence_profile
    from failsight.tools.disaggregate import disaggregate
    from failsight.tools.evaluate import evaluate
    from failsight.tools.find_slices import find_slices
    from failsight.tools.label_noise import label_noise
    from failsight.tools.shift import shift
    from failsight.tools.unknown_unknowns import unknown_unknowns

    return {
        "find_slices": find_slices,
        "disaggregate": disaggregate,
        "evaluate": evaluate,
        "shift": shift,
        "shift, deployment without labels": lambda view: shift(_blind(view)),
        "confidence_profile": confidence_profile,
        "label_noise": label_noise,
        "unknown_unknowns": unknown_unknowns,
    }


def _cell(tool: str, call: Callable[[Any], Any], name: str, world: Mapping[str, Any]) -> Cell:
    def trial(rng: Rng) -> Mapping[str, float]:
        made = call(view(rng, **world))
        return {"confirms something": float(any(f.verdict == "confirmed" for f in made.findings))}

    return Cell(f"{tool}, whole tool, nothing wrong", name, {"confirms something": FEW}, trial, 120, 4)


def view(
    rng: Rng, n: int, sure: float, uneven: bool = False, tied: float = 0.3, count: int = 4, alike: float = 0.3
) -> Any:
    """A black-box case over evaluation, training and deployment images of one and the same kind."""
    from tests.fakes.view import FakeTable, FakeView

    tables, scores = {}, {}
    for split, size in (("data", n), ("train", n), ("deploy", n // 2)):
        lean = np.log([0.6, 0.25, 0.1, 0.05]) if uneven else np.zeros(4)
        likely = rng.choice(4, size, p=np.exp(lean) / np.exp(lean).sum())
        z = rng.normal(0, 1, (size, 4)) + sure * rng.gamma(2, 0.5, (size, 1)) * (
            likely[:, None] == np.arange(4)
        )
        p = np.exp(z)
        p /= p.sum(1, keepdims=True)
        labels = (rng.random((size, 1)) > p.cumsum(1)).sum(1).clip(0, 3)
        tables[split] = FakeTable(
            rng.integers(0, 256, (size, 4, 4, 3)),
            labels.tolist(),
            CLASSES,
            _columns(rng, labels, tied, count, alike),
        )
        scores[split] = p
    return FakeView(tables, scores=scores, seed=int(rng.integers(2**31)))


def _columns(rng: Rng, labels: Array, tied: float, count: int, alike: float) -> dict[str, list[str]]:
    """Attributes of two to five values; the first goes with the class, the others resemble each other."""
    n = len(labels)
    made = {"a0": [f"v{v}" for v in np.where(rng.random(n) < tied, labels % 3, rng.integers(0, 3, n))]}
    common = rng.integers(0, 60, n)
    for j in range(1, count):
        own = np.where(rng.random(n) < alike, common, rng.integers(0, 60, n))
        made[f"a{j}"] = [f"v{v}" for v in own % (2 + j % 4)]
    return made


def _blind(case: Any) -> Any:
    case.table("deploy").labels[:] = -1
    return case
