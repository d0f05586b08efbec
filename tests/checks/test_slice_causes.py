"""Learning curves over groups of images: what they say, and when they say nothing."""

from __future__ import annotations

import numpy as np
import pytest

from failsight.tools.slices.causes import TrainShare, learning_curve, tied
from failsight.tools.slices.findings import _cause
from failsight.tools.slices.pulls import compared


def units(rate: np.ndarray, n: int = 400, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).binomial(n, rate)


SEEN = np.array([10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5120])
SIZE = np.full(10, 400)
ONE = np.zeros(10, int)
FIRST = np.arange(10) == 0


def test_a_fall_is_seen_with_its_slope_and_what_it_leads_to_expect() -> None:
    rate = 0.5 - 0.04 * np.log2(SEEN + 1)
    curve = learning_curve(units(rate), SIZE, SEEN, ONE, FIRST)
    assert curve.says == "yes" and curve.units == 9
    assert curve.ci[0] < -0.04 < curve.ci[1] < 0
    assert curve.expected == pytest.approx(rate[0], abs=0.05)


def test_the_slice_itself_does_not_make_the_curve() -> None:
    """Only the slice fails more: the others are as good with ten images as with five thousand."""
    rate = np.full(10, 0.1)
    rate[0] = 0.6
    curve = learning_curve(units(rate, 4000), np.full(10, 4000), SEEN, ONE, FIRST)
    assert curve.says == "no" and curve.expected == pytest.approx(0.1, abs=0.04)


def test_classes_have_levels_of_their_own() -> None:
    """Hard classes are the rare ones, and within each class the number of images is of no account."""
    group = np.repeat([0, 1], 5)
    rate = np.where(group == 0, 0.4, 0.1)
    curve = learning_curve(units(rate, 4000), np.full(10, 4000), SEEN, group, np.zeros(10, bool))
    assert curve.says == "no" and abs(curve.slope) < 0.01 and curve.expected is None


@pytest.mark.parametrize("case", ["few", "alike", "small", "noisy"])
def test_where_the_images_do_not_tell_it_is_undetermined(case: str) -> None:
    rate, n, seen, size = np.full(10, 0.2), 400, SEEN, SIZE
    if case == "few":
        curve = learning_curve(units(rate)[:4], size[:4], seen[:4], ONE[:4], FIRST[:4])
    elif case == "alike":
        curve = learning_curve(units(rate), size, np.full(10, 100), ONE, FIRST)
    elif case == "small":
        curve = learning_curve(units(rate, 5), np.full(10, 5), seen, ONE, FIRST)
    else:
        scattered = np.random.default_rng(3).uniform(0.05, 0.6, 10)
        curve = learning_curve(units(scattered, n), size, seen, ONE, FIRST)
    assert curve.says == "undetermined" and curve.ci[0] < 0 < curve.ci[1]


def test_intervals_cover_the_slope() -> None:
    covered = 0
    for seed in range(200):
        curve = learning_curve(
            units(0.3 - 0.02 * np.log2(SEEN + 1), 200, seed), np.full(10, 200), SEEN, ONE, FIRST
        )
        covered += curve.ci[0] <= -0.02 <= curve.ci[1]
    assert covered >= 180


@pytest.mark.parametrize(
    ("own", "n", "other", "m", "says"),
    [
        (300, 400, 100, 400, "yes"),
        (4, 400, 0, 4000, "yes"),
        (200, 400, 200, 400, "no"),
        (0, 400, 40, 400, "no"),
        (10, 20, 10, 20, "undetermined"),
        (0, 20, 0, 180, "undetermined"),
        (0, 0, 5, 10, "undetermined"),
    ],
)
def test_what_training_ties_is_told_by_the_interval(own: int, n: int, other: int, m: int, says: str) -> None:
    mine = np.arange(n + m) < n
    has = np.where(mine, np.arange(n + m) < own, np.arange(n + m) - n < other)
    assert tied(compared(0, has, mine, ~mine)) == says


def test_no_comparison_is_undetermined() -> None:
    assert tied(None) == "undetermined"


def test_a_share_of_few_training_images_is_not_called_common() -> None:
    said = _cause(TrainShare(10, 0.0, (0.0, 0.28), 0.3, "undetermined"))
    assert said.startswith("Whether they are rare in training is undetermined (0")
    assert _cause(TrainShare(1000, 0.3, (0.27, 0.33), 0.3, "no")).startswith("Not rare in training")
