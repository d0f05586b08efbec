"""Whether two pictures are one: compared pixel by pixel, as they are, mirrored, or one as a part of the other.

Features and hashes only propose. A pair counts as one picture when, laid over each other at 64 × 64, colours agree
(normalised correlation ≥ ``LOOK``) *and* so does what is left without the coarse layout (≥ ``DETAIL``): two different
pictures of one scene share the layout, not the detail. Where one hard edge is most of the detail (a square on plain ground), any
other such edge agrees with it; so the faint detail must agree too (≥ ``TEXTURE``), more closely where few pixels tell. Of pictures smaller
than ``LEAST`` nothing is said: there only equal pixels tell.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes import parts
from failsight.tools.attributes.computed import encoded_bytes
from failsight.tools.attributes.parts import Place
from failsight.tools.attributes.thumbnail import thumbnail
from failsight.tools.cores import cores, one_thread_each
from failsight.tools.inputs.base import BadImage, ImageTable

if TYPE_CHECKING:
    from PIL.Image import Image

    from failsight.tools.view import Progress

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Way = Literal["same", "mirrored", "part", "mirrored part"]

SIDE = 64
KEPT = 128  # pixels a side that are kept of a picture, so that a part of it still has 64
LOOK, DETAIL = 0.95, 0.82
TEXTURE, TEXTURE_OF_FEW = (
    0.76,
    0.86,
)  # a photograph cropped, dimmed, blurred or re-encoded has 0.80 and more, one of 32 pixels 0.95 (JPEG 60, one in ten less); 643 pairs of squares at most 0.83
CLOSE = 0.85  # correlation at 64 × 64 below which detail is not asked for
NEARLY = 0.88  # correlation at 32 × 32, once adjusted, below which a part is not adjusted further at 64 × 64
FINE = 0.25  # of a sixteenth of a side: by how much an edge is moved there
PLAIN = 24  # grey levels between lightest and darkest pixel of a line of one colour (JPEG leaves traces)
MOST_BORDER = 0.25  # of a side that may be border, at each edge
LEAST = 32  # pixels on the shorter side below which nothing was checked: enlarged, different pictures of few pixels agree as well as copies do
FLAT = 4.0  # grey levels of spread below which a picture shows nothing to compare
HELD = 1_000  # pictures held at a time: 300 MB at most
BATCH = 32


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two pictures are where they fit best, each in [−1, 1].

    Attributes:
        look: with colours and layout.
        detail: without the layout.
        texture: as ``detail``, strong and faint edges weighing more evenly (by the square root of their height).
        few: whether one of them has fewer pixels than are compared.
    """

    look: float
    detail: float
    texture: float
    way: Way = "same"
    few: bool = False

    @property
    def one_picture(self) -> bool:
        """Whether all three are above what two different pictures reach."""
        least = TEXTURE_OF_FEW if self.few else TEXTURE
        return self.look >= LOOK and self.detail >= DETAIL and self.texture >= least


UNLIKE = Likeness(0.0, 0.0, 0.0)


def seen(table: ImageTable, row: int) -> Seen | None:
    """The picture of ``row``, squeezed to 128 × 128 without its border; None where it can't be read."""
    try:
        data = encoded_bytes(table, row)
        image = (
            table.open(row) if data is None else thumbnail(data, KEPT, getattr(table, "ground", "drop"))[0]
        )
    except BadImage:
        return None
    whole = without_border(image.convert("RGB"))
    return Seen(
        np.asarray(whole.resize((KEPT, KEPT), 2), np.uint8),
        few=min(whole.size) < SIDE,
        tiny=min(image.size) < LEAST,
    )


def without_border(image: Image) -> Image:
    """The picture without rows and columns of one colour at its edges: a frame that many pictures share is not what they show.

    At most `MOST_BORDER` of a side goes from each edge, and nothing where little else would be left.
    """
    pixels = np.asarray(image)
    ends = (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1])
    if not any((np.ptp(line.astype(np.int16), axis=0) <= PLAIN).all() for line in ends):
        return image
    pixels = pixels.astype(np.int16)
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
    batches = iter([pairs[start : start + BATCH] for start in range(0, len(pairs), BATCH)])
    waiting: deque[Future[list[Likeness]]] = deque()
    workers = min(4, cores())
    with (
        job(progress, "comparing pictures", len(pairs)) as advance,
        _Album(tables, where) as album,
        one_thread_each(),
    ):
        pool = ThreadPoolExecutor(workers, thread_name_prefix="failsight-compare")
        try:
            while True:
                while len(waiting) <= workers and (part := next(batches, None)) is not None:
                    waiting.append(pool.submit(_batch, album.ask(part)))
                if not waiting:
                    return made
                found = waiting.popleft().result()
                made += found
                advance(len(found))
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


