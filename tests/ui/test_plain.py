"""The line-by-line look: conversation, approvals, interrupts, the ends of input, unattended runs."""

from __future__ import annotations

import io
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from failsight import prompts
from failsight.agent.events import EvidenceMade, Notice, PlannerSaid
from failsight.agent.ui.consent import consent
from failsight.agent.ui.errors import guard
from failsight.agent.ui.lines import ProgressLines
from failsight.agent.ui.plain import PlainDisplay
from failsight.agent.ui.progress import JobState
from failsight.agent.ui.unattended import RunDisplay
from failsight.tools.errors import UserError
from failsight.tools.evidence import Evidence, Fact
from tests.fakes.session import ScriptedSession, Step, evaluation, masking
from tests.ui.stage import SCRIPT, WEAKEST


class Talk:
    """A conversation in lines that has come to its end."""

    def __init__(
        self, folder: Path, lines: str, script: Mapping[str, list[Step]] | None = None, colour: bool = False
    ) -> None:
        self.out, self.err = io.StringIO(), io.StringIO()
        display = PlainDisplay(io.StringIO(lines), self.out, self.err, colour)
        self.session = ScriptedSession(folder, SCRIPT if script is None else script, display)
        self.code = display.run(lambda progress: self.session)

    @property
    def text(self) -> str:
        return self.out.getvalue()


def test_a_conversation_from_a_pipe(tmp_path: Path) -> None:
    """Quick replies by number, evidence as text, approvals by y and n; the end of the input is a clean end."""
    talk = Talk(tmp_path, "1\ntest it\nrepair it\nmaybe\ny\nrepair it\nn\nrepair it\nalways\n")
    assert talk.code == 0 and talk.session.closed
    decisions = [given for name, given in talk.session.asked if name == "decide"]
    assert talk.session.asked[:2] == [("say", WEAKEST), ("say", "test it")] and decisions == [
        True,
        False,
        "always",
    ]
    for words in (
        f"  1 {WEAKEST}",
        f"› {WEAKEST}",
        "E1 Accuracy",
        "Recall by class: class | recall | images",
    ):
        assert words in talk.text
    for words in (
        "F1 ✓ confirmed: Kitchens",
        "── test: a plan",
        "? May retrain run? (finding=F1)",
        "  strategy: rebalance, the best fitting one",
        "  takes: about 2 min 40 s to 8 min",
    ):
        assert words in talk.text
    assert "please answer" in talk.err.getvalue().lower()
    assert "\x1b" not in talk.text + talk.err.getvalue()


def test_the_input_may_end_while_an_approval_waits(tmp_path: Path) -> None:
    talk = Talk(tmp_path, "repair it\n")
    assert talk.code == 0 and not [a for a in talk.session.asked if a[0] == "decide"]


def test_commands_of_the_display(tmp_path: Path) -> None:
    talk = Talk(
        tmp_path,
        "/evidence\n/finding\n1\ntest it\n/map\n/evidence\n/evidence e2\n/evidence E9\n/finding f1\n/nope\n/quit\nhello\n",
    )
    for words in (
        "No evidence yet.",
        "No hypotheses yet.",
        "▶ test (here)",
        "E1 Accuracy and recall by class (evaluate)",
    ):
        assert words in talk.text
    for words in ("There is no evidence E9.", "spurious correlation", "There is no command /nope"):
        assert words in talk.text
    assert ("say", "hello") not in talk.session.asked


def test_errors_end_the_turn_and_not_the_conversation(tmp_path: Path) -> None:
    script = {**SCRIPT, "a": [UserError("The disk is full.", "Free some.")], "b": [ZeroDivisionError("oh")]}
    talk = Talk(tmp_path, "a\nb\nhello\n", script)
    assert "! The disk is full. Free some." in talk.text and "You said: hello" in talk.text
    assert "crash report" in talk.text and len(list(tmp_path.glob("crash-*.txt"))) == 1


