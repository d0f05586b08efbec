"""A language model is sent what fits it: few tools in full and the others by name, less of all for a small window; what a
server says about a refusal is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest

from failsight.agent.events import Notice, PlannerSaid
from failsight.agent.guards.fitting import CORE, DESCRIBE, FEWEST
from failsight.agent.planners import grammar, schemas
from failsight.agent.planners.server_errors import endpoint_error, server_words, takes_no_tools, too_long
from failsight.agent.session import Session
from failsight.tools.errors import RetryError
from failsight.tools.registry import registry
from tests.fakes.case import FakeCase, television_world
from tests.fakes.server import ChatServer, Turn, dynamic, text, tool

KEY = "sk-test-0123456789abcdef0123"
LONG = "This model's maximum context length is {} tokens. However, you requested {} tokens (11010 in the messages, 1024 in the completion)."


@pytest.fixture(autouse=True)
def server_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("FAILSIGHT_MODEL_RETRIES", "0")
    monkeypatch.setattr("failsight.agent.guards.steady.PAUSE", 0.01)


def play(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, turns: list[Turn], *lines: str
) -> Iterator[tuple[Session, list[Any], ChatServer]]:
    with ChatServer(turns) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        table, model = television_world(240)
        session = Session(FakeCase(tmp_path / "case", {"data": table}, model, planner="openai:m"))
        for line in lines:
            yield session, list(session.say(line)), server
        session.close()


def told(happened: list[Any], kind: type = Notice) -> str:
    return "\n".join(e.text for e in happened if isinstance(e, kind))


def refusal(message: str, code: int = 400, **more: Any) -> Turn:
    return Turn(status=code, body={"error": {"message": message, **more}})


def window(tokens: int, then: Turn) -> Turn:
    """A server of so many tokens of four characters."""

    def answer(body: dict[str, Any]) -> Turn:
        needed = len(json.dumps(body, ensure_ascii=False)) // 4
        return refusal(LONG.format(tokens, needed)) if needed > tokens else then

    return dynamic(answer)


# --- tools ------------------------------------------------------------------------------------------------------------


def test_a_request_is_small_and_begins_the_same_way_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = [tool("evaluate"), text("Done."), text("Hello.")]
    *_, (_, _, server) = play(tmp_path, monkeypatch, turns, "how good is it?", "and now?")
    offered = [json.dumps(r["tools"]) for r in server.requests]
    assert len(offered[0]) < 25_000  # 70,000 with every tool in full
    assert len(json.dumps(server.requests[0])) < 32_000  # about 8,000 tokens
    assert len(set(offered)) == 1


def test_a_tool_that_was_asked_about_is_offered_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = [tool(DESCRIBE, names=["nearest", "nosuchtool"]), text("Now I know.")]
    for _, _, server in play(tmp_path, monkeypatch, turns, "what is like it?"):
        first, second = ([t["function"]["name"] for t in r["tools"]] for r in server.requests)
        assert "nearest" not in first and second == [*first, "nearest"]
        reply = server.requests[1]["messages"][-1]["content"]
        assert reply.startswith("nearest: ") and "- image" in reply and "no tool 'nosuchtool'" in reply


def test_a_tool_that_is_known_by_name_runs_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = [tool("data_statistics"), text("Done.")]
    for session, _, server in play(tmp_path, monkeypatch, turns, "count them"):
        assert [e.tool for e in session.case.state().evidence] == ["data_statistics"]
        assert "data_statistics" in [t["function"]["name"] for t in server.requests[1]["tools"]]


@pytest.mark.parametrize("name", registry())
def test_a_short_schema_offers_every_argument_and_takes_what_the_whole_one_takes(name: str) -> None:
    spec = registry()[name]
    made = schemas.function(spec)["function"]
    whole = spec.offered
    assert set(made["parameters"].get("properties", {})) == set(whole.get("properties", {}))
    assert made["parameters"].get("required", []) == whole.get("required", [])
    assert len(json.dumps(made)) <= 0.9 * len(json.dumps(whole)) or len(json.dumps(made)) < 700
    assert '"title"' not in json.dumps(made) and '"null"' not in json.dumps(made)
    assert len(schemas.line(spec)) < len(name) + 70
    assert grammar.start({name: made["parameters"]})  # a local model's calls are held to it


def test_the_short_form_of_a_schema() -> None:
    given = {
        "title": "X", "type": "object", "additionalProperties": False,
        "properties": {
            "title": {"title": "Title", "anyOf": [{"type": "string", "maxLength": 9}, {"type": "null"}], "default": None,
                      "description": "What it is called. Leave it out for none."},
            "top": {"type": "integer", "minimum": 1, "default": 5, "description": "word " * 60},
        },
    }  # fmt: skip
    made = schemas.short(given)
    top = made["properties"]["top"]
    assert made["properties"]["title"] == {"type": "string", "description": "What it is called"}
    assert len(top.pop("description")) <= 122 and top == {"type": "integer", "minimum": 1}
    assert schemas.first_sentence("For e.g. dogs: all. More.") == "For e.g. dogs: all"


# --- small windows ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tokens", [3600, 3072])
def test_a_request_over_the_window_is_made_smaller(
    tokens: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = [window(tokens, text("Hello."))] * 8
    for n, (session, happened, server) in enumerate(play(tmp_path, monkeypatch, turns, "hi", "and now?")):
        assert told(happened, PlannerSaid) == "Hello."
        if n == 0:
            assert told(happened).count(f"context window ({tokens:,} tokens)") == 1
            first = len(server.requests)
            assert first <= 3
        else:  # it remembers what fits
            assert not told(happened) and len(server.requests) == first + 1
        assert session.case.state().model_use["calls"] == n + 1


def test_a_long_turn_fits_a_small_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measure = [tool("evaluate"), tool("confusion_matrix"), tool("data_statistics"), tool("find_slices")]
    turns = [*measure, window(3500, text("Done.")), window(3500, text("Done.")), window(3500, text("Done."))]
    for _, happened, server in play(tmp_path, monkeypatch, turns, "measure all"):
        assert told(happened, PlannerSaid) == "Done."
        names = [t["function"]["name"] for t in server.requests[-1]["tools"]]
        assert names[:FEWEST] == list(CORE[:FEWEST]) and DESCRIBE in names


def test_a_window_that_is_too_small_for_anything_is_said_with_what_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = [window(500, text("never"))] * 9 + [text("never")]
    for _, happened, server in play(tmp_path, monkeypatch, turns, "which classes are confused most?"):
        notice = told(happened)
        assert "tokens are needed, it has 500" in notice and "OLLAMA_CONTEXT_LENGTH" in notice
        assert "guided planner goes on" in notice and told(happened, PlannerSaid)
        assert len(server.requests) <= 5


def error(message: str, code: int = 400, **more: Any) -> openai.APIStatusError:
    import httpx

    request = httpx.Request("POST", "http://127.0.0.1/v1/chat/completions")
    body = {"message": message, **more}
    return openai.APIStatusError(
        f"Error code: {code}", response=httpx.Response(code, request=request), body=body
    )


@pytest.mark.parametrize(
    ("message", "has", "needs"),
    [
        (LONG.format(8192, 12034), 8192, 12034),
        ("This model's maximum context length is 4096 tokens. However, your request has 5000 input tokens.", 4096, 5000),
        ("request (12034 tokens) exceeds the available context size (8192 tokens), try increasing it", 8192, 12034),
        ("The input (12034 tokens) is longer than the model's context length (8192 tokens).", 8192, 12034),
        ("Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 `inputs` tokens", 4096, 5000),
        ("prompt is too long: 210000 tokens > 200000 maximum", 200000, 210000),
        ("The input token count (12034) exceeds the maximum number of tokens allowed (8192).", 8192, 12034),
        ("Trying to keep the first 12034 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens", 4096, 12034),
        ("Prompt contains 40000 tokens, too large for model with 32768 maximum context length", 32768, 40000),
        ("Your input exceeds the context window of this model.", 0, 0),
    ],
)  # fmt: skip
def test_servers_say_in_many_ways_that_a_request_is_too_long(message: str, has: int, needs: int) -> None:
    found = too_long(error(message))
    assert found is not None and (found.window, found.needed) == (has, needs)
    assert takes_no_tools(error(message)) is False


@pytest.mark.parametrize(
    "message",
    [
        "registry.ollama.ai/library/gemma:2b does not support tools",
        '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set',
        "tools param requires --jinja flag",
        "This model does not support function calling.",
    ],
)
def test_a_model_without_tools_is_told_apart(
    message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _, happened, server in play(tmp_path, monkeypatch, [refusal(message)], "hello", "hello again"):
        if len(server.requests) == 1 and told(happened):
            assert message.rstrip(".") in told(happened) and "A planner has to call tools" in told(happened)
    assert len(server.requests) == 1  # the guided planner drives from there on


@pytest.mark.parametrize(
    "message", ["Invalid value for 'temperature'.", "tools[0].parameters: unsupported keyword 'allOf'", ""]
)
def test_another_refusal_is_neither(message: str) -> None:
    assert too_long(error(message)) is None and not takes_no_tools(error(message))


def test_what_the_server_said_is_shown_cleaned_and_without_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = f"No credit left\x1b[2J for {KEY}. " + "More words. " * 100
    for _, happened, _ in play(tmp_path, monkeypatch, [refusal(said, 402)], "hello"):
        notice = told(happened)
        assert "answered 402: “No credit left" in notice and "\x1b" not in notice and KEY not in notice
        assert len(notice) < 600


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"message": "a b"}, "a b"),
        ({"error": {"message": "a"}}, "a"),
        ({"detail": [{"msg": "a"}]}, "a"),
        ({"error": "a"}, "a"),
        ("<html><h1>a</h1></html>", "a"),
        (None, ""),
        ({"message": {"x": 1}}, ""),
        ([], ""),
    ],
)
def test_a_server_s_words_in_any_wrapping(body: Any, words: str) -> None:
    made = error("")
    made.body = body
    assert server_words(made) == words
    assert "answered 400" in str(endpoint_error(made))


def test_a_refused_request_costs_one_turn_and_not_the_planner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = [refusal("Invalid image."), text("Hello."), refusal("a"), refusal("b"), text("never")]
    said = [
        (told(happened, PlannerSaid) == "Hello.", told(happened))
        for _, happened, _ in play(tmp_path, monkeypatch, turns, "1", "2", "3", "4", "5")
    ]
    assert [hello for hello, _ in said] == [False, True, False, False, False]
    assert ["next one goes to the language model" in n for _, n in said] == [True, False, True, False, False]
    assert "goes on from here" in said[3][1] and not said[4][1]


def test_an_error_in_the_middle_of_a_stream_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Turn(raw=b'data: {"error": {"message": "CUDA out of memory"}}\n\n')
    for _, happened, _ in play(tmp_path, monkeypatch, [broken], "hello"):
        assert "CUDA out of memory" in told(happened)


def test_a_tool_that_was_told_of_or_called_stays_described(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = [
        tool(DESCRIBE, names=["label_noise"]), tool("confidence_profile"), text("Done."), text("Hello."), text("Yes."),
    ]  # fmt: skip
    *_, (_, _, server) = play(tmp_path, monkeypatch, turns, "look", "and now?", "and later?")
    for request in server.requests[2:]:
        offered = [t["function"]["name"] for t in request["tools"]]
        assert {"label_noise", "confidence_profile"} <= {*offered}


def test_tools_are_told_whole_or_named_as_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("failsight.agent.guards.fitting.REPLY", 3000)
    names = ["find_slices", "robustness_probe", "test_by_masking", "retrain", "no_such_tool"]
    *_, (_, _, server) = play(tmp_path, monkeypatch, [tool(DESCRIBE, names=names), text("Ok.")], "tell me")
    reply = next(m["content"] for m in server.requests[-1]["messages"] if m["role"] == "tool")
    told_whole = [n for n in names[:-1] if schemas.in_full(registry()[n]) in reply]
    assert told_whole == names[: len(told_whole)] and 0 < len(told_whole) < 4
    assert f"Not told: {', '.join(names[len(told_whole) :])}." in reply


def test_an_argument_that_there_is_not_is_named_before_one_that_is_missing() -> None:
    with pytest.raises(RetryError, match="'labels': there is none of that name"):
        registry()["compare_classes"].check({"labels": ["a", "b"]})
