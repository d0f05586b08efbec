"""What was said: the person's words as they are, the planner's as Markdown (which may still be growing)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

if TYPE_CHECKING:
    from textual.widgets import Markdown


WIDTH = 80  # characters of a line, where lines are counted
SEEN = 20  # lines of a folded answer, half as many in a short terminal (app.tcss)
LONG = 32  # lines; longer answers are folded


class PersonSays(Static):
    """The person's words, never read as markup."""

    def __init__(self, text: str) -> None:
        super().__init__(Content.assemble(("› ", "bold $text-accent"), Content(text)), markup=False)


def lines_of(text: str) -> int:
    """About how many lines ``text`` takes."""
    return sum(max(1, -(-len(line) // WIDTH)) for line in text.split("\n"))


class More(Static):
    """The line below a folded answer: a click opens or folds it."""

    class Clicked(Message):
        """It was clicked."""

        def __init__(self, says: PlannerSays) -> None:
            super().__init__()
            self.says = says

    def on_click(self, event: events.Click) -> None:
        event.stop()
        if isinstance(self.parent, PlannerSays):
            self.post_message(self.Clicked(self.parent))


class PlannerSays(Vertical, can_focus=False):
    """The planner's words, in Markdown. Links are shown, never followed: their addresses may come from data."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text
        self.folds = False  # whether it can be folded

    def fold(self) -> PlannerSays:
        """Show its beginning, and a line that opens it; before it is mounted."""
        self.folds = True
        self.add_class("-folds", "-folded")
        return self

    @property
    def expanded(self) -> bool:
        """Whether all of it is seen."""
        return not self.has_class("-folded")

    @expanded.setter
    def expanded(self, expanded: bool) -> None:
        self.set_class(not expanded, "-folded")
        self.query_one(More).update(self._more())

    def _more(self) -> str:
        if self.expanded:
            return "▾ less: Enter or a click"
        seen = SEEN // 2 if self.screen.has_class("-short") else SEEN
        return f"▸ about {max(1, lines_of(self._text) - seen)} more lines: Enter or a click"

    def compose(self) -> ComposeResult:
        from textual.widgets import Markdown  # a twentieth of a second that the first paint need not wait for

        yield Markdown(self._text, open_links=False)
        if self.folds:
            yield More(self._more(), markup=False)

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
