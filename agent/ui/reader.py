"""Where a person's lines come from: an editable line with history on a terminal, plain lines from anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TextIO


class Reader:
    """Reads lines from ``stream``.

    Attributes:
        echoes: the person sees what they type.
        edits: the line can be edited, with history and completion (readline), and draws its own prompt.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.echoes = _isatty(stream)
        self.edits = self.echoes and stream is sys.stdin and _isatty(sys.stdout) and _has_readline()

    def read(self, prompt: str) -> str | None:
        """The next line without its end, or None when there are no more. ``prompt`` is drawn only where ``edits``."""
        if self.edits:
            try:
                return input(prompt)
            except EOFError:
                return None
        line = self._stream.readline()
        return line.rstrip("\r\n") if line else None

    def completes(self, options: Callable[[str], list[str]]) -> None:
        """Complete with Tab from ``options(the line so far)``, whole lines; nothing happens where lines can't be edited."""
        if not self.edits:
            return
        import readline

        found: list[str] = []

        def complete(text: str, state: int) -> str | None:
            if state == 0:
                line, kept = readline.get_line_buffer(), readline.get_begidx()
                found[:] = [made[kept:] for made in options(line[: readline.get_endidx()])]
            return found[state] if state < len(found) else None

        readline.set_completer_delims(" ")
        readline.set_completer(complete)
        readline.parse_and_bind("tab: complete")


def _isatty(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except (AttributeError, ValueError):
        return False


def _has_readline() -> bool:
    try:
        import readline  # noqa: F401 (its presence makes input() editable)
    except ImportError:
        return False
    return True
