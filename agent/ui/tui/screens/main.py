"""The main screen: map and board on the left, the conversation in the middle, evidence on the right where there is room.

The first paint shows the conversation, the prompt and what is loading. :meth:`MainScreen.furnish` brings the panels, and
``drawing.py`` what happens in a session; both come after it, with everything that they import.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Input, Static

from failsight.agent.ui.completion import Known, options
from failsight.agent.ui.tui.entries import Entry
from failsight.agent.ui.tui.messages import Answered
from failsight.agent.ui.tui.widgets.choices import Choices
from failsight.agent.ui.tui.widgets.conversation import Conversation
from failsight.agent.ui.tui.widgets.hints import Hints
from failsight.agent.ui.tui.widgets.prompt import Prompt, on_one_line
from failsight.agent.ui.tui.widgets.status_line import StatusLine
from failsight.agent.ui.tui.widgets.top_line import TopLine
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.agent.ui.pictures import Album
    from failsight.agent.ui.snapshot import Snapshot
    from failsight.agent.ui.terminal import Looks
    from failsight.tools.evidence import Evidence


NEXT = 3  # lines that wait and are shown


class MainScreen(Screen[None]):
    """Lays the panels out and holds what they show; decides nothing."""

    AUTO_FOCUS = "#prompt"

    class Painted(Message):
        """The first frame is on the terminal."""

    def __init__(self) -> None:
        super().__init__()
        self.album: Album | None = None
        self.evidence: dict[str, Evidence] = {}
        self.snapshot: Snapshot | None = None
        self.commands: dict[str, str] = {}
        self.themes: tuple[str, ...] = ()
        self.looks: Looks | None = None  # how the terminal shows pictures; None: half-blocks

    def compose(self) -> ComposeResult:
        yield TopLine(id="top")
        with Horizontal(id="middle"):
            yield Vertical(id="left")
            with Vertical(id="centre"):
                yield Conversation(id="conversation")
                yield Choices(id="choices")
                yield Hints(id="hints")
                yield Static(id="next", markup=False)
                yield StatusLine(id="status")
                yield Prompt(self._complete, id="prompt")
            yield Vertical(id="right")

    def on_mount(self) -> None:
        self.query_one(Choices).display = False
        self.query_one("#next").display = False
        self.query_one(StatusLine).work = "loading the case …"
        self.call_after_refresh(self.post_message, self.Painted())

    async def furnish(self) -> None:
        """Bring the panels and the line of keys."""
        from failsight.agent.ui.tui.widgets.evidence_list import EvidenceList
        from failsight.agent.ui.tui.widgets.hypothesis_board import HypothesisBoard
        from failsight.agent.ui.tui.widgets.key_line import KeyLine
        from failsight.agent.ui.tui.widgets.workflow_map import WorkflowMap

        workflow = WorkflowMap(id="map")
        workflow.border_title = "Workflow"
        await self.query_one("#left").mount(workflow, HypothesisBoard(id="board"))
        await self.query_one("#right").mount(EvidenceList(id="evidence"))
        await self.mount(KeyLine())

    def _complete(self, text: str) -> list[str]:
        return [line for line, _ in self.options(text)]

    def options(self, text: str) -> list[tuple[str, str]]:
        """(line, help) of what ``text`` could become."""
        now = self.snapshot
        known = (
            Known(self.commands) if now is None else Known(self.commands, now.words, now.names, self.themes)
        )
        found = options(text, known)
        if text.startswith(("/evidence ", "/copy ")):
            titles = {e.id: e.title for e in self.evidence.values()}
            found = [(line, titles.get(line.rpartition(" ")[2], "")) for line, _ in found]
        return found

    @property
    def said(self) -> list[tuple[str, str]]:
        """Role and text of everything that was said, for the search."""
        return self.query_one(Conversation).said

    @property
    def measured(self) -> Iterator[Evidence]:
        """The evidence that came since the last words of the person or the planner."""
        return self.query_one(Conversation).measured

    async def add(self, *entries: Entry) -> None:
        """Append to the conversation."""
        await self.query_one(Conversation).add(*entries)

    async def clear(self) -> None:
        """Begin the conversation anew."""
        await self.query_one(Conversation).clear()

    def follow(self) -> None:
        """Show the end of the conversation, wherever the person had scrolled to."""
        self.query_one(Conversation).follow()

    def offer(self, choices: tuple[str, ...]) -> None:
        """Offer quick replies (none: take the offer back)."""
        self.query_one(Choices).show(choices)
        self.query_one(Prompt).choices = min(9, len(choices))

    @property
    def choices(self) -> tuple[str, ...]:
        """The quick replies that are on offer."""
        return self.query_one(Choices).texts

    def tell_next(self, waiting: Sequence[str]) -> None:
        """Show what was said while something runs, and what becomes of it."""
        line = self.query_one("#next", Static)
        line.display = bool(waiting)
        line.update(Content("\n").join(Content(f"next: {clean(text, 200)}") for text in waiting[:NEXT]))

    def give_back(self, waiting: Sequence[str]) -> None:
        """What was not taken up stands in the question line again if that is empty; all of it is behind the up key."""
        prompt = self.query_one(Prompt)
        if not prompt.value and waiting:
            prompt.value = waiting[0]
            prompt.cursor_position = len(waiting[0])
        self.notify(
            "What you said meanwhile was not taken up: it is in the line, or behind the up key.", markup=False
        )

    def offered(self, text: str) -> str:
        """The quick reply of which ``text`` is the number; any other text as it is."""
        texts = self.query_one(Choices).texts
        return texts[int(text) - 1] if text.isdecimal() and 1 <= int(text) <= len(texts) else text

    def toggle(self, panel: str) -> None:
        """Fold or unfold ``left`` or ``right``, whatever the width of the terminal would have it be."""
        shown = self.query_one(f"#{panel}").display
        self.set_class(not shown, f"{panel}-on").set_class(shown, f"{panel}-off")
        inside = self.query("#board" if panel == "left" else "#evidence")
        (self.query_one(Prompt) if shown or not inside else inside.first()).focus()

    def reveal(self, panel: str) -> None:
        """Unfold ``left`` or ``right`` if it is folded, and go there: who asks for a list does not want it gone."""
        inside = self.query("#board" if panel == "left" else "#evidence")
        if not self.query_one(f"#{panel}").display:
            self.toggle(panel)
        elif inside:
            inside.first().focus()

    def on_key(self, event: events.Key) -> None:
        """Typed words belong to the question line, whatever has the focus; keys that are bound do what they are bound to."""
        if not (event.is_printable and event.character) or event.key in self.active_bindings:
            return
        event.stop()
        event.prevent_default()
        self.query_one(Prompt).write(event.character)

    def on_paste(self, event: events.Paste) -> None:
        """What is pasted belongs there too."""
        event.stop()
        self.query_one(Prompt).write(on_one_line(event.text))

    def on_input_changed(self, event: Input.Changed) -> None:
        found = self.options(event.value) if event.value.startswith("/") else []
        self.query_one(Hints).show(event.value, found)

    def on_prompt_scroll(self, event: Prompt.Scroll) -> None:
        conversation = self.query_one(Conversation)
        conversation.scroll_page_up(animate=False) if event.pages < 0 else conversation.scroll_page_down(
            animate=False
        )

    def on_prompt_more(self) -> None:
        """Open the answer that is folded."""
        self.query_one(Conversation).unfold_last()

    def on_prompt_picked(self, event: Prompt.Picked) -> None:
        self.post_message(Answered(self.offered(str(event.number))))
