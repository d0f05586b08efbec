"""Image embeddings of a split: one streamed pass, cached in parts by content, resumable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from failsight.tools.inputs.base import BadImage, Floats, ImageTable
from failsight.tools.inputs.fingerprint import job

if TYPE_CHECKING:
    from PIL.Image import Image

    from failsight.tools.inputs.encoders import Encoder
    from failsight.tools.view import Progress

Ints = npt.NDArray[np.int64]
Cached = Callable[[Mapping[str, Any]], dict[str, npt.NDArray[Any]] | None]
Store = Callable[[Mapping[str, Any], Mapping[str, npt.NDArray[Any]]], None]

VERSION = 1
PART = 2048  # rows embedded and stored at a time: what an interruption can cost
BATCH = 64


def image_embeddings(
    table: ImageTable,
    encoder: Encoder,
    *,
    cached: Cached | None = None,
    store: Store | None = None,
    progress: Progress | None = None,
    workers: int = 2,
) -> tuple[Ints, Floats]:
    """Embed every picture of ``table``, or take from the cache what was embedded before.

    Returns:
        (rows, (n, d) float32 of unit length); pictures that can't be read, and those whose embedding is not finite,
        are left out.
    """
    parts: dict[int, dict[str, npt.NDArray[Any]]] = {}
    starts = range(0, len(table), PART)
    for start in starts:
        found = cached(part_key(table, encoder, start)) if cached is not None else None
        if found is not None:
            parts[start] = found
    missing = [s for s in starts if s not in parts]
    if missing:
        total = sum(min(PART, len(table) - s) for s in missing)
        with job(progress, "embedding the pictures", total) as advance:
            for start in missing:
                rows = np.arange(start, min(start + PART, len(table)), dtype=np.int64)
                parts[start] = embed_part(table, encoder, rows, workers, advance)
                if store is not None:
                    store(part_key(table, encoder, start), parts[start])
    kept = [parts[s] for s in starts if len(parts[s]["rows"])]
    if not kept:
        return np.zeros(0, np.int64), np.zeros((0, 1), np.float32)
    return np.concatenate([p["rows"] for p in kept]), np.concatenate([p["embeddings"] for p in kept])


def part_key(table: ImageTable, encoder: Encoder, start: int) -> dict[str, Any]:
    """What the embeddings of ``PART`` rows from ``start`` on are stored under."""
    return {
        "what": "image embeddings",
        "version": VERSION,
        "data": table.fingerprint,
        "encoder": encoder.fingerprint,
        "start": start,
        "part": PART,
    }


def embed_part(
    table: ImageTable, encoder: Encoder, rows: Ints, workers: int, advance: Callable[[int], None]
) -> dict[str, npt.NDArray[Any]]:
    """``rows`` that can be read and whose embedding is finite, and their embeddings, as float32."""
    kept: list[int] = []
    made: list[Floats] = []

    def safe(row: int) -> Image | None:
        try:
            return table.open(row)
        except BadImage:
            return None

    with ThreadPoolExecutor(max(1, workers)) as pool:
        for start in range(0, len(rows), BATCH):
            chunk = rows[start : start + BATCH]
            opened = list(pool.map(safe, chunk.tolist()))
            good = [i for i, image in enumerate(opened) if image is not None]
            if good:
                vectors = encoder.embed_images([image for image in opened if image is not None])
                fine = np.isfinite(vectors).all(1)
                kept += chunk[good][fine].tolist()
                made.append(np.asarray(vectors[fine], np.float32))
            advance(len(chunk))
    empty = np.zeros((0, 1), np.float32)
    return {"rows": np.array(kept, np.int64), "embeddings": np.concatenate(made) if made else empty}
