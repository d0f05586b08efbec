"""A conversation that outgrows the model's window gives way to a summary that keeps every id; its beginning stays the same."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage

from failsight.agent.guards.context import ContextWindow, conversation
from failsight.agent.guards.turns import INTERNAL, short, size
from failsight.agent.guards.window import context_window
from failsight.agent.session import Session
from failsight.tools.evidence import Evidence
from tests.fakes.case import FakeCase, television_world
from tests.fakes.server import ChatServer, text, tool


@pytest.fixture
def case(tmp_path: Path) -> FakeCase:
    table, model = television_world(240)
    made = FakeCase(tmp_path / "case", {"data": table}, model)
    for number in range(1, 31):
        evidence = Evidence(
            "evaluate", "T", f"Finding number {number} is {number}.5 %. " + "More of it. " * 40
        )
        made.record(
            "evidence.recorded", call=str(number), evidence={**evidence.to_dict(), "id": f"E{number}"}
        )
    return made


def turn(number: int, words: int = 400) -> list[AnyMessage]:
    called = {"name": "evaluate", "args": {}, "id": f"c{number}", "type": "tool_call"}
    result = (
        f"<data>\nE{number} evaluate: T\n"
        + "\n".join(f"line {i} of {number}" for i in range(words))
        + "\n</data>"
    )
    return [
        HumanMessage(f"Question {number}?"),
        AIMessage("", tool_calls=[called]),
        ToolMessage(result, tool_call_id=f"c{number}", name="evaluate"),
        AIMessage(f"Answer {number}. " + "It goes on. " * 40 + f"End of {number}."),
    ]


def window(case: FakeCase, tokens: int) -> ContextWindow:
    return ContextWindow(case, lambda: "system", lambda: tokens)  # type: ignore[arg-type]


def words(messages: list[AnyMessage]) -> str:
    return "\n".join(str(m.content) for m in messages)


def test_what_fits_is_sent_as_it_is(case: FakeCase) -> None:
    said = [m for n in range(1, 4) for m in turn(n)]
    assert window(case, 20_000).fitting(said) == said


def test_a_summary_keeps_every_id_the_newest_numbers_and_the_last_answers(case: FakeCase) -> None:
    said = [m for n in range(1, 31) for m in turn(n)] + [HumanMessage("And what now?")]
    made = window(case, 4_000).fitting(said)
    told = words(made)
    assert size(made) <= 4_000
    assert all(f"[E{n}] evaluate" in told for n in range(1, 31))
    assert "Finding number 30 is 30.5 %" in told and "…\n…" not in told
    assert told.count("And what now?") == 1
    assert "End of 30." in told
    kinds = [m.type for m in made]
    assert kinds[0] == "human" and ("human", "human") not in pairwise(kinds)


def test_even_a_tiny_window_is_told_every_id(case: FakeCase) -> None:
    made = window(case, 600).fitting([m for n in range(1, 31) for m in turn(n)] + [HumanMessage("Now?")])
    assert all(f"[E{n}]" in words(made) for n in range(1, 31))


def test_results_of_the_question_at_hand_stay_whole_while_older_ones_are_shortened(case: FakeCase) -> None:
    said = [m for n in range(1, 4) for m in turn(n)]
    made = window(case, 6_000).fitting([*said, *turn(4)[:3]])
    replies = {m.tool_call_id: str(m.content) for m in made if isinstance(m, ToolMessage)}
    assert "line 399 of 4" in replies["c4"]
    assert "line 399 of 1" not in replies["c1"] and "show_evidence reads the rest of E1" in replies["c1"]


def test_a_reply_is_cut_at_the_end_of_a_line_and_cut_once(case: FakeCase) -> None:
    reply = turn(7)[2]
    once = short(reply, 500)
    last = str(once.content).split(" …")[0].splitlines()[-1]
    assert last in str(reply.content).splitlines()
    assert short(once, 500) is once and "call again" not in str(once.content)


def test_what_was_sent_back_in_an_older_turn_is_left_out_and_stays_in_the_turn_at_hand(
    case: FakeCase,
) -> None:
    def corrected(number: int) -> list[AnyMessage]:
        order = HumanMessage(f"order {number}", additional_kwargs={INTERNAL: True})
        return [HumanMessage(f"Q{number}"), AIMessage(f"draft {number}"), order, AIMessage(f"final {number}")]

    made = words(window(case, 20_000).fitting([*corrected(1), *corrected(2)[:3]]))
    assert "draft 1" not in made and "order 1" not in made and "final 1" in made
    assert "draft 2" in made and "order 2" in made


def test_a_request_begins_as_the_one_before_and_what_changes_stands_at_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    table, model = television_world(240)
    turns = [
        tool("evaluate"),
        tool("confusion_matrix"),
        text("It is right in 12.34 %."),
        text("Done."),
        text("Yes."),
    ]
    with ChatServer(turns) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        session = Session(FakeCase(tmp_path / "case", {"data": table}, model, planner="openai:m"))
        list(session.say("why are calibration and confidence bad?"))
        asked: list[Mapping[str, Any]] = [r["messages"] for r in server.requests]
        session.close()
    assert len(asked) == 4
    for before, after in pairwise(asked):
        assert after[: len(before) - 1] == before[:-1]
    assert all("The case now. Stage:" in str(messages[-1]["content"]) for messages in asked)
    found = [line for line in str(asked[0][-1]["content"]).splitlines() if line.startswith("Library ")]
    corrected = [line for line in str(asked[3][-1]["content"]).splitlines() if line.startswith("Library ")]
    assert found and found == corrected


# --- how large the window is ------------------------------------------------------------------------------------------


@contextmanager
def serving(answers: Mapping[str, Any]) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(answers.get(self.path)).encode()
            self.send_response(200 if self.path in answers else 404)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(
    ("answers", "tokens"),
    [
        ({"/v1/models": {"data": [{"id": "a", "max_model_len": 4096}, {"id": "m", "max_model_len": 131072}]}}, 131072),
        ({"/v1/models": {"data": [{"id": "x.gguf", "meta": {"n_ctx_train": 131072}}]},
          "/props": {"default_generation_settings": {"n_ctx": 8192}}}, 8192),
        ({"/v1/models": {"data": [{"id": "m"}]}}, 0),
        ({"/v1/models": {"data": "no list"}, "/props": [1]}, 0),
        ({}, 0),
    ],
)  # fmt: skip
def test_the_window_is_what_the_server_says(
    answers: Mapping[str, Any], tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FAILSIGHT_MODEL_CONTEXT", raising=False)
    with serving(answers) as url:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        assert context_window("m") == tokens
        monkeypatch.setenv("FAILSIGHT_MODEL_CONTEXT", "65536")
        assert context_window("m") == 65536


class Odd(BaseHTTPRequestHandler):
    """Sends its list of models elsewhere, and its properties drop by drop, for a minute."""

    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path == "/v1/models":
            self.send_response(307)
            self.send_header("location", "/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("content-length", "600")
        self.end_headers()
        with suppress(OSError):
            for _ in range(600):
                self.wfile.write(b" ")
                time.sleep(0.1)

    def log_message(self, *_: Any) -> None:
        pass


def test_a_server_that_never_ends_is_left_and_the_key_goes_nowhere_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("FAILSIGHT_MODEL_CONTEXT", raising=False)
    monkeypatch.setattr("failsight.agent.guards.window.WAIT", 0.5)
    Odd.asked.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Odd)
    server.daemon_threads, server.block_on_close = True, False
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{server.server_address[1]}/v1")
    began = time.monotonic()
    assert context_window("m") == 0
    assert time.monotonic() - began < 10
    assert Odd.asked == ["/v1/models", "/props"]
    server.shutdown()
    server.server_close()


def test_the_server_that_never_says_it_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.delenv("FAILSIGHT_MODEL_CONTEXT", raising=False)
    monkeypatch.setattr("failsight.agent.guards.window._got", asked.append)
    for url in ("", "https://api.openai.com/v1", "no address"):
        monkeypatch.setenv("OPENAI_BASE_URL", url)
        assert context_window("m") == 0
    assert not asked
    monkeypatch.setenv("OPENAI_BASE_URL", "https://models.example/v1/")
    context_window("m")
    assert asked == ["https://models.example/v1/models", "https://models.example/props"]


def test_the_conversation_grows_with_the_window() -> None:
    sizes = [conversation(n) for n in (4_096, 8_192, 14_000, 15_000, 16_384, 32_000, 131_072, 1_000_000)]
    assert sizes == sorted(sizes) and conversation(0) == conversation(32_000) >= 16_000
    assert all(conversation(n) <= 0.6 * n for n in (4_096, 8_192, 16_384, 131_072))
    assert sizes[-1] == 40_000
