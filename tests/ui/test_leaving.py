"""Leaving the app: what is said when the screen is gone, and work that cannot be interrupted."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from failsight.agent.events import PlannerSaid
from failsight.agent.ui.runner import SessionThread
from failsight.agent.ui.tui.app import FailsightApp, run_app
from failsight.agent.ui.tui.screens.problem import ProblemScreen
from failsight.tools.errors import UserError
from tests.fakes.session import ScriptedSession
from tests.ui.stage import SCRIPT

RUN = FailsightApp.run


def run(monkeypatch: pytest.MonkeyPatch, open_session: Any, act: Any) -> int:
    """``run_app`` without a terminal: ``act`` is given the pilot once the app runs."""
    monkeypatch.setattr(FailsightApp, "run", lambda self: RUN(self, headless=True, auto_pilot=act))
    return run_app(open_session)


def test_leaving_says_where_the_case_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    async def leave(pilot: Any) -> None:
        await pilot.press("ctrl+q")

    sessions: list[ScriptedSession] = []

    def open_session(progress: Any) -> ScriptedSession:
        sessions.append(ScriptedSession(tmp_path, SCRIPT, progress))
        return sessions[0]

    assert run(monkeypatch, open_session, leave) == 0
    assert not sessions or sessions[0].closed

    async def rest_and_leave(pilot: Any) -> None:
        while pilot.app.busy:
            await pilot.pause(0.02)
        await pilot.press("ctrl+q")

    assert run(monkeypatch, open_session, rest_and_leave) == 0
    out = capsys.readouterr()
    assert f"`failsight chat {tmp_path}` goes on" in out.err and out.out == ""


def test_what_cannot_be_opened_is_still_said_when_the_screen_is_gone(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def fail(progress: Any) -> ScriptedSession:
        raise UserError("No such model.", "Give --model.")

    async def close(pilot: Any) -> None:
        while not isinstance(pilot.app.screen, ProblemScreen):
            await pilot.pause(0.02)
        await pilot.press("enter")

    assert run(monkeypatch, fail, close) == 2
    assert capsys.readouterr().err == "No such model. Give --model.\n"


def test_a_broken_widget_ends_the_app_with_a_crash_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    async def broken(self: object, message: object) -> None:
        secret = "in a local variable"
        raise RuntimeError("a bug of ours") if secret else None

    async def type_(pilot: Any) -> None:
        while pilot.app.busy:
            await pilot.pause(0.02)
        await pilot.press("x", "enter")

    monkeypatch.setattr(FailsightApp, "on_answered", broken)
    assert run(monkeypatch, lambda p: ScriptedSession(tmp_path, SCRIPT, p), type_) == 1
    (report,) = tmp_path.glob("crash-*.txt")
    said = capsys.readouterr().err
    assert str(report) in said and "a bug of ours" in report.read_text()
    assert "in a local variable" not in said.replace(str(report), "")


def test_closing_gives_up_on_work_that_cannot_be_interrupted(tmp_path: Path) -> None:
    """A pass of the model that never ticks must not keep the program from leaving."""
    started, hold = threading.Event(), threading.Event()

    def stuck(session: ScriptedSession) -> Any:
        started.set()
        hold.wait(10)
        yield PlannerSaid("late")

    thread = SessionThread(lambda p: ScriptedSession(tmp_path, {"start": [stuck]}, p), lambda u: None)
    thread.begin()
    assert started.wait(10)
    assert thread.close(patience=0.05) is False
    hold.set()
    assert thread.close(patience=10) is True
