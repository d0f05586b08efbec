"""Quick replies: what the planner offers to answer, numbered; picked by number or by mouse."""

from __future__ import annotations

from textual import events
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from failsight.agent.ui.tui.messages import Answered


class Choice(Static):
    """One quick reply."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(Content.assemble((f"{number} ", "bold $text-accent"), text), markup=False)
        self.text = text

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.post_message(Answered(self.text))


class Choices(VerticalScroll, can_focus=False):
    """Up to nine quick replies above the prompt; hidden when there are none."""

    texts: tuple[str, ...] = ()

    def show(self, texts: tuple[str, ...]) -> None:
        """Offer ``texts`` instead of what was offered before."""
        if texts[:9] == self.texts:
            return
        self.texts = texts[:9]
        self.remove_children()
        self.mount_all(Choice(i, t) for i, t in enumerate(self.texts, 1))
        self.display = bool(self.texts)
