"""Pictures in which a cue and a class no longer go together, made of pictures that are there (no generator needed).

The cue is cut out of pictures that show it and pasted into pictures of other classes, and taken out of pictures of its own
class (after CutMix, Yun et al. 2019, of the confirmed region; Dwibedi et al. 2017). Seams and fills must not become the
next cue: every second picture of either kind also gets the other kind's traces at a place that has nothing to do with it,
a piece of plain background pasted or a patch filled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.experiments.donors import paste
from failsight.tools.experiments.fills import Fill
from failsight.tools.experiments.patches import Patch, Patches, area, patches_of
from failsight.tools.inputs.base import BadImage, Box, ImageTable, Pixels
from failsight.tools.repair.places import CuePlaces
from failsight.tools.repair.wishes import Brief, values_of
from failsight.tools.repair.workshop import Made, Order, png
from failsight.tools.text import clean

if TYPE_CHECKING:
    from PIL.Image import Image

    from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]

LEAST_PIXELS = 4  # a cue of fewer pixels is not one that anybody sees
MOST_COVERED = 0.6  # of the picture: what is left would not show its class
GROW = 0.06  # of a box's size: boxes cut tightly leave the cue's outline behind
SOFT = (
    0.02,
    0.2,
)  # width of the soft edge, as a share of the piece's shorter side: varied, or it becomes a cue


@dataclass
class Composer:
    """Cuts, pastes and fills. See :class:`Order` for what is made of what.

    Attributes:
        cue: where it lies.
        has: (n,) rows that show the cue; ``lacks``: rows known not to show it.
        fill: what takes its place.
    """

    view: CaseView
    cue: CuePlaces
    brief: Brief
    fill: Fill
    has: npt.NDArray[np.bool_]
    lacks: npt.NDArray[np.bool_]
    name: str = "compose"
    _opened: dict[int, tuple[Pixels, Image] | None] = field(default_factory=dict)

    @property
    def table(self) -> ImageTable:
        """The pictures that are cut and pasted into."""
        return self.view.table(self.cue.split)

    def orders(self, start: int, counts: Sequence[int], seed: int) -> list[Order]:
        """The next pictures to make, from number ``start`` on: every picture is used before any is used again."""
        made: list[Order] = []
        for k, (wish, count) in enumerate(zip(self.brief.wishes, counts, strict=True)):
            rows = self._rows(wish.change, wish.wanted.class_name)
            donors = np.flatnonzero(self.has)
            if wish.change == "add" and not len(donors):
                continue
            rng = np.random.default_rng([seed, start, k])
            for row in in_turn(rows, count, rng):
                donor = int(rng.choice(donors)) if wish.change == "add" else -1
                number = start + len(made)
                own = int(np.random.default_rng([seed, number, row]).integers(2**31))
                made.append(
                    Order(
                        number,
                        k,
                        wish.wanted.class_name,
                        wish.wanted.values,
                        wish.change,
                        own,
                        "",
                        row,
                        donor,
                    )
                )
        return made

    def available(self, change: str, class_name: str) -> int:
        """How many pictures there are to make such pictures from."""
        return len(self._rows(change, class_name))

    def make(self, orders: Sequence[Order]) -> Iterator[tuple[Order, Made | str]]:
        """A picture for each order, or why there is none."""
        for order in orders:
            yield order, self._made(order)

    def _rows(self, change: str, class_name: str) -> Ints:
        label = self.view.classes.index(class_name)
        mask = (self.table.labels == label) & (self.lacks if change == "add" else self.has)
        return np.flatnonzero(mask).astype(np.int64)

    def _made(self, order: Order) -> Made | str:
        opened = self._open(order.row)
        if opened is None:
            return "the picture that it is made from can't be read"
        rng = np.random.default_rng(order.seed)
        pixels = opened[0].copy()
        boxes = self._boxes(order.row)
        if order.change == "add":
            placed = self._add(pixels, order, rng)
            if isinstance(placed, str):
                return placed
            if boxes is not None and self.cue.name:
                boxes[self.cue.name] = [*boxes.get(self.cue.name, ()), *placed]
        else:
            why = self._remove(pixels, order, rng)
            if why:
                return why
            if boxes is not None:
                boxes.pop(self.cue.name, None)
        return self._finished(pixels, order, boxes)

    def _add(self, pixels: Pixels, order: Order, rng: np.random.Generator) -> list[Box] | str:
        piece = self._piece(order.donor, pixels.shape[:2])
        if isinstance(piece, str):
            return piece
        source, cut = piece
        if self.cue.region.kind == "box" and rng.random() < 0.5:
            source, cut = _mirrored(source, cut)
        where = self._place(cut, pixels.shape[:2], rng)
        at = tuple(p.moved(p.y0 + where[0], p.x0 + where[1]) for p in cut)
        if rng.random() < 0.5:
            self._trace(pixels, at, rng)
        for piece_at, origin in zip(at, cut, strict=True):
            paste(pixels, piece_at, source, origin, float(rng.uniform(*SOFT)))
        height, width = pixels.shape[:2]
        return [(p.x0 / width, p.y0 / height, p.x1 / width, p.y1 / height) for p in at]

    def _remove(self, pixels: Pixels, order: Order, rng: np.random.Generator) -> str:
        opened = self._open(order.row)
        assert opened is not None
        patches = patches_of(self.cue.mask(order.row, opened[1], GROW))
        covered = area(patches) / (pixels.shape[0] * pixels.shape[1])
        if not patches:
            return "the cue's place is not known"
        if covered > MOST_COVERED:
            return "the cue covers most of the picture"
        if rng.random() < 0.5:
            self._seam(pixels, patches, rng)
        self._filled(pixels, patches, rng)
        return ""

    def _filled(self, pixels: Pixels, patches: Patches, rng: np.random.Generator) -> None:
        copies = pixels[None].copy()
        self.fill.apply(copies, [patches], self.fill.background(pixels, rng))
        pixels[:] = copies[0]

    def _trace(self, pixels: Pixels, cue: Patches, rng: np.random.Generator) -> None:
        """Fill a patch of the cue's size elsewhere: what removing leaves behind is then no sign of the class."""
        spot = _elsewhere(cue, pixels.shape[:2], rng)
        if spot is not None:
            self._filled(pixels, (spot,), rng)

    def _seam(self, pixels: Pixels, cue: Patches, rng: np.random.Generator) -> None:
        """Paste a piece of another picture of the class, without the cue, elsewhere: seams are then no sign either."""
        label = int(self.table.labels[0]) if self.brief.pulled < 0 else self.brief.pulled
        rows = np.flatnonzero(self.lacks & (self.table.labels == label))
        rows = rows if len(rows) else np.flatnonzero(self.lacks)
        spot = _elsewhere(cue, pixels.shape[:2], rng)
        opened = self._open(int(rng.choice(rows))) if len(rows) else None
        if spot is not None and opened is not None:
            source = _resized(opened[1], pixels.shape[:2])
            paste(pixels, spot, source, spot, float(rng.uniform(*SOFT)))

    def _piece(self, donor: int, shape: tuple[int, ...]) -> tuple[Pixels, Patches] | str:
        """The donor's picture at the size of the one it goes into, and the cue in it."""
        from PIL import Image

        opened = self._open(donor)
        if opened is None:
            return "the picture that the cue is cut from can't be read"
        mask = self.cue.mask(donor, opened[1])
        if not mask.any():
            return "the cue's place is not known"
        if mask.shape != shape:
            grey = Image.fromarray(mask).convert("L").resize((shape[1], shape[0]), Image.Resampling.NEAREST)
            mask = np.asarray(grey) > 127
        cut = patches_of(mask)
        if area(cut) < LEAST_PIXELS:
            return "the cue is too small to be seen"
        if area(cut) > MOST_COVERED * mask.size:
            return "the cue covers most of the picture"
        return _resized(opened[1], shape), cut

    def _place(self, cut: Patches, shape: tuple[int, ...], rng: np.random.Generator) -> tuple[int, int]:
        """How far to move the cue: to where it stands in another picture that shows it, as far as it fits."""
        y0, x0, y1, x1 = _bounds(cut)
        rows = np.flatnonzero(self.has)
        other = int(rng.choice(rows))
        opened = self._open(other)
        if self.cue.region.kind != "box" or opened is None:
            return 0, 0  # a fixed place stays where it is
        boxes = self.cue.boxes(other)
        if not boxes:
            return 0, 0
        bx = (min(b[0] for b in boxes) + max(b[2] for b in boxes)) / 2 * shape[1]
        by = (min(b[1] for b in boxes) + max(b[3] for b in boxes)) / 2 * shape[0]
        down, across = round(by - (y0 + y1) / 2), round(bx - (x0 + x1) / 2)
        return min(max(down, -y0), shape[0] - y1), min(max(across, -x0), shape[1] - x1)

    def _finished(self, pixels: Pixels, order: Order, boxes: dict[str, Any] | None) -> Made:
        from PIL import Image

        return Made(
            content=png(Image.fromarray(pixels)),
            suffix=".png",
            values=self.values(order),
            boxes=boxes,
            source=f"compose:{'paste' if order.change == 'add' else self.fill.name}",
            origin="composed",
            repair_of=clean(self.table.paths[order.row], 400),
        )

    def values(self, order: Order) -> dict[str, str]:
        """The metadata of the picture it is made from, with what was changed."""
        return {**row_values(self.table, order.row), **order.values}

    def _boxes(self, row: int) -> dict[str, Any] | None:
        boxes = self.table.boxes
        return None if boxes is None else {k: list(v) for k, v in boxes[row].items()}

    def _open(self, row: int) -> tuple[Pixels, Image] | None:
        if row not in self._opened:
            if len(self._opened) > 64:
                self._opened.clear()
            try:
                image = self.table.open(row).convert("RGB")
                self._opened[row] = np.asarray(image, np.uint8), image
            except BadImage:
                self._opened[row] = None
        return self._opened[row]


