"""withdraw_hypothesis: a planner takes back what it stated and nobody will test; what was measured, or measurements raised, stays."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from failsight.agent.events import ToolFailed
from failsight.agent.planners import phrases
from failsight.agent.planners.scripted import ScriptedPlanner, call
from failsight.agent.session import Session
from tests.fakes.case import FakeCase, television_world

GUESS = {"kind": "spurious_correlation", "class_name": "red_room", "cue": "television"}
REASON = {"finding": "F1", "reason": "no image shows it clearly"}


def play(tmp_path: Path, *replies: Any) -> tuple[Session, list[Any]]:
    table, model = television_world(300)
    session = Session(
        FakeCase(tmp_path / "case", {"data": table}, model), policy="auto", planner=ScriptedPlanner(replies)
    )
    return session, list(session.say("what do you suspect?"))


def failures(events: list[Any]) -> list[str]:
    return [e.message for e in events if isinstance(e, ToolFailed)]


def test_a_planner_takes_back_what_it_stated(tmp_path: Path) -> None:
    session, events = play(
        tmp_path, call("state_hypothesis", **GUESS), call("withdraw_hypothesis", **REASON), "Taken back."
    )
    assert not failures(events)
    record = session.case.state().find("F1")
    assert record is not None and record.standing == "withdrawn"
    (event,) = [e for e in session.case.journal.events if e.kind == "hypothesis.withdrawn"]
    assert event.data["why"] == "no image shows it clearly" and event.data["by"] == "planner"
    assert session.case.state().open() == [] or "F1" not in [r.id for r in session.case.state().open()]
    made = session.case.state().evidence[-1]
    assert made.fact("still_open").value == 0 and "F1 is taken back, untested" in made.summary


def test_stated_again_it_is_open_again_and_can_be_taken_back_again(tmp_path: Path) -> None:
    session, events = play(
        tmp_path,
        call("state_hypothesis", **GUESS),
        call("withdraw_hypothesis", **REASON),
        call("state_hypothesis", **GUESS),
        call("withdraw_hypothesis", **REASON),
        "Taken back twice.",
    )
    assert not failures(events)
    kinds = [e.kind for e in session.case.journal.events]
    assert kinds.count("hypothesis.withdrawn") == 2
    assert session.case.state().find("F1").standing == "withdrawn"  # type: ignore[union-attr]


def test_what_was_tested_stays(tmp_path: Path) -> None:
    session, events = play(
        tmp_path,
        call("state_hypothesis", **GUESS),
        call("test_by_masking", region="box:television", finding="F1"),
        call("withdraw_hypothesis", **REASON),
        "It stays.",
    )
    assert any("was tested: what was measured stays" in m for m in failures(events))
    assert session.case.state().find("F1").standing == "confirmed"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"finding": "F9", "reason": "x"}, "there is no F9"),
        ({"finding": "\u202e\x1b[31m", "reason": "x"}, "there is no"),
        ({"finding": "F1", "reason": " \x00 "}, "reason"),
        ({"finding": "F1"}, "reason"),
        ({"finding": "", "reason": "x"}, "finding"),
    ],
)
def test_bad_arguments_are_refused_in_words(tmp_path: Path, given: dict[str, str], said: str) -> None:
    session, events = play(
        tmp_path, call("state_hypothesis", **GUESS), call("withdraw_hypothesis", **given), "No."
    )
    assert any(said in m for m in failures(events)), failures(events)
    assert session.case.state().find("F1").standing == "open"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("forget F1", ""),
        ("withdraw F1 because it can't be tested", "because it can't be tested"),
        ("take back F1, nobody will test it", "nobody will test it"),
        ("show F1", None),
        ("drop F1 and F2", None),
    ],
)
def test_a_person_may_say_why_in_the_same_sentence(said: str, why: str | None) -> None:
    found = phrases.WITHDRAW.match(said)
    assert (found is None) == (why is None)
    if found is not None:
        assert found["a"] == "F1" and (found["why"] or "") == why
