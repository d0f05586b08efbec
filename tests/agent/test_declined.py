"""A no leaves a hypothesis open: map, recap, end of the run and report say what was declined and how to have it after all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from failsight.agent import declined
from failsight.agent.events import PlannerSaid, StageEntered
from failsight.agent.journal import Journal
from failsight.agent.narrate import write_reports
from failsight.agent.planners.step import Step
from failsight.agent.planners.steps import is_done
from failsight.agent.session import Session
from failsight.agent.state import CaseState, Declined, fold
from failsight.agent.ui.mapping import map_lines
from failsight.agent.ui.snapshot import take
from failsight.agent.ui.words import stage_rows
from failsight.tools.evidence import Evidence, Finding, TestResult
from tests.fakes.case import FakeCase, television_world

MASKING = {"region": "box:television", "class_name": "red_room", "finding": "F1"}


@pytest.fixture
def case(tmp_path: Path) -> Iterator[FakeCase]:
    table, model = television_world(400)
    made = FakeCase(tmp_path / "case", {"data": table}, model)
    yield made
    made.close()


def to_the_end(session: Session, *, yes: bool, most: int = 12) -> list[Any]:
    """All events of going on to the end of the workflow, every question answered alike."""
    events: list[Any] = []
    for _ in range(most):
        events += session.say("go on")
        while session.pending is not None:
            events += session.decide(yes)
        if "That was the last step" in str(getattr(events[-1], "text", "")):
            return events
    raise AssertionError("the workflow has no end")


def a_state(tmp_path: Path, *events: tuple[str, dict[str, Any]], verdict: Any = None) -> CaseState:
    """A case with one hypothesis, F1, and further events."""
    tmp_path.mkdir(exist_ok=True)
    log = Journal(tmp_path)
    log.append("case.created", {"name": "x", "workflow": "reactive"})
    finding = Finding(
        "spurious_correlation", "features", "data_content", "tv", {"tv": "yes"}, "a", verdict=verdict
    )
    found = Evidence("find_slices", "t", "s", id="E1", findings=(finding,))
    log.append("evidence.recorded", {"call": "c1", "evidence": found.to_dict()})
    for kind, data in events:
        log.append(kind, data)
    return fold(log)


def answer(decision: str, tool: str = "test_by_masking", by: str = "person", **arguments: Any) -> Any:
    return "approval.given", {
        "call": tool, "tool": tool, "arguments": arguments or MASKING, "decision": decision, "by": by,
    }  # fmt: skip


def measured(number: int, tool: str, **more: Any) -> Any:
    made = Evidence(tool, "t", "s", id=f"E{number}", **more)
    return "evidence.recorded", {"call": f"c{number}", "evidence": made.to_dict()}


# --- through the session, as a person says it ----------------------------------------------------------------------------


def test_a_declined_test_is_told_wherever_the_case_is_summed_up(case: FakeCase) -> None:
    session = Session(case)
    events = to_the_end(session, yes=False)
    state = case.state()
    open_ = [r.id for r in state.open()]
    refused = declined.tests(state)
    assert open_ and [d.arguments["finding"] for d in refused] == [open_[0]]
    triggers = {e.stage: e.trigger for e in events if isinstance(e, StageEntered)}
    assert "tests were declined" in triggers["context"] and "stay" in triggers["context"]
    assert not any("nothing is left to test" in e.trigger for e in events if isinstance(e, StageEntered))

    lines = [text for text, _ in map_lines(take(state), session.workflow)]
    told = next(line for line in lines if line.startswith(("✓ test", "○ test")))
    assert told.startswith("○ test: you said no to 1 test (test_by_masking of ")
    assert f"say “test {open_[0]}” to run it" in told
    assert "test" not in take(state).entered and "hypothesis" in take(state).entered

    end = events[-1]
    assert isinstance(end, PlannerSaid)
    for said in (
        end.text,
        list(session.say("what next?"))[-1].text,
        list(session.say("what was found?"))[-1].text,
    ):
        assert "You said no to 1 test" in said and f"say “test {open_[0]}”" in said
    assert f"Test {open_[0]}" in end.choices
    assert end.text.endswith("write the report with `/report`.")

    (report,) = write_reports(case.folder, state, case.journal.events, ("md",))
    section = report.read_text().split("What was not examined")[-1]
    assert (
        f"The hypothesis {open_[0]} was stated but not tested (a person said no to test"
        in section.replace("\\", "")
    )
    session.close()


def test_a_no_is_heard_at_once_and_a_later_yes_makes_it_as_if_never_said(case: FakeCase) -> None:
    session = Session(case)
    events: list[Any] = []
    while session.pending is None or not session.pending.tool.startswith("test_"):
        events += session.decide(True) if session.pending is not None else session.say("go on")
    about = session.pending.arguments["finding"]
    said = list(session.decide(False))[-1]
    assert isinstance(said, PlannerSaid)
    assert said.text.startswith("Understood: test_by_masking will not run.")
    assert f"say “test {about}” to run it" in said.text

    list(session.say(f"test {about}"))
    assert session.pending is not None and session.pending.tool == "test_by_masking"
    list(session.decide(True))
    assert declined.tests(case.state()) == [] and "test_by_masking" not in case.state().refused
    step = Step("test", "test_by_masking", "", {**session_step(about)})
    assert is_done(case, step)  # asked for in other words, it is the same experiment
    assert take(case.state()).left.get("test") is None
    session.close()


def session_step(finding: str) -> dict[str, Any]:
    return {**MASKING, "finding": finding}


def test_without_a_no_the_words_are_as_they_were(case: FakeCase) -> None:
    session = Session(case, policy="auto")
    events = list(session.auto())
    assert take(case.state()).left == {}
    assert declined.told(case.state()) == [] and declined.offers(case.state()) == []
    assert not any("declined" in e.trigger for e in events if isinstance(e, StageEntered))
    session.close()


def test_what_a_policy_does_not_allow_is_the_policys_no_and_not_the_persons(tmp_path: Path) -> None:
    table, model = television_world(400)
    with FakeCase(tmp_path / "case", {"data": table}, model, policy="cheap") as case:
        events = list(Session(case, policy="auto").auto())
        open_ = [r.id for r in case.state().open()]
        assert open_ and case.state().denied >= {"test_by_masking"} and case.state().declined == []
        end = next(e.text for e in reversed(events) if isinstance(e, PlannerSaid))
        assert "The policy of this run did not allow test_by_masking; " in end and "stay" in end
        assert "Understood" not in end and "You said no" not in end
        triggers = [e.trigger for e in events if isinstance(e, StageEntered)]
        assert "nothing is left to test" not in triggers and any("stay" in t for t in triggers)


# --- the fold -------------------------------------------------------------------------------------------------------------


def test_only_a_person_declines_and_a_yes_to_another_call_lifts_no_no(tmp_path: Path) -> None:
    state = a_state(tmp_path, answer("reject", by="policy"))
    assert state.declined == [] and state.denied == {"test_by_masking"} and state.refused == set()
    state = a_state(tmp_path / "2", answer("reject"), answer("reject"), answer("approve", finding="F9"))
    assert state.refused == {"test_by_masking"}
    assert [d.arguments for d in state.declined] == [MASKING]  # said no to twice: told once


def test_what_ran_after_all_or_was_taken_back_is_not_told(tmp_path: Path) -> None:
    ran = measured(2, "test_by_masking", arguments={"region": None, "finding": "f1"})
    state = a_state(tmp_path, answer("reject"), ran)
    assert state.declined == [] and state.refused == set()  # the workflow may ask about others again
    test = TestResult("test_by_adding", 0.1, (0.05, 0.2), 0.001, 90, "confirmed")
    finding = Finding(
        "spurious_correlation", "features", "data_content", "tv", {"tv": "yes"}, "a", verdict="confirmed",
        tests=(test,),
    )  # fmt: skip
    decided = a_state(tmp_path / "2", answer("reject"), measured(2, "test_by_adding", findings=(finding,)))
    assert declined.told(
        decided
    ) == [  # another experiment decided it: nothing stays open, and this one was declined all the same
        "You said no to 1 test (test_by_masking of F1); say “test F1” to run it."
    ]
    gone = a_state(
        tmp_path / "3",
        answer("reject"),
        ("hypothesis.withdrawn", {"finding": finding.key, "id": "F1", "by": "person"}),
    )
    assert declined.declined(gone) == []


def test_old_and_strange_journals_are_read(tmp_path: Path) -> None:
    old = ("approval.given", {"call": "saliency", "decision": "reject", "by": "person"})
    state = a_state(
        tmp_path, old, answer("reject", "budget", of="tokens"), answer("reject", "look_at", what="E1")
    )
    assert [d.tool for d in declined.declined(state)] == [
        "saliency"
    ]  # money and pictures are no measurements
    assert state.refused >= {"saliency"}
    assert declined.left_out(state) == {"context": "you said no to saliency; say “/tool saliency” to run it"}
    strange = answer("reject", "nosuch\x1b[31m", finding="F1\n\nignore", note="two words", deep=[1])
    assert "\n" not in "".join(declined.told(a_state(tmp_path / "2", strange)))


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (("retrain", {"finding": "F2"}), "correct: you said no to retrain of F2; say “repair F2” to run it"),
        (("robustness_probe", {"sample": 200}), "see failure: you said no to robustness_probe; say “/tool robustness_probe sample=200” to run it"),
        (("test_by_swapping", {"finding": "F1"}), "test: you said no to 1 test (test_by_swapping of F1); F1 stays open; say “/tool test_by_swapping finding=F1” to run it"),
    ],
)  # fmt: skip
def test_each_kind_of_call_is_told_in_its_stage(tmp_path: Path, state: Any, said: str) -> None:
    tool, arguments = state
    made = declined.left_out(a_state(tmp_path, answer("reject", tool, **arguments)))
    assert [f"{stage}: {text}" for stage, text in made.items()] == [said]


def test_what_is_offered_is_a_sentence_that_is_understood(tmp_path: Path) -> None:
    assert declined.offers(a_state(tmp_path, answer("reject"))) == ["Test F1"]
    bare = answer("reject", region="box:tv", class_name="a")  # a language model may name no finding
    assert declined.offers(a_state(tmp_path / "2", bare)) == []
    assert declined.offers(a_state(tmp_path / "3", answer("reject", "test_by_adding", finding="F1"))) == []


def test_why_the_tests_are_over(tmp_path: Path) -> None:
    plain = "nothing is left to test"
    assert declined.because(a_state(tmp_path, verdict="refuted"), plain) == plain
    assert declined.because(a_state(tmp_path / "2"), plain) == "F1 stays open: nothing tests it unasked"
    assert (
        declined.because(a_state(tmp_path / "3", answer("reject")), plain)
        == "tests were declined; F1 stays open"
    )


def test_a_call_covers_what_was_asked_about() -> None:
    call = Declined("saliency", {"class_name": "a"}, "context", 3)
    assert call.covers("saliency", {"class_name": "a", "draws": 3})
    assert not call.covers("saliency", {"class_name": "b"}) and not call.covers(
        "evaluate", {"class_name": "a"}
    )
    assert not Declined("test_by_masking", MASKING, "test", 3).covers(
        "test_by_masking", {**MASKING, "finding": "F2"}
    )


def test_a_stage_with_something_left_is_not_ticked() -> None:
    rows = {
        r.name: r for r in stage_rows("context", ("see failure", "context", "test"), {"test": "you said no"})
    }
    assert (rows["test"].symbol, rows["test"].visited, rows["test"].left) == ("○", False, "you said no")
    assert rows["see failure"].symbol == "✓" and rows["context"].symbol == "▶"
