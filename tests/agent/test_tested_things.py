"""A thing whose part was decided by an experiment is told of, and not put to the same experiment again."""

from __future__ import annotations

from pathlib import Path

import pytest

from failsight.agent.planners.guided import GuidedPlanner
from failsight.agent.session import Session
from tests.agent.guided_talk import ask
from tests.fakes.case import FakeCase, television_world


@pytest.fixture
def case(tmp_path: Path) -> FakeCase:
    table, model = television_world(120)
    made = FakeCase(tmp_path / "case", {"data": table}, model)
    session = Session(made, policy="auto")
    list(session.say("I think it uses the television to say blue room"))
    session.close()
    return made


def test_the_experiment_was_made(case: FakeCase) -> None:
    (record,) = [r for r in case.state().now() if "television" in (r.finding.slice or {})]
    assert record.standing in ("confirmed", "refuted")


@pytest.mark.parametrize("text", ["do televisions matter?", "is it the television that does it?", "does the television make it say blue room?"])  # fmt: skip
def test_what_is_known_is_told(case: FakeCase, text: str) -> None:
    got = ask(GuidedPlanner(case), text)
    (record,) = [r for r in case.state().now() if "television" in (r.finding.slice or {})]
    assert not got.tool
    assert record.id in got.words and "was tested" in got.words


@pytest.mark.parametrize("text", ["cover the television and see", "test whether the television matters", "does the television make it say red room?"])  # fmt: skip
def test_who_wants_a_test_gets_one(case: FakeCase, text: str) -> None:
    assert ask(GuidedPlanner(case), text).tool.startswith("test_by_")
