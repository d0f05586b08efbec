"""What stands around a language model: checked words, a capped budget, a fallback, an end to circles."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from math import nan
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from failsight.agent.events import ApprovalAsked, Notice, PlannerSaid, StageEntered
from failsight.agent.guards import Budget, Spent
from failsight.agent.guards.budget import price
from failsight.agent.guards.context import answered
from failsight.agent.guards.spending import amount, budget_of
from failsight.agent.planners.guided import GuidedPlanner
from failsight.agent.planners.scripted import ScriptedPlanner, call
from failsight.agent.session import Session
from failsight.agent.ui.words import may_run
from failsight.tools.errors import UserError
from failsight.tools.evidence import Finding, TestResult
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
    (shown,) = said(session.say("how good is it?"))
    answer, mark = shown.split("\n\n")
    assert answer == "It is right in 99.9 % ⟨unverified⟩, really."
    assert mark.startswith("⟨unverified⟩: ")  # what the mark means is told once
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
    shown = said(session.say("hello"))[0]
    assert len(shown) <= 20_200 and "This answer was cut off" in shown


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


def test_a_budget_is_doubled_each_time_and_only_the_cap_that_was_asked_about(tmp_path: Path) -> None:
    session, planner = play(tmp_path, ["x"] * 40, budget="calls=4")
    stops = []
    for _ in range(20):
        if isinstance(list(session.say("again"))[-1], ApprovalAsked):
            asked = session.pending
            assert asked is not None
            stops.append((len(planner.asked), asked.why.partition("?")[0]))
            list(session.decide(True))
    assert [n for n, _ in stops] == [4, 8, 16]
    assert stops[1][1] == "The budget is used up: 8 calls of the language model. Shall it be doubled, to 16"
    assert budget_of(session.case) == Budget(calls=32)  # type: ignore[arg-type]


def test_always_more_is_not_asked_again(tmp_path: Path) -> None:
    session, planner = play(tmp_path, ["x"] * 40, budget="calls=2")
    asked = []
    told = ""
    for _ in range(12):
        events = list(session.say("again"))
        told += "".join(e.text for e in events if isinstance(e, Notice))
        if session.pending is not None:
            asked.append(len(planner.asked))
            list(session.decide(True, always=True))
    assert asked == [2] and len(planner.asked) == 12
    assert "doubled, as you allowed: 8 calls of the language model from here on" in told


def test_the_question_for_more_is_put_in_words() -> None:
    assert may_run("budget", {"what": "calls"}) == "May the language model use more?"
    assert [amount(x) for x in (1e6, 8, 0.5, 12.345, 0.0031)] == ["1,000,000", "8", "0.5", "12.35", "0.0031"]


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


def masking(case_id: str, draws: int) -> dict[str, Any]:
    arguments = {"region": "box:television", "class_name": "red_room", "draws": draws, "max_images": 40}
    return {"name": "test_by_masking", "args": arguments, "id": case_id}


def test_two_long_experiments_at_once_are_asked_about_one_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("failsight.agent.foreseen.QUICK", 0.0)
    both = AIMessage("", tool_calls=[masking("a", 1), masking("b", 2)])
    session, planner = play(tmp_path, [both, "Done."])
    first = list(session.say("test it"))[-1]
    second = list(session.decide(True))[-1]
    assert isinstance(first, ApprovalAsked) and first.arguments["draws"] == 1
    assert isinstance(second, ApprovalAsked) and second.arguments["draws"] == 2
    assert said(session.decide(False)) == ["Done."]
    assert [e.arguments["draws"] for e in session.case.state().evidence] == [1]
    assert sum("declined" in str(m.content) for m in planner.asked[-1] if m.type == "tool") == 1


def test_always_answers_the_other_calls_of_its_kind_too(tmp_path: Path) -> None:
    both = AIMessage("", tool_calls=[masking("a", 1), masking("b", 2)])
    session, _ = play(tmp_path, [both, "Done."])
    list(session.say("test it"))
    assert said(session.decide(True, always=True)) == ["Done."]
    assert len(session.case.state().evidence) == 2


def test_to_go_on_without_asking_is_no_leave_to_spend_more(tmp_path: Path) -> None:
    session, planner = play(tmp_path, ["one", "two"], budget="calls=1")
    list(session.say("hello"))
    list(session.say("again"))
    assert isinstance(list(session.auto())[-1], ApprovalAsked)
    assert len(planner.asked) == 1
    assert session.case.state().budget_raised == 0


def test_a_call_that_was_interrupted_has_a_reply_in_what_the_model_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, planner = play(tmp_path, [call("evaluate"), "Hello again."])

    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(session.case, "call", interrupt)
        with pytest.raises(KeyboardInterrupt):
            list(session.say("measure it"))
    assert said(session.say("are you there?")) == ["Hello again."]
    kinds_sent = [m.type for m in planner.asked[-1]]
    assert kinds_sent == ["system", "human", "ai", "tool", "human"]
    assert "interrupted" in str(planner.asked[-1][3].content)


def test_a_call_that_is_no_json_is_not_sent_again() -> None:
    bad = AIMessage(
        "", id="1", invalid_tool_calls=[{"name": "evaluate", "args": "{{", "id": "x", "error": None}]
    )
    sent = answered([HumanMessage("hi"), bad, ToolMessage("malformed", tool_call_id="x"), HumanMessage("?")])
    assert [m.type for m in sent] == ["human", "ai", "human"]
    assert not getattr(sent[1], "invalid_tool_calls", None)


def test_the_guided_planner_in_a_failed_model_s_place_speaks_for_itself_and_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("failsight.agent.guards.steady.PAUSE", 0.0)
    request = httpx.Request("POST", "http://127.0.0.1/v1/chat/completions")
    broken = [openai.APIConnectionError(request=request) for _ in range(3)]
    session, _ = play(tmp_path, [call("evaluate"), "It is right in 12.3 %.", *broken])
    spoken = [e for e in session.say("which classes are confused most?") if isinstance(e, PlannerSaid)]
    assert "These statements" not in spoken[-1].text  # what the program told the model is no question
    assert "⟨unverified⟩" not in spoken[-1].text
    events = list(session.say("go on"))
    assert [e for e in events if isinstance(e, PlannerSaid)][-1].choices
    assert len([e for e in events if isinstance(e, StageEntered)]) <= 2  # one stage, not all that can be run
    assert session.case.state().model_use["calls"] == 5  # two answers, three tries that broke off


def test_the_guided_planner_reads_what_was_said_and_nothing_that_a_model_would_be_told_behind_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("failsight.agent.guards.steady.PAUSE", 0.0)
    request = httpx.Request("POST", "http://127.0.0.1/v1/chat/completions")
    read: list[str] = []
    answer = GuidedPlanner._answer

    def noted(self: GuidedPlanner, question: str, since: Any) -> Any:
        read.append(question)
        return answer(self, question, since)

    monkeypatch.setattr(GuidedPlanner, "_answer", noted)
    session, _ = play(tmp_path, [openai.APIConnectionError(request=request)] * 3)
    for question in ("How accurate is it?", "Which classes are confused?"):
        read.clear()
        list(session.say(question))
        assert set(read) == {question}
    assert session.case.state().latest("evaluate") is not None


def _broken_off() -> Exception:
    return httpx.RemoteProtocolError("peer closed connection without sending complete message body")


def test_every_try_counts_and_none_is_made_that_the_budget_does_not_cover(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("failsight.agent.guards.steady.PAUSE", 0.0)
    script = [_broken_off(), "one", *[_broken_off() for _ in range(5)], "never"]
    session, planner = play(tmp_path, script, budget="calls=4")
    first = [e.text for e in session.say("hello") if isinstance(e, PlannerSaid)]
    assert first == ["one"] and session.case.state().model_use["calls"] == 2
    second = [e.text for e in session.say("again") if isinstance(e, PlannerSaid)]
    assert "budget is used up (4 calls" in second[-1]
    assert len(planner.asked) == session.case.state().model_use["calls"] == 4
    asked = list(session.say("third"))
    assert [e.tool for e in asked if isinstance(e, ApprovalAsked)] == ["budget"]
    assert len(planner.asked) == 4
    broken = [e.data for e in session.case.journal if e.kind == "model.called" and e.data.get("broken")]
    assert len(broken) == 3 and all(b["input_tokens"] > 0 and not b["counted"] for b in broken)


def test_a_server_that_was_never_reached_costs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("failsight.agent.guards.steady.PAUSE", 0.0)
    session, _ = play(tmp_path, [httpx.ConnectError("refused") for _ in range(3)], budget="calls=2")
    spoken = [e for e in session.say("which classes are confused most?") if isinstance(e, PlannerSaid)]
    assert spoken and session.case.state().model_use.get("calls", 0) == 0


def test_a_fault_of_the_check_does_not_swallow_the_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Any, text: str) -> Any:
        raise TypeError("must be real number, not NoneType")

    monkeypatch.setattr("failsight.agent.grounding.Checker.check", broken)
    session, planner = play(tmp_path, [call("evaluate"), "Accuracy is {E1.accuracy}, not 99.9 %."])
    (shown,) = said(session.say("how good is it?"))
    assert f"Accuracy is {100 * accuracy(session):.1f} %" in shown
    assert "99.9 % ⟨unverified⟩" in shown and "broke off by a fault inside Failsight (TypeError)" in shown
    assert len(planner.asked) == 2  # nothing to correct is known
    failed = [e.data for e in session.case.journal if e.kind == "grounding.failed"]
    assert [f["error"] for f in failed] == ["TypeError"] and failed[0]["at"].startswith("test_guards.py:")


def test_a_test_without_an_effect_can_be_talked_about(tmp_path: Path) -> None:
    session, _ = play(tmp_path, [call("evaluate"), "Accuracy was measured [E1].", "See [E1]."])
    list(session.say("how good is it?"))
    found = Finding(
        "spurious_correlation", "features", "data_content", "The model takes the border for a sign of red_room.",
        class_name="red_room", verdict="inconclusive",
        tests=(TestResult("test_by_masking", nan, (nan, nan), nan, 0, "inconclusive"),),
    )  # fmt: skip
    state = session.case.state()
    made = dataclasses.replace(state.evidence[0], id="E2", tool="test_by_masking", findings=(found,))
    session.case.record("evidence.recorded", call="x", evidence=made.to_dict())
    shown = said(session.say("and F1?"))
    assert shown and "inside Failsight" not in shown[0]
    assert not [e for e in session.case.journal if e.kind == "grounding.failed"]


def test_every_sentence_that_was_not_found_is_told_whole(tmp_path: Path) -> None:
    wrong = [f"Number {i} of the rooms has a recall of {40 + i / 10:.1f} %." for i in range(1, 21)]
    session, planner = play(tmp_path, [call("evaluate"), " ".join(wrong), "Then not."])
    list(session.say("how good is it?"))
    order = str(planner.asked[2][-1].text)
    assert all(sentence in order for sentence in wrong)
