"""Codes of several attributes as one integer, and what is counted over them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from failsight.tools.stats.slices.model import Int

Key = NDArray[Any]
#: cells with enough support; there: support, rows looked at, sum of the target, of the expected target
Cells = tuple[Int, list[NDArray[Any]]]
#: how the joint code of two attributes goes into a triple's key: (recoding or None, left value of each key, right value)
PairKey = tuple[Int | None, Int, Int]
Couple = tuple[int, int]


def value_counts(column: NDArray[Any]) -> Int:
    """Rows of each code 0, 1 …; missing values are not counted."""
    counts: Int = np.bincount(np.add(column, 1, dtype=np.int64))[1:]
    return counts


def recoding(counts: Int, floor: int) -> tuple[Key, Int]:
    """Code (−1 last) → position among the supported codes, or their number; and the supported codes."""
    kept = np.flatnonzero(counts >= floor)
    lookup = np.full(len(counts) + 1, len(kept), np.int8 if len(kept) < 127 else _key_type(len(kept) + 1))
    lookup[kept] = np.arange(len(kept))
    return lookup, kept


def recoded(key: Key, recode: Int | None, keys: int, later: Sequence[Int]) -> Key:
    """Joint codes of two attributes as they go into the keys of triples."""
    if recode is None:
        return key
    wide = max(len(kept) for kept in later) + 1
    narrow: Key = recode.astype(_key_type((keys + 1) * wide)).take(key)
    return narrow


def _key_type(cells: int) -> type[np.int16] | type[np.int32] | type[np.int64]:
    """The narrowest integer that holds the keys: narrow keys are built fastest."""
    if cells <= np.iinfo(np.int16).max:
        return np.int16
    return np.int32 if cells <= np.iinfo(np.int32).max else np.int64


def join(left: Key, right: Key, wide: int, high: int) -> tuple[Key, int]:
    """Mixed-radix key left · wide + right in the narrowest type that holds it, and the number of cells."""
    cells = (high + 1) * wide
    kind = _key_type(cells)
    key: Key = np.multiply(left, kind(wide), dtype=kind, casting="unsafe")
    key += right.astype(kind, copy=False)
    return key, cells
