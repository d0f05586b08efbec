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
    assert holds(Range(0.7, 0.9), 0.903)
    assert not holds(Range(0.7, 0.9), 0.92)


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
