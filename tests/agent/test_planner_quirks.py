"""What servers of the OpenAI protocol do beside the protocol: calls without ids, thoughts in the answer, answers cut off.

Each over real HTTP, as a stream and in one piece.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from failsight.agent.events import PlannerSaid, ToolFailed
from failsight.agent.graph import THREAD
from failsight.agent.guards.spending import spent
from failsight.agent.planners.llm import openai_planner
from failsight.agent.planners.scripted import ScriptedPlanner
from failsight.agent.planners.streamed import LONGEST, Answer, Unreadable, events, spoken
from failsight.agent.session import Session
from tests.fakes.case import FakeCase, television_world
from tests.fakes.server import ChatServer, Turn, raw, text, tool, tools

TOOL = {
    "type": "function",
    "function": {
        "name": "evaluate",
        "parameters": {"type": "object", "properties": {"split": {"type": "string"}}},
    },
}
Delta = dict[str, Any]


def sse(*deltas: Delta, finish: str | None = "stop", usages: Sequence[Any] = (), done: bool = True) -> Turn:
    """A stream of these deltas; ``usages`` are told with them, the last one after them."""
    pieces: list[Any] = []
    for i, delta in enumerate(deltas):
        piece = {"id": "x", "object": "chat.completion.chunk", "created": 0, "model": "m"}
        piece["choices"] = [{"index": 0, "delta": delta, "finish_reason": None}]  # type: ignore[assignment]
        if i < len(usages) - 1:
            piece["usage"] = usages[i]
        pieces.append(piece)
    if finish:
        pieces.append({"id": "x", "choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    if usages:
        pieces.append({"id": "x", "choices": [], "usage": usages[-1]})
    data = [json.dumps(p) for p in pieces] + ["[DONE]"] * done
    return raw("".join(f"data: {d}\n\n" for d in data).encode())


def called(name: str | None, arguments: Any = "", **more: Any) -> Delta:
    return {"tool_calls": [{"type": "function", "function": {"name": name, "arguments": arguments}, **more}]}


def tokens(sent: int, made: int) -> dict[str, int]:
    return {"prompt_tokens": sent, "completion_tokens": made, "total_tokens": sent + made}


@pytest.fixture(autouse=True)
def server_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-0123456789abcdef0123")
    monkeypatch.setenv("FAILSIGHT_MODEL_TIMEOUT", "20")
    monkeypatch.setenv("FAILSIGHT_MODEL_RETRIES", "0")
    monkeypatch.setattr("failsight.agent.guards.steady.PAUSE", 0.01)


@pytest.fixture(params=["stream", "in one piece"])
def whole(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "in one piece")


def asked(monkeypatch: pytest.MonkeyPatch, turn: Turn, *, whole: bool = False) -> Any:
    """What the planner makes of one answer. ``whole``: it asks for no stream."""
    with ChatServer([turn]) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        chat = openai_planner("m")
        chat.streaming = not whole
        made = chat.bind_tools([TOOL]).invoke("?")
        assert bool(server.requests[0].get("stream")) is not whole
        return made


def play(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, turns: Sequence[Turn], *lines: str, budget: str = ""
) -> Iterator[tuple[Session, list[Any], ChatServer]]:
    """A session over these turns: after each line (session, its events, the server)."""
    with ChatServer(turns) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        table, model = television_world(240)
        case = FakeCase(tmp_path / "case", {"data": table}, model, planner="openai:m", budget=budget)
        session = Session(case)
        for line in lines:
            yield session, list(session.say(line)), server
        session.close()


def said(events: Sequence[Any]) -> str:
    return "\n".join(e.text for e in events if isinstance(e, PlannerSaid))


def run(session: Session) -> list[str]:
    return [e.data["tool"] for e in session.case.journal if e.kind == "tool.started"]


# --- calls ------------------------------------------------------------------------------------------------------------


def test_broken_json_of_a_call_is_never_completed(monkeypatch: pytest.MonkeyPatch, whole: bool) -> None:
    made = asked(monkeypatch, tool("evaluate", raw_arguments='{"split": "train"'), whole=whole)
    assert made.tool_calls == []
    assert [c["name"] for c in made.invalid_tool_calls] == ["evaluate"]


@pytest.mark.parametrize(
    "text", ['{"split": "data", "split": "train"}', '{"top": NaN}', '"data"', "[" * 5000]
)
def test_what_is_no_object_by_the_letter_is_no_call(
    text: str, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    made = asked(monkeypatch, tool("evaluate", raw_arguments=text), whole=whole)
    assert made.tool_calls == [] and len(made.invalid_tool_calls) == 1


def test_a_call_that_breaks_off_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = [tool("evaluate", raw_arguments='{"split": "data"'), text("I could not make that call.")]
    for session, happened, _ in play(tmp_path, monkeypatch, turns, "how good is it?"):
        assert run(session) == []
        assert said(happened) == "I could not make that call."


def test_a_call_without_an_id_gets_one(monkeypatch: pytest.MonkeyPatch) -> None:
    made = asked(
        monkeypatch, sse(called("evaluate", "{}", index=0), called("evaluate", '{"split": "data"}', index=1))
    )
    ids = [c["id"] for c in made.tool_calls]
    assert len(set(ids)) == 2 and all(len(i) == 9 and i.isalnum() for i in ids)


SAME = [{"split": "data"}, {"split": "train"}]
PIECES = {
    "all numbered 0": [called("evaluate", json.dumps(a), index=0, id=f"c{i}") for i, a in enumerate(SAME)],
    "all numbered 0, no ids": [called("evaluate", json.dumps(a), index=0) for a in SAME],
    "no numbers": [called("evaluate", json.dumps(a), id=f"c{i}") for i, a in enumerate(SAME)],
    "no numbers, no ids": [called("evaluate", json.dumps(a)) for a in SAME],
    "one id for all": [called("evaluate", json.dumps(a), index=i, id="call_0") for i, a in enumerate(SAME)],
    "empty ids": [called("evaluate", json.dumps(a), index=i, id="") for i, a in enumerate(SAME)],
    "arguments as objects": [called("evaluate", a, index=i, id=f"c{i}") for i, a in enumerate(SAME)],
    "name and id with each piece": [
        called("evaluate", part, index=i, id=f"c{i}")
        for i, a in enumerate(SAME)
        for part in (json.dumps(a)[:6], json.dumps(a)[6:])
    ],
    "empty name and id with each piece": [
        piece
        for i, a in enumerate(SAME)
        for piece in (
            called("evaluate", "", index=i, id=f"c{i}"),
            *(called(None, letter, index=i, id=None) for letter in json.dumps(a)),
        )
    ],
}


@pytest.mark.parametrize("pieces", PIECES.values(), ids=PIECES)
def test_however_calls_are_numbered_and_named(pieces: list[Delta], monkeypatch: pytest.MonkeyPatch) -> None:
    made = asked(monkeypatch, sse(*pieces, finish="tool_calls"))
    assert [c["args"] for c in made.tool_calls] == SAME
    assert len({c["id"] for c in made.tool_calls}) == 2


def test_an_id_that_the_conversation_has_is_not_used_again() -> None:
    answer = Answer()
    answer.add({"choices": [{"delta": called("evaluate", "{}", index=0, id="call_0")}]})
    assert answer.message({"call_0"}).tool_calls[0]["id"] != "call_0"


def test_calls_without_ids_run_and_the_conversation_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = sse(
        called("evaluate", "{}", index=0), called("confusion_matrix", "{}", index=1), finish="tool_calls"
    )
    turns = [pair, text("Both."), sse(called("class_order", "{}", index=0)), text("And that.")]
    answers = [said(happened) for _, happened, _ in play(tmp_path, monkeypatch, turns, "two", "one")]
    assert answers == ["Both.", "And that."]


def test_a_conversation_that_stands_at_a_call_without_an_id_goes_on_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table, model = television_world(120)
    case = FakeCase(tmp_path / "case", {"data": table}, model)
    session = Session(case, planner=ScriptedPlanner([]))
    broken = AIMessage(
        "", id="b", tool_calls=[{"name": n, "args": {}, "id": None} for n in ("evaluate", "readiness")]
    )
    session._graph.update_state(THREAD, {"messages": [HumanMessage("two"), broken]}, as_node="model")
    session.close()
    with ChatServer([text("Hello again.")]) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        again = Session(FakeCase(tmp_path / "case", {"data": table}, model, planner="openai:m"))
        list(again.start())
        assert said(list(again.say("are you there?"))) == "Hello again."
        sent = server.requests[0]["messages"]
        again.close()
    ids = [c["id"] for m in sent for c in m.get("tool_calls") or ()]
    assert len(set(ids)) == 2 and all(ids)
    assert [m["tool_call_id"] for m in sent if m["role"] == "tool"] == ids


# --- words ------------------------------------------------------------------------------------------------------------

THOUGHT = "<think>\nAccuracy may be 99.9 %.\n</think>\n\nHello."
THOUGHTS = {
    THOUGHT: "Hello.",
    "<think>Accuracy may be 99.9 %": "",
    "Accuracy may be 99.9 %.\n</think>\nHello.": "Hello.",
    "<THINKING>a</THINKING>Hello.": "Hello.",
    "[THINK]a[/THINK]Hello.": "Hello.",
    "<think>a</think>Hello.<think>b</think> And again.": "Hello. And again.",
    "Write `<think>` and\n```\n<think>a\n```": "Write `<think>` and\n```\n<think>a\n```",
    "a < b and b > a": "a < b and b > a",
    "Hello.": "Hello.",
}


@pytest.mark.parametrize("given", THOUGHTS)
def test_thoughts_are_not_spoken(given: str) -> None:
    assert spoken(given) == THOUGHTS[given]


@pytest.mark.parametrize("step", [1, 3, 7, 1000])
def test_thoughts_in_the_answer_are_neither_shown_nor_checked(
    step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = [{"content": THOUGHT[i : i + step]} for i in range(0, len(THOUGHT), step)]
    for session, happened, _ in play(tmp_path, monkeypatch, [sse(*pieces)], "hi"):
        assert said(happened) == "Hello."
        assert "99.9" not in "".join(e.line() for e in session.case.journal)


def test_nothing_but_an_endless_thought_is_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = [sse({"content": "<think>I wonder"}), text("Hello.")]
    for _, happened, server in play(tmp_path, monkeypatch, turns, "hi"):
        assert said(happened) == "Hello."
        assert "I wonder" not in json.dumps(server.requests)


def test_content_as_a_list_of_parts(monkeypatch: pytest.MonkeyPatch, whole: bool) -> None:
    parts = [
        {"type": "thinking", "thinking": "hmm"},
        {"type": "text", "text": "Hel"},
        {"type": "text", "text": "lo."},
    ]
    turn = sse({"content": parts})
    if whole:
        turn = raw(
            json.dumps({"choices": [{"message": {"content": parts}, "finish_reason": "stop"}]}).encode()
        )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert str(asked(monkeypatch, turn, whole=whole).content) == "Hello."


def test_a_server_that_does_not_stream_is_read_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    body = {"choices": [{"message": {"role": "assistant", "content": "Hello."}, "finish_reason": "stop"}]}
    turn = Turn(raw=json.dumps(body).encode(), kind="application/json")
    assert str(asked(monkeypatch, turn).content) == "Hello."


@pytest.mark.parametrize(
    ("turn", "told"),
    [
        (
            sse({"content": "It is right in most images. Its weakest"}, finish="length"),
            "This answer was cut off",
        ),
        (sse({"content": "It is right in most"}, finish="content_filter"), "withheld the rest"),
        (sse({"content": ""}, finish="length"), "cut off before it said a word"),
        (sse({"content": "<think>I wonder"}, finish="length"), "cut off before it said a word"),
    ],
)
def test_an_answer_that_ended_early_says_so(
    turn: Turn, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _, happened, server in play(tmp_path, monkeypatch, [turn], "how good is it?"):
        assert told in said(happened)
        assert len(server.requests) == 1


def test_a_stream_that_just_ends_is_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    half = sse({"content": "It is right in"}, finish=None, done=False)
    for session, happened, _ in play(tmp_path, monkeypatch, [half, text("Hello.")], "hi"):
        assert said(happened) == "Hello."
        assert session.case.state().model_use["calls"] == 2


def test_no_more_is_read_than_an_answer_may_be_long(monkeypatch: pytest.MonkeyPatch, whole: bool) -> None:
    made = asked(monkeypatch, text("word " * (LONGEST // 4)), whole=whole)
    assert len(str(made.content)) <= LONGEST
    assert made.response_metadata["finish_reason"] == "length"
    endless = asked(monkeypatch, sse(*[called("evaluate", "x" * 50_000, index=0)] * 6), whole=False)
    assert endless.tool_calls == [] and len(endless.invalid_tool_calls[0]["args"]) < LONGEST


@pytest.mark.parametrize("piece", [[], "a", {"choices": ["a"]}, {"choices": [{"delta": "a"}]}, {"choices": [{"delta": {"tool_calls": ["a"]}}]}])  # fmt: skip
def test_what_is_no_piece_of_an_answer_is_refused(piece: Any) -> None:
    with pytest.raises(Unreadable):
        Answer().add(piece)


def test_events_may_lack_their_last_empty_line() -> None:
    assert list(events(['data: {"a"', "data: : 1}", "", ": hello", "data:[DONE]"])) == [
        '{"a"\n: 1}',
        "[DONE]",
    ]


# --- what it cost -----------------------------------------------------------------------------------------------------

USAGES = {
    "at the end": ([tokens(1000, 20)], 1020),
    "a running total": ([tokens(1000, i) for i in range(29)], 1028),
    "the same each time": ([tokens(1000, 20)] * 5, 1020),
    "shares": ([tokens(1000, 0), *[tokens(0, 1)] * 20], 1020),
    "shares and their sum": ([tokens(1000, 0), *[tokens(0, 1)] * 20, tokens(1000, 20)], 1020),
    "null until the end": ([None, None, tokens(1000, 20)], 1020),
    "less than nothing": ([tokens(-5000, 20)], 20),
    "no numbers": ([{"prompt_tokens": "many", "completion_tokens": True}, tokens(10, 2)], 12),
}


@pytest.mark.parametrize("name", USAGES)
def test_what_an_answer_cost_is_counted_once(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usages, total = USAGES[name]
    turn = sse(*[{"content": "la "}] * max(1, len(usages) - 1), usages=usages)
    for session, _, _ in play(tmp_path, monkeypatch, [turn], "hi"):
        assert spent(session.case.state()).tokens == total


def test_a_server_that_counts_nothing_is_counted_by_what_it_was_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for session, _, server in play(tmp_path, monkeypatch, [sse({"content": "Hello."})], "hi"):
        sent = len(json.dumps(server.requests[0]))
        assert abs(spent(session.case.state()).tokens - sent / 4) < 100


def test_a_field_that_a_server_does_not_take_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    refusal = Turn(status=400, body={"error": {"message": "Unknown parameter: 'stream_options'."}})
    with ChatServer([refusal, text("Hello."), text("Again.")]) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        chat = openai_planner("m")
        assert [str(chat.invoke("?").content) for _ in range(2)] == ["Hello.", "Again."]
    assert ["stream_options" in r for r in server.requests] == [True, False, False]


# --- what a person sees -----------------------------------------------------------------------------------------------


def test_a_call_that_fails_is_shown_once_named_and_one_of_no_tool_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tool("evaluate", raw_arguments='{"split"')  # after it, langchain tells all messages once more
    turns = [
        tools(("find_slices", {"depth": 9}), ("no\x1b[2Jsuchtool", {})),
        text("Both failed."),
        broken,
        text("No."),
    ]
    for n, (_, happened, server) in enumerate(play(tmp_path, monkeypatch, turns, "go", "again")):
        failed = {e.tool: e.message for e in happened if isinstance(e, ToolFailed)}
        if n:
            assert not failed
            continue
        assert failed["find_slices"].startswith("argument 'depth'")
        assert len(failed) == 2 and "there is no such tool" in failed[next(t for t in failed if "such" in t)]
        assert "\x1b" not in str(failed)
        replies = [m["content"] for m in server.requests[-1]["messages"] if m["role"] == "tool"]
        assert sum("find_slices: argument 'depth'" in r for r in replies) == 1


def test_what_it_cost_can_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = [text("Hello."), text("Again.")]
    *_, (session, _, _) = play(tmp_path, monkeypatch, turns, "hi", "and now?", budget="calls=4")
    told = said(list(session.act("/cost")))
    assert "2 of 4 calls of the language model (50 %)" in told
    assert "240 of 2,500,000 tokens (0 %)" in told and "120 tokens a call" in told
    assert "/cost" in session.actions()


def test_without_a_language_model_nothing_was_spent(tmp_path: Path) -> None:
    table, model = television_world(60)
    session = Session(FakeCase(tmp_path / "case", {"data": table}, model))
    assert "costs nothing" in said(list(session.act("/cost")))
