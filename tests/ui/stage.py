"""Helpers of the tests of the terminal app: run it against a scripted session and wait until it rests."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Container, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from failsight.agent.events import ApprovalAsked, EvidenceMade, PlannerSaid, StageEntered, ToolStarted
from failsight.agent.ui.tui.app import FailsightApp
from failsight.agent.ui.tui.screens.approval import ApprovalScreen
from failsight.agent.ui.tui.talk import Talk
from failsight.agent.ui.tui.widgets.prompt import Prompt
from tests.fakes.session import ScriptedSession, Step, evaluation, long_job, masking

WEAKEST = "Which class is the weakest?"
SCRIPT: dict[str, list[Step]] = {
    "start": [
        StageEntered("see failure", "the case was opened"),
        PlannerSaid(
            "# Rooms\n\nThe model tells **five rooms** apart.\n\n- 870 pictures\n- 5 classes\n\nWhere shall we look?",
            (WEAKEST, "Show me the confusions", "Is the model ready?"),
        ),
    ],
    WEAKEST: [
        ToolStarted("evaluate", {"split": "deploy"}, "recall by class answers this"),
        EvidenceMade(evaluation(1)),
        PlannerSaid("The **kitchen**: recall 64.0 % [57.9, 69.7].", ("What are kitchens taken for?",)),
    ],
    "test it": [
        StageEntered("test", "a plan with a control was written down"),
        ToolStarted("test_by_masking", {"attribute": "television"}, "does the television cause it?"),
        EvidenceMade(masking(2)),
        PlannerSaid("Confirmed."),
    ],
    "repair it": [
        ApprovalAsked(
            "retrain",
            {"finding": "F1"},
            "the finding is confirmed",
            "heavy",
            (
                "finding: F1 (Kitchens with a television are taken for living rooms.)",
                "strategy: rebalance, the best fitting one that can be applied here. Draw rare images more often.",
                "instead of it: loss weighting (for example: repair F1 by loss weighting)",
                "makes: 3 versions with the repair and 3 of a control arm; your model stays as it is",
            ),
            (159.0, 478.0),
            "estimated from the pace of the first pass over the images",
        )
    ],
    "work": [ToolStarted("find_slices", {"depth": 3}), long_job()],
}


class Stage:
    """The app, its pilot and the session behind it."""

    def __init__(self, app: FailsightApp, pilot: Pilot[int], sessions: list[ScriptedSession]) -> None:
        self.app, self.pilot, self._sessions = app, pilot, sessions

    @property
    def session(self) -> ScriptedSession:
        return self._sessions[0]

    async def rest(self) -> None:
        """Wait until nothing runs and the screen is drawn."""
        await self.until(lambda: not self.app.busy)

    async def until(self, true: Any) -> None:
        """Wait for ``true()``, ten seconds at most."""
        for _ in range(500):
            await self.pilot.pause(0.02)
            if true():
                await self.pilot.pause()
                return
        raise AssertionError("waited for ten seconds in vain")

    async def type(self, text: str) -> None:
        """Write ``text`` into the prompt and press Enter."""
        prompt = self.app.main.query_one(Prompt)
        prompt.focus()
        prompt.value = text
        prompt.cursor_position = len(text)
        await self.pilot.press("enter")
        await self.pilot.pause()

    def text(self) -> str:
        """Everything that is on the screen, as text."""
        width, height = self.app.size
        lines = self.app.screen._compositor.render_strips(self.app.size)
        assert len(lines) == height
        return "\n".join(strip.text[:width] for strip in lines)


@asynccontextmanager
async def on_stage(
    folder: Path,
    script: Mapping[str, list[Step]] | None = None,
    size: tuple[int, int] = (120, 40),
    rest: bool = True,
) -> AsyncIterator[Stage]:
    """The app in a terminal of ``size``, with the scripted session, closed properly at the end."""
    app, sessions = make_app(folder, script)
    try:
        async with app.run_test(size=size, notifications=True) as pilot:
            stage = Stage(app, pilot, sessions)
            if rest:
                await stage.rest()
            yield stage
    finally:
        assert app.close_session(), "the session's thread did not end"


def make_app(
    folder: Path, script: Mapping[str, list[Step]] | None = None
) -> tuple[FailsightApp, list[ScriptedSession]]:
    """The app, and a list that will hold its session once that is open."""
    sessions: list[ScriptedSession] = []

    def open_session(progress: Any) -> ScriptedSession:
        sessions.append(ScriptedSession(folder, SCRIPT if script is None else script, progress))
        return sessions[0]

    app = FailsightApp(open_session)
    app.animation_level = "none"
    Talk.PATIENCE = math.inf  # on a busy machine even a scripted session may take its time
    ApprovalScreen.QUIET = 0.0  # keys of a test follow one another without a pause
    return app, sessions


def in_both_looks(
    names: Iterable[str], app: Any, lines: Any, always: Container[str], arguments: str = "name,walk"
) -> pytest.MarkDecorator:
    """Every name in both looks. The app takes seconds for each: there only ``always`` are tried in every run, all in the slow ones."""
    return pytest.mark.parametrize(
        arguments.split(","),
        [
            pytest.param(
                name,
                look,
                marks=[pytest.mark.slow] if look is app and name not in always else [],
                id=f"{name}-{look.__name__}",
            )
            for name in names
            for look in (app, lines)
        ],
    )
