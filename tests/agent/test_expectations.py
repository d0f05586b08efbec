"""Expectations in plain words."""

from __future__ import annotations

import pytest

from failsight.agent.planners.expectations import parse_cli, parse_expectation

CLASSES = ("bathroom", "dining_room", "LivingRoom", "room")


@pytest.mark.parametrize(
    ("text", "name", "bound", "at_least"),
    [
        ("accuracy at least 90 %", "accuracy", 0.9, True),
        ("I expect the accuracy to be at least 90%", "accuracy", 0.9, True),
        ("accuracy >= .85", "accuracy", 0.85, True),
        ("recall of dining room at least 85 %", "recall.dining_room", 0.85, True),
        ("the precision of bathroom must be above 0.7", "precision.bathroom", 0.7, True),
        ("ece below 0.05", "ece", 0.05, False),
        ("deployment accuracy at least 80 percent", "deploy.accuracy", 0.8, True),
        ("worst recall >= 70", "worst_recall", 0.7, True),
        ("accuracy on bathroom at least 0,95", "recall.bathroom", 0.95, True),
        ("balanced accuracy >= 0.8", "balanced_accuracy", 0.8, True),
    ],
)
def test_a_criterion_is_read(text: str, name: str, bound: float, at_least: bool) -> None:
    made = parse_expectation(text, CLASSES)
    assert made is not None
    assert (made.name, made.at_least) == (name, at_least)
    assert made.bound == pytest.approx(bound)


@pytest.mark.parametrize(
    "text",
    [
        "is the accuracy at least 90 %?  why not",
        "what is the accuracy?",
        "does it confuse bathroom with kitchen",
        "recall at least 90 %",
        "accuracy at least 900 %",
        "more than 3 cats",
        "",
    ],
)
def test_anything_else_is_left_to_the_planner(text: str) -> None:
    assert parse_expectation(text, CLASSES) is None


def test_the_command_line_form() -> None:
    made = parse_cli("recall.dining_room>=0.8", CLASSES)
    assert made is not None
    assert (made.name, made.bound, made.at_least) == ("recall.dining_room", 0.8, True)
    assert parse_cli("ece<=5%", CLASSES).bound == pytest.approx(0.05)  # type: ignore[union-attr]
    assert parse_cli("accuracy", CLASSES) is None
