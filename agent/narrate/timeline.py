"""The journal, event by event, a line each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from failsight.agent.narrate.record import Record
from failsight.agent.narrate.words import bound, criterion, who
from failsight.tools.evidence import Table
from failsight.tools.expectations.names import is_price
from failsight.tools.text import clean, listing, number


def timeline(record: Record) -> Table:
    """A table of all events: number, time (UTC), kind, what happened."""
    rows = tuple(
        (e.seq, e.time[:19].replace("T", " "), clean(e.kind), _LINES.get(e.kind, _nothing)(e.data))
        for e in record.events
    )
    return Table(
        "Journal, event by event",
        ("event", "time (UTC)", "kind", "what"),
        rows,
        ("text", "text", "text", "text"),
    )


def _nothing(data: Mapping[str, Any]) -> str:
    return ""


def _expectation(data: Mapping[str, Any]) -> str:
    name = str(data.get("name", ""))
    sign = "=" if is_price(name) else "≥" if data.get("at_least") else "≤"
    return f"{criterion(name)} {sign} {bound(name, data.get('bound'))} (by {who(data.get('by'))})"


def _labels(data: Mapping[str, Any]) -> str:
    said = [v.get("verdict") for v in (data.get("verdicts") or {}).values()]
    counts = ", ".join(f"{said.count(v)} {v}" for v in ("relabelled", "confirmed", "unsure"))
    return f"{clean(data.get('file', ''), 80)}: {counts}"


def _attribute(data: Mapping[str, Any]) -> str:
    """What was done to which attribute, and why."""
    made = data.get("definition") or {}
    why = clean(data.get("why") or "", 160)
    told = f"{clean(data.get('action', ''), 40)} {clean(made.get('name', ''), 80)} ({clean(made.get('source', ''), 40)})"
    return told + (f": {why}" if why else "")


def _started(data: Mapping[str, Any]) -> str:
    why = clean(data.get("why") or "", 160)
    return f"{clean(data.get('tool', ''))}, asked for by {who(data.get('by'))}" + (f": {why}" if why else "")


def _recorded(data: Mapping[str, Any]) -> str:
    made = data.get("evidence") or {}
    return f"{clean(made.get('id', ''))} {clean(made.get('tool', ''))}: {clean(made.get('title', ''))}"


def _registered(data: Mapping[str, Any]) -> str:
    plan = data.get("instrument") or {}
    return f"{clean(data.get('id', ''))} for {clean(plan.get('tool', ''))}: {clean(plan.get('statement', ''), 160)}"


def _session(data: Mapping[str, Any]) -> str:
    return ", ".join(clean(data[k], 60) for k in ("planner", "level", "version") if data.get(k))


def _handed(data: Mapping[str, Any]) -> str:
    """What was said to go to people."""
    groups = [" and ".join(clean(c, 80) for c in g) for g in data.get("groups") or ()]
    bar = float(data.get("bar") or 0)
    told = [*groups, *([f"answers less than {number(bar)} sure"] if bar else [])]
    return f"to people: {listing(told, 8, 200)}" if told else "nothing is said to go to people"


_LINES: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "case.created": lambda d: clean(d.get("name", "")),
    "session.opened": _session,
    "expectation.set": _expectation,
    "groups.set": lambda d: (
        f"images with the same {clean(d['column'], 60)} belong together"
        if d.get("column")
        else "each image stands alone"
    ),
    "handed.set": _handed,
    "message": lambda d: f"{clean(d.get('role', ''))}: {clean(d.get('text', ''), 300)}",
    "stage.entered": lambda d: f"{clean(d.get('stage', ''))}: {clean(d.get('trigger', ''))}",
    "labels.imported": _labels,
    "attribute.changed": _attribute,
    "signoff.given": lambda d: (
        f"{clean(d.get('by', ''), 120)}: {clean(d.get('decision', ''), 40)}; the statistics said {clean(d.get('verdict') or 'nothing', 40).replace('_', ' ')}"
    ),
    "form.answered": lambda d: (
        f"{clean(d.get('form', ''), 60)}: {len(d.get('answers') or {})} answers by {clean(d.get('by', ''), 120)}"
    ),
    "model.called": lambda d: f"{d.get('input_tokens', 0):,} tokens in, {d.get('output_tokens', 0):,} out",
    "grounding.checked": lambda d: (
        f"{d.get('claims', 0)} statements, {len(d.get('unverified') or ())} not in the evidence"
    ),
    "planner.failed": lambda d: clean(d.get("message", ""), 300),
    "turn.stopped": lambda d: clean(d.get("reason", ""), 60),
    "budget.stopped": lambda d: clean(d.get("what", ""), 60),
    "budget.raised": lambda d: clean(d.get("what", ""), 60),
    "tool.started": _started,
    "instrument.registered": _registered,
    "evidence.recorded": _recorded,
    "tool.failed": lambda d: f"{clean(d.get('tool', ''))}: {clean(d.get('message', ''), 300)}",
    "approval.asked": lambda d: clean(d.get("tool", "")),
    "approval.given": lambda d: (
        f"{clean(d.get('tool', ''))}: {clean(d.get('decision', ''))} (by {who(d.get('by'))})"
    ),
    "journal.repaired": lambda d: clean(d.get("set_aside", "")),
    "report.written": lambda d: ", ".join(clean(n, 60) for n in _names(d)),
}


def _names(data: Mapping[str, Any]) -> list[Any]:
    files = data.get("files") or data.get("paths") or data.get("formats") or ()
    return list(files) if isinstance(files, list | tuple | dict) else [files]
