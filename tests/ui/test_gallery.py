"""Pictures: which ones are asked for, paging through them, the matrix that opens them, and the map laid over one."""

from __future__ import annotations

import io
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from rich.segment import Segment

from failsight.agent.events import EvidenceMade, ImagesOpened, MatrixOpened, Notice
from failsight.agent.gallery import Gallery, Shot, gallery, page_of
from failsight.agent.session import Session
from failsight.agent.ui.plain import PlainDisplay
from failsight.agent.ui.tui.screens.gallery import GalleryScreen, Tile
from failsight.agent.ui.tui.screens.image import ImageScreen
from failsight.agent.ui.tui.screens.matrix import MatrixScreen
from failsight.agent.ui.tui.widgets.heat_map import HeatMap
from failsight.agent.ui.tui.widgets.picture import Drawn, paint
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Table
from tests.fakes.case import FakeCase, television_world
from tests.fakes.session import ScriptedSession
from tests.ui.stage import Stage, on_stage

RED, GREEN = (200, 30, 30), (30, 200, 30)


@pytest.fixture
def case(tmp_path: Path) -> FakeCase:
    table, model = television_world(60)
    return FakeCase(tmp_path / "case", {"data": table}, model)


def pictures(n: int = 5_000, broken: int = -1) -> Gallery:
    """A gallery of single-coloured pictures; even places are red, odd ones green."""

    def opener(split: str, row: int) -> Image.Image:
        if row == broken:
            raise OSError("the file is torn")
        return Image.new("RGB", (96, 96), GREEN if row % 2 else RED)

    def explainer(split: str, row: int) -> tuple[Image.Image, str]:
        return Image.new("RGB", (8, 8), (1, 2, 3)), f"what speaks for row {row}"

    shots = [
        Shot("data", i, f"images/{i:05}.png", "kitchen", "hall" if i % 3 else "kitchen", 0.5)
        for i in range(n)
    ]
    return Gallery("all pictures", shots, "", opener, explainer)


def matrix() -> Evidence:
    rows = (("hall", 90, 0, 10), ("kitchen", 7, 80, 3), ("dining room", 0, 25, 60))
    table = Table(
        "Confusion matrix",
        ("true class", "hall", "kitchen", "dining room"),
        rows,
        ("text", "count", "count", "count"),
    )
    return Evidence(
        "confusion_matrix",
        "Which class is taken for which",
        "Much is.",
        {"split": "deploy"},
        tables=(table,),
        id="E1",
    )


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("", "all pictures"),
        ("wrong", "wrong"),
        ("red_room", "red_room"),
        ("Blue_Room > red_room", "blue_room taken for red_room"),
        ("red_room > red_room", "red_room recognised"),
        ("television=yes blue_room unsure", "blue_room, television=yes, least confident first"),
        ("correct sure", "correct, most confident first"),
    ],
)
def test_words_choose_pictures(case: FakeCase, text: str, title: str) -> None:
    made = gallery(case, text)
    assert made.title == title
    assert len(made) == len(list(made.shots[: len(made)]))


def test_a_cell_holds_its_pictures_and_no_others(case: FakeCase) -> None:
    made = gallery(case, "blue_room > red_room unsure")
    assert all(s.label == "blue_room" and s.prediction == "red_room" and s.wrong for s in made.shots)
    sure = [s.confidence or 0 for s in made.shots]
    assert sure == sorted(sure) and len(sure) > 3
    assert made.open(0).size == (24, 24)


def test_one_picture_and_what_is_unknown(case: FakeCase) -> None:
    (shot,) = gallery(case, "#12").shots
    assert (shot.row, shot.name) == (12, "#12")
    for text, words in (
        ("nothing", "no class"),
        ("E7", "no evidence"),
        ("x > red_room", "no class 'x'"),
        ("television=maybe", "maybe"),
    ):
        with pytest.raises(RetryError, match=words):
            gallery(case, text)


def test_pages_are_listed_in_words(case: FakeCase) -> None:
    assert page_of("kitchen page 3") == ("kitchen", 3)
    text = gallery(case, "").lines(3)
    assert "page 3 of 3" in text and text.count("- `#") == 20 and "Next" not in text
    assert (
        "Next: `/images wrong page 2`" in gallery(case, "wrong").lines() or len(gallery(case, "wrong")) <= 20
    )


def test_the_map_of_what_speaks_for_the_answer(case: FakeCase) -> None:
    image, words = gallery(case, "blue_room > red_room").explained(0)
    assert image.size == (24, 24) and "red_room" in words and "never concludes" in words


