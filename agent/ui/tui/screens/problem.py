"""Something went wrong: one plain sentence, and a key to go on."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static


class ProblemScreen(ModalScreen[None]):
    """Shows ``text``; Enter or Escape closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,enter", "close", "Close")]

    def __init__(self, text: str, *, title: str = "This needs you", button: str = "Go on") -> None:
        super().__init__()
        self.text, self.heading, self.button = text, title, button

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog problem", can_focus=False) as box:
            box.border_title = self.heading
            yield Static(Content(self.text), markup=False)
            yield Button(Content(self.button), compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss()

    def action_close(self) -> None:
        """Close."""
        self.dismiss()
