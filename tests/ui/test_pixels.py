"""Pictures as the terminal gets them: Sixels and Kitty's messages are decoded again, half-blocks read back from their bytes."""

from __future__ import annotations

import base64
import io
import os
import pty
import re
import select
import signal
import struct
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip

from failsight.agent.events import EvidenceMade
from failsight.agent.ui.terminal import Looks, looks, understood
from failsight.agent.ui.tui.widgets.picture import Painted, Picture, laid_over, paint
from tests.fakes.session import masking
from tests.ui.stage import on_stage

Pixels = npt.NDArray[np.uint8]


def photograph(width: int = 48, height: int = 36) -> Image.Image:
    """A smooth picture with an edge in it, so that scaling and palettes have something to get wrong."""
    y, x = np.mgrid[0:height, 0:width]
    made = np.stack([x * 255 // width, y * 255 // height, np.full_like(x, 90)], -1).astype(np.uint8)
    made[: height // 2, : width // 3] = (250, 250, 20)
    return Image.fromarray(made)


def desixelled(text: str) -> Pixels:
    """The picture that a Sixel sequence draws (DEC STD 070): palette, runs, carriage returns, new bands of six rows."""
    found = re.fullmatch(r'\x1bP[\d;]*q"1;1;(\d+);(\d+)(.*)\x1b\\', text, re.DOTALL)
    assert found
    width, height = int(found[1]), int(found[2])
    made = np.zeros((height + 6, width, 3), np.uint8)
    palette: dict[int, tuple[int, ...]] = {}
    band = column = colour = 0
    times = 1
    for kind, digits, define, sign in re.findall(r"([#!])(\d+)((?:;\d+)*)|([$\-?-~])", found[3]):
        if kind == "!":
            times = int(digits)
        elif kind == "#":
            colour = int(digits)
            if define:
                palette[colour] = tuple(round(int(v) * 255 / 100) for v in define.split(";")[2:])
        elif sign in "$-":
            column, band = 0, band + 6 * (sign == "-")
        else:
            bits = ord(sign) - 63
            for bit in (b for b in range(6) if bits >> b & 1):
                made[band + bit, column : column + times] = palette[colour]
            column, times = column + times, 1
    return made[:height]


def unkittied(text: str) -> tuple[Pixels, dict[str, str]]:
    """The picture that Kitty's messages carry, and the keys of the message that places it."""
    messages = [
        (dict(p.split("=") for p in keys.split(",")), data)
        for keys, data in re.findall(r"\x1b_G([^;\x1b]*);?([^\x1b]*)\x1b\\", text)
    ]
    data = "".join(part for keys, part in messages if keys.get("f") == "100")
    picture = Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")
    return np.asarray(picture), next(keys for keys, _ in messages if keys.get("a") == "p")


def unblocked(strips: tuple[Strip, ...]) -> Pixels:
    """The picture that half-blocks draw, from the very bytes that a terminal gets."""
    rows: list[list[tuple[int, ...]]] = []
    for strip in strips:
        text = "".join((s.style or Style()).render(s.text) for s in strip)
        cells = re.findall(r"\x1b\[38;2;(\d+);(\d+);(\d+);48;2;(\d+);(\d+);(\d+)m▀\x1b\[0m", text)
        rows.append([tuple(map(int, c[:3])) for c in cells])
        rows.append([tuple(map(int, c[3:])) for c in cells])
    return np.array(rows, np.uint8)


def scaled(image: Image.Image, width: int, height: int) -> npt.NDArray[np.int64]:
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR)).astype(np.int64)


def test_half_blocks_are_the_picture_pixel_for_pixel() -> None:
    small = photograph(20, 16)
    made = paint(small, 20, 8)
    assert (made.columns, made.rows, made.sixel) == (20, 8, "")
    assert np.array_equal(unblocked(made.strips), np.asarray(small))


def test_sixels_are_the_picture_in_256_colours() -> None:
    image = photograph()
    made = paint(image, 24, 9, Looks("sixel", (4, 8)))
    assert (made.columns, made.rows) == (24, 9)
    drawn = desixelled(made.sixel)
    assert drawn.shape == (72, 96, 3)
    off = np.abs(drawn.astype(np.int64) - scaled(image, 96, 72))
    assert off.mean() < 12 and np.abs(drawn[4, 4].astype(int) - (250, 250, 20)).max() < 12
    assert len(made.strips) == 9  # half-blocks wait for when something lies over it


def test_kitty_gets_the_picture_and_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = io.StringIO()
    monkeypatch.setattr(sys, "__stdout__", sent)
    image = photograph()
    made = paint(image, 24, 9, Looks("kitty", (10, 20)))
    drawn, place = unkittied(sent.getvalue())
    assert (
        np.array_equal(drawn, scaled(image, *drawn.shape[1::-1]))
        or np.abs(drawn.astype(int) - scaled(image, *drawn.shape[1::-1])).mean() < 3
    )
    assert (int(place["c"]), int(place["r"])) == (made.columns, made.rows)
    assert (
        all(s.text.count("\U0010eeee") == made.columns for s in made.strips) and len(made.strips) == made.rows
    )
    made.release()
    assert "a=d" in sent.getvalue()


def test_transparency_lies_on_black_and_shapes_are_kept() -> None:
    made = paint(Image.new("RGBA", (10, 10), (255, 0, 0, 0)), 8, 4)
    assert not unblocked(made.strips).any()
    wide = paint(Image.new("RGB", (100, 10), (9, 9, 9)), 20, 20)
    assert (wide.columns, wide.rows) == (20, 1)


def test_something_above_a_sixel_shows_the_line_without_it() -> None:
    plain = Strip([Segment("ab", Style()), Segment("cd", Style())], 4)
    line = laid_over([plain], "\x1bPq\x1b\\", Region(2, 3, 4, 1))[0]
    assert "\x1bPq" in line.text and line.cell_length == 4
    assert line.divide([4]) == [line] and line.crop(0, 4) is line
    assert "".join(s.text for s in line.divide([1, 4])) == "abcd"
    assert line.crop(1, 3).text == "bc"


@pytest.mark.parametrize(
    ("answer", "way"),
    [
        (b"\x1b[?62;4;22c", "sixel"),
        (b"\x1b_Gi=31;OK\x1b\\\x1b[?62c", "kitty"),
        (b"\x1b_Gi=31;OK\x1b\\\x1b[?62;4c", "sixel"),
        (b"\x1b_Gi=31;ENOTSUPPORTED\x1b\\\x1b[?64;1;9;15c", "blocks"),
        (b"\x1b[?64;14;44c", "blocks"),
        (b"", "blocks"),
    ],
)
def test_what_a_terminal_answers_decides(answer: bytes, way: str) -> None:
    assert understood(answer) == way


def test_the_environment_decides_without_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    for way in ("kitty", "sixel", "blocks"):
        monkeypatch.setenv("FAILSIGHT_PICTURES", way)
        assert looks().way == way
    monkeypatch.setenv("FAILSIGHT_PICTURES", "")
    assert looks().way == "blocks"  # no terminal: nothing is asked


APP = """
import os, sys
from pathlib import Path
sys.path.insert(0, os.environ["TESTS"])
from failsight.agent.events import ImagesOpened
from failsight.agent.ui.tui.app import run_app
from tests.fakes.session import ScriptedSession
from tests.ui.test_gallery import pictures
run_app(lambda progress: ScriptedSession(Path(os.environ["CASE"]), {"start": [ImagesOpened(pictures(40))]}, progress))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "mark"),
    [(b"\x1b[?62;4c", b"\x1bP0;0;0q"), (b"\x1b_Gi=31;OK\x1b\\\x1b[?62c", b"f=100")],
    ids=["sixel", "kitty"],
)
def test_a_terminal_that_shows_pixels_gets_them(tmp_path: Path, answer: bytes, mark: bytes) -> None:
    """The whole program in a pseudo terminal that answers as such a terminal does."""
    import fcntl
    import termios

    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(
            TERM="xterm-256color",
            COLORTERM="truecolor",
            CASE=str(tmp_path),
            TESTS=str(Path(__file__).parents[2]),
        )
        os.execv(sys.executable, [sys.executable, "-c", APP])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 1000, 600))
    seen, answered, until = b"", False, time.monotonic() + 60
    try:
        while time.monotonic() < until and seen.count(mark) < 4:
            if select.select([terminal], [], [], 1)[0]:
                seen += os.read(terminal, 65536)
            if not answered and b"\x1b[c" in seen:
                os.write(terminal, answer)
                answered = True
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
    assert seen.count(mark) >= 4
    if b"P0" in mark:
        (first, *_) = re.findall(rb"\x1bP0;0;0q.*?\x1b\\", seen, re.DOTALL)
        drawn: Any = desixelled(first.decode())
        assert np.abs(drawn.reshape(-1, 3).mean(0) - (200, 30, 30)).max() < 6


def test_a_painted_picture_can_be_released_twice() -> None:
    made = Painted(1, 1, (Strip.blank(1),))
    made.release()
    made.release()


async def test_the_evidence_screen_shows_real_pixels_and_frees_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photograph().save(tmp_path / "sheet.png")
    photograph(64, 48).save(tmp_path / "one.png")
    (tmp_path / "torn.png").write_bytes(b"no picture")
    made = masking(1, "sheet.png", "one.png")
    torn = replace(made.images[0], path="torn.png", row=18)
    start: list[Any] = [EvidenceMade(replace(made, images=(*made.images, torn)))]
    async with on_stage(tmp_path, {"start": start}, size=(120, 90)) as stage:
        stage.app.main.looks = Looks("sixel", (10, 20))
        await stage.type("/evidence E1")
        await stage.until(lambda: len(stage.app.screen.query(Picture)) == 2)
        first = stage.app.screen.query(Picture).first()
        assert first.painted is not None and first.size.height == first.painted.rows
        assert desixelled(first.painted.sixel).shape[2] == 3 and first.whole
        text = stage.text()
        assert "Four kitchens" in text and "row 17" in text and "row 18" in text and "✗" in text
        freed: list[int] = []
        stage.app.screen._sent = [Painted(1, 1, (), release=lambda: freed.append(1))]
        await stage.pilot.press("escape")
        await stage.until(lambda: freed == [1])
