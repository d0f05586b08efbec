"""What pictures the terminal can show: real pixels (Kitty's protocol or Sixel), or half-blocks, which every terminal shows.

Asked once, before the app takes the keyboard over: Kitty's query and the question that every terminal answers (DA1) go out
together, so the answer to the second ends the wait for the first. ``FAILSIGHT_PICTURES`` (kitty, sixel, blocks) decides
without asking.
"""

from __future__ import annotations

import io
import os
import re
import select
import sys
import time
from typing import Literal, NamedTuple, get_args

Way = Literal["kitty", "sixel", "blocks"]
PATIENCE = 0.15  # seconds for the terminal's answer; over a slow line it comes late and half-blocks are shown
DEAF = ("linux", "dumb", "screen", "ansi", "vt100", "vt220")  # terminals that show no pixels
_ASK = "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[c"
_DA1 = re.compile(rb"\x1b\[\?([\d;]*)c")


class Looks(NamedTuple):
    """How pictures are shown, and the size of a character in pixels."""

    way: Way = "blocks"
    cell: tuple[int, int] = (10, 20)


def has_screen() -> bool:
    """Whether the app can be shown: it reads stdin and draws on stderr, and who sends stdout elsewhere wants its lines."""
    try:
        there = all(s is not None and s.isatty() for s in (sys.stdin, sys.stdout, sys.stderr))
    except (AttributeError, ValueError):
        return False
    return there and os.environ.get("TERM") != "dumb"


def looks() -> Looks:
    """How this terminal shows pictures. Call it before the app starts; never raises."""
    asked = os.environ.get("FAILSIGHT_PICTURES", "").strip().lower()
    if asked in get_args(Way):
        way: Way = asked  # type: ignore[assignment]
    else:
        way = understood(_answer()) if _can_ask() else "blocks"
    if way == "blocks":
        return Looks()
    cell = _cell()
    return Looks(way, cell) if _library(cell) else Looks()


def understood(answer: bytes) -> Way:
    """The way that an answer of the terminal stands for. Sixel first: some that speak Kitty's protocol lack its placeholders."""
    found = _DA1.search(answer)
    if found and b"4" in found[1].split(b";"):
        return "sixel"
    return "kitty" if b"\x1b_Gi=31;OK" in answer else "blocks"


def _can_ask() -> bool:
    term = os.environ.get("TERM", "")
    try:
        seen = (
            sys.__stdin__ is not None
            and sys.__stdin__.isatty()
            and sys.__stdout__ is not None
            and sys.__stdout__.isatty()
        )
    except ValueError:
        return False
    return seen and os.name == "posix" and not term.startswith(DEAF) and "NO_COLOR" not in os.environ


def _answer() -> bytes:
    """What the terminal says to :data:`_ASK`; what was typed meanwhile is lost, as nothing reads it yet."""
    import termios
    import tty

    assert sys.__stdin__ is not None
    assert sys.__stdout__ is not None
    place, answer = sys.__stdin__.fileno(), b""
    try:
        before = termios.tcgetattr(place)
    except termios.error:
        return b""
    try:
        tty.setcbreak(place, termios.TCSANOW)
        sys.__stdout__.write(_ASK)
        sys.__stdout__.flush()
        until = time.monotonic() + PATIENCE
        while not _DA1.search(answer) and (left := until - time.monotonic()) > 0:
            if select.select([place], [], [], left)[0]:
                answer += os.read(place, 1024)
    except OSError:
        pass
    finally:
        termios.tcsetattr(place, termios.TCSANOW, before)
    return answer


def _cell() -> tuple[int, int]:
    """Width and height of a character in pixels, as the terminal's driver says; a VT340's where it does not."""
    try:
        import fcntl
        import struct
        import termios

        rows, columns, width, height = struct.unpack("HHHH", fcntl.ioctl(1, termios.TIOCGWINSZ, b"\0" * 8))
        if rows and columns and width >= columns and height >= rows:
            return width // columns, height // rows
    except (ImportError, OSError):
        pass
    return Looks().cell


def _library(cell: tuple[int, int]) -> bool:
    """Bring in what encodes pixels; False where it is not installed.

    As it is imported it would ask the terminal what is known already, and wait; told that there is no terminal, it takes
    the size of a character from the environment."""
    stdout, told = sys.__stdout__, {"TEXTUAL_CELL_WIDTH": str(cell[0]), "TEXTUAL_CELL_HEIGHT": str(cell[1])}
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    sys.__stdout__ = io.StringIO()  # type: ignore[misc, assignment]
    try:
        import textual_image.widget  # noqa: F401
    except ImportError:
        return False
    finally:
        sys.__stdout__ = stdout  # type: ignore[misc]
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
    return True
