"""Pictures as a stream of prepared batches: decoded a little ahead in threads, never more than a few batches held."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.inputs.base import BadImage, Classifier, ImageTable, Pixels

AHEAD = 2  # batches in the making while the model works on one
_CHUNK = 16  # pictures a thread takes at a time


@dataclass(frozen=True, slots=True)
class Batch:
    """Prepared pictures: ``pixels`` (b, h, w, 3) uint8 of ``rows``; ``bad`` holds (row, reason) of unreadable ones."""

    rows: npt.NDArray[np.int64]
    pixels: Pixels
    bad: tuple[tuple[int, str], ...]


def stream(
    table: ImageTable, model: Classifier, rows: Sequence[int] | npt.NDArray[np.int64], batch: int
) -> Generator[Batch, None, None]:
    """``rows`` of ``table`` in order, ``batch`` at a time (fewer where some can't be read), prepared for ``model``.

    Threads decode at most ``AHEAD`` batches ahead of the consumer, so memory does not grow with the number of rows.
    """
    wanted = [int(row) for row in rows]
    starts = iter(range(0, len(wanted), batch))
    waiting: deque[list[Future[list[npt.NDArray[np.uint8] | str]]]] = deque()
    offsets: deque[int] = deque()
    pool = ThreadPoolExecutor(max(2, min(8, os.cpu_count() or 2)), thread_name_prefix="failsight-decode")
    try:
        while True:
            while len(waiting) <= AHEAD and (start := next(starts, None)) is not None:
                part = wanted[start : start + batch]
                chunks = [part[i : i + _CHUNK] for i in range(0, len(part), _CHUNK)]
                waiting.append([pool.submit(_prepare, table, model, chunk) for chunk in chunks])
                offsets.append(start)
            if not waiting:
                return
            made = [one for future in waiting.popleft() for one in future.result()]
            start = offsets.popleft()
            yield _assemble(wanted[start : start + batch], made, model)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _prepare(table: ImageTable, model: Classifier, rows: Sequence[int]) -> list[npt.NDArray[np.uint8] | str]:
    """Each row's prepared pixels, or why there are none."""
    made: list[npt.NDArray[np.uint8] | str] = []
    for row in rows:
        try:
            made.append(model.prepare(table.open(row)))
        except BadImage as problem:
            made.append(str(problem))
    return made


def _assemble(rows: Sequence[int], made: Sequence[npt.NDArray[np.uint8] | str], model: Classifier) -> Batch:
    good = [(row, one) for row, one in zip(rows, made, strict=True) if not isinstance(one, str)]
    bad = tuple((row, one) for row, one in zip(rows, made, strict=True) if isinstance(one, str))
    pixels = (
        np.stack([one for _, one in good]) if good else np.zeros((0, *model.preprocessing.size, 3), np.uint8)
    )
    return Batch(np.array([row for row, _ in good], np.int64), pixels, bad)


def iter_pixels(
    table: ImageTable, model: Classifier, rows: npt.NDArray[np.int64], batch: int = 64
) -> Iterator[tuple[npt.NDArray[np.int64], Pixels]]:
    """(row numbers, (b, h, w, 3) uint8 prepared pixels) of ``rows`` in batches; unreadable rows are skipped."""
    with closing(stream(table, model, rows, batch)) as source:
        for part in source:
            if len(part.rows):
                yield part.rows, part.pixels
