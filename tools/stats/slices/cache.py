"""What was counted before: counts of attribute tuples, found again by the content of their columns.

Counts of a tuple depend on nothing but its own columns, the rows looked at and their target. Under a digest of these
they hold whatever other attributes the table has, so that a further attribute costs its own tuples and no others.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Cells = tuple[NDArray[np.int64], list[Array]]
DIGEST = 16  # bytes


def content_digest(parts: Iterable[Array | None]) -> bytes:
    """Digest of the contents, types and shapes of arrays."""
    made = hashlib.blake2b(digest_size=DIGEST)
    for part in parts:
        if part is None:
            made.update(b"none")
            continue
        made.update(f"{part.dtype.str}{part.shape}".encode())
        made.update(np.ascontiguousarray(part).data)
    return made.digest()


class TableDigest:
    """Names the tuples of one table by content.

    Args:
        shared: what all counts depend on: sizes, target, expectation.
        columns, kept: recoded columns, and the codes that they stand for.
    """

    def __init__(
        self, shared: Sequence[Array | None], columns: Sequence[Array], kept: Sequence[Array]
    ) -> None:
        self.table = content_digest(shared)
        self.columns = [content_digest(pair) for pair in zip(columns, kept, strict=True)]

    def of(self, attributes: tuple[int, ...]) -> bytes:
        """The name of a tuple of attributes: the table's digest, then those of its columns."""
        return self.table + b"".join(self.columns[a] for a in attributes)


class CountCache:
    """Counts by content, the least recently used dropped first; several threads may use one.

    Args:
        most_bytes: of the arrays held.

    Attributes:
        counted, reused: tuples that had to be counted, and that were at hand.
    """

    def __init__(self, most_bytes: int = 64 * 2**20) -> None:
        self.most_bytes, self.held = most_bytes, 0
        self.counted = self.reused = 0
        self._made: OrderedDict[bytes, Cells] = OrderedDict()
        self._guard = threading.Lock()

    def __len__(self) -> int:
        return len(self._made)

    def get(self, name: bytes) -> Cells | None:
        """Counts of this name, or None."""
        with self._guard:
            found = self._made.get(name)
            if found is not None:
                self._made.move_to_end(name)
                self.reused += 1
        return found

    def put(self, name: bytes, cells: Cells) -> None:
        """Hold what was just counted."""
        with self._guard:
            self.counted += 1
            self._hold(name, cells)

    def _hold(self, name: bytes, cells: Cells) -> None:
        """Under the guard."""
        if name in self._made:
            return
        self._made[name] = cells
        self.held += _size(cells)
        while self.held > self.most_bytes and len(self._made) > 1:
            self.held -= _size(self._made.popitem(last=False)[1])

    def dump(self) -> dict[str, Array]:
        """Everything held, as a few arrays for a file."""
        with self._guard:
            held = list(self._made.items())
        names = b"".join(name.ljust(4 * DIGEST, b"\0") for name, _ in held)
        all_cells = [cells for _, cells in held]
        lengths = np.array([len(cell) for cell, _ in all_cells], np.int64)
        cells = [cell for cell, _ in all_cells] or [np.zeros(0, np.int64)]
        counts = [np.stack([c.astype(np.float64) for c in found]) for _, found in all_cells]
        return {
            "names": np.frombuffer(names, np.uint8).reshape(-1, 4 * DIGEST),
            "lengths": lengths,
            "cells": np.concatenate(cells),
            "counts": np.concatenate(counts, axis=1) if counts else np.zeros((4, 0)),
        }

    def load(self, arrays: Mapping[str, Array]) -> None:
        """Take over what `dump` gave; arrays of another form are passed over."""
        names, lengths = arrays.get("names"), arrays.get("lengths")
        cells, counts = arrays.get("cells"), arrays.get("counts")
        if (
            names is None
            or lengths is None
            or cells is None
            or counts is None
            or counts.shape != (4, len(cells))
        ):
            return
        start = 0
        for name, length in zip(names, lengths.tolist(), strict=True):
            part = slice(start, start + length)
            digests = (
                4 if name[3 * DIGEST :].any() else 3
            )  # of the table and three attributes, or two and padding
            with self._guard:
                self._hold(name[: digests * DIGEST].tobytes(), (cells[part], list(counts[:, part])))
            start += length


def _size(cells: Cells) -> int:
    cell, found = cells
    return int(cell.nbytes + sum(c.nbytes for c in found) + 6 * DIGEST)
