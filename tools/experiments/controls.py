"""Controls: regions of the same area elsewhere in the same picture, where masking should matter as much if the cue doesn't.

A control has the cue's shape, moved to where it touches neither the cue nor another box of the cue's object. Among the
places that fit, those are preferred that resemble the cue's place (distance from the centre, height in the picture)
and whose masking changes the pixels about as much: a blank wall is no fair control for a busy object.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.experiments.patches import Patch, Patches, area, centre, change, patches_of
from failsight.tools.experiments.regions import Mask

Floats64 = npt.NDArray[np.float64]
PER_DRAW = 8  # candidates looked at for each control kept
MOST_PARTS = 12  # a region in more parts than this is matched in area only
PLACE = 1.0  # weight of a full mismatch of place against a factor e in pixel change
CHANGE = 0.25


@dataclass(frozen=True, slots=True)
class Controls:
    """The controls drawn for one picture.

    Attributes:
        draws: the regions; each has exactly the cue's area and overlaps no forbidden pixel.
        same_shape: False when only the area could be matched (the cue's shape fits nowhere else).
    """

    draws: tuple[Patches, ...]
    same_shape: bool


def draw_controls(
    cue: Patches,
    forbidden: Mask,
    energy: Floats64,
    draws: int,
    rng: np.random.Generator,
) -> Controls | None:
    """``draws`` control regions for ``cue``, or None when the free pixels are fewer than the cue's.

    Args:
        cue: the region under test, in parts that don't overlap.
        forbidden: pixels that no control may touch, the cue's own among them. Shape (h, w).
        energy: squared change per pixel that the fill would make. Shape (h, w).
        draws: how many controls; draws may overlap each other, and repeat where few places are free.
    """
    needed = area(cue)
    if needed == 0 or int((~forbidden).sum()) < needed:
        return None
    found = _moved(cue, forbidden, energy, draws, rng) if len(cue) <= MOST_PARTS else []
    if found:
        return Controls(tuple(found[i % len(found)] for i in range(draws)), True)
    return Controls(tuple(_scattered(forbidden, needed, len(cue), rng) for _ in range(draws)), False)


def _moved(
    cue: Patches, forbidden: Mask, energy: Floats64, draws: int, rng: np.random.Generator
) -> list[Patches]:
    """The best matched of several random placements of the cue's parts; empty when they don't fit."""
    table = integral(forbidden)
    tries = (
        _single(cue[0], table, draws * PER_DRAW, rng)
        if len(cue) == 1
        else _several(cue, forbidden, table, draws, rng)
    )
    if not tries:
        return []
    cost = _mismatch(cue, tries, energy, forbidden.shape)
    return [tries[i] for i in np.argsort(cost, kind="stable")[:draws]]


def integral(values: npt.NDArray[np.generic]) -> Floats64:
    """Summed-area table of ``values`` (h, w), with a leading row and column of zeros: (h + 1, w + 1)."""
    made = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
    np.cumsum(np.cumsum(values, 0, dtype=np.float64), 1, out=made[1:, 1:])
    return made


def window_sums(table: Floats64, height: int, width: int) -> Floats64:
    """Sums over all windows of ``height`` × ``width`` from a summed-area table, by their top left corner."""
    lower = table[height:, width:] - table[height:, :-width]
    upper = table[:-height, width:] - table[:-height, :-width]
    made: Floats64 = lower - upper
    return made


def _places(patch: Patch, table: Floats64) -> tuple[npt.NDArray[np.int64], int]:
    """Flat indices of the top left corners where the patch's bounding box is free, and the row length to unflatten them."""
    height, width = patch.y1 - patch.y0, patch.x1 - patch.x0
    sums = window_sums(table, height, width)
    return np.flatnonzero(sums.ravel() < 0.5), sums.shape[1]


def _single(patch: Patch, table: Floats64, tries: int, rng: np.random.Generator) -> list[Patches]:
    places, columns = _places(patch, table)
    if not len(places):
        return []
    chosen = places if len(places) <= tries else places[rng.integers(0, len(places), tries)]
    if len(places) > tries:
        chosen = np.unique(chosen)
    chosen = rng.permutation(chosen)  # ties in the mismatch are broken at random, not from the top left
    return [(patch.moved(int(i // columns), int(i % columns)),) for i in chosen]


def _several(
    cue: Patches, forbidden: Mask, table: Floats64, draws: int, rng: np.random.Generator
) -> list[Patches]:
    """Random placements of all parts at once, largest first, none touching another."""
    made: list[Patches] = []
    for _ in range(2 * draws):
        taken, sums, placed = forbidden.copy(), table, []
        for part in cue:
            places, columns = _places(part, sums)
            if not len(places):
                break
            at = int(places[rng.integers(len(places))])
            moved = part.moved(at // columns, at % columns)
            placed.append(moved)
            taken[moved.y0 : moved.y1, moved.x0 : moved.x1] = True
            sums = integral(taken)
        if len(placed) == len(cue):
            made.append(tuple(placed))
    return made


def _mismatch(cue: Patches, tries: list[Patches], energy: Floats64, shape: tuple[int, ...]) -> Floats64:
    """How unlike the cue each placement is: place (in half diagonals and heights) and log ratio of pixel change."""
    height, width = shape
    y0, x0 = centre(cue)
    at = np.array([centre(t) for t in tries])
    half = np.hypot(height, width) / 2
    radius = np.hypot(at[:, 0] - height / 2, at[:, 1] - width / 2)
    place = np.abs(radius - np.hypot(y0 - height / 2, x0 - width / 2)) / half + np.abs(at[:, 0] - y0) / height
    if len(cue) == 1 and cue[0].shape is None:  # one rectangle: all sums from one table
        p, table = cue[0], integral(energy)
        sums = window_sums(table, p.y1 - p.y0, p.x1 - p.x0)
        changed = sums[[t[0].y0 for t in tries], [t[0].x0 for t in tries]]
    else:
        changed = np.array([change(t, energy) for t in tries])
    floor = max(area(cue), 1)  # one grey level squared a pixel
    ratio = np.abs(np.log((np.maximum(changed, 0) + floor) / (change(cue, energy) + floor)))
    cost: Floats64 = PLACE * place + CHANGE * np.minimum(ratio, 4)
    return cost


def _scattered(forbidden: Mask, needed: int, parts: int, rng: np.random.Generator) -> Patches:
    """Random blocks of free pixels, ``needed`` pixels in all: the same area in another shape."""
    height, width = forbidden.shape
    side = max(1, round(np.sqrt(needed / max(parts, 4))))
    rows, columns = -(-height // side), -(-width // side)
    rank = (
        rng.permutation(rows * columns)
        .reshape(rows, columns)
        .repeat(side, 0)
        .repeat(side, 1)[:height, :width]
    )
    order = np.argsort(np.where(forbidden, rows * columns, rank).ravel(), kind="stable")[:needed]
    mask = np.zeros(height * width, bool)
    mask[order] = True
    return patches_of(mask.reshape(height, width))


def change_ratio(cue: Patches, controls: Controls, energy: Floats64) -> float:
    """Pixel change of the controls (mean over draws) relative to the cue's; NaN when the cue's masking changes nothing."""
    own = change(cue, energy)
    return float(np.mean([change(c, energy) for c in controls.draws]) / own) if own > 0 else float("nan")
