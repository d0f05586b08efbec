"""A dialogue on a screen: what was said above, the question and its answers below. Lessons and the wizard run on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.suggester import Suggester
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from failsight.agent.learn.dialogue import HINT, LEAVE, Ask, Dialogue, Item, Say, Show, Step, Work
from failsight.agent.learn.lines import SIGNS, file_names, shown_default
from failsight.agent.learn.worker import Came, DialogueThread, Ended, Job, News
from failsight.agent.ui.tui.entries import Entry, Measured, Words
from failsight.agent.ui.tui.messages import ShowEvidence
from failsight.agent.ui.tui.widgets.conversation import Conversation
from failsight.agent.ui.tui.widgets.evidence_card import EvidenceCard
from failsight.agent.ui.tui.widgets.key_line import KeyLine
from failsight.agent.ui.words import inert_text

if TYPE_CHECKING:
    from failsight.tools.view import Progress

LOOKS = {
    "good": "success",
    "miss": "warning",
    "pitfall": "warning",
    "hint": "stage",
    "muted": "muted",
    "warning": "warning",
    "title": "stage",
    "plain": "info",
}


class Arrived(Message):
    """News of the dialogue, from its thread."""

    def __init__(self, news: News) -> None:
        super().__init__()
        self.news = news


class _Files(Suggester):
    """Files and folders, where a path is asked for."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self.on = False

    async def get_suggestion(self, value: str) -> str | None:
        return next(iter(file_names(value)), None) if self.on and value else None


