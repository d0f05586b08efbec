"""A hypothesis that was stated and not tested can be taken back, by words or by a command; what was measured stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from failsight.agent.events import Notice, PlannerSaid
from failsight.agent.narrate import write_reports
from failsight.agent.planners.scripted import ScriptedPlanner
from failsight.agent.session import Session
from failsight.tools.errors import RetryError
from tests.fakes.case import FakeCase, television_world

GUESS = {"kind": "spurious_correlation", "class_name": "red_room", "cue": "television"}


@pytest.fixture
def case(tmp_path: Path) -> FakeCase:
    table, model = television_world(300)
    return FakeCase(tmp_path / "case", {"data": table}, model)


@pytest.mark.parametrize(
    "words", ["undo that", "forget F1", "no, please drop the hypothesis F1", "withdraw F1."]
)
def test_words_take_a_hypothesis_back_and_stating_it_again_opens_it(case: FakeCase, words: str) -> None:
    session = Session(case)  # type: ignore[arg-type]
    list(session.say("I think it uses the television to say red room"))
    assert [r.id for r in case.state().open()] == ["F1"]
    list(session.decide(False))  # its test was asked about
    said = [e.text for e in session.say(words) if isinstance(e, PlannerSaid)]
    record = case.state().find("F1")
    assert record is not None and record.standing == "withdrawn" and not case.state().open()
    assert "F1 is taken back" in said[-1]
    list(session.say("I think it uses the television to say red room"))
    assert [r.id for r in case.state().open()] == ["F1"]
    session.close()


def test_nobody_plans_for_it_and_the_report_says_that_it_was_taken_back(case: FakeCase) -> None:
    session = Session(case, planner=ScriptedPlanner([]))  # type: ignore[arg-type]
    case.call("state_hypothesis", GUESS, by="person")
    notices = [e.text for e in session.act("/withdraw F1 the television is always off")]
    assert "taken back" in notices[0]
    event = next(e for e in case.journal if e.kind == "hypothesis.withdrawn")
    assert event.data["why"] == "the television is always off"
    session.close()
    written = write_reports(case.folder, case.state(), case.journal.events, ("md",))[0].read_text("utf-8")
    assert "taken back" in written and "was stated but not tested" not in written


def test_what_was_measured_can_not_be_taken_back(case: FakeCase) -> None:
    case.call("state_hypothesis", GUESS, by="person")
    case.call("test_by_masking", {"region": "box:television", "finding": "F1"}, by="person")
    with pytest.raises(RetryError, match=r"F1 was tested \(confirmed\)"):
        case.withdraw("F1")
    session = Session(case)  # type: ignore[arg-type]
    assert any("was tested" in e.text for e in session.act("/withdraw F1") if isinstance(e, Notice))
    with pytest.raises(RetryError, match="Open hypotheses: none"):
        case.withdraw("F9")
    session.close()


def test_a_withdrawn_hypothesis_that_is_measured_all_the_same_counts(case: FakeCase) -> None:
    case.call("state_hypothesis", GUESS, by="person")
    case.withdraw("F1")
    case.call("test_by_masking", {"region": "box:television", "finding": "F1"}, by="person")
    record = case.state().find("F1")
    assert record is not None and record.standing == "confirmed"


def test_of_two_versions_the_named_hypothesis_is_taken_back(tmp_path: Path) -> None:
    from failsight.agent.journal import Journal
    from failsight.agent.opening import open_case
    from failsight.agent.state import fold
    from tests.fakes.patterns import made_case

    guess = {"kind": "overconfidence"}
    with open_case(out=tmp_path / "case", **made_case(tmp_path, channels="BGR")) as made:
        made.call("evaluate", by="person")
        made.call("state_hypothesis", guess, by="person")
        made.call("preprocessing_probe", by="person")
        fed = next(r for r in made.state().confirmed() if r.finding.kind == "preprocessing")
        made.call("adopt_version", {"finding": fed.id}, by="person")
        made.call("state_hypothesis", guess, by="person")
        first, second = (r.id for r in made.state().records.values() if r.finding.kind == "overconfidence")
        assert made.withdraw(first).id == first
        taken = {r.id: bool(r.withdrawn) for r in made.state().records.values()}
        assert taken[first] and not taken[second]
        made.withdraw(second)
        taken = {r.id: bool(r.withdrawn) for r in made.state().records.values()}
        assert taken[first] and taken[second]
    again = fold(Journal(tmp_path / "case", write=False))
    assert {r.id: bool(r.withdrawn) for r in again.records.values()} == taken