def test_a_session_that_cannot_open_is_left_to_the_guard(tmp_path: Path) -> None:
    def fail(progress: Any) -> ScriptedSession:
        raise UserError("No model.", "Give one.")

    err = io.StringIO()
    display = PlainDisplay(io.StringIO(), io.StringIO(), io.StringIO(), False)
    assert guard(lambda: display.run(fail), err=err) == 2
    assert err.getvalue() == "No model. Give one.\n"


def test_a_terminal_gets_tables_and_colour(tmp_path: Path) -> None:
    text = Talk(tmp_path, "1\nmore\n", colour=True).text
    short, whole = text.split("more, or /evidence")
    assert "\x1b[" in text and "recall of class kitchen" in whole and "dining room" in whole
    assert "recall of class kitchen" not in short


def interrupt_after(seconds: float) -> None:
    threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT)).start()


def test_the_first_interrupt_stops_the_turn_at_its_next_step(tmp_path: Path) -> None:
    def step(session: ScriptedSession) -> Iterator[PlannerSaid]:
        interrupt_after(0.05)
        with session.progress.job("predicting", 1000) as ticker:
            for _ in range(1000):
                time.sleep(0.01)
                ticker.advance()
        yield PlannerSaid("never")

    before = signal.getsignal(signal.SIGINT)
    talk = Talk(tmp_path, "x\nhello\n", {**SCRIPT, "x": [step]})
    assert "Stopped; nothing is lost." in talk.text and "never" not in talk.text
    assert talk.session.cancelled.is_set() or "You said: hello" in talk.text
    assert "You said: hello" in talk.text and "Stopping after the current step" in talk.err.getvalue()
    assert signal.getsignal(signal.SIGINT) is before


def test_the_second_interrupt_stops_work_that_does_not_listen(tmp_path: Path) -> None:
    def deaf(session: ScriptedSession) -> Iterator[PlannerSaid]:
        interrupt_after(0.05)
        interrupt_after(0.15)
        time.sleep(5)
        yield PlannerSaid("never")

    started = time.monotonic()
    talk = Talk(tmp_path, "x\nhello\n", {**SCRIPT, "x": [deaf]})
    assert time.monotonic() - started < 4
    assert "Stopped; nothing is lost." in talk.text and "You said: hello" in talk.text


class Interrupting(io.StringIO):
    """Input at which the person presses Ctrl-C ``times`` times before each line."""

    def __init__(self, text: str, times: int) -> None:
        super().__init__(text)
        self._left, self._times = times, times

    def readline(self, size: int = -1) -> str:
        if self._left:
            self._left -= 1
            raise KeyboardInterrupt
        self._left = self._times
        return super().readline(size)


@pytest.mark.parametrize(("times", "code"), [(1, 0), (2, 130)])
def test_at_the_prompt_one_interrupt_warns_and_two_leave(tmp_path: Path, times: int, code: int) -> None:
    err = io.StringIO()
    session = ScriptedSession(tmp_path)
    display = PlainDisplay(Interrupting("hello\n", times), io.StringIO(), err, False)
    assert guard(lambda: display.run(lambda p: session), err=err) == code
    assert "Ctrl-C again leaves" in err.getvalue() and session.closed
    assert (("say", "hello") in session.asked) is (times == 1)


def readiness(verdict: str) -> Evidence:
    return Evidence(
        "readiness",
        "Readiness",
        "Recall of kitchen misses its bound.",
        facts=(Fact("verdict", verdict, "text"),),
    )


