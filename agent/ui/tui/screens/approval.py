"""The question before anything that writes or costs: may this tool run?"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar, Literal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from failsight.agent.events import BUDGET, ApprovalAsked
from failsight.agent.ui.progress import expected
from failsight.tools.text import clean

Answer = Literal["yes", "always", "no"]


def _beside(rows: Sequence[tuple[str, str]]) -> Table:
    """Names on the left, what belongs to them on the right."""
    made = Table.grid(padding=(0, 2, 0, 0))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in rows:
        made.add_row(Text(clean(name, 40)), Text(clean(value, 400)))
    return made


class AnswerButton(Button):
    """A button that a key presses only where it belongs to no words; the mouse always does."""

    def action_press(self) -> None:
        screen = self.screen
        if not (isinstance(screen, ApprovalScreen) and screen.typing):
            super().action_press()


class ApprovalScreen(ModalScreen[Answer]):
    """Yes, always (for this tool, until the session ends) or no: by key, button or mouse. Escape is a no.

    It may come up while one types: a key is an answer only after a moment without keys."""

    QUIET: ClassVar[float] = 0.5  # seconds

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer('yes')", "Yes, run it"),
        Binding("a", "answer('always')", "Yes, always for this tool"),
        Binding("n", "answer('no')", "No"),
        Binding("escape", "refuse", "No", show=False),
        Binding("left", "app.focus_previous", "Button before", show=False),
        Binding("right", "app.focus_next", "Next button", show=False),
    ]

    def __init__(self, asked: ApprovalAsked) -> None:
        super().__init__()
        self.asked = asked
        self._last_key = time.monotonic()  # that writes something
        self.typing = False  # whether the last key belongs to words that were begun before

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog", can_focus=False) as box:
            more = self.asked.tool == BUDGET
            box.border_title = "May the language model use more?" if more else "May this run?"
            yield Static(self._words(), markup=False)
            with Horizontal(classes="buttons"):
                yield AnswerButton(Content("Yes (y)"), id="yes", compact=True)
                yield AnswerButton(Content("Always (a)"), id="always", compact=True)
                yield AnswerButton(Content("No (n)"), id="no", compact=True)

    def _words(self) -> Group:
        """The tool, what the call would do, why, and how long it takes; what is long stays beside its name."""
        asked = self.asked
        if asked.tool == BUDGET:
            return Group(Text(asked.why))
        told = [(name, value) for name, _, value in (line.partition(": ") for line in asked.plan)] or [
            (clean(name, 40), clean(value, 400)) for name, value in asked.arguments.items()
        ]
        parts: list[RenderableType] = [Text(asked.tool, "bold cyan"), _beside(told)] if told else []
        parts = parts or [Text(asked.tool, "bold cyan")]
        if asked.why:
            parts.append(Text(f"\n{asked.why}"))
        takes = expected(asked)
        if takes:
            parts += [Text(), _beside([("takes", takes)])]
        return Group(*parts)

    def on_mount(self) -> None:
        self.query_one("#no", Button).focus()  # a thoughtless Enter runs nothing

    def on_key(self, event: events.Key) -> None:
        """Every key passes here before what it is bound to."""
        now = time.monotonic()
        self.typing = now - self._last_key < self.QUIET
        if event.is_printable:
            self._last_key = now

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        answers: dict[str | None, Answer] = {"yes": "yes", "always": "always"}
        self.dismiss(answers.get(event.button.id, "no"))

    def action_answer(self, answer: Answer) -> None:
        """Answer and close."""
        if not self.typing:
            self.dismiss(answer)

    def action_refuse(self) -> None:
        """No, at once."""
        self.dismiss("no")
