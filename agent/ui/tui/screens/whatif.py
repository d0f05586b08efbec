"""Sliders for one picture: turn a knob and see what the model says, while it is being turned."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from failsight.agent.ui.pictures import half_blocks
from failsight.agent.ui.tui.messages import Answered
from failsight.agent.ui.tui.widgets.key_line import KeyLine
from failsight.agent.ui.tui.widgets.knob import Knob, Switch, Turned
from failsight.agent.whatif import Setting
from failsight.tools.text import clean, number

if TYPE_CHECKING:
    from failsight.agent.whatif import Probe, Tried

BAR = 18  # most columns of a prediction bar
BESIDE = 29  # columns of what stands beside it: the class, its score, and by how much that moved
PICTURE = (72, 34)  # most columns and rows of the picture
LEAST = (12, 6)  # and fewest


class Seen(Message):
    """What became of the picture, from the thread that tried it; ``problem`` when the model could not say."""

    def __init__(self, tried: Tried | None, drawn: Text | None, problem: str = "") -> None:
        super().__init__()
        self.tried, self.drawn, self.problem = tried, drawn, problem


class WhatIfScreen(Screen[None]):
    """Arrow keys turn the knobs, Enter keeps the edits as evidence, ``r`` resets, Escape goes back.

    One try runs at a time, on a thread of its own; while it runs, only the last setting is remembered, so that the app
    never waits for the model and the model is never asked for settings that were passed over.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "app.pop_screen", "Back"),
        Binding("up,k", "app.focus_previous", "Up", show=False),
        Binding("down,j", "app.focus_next", "Down", show=False),
        Binding("enter", "keep", "Keep as evidence"),
        Binding("r", "reset", "Reset"),
    ]

    def __init__(self, probe: Probe) -> None:
        super().__init__()
        self.probe = probe
        self.seen: Tried | None = None  # what is on the screen
        self._wanted = Setting()
        self._trying = False
        self._drawn_for = (0, 0)  # columns and rows

    def compose(self) -> ComposeResult:
        yield Static(id="whatif-title", markup=False)
        with Horizontal(id="whatif-body"):
            with VerticalScroll(id="whatif-picture", can_focus=False):
                yield Static(id="whatif-drawn", markup=False)
                yield Static(id="whatif-bars", markup=False)
            with VerticalScroll(id="whatif-knobs", can_focus=False):
                for kind in self.probe.kinds.values():
                    yield Knob(kind.name, kind.low, kind.high, kind.neutral, kind.unit, kind.words)
                for text, (_, words) in self.probe.switches.items():
                    yield Switch(text, words)
                yield Static(id="whatif-edits", markup=False)
        yield KeyLine()

    def on_mount(self) -> None:
        label = f"   labelled {clean(self.probe.label, 40)}" if self.probe.label else ""
        title = Content.assemble(("What if: ", "bold"), self.probe.words, (label, "dim"))
        self.query_one("#whatif-title", Static).update(title)
        self.query(Knob).first().focus()
        self.call_after_refresh(self._try)  # once it is known how much room there is

    @property
    def setting(self) -> Setting:
        """Where the knobs and switches stand now."""
        knobs = {k.title: k.value for k in self.query(Knob) if k.value != k.neutral}
        return Setting(knobs, frozenset(s.text for s in self.query(Switch) if s.on))

    def on_turned(self, message: Turned) -> None:
        """A knob moved: try it, or remember it while another try runs."""
        message.stop()
        self._wanted = self.setting
        edits = self.probe.text(self._wanted)
        self.query_one("#whatif-edits", Static).update(Content.styled(f"\n{edits}" if edits else "", "dim"))
        if not self._trying:
            self._try()

    def on_resize(self) -> None:
        """Draw the picture as large as there is room now."""
        self._drawn_for = (0, 0)
        if self.seen is not None and not self._trying:
            self.call_after_refresh(self._try)

    def _room(self) -> tuple[int, int]:
        """Columns and rows for the picture, so that the answers below it are seen too."""
        body = self.query_one("#whatif-picture", VerticalScroll)
        width, height = body.region.width - 4, body.region.height  # without its padding and a scrollbar
        answers = len(self.probe.says(self.probe.first)) + 4  # with the line that the answer turned
        return max(LEAST[0], min(PICTURE[0], width)), max(LEAST[1], min(PICTURE[1], height - 1 - answers))

    def _try(self) -> None:
        self._trying = True
        self._drawn_for = self._room()
        self._work(self._wanted, self._drawn_for)

    @work(thread=True, group="whatif", exit_on_error=False)
    def _work(self, setting: Setting, room: tuple[int, int]) -> None:
        try:
            tried = self.probe.tried(setting)
            self.post_message(Seen(tried, _drawn(tried, *room)))
        except Exception as problem:  # the model's own failure is told, and the knobs stay usable
            self.post_message(Seen(None, None, str(problem)))

    def on_seen(self, message: Seen) -> None:
        """Draw what came of it, and go on with what was wanted meanwhile."""
        self._trying = False
        if message.tried is not None:
            self.seen = message.tried
            self.query_one("#whatif-drawn", Static).update(message.drawn or "")
            self.query_one("#whatif-bars", Static).update(self._bars(message.tried))
        else:
            self.notify(clean(message.problem, 200), severity="warning", markup=False)
        done = message.tried.setting if message.tried is not None else self._wanted
        if self._wanted != done or self._drawn_for != self._room():
            self._try()

    def _bars(self, tried: Tried) -> Content:
        """A line for each of the likeliest classes: name, bar, score, and how far it moved."""
        parts: list[str | tuple[str, str]] = []
        long = max(4, min(BAR, self._room()[0] - BESIDE))
        for place, (name, score, before) in enumerate(self.probe.says(tried)):
            full = round(score * long)
            moved = score - before
            shift = f"  {100 * moved:+.1f}" if abs(moved) >= 0.0005 else ""
            parts += [
                (f"\n{clean(name, 13):<14}", "bold" if place == 0 else ""),
                ("█" * full, "$text-accent" if place == 0 else "dim"),
                ("·" * (long - full), "dim"),
                f" {number(score):>7}",
                (shift, "dim"),
            ]
        turned = self.probe.answer(tried.scores) != self.probe.answer(self.probe.first.scores)
        if turned:
            old = self.probe.classes[self.probe.answer(self.probe.first.scores)]
            parts.append((f"\n\nThe answer turned; it was {clean(old, 40)}.", "$text-warning"))
        return Content.assemble(*parts)

    def action_reset(self) -> None:
        """The picture as it is."""
        for knob in self.query(Knob):
            knob.action_rest()
        for switch in self.query(Switch):
            switch.action_rest()

    def action_keep(self) -> None:
        """Keep the edits as evidence: the tool measures them anew, with its journal entry."""
        edits = self.probe.text(self.setting)
        if not edits:
            self.notify("Nothing is changed yet: turn a knob first.", markup=False)
            return
        self.app.pop_screen()
        self.app.post_message(Answered(f"/whatif {self.probe.image} {edits}"))


def _drawn(tried: Tried, columns: int, rows: int) -> Text:
    """The picture in half-blocks; enlarged where it is small."""
    from PIL import Image

    picture = Image.fromarray(tried.picture)
    scale = min(columns / picture.width, 2 * rows / picture.height)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    small = picture.resize(size, Image.Resampling.BILINEAR)
    return half_blocks(small.convert("RGB").tobytes(), small.width, small.height)
