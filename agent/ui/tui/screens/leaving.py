"""Leaving while something runs: what becomes of it, and whether that is meant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from failsight.tools.text import clean


class LeavingScreen(ModalScreen[bool]):
    """Stay or leave; ``running`` is what runs, ``waiting`` what was said and not taken up yet. Ctrl+Q again leaves."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,s", "answer(False)", "Stay"),
        Binding("l", "answer(True)", "Leave"),
        Binding("left", "app.focus_previous", "Button before", show=False),
        Binding("right", "app.focus_next", "Next button", show=False),
    ]

    def __init__(self, running: str, waiting: Sequence[str] = ()) -> None:
        super().__init__()
        self.running, self.waiting = running, tuple(waiting)

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog", can_focus=False) as box:
            box.border_title = "Leave now?"
            yield Static(self._words(), markup=False)
            with Horizontal(classes="buttons"):
                yield Button(Content("Stay (s)"), id="stay", compact=True)
                yield Button(Content("Leave (l)"), id="leave", compact=True)

    def _words(self) -> Content:
        parts: list[str | tuple[str, str]] = [
            (self.running, "bold $text-accent"),
            " is running. What is finished is kept, and the next start of this case goes on with it where it stopped.",
        ]
        for text in self.waiting:
            parts += ["\n", ("not said yet  ", "dim"), clean(text, 200)]
        parts.append(("\n\nCtrl+Q once more leaves too.", "dim"))
        return Content.assemble(*parts)

    def on_mount(self) -> None:
        self.query_one("#stay", Button).focus()  # a thoughtless Enter breaks nothing off

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss(event.button.id == "leave")

    def action_answer(self, leaves: bool) -> None:
        """Answer and close."""
        self.dismiss(leaves)