def test_commands_of_the_session(case: FakeCase) -> None:
    session = Session(case)
    (opened,) = session.act("/images blue_room page 2")
    assert isinstance(opened, ImagesOpened) and opened.page == 2
    (unknown,) = session.act("/images nothing")
    assert isinstance(unknown, Notice)
    made, shown = session.act("/confusion")
    assert isinstance(made, EvidenceMade) and isinstance(shown, MatrixOpened)
    (none,) = session.act("/confusion deploy")
    assert isinstance(none, Notice)
    session.close()


def test_lines_list_them(tmp_path: Path) -> None:
    out = io.StringIO()
    session = ScriptedSession(tmp_path, {"start": [ImagesOpened(pictures(40), 2), MatrixOpened(matrix())]})
    PlainDisplay(io.StringIO(""), out, io.StringIO(), False).run(lambda progress: session)
    assert "40 pictures, page 2 of 2" in out.getvalue() and "#39" in out.getvalue()
    assert "/images TRUE CLASS > PREDICTED CLASS" in out.getvalue()


# the screens


async def opened(stage: Stage, kind: type) -> Any:
    await stage.until(lambda: isinstance(stage.app.screen, kind))
    return stage.app.screen


def painted(screen: Any) -> bool:
    return all(t.painted is not None for t in screen.query(Tile) if t.place is not None)


def colour(tile: Tile) -> tuple[int, ...]:
    assert tile.painted is not None
    (first, *_) = tile.painted.strips[0]
    assert first.style is not None and first.style.color is not None and first.style.color.triplet is not None
    return tuple(first.style.color.triplet)


async def test_five_thousand_thumbnails_page_by_page(tmp_path: Path) -> None:
    async with on_stage(tmp_path, {"start": [ImagesOpened(pictures())]}) as stage:
        screen = await opened(stage, GalleryScreen)
        await stage.until(lambda: painted(screen))
        tiles = list(screen.query(Tile))
        assert (
            "5,000 pictures" in stage.text()
            and "✓ kitchen" in stage.text()
            and "✗ kitchen → hall" in stage.text()
        )
        assert colour(tiles[0]) == RED and colour(tiles[1]) == GREEN
        await stage.until(
            lambda: screen.held.get(screen._key(screen.count)) is not None
        )  # the next page is there before it is asked for
        start = time.perf_counter()
        await stage.pilot.press("pagedown")
        assert tiles[0].place == screen.count
        await stage.until(lambda: painted(screen))
        assert (
            time.perf_counter() - start < 2
        )  # measured by benchmarks/speed/app.py; here only that it does not hang
        await stage.pilot.press("end")
        assert screen.cursor == 4_999 and "4,999" not in stage.text().splitlines()[0]
        await stage.until(lambda: painted(screen))
        await stage.pilot.press("home", "right", "down")
        assert screen.cursor == 1 + screen._grid[0]
        assert len(screen.held) <= 480


async def test_a_small_terminal_shows_two_rows_with_each_picture_right_above_its_words(
    tmp_path: Path,
) -> None:
    async with on_stage(tmp_path, {"start": [ImagesOpened(pictures(60))]}, size=(80, 24)) as stage:
        screen = await opened(stage, GalleryScreen)
        await stage.until(lambda: painted(screen))
        assert screen.count == 10
        lines = stage.text().splitlines()
        first = next(i for i, line in enumerate(lines) if "✓ kitchen" in line)
        assert "▀" in lines[first - 1]
        assert "✗ kitchen → h…" in lines[first]  # what does not fit is seen to be cut off


def test_thumbnails_that_are_held_are_bytes_and_lines_are_freed_at_once() -> None:
    """A held thumbnail in lines is a thousand objects: searching hundreds of them for garbage stops the app."""
    made = paint(Image.new("RGB", (96, 96), RED), 20, 8)
    assert isinstance(made.lines, bytes) and len(made.strips) == made.rows
    line = Drawn([Segment("▀▀▀")], 3)
    assert list(line.divide([3])) == [line] and [s.text for s in line.divide([1, 3])] == ["▀", "▀▀"]
    before = sys.getrefcount(line)
    line.divide([3])
    assert sys.getrefcount(line) == before


