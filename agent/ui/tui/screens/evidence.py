"""One piece of evidence in full: every value, sortable tables, pictures, what it notes and what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import DataTable, Static

from failsight.agent.ui.pictures import Album
from failsight.agent.ui.renderables import (
    Pictures,
    call_line,
    facts_table,
    finding_renderable,
    headline,
    image_line,
    pictures_renderable,
)
from failsight.agent.ui.terminal import Looks
from failsight.agent.ui.tui.messages import Answered
from failsight.agent.ui.tui.screens.matrix import MatrixScreen
from failsight.agent.ui.tui.widgets.evidence_card import Decoded
from failsight.agent.ui.tui.widgets.key_line import KeyLine
from failsight.agent.ui.tui.widgets.picture import Painted, Picture, paint
from failsight.tools.confusions import matrix
from failsight.tools.evidence import Evidence, Table
from failsight.tools.faces import cell_text
from failsight.tools.text import clean, counted

IMAGES = 12


class Pixels(Message):
    """Pictures of ``evidence`` with their words, from the thread that painted them."""

    def __init__(self, evidence: Evidence, pictures: Sequence[tuple[str, Painted]]) -> None:
        super().__init__()
        self.evidence, self.pictures = evidence, pictures


def painted_of(
    made: Evidence, album: Album, frame: tuple[int, int], looks: Looks
) -> list[tuple[str, Painted]]:
    """The photographs and pixel figures of ``made`` with their words; of what can't be decoded, the reason. Slow."""
    from failsight.tools.inputs.images import decode

    found = [
        (f"▦ {clean(f.title)}: {clean(f.alt, 300)}", album.figure(f.path), frame)
        for f in made.figures
        if not f.path.endswith(".svg")
    ]
    small = (min(40, frame[0]), min(14, frame[1]))
    found += [(f"▦ {image_line(i)}", album.image(i.path, i.split), small) for i in made.images[:IMAGES]]
    pictures = []
    for words, place, (columns, rows) in found:
        try:
            if place is None:
                raise OSError("it is not there")
            image = decode(place, (columns * looks.cell[0], rows * looks.cell[1]))
            pictures.append((words, paint(image, columns, rows, looks)))
        except (
            Exception
        ) as problem:  # whatever a broken file does to the decoder, its reason is shown instead
            pictures.append((f"{words} ✗ {clean(problem, 100)}", Painted(1, 1, ())))
    return pictures


def _drawn(made: Evidence) -> Evidence:
    """``made`` with no pictures but the charts: those are told in characters, whatever the terminal can show."""
    return replace(made, images=(), figures=tuple(f for f in made.figures if f.path.endswith(".svg")))


