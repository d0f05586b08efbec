"""Measurements that cost time are not made where it is not sure what a sentence means: readings are offered."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from failsight.agent.events import ApprovalAsked, PlannerSaid, ToolStarted
from failsight.agent.planners import unsure
from failsight.agent.planners.guided import GuidedPlanner
from failsight.agent.session import Session
from failsight.knowledge_base import routing
from tests.agent.guided_talk import ask, converse, quick_tools, rooms
from tests.fakes.case import FakeCase


@pytest.fixture
def case(tmp_path: Path) -> FakeCase:
    return rooms(tmp_path / "rooms")


def found(case: FakeCase, **changes: Any) -> routing.Route:
    """What the router makes of a sentence about cues, as ``changes`` say."""
    from failsight.agent.planners import words

    made = routing.route("which cues does the model depend on?", words.vocabulary(case), base=case.knowledge)
    return dataclasses.replace(made, **changes)


@pytest.mark.parametrize("said", ["and 2? and 3?", "mask that thing", "do they change the result", "and in deployment, same two"])  # fmt: skip
def test_an_unsure_reading_runs_nothing_that_takes_long(said: str, case: FakeCase) -> None:
    session = Session(case)
    made = list(session.say(said))
    assert not [e for e in made if isinstance(e, ApprovalAsked | ToolStarted)]
    assert [e for e in made if isinstance(e, PlannerSaid)]
    session.close()


VAGUE = "Could I please look at the dining rooms it believed to be kitchens?"


def test_readings_are_offered_and_one_is_chosen_by_its_number(case: FakeCase, tmp_path: Path) -> None:
    from failsight.agent.planners import words

    found = routing.route(VAGUE, words.vocabulary(case), base=case.knowledge)
    assert found.call is not None
    tool, near = found.call["tool"], unsure.readings(case, found)
    own = next(i for i, q in enumerate(near) if unsure.answers(case, q.id, tool))
    got = converse(case, [VAGUE, f"the {('first', 'second', 'third')[own]} one"])
    assert unsure.was_asked(got[0].words)
    assert tool in got[0].words
    assert (
        got[1].tool == tool and dict(got[1].arguments).keys() == found.call["arguments"].keys()
    )  # the call keeps its arguments
    other = next(i for i in range(len(near)) if i != own)
    first = str(case.knowledge[near[other].id].extra["calls"][0]["tool"])
    again = converse(rooms(tmp_path / "again"), [VAGUE, f"the {('first', 'second', 'third')[other]} one"])
    assert again[1].tool == first  # another reading is another measurement


def test_the_reading_of_the_call_is_among_those_offered(case: FakeCase) -> None:
    from failsight.agent.planners import words

    said = "and in deployment, same two"
    route = routing.route(said, words.vocabulary(case), base=case.knowledge)
    assert route.call is not None
    own = next(
        q for q in case.knowledge.of_kind("question") if unsure.answers(case, q.id, route.call["tool"])
    )
    listed = dataclasses.replace(route.questions[0], id=own.id, title=own.title)
    far = dataclasses.replace(route, questions=(*route.questions[:3], listed))
    near = unsure.readings(case, far)
    assert near[0] == listed
    assert near[1:] == list(route.questions[:2])


def test_a_reading_typed_in_full_is_not_asked_again(case: FakeCase) -> None:
    from failsight.agent.planners import words

    for said in (VAGUE, "mask that thing", "and 2? and 3?", "do they change the result"):
        route = routing.route(said, words.vocabulary(case), base=case.knowledge)
        for one in unsure.readings(case, route):
            assert not unsure.was_asked(ask(GuidedPlanner(case), one.title).words)


def test_one_picture_that_is_named_is_looked_at(case: FakeCase) -> None:
    got = ask(GuidedPlanner(case), "what turns kitchen_0009.png into a bedroom?")
    assert got.tool == "counterfactual_pair"


@pytest.mark.parametrize(
    ("tool", "changes", "asks"),
    [
        ("cue_profile", {"sure": 0.47}, True),
        ("cue_profile", {"sure": 0.48}, False),
        ("cue_profile", {"sure": 0.1, "by_words": True}, False),
        ("find_slices", {"sure": 0.49}, False),
        ("find_slices", {"sure": 0.1}, True),
        ("propose_correction", {"sure": 0.0}, False),
        ("generate_repair_data", {"sure": 0.0}, False),  # asked about anyway
    ],
)
def test_what_is_asked_about(tool: str, changes: dict[str, Any], asks: bool, case: FakeCase) -> None:
    route = found(case, **{"by_words": False, **changes})
    low = [dataclasses.replace(q, score=0.4) for q in route.questions]
    route = dataclasses.replace(route, questions=tuple(low))
    assert (unsure.asked(case, "hm", route, tool, {}) is not None) == asks


def test_what_the_bank_is_sure_of_is_measured(case: FakeCase) -> None:
    route = found(case, sure=0.0, by_words=False)
    sure = (dataclasses.replace(route.questions[0], score=0.99), *route.questions[1:])
    for tool in ("find_slices", "cue_profile"):
        assert unsure.asked(case, "hm", dataclasses.replace(route, questions=sure), tool, {}) is None


def test_what_the_journal_answers_is_told_at_once(case: FakeCase) -> None:
    route = found(case, sure=0.0, by_words=False)
    assert unsure.asked(case, "hm", route, "cue_profile", {}) is not None
    with quick_tools():
        case.call("cue_profile", {})
    assert unsure.asked(case, "hm", route, "cue_profile", {}) is None


def test_a_short_sentence_after_a_measurement_is_told_what_it_could_go_on_with(case: FakeCase) -> None:
    for said in ("and 2? and 3?", "do they change the result", "the other one in green"):
        got = converse(case, ["what are bathrooms taken for?", said])[1]
        assert not got.tool
        assert got.words.startswith("I could not tell how that goes on with"), got
