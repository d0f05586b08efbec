"""Controls: regions of the same area elsewhere in the same picture, where masking should matter as much if the cue doesn't.

A control has the cue's shape, moved to where it does not touch the cue (all boxes of an object are one cue). Among the
places that fit, those are preferred that resemble the cue's place (distance from the centre, height in the picture)
and whose masking changes the pixels about as much: a blank wall is no fair control for a busy object. Where the shape fits
nowhere, or lies in too many parts to be moved one by one, the whole region is moved as it is, or else round the picture;
where that overlaps itself everywhere, blocks of the same area in all are the control.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.experiments.patches import Patch, Patches, area, as_mask, centre, change
from failsight.tools.experiments.regions_base import FIXED, Mask, Region

Floats64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
TRIES = 256  # candidate places looked at
MOST_PARTS = 12  # parts of a region are moved one by one up to this many
ROLLS = 64  # ways of moving a whole region round the picture that are tried
PLACE = 1.0  # weight of a full mismatch of place against a factor e in pixel change
CHANGE = 0.5
MOST_CHANGE = 4.0  # a control that changes 50 times less is no worse than one that changes nothing


#: regions of a kind that leave just room for a control
ROOMY = {"border": "border:0.14", "corners": "corners:0.35"}


def check_room(region: Region, height: int, width: int) -> None:
    """That a region which lies alike in every picture leaves room for a control of its area.

    Raises:
        RetryError: it covers more than half of the picture, and then there is none.
    """
    if region.kind in FIXED:
        share = float(region.mask(height, width).mean())
    elif region.kind == "saliency":
        share = region.share
    else:
        return  # it differs from picture to picture: those without room are left out, with the reason
    if share > 0.5:
        instead = f", such as {ROOMY[region.kind]}" if region.kind in ROOMY else ""
        raise RetryError(
            f"region: {region.spec} covers {100 * share:.0f} % of the picture, so no control of the same area has room beside it. Take "
            f"one that covers at most half{instead}."
        )


@dataclass(frozen=True, slots=True)
class Controls:
    """The controls drawn for one picture.

    Attributes:
        draws: the regions; each has exactly the cue's area and overlaps no pixel of the cue.
        same_shape: False when only the area could be matched (the cue's shape fits nowhere else); the parts of a draw follow
            those of the cue only where it is True.
    """

    draws: tuple[Patches, ...]
    same_shape: bool


def draw_controls(cue: Patches, energy: Floats64, draws: int, rng: np.random.Generator) -> Controls | None:
    """``draws`` control regions for ``cue``, or None when the pixels outside the cue are fewer than its own.

    Args:
        cue: the region under test, in parts that don't overlap.
        energy: squared change per pixel that the fill would make. Shape (h, w) of the picture.
        draws: how many controls; draws may overlap each other, and repeat where few places are free.
    """
    needed = area(cue)
    if needed == 0 or energy.size - needed < needed:
        return None
    found: list[Patches] = []
    if len(cue) == 1:
        found = _moved_one(cue[0], energy, draws, rng)
    elif len(cue) <= MOST_PARTS:
        found = _moved_several(cue, energy, draws, rng)
    taken = as_mask(cue, *energy.shape)
    found = found or _shifted(cue, taken, energy, draws, rng)
    if found:
        return Controls(tuple(found[i % len(found)] for i in range(draws)), True)
    found = _rolled(cue, taken, energy, draws, rng)
    if found:
        return Controls(tuple(found[i % len(found)] for i in range(draws)), False)
    return Controls(tuple(_scattered(taken, needed, rng) for _ in range(draws)), False)


def _moved_one(part: Patch, energy: Floats64, draws: int, rng: np.random.Generator) -> list[Patches]:
    """The best matched of several random places for one part; empty when it fits nowhere beside itself."""
    height, width = energy.shape
    tall, wide = part.y1 - part.y0, part.x1 - part.x0
    free = np.ones((height - tall + 1, width - wide + 1), bool)
    free[max(0, part.y0 - tall + 1) : part.y1, max(0, part.x0 - wide + 1) : part.x1] = False
    places = np.flatnonzero(free)
    if not len(places):
        return []
    if len(places) > TRIES:
        places = np.unique(places[rng.integers(0, len(places), TRIES)])
    places = rng.permutation(places)  # ties in the mismatch are broken at random, not from the top left
    ys, xs = np.divmod(places, free.shape[1])
    if part.shape is None:
        table = integral(energy)
        changed = (table[ys + tall, xs + wide] - table[ys, xs + wide]) - (
            table[ys + tall, xs] - table[ys, xs]
        )
    else:
        changed = np.array(
            [change((part.moved(int(y), int(x)),), energy) for y, x in zip(ys, xs, strict=True)]
        )
    cost = _mismatch((part,), ys + tall / 2, xs + wide / 2, changed, energy)
    return [(part.moved(int(ys[i]), int(xs[i])),) for i in np.argsort(cost, kind="stable")[:draws]]


def integral(values: Floats64) -> Floats64:
    """Summed-area table of ``values`` (h, w), with a leading row and column of zeros: (h + 1, w + 1)."""
    made = np.zeros((values.shape[0] + 1, values.shape[1] + 1))
    np.cumsum(values, 0, out=made[1:, 1:])
    np.cumsum(made[1:, 1:], 1, out=made[1:, 1:])
    return made


def _moved_several(cue: Patches, energy: Floats64, draws: int, rng: np.random.Generator) -> list[Patches]:
    """The best matched of some random placements of all parts at once, largest first, none touching another."""
    taken = as_mask(cue, *energy.shape)
    found = [made for made in (_place_all(cue, taken, rng) for _ in range(2 * draws)) if made is not None]
    if not found:
        return []
    centres = np.array([centre(t) for t in found])
    changed = np.array([change(t, energy) for t in found])
    cost = _mismatch(cue, centres[:, 0], centres[:, 1], changed, energy)
    return [found[i] for i in np.argsort(cost, kind="stable")[:draws]]


def _place_all(cue: Patches, taken: Mask, rng: np.random.Generator) -> Patches | None:
    """Every part at a random place where its bounding box touches nothing taken; None when one fits nowhere."""
    taken, placed = taken.copy(), []
    for part in cue:
        tall, wide = part.y1 - part.y0, part.x1 - part.x0
        table = integral(taken.astype(np.float64))
        sums = (table[tall:, wide:] - table[:-tall, wide:]) - (table[tall:, :-wide] - table[:-tall, :-wide])
        places = np.flatnonzero(sums.ravel() < 0.5)
        if not len(places):
            return None
        y, x = divmod(int(places[rng.integers(len(places))]), sums.shape[1])
        placed.append(part.moved(y, x))
        taken[y : y + tall, x : x + wide] = True
    return tuple(placed)


def _shifted(
    cue: Patches, taken: Mask, energy: Floats64, draws: int, rng: np.random.Generator
) -> list[Patches]:
    """The whole region moved as it is, to where it stays inside the picture and meets no pixel of itself.

    Bounding boxes may overlap: a winding region, or one in many parts, often fits beside itself all the same."""
    height, width = energy.shape
    ys, xs = np.flatnonzero(taken.any(1)), np.flatnonzero(taken.any(0))
    y0, y1, x0, x1 = int(ys[0]), int(ys[-1]) + 1, int(xs[0]), int(xs[-1]) + 1
    own = taken[y0:y1, x0:x1]
    downs = rng.integers(-y0, height - y1 + 1, TRIES)
    rights = rng.integers(-x0, width - x1 + 1, TRIES)
    found, changed = [], []
    for down, right in dict.fromkeys(zip(downs.tolist(), rights.tolist(), strict=True)):
        window = (slice(y0 + down, y1 + down), slice(x0 + right, x1 + right))
        if not (taken[window] & own).any():
            found.append((down, right))
            changed.append(float(energy[window][own].sum()))
    if not found:
        return []
    shifts, (cy, cx) = np.array(found, np.float64), centre(cue)
    cost = _mismatch(cue, cy + shifts[:, 0], cx + shifts[:, 1], np.array(changed), energy)
    best = [found[i] for i in np.argsort(cost, kind="stable")[:draws]]
    return [tuple(p.moved(p.y0 + down, p.x0 + right) for p in cue) for down, right in best]


def _rolled(
    cue: Patches, taken: Mask, energy: Floats64, draws: int, rng: np.random.Generator
) -> list[Patches]:
    """The whole region moved round the picture, what leaves it on one side coming back on the other, where it misses itself.

    For regions in many parts or of winding shape: their controls are then as scattered, or as compact, as they are."""
    height, width = taken.shape
    shifts = np.stack([rng.integers(0, height, ROLLS), rng.integers(0, width, ROLLS)], 1)
    masks = [m for m in (np.roll(taken, s, (0, 1)) for s in shifts.tolist()) if not (m & taken).any()]
    if not masks:
        return []
    ys = np.array([float(np.nonzero(m)[0].mean()) for m in masks]) + 0.5
    xs = np.array([float(np.nonzero(m)[1].mean()) for m in masks]) + 0.5
    changed = np.array([float(energy[m].sum()) for m in masks])
    cost = _mismatch(cue, ys, xs, changed, energy)
    order = np.argsort(cost, kind="stable")[:draws]
    return [(Patch(0, 0, height, width, masks[i]),) for i in order]


def _mismatch(cue: Patches, ys: Floats64, xs: Floats64, changed: Floats64, energy: Floats64) -> Floats64:
    """How unlike the cue each placement is: distance from the centre (in half diagonals), height in the picture (in
    picture heights) and log ratio of pixel change.

    Args:
        ys, xs: centres of the placements, pixels. (m,)
        changed: summed energy inside them. (m,)
    """
    height, width = energy.shape
    y0, x0 = centre(cue)
    radius = np.hypot(ys - height / 2, xs - width / 2) / (np.hypot(height, width) / 2)
    own = np.hypot(y0 - height / 2, x0 - width / 2) / (np.hypot(height, width) / 2)
    place = np.abs(radius - own) + np.abs(ys - y0) / height
    floor = max(area(cue), 1)  # one grey level squared a pixel
    ratio = np.abs(np.log((np.maximum(changed, 0) + floor) / (change(cue, energy) + floor)))
    cost: Floats64 = PLACE * place + CHANGE * np.minimum(ratio, MOST_CHANGE)
    return cost


def _scattered(taken: Mask, needed: int, rng: np.random.Generator) -> Patches:
    """Random blocks outside ``taken``, ``needed`` pixels in all: the same area in another shape."""
    height, width = taken.shape
    side = max(1, round(np.sqrt(needed / 4)) if needed < 64 else round(np.sqrt(needed / 8)))
    ys, xs = np.arange(0, height, side), np.arange(0, width, side)
    counts = np.add.reduceat(np.add.reduceat(~taken, ys, 0, dtype=np.int64), xs, 1, dtype=np.int64).ravel()
    order = rng.permutation(len(counts))
    last = int(np.searchsorted(np.cumsum(counts[order]), needed))  # the block with which the area is reached
    chosen = np.zeros(len(counts), bool)
    chosen[order[: last + 1]] = True
    full = chosen.reshape(len(ys), len(xs)).repeat(side, 0).repeat(side, 1)[:height, :width] & ~taken
    extra = int(full.sum()) - needed
    if extra:
        y, x = divmod(int(order[last]), len(xs))
        block = np.zeros_like(full)
        block[y * side : (y + 1) * side, x * side : (x + 1) * side] = True
        full.flat[np.flatnonzero(full & block)[:extra]] = False
    return (Patch(0, 0, height, width, full),)


def change_ratio(cue: Patches, controls: Controls, energy: Floats64) -> float:
    """Pixel change of the controls (mean over draws) relative to the cue's; NaN when the cue's masking changes nothing."""
    own = change(cue, energy)
    return float(np.mean([change(c, energy) for c in controls.draws]) / own) if own > 0 else float("nan")