async def test_keys_mouse_and_size(tmp_path: Path) -> None:
    async with on_stage(tmp_path, {"start": [ImagesOpened(pictures(60, broken=2))]}) as stage:
        screen = await opened(stage, GalleryScreen)
        await stage.until(lambda: "torn" in stage.text())
        many = screen.count
        await stage.pilot.press("plus")
        assert screen.count < many
        await stage.pilot.press("minus", "minus")
        assert screen.count > many
        tiles = list(screen.query(Tile))
        await stage.pilot.click(tiles[3])
        assert screen.cursor == 3 and tiles[3].marked
        await stage.pilot.click(tiles[3])
        assert (await opened(stage, ImageScreen)).place == 3
        await stage.pilot.press("n", "escape")
        await opened(stage, GalleryScreen)
        assert screen.cursor == 4
        await stage.pilot.press("escape")
        await stage.until(lambda: stage.app.screen is stage.app.main)


async def test_the_map_is_laid_over_and_taken_away(tmp_path: Path) -> None:
    async with on_stage(tmp_path, {"start": [ImagesOpened(pictures(9))]}) as stage:
        await opened(stage, GalleryScreen)
        await stage.pilot.press("enter")
        screen = await opened(stage, ImageScreen)
        picture = screen.query_one("#image")
        await stage.until(lambda: picture.painted is not None)
        first = picture.painted
        await stage.pilot.press("o")
        await stage.until(lambda: "what speaks for row 0" in stage.text() and picture.painted is not first)
        await stage.pilot.press("right")  # it stays on
        await stage.until(lambda: "what speaks for row 1" in stage.text())
        await stage.pilot.press("o")
        await stage.until(lambda: "what speaks" not in stage.text())


async def test_the_matrix_is_walked_and_a_cell_shows_its_images(tmp_path: Path) -> None:
    asked = "/images deploy dining room > kitchen"
    script: Any = {
        "start": [EvidenceMade(matrix()), MatrixOpened(matrix())],
        asked: [ImagesOpened(pictures(25))],
    }
    async with on_stage(tmp_path, script) as stage:
        stage.session.actions = lambda: {"/images": "pictures"}  # type: ignore[method-assign]
        screen = await opened(stage, MatrixScreen)
        await stage.until(
            lambda: "dining room taken for kitchen: 25 of 85 (29.4 %" in stage.text()
        )  # the largest first
        await stage.pilot.press("n")
        assert screen.query_one(HeatMap).cursor == (0, 2)
        await stage.pilot.press("left")
        await stage.pilot.press("enter")
        assert stage.session.asked == []  # an empty cell opens nothing
        await stage.pilot.press("p")  # not on a confusion: back to the largest
        await stage.pilot.press("enter")
        await opened(stage, GalleryScreen)
        assert stage.session.asked == [("act", asked)]
        await stage.pilot.press("escape")
        assert (await opened(stage, MatrixScreen)) is screen
        seen = screen.query_one(HeatMap)
        side, width, height = seen._side, seen._cell_width, seen._cell_height
        assert height == 3  # few classes in a tall terminal: cells that are seen from afar
        for line in (0, height - 1):
            seen.go(0, 0)
            await stage.pilot.click(seen, offset=(side + width // 2 + 1, 1 + height + line))
            await stage.until(lambda: seen.cursor == (1, 0))


async def test_large_matrices_scroll_with_their_cursor(tmp_path: Path) -> None:
    names = [f"class {i}" for i in range(60)]
    rows = tuple((n, *(100 if i == j else (i + j) % 3 for j in range(60))) for i, n in enumerate(names))
    table = Table("Confusion matrix", ("true class", *names), rows)
    made = Evidence("confusion_matrix", "Which", "Much.", {}, tables=(table,), id="E1")
    async with on_stage(
        tmp_path, {"start": [EvidenceMade(made), MatrixOpened(made)]}, size=(80, 24)
    ) as stage:
        await opened(stage, MatrixScreen)
        await stage.pilot.press("end")
        assert "▸class 59" in stage.text() and "class 59 recognised: 100 of" in stage.text()
        await stage.pilot.press("home")
        assert "▸class 0" in stage.text()


async def test_what_is_said_of_a_cell_is_never_cut_off(tmp_path: Path) -> None:
    name = "a class with a rather long name"
    rows = ((name, 90, 10), (f"{name} too", 40, 80))
    table = Table("Confusion matrix", ("true class", name, f"{name} too"), rows)
    made = Evidence("confusion_matrix", "Which", "Much.", {}, tables=(table,), id="E1")
    for width, hint in ((80, False), (160, True)):
        script = {"start": [EvidenceMade(made), MatrixOpened(made)]}
        async with on_stage(tmp_path, script, size=(width, 24)) as stage:
            await opened(stage, MatrixScreen)
            assert ("Enter shows them" in stage.text()) is hint
            assert "Enter sho" not in stage.text().replace("Enter shows them", "")
            await stage.pilot.resize_terminal(80, 24)
            await stage.until(lambda: "Enter sho" not in stage.text())
