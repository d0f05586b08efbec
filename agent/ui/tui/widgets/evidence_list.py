"""The list of all evidence: E1 …, one line each; Enter opens one."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from failsight.agent.ui.renderables import headline
from failsight.agent.ui.tui.messages import ShowEvidence
from failsight.tools.evidence import Evidence


class EvidenceList(OptionList):
    """One line a piece of evidence, newest last."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "select", "Open")]

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self.border_title = "Evidence"

    def add(self, evidence: Evidence) -> None:
        """List ``evidence`` once."""
        if evidence.id in self._id_to_option:
            return
        self.add_option(Option(Content(headline(evidence)), id=evidence.id))
        self.border_subtitle = f"{self.option_count}"

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option.id:
            self.post_message(ShowEvidence(event.option.id))
