"""The Textual app: keys, commands and screens. What is said goes through ``talk.py``.

Nothing heavier than textual is imported before the first paint; the panels, and then the session, come after it.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.screen import Screen

from failsight.agent.ui import commands
from failsight.agent.ui.tui import themes
from failsight.agent.ui.tui.messages import Answered, Errand, SessionUpdate, ShowEvidence, ShowFinding
from failsight.agent.ui.tui.screens.main import MainScreen
from failsight.agent.ui.tui.widgets.prompt import Prompt
from failsight.tools.errors import FailsightError

if TYPE_CHECKING:
    from failsight.agent.ui.display import OpenSession
    from failsight.agent.ui.tui.talk import Talk

NUMBERS = range(2, 13)  # function keys that open the hypothesis of their number; F1 is the help
OWN = {
    "/theme": themes.WORDS,
    "/panel": "show or hide the map and the board; /panel right: the evidence",
}


class FailsightApp(App[int]):
    """One conversation. ``open_session`` is called on the session's own thread, after the first paint."""

    TITLE = "Failsight"
    CSS_PATH = Path(__file__).with_name("app.tcss")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-middle"), (140, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "help", "Help", key_display="F1"),
        Binding("question_mark", "help", "Help", key_display="?", show=False),
        Binding("ctrl+l", "panel('left')", "Map"),
        Binding("ctrl+b", "panel('left')", "Map", show=False),
        Binding("ctrl+r", "panel('right')", "Evidence"),
        Binding("ctrl+t", "theme", "Theme", show=False),
        Binding("ctrl+f", "find", "Search", priority=True),
        Binding("ctrl+g", "glossary", "Glossary", show=False),
        # F2 is also what a hypothesis is called, and who reads that name presses that key
        *(Binding(f"f{n}", f"numbered({n})", show=False) for n in NUMBERS),
        Binding("ctrl+p", "command_palette", "Commands", priority=True),
        Binding("escape", "stop", "Stop"),
        Binding("ctrl+c", "stop_or_copy", "Stop the work, or copy", show=False),
        Binding("ctrl+q", "quit", "Quit", priority=True),
    ]

    busy: reactive[bool] = reactive(True, bindings=True)

    def __init__(self, open_session: OpenSession) -> None:
        super().__init__()
        self.main = MainScreen()
        self.actions: dict[str, str] = {}
        self.talk: Talk | None = None
        self.left_behind: tuple[str, ...] = ()  # what someone who left should know, a line each
        self.when_open: Callable[[], object] = lambda: None  # called once, when the case is open
        self._open_session = open_session
        themes.dress(self)
        self.main.themes = tuple(themes.NAMES)

    def get_default_screen(self) -> Screen[None]:
        return self.main

    def on_mount(self) -> None:
        self.offer_commands({})

    async def on_main_screen_painted(self) -> None:
        """After the first paint: bring the panels, then open the session on its own thread."""
        from failsight.agent.ui.tui.talk import Talk

        await self.main.furnish()
        self.talk = Talk(self, self._open_session)
        self.talk.begin()

    def offer_commands(self, actions: Mapping[str, str]) -> None:
        """Complete and list the session's ``actions`` beside the commands of the app."""
        self.actions = dict(actions)
        self.main.commands = commands.offered(actions, OWN)

    async def on_session_update(self, message: SessionUpdate) -> None:
        """Something came from the session's thread."""
        if self.talk is not None and self.main.is_running:  # else the app is closing: it is in the journal
            await self.talk.update(message.update)

    # from the person

    async def on_answered(self, message: Answered) -> None:
        """Words or a command: commands of the display work at any time, the others when nothing runs."""
        text, prompt = message.text, self.main.query_one(Prompt)
        command = commands.parse(text)
        if command is not None and self._local(command):
            prompt.take(text)
            return
        if self.talk is None or (self.busy and text.isdecimal()):
            self.notify("Replies have numbers again once the work is done; Esc stops it.", markup=False)
            return
        prompt.take(text)
        text = self.main.offered(text)
        if self.busy:
            self.talk.wait(text)
        else:
            await self.talk.say(text)

    def _local(self, command: commands.Command) -> bool:
        """Do what the display itself can do."""
        if self._look_up(command):
            return True
        match command.name:
            case "/help":
                self.action_help()
            case "/quit" | "/exit":
                self.leave()
            case "/theme" if command.rest:
                self.set_look(command.rest)
            case "/theme":
                self.action_theme()
            case "/panel":
                self.action_panel("right" if command.rest in ("right", "evidence") else "left")
            case "/evidence" if not command.rest:
                self.main.reveal("right")
            case "/evidence":
                self.post_message(ShowEvidence(command.rest.upper()))
            case "/finding" | "/findings" if not command.rest:
                self.main.reveal("left")
            case "/finding":
                self.post_message(ShowFinding(command.rest.upper()))
            case "/why" if command.rest:
                self.post_message(ShowFinding(command.rest.upper()))
            case _:
                return False
        return True

    def _look_up(self, command: commands.Command) -> bool:
        """Do what shows or copies what is known already."""
        match command.name:
            case "/find":
                self.action_find(command.rest)
            case "/glossary":
                self.action_glossary(command.rest)
            case "/copy":
                self.copy(command.rest)
            case "/map":
                self._show_map()
            case "/learn":
                self._learn(command.rest)
            case _:
                return False
        return True

    def _learn(self, wanted: str) -> None:
        """The lessons, above the conversation; with a name that one at once."""
        from failsight.agent.ui.tui.lookups import learn_screen

        try:
            screen, lesson = learn_screen(wanted)
        except FailsightError as problem:
            self.notify(str(problem), severity="warning", markup=False)
            return
        self.push_screen(screen)
        if lesson is not None:
            self.call_after_refresh(screen.begin, lesson)

    def _show_map(self) -> None:
        from failsight.agent.ui.snapshot import Snapshot
        from failsight.agent.ui.tui.screens.map import MapScreen

        workflow = self.talk.workflow if self.talk else ""
        self.push_screen(MapScreen(self.main.snapshot or Snapshot(), workflow))

    def on_errand(self, message: Errand) -> None:
        """Something that needs the session's thread."""
        if self.talk is not None:
            self.talk.errand(message.work, message.done, message.words)

    def on_show_evidence(self, message: ShowEvidence) -> None:
        """Open the evidence screen."""
        from failsight.agent.ui.tui.screens.evidence import EvidenceScreen

        ids = list(self.main.evidence)
        if message.evidence_id not in ids or self.main.album is None:
            have = f"There are {ids[0]} to {ids[-1]}." if ids else "There is none yet."
            self.notify(
                f"There is no evidence {message.evidence_id}. {have}", severity="warning", markup=False
            )
            return
        shown = EvidenceScreen(
            list(self.main.evidence.values()),
            ids.index(message.evidence_id),
            self.main.album,
            self.main.looks,
        )
        self.push_screen(shown)

    def on_show_finding(self, message: ShowFinding) -> None:
        """Open the hypothesis screen."""
        from failsight.agent.ui.tui.screens.finding import FindingScreen

        record = self.main.snapshot.find(message.finding_id) if self.main.snapshot else None
        if record is None:
            self.notify(f"There is no hypothesis {message.finding_id}.", severity="warning", markup=False)
        else:
            chains = self.main.snapshot.chains if self.main.snapshot else {}
            self.push_screen(FindingScreen(record, chains.get(record.id, ())))

    # keys

    @property
    def _working(self) -> bool:
        return self.busy and self.talk is not None

    @property
    def _code(self) -> int:
        return self.talk.code if self.talk else 0

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Stop is offered while something runs; help and panels on the main screen and the evidence."""
        if action == "stop":
            return True if self._working else None
        if action == "panel":
            return self.screen is self.main
        if action in ("help", "find", "glossary", "numbered"):
            return not self.screen.is_modal
        return True

    def action_help(self) -> None:
        """Keys and commands."""
        from failsight.agent.ui.tui.screens.help import HelpScreen
        from failsight.agent.ui.tui.screens.keys import key_groups

        self.push_screen(HelpScreen(key_groups(self.BINDINGS), self.main.commands))

    def action_panel(self, panel: str) -> None:
        """Fold or unfold a panel."""
        self.main.toggle(panel)

    def action_numbered(self, number: int) -> None:
        """Open the hypothesis that is called as this function key."""
        if self.main.snapshot is not None and self.main.snapshot.find(f"F{number}") is not None:
            self.post_message(ShowFinding(f"F{number}"))
        else:
            self.notify(f"There is no hypothesis F{number} yet. F1 lists what the keys do.", markup=False)

    def action_theme(self) -> None:
        """The next look: dark, light, high contrast, greys."""
        self.theme = themes.after(self.theme)

    def set_look(self, name: str) -> None:
        """The look called ``name``."""
        if name.lower() in themes.NAMES:
            self.theme = themes.NAMES[name.lower()]
        else:
            self.notify(f"The looks are {', '.join(themes.NAMES)}.", severity="warning", markup=False)

    def action_find(self, asked: str = "") -> None:
        """Search what was said and measured."""
        from failsight.agent.ui.tui.lookups import find_screen

        self.push_screen(find_screen(self.main, asked), self._found)

    def _found(self, value: str | None) -> None:
        if value and value[0] == "F":
            self.post_message(ShowFinding(value))
        elif value:
            self.post_message(ShowEvidence(value))

    def action_glossary(self, asked: str = "") -> None:
        """What a word means."""
        from failsight.agent.ui.tui.lookups import glossary_screen

        self.push_screen(glossary_screen(asked))

    def copy(self, wanted: str) -> None:
        """Copy evidence, a hypothesis or the last answer, as text, to the clipboard."""
        from failsight.agent.ui.copying import text_of

        now = self.main.snapshot
        what, text = text_of(wanted, self.main.evidence, now.records if now else (), self.main.said)
        if text:
            self.copy_to_clipboard(text)
        self.notify(
            f"Copied {what} as text" if text else what,
            severity="information" if text else "warning",
            markup=False,
        )

    def action_stop(self) -> None:
        """Ask the running work to stop at its next step."""
        if self.talk is not None and self._working:
            self.talk.stop()

    def action_stop_or_copy(self) -> None:
        """Ctrl+C: copies what is selected; else stops what runs; else says how to leave."""
        selected = self.screen.get_selected_text() or self.main.query_one(Prompt).selected_text
        if selected:
            self.copy_to_clipboard(selected)
        elif self._working:
            self.action_stop()
        else:
            self.notify("Nothing is running. Ctrl+Q leaves.", markup=False)

    async def action_quit(self) -> None:
        """Leave; asked while something long runs, again leaves."""
        self.leave()

    def leave(self) -> None:
        """Leave, after a question while something runs; the session's thread is ended once the terminal is back to normal."""
        from failsight.agent.ui.tui.screens.leaving import LeavingScreen

        running = self.talk.running if self.talk else ""

        def answered(leaves: bool | None) -> None:
            if leaves:
                self.left_behind = self.talk.left_behind() if self.talk else ()
                self.exit(self._code)

        if not running or isinstance(self.screen, LeavingScreen):
            answered(True)
            return
        self.push_screen(LeavingScreen(running, self.talk.waiting if self.talk else ()), answered)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The command palette: every slash command, then what Textual brings."""
        for name, words in self.main.commands.items():
            yield SystemCommand(name, words, lambda name=name: self.post_message(Answered(name)))
        for name, theme in themes.NAMES.items():
            yield SystemCommand(
                f"Look: {name}", "", lambda theme=theme: setattr(self, "theme", theme), discover=False
            )
        yield from self._things()
        yield from super().get_system_commands(screen)

    def _things(self) -> Iterable[SystemCommand]:
        """Evidence and hypotheses by their titles, classes and attributes by their names: found once one types."""
        from failsight.agent.ui.words import finding_label

        for made in reversed(self.main.evidence.values()):
            shown = ShowEvidence(made.id)
            yield SystemCommand(
                f"{made.id} {made.title}", "", lambda shown=shown: self.post_message(shown), discover=False
            )
        now = self.main.snapshot
        for record in now.records if now else ():
            opened = ShowFinding(record.id)
            name = f"{record.id} {finding_label(record.finding)}"
            yield SystemCommand(name, "", lambda opened=opened: self.post_message(opened), discover=False)
        for word in now.words if now else ():
            asked = Answered(f"/images {word}")
            yield SystemCommand(
                f"Images: {word}", "", lambda asked=asked: self.post_message(asked), discover=False
            )

    def _fatal_error(self) -> None:
        """A bug in the app itself: leave quietly; :func:`run_app` writes the crash report (no values, no keys)."""
        self._close_messages_no_wait()

    def close_session(self, patience: float = 10.0) -> bool:
        """End the session's thread, waiting ``patience`` seconds at most; True when it has ended."""
        return self.talk is None or self.talk.thread.close(patience)


def run_app(open_session: OpenSession) -> int:
    """Run the app until the person leaves; returns the exit code.

    Args:
        open_session: builds the session; called with the progress to show long work on, on a thread of its own.
    """
    from failsight.agent.ui.terminal import looks

    app = FailsightApp(open_session)
    app.main.looks = looks()
    # the libraries of a session are half a million objects: looking through them for garbage would stop the app for a
    # third of a second now and then
    app.when_open = gc.freeze
    try:
        code = app.run()
    finally:
        gc.unfreeze()
    from failsight.agent.places import shown_place
    from failsight.agent.ui.errors import BUG, bug_line

    if not app.close_session(patience=0.5):
        print("Finishing the current step …", file=sys.stderr, flush=True)
        app.close_session()
    folder = app.talk.folder if app.talk else None
    if app._exception is not None:
        print(bug_line(app._exception, folder), file=sys.stderr)
        return BUG
    if app.talk and app.talk.problem:
        print(app.talk.problem, file=sys.stderr)
    elif folder is not None:
        print(
            f"The case is kept in {shown_place(folder)}: `failsight chat {shown_place(folder)}` goes on.",
            *app.left_behind,
            sep="\n",
            file=sys.stderr,
        )
    return code if code is not None else app.return_code or 0
