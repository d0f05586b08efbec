"""What a person does while something runs: words wait their turn, stopping gives them back, leaving is asked about."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from failsight.agent.events import EvidenceMade, ImagesOpened, PlannerSaid, SessionEvent, ToolStarted
from failsight.agent.ui.tui.screens.approval import ApprovalScreen
from failsight.agent.ui.tui.screens.evidence import EvidenceScreen
from failsight.agent.ui.tui.screens.leaving import LeavingScreen
from failsight.agent.ui.tui.widgets.choices import Choices
from failsight.agent.ui.tui.widgets.prompt import Prompt
from failsight.tools.evidence import ImageRef
from tests.fakes.session import ScriptedSession, evaluation, long_job
from tests.ui.stage import SCRIPT, WEAKEST, Stage, on_stage
from tests.ui.test_gallery import pictures
from tests.ui.test_leaving import run


def gated() -> tuple[dict[str, Any], threading.Event]:
    """A script whose ``work`` lasts until the event is set."""
    gate = threading.Event()

    def wait(session: ScriptedSession) -> Iterator[SessionEvent]:
        gate.wait(10)
        yield PlannerSaid("The work is done.")

    return {**SCRIPT, "work": [ToolStarted("find_slices", {}), wait]}, gate


async def test_words_said_meanwhile_come_next_in_their_order(tmp_path: Path) -> None:
    script, gate = gated()
    async with on_stage(tmp_path, script) as stage:
        for line in ("work", "and then?", "and last?"):
            await stage.type(line)
        assert stage.session.asked == [("say", "work")]
        assert stage.app.main.query_one(Prompt).value == ""
        assert "next: and then?" in stage.text() and "next: and last?" in stage.text()
        gate.set()
        await stage.until(lambda: len(stage.session.asked) == 3)
        await stage.rest()
        assert stage.session.asked == [("say", t) for t in ("work", "and then?", "and last?")]
        text = stage.text()
        assert "next:" not in text and text.index("The work is done.") < text.index("You said: and then?")


async def test_stopping_starts_nothing_and_gives_the_words_back(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        for line in ("work", "and then?", "and last?"):
            await stage.type(line)
        await stage.pilot.press("escape")
        await stage.rest()
        await stage.pilot.pause(0.2)
        prompt = stage.app.main.query_one(Prompt)
        assert stage.session.asked == [("say", "work")] and prompt.value == "and then?"
        assert "next:" not in stage.text()
        await stage.pilot.press("up")
        assert prompt.value == "and last?"
        await stage.pilot.press("enter")
        await stage.rest()
        assert stage.session.asked[-1] == ("say", "and last?")


async def test_what_is_being_typed_is_not_overwritten_by_what_comes_back(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.type("work")
        await stage.type("and then?")
        await stage.pilot.press("n", "o", "escape")
        await stage.rest()
        assert stage.app.main.query_one(Prompt).value == "no"


async def test_words_wait_for_the_answer_to_a_question(tmp_path: Path) -> None:
    script, gate = gated()
    script["work"] += SCRIPT["repair it"]
    async with on_stage(tmp_path, script) as stage:
        await stage.type("work")
        await stage.type("and then?")
        gate.set()
        await stage.until(lambda: isinstance(stage.app.screen, ApprovalScreen))
        await stage.rest()
        assert stage.session.asked == [("say", "work")]
        await stage.pilot.press("y")
        await stage.until(lambda: len(stage.session.asked) == 3)
        assert stage.session.asked[1:] == [("decide", True), ("say", "and then?")]
        await stage.rest()


async def test_a_turn_that_breaks_gives_the_words_back(tmp_path: Path) -> None:
    script, gate = gated()
    script["work"].append(RuntimeError("gone"))
    async with on_stage(tmp_path, script) as stage:
        await stage.type("work")
        await stage.type("and then?")
        gate.set()
        await stage.rest()
        await stage.pilot.press("escape")
        await stage.pilot.pause(0.1)
        assert stage.session.asked == [("say", "work")]
        assert stage.app.main.query_one(Prompt).value == "and then?"


async def test_a_number_means_no_reply_that_nobody_sees(tmp_path: Path) -> None:
    script, gate = gated()
    async with on_stage(tmp_path, script) as stage:
        await stage.type("work")
        await stage.type("1")
        assert stage.app.main.query_one(Prompt).value == "1" and "next:" not in stage.text()
        gate.set()
        await stage.rest()
        assert stage.session.asked == [("say", "work")]


# quick replies


def numbered(stage: Stage) -> tuple[str, ...]:
    return stage.app.main.query_one(Choices).texts


async def test_replies_are_there_again_after_a_stop(tmp_path: Path) -> None:
    script = {**SCRIPT, "work": [PlannerSaid("One moment."), ToolStarted("find_slices", {}), long_job()]}
    async with on_stage(tmp_path, script) as stage:
        before = numbered(stage)
        await stage.type("work")
        await stage.until(lambda: not numbered(stage))
        await stage.pilot.press("escape")
        await stage.rest()
        assert numbered(stage) == before and f"1 {WEAKEST}" in stage.text()
        await stage.pilot.press("1")
        await stage.rest()
        assert stage.session.asked[-1] == ("say", WEAKEST)


@pytest.mark.parametrize("way", ["/images E1", "g"])
async def test_replies_are_there_again_after_looking_at_something(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ScriptedSession, "actions", lambda self: {"/images E1": "show pictures"})
    made = replace(evaluation(1), images=(ImageRef("data", 1, "a.png", "kitchen", "hall", 0.9),))
    script = {
        "start": [EvidenceMade(made), PlannerSaid("What next?", (WEAKEST, "Go on"))],
        "/images E1": [ImagesOpened(pictures(9), 1)],
    }
    async with on_stage(tmp_path, script) as stage:
        if way == "g":
            await stage.type("/evidence E1")
            await stage.until(lambda: isinstance(stage.app.screen, EvidenceScreen))
            await stage.pilot.press("g")
        else:
            await stage.type(way)
        await stage.until(lambda: stage.app.screen.query("Tile"))
        await stage.rest()
        await stage.pilot.press("escape", "escape")
        await stage.until(lambda: stage.app.screen is stage.app.main)
        assert numbered(stage) == (WEAKEST, "Go on") and f"1 {WEAKEST}" in stage.text()


async def test_an_answer_without_replies_takes_the_old_ones_back(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.type("hello")
        await stage.rest()
        assert numbered(stage) == ()


# leaving


async def test_leaving_in_the_middle_is_asked_about_once(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.type("work")
        await stage.type("and then?")
        await stage.until(lambda: stage.app.talk is not None and stage.app.talk.running == "find_slices")
        await stage.pilot.press("ctrl+q")
        await stage.until(lambda: isinstance(stage.app.screen, LeavingScreen))
        for words in ("find_slices is running", "not said yet  and then?", "Stay (s)"):
            assert words in stage.text()
        await stage.pilot.press("enter")  # a thoughtless one
        await stage.until(lambda: stage.app.screen is stage.app.main)
        assert not stage.app._exit and stage.app.busy
        await stage.type("/quit")
        await stage.until(lambda: isinstance(stage.app.screen, LeavingScreen))
        await stage.pilot.press("ctrl+q")
        await stage.until(lambda: stage.app._exit)


async def test_the_app_is_left_at_once_where_nothing_runs(tmp_path: Path) -> None:
    async with on_stage(tmp_path) as stage:
        await stage.type("work")
        await stage.pilot.press("escape")
        await stage.rest()
        await stage.pilot.press("ctrl+q")
        await stage.until(lambda: stage.app._exit)


def test_the_terminal_says_what_goes_on_next_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    async def leave(pilot: Any) -> None:
        stage = Stage(pilot.app, pilot, [])
        await stage.rest()
        await stage.type("work")
        await stage.until(lambda: pilot.app.talk.running)
        await stage.type("and then?")
        await pilot.press("ctrl+q")
        await stage.until(lambda: isinstance(pilot.app.screen, LeavingScreen))
        await pilot.press("l")

    assert run(monkeypatch, lambda p: ScriptedSession(tmp_path, SCRIPT, p), leave) == 0
    said = capsys.readouterr().err
    assert f"`failsight chat {tmp_path}` goes on" in said
    assert "find_slices was running: it goes on there where it stopped.\nNot said yet: and then?\n" in said
