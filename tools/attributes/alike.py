"""Whether two pictures are one: compared pixel by pixel, as they are, mirrored, or one as a part of the other.

Features and hashes only propose. A pair counts as one picture when, laid over each other at 64 × 64, colours agree
(normalised correlation ≥ ``LOOK``) *and* so does what is left without the coarse layout (≥ ``DETAIL``): two different
pictures of one scene share the layout, not the detail.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.computed import encoded_bytes
from failsight.tools.attributes.thumbnail import thumbnail
from failsight.tools.inputs.base import BadImage, ImageTable

if TYPE_CHECKING:
    from PIL.Image import Image

    from failsight.tools.view import Progress

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Way = Literal["same", "mirrored", "part", "mirrored part"]
Place = tuple[int, int, int, int]  # top, left, height, width in sixteenths

SIDE = 64
KEPT = 128  # pixels a side that are kept of a picture, so that a part of it still has 64
COARSE, PATTERN = 16, 8  # parts are looked for on a grid of 16, compared at 8 × 8
LEAST_PART = 10  # of 16: the smallest part of a picture that is looked for, about 60 % of a side
LOOK, DETAIL = 0.95, 0.82
PROMISING = 0.9  # correlation at 8 × 8 below which a part is not looked at closer
CLOSE = 0.85  # correlation at 64 × 64 below which detail is not asked for …
NEARBY = 0.78  # … and below which a place is not adjusted
PLAIN = 24  # grey levels between lightest and darkest pixel of a line of one colour (JPEG leaves traces)
MOST_BORDER = 0.25  # of a side that may be border, at each edge
FLAT = 4.0  # grey levels of spread below which a picture shows nothing to compare
HELD = 2_000  # pictures decoded at a time: 200 MB at most
BATCH = 32


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two pictures are where they fit best: ``look`` in [−1, 1] with colours and layout, ``detail`` without."""

    look: float
    detail: float
    way: Way = "same"

    @property
    def one_picture(self) -> bool:
        """Whether both are above what two different pictures reach."""
        return self.look >= LOOK and self.detail >= DETAIL


UNLIKE = Likeness(0.0, 0.0)


def small(table: ImageTable, row: int) -> Bytes | None:
    """(128, 128, 3) picture of ``row``, squeezed to a square; None where it can't be read."""
    try:
        data = encoded_bytes(table, row)
        image = table.open(row) if data is None else thumbnail(data, KEPT)[0]
    except BadImage:
        return None
    return np.asarray(without_border(image.convert("RGB")).resize((KEPT, KEPT), 2), np.uint8)


def without_border(image: Image) -> Image:
    """The picture without rows and columns of one colour at its edges: a frame that many pictures share is not what they show.

    At most `MOST_BORDER` of a side goes from each edge, and nothing where little else would be left.
    """
    pixels = np.asarray(image, np.int16)
    rows = (np.ptp(pixels, axis=1) <= PLAIN).all(axis=1)
    columns = (np.ptp(pixels, axis=0) <= PLAIN).all(axis=1)
    top, bottom = _plain_ends(rows)
    left, right = _plain_ends(columns)
    height, width = pixels.shape[:2]
    if not (top or bottom or left or right) or top + bottom >= height / 2 or left + right >= width / 2:
        return image
    return image.crop((left, top, width - right, height - bottom))


