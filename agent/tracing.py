"""Traces of a session for people who run many: OpenTelemetry spans made from the journal's events. Off by default.

A span carries names, ids, costs and durations. It carries no pictures, no file names, no words of the conversation and
no arguments: these stay in the journal.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failsight.agent.secrets import redact
from failsight.tools.errors import UserError
from failsight.tools.text import clean

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter

    from failsight.agent.case import Case
    from failsight.agent.journal import Event

OTLP = "otlp"


class Tracer:
    """A listener of a case: a span for the session, for each tool call and each call of a language model.

    Args:
        name: of the case.
        exporter: where spans go.
    """

    def __init__(self, name: str, exporter: SpanExporter) -> None:
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor

        self._provider = TracerProvider(resource=Resource.create({"service.name": "failsight"}))
        self._provider.add_span_processor(SimpleSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("failsight")
        self._session = self._tracer.start_span(
            "session", attributes={"failsight.case": clean(redact(name), 80)}
        )
        self._running: dict[str, Any] = {}  # digest of the call → its span

    def __call__(self, event: Event) -> None:
        """Take one event of the journal in."""
        handler: Callable[[Mapping[str, Any]], None] | None = getattr(
            self, "_on_" + event.kind.replace(".", "_"), None
        )
        if handler is not None:
            handler(event.data)

    def _start(self, name: str, **attributes: Any) -> Any:
        from opentelemetry.trace import set_span_in_context

        return self._tracer.start_span(
            name,
            set_span_in_context(self._session),
            attributes={f"failsight.{k}": v for k, v in attributes.items()},
        )

    def _on_tool_started(self, data: Mapping[str, Any]) -> None:
        self._running[data["call"]] = self._start("tool " + data["tool"], tool=data["tool"], by=data["by"])

    def _on_evidence_recorded(self, data: Mapping[str, Any]) -> None:
        span, made = self._running.pop(data["call"], None), data["evidence"]
        if span is not None:
            span.set_attribute("failsight.evidence", made["id"])
            span.set_attribute("failsight.findings", len(made.get("findings", ())))
            span.end()

    def _on_tool_failed(self, data: Mapping[str, Any]) -> None:
        from opentelemetry.trace import Status, StatusCode

        span = self._running.pop(data["call"], None)
        if span is not None:
            span.set_status(Status(StatusCode.ERROR, "the tool could not do it; the journal says why"))
            span.end()

    def _on_model_called(self, data: Mapping[str, Any]) -> None:
        import time

        from opentelemetry.trace import set_span_in_context

        end = time.time_ns()
        span = self._tracer.start_span(
            "language model",
            set_span_in_context(self._session),
            start_time=end - int(float(data.get("seconds") or 0) * 1e9),
            attributes={
                "gen_ai.request.model": clean(redact(data.get("model", "")), 80),
                "gen_ai.usage.input_tokens": int(data.get("input_tokens") or 0),
                "gen_ai.usage.output_tokens": int(data.get("output_tokens") or 0),
            },
        )
        span.end(end)

    def _on_stage_entered(self, data: Mapping[str, Any]) -> None:
        self._session.add_event("stage", {"failsight.stage": data["stage"]})

    def _on_approval_given(self, data: Mapping[str, Any]) -> None:
        told = {
            "failsight.tool": data["tool"],
            "failsight.decision": data["decision"],
            "failsight.by": data["by"],
        }
        self._session.add_event("approval", told)

    def _on_session_closed(self, data: Mapping[str, Any]) -> None:
        for span in self._running.values():
            span.end()
        self._running.clear()
        self._session.end()
        self._provider.shutdown()


class FileExporter:
    """Spans as JSON lines in a file, for machines without a collector."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def export(self, spans: Sequence[ReadableSpan]) -> Any:
        from opentelemetry.sdk.trace.export import SpanExportResult

        try:
            with open(self.path, "a", encoding="utf-8") as file:
                for span in spans:
                    file.write(json.dumps(json.loads(span.to_json()), ensure_ascii=False) + "\n")
        except OSError:  # a trace that can't be written is no reason to stop
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Nothing is held open."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Every span is written at once."""
        return True


def trace(case: Case, where: str) -> None:
    """Trace what happens to ``case`` from now on.

    Args:
        where: ``otlp`` (to the collector that ``OTEL_EXPORTER_OTLP_ENDPOINT`` names), or a file ``NAME.jsonl``.

    Raises:
        UserError: ``where`` is neither, or the file can't be written.
    """
    exporter: Any
    if where == OTLP:
        from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

        exporter = OTLPSpanExporter()
    elif where.endswith(".jsonl"):
        path = Path(where).expanduser()
        try:
            path.open("a").close()
        except OSError as error:
            raise UserError(
                f"The trace {clean(path)} can't be written ({error.strerror}).", "Give another file."
            ) from None
        exporter = FileExporter(path)
    else:
        raise UserError(f"--trace {clean(where, 60)!r} means nothing.", "Write otlp, or a file NAME.jsonl.")
    case.listeners.append(Tracer(case.name, exporter))
