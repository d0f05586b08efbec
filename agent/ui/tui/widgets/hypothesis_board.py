"""The hypothesis board: F1 … with verdict, one line each; Enter opens one."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from failsight.agent.state import FindingRecord
from failsight.agent.ui.snapshot import Snapshot
from failsight.agent.ui.tui.messages import ShowFinding
from failsight.agent.ui.words import finding_label, look_of, rail, standing

ORDER = ("confirmed", "planned", "open", "inconclusive", "refuted", "earlier")


def _place(record: FindingRecord) -> int:
    """Where a record is listed: confirmed first, what was taken back last."""
    return len(ORDER) if record.standing == "withdrawn" else ORDER.index(standing(record))


class HypothesisBoard(OptionList):
    """One line a hypothesis: id, how far it came (stated, instrumented, tested), verdict, place and kind; confirmed first."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "select", "Open")]

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self.border_title = "Hypotheses"
        self._shown: tuple[FindingRecord, ...] | None = None

    def show(self, snapshot: Snapshot) -> None:
        """Draw the records of ``snapshot``; the highlighted one stays highlighted."""
        if snapshot.records == self._shown:
            return
        self._shown = snapshot.records
        kept = None if self.highlighted is None else self.get_option_at_index(self.highlighted).id
        records = sorted(snapshot.records, key=_place)
        self.set_options([Option(self._line(r), id=r.id) for r in records])
        if kept is not None and any(r.id == kept for r in records):
            self.highlighted = self.get_option_index(kept)
        confirmed = sum(standing(r) == "confirmed" for r in records)
        self.border_subtitle = f"{confirmed} of {len(records)} confirmed" if records else ""

    def _line(self, record: FindingRecord) -> Content:
        look = look_of(record)
        head = f"{record.id:<3} {rail(record)}{look.symbol} "
        return Content.assemble((head, look.theme), finding_label(record.finding))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option.id:
            self.post_message(ShowFinding(event.option.id))
