"""Computed image attributes: one streamed pass over the files, cached by content, resumable in parts.

:func:`image_measures` looks at every picture once and keeps numbers only; :func:`attribute_table` joins them with
metadata columns and the presence of boxed objects.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes import measure
from failsight.tools.attributes.embedding import Cached, Store
from failsight.tools.attributes.metadata import metadata_columns, object_columns, unusable_columns
from failsight.tools.attributes.thumbnail import thumbnail
from failsight.tools.inputs.base import AttributeTable, BadImage, ImageTable

if TYPE_CHECKING:
    from PIL.Image import Image

    from failsight.tools.view import Progress

Ints = npt.NDArray[np.int64]

VERSION = 2  # of the measurements: a change of any of them makes old caches void
PART = 2048  # rows measured and stored at a time: what an interruption can cost
BATCH = 256
NUMERIC = (
    "brightness",
    "contrast",
    "saturation",
    "sharpness",
    "colourfulness",
    "symmetry",
    "centre_brightness",
    "texture",
    "border",
    "jpeg_quality",
    "width",
    "height",
    "aspect_ratio",
    "file_size",
)
COMPUTED = (*NUMERIC, "dominant_hue")


@dataclass(frozen=True, slots=True)
class ImageMeasures:
    """Measurements of every row of a table.

    Attributes:
        readable: (n,) False where the picture could not be read; its numbers are NaN.
        numbers: ``NUMERIC`` name → (n,) float64; ``jpeg_quality`` NaN unless a JPEG, ``file_size`` NaN unless a file.
        hue: (n,) index into ``measure.HUES``, −1 where unreadable.
        dhash, phash: (n,) 64-bit perceptual hashes.
        content: (n, 16) uint8: digest of the file's bytes (of the pixels where there is no file).
    """

    readable: npt.NDArray[np.bool_]
    numbers: Mapping[str, npt.NDArray[np.float64]]
    hue: npt.NDArray[np.int8]
    dhash: measure.Hashes
    phash: measure.Hashes
    content: npt.NDArray[np.uint8]

    def dominant_hue(self, rows: Ints) -> npt.NDArray[Any]:
        """Named hue of ``rows``: str, None where unreadable."""
        named: npt.NDArray[Any] = np.array([*measure.HUES, None], object)[self.hue[rows]]
        return named


def image_measures(
    table: ImageTable,
    *,
    cached: Cached | None = None,
    store: Store | None = None,
    progress: Progress | None = None,
    workers: int = 2,
) -> ImageMeasures:
    """Measure every picture of ``table``, or take from the cache what was measured before.

    Pictures stream: memory does not grow with their number beyond about 150 bytes each. The work is stored in parts
    of ``PART`` rows under the table's fingerprint, so an interrupted pass goes on where it was.

    Args:
        table: the pictures.
        cached, store: the view's cache; without them nothing is kept.
        progress: where to say how far it is.
        workers: threads that read and decode.
    """
    starts = range(0, len(table), PART)
    parts: dict[int, dict[str, npt.NDArray[Any]]] = {}
    for start in starts:
        found = cached(part_key(table, start)) if cached is not None else None
        if found is not None:
            parts[start] = found
    missing = [s for s in starts if s not in parts]
    if missing:
        total = sum(min(PART, len(table) - s) for s in missing)
        with _job(progress, "Measuring the pictures", total) as tick:
            for start in missing:
                parts[start] = measure_part(table, range(start, min(start + PART, len(table))), workers, tick)
                if store is not None:
                    store(part_key(table, start), parts[start])
    return joined([parts[s] for s in starts])


def attribute_table(
    table: ImageTable,
    rows: Ints | None = None,
    *,
    cached: Cached | None = None,
    store: Store | None = None,
    progress: Progress | None = None,
) -> AttributeTable:
    """Metadata columns, presence of boxed objects and computed attributes of ``rows``.

    Args:
        table: the pictures.
        rows: which rows, in this order; by default all that can be read.
        cached, store, progress: as in :func:`image_measures`.

    Returns:
        Columns with their source (``metadata``, ``object``, ``computed``). Metadata keeps its names; an object or a
        computed attribute of the same name gives way (the computed one becomes ``computed_<name>``). Columns unfit
        for slices (constant, nearly unique) are named in ``unusable`` with the reason.
    """
    measures = image_measures(table, cached=cached, store=store, progress=progress)
    if rows is None:
        rows = np.flatnonzero(measures.readable)
    columns = metadata_columns(table, rows)
    sources = dict.fromkeys(columns, "metadata")
    for name, values in object_columns(table, rows).items():
        if name not in columns:
            columns[name], sources[name] = values, "object"
    computed: dict[str, npt.NDArray[Any]] = {n: measures.numbers[n][rows] for n in NUMERIC}
    computed["dominant_hue"] = measures.dominant_hue(rows)
    for name, values in computed.items():
        free = name if name not in columns else f"computed_{name}"
        if free not in columns:
            columns[free], sources[free] = values, "computed"
    return AttributeTable(np.asarray(rows, np.int64), columns, sources, unusable_columns(columns))


def part_key(table: ImageTable, start: int) -> dict[str, Any]:
    """What the measurements of ``PART`` rows from ``start`` on are stored under."""
    return {
        "what": "image_measures",
        "version": VERSION,
        "data": table.fingerprint,
        "start": start,
        "part": PART,
    }


class _Silent:
    """Progress for callers that want none."""

    def __enter__(self) -> _Silent:
        return self

    def __exit__(self, *_: object) -> None: ...

    def advance(self, steps: int = 1) -> None: ...


def _job(progress: Progress | None, label: str, total: int) -> Any:
    return _Silent() if progress is None else progress.job(label, total)


@dataclass(slots=True)
class _Looked:
    """What one picture leaves behind once it is closed."""

    histogram: list[int]
    frame: npt.NDArray[np.uint8]
    patch: npt.NDArray[np.uint8]
    hues: npt.NDArray[np.uint8]
    small: npt.NDArray[np.uint8]
    strip: npt.NDArray[np.uint8]
    size: tuple[int, int]
    quality: float
    file_size: float
    content: bytes


def measure_part(table: ImageTable, rows: range, workers: int, tick: Any) -> dict[str, npt.NDArray[Any]]:
    """Measurements of consecutive rows."""
    made = blank_part(len(rows))
    for start in range(0, len(rows), BATCH):
        chunk = rows[start : start + BATCH]
        looked = list(_look_at(table, chunk, workers))
        good = [i for i, one in enumerate(looked) if one is not None]
        if good:
            _fill(made, np.array(good) + start, [one for one in looked if one is not None])
        tick.advance(len(chunk))
    return made


def _look_at(table: ImageTable, rows: range, workers: int) -> Iterator[_Looked | None]:
    def safe(row: int) -> _Looked | None:
        try:
            return _look(table, row)
        except BadImage:
            return None

    if workers < 2:
        yield from map(safe, rows)
        return
    with ThreadPoolExecutor(workers) as pool:
        yield from pool.map(safe, rows)


def _look(table: ImageTable, row: int) -> _Looked:
    """Open one picture, as small as its format allows. Raises BadImage."""
    data = encoded_bytes(table, row)
    if data is None:
        image = table.open(row)
        digest = hashlib.blake2b(repr(image.size).encode() + image.tobytes(), digest_size=16).digest()
        return _looked(image, image.size, np.nan, np.nan, digest)
    image, size, quality = thumbnail(data, 2 * measure.FRAME, getattr(table, "ground", "drop"))
    digest = hashlib.blake2b(data, digest_size=16).digest()
    return _looked(image, size, quality, float(len(data)), digest)


def encoded_bytes(table: ImageTable, row: int) -> bytes | None:
    """The encoded picture behind ``row``; None where it is neither a file nor a stored blob. Raises BadImage."""
    sources = getattr(table, "sources", None)  # tables read from disk know where their bytes are
    try:
        if sources is not None:
            source: str | bytes = sources.get(int(table.index[row]))  # type: ignore[attr-defined]
            return Path(source).read_bytes() if isinstance(source, str) else source
        path = table.root / table.paths[row]
        return path.read_bytes() if path.is_file() else None
    except (OSError, ValueError) as problem:
        raise BadImage(f"it can't be read ({type(problem).__name__})") from problem


def _looked(image: Image, size: tuple[int, int], quality: float, file_size: float, digest: bytes) -> _Looked:
    from PIL.Image import Resampling

    grey = image.convert("L")
    frame = grey.resize((measure.FRAME, measure.FRAME), Resampling.BILINEAR)
    patch = image.resize((measure.PATCH, measure.PATCH), Resampling.BOX)
    return _Looked(
        histogram=grey.histogram(),
        frame=np.asarray(frame),
        patch=np.asarray(patch),
        hues=np.asarray(patch.convert("HSV")),
        small=np.asarray(frame.reduce(measure.FRAME // 32)),
        strip=np.asarray(frame.resize((9, 8), Resampling.BOX)),
        size=size,
        quality=quality,
        file_size=file_size,
        content=digest,
    )


def blank_part(n: int) -> dict[str, npt.NDArray[Any]]:
    """Measurements of ``n`` rows before anything is read."""
    made: dict[str, npt.NDArray[Any]] = {name: np.full(n, np.nan) for name in NUMERIC}
    made["readable"] = np.zeros(n, bool)
    made["hue"] = np.full(n, -1, np.int8)
    made["dhash"], made["phash"] = np.zeros(n, np.uint64), np.zeros(n, np.uint64)
    made["content"] = np.zeros((n, 16), np.uint8)
    return made


def _fill(made: dict[str, npt.NDArray[Any]], at: Ints, looked: list[_Looked]) -> None:
    """Measure a batch of opened pictures and write the numbers into rows ``at``."""
    frames = np.stack([one.frame for one in looked])
    sizes = np.array([one.size for one in looked], np.float64)
    bright, contrast = measure.brightness_and_contrast(np.array([one.histogram for one in looked]))
    saturation, hue = measure.saturation_and_hue(np.stack([one.hues for one in looked]))
    values = {
        "brightness": bright,
        "contrast": contrast,
        "saturation": saturation,
        "sharpness": measure.sharpness(frames),
        "colourfulness": measure.colourfulness(np.stack([one.patch for one in looked])),
        "symmetry": measure.symmetry(frames),
        "centre_brightness": measure.centre_brightness(frames),
        "texture": measure.texture(frames),
        "border": measure.border(frames),
        "jpeg_quality": [one.quality for one in looked],
        "width": sizes[:, 0],
        "height": sizes[:, 1],
        "aspect_ratio": sizes[:, 0] / np.maximum(sizes[:, 1], 1),
        "file_size": [one.file_size for one in looked],
        "readable": True,
        "hue": hue,
        "dhash": measure.difference_hash(np.stack([one.strip for one in looked])),
        "phash": measure.frequency_hash(np.stack([one.small for one in looked])),
        "content": np.frombuffer(b"".join(one.content for one in looked), np.uint8).reshape(-1, 16),
    }
    for name, value in values.items():
        made[name][at] = value


def joined(parts: list[dict[str, npt.NDArray[Any]]]) -> ImageMeasures:
    """Measurements of consecutive rows as one table."""
    blank = blank_part(0)
    whole = {k: np.concatenate([p[k] for p in parts]) if parts else v for k, v in blank.items()}
    return ImageMeasures(
        readable=whole["readable"],
        numbers={name: whole[name] for name in NUMERIC},
        hue=whole["hue"],
        dhash=whole["dhash"],
        phash=whole["phash"],
        content=whole["content"],
    )
