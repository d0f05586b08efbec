"""A cue that nobody recorded in training: its share there by a detector that errs, corrected for its errors."""

from __future__ import annotations

import numpy as np
import pytest

from failsight.tools.checks.slice_causes import tied
from failsight.tools.checks.slice_detector import corrected
from failsight.tools.checks.slice_pulls import Compared


def world(seed: int, own: float, others: float, hits: float = 0.9, alarms: float = 0.05) -> Compared | None:
    """A detector that raises more false alarms in class 0, where the model half expects the cue."""
    rng = np.random.default_rng(seed)
    labels, there = np.repeat([0, 1, 2], 600), np.repeat([0, 1, 2], 900)
    has, has_there = rng.random(1800) < 0.5, rng.random(2700) < np.where(there == 0, own, others)
    here = rng.random(1800) < np.where(has, hits, np.where(labels == 0, alarms + 0.1, alarms))
    away = rng.random(2700) < np.where(has_there, hits, np.where(there == 0, alarms + 0.1, alarms))
    return corrected(here, has, labels, away, there, 0, 3)


def test_a_tie_is_found_and_its_absence_too() -> None:
    bound, loose = world(0, 0.9, 0.1), world(1, 0.5, 0.5)
    assert bound is not None and loose is not None
    assert tied(bound) == "yes" and bound.difference == pytest.approx(0.8, abs=0.1) and bound.detected
    assert tied(loose) == "no" and abs(loose.difference) < 0.1


def test_the_interval_covers_the_difference_though_the_detector_errs_unevenly() -> None:
    made = [m for m in (world(s, 0.4, 0.4) for s in range(200)) if m is not None]
    assert len(made) == 200 and sum(m.ci[0] <= 0.0 <= m.ci[1] for m in made) >= 180


def test_a_weak_detector_and_few_images_say_nothing() -> None:
    assert world(0, 0.5, 0.5, hits=0.6, alarms=0.3) is None
    few = np.array([True] * 5 + [False] * 5)
    assert corrected(few, few, np.zeros(10, int), few, np.zeros(10, int), 0, 2) is None
