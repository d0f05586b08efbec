"""The question before anything that writes or costs: may this tool run?"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from failsight.agent.events import ApprovalAsked
from failsight.tools.text import clean


class ApprovalScreen(ModalScreen[bool]):
    """Yes or no by key, by button or by mouse; leaving with Escape is a no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes, run it"),
        Binding("n,escape", "answer(False)", "No"),
        Binding("left,right", "app.focus_next", "Other button", show=False),
    ]

    def __init__(self, asked: ApprovalAsked) -> None:
        super().__init__()
        self.asked = asked

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog", can_focus=False) as box:
            box.border_title = "May this run?"
            yield Static(self._words(), markup=False)
            with Horizontal(classes="buttons"):
                yield Button(Content("Yes (y)"), id="yes", variant="success", compact=True)
                yield Button(Content("No (n)"), id="no", variant="error", compact=True)

    def _words(self) -> Content:
        asked = self.asked
        parts: list[str | tuple[str, str]] = [(asked.tool, "bold $text-accent")]
        for name, value in asked.arguments.items():
            parts += ["\n", (f"  {clean(name, 40)}  ", "$text-muted"), clean(value, 300)]
        for name, text in (("why", asked.why), ("cost", asked.cost)):
            if text:
                parts += ["\n\n", (f"{name}  ", "$text-muted"), text]
        return Content.assemble(*parts)

    def on_mount(self) -> None:
        self.query_one("#no", Button).focus()  # a thoughtless Enter runs nothing

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        """Answer and close."""
        self.dismiss(yes)
