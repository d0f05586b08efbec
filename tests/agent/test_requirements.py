"""Demands that are changed in passing, and what the journal says about the work: what changed, who decided, what was agreed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from failsight.agent.case import Case
from failsight.agent.planners import requirements
from failsight.agent.session import Session
from tests.agent.advice_talk import opened, said
from tests.agent.guided_talk import quick_tools


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    made = opened(tmp_path_factory.mktemp("demands"))
    yield made
    made.close()


# --- the record ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "what did we agree on?",
        "what did we agree on last time?",
        "what was decided?",
        "what are our requirements?",
    ],
)
def test_what_was_agreed(text: str, case: Case) -> None:
    told = said(case, text)
    assert "demanded accuracy at least 90.0 %" in told and "Nobody has signed it off" in told


@pytest.mark.parametrize(
    "text",
    [
        "who decided that?",
        "who changed it?",
        "and who decided that?",
        "who set the requirements?",
        "whose decision was that?",
    ],
)
def test_who_decided(text: str, case: Case) -> None:
    told = said(case, text)
    assert "a person" in told and "UTC" in told and "Nobody has signed" in told


@pytest.mark.parametrize("text", ["where were we?", "so where did we stop last time?", "what were we doing?"])
def test_where_one_stopped(text: str, case: Case) -> None:
    told = said(case, text)
    assert "13 pieces of evidence" in told and "not ready" in told and "The workflow" in told


def test_what_changed_since_the_beginning_and_since_the_last_session(tmp_path: Path) -> None:
    case = opened(tmp_path)
    told = said(case, "what changed since the beginning?")
    assert "a person demanded accuracy at least 90.0 %" in told and "F10 confirmed" in told
    case.record("session.opened", planner="guided", level="intermediate", version="1")
    assert said(case, "what is new?").startswith("Nothing was changed since the last session ended")
    assert said(case, "has anything changed?").startswith("Nothing was changed")
    case.expect("accuracy", 0.7, at_least=True, by="Ann")
    told = said(case, "what changed since last time?")
    assert "Ann changed a demand to accuracy at least 70.0 % (before: 90.0 %)" in told
    assert "Ann" in said(case, "who changed that?")
    assert "Ann changed" in said(case, "what changed since yesterday?")
    case.close()


# --- a changed demand ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "the requirement of 90% was a joke by the way, make it 70%", "the requirement of 90 % was a joke, make it 70 %", "set the required accuracy to 70 %", "the accuracy only has to be 70 %", "70 % accuracy is enough for us",
        "set the accuracy requirement to 70 percent", "lower the required accuracy to 0.7", "the requirement of 90 % is too strict, lower it to 70 %", "change the expected accuracy to 70%", "we only need 70 % accuracy",
        "make the required accuracy 70 %",
        "accuracy of 90 % is too much, make it 70 %",
    ],
)  # fmt: skip
def test_a_demand_is_changed(text: str, case: Case) -> None:
    made = requirements.changed(case, text)
    assert made is not None and not made[1]
    assert [(c.name, c.bound, c.at_least) for c in made[0]] == [("accuracy", 0.7, True)]


def test_a_demand_on_a_class_or_on_deployment_is_read_whole(case: Case) -> None:
    wanted = {
        "the bathroom recall only has to be 60 %": ("recall.bathroom", 0.6),
        "the recall of the kitchen only has to be 70 %": ("recall.kitchen", 0.7),
        "the deployment accuracy only has to be 60 %": ("deploy.accuracy", 0.6),
        "set the required recall to 70 %": ("worst_recall", 0.7),
    }
    for text, one in wanted.items():
        made = requirements.changed(case, text)
        assert made is not None and [(c.name, c.bound) for c in made[0]] == [one]


def test_which_demand_is_meant_is_asked(case: Case) -> None:
    for text in ("lower the requirement to 60 %", "make it 70 %"):
        made = requirements.changed(case, text)
        assert (
            made is not None
            and not made[0]
            and "Which of these is meant: accuracy at least 90.0 % and recall of the weakest class" in made[1]
        )


@pytest.mark.parametrize(
    "text",
    [
        "is 70 % enough?", "make it 70 %?", "what if I only needed 70 %", "make it brighter", "set the threshold to 70 %", "mask 70 % of it", "put the lamp back to 90", "take 70 pictures", "accuracy is only 70 %",
        "make it 5", "only 70 % of the kitchens are right", "the accuracy is 70 %", "the first one", "90",
    ],
)  # fmt: skip
def test_what_changes_no_demand(text: str, case: Case) -> None:
    assert requirements.changed(case, text) is None


def test_old_and_new_are_said_and_it_can_be_put_back(tmp_path: Path) -> None:
    case = opened(tmp_path)
    with quick_tools():
        session = Session(case, policy="auto")
        said_ = (
            "the requirement of 90% was a joke by the way, make it 70%",
            "put it back to 90",
        )
        talk = [" ".join(str(getattr(e, "text", "")) for e in session.say(text)) for text in said_]
    assert "accuracy ≥ 70 %" in talk[0] and "Before, it was accuracy ≥ 90 %" in talk[0]
    assert "accuracy ≥ 90 %" in talk[1] and "Before, it was accuracy ≥ 70 %" in talk[1]
    assert case.state().expectations["accuracy"].bound == 0.9
    case.close()