Pair = tuple["Seen | None", "Seen | None"]
Asked = list[tuple["Future[Seen | None]", "Future[Seen | None]"]]


class _Album:
    """Pictures, decoded in threads, kept for the pairs to come."""

    def __init__(self, tables: Mapping[str, ImageTable], where: list[tuple[str, int]]) -> None:
        self.tables, self.where = tables, where
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="failsight-decode")
        self._held: dict[int, Future[Seen | None]] = {}

    def __enter__(self) -> _Album:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def ask(self, pairs: Ints) -> Asked:
        """The two pictures of each pair, as soon as they are decoded."""
        needed = set(np.unique(pairs).tolist())
        if len(self._held) > HELD:
            self._held = {i: f for i, f in self._held.items() if i in needed}
        for i in needed:
            if i not in self._held:
                split, row = self.where[i]
                self._held[i] = self._pool.submit(seen, self.tables[split], row)
        return [(self._held[i], self._held[j]) for i, j in pairs.tolist()]


def compare(one: Seen | Bytes, other: Seen | Bytes) -> Likeness:
    """Where two pictures, as they are or as (128, 128, 3), fit best, and how well."""
    first, second = (p if isinstance(p, Seen) else Seen(p) for p in (one, other))
    return _compared([(first, second)])[0]


def _batch(asked: Asked) -> list[Likeness]:
    return _compared([(one.result(), other.result()) for one, other in asked])


def _compared(pairs: list[Pair]) -> list[Likeness]:
    made: list[Likeness] = []
    open_: list[tuple[Seen, Seen]] = []
    where: list[int] = []
    for n, (one, other) in enumerate(pairs):
        if one is None or other is None or one.tiny or other.tiny or min(one.spread, other.spread) < FLAT:
            made.append(UNLIKE)
            continue
        made.append(max(_fits(one, other, "same"), _fits(one, other.mirrored, "mirrored"), key=_order))
        if not made[-1].one_picture:
            open_.append((one, other))
            where.append(n)
    if open_:
        placed = parts.placements(np.stack([a.grey for a, _ in open_]), np.stack([b.grey for _, b in open_]))
        for i, found in _parts([(i, *p) for i, tried in enumerate(placed) for p in tried], open_):
            made[where[i]] = max((made[where[i]], found), key=_order)
    return made


def _order(found: Likeness) -> tuple[bool, float]:
    return found.one_picture, found.look + found.detail


