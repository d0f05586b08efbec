"""The agent loop over a real case folder: the guided planner finds, tests and narrates; a script plays a language model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from failsight.agent.events import (
    ApprovalAsked,
    EvidenceMade,
    Notice,
    PlannerSaid,
    StageEntered,
    ToolFailed,
    ToolStarted,
)
from failsight.agent.journal import verify
from failsight.agent.planners.scripted import ScriptedPlanner, call
from failsight.agent.planners.words import greeting
from failsight.agent.session import Session
from failsight.agent.state import STAGES, fold
from failsight.tools.evidence import Evidence, Finding
from failsight.tools.registry import registry
from tests.fakes.case import FakeCase, television_world


@pytest.fixture
def case(tmp_path: Path) -> Iterator[FakeCase]:
    table, model = television_world()
    made = FakeCase(tmp_path / "case", {"data": table}, model)
    yield made
    made.close()


def kinds(events: list[Any]) -> list[str]:
    return [type(e).__name__ for e in events]


def test_the_whole_workflow_confirms_the_planted_television(case: FakeCase) -> None:
    session = Session(case, policy="auto")
    events = list(session.auto())
    said = [e for e in events if isinstance(e, PlannerSaid)][-1].text
    confirmed = case.state().confirmed()
    television = [
        r
        for r in confirmed
        if r.finding.slice == {"television": "yes"} and r.finding.class_name == "red_room"
    ]
    assert television, [r.finding.statement for r in confirmed]
    tests = [t for t in television[0].finding.tests if t.tool == "test_by_masking"]
    assert len(tests) == 1
    assert tests[0].verdict == "confirmed"
    assert tests[0].control_effect is not None
    assert abs(tests[0].control_effect) < 0.5 * tests[0].effect
    assert television[0].id in said
    stages = [e.stage for e in events if isinstance(e, StageEntered)]
    # after the tests: what nobody suspected, and what is left unexplained
    assert stages == [*STAGES[:5], "hypothesis", "context", *STAGES[5:]]
    session.close()


def test_the_plan_stands_in_the_journal_before_its_result(case: FakeCase) -> None:
    list(Session(case, policy="auto").auto())
    events = list(case.journal)
    plans = [
        e.seq
        for e in events
        if e.kind == "instrument.registered" and e.data["instrument"]["tool"] == "test_by_masking"
    ]
    results = [
        e.seq
        for e in events
        if e.kind == "evidence.recorded" and e.data["evidence"]["tool"] == "test_by_masking"
    ]
    assert plans
    assert results
    assert plans[0] < results[0]


def test_stage_by_stage_with_approval(case: FakeCase) -> None:
    session = Session(case)
    greeting = list(session.start())
    assert isinstance(greeting[0], PlannerSaid)
    asked: list[ApprovalAsked] = []
    for _ in range(12):
        events = list(session.say("go on"))
        while session._pending is not None:
            asked.append(session._pending)
            events = list(session.decide(True))
        if "That was the last step" in str(getattr(events[-1], "text", "")):
            break
    assert "test_by_masking" in {a.tool for a in asked}
    assert case.state().latest("readiness") is not None
    assert [e.data["decision"] for e in case.journal if e.kind == "approval.given"] == ["approve"] * len(
        asked
    )
    session.close()


def test_a_no_is_respected_and_not_asked_again(case: FakeCase) -> None:
    session = Session(case)
    for _ in range(12):
        events = list(session.say("go on"))
        while session._pending is not None:
            events = list(session.decide(False))
        if "That was the last step" in str(getattr(events[-1], "text", "")):
            break
    assert case.state().latest("test_by_masking") is None
    assert case.state().latest("readiness") is not None
    session.close()


def test_a_declined_tool_is_told_as_declined(case: FakeCase) -> None:
    session = Session(case)
    list(session.say("show me the saliency"))
    assert session._pending is not None
    events = list(session.decide(False))
    assert isinstance(events[-1], PlannerSaid)
    assert events[-1].text == "Understood: saliency will not run."
    session.close()


def test_a_typed_question_is_answered_by_a_tool_with_its_arguments(case: FakeCase) -> None:
    session = Session(case)
    events = list(session.say("which red room pictures are taken for blue room?"))
    started = [e for e in events if isinstance(e, ToolStarted)]
    assert started
    assert started[0].tool == "confusion_matrix"
    assert started[0].arguments["true_class"] == "red_room"
    assert isinstance(events[-1], PlannerSaid)
    assert "[E1]" in events[-1].text
    session.close()


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("nearest neighbours of #9999", "Rows go from #0"),
        ("which images are nearest to holiday_99.jpg", "There is no image called 'holiday_99.jpg'"),
    ],
)
def test_a_question_about_an_image_that_is_not_there_says_so(
    case: FakeCase, question: str, said: str
) -> None:
    session = Session(case)
    events = list(session.say(question))
    assert not any(isinstance(e, ToolStarted) for e in events)
    assert said in events[-1].text
    session.close()


def test_off_topic_and_expectations(case: FakeCase) -> None:
    session = Session(case)
    assert "outside" in next(iter(session.say("how do I bake bread?"))).text
    (noted,) = session.say("recall of red room at least 85 %")
    assert "recall.red_room ≥ 85 %" in noted.text
    assert case.state().expectations["recall.red_room"].bound == pytest.approx(0.85)
    session.close()


def test_what_a_turn_sets_is_what_was_wished(case: FakeCase) -> None:
    session = Session(case)
    first, second, *_ = case.classes
    list(session.say(f"recall of {first} and {second} at least 70 %"))
    assert [str(e.name) for e in case.expectations] == [f"recall.{first}", f"recall.{second}"]
    list(session.say("is the accuracy above 90 %?"))
    list(session.say("accuracy is below 60 %"))
    assert len(case.expectations) == 2
    asked = list(session.say("the accuracy must be below 60 %"))
    assert len(case.expectations) == 2 and any(
        "/expect accuracy<=0.6" in getattr(e, "text", "") for e in asked
    )


def test_going_on_is_said_in_so_many_words(case: FakeCase) -> None:
    session = Session(case)
    assert any(isinstance(e, StageEntered) for e in session.say("go on, please"))
    assert not any(isinstance(e, StageEntered) for e in session.say("Go online"))


def test_slash_commands(case: FakeCase) -> None:
    session = Session(case)
    session.cancel()  # what was stopped before
    list(session.say("/tool evaluate"))
    assert isinstance(next(iter(session.say("/evidence E1"))), EvidenceMade)
    assert "no /nonsense" in next(iter(session.say("/nonsense"))).text
    bad = next(iter(session.say("/tool confusion_matrix true_class=cellar")))
    assert isinstance(bad, Notice)
    assert "red_room" in bad.text
    assert "whole" in next(iter(session.say("/verify"))).text
    for name in session.actions():
        assert list(session.say(name)), name
    session.close()


def test_a_language_model_gets_errors_back_and_can_mend_its_call(case: FakeCase) -> None:
    planner = ScriptedPlanner(
        [
            call("confusion_matrix", "to look", true_class="cellar"),
            call("confusion_matrix", "to look again", true_class="red_room"),
            "Red rooms are sometimes taken for blue ones.",
        ]
    )
    session = Session(case, planner=planner)
    events = list(session.say("what is confused?"))
    assert kinds(events) == ["ToolStarted", "ToolFailed", "ToolStarted", "EvidenceMade", "PlannerSaid"]
    assert any(isinstance(e, ToolFailed) and "red_room" in e.message for e in events)
    assert planner.asked[1][-1].text.startswith("FAILED")
    session.close()


def test_an_identical_call_is_answered_from_the_journal(case: FakeCase) -> None:
    first, reused = case.call("evaluate")
    again, reused_again = case.call("evaluate", {"split": None})
    assert (reused, reused_again) == (False, True)
    assert first.id == again.id
    assert [e.kind for e in case.journal].count("evidence.recorded") == 1


class Killed(BaseException):
    """Stands for a process that is gone: nothing catches it."""


@pytest.mark.parametrize("at", [9, *(pytest.param(at, marks=pytest.mark.slow) for at in (3, 14, 20, 26))])
def test_a_run_cut_off_at_any_event_ends_with_the_same_findings(tmp_path: Path, at: int) -> None:
    def run(folder: Path, until: int | None) -> FakeCase:
        table, model = television_world()
        made = FakeCase(folder, {"data": table}, model)
        append = made.journal.append

        def counted(kind: str, data: Any) -> Any:
            if until is not None and len(made.journal) >= until:
                raise Killed
            return append(kind, data)

        made.journal.append = counted  # type: ignore[method-assign]
        session = None
        try:
            session = Session(made, policy="auto")
            list(session.auto())
        except Killed:
            pass
        finally:
            made.journal.append = append  # type: ignore[method-assign]
            if session is not None:
                session._checkpoints.conn.close()
            made.close()
        return made

    whole = run(tmp_path / "whole", None).state()
    run(tmp_path / "cut", at)
    resumed = run(tmp_path / "cut", None).state()
    assert [r.finding for r in resumed.records.values()] == [r.finding for r in whole.records.values()]
    assert [e.tool for e in resumed.evidence] == [e.tool for e in whole.evidence]
    assert verify(tmp_path / "cut")[1] == []


def test_the_journal_alone_rebuilds_the_state(case: FakeCase) -> None:
    session = Session(case, policy="auto")
    list(session.auto())
    live = case.state()
    assert fold(case.journal) == live
    session.close()


def test_the_messages_of_a_turn_end_with_words(case: FakeCase) -> None:
    planner = ScriptedPlanner([AIMessage("Nothing to do.")])
    session = Session(case, planner=planner)
    assert kinds(list(session.say("hello"))) == ["PlannerSaid"]
    session.close()


def test_a_call_is_new_only_where_what_it_heeds_has_changed(tmp_path: Path) -> None:
    table, model = television_world(200)
    case = FakeCase(tmp_path / "case", {"data": table}, model)
    spec = registry()["label_noise"]
    before = case.call_key(spec, {})
    case.call("evaluate", {})
    assert case.call_key(spec, {}) == before
    fed = Finding("preprocessing", "correctness", "data_engineering", "Fed BGR.", verdict="confirmed")
    made = Evidence("preprocessing_probe", "t", "s", findings=(fed,), id="E2")
    case.record("evidence.recorded", call="x", evidence=made.to_dict())
    assert case.call_key(spec, {}) != before


def test_an_example_of_an_expectation_names_a_class_that_has_images(tmp_path: Path) -> None:
    table, model = television_world(40)
    first, second = table.classes
    for labels, told in (
        (table.labels * 0 + 1, second),
        (table.labels * 0 - 1, first),
    ):  # without labels: any
        table.labels[:] = labels
        case = FakeCase(tmp_path / told, {"data": table}, model)
        assert f"recall of {told} at least" in str(greeting(case, "novice").content)
        case.close()