class SortableTable(DataTable[Text]):
    """A table of evidence; ``s`` or a click on a header sorts by the column under the cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("s", "sort_column", "Sort")]

    def __init__(self, table: Table) -> None:
        super().__init__(zebra_stripes=True, cursor_type="cell")
        self.table = table
        self._sorted: tuple[int, bool] | None = None

    def on_mount(self) -> None:
        for i, name in enumerate(self.table.columns):
            self.add_column(Text(clean(name)), key=str(i))
        self._fill(range(len(self.table.rows)))

    def _fill(self, order: Sequence[int]) -> None:
        self.clear()
        for row in order:
            cells = self.table.rows[row]
            self.add_row(*(self._cell(i, v) for i, v in enumerate(cells)))

    def _cell(self, column: int, value: object) -> Text:
        numeric = column < len(self.table.units) and self.table.units[column] != "text"
        return Text(cell_text(self.table, column, value), justify="right" if numeric else "left")

    def sort_by(self, column: int) -> None:
        """Sort by ``column``: falling first for numbers, rising for text; again turns it round."""
        rows = self.table.rows
        text = any(isinstance(r[column], str) for r in rows)
        falling = not self._sorted[1] if self._sorted and self._sorted[0] == column else not text
        known = [i for i in range(len(rows)) if _sortable(rows[i][column])]
        unknown = [i for i in range(len(rows)) if not _sortable(rows[i][column])]

        def key(i: int) -> tuple[float, str]:
            value = rows[i][column]
            return (0.0, value.casefold()) if isinstance(value, str) else (float(value or 0), "")

        known.sort(key=key, reverse=falling)
        self._sorted = (column, falling)
        where = self.cursor_coordinate
        self._fill([*known, *unknown])
        self.move_cursor(row=where.row, column=column, animate=False)

    def action_sort_column(self) -> None:
        """Sort by the column under the cursor."""
        if self.table.rows and self.table.columns:
            self.sort_by(self.cursor_column)

    def on_data_table_header_selected(self, event: DataTable.HeaderSelected) -> None:
        event.stop()
        self.sort_by(event.column_index)


def _sortable(value: object) -> bool:
    return value is not None and value == value  # NaN is not


class EvidenceScreen(Screen[None]):
    """Escape goes back, ``n`` and ``p`` turn to the neighbours, Tab goes from table to table."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "app.pop_screen", "Back"),
        Binding("n", "turn(1)", "Next"),
        Binding("p", "turn(-1)", "Previous"),
        Binding("g", "pictures", "Its images"),
        Binding("m", "matrix", "Matrix"),
        Binding("c", "copy", "Copy"),
    ]

    def __init__(
        self, evidence: Sequence[Evidence], place: int, album: Album, looks: Looks | None = None
    ) -> None:
        super().__init__()
        self.all, self.place, self.album = list(evidence), place, album
        self.looks = looks or Looks()
        self._sent: list[Painted] = []  # what the terminal holds of the piece that is seen

    @property
    def evidence(self) -> Evidence:
        return self.all[self.place]

    def compose(self) -> ComposeResult:
        yield Static(id="evidence-title", markup=False)
        yield VerticalScroll(id="evidence-body")
        yield KeyLine()

    async def on_mount(self) -> None:
        await self._fill()

    async def _fill(self) -> None:
        made = self.evidence
        place = f"  ({self.place + 1} of {len(self.all)})"
        title = Content.assemble((headline(made), "bold"), (place, "dim"))
        self.query_one("#evidence-title", Static).update(title)
        self._release()
        body = self.query_one("#evidence-body", VerticalScroll)
        await body.remove_children()
        await body.mount_all(self._parts(made))
        body.scroll_home(animate=False)
        body.focus()
        self.refresh_bindings()
        if made.figures or made.images:
            self._decode(made)

    def _parts(self, made: Evidence) -> list[Widget]:
        parts: list[Widget] = [Static(Content(made.summary), markup=False)]
        parts += [Static(finding_renderable(f), markup=False) for f in made.findings]
        if made.facts:
            parts.append(Static(facts_table(made.facts), markup=False, classes="block"))
        for table in made.tables:
            title = f"{clean(table.title)} · {counted(len(table.rows), 'row')}"
            parts.append(Static(Content.styled(title, "bold"), markup=False, classes="block"))
            parts.append(SortableTable(table))
            if table.caption:
                parts.append(Static(Content.styled(clean(table.caption, 400), "dim"), markup=False))
        parts.append(Static(classes="block pictures", markup=False))
        self._show_pictures_in(parts[-1], {})
        parts.append(Vertical(classes="pixels"))
        tail = [(f"! {n}", "$text-warning") for n in made.notes] + [
            (f"→ {n}", "$text-success") for n in made.next_steps
        ]
        parts += [Static(Content.styled(text, style), markup=False) for text, style in tail]
        if made.questions:
            answers = f"answers {', '.join(made.questions)}"
            parts.append(Static(Content.styled(answers, "dim"), markup=False))
        parts.append(Static(Content.styled(call_line(made), "dim"), markup=False))
        return parts

    @work(thread=True, group="pictures", exclusive=True, exit_on_error=False)
    def _decode(self, made: Evidence) -> None:
        columns = max(20, min(96, self.size.width - 6))
        if self.looks.way == "blocks":
            self.post_message(Decoded(made, self.album.load(made, columns, 24, IMAGES)))
            return
        self.post_message(Decoded(made, self.album.load(_drawn(made), columns, 24, 0)))
        self.post_message(Pixels(made, painted_of(made, self.album, (columns, 24), self.looks)))

    def on_decoded(self, message: Decoded) -> None:
        """The pictures are there; of another piece of evidence when the page was turned meanwhile."""
        if message.evidence is self.evidence and message.pictures:
            self._show_pictures_in(self.query_one(".pictures"), message.pictures)

    async def on_pixels(self, message: Pixels) -> None:
        """Pictures in real pixels, each below its words."""
        if message.evidence is not self.evidence:
            for _, painted in message.pictures:
                painted.release()
            return
        self._sent = [painted for _, painted in message.pictures]
        parts: list[Widget] = []
        for words, painted in message.pictures:
            parts.append(Static(Content.styled(words, "italic"), markup=False, classes="block"))
            if painted.strips:
                picture = Picture()
                picture.styles.height, picture.styles.width = painted.rows, painted.columns
                picture.show(painted)
                parts.append(picture)
        await self.query_one(".pixels").mount_all(parts)

    def _release(self) -> None:
        for painted in self._sent:
            painted.release()
        self._sent = []

    def on_unmount(self) -> None:
        self._release()

    def _show_pictures_in(self, place: Widget, pictures: Pictures) -> None:
        from rich.console import Group

        made = self.evidence if self.looks.way == "blocks" else _drawn(self.evidence)
        parts = pictures_renderable(made, pictures, IMAGES)
        place.display = bool(parts)
        if isinstance(place, Static):
            place.update(Group(*parts))

    async def action_turn(self, step: int) -> None:
        """Show the next or previous piece of evidence."""
        place = self.place + step
        if 0 <= place < len(self.all):
            self.place = place
            await self._fill()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Images and the matrix are offered where the evidence has them."""
        if action == "pictures":
            return bool(self.evidence.images)
        if action == "matrix":
            return matrix(self.evidence) is not None
        return True

    def action_pictures(self) -> None:
        """Page through its images."""
        self.app.post_message(Answered(f"/images {self.evidence.id}"))

    def action_matrix(self) -> None:
        """Walk about in its confusion matrix."""
        counted = matrix(self.evidence)
        if counted is not None:
            self.app.push_screen(MatrixScreen(self.evidence, counted))

    def action_copy(self) -> None:
        """Copy the evidence, as text, to the clipboard."""
        self.app.copy_to_clipboard(self.evidence.text(1_000_000))
        self.notify(f"Copied {self.evidence.id} as text", markup=False)
