"""Marks that pictures may carry, proposed from the pictures alone: what recurs nearly alike in some pictures and in few others.

Three looks, each over the pictures of a class (as labelled in training, as predicted, as wrongly predicted) against the rest:

- *place*: pixels that have one and the same colour in many of them (frames, stamps and stickers in one place);
- *colour*: a colour that many show in a small spot, and few others show at all (stickers and strokes anywhere);
- *repeat*: a patch of which there is a nearly equal one in many of them (stamps and logos anywhere).

Nothing is concluded here: what is proposed is tested with the model on other pictures (``mark_trials``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from failsight.tools.experiments.regions_colour import hsv
from failsight.tools.experiments.regions_like import frame_mask
from failsight.tools.inputs.base import Box, Pixels, Split
from failsight.tools.marks.repeats import gridded, repeated

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
How = Literal["place", "colour", "repeat"]
LARGEST = 48  # side of the pictures that are compared
FEWEST = 8  # pictures of a group in which anything can recur
NEAR = 20  # grey levels within which a pixel has "the same" colour
MORE = 0.15  # how much more often, at least, the group shows it than the rest
SMALL = (0.003, 0.16)  # share of the picture that a mark covers …
LARGE = 0.45  # … and a frame at most
EACH = 2  # proposals of each look in each group


@dataclass(frozen=True)
class Sight:
    """Pictures that are looked at, of one split.

    Attributes:
        rows: table rows. (n,)
        pixels: prepared and shrunk pictures. (n, h, w, 3)
        labels: true classes, −1 unknown; predicted: what the model says. (n,)
    """

    split: Split
    rows: Ints
    pixels: Pixels
    labels: Ints
    predicted: Ints

    @cached_property
    def spots(self) -> Mask:
        """(n, BINS³) which colours each picture shows in a spot."""
        return _spots(self.pixels)

    @cached_property
    def grid(self) -> npt.NDArray[np.float32]:
        """(n, side, side, 3) the pictures as the comparison of patches sees them."""
        return gridded(self.pixels)


@dataclass(frozen=True)
class Proposal:
    """A piece of a picture that may be a mark.

    Attributes:
        target: class (index) whose pictures show it more often.
        spec: the region that finds it: ``like:…`` or ``colour:…``.
        how: which look proposed it.
        row, split: the picture that it was seen in.
        more: share of the group's pictures that show it minus that of the rest, as the look counts them.
    """

    target: int
    spec: str
    how: How
    split: Split
    row: int
    more: float


@dataclass(frozen=True)
class Group:
    """Pictures of a class and those that they are compared with."""

    sight: Sight
    target: int
    inside: Mask
    outside: Mask
    wrong: bool = False


def groups(sights: Sequence[Sight], classes: int) -> Iterator[Group]:
    """The groups of every class: by label in training, by prediction elsewhere, and the wrong predictions by themselves."""
    for sight in sights:
        for c in range(classes):
            if sight.split == "train":
                yield Group(sight, c, sight.labels == c, (sight.labels != c) & (sight.labels >= 0))
                continue
            said = sight.predicted == c
            yield Group(sight, c, said, ~said)
            if (sight.labels >= 0).any():
                other = (sight.labels != c) & (sight.labels >= 0)
                yield Group(sight, c, said & other, ~said & other, True)


def propose(sights: Sequence[Sight], classes: int) -> list[Proposal]:
    """Everything that the looks bring up, the most one-sided first."""
    made: list[Proposal] = []
    for group in groups(sights, classes):
        if min(group.inside.sum(), group.outside.sum()) < FEWEST:
            continue
        made += in_one_place(group)
        made += in_one_colour(group)
        if group.sight.split == "train" or not any(s.split == "train" for s in sights) or group.wrong:
            made += in_many_places(group)
    return sorted(made, key=lambda p: -p.more)


# -- one place ---------------------------------------------------------------------------------------------


def in_one_place(group: Group) -> list[Proposal]:
    """Parts of the picture that have the same colours in many pictures of the group and in few others."""
    from scipy import ndimage

    inside, outside = group.sight.pixels[group.inside], group.sight.pixels[group.outside]
    centre = usual_colours(inside)
    more = _near(inside, centre).mean(0) - _near(outside, centre).mean(0)
    if more.max() < MORE:
        return []
    likely = more >= max(MORE, 0.5 * float(np.quantile(more, 0.995)))
    labels, count = ndimage.label(ndimage.binary_closing(likely, np.ones((3, 3)), border_value=0) | likely)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    made = []
    for i in np.argsort(-sizes, kind="stable")[:EACH]:
        part = labels == i + 1
        if part.mean() < SMALL[0] or part.sum() < 4:
            break
        alike = (_near(inside, centre) & part).sum((1, 2)) / part.sum()
        best = int(np.argmax(alike))
        spec = _spec(group, best, part)
        if spec:
            made.append(_made(group, spec, "place", best, float(more[part].mean())))
    return made


def usual_colours(pictures: Pixels) -> npt.NDArray[np.int16]:
    """The commonest colour at each place: (h, w, 3), as the mean of the fullest of the cells of two grids of 16 levels."""
    n, height, width, _ = pictures.shape
    flat = pictures.reshape(n, -1, 3)
    best, votes = np.zeros((height * width, 3), np.float32), np.zeros(height * width, np.int64)
    for shift in (0, 8):
        levels = (flat.astype(np.int16) + shift) >> 4
        codes = (levels[..., 0] * 17 + levels[..., 1]) * 17 + levels[..., 2]
        mode, count = _modes(codes)
        inside = codes == mode
        mean = (
            np.stack([(flat[..., k] * inside).sum(0, dtype=np.int64) for k in range(3)], -1) / count[:, None]
        )
        better = count > votes
        best[better], votes[better] = mean[better], count[better]
    made: npt.NDArray[np.int16] = np.rint(best).astype(np.int16).reshape(height, width, 3)
    return made


def _modes(codes: npt.NDArray[np.int16]) -> tuple[npt.NDArray[np.int16], Ints]:
    """The commonest number of each column of (n, m) and how often it is there: (m,), (m,)."""
    ordered = np.sort(codes, 0)
    n = len(ordered)
    place = np.broadcast_to(np.arange(n)[:, None], ordered.shape)
    fresh = np.ones(ordered.shape, bool)
    fresh[1:] = ordered[1:] != ordered[:-1]
    run = place - np.maximum.accumulate(np.where(fresh, place, 0), 0) + 1
    at = run.argmax(0)
    columns = np.arange(ordered.shape[1])
    return ordered[at, columns], run[at, columns].astype(np.int64)


def _near(pictures: Pixels, centre: npt.NDArray[np.int16]) -> Mask:
    """Which pixels lie near the centre in all channels; channel by channel: a maximum over three is slow."""
    low, high = (
        np.clip(centre - NEAR, 0, 255).astype(np.uint8),
        np.clip(centre + NEAR, 0, 255).astype(np.uint8),
    )
    made: Mask = np.ones(pictures.shape[:3], bool)
    for k in range(3):
        made &= (pictures[..., k] >= low[..., k]) & (pictures[..., k] <= high[..., k])
    return made


def _spec(group: Group, place: int, part: Mask) -> str:
    """``like:`` for a part of one picture of the group: a frame, or the box around it; empty for what is no mark."""
    height, width = part.shape
    where = f"like:{group.sight.split}/{int(group.sight.rows[group.inside][place])}"
    sides = part[0].mean(), part[-1].mean(), part[:, 0].mean(), part[:, -1].mean()
    if min(sides) >= 0.6 and part.mean() <= LARGE:
        thick = _thickness(part)
        return f"{where},frame:{thick:.4g}" if thick else ""
    ys, xs = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
    box = (xs[0] / width, ys[0] / height, (xs[-1] + 1) / width, (ys[-1] + 1) / height)
    area = (box[2] - box[0]) * (box[3] - box[1])
    if (
        not SMALL[0] <= area <= (SMALL[1] if max(sides) < 0.8 else LARGE / 2)
        or part.sum() < 0.4 * area * part.size
    ):
        return ""
    return f"{where},{told(box)}"


def _thickness(part: Mask) -> float:
    """Width of a frame as a share of the sides: the widest of which most pixels belong to it; 0 for none."""
    height, width = part.shape
    best = 0.0
    for pixels in range(1, round(0.2 * min(height, width)) + 1):
        ring = frame_mask(height, width, pixels / min(height, width))
        if part[ring].mean() >= 0.75:
            best = pixels / min(height, width)
    return best


def told(box: Box) -> str:
    """A box as the grammar of regions writes it."""
    return ",".join(f"{v:.4g}" for v in box)


def _made(group: Group, spec: str, how: How, place: int, more: float) -> Proposal:
    return Proposal(
        group.target, spec, how, group.sight.split, int(group.sight.rows[group.inside][place]), more
    )


# -- one colour --------------------------------------------------------------------------------------------

BINS = 16
ONE_PIECE = 0.7  # share of a colour's pixels that lie in one piece where it is a stroke: shadows and light are scattered
COLOURS_TRIED = 8  # colours looked at closer: those of walls and floors come before a mark's
MEASURED = 60  # pictures in which the spot's size is measured
SPOT = (0.004, 0.2)  # share of the picture that a colour covers where it is a spot
TIGHT = 0.35  # share of the pixels near a colour that lie within half of the distance: colours of things spread evenly


def in_one_colour(group: Group) -> list[Proposal]:
    """Colours that many pictures of the group show in a spot, and few others."""
    inside = group.sight.pixels[group.inside]
    first = group.sight.spots[group.inside]
    more = first.mean(0) - group.sight.spots[group.outside].mean(0)
    made: list[Proposal] = []
    for _ in range(COLOURS_TRIED):
        code = int(more.argmax())
        if more[code] < MORE or len(made) == EACH:
            break
        one = _coloured(group, inside, first[:, code], code, float(more[code]))
        if one is not None:
            made.append(one)
        r, g, b = _unpacked(code)
        cube = more.reshape(BINS, BINS, BINS)
        cube[max(0, r - 2) : r + 3, max(0, g - 2) : g + 3, max(0, b - 2) : b + 3] = 0
    return made


def _unpacked(code: int) -> tuple[int, int, int]:
    return code // (BINS * BINS), code // BINS % BINS, code % BINS


def _spots(pictures: Pixels) -> Mask:
    """(n, BINS³) which colours (with their neighbours in the grid) each picture shows in a spot."""
    from scipy import ndimage

    n = len(pictures)
    levels = pictures.reshape(n, -1, 3).astype(np.int64) >> 4
    codes = (levels[..., 0] * BINS + levels[..., 1]) * BINS + levels[..., 2]
    made = np.zeros((n, BINS**3), bool)
    for i in range(n):
        counts = np.bincount(codes[i], minlength=BINS**3).reshape(BINS, BINS, BINS).astype(np.float32)
        share = ndimage.uniform_filter(counts, 3, mode="constant").ravel() * 27 / codes.shape[1]
        made[i] = (share >= SPOT[0]) & (share <= SPOT[1])
    return made


def _coloured(group: Group, pictures: Pixels, has: Mask, code: int, more: float) -> Proposal | None:
    """The colour as a patch where it is one of the same shape everywhere, else as a colour."""
    from scipy import ndimage

    start = np.array([16 * v + 8 for v in _unpacked(code)], np.int16)
    window = pictures[has][:MEASURED].astype(np.int16)
    near = np.abs(window - start).max(-1) <= 24
    colour = np.median(window[near], 0)
    distance = np.abs(window - colour).max(-1)
    if not (distance <= 12).sum() >= TIGHT * (distance <= 24).sum():
        return None
    boxes = []
    for one in distance <= 24:
        joined, _ = ndimage.label(
            ndimage.binary_dilation(one, np.ones((3, 3)))
        )  # what is written on it parts it
        labels = joined * one
        sizes = np.bincount(labels.ravel())
        sizes[0] = 0
        ys, xs = (
            np.nonzero(labels == sizes.argmax()) if len(sizes) > 1 else (np.zeros(1, int), np.zeros(1, int))
        )
        boxes.append((xs.min(), ys.min(), xs.max() + 1, ys.max() + 1, sizes.max()))
    found = np.array(boxes, np.float64)
    sides = np.stack([found[:, 2] - found[:, 0], found[:, 3] - found[:, 1]])
    usual = np.median(sides, 1, keepdims=True)
    same = (np.abs(sides - usual) <= np.maximum(1.5, 0.15 * usual)).all(0)
    filled = float(np.median(found[:, 4] / np.prod(sides, 0)))
    height, width = pictures.shape[1:3]
    if same.mean() >= 0.5 and filled >= 0.3 and 4 <= usual.prod() <= SMALL[1] * height * width:
        at = int(np.flatnonzero(same)[0])
        row = int(np.flatnonzero(has)[at])
        x0, y0, x1, y1, _ = found[at]
        box = (x0 / width, y0 / height, x1 / width, y1 / height)
        where = f"like:{group.sight.split}/{int(group.sight.rows[group.inside][row])},{told(box)}"
        return _made(group, where, "colour", row, more)
    area = found[:, 4] / (height * width)
    all_of_it = (distance <= 24).sum((1, 2))
    if np.median(area) > SMALL[1] / 2 or np.median(found[:, 4] / np.maximum(all_of_it, 1)) < ONE_PIECE:
        return None
    return _made(
        group, f"colour:{ranges(window[distance <= 16])}", "colour", int(np.flatnonzero(has)[0]), more
    )


def ranges(colours: npt.NDArray[np.int16]) -> str:
    """A narrow range of hue, saturation and value that holds nine tenths of ``colours`` (n, 3)."""
    hue, saturation, value = hsv(colours.astype(np.uint8))
    around = float(np.rad2deg(np.angle(np.exp(1j * np.deg2rad(hue)).mean())))
    off = (hue - around + 180) % 360 - 180
    low, high = np.quantile(off, (0.05, 0.95)) + np.array((-4, 4))
    parts = []
    if np.median(saturation) >= 0.2 and high - low < 120:
        parts.append(f"h{(around + low) % 360:.0f}-{(around + high) % 360:.0f}")
    for letter, values in (("s", saturation), ("v", value)):
        a, b = np.clip(np.quantile(values, (0.05, 0.95)) + np.array((-0.04, 0.04)), 0, 1)
        parts.append(f"{letter}{a:.2f}-{b:.2f}")
    return ",".join(parts)


# -- a patch that repeats ----------------------------------------------------------------------------------


def in_many_places(group: Group) -> list[Proposal]:
    """Patches of which many pictures of the group, and few others, have a nearly equal one, wherever it is."""
    inside, outside = np.flatnonzero(group.inside), np.flatnonzero(group.outside)
    made = []
    for more, place, box in repeated(group.sight.grid, inside, outside):
        if more >= MORE:
            row = int(group.sight.rows[place])
            spec = f"like:{group.sight.split}/{row},{told(box)}"
            made.append(Proposal(group.target, spec, "repeat", group.sight.split, row, more))
    return made
