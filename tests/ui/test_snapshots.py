"""The main screens as pictures, in three sizes, dark and light. No clock, no blinking, no absolute path.

After a wanted change: ``pytest tests/ui/test_snapshots.py --snapshot-update``, and look at each picture that changed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from failsight.agent.events import EvidenceMade, ImagesOpened, MatrixOpened
from failsight.agent.ui.tui.app import FailsightApp
from failsight.agent.ui.tui.widgets.conversation import Conversation
from failsight.agent.ui.tui.widgets.prompt import Prompt
from tests.ui.stage import WEAKEST, Stage, make_app
from tests.ui.test_gallery import matrix, pictures

Act = Callable[[Stage], Awaitable[None]]
SIZES = pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 56)], ids=["small", "middle", "wide"])
LOOKS = pytest.mark.parametrize("look", ["dark", "light"])

pytestmark = pytest.mark.slow


@pytest.fixture
def shoot(snap_compare: Any, tmp_path: Path) -> Any:
    """Run the scripted session, ``act`` on it, and compare the screen with the kept picture."""
    folder = tmp_path / "rooms"
    folder.mkdir()
    made: list[FailsightApp] = []

    def compare(size: tuple[int, int], act: Act, look: str = "dark") -> None:
        app, sessions = make_app(folder)
        made.append(app)

        async def before(pilot: Pilot[int]) -> None:
            stage = Stage(app, pilot, sessions)
            await stage.rest()
            app.main.query_one(Prompt).cursor_blink = False
            if look != "dark":
                await stage.type(f"/theme {look}")
                await stage.rest()
            await act(stage)
            await pilot.pause(0.1)

        assert snap_compare(app, terminal_size=size, run_before=before)

    yield compare
    for app in made:
        assert app.close_session()


async def talk(stage: Stage) -> None:
    for words in (WEAKEST, "test it"):
        await stage.type(words)
        await stage.rest()


@SIZES
@LOOKS
def test_greeting(shoot: Any, size: tuple[int, int], look: str) -> None:
    async def nothing(stage: Stage) -> None:
        return

    shoot(size, nothing, look)


@SIZES
@LOOKS
def test_conversation_with_an_unfolded_card(shoot: Any, size: tuple[int, int], look: str) -> None:
    async def unfold(stage: Stage) -> None:
        await talk(stage)
        stage.app.main.query_one(Conversation).focus()
        await stage.pilot.press("shift+up", "enter")

    shoot(size, unfold, look)


@SIZES
@LOOKS
def test_evidence_in_full(shoot: Any, size: tuple[int, int], look: str) -> None:
    async def open_it(stage: Stage) -> None:
        await talk(stage)
        await stage.type("/evidence E1")

    shoot(size, open_it, look)


@SIZES
@LOOKS
def test_a_matrix(shoot: Any, size: tuple[int, int], look: str) -> None:
    async def walk(stage: Stage) -> None:
        stage.session.script["matrix"] = [EvidenceMade(matrix()), MatrixOpened(matrix())]
        await stage.type("matrix")
        await stage.rest()
        await stage.pilot.press("n")

    shoot(size, walk, look)


@SIZES
@LOOKS
def test_a_page_of_pictures(shoot: Any, size: tuple[int, int], look: str) -> None:
    async def page(stage: Stage) -> None:
        stage.session.script["pictures"] = [ImagesOpened(pictures(300), 1)]
        await stage.type("pictures")
        await stage.rest()
        await stage.until(lambda: stage.app.screen.query("Tile"))
        await stage.until(lambda: all(t.painted for t in stage.app.screen.query("Tile")))

    shoot(size, page, look)


@SIZES
@LOOKS
def test_a_hypothesis_with_its_chain(shoot: Any, size: tuple[int, int], look: str) -> None:
    async def open_it(stage: Stage) -> None:
        await talk(stage)
        await stage.type("/finding F1")

    shoot(size, open_it, look)


@SIZES
@LOOKS
def test_the_lessons(shoot: Any, size: tuple[int, int], look: str) -> None:
    async def open_it(stage: Stage) -> None:
        await stage.type("/learn")
        await stage.until(lambda: "Practice case Juniper" in stage.text())

    shoot(size, open_it, look)


def test_the_map_in_a_small_terminal(shoot: Any) -> None:
    async def unfold(stage: Stage) -> None:
        await talk(stage)
        await stage.pilot.press("ctrl+l")

    shoot((80, 24), unfold)


def test_an_approval(shoot: Any) -> None:
    async def ask(stage: Stage) -> None:
        await stage.type("repair it")
        await stage.rest()

    shoot((80, 24), ask)


def test_the_help(shoot: Any) -> None:
    async def help_(stage: Stage) -> None:
        await stage.pilot.press("f1")

    shoot((160, 48), help_)
