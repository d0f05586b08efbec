"""Traces: spans of what ran, without a word of what was said or seen."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from failsight.agent.session import Session
from failsight.agent.tracing import Tracer, trace
from failsight.tools.errors import RetryError, UserError
from tests.fakes.case import FakeCase, television_world


@pytest.fixture
def case(tmp_path: Path) -> Iterator[FakeCase]:
    table, model = television_world()
    made = FakeCase(tmp_path / "case", {"data": table}, model)
    yield made
    made.close()


def _spans(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_session_leaves_a_span_for_each_call(case: FakeCase, tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    trace(case, str(path))
    session = Session(case)
    list(session.say("How well does the model perform? My secret is swordfish."))
    with pytest.raises(RetryError):
        case.call("saliency", {"class_name": "no such class"})
    session.close()
    spans = _spans(path)
    names = [s["name"] for s in spans]
    assert "tool evaluate" in names
    assert names[-1] == "session"
    assert {s["context"]["trace_id"] for s in spans} == {spans[-1]["context"]["trace_id"]}
    evaluate = spans[names.index("tool evaluate")]
    assert evaluate["attributes"]["failsight.evidence"] == "E1"
    assert evaluate["attributes"]["failsight.by"] == "planner"
    failed = spans[names.index("tool saliency")]
    assert failed["status"]["status_code"] == "ERROR"
    assert "swordfish" not in path.read_text()
    assert "no such class" not in path.read_text()


def test_calls_of_a_language_model_are_spans_with_their_tokens(case: FakeCase) -> None:
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    kept = InMemorySpanExporter()
    case.listeners.append(Tracer(case.name, kept))
    case.record("model.called", model="small", input_tokens=12, output_tokens=3, seconds=0.5, usd=None)
    (span,) = kept.get_finished_spans()
    assert span.attributes is not None
    assert span.attributes["gen_ai.usage.input_tokens"] == 12
    assert span.end_time is not None
    assert span.start_time is not None
    assert span.end_time - span.start_time == 500_000_000


def test_nothing_is_traced_unless_asked(case: FakeCase) -> None:
    assert case.listeners == []


def test_where_it_can_not_go_is_one_sentence(case: FakeCase, tmp_path: Path) -> None:
    for where in ("http://x", "", "trace.txt"):
        with pytest.raises(UserError, match="means nothing"):
            trace(case, where)
    with pytest.raises(UserError, match="can't be written"):
        trace(case, str(tmp_path / "no" / "trace.jsonl"))


def test_a_trace_that_stops_being_writable_stops_nothing(case: FakeCase, tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    trace(case, str(path))
    path.unlink()
    path.mkdir()
    session = Session(case)
    list(session.say("How well does the model perform?"))
    assert case.state().evidence
    session.close()
