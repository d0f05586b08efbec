"""The display protocol: one conversation, several looks (plain lines, Textual app), chosen once in cli.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from failsight.agent.events import SessionEvent
from failsight.agent.state import CaseState
from failsight.tools.view import Progress, Ticker


class SessionLike(Protocol):
    """What a display needs of ``agent.session.Session``. Slow to start: building one imports langchain."""

    folder: Path
    name: str

    @property
    def workflow(self) -> str:
        """The order of steps that the case follows, by name (``failsight.knowledge_base.workflow``)."""

    def state(self) -> CaseState:
        """The state of the case right now (a fold over the journal)."""

    def start(self) -> Iterator[SessionEvent]:
        """Greet, or take up a session that was interrupted (a pending approval is asked again)."""

    def say(self, text: str) -> Iterator[SessionEvent]:
        """One turn: the person's words in, events out until the planner is done or waits for a decision."""

    def decide(self, yes: bool, *, always: bool = False) -> Iterator[SessionEvent]:
        """Answer the pending approval and go on as ``say`` does; ``always``: this tool needs no more asking here."""

    def auto(self) -> Iterator[SessionEvent]:
        """Run the whole workflow to its end without asking (approvals by policy)."""

    def cancel(self) -> None:
        """Ask the running turn to stop at the next progress tick (thread-safe)."""

    def write_report(self, formats: tuple[str, ...] = ("md", "html", "json")) -> list[Path]:
        """Write report.md, report.html, findings.json into the case folder."""

    def actions(self) -> dict[str, str]:
        """Slash commands that every display offers: ``/help``, ``/evidence E3``, ``/report`` … name → help."""

    def act(self, command: str) -> Iterator[SessionEvent]:
        """Run a slash command (``/report html``)."""

    def close(self) -> None: ...


OpenSession = Callable[[Progress], SessionLike]
"""Builds a session; called once, with the progress to show long work on. Slow work belongs in here."""


class Display(Protocol):
    """A look. ``progress`` is handed to the case so that long work shows here."""

    def job(self, label: str, total: int) -> AbstractContextManager[Ticker]: ...

    def run(self, open_session: OpenSession) -> int:
        """Converse until the person leaves; returns the exit code. ``open_session`` builds the SessionLike lazily, so that
        the first paint does not wait for heavy imports."""
