"""Regions: a small grammar for places in a picture, resolved into masks over the prepared pixels that the model sees.

box:NAME              the ground-truth boxes of an object, all of them together
rect:x0,y0,x1,y1      a rectangle, as fractions of width and height
grid:r,c/RxC          the cell in row r and column c (counted from 1, from the top left) of a grid of R rows and C columns
border:F              a frame whose thickness is the fraction F of height and width (0 < F < 0.5)
corners:F             the four corner rectangles whose sides are the fraction F of height and width (0 < F ≤ 0.5)
saliency:topP%[:class] the P percent of pixels that the saliency map of the class (default: the watched class) marks most
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.experiments.population import class_index
from failsight.tools.inputs.base import Box, Floats
from failsight.tools.text import clean

Mask = npt.NDArray[np.bool_]  # (height, width)
RegionKind = Literal["box", "rect", "grid", "border", "corners", "saliency"]
GRAMMAR = (
    "box:NAME",
    "rect:x0,y0,x1,y1 (fractions)",
    "grid:row,column/ROWSxCOLUMNS (from 1)",
    "border:FRACTION",
    "corners:FRACTION",
    "saliency:top20%[:class]",
)
_GRID = re.compile(r"^(\d{1,3}),(\d{1,3})/(\d{1,3})x(\d{1,3})$")
_TOP = re.compile(r"^top(\d+(?:\.\d+)?)%?(?::(.+))?$")


@dataclass(frozen=True, slots=True)
class Region:
    """A parsed region.

    Attributes:
        spec: the text it was parsed from, in normal form.
        kind: the word before the colon.
        rectangles: fixed rectangles (x0, y0, x1, y1) as fractions; empty for boxes and saliency.
        name: the boxed object, or the class whose saliency is taken (empty: the watched class).
        share: for saliency, the share of pixels to take, in (0, 1).
    """

    spec: str
    kind: RegionKind
    rectangles: tuple[Box, ...] = ()
    name: str = ""
    share: float = 0.0

    @property
    def title(self) -> str:
        """What a sentence calls it: ``the television``, ``the border`` …"""
        words = {
            "box": f"the {clean(self.name, 40).replace('_', ' ')}",
            "rect": f"the rectangle {self.spec.partition(':')[2]}",
            "grid": f"the grid cell {self.spec.partition(':')[2]}",
            "border": "the border",
            "corners": "the corners",
            "saliency": f"the most salient {100 * self.share:g} % of the pixels",
        }
        return words[self.kind]

    def mask(self, height: int, width: int, boxes: Sequence[Box] = ()) -> Mask:
        """The region as a mask of (height, width) pixels.

        Args:
            boxes: for ``box:NAME``, the boxes of the object in this picture, as fractions of the prepared picture.

        Raises:
            ValueError: for ``saliency:`` regions, whose mask needs a map (see :func:`most_salient`).
        """
        if self.kind == "saliency":
            raise ValueError("a saliency region is made from a map")
        made = np.zeros((height, width), bool)
        for box in boxes:
            y0, x0, y1, x1 = pixel_box(box, height, width)
            made[y0:y1, x0:x1] = True
        for left, top, right, bottom in self.rectangles:
            y0, y1 = _nearest(top, bottom, height)
            x0, x1 = _nearest(left, right, width)
            made[y0:y1, x0:x1] = True
        return made


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


def parse_region(spec: str, objects: Mapping[str, int], classes: Sequence[str]) -> Region:
    """The region that ``spec`` names.

    Args:
        objects: boxed objects and how many images show each (:func:`population.boxed_objects`).
        classes: class names, for ``saliency:``.

    Raises:
        RetryError: the text is not in the grammar, or names an object or class that does not exist.
    """
    kind, _, rest = spec.strip().partition(":")
    rest = rest.strip()
    match kind.strip().casefold():
        case "box":
            return _box(rest, objects)
        case "rect":
            x0, y0, x1, y1 = _fractions(spec, rest, 4)
            if not (x0 < x1 and y0 < y1):
                raise RetryError(f"region: {clean(spec, 60)!r} is empty; x0 < x1 and y0 < y1 are needed.")
            return Region(f"rect:{x0:g},{y0:g},{x1:g},{y1:g}", "rect", ((x0, y0, x1, y1),))
        case "grid":
            return _grid(spec, rest)
        case "border":
            (f,) = _fractions(spec, rest, 1)
            if not 0 < f < 0.5:
                raise RetryError("region: border:F needs 0 < F < 0.5.")
            frame: tuple[Box, ...] = ((0, 0, 1, f), (0, 1 - f, 1, 1), (0, f, f, 1 - f), (1 - f, f, 1, 1 - f))
            return Region(f"border:{f:g}", "border", frame)
        case "corners":
            (f,) = _fractions(spec, rest, 1)
            if not 0 < f <= 0.5:
                raise RetryError("region: corners:F needs 0 < F ≤ 0.5.")
            four: tuple[Box, ...] = tuple((x, y, x + f, y + f) for y in (0, 1 - f) for x in (0, 1 - f))
            return Region(f"corners:{f:g}", "corners", four)
        case "saliency":
            return _saliency(spec, rest, classes)
    raise RetryError(f"region: {clean(spec, 60)!r} is not a region.", [*GRAMMAR, *_counted(objects)])


def _counted(objects: Mapping[str, int]) -> list[str]:
    return [f"box:{clean(name, 40)} ({n} images)" for name, n in objects.items()]


def _box(name: str, objects: Mapping[str, int]) -> Region:
    if not objects:
        raise RetryError(
            "region: this data has no object boxes (a manifest column 'boxes' gives them).", GRAMMAR[1:]
        )
    if name not in objects:
        near = [o for o in objects if o.casefold() == name.casefold()]
        if len(near) != 1:
            raise RetryError(f"region: no image has a box of {clean(name, 40)!r}.", _counted(objects))
        name = near[0]
    return Region(f"box:{name}", "box", name=name)


def _grid(spec: str, rest: str) -> Region:
    found = _GRID.match(rest.replace(" ", ""))
    if not found:
        raise RetryError(
            f"region: {clean(spec, 60)!r}: write grid:row,column/ROWSxCOLUMNS, for example grid:1,4/4x4."
        )
    row, column, rows, columns = (int(g) for g in found.groups())
    if not (1 <= row <= rows and 1 <= column <= columns):
        raise RetryError(
            f"region: {clean(spec, 60)!r}: rows count from 1 to {rows}, columns from 1 to {columns}."
        )
    cell = ((column - 1) / columns, (row - 1) / rows, column / columns, row / rows)
    return Region(f"grid:{row},{column}/{rows}x{columns}", "grid", (cell,))


def _saliency(spec: str, rest: str, classes: Sequence[str]) -> Region:
    found = _TOP.match(rest)
    if not found or not 0 < float(found[1]) < 100:
        raise RetryError(f"region: {clean(spec, 60)!r}: write saliency:top20% or saliency:top20%:class.")
    name = classes[class_index(classes, found[2])] if found[2] else ""
    tail = f":{name}" if name else ""
    return Region(
        f"saliency:top{float(found[1]):g}%{tail}", "saliency", name=name, share=float(found[1]) / 100
    )


def _fractions(spec: str, rest: str, count: int) -> tuple[float, ...]:
    try:
        made = tuple(float(part) for part in rest.split(","))
    except ValueError:
        made = ()
    if len(made) != count or not all(0 <= v <= 1 for v in made):
        wanted = "four fractions x0,y0,x1,y1" if count == 4 else "one fraction"
        raise RetryError(f"region: {clean(spec, 60)!r} needs {wanted} between 0 and 1.")
    return made
