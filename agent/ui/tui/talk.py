"""The conversation behind the app: what comes from the session's thread, and what goes to it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from failsight.agent.events import ApprovalAsked
from failsight.agent.ui import commands
from failsight.agent.ui.errors import BUG, OK
from failsight.agent.ui.runner import (
    Failed,
    Fetched,
    Happened,
    JobChanged,
    Opened,
    SessionThread,
    Turn,
    TurnEnded,
    Update,
)
from failsight.agent.ui.tui.drawing import draw_event, draw_past, draw_snapshot
from failsight.agent.ui.tui.entries import Words
from failsight.agent.ui.tui.messages import SessionUpdate
from failsight.agent.ui.tui.screens.approval import Answer, ApprovalScreen
from failsight.agent.ui.tui.screens.problem import ProblemScreen
from failsight.agent.ui.tui.widgets.status_line import StatusLine
from failsight.agent.ui.tui.widgets.top_line import TopLine

if TYPE_CHECKING:
    from failsight.agent.ui.display import OpenSession
    from failsight.agent.ui.tui.app import FailsightApp

HEAVY = ("langchain", "langgraph", "numpy", "chromadb", "torch", "transformers", "diffusers", "onnxruntime")


class Talk:
    """Owns the session's thread. Its methods run on the app's thread; only ``_post`` is called from others."""

    def __init__(self, app: FailsightApp, open_session: OpenSession) -> None:
        self.app, self.main = app, app.main
        self.thread = SessionThread(open_session, self._post)
        self.folder: Path | None = None
        self.problem, self.code, self.workflow = "", OK, ""
        self._turns = 1  # running or queued; the greeting is the first
        self._loading = app.set_interval(0.2, self._say_loading)

    def begin(self) -> None:
        """Open the session and let it greet."""
        self._say_loading()
        self.thread.begin()

    def _say_loading(self) -> None:
        """Say which of the slow libraries is being read in right now."""
        part = next((name for name in reversed(HEAVY) if name in sys.modules), "the case")
        self._status.work = f"loading {part} …"

    @property
    def _status(self) -> StatusLine:
        return self.main.query_one(StatusLine)

    def _post(self, update: Update) -> None:
        try:
            self.app.post_message(SessionUpdate(update))
        except RuntimeError:  # the loop is gone: the app is closing
            pass

    # from the session

    async def update(self, update: Update) -> None:
        """The one place where the session changes the screen."""
        match update:
            case JobChanged(job):
                self._status.update_job(job)
            case Happened(event, snapshot):
                await draw_event(self.main, event)
                if snapshot is not None:
                    draw_snapshot(self.main, snapshot)
                if isinstance(event, ApprovalAsked):
                    self._ask(event)
            case TurnEnded(snapshot, stopped):
                draw_snapshot(self.main, snapshot)
                if stopped:
                    await self.main.add(Words("muted", "Stopped; nothing is lost."))
                self._rest()
            case Fetched(done, value):
                done(value)
            case Opened() as opened:
                await self._show_opened(opened)
            case Failed() as failed:
                self._show_failed(failed)

    async def _show_opened(self, opened: Opened) -> None:
        self._loading.stop()
        self._status.work = "working"
        self.folder, self.workflow = opened.folder, opened.workflow
        self.main.album = opened.album
        self.app.offer_commands(opened.actions)
        self.main.query_one(TopLine).name_of_case = opened.name
        await draw_past(self.main, opened.past)
        draw_snapshot(self.main, opened.snapshot)
        self.app.when_open()

    def _show_failed(self, failed: Failed) -> None:
        title = "Something broke" if failed.code == BUG else "This needs you"
        if not failed.fatal:
            self.app.push_screen(ProblemScreen(failed.text, title=title))
            return
        self._loading.stop()
        self.app.busy = False
        self._status.work = ""
        self.problem, self.code = failed.text, failed.code
        screen = ProblemScreen(failed.text, title=title, button="Quit")
        self.app.push_screen(screen, lambda _: self.app.exit(failed.code))

    def _ask(self, asked: ApprovalAsked) -> None:
        def answer(given: Answer | None) -> None:
            yes, always = given in ("yes", "always"), given == "always"
            self.submit(lambda s: s.decide(yes, always=always), "going on" if yes else "noted")

        self.app.push_screen(ApprovalScreen(asked), answer)

    def _rest(self) -> None:
        self._turns -= 1
        if self._turns <= 0:
            self.app.busy = False
            self._status.work, self._status.job = "", None

    # to the session

    def submit(self, turn: Turn, work: str) -> None:
        """Let the session take a turn; ``work`` says meanwhile what it does."""
        self._turns += 1
        self.app.busy = True
        self.main.follow()
        self._status.work = work
        self.thread.submit(turn)

    def errand(self, work: Callable[[], Any], done: Callable[[Any], None], words: str) -> None:
        """Let the session's thread do something between two turns."""
        self._turns += 1
        self.app.busy = True
        self._status.work = words
        self.thread.errand(work, done)

    def say(self, text: str) -> None:
        """The person's words, or a command that the display does not do by itself."""
        command = commands.parse(text)
        if command is not None:
            self.submit(lambda s: commands.act(s, command), f"{command.name} …")
        else:
            self.submit(lambda s: s.say(text), "thinking")

    def stop(self) -> None:
        """Ask the running work to stop at its next step."""
        self._loading.stop()
        self._status.job = None
        self._status.work = "stopping after the current step …"
        self.thread.cancel()
