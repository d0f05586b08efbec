"""The plain look: line by line, for pipes, screen readers, notebooks and connections without a terminal.

stdout carries what the session says and finds, stderr the prompt and the progress. Everything that the terminal app
offers is offered here.
"""

from __future__ import annotations

import re
import sys
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO

from failsight.agent.events import (
    BUDGET,
    ApprovalAsked,
    EvidenceMade,
    Notice,
    PlannerSaid,
    SessionEvent,
    ToolStarted,
)
from failsight.agent.places import shown_place
from failsight.agent.ui import commands
from failsight.agent.ui.brief import MORE
from failsight.agent.ui.completion import Known, options
from failsight.agent.ui.consent import consent
from failsight.agent.ui.copying import text_of
from failsight.agent.ui.errors import OK, bug_line, sentence
from failsight.agent.ui.glossary import looked_up, terms
from failsight.agent.ui.interrupts import Interrupts
from failsight.agent.ui.lines import Lines, ProgressLines
from failsight.agent.ui.mapping import map_lines
from failsight.agent.ui.pictures import Album
from failsight.agent.ui.progress import WORTH_SHOWING
from failsight.agent.ui.reader import Reader
from failsight.agent.ui.searching import Said, search
from failsight.agent.ui.snapshot import past, take
from failsight.agent.ui.words import finding_line, inert, inert_text
from failsight.tools.errors import FailsightError

if TYPE_CHECKING:
    from failsight.agent.ui.display import OpenSession, SessionLike
    from failsight.agent.ui.runner import Turn
    from failsight.tools.evidence import Evidence
    from failsight.tools.view import Ticker

MOST_SET_ASIDE = 3  # questions in a row that a sentence sets aside
LEAVE = ("/quit", "/exit")
ANSWERS = "y: yes, n: no, a: yes, and always for this tool until the session ends"
ASKED_AGAIN = "Please answer y (yes), a (yes, and always for this tool) or n (no)."


