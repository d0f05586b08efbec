"""The help: keys, read from the bindings themselves, and slash commands, asked of the session."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.keys import format_key
from textual.screen import ModalScreen
from textual.widgets import Static

from failsight.agent.ui.words import LEGEND, RAIL

_KEYS = {"enter": "Enter", "pageup": "PgUp", "pagedown": "PgDn"}
Group = tuple[str, Iterable[BindingType]]


def key_rows(bindings: Iterable[BindingType]) -> list[tuple[str, str]]:
    """(``Ctrl+B, F2``, description) of each binding that has a description."""
    merged: dict[str, list[str]] = {}
    for binding in Binding.make_bindings(bindings):
        if binding.description:
            merged.setdefault(binding.description, []).append(key_name(binding))
    return [(", ".join(keys), description) for description, keys in merged.items()]


def key_name(binding: Binding) -> str:
    """How the key of ``binding`` is written on a keyboard."""
    if binding.key_display:
        return binding.key_display
    return _together([_KEYS.get(part) or _key_part(part) for part in binding.key.split("+")])


def _key_part(part: str) -> str:
    shown = format_key(part)
    return shown if len(shown) == 1 else shown.capitalize()


def _together(parts: list[str]) -> str:
    """``Ctrl+L``: beside another key a letter is written as on the key cap."""
    return "+".join([*parts[:-1], parts[-1].upper() if len(parts) > 1 and len(parts[-1]) == 1 else parts[-1]])


class HelpScreen(ModalScreen[None]):
    """Keys by where they work, then commands."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,f1", "close", "Close the help")]

    def __init__(self, groups: Iterable[Group], commands: Mapping[str, str]) -> None:
        super().__init__()
        self._groups, self._commands = list(groups), dict(commands)

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog help") as box:
            box.border_title = "Help"
            box.border_subtitle = "Esc closes, arrows scroll"
            yield Static(self._words(), markup=False)

    def _words(self) -> Content:
        parts: list[str | tuple[str, str]] = []
        for title, bindings in self._groups:
            parts += [(f"{title}\n", "bold $text-accent")]
            parts += self._rows(key_rows(bindings))
            parts.append("\n")
        parts.append(("Commands (Tab completes)\n", "bold $text-accent"))
        parts += self._rows(list(self._commands.items()))
        parts += ["\n", ("Signs on the board\n", "bold $text-accent"), f"  {RAIL}\n  {LEGEND}"]
        return Content.assemble(*parts)

    @staticmethod
    def _rows(rows: list[tuple[str, str]]) -> list[str | tuple[str, str]]:
        made: list[str | tuple[str, str]] = []
        for left, right in rows:
            made += [(f"  {left:<18}", "bold"), f" {right}\n"]
        return made

    def action_close(self) -> None:
        """Close."""
        self.dismiss()
