"""The prompt: one line, history with up and down, completion with Tab, quick replies by number."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input

from failsight.agent.ui.tui.messages import Answered
from failsight.agent.ui.words import inert_text

Complete = Callable[[str], list[str]]


def on_one_line(text: str) -> str:
    """Pasted ``text`` without what is harmful, its lines joined."""
    return inert_text(text).replace("\n", " ").strip()


class _Suggest(Suggester):
    def __init__(self, complete: Complete) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._complete = complete

    async def get_suggestion(self, value: str) -> str | None:
        return next(iter(self._complete(value)), None)


class Prompt(Input):
    """The input line.

    Args:
        complete: text so far → what it could become, best first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "older", "Earlier input", show=False),
        Binding("down", "newer", "Later input", show=False),
        Binding("tab", "complete", "Complete, or move on", show=False),
        Binding("pageup", "page(-1)", "Scroll the conversation up", show=False),
        Binding("pagedown", "page(1)", "Scroll the conversation down", show=False),
        Binding("ctrl+c", "app.stop_or_copy", "Stop, or copy", show=False),
    ]

    class Scroll(Message):
        """Scroll the conversation by ``pages`` without leaving the prompt."""

        def __init__(self, pages: int) -> None:
            super().__init__()
            self.pages = pages

    class More(Message):
        """Enter in the empty prompt: more of what is above."""

    class Picked(Message):
        """A digit was typed into the empty prompt."""

        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

    def __init__(self, complete: Complete, id: str | None = None) -> None:
        super().__init__(
            placeholder="Ask or tell; / for commands, F1 for help",
            suggester=_Suggest(complete),
            select_on_focus=False,
            id=id,
        )
        self._complete = complete
        self._offers: list[str] = []  # what Tab goes through, beginning with what was typed
        self._history: list[str] = []
        self._place = 0
        self._draft = ""
        self.choices = 0  # how many quick replies are on offer

    def remember(self, texts: list[str]) -> None:
        """Put ``texts`` (oldest first) behind the up key."""
        self._history = [*texts, *self._history]
        self._place = len(self._history)

    async def _on_key(self, event: events.Key) -> None:
        if self._picks(event.character):
            event.stop()
            event.prevent_default()
            return
        await super()._on_key(event)

    def write(self, text: str) -> None:
        """``text`` was typed while something else had the focus: it goes on from here."""
        self.focus()
        if len(text) == 1 and self._picks(text):
            return
        self.insert_text_at_cursor(text)

    def _picks(self, character: str | None) -> bool:
        """Whether ``character`` takes a quick reply; then it is taken."""
        if self.value or not character or character not in "123456789"[: self.choices]:
            return False
        self.post_message(self.Picked(int(character)))
        return True

    def _on_paste(self, event: events.Paste) -> None:
        """Pasted lines become one."""
        event.text = on_one_line(event.text)
        super()._on_paste(event)

    async def action_submit(self) -> None:
        """Hand the words over; the app takes them with :meth:`take` when it can."""
        text = inert_text(self.value).strip()
        self.post_message(Answered(text) if text else self.More())

    def take(self, text: str) -> None:
        """``text`` was accepted: into the history with it, and clear the line if it holds it."""
        if not self._history or self._history[-1] != text:
            self._history.append(text)
        self._place = len(self._history)
        if self.value.strip() == text:
            self.value = ""

    def action_older(self) -> None:
        """The input before."""
        if self._place == len(self._history):
            self._draft = self.value
        self._recall(self._place - 1)

    def action_newer(self) -> None:
        """The input after; below the newest waits what was being typed."""
        self._recall(self._place + 1)

    def _recall(self, place: int) -> None:
        if not 0 <= place <= len(self._history):
            return
        self._place = place
        self.value = self._draft if place == len(self._history) else self._history[place]
        self.cursor_position = len(self.value)

    def action_complete(self) -> None:
        """Complete the word; again: to the next thing that it could be; with nothing to complete, go to the next widget."""
        if self.value in self._offers[1:] and len(self._offers) > 2:
            made = self._offers[self._offers.index(self.value) % (len(self._offers) - 1) + 1]
        else:
            self._offers = [self.value, *(self._complete(self.value) if self.value else [])]
            if len(self._offers) == 1:
                self.screen.focus_next()
                return
            made = self._offers[1]
        self.value = made
        self.cursor_position = len(made)

    def action_page(self, pages: int) -> None:
        """Scroll the conversation."""
        self.post_message(self.Scroll(pages))
