"""The first line of the app: whose case this is and where it stands."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from failsight.agent.ui.words import stage_rows


class TopLine(Widget):
    """``Failsight · rooms`` on the left, ``hypothesis (3 of 7)`` on the right."""

    name_of_case: reactive[str] = reactive("")
    stage: reactive[str] = reactive("")

    def render(self) -> Content:
        left = Content.assemble(("Failsight", "bold"), f" · {self.name_of_case}" if self.name_of_case else "")
        right = Content(self._place())
        room = self.size.width - right.cell_length
        if room < 14:
            return left
        return Content.assemble(left.truncate(room - 1, ellipsis=True, pad=True), " ", right)

    def _place(self) -> str:
        if not self.stage:
            return ""
        rows = stage_rows(self.stage, ())
        return f"{self.stage} ({[r.current for r in rows].index(True) + 1} of {len(rows)})"
