"""Commands that the typed slash could become, above the prompt; Tab takes the first."""

from __future__ import annotations

from collections.abc import Mapping

from textual.content import Content
from textual.widgets import Static

MOST = 6


class Hints(Static):
    """Up to six commands with what they do; hidden while no command is being typed."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self.display = False

    def show(self, typed: str, commands: Mapping[str, str]) -> None:
        """List the ``commands`` that start with ``typed``."""
        fitting = (
            [(n, w) for n, w in commands.items() if n.startswith(typed)] if typed.startswith("/") else []
        )
        shown = bool(fitting) and " " not in typed
        if shown != self.display:  # setting it lays the whole screen out anew: not at each key
            self.display = shown
        if not shown:
            return
        lines = [
            Content.assemble((f"{name:<12}", "bold $text-accent"), words) for name, words in fitting[:MOST]
        ]
        if len(fitting) > MOST:
            lines.append(Content.styled(f"… {len(fitting) - MOST} more: F1 lists all", "dim"))
        self.update(Content("\n").join(lines))
