"""Journeys over a real session (case folder, journal, agent loop, tools) on an analytic model, walked by keys and by lines."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from failsight.agent.planners.scripted import ScriptedPlanner
from failsight.agent.session import Session
from failsight.agent.state import CaseState
from failsight.agent.ui.plain import PlainDisplay
from failsight.agent.ui.tui.app import FailsightApp
from failsight.agent.ui.tui.screens.approval import ApprovalScreen
from tests.fakes.case import FakeCase, television_world
from tests.ui.stage import Stage

SETTLED = (
    8  # looks in a row at which nothing runs: between a line and its work, or its question, there is a moment
)


class Walked(NamedTuple):
    """What is left of a journey: everything that was seen, and the state of the case."""

    text: str
    state: CaseState


def make(folder: Path, images: int = 90, replies: Sequence[Any] | None = None, budget: str = "") -> Session:
    """A session over red and blue rooms; ``replies`` play a language model, else the guided planner leads."""
    table, model = television_world(images)
    case = FakeCase(folder, {"data": table}, model, budget=budget)
    planner = None if replies is None else ScriptedPlanner(list(replies))
    return Session(case, planner=planner)  # type: ignore[arg-type]


class RealStage(Stage):
    """The app over a real session."""

    async def rest(self) -> None:
        """Wait until nothing runs, and nothing is about to: real tools take their time on a busy machine, a minute and a half at most."""
        idle = 0
        for _ in range(3000):
            await self.pilot.pause(0.03)
            idle = 0 if self.app.busy else idle + 1
            if idle == SETTLED:
                await self.pilot.pause()
                return
        raise AssertionError("waited in vain")

    async def back(self) -> None:
        """Close what was opened above the conversation."""
        for _ in range(6):
            if self.app.screen is self.app.main or isinstance(self.app.screen, ApprovalScreen):
                return
            await self.pilot.press("escape")
            await self.pilot.pause()


async def by_keys(
    folder: Path, lines: Sequence[str], opened: Callable[..., Session] = make, **given: Any
) -> Walked:
    """Type the lines into the app, answer approvals by their key, and look at every screen that opens."""
    sessions: list[Session] = []

    def open_session(progress: Any) -> Session:
        sessions.append(opened(folder, **given))
        return sessions[0]

    app = FailsightApp(open_session)
    app.animation_level = "none"
    seen: list[str] = []
    try:
        async with app.run_test(size=(140, 120), notifications=True) as pilot:
            stage = RealStage(app, pilot, [])
            await stage.rest()
            seen.append(stage.text())
            for line in lines:
                if isinstance(app.screen, ApprovalScreen):
                    await pilot.press(line)
                else:
                    await stage.type(line)
                await stage.rest()
                await pilot.pause(0.05)
                seen.append(stage.text())
                await stage.back()
            state = sessions[0].state()
    finally:
        assert app.close_session(), "the session's thread did not end"
    return Walked("\n".join(seen), state)


async def by_lines(
    folder: Path, lines: Sequence[str], opened: Callable[..., Session] = make, **given: Any
) -> Walked:
    """The same lines through ``--plain``."""
    out, sessions = io.StringIO(), []

    def open_session(progress: Any) -> Session:
        sessions.append(opened(folder, **given))
        return sessions[0]

    PlainDisplay(io.StringIO("\n".join(lines) + "\n"), out, io.StringIO(), False).run(open_session)
    return Walked(out.getvalue(), sessions[0].state())
