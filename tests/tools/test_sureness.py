"""How sure a model is on its training images: known answers."""

from __future__ import annotations

import numpy as np
import pytest

from failsight.tools.inputs.base import Predictions
from failsight.tools.sureness import GAP, WITHOUT_ONE, sureness_facts

CLASSES = ("cat", "dog", "owl")


def predictions(sure: float, right: dict[str, float]) -> Predictions:
    """100 images called each class, ``right`` of them rightly, all answers equally sure."""
    called = np.repeat(np.arange(3), 100)
    share = np.array([right[c] for c in CLASSES])[called]
    labels = np.where(np.tile(np.arange(100), 3) < 100 * share, called, (called + 1) % 3)
    scores = np.full((300, 3), (1 - sure) / 2, np.float32)
    scores[np.arange(300), called] = sure
    return Predictions("train", CLASSES, np.arange(300), labels.astype(np.int64), scores)


def test_the_gap_is_told_with_and_without_the_class_that_shows_most_of_it() -> None:
    made = {
        f.name: f for f in sureness_facts(predictions(0.9, {"cat": 0.3, "dog": 0.9, "owl": 0.8}), "train", 0)
    }
    assert made[GAP].value == pytest.approx(0.9 - 2 / 3, abs=1e-6) and made[GAP].of == "split train"
    assert made[WITHOUT_ONE].value == pytest.approx(0.05, abs=1e-6) and made[WITHOUT_ONE].n == 200
    low, high = made[WITHOUT_ONE].ci or (1.0, 0.0)
    assert low < 0.05 < high


def test_answers_without_scores_have_no_confidence_to_tell() -> None:
    made = predictions(1.0, dict.fromkeys(CLASSES, 0.5))
    bare = Predictions("train", CLASSES, made.rows, made.labels, made.scores, has_scores=False)
    assert not sureness_facts(bare, "train", 0)
