"""Journeys of a person, described once and walked twice: through the app by keys, and line by line."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from failsight.agent.ui.plain import PlainDisplay
from failsight.agent.ui.tui.screens.approval import ApprovalScreen
from tests.fakes.session import ScriptedSession
from tests.ui.stage import SCRIPT, WEAKEST, on_stage

# lines typed (y, a, n answer an approval), what the session was asked, and words that are seen at the end
Journey = tuple[tuple[str, ...], list[tuple[str, object]], str]
JOURNEYS: dict[str, Journey] = {
    "ask a question": ((WEAKEST,), [("say", WEAKEST)], "recall 64.0 %"),
    "pick an offered answer": (("1",), [("say", WEAKEST)], "recall 64.0 %"),
    "test a hypothesis": (("test it",), [("say", "test it")], "Confirmed."),
    "allow a tool": (("repair it", "y"), [("say", "repair it"), ("decide", True)], "Done."),
    "always allow it": (("repair it", "a"), [("say", "repair it"), ("decide", "always")], "Done."),
    "decline it": (("repair it", "n"), [("say", "repair it"), ("decide", False)], "Then not."),
    "look at evidence": ((WEAKEST, "/evidence E1"), [("say", WEAKEST)], "Accuracy and recall by class"),
    "look at a hypothesis": (("test it", "/finding F1"), [("say", "test it")], "Kitchens with a television"),
    "search": (("test it", "/find television"), [("say", "test it")], "television"),
    "look a word up": (("/glossary recall",), [], "Among pictures of the class"),
    "see the map": (("test it", "/map"), [("say", "test it")], "Ways on from here"),
    "run the rest": (("/auto",), [("auto", None)], "All done."),
    "write the report": (("/report html",), [("act", "/report html")], "Did /report html."),
    "help": (("/help",), [], "/glossary"),
}


async def by_keys(folder: Path, lines: tuple[str, ...], seen: str) -> ScriptedSession:
    async with on_stage(folder, SCRIPT, size=(120, 110)) as stage:
        for line in lines:
            if isinstance(stage.app.screen, ApprovalScreen) or line.isdecimal():
                await stage.pilot.press(line)
            else:
                await stage.type(line)
            await stage.rest()
        await stage.until(lambda: seen in stage.text())
        return stage.session


async def by_lines(folder: Path, lines: tuple[str, ...], seen: str) -> ScriptedSession:
    out, session = io.StringIO(), ScriptedSession(folder, SCRIPT)
    PlainDisplay(io.StringIO("\n".join(lines) + "\n"), out, io.StringIO(), False).run(
        lambda progress: session
    )
    assert seen in out.getvalue()
    return session


@pytest.mark.parametrize("walk", [by_keys, by_lines])
@pytest.mark.parametrize("name", JOURNEYS)
async def test_a_journey(name: str, walk: object, tmp_path: Path) -> None:
    lines, asked, seen = JOURNEYS[name]
    session = await walk(tmp_path, lines, seen)  # type: ignore[operator]
    assert session.asked == asked
