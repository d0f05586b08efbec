"""The last line: the keys that work right now. One widget, drawn anew when they change.

(Textual's Footer rebuilds a widget for each key at every change of focus, and keeps the old ones alive.)
"""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget


class KeyLine(Widget):
    """``^q Quit  F1 Help  …``; a click on one presses it."""

    def __init__(self) -> None:
        super().__init__()
        self._keys: list[tuple[str, str, str, bool]] = []  # key, how it is written, what it does, works now
        self._places: list[tuple[int, int, str]] = []  # columns from, to, and the key drawn there

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)
        self._changed(self.screen)

    def on_unmount(self) -> None:
        self.screen.bindings_updated_signal.unsubscribe(self)

    def _changed(self, screen: Screen[object]) -> None:
        if not self.is_attached or screen is not self.screen:
            return
        keys = {}
        for _, binding, enabled, _ in screen.active_bindings.values():
            if binding.show and binding.action not in keys:
                written = self.app.get_key_display(binding)
                keys[binding.action] = (binding.key, written, binding.description, enabled)
        if list(keys.values()) != self._keys:
            self._keys = list(keys.values())
            self.refresh()

    def render(self) -> Content:
        parts: list[str | tuple[str, str]] = []
        self._places, column = [], 0
        for key, written, words, enabled in self._keys:
            width = Content(f"{written} {words}").cell_length
            if column + width > self.size.width:
                break
            parts += [
                (f"{written} ", "bold $text-accent" if enabled else "dim"),
                (words, "" if enabled else "dim"),
                "  ",
            ]
            self._places.append((column, column + width, key))
            column += width + 2
        return Content.assemble(*parts)

    def on_click(self, event: events.Click) -> None:
        """Press the key that was clicked on."""
        offset = event.get_content_offset(self)
        for left, right, key in self._places:
            if offset is not None and left <= offset.x < right:
                self.app.simulate_key(key)
