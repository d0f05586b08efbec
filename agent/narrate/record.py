"""The journal, indexed for telling: which call made which evidence, who asked, in which order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from failsight.agent.journal import Event
from failsight.agent.state import CaseState
from failsight.tools.evidence import Evidence, Finding, Instrument, TestResult


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call. ``done`` is the event that ended it (None: it never ended), ``failed`` the reason why it failed."""

    seq: int
    tool: str
    arguments: Mapping[str, Any]
    by: str
    why: str
    done: int | None = None
    evidence: str = ""
    failed: str = ""


@dataclass(frozen=True, slots=True)
class Sitting:
    """One session: from ``opened`` to ``closed`` (None: still open, or interrupted when another one follows)."""

    opened: int
    planner: str
    level: str
    version: str
    closed: int | None = None
    interrupted: bool = False


@dataclass
class Record:
    """Everything the narration looks up."""

    state: CaseState
    events: Sequence[Event]
    calls: list[Call] = field(default_factory=list)
    sittings: list[Sitting] = field(default_factory=list)

    def __post_init__(self) -> None:
        running: dict[str, Call] = {}
        for event in self.events:
            self._take(event, running)
        self.calls += running.values()
        self.calls.sort(key=lambda c: c.seq)
        self._by_evidence = {c.evidence: c for c in self.calls if c.evidence}
        self._evidence = {e.id: e for e in self.state.evidence}

    def waiting(self) -> dict[str, int]:
        """Tools of which a person was asked and has not answered → the event that asked."""
        made: dict[str, int] = {}
        for event in self.events:
            tool = str(event.data.get("tool", ""))
            if event.kind == "approval.asked":
                made[tool] = event.seq
            elif event.kind == "approval.given":
                made.pop(tool, None)
        return made

    def _take(self, event: Event, running: dict[str, Call]) -> None:
        data = event.data
        if event.kind == "tool.started":
            key = str(data.get("call"))
            if key in running:  # the same call again: the first one was interrupted
                self.calls.append(running.pop(key))
            running[key] = Call(
                event.seq, str(data.get("tool", "")), data.get("arguments") or {},
                str(data.get("by") or ""), str(data.get("why") or ""),
            )  # fmt: skip
        elif event.kind in ("evidence.recorded", "tool.failed"):
            self._end(event, running)
        elif event.kind == "session.opened":
            self._interrupt()
            planner, level, version = (str(data.get(k) or "") for k in ("planner", "level", "version"))
            self.sittings.append(Sitting(event.seq, planner, level, version))
        elif event.kind == "session.closed" and self.sittings and self.sittings[-1].closed is None:
            last = self.sittings[-1]
            self.sittings[-1] = Sitting(last.opened, last.planner, last.level, last.version, event.seq)

    def _end(self, event: Event, running: dict[str, Call]) -> None:
        made = event.data.get("evidence") or {}
        key = str(event.data.get("call"))
        tool = str(made.get("tool") or event.data.get("tool") or "")
        arguments = made.get("arguments") or event.data.get("arguments") or {}
        begun = running.pop(key, Call(event.seq, tool, arguments, "", ""))
        failed = str(event.data.get("message") or "no reason given") if event.kind == "tool.failed" else ""
        self.calls.append(
            Call(
                begun.seq, tool, arguments, begun.by, begun.why, event.seq, str(made.get("id") or ""), failed
            )
        )

    def _interrupt(self) -> None:
        if self.sittings and self.sittings[-1].closed is None:
            last = self.sittings[-1]
            self.sittings[-1] = Sitting(last.opened, last.planner, last.level, last.version, None, True)

    def of(self, kind: str) -> list[Event]:
        """The events of one kind, oldest first."""
        return [e for e in self.events if e.kind == kind]

    def evidence(self, name: str) -> Evidence | None:
        """The evidence called ``E4``."""
        return self._evidence.get(name)

    def call(self, evidence: str) -> Call | None:
        """The call that made the evidence ``E4``."""
        return self._by_evidence.get(evidence)

    def recorded(self, evidence: str) -> int | None:
        """The event at which the evidence ``E4`` was written down."""
        call = self._by_evidence.get(evidence)
        return call.done if call else None

    def plan(self, finding: Finding, test: TestResult) -> tuple[Instrument, int] | None:
        """The plan of a test and the event that registered it: the one whose id its evidence names, else the last plan
        of that tool for that finding that was registered before the evidence."""
        evidence = self.evidence(test.evidence)
        named = next((str(f.value) for f in evidence.facts if f.name == "plan"), "") if evidence else ""
        if named in self.state.instruments:
            return self.state.instruments[named]
        made = self.recorded(test.evidence) or 0
        fitting = [
            (plan, seq)
            for plan, seq in self.state.instruments.values()
            if plan.tool == test.tool and plan.covers(finding, test.tool) and seq < made
        ]
        alike = [f for f in fitting if evidence is not None and f[0].arguments == evidence.arguments]
        return (alike or fitting)[-1] if fitting else None

    def tested_since(self, plan: Instrument, seq: int) -> str:
        """The first evidence after event ``seq`` in which the plan's tool tested the plan's finding, whether by this plan or one that was
        written down anew when it ran (with what was chosen then); empty for none."""
        made = [
            (at, test.evidence)
            for found in self.state.records.values()
            if found.finding.key == plan.finding
            for test in found.finding.tests
            if test.tool == plan.tool and (at := self.recorded(test.evidence) or 0) > seq
        ]
        return min(made)[1] if made else ""
