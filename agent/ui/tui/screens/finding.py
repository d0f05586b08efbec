"""One hypothesis in full: where it stands, its numbers, corrections, and the chain that led to its verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from failsight.agent.state import FindingRecord
from failsight.agent.ui.renderables import chain_link, finding_body
from failsight.agent.ui.tui.messages import ShowEvidence
from failsight.tools.verdicts import Step


class FindingScreen(ModalScreen[None]):
    """Escape closes; ``e`` opens the newest evidence about it, Enter the evidence of the chosen link of the chain."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "close", "Close"),
        Binding("e", "evidence", "Its newest evidence"),
    ]

    def __init__(self, record: FindingRecord, chain: Sequence[Step] = ()) -> None:
        super().__init__()
        self.record, self.chain = record, tuple(chain)

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog wide") as box:
            box.border_title = f"Hypothesis {self.record.id}"
            box.border_subtitle = "e evidence, Enter a link, Esc closes"
            yield Static(finding_body(self.record), markup=False)
            if self.chain:
                links = OptionList(
                    *(self._option(i, s) for i, s in enumerate(self.chain)), id="chain", markup=False
                )
                links.border_title = "How it came to its verdict"
                yield links

    def _option(self, number: int, step: Step) -> Option:
        mark, text = chain_link(step)
        return Option(Content.assemble((mark, "bold"), text), id=f"link-{number}")

    def on_mount(self) -> None:
        if self.chain:
            self.query_one(OptionList).focus(scroll_visible=False)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open what a link rests on, where that is a piece of evidence."""
        event.stop()
        refers = self.chain[event.option_index].refers
        if refers.startswith("E"):
            self._open(refers)
        else:
            self.notify("That link rests on the plan in the journal, not on evidence.", markup=False)

    def action_close(self) -> None:
        """Close."""
        self.dismiss()

    def action_evidence(self) -> None:
        """Open the newest evidence about this hypothesis."""
        if self.record.evidence:
            self._open(self.record.evidence[-1])

    def _open(self, evidence: str) -> None:
        self.dismiss()
        self.app.post_message(ShowEvidence(evidence))
