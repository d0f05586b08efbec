"""One picture as large as the terminal allows, what the model said of it, and what speaks for its answer laid over it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from failsight.agent.ui.terminal import Looks
from failsight.agent.ui.tui.messages import Answered, Errand
from failsight.agent.ui.tui.widgets.key_line import KeyLine
from failsight.agent.ui.tui.widgets.picture import Painted, Picture, paint
from failsight.tools.text import clean

if TYPE_CHECKING:
    from PIL.Image import Image

    from failsight.agent.gallery import Gallery


class Shown(Message):
    """A picture was painted, or why it can't be; from the thread that painted it."""

    def __init__(self, place: int, laid: bool, painted: Painted | None, words: str = "") -> None:
        super().__init__()
        self.place, self.laid, self.painted, self.words = place, laid, painted, words


class ImageScreen(Screen[int]):
    """``o`` lays the saliency map over the picture and takes it away; left and right go to the neighbours."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Back"),
        Binding("right,n,space,l", "turn(1)", "Next"),
        Binding("left,p,h", "turn(-1)", "Previous"),
        Binding("o", "overlay", "Saliency on or off"),
        Binding("w", "what_if", "What if"),
        Binding("c", "copy", "Copy its path", show=False),
    ]

    def __init__(self, gallery: Gallery, place: int, looks: Looks | None = None) -> None:
        super().__init__()
        self.gallery, self.place, self.looks = gallery, place, looks or Looks()
        self.laid = False  # whether the map is laid over
        self._maps: dict[int, tuple[Image, str]] = {}

    def compose(self) -> ComposeResult:
        yield Static(id="image-title", markup=False)
        yield Picture(id="image")
        yield Static(id="image-line", markup=False)
        yield KeyLine()

    def on_mount(self) -> None:
        self.call_after_refresh(self.draw)

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self.draw)

    def draw(self) -> None:
        """Say what the picture is, and have it painted."""
        shot = self.gallery.shots[self.place]
        place = f"  {self.place + 1:,} of {len(self.gallery):,}: {self.gallery.title}"
        self.query_one("#image-title", Static).update(
            Content.assemble((shot.words(), "bold"), (place, "dim"))
        )
        told = self._maps[self.place][1] if self.laid and self.place in self._maps else ""
        line = Content.assemble(
            (f"{shot.name}  ", "bold"), clean(shot.path, 200), (f"  {told}" if told else "", "$text-warning")
        )
        self.query_one("#image-line", Static).update(line)
        self._paint(self.place, self.laid and self.place in self._maps)

    @work(thread=True, group="image", exclusive=True, exit_on_error=False)
    def _paint(self, place: int, laid: bool) -> None:
        size = self.query_one("#image", Picture).size
        try:
            image = self._maps[place][0] if laid else self.gallery.open(place)
            painted = paint(image, max(1, size.width), max(1, size.height), self.looks)
        except (
            Exception
        ) as problem:  # whatever a broken file does to the decoder, its reason is shown instead
            self.post_message(Shown(place, laid, None, f"✗ {clean(problem, 200)}"))
            return
        self.post_message(Shown(place, laid, painted))

    def on_shown(self, message: Shown) -> None:
        """The picture is there, if it is still wanted."""
        if message.place != self.place:
            return
        picture = self.query_one("#image", Picture)
        if picture.painted is not None:
            picture.painted.release()
        picture.show(message.painted, message.words)

    def action_turn(self, step: int) -> None:
        """The next or previous picture; a map that is on stays on."""
        place = self.place + step
        if not 0 <= place < len(self.gallery):
            return
        self.place = place
        if self.laid:
            self._explain()
        self.draw()

    def action_overlay(self) -> None:
        """Lay the map over the picture, or take it away."""
        self.laid = not self.laid
        if self.laid:
            self._explain()
        self.draw()

    def _explain(self) -> None:
        """Have the map of this picture made, once, on the session's thread: it runs the model."""
        place = self.place
        if place in self._maps:
            return

        def done(made: tuple[Image, str]) -> None:
            self._maps[place] = made
            if self.place == place and self.laid and self.is_attached:
                self.draw()

        self.app.post_message(Errand(lambda: self.gallery.explained(place), done, "explaining the picture"))

    def action_what_if(self) -> None:
        """Turn knobs on this picture."""
        name = self.gallery.shots[self.place].name
        while len(self.app.screen_stack) > 1:
            self.app.pop_screen()
        self.app.post_message(Answered(f"/whatif {name}"))

    def action_copy(self) -> None:
        """Copy the path of the picture."""
        self.app.copy_to_clipboard(self.gallery.shots[self.place].path)
        self.notify("Copied its path", markup=False)

    def action_leave(self) -> None:
        """Back, with the cursor on this picture."""
        self.dismiss(self.place)
