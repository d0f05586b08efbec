"""Images to learn from, prepared and held in memory, with what a repair has to know of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from failsight.tools.engine.stream import iter_pixels
from failsight.tools.inputs.base import Box, ImageTable, Pixels, Split
from failsight.tools.inputs.fingerprint import job
from failsight.tools.repair.marked import region_boxes, region_of
from failsight.tools.repair_sizes import assigned_rows, slice_rows

if TYPE_CHECKING:
    from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
MOST_BYTES = 2**30  # of prepared pictures; beyond that a seeded sample is learned from
YES = ("yes", "true", "1", "present")


@dataclass(frozen=True)
class Pile:
    """Images of one or several sources, in one order.

    Attributes:
        pixels: (n, h, w, 3) prepared pictures, uint8.
        labels: (n,) class to be learned.
        inside: (n,) whether the image is one that the finding's slice speaks of.
        boxes: per image, where the cue is, as fractions of the prepared picture; empty where it is not or nobody says.
        added: (n,) whether the image came with the repair, and is none of the usual training images.
        rows: (n,) row in the table that it came from.
    """

    pixels: Pixels
    labels: Ints
    inside: Mask
    boxes: tuple[tuple[Box, ...], ...]
    added: Mask
    rows: Ints

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, at: Ints) -> Pile:
        """The images at ``at``, in that order."""
        return Pile(
            self.pixels[at],
            self.labels[at],
            self.inside[at],
            tuple(self.boxes[i] for i in at.tolist()),
            self.added[at],
            self.rows[at],
        )

    def groups(self, classes: int) -> Ints:
        """(n,) class × slice: twice the class, and one more inside the slice. ``classes`` only bounds the numbers."""
        made: Ints = np.minimum(self.labels, classes - 1) * 2 + self.inside
        return made


def join(first: Pile, *others: Pile) -> Pile:
    """All images, one pile after the other."""
    some = [p for p in (first, *others) if len(p)]
    if len(some) == 1:
        return some[0]
    return Pile(
        np.concatenate([p.pixels for p in some]) if some else first.pixels,
        np.concatenate([p.labels for p in some]) if some else first.labels,
        np.concatenate([p.inside for p in some]) if some else first.inside,
        tuple(b for p in some for b in p.boxes),
        np.concatenate([p.added for p in some]) if some else first.added,
        np.concatenate([p.rows for p in some]) if some else first.rows,
    )


def as_added(pile: Pile) -> Pile:
    """The same images, counted as added."""
    return replace(pile, added=np.ones(len(pile), bool))


def cue_of(conditions: Mapping[str, str] | None) -> str:
    """The object that a slice says is shown (``television=yes``); empty where it says something else, or more."""
    pairs = list((conditions or {}).items())
    return pairs[0][0] if len(pairs) == 1 and pairs[0][1].lower() in YES else ""


def read_pile(
    view: CaseView,
    table: ImageTable,
    rows: Ints,
    labels: Ints,
    conditions: Mapping[str, str] | None,
    *,
    split: Split | None = None,
    added: bool = False,
    what: str = "training",
) -> Pile:
    """``rows`` of ``table``, prepared for the case's model. Unreadable ones are left out.

    Args:
        labels: (len(rows),) what is to be learned of each row.
        conditions: the finding's slice; where its attributes are not known of this table, no image counts as inside.
        split: the split whose table it is, for attributes that were assigned; None for a table from outside the case.
        what: the kind of images, for the progress line.
    """
    model = view.model()
    region = region_of(conditions) if split is not None else ""
    inside = np.zeros(len(table), bool) if region else inside_of(view, table, conditions, split)
    by_row = dict(zip(rows.tolist(), labels.tolist(), strict=True))
    kept: list[Ints] = []
    pixels: list[Pixels] = []
    with job(view.progress, f"reading the {what} images", len(rows)) as advance:
        for part, some in iter_pixels(table, model, rows):
            kept.append(part)
            pixels.append(some)
            advance(len(part))
    read = np.concatenate(kept) if kept else np.zeros(0, np.int64)
    height, width = model.preprocessing.size
    boxes = _boxes(view, table, read, cue_of(conditions))
    if region and split is not None:
        boxes = tuple(region_boxes(view, split, region, read))
        inside[read] = [bool(one) for one in boxes]
    return Pile(
        np.concatenate(pixels) if pixels else np.zeros((0, height, width, 3), np.uint8),
        np.array([by_row[r] for r in read.tolist()], np.int64),
        inside[read],
        boxes,
        np.full(len(read), added),
        read,
    )


def inside_of(
    view: CaseView, table: ImageTable, conditions: Mapping[str, str] | None, split: Split | None
) -> Mask:
    """(rows of the table,) which images the slice speaks of; none where that is not known."""
    nothing = np.zeros(len(table), bool)
    if not conditions:
        return nothing
    found = slice_rows(view, table, conditions)
    if found is not None:
        return found
    if split is None:
        return nothing
    met = assigned_rows(view, split, conditions)
    if met is not None:
        nothing[met] = True
    return nothing


def _boxes(view: CaseView, table: ImageTable, rows: Ints, cue: str) -> tuple[tuple[Box, ...], ...]:
    """Where the cue is in each prepared picture; boxes that the crop cut away are left out."""
    if not cue or table.boxes is None:
        return ((),) * len(rows)
    model = view.model()
    made: list[tuple[Box, ...]] = []
    for row in rows.tolist():
        given: Sequence[Box] = table.boxes[row].get(cue, ())
        if not given:
            made.append(())
            continue
        width, height = _size(table, row)
        placed = [model.prepare_box(box, width, height) for box in given]
        made.append(tuple(b for b in placed if b[2] > b[0] and b[3] > b[1]))
    return tuple(made)


def _size(table: ImageTable, row: int) -> tuple[int, int]:
    sizes = getattr(table, "sizes", None)
    if sizes is not None:
        return int(sizes[row][0]), int(sizes[row][1])
    width, height = table.open(row).size
    return int(width), int(height)


def training_rows(view: CaseView, seed: int) -> tuple[Ints, bool]:
    """Labelled training rows to learn from, and whether they are only a seeded sample of them (memory is bounded)."""
    labels = view.table("train").labels
    rows = np.flatnonzero(labels >= 0).astype(np.int64)
    height, width = view.model().preprocessing.size
    most = max(1000, MOST_BYTES // (height * width * 3))
    if len(rows) <= most:
        return rows, False
    return np.sort(np.random.default_rng([seed, 7]).choice(rows, most, replace=False)), True
