"""Where a picture may lie as a part in another: tried coarsely at every place, then its edges adjusted.

All pairs of a batch at once, as products of small matrices: most pairs that features propose are two pictures of one kind
of scene, which look promising at 8 × 8 and come apart when the edges are adjusted.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Place = tuple[int, int, int, int]  # top, left, height, width in sixteenths

COARSE, PATTERN = 16, 8  # parts are looked for on a grid of 16, compared at 8 × 8
LEAST_PART = 10  # of 16: the smallest part of a picture that is looked for, about 60 % of a side
PROMISING = 0.9  # correlation at 8 × 8 below which a part is not looked at closer
ROUGH = 32  # pixels a side at which edges are adjusted first
SWEEPS = (
    (0.5, 0.78),
    (0.5, 0.85),
    (0.25, 0.85),
)  # by how much an edge is moved, and the correlation below which it is not


def placements(firsts: Floats, seconds: Floats) -> list[list[tuple[Place, bool, bool]]]:
    """Of each pair the promising placements: (place, whether the first is the part, whether the second is mirrored)."""
    made: list[list[tuple[Place, bool, bool]]] = [[] for _ in firsts]
    places, _, _ = _windows()
    turned_places = [(y, COARSE - x - w, h, w) for y, x, h, w in places]  # of the mirrored picture
    as_part, mirrored_part = _patterns(seconds), _patterns(seconds[:, :, ::-1])
    own, mirrored_own = _patterns(firsts), _patterns(firsts[:, :, ::-1])
    in_first = _coarse_fit(firsts, (as_part, mirrored_part))
    # a picture in the mirrored other lies where the mirrored picture lies in the other
    in_second = _coarse_fit(seconds, (own, mirrored_own))
    tried = (
        (in_first[:, :, 0], places, False, False),
        (in_second[:, :, 0], places, True, False),
        (in_first[:, :, 1], places, False, True),
        (in_second[:, :, 1], turned_places, True, True),
    )
    for fit, at_places, turned, mirror in tried:
        for n, at in enumerate(fit.argmax(1).tolist()):
            if fit[n, at] >= PROMISING:
                made[n].append((at_places[at], turned, mirror))
    return made


def _patterns(parts: Floats) -> Floats:
    """(b, 64) the pictures at 8 × 8, of mean 0 and length 1."""
    pattern = parts.reshape(len(parts), PATTERN, 2, PATTERN, 2).mean((2, 4)).reshape(len(parts), -1)
    pattern = pattern - pattern.mean(1, keepdims=True)
    made: Floats = pattern / np.maximum(np.linalg.norm(pattern, axis=1, keepdims=True), 1e-3)
    return made


def _coarse_fit(wholes: Floats, patterns: Sequence[Floats]) -> Floats:
    """(b, windows, patterns) correlation of each pattern with every window of its whole at 8 × 8."""
    _, spans, groups = _windows()
    down = np.einsum("sai,bix->bsax", spans, wholes, optimize=True)  # rows first, then columns
    seen = np.concatenate(
        [down[:, rows].reshape(len(wholes), -1, COARSE) @ spans[column].T for column, rows in groups], axis=1
    ).reshape(len(wholes), -1, PATTERN * PATTERN)
    total = seen.sum(2)
    spread = np.sqrt(np.maximum(np.einsum("bwp,bwp->bw", seen, seen) - total**2 / seen.shape[2], 1e-3))
    fit: Floats = (seen @ np.stack(patterns, axis=2)) / spread[:, :, None]
    return fit


@cache
def _windows() -> tuple[tuple[Place, ...], Floats, tuple[tuple[int, Ints], ...]]:
    """Places of the parts that are tried, and how they are averaged to 8 × 8: the matrices (spans, 8, 16) of all spans of
    rows or columns, and by span of columns the spans of rows that go with it, in the order of the places."""
    spans = [(at, n) for n in range(LEAST_PART, COARSE + 1) for at in range(COARSE - n + 1)]
    places: list[Place] = []
    groups = []
    for column, (x, w) in enumerate(spans):
        rows = [
            i
            for i, (_, h) in enumerate(spans)
            if (h, w) != (COARSE, COARSE) and (abs(h - w) <= 1 or COARSE in (h, w))
        ]
        places += [(spans[i][0], x, spans[i][1], w) for i in rows]
        groups.append((column, np.array(rows, np.int64)))
    matrices = np.stack([_averages(*span) for span in spans]).astype(np.float32)
    return tuple(places), matrices, tuple(groups)


def _averages(start: int, length: int) -> npt.NDArray[np.float64]:
    """(8, 16): the share of each of 16 cells in each of 8 equal pieces of ``length`` cells from ``start`` on."""
    edges = start + length * np.arange(PATTERN + 1) / PATTERN
    cells = np.arange(COARSE)
    overlap = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
    made: npt.NDArray[np.float64] = np.maximum(overlap, 0) * PATTERN / length
    return made


def adjusted(wholes: Bytes, parts: Bytes, places: npt.NDArray[np.float64]) -> tuple[Doubles, Floats]:
    """Places whose edges are moved, one at a time, out and in, as long as the part fits better.

    Args:
        wholes: (n, 64, 64, 3).
        parts: (n, 64, 64, 3), each laid over its place in its whole.
        places: (n, 4) top, left, height and width in sixteenths.

    Returns:
        (n, 4) top, left, bottom and right in sixteenths; (n,) correlations at 32 × 32, colours included.
    """
    n = len(wholes)
    edges = np.column_stack([places[:, :2], places[:, :2] + places[:, 2:]])
    rows = wholes.astype(np.float32).reshape(n, wholes.shape[1], -1)
    half = parts.astype(np.float32).reshape(n, ROUGH, 2, ROUGH, 2, 3).mean((2, 4))
    patterns = _units(half.transpose(0, 2, 1, 3).reshape(n, -1))
    looks = _laid(rows, patterns, edges)
    for step, least in SWEEPS:
        at = np.flatnonzero(looks >= least)
        if not len(at):
            break
        own, seen, best, fit = rows[at], patterns[at], edges[at], looks[at]
        for edge in range(4):
            for by in (-step, step):
                tried = best.copy()
                tried[:, edge] += by
                found = _laid(own, seen, tried)
                better = found > fit
                best[better], fit[better] = tried[better], found[better]
        edges[at], looks[at] = best, fit
    return edges, looks


def _laid(rows: Floats, patterns: Floats, edges: Doubles) -> Floats:
    """(n,) correlation of each pattern with what lies between ``edges`` in its picture."""
    import torch  # its products of many small matrices take half of numpy's time

    n, side = rows.shape[:2]
    scaled = np.clip(edges, 0, COARSE) * (side / COARSE)
    down = torch.bmm(_shares(scaled[:, 0], scaled[:, 2], side), torch.from_numpy(rows))  # (n, 32, 64 · 3)
    turned = down.reshape(n, ROUGH, side, 3).transpose(1, 2).reshape(n, side, -1)
    crops = torch.bmm(_shares(scaled[:, 1], scaled[:, 3], side), turned)  # (n, 32 columns, 32 rows · 3)
    fit: Floats = np.einsum("np,np->n", _units(crops.reshape(n, -1).numpy()), patterns)
    return fit


def _shares(first: Doubles, last: Doubles, side: int) -> Any:
    """(n, 32, side) tensor: the share of each pixel in each of 32 equal pieces between ``first`` and ``last``."""
    import torch

    ends = first[:, None] + (last - first)[:, None] * (np.arange(ROUGH + 1) / ROUGH)
    pixels = np.arange(side)
    overlap = np.minimum(ends[:, 1:, None], pixels + 1) - np.maximum(ends[:, :-1, None], pixels)
    length = np.maximum(ends[:, 1:] - ends[:, :-1], 1e-6)[:, :, None]
    return torch.from_numpy((np.maximum(overlap, 0) / length).astype(np.float32))


def _units(x: Floats) -> Floats:
    """Rows of mean 0 and length 1; rows of one value become 0."""
    centred = x - x.mean(1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    made: Floats = np.where(length > 1e-3, centred / np.maximum(length, 1e-3), 0)
    return made
