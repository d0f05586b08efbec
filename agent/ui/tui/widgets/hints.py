"""What the typed command could become, above the prompt; Tab takes the first, Tab again the next."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content
from textual.widgets import Static

MOST = 6


class Hints(Static):
    """Up to six commands, or what may stand behind one; hidden while no command is being typed."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id, markup=False)
        self.display = False

    def show(self, typed: str, options: Sequence[tuple[str, str]]) -> None:
        """List ``options``: the line that ``typed`` could become, and what that does."""
        shown = bool(options)
        if shown != self.display:  # setting it lays the whole screen out anew: not at each key
            self.display = shown
        if not shown:
            return
        kept = typed.rfind(" ") + 1 if " " in typed else 0
        lines = [
            Content.assemble((f"{line[kept:]:<12} ", "bold $text-accent"), Content(words))
            for line, words in options[:MOST]
        ]
        if len(options) > MOST:
            more = len(options) - MOST
            lines.append(
                Content.styled(
                    f"… {more} more: type on, or Tab again" if kept else f"… {more} more: F1 lists all", "dim"
                )
            )
        self.update(Content("\n").join(lines))
