"""Lessons and the wizard on a screen: the same dialogues as by lines, driven by keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, OptionList

from failsight.agent.learn.dialogue import Dialogue, Option, Say, Step, line, pick
from failsight.agent.learn.lessons import lessons
from failsight.agent.learn.progress import Done, Progress
from failsight.agent.ui.tui.screens.learn import LearnApp, LearnScreen
from failsight.agent.ui.tui.screens.lesson import DialogueScreen
from failsight.agent.ui.tui.screens.wizard import WizardApp

ROOMS = (Option("kitchen", "kitchen"), Option("bedroom", "bedroom"))


def little() -> Dialogue[str]:
    yield Step(1, 2, "First")
    yield Say("**Welcome** to [nothing]markup.")
    picked = yield from pick("Which room?", ROOMS, hints=["The one with a stove."])
    yield Step(2, 2, "Second")
    word = yield from line("A word?", lambda t: t or None, "Type one.")
    yield Say("Well done.", "good")
    return f"{picked.key} {picked.more} {word}"


def text_of(app: Any) -> str:
    strips = app.screen._compositor.render_strips(app.size)
    return "\n".join(strip.text for strip in strips)


async def until(pilot: Pilot[Any], true: Callable[[], object]) -> None:
    for _ in range(500):
        await pilot.pause(0.02)
        if true():
            await pilot.pause()
            return
    raise AssertionError(f"waited in vain:\n{text_of(pilot.app)}")


def asked(app: Any, words: str) -> Callable[[], bool]:
    def true() -> bool:
        screen = app.screen
        return (
            isinstance(screen, DialogueScreen)
            and screen.question is not None
            and words in screen.question.text
        )

    return true


async def in_app(
    size: tuple[int, int], play: Callable[[Any, Pilot[Any]], Awaitable[None]], stays: bool = False
) -> Any:
    from textual.app import App

    class Host(App[Any]):
        result: Any = "unset"

        def on_mount(self) -> None:
            self.push_screen(DialogueScreen(lambda _: little(), "A lesson", stays=stays), self.done)

        def done(self, result: Any) -> None:
            self.result = result

    app = Host()
    async with app.run_test(size=size) as pilot:
        await play(app, pilot)
        await pilot.pause()
    return app.result


@pytest.mark.parametrize("size", [(80, 24), (140, 45)])
async def test_answers_are_picked_with_arrows_or_typed(size: tuple[int, int]) -> None:
    async def play(app: Any, pilot: Pilot[Any]) -> None:
        await until(pilot, asked(app, "Which room?"))
        assert "1 of 2: First" in text_of(app)
        assert "[nothing]markup" in text_of(app)
        assert app.focused is app.screen.query_one(OptionList)
        await pilot.press("f1")
        await until(pilot, lambda: "Hint: The one with a stove." in text_of(app))
        await until(pilot, asked(app, "Which room?"))
        await pilot.press("2", "space", "7", "0", "enter")  # letters go into the line
        await until(pilot, asked(app, "A word?"))
        assert app.focused is app.screen.query_one(Input)
        await pilot.press("h", "i", "enter")
        await until(pilot, lambda: app.result != "unset")

    assert await in_app(size, play) == "bedroom 70 hi"


async def test_an_arrow_and_enter_pick_and_escape_leaves() -> None:
    async def play(app: Any, pilot: Pilot[Any]) -> None:
        await until(pilot, asked(app, "Which room?"))
        await pilot.press("down", "enter")
        await until(pilot, asked(app, "A word?"))
        assert "› bedroom" in text_of(app)
        await pilot.press("escape")
        await until(pilot, lambda: app.result is None)
        await pilot.pause(0.2)
        assert len(app.screen_stack) == 1

    assert await in_app((100, 30), play) is None


async def test_the_last_words_of_a_lesson_stay_until_they_are_read_and_the_way_there_can_be_read_again() -> (
    None
):
    async def play(app: Any, pilot: Pilot[Any]) -> None:
        await until(pilot, asked(app, "Which room?"))
        await pilot.press("question_mark", "enter", "x", "enter")
        await until(pilot, lambda: "none of them" in text_of(app))
        await until(pilot, asked(app, "Which room?"))
        await pilot.press("2", "enter")
        await until(pilot, asked(app, "A word?"))
        await pilot.press("h", "i", "enter")
        await until(pilot, lambda: "Enter goes back." in text_of(app))
        seen = text_of(app)
        assert "✓ Well done." in seen and app.result == "unset"
        lines = [line.strip() for line in seen.split("\n")]
        assert lines.count("Which room?") == 1  # once, however often it had to be put
        assert lines[lines.index("A word?") + 1] == "› hi"
        await pilot.press("enter")
        await until(pilot, lambda: app.result != "unset")

    assert await in_app((80, 30), play, stays=True) == "bedroom  hi"


@pytest.mark.parametrize("size", [(80, 24), (120, 30)])
async def test_the_list_says_what_a_lesson_is_about_in_every_size(size: tuple[int, int]) -> None:
    app = LearnApp(Progress("novice"))
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: isinstance(app.screen, LearnScreen))
        await until(pilot, lambda: "learn to say what you expect" in " ".join(text_of(app).split()))
        assert "Practice case Juniper" in text_of(app) and "Begin" in text_of(app)


async def test_the_list_shows_what_was_done_and_begins_a_lesson(tmp_path: Path) -> None:
    progress = Progress("novice", path=tmp_path / "progress.json")
    progress.lessons[lessons()[0].id] = Done(finished=True)
    progress.lessons[lessons()[1].id] = Done(steps=2)
    app = LearnApp(progress)
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, LearnScreen))
        shown = text_of(app)
        assert "✓ One number is not enough" in shown
        assert "begun: 2 of 8 steps" in shown
        await pilot.press("l")
        assert progress.level == "intermediate"
        await pilot.press("enter")
        await until(pilot, asked(app, "You left this lesson after step 2"))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, LearnScreen))


async def test_the_first_time_asks_for_the_level(tmp_path: Path) -> None:
    progress = Progress(path=tmp_path / "progress.json")
    app = LearnApp(progress)
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, asked(app, "How much shall be explained?"))
        await pilot.press("3", "enter")
        await until(pilot, lambda: isinstance(app.screen, LearnScreen))
    assert progress.level == "expert"


async def test_the_wizard_runs_on_the_screen_and_ends_with_what_was_chosen() -> None:
    app = WizardApp()
    async with app.run_test(size=(100, 30)) as pilot:
        await until(pilot, asked(app, "What would you like to do?"))
        await pilot.press("enter")
        await until(pilot, asked(app, "How much shall be explained?"))
        await pilot.press("enter")
        await until(pilot, asked(app, "Where is the model?"))
        await pilot.press("ctrl+b")
        await until(pilot, asked(app, "How much shall be explained?"))
        await pilot.press("escape")
        await pilot.pause(0.2)
    assert app.return_value is None
