"""``Repair F8`` goes to the next step of that finding's repair; ``did it help?`` is answered from the verification that stands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from failsight.agent.events import EvidenceMade, PlannerSaid, ToolStarted
from failsight.agent.planners.guided import GuidedPlanner
from failsight.agent.planners.mending import HELPED, REPAIR
from failsight.agent.session import Session
from failsight.tools.evidence import Correction, Evidence, Fact, Finding
from tests.agent.guided_talk import Heard, ask, rooms
from tests.fakes.case import FakeCase, television_world
from tests.fakes.repairs import RepairedCase

ACTION = "Draw the kitchens with stools more often while training."


def heard(case: FakeCase, text: str) -> Heard:
    return ask(GuidedPlanner(case), text)


@pytest.fixture
def case(tmp_path: Path) -> FakeCase:
    return rooms(tmp_path / "rooms")


def propose(case: FakeCase, finding: str = "F2") -> None:
    record = case.state().find(finding)
    assert record is not None
    made = Correction(record.finding.key, "rebalance", "training", ACTION)
    told = Evidence("propose_correction", "Proposed", ACTION, {"finding": finding}, corrections=(made,))
    case.record("evidence.recorded", call="p", evidence=told.to_dict())


@pytest.fixture
def repaired(tmp_path: Path) -> Iterator[RepairedCase]:
    made = RepairedCase(tmp_path / "case")
    yield made
    made.close()


def judged(case: FakeCase, verdict: Any) -> None:
    """A verification of R1 with this verdict is written down, with a proposal that nobody tried."""
    finding = case.state().records[next(iter(case.state().records))].finding
    facts = (
        Fact("verdict", verdict, "text", "R1"),
        Fact("error_rate", 0.12, "share", "before"),
        Fact("error_rate", 0.09, "share", "repair"),
        Fact("error_rate", 0.61, "share", "target, before", (0.55, 0.66), 340),
        Fact("error_rate", 0.19, "share", "target, repair", None, 340),
        Fact("error_rate", 0.63, "share", "target, control", None, 340),
        Fact("effect", -0.44, "points", "target, repair minus control", (-0.5, -0.38), 340),
        Fact("groups_worse", 1, "count"),
        Fact("groups_traded", 1 if verdict == "traded away" else 0, "count"),
        Fact("worst_loss", 0.127, "points", "dark bedrooms", (0.068, 0.185), 267),
    )
    made = Evidence(
        "verify_correction", "Judged", "The target went from 61 % to 19 %, 63 % in the control arm.", {"repair": "R1"}, facts=facts, id="E2",
        corrections=(Correction(finding.key, "collect", "dataset", ACTION),),
    )  # fmt: skip
    case.record("evidence.recorded", call="v", evidence=made.to_dict())


REQUESTS = ("Repair F2", "fix F2", "mend the stools thing", "please repair finding F2", "can you fix the stools problem?", "apply the correction for F2")  # fmt: skip


@pytest.mark.parametrize("text", REQUESTS)
def test_a_repair_is_proposed_first(case: FakeCase, text: str) -> None:
    assert str(heard(case, text)) == "propose_correction finding=F2"


@pytest.mark.parametrize("text", REQUESTS)
def test_what_was_proposed_is_applied(case: FakeCase, text: str) -> None:
    propose(case)
    assert str(heard(case, text)) == "retrain finding=F2"


def test_a_strategy_that_is_named_is_the_one_applied(case: FakeCase) -> None:
    propose(case)
    assert str(heard(case, "repair F2 by hard examples")) == "retrain finding=F2 strategy=hard_examples"


def test_applying_asks_for_approval_and_only_then_runs(case: FakeCase) -> None:
    propose(case)
    events = list(Session(case, policy="ask").say("Repair F2"))
    assert not any(isinstance(e, ToolStarted | EvidenceMade) for e in events)
    assert any("Approv" in type(e).__name__ for e in events), events


@pytest.mark.parametrize(
    "text", ["Repair F1", "mend the television thing", "did the repair help?", "did R1 work?"]
)
def test_an_applied_repair_is_verified_and_then_told_from_the_record(
    repaired: RepairedCase, text: str
) -> None:
    assert str(heard(repaired, text)) == "verify_correction repair=R1"
    judged(repaired, "verified")
    said = heard(repaired, text)
    assert not said.tool and "Yes: R1 of F1 is verified [E2]." in said.words
    assert "61 % to 19 %, 63 % in the control arm. [E2]" in said.words
    assert "Over all untouched images the error went from 12.0 % to 9.0 % [E2]." in said.words
    assert "groups clearly worse: 1" in said.words and "lost most: dark bedrooms, +12.7" in said.words


def test_the_whole_way_from_the_question_to_the_verdict(repaired: RepairedCase) -> None:
    session = Session(repaired, policy="auto")
    first = list(session.say("did it work?"))
    assert [e.tool for e in first if isinstance(e, ToolStarted)] == ["verify_correction"]
    again = list(session.say("Did the repair help?"))
    assert not any(isinstance(e, ToolStarted) for e in again)
    (told,) = [e.text for e in again if isinstance(e, PlannerSaid)]
    assert "R1 of F1 is verified [E2]" in told and "nverified" not in told


@pytest.mark.parametrize(
    ("verdict", "begins"),
    [
        ("no effect", "No: R1 of F1 had no effect"),
        ("traded away", "Not as it is: R1 of F1 traded"),
        ("inconclusive", "That is undecided"),
    ],
)
def test_other_verdicts_are_told_as_what_they_are(repaired: RepairedCase, verdict: str, begins: str) -> None:
    judged(repaired, verdict)
    said = heard(repaired, "is it better now?").words
    assert said.startswith(begins)
    assert (f"Still proposed: {ACTION}" in said) is (verdict != "inconclusive")


def test_without_a_repair_nothing_can_have_helped(case: FakeCase) -> None:
    assert heard(case, "did the repair help?").words.startswith("No repair has been applied yet")
    propose(case)
    assert "say for example: Repair F2" in heard(case, "did the fix for F2 work?").words


def test_what_a_repair_lacks_is_said(tmp_path: Path) -> None:
    table, model = television_world(60)
    case = FakeCase(tmp_path / "case", {"data": table}, model)
    leak = Finding(
        "leakage", "correctness", "data_engineering", "Training images slipped in.", verdict="confirmed"
    )
    made = Evidence("duplicates_and_leakage", "Looked", "Looked.", findings=(leak,), id="E1")
    case.record("evidence.recorded", call="c", evidence=made.to_dict())
    propose(case, "F1")
    said = heard(case, "Repair F1")
    assert not said.tool and "F1 can't be repaired here yet" in said.words and ACTION in said.words


@pytest.mark.parametrize(
    "text",
    ["how do I fix F2?", "what would repair F2?", "repair the model", "fix it", "how can F2 be repaired?", "which repair would help most"],
)  # fmt: skip
def test_questions_about_repairs_stay_questions_of_the_bank(case: FakeCase, text: str) -> None:
    propose(case)
    assert heard(case, text).tool == "propose_correction"


@pytest.mark.parametrize(
    "text",
    ["did it help?", "did the retraining help", "was the correction successful?", "has the fix worked?", "is F8 repaired now?", "what did the repair bring?", "did R2 pay off?", "did it get better?"],
)  # fmt: skip
def test_ways_to_ask_whether_it_helped(text: str) -> None:
    assert HELPED.match(text)


@pytest.mark.parametrize("text", ["is it good?", "is it any good at all?", "does it work?", "did it overfit?", "is it better on kitchens?", "does it work on deployment?", "would retraining help?"])  # fmt: skip
def test_other_questions_are_not(text: str) -> None:
    assert not HELPED.match(text)
    assert not REPAIR.match(text)
