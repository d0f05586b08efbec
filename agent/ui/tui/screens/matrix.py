"""The confusion matrix as a map: Enter on a cell opens its images."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from failsight.agent.ui.renderables import headline
from failsight.agent.ui.tui.messages import Answered, ShowEvidence
from failsight.agent.ui.tui.widgets.heat_map import HeatMap
from failsight.agent.ui.tui.widgets.key_line import KeyLine
from failsight.tools.confusions import Matrix
from failsight.tools.evidence import Evidence
from failsight.tools.text import interval, number


class MatrixScreen(Screen[None]):
    """Arrows walk, ``n`` goes to the next largest confusion, Enter opens the images of a cell, ``r`` the errors of its row."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "app.pop_screen", "Back"),
        Binding("r", "row", "Errors of its row"),
        Binding("e", "evidence", "Its evidence"),
    ]

    def __init__(self, evidence: Evidence, shown: Matrix) -> None:
        super().__init__()
        self.evidence, self.matrix = evidence, shown
        self.split = str(evidence.arguments.get("split") or "data")

    def compose(self) -> ComposeResult:
        split = "" if self.split == "data" else f" of {self.split}"
        title = Content.assemble(
            (headline(self.evidence), "bold"), split, ("  rows: true class, columns: prediction", "dim")
        )
        yield Static(title, id="matrix-title", markup=False)
        yield HeatMap(self.matrix.names, self.matrix.counts, id="matrix")
        yield Static(id="matrix-line", markup=False)
        yield KeyLine()

    def on_mount(self) -> None:
        self.query_one(HeatMap).focus()
        self._say(0, 0)

    def on_resize(self) -> None:
        """How much fits into the line depends on it."""
        self._say(*self.query_one(HeatMap).cursor)

    def _say(self, row: int, column: int) -> None:
        from failsight.tools.stats.intervals import wilson

        seen = self.query_one(HeatMap)
        k, n = seen.counts[row][column], self.matrix.totals[row]
        same = row == column
        what = (
            f"{seen.names[row]} recognised" if same else f"{seen.names[row]} taken for {seen.names[column]}"
        )
        rate = f" ({number(k / n)} {interval(wilson(k, n))})" if n else ""
        told = f"{k:,}" if n is None else f"{k:,} of {n:,}"
        words = Content.assemble((what, "bold"), f": {told}{rate}")
        tail = "  Enter shows them"
        if k and words.cell_length + len(tail) < self.size.width - 2:  # the line of keys says it too
            words = words.append(Content.styled(tail, "dim"))
        self.query_one("#matrix-line", Static).update(words)

    def on_heat_map_moved(self, message: HeatMap.Moved) -> None:
        message.stop()
        self._say(message.row, message.column)

    def _names(self, row: int, column: int) -> tuple[str, str]:
        return self.matrix.names[row], self.matrix.names[column]

    def _ask(self, words: str) -> None:
        split = "" if self.split == "data" else f"{self.split} "
        self.app.post_message(Answered(f"/images {split}{words}"))

    def on_heat_map_taken(self, message: HeatMap.Taken) -> None:
        message.stop()
        if not self.query_one(HeatMap).counts[message.row][message.column]:
            self.notify("No image is in this cell.", markup=False)
            return
        self._ask(" > ".join(self._names(message.row, message.column)))

    def action_row(self) -> None:
        """The errors of the row of the cursor."""
        seen = self.query_one(HeatMap)
        row = seen.cursor[0]
        if self.matrix.totals[row] == seen.counts[row][row]:
            self.notify("No image of this class is answered wrongly.", markup=False)
            return
        self._ask(f"{self._names(row, 0)[0]} wrong")

    def action_evidence(self) -> None:
        """The evidence that the matrix comes from."""
        self.app.post_message(ShowEvidence(self.evidence.id))
