"""A picture in the app: real pixels where the terminal shows them, else half-blocks. Painted off the app's thread.

:func:`paint` turns a picture into what the terminal needs; :class:`Picture` puts that on the screen. Pixels are encoded by
``textual-image``; Kitty's placeholders are text and go anywhere, Sixels are laid over cells that the app leaves blank.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.segment import ControlType, Segment
from rich.style import Style
from textual.filter import ANSIToTruecolor
from textual.geometry import Region, Size
from textual.strip import Strip
from textual.widget import Widget

from failsight.agent.ui.terminal import Looks

if TYPE_CHECKING:
    from PIL.Image import Image

GROUND = (0, 0, 0)  # behind pictures with transparency
_AS_IT_IS = ((ControlType.CURSOR_FORWARD, 0),)  # keeps rich from touching a sequence; moves nothing by itself


@dataclass(frozen=True)
class Painted:
    """A picture as the terminal takes it, ``columns`` × ``rows`` characters.

    Attributes:
        lines: Kitty's placeholders, or the pixels of half-blocks (RGB, two rows a line): what is shown elsewhere, also where
            Sixels can't be (under a dialog, partly out of sight).
        sixel: the picture as one Sixel sequence; empty elsewhere.
        release: frees what the terminal keeps of it.
    """

    columns: int
    rows: int
    lines: tuple[Strip, ...] | bytes
    sixel: str = ""
    release: Callable[[], None] = field(default=lambda: None, compare=False)

    @property
    def strips(self) -> tuple[Strip, ...]:
        """Its lines. Half-blocks are made anew each time: a thumbnail is a thousand objects in lines, and a kilobyte in
        pixels; with hundreds of them held, each search for garbage would take a quarter of a second."""
        return block_strips(self.lines, self.columns) if isinstance(self.lines, bytes) else self.lines


def fitted(image: Image, columns: int, rows: int, cell: tuple[int, int]) -> tuple[int, int]:
    """Characters (columns, rows) that the picture takes within a frame, its shape kept; at least one each."""
    width, height = max(image.width, 1) / cell[0], max(image.height, 1) / cell[1]
    scale = min(columns / width, rows / height)
    return max(1, min(columns, round(width * scale))), max(1, min(rows, round(height * scale)))


def paint(image: Image, columns: int, rows: int, looks: Looks = Looks()) -> Painted:  # noqa: B008 (frozen)
    """``image`` within ``columns`` × ``rows`` characters. Slow: not for the app's thread."""
    cell = (1, 2) if looks.way == "blocks" else looks.cell
    wide, high = fitted(image, columns, rows, cell)
    flat = _flat(image)
    blocks = _sized(flat, wide, 2 * high).tobytes()
    if looks.way == "blocks":
        return Painted(wide, high, blocks)
    large = _sized(flat, wide * looks.cell[0], high * looks.cell[1])
    if looks.way == "sixel":
        return Painted(wide, high, blocks, sixel_of(large))
    strips, release = placeholders(large, wide, high)
    return Painted(wide, high, strips, "", release)


def _flat(image: Image) -> Image:
    from PIL import Image as Pictures

    if image.mode == "RGB":
        return image
    ground = Pictures.new("RGBA", image.size, GROUND)
    ground.alpha_composite(image.convert("RGBA"))
    return ground.convert("RGB")


def _sized(image: Image, width: int, height: int) -> Image:
    from PIL import Image as Pictures

    small = width * 3 > 2 * image.width  # enlarged pictures keep their pixels sharp
    how = Pictures.Resampling.NEAREST if width > 2 * image.width else Pictures.Resampling.BILINEAR
    return image.resize((width, height), how, reducing_gap=None if small else 2.0)


def block_strips(pixels: bytes, width: int) -> tuple[Strip, ...]:
    """RGB ``pixels`` of an even number of rows in half-blocks: one character for two pixels above one another."""
    from rich.color import Color, ColorType
    from rich.color_triplet import ColorTriplet

    seen: dict[bytes, Color] = {}
    cells: dict[tuple[bytes, bytes], Segment] = {}
    strips, line = [], 3 * width

    def cell(above: bytes, below: bytes) -> Segment:
        for key in (above, below):
            if key not in seen:
                seen[key] = Color(f"#{key.hex()}", ColorType.TRUECOLOR, None, ColorTriplet(*key))
        made = cells[above, below] = Segment("▀", Style.from_color(seen[above], seen[below]))
        return made

    for top in range(0, len(pixels) - line, 2 * line):
        pairs = [(pixels[i : i + 3], pixels[i + line : i + line + 3]) for i in range(top, top + line, 3)]
        strips.append(Strip([cells.get(pair) or cell(*pair) for pair in pairs], width))
    return tuple(strips)


def sixel_of(image: Image) -> str:
    """``image`` as one Sixel sequence, by textual-image; pixel for pixel, so it is given the size that it shall have."""
    from textual_image._sixel import image_to_sixels

    return image_to_sixels(image)


def placeholders(image: Image, columns: int, rows: int) -> tuple[tuple[Strip, ...], Callable[[], None]]:
    """Send ``image`` to a terminal that speaks Kitty's protocol, by textual-image.

    Returns the placeholder characters that stand for it, and what frees it in the terminal."""
    from rich.console import Console
    from textual_image.renderable.tgp import Image as Sent

    sent = Sent(image, columns, rows)
    console = Console(width=max(columns, 1), force_terminal=True)
    drawn = list(sent.__rich_console__(console, console.options))
    return tuple(
        Strip([Segment(s.text.rstrip("\n"), s.style)], columns) for s in drawn if isinstance(s, Segment)
    ), sent.cleanup


