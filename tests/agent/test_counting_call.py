"""count_images through the agent's graph: the call of a planner, its record, what a person is shown and what may be said of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from failsight.agent.events import EvidenceMade, PlannerSaid, ToolFailed
from failsight.agent.grouping import set_groups
from failsight.agent.guards.fitting import CORE
from failsight.agent.planners import schemas
from failsight.agent.planners.scripted import ScriptedPlanner, call
from failsight.agent.session import Session
from failsight.tools.registry import registry
from tests.fakes.case import FakeCase, television_world
from tests.fakes.view import FakeTable


@pytest.fixture
def case(tmp_path: Path) -> Iterator[FakeCase]:
    table, model = television_world(300)
    table.columns["house"] = [f"house {i // 6}" for i in range(300)]
    shown, _ = television_world(20)
    bare = FakeTable(shown.pixels, [-1] * 20, shown.classes, dict(shown.columns), shown.boxes)
    made = FakeCase(tmp_path / "case", {"data": table, "train": bare}, model)
    set_groups(made, "house")  # type: ignore[arg-type]
    yield made
    made.close()


def test_a_planner_counts_and_the_journal_answers_the_same_call(case: FakeCase) -> None:
    asked = {"among": ["true=blue_room", "television=yes"], "having": ["wrong"]}
    session = Session(
        case,
        planner=ScriptedPlanner(
            [call("count_images", **asked), "Counted.", call("count_images", **asked), "Again."]
        ),
    )  # type: ignore[arg-type]
    (made,) = [
        e
        for e in session.say("how many blue rooms with a television are wrong?")
        if isinstance(e, EvidenceMade)
    ]
    table, said = case.table("data"), case.predictions("data")
    television = [v == "yes" for v in table.columns["television"]]
    base = [i for i in range(300) if table.labels[i] == 1 and television[i]]
    wrong = sum(said.predicted[i] != 1 for i in base)
    first = made.evidence.summary.split(":")[0]
    assert first == f"{wrong} of {len(base)} blue_room images with television=yes are wrong"
    assert made.evidence.arguments["group_by"] == "house"  # as the case says
    again = [e for e in session.say("and again") if isinstance(e, EvidenceMade)]
    assert [e.evidence.id for e in again] == [made.evidence.id] and len(case.state().evidence) == 1
    session.close()


def test_what_can_not_be_counted_goes_back_to_the_planner_as_a_sentence(case: FakeCase) -> None:
    planner = ScriptedPlanner([call("count_images", split="train", having=["wrong"]), "So be it."])
    session = Session(case, planner=planner)  # type: ignore[arg-type]
    events = list(session.say("how many of the training ones are wrong?"))
    (failed,) = [e for e in events if isinstance(e, ToolFailed)]
    assert "have no labels" in str(failed) and not case.state().evidence
    assert [e.text for e in events if isinstance(e, PlannerSaid)][-1] == "So be it."
    session.close()


def test_after_attributes_were_edited_it_is_counted_anew(case: FakeCase) -> None:
    assert not case.call("count_images", {"by": "television"})[1]
    assert case.call("count_images", {"by": "television"})[1]
    case.call(
        "edit_attributes", {"action": "rename_value", "attribute": "television", "value": "yes", "to": "on"}
    )
    made, reused = case.call("count_images", {"by": "television"})
    assert not reused and {row[0] for row in made.tables[0].rows} == {"on", "no"}


def test_conditions_know_edited_values_by_their_present_name(case: FakeCase) -> None:
    for value in ("house 0", "house 1"):
        edit = {"action": "rename_value", "attribute": "house", "value": value, "to": "cottage"}
        case.call("edit_attributes", edit)
    made = case.call("count_images", {"among": ["house=cottage"]})[0]
    assert made.summary.startswith("12 of 300 evaluation images have house=cottage")
    assert case.call("show_images", {"where": "house=cottage|house 2"})[0].fact("image_count", "house=cottage|house 2").value == 18  # fmt: skip
    old = case.call("count_images", {"among": ["house=house 0"]})[0]  # as an earlier finding may call it
    assert old.summary.startswith("6 of 300")
    rows = case.call("count_images", {"by": "house"})[0].tables[0].rows
    assert rows[0][:2] == ("cottage", 12)


def test_a_language_model_is_told_of_it_in_full() -> None:
    assert "count_images" in CORE
    told = schemas.function(registry()["count_images"])["function"]
    assert {"split", "among", "having", "by", "top", "group_by"} == set(told["parameters"]["properties"])
    assert "confidence>=0.9" in told["parameters"]["properties"]["among"]["description"]
