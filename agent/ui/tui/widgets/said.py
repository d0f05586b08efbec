"""What was said: the person's words as they are, the planner's as Markdown (which may still be growing)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

if TYPE_CHECKING:
    from textual.widgets import Markdown


class PersonSays(Static):
    """The person's words, never read as markup."""

    def __init__(self, text: str) -> None:
        super().__init__(Content.assemble(("› ", "bold $text-accent"), Content(text)), markup=False)


class PlannerSays(Vertical, can_focus=False):
    """The planner's words, in Markdown. Links are shown, never followed: their addresses may come from data."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        from textual.widgets import Markdown  # a twentieth of a second that the first paint need not wait for

        yield Markdown(self._text, open_links=False)

    async def append(self, fragment: str) -> None:
        """More words of the same message."""
        self._text += fragment
        await self._markdown.append(fragment)

    @property
    def _markdown(self) -> Markdown:
        from textual.widgets import Markdown

        return self.query_one(Markdown)


class Line(Static):
    """One line of the conversation that is neither words nor evidence; ``kind`` gives its looks."""

    def __init__(self, text: str, kind: str = "info") -> None:
        super().__init__(Content(text), markup=False, classes=f"-{kind}")
