"""The workflow map: stages passed, the current one, and what triggered the last transition."""

from __future__ import annotations

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from failsight.agent.ui.snapshot import Snapshot
from failsight.agent.ui.words import stage_rows


class WorkflowMap(Widget):
    """One line a stage; symbols carry what colours say (✓ passed, ▶ here, · to come)."""

    snapshot: reactive[Snapshot] = reactive(Snapshot(), layout=True)

    def render(self) -> Content:
        lines = []
        for row in stage_rows(self.snapshot.stage, self.snapshot.entered):
            style = "bold $text-accent" if row.current else "$text-success" if row.visited else "dim"
            lines.append(Content.styled(f"{row.symbol} {row.name}", style))
        if self.snapshot.trigger:
            lines.append(Content.assemble(("because ", "dim"), Content(self.snapshot.trigger[:160])))
        return Content("\n").join(lines)