class Seen:
    """A picture and what is compared of it, each made once.

    Args:
        picture: (128, 128, 3), or a PIL image of 64 × 64.
        few: whether it was made from fewer pixels than are compared.
        tiny: whether it has so few that nothing can be said of likeness.
    """

    def __init__(self, picture: Bytes | Image, few: bool = False, tiny: bool = False) -> None:
        self.large = np.asarray(picture, np.uint8)
        self.few, self.tiny = few, tiny

    @cached_property
    def small(self) -> Bytes:
        """(64, 64, 3)."""
        from PIL import Image

        if len(self.large) == SIDE:
            return self.large
        whole = Image.fromarray(np.ascontiguousarray(self.large))
        return np.asarray(whole.reduce(len(self.large) // SIDE), np.uint8)

    @cached_property
    def grey(self) -> Floats:
        """(16, 16) grey levels."""
        from PIL import Image

        made = (
            Image.fromarray(np.ascontiguousarray(self.large))
            .convert("L")
            .reduce(len(self.large) // parts.COARSE)
        )
        return np.asarray(made, np.float32)

    @cached_property
    def _colours(self) -> tuple[Floats, float]:
        return _unit(self.small.astype(np.float32))

    @property
    def spread(self) -> float:
        """Standard deviation at 64 × 64, in grey levels."""
        return self._colours[1] / math.sqrt(self.small.size)

    @property
    def look(self) -> Floats:
        """Colours at 64 × 64, of mean 0 and length 1."""
        return self._colours[0]

    @cached_property
    def detail(self) -> Floats:
        """What differs from the mean of the 9 × 9 pixels around, of mean 0 and length 1."""
        x = self.small.astype(np.float32) @ _GREY
        padded = np.pad(x, ((5, 4), (5, 4)), mode="edge").astype(np.float64)
        padded[0], padded[:, 0] = 0, 0
        sums = padded.cumsum(0).cumsum(1)
        box = sums[9:, 9:] - sums[:-9, 9:] - sums[9:, :-9] + sums[:-9, :-9]
        return _unit((x - box / 81).astype(np.float32))[0]

    @cached_property
    def texture(self) -> Floats:
        """The detail, by the square root of its height."""
        return _unit(np.sign(self.detail) * np.sqrt(np.abs(self.detail)))[0]

    @cached_property
    def mirrored(self) -> Seen:
        return Seen(self.large[:, ::-1], self.few, self.tiny)


_GREY = np.full(3, 1 / 3, np.float32)


def _unit(x: Floats) -> tuple[Floats, float]:
    """``x`` as a vector of mean 0 and length 1 (0 where all values are one), and the length that it had."""
    flat = x.ravel() - x.mean()
    length = float(np.sqrt(flat @ flat))
    made: Floats = flat / length if length > 1e-3 else np.zeros_like(flat)
    return made, length


def _fits(a: Seen, b: Seen, way: Way) -> Likeness:
    look, few = float(a.look @ b.look), a.few or b.few
    if look < CLOSE:  # far from one picture, whatever the detail
        return Likeness(look, 0.0, 0.0, way, few)
    detail = float(a.detail @ b.detail)
    return Likeness(look, detail, float(a.texture @ b.texture) if detail >= DETAIL else 0.0, way, few)


def _parts(
    asked: list[tuple[int, Place, bool, bool]], pairs: list[tuple[Seen, Seen]]
) -> list[tuple[int, Likeness]]:
    """Of each placement (number of the pair, place, whether the first is the part, whether the second is mirrored) how well
    one picture, laid over the place in the other, fits, once its edges are adjusted: roughly for all, finely for the best."""
    from PIL import Image

    if not asked:
        return []
    laid = []
    for n, _, turned, mirror in asked:
        one, other = pairs[n]
        other = other.mirrored if mirror else other
        laid.append((other, one) if turned else (one, other))
    edges, looks = parts.adjusted(
        np.stack([whole.small for whole, _ in laid]),
        np.stack([part.small for _, part in laid]),
        np.array([place for _, place, _, _ in asked], np.float64),
    )
    made = []
    for (n, _, _, mirror), (whole, part), at, rough in zip(
        asked, laid, edges.tolist(), looks.tolist(), strict=True
    ):
        way: Way = "mirrored part" if mirror else "part"
        found = Likeness(rough, 0.0, 0.0, way)
        if rough >= NEARLY:
            found = _fits(_fine(Image.fromarray(np.ascontiguousarray(whole.large)), part, at), part, way)
            found = replace(found, few=whole.few or part.few)
        made.append((n, found))
    return made


def _fine(whole: Any, part: Seen, edges: list[float]) -> Seen:
    """The place of the picture ``whole`` that ``part`` fits best, from ``edges`` on, one edge at a time, out and in."""
    best = _cut(whole, edges)
    look = float(best.look @ part.look)
    for _ in range(2):
        for edge in range(4):
            for by in (-FINE, FINE):
                tried = [v + by * (i == edge) for i, v in enumerate(edges)]
                cut = _cut(whole, tried)
                found = float(cut.look @ part.look)
                if found > look:
                    look, edges, best = found, tried, cut
    return best


def _cut(whole: Any, edges: list[float]) -> Seen:
    """The part of the picture ``whole`` between ``edges`` (top, left, bottom, right, in sixteenths)."""
    top, left, bottom, right = (min(max(v, 0.0), float(parts.COARSE)) * KEPT / parts.COARSE for v in edges)
    return Seen(whole.resize((SIDE, SIDE), 2, (left, top, right, bottom)))
