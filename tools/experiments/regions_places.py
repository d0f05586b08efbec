"""Where a region lies in each picture of a split: looked for in batches, kept in memory and in the case's cache."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import digest
from failsight.tools.experiments.regions_base import Mask, Region
from failsight.tools.inputs.base import BadImage, Pixels, Split
from failsight.tools.view import CaseView

if TYPE_CHECKING:
    from PIL.Image import Image

Ints = npt.NDArray[np.int64]
Size = tuple[int, int]  # width and height of the image's file
Local = Callable[[int, Pixels, Size], Mask]  # row, prepared picture (h, w, 3)
Batch = Callable[
    [Ints, "Sequence[Image]", Pixels], "Sequence[Mask]"
]  # rows, files, prepared pictures (n, h, w, 3)
BLOCK = 64  # pictures looked at and stored at a time: what an interruption can cost
KEPT = 64 * 2**20  # bytes of masks held in memory, one bit a pixel


@dataclass(frozen=True)
class Finder:
    """How a region is found in a picture.

    Attributes:
        local: in one prepared picture, cheaply; None: only in batches.
        batch: in many at a time; None: one by one.
        key: what the result depends on besides region, data and the model's geometry; part of cache keys.
        may_show: per row: whether the picture can have it at all (a mask file, a point of its own); None: any can.
        notes: what a reader should know of how the region was found.
        problems: row → what is wrong with its mask file.
    """

    local: Local | None = None
    batch: Batch | None = None
    key: Mapping[str, Any] = field(default_factory=dict)
    may_show: npt.NDArray[np.bool_] | None = None
    notes: tuple[str, ...] = ()
    problems: Mapping[int, str] = field(default_factory=dict)


class Places:
    """The masks of one region over one split. Pictures are asked for by row; what is asked for often is found once.

    Args:
        finder: how it is found; None for boxes and fixed shapes, which need no looking.
    """

    def __init__(self, view: CaseView, split: Split, region: Region, finder: Finder | None = None) -> None:
        self.view, self.split, self.region, self.finder = view, split, region, finder
        self._kept: OrderedDict[int, npt.NDArray[np.uint8] | None] = OrderedDict()
        self._shape: tuple[int, int] = (0, 0)
        self._block_of: dict[int, int] = {}
        self._blocks: list[Ints] = []

    @property
    def key(self) -> Mapping[str, Any]:
        """What makes two places of the same region different, for the cache of an experiment; empty for nothing."""
        return self.finder.key if self.finder else {}

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know of how the region was found."""
        return self.finder.notes if self.finder else ()

    def plan(self, rows: Ints) -> None:
        """Say which rows will be asked for, so that they are looked at in blocks of this order."""
        self._blocks = [rows[i : i + BLOCK] for i in range(0, len(rows), BLOCK)]
        self._block_of = {int(r): b for b, part in enumerate(self._blocks) for r in part}

    def mask(self, row: int, pixels: Pixels, size: Size) -> Mask:
        """Where the region lies in the prepared picture of ``row``: (h, w); empty where it is not there.

        Args:
            pixels: the prepared picture (h, w, 3).
            size: width and height of the image's file.
        """
        height, width = pixels.shape[:2]
        if self.finder is None:
            return self.region.mask(height, width, self._boxes(row, size))
        if row not in self._kept and self.finder.local is not None:
            return self.finder.local(row, pixels, size)
        if row not in self._kept:
            block = self._block_of.get(row)
            self.load(np.array([row], np.int64) if block is None else self._blocks[block])
        return self._unpacked(row, height, width)

    def share(self, row: int) -> float:
        """Share of the picture that the region covers, of a row that was loaded; NaN where it can't be read."""
        packed = self._kept.get(row)
        if packed is None:
            return float("nan")
        return float(np.unpackbits(packed).sum()) / max(1, self._shape[0] * self._shape[1])

    def load(self, rows: Ints) -> None:
        """Look at ``rows``, or take their masks from the cache, and hold them in memory."""
        missing = np.array([r for r in rows.tolist() if r not in self._kept], np.int64)
        if not len(missing):
            return
        stored = self.view.cached(self._key(missing))
        if stored is None:
            stored = self._found(missing)
            self.view.store(self._key(missing), stored)
        if len(stored["rows"]):
            self._shape = (int(stored["size"][0]), int(stored["size"][1]))
        known = dict(zip(stored["rows"].tolist(), stored["masks"], strict=True))
        for row in missing.tolist():
            self._kept[row] = known.get(row)
        most = max(BLOCK, KEPT // max(1, self._shape[0] * self._shape[1] // 8))
        while len(self._kept) > most:
            self._kept.popitem(last=False)

    def _boxes(self, row: int, size: Size) -> list[tuple[float, float, float, float]]:
        table = self.view.table(self.split)
        if self.region.kind != "box" or table.boxes is None:
            return []
        model = self.view.model()
        return [model.prepare_box(box, *size) for box in table.boxes[row].get(self.region.name, ())]

    def _unpacked(self, row: int, height: int, width: int) -> Mask:
        packed = self._kept.get(row)
        if packed is None:
            return np.zeros((height, width), bool)
        made: Mask = np.unpackbits(packed)[: height * width].reshape(height, width).astype(bool)
        return made

    def _key(self, rows: Ints) -> dict[str, Any]:
        assert self.finder is not None
        return {
            "regions": "masks/1",
            "model": self.view.model().fingerprint,  # its geometry: what part of an image it sees, and how large
            "data": self.view.table(self.split).fingerprint,
            "split": self.split,
            "region": self.region.spec,
            "rows": digest(rows),
            **self.finder.key,
        }

    def _found(self, rows: Ints) -> dict[str, npt.NDArray[Any]]:
        """Packed masks of the rows that can be read: rows (m,), masks (m, bytes), size (2,)."""
        assert self.finder is not None
        model, table = self.view.model(), self.view.table(self.split)
        kept, images, pictures = [], [], []
        for row in rows.tolist():
            try:
                image = table.open(row)
                pictures.append(model.prepare(image))
            except BadImage:
                continue
            kept.append(row)
            images.append(image)
        if not kept:
            return {
                "rows": np.zeros(0, np.int64),
                "masks": np.zeros((0, 0), np.uint8),
                "size": np.zeros(2, np.int64),
            }
        pixels = np.stack(pictures)
        if self.finder.batch is not None:
            masks = self.finder.batch(np.array(kept, np.int64), images, pixels)
        elif self.finder.local is not None:
            masks = [self.finder.local(r, p, i.size) for r, p, i in zip(kept, pixels, images, strict=True)]
        else:
            raise ValueError("a finder looks one by one or in batches")
        packed = np.stack([np.packbits(m) for m in masks])
        return {
            "rows": np.array(kept, np.int64),
            "masks": packed,
            "size": np.array(pixels.shape[1:3], np.int64),
        }


@dataclass(frozen=True)
class Looked:
    """What a look through the pictures found.

    Attributes:
        rows: rows that were looked at, in the seeded order of looking. (n,)
        states: 1: shows the region, 0: does not, −1: can't be read. (n,)
        of: how many rows there were to look at.
    """

    rows: Ints
    states: npt.NDArray[np.int8]
    of: int

    def with_state(self, *states: int) -> Ints:
        """Rows of these states, ascending."""
        made: Ints = np.sort(self.rows[np.isin(self.states, states)])
        return made

    @property
    def told(self) -> str:
        """How many of how many show it, in one sentence."""
        n = int((self.states == 1).sum())
        more = f" (of {self.of:,}, in random order)" if self.of > len(self.rows) else ""
        return f"{n:,} of {len(self.rows):,} images that were looked at{more} show it."


def look(places: Places, rows: Ints, enough: int, seed: int, *, absent: bool = False, label: str) -> Looked:
    """Look at ``rows`` in a seeded order until ``enough`` of them show the region (or, ``absent``, do not).

    A rare region is not looked for for ever: at most ten times ``enough``, and at least 2,000 pictures."""
    order = np.random.default_rng([seed, len(rows), 31]).permutation(rows)[: max(2_000, 10 * enough)]
    states: list[int] = []
    with places.view.progress.job(label, len(order)) as ticker:
        for start in range(0, len(order), BLOCK):
            block = order[start : start + BLOCK]
            places.load(block)
            shares = np.array([places.share(int(r)) for r in block])
            states += np.where(np.isnan(shares), -1, shares > 0).astype(int).tolist()
            ticker.advance(len(block))
            if states.count(0 if absent else 1) >= enough:
                ticker.advance(len(order) - start - len(block))
                break
    seen: Ints = order[: len(states)].astype(np.int64)
    return Looked(seen, np.array(states, np.int8), len(rows))
