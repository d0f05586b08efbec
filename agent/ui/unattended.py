"""Unattended: the whole workflow without a question, then what it found. For ``failsight run`` and ``demo --auto``."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING, TextIO

from failsight import prompts
from failsight.agent.declined import by_policy
from failsight.agent.events import PlannerSaid, SessionEvent
from failsight.agent.places import shown_place
from failsight.agent.ui.interrupts import Interrupts
from failsight.agent.ui.lines import Lines, ProgressLines
from failsight.agent.ui.readiness import CODES, as_given, readiness_lines
from failsight.agent.ui.snapshot import take
from failsight.agent.ui.words import finding_line, inert, inert_text

if TYPE_CHECKING:
    from failsight.agent.state import CaseState
    from failsight.agent.ui.display import OpenSession, SessionLike
    from failsight.tools.evidence import Evidence
    from failsight.tools.view import Ticker


class RunDisplay:
    """No questions: the whole workflow, then its findings. For ``failsight run`` and ``demo --auto``.

    Stages, tools and progress go to stderr; findings, readiness and the places of the reports to stdout.

    Args:
        quiet: no stages and tools on stderr, only warnings.
        formats: the reports to write at the end.
    """

    def __init__(
        self,
        out_stream: TextIO | None = None,
        err_stream: TextIO | None = None,
        colour: bool | None = None,
        *,
        quiet: bool = False,
        formats: tuple[str, ...] = ("md", "html", "json"),
    ) -> None:
        err = err_stream or sys.stderr
        self._out, self._log = Lines(out_stream or sys.stdout, colour), Lines(err, colour)
        self._progress = ProgressLines(err, silent=quiet)
        self._interrupts = Interrupts(self._progress.say)
        self._quiet, self._formats = quiet, formats

    def job(self, label: str, total: int) -> AbstractContextManager[Ticker]:
        """Progress of a long job, on stderr once it takes over a second."""
        return self._progress.job(label, total, self._interrupts.asked)

    def run(self, open_session: OpenSession, exit_codes: Mapping[str, int] = CODES) -> int:
        """Run to the end; 0 ready, 3 not ready, 4 undecided.

        Args:
            open_session: builds the session.
            exit_codes: readiness verdict → exit code.

        Raises:
            KeyboardInterrupt: stopped; the same command goes on.
            UserError: what a person must mend.
        """
        session = open_session(self)
        try:
            with self._interrupts.while_running(session.cancel):
                for event in session.auto():
                    self._show(inert(event), session)
            if self._interrupts.asked():
                raise KeyboardInterrupt
            state = session.state()
            for line in self._result(session):
                self._out.say(line)
            for line in readiness_lines(state):
                self._out.say(line)
            for path in session.write_report(self._formats):
                self._out.say(f"report: {shown_place(path)}")
            if not self._quiet:
                self._log.say(f"ask on: failsight chat {shlex.quote(shown_place(session.folder))}", "dim")
            return exit_codes[as_given(state)]
        finally:
            session.close()

    def _show(self, event: SessionEvent, session: SessionLike) -> None:
        if isinstance(event, PlannerSaid):  # nobody is there to choose, and the report is written anyway
            text = event.text.removesuffix(prompts.say("nothing_next")).rstrip()
            if text != event.text and session.state().confirmed():
                return  # the closing words: what follows on stdout says the same
            event = replace(event, text=text, choices=())
        if not self._quiet or getattr(event, "level", "info") != "info":
            self._log.brief(event)

    def _result(self, session: SessionLike) -> Iterator[str]:
        """How well it does and what it takes for what; confirmed findings; then what was refuted or stayed open: it saves the
        next person the work."""
        state = session.state()
        for made in (state.latest("evaluate"), whole_matrix(state)):
            if made is not None:
                yield inert_text(f"{made.id} {made.summary}")
        from failsight.agent.narrate.findings import ordered  # a report is written right after this
        from failsight.agent.narrate.parts import parts
        from failsight.agent.narrate.record import Record

        part_of = parts(Record(state, []))

        by_weight = {r.id: i for i, r in enumerate(ordered(state))}
        records = sorted(take(state).records, key=lambda r: by_weight[r.id])
        confirmed = [r for r in records if r.standing == "confirmed"]
        yield f"{len(confirmed)} of {len(records)} hypotheses confirmed."
        for record in (*confirmed, *(r for r in records if r not in confirmed)):
            whole = part_of.get(record.id)
            yield finding_line(record, 600) + (f" (part of {inert_text(whole.of)})" if whole else "")
        yield from (
            inert_text(f"{e.id} {e.summary}") for e in state.measured_now() if e.tool == "verify_correction"
        )
        yield from (inert_text(text) for text in by_policy(state))


def whole_matrix(state: CaseState) -> Evidence | None:
    """The last count of what is taken for what, over all classes."""
    return next(
        (
            e
            for e in reversed(state.measured_now())
            if e.tool == "confusion_matrix" and not e.arguments.get("true_class")
        ),
        None,
    )