def _plain_ends(plain: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """How many lines of one colour lie at either end."""
    most = int(MOST_BORDER * len(plain))
    first = int(np.argmin(plain[:most])) if not plain[:most].all() else most
    last = int(np.argmin(plain[::-1][:most])) if not plain[::-1][:most].all() else most
    return first, last


def compare_pairs(
    tables: Mapping[str, ImageTable],
    where: list[tuple[str, int]],
    pairs: Ints,
    progress: Progress | None = None,
) -> list[Likeness]:
    """Each pair of pictures, where it fits best; pictures that can't be read are like nothing.

    Args:
        tables: the splits.
        where: (split, row) of each picture.
        pairs: (m, 2) positions in ``where``.
        progress: where to say how far it is.
    """
    from failsight.tools.inputs.fingerprint import job

    made: list[Likeness] = []
    held: dict[int, Bytes | None] = {}
    with job(progress, "comparing pictures", len(pairs)) as advance:
        for start in range(0, len(pairs), BATCH):
            part = pairs[start : start + BATCH]
            if len(held) > HELD:
                held.clear()
            for i in np.unique(part).tolist():
                if i not in held:
                    held[i] = small(tables[where[i][0]], where[i][1])
            made += _batch([(held[i], held[j]) for i, j in part.tolist()])
            advance(len(part))
    return made


def compare(one: Bytes, other: Bytes) -> Likeness:
    """Where two (128, 128, 3) pictures fit best, and how well."""
    return _batch([(one, other)])[0]


def _batch(pairs: list[tuple[Bytes | None, Bytes | None]]) -> list[Likeness]:
    made: list[Likeness] = []
    open_: list[tuple[int, Bytes, Bytes]] = []
    for n, (one, other) in enumerate(pairs):
        if one is None or other is None:
            made.append(UNLIKE)
            continue
        a, b = (_Seen(_shrunk(p)) for p in (one, other))
        if min(a.spread, b.spread) < FLAT:
            made.append(UNLIKE)
            continue
        made.append(max(_fits(a, b, "same"), _fits(a, b.mirrored(), "mirrored"), key=_order))
        if not made[-1].one_picture:
            open_.append((n, one, other))
    if open_:
        firsts = np.stack([_grey(one) for _, one, _ in open_])
        seconds = np.stack([_grey(other) for _, _, other in open_])
        for (n, one, other), placed in zip(open_, _placements(firsts, seconds), strict=True):
            found = [_part(one, other, *p) for p in placed]
            made[n] = max((made[n], *found), key=_order)
    return made


def _order(found: Likeness) -> tuple[bool, float]:
    return found.one_picture, found.look + found.detail


def _shrunk(picture: Bytes) -> Bytes:
    from PIL import Image

    return np.asarray(Image.fromarray(np.ascontiguousarray(picture)).reduce(KEPT // SIDE), np.uint8)


def _grey(picture: Bytes) -> Floats:
    """(16, 16) grey levels."""
    from PIL import Image

    made = Image.fromarray(np.ascontiguousarray(picture)).convert("L").reduce(KEPT // COARSE)
    return np.asarray(made, np.float32)


class _Seen:
    """A (64, 64, 3) picture and what is compared of it: vectors of mean 0 and length 1."""

    def __init__(self, picture: Bytes) -> None:
        self.picture = picture

    @cached_property
    def spread(self) -> float:
        return float(self.picture.std())

    @cached_property
    def look(self) -> Floats:
        return _unit(self.picture.astype(np.float32))

    @cached_property
    def detail(self) -> Floats:
        """What differs from the mean of the 9 × 9 pixels around."""
        x = self.picture.astype(np.float32) @ _GREY
        padded = np.pad(x, ((5, 4), (5, 4)), mode="edge").astype(np.float64)
        padded[0], padded[:, 0] = 0, 0
        sums = padded.cumsum(0).cumsum(1)
        box = sums[9:, 9:] - sums[:-9, 9:] - sums[9:, :-9] + sums[:-9, :-9]
        return _unit((x - box / 81).astype(np.float32))

    def mirrored(self) -> _Seen:
        return _Seen(self.picture[:, ::-1])


_GREY = np.full(3, 1 / 3, np.float32)


def _unit(x: Floats) -> Floats:
    flat = x.ravel() - x.mean()
    length = float(np.sqrt(flat @ flat))
    made: Floats = flat / length if length > 1e-3 else np.zeros_like(flat)
    return made


def _fits(a: _Seen, b: _Seen, way: Way) -> Likeness:
    look = float(a.look @ b.look)
    # far from one picture, whatever the detail
    return Likeness(look, float(a.detail @ b.detail) if look >= CLOSE else 0.0, way)


def _part(one: Bytes, other: Bytes, place: Place, turned: bool, mirror: bool) -> Likeness:
    """One of the pictures laid over the place in the other that it fits best, its edges adjusted."""
    from PIL import Image

    way: Way = "mirrored part" if mirror else "part"
    if mirror:
        other = other[:, ::-1]
    whole, part = (other, one) if turned else (one, other)
    image, pattern = Image.fromarray(np.ascontiguousarray(whole)), _Seen(_shrunk(part))
    top, left, height, width = place
    edges = [float(top), float(left), float(top + height), float(left + width)]
    look = float(_cut(image, edges).look @ pattern.look)
    for sweep, step in enumerate((0.5, 0.5, 0.25, 0.25)):
        if look < (NEARBY, CLOSE, CLOSE, CLOSE)[sweep]:
            break
        for edge in range(4):  # one edge at a time, out and in
            for by in (-step, step):
                tried = [v + by * (i == edge) for i, v in enumerate(edges)]
                found = float(_cut(image, tried).look @ pattern.look)
                if found > look:
                    look, edges = found, tried
    return _fits(_cut(image, edges), pattern, way)


def _cut(whole: Any, edges: list[float]) -> _Seen:
    """The part of the picture ``whole`` between ``edges`` (top, left, bottom, right, in sixteenths)."""
    top, left, bottom, right = (min(max(v, 0.0), float(COARSE)) * KEPT / COARSE for v in edges)
    return _Seen(np.asarray(whole.resize((SIDE, SIDE), 2, (left, top, right, bottom)), np.uint8))


def _placements(firsts: Floats, seconds: Floats) -> list[list[tuple[Place, bool, bool]]]:
    """Of each pair the promising placements: (place, whether the first is the part, whether the second is mirrored)."""
    made: list[list[tuple[Place, bool, bool]]] = [[] for _ in firsts]
    places, _ = _windows()
    mirrored = np.ascontiguousarray(seconds[:, :, ::-1])
    for mirror, others in ((False, seconds), (True, mirrored)):
        for turned, wholes, parts in ((False, firsts, others), (True, others, firsts)):
            fit = _coarse_fit(wholes, parts)
            for n, at in enumerate(fit.argmax(1).tolist()):
                if fit[n, at] >= PROMISING:
                    made[n].append((places[at], turned, mirror))
    return made


def _coarse_fit(wholes: Floats, parts: Floats) -> Floats:
    """(b, windows) correlation of each part, at 8 × 8, with every window of its whole."""
    _, operator = _windows()
    seen = (wholes.reshape(len(wholes), -1) @ operator).reshape(len(wholes), -1, PATTERN * PATTERN)
    pattern = parts.reshape(len(parts), PATTERN, 2, PATTERN, 2).mean((2, 4)).reshape(len(parts), -1)
    pattern = pattern - pattern.mean(1, keepdims=True)
    total = seen.sum(2)
    spread = np.sqrt(np.maximum(np.einsum("bwp,bwp->bw", seen, seen) - total**2 / seen.shape[2], 1e-3))
    length = np.maximum(np.linalg.norm(pattern, axis=1), 1e-3)
    fit: Floats = np.einsum("bwp,bp->bw", seen, pattern) / (spread * length[:, None])
    return fit


@cache
def _windows() -> tuple[tuple[Place, ...], Floats]:
    """Places of the parts that are tried, and the matrix (256, windows · 64) that averages each to 8 × 8."""
    sides = range(LEAST_PART, COARSE + 1)
    places = tuple(
        (y, x, h, w)
        for h in sides
        for w in sides
        if (h, w) != (COARSE, COARSE) and (abs(h - w) <= 1 or COARSE in (h, w))
        for y in range(COARSE - h + 1)
        for x in range(COARSE - w + 1)
    )
    columns = [
        np.einsum("ai,bj->ijab", _averages(y, h), _averages(x, w)).reshape(COARSE**2, -1)
        for y, x, h, w in places
    ]
    return places, np.ascontiguousarray(np.concatenate(columns, axis=1), np.float32)


def _averages(start: int, length: int) -> npt.NDArray[np.float64]:
    """(8, 16): the share of each of 16 cells in each of 8 equal pieces of ``length`` cells from ``start`` on."""
    edges = start + length * np.arange(PATTERN + 1) / PATTERN
    cells = np.arange(COARSE)
    overlap = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
    made: npt.NDArray[np.float64] = np.maximum(overlap, 0) * PATTERN / length
    return made
