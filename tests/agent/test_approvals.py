"""A yes is for the call that it was given to: nothing runs beside it unasked, and nobody is asked twice."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from langchain_core.messages import AIMessage
from mcp import Client, types

from failsight.agent.events import ApprovalAsked, EvidenceMade, ToolFailed
from failsight.agent.fork import fork, replay
from failsight.agent.graph import Approvals
from failsight.agent.journal import verify
from failsight.agent.planners.scripted import Reply, ScriptedPlanner, call
from failsight.agent.serve import make_server
from failsight.agent.session import Session
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Finding
from failsight.tools.registry import registry
from tests.fakes.case import FakeCase, television_world

PROBE = "robustness_probe"  # heavy, and its answer depends on what the case holds
SMALL = {"sample": 200}


def calls(*wanted: tuple[str, dict[str, Any]]) -> AIMessage:
    """One message that makes several calls."""
    return AIMessage(
        "", tool_calls=[{"name": n, "args": a, "id": f"c{i}"} for i, (n, a) in enumerate(wanted)]
    )


def a_case(folder: Path, **config: str) -> FakeCase:
    table, model = television_world(200)
    return FakeCase(folder, {"data": table}, model, **config)


@pytest.fixture
def case(tmp_path: Path) -> Iterator[FakeCase]:
    made = a_case(tmp_path / "case")
    yield made
    made.close()


@pytest.fixture
def probing(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """A probe that costs nothing and raises a finding; the list holds the arguments of each run."""
    ran: list[dict[str, Any]] = []
    spec = registry()[PROBE]

    @functools.wraps(spec.function)
    def probe(view: Any, **given: Any) -> Evidence:
        ran.append(given)
        found = Finding(
            "weak_slice", "robustness", "unknown", "It can't take noise.", {"noise": f"{len(ran)}"}
        )
        return Evidence(PROBE, "Robustness", f"Run {len(ran)}.", findings=(found,))

    monkeypatch.setitem(registry()._specs, PROBE, dataclasses.replace(spec, function=probe))  # type: ignore[attr-defined]
    return ran


def asked(events: Sequence[Any]) -> list[str]:
    return [e.tool for e in events if isinstance(e, ApprovalAsked)]


def kinds(case: FakeCase, kind: str) -> list[dict[str, Any]]:
    return [dict(e.data) for e in case.journal if e.kind == kind]


@pytest.mark.parametrize("writes", [False, True])
def test_what_the_journal_answered_does_not_run_anew_beside_another_call(
    case: FakeCase, probing: list[Any], monkeypatch: pytest.MonkeyPatch, writes: bool
) -> None:
    spec = dataclasses.replace(registry()[PROBE], writes=writes, cost="instant" if writes else "heavy")
    monkeypatch.setitem(registry()._specs, PROBE, spec)  # type: ignore[attr-defined]
    both = calls(("evaluate", {}), (PROBE, SMALL))
    script: list[Reply] = [call(PROBE, **SMALL), "done", both, call(PROBE, **SMALL), "done"]
    session = Session(case, planner=ScriptedPlanner(script))
    assert asked(list(session.say("probe"))) == [PROBE]
    list(session.decide(True))
    assert len(probing) == 1
    events = list(session.say("and again"))  # evaluate changes what the answer depends on
    if [e for e in events if isinstance(e, ToolFailed)]:  # the two may run in either order
        assert "nobody has said yes to that" in next(e.message for e in events if isinstance(e, ToolFailed))
        assert asked(events) == [PROBE]  # called by itself it is asked about, once
        assert len(probing) == 1
        list(session.decide(True))
        assert len(probing) == 2
    else:
        assert asked(events) == [PROBE] and len(probing) == 1
    approved = [e for e in kinds(case, "approval.given") if e["decision"] == "approve"]
    assert len(probing) <= len(approved)
    session.close()


def test_a_yes_holds_although_a_call_of_the_same_message_changed_the_case(
    case: FakeCase, probing: list[Any]
) -> None:
    both = calls(("evaluate", {}), (PROBE, SMALL), ("confusion_matrix", {}))
    session = Session(case, planner=ScriptedPlanner([both, "done"]))
    assert asked(list(session.say("probe"))) == [PROBE]
    events = list(session.decide(True))
    assert not asked(events) and not [e for e in events if isinstance(e, ToolFailed)]
    assert len(probing) == 1 and len([e for e in events if isinstance(e, EvidenceMade)]) == 3
    session.close()


@pytest.fixture
def long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls that take too long for one question to stand for several."""
    monkeypatch.setattr("failsight.agent.foreseen.QUICK", 0.0)