@pytest.mark.parametrize(
    ("verdict", "code"), [("ready", 0), ("not_ready", 3), ("not ready", 3), ("undecided", 4), (None, 4)]
)
def test_an_unattended_run_prints_findings_and_exits_by_readiness(
    tmp_path: Path, verdict: str | None, code: int
) -> None:
    steps: list[Step] = [*SCRIPT["test it"], EvidenceMade(evaluation(1)), Notice("3 left out", "warning")]
    out, err = io.StringIO(), io.StringIO()
    session = ScriptedSession(
        tmp_path, {"auto": steps + ([EvidenceMade(readiness(verdict))] if verdict else [])}
    )
    assert RunDisplay(out, err).run(lambda p: session) == code
    lines = out.getvalue().splitlines()
    assert lines[0].startswith("E1 Accuracy is 78.4 %")  # how well it does comes before what was found
    assert lines[1] == "1 of 3 hypotheses confirmed." and lines[2].startswith("F1 ✓ confirmed: Kitchens")
    assert f"readiness: {(verdict or 'undecided').replace('_', ' ')}" in lines
    assert lines[-1] == f"report: {tmp_path / 'report.json'}"
    for words in (
        "── test: a plan",
        "▹ test_by_masking(attribute=television)",
        "E2 Masking the television: Covering",
    ):
        assert words in err.getvalue() and words not in out.getvalue()
    assert session.asked == [("auto", None), ("report", ("md", "html", "json"))] and session.closed


def test_an_unattended_run_offers_no_choices_and_says_how_to_go_on(tmp_path: Path) -> None:
    said = PlannerSaid(f"No finding was confirmed.\n\n{prompts.say('nothing_next')}", ("Go on: correct",))
    out, err = io.StringIO(), io.StringIO()
    RunDisplay(out, err).run(lambda p: ScriptedSession(tmp_path, {"auto": [said]}))
    assert (
        "No finding was confirmed." in err.getvalue()
        and f"ask on: failsight chat {tmp_path}" in err.getvalue()
    )
    assert "/report" not in err.getvalue() and "could be answered" not in err.getvalue()


def test_what_a_run_confirmed_is_told_once(tmp_path: Path) -> None:
    said = PlannerSaid(f"1 confirmed: kitchens.\n\n{prompts.say('nothing_next')}")
    out, err = io.StringIO(), io.StringIO()
    RunDisplay(out, err).run(lambda p: ScriptedSession(tmp_path, {"auto": [*SCRIPT["test it"], said]}))
    assert "F1 ✓ confirmed" in out.getvalue() and "1 confirmed: kitchens." not in err.getvalue()


def test_a_quiet_run_only_warns(tmp_path: Path) -> None:
    out, err = io.StringIO(), io.StringIO()
    script = {"auto": [*SCRIPT["test it"], Notice("3 left out", "warning")]}
    assert RunDisplay(out, err, quiet=True).run(lambda p: ScriptedSession(tmp_path, script)) == 4
    assert err.getvalue() == "! 3 left out\n" and "F1 ✓" in out.getvalue()


def test_an_interrupted_run_says_that_nothing_is_lost(tmp_path: Path) -> None:
    def step(session: ScriptedSession) -> Iterator[PlannerSaid]:
        interrupt_after(0.05)
        with session.progress.job("predicting", 500) as ticker:
            for _ in range(500):
                time.sleep(0.01)
                ticker.advance()
        yield PlannerSaid("never")

    err = io.StringIO()
    display = RunDisplay(io.StringIO(), err)
    session = ScriptedSession(tmp_path, {"auto": [step]}, display)
    assert guard(lambda: display.run(lambda p: session), err=err) == 130
    assert "nothing is lost: run the same command" in err.getvalue() and session.closed


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_is_rewritten_on_a_terminal_and_rare_elsewhere() -> None:
    for stream, expected in (
        (Terminal(), "\rx"),
        (io.StringIO(), "x 50 % · 2 s left\nx: 20 done\n"),
    ):
        lines = ProgressLines(stream)
        lines._show(JobState(1, "x", 1, 20, 0.5))  # shorter than a second: unseen
        assert stream.getvalue() == ""
        lines._show(JobState(1, "x", 10, 20, 2.0))
        lines._show(JobState(1, "x", 20, 20, 4.0, ended=True))
        written = stream.getvalue()
        if stream.isatty():
            assert "━" in written and written.endswith("\r") and "\n" not in written
        else:
            assert written == expected


