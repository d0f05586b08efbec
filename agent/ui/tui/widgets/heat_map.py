"""A confusion matrix to walk about in: shaded by the share of the true class, the count in each cell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import set_cell_size
from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from failsight.tools.text import clean

CELL = (7, 18)  # least and most columns of a cell
TALL = 3  # most lines of a cell
HEAD = 1  # lines above the cells
NAMES = 20  # most columns for the names of the rows
RIGHT, WRONG = (
    (0, 114, 178),
    (213, 94, 0),
)  # blue on the diagonal, vermilion off it: told apart by colour-blind people


class HeatMap(Widget, can_focus=True):
    """Arrows move, Enter takes the cell; rows are true classes, columns predictions. Scrolls with its cursor.

    Args:
        names: class of each row and column.
        counts: images by row and column.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left,h", "move(-1, 0)", "Left", show=False),
        Binding("right,l", "move(1, 0)", "Right", show=False),
        Binding("up,k", "move(0, -1)", "Up", show=False),
        Binding("down,j", "move(0, 1)", "Down", show=False),
        Binding("home", "edge(0)", "First class", show=False),
        Binding("end", "edge(1)", "Last class", show=False),
        Binding("n", "confusion(1)", "Next largest confusion"),
        Binding("p", "confusion(-1)", "Previous", show=False),
        Binding("enter,space", "take", "Its images"),
    ]

    class Moved(Message):
        """The cursor stands on another cell."""

        def __init__(self, row: int, column: int) -> None:
            super().__init__()
            self.row, self.column = row, column

    class Taken(Message):
        """Enter or a second click on a cell."""

        def __init__(self, row: int, column: int) -> None:
            super().__init__()
            self.row, self.column = row, column

    def __init__(self, names: Sequence[str], counts: Sequence[Sequence[int]], id: str | None = None) -> None:
        super().__init__(id=id)
        self.names, self.counts = [clean(n, 60) for n in names], [list(r) for r in counts]
        self.cursor = (0, 0)  # row and column
        self._first = (0, 0)  # row and column in the corner
        off = [(c, i, j) for i, row in enumerate(self.counts) for j, c in enumerate(row) if i != j and c]
        self.ranked = [(i, j) for _, i, j in sorted(off, key=lambda o: (-o[0], o[1], o[2]))]

    def on_mount(self) -> None:
        if self.ranked:
            self.call_after_refresh(self.go, *self.ranked[0])

    @property
    def _side(self) -> int:
        return min(NAMES, max((len(n) for n in self.names), default=4) + 2)

    @property
    def _room(self) -> tuple[int, int]:
        """Rows and columns that are seen."""
        return max(1, (self.size.height - HEAD) // self._cell_height), max(
            1, (self.size.width - self._side) // self._cell_width
        )

    @property
    def _cell_height(self) -> int:
        """One line, and more where all rows have the room."""
        return max(1, min(TALL, (self.size.height - HEAD) // max(1, len(self.names))))

    @property
    def _cell_width(self) -> int:
        longest = max((len(n) for n in self.names), default=0) + 2 * self._cell_height
        room = (self.size.width - self._side) // max(1, len(self.names))
        return max(CELL[0], min(CELL[1], longest, room))

    def share(self, row: int, column: int) -> float:
        """The cell as a share of its true class, in [0, 1]."""
        return self.counts[row][column] / max(1, sum(self.counts[row]))

    def render_line(self, y: int) -> Strip:
        first_row, first_column = self._first
        rows, columns = self._room
        shown = range(first_column, min(first_column + columns, len(self.names)))
        style, side = self.rich_style, self._side
        if y < HEAD:
            head = "true ╲ said" if side >= 12 else ""
            cells = [Segment(set_cell_size(head, side), style + Style(dim=True))]
            for j in shown:
                here = j == self.cursor[1]
                cells.append(
                    Segment(
                        _fit(self.names[j], self._cell_width - 1).rstrip().center(self._cell_width),
                        style + Style(bold=here, dim=not here),
                    )
                )
            return self._line(cells, style)
        row, inside = divmod(y - HEAD, self._cell_height)
        row += first_row
        if row >= min(first_row + rows, len(self.names)):
            return Strip.blank(self.size.width, style)
        here, middle = row == self.cursor[0], inside == (self._cell_height - 1) // 2
        name = ("▸" if here else " ") + self.names[row] if middle else ""
        cells = [Segment(_fit(name, side - 1) + " ", style + Style(bold=here, dim=not here))]
        cells += [self._cell(row, j, style, middle) for j in shown]
        return self._line(cells, style)

    def _line(self, cells: list[Segment], style: Style) -> Strip:
        return Strip(cells).adjust_cell_length(self.size.width, style)

    def _cell(self, row: int, column: int, style: Style, middle: bool) -> Segment:
        """One line of a cell; its count stands in the ``middle`` one."""
        count = self.counts[row][column]
        text = (f"{count:,}" if count else "·") if middle else ""
        at = (row, column) == self.cursor
        width = self._cell_width
        text = f"[{text}]".center(width) if at and middle else text.center(width)
        if not count:
            return Segment(text, style + Style(dim=not at, bold=at, reverse=at))
        share = self.share(row, column)
        strong = share ** (1 if row == column else 0.5)  # small confusions should be seen
        ground = style.bgcolor.get_truecolor() if style.bgcolor else (0, 0, 0)
        paint = RIGHT if row == column else WRONG
        mixed = tuple(round(g + (c - g) * strong) for g, c in zip(ground, paint, strict=True))
        light = 0.299 * mixed[0] + 0.587 * mixed[1] + 0.114 * mixed[2]
        ink = Color.from_rgb(0, 0, 0) if light > 130 else Color.from_rgb(255, 255, 255)
        return Segment(
            text, Style(color=ink, bgcolor=Color.from_rgb(*mixed), bold=at, underline=at and middle)
        )

    # keys and mouse

    def go(self, row: int, column: int) -> None:
        """Put the cursor on a cell and keep it in sight."""
        last = len(self.names) - 1
        self.cursor = min(max(row, 0), last), min(max(column, 0), last)
        room = self._room
        self._first = tuple(  # type: ignore[assignment]
            min(max(first, at - seen + 1), at)
            for first, at, seen in zip(self._first, self.cursor, room, strict=True)
        )
        self.refresh()
        self.post_message(self.Moved(*self.cursor))

    def action_move(self, right: int, down: int) -> None:
        """Move the cursor."""
        self.go(self.cursor[0] + down, self.cursor[1] + right)

    def action_edge(self, last: int) -> None:
        """To the first or last cell of the diagonal."""
        at = len(self.names) - 1 if last else 0
        self.go(at, at)

    def action_confusion(self, step: int) -> None:
        """To the next confusion, the largest first."""
        if self.ranked:
            at = self.ranked.index(self.cursor) + step if self.cursor in self.ranked else 0
            self.go(*self.ranked[at % len(self.ranked)])

    def action_take(self) -> None:
        """Show the images of the cell."""
        self.post_message(self.Taken(*self.cursor))

    def on_click(self, event: events.Click) -> None:
        event.stop()
        offset = event.get_content_offset(self)
        if offset is None or offset.y < HEAD or offset.x < self._side:
            return
        row, column = (
            self._first[0] + (offset.y - HEAD) // self._cell_height,
            self._first[1] + (offset.x - self._side) // self._cell_width,
        )
        if row < len(self.names) and column < len(self.names):
            again = (row, column) == self.cursor
            self.go(row, column)
            if again:
                self.action_take()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.action_move(0, 1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.action_move(0, -1)


def _fit(text: str, width: int) -> str:
    """``text`` in exactly ``width`` columns, an ellipsis for what is left out."""
    cut = set_cell_size(text, width)
    return cut if cut.rstrip() == text.rstrip() else set_cell_size(text, width - 1) + "…"