@pytest.mark.parametrize("yes", [True, False])
def test_one_question_stands_for_calls_of_one_kind_that_take_seconds(
    case: FakeCase, probing: list[Any], yes: bool
) -> None:
    several = calls((PROBE, SMALL), (PROBE, {"sample": 300}), ("evaluate", {}), (PROBE, {"sample": 400}))
    session = Session(case, planner=ScriptedPlanner([several, "done"]))
    events = list(session.say("probe"))
    assert asked(events) == [PROBE]
    assert events[-1].plan[0].startswith("3 calls") and all(
        any(f"sample={n}" in line for line in events[-1].plan) for n in (200, 300, 400)
    )
    assert asked(list(session.decide(yes))) == []
    assert sorted(p["sample"] for p in probing) == ([200, 300, 400] if yes else [])
    given = kinds(case, "approval.given")
    assert [g["arguments"]["sample"] for g in given] == [200, 300, 400]  # each is journalled
    assert {g["decision"] for g in given} == {"approve" if yes else "reject"}
    session.close()


def test_a_yes_is_for_the_calls_that_were_asked_about_and_no_more(
    case: FakeCase, probing: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("failsight.agent.foreseen.QUICK", 0.0)
    both = calls((PROBE, SMALL), (PROBE, {"sample": 300}))
    session = Session(case, planner=ScriptedPlanner([both, "done"]))
    list(session.say("probe"))
    monkeypatch.setattr("failsight.agent.foreseen.QUICK", 1e6)  # as if it was timed in the meantime
    assert asked(list(session.decide(True))) == [PROBE]
    assert [g["arguments"]["sample"] for g in kinds(case, "approval.given")] == [200]
    list(session.decide(False))
    assert [p["sample"] for p in probing] == [200]
    session.close()


@pytest.mark.usefixtures("long")
def test_two_calls_that_were_both_allowed_both_run(case: FakeCase, probing: list[Any]) -> None:
    both = calls((PROBE, SMALL), (PROBE, {"sample": 300}), (PROBE, {"sample": 400}))
    session = Session(case, planner=ScriptedPlanner([both, "done"]))
    events = list(session.say("probe"))
    for yes in (True, False, True):
        assert asked(events) == [PROBE]
        events = list(session.decide(yes))
    assert sorted(p["sample"] for p in probing) == [200, 400]
    session.close()


def test_a_yes_of_an_earlier_turn_is_used_up(case: FakeCase, probing: list[Any]) -> None:
    """Two questions, two yeses, one run that answers both: the second yes is no leave for later."""
    twice = calls((PROBE, SMALL), (PROBE, SMALL))
    script: list[Reply] = [twice, "done", calls(("evaluate", {}), (PROBE, SMALL)), "done"]
    session = Session(case, planner=ScriptedPlanner(script))
    list(session.say("probe"))
    list(session.decide(True))
    list(session.decide(True))
    ran = len(probing)
    list(session.say("again"))
    assert len(probing) == ran
    session.close()


class Killed(BaseException):
    """Stands for a process that is gone."""


@pytest.mark.parametrize("at", ["approval.given", "tool.started", "evidence.recorded"])
def test_a_session_that_was_killed_goes_on_without_asking_again_or_running_twice(
    tmp_path: Path, probing: list[Any], at: str
) -> None:
    case = a_case(tmp_path / "case")
    session = Session(case, planner=ScriptedPlanner([call(PROBE, **SMALL)]))
    assert asked(list(session.say("probe"))) == [PROBE]
    append, run = case.journal.append, session._run

    def dying(kind: str, data: Any) -> Any:
        if kind == "tool.started" and at == "approval.given":
            raise Killed
        made = append(kind, data)
        if kind == at != "approval.given":
            raise Killed
        return made

    case.journal.append = dying  # type: ignore[method-assign]
    with pytest.raises(Killed):
        list(session.decide(True))
    assert run
    case.journal.append = append  # type: ignore[method-assign]
    session._checkpoints.conn.close()
    case.close()
    before = len(probing)
    assert before == (at == "evidence.recorded")
    again = a_case(tmp_path / "case")
    session = Session(again, planner=ScriptedPlanner(["done"]))
    events = list(session.start())
    assert not asked(events) and not [e for e in events if isinstance(e, ToolFailed)]
    assert len(probing) == 1
    assert len(kinds(again, "evidence.recorded")) == len(kinds(again, "approval.given")) == 1
    session.close()
    assert verify(tmp_path / "case")[1] == []


def test_an_unattended_call_that_changed_meanwhile_is_journalled_with_its_rule(
    tmp_path: Path, probing: list[Any]
) -> None:
    case = a_case(tmp_path / "case")
    script: list[Reply] = [call(PROBE, **SMALL), calls(("evaluate", {}), (PROBE, SMALL)), "done"]
    session = Session(case, policy="auto", planner=ScriptedPlanner(script))
    list(session.auto())
    assert len(probing) in (1, 2)
    given = kinds(case, "approval.given")
    assert len(given) >= len(probing) and {g["rule"] for g in given} == {"measure"}
    session.close()


def test_a_person_who_types_a_call_is_not_asked(case: FakeCase, probing: list[Any]) -> None:
    session = Session(case, planner=ScriptedPlanner([]))
    assert asked(list(session.act(f"/tool {PROBE} sample=200"))) == []
    assert len(probing) == 1 and kinds(case, "tool.started")[0]["by"] == "person"
    session.close()


def test_the_one_door_asks_right_before_it_runs(case: FakeCase, probing: list[Any]) -> None:
    with pytest.raises(RetryError, match="nobody has said yes"):
        case.call(PROBE, SMALL, by="planner", may=lambda spec, checked: False)
    assert not probing and not kinds(case, "tool.started")
    made, _ = case.call(PROBE, SMALL, by="person")
    assert case.call(PROBE, SMALL, by="planner", may=lambda spec, checked: True)[0].id != made.id


# --- other programs ----------------------------------------------------------------------------------------------------


async def test_over_mcp_nothing_runs_on_the_word_of_a_moment_ago(case: FakeCase, probing: list[Any]) -> None:
    case.call(PROBE, SMALL, by="person")
    case.call(PROBE, SMALL, by="person")  # its own finding is known by now: the journal answers
    ran = len(probing)
    async with Client(make_server(case), mode="legacy") as client, anyio.create_task_group() as group:
        for tool, given in (("evaluate", {}), ("confusion_matrix", {}), (PROBE, SMALL), (PROBE, SMALL)):
            group.start_soon(client.call_tool, tool, given)
    assert len(probing) == ran
    assert [e["by"] for e in kinds(case, "tool.started") if e["tool"] == PROBE] == ["person"] * ran


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_a_person_is_asked_once_also_where_the_case_changes_while_they_think(
    case: FakeCase, probing: list[Any], mode: str
) -> None:
    questions: list[str] = []

    async def person(context: Any, params: Any) -> Any:
        questions.append(params.message)
        case.call("evaluate", {}, by="person")
        return types.ElicitResult(action="accept", content={"approve": True})

    async with Client(make_server(case), mode=mode, elicitation_callback=person) as client:
        made = await client.call_tool(PROBE, SMALL)
    assert not made.is_error and len(questions) == len(probing) == 1
    (given,) = kinds(case, "approval.given")
    assert given["arguments"] == SMALL


async def test_a_brought_back_yes_is_used_up_where_none_is_needed_any_more(
    case: FakeCase, probing: list[Any]
) -> None:
    yes = types.ElicitResult(action="accept", content={"approve": True})
    ask: Any = lambda context, params: yes  # noqa: E731
    async with Client(make_server(case), mode="auto", elicitation_callback=ask) as client:
        send = client.session.call_tool
        first = await send(PROBE, SMALL, allow_input_required=True)
        answers = dict.fromkeys(first.input_requests, yes)
        case.call(PROBE, SMALL, by="person")
        case.call(PROBE, SMALL, by="person")
        assert isinstance(
            await send(PROBE, SMALL, input_responses=answers, allow_input_required=True), types.CallToolResult
        )
        ran = len(probing)
        case.call("evaluate", {}, by="person")
        again = await send(PROBE, SMALL, input_responses=answers, allow_input_required=True)
    assert isinstance(again, types.InputRequiredResult) and len(probing) == ran


# --- replays -----------------------------------------------------------------------------------------------------------


def _replayed(tmp_path: Path, case: FakeCase, script: list[Reply], **config: str) -> FakeCase:
    opened = next(e.seq for e in case.journal if e.kind == "case.created")
    other = a_case(fork(case.folder, tmp_path / "again", at=opened), **config)
    list(replay(Session(other, planner=ScriptedPlanner(script)), case.journal.events))
    return other


def test_a_replay_uses_each_answer_of_a_person_once(
    tmp_path: Path, case: FakeCase, probing: list[Any]
) -> None:
    session = Session(case, planner=ScriptedPlanner([call(PROBE, **SMALL), "done"]))
    list(session.say("probe"))
    list(session.decide(True))
    session.close()
    greedy: list[Reply] = [
        call(PROBE, **SMALL),
        call(PROBE, sample=300),
        call(PROBE, sample=400),
        "done",
    ]
    other = _replayed(tmp_path, case, greedy, policy="cheap")
    assert [p["sample"] for p in probing] == [200, 200]
    assert [e["decision"] for e in kinds(other, "approval.given")] == ["approve", "reject", "reject"]
    other.close()


@pytest.mark.usefixtures("long")
def test_a_yes_to_one_call_is_none_to_another_and_a_no_is_a_no(
    tmp_path: Path, case: FakeCase, probing: list[Any]
) -> None:
    session = Session(
        case, planner=ScriptedPlanner([calls((PROBE, SMALL), (PROBE, {"sample": 300})), "done"])
    )
    list(session.say("probe"))
    list(session.decide(True))
    list(session.decide(False))
    session.close()
    script: list[Reply] = [call(PROBE, sample=500), call(PROBE, **SMALL), "done"]
    other = _replayed(tmp_path, case, script)  # the policy would allow what is heavy
    assert [e["decision"] for e in kinds(other, "approval.given")] == ["reject", "approve"]
    assert [p["sample"] for p in probing] == [200, 200]
    other.close()


def timed(case: FakeCase, tool: str, seconds: float) -> None:
    made = Evidence(tool, "t", "s", {"split": None}, seconds=seconds, id="E1")
    case.record("evidence.recorded", call="c1", evidence=made.to_dict())


@pytest.mark.parametrize(("an_image", "waits"), [(0.001, False), (0.5, True)])
def test_what_takes_minutes_on_this_model_waits_for_a_yes_whatever_it_costs_elsewhere(
    case: FakeCase, an_image: float, waits: bool
) -> None:
    spec, approvals = registry()["preprocessing_probe"], Approvals(case)
    assert spec.cost == "pass"
    assert not approvals.waits(spec, {})  # nothing was timed yet: a rule of thumb asks nobody
    timed(case, "evaluate", an_image * len(case.table()))
    assert approvals.waits(spec, {}) is waits
    assert not approvals.waits(registry()["evaluate"], {"split": "data"})  # it reads the shared pass
    assert not Approvals(case, "auto").waits(spec, {})  # there the policy's own limit holds


def test_a_policy_of_so_many_seconds_looks_at_the_arguments(case: FakeCase) -> None:
    timed(case, "evaluate", 0.05 * len(case.table()))
    approvals = Approvals(case)
    approvals.rules = dataclasses.replace(approvals.rules, seconds=60.0)
    assert not approvals.judge("test_by_masking", {"region": "center:0.5"})[0]
    assert approvals.judge("test_by_masking", {"region": "center:0.5", "max_images": 20})[0]
