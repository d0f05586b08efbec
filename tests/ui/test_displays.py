"""Both looks offer every action of a session and show every kind of event."""

from __future__ import annotations

import io
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import get_args

import pytest

from failsight.agent.events import (
    ApprovalAsked,
    EvidenceMade,
    ImagesOpened,
    MatrixOpened,
    Notice,
    PictureOpened,
    PlannerSaid,
    SessionEvent,
    StageEntered,
    ToolFailed,
    ToolStarted,
)
from failsight.agent.slash import ACTIONS as SESSION_ACTIONS
from failsight.agent.ui import commands
from failsight.agent.ui.plain import PlainDisplay
from failsight.agent.ui.tui.app import FailsightApp
from failsight.agent.ui.tui.screens.approval import ApprovalScreen
from tests.fakes.session import ACTIONS, ScriptedSession, Step, evaluation, masking
from tests.ui.stage import Stage, in_both_looks, on_stage

EVENTS: dict[type, tuple[SessionEvent, tuple[str, ...]]] = {
    PlannerSaid: (PlannerSaid("Hello **there**.", ("Pick me",)), ("Hello", "there", "1 Pick me")),
    StageEntered: (StageEntered("context", "recall was low"), ("context", "recall was low")),
    ToolStarted: (ToolStarted("evaluate", {"split": "deploy"}, "to see"), ("evaluate(split=deploy)", "to see")),
    EvidenceMade: (EvidenceMade(evaluation(1)), ("E1", "Accuracy and recall by class", "The kitchen is the weakest")),
    ToolFailed: (ToolFailed("saliency", "it has no weights"), ("saliency: it has no weights",)),
    ApprovalAsked: (ApprovalAsked("retrain", {"epochs": 3}, "it is asked for", "pass"), ("retrain", "3", "it is asked for", "one pass")),
    Notice: (Notice("3 images left out", "warning"), ("! 3 images left out",)),
}  # fmt: skip
Show = Callable[[Path, list[Step], str], Awaitable[tuple[str, ScriptedSession]]]


async def in_the_app(folder: Path, start: list[Step], line: str) -> tuple[str, ScriptedSession]:
    """The screen after ``start`` (and the screen after ``line``), and the session."""
    async with on_stage(folder, {"start": start}, size=(120, 110)) as stage:
        text = stage.text()
        if isinstance(stage.app.screen, ApprovalScreen):
            await stage.pilot.press("y")
            await stage.rest()
        if line:
            await stage.type(line)
            await stage.rest()
            text += stage.text()
        return text, stage.session


async def in_lines(folder: Path, start: list[Step], line: str) -> tuple[str, ScriptedSession]:
    """The lines that were printed, and the session."""
    out = io.StringIO()
    asked = any(isinstance(step, ApprovalAsked) for step in start)
    session = ScriptedSession(folder, {"start": start})
    given = io.StringIO(("y\n" if asked else "") + (f"{line}\n" if line else ""))
    PlainDisplay(given, out, io.StringIO(), False).run(lambda progress: session)
    return out.getvalue(), session


LOOKS = pytest.mark.parametrize("show", [in_the_app, in_lines])


def test_every_kind_of_event_is_tried() -> None:
    own = {PictureOpened, ImagesOpened, MatrixOpened}  # open screens: test_whatif and test_gallery try them
    assert set(EVENTS) | own == set(get_args(SessionEvent))


@LOOKS
async def test_every_event_shows(show: Show, tmp_path: Path) -> None:
    events = [event for event, _ in EVENTS.values() if not isinstance(event, ApprovalAsked)]
    text, _ = await show(tmp_path, list(events), "")
    asked, session = await show(tmp_path, [EVENTS[ApprovalAsked][0]], "")
    for kind, (_, words) in EVENTS.items():
        for word in words:
            assert word in (asked if kind is ApprovalAsked else text), f"{kind.__name__}: {word!r}"
    assert session.asked == [("decide", True)]


