"""Keys reach no journal, evidence, checkpoint, report, trace or crash report; what is no key stays as it is."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from failsight.agent.journal import verify
from failsight.agent.narrate import write_reports
from failsight.agent.planners.scripted import ScriptedPlanner, call
from failsight.agent.secrets import redact, redacted
from failsight.agent.session import Session
from failsight.agent.ui.errors import crash_report
from failsight.tools.evidence import digest
from tests.fakes.case import FakeCase, television_world

KEY = "sk-proj-abcd1234efgh5678ijkl"
KEYS = (KEY, "hf_AbCdEf0123456789xyzt", "ghp_0123456789abcdefghijABCDEFGHIJ", "github_pat_11ABCDEFG0123456789abcdef", "AKIA0123456789ABCDEF",
        "AIzaSyA0123456789abcdefghijklmnopqrstuv", "xoxb-123456789012-abcdefghij")  # fmt: skip


@pytest.fixture
def case(tmp_path: Path) -> Iterator[FakeCase]:
    table, model = television_world(200)
    made = FakeCase(tmp_path / "case", {"data": table}, model)
    yield made
    made.close()


def holding(folder: Path, secret: str) -> list[str]:
    """Files under ``folder`` that hold a secret, whole or without its end."""
    part = secret[:14].encode()
    return [str(p) for p in sorted(folder.rglob("*")) if p.is_file() and part in p.read_bytes()]


@pytest.mark.parametrize("secret", KEYS)
def test_a_key_in_an_argument_is_in_nothing_that_is_written(case: FakeCase, secret: str) -> None:
    made, _ = case.call("search_knowledge", {"query": f"what is a slice {secret}"}, by="person")
    assert made.arguments["query"] == "what is a slice <key>"
    again, reused = case.call("search_knowledge", {"query": f"what is a slice {secret}"}, by="person")
    assert reused and again.id == made.id
    write_reports(case.folder, case.state(), case.journal.events)
    assert holding(case.folder, secret) == []
    assert verify(case.folder)[1] == []
    assert json.loads((case.folder / "evidence" / "E1.json").read_text()) == made.to_dict()


def test_the_value_of_a_variable_that_is_named_like_a_key_is_struck_out_too(
    case: FakeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_SERVICE_TOKEN", "plain words 17")
    made, _ = case.call("search_knowledge", {"query": "slices plain words 17"}, by="person")
    assert made.arguments["query"] == "slices <MY_SERVICE_TOKEN>"
    assert holding(case.folder, "plain words 17") == []


def test_a_place_is_no_key_whatever_its_variable_is_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONKEYS", str(tmp_path))
    assert redact({"path": f"{tmp_path}/a.png"}) == {"path": f"{tmp_path}/a.png"}
    monkeypatch.setenv("MONKEYS", "/no/such/place-1")
    assert redact("/no/such/place-1") == "<MONKEYS>"


def test_a_tool_that_repeats_what_it_was_given_can_not_tell_it(
    case: FakeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    from failsight.tools.registry import registry

    spec = registry()["search_knowledge"]
    seen: list[Any] = []

    @functools.wraps(spec.function)
    def loud(view: Any, **given: Any) -> Any:
        seen.append(given["query"])
        made = spec.function(view, **given)
        return dataclasses.replace(
            made, summary=f"You said {given['query'][:20]}; Bearer {KEY}.", notes=(KEY,)
        )

    monkeypatch.setitem(registry()._specs, spec.name, dataclasses.replace(spec, function=loud))  # type: ignore[attr-defined]
    made, _ = case.call("search_knowledge", {"query": f"slice {KEY}"}, by="person")
    assert seen == ["slice <key>"] and made.notes == ("<key>",)
    assert holding(case.folder, KEY) == []


def test_what_a_person_types_reaches_neither_the_planner_nor_the_checkpoints(case: FakeCase) -> None:
    planner = ScriptedPlanner([call("search_knowledge", query=f"slice {KEY}"), AIMessage(f"Not {KEY}.")])
    session = Session(case, planner=planner)
    list(session.say(f"my key is {KEY}, what is a slice?"))
    list(session.act(f"/tool search_knowledge query={KEY}"))
    asked = [m for sent in planner.asked for m in sent if m.type in ("human", "tool")]
    assert asked and all(KEY not in str(m.content) for m in asked)
    said = [e.data["text"] for e in case.journal if e.kind == "message" and e.data["role"] == "person"]
    assert said[0] == "my key is <key>, what is a slice?"
    session.close()
    assert holding(case.folder / "evidence", KEY) == []
    assert KEY not in (case.folder / "journal.jsonl").read_text()


def test_a_guided_conversation_leaves_no_key_in_its_folder(case: FakeCase) -> None:
    session = Session(case)
    list(session.say(f"what is a slice? {KEY}"))
    list(session.say(f"I think {KEY} makes it say red room"))
    session.close()
    assert holding(case.folder, KEY) == []


def test_evidence_without_a_key_is_recorded_as_it_was_made(case: FakeCase) -> None:
    for tool in ("describe_case", "evaluate", "confusion_matrix", "find_slices"):
        case.call(tool, {}, by="person")
    for event in case.journal:
        if event.kind == "evidence.recorded":
            assert digest(redact(event.data)) == digest(event.data)
    assert [e.id for e in case.state().evidence] == ["E1", "E2", "E3", "E4"]


def test_names_of_the_data_stay_whatever_they_look_like(tmp_path: Path) -> None:
    name = "sk-living-room-0001-left"
    table, model = television_world(200)
    table.paths = [f"rooms/{name}-{i:04d}.png" for i in range(200)]  # type: ignore[misc]
    with FakeCase(tmp_path / "case", {"data": table}, model) as case:
        shown, _ = case.call("confusion_matrix", {"true_class": "blue_room"}, by="person")
        assert shown.images and all(name in i.path for i in shown.images)
        made, _ = case.call("search_knowledge", {"query": f"{table.paths[7]} and {KEY}"}, by="person")
        assert made.arguments["query"] == f"{table.paths[7]} and <key>"
        assert verify(case.folder)[1] == []


def test_crash_reports_and_traces_hold_none(case: FakeCase, tmp_path: Path) -> None:
    from failsight.agent.tracing import trace

    path = crash_report(RuntimeError(f"a server said {KEY}"), tmp_path)
    assert path is not None and KEY[:12] not in path.read_text()
    case.name = f"rooms {KEY}"
    trace(case, str(tmp_path / "trace.jsonl"))
    case.call("search_knowledge", {"query": KEY}, by="person", why=KEY)
    case.record("model.called", model=KEY, input_tokens=1, output_tokens=1, seconds=0.1, usd=None)
    case.record("session.closed")
    assert (tmp_path / "trace.jsonl").read_text() and holding(tmp_path, KEY) == []


def test_ordinary_words_are_no_keys() -> None:
    for text in (
        "sk-learn",
        "key-value stores",
        "hf_models",
        "risk-2024-assessment-of-rooms",
        "desk-0123456789012345678",
    ):
        assert redact(text) == text
    assert redacted("sk-abcdefgh") == "<key>"
