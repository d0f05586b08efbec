"""What a region is, once its text has been read; and the fixed shapes, resolved into masks over the prepared picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from failsight.tools.experiments.regions_colour import Colour
from failsight.tools.inputs.base import Box, Floats
from failsight.tools.text import clean

Mask = npt.NDArray[np.bool_]  # (height, width)
RegionKind = Literal[
    "box",
    "mask",
    "rect",
    "grid",
    "border",
    "corners",
    "point",
    "click",
    "segment",
    "colour",
    "saliency",
    "object",
    "text",
    "like",
]
FIXED: tuple[RegionKind, ...] = ("rect", "grid", "border", "corners")
"""Kinds whose place is the same in every picture."""
WITH_SEGMENTER: tuple[RegionKind, ...] = ("object", "text")
"""Kinds that another model finds."""


@dataclass(frozen=True, slots=True)
class Region:
    """A parsed region.

    Attributes:
        spec: the text it was parsed from, in normal form.
        kind: the word before the colon.
        rectangles: fixed rectangles (x0, y0, x1, y1) as fractions; empty for all that differs from picture to picture.
        name: the boxed or segmented object, the prompt, the folder or column of masks, or the class whose saliency is taken
            (empty: the watched class); for ``like``, ``SPLIT/ROW`` of the picture that shows it.
        share: for saliency, the share of pixels to take, in (0, 1).
        average: for saliency: one place for all pictures, where the maps are highest on average.
        point: (x, y) in fractions of the prepared picture, for points, clicks and segments.
        column: the metadata column that holds each picture's own points.
        size: radius of a point as a fraction of the shorter side; how far colours may lie apart in a click (CIE76); width
            of the frame of ``like`` as a share of the sides (0: the rectangle is meant).
        colour: the colours that count.
        segments: about how many segments a picture is cut into.
        rank: the k-th most salient segment, from 1; 0 for none.
        value: pixel value that counts in a mask file; −1: every value above 0 (of a photograph: above 127).
        threshold: how sure the segmenter, or how alike what ``like`` finds, has to be, in (0, 1); None: as is usual for it.
    """

    spec: str
    kind: RegionKind
    rectangles: tuple[Box, ...] = ()
    name: str = ""
    share: float = 0.0
    average: bool = False
    point: tuple[float, float] | None = None
    column: str = ""
    size: float = 0.0
    colour: Colour | None = None
    segments: int = 0
    rank: int = 0
    value: int = -1
    threshold: float | None = None

    @property
    def salient(self) -> bool:
        """Whether a saliency map of the model itself has a part in it."""
        return self.kind == "saliency" or self.rank > 0

    @property
    def everywhere(self) -> bool:
        """Whether every picture has it, so that it has to be said which ones it is taken from."""
        if self.kind in ("point", "click"):
            return not self.column
        if self.kind == "segment":
            return self.colour is None and not self.column
        return self.kind in (*FIXED, "saliency")

    @property
    def fixed(self) -> bool:
        """Whether it is one and the same place in all pictures, whatever they show there."""
        return self.kind in FIXED or self.average or (self.point is not None and not self.column)

    @property
    def title(self) -> str:
        """What a sentence calls it: ``the television``, ``the border`` …"""
        rest = self.spec.partition(":")[2]
        where = f"marked in {clean(self.column, 40)}" if self.column else ""
        match self.kind:
            case "box" | "object":
                return f"the {clean(self.name, 40).replace('_', ' ')}"
            case "mask":
                return f"the part masked in {clean(self.name.replace(chr(92), '/').rstrip('/').rpartition('/')[2], 40)}"
            case "rect":
                return f"the rectangle {rest}"
            case "grid":
                return f"the grid cell {rest}"
            case "border" | "corners":
                return f"the {self.kind}"
            case "point":
                return f"the places {where}" if where else f"the disc at {_pair(self.point)}"
            case "click":
                return f"what lies under the places {where}" if where else f"what lies at {_pair(self.point)}"
            case "segment":
                return self._segment(where)
            case "colour":
                return f"what is {self.colour.title}" if self.colour else "the colour"
            case "text" | "like":
                return self._like() if self.kind == "like" else f"“{clean(self.name, 60)}”"
        part = f"{100 * self.share:g} %"
        if self.average:
            return f"the place that is most salient on average ({part} of the picture)"
        return f"the most salient {part} of the pixels"

    def _like(self) -> str:
        home, _, row = clean(self.name, 40).partition("/")
        return f"what looks like the {'frame' if self.size else 'piece'} of {home} image {row}"

    def _segment(self, where: str) -> str:
        if self.colour is not None:
            return f"the segments that are {self.colour.title}"
        if self.rank:
            order = {1: "", 2: "second ", 3: "third "}.get(self.rank, f"{self.rank}th ")
            return f"the {order}most salient segment"
        return f"the segments {where}" if where else f"the segment at {_pair(self.point)}"

    def mask(self, height: int, width: int, boxes: Sequence[Box] = ()) -> Mask:
        """A fixed region, or given boxes, as a mask of (height, width) pixels.

        Args:
            boxes: for ``box:NAME``, the boxes of the object in this picture, as fractions of the prepared picture.

        Raises:
            ValueError: for kinds that have to be looked for in the picture (:class:`regions_places.Places` does).
        """
        if self.kind not in (*FIXED, "box"):
            raise ValueError(f"a {self.kind} region has to be looked for in the picture")
        made = np.zeros((height, width), bool)
        for box in boxes:
            y0, x0, y1, x1 = pixel_box(box, height, width)
            made[y0:y1, x0:x1] = True
        for left, top, right, bottom in self.rectangles:
            y0, y1 = _nearest(top, bottom, height)
            x0, x1 = _nearest(left, right, width)
            made[y0:y1, x0:x1] = True
        return made


def _pair(point: tuple[float, float] | None) -> str:
    return f"{point[0]:g},{point[1]:g}" if point else "?"


def _nearest(start: float, end: float, length: int) -> tuple[int, int]:
    """The nearest whole pixels, at least one: the cells of a grid then tile the picture without overlap."""
    first = min(round(start * length), length - 1)
    return first, max(round(end * length), first + 1)


def pixel_box(box: Box, height: int, width: int) -> tuple[int, int, int, int]:
    """``box`` in whole pixels (y0, x0, y1, x1), grown outwards so that no part of it is left uncovered.

    A box without area inside the picture gives an empty rectangle."""
    x0, y0, x1, y1 = (min(max(float(v), 0.0), 1.0) for v in box)
    if not (x1 > x0 and y1 > y0):  # also catches NaN
        return 0, 0, 0, 0
    slack = 1e-6  # 0.3 * 10 is 3.0000000000000004: rounding noise must not add a row of pixels
    return (
        math.floor(y0 * height + slack),
        math.floor(x0 * width + slack),
        math.ceil(y1 * height - slack),
        math.ceil(x1 * width - slack),
    )


def most_salient(saliency: Floats, share: float) -> Mask:
    """The ``share`` of pixels where ``saliency`` (height, width) is highest; at least one pixel, ties broken by position."""
    count = max(1, round(share * saliency.size))
    order = np.argsort(-saliency.ravel(), kind="stable")[:count]
    made = np.zeros(saliency.size, bool)
    made[order] = True
    return made.reshape(saliency.shape)
