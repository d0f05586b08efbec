"""The conversation behind the app: what comes from the session's thread, and what goes to it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from failsight.agent.events import (
    ApprovalAsked,
    EvidenceMade,
    PlannerSaid,
    SessionEvent,
    ToolFailed,
    ToolStarted,
)
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
from failsight.agent.ui.tui.intro import INTRO
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

    PATIENCE: ClassVar[float] = 1.5  # seconds of an empty screen, before there is something to read

    def __init__(self, app: FailsightApp, open_session: OpenSession) -> None:
        self.app, self.main = app, app.main
        self.thread = SessionThread(open_session, self._post)
        self.folder: Path | None = None
        self.problem, self.code, self.workflow = "", OK, ""
        self._turns = 1  # running or queued; the greeting is the first
        self.waiting: list[str] = []  # what was said meanwhile, oldest first
        self._tool = ""  # the one that runs
        self._asking = False  # whether a question waits for a yes
        self._failed = False
        self._offered: tuple[str, ...] = ()  # replies that were on offer before this turn
        self._spoke = False  # whether the planner said something in it
        self._loading = app.set_interval(0.2, self._say_loading)
        self._begun, self._introduced = time.monotonic(), False

    def begin(self) -> None:
        """Open the session and let it greet."""
        self.thread.begin()

    async def _say_loading(self) -> None:
        """Say which of the slow libraries is being read in right now, and since when; if that takes long, what this is all about."""
        part = next((name for name in reversed(HEAVY) if name in sys.modules), "the case")
        seconds = time.monotonic() - self._begun
        self._status.work = f"loading {part} …" + (f" {seconds:.0f} s so far" if seconds >= 1 else "")
        if seconds >= self.PATIENCE and not self._introduced:
            self._introduced = True
            await self.main.add(Words("planner", INTRO))

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
                self._note(event)
                await draw_event(self.main, event)
                if snapshot is not None:
                    draw_snapshot(self.main, snapshot)
                if isinstance(event, ApprovalAsked):
                    self._ask(event)
            case TurnEnded(snapshot, stopped):
                draw_snapshot(self.main, snapshot)
                if stopped:
                    await self.main.add(Words("muted", "Stopped; nothing is lost."))
                await self._rest(stopped)
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
        if self._introduced and opened.past.told:
            await self.main.clear()  # who comes back to a case knows this
        await draw_past(self.main, opened.past)
        draw_snapshot(self.main, opened.snapshot)
        self.app.when_open()

    def _show_failed(self, failed: Failed) -> None:
        title = "Something broke" if failed.code == BUG else "This needs you"
        self._failed = True
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
        self._asking = True

        def answer(given: Answer | None) -> None:
            self._asking = False
            yes, always = given in ("yes", "always"), given == "always"
            self.submit(lambda s: s.decide(yes, always=always), "going on" if yes else "noted")

        self.app.push_screen(ApprovalScreen(asked), answer)

    def _note(self, event: SessionEvent) -> None:
        """Remember what runs, and whether the turn brought replies of its own."""
        match event:
            case ToolStarted(tool):
                self._tool = tool
            case EvidenceMade() | ToolFailed():
                self._tool = ""
            case PlannerSaid(text, choices):
                self._spoke = self._spoke or bool(text.strip())
                self._offered = () if choices else self._offered

    async def _rest(self, stopped: bool) -> None:
        """The turn is over: what was said meanwhile comes next, unless the turn was stopped or broke, or a yes is awaited."""
        self._turns -= 1
        if self._turns > 0:
            return
        self.app.busy = False
        self._status.work, self._status.job, self._tool = "", None, ""
        if self._offered and (stopped or not self._spoke):
            self.main.offer(self._offered)  # who stopped, or only looked at something, may still take one
        if not self._asking:
            self._offered = ()
        if self.waiting and (stopped or self._failed):
            self.main.give_back(self.waiting)
            self.waiting.clear()
        elif self.waiting and not self._asking:
            await self.say(self.waiting.pop(0))
        self.main.tell_next(self.waiting)
        self._failed = False

    @property
    def running(self) -> str:
        """What would be broken off by leaving now: a tool or a long job, by name; empty where there is none."""
        if self.folder is None or not self.app.busy:
            return ""
        return self._tool or (self._status.job.label if self._status.job is not None else "")

    def left_behind(self) -> tuple[str, ...]:
        """What someone who leaves now should know, a line each."""
        running = self.running
        told = [f"{running} was running: it goes on there where it stopped."] if running else []
        return (*told, *(f"Not said yet: {text}" for text in self.waiting))

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

    def wait(self, text: str) -> None:
        """Keep the person's words until the work is done."""
        self.waiting.append(text)
        self.main.tell_next(self.waiting)

    async def say(self, text: str) -> None:
        """The person's words, or a command that the display does not do by itself."""
        self._offered, self._spoke = self.main.choices, False
        self.main.offer(())
        await self.main.add(Words("person", text))
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
