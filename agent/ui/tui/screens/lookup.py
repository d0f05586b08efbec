"""Type to look something up: a list that narrows as one types, and the chosen entry in full below it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option


class Row(NamedTuple):
    """One entry: its line in the list, what is shown below, and what Enter gives back."""

    line: str
    detail: str
    value: str = ""


Find = Callable[[str], Sequence[Row]]


class Answers(Message):
    """What fits the words typed, from the thread that looked it up."""

    def __init__(self, asked: str, rows: Sequence[Row]) -> None:
        super().__init__()
        self.asked, self.rows = asked, rows


class LookupScreen(ModalScreen[str]):
    """Up and down choose while one types; Enter takes, Escape closes.

    Args:
        title: what is looked up.
        find: the entries that fit some words; called on a thread of its own.
        asked: the words to begin with.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close"),
        Binding("down", "choose(1)", "Next", priority=True, show=False),
        Binding("up", "choose(-1)", "Previous", priority=True, show=False),
        Binding("pagedown", "choose(8)", "Further down", priority=True, show=False),
        Binding("pageup", "choose(-8)", "Further up", priority=True, show=False),
    ]

    def __init__(self, title: str, find: Find, asked: str = "", hint: str = "Enter opens") -> None:
        super().__init__()
        self.heading, self.find, self.asked, self.hint = title, find, asked, hint
        self.rows: Sequence[Row] = ()

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog wide lookup") as box:
            box.border_title, box.border_subtitle = self.heading, f"type to narrow, {self.hint}, Esc closes"
            yield Input(self.asked, placeholder="words", select_on_focus=False, compact=True)
            yield OptionList(id="answers", markup=False)
            with VerticalScroll(id="answer-box", can_focus=False):
                yield Static(id="answer", markup=False)

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        self._look_up(self.asked)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._look_up(event.value)

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _look_up(self, asked: str) -> None:
        self.post_message(Answers(asked, self.find(asked)))

    def on_answers(self, message: Answers) -> None:
        """List what was found, if it is still what is asked."""
        if message.asked != self.query_one(Input).value:
            return
        self.rows = message.rows
        listed = self.query_one("#answers", OptionList)
        listed.set_options(Option(Content(r.line), id=str(i)) for i, r in enumerate(self.rows))
        if self.rows:
            listed.highlighted = 0
        else:
            self.query_one("#answer", Static).update("Nothing fits." if message.asked else "")

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        self.query_one("#answer", Static).update(Content(self.rows[event.option_index].detail))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._take(event.option_index)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        at = self.query_one("#answers", OptionList).highlighted
        if at is not None:
            self._take(at)

    def _take(self, at: int) -> None:
        if self.rows[at].value:
            self.dismiss(self.rows[at].value)

    def action_choose(self, step: int) -> None:
        """Move in the list without leaving the words."""
        listed = self.query_one("#answers", OptionList)
        if listed.option_count:
            at = 0 if listed.highlighted is None else listed.highlighted + step
            listed.highlighted = min(max(at, 0), listed.option_count - 1)

    def action_close(self) -> None:
        """Close."""
        self.dismiss()
