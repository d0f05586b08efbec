"""Guesses and what they tell about their maker."""

from __future__ import annotations

import pytest

from failsight.agent.learn.score import (
    Range,
    calibration,
    holds,
    range_score,
    range_words,
    read_range,
    read_sure,
)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("70-90", 0.7, 0.9),
        ("70 to 90 %", 0.7, 0.9),
        ("0.7-0.9", 0.7, 0.9),
        ("90–70", 0.7, 0.9),
        ("80", 0.8, 0.8),
        ("about 80%", 0.8, 0.8),
        ("1", 0.01, 0.01),
        ("0", 0.0, 0.0),
        ("0,5", 0.5, 0.5),
        ("between 5 and 12", 0.05, 0.12),
    ],
)
def test_ranges_are_read_as_people_write_them(text: str, low: float, high: float) -> None:
    made = read_range(text)
    assert made is not None
    assert (made.low, made.high) == pytest.approx((low, high))


@pytest.mark.parametrize("text", ["", "many", "120", "70-900", "kitchen"])
def test_what_is_no_share_is_not_read(text: str) -> None:
    assert read_range(text) is None


def test_the_interval_score_is_the_width_and_ten_times_the_miss() -> None:
    assert range_score(Range(0.7, 0.9), 0.8) == pytest.approx(0.2)
    assert range_score(Range(0.7, 0.9), 0.95) == pytest.approx(0.2 + 10 * 0.05)
    assert not holds(Range(0.7, 0.9), 0.92)


@pytest.mark.parametrize(
    ("value", "inside"),
    [
        (0.95, True),
        (0.9504, True),
        (0.953, False),
        (0.9506, False),
        (0.7996, True),
        (0.799, False),
        (0.8, True),
    ],
)
def test_inside_means_inside_as_the_figures_are_written(value: float, inside: bool) -> None:
    """95.3 % is not inside 80 to 95 %: only what is rounded away is forgiven."""
    assert holds(Range(0.8, 0.95), value) is inside
    held, sentence = range_words(Range(0.8, 0.95), value, f"{100 * value:.1f} %")
    assert held is inside
    assert ("Inside your range." in sentence) is inside


def test_how_far_outside_is_never_no_points() -> None:
    assert "Outside by 0.3 points" in range_words(Range(0.8, 0.95), 0.953, "95.3 %")[1]
    assert "Outside by 5 points" in range_words(Range(0.8, 0.9), 0.95, "95.0 %")[1]
    assert "Outside by 1 point:" in range_words(Range(0.8, 0.9), 0.79, "79.0 %")[1]


def test_a_range_that_would_hold_anything_is_no_merit() -> None:
    held, sentence = range_words(Range(0.1, 0.9), 0.5, "50 %")
    assert held
    assert "Dare more" in sentence


def test_calibration_is_silent_until_there_is_enough_and_then_says_which_way_to_go() -> None:
    few = [{"what": "range", "held": False}] * 4
    assert calibration(few) == ""
    assert "too narrow" in calibration([*few, {"what": "range", "held": False}])
    sure = [{"what": "pick", "held": k == 0, "sure": 0.9} for k in range(5)]
    assert "surer than you are right" in calibration(sure)


def test_how_sure_somebody_is_may_stand_behind_an_answer() -> None:
    assert read_sure("70") == pytest.approx(0.7)
    assert read_sure("") is None