@LOOKS
async def test_every_action_works(show: Show, tmp_path: Path) -> None:
    """Each action as it is listed, and those that every display has: typed one after the other."""
    start: list[Step] = [EvidenceMade(evaluation(i + 1)) for i in range(3)]
    for action in ("/why", "/report html"):
        text, session = await show(tmp_path, start, action)
        assert session.asked == [("act", action)] and f"Did {action}." in text
    for action, words in (
        ("/help", ACTIONS["/why"]),
        ("/evidence E3", "E3 "),
    ):  # the display does these by itself
        text, session = await show(tmp_path, start, action)
        assert words in text and session.asked == []
    assert {"/why", "/report html", "/help", "/evidence E3"} == set(ACTIONS)
    text, session = await show(tmp_path, start, "/auto")
    assert session.asked == [("auto", None)] and "All done." in text


# every command of the table, in both looks: a new one that only one of them offers fails here


class Everything(ScriptedSession):
    """A scripted session that offers what a real one offers."""

    def actions(self) -> dict[str, str]:
        return dict(SESSION_ACTIONS)


TABLE = commands.offered(SESSION_ACTIONS)
ARGUMENTS = {  # a command with what it needs to do something
    "/find": "/find kitchen",
    "/copy": "/copy E1",
    "/glossary": "/glossary recall",
    "/images": "/images wrong",
    "/withdraw": "/withdraw F1 because it is off",
    "/report": "/report md",
    "/tool": "/tool evaluate",
    "/whatif": "/whatif #3",
}
SHOWS = {  # what a display does by itself, and words that it shows then; of the others the session is asked
    "/help": "/glossary",
    "/evidence": "E1 Accuracy and recall by class",
    "/finding": "Kitchens with a television",
    "/findings": "Kitchens with a television",
    "/find": "kitchen",
    "/copy": "Accuracy and recall by class",
    "/glossary": "Among pictures of the class",
    "/map": "Ways on from here",
    "/learn": "min",
}


async def typed_in_the_app(folder: Path, start: list[Step], line: str) -> tuple[str, ScriptedSession]:
    sessions: list[ScriptedSession] = []

    def open_session(progress: object) -> ScriptedSession:
        sessions.append(Everything(folder, {"start": start}, progress))
        return sessions[0]

    app = FailsightApp(open_session)
    try:
        async with app.run_test(size=(160, 110)) as pilot:
            stage = Stage(app, pilot, sessions)
            await stage.rest()
            assert line.split()[0] in app.main.commands, "it completes and is listed"
            assert line.split()[0] in {c.title for c in app.get_system_commands(app.screen)}
            if line == "/quit":
                await stage.type(line)
                return "", sessions[0]
            await stage.type(line)
            await stage.rest()
            await stage.until(lambda: SHOWS.get(line.split()[0], "") in stage.text())
            return stage.text(), sessions[0]
    finally:
        assert app.close_session()


async def typed_in_lines(folder: Path, start: list[Step], line: str) -> tuple[str, ScriptedSession]:
    out, session = io.StringIO(), Everything(folder, {"start": start})
    given = io.StringIO(f"{line}\nafter\n")
    PlainDisplay(given, out, io.StringIO(), False).run(lambda progress: session)
    if line != "/quit":
        assert ("say", "after") in session.asked
        session.asked.remove(("say", "after"))
    assert line.split()[0] in PlainDisplay._completions(session, line.split()[0][:-1])
    return out.getvalue(), session


ALWAYS = ("/quit", "/evidence", "/confusion", "/report")


@in_both_looks(TABLE, typed_in_the_app, typed_in_lines, ALWAYS, "name,show")
async def test_every_command_of_the_table_works_in_both_looks(name: str, show: Show, tmp_path: Path) -> None:
    line = ARGUMENTS.get(name, name)
    text, session = await show(tmp_path, [EvidenceMade(evaluation(1)), EvidenceMade(masking(2))], line)
    if name == "/quit":
        assert session.closed and session.asked == []
    elif name in SHOWS:
        assert SHOWS[name] in text and session.asked == []
    elif name == "/auto":
        assert session.asked in ([("act", "/auto")], [("auto", None)])
    else:
        assert session.asked == [("act", line)]