def test_short_jobs_and_silent_ones_pass_unseen() -> None:
    for lines, seconds in (
        (ProgressLines(io.StringIO()), 0.4),
        (ProgressLines(io.StringIO(), silent=True), 9.0),
    ):
        lines._show(JobState(7, "x", 5, 20, seconds))
        lines._show(JobState(7, "x", 20, 20, seconds, ended=True))
        assert lines._stream.getvalue() == ""  # type: ignore[attr-defined]


def test_evidence_lies_in_the_session_for_later(tmp_path: Path) -> None:
    """What a pipe shows in short is there in full on demand."""
    session = ScriptedSession(tmp_path, {"start": [EvidenceMade(masking(1))]})
    out = io.StringIO()
    PlainDisplay(io.StringIO("/evidence E1\n"), out, io.StringIO(), False).run(lambda p: session)
    short, whole = out.getvalue().split("› /evidence E1")
    assert "test_by_masking: effect +31.0 points" not in short
    assert whole.count("test_by_masking: effect +31.0 points") == 1


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("y", "yes"), ("ok yes do it", "yes"), ("go ahead, please", "yes"), ("Yes, always", "always"), ("a", "always"),
        ("", "no"), ("No, don't do that.", "no"), ("no thanks", "no"), ("not now", "no"), ("stop", "no"),
        ("no, i meant at night", None), ("is the old one lost then", None), ("yes but only for kitchens", None),
        ("ok?", None), ("show me wrong kitchens", None), ("do kitchens fail in the dark", None), ("maybe", None),
    ],
)  # fmt: skip
def test_people_say_yes_and_no_in_their_own_words(line: str, meant: str | None) -> None:
    assert consent(line) == meant


def test_a_sentence_of_its_own_sets_the_question_aside_and_is_answered(tmp_path: Path) -> None:
    talk = Talk(tmp_path, "repair it\n/map\ntest it\nrepair it\n/quit\ntest it\n")
    asked = [a for a in talk.session.asked if a[0] in ("say", "decide")]
    assert asked == [("say", "repair it"), ("decide", False), ("say", "test it"), ("say", "repair it")]
    assert "Set aside: " in talk.text and "Stages" in talk.text  # a look leaves the question where it is


def test_findings_that_the_answer_tells_are_not_told_before_it(tmp_path: Path) -> None:
    said = PlannerSaid("F1 is the one: kitchens.")
    for words, told in (((said,), 0), ((), 1)):
        measured = [e for e in SCRIPT["test it"] if not isinstance(e, PlannerSaid)]
        session = ScriptedSession(tmp_path, {"start": [*measured, *words]})
        out = io.StringIO()
        PlainDisplay(io.StringIO(""), out, io.StringIO(), False).run(lambda p, s=session: s)
        assert out.getvalue().count("F1 ✓ confirmed") == told


def test_what_was_measured_is_told_however_the_turn_ends(tmp_path: Path) -> None:
    steps: list[Step] = [EvidenceMade(masking(1)), RuntimeError("a bug of ours")]
    out = io.StringIO()
    PlainDisplay(io.StringIO(""), out, io.StringIO(), False).run(
        lambda p: ScriptedSession(tmp_path, {"start": steps})
    )
    assert masking(1).summary in out.getvalue() and "Something broke" in out.getvalue()


def test_a_notice_before_the_words_does_not_tell_the_summary_twice(tmp_path: Path) -> None:
    made = masking(1)
    steps: list[Step] = [EvidenceMade(made), Notice("by the way"), PlannerSaid(f"{made.summary} [E1]")]
    out = io.StringIO()
    PlainDisplay(io.StringIO(""), out, io.StringIO(), False).run(
        lambda p: ScriptedSession(tmp_path, {"start": steps})
    )
    assert out.getvalue().count(made.summary) == 1
