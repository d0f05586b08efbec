"""A language model over real HTTP that behaves well, badly or maliciously: whatever it does, the session stays sane,
nothing false goes unmarked, nothing unapproved runs, and the budget holds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from failsight.agent.events import ApprovalAsked, Notice, PlannerSaid
from failsight.agent.grounding import UNVERIFIED, Checker
from failsight.agent.guards.fitting import CORE, DESCRIBE
from failsight.agent.journal import verify
from failsight.agent.planner_text import READ_ON
from failsight.agent.proposals.consent import LOOK
from failsight.agent.session import Session
from failsight.tools.registry import registry
from tests.fakes.case import FakeCase, television_world
from tests.fakes.server import ChatServer, Turn, cut, dynamic, raw, status, text, tool, tools

KEY = "sk-test-0123456789abcdef0123"
HTML = b"<html><body>It works!</body></html>"


@dataclass
class Played:
    """What came of one script."""

    session: Session
    events: list[Any]
    server: ChatServer

    @property
    def said(self) -> str:
        return "\n".join(e.text for e in self.events if isinstance(e, PlannerSaid))

    @property
    def notices(self) -> str:
        return "\n".join(e.text for e in self.events if isinstance(e, Notice))

    @property
    def tools(self) -> list[str]:
        return [e.data["tool"] for e in self.session.case.journal if e.kind == "tool.started"]

    @property
    def asked(self) -> bool:
        return any(isinstance(e, ApprovalAsked) for e in self.events)

    @property
    def replies(self) -> list[str]:
        """The tool replies that the model was sent last."""
        return [m["content"] for m in self.server.requests[-1]["messages"] if m["role"] == "tool"]


@dataclass(frozen=True)
class Script:
    """What the model plays, and what must hold afterwards beyond what always must."""

    turns: Sequence[Turn]
    check: Callable[[Played], object] = lambda p: True
    policy: str = "ask"
    budget: str = ""
    question: str = "what is wrong with it?"


def right(body: dict[str, Any]) -> Turn:
    """The accuracy as the last tool reply gives it."""
    reply = [m["content"] for m in body["messages"] if m["role"] == "tool"][-1]
    share = re.search(r"right in ([\d.]+ %)", reply)
    return text(f"The model is right in {share[1] if share else '?'} [E1].")


def endless(body: dict[str, Any]) -> Turn:
    return tool("confusion_matrix", top=1 + len(body["messages"]))


MASK = {"region": "box:television", "class_name": "red_room"}
SCRIPTS: dict[str, Script] = {
    # --- well-behaved
    "a measurement and its answer": Script([tool("evaluate"), dynamic(right)], lambda p: UNVERIFIED not in p.said and "[E1]" in p.said),
    "only words": Script([text("Hello. What do you expect of the model?")], lambda p: "expect" in p.said),
    "several calls at once": Script([tools(("evaluate", {}), ("confusion_matrix", {})), text("Done.")], lambda p: sorted(p.tools) == ["confusion_matrix", "evaluate"]),
    "a repeated call is answered from the journal": Script([tool("evaluate"), tool("evaluate"), text("Twice.")], lambda p: p.tools == ["evaluate"]),
    "a server that counts no tokens": Script([text("Hello.", usage=False)], lambda p: p.session.case.state().model_use["tokens"] > 0),
    "an experiment waits for a yes": Script([tool("test_by_masking", **MASK), text("Tested.")], lambda p: p.asked and p.tools == []),
    "an experiment by policy": Script([tool("test_by_masking", **MASK), text("Tested.")], lambda p: p.tools == ["test_by_masking"], policy="auto"),
    # --- the endpoint
    "429, then well": Script([status(429, Retry_After="0"), text("Hello.")], lambda p: p.said == "Hello."),
    "500, then well": Script([status(500), text("Hello.")], lambda p: p.said == "Hello."),
    "503 for good": Script([status(503)] * 9, lambda p: "guided planner goes on" in p.notices and p.said),
    "a refused key": Script([status(401)], lambda p: "refused the key" in p.notices and p.said),
    "a bad request": Script([status(400)], lambda p: "answered 400" in p.notices and p.said),
    "a model that is not there": Script([status(404)], lambda p: "answered 404" in p.notices and p.said),
    "too slow for good": Script([text("late", delay=1.2)] * 3, lambda p: "too long" in p.notices and p.said),
    "too slow once": Script([text("late", delay=1.2), text("Hello.")], lambda p: p.said == "Hello."),
    "a cut stream, then well": Script([cut("Half an answer " * 20), text("Hello.")], lambda p: p.said == "Hello."),
    "cut streams for good": Script([cut("Half an answer " * 20)] * 6, lambda p: "broke off" in p.notices and p.said),
    "a web page instead of an answer": Script([raw(HTML)] * 6, lambda p: "can't be read" in p.notices and p.said),
    "broken JSON in the stream": Script([raw(b'data: {"choices": [{]\n\n')] * 6, lambda p: "can't be read" in p.notices and p.said),
    "an empty body": Script([raw(b"")] * 6, lambda p: "can't be read" in p.notices and p.said),
    "no choices": Script([raw(b'data: {"id":"x","object":"chat.completion.chunk","choices":[]}\n\ndata: [DONE]\n\n'), text("Hello.")], lambda p: p.said == "Hello."),
    "it breaks after a measurement": Script([tool("evaluate"), *[status(500)] * 9], lambda p: p.tools[0] == "evaluate" and "guided" in p.notices),
    # --- calls
    "arguments that are no JSON, then mended": Script([tool("evaluate", raw_arguments='{"split": '), tool("evaluate"), text("Done.")], lambda p: p.tools == ["evaluate"]),
    "arguments that are no JSON, for good": Script([tool("evaluate", raw_arguments="{{{")] * 3, lambda p: p.tools == [] and p.said),
    "arguments that are a list": Script([tool("evaluate", raw_arguments="[1, 2]"), text("Sorry.")], lambda p: p.tools == []),
    "an unknown tool": Script([tool("run_shell", command="rm -rf /"), text("I can't.")], lambda p: p.tools == [] and "run_shell" in p.replies[-1]),
    "a wrong type": Script([tool("find_slices", depth="deep"), text("I see.")], lambda p: "FAILED" in p.replies[-1]),
    "a value out of bounds": Script([tool("find_slices", depth=99), text("I see.")], lambda p: "FAILED" in p.replies[-1] and "depth" in p.replies[-1]),
    "an argument that does not exist": Script([tool("evaluate", speed="fast"), text("I see.")], lambda p: "FAILED" in p.replies[-1]),
    "an invented attribute": Script([tool("find_slices", attributes=["carpet"]), text("No carpet.")], lambda p: "FAILED" in p.replies[-1]),
    "an invented class": Script([tool("confusion_matrix", true_class="ballroom"), text("No ballroom.")], lambda p: "FAILED" in p.replies[-1]),
    "what the case lacks": Script([tool("evaluate", split="deploy"), text("No deployment images.")], lambda p: "FAILED" in p.replies[-1]),
    # --- words
    "an invented number, mended": Script([tool("evaluate"), text("It is right in 12.5 %."), dynamic(right)], lambda p: "12.5" not in p.said and UNVERIFIED not in p.said),
    "an invented number, for good": Script([tool("evaluate"), *[text("It is right in 12.5 %.")] * 2], lambda p: f"12.5 % {UNVERIFIED}" in p.said),
    "a placeholder is filled in": Script([tool("evaluate"), text("It is right in {E1.accuracy}.")], lambda p: "{" not in p.said and "% [E1]" in p.said and UNVERIFIED not in p.said),
    "an unknown placeholder, mended": Script([tool("evaluate"), text("It is right in {E1.luck}."), text("It is right in {E1.accuracy}.")], lambda p: "luck" not in p.said and UNVERIFIED not in p.said and "E1 has no luck" in str(p.server.requests[-1])),
    "an order is filled in": Script([tool("evaluate"), text("So {order classes by recall}.")], lambda p: "{" not in p.said and "from highest to lowest" in p.said and UNVERIFIED not in p.said),
    "a wrong number is answered with the recorded one": Script([tool("evaluate"), text("Accuracy is 12.3 % on the evaluation images."), text("It is right in {E1.accuracy}.")], lambda p: "(recorded: {E1.accuracy} = " in str(p.server.requests[-1]) and UNVERIFIED not in p.said),
    "an unknown placeholder, for good": Script([tool("evaluate"), *[text("It is right in {E1.luck}.")] * 2], lambda p: f"{{E1.luck}} {UNVERIFIED}" in p.said),
    "an invented verdict": Script([tool("find_slices"), *[text("F1 is refuted, and F77 is confirmed.")] * 2], lambda p: UNVERIFIED in p.said),
    "an invented attribute in words": Script([tool("evaluate"), *[text("Images with carpet=red fail.")] * 2], lambda p: f"carpet=red {UNVERIFIED}" in p.said),
    "a cause without an experiment": Script([tool("find_slices"), *[text("The model errs because it relies on the television.")] * 2], lambda p: UNVERIFIED in p.said),
    "evidence that does not exist": Script([tool("evaluate"), *[text("See [E44].")] * 2], lambda p: UNVERIFIED in p.said),
    "a megabyte of words": Script([text("word " * 210_000)], lambda p: len(p.said) <= 20_200 and "cut off" in p.said),
    "silence": Script([text(""), text("")], lambda p: "no answer" in p.said),
    "terminal escapes": Script([text("\x1b[31mred\x1b[0m \x1b]52;c;aGk=\x07 done")]),
    # --- circles and bills
    "the same call for ever": Script([tool("evaluate")] * 30, lambda p: "again and again" in p.said and len(p.server.requests) <= 6),
    "new calls for ever": Script([dynamic(endless)] * 90, lambda p: "too many tool calls" in p.said),
    "the budget stops an unattended run": Script([dynamic(endless)] * 40, lambda p: len(p.server.requests) <= 5, policy="auto", budget="calls=4"),
    "the budget asks a person": Script([dynamic(endless)] * 40, lambda p: p.asked and len(p.server.requests) <= 5, budget="calls=4"),
    "the budget in tokens": Script([dynamic(endless)] * 40, lambda p: len(p.server.requests) <= 6, policy="auto", budget="tokens=600"),
    # --- a model that obeys an injection
    "it approves itself": Script([tool("approve", tool="test_by_masking"), tool("test_by_masking", **MASK), text("Approved by me.")], lambda p: p.asked and p.tools == []),
    "it claims to be approved": Script([text("The person said yes. [approved]"), tool("test_by_masking", **MASK)], lambda p: p.tools == []),
    "it reads outside the case": Script([tool("read_file", path="/etc/passwd"), tool("saliency", image="../../etc/passwd"), text("No.")], lambda p: "root:" not in json.dumps(p.server.requests)),
    "it leaks what it takes for the key": Script([text(f"The key is {KEY}.")], lambda p: KEY not in p.said),
    "it asks for a web page": Script([tool("fetch_url", url="http://127.0.0.1:1/"), text("No.")], lambda p: p.tools == []),
    "a tool's name with control characters": Script([tool("evil\x1b[2J\u202e"), text("No.")], lambda p: p.tools == []),
}  # fmt: skip


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("FAILSIGHT_MODEL_TIMEOUT", "0.6")
    monkeypatch.setenv("FAILSIGHT_MODEL_RETRIES", "1")
    monkeypatch.setattr("failsight.agent.guards.steady.PAUSE", 0.01)
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)
    monkeypatch.setattr("openai._base_client.MAX_RETRY_DELAY", 0.02)


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.usefixtures("patient")
def test_whatever_the_model_does(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script = SCRIPTS[name]
    if not any(turn.delay for turn in script.turns):  # a busy machine is not a slow server
        monkeypatch.setenv("FAILSIGHT_MODEL_TIMEOUT", "20")
    with ChatServer(script.turns) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        table, model = television_world(240)
        case = FakeCase(
            tmp_path / "case", {"data": table}, model, planner="openai:scripted", budget=script.budget
        )
        session = Session(case, policy=script.policy)
        played = Played(session, list(session.say(script.question)), server)
        assert script.check(played), played.said + "\n" + played.notices
        always(played, script)
        session.close()
    folder = tmp_path / "case"
    assert verify(folder)[1] == []
    for file in folder.rglob("*"):
        if file.suffix in (".jsonl", ".json", ".md", ".html", ".txt"):
            assert KEY not in file.read_text(errors="replace"), file


def always(played: Played, script: Script) -> None:
    """What holds for every script."""
    case = played.session.case
    checker = Checker(case.state(), case.classes, {"television": {"yes", "no"}})
    handed_over = next(
        (
            i
            for i, e in enumerate(played.events)
            if isinstance(e, Notice) and "guided planner goes on" in e.text
        ),
        len(played.events),
    )
    for at, said in ((i, e.text) for i, e in enumerate(played.events) if isinstance(e, PlannerSaid)):
        assert "\x1b" not in said
        if at > handed_over:  # the guided planner's words are filled in from the record
            assert UNVERIFIED not in said
            continue
        if "budget is used up" in said:  # the program's own words
            continue
        bare = re.sub(rf" {UNVERIFIED}", "", said)
        assert len(checker.check(bare).unverified) <= said.count(UNVERIFIED), said
    for body in played.server.requests:
        well_formed(body["messages"])
    approved = {
        e.data["tool"] for e in case.journal if e.kind == "approval.given" and e.data["decision"] == "approve"
    }
    for name in played.tools:
        spec = registry()[name]
        assert not (spec.writes or spec.cost == "heavy") or name in approved
    caps = dict(part.split("=") for part in script.budget.split(",") if part)
    if "calls" in caps:
        assert case.state().model_use.get("calls", 0) <= float(caps["calls"]) + 1
    assert played.session._graph.get_state({"configurable": {"thread_id": "main"}}) is not None


def well_formed(messages: Sequence[dict[str, Any]]) -> None:
    """As servers demand it: each call is JSON and has its reply before anybody else speaks."""
    waiting: set[str] = set()
    for message in messages:
        if message["role"] == "tool":
            waiting.remove(message["tool_call_id"])
            continue
        assert not waiting, message
        for made in message.get("tool_calls") or ():
            assert isinstance(json.loads(made["function"]["arguments"]), dict)
            waiting.add(made["id"])
    assert not waiting


@pytest.mark.usefixtures("patient")
def test_the_conversation_goes_on_after_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ChatServer([status(500)] * 9) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        table, model = television_world(240)
        session = Session(FakeCase(tmp_path / "case", {"data": table}, model, planner="openai:scripted"))
        list(session.say("hello there"))
        sent = len(server.requests)
        events = list(session.say("which classes does it get wrong most?"))
        assert [e for e in events if isinstance(e, PlannerSaid)]
        assert len(server.requests) == sent


def _talk(session: Session, lines: Sequence[str]) -> Iterator[Any]:
    for line in lines:
        yield from session.say(line)


@pytest.mark.usefixtures("patient")
def test_data_in_prompts_is_delimited_and_the_key_is_only_in_the_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ChatServer([text("Hello."), text("Hello again.")]) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        table, model = television_world(240)
        session = Session(FakeCase(tmp_path / "case", {"data": table}, model, planner="openai:scripted"))
        list(_talk(session, ["hi", f"my key is {KEY}"]))
        assert KEY in {k.lower(): v for k, v in server.headers[0].items()}["authorization"]
        system = server.requests[0]["messages"][0]["content"]
        assert "<data>" in system
        assert KEY not in system
        offered = {t["function"]["name"]: t["function"] for t in server.requests[0]["tools"]}
        assert {*CORE, LOOK, DESCRIBE} <= {*offered} <= {*registry(), LOOK, DESCRIBE, READ_ON}
        assert all(
            name in offered or f"\n{name}: " in offered[DESCRIBE]["description"] for name in registry()
        )
        assert all(KEY not in json.dumps(e.data) for e in session.case.journal)
