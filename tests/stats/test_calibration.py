"""Calibration against hand-computed values and simulated truth."""

from __future__ import annotations

import math

import numpy as np
import pytest

from failsight.tools.stats.calibration import (
    brier,
    calibration_error_interval,
    expected_calibration_error,
    overconfidence,
    reliability,
)
from failsight.tools.stats.intervals import wilson


def test_bins_of_a_hand_computed_case() -> None:
    """Two bins: (0, 0.5] with 0.2, 0.4 (one right), (0.5, 1] with 0.6, 0.8, 1.0 (two right)."""
    confidence, correct = [0.2, 0.4, 0.6, 0.8, 1.0], [0, 1, 1, 0, 1]
    low, high = reliability(confidence, correct, bins=2)
    assert (low.n, low.confidence, low.accuracy) == pytest.approx((2, 0.3, 0.5))
    assert (high.n, high.confidence, high.accuracy) == pytest.approx((3, 0.8, 2 / 3))
    assert high.ci == wilson(2, 3)
    expected = (2 * 0.2 + 3 * (0.8 - 2 / 3)) / 5
    assert expected_calibration_error(confidence, correct, bins=2) == pytest.approx(expected)


def test_the_ends_of_the_scale_belong_to_a_bin() -> None:
    bins = reliability([0.0, 1.0, 0.5], [0, 1, 1], bins=10)
    assert sum(b.n for b in bins) == 3
    assert bins[0].low == 0.0 and bins[-1].high == 1.0


def test_equal_mass_bins_hold_equal_numbers() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.beta(8, 1, 1000)
    bins = reliability(confidence, rng.random(1000) < confidence, bins=10, binning="equal_mass")
    assert [b.n for b in bins] == [100] * 10


def test_equal_confidences_share_a_bin() -> None:
    bins = reliability([0.9] * 50 + [0.3] * 10, [1] * 60, bins=6, binning="equal_mass")
    assert [b.n for b in bins] == [10, 50]


@pytest.mark.parametrize("binning", ["equal_width", "equal_mass"])
def test_a_constant_shift_is_the_error(binning: str) -> None:
    """Confidence 0.1 above the truth everywhere: the error is 0.1 for either binning."""
    rng = np.random.default_rng(1)
    truth = rng.uniform(0.3, 0.9, 20_000)
    correct = rng.random(20_000) < truth
    error = expected_calibration_error(truth + 0.1, correct, binning=binning)  # type: ignore[arg-type]
    assert error == pytest.approx(0.1, abs=0.015)
    gap, (low, high) = overconfidence(truth + 0.1, correct)
    assert low < 0.1 < high and gap == pytest.approx(0.1, abs=0.015)


@pytest.mark.parametrize("shift", [0.0, 0.03, 0.08])
def test_the_interval_covers(shift: float) -> None:
    """Confidences too high by `shift`, 500 images: at least nine tenths of 100 intervals hold it."""
    held = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        truth = rng.uniform(0.4, 0.9, 500)
        correct = rng.random(500) < truth
        low, high = calibration_error_interval(truth + shift, correct, bins=10, resamples=200, seed=seed)
        held += low <= shift <= high
    assert held >= 90


def test_the_interval_of_a_calibrated_model_reaches_down_to_little() -> None:
    rng = np.random.default_rng(2)
    confidence = rng.uniform(0.4, 1, 2000)
    low, high = calibration_error_interval(confidence, rng.random(2000) < confidence, resamples=300)
    assert low < 0.01 and high < 0.06


def test_overconfidence_covers_and_has_a_sign() -> None:
    held = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        truth = rng.uniform(0.4, 0.9, 200)
        _, (low, high) = overconfidence(truth - 0.1, rng.random(200) < truth, seed=seed)
        held += low <= -0.1 <= high
    assert held >= 88


def test_brier_of_known_scores() -> None:
    assert brier([[1, 0], [0, 1]], [0, 1]) == 0.0
    assert brier([[0, 1]], [0]) == 2.0
    assert brier([[0.7, 0.2, 0.1]], [1]) == pytest.approx(0.49 + 0.64 + 0.01)


def test_nothing_and_nonsense() -> None:
    assert reliability([], []) == ()
    assert math.isnan(expected_calibration_error([], [])) and math.isnan(brier(np.zeros((0, 3)), []))
    assert calibration_error_interval([0.5], [1]) == (0.0, 1.0)
    assert math.isnan(overconfidence([], [])[0]) and overconfidence([0.5], [1]) == (-0.5, (-1.0, 1.0))
    for confidence, correct in (([1.2], [1]), ([np.nan], [1]), ([0.5], [2]), ([0.5, 0.5], [1])):
        with pytest.raises(ValueError):
            reliability(confidence, correct)
    with pytest.raises(ValueError):
        reliability([0.5], [1], bins=0)
    with pytest.raises(ValueError):
        brier([0.5], [0])