def open_composer(view: CaseView, cue: CuePlaces, brief: Brief, fill: Fill) -> Composer:
    """A composer for the brief's cue.

    Raises:
        RetryError: no picture shows the cue.
    """
    has, lacks = showing(view, cue, brief)
    if not has.any():
        raise RetryError(f"No picture of {cue.split} shows {cue.region.title}; nothing can be cut out.")
    return Composer(view, cue, brief, fill, has, lacks)


def showing(
    view: CaseView, cue: CuePlaces, brief: Brief
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """(n,) rows that show the cue and whose place is known, and rows known not to show it."""
    table = view.table(cue.split)
    boxed = np.array([bool(cue.boxes(r)) for r in range(len(table))], bool)
    if cue.name:
        has, lacks = boxed, ~boxed
    else:
        has = table.labels == brief.pulled if brief.pulled >= 0 else np.zeros(len(table), bool)
        lacks = ~has & (table.labels >= 0)
    if brief.attribute:
        values = np.array(values_of(view, cue.split, brief.attribute), object)
        known = np.array([v is not None for v in values], bool)
        said = np.array([v == brief.value for v in values], bool)
        if known.any():
            has, lacks = (said & boxed, known & ~said & ~boxed) if cue.name else (said, known & ~said)
    return has, lacks


def in_turn(rows: Ints, count: int, rng: np.random.Generator) -> list[int]:
    """``count`` rows in seeded order, each used before any is used again; none where there are none."""
    if not len(rows) or count < 1:
        return []
    rounds = [rng.permutation(rows) for _ in range(-(-count // len(rows)))]
    made: list[int] = np.concatenate(rounds)[:count].tolist()
    return made


def row_values(table: ImageTable, row: int) -> dict[str, str]:
    """The metadata of one row as text; what is unknown is left out."""
    made: Mapping[str, Any] = {k: v[row] for k, v in table.columns.items()}
    return {
        k: f"{v:g}" if isinstance(v, float) else str(v) for k, v in made.items() if v is not None and v == v
    }


def _resized(image: Image, shape: tuple[int, ...]) -> Pixels:
    from PIL import Image as module

    if image.size != (shape[1], shape[0]):
        image = image.resize((shape[1], shape[0]), module.Resampling.BICUBIC)
    return np.asarray(image, np.uint8)


def _mirrored(source: Pixels, cut: Patches) -> tuple[Pixels, Patches]:
    """The donor's picture and the cue in it, seen in a mirror; the cue stays where it was."""
    width = source.shape[1]
    turned = tuple(
        Patch(p.y0, width - p.x1, p.y1, width - p.x0, None if p.shape is None else p.shape[:, ::-1])
        for p in cut
    )
    return np.ascontiguousarray(source[:, ::-1]), turned


def _bounds(patches: Patches) -> tuple[int, int, int, int]:
    return (
        min(p.y0 for p in patches),
        min(p.x0 for p in patches),
        max(p.y1 for p in patches),
        max(p.x1 for p in patches),
    )


def _elsewhere(
    cue: Patches, shape: tuple[int, ...], rng: np.random.Generator, tries: int = 20
) -> Patch | None:
    """A rectangle of the cue's size that does not touch it; None where there is no room."""
    y0, x0, y1, x1 = _bounds(cue)
    tall, wide = y1 - y0, x1 - x0
    for _ in range(tries):
        top = int(rng.integers(0, max(1, shape[0] - tall + 1)))
        left = int(rng.integers(0, max(1, shape[1] - wide + 1)))
        if top >= y1 or top + tall <= y0 or left >= x1 or left + wide <= x0:
            return Patch(top, left, top + tall, left + wide)
    return None