class Drawn(Strip):
    """A line of a picture that does not remember itself: a strip that was laid out whole holds itself, so that only a search
    for garbage frees it, and the lines that a page of thumbnails leaves behind would call for one at every second page."""

    __slots__ = ()

    def divide(self, cuts: Iterable[int]) -> Sequence[Strip]:
        wanted = [cut for cut in cuts if cut <= self.cell_length]
        return [self] if wanted == [self.cell_length] else super().divide(wanted)


class Sealed(Strip):
    """A line that carries a Sixel picture. Where something covers a part of it, the line without the picture is shown:
    cutting through the sequence would spill it over the screen."""

    __slots__ = ("bare",)

    def __init__(self, segments: Sequence[Segment], bare: Strip) -> None:
        super().__init__(segments, bare.cell_length)
        self.bare = bare

    def divide(self, cuts: Iterable[int]) -> Sequence[Strip]:
        wanted = [cut for cut in cuts if cut <= self.cell_length]
        return [self] if wanted == [self.cell_length] else self.bare.divide(wanted)

    def crop(self, start: int, end: int | None = None) -> Strip:
        whole = start <= 0 and (end is None or end >= self.cell_length)
        return self if whole else self.bare.crop(start, end)


def laid_over(strips: Sequence[Strip], sixel: str, place: Region) -> list[Strip]:
    """``strips`` with a Sixel picture on top of them, drawn with the last line; ``place`` reaches from its first cell
    to the end of the strips on the screen."""
    made = list(strips)
    if not made:
        return made
    over = [
        Segment(f"\x1b[{place.y + 1};{place.x + 1}H", Style(), _AS_IT_IS),
        Segment(sixel, Style(), _AS_IT_IS),
        Segment(f"\x1b[{place.bottom};{place.right + 1}H", Style(), _AS_IT_IS),
    ]
    made[-1] = Sealed([*made[-1], *over], made[-1])
    return made


class Picture(Widget):
    """Shows one :class:`Painted`, centred; blank while there is none. ``words`` stand in its place where it can't be shown."""

    painted: Painted | None = None
    words = ""
    _strips: tuple[Strip, ...] | None = None  # of what is shown

    def show(self, painted: Painted | None, words: str = "") -> None:
        """Put a picture, or words in its place, on the screen."""
        if painted is not self.painted:
            self._strips = None
        self.painted, self.words = painted, words
        self.refresh()

    def picture_at(self, size: Size) -> tuple[int, int]:
        """Where in a content of ``size`` the picture begins: column and row."""
        assert self.painted is not None
        return max(0, (size.width - self.painted.columns) // 2), 0

    def below(self, y: int, size: Size, style: Style) -> Strip | None:
        """A line of a widget of ``size`` that is not the picture's; None for a blank one."""
        return None

    def render_line(self, y: int) -> Strip:
        return self._line(y, self.size, self.rich_style, self.whole)[0]

    def _line(self, y: int, size: Size, style: Style, whole: bool) -> tuple[Strip, bool]:
        """One line, and whether it shows a part of the picture in half-blocks; what is the same for all of them is given."""
        width = size.width
        other = self.below(y, size, style)
        if other is not None:
            return other.adjust_cell_length(width, style), False
        if self.painted is None:
            text = self.words if y == 0 else ""
            return Strip([Segment(text, style)]).adjust_cell_length(width, style), False
        left, top = self.picture_at(size)
        if not top <= y < top + self.painted.rows or (self.painted.sixel and whole):
            return Strip.blank(width, style), False
        if self._strips is None:
            self._strips = self.painted.strips
        strip = self._strips[y - top]
        right = max(0, width - left - self.painted.columns)
        parts = [Segment(" " * left, style), *strip, Segment(" " * right, style)]
        return Drawn([p for p in parts if p.text], width), True

    @property
    def whole(self) -> bool:
        """Whether all of it is seen, with nothing above it: only then Sixels may be laid over the screen."""
        try:
            screen: Any = self.screen
            place = screen.find_widget(self)
        except Exception:  # not laid out yet
            return False
        return screen.is_active and place.visible_region == place.region and screen is self.app.screen

    def render_lines(self, crop: Region) -> list[Strip]:
        """All lines at once: a page of thumbnails is a thousand of them, and looking the style up for each takes longer than
        drawing it. Borders and padding are not drawn, a picture has none."""
        size, style, whole = self.size, self.rich_style, self.whole
        width, height = size
        background, filters = self.background_colors[1], self.get_line_filters()
        strips = []
        for y in range(max(0, crop.y), crop.bottom):
            strip, drawn = (
                self._line(y, size, style, whole) if y < height else (Strip.blank(width, style), False)
            )
            for one in filters:
                # half-blocks are true colours already, and a page of them is ten thousand
                if not (drawn and isinstance(one, ANSIToTruecolor)):
                    strip = strip.apply_filter(one, background)
            strips.append(strip if crop.column_span == (0, width) else strip.crop(crop.x, crop.right))
        if self.painted is None or not self.painted.sixel or crop.size != self.outer_size or not whole:
            return strips
        left, top = self.picture_at(size)
        inner = self.content_region
        at = Region(inner.x + left, inner.y + top, self.painted.columns, self.painted.rows)
        end = Region(at.x, at.y, self.region.right - at.x, self.region.bottom - at.y)
        return laid_over(strips, self.painted.sixel, end)
