"""Suspicions about how pictures look, with no class named: a typed weak slice over all classes, and its test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from failsight.agent.events import ToolStarted
from failsight.agent.planners.guided import GuidedPlanner
from failsight.agent.session import Session
from tests.agent.guided_talk import Heard, ask, rooms
from tests.fakes.case import FakeCase, television_world

DARK, BLURRED = "brightness<=0.3", "sharpness<=0.3"


@pytest.fixture
def case(tmp_path: Path) -> FakeCase:
    """A case whose pictures were measured and that has words for the weather alone; all pictures are equally wide."""
    table, model = television_world(60)
    rising = np.linspace(0.1, 0.9, len(table)).tolist()
    weather = ["rain", "sun"] * (len(table) // 2)
    measured = {"brightness": rising, "sharpness": rising, "width": [64.0] * len(table), "weather": weather}
    table.columns = {**table.columns, **measured}
    return FakeCase(tmp_path / "case", {"data": table}, model)


def heard(case: FakeCase, text: str) -> Heard:
    return ask(GuidedPlanner(case), text)


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("do dark pictures fail more, by at least ten points?", 0.1),
        ("I think it fails more on dark pictures, 20 points or more", 0.2),
        ("is it worse at night?", 0.05),
    ],
)
def test_the_difference_that_matters_to_the_person_is_the_one_tested(
    case: FakeCase, text: str, least: float
) -> None:
    events = list(Session(case, policy="auto").say(text))
    assert [e.tool for e in events if isinstance(e, ToolStarted)] == ["state_hypothesis", "compare_group"]
    record = case.state().find("F1")
    assert record is not None and record.finding.verdict is not None
    assert {case.state().instruments[i][0].minimum_effect for i in record.instruments} == {least}


def test_another_smallest_effect_is_another_question(case: FakeCase) -> None:
    session = Session(case, policy="auto")
    list(session.say("is it worse at night?"))
    events = list(session.say("do dark pictures fail more, by at least 40 points?"))
    assert [e.tool for e in events if isinstance(e, ToolStarted)] == ["state_hypothesis", "compare_group"]
    assert "40 points" in "".join(str(e) for e in events)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("I think dark pictures make it fail", DARK),
        ("maybe it fails on blurry photos", BLURRED),
        ("is it worse at night?", DARK),
        ("does it fail more on dark pictures?", DARK),
        ("I wonder whether it struggles in poor light", DARK),
        ("maybe dark images are the reason", DARK),
        ("I suspect the bright ones", "brightness>=0.7"),
        ("maybe rain is the reason", "weather=rain"),
        ("I think it is weak in the rain", "weather=rain"),
    ],
)
def test_a_suspicion_about_looks_needs_no_class(case: FakeCase, text: str, where: str) -> None:
    assert str(heard(case, text)) == f"state_hypothesis kind=weak_slice where={where}"


def test_it_is_stated_and_tested_in_the_same_turn(case: FakeCase) -> None:
    events = list(Session(case, policy="auto").say("is it worse at night?"))
    assert [e.tool for e in events if isinstance(e, ToolStarted)] == ["state_hypothesis", "compare_group"]
    record = case.state().find("F1")
    assert record is not None and record.finding.slice == {"brightness": "up to 0.3"}
    assert record.finding.class_name is None and record.finding.verdict is not None


@pytest.mark.parametrize(
    ("text", "tool"),
    [
        ("does it cope with blurry pictures?", "robustness_probe"),
        ("is it worse for dark skin?", "disaggregate"),
        ("maybe small pictures are hard", "find_slices"),  # all are equally wide: there is no such group
        ("why does it fail on dark pictures?", ""),
    ],
)
def test_other_sentences_about_looks_stay_what_they_were(case: FakeCase, text: str, tool: str) -> None:
    got = heard(case, text).tool
    assert got == tool if tool else got != "state_hypothesis"


def test_a_question_that_names_a_value_is_one_of_the_bank(tmp_path: Path) -> None:
    got = heard(rooms(tmp_path / "rooms"), "do tilted pictures have a higher error rate?")
    assert dict(got.arguments)["attributes"] == "tilt" and got.tool in ("find_slices", "disaggregate")


@pytest.mark.parametrize(
    "text",
    [
        "I think annotators made mistakes",
        "I think the annotators were careless",
        "maybe annotator B made mistakes",
    ],
)
@pytest.mark.parametrize("column", ["annotator", "source"])
def test_wrong_labels_are_a_hypothesis_also_where_a_column_says_who_labelled(
    tmp_path: Path, text: str, column: str
) -> None:
    table, model = television_world(240)
    table.columns = {**table.columns, column: ["A", "B"] * (len(table) // 2)}
    case = FakeCase(tmp_path / "case", {"data": table}, model)
    assert str(heard(case, text)) == "state_hypothesis kind=label_noise"
    events = list(Session(case, policy="auto").say(text))
    assert [e.tool for e in events if isinstance(e, ToolStarted)] == ["state_hypothesis", "label_noise"]
    record = case.state().find("F1")
    assert record is not None and record.finding.kind == "label_noise" and record.finding.verdict is not None
