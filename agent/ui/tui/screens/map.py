"""The workflow in full: how the case came to where it is, and the ways on."""

from __future__ import annotations

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from failsight.agent.ui.mapping import map_lines
from failsight.agent.ui.snapshot import Snapshot

STYLES = {"head": "bold $text-accent", "here": "bold", "passed": "$text-success", "ahead": "dim", "way": ""}


class Drawn(Message):
    """The lines of the map, from the thread that read the workflow."""

    def __init__(self, content: Content) -> None:
        super().__init__()
        self.content = content


class MapScreen(ModalScreen[None]):
    """Escape closes, arrows scroll."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,enter", "close", "Close the map")]

    def __init__(self, snapshot: Snapshot, workflow: str) -> None:
        super().__init__()
        self._snapshot, self._workflow = snapshot, workflow

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog wide") as box:
            box.border_title = "Workflow"
            box.border_subtitle = "Esc closes, arrows scroll"
            yield Static(id="map-lines", markup=False)

    def on_mount(self) -> None:
        self._draw()

    @work(thread=True, exit_on_error=False)
    def _draw(self) -> None:
        lines = [
            Content.styled(text, STYLES.get(kind, ""))
            for text, kind in map_lines(self._snapshot, self._workflow)
        ]
        self.post_message(Drawn(Content("\n").join(lines)))

    def on_drawn(self, message: Drawn) -> None:
        """The lines are there."""
        self.query_one("#map-lines", Static).update(message.content)

    def action_close(self) -> None:
        """Close."""
        self.dismiss()
