"""Regions: a small grammar for places in a picture. ``docs/regions.md`` tells it with examples.

box:NAME              the ground-truth boxes of an object, all of them together
mask:FOLDER[=VALUE]   what a mask file of the image's name marks; mask:COLUMN: files that a metadata column names
rect:x0,y0,x1,y1      a rectangle, as fractions of width and height
grid:r,c/RxC          the cell in row r and column c (counted from 1, from the top left) of a grid of R rows and C columns
border:F              a frame whose thickness is the fraction F of height and width (0 < F < 0.5)
corners:F             the four corner rectangles whose sides are the fraction F of height and width (0 < F ≤ 0.5)
point:PLACE[,r]       discs of radius r (a fraction of the shorter side) about points
click:PLACE[,t]       what hangs together with points and differs from their colour by at most t
segment:PLACE[/N]     the segments that hold points, of about N; also segment:COLOUR[/N] and segment:salientK[:class][/N]
colour:COLOUR         everything of a colour: red, or h350-10,s0.4-1,v0.2-1
saliency:topP%[:class] the P percent of pixels that the saliency map of the class (default: the watched class) marks most
saliency:placeP%[:class] one place for all images, where maps are highest on average over images that are not tested
object:NAME[@T]       what a segmentation model takes for a class of its own
text:WORDS[@T]        what a zero-shot segmenter or detector finds for words
like:SPLIT/ROW,x0,y0,x1,y1  what looks nearly the same as that rectangle of that prepared picture, wherever it is
like:SPLIT/ROW,frame:F      the frame of width F, where it looks nearly the same as that picture's; both with @T: how alike

A picture that a result shows may be called ``E4#5`` instead (:mod:`regions_named`). A PLACE is ``x,y`` (fractions of the picture), or ``@COLUMN``: each image's own points, from its metadata.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from failsight.tools.errors import NotRecorded, RetryError
from failsight.tools.experiments.population import class_index
from failsight.tools.experiments.regions_base import (
    Mask,
    Region,
    RegionKind,
    most_salient,
    pixel_box,
)
from failsight.tools.experiments.regions_colour import NAMED, parse_colour
from failsight.tools.experiments.regions_segments import MOST_SEGMENTS, SEGMENTS, TOLERANCE
from failsight.tools.inputs.base import Box
from failsight.tools.text import clean, counted

__all__ = [
    "GRAMMAR",
    "HELP",
    "Mask",
    "Region",
    "RegionKind",
    "boxes_told",
    "most_salient",
    "parse_region",
    "pixel_box",
]

GRAMMAR = (
    "box:NAME",
    "mask:FOLDER_OR_COLUMN",
    "rect:x0,y0,x1,y1 (fractions)",
    "grid:row,column/ROWSxCOLUMNS (from 1)",
    "border:FRACTION",
    "corners:FRACTION",
    "point:x,y,RADIUS",
    "click:x,y",
    "segment:x,y or segment:red or segment:salient1",
    "colour:red or colour:h350-10,s0.4-1",
    "object:NAME and text:WORDS (with segmenter)",
    "saliency:top20%[:class] or saliency:place10%",
    "like:SPLIT/ROW,x0,y0,x1,y1 or like:SPLIT/ROW,frame:F (or like:E4#5,… for image 5 of E4)",
)
HELP = (
    "box:NAME (ground-truth boxes of an object), mask:FOLDER (mask files named like the images) or mask:COLUMN, "
    "rect:x0,y0,x1,y1 (fractions), grid:row,column/ROWSxCOLUMNS (from 1), border:F, corners:F, point:x,y,RADIUS, "
    "click:x,y (what hangs together there), segment:x,y[/N] (superpixel), segment:red, segment:salient1, colour:red or "
    "colour:h350-10,s0.4-1,v0.2-1, saliency:top20%[:class], saliency:place10% (one place, chosen on other images), "
    "object:NAME[@sureness] and text:WORDS[@sureness] (with segmenter), like:SPLIT/ROW,x0,y0,x1,y1 or like:E4#5,x0,y0,x1,y1 "
    "(what looks like that piece of that picture, as the model sees it; @likeness behind it sets how alike). @COLUMN instead of x,y: each image's own points."
)
RADIUS = 0.1
_GRID = re.compile(r"^(\d{1,3}),(\d{1,3})/(\d{1,3})x(\d{1,3})$")
_TOP = re.compile(r"^(top|place)(\d+(?:\.\d+)?)%?(?::(.+))?$")
_SALIENT = re.compile(r"^salient(\d{1,4})(?::(.+))?$")
_SURE = re.compile(r"^(.*\S)\s*@\s*((?:0?\.\d+)|0|1(?:\.0*)?)$", re.DOTALL)
_LIKE = re.compile(r"^(data|train|deploy|pool)\s*/\s*(\d{1,9})\s*,\s*(\S.*)$", re.IGNORECASE)
_VALUE = re.compile(r"^(.*\S)\s*=\s*(\d{1,5})$", re.DOTALL)
LONGEST_PROMPT = 200


def parse_region(
    spec: str,
    objects: Mapping[str, int],
    classes: Sequence[str],
    columns: Collection[str] | None = None,
) -> Region:
    """The region that ``spec`` names.

    Args:
        objects: boxed objects and how many images show each (:func:`population.boxed_objects`).
        classes: class names, for ``saliency:``.
        columns: metadata columns, for ``@COLUMN``; None: not checked.

    Raises:
        RetryError: the text is not in the grammar, or names an object, class or column that does not exist.
    """
    kind, _, rest = spec.strip().partition(":")
    kind, rest = kind.strip().casefold(), rest.strip()
    match kind:
        case "box":
            return _box(rest, objects)
        case "saliency":
            return _saliency(spec, rest, classes)
        case "segment":
            return _segment(spec, rest, classes, columns)
        case "point" | "click":
            return _points(spec, kind, rest, columns)
        case "colour" | "color":
            colour = parse_colour(rest)
            return Region(f"colour:{colour.text}", "colour", colour=colour)
    made = _SIMPLE.get(kind)
    if made is None:
        raise RetryError(f"region: {clean(spec, 60)!r} is not a region.", [*GRAMMAR, *boxes_told(objects)])
    return made(spec, rest)


def boxes_told(objects: Mapping[str, int]) -> list[str]:
    """``box:television (120 images)`` for every boxed object."""
    return [f"box:{clean(name, 40)} ({counted(n, 'image')})" for name, n in objects.items()]


def _box(name: str, objects: Mapping[str, int]) -> Region:
    if not objects:
        raise NotRecorded(
            "region: this data has no object boxes (a manifest column 'boxes' gives them).", GRAMMAR[1:]
        )
    if name not in objects:
        near = [o for o in objects if o.casefold() == name.casefold()]
        if len(near) != 1:
            raise NotRecorded(f"region: no image has a box of {clean(name, 40)!r}.", boxes_told(objects))
        name = near[0]
    return Region(f"box:{name}", "box", name=name)


# -- shapes that are the same in every picture -------------------------------------------------------


def _rect(spec: str, rest: str) -> Region:
    x0, y0, x1, y1 = _fractions(spec, rest, 4)
    if not (x0 < x1 and y0 < y1):
        raise RetryError(f"region: {clean(spec, 60)!r} is empty; x0 < x1 and y0 < y1 are needed.")
    return Region(f"rect:{x0:g},{y0:g},{x1:g},{y1:g}", "rect", ((x0, y0, x1, y1),))


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


def _border(spec: str, rest: str) -> Region:
    (f,) = _fractions(spec, rest, 1)
    if not 0 < f < 0.5:
        raise RetryError("region: border:F needs 0 < F < 0.5.")
    frame: tuple[Box, ...] = ((0, 0, 1, f), (0, 1 - f, 1, 1), (0, f, f, 1 - f), (1 - f, f, 1, 1 - f))
    return Region(f"border:{f:g}", "border", frame)


def _corners(spec: str, rest: str) -> Region:
    (f,) = _fractions(spec, rest, 1)
    if not 0 < f <= 0.5:
        raise RetryError("region: corners:F needs 0 < F ≤ 0.5.")
    four: tuple[Box, ...] = tuple((x, y, x + f, y + f) for y in (0, 1 - f) for x in (0, 1 - f))
    return Region(f"corners:{f:g}", "corners", four)


# -- what is found in each picture -------------------------------------------------------------------


def _saliency(spec: str, rest: str, classes: Sequence[str]) -> Region:
    found = _TOP.match(rest)
    if not found or not 0 < float(found[2]) < 100:
        raise RetryError(
            f"region: {clean(spec, 60)!r}: write saliency:top20% or saliency:top20%:class, or place instead of top."
        )
    name = classes[class_index(classes, found[3])] if found[3] else ""
    tail = f":{name}" if name else ""
    text = f"saliency:{found[1]}{float(found[2]):g}%{tail}"
    return Region(text, "saliency", name=name, share=float(found[2]) / 100, average=found[1] == "place")


def _segment(spec: str, rest: str, classes: Sequence[str], columns: Collection[str] | None) -> Region:
    what, slash, count = rest.rpartition("/") if re.search(r"/\s*\d+\s*$", rest) else (rest, "", "")
    what, parts = what.strip(), int(count) if slash else SEGMENTS
    if not 2 <= parts <= MOST_SEGMENTS:
        raise RetryError(f"region: {clean(spec, 60)!r}: cut a picture into 2 to {MOST_SEGMENTS:,} segments.")
    tail = f"/{parts}" if parts != SEGMENTS else ""
    made = Region("", "segment", segments=parts)
    found = _SALIENT.match(what)
    if found:
        if int(found[1]) < 1:
            raise RetryError("region: segments are counted from segment:salient1, the most salient one.")
        name = classes[class_index(classes, found[2])] if found[2] else ""
        of = f":{name}" if name else ""
        return replace(made, spec=f"segment:salient{int(found[1])}{of}{tail}", name=name, rank=int(found[1]))
    if what.startswith("@") or re.match(r"^[\d.\s-]+,", what):
        point, column, _ = _place(spec, what, columns, least=2, most=2)
        return replace(made, spec=f"segment:{_told(point, column)}{tail}", point=point, column=column)
    if not what:
        raise RetryError(
            f"region: {clean(spec, 60)!r}: write segment:x,y or segment:@COLUMN, segment:red or segment:salient1.",
            list(NAMED),
        )
    colour = parse_colour(what)
    return replace(made, spec=f"segment:{colour.text}{tail}", colour=colour)


def _points(spec: str, kind: str, rest: str, columns: Collection[str] | None) -> Region:
    point, column, size = _place(spec, rest, columns, least=2, most=3)
    if kind == "point":
        size = RADIUS if size is None else size
        if not 0 < size <= 1:
            raise RetryError(
                f"region: {clean(spec, 60)!r}: the radius is a fraction of the shorter side, such as 0.1."
            )
        return Region(
            f"point:{_told(point, column)},{size:g}", "point", point=point, column=column, size=size
        )
    size = TOLERANCE if size is None else size
    if not 0 <= size <= 100:
        raise RetryError(
            f"region: {clean(spec, 60)!r}: colours may lie 0 to 100 apart, {TOLERANCE:g} is usual."
        )
    tail = f",{size:g}" if size != TOLERANCE else ""
    return Region(f"click:{_told(point, column)}{tail}", "click", point=point, column=column, size=size)


def _place(
    spec: str, text: str, columns: Collection[str] | None, *, least: int, most: int
) -> tuple[tuple[float, float] | None, str, float | None]:
    """(point, column, number behind them) of ``x,y[,n]`` or ``@COLUMN[,n]``."""
    if text.startswith("@"):
        name, _, rest = text[1:].partition(",")
        name = name.strip()
        if columns is not None and name not in columns and not {f"{name}_x", f"{name}_y"} <= set(columns):
            raise RetryError(
                f"region: no metadata column is called {clean(name, 40)!r}.", [clean(c, 40) for c in columns]
            )
        numbers = _numbers(rest) if rest.strip() else ()
        if numbers is None or len(numbers) > most - 2:
            raise RetryError(f"region: {clean(spec, 60)!r}: write @COLUMN, and at most one number behind it.")
        return None, name, numbers[0] if numbers else None
    found = _numbers(text)
    if found is None or not least <= len(found) <= most or not all(0 <= v <= 1 for v in found[:2]):
        raise RetryError(
            f"region: {clean(spec, 60)!r} needs x,y as fractions between 0 and 1, or @COLUMN for each image's own points."
        )
    return (found[0], found[1]), "", found[2] if len(found) > 2 else None


def _told(point: tuple[float, float] | None, column: str) -> str:
    return f"{point[0]:g},{point[1]:g}" if point else f"@{column}"


def _mask(spec: str, rest: str) -> Region:
    if not rest:
        raise RetryError(
            "region: mask:FOLDER names a folder of mask files, mask:COLUMN a metadata column of them."
        )
    found = _VALUE.match(rest)
    name, value = (found[1], int(found[2])) if found else (rest, -1)
    return Region(f"mask:{rest}", "mask", name=name, value=value)


def _object(spec: str, rest: str) -> Region:
    name, sure = _sureness(spec, clean(rest, 2 * LONGEST_PROMPT))
    return Region(f"object:{_surely(name, sure)}", "object", name=name, threshold=sure)


def _text(spec: str, rest: str) -> Region:
    words, sure = _sureness(spec, clean(rest, 2 * LONGEST_PROMPT))
    if len(words) > LONGEST_PROMPT:
        raise RetryError(f"region: a prompt has at most {LONGEST_PROMPT} characters.")
    return Region(f"text:{_surely(words, sure)}", "text", name=words, threshold=sure)


def _like(spec: str, rest: str) -> Region:
    """``like:train/12,0.7,0.7,0.9,0.9`` or ``like:train/12,frame:0.07``."""
    found = _LIKE.match(rest)
    if not found:
        raise RetryError(
            f"region: {clean(spec, 60)!r}: write like:SPLIT/ROW,x0,y0,x1,y1 or like:SPLIT/ROW,frame:F, for example "
            "like:train/12,0.7,0.7,0.9,0.9, or like:E4#5,… for image 5 of E4."
        )
    what, sure = _sureness(spec, found[3])
    split, row, tail = found[1].casefold(), int(found[2]), "" if sure is None else f"@{sure:.10g}"
    if what.startswith("frame:"):
        (f,) = _fractions(spec, what[6:], 1)
        if not 0 < f < 0.5:
            raise RetryError("region: the frame of like: needs 0 < F < 0.5.")
        return Region(
            f"like:{split}/{row},frame:{f:g}{tail}", "like", name=f"{split}/{row}", size=f, threshold=sure
        )
    x0, y0, x1, y1 = _fractions(spec, what, 4)
    if not (x0 < x1 and y0 < y1):
        raise RetryError(f"region: {clean(spec, 60)!r} is empty; x0 < x1 and y0 < y1 are needed.")
    text = f"like:{split}/{row},{x0:g},{y0:g},{x1:g},{y1:g}{tail}"
    return Region(text, "like", ((x0, y0, x1, y1),), name=f"{split}/{row}", threshold=sure)


def _surely(name: str, sure: float | None) -> str:
    return name if sure is None else f"{name}@{sure:.10g}"


def _sureness(spec: str, rest: str) -> tuple[str, float | None]:
    found = _SURE.match(rest)
    name, sure = (found[1], float(found[2])) if found else (rest, None)
    if not clean(name) or name.startswith("@"):
        raise RetryError(
            f"region: {clean(spec, 60)!r}: say what to look for, such as object:television or text:a red cushion."
        )
    if sure is not None and not 0 < sure < 1:
        raise RetryError(f"region: {clean(spec, 60)!r}: how sure it has to be lies between 0 and 1.")
    return name, sure


def _numbers(text: str) -> tuple[float, ...] | None:
    try:
        made = tuple(float(part) for part in text.split(","))
    except ValueError:
        return None
    return made if all(math.isfinite(v) for v in made) else None


def _fractions(spec: str, rest: str, count: int) -> tuple[float, ...]:
    made = _numbers(rest)
    if made is None or len(made) != count or not all(0 <= v <= 1 for v in made):
        wanted = "four fractions x0,y0,x1,y1" if count == 4 else "one fraction"
        raise RetryError(f"region: {clean(spec, 60)!r} needs {wanted} between 0 and 1.")
    return made


_SIMPLE: dict[str, Callable[[str, str], Region]] = {
    "rect": _rect,
    "grid": _grid,
    "border": _border,
    "corners": _corners,
    "mask": _mask,
    "object": _object,
    "text": _text,
    "like": _like,
}
