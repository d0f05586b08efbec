"""The Textual app: owns the session's thread, turns what comes from it into calls of the main screen.

Nothing heavier than textual is imported before the first paint; the session is opened after it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.screen import Screen

from failsight.agent.events import ApprovalAsked
from failsight.agent.ui import commands
from failsight.agent.ui.errors import BUG, OK, bug_line
from failsight.agent.ui.runner import (
    Failed,
    Happened,
    JobChanged,
    Opened,
    SessionThread,
    Turn,
    TurnEnded,
    Update,
)
from failsight.agent.ui.tui.messages import Answered, SessionUpdate, ShowEvidence, ShowFinding
from failsight.agent.ui.tui.screens.main import MainScreen
from failsight.agent.ui.tui.widgets.prompt import Prompt
from failsight.agent.ui.tui.widgets.said import Line, PersonSays
from failsight.agent.ui.tui.widgets.status_line import StatusLine
from failsight.agent.ui.tui.widgets.top_line import TopLine

if TYPE_CHECKING:
    from failsight.agent.ui.display import OpenSession

OWN = {"/theme": "dark or light", "/panel": "show or hide the map and the board"}
HEAVY = ("langchain", "langgraph", "numpy", "chromadb", "torch", "transformers", "diffusers", "onnxruntime")


class FailsightApp(App[int]):
    """One conversation. ``open_session`` is called on the session's own thread, after the first paint."""

    TITLE = "Failsight"
    CSS_PATH = Path(__file__).with_name("app.tcss")
    ENABLE_COMMAND_PALETTE = True
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-middle"), (140, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help", "Help", key_display="F1"),
        Binding("question_mark", "help", "Help", key_display="?", show=False),
        Binding("f2", "panel('left')", "Map", key_display="F2"),
        Binding("ctrl+b", "panel('left')", "Map", show=False),
        Binding("f3", "panel('evidence')", "Evidence", key_display="F3"),
        Binding("f4", "theme", "Theme", key_display="F4", show=False),
        Binding("escape", "stop", "Stop"),
        Binding("ctrl+c", "stop_or_copy", "Stop the work, or copy", show=False),
        Binding("ctrl+q", "quit", "Quit", priority=True),
    ]

    busy: reactive[bool] = reactive(True, bindings=True)

    def __init__(self, open_session: OpenSession) -> None:
        super().__init__()
        self.main = MainScreen()
        self.actions: dict[str, str] = {}
        self.folder: Path | None = None
        self.problem = ""
        self._code = OK
        self._opened = False
        self.session = SessionThread(open_session, self._post)

    def get_default_screen(self) -> Screen[None]:
        return self.main

    def on_mount(self) -> None:
        self.main.commands = commands.offered({}, OWN)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self._loading = self.set_interval(0.2, self._say_loading)
        self._say_loading()
        self.session.begin()

    def _say_loading(self) -> None:
        """Say which of the slow libraries is being read in right now."""
        part = next((name for name in reversed(HEAVY) if name in sys.modules), "the case")
        self._status.work = f"loading {part} …"

    def _post(self, update: Update) -> None:
        """Called from other threads."""
        try:
            self.post_message(SessionUpdate(update))
        except RuntimeError:  # the loop is gone: the app is closing
            pass

    @property
    def _status(self) -> StatusLine:
        return self.main.query_one(StatusLine)

    # from the session

    async def on_session_update(self, message: SessionUpdate) -> None:
        """The one place where the session changes the screen."""
        if not self.main.is_running:  # the app is closing: what still comes is in the journal
            return
        match message.update:
            case JobChanged(job):
                self._status.update_job(job)
            case Happened(event, snapshot):
                await self.main.show_event(event)
                if snapshot is not None:
                    self.main.show_snapshot(snapshot)
                if isinstance(event, ApprovalAsked):
                    self._ask(event)
            case TurnEnded(snapshot, stopped):
                self.main.show_snapshot(snapshot)
                if stopped:
                    await self.main.add(Line("Stopped; nothing is lost.", "muted"))
                self._rest()
            case Opened() as opened:
                await self._show_opened(opened)
            case Failed() as failed:
                self._show_failed(failed)

    async def _show_opened(self, opened: Opened) -> None:
        self._loading.stop()
        self._status.work = "working"
        self._opened = True
        self.folder = self.main.folder = opened.folder
        self.actions = self.main.commands = commands.offered(opened.actions, OWN)
        self.main.query_one(TopLine).name_of_case = opened.name
        await self.main.show_past(opened.past)
        self.main.show_snapshot(opened.snapshot)

    def _show_failed(self, failed: Failed) -> None:
        from failsight.agent.ui.tui.screens.problem import ProblemScreen

        title = "Something broke" if failed.code == BUG else "This needs you"
        if not failed.fatal:
            self.push_screen(ProblemScreen(failed.text, title=title))
            return
        self._loading.stop()
        self.busy = False
        self.problem, self._code = failed.text, failed.code
        self.push_screen(
            ProblemScreen(failed.text, title=title, button="Quit"), lambda _: self.exit(failed.code)
        )

    def _ask(self, asked: ApprovalAsked) -> None:
        from failsight.agent.ui.tui.screens.approval import Answer, ApprovalScreen

        def answer(given: Answer | None) -> None:
            yes, always = given in ("yes", "always"), given == "always"
            self._submit(lambda s: s.decide(yes, always=always), "going on" if yes else "noted")

        self.push_screen(ApprovalScreen(asked), answer)

    def _submit(self, turn: Turn, work: str) -> None:
        self.busy = True
        self.main.follow()
        self._turns += 1
        self._status.work = work
        self.session.submit(turn)

    _turns = 1  # running or queued; the greeting is the first

    def _rest(self) -> None:
        self._turns -= 1
        if self._turns <= 0:
            self.busy = False
            self._status.work, self._status.job = "", None

    # from the person

    async def on_answered(self, message: Answered) -> None:
        """Words or a command: commands of the display work at any time, the others when nothing runs."""
        text, command = message.text, commands.parse(message.text)
        prompt = self.main.query_one(Prompt)
        if command is not None and self._local(command):
            prompt.take(text)
            return
        if self.busy:
            self.notify("Still working. Esc stops it; your words stay here.", markup=False)
            return
        prompt.take(text)
        self.main.offer(())
        await self.main.add(PersonSays(text))
        if command is not None:
            self._submit(lambda s: commands.act(s, command), f"{command.name} …")
        else:
            self._submit(lambda s: s.say(text), "thinking")

    def _local(self, command: commands.Command) -> bool:
        """Do what the display itself can do."""
        match command.name:
            case "/help":
                self.action_help()
            case "/quit" | "/exit":
                self.exit(self._code)
            case "/theme":
                self.action_theme()
            case "/panel" | "/map":
                self.action_panel("left")
            case "/evidence" if not command.rest:
                self.action_panel("evidence")
            case "/evidence":
                self.post_message(ShowEvidence(command.rest.upper()))
            case "/finding" | "/findings" if not command.rest:
                self.action_panel("left")
            case "/finding":
                self.post_message(ShowFinding(command.rest.upper()))
            case _:
                return False
        return True

    def on_show_evidence(self, message: ShowEvidence) -> None:
        """Open the evidence screen."""
        from failsight.agent.ui.tui.screens.evidence import EvidenceScreen

        ids = list(self.main.evidence)
        if message.evidence_id not in ids:
            have = f"There are {ids[0]} to {ids[-1]}." if ids else "There is none yet."
            self.notify(
                f"There is no evidence {message.evidence_id}. {have}", severity="warning", markup=False
            )
            return
        self.push_screen(
            EvidenceScreen(
                list(self.main.evidence.values()), ids.index(message.evidence_id), self.main.folder
            )
        )

    def on_show_finding(self, message: ShowFinding) -> None:
        """Open the hypothesis screen."""
        from failsight.agent.ui.tui.screens.finding import FindingScreen

        record = self.main.snapshot.find(message.finding_id)
        if record is None:
            self.notify(f"There is no hypothesis {message.finding_id}.", severity="warning", markup=False)
        else:
            self.push_screen(FindingScreen(record))

    # keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Stop is offered while something runs."""
        if action == "stop":
            return True if self.busy and self._opened else None
        if action in ("help", "panel"):
            return not self.screen.is_modal
        return True

    def action_help(self) -> None:
        """Keys and commands."""
        from failsight.agent.ui.tui.screens.help import HelpScreen
        from failsight.agent.ui.tui.screens.keys import key_groups

        self.push_screen(HelpScreen(key_groups(self.BINDINGS), commands.offered(self.actions, OWN)))

    def action_panel(self, panel: str) -> None:
        """Fold or unfold a panel."""
        self.main.toggle(panel)

    def action_theme(self) -> None:
        """Dark to light and back."""
        self.theme = "textual-light" if self.current_theme.dark else "textual-dark"

    def action_stop(self) -> None:
        """Ask the running work to stop at its next step."""
        if self.busy and self._opened:
            self._status.job = None
            self._status.work = "stopping after the current step …"
            self.session.cancel()

    def action_stop_or_copy(self) -> None:
        """Ctrl+C: stops what runs; else copies what is selected; else says how to leave."""
        selected = self.screen.get_selected_text() or self.main.query_one(Prompt).selected_text
        if selected:
            self.copy_to_clipboard(selected)
        elif self.busy and self._opened:
            self.action_stop()
        else:
            self.notify("Nothing is running. Ctrl+Q leaves.", markup=False)

    async def action_quit(self) -> None:
        """Leave; the session's thread is ended once the terminal is back to normal."""
        self.exit(self._code)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The command palette: every slash command, then what Textual brings."""
        for name, words in commands.offered(self.actions, OWN).items():
            yield SystemCommand(name, words, lambda name=name: self.post_message(Answered(name)))
        yield from super().get_system_commands(screen)

    def _fatal_error(self) -> None:
        """A bug in the app itself: leave quietly; :func:`run_app` writes the crash report (no values, no keys)."""
        self._close_messages_no_wait()


def run_app(open_session: OpenSession) -> int:
    """Run the app until the person leaves; returns the exit code.

    Args:
        open_session: builds the session; called with the progress to show long work on, on a thread of its own.
    """
    app = FailsightApp(open_session)
    code = app.run()
    if not app.session.close(patience=0.5):
        print("Finishing the current step …", file=sys.stderr, flush=True)
        app.session.close()
    if app._exception is not None:
        print(bug_line(app._exception, app.folder), file=sys.stderr)
        return BUG
    if app.problem:
        print(app.problem, file=sys.stderr)
    elif app.folder is not None:
        print(f"The case is kept in {app.folder}: `failsight chat {app.folder}` goes on.", file=sys.stderr)
    return code if code is not None else app.return_code or OK
