"""Nobody is asked to allow a call that can't run: what is missing is said at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from failsight.agent.events import ApprovalAsked, ToolFailed
from failsight.agent.graph import Approvals
from failsight.agent.lacking import runs_not
from failsight.agent.planners.scripted import ScriptedPlanner, call
from failsight.agent.session import Session
from failsight.tools.registry import registry
from tests.fakes.case import FakeCase, television_world


@pytest.fixture
def case(tmp_path: Path) -> Iterator[FakeCase]:
    table, model = television_world(60)
    made = FakeCase(tmp_path / "case", {"data": table}, model)
    yield made
    made.close()


def without_model(case: FakeCase, monkeypatch: pytest.MonkeyPatch) -> FakeCase:
    monkeypatch.setattr(type(case), "has_model", lambda self: False)
    return case


def told(case: FakeCase, tool: str, arguments: dict[str, Any]) -> tuple[list[Any], list[str]]:
    """The questions for a yes, and what failed, of one call of a planner."""
    from unittest import mock

    planner = ScriptedPlanner([call(tool, **arguments), "Done."])
    with mock.patch("failsight.agent.session.make_planner", return_value=planner):
        session = Session(case)
    made = list(session.say("do it"))
    asked = [e for e in made if isinstance(e, ApprovalAsked)]
    return asked, [e.message for e in made if isinstance(e, ToolFailed)]


def test_comparing_without_a_second_model_is_not_asked_for(case: FakeCase) -> None:
    asked, failed = told(case, "compare_models", {})
    assert not asked
    assert "There is nothing to compare with" in failed[0]


def test_what_needs_the_model_is_not_asked_for_where_there_is_none(
    case: FakeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, failed = told(without_model(case, monkeypatch), "cue_profile", {})
    assert not asked
    assert "needs the model itself" in failed[0]


@pytest.mark.parametrize(
    ("tool", "arguments", "needless"),
    [
        ("compare_models", {}, True),
        ("compare_models", {"after": "R9.1"}, True),
        ("compare_models", {"after": "/somewhere/else.onnx"}, False),  # the tool opens it
        ("verify_correction", {}, True),
        ("verify_correction", {"repair": "R7"}, True),
        ("retrain", {"finding": "F99"}, True),
        ("cue_profile", {}, False),
        ("robustness_probe", {"sample": 20}, False),
        ("generate_repair_data", {}, False),
    ],
)
def test_only_what_fails_at_once_is_not_asked_about(
    tool: str, arguments: dict[str, Any], needless: bool, case: FakeCase
) -> None:
    spec = registry()[tool]
    assert runs_not(case, spec, case.checked(spec, arguments)) == needless
    assert Approvals(case).waits(spec, arguments) != needless


def test_what_fails_at_once_says_what_is_missing_and_writes_nothing(case: FakeCase) -> None:
    for tool, arguments, missing in (
        ("verify_correction", {}, "there is nothing to verify"),
        ("retrain", {"finding": "F99"}, "There is no finding 'F99'"),
    ):
        asked, failed = told(case, tool, arguments)
        assert not asked
        assert missing in failed[0]
    assert not case.versions()