class PlainDisplay:
    """Converse by lines.

    Args:
        in_stream: where the person's lines come from.
        out_stream: where words and findings go.
        err_stream: where the prompt and the progress go.
        colour: None takes it from the terminal (and ``NO_COLOR``); True and False force it.
    """

    def __init__(
        self,
        in_stream: TextIO | None = None,
        out_stream: TextIO | None = None,
        err_stream: TextIO | None = None,
        colour: bool | None = None,
    ) -> None:
        self._streams = (in_stream or sys.stdin, out_stream or sys.stdout, err_stream or sys.stderr, colour)
        self._reader = Reader(self._streams[0])
        self._lines = Lines(self._streams[1], colour)
        self._progress = ProgressLines(self._streams[2])
        self._interrupts = Interrupts(self._progress.say)
        self._choices: tuple[str, ...] = ()
        self._pending: ApprovalAsked | None = None
        self._measured: list[Evidence] = []  # since anybody spoke
        self._found: list[str] = []  # keys of findings that nobody told yet
        self._last: Evidence | None = None  # "more" shows it whole
        self._said = ""  # by the person, last

    def job(self, label: str, total: int) -> AbstractContextManager[Ticker]:
        """Progress of a long job, on stderr once it takes over a second."""
        return self._progress.job(label, total, self._interrupts.asked)

    def run(self, open_session: OpenSession) -> int:
        """Converse until the person leaves, their input ends, or they interrupt twice.

        Raises:
            KeyboardInterrupt: the person left with Ctrl-C.
            UserError: the session can't be opened.
        """
        self._progress.say("Loading the case …")
        session = open_session(self)
        try:
            self._welcome(session)
            self._reader.completes(lambda text: self._completions(session, text))
            self._turn(session, lambda s: s.start())
            while (line := self._ask()) is not None:
                going_on = self._answer if self._pending is None else self._decide
                if not going_on(session, line):
                    break
        finally:
            session.close()
        self._progress.say(f"The case is kept in {shown_place(session.folder)}.")
        return OK

    def _welcome(self, session: SessionLike) -> None:
        before = past(session.state())
        self._lines.say(f"Failsight · {inert_text(session.name)}. /help lists the commands, /quit leaves.")
        if before.evidence or any(s.role == "person" for s in before.said):
            self._lines.say(
                f"Taken up again (messages {len(before.said)} · evidence {len(before.evidence)})."
            )

    @staticmethod
    def _completions(session: SessionLike, line: str) -> list[str]:
        now = take(session.state())
        known = Known(commands.offered(inert(session.actions())), now.words, now.names)
        return [made for made, _ in options(line, known)]

    @staticmethod
    def _album(session: SessionLike) -> Album:
        return Album.of(session.folder, session.state().config)

    def _ask(self) -> str | None:
        """One line of the person; None at the end of the input. Two interrupts in a row leave."""
        for patience in (True, False):
            try:
                prompt = "y/a/n> " if self._pending else "> "
                if not self._reader.edits:
                    self._progress.prompt(prompt)
                line = self._reader.read(prompt)
                return None if line is None else inert_text(line).strip()
            except KeyboardInterrupt:
                if not patience:
                    raise
                self._progress.say("\nNothing is running. Ctrl-C again leaves (so does /quit).")
        return None

    def _answer(self, session: SessionLike, line: str) -> bool:
        """Do what ``line`` says; False to leave."""
        if not line:
            return True
        if line.isdecimal() and len(line) < 10 and 1 <= int(line) <= len(self._choices):
            line = self._choices[int(line) - 1]
        if not self._reader.echoes:  # a terminal shows what is typed, a pipe does not
            self._lines.say(f"› {line}")
        self._measured, self._said = [], line
        if self._last is not None and line.casefold().rstrip(".!") in MORE:
            self._lines.evidence(self._last, self._album(session), whole=True)
            return True
        command = commands.parse(line)
        if command is None:
            self._turn(session, lambda s: s.say(line))
        elif command.name in LEAVE:
            return False
        elif not self._local(session, command):
            self._turn(session, lambda s: commands.act(s, command))
        return True

    def _decide(self, session: SessionLike, line: str) -> bool:
        """Answer the pending approval; False to leave. A sentence of its own sets the question aside and is answered."""
        said, command = consent(line), commands.parse(line)
        if said is not None:
            self._pending = None
            self._turn(session, lambda s: s.decide(said != "no", always=said == "always"))
            return True
        if command is not None and command.name in LEAVE:
            return False
        if command is not None or self._of_budget() or len(line.split()) == 1:
            if command is None or not self._local(session, command):
                self._progress.say(ASKED_AGAIN)
            return True
        for _ in range(MOST_SET_ASIDE):
            asked, self._pending = self._pending, None
            if asked is None:
                break
            self._lines.say(f"Set aside: {asked.tool} was not run. Ask for it again when you want it.", "dim")
            self._turn(session, lambda s: s.decide(False), quiet=True)
        return self._pending is not None or self._answer(session, line)

    def _of_budget(self) -> bool:
        return self._pending is not None and self._pending.tool == BUDGET

    def _turn(self, session: SessionLike, turn: Turn, *, quiet: bool = False) -> None:
        """Show the events of one turn (``quiet``: but not what the planner says); an interrupt or an error ends the turn, not the
        conversation."""
        self._choices = ()
        try:
            with self._interrupts.while_running(session.cancel):
                try:
                    for event in turn(session):
                        if not (quiet and isinstance(event, PlannerSaid)):
                            self._show(inert(event), session)
                finally:  # what was measured is told, however the turn ends
                    self._tell(session)
            if self._interrupts.asked():
                raise KeyboardInterrupt
        except KeyboardInterrupt:
            self._lines.say("Stopped; nothing is lost.")
        except FailsightError as error:
            self._lines.warn(sentence(error))
        except (BrokenPipeError, SystemExit):
            raise
        except Exception as error:  # a bug of ours: the conversation goes on
            self._lines.warn(bug_line(error, session.folder))

    def _show(self, event: SessionEvent, session: SessionLike) -> None:
        if isinstance(event, PlannerSaid):
            self._tell(session, event.text)
        elif isinstance(event, EvidenceMade):
            self._lines.headline(event.evidence, reused=event.reused)
            self._measured.append(event.evidence)
            self._last = event.evidence
            self._found += [f.key for f in event.evidence.findings]
            return
        elif self._waited() if isinstance(event, ToolStarted) else not isinstance(event, Notice):
            self._tell(session)
        if isinstance(event, ToolStarted):  # the sentence stands right above
            event = replace(event, why=event.why.removesuffix(f": {self._said}"))
        self._lines.event(event, self._album(session))
        if isinstance(event, PlannerSaid) and event.choices:
            self._choices = event.choices
        elif isinstance(event, ApprovalAsked):
            self._pending = event

    def _waited(self) -> bool:
        """Whether a measurement took so long that what came out is told before the next thing begins."""
        return any(e.seconds >= WORTH_SHOWING for e in self._measured)

    def _tell(self, session: SessionLike, said: str = "") -> None:
        """What the measurements since anybody spoke came to, without what ``said`` tells."""
        for made in self._measured:
            self._lines.result(
                made, self._album(session), told=made.summary in said or f"[{made.id}]" in said
            )
        self._measured = []
        self._tell_findings(session, said)

    def _tell_findings(self, session: SessionLike, said: str = "") -> None:
        """The findings of the last measurements that ``said`` does not tell, a line each."""
        keys, self._found = set(self._found), []
        for record in take(session.state()).records if keys else ():
            if record.finding.key in keys and not re.search(rf"\b{record.id}\b", said):
                self._lines.say(finding_line(record))

    # commands of the display itself

    def _local(self, session: SessionLike, command: commands.Command) -> bool:
        match command.name:
            case "/help":
                self._help(session)
            case "/map":
                self._map(session)
            case "/evidence":
                self._evidence(session, command.rest.upper())
            case "/find":
                self._find(session, command.rest)
            case "/copy":
                self._copy(session, command.rest)
            case "/learn":
                self._learn(command.rest)
            case "/glossary":
                for term in looked_up(command.rest, terms()):
                    self._lines.say(term.line())
            case "/finding" | "/findings":
                self._finding(session, command.rest.upper())
            case _:
                return False
        return True

    def _help(self, session: SessionLike) -> None:
        for name, words in commands.offered(inert(session.actions())).items():
            self._lines.say(f"{name:<14} {words}")
        self._lines.say(
            "A number picks an offered answer; y, a (always for this tool) and n answer a question for approval; anything else sets it aside. `more` shows the last measurement whole."
        )
        self._lines.say(
            "Ctrl-C stops what runs; at the prompt, twice leaves. The end of the input leaves too."
        )

    def _learn(self, wanted: str) -> None:
        """The list of lessons; with a name that one, until it ends or is left, then the conversation goes on."""
        from failsight.agent.learn.command import lesson_named
        from failsight.agent.learn.lines import LineDialogue
        from failsight.agent.learn.progress import load_progress
        from failsight.agent.learn.school import school
        from failsight.agent.learn.screenwords import listed

        progress = load_progress()
        if not wanted:
            for line in listed(progress):
                self._lines.say(line)
            self._lines.say("/learn NAME or NUMBER begins one; `failsight learn` opens them by themselves.")
            return
        try:
            lesson = lesson_named(wanted)
        except FailsightError as error:
            self._lines.warn(sentence(error))
            return
        dialogue = LineDialogue(*self._streams)
        dialogue.run(school(progress, dialogue, lesson))
        self._lines.say("Back in the conversation.")

    def _map(self, session: SessionLike) -> None:
        for text, _ in map_lines(take(session.state()), session.workflow):
            self._lines.say(text)

    def _find(self, session: SessionLike, wanted: str) -> None:
        before, now = past(session.state()), take(session.state())
        said = [Said(s.role, s.text) for s in before.said]
        found = search(wanted, said, before.evidence, now.records)
        for one in found:
            self._lines.say(one.line())
        if not found:
            self._lines.say(f"Nothing says {wanted}." if wanted else "Search for what? /find television")

    def _copy(self, session: SessionLike, wanted: str) -> None:
        """Without a clipboard, copying is printing it whole."""
        before, now = past(session.state()), take(session.state())
        said = [(s.role, s.text) for s in before.said]
        what, text = text_of(wanted, {e.id: e for e in before.evidence}, now.records, said)
        self._lines.say(text) if text else self._lines.warn(what)

    def _evidence(self, session: SessionLike, wanted: str) -> None:
        known = {e.id: e for e in past(session.state()).evidence}
        if wanted in known:
            self._lines.evidence(known[wanted], self._album(session), whole=True)
        elif wanted:
            self._lines.warn(f"There is no evidence {wanted}.")
        for evidence in known.values() if wanted not in known else ():
            self._lines.say(f"{evidence.id} {evidence.title} ({evidence.tool})")
        if not known and not wanted:
            self._lines.say("No evidence yet.")

    def _finding(self, session: SessionLike, wanted: str) -> None:
        now = take(session.state())
        record = now.find(wanted)
        if record is not None:
            self._lines.finding(record)
        elif wanted:
            self._lines.warn(f"There is no hypothesis {wanted}.")
        for other in now.records if record is None else ():
            self._lines.say(finding_line(other))
        if not now.records and not wanted:
            self._lines.say("No hypotheses yet.")
