"""One hypothesis in full: where it stands, its numbers, tests, evidence and corrections."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from failsight.agent.state import FindingRecord
from failsight.agent.ui.renderables import finding_body
from failsight.agent.ui.tui.messages import ShowEvidence


class FindingScreen(ModalScreen[None]):
    """Escape closes; ``e`` opens the newest evidence about it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "Close"),
        Binding("e", "evidence", "Its newest evidence"),
    ]

    def __init__(self, record: FindingRecord) -> None:
        super().__init__()
        self.record = record

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog wide") as box:
            box.border_title = f"Hypothesis {self.record.id}"
            box.border_subtitle = "e evidence, Esc closes"
            yield Static(finding_body(self.record), markup=False)

    def action_close(self) -> None:
        """Close."""
        self.dismiss()

    def action_evidence(self) -> None:
        """Open the newest evidence about this hypothesis."""
        if self.record.evidence:
            newest = self.record.evidence[-1]
            self.dismiss()
            self.app.post_message(ShowEvidence(newest))
