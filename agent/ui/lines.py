"""How events are written as lines: rich on a terminal, plain text elsewhere; and progress on stderr."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, TextIO

from rich.console import Console, RenderableType
from rich.text import Text

from failsight.agent.events import (
    ApprovalAsked,
    EvidenceMade,
    ImagesOpened,
    MatrixOpened,
    Notice,
    PlannerSaid,
    SessionEvent,
    StageEntered,
    ToolFailed,
    ToolStarted,
)
from failsight.agent.state import FindingRecord
from failsight.agent.ui.brief import brief, rest_line
from failsight.agent.ui.pictures import Album
from failsight.agent.ui.progress import WORTH_SHOWING, JobState, Meter, expected, metered
from failsight.agent.ui.renderables import (
    evidence_body,
    finding_body,
    headline,
    pictures_renderable,
    table_renderable,
)
from failsight.agent.ui.words import LEVELS, arguments_text, may_run
from failsight.tools.evidence import Evidence
from failsight.tools.faces import fact_text

if TYPE_CHECKING:
    from failsight.tools.view import Ticker

WIDTH = 100  # of lines that go to a file or a pipe


class Lines:
    """Writes events on ``stream``. Data text is never read as markup, and colours only go where they are seen."""

    def __init__(self, stream: TextIO, colour: bool | None = None) -> None:
        self.rich = _isatty(stream) if colour is None else colour
        self._console = Console(
            file=stream,
            force_terminal=self.rich or None,
            no_color=None if colour is None else not colour,
            markup=False,
            emoji=False,
            highlight=False,
            soft_wrap=not self.rich,
            width=None if _isatty(stream) else WIDTH,
        )
        self._coloured = self.rich and not self._console.no_color

    def say(self, text: str, style: str = "") -> None:
        """One line (or several) as it is."""
        self._print(Text(text, style=style if self.rich else ""))

    def warn(self, text: str) -> None:
        """A line that asks for attention, by a sign and not only by colour."""
        self.say(f"! {text}", "yellow")

    def event(self, event: SessionEvent, album: Album) -> None:
        """``event`` in full."""
        match event:
            case PlannerSaid(text, choices):
                self._said(text)
                for i, choice in enumerate(choices, 1):
                    self.say(f"  {i} {choice}", "cyan")
            case EvidenceMade(evidence, reused):
                self.evidence(evidence, album, reused=reused)
            case ApprovalAsked(tool, arguments, why):
                self.say(f"? {may_run(tool, arguments)}", "bold yellow")
                takes = expected(event)
                for text in (*event.plan, why, takes and f"takes: {takes}"):
                    if text:
                        self.say(f"  {text}")
            case ImagesOpened(gallery, page):
                self._said(gallery.lines(page))
            case MatrixOpened():
                self.say("The pictures of a cell: /images TRUE CLASS > PREDICTED CLASS", "dim")
            case _:
                self.brief(event)

    def brief(self, event: SessionEvent) -> None:
        """``event`` on one line."""
        match event:
            case PlannerSaid(text, choices):
                self.say(text)
                if choices:
                    self.say(f"  could be answered: {' | '.join(choices)}", "dim")
            case StageEntered(stage, trigger):
                self.say(f"── {stage}" + (f": {trigger}" if trigger else ""), "bold")
            case ToolStarted(tool, arguments, why):
                self.say(f"▹ {tool}({arguments_text(arguments)})" + (f" · {why}" if why else ""), "dim")
            case EvidenceMade(evidence, reused):
                again = " (measured before)" if reused else ""
                self.say(f"  {headline(evidence)}{again}: {_first_line(evidence.summary)}")
            case ToolFailed(tool, message):
                self.warn(f"{tool}: {message}")
            case ApprovalAsked(tool, arguments, why):
                parts = (f"? {tool}({arguments_text(arguments)}) needs a yes", why, expected(event))
                self.say(" · ".join(p for p in parts if p), "bold yellow")
            case Notice(text, level):
                style = {"warning": "yellow", "error": "bold red"}.get(level, "dim")
                self.say(f"{LEVELS.get(level, 'i')} {text}", style)

    def evidence(
        self, evidence: Evidence, album: Album, *, reused: bool = False, whole: bool = False
    ) -> None:
        """Evidence as a rich renderable on a terminal, as its text elsewhere; ``whole``: nothing left out."""
        if whole and not self.rich:
            self.say(evidence.text(1_000_000))
            return
        self.headline(evidence, reused=reused)
        if whole:
            self._print(Text(evidence.summary))
            self._print(evidence_body(evidence, self._pictures(evidence, album), None))
        else:
            self.result(evidence, album)

    def headline(self, evidence: Evidence, *, reused: bool = False) -> None:
        """What was measured, in a line."""
        again = "  measured before" if reused else ""
        self._print(Text.assemble((headline(evidence), "bold"), (f"  {evidence.tool}{again}", "dim")))

    def result(self, evidence: Evidence, album: Album, *, told: bool = False) -> None:
        """What came out, in short; ``told``: without the summary, which is told elsewhere."""
        if not told:
            self._print(Text(evidence.summary))
        self._brief(evidence, album, alone=told)

    def _brief(self, evidence: Evidence, album: Album, alone: bool) -> None:
        """``alone``: nothing of it stands here but what this shows."""
        shown = brief(evidence)
        if not self.rich:
            for line in shown.lines():
                self.say(line)
        else:
            for fact in shown.facts:
                self.say(fact_text(fact))
            if shown.table is not None:
                self._print(table_renderable(shown.table))
            for part in (
                pictures_renderable(evidence, self._pictures(evidence, album)) if shown.pictures else ()
            ):
                self._print(part)
        if shown.left > 0 and not (alone and shown.empty):
            self.say(rest_line(shown.left, evidence), "dim")

    def finding(self, record: FindingRecord) -> None:
        """One hypothesis in full."""
        self._print(finding_body(record))

    def _pictures(self, evidence: Evidence, album: Album) -> dict[str, Text]:
        columns = max(20, min(76, self._console.width - 4))
        if not self._coloured:  # half-blocks say nothing without colour
            return album.sketches(evidence, columns, 14)
        return album.load(evidence, min(60, columns), 14)

    def _said(self, text: str) -> None:
        if self.rich and text.strip():
            from rich.markdown import Markdown

            self._print(Markdown(text, hyperlinks=False))
        elif text.strip():
            self.say(text)

    def _print(self, renderable: RenderableType) -> None:
        self._console.print(renderable)
        self._console.file.flush()


class ProgressLines:
    """Progress on stderr: a line that is rewritten on a terminal, now and then a line elsewhere.

    Args:
        every: seconds between two looks on a terminal; elsewhere ten seconds at least.
        silent: show no progress at all.
    """

    def __init__(self, stream: TextIO, *, every: float = 0.2, silent: bool = False) -> None:
        self._stream, self._silent = stream, silent
        self._terminal = _isatty(stream)
        self._every = every if self._terminal else max(every, 10.0)
        self._drawn = 0
        self._shown: set[int] = set()
        self._lock = threading.RLock()  # a signal handler may speak while a line is being written

    def job(self, label: str, total: int, cancelled: Callable[[], bool]) -> AbstractContextManager[Ticker]:
        """The progress of one job; thread-safe."""
        return metered(Meter(label, total, self._show, cancelled, self._every), self._show)

    def say(self, text: str) -> None:
        """A line of its own."""
        self._write(text, end="\n")

    def prompt(self, text: str) -> None:
        """A prompt, where someone sees it."""
        if self._terminal:
            self._write(text, end="")

    def _show(self, job: JobState) -> None:
        if self._silent or (job.seconds < WORTH_SHOWING and job.number not in self._shown):
            return
        self._shown.add(job.number)
        if self._terminal and not job.ended:
            self._write(job.line(24), end="", redraw=True)
        elif not job.ended or not self._terminal:
            self._write(job.line() if not job.ended else f"{job.label}: {job.done:,} done", end="\n")
        else:
            self._write("", end="")

    def _write(self, text: str, *, end: str, redraw: bool = False) -> None:
        with self._lock:
            rubber = f"\r{' ' * self._drawn}\r" if self._drawn else ""
            self._drawn = len(text) if redraw else 0
            try:
                self._stream.write(rubber + text + end)
                self._stream.flush()
            except (
                OSError,
                ValueError,
                RuntimeError,
            ):  # nobody reads, or a signal came mid-write: work goes on
                pass


def _first_line(text: str) -> str:
    return text.split("\n", 1)[0]


def _isatty(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except (AttributeError, ValueError):
        return False


class StderrProgress:
    """Progress of a command that runs no session: on stderr, and Ctrl-C ends it as it ends any program."""

    def __init__(self) -> None:
        self._lines = ProgressLines(sys.stderr)

    def job(self, label: str, total: int) -> AbstractContextManager[Ticker]:
        """Progress of one job (``failsight.tools.view.Progress``)."""
        return self._lines.job(label, total, lambda: False)
