"""What a control did by itself is told by which way it moved the score, the same in a finding, its chain and its test."""

from __future__ import annotations

import math

import pytest

from failsight.agent.narrate.phrases import result
from failsight.tools.evidence import Finding, TestResult
from failsight.tools.faces import control_alone
from failsight.tools.verdicts import chain

FALL, RISE = (
    "mean paired fall of the score, cue minus control",
    "mean paired rise of the class's score, cue minus control",
)


def made(control: float | None, statistic: str = FALL) -> TestResult:
    return TestResult(
        "test_by_masking",
        0.5,
        (0.4, 0.6),
        0.001,
        300,
        "confirmed",
        control_effect=control,
        statistic=statistic,
    )


@pytest.mark.parametrize(
    ("control", "statistic", "said"),
    [
        (0.009, FALL, "lowers the score by 0.9 points"),
        (-0.065, FALL, "raises the score by 6.5 points"),
        (0.007, RISE, "raises the score by 0.7 points"),
        (-0.007, RISE, "lowers the score by 0.7 points"),
        (0.02, "difference of two shares", "shows +2.0 points"),
        (None, FALL, ""),
    ],
)
def test_the_direction_is_in_words(control: float | None, statistic: str, said: str) -> None:
    assert control_alone(made(control, statistic)) == said


def test_what_is_no_number_is_given_no_direction() -> None:
    assert control_alone(made(math.nan)).startswith("shows")


def test_every_place_says_the_same() -> None:
    test = made(-0.065)
    finding = Finding(
        "spurious_correlation", "features", "data_content", "It does.", verdict="confirmed", tests=(test,)
    )
    assert "beyond the control, which alone raises the score by 6.5 points" in result(test)
    assert any("the control alone raises the score by 6.5 points" in step.text for step in chain(finding))
