"""The line above the prompt: what is running and how long it will still take, or what there is so far."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

if TYPE_CHECKING:
    from failsight.agent.ui.progress import JobState

STOPS = "  Esc stops"


class StatusLine(Widget):
    """Running job, else running work, else a summary of the case."""

    job: reactive[JobState | None] = reactive(None)
    work: reactive[str] = reactive("")
    idle: reactive[str] = reactive("")

    def render(self) -> Content:
        if self.job is not None:
            bar = max(0, min(30, self.size.width - len(self.job.line(0)) - len(STOPS) - 6))
            return Content.assemble(("▶ ", "bold $text-accent"), self.job.line(bar), (STOPS, "dim"))
        if self.work:
            return Content.assemble(("▶ ", "bold $text-accent"), self.work)
        return Content.styled(self.idle, "dim")

    def update_job(self, job: JobState) -> None:
        """Show ``job``; when it has ended, show what stands behind it."""
        if not job.ended:
            self.job = job
        elif self.job is not None and self.job.number == job.number:
            self.job = None
