"""The workflow map: stages passed, the current one, and what triggered the transition into each."""

from __future__ import annotations

from textwrap import wrap

from textual import events
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from failsight.agent.ui.snapshot import Snapshot
from failsight.agent.ui.tui.messages import Answered
from failsight.agent.ui.words import stage_rows


class WorkflowMap(Widget):
    """One line a stage; symbols carry what colours say (✓ passed, ▶ here, ○ something is left to do, · to come). A click opens the map in full."""

    snapshot: reactive[Snapshot] = reactive(Snapshot(), layout=True)

    def render(self) -> Content:
        lines = []
        for row in stage_rows(self.snapshot.stage, self.snapshot.entered, self.snapshot.left):
            style = "bold $text-accent" if row.current else "$text-success" if row.visited else "dim"
            name, why = Content.styled(f"{row.symbol} {row.name}", style), self.snapshot.why(row.name)
            if row.left:
                told = wrap(row.left[:160], max(10, (self.size.width or 30) - 2))
                lines += [name, *(Content.styled(f"  {line}", "$text-warning") for line in told)]
                continue
            if row.current and why:
                told = wrap(f"because {why[:160]}", max(10, (self.size.width or 30) - 2)) or [""]
                lines += [name, *(Content.styled(f"  {line}", "dim") for line in told)]
            else:
                reason = Content.styled(why if row.visited else "", "dim")
                fits = name.cell_length + 1 + reason.cell_length <= self.size.width
                lines.append(
                    Content.assemble(name, " ", reason) if fits else name
                )  # half a reason says nothing
        return Content("\n").join(lines)

    def on_resize(self) -> None:
        self.refresh(layout=True)  # how the lines wrap depends on it

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.post_message(Answered("/map"))