class DialogueScreen(Screen[Any]):
    """Runs one dialogue; dismissed with its result, or None when the person left.

    Args:
        make: builds the dialogue, given the progress to show long work on.
        title: of the top line.
        stays: the last words wait for Enter; else the screen closes when the dialogue ends.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f1", "say('?')", "Hint", key_display="F1"),
        Binding("ctrl+b", "say('back')", "Back one question"),
        Binding("ctrl+o", "unfold", "Unfold the evidence"),
        Binding("escape", "leave", "Leave"),
        Binding("tab", "complete", "Complete a path", show=False, priority=True),
        Binding("pageup", "page(-1)", "Scroll up", show=False),
        Binding("pagedown", "page(1)", "Scroll down", show=False),
    ]
    DEFAULT_CSS = """
    DialogueScreen { layout: vertical; }
    DialogueScreen #dialogue-top { height: 1; padding: 0 1; background: $panel; color: $text; }
    DialogueScreen #dialogue-said { height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; background: $background; }
    DialogueScreen #entries { height: auto; min-height: 100%; align: left bottom; }
    DialogueScreen #dialogue-work { height: 1; padding: 0 1; color: $text-muted; }
    DialogueScreen #dialogue-question { height: auto; max-height: 7; padding: 0 1; text-style: bold; background: $surface; }
    DialogueScreen #dialogue-options { height: auto; max-height: 12; border: none; padding: 0 1; background: $surface; }
    DialogueScreen.-short-screen #dialogue-options { max-height: 7; }
    DialogueScreen #dialogue-input { height: 1; border: none; padding: 0 1; background: $boost; }
    DialogueScreen PersonSays { margin: 0; }
    DialogueScreen PlannerSays { height: auto; margin: 1 0 0 0; }
    DialogueScreen PlannerSays Markdown { padding: 0; margin: 0; background: transparent; }
    DialogueScreen PlannerSays MarkdownBlock:last-child { margin-bottom: 0; }
    DialogueScreen Line { height: auto; }
    DialogueScreen Line.-success { color: $text-success; margin: 1 0 0 0; }
    DialogueScreen Line.-warning { color: $text-warning; margin: 1 0 0 0; }
    DialogueScreen Line.-stage { color: $text-accent; text-style: bold; margin: 1 0 0 0; }
    DialogueScreen Line.-muted { color: $text-muted; margin: 1 0 0 0; }
    DialogueScreen Line.-asked { margin: 1 0 0 0; }
    DialogueScreen EvidenceCard { height: auto; margin: 1 0 0 0; padding: 0 1; border-left: outer $panel-lighten-3; background: $surface; }
    DialogueScreen EvidenceCard.-cursor { border-left: outer $accent; }
    DialogueScreen KeyLine { dock: bottom; height: 1; padding: 0 1; background: $panel; color: $text; }
    """

    def __init__(self, make: Callable[[Progress], Dialogue[Any]], title: str, *, stays: bool = False) -> None:
        super().__init__()
        self.heading, self.stays = title, stays
        self.thread = DialogueThread(make, self._post)
        self.question: Ask | None = None
        self.ended = False
        self._shown: list[Show] = []
        self._result: Any = None
        self._asked = ""  # the question that stands in the conversation already
        self._files = _Files()

    def compose(self) -> ComposeResult:
        yield Static(Content.styled(self.heading, "bold"), id="dialogue-top", markup=False)
        yield Conversation(id="dialogue-said")
        yield Static("", id="dialogue-work", markup=False)
        yield Static("", id="dialogue-question", markup=False)
        yield OptionList(id="dialogue-options", markup=False)
        yield Input(id="dialogue-input", suggester=self._files, select_on_focus=False)
        yield KeyLine()

    def on_mount(self) -> None:
        self.query_one("#dialogue-options").display = False
        self.query_one("#dialogue-question").display = False
        self.query_one("#dialogue-input", Input).focus()
        self.set_class(self.size.height < 32, "-short-screen")
        self.thread.begin()

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.height < 32, "-short-screen")

    def _post(self, news: News) -> None:
        """From the dialogue's thread."""
        self.post_message(Arrived(news))

    # --- what comes ------------------------------------------------------------------------------------------------

    async def on_arrived(self, message: Arrived) -> None:
        """Show what came."""
        if self.ended:
            return
        match message.news:
            case Came(item):
                await self._show(item)
            case Job(state):
                self._work("" if state.ended else state.line(20))
            case Ended(result, problem):
                await self._end(result, problem)

    async def _show(self, item: Item) -> None:
        match item:
            case Say(text, tone):
                await self._say(text, tone)
            case Show():
                self._shown.append(item)
                await self._add(Measured(item.evidence, item.album))
            case Work(text):
                self._work(f"… {text}")
            case Step(number, total, title):
                top = Content.assemble((self.heading, "bold"), f"  ·  {number} of {total}: {title}")
                self.query_one("#dialogue-top", Static).update(top)
                await self._add(Words("stage", f"── {title}"))
            case Ask():
                self._ask(item)

    async def _say(self, text: str, tone: Any) -> None:
        if tone == "text":
            await self._add(Words("planner", text))
        else:
            await self._add(Words(LOOKS[tone], f"{SIGNS[tone][0]}{text.replace('**', '')}"))

    async def _add(self, *entries: Entry) -> None:
        self._work("")
        said = self.query_one(Conversation)
        await said.add(*entries)
        said.follow()

    def _work(self, text: str) -> None:
        self.query_one("#dialogue-work", Static).update(Content.styled(text, "dim"))

    def _ask(self, ask: Ask) -> None:
        self.question = ask
        self._work("")
        question = self.query_one("#dialogue-question", Static)
        question.update(Content(ask.text.replace("`", "")))
        question.display = True
        options = self.query_one("#dialogue-options", OptionList)
        options.clear_options()
        options.display = bool(ask.options)
        for number, option in enumerate(ask.options, 1):
            options.add_option(Option(Content(f"{number} {option.text.replace('`', '')}"), id=str(number)))
        box = self.query_one("#dialogue-input", Input)
        box.value = ""
        self._files.on = ask.path
        notes = [f"Enter: {shown_default(ask)}"] if ask.default else []
        notes += ["a path; Tab completes"] if ask.path else []
        notes += ["pick with the arrows, or type"] if ask.options else []
        box.placeholder = " · ".join(notes)
        if ask.options:
            keys = [o.key for o in ask.options]
            options.highlighted = keys.index(ask.default) if ask.default in keys else 0
            options.focus()
        else:
            box.focus()
        self.refresh_bindings()
        self.call_after_refresh(self.query_one(Conversation).follow)

    async def _end(self, result: Any, problem: str) -> None:
        if self.ended:  # the person left before
            return
        self.ended = True
        self._result = result
        if problem:
            await self._add(Words("warning", problem))
        if (result is not None or not problem) and not self.stays:
            self.dismiss(result)
            return
        self._ask(Ask("That ended here. Enter goes back." if problem else "Enter goes back."))

    # --- what is answered ----------------------------------------------------------------------------------------------

    @on(OptionList.OptionSelected, "#dialogue-options")
    def _picked(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        typed = self.query_one("#dialogue-input", Input).value.strip()
        self.reply(typed or str(event.option.id))

    @on(Input.Submitted, "#dialogue-input")
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.reply(inert_text(event.value).strip())

    def reply(self, text: str) -> None:
        """Answer the question that waits with what was typed or picked."""
        ask = self.question
        if ask is None:
            return
        if self.ended:
            self.dismiss(self._result)
            return
        if text.lower() in LEAVE:
            self.action_leave()
            return
        self.question = None
        for name in ("#dialogue-options", "#dialogue-question"):
            self.query_one(name).display = False
        self.run_worker(self._echo(ask, text), exclusive=False)
        self.query_one("#dialogue-input", Input).value = ""
        self.query_one("#dialogue-input", Input).placeholder = ""
        self.query_one("#dialogue-input", Input).focus()
        self.thread.answer(text)

    async def _echo(self, ask: Ask, text: str) -> None:
        """Keep the question, once, and the answer: who scrolls back sees what was answered."""
        if text.lower() in HINT:
            return
        said = text or shown_default(ask)
        number = said.split(" ")[0]
        if number.isdecimal() and len(number) < 10 and 1 <= int(number) <= len(ask.options):
            said = f"{ask.options[int(number) - 1].text}{said[len(number) :]}"
        kept = [] if ask.text == self._asked else [Words("asked", ask.text.replace("`", ""))]
        self._asked = ask.text
        await self._add(*kept, Words("person", said or "(nothing)"))

    def on_key(self, event: events.Key) -> None:
        """Letters typed while the answers have the focus go into the line."""
        options = self.query_one("#dialogue-options", OptionList)
        if options.has_focus and event.character and event.is_printable:
            event.stop()
            box = self.query_one("#dialogue-input", Input)
            box.focus()
            box.insert_text_at_cursor(event.character)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Hint and Back are offered where they do something."""
        if action == "say":
            wanted = {"?": "hints", "back": "back"}[str(parameters[0])]
            return self.question is not None and bool(getattr(self.question, wanted))
        if action == "unfold":
            return bool(self._shown)
        return True

    def action_unfold(self) -> None:
        """Unfold the last piece of evidence, or fold it: its tables and pictures."""
        cards = list(self.query(EvidenceCard))
        if cards:
            said = self.query_one(Conversation)
            said.select(cards[-1])
            said.action_unfold()

    def action_say(self, text: str) -> None:
        """Answer with a word of its own."""
        self.reply(text)

    def action_leave(self) -> None:
        """Leave; what was done is kept."""
        self.thread.leave(0.0)
        if not self.ended:
            self.ended = True
            self.dismiss(None)

    def action_complete(self) -> None:
        """Complete a path; elsewhere go to the next widget."""
        box = self.query_one("#dialogue-input", Input)
        found = file_names(box.value) if self._files.on and box.value else []
        if not found:
            self.focus_next()
            return
        box.value = found[0]
        box.cursor_position = len(box.value)

    def action_page(self, pages: int) -> None:
        """Scroll what was said."""
        said = self.query_one(Conversation)
        (said.scroll_page_up if pages < 0 else said.scroll_page_down)(animate=False)

    def on_show_evidence(self, message: ShowEvidence) -> None:
        """Open a piece of evidence on a screen of its own."""
        from failsight.agent.ui.tui.screens.evidence import EvidenceScreen

        message.stop()
        ids = [s.evidence.id for s in self._shown]
        if message.evidence_id in ids:
            at = ids.index(message.evidence_id)
            self.app.push_screen(EvidenceScreen([s.evidence for s in self._shown], at, self._shown[at].album))
