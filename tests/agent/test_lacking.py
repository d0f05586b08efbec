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


@pytest.mark.parametrize(
    ("tool", "arguments", "says"),
    [
        ("test_by_masking", {"region": "rect:0,0,.3,.3", "where": ["place=corner"]}, "where: there is no attribute 'place'"),
        ("test_by_masking", {"region": "rect:0,0,.3,.3", "where": ["predicted=attic"]}, "attic"),
        ("test_by_masking", {"region": "box:television", "finding": "F1", "class_name": "bathroom"}, "finding: there is no finding 'F1'"),
        ("test_by_masking", {"region": "like:data/900,0,0,.1,.1"}, "there is no image 900"),
        ("test_by_masking", {"region": "object:lamp"}, "needs a model that finds it"),
        ("test_by_adding", {"cue": "rect:0,0,.3,.3", "donors": ["row=5"]}, "donors: there is no attribute 'row'"),
        ("test_by_adding", {"cue": "rect:0,0,.3,.3"}, "donors: say which images"),
        ("test_by_adding", {"cue": "border:0.1"}, "cue: 'border:0.1' can't be cut out"),
        ("test_by_swapping", {"region": "rect:0,0,.3,.3", "donor_class": "attic"}, "attic"),
    ],
)  # fmt: skip
def test_arguments_that_cannot_run_are_refused_before_anybody_is_asked(
    tool: str, arguments: dict[str, Any], says: str, case: FakeCase
) -> None:
    asked, failed = told(case, tool, arguments)
    assert not asked and says in failed[0]


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("test_by_masking", {"region": "rect:0,0,.3,.3", "where": ["wrong", "brightness<0.9"]}),
        ("test_by_adding", {"cue": "box:television"}),
        ("test_by_swapping", {"region": "rect:0,0,.3,.3"}),
    ],
)
def test_an_experiment_that_can_run_is_asked_about(
    tool: str, arguments: dict[str, Any], case: FakeCase
) -> None:
    asked, failed = told(case, tool, arguments)
    assert [e.tool for e in asked] == [tool] and not failed


def test_the_error_names_the_argument_as_the_tool_does(case: FakeCase) -> None:
    stated = {"kind": "spurious_correlation", "class_name": case.classes[0], "cue": "rect:0,0,.3,.3"}
    case.call("state_hypothesis", stated)
    asked, failed = told(case, "test_by_adding", {"cue": "rect:.5,.5,.8,.8", "finding": "F1", "donors": ["wrong"]})  # fmt: skip
    assert not asked and failed[0].startswith("cue: F1 is about") and "Leave cue out" in failed[0]
