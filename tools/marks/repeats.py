"""Patches of which many pictures of a group, and few others, have a nearly equal one, wherever it is: stamps and logos anywhere."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from failsight.tools.inputs.base import Box, Pixels

Ints = npt.NDArray[np.int64]
Grid = npt.NDArray[np.float32]
SIDES = (0.2, 0.3)  # of the patches that are compared, as shares of the picture's side
LOOKED = 10  # pictures of the group whose patches are looked for …
AMONG = 24  # … among so many of the group, and as many of the rest
PATCHES = 20  # of each picture, those with most contrast
EQUAL = 20.0  # root of the mean squared difference (grey levels) up to which two patches are nearly equal
CONTRAST = 22.0  # standard deviation inside a patch from which it is no plain wall
GRID = 24  # side of the pictures in this comparison


def repeated(grid: Grid, inside: Ints, outside: Ints) -> list[tuple[float, int, Box]]:
    """Patches with contrast that recur in pictures of a group more than in others, one of each size.

    Args:
        grid: all pictures as :func:`gridded` gives them. (n, GRID, GRID, 3)
        inside, outside: places of the group's pictures, and of the others.

    Returns:
        For each: how much more often (share of pictures), the picture that it was cut from, and where in it.
    """
    rng = np.random.default_rng(len(inside))
    inside, outside = rng.permutation(inside)[:AMONG], rng.permutation(outside)[:AMONG]
    small = grid[np.concatenate([inside, outside])]
    made: list[tuple[float, int, Box]] = []
    for side in SIDES:
        best = _most_repeated(small, len(inside), max(3, round(side * GRID)))
        if best is not None:
            more, place, y, x, pixels = best
            made.append(
                (more, int(inside[place]), (x / GRID, y / GRID, (x + pixels) / GRID, (y + pixels) / GRID))
            )
    return made


def gridded(pictures: Pixels) -> Grid:
    """(n, GRID, GRID, 3) pictures as the comparison sees them."""
    from PIL import Image

    return np.stack(
        [
            np.asarray(Image.fromarray(p).resize((GRID, GRID), Image.Resampling.BOX), np.float32)
            for p in pictures
        ]
    )


def _most_repeated(
    small: npt.NDArray[np.float32], first: int, side: int
) -> tuple[float, int, int, int, int] | None:
    """(more, picture, y, x, side) of the patch of the first pictures that recurs most one-sidedly; None without contrast."""
    patches = np.lib.stride_tricks.sliding_window_view(small, (side, side), (1, 2))  # type: ignore[call-overload]
    n, rows, columns = patches.shape[:3]
    flat = patches.reshape(n, rows * columns, -1)
    looked = min(LOOKED, first)
    asked, who, where = [], [], []
    for i in range(looked):
        spread = flat[i].reshape(rows * columns, 3, -1).std(-1).mean(-1)
        keep = np.argsort(-spread)[:PATCHES]
        keep = keep[spread[keep] >= CONTRAST]
        asked.append(flat[i][keep])
        who += [i] * len(keep)
        where += keep.tolist()
    query = np.concatenate(asked)
    if not len(query):
        return None
    seen = np.zeros((len(query), n), bool)
    limit = EQUAL**2 * flat.shape[2]
    norms = (query**2).sum(1)
    for j in range(n):
        distance = norms[:, None] + (flat[j] ** 2).sum(1)[None] - 2 * query @ flat[j].T
        seen[:, j] = distance.min(1) <= limit
    seen[np.arange(len(query)), who] = False
    more = seen[:, :first].sum(1) / max(1, first - 1) - seen[:, first:].mean(1)
    at = int(more.argmax())
    y, x = divmod(where[at], columns)
    return float(more[at]), who[at], y, x, side
