"""Pictures of the case, page by page: thumbnails that are decoded when they are looked at, by key and by mouse."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid
from textual.content import Content
from textual.geometry import Size
from textual.message import Message
from textual.screen import Screen
from textual.strip import Strip
from textual.widgets import Static
from textual.worker import get_current_worker

from failsight.agent.ui.terminal import Looks
from failsight.agent.ui.tui.messages import Answered
from failsight.agent.ui.tui.thumbnails import Thumbnails, painting
from failsight.agent.ui.tui.widgets.key_line import KeyLine
from failsight.agent.ui.tui.widgets.picture import Painted, Picture, paint
from failsight.tools.text import clean, counted

if TYPE_CHECKING:
    from failsight.agent.gallery import Gallery, Shot

WIDTHS = (12, 16, 22, 30, 44, 64)  # columns of a thumbnail, from small to large
USUAL = 2
SHORT = 28  # rows of a terminal
WORDS = 2  # lines below a thumbnail
BATCH = 0.12  # seconds of painting between two looks at the screen: a page should come at once, a slow one piece by piece
BREATH = 0.05  # seconds before pages ahead are painted: the page that is seen is drawn first


def cut(text: str, width: int) -> str:
    """``text`` in at most ``width`` cells; says where something is left out."""
    return text if cell_len(text) <= width else f"{set_cell_size(text, max(0, width - 1))}…"


class Tile(Picture):
    """One thumbnail with what is said of it; the marked one is drawn in the other way round."""

    class Picked(Message):
        """The tile was clicked."""

        def __init__(self, tile: Tile) -> None:
            super().__init__()
            self.tile = tile

    def __init__(self) -> None:
        super().__init__()
        self.place: int | None = None
        self.shot: Shot | None = None
        self.marked = False

    def fill(self, place: int | None, shot: Shot | None, painted: Painted | None, words: str) -> None:
        """Show the picture at ``place``, or nothing."""
        self.place, self.shot = place, shot
        self.show(painted, words)

    def mark(self, marked: bool) -> None:
        """Put the cursor here, or take it away."""
        if marked != self.marked:
            self.marked = marked
            self.set_class(marked, "-cursor")

    def picture_at(self, size: Size) -> tuple[int, int]:
        """In the middle, and right above its words."""
        assert self.painted is not None
        return super().picture_at(size)[0], max(0, size.height - WORDS - self.painted.rows)

    def below(self, y: int, size: Size, style: Style) -> Strip | None:
        first = size.height - WORDS
        if self.shot is None or y < first:
            return None
        file = clean(self.shot.path.rsplit("/", 1)[-1], 60)
        about = " ".join(w for w in (self.shot.name, self.shot.sure, file) if w)
        text = self.shot.outcome if y == first else about
        style += Style(bold=True) if y == first else Style(dim=True)
        cursor = "▸" if self.marked and y == first else " "
        return Strip([Segment(set_cell_size(f"{cursor}{cut(text, size.width - 2)}", size.width), style)])

    def on_click(self, event: events.Click) -> None:
        event.stop()
        if self.place is not None:
            self.post_message(self.Picked(self))


class Painting(Message):
    """Pictures are there, from the thread that paints them."""

    def __init__(self, places: list[int]) -> None:
        super().__init__()
        self.places = places


class GalleryScreen(Screen[None]):
    """Arrows move the cursor, PgUp and PgDn turn the page, Enter opens a picture, ``+`` and ``-`` change the size.

    The page that is seen is painted first, then its neighbours; what was painted is kept for a while. Nothing of it runs
    on the app's thread.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Back"),
        Binding("left,h", "move(-1, 0)", "Left", show=False),
        Binding("right,l", "move(1, 0)", "Right", show=False),
        Binding("up,k", "move(0, -1)", "Up", show=False),
        Binding("down,j", "move(0, 1)", "Down", show=False),
        Binding("pagedown,n,space", "page(1)", "Next page"),
        Binding("pageup,p", "page(-1)", "Previous page"),
        Binding("home,g", "end(0)", "First", show=False),
        Binding("end,G", "end(1)", "Last", show=False),
        Binding("enter", "open", "Open"),
        Binding("plus,equals_sign", "size(1)", "Larger"),
        Binding("minus", "size(-1)", "Smaller"),
        Binding("w", "what_if", "What if"),
        Binding("c", "copy", "Copy its path", show=False),
    ]

    def __init__(self, gallery: Gallery, looks: Looks | None = None) -> None:
        super().__init__()
        self.gallery, self.looks = gallery, looks or Looks()
        self.cursor, self.level = 0, USUAL
        self.held = Thumbnails()
        self._grid = (1, 1)  # columns and rows of tiles
        self._frame = (1, 1)  # columns and rows of a thumbnail

    def compose(self) -> ComposeResult:
        yield Static(id="gallery-title", markup=False)
        yield Grid(id="gallery")
        yield Static(id="gallery-line", markup=False)
        yield KeyLine()

    async def on_mount(self) -> None:
        if self.app.size.height < SHORT:
            self.level = USUAL - 1  # two rows of pictures, where the usual ones would leave room for one
        await self._lay_out(Size(self.app.size.width, max(4, self.app.size.height - 3)))

    async def on_resize(self, event: events.Resize) -> None:
        await self._lay_out(Size(event.size.width, max(4, event.size.height - 3)))

    # layout

    @property
    def count(self) -> int:
        """Pictures a page."""
        return self._grid[0] * self._grid[1]

    @property
    def page(self) -> int:
        """The page that is seen, from 0."""
        return self.cursor // self.count

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(1, -(-len(self.gallery) // self.count))

    async def _lay_out(self, room: Size) -> None:
        """Make as many tiles as fit; they are kept and only filled anew when the page turns."""
        wanted = WIDTHS[self.level]
        columns = max(1, room.width // wanted)
        rows = max(1, room.height // (round(wanted * 0.45) + WORDS))
        frame = (max(4, room.width // columns - 1), max(1, room.height // rows - WORDS))
        if (columns, rows) == self._grid and frame == self._frame and self.query(Tile):
            return
        self._grid, self._frame = (columns, rows), frame
        grid = self.query_one("#gallery", Grid)
        grid.styles.grid_size_columns, grid.styles.grid_size_rows = columns, rows
        tiles = list(self.query(Tile))
        if len(tiles) > self.count:
            await grid.remove_children(tiles[self.count :])
        else:
            await grid.mount_all(Tile() for _ in range(self.count - len(tiles)))
        self.held.clear()
        self.turn()

    # what is shown

    def _key(self, place: int) -> tuple[int, int, int]:
        return (place, *self._frame)

    def turn(self) -> None:
        """Show the page of the cursor: at once what is held, the rest as it is painted."""
        first = self.page * self.count
        last = min(first + self.count, len(self.gallery))
        for i, tile in enumerate(self.query(Tile)):
            place = first + i
            if place < last:
                held = self.held.get(self._key(place))
                shown = held if isinstance(held, Painted) else None
                tile.fill(place, self.gallery.shots[place], shown, held if isinstance(held, str) else "")
            else:
                tile.fill(None, None, None, "")
            tile.mark(place == self.cursor)
        self._say()
        ahead = range(last, min(last + self.count, len(self.gallery)))
        self._paint([*range(first, last), *ahead, *range(max(0, first - self.count), first)], first, last)

    def _say(self) -> None:
        place = f"  {counted(len(self.gallery), 'picture')} · page {self.page + 1:,} of {self.pages:,}"
        title = Content.assemble((self.gallery.title, "bold"), (place, "dim"))
        self.query_one("#gallery-title", Static).update(title)
        shot = self.gallery.shots[self.cursor]
        words = Content.assemble(
            (f"{self.cursor + 1:,}  ", "dim"), (shot.words(), "bold"), f"  {clean(shot.path, 200)}"
        )
        self.query_one("#gallery-line", Static).update(words)

    @work(thread=True, group="thumbnails", exclusive=True, exit_on_error=False)
    def _paint(self, places: list[int], first: int, last: int) -> None:
        worker = get_current_worker()
        ready: list[int] = []
        if all(self.held.get(self._key(place)) is not None for place in range(first, last)):
            time.sleep(BREATH)
        shown = time.monotonic()
        for place in painting(places, self._key, self._make, self.held, lambda: worker.is_cancelled):
            if first <= place < last:
                ready.append(place)
            if ready and (time.monotonic() - shown > BATCH or place == last - 1):
                self.post_message(Painting(ready))
                ready, shown = [], time.monotonic()
                if place == last - 1:
                    time.sleep(BREATH)

    def _make(self, place: int) -> Painted | str:
        try:
            cell = (2, 4) if self.looks.way == "blocks" else self.looks.cell
            least = (self._frame[0] * cell[0], self._frame[1] * cell[1])
            return paint(self.gallery.preview(place, least), *self._frame, self.looks)
        except (
            Exception
        ) as problem:  # whatever a broken file does to the decoder, its reason is shown instead
            return f"✗ {clean(problem, 60)}"

    def on_painting(self, message: Painting) -> None:
        """Show what was painted, if its page is still seen."""
        wanted = set(message.places)
        for tile in self.query(Tile):
            if tile.place in wanted and tile.place is not None:
                held = self.held.get(self._key(tile.place))
                tile.show(held if isinstance(held, Painted) else None, held if isinstance(held, str) else "")

    # keys and mouse

    def go(self, place: int) -> None:
        """Put the cursor on the picture at ``place``."""
        page = self.page
        self.cursor = min(max(0, place), len(self.gallery) - 1)
        if self.page != page:
            self.turn()
            return
        for tile in self.query(Tile):
            tile.mark(tile.place == self.cursor)
        self._say()

    def action_move(self, right: int, down: int) -> None:
        """Move the cursor; over the edge it turns the page."""
        self.go(self.cursor + right + down * self._grid[0])

    def action_page(self, step: int) -> None:
        """Turn the page."""
        if 0 <= self.page + step < self.pages:
            self.go((self.page + step) * self.count + self.cursor % self.count)

    def action_end(self, last: int) -> None:
        """Go to the first or the last picture."""
        self.go(len(self.gallery) - 1 if last else 0)

    async def action_size(self, step: int) -> None:
        """Larger or smaller thumbnails."""
        level = min(max(0, self.level + step), len(WIDTHS) - 1)
        if level != self.level:
            self.level = level
            await self._lay_out(Size(self.size.width, max(4, self.size.height - 3)))

    def action_open(self) -> None:
        """Open the picture under the cursor."""
        from failsight.agent.ui.tui.screens.image import ImageScreen

        self.app.push_screen(ImageScreen(self.gallery, self.cursor, self.looks), self._back)

    def _back(self, place: int | None) -> None:
        if place is not None:
            self.go(place)

    def action_what_if(self) -> None:
        """Turn knobs on the picture under the cursor."""
        self.app.pop_screen()
        self.app.post_message(Answered(f"/whatif {self.gallery.shots[self.cursor].name}"))

    def action_copy(self) -> None:
        """Copy the path of the picture under the cursor."""
        self.app.copy_to_clipboard(self.gallery.shots[self.cursor].path)
        self.notify("Copied its path", markup=False)

    def action_leave(self) -> None:
        """Back to where one came from."""
        self.held.clear()
        self.app.pop_screen()

    def on_tile_picked(self, message: Tile.Picked) -> None:
        """A click puts the cursor there, a click on the cursor opens."""
        message.stop()
        if message.tile.place == self.cursor:
            self.action_open()
        elif message.tile.place is not None:
            self.go(message.tile.place)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_page(1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_page(-1)
