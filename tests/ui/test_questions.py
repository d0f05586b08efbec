"""Questions and problems that come up above the conversation, and what is answered by mouse."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from failsight.agent.events import ApprovalAsked, Notice, ToolFailed
from failsight.agent.ui.tui.app import FailsightApp
from failsight.agent.ui.tui.screens.approval import ApprovalScreen
from failsight.agent.ui.tui.screens.help import HelpScreen
from failsight.agent.ui.tui.screens.problem import ProblemScreen
from failsight.tools.errors import UserError
from tests.fakes.session import ScriptedSession
from tests.ui.stage import SCRIPT, WEAKEST, on_stage


async def test_an_approval_is_answered_by_key_or_mouse(tmp_path: Path) -> None:
    """Enter on the box as it opens is a no: what costs or writes takes a deliberate key."""
    async with on_stage(tmp_path, size=(80, 24)) as stage:
        for key, answer in (("y", True), ("enter", False), ("escape", False), ("a", "always"), ("", True)):
            await stage.type("repair it")
            await stage.until(lambda: isinstance(stage.app.screen, ApprovalScreen))
            await (stage.pilot.press(key) if key else stage.pilot.click("#yes"))
            await stage.rest()
            assert stage.session.asked[-1] == ("decide", answer)


async def test_words_that_are_being_typed_answer_no_approval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The question comes up when the work has come so far: the letters of a word must not allow it, nor Enter refuse it."""
    async with on_stage(tmp_path) as stage:
        monkeypatch.setattr(ApprovalScreen, "QUIET", 0.6)
        await stage.type("repair it")
        await stage.until(lambda: isinstance(stage.app.screen, ApprovalScreen))
        await stage.pilot.press(*"many", "enter")
        assert isinstance(stage.app.screen, ApprovalScreen)
        await asyncio.sleep(0.7)
        await stage.pilot.press("y")
        await stage.rest()
        assert stage.session.asked[-1] == ("decide", True)
        await stage.type("repair it")
        await stage.until(lambda: isinstance(stage.app.screen, ApprovalScreen))
        await stage.pilot.press("x", "escape")  # a no is taken at once
        await stage.rest()
        assert stage.session.asked[-1] == ("decide", False)


async def test_a_user_error_shows_its_sentence_once_and_the_app_goes_on(tmp_path: Path) -> None:
    script = {**SCRIPT, "x": [UserError("The disk is full.", "Free some space.")]}
    async with on_stage(tmp_path, script) as stage:
        await stage.type("x")
        await stage.until(lambda: isinstance(stage.app.screen, ProblemScreen))
        assert "The disk is full. Free some space." in stage.text()
        await stage.pilot.press("enter")
        await stage.rest()
        await stage.type("hello")
        await stage.rest()
        assert "You said: hello" in stage.text()


async def test_a_bug_writes_a_crash_report_and_the_app_goes_on(tmp_path: Path) -> None:
    async with on_stage(tmp_path, {**SCRIPT, "x": [ZeroDivisionError("oh")]}) as stage:
        await stage.type("x")
        await stage.until(lambda: isinstance(stage.app.screen, ProblemScreen))
        (report,) = tmp_path.glob("crash-*.txt")
        assert "ZeroDivisionError" in report.read_text() and "crash report" in stage.text()
        await stage.pilot.press("escape")
        await stage.type("hello")
        await stage.rest()
        assert "You said: hello" in stage.text()


@pytest.mark.parametrize(
    ("error", "code"), [(UserError("No such model.", "Give --model."), 2), (ValueError("x"), 1)]
)
async def test_a_session_that_cannot_open_ends_the_app_with_its_code(
    tmp_path: Path, error: Exception, code: int
) -> None:
    def fail(progress: Any) -> ScriptedSession:
        raise error

    app = FailsightApp(fail)
    async with app.run_test() as pilot:
        for _ in range(200):
            await pilot.pause(0.02)
            if isinstance(app.screen, ProblemScreen):
                break
        await pilot.press("enter")
        await pilot.pause()
    assert app.return_value == code and app.talk and app.talk.problem


async def test_events_without_evidence_show(tmp_path: Path) -> None:
    script = {
        "start": [
            ToolFailed("saliency", "no weights"),
            Notice("3 images left out", "warning"),
            Notice("broken", "error"),
            Notice("fyi"),
            ApprovalAsked("apply", {"a": 1}, "because", "cheap"),
        ]
    }
    async with on_stage(tmp_path, script) as stage:
        await stage.until(lambda: isinstance(stage.app.screen, ApprovalScreen))
        text = stage.text()
        for words in ("✗ saliency: no weights", "! 3 images left out", "✗ broken", "i fyi", "cheap"):
            assert words in text
        await stage.pilot.press("n")
        await stage.rest()


async def test_clicking_a_quick_reply_says_it(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.pilot.click("#choices Choice")
        await stage.rest()
        assert stage.session.asked == [("say", WEAKEST)]


async def test_clicking_a_key_presses_it(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        line = stage.text().splitlines()[-1]
        assert "F1 Help" in line and "^p Commands" in line
        await stage.pilot.click(offset=(line.index("F1 Help") + 1, stage.app.size.height - 1))
        await stage.until(lambda: isinstance(stage.app.screen, HelpScreen))
