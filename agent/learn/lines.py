"""Dialogues line by line: for pipes, screen readers and plain terminals. Words go to stdout, prompts and progress to stderr."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO, TypeVar

from failsight.agent.learn.dialogue import LEAVE, Ask, Dialogue, Item, Say, Show, Step, Tone, Work
from failsight.agent.ui.lines import Lines, ProgressLines
from failsight.agent.ui.reader import Reader
from failsight.agent.ui.words import inert, inert_text

if TYPE_CHECKING:
    from failsight.agent.ui.pictures import Album
    from failsight.tools.evidence import Evidence
    from failsight.tools.view import Ticker

R = TypeVar("R")
LONGEST = (
    1_500  # characters of evidence where there are neither columns nor pictures; the report has all of it
)
SIGNS: dict[Tone, tuple[str, str]] = {
    "text": ("", ""),
    "plain": ("", ""),
    "title": ("", "bold"),
    "good": ("✓ ", "green"),
    "miss": ("✗ ", "yellow"),
    "pitfall": ("! Pitfall: ", "bold yellow"),
    "hint": ("Hint: ", "cyan"),
    "muted": ("", "dim"),
    "warning": ("! ", "yellow"),
}
"""What stands before words of each tone (so that nothing is said by colour alone), and their style."""


class LineDialogue:
    """Runs dialogues over three streams.

    Args:
        in_stream, out_stream, err_stream: where answers come from, where words go, where prompts and progress go.
        colour: None takes it from the terminal.
    """

    def __init__(
        self,
        in_stream: TextIO | None = None,
        out_stream: TextIO | None = None,
        err_stream: TextIO | None = None,
        colour: bool | None = None,
    ) -> None:
        self._reader = Reader(in_stream or sys.stdin)
        self._lines = Lines(out_stream or sys.stdout, colour)
        self._progress = ProgressLines(err_stream or sys.stderr)
        self._reader.completes(file_names)

    def job(self, label: str, total: int) -> AbstractContextManager[Ticker]:
        """Progress of long work (``failsight.tools.view.Progress``); Ctrl-C ends it."""
        return self._progress.job(label, total, lambda: False)

    def run(self, dialogue: Dialogue[R]) -> R | None:
        """Run to the end; None when the person left or the input ended."""
        try:
            item = next(dialogue)
            while True:
                answer = self._show(item)
                if answer is None:
                    return None
                item = dialogue.send(answer) if isinstance(item, Ask) else next(dialogue)
        except StopIteration as end:
            value: R = end.value
            return value
        finally:
            dialogue.close()

    def _show(self, item: Item) -> str | None:
        """Show ``item``; the answer where it asks, empty text elsewhere, None to leave."""
        item = inert(item)
        match item:
            case Say(text, tone):
                sign, style = SIGNS[tone]
                self._lines.say(f"{sign}{_unmarked(text)}", style)
            case Show(evidence, album, brief):
                if brief:
                    self._lines.say(f"{evidence.id} {evidence.title}".strip(), "bold")
                    self._lines.say(evidence.summary)
                else:
                    self._whole(evidence, album)
            case Work(text):
                self._progress.say(f"… {text}")
            case Step(number, total, title):
                self._lines.say(f"\n── {number}/{total} {title}", "bold")
            case Ask():
                return self._ask(item)
        return ""

    def _whole(self, evidence: Evidence, album: Album) -> None:
        if self._lines.rich:
            self._lines.evidence(evidence, album)
        else:
            self._lines.say(evidence.text(LONGEST))

    def _ask(self, ask: Ask) -> str | None:
        self._lines.say("")
        self._lines.say(f"? {_unmarked(ask.text)}", "bold")
        for number, option in enumerate(ask.options, 1):
            self._lines.say(f"  {number} {_unmarked(option.text)}", "cyan")
        notes = [f"Enter: {shown_default(ask)}"] if ask.default else []
        notes += ["? gives a hint"] if ask.hints else []
        prompt = f"{' · '.join(notes)}{' ' if notes else ''}> "
        if not self._reader.edits:
            self._progress.prompt(prompt)
        given = self._reader.read(prompt)
        if given is None:
            self._lines.say("The input ended here. Nothing is lost.", "dim")
            return None
        answer = inert_text(given).strip()
        if answer.lower() in LEAVE:
            self._lines.say("Left; nothing is lost.", "dim")
            return None
        if not self._reader.echoes:
            self._lines.say(f"› {answer or shown_default(ask)}")
        return answer


def shown_default(ask: Ask) -> str:
    """What an empty line stands for, as a person would type it."""
    numbers = {option.key: str(i) for i, option in enumerate(ask.options, 1)}
    return numbers.get(ask.default or "", ask.default or "")


def _unmarked(text: str) -> str:
    """Words without the signs that only a screen renders."""
    return text.replace("**", "").replace("`", "")


def file_names(start: str) -> list[str]:
    """Files and folders that begin so, for Tab."""
    head = Path(start).expanduser()
    folder, stem = (head, "") if start.endswith("/") or not start else (head.parent, head.name)
    try:
        found = sorted(p for p in folder.iterdir() if p.name.startswith(stem) and not p.name.startswith("."))
    except OSError:
        return []
    return [f"{p}/" if p.is_dir() else str(p) for p in found[:200]]
