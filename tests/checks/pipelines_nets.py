"""Analytic models that are right only when fed as they were made for, and pictures to feed them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from failsight.tools.inputs import preprocess
from failsight.tools.inputs.base import Floats, Pixels, Preprocessing
from failsight.tools.inputs.models.scoring import ScoringModel
from tests.fakes.view import FakeTable

CLASSES = ("red", "green", "blue")
SIZE = 8
PLAIN = Preprocessing((SIZE, SIZE), "stretch", mean=(0.5, 0.4, 0.3), std=(0.25, 0.25, 0.25))
Rule = Callable[[Floats], Floats]


class RuleModel(ScoringModel):
    """Logits by ``rule`` from the normalised array, as the model's layout has it."""

    def __init__(self, rule: Rule, how: Preprocessing, classes: tuple[str, ...] = CLASSES) -> None:
        self.rule = rule
        super().__init__(classes, "rule", how, "logits")

    def raw_outputs(self, pixels: Pixels) -> Floats:
        return np.asarray(self.rule(preprocess.normalise_array(pixels, self.preprocessing)), np.float32)


PROTOTYPES = np.array(
    [[0.62, 0.40, 0.38], [0.36, 0.52, 0.30], [0.22, 0.26, 0.50]]
)  # of the classes, pixels from 0 to 1


def made_for(true: Preprocessing, sharpness: float = 60.0) -> Rule:
    """A rule that undoes ``true`` and names the prototype nearest to the mean colour: order, range and offset all count."""

    def rule(x: Floats) -> Floats:
        shape = (1, 3, 1, 1)
        values = (x * np.reshape(true.std, shape) + np.reshape(true.mean, shape)) / true.scale / 255
        colours = values.mean((2, 3))
        if true.channels == "BGR":
            colours = colours[:, ::-1]
        return -sharpness * ((colours[:, None] - PROTOTYPES) ** 2).sum(2)

    return rule


def declared(rule_for: Preprocessing, **said: Any) -> RuleModel:
    """A model made for ``rule_for`` whose declaration differs by ``said``."""
    return RuleModel(made_for(rule_for), replace(rule_for, **said))


def coloured(n: int = 300, seed: int = 0, hard: float = 0.2, size: int = SIZE) -> FakeTable:
    """Noisy pictures whose mean colour lies near the prototype of their class; a share ``hard`` is labelled at random."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    colours = PROTOTYPES[labels] + rng.normal(0, 0.06, (n, 3))
    pixels = 255 * (colours[:, None, None] + rng.normal(0, 0.1, (n, size, size, 3)))
    labels = np.where(rng.random(n) < hard, rng.integers(0, 3, n), labels)
    return FakeTable(np.clip(pixels, 0, 255).astype(np.uint8), labels, CLASSES)
