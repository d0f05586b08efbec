"""What stands around a language model: checked words, a capped budget, a fallback, an end to circles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from langchain_core.messages import AIMessage

from failsight.agent.events import ApprovalAsked, Notice, PlannerSaid
from failsight.agent.guards import Budget, Spent
from failsight.agent.guards.budget import price
from failsight.agent.planners.scripted import ScriptedPlanner, call
from failsight.agent.session import Session
from failsight.tools.errors import UserError
from tests.fakes.case import FakeCase, television_world


def play(
    tmp_path: Path, replies: list[Any], *, policy: str = "ask", budget: str = ""
) -> tuple[Session, ScriptedPlanner]:
    table, model = television_world(300)
    case = FakeCase(tmp_path / "case", {"data": table}, model, budget=budget)
    planner = ScriptedPlanner(replies)
    return Session(case, policy=policy, planner=planner), planner


def said(events: Iterator[Any]) -> list[str]:
    return [e.text for e in events if isinstance(e, PlannerSaid)]


def kinds(session: Session) -> list[str]:
    return [e.kind for e in session.case.journal]


def accuracy(session: Session) -> float:
    made = session.case.state().latest("evaluate")
    assert made is not None
    return float(made.fact("accuracy").value)


def test_what_was_measured_is_said_with_its_reference(tmp_path: Path) -> None:
    session, planner = play(
        tmp_path,
        [call("evaluate"), lambda m: AIMessage(f"The model is right in {100 * accuracy(session):.1f} %.")],
    )
    assert said(session.say("how good is it?")) == [
        f"The model is right in {100 * accuracy(session):.1f} % [E1]."
    ]
    assert len(planner.asked) == 2


def test_an_invented_number_is_corrected_once_and_both_are_kept(tmp_path: Path) -> None:
    right = lambda m: AIMessage(f"The model is right in {100 * accuracy(session):.1f} % [E1].")  # noqa: E731
    session, planner = play(tmp_path, [call("evaluate"), "The model is right in 99.9 %.", right])
    shown = said(session.say("how good is it?"))
    assert len(shown) == 1
    assert "99.9" not in shown[0]
    assert "unverified" not in shown[0]
    order = str(planner.asked[2][-1].text)
    assert "99.9 %" in order
    checks = [e.data for e in session.case.journal if e.kind == "grounding.checked"]
    assert [c["final"] for c in checks] == [False, True]
    assert "99.9" in checks[0]["text"]


def test_a_stubborn_invention_is_marked(tmp_path: Path) -> None:
    session, planner = play(
        tmp_path, [call("evaluate"), "It is right in 99.9 %.", "It is right in 99.9 %, really."]
    )
    assert said(session.say("how good is it?")) == ["It is right in 99.9 % ⟨unverified⟩, really."]
    assert len(planner.asked) == 3


def test_the_words_beside_a_call_are_marked_too(tmp_path: Path) -> None:
    session, _ = play(tmp_path, [call("evaluate", "Since accuracy is 12.3 %, I measure."), "Done."])
    list(session.say("go"))
    started = next(e for e in session.case.journal if e.kind == "tool.started")
    assert started.data["why"].count("⟨unverified⟩") == 1


def test_the_same_call_again_and_again_ends_the_turn(tmp_path: Path) -> None:
    session, planner = play(tmp_path, [call("evaluate") for _ in range(10)])
    assert "again and again" in said(session.say("loop"))[-1]
    assert len(planner.asked) == 4
    assert "turn.stopped" in kinds(session)


def test_an_endless_turn_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("failsight.agent.guards.steady.MOST_CALLS", 5)
    replies = [call("confusion_matrix", top=k) for k in range(1, 20)]
    session, _ = play(tmp_path, replies)
    assert "too many tool calls" in said(session.say("loop"))[-1]


def test_a_dead_endpoint_hands_over_to_the_guided_planner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpx

    monkeypatch.setattr("failsight.agent.guards.steady.PAUSE", 0.0)
    request = httpx.Request("POST", "http://127.0.0.1/v1/chat/completions")
    session, _ = play(tmp_path, [openai.APIConnectionError(request=request)] * 3)
    events = list(session.say("which classes are confused most?"))
    assert any(isinstance(e, Notice) and "guided planner goes on" in e.text for e in events)
    assert session.case.state().latest("confusion_matrix") is not None
    assert said(iter(events))
    assert "planner.failed" in kinds(session)


def test_an_error_of_ours_is_not_hidden(tmp_path: Path) -> None:
    session, _ = play(tmp_path, [ZeroDivisionError("ours")])
    with pytest.raises(ZeroDivisionError):
        list(session.say("hello"))


def test_an_empty_answer_is_asked_for_again(tmp_path: Path) -> None:
    session, _ = play(tmp_path, ["", "Here I am."])
    assert said(session.say("hello")) == ["Here I am."]
    session, _ = play(tmp_path / "2", ["", ""])
    assert "gave no answer" in said(session.say("hello"))[0]


def test_a_huge_answer_is_cut(tmp_path: Path) -> None:
    session, _ = play(tmp_path, ["word " * 250_000])
    assert len(said(session.say("hello"))[0]) <= 20_000


def test_the_budget_warns_then_asks_and_is_kept(tmp_path: Path) -> None:
    session, planner = play(tmp_path, ["one", "two", "three", "four", "five", "six"], budget="calls=5")
    texts = []
    for _ in range(4):
        texts += list(session.say("again"))
    assert not [e for e in texts if isinstance(e, Notice)]
    events = list(session.say("again"))
    assert any(isinstance(e, Notice) and "80 %" in e.text for e in events)
    events = list(session.say("again"))
    assert isinstance(events[-1], ApprovalAsked)
    assert len(planner.asked) == 5
    events = list(session.decide(False))
    assert "Stopped at the budget" in said(iter(events))[0]
    events = list(session.say("again"))
    assert isinstance(events[-1], ApprovalAsked)
    assert said(session.decide(True)) == ["six"]
    assert session.case.state().budget_raised == 1


def test_unattended_the_budget_ends_the_turn(tmp_path: Path) -> None:
    session, planner = play(
        tmp_path, [call("evaluate"), call("confusion_matrix"), "never"], policy="auto", budget="calls=2"
    )
    assert "used up" in said(session.say("go"))[-1]
    assert len(planner.asked) == 2


@pytest.mark.parametrize("text", ["calls=0", "calls=x", "coffee=3", "usd"])
def test_a_budget_that_can_not_be_read_is_said(text: str) -> None:
    with pytest.raises(UserError, match="can't be read"):
        Budget.parse(text)


def test_the_fullest_cap_decides() -> None:
    assert Spent(calls=10, usd=4).fullest(Budget()) == ("usd", 0.8)
    assert Budget.parse("calls=50, usd=2").usd == 2


def test_prices_go_by_the_longest_name() -> None:
    assert price("gpt-5-mini-2026", 1_000_000, 0) == pytest.approx(0.25)
    assert price("llama", 1_000_000, 1_000_000) == 0


def test_a_long_conversation_fits_and_keeps_ids(tmp_path: Path) -> None:
    session, planner = play(tmp_path, [call("evaluate"), *["word " * 3000 for _ in range(14)], "short"])
    for _ in range(14):
        list(session.say("tell me more " + "x" * 3000))
    list(session.say("and now?"))
    sent = planner.asked[-1]
    assert sum(len(str(m.content)) for m in sent[1:]) // 4 <= 24_000 + 1000
    assert "[E1] evaluate:" in str(sent[1].content)
    assert "<data>" in str(sent[0].content)


def test_the_journal_stays_whole(tmp_path: Path) -> None:
    from failsight.agent.journal import verify

    session, _ = play(tmp_path, [call("evaluate"), "It is right in 99.9 %.", "It is right in 99.9 %."])
    list(session.say("how good?"))
    session.close()
    assert verify(tmp_path / "case")[1] == []
