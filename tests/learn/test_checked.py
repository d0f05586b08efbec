"""A practice case that is solved by a check: nobody is told off for a step that the check has done."""

from __future__ import annotations

from pathlib import Path

import pytest

from failsight.agent.learn.classroom import done
from failsight.agent.learn.practice import practise, steps
from tests.learn.test_lessons import played, room


@pytest.mark.parametrize(
    ("name", "tool", "said_of", "cause"),
    [
        ("cedar", "duplicates_and_leakage", "leakage", "Leakage"),
        ("hazel", "training_record", "overfitting", "overfitting"),
    ],
)
def test_a_cause_that_a_check_confirmed_is_concluded_without_a_pitfall(
    name: str, tool: str, said_of: str, cause: str, tmp_path: Path
) -> None:
    here = room(tmp_path, "expert")
    said, right = played(
        practise(here, name), "look", tool, "look", "shift", "correct", "1", "conclude", cause, "yes"
    )
    assert right is True
    record = here.progress.lesson(name)
    assert not {
        "untested_conclusion",
        "only_accuracy",
        "repair_before_hypothesis",
        "repair_before_test",
    } & set(record.pitfalls)
    assert not any("You stated no hypothesis" in s for s in said)
    assert any("Your checks decided" in s and said_of in s for s in said)
    with here.case(name) as case:
        whats = [a.what for a in done(case)]
        assert (
            steps(case) == len(whats) - whats.count("found") < len(whats)
        )  # what a check found was not done by the person
