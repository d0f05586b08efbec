"""A knob of ``/whatif``: a line with a name, a track and a value; arrow keys turn it. And a switch, which Space turns."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

STEPS = 40  # of a knob, from end to end
BIG = 5  # steps at a time with shift
NAME, VALUE = 12, 9  # columns for the name and the value


class Turned(Message):
    """A knob or a switch was moved."""


class Knob(Widget, can_focus=True):
    """A strength between ``low`` and ``high`` that does nothing at ``neutral``."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "turn(-1)", "Less"),
        Binding("right,l", "turn(1)", "More"),
        Binding("shift+left,pagedown", f"turn(-{BIG})", "Much less", show=False),
        Binding("shift+right,pageup", f"turn({BIG})", "Much more", show=False),
        Binding("home,backspace", "rest", "As it is", show=False),
    ]

    def __init__(self, name: str, low: float, high: float, neutral: float, unit: str, words: str) -> None:
        super().__init__()
        self.title, self.low, self.high, self.neutral, self.unit = name, low, high, neutral, unit
        self.value = neutral
        self.tooltip = words

    @property
    def step(self) -> float:
        """How far one key press goes; whole numbers where the range is wide."""
        step = (self.high - self.low) / STEPS
        return float(round(step)) if step >= 1 else round(step, 2)

    def render(self) -> Content:
        track = max(8, self.size.width - NAME - VALUE - 2)
        span = self.high - self.low
        at, rest = (round((v - self.low) / span * (track - 1)) for v in (self.value, self.neutral))
        line = "".join("●" if i == at else "┼" if i == rest else "─" for i in range(track))
        moved = self.value != self.neutral
        shown = f"{self.value:+g}" if self.low < 0 else f"{self.value:g}"
        unit = f" {self.unit}" if self.unit == "%" else self.unit
        style = "bold $text-accent" if moved else "dim"
        return Content.assemble(
            (f"{self.title:<{NAME}}", "bold" if moved else ""),
            (line, style),
            (f" {shown}{unit}".rjust(VALUE), style),
        )

    def action_turn(self, steps: int) -> None:
        """Turn by so many steps; the neutral place is never jumped over."""
        to = min(self.high, max(self.low, round(self.value + steps * self.step, 4)))
        if (self.value - self.neutral) * (to - self.neutral) < 0:
            to = self.neutral
        self._set(to)

    def action_rest(self) -> None:
        """Back to where nothing happens."""
        self._set(self.neutral)

    def _set(self, to: float) -> None:
        if to != self.value:
            self.value = to
            self.refresh()
            self.post_message(Turned())


class Switch(Widget, can_focus=True):
    """An edit that is made or not made."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space,left,right", "flip", "On or off")]

    def __init__(self, text: str, words: str) -> None:
        super().__init__()
        self.text, self.words, self.on = text, words, False

    def render(self) -> Content:
        mark = "[x]" if self.on else "[ ]"
        return Content.assemble((f"{mark} {self.words}", "bold $text-accent" if self.on else ""))

    def action_flip(self) -> None:
        """On or off."""
        self.on = not self.on
        self.refresh()
        self.post_message(Turned())

    def action_rest(self) -> None:
        """Off."""
        if self.on:
            self.action_flip()
