"""Changing training pictures as a confirmed cue asks for: cover it, paste it elsewhere, or make pictures look like others.

Every change has its control: as many pictures changed, in the same way, in a way that leaves the cue alone. All of it is
drawn anew for each batch, from a generator that the caller seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.experiments.fills import harmonic
from failsight.tools.inputs.base import Box, Pixels
from failsight.tools.repair.piles import Ints, Pile

Change = Callable[[Pixels, Ints, np.random.Generator], Pixels]  # (pictures, their places in the pile, draws)
SHARE = 0.5  # of the pictures that may be changed
MOST_DONORS = 500
Cell = tuple[int, int, int, int]  # top, left, bottom, right, pixels


def cells(boxes: Sequence[Box], height: int, width: int) -> list[Cell]:
    """Boxes as pixels, at least one pixel large."""
    made = []
    for x0, y0, x1, y1 in boxes:
        top, left = min(height - 1, round(y0 * height)), min(width - 1, round(x0 * width))
        bottom, right = max(top + 1, round(y1 * height)), max(left + 1, round(x1 * width))
        made.append((top, left, min(bottom, height), min(right, width)))
    return made


@dataclass(frozen=True)
class Donors:
    """Cut-out cues and where they stood.

    Attributes:
        patches: pictures of the cue.
        places: (top, left, bottom, right) of each in the picture that it came from.
    """

    patches: tuple[Pixels, ...]
    places: tuple[Cell, ...]

    def __len__(self) -> int:
        return len(self.patches)


def donors_of(pile: Pile, seed: int) -> Donors:
    """Up to ``MOST_DONORS`` cues of the pile, drawn by ``seed``."""
    height, width = pile.pixels.shape[1:3]
    found = [(i, cell) for i, boxes in enumerate(pile.boxes) for cell in cells(boxes, height, width)]
    if len(found) > MOST_DONORS:
        chosen = np.random.default_rng([seed, 11]).choice(len(found), MOST_DONORS, replace=False)
        found = [found[i] for i in np.sort(chosen)]
    return Donors(tuple(_cut(pile.pixels[i], cell) for i, cell in found), tuple(c for _, c in found))


def _cut(picture: Pixels, cell: Cell) -> Pixels:
    top, left, bottom, right = cell
    return picture[top:bottom, left:right].copy()


def cover(pile: Pile, donors: Donors, *, elsewhere: bool) -> Change:
    """Hide the cue in half of the pictures that show it, and as large a place in as many of the others.

    The cover is what surrounds it, a plain colour, or noise, in turn, so that no cover becomes a cue.

    Args:
        elsewhere: the control: in the pictures that show the cue another place of the same size is hidden.
    """

    def change(pictures: Pixels, at: Ints, rng: np.random.Generator) -> Pixels:
        made = pictures.copy()
        for k, i in enumerate(at.tolist()):
            if rng.random() >= SHARE:
                continue
            own = cells(pile.boxes[i], *made[k].shape[:2])
            places = own if own else [donors.places[rng.integers(len(donors))]] if len(donors) else []
            if own and elsewhere:
                places = [_moved(cell, made[k].shape[:2], own, rng) for cell in own]
            _hide(made[k], places, rng)
        return made

    return change


def paste(pile: Pile, donors: Donors, *, plain: bool) -> Change:
    """Paste a cue, where it once stood, into half of the pictures that lack it; hide it in half of those that show it.

    Args:
        plain: the control: a plain patch of the picture itself is pasted, and another place is hidden.
    """

    def change(pictures: Pixels, at: Ints, rng: np.random.Generator) -> Pixels:
        made = pictures.copy()
        for k, i in enumerate(at.tolist()):
            if rng.random() >= SHARE or not len(donors):
                continue
            own = cells(pile.boxes[i], *made[k].shape[:2])
            if own:
                places = [_moved(c, made[k].shape[:2], own, rng) for c in own] if plain else own
                _hide(made[k], places, rng)
                continue
            one = int(rng.integers(len(donors)))
            top, left, bottom, right = donors.places[one]
            patch = donors.patches[one]
            if plain:
                patch = _cut(made[k], _moved(donors.places[one], made[k].shape[:2], (), rng))
            made[k][top:bottom, left:right] = patch
        return made

    return change


def look_like(targets: Pixels) -> Change:
    """Give half of the pictures the light, colours, sharpness and noise of a picture drawn from ``targets``.

    Mean and spread of each channel are taken over (Reinhard et al. 2001, in RGB); where the target is softer the picture
    is blurred, where it is noisier noise is added, each to about the target's amount.
    """
    statistics = [_look(one) for one in targets]

    def change(pictures: Pixels, at: Ints, rng: np.random.Generator) -> Pixels:
        made = pictures.copy()
        for k in range(len(made)):
            if rng.random() < SHARE and statistics:
                made[k] = _towards(made[k], statistics[int(rng.integers(len(statistics)))], rng)
        return made

    return change


@dataclass(frozen=True)
class _Look:
    mean: npt.NDArray[np.float32]
    spread: npt.NDArray[np.float32]
    detail: float  # mean square of differences between neighbours
    noise: float  # Immerkaer's estimate of the noise's standard deviation, 0 to 255


def _look(picture: Pixels) -> _Look:
    values = picture.astype(np.float32)
    grey = values.mean(-1)
    detail = float((np.diff(grey, axis=0) ** 2).mean() + (np.diff(grey, axis=1) ** 2).mean())
    return _Look(values.mean((0, 1)), values.std((0, 1)), detail, _noise(grey))


def _noise(grey: npt.NDArray[np.float32]) -> float:
    """Standard deviation of the noise after Immerkær (1996): the median of a Laplacian difference, robust to edges."""
    if min(grey.shape) < 3:
        return 0.0
    mask = (
        grey[:-2, :-2] - 2 * grey[:-2, 1:-1] + grey[:-2, 2:]
        - 2 * grey[1:-1, :-2] + 4 * grey[1:-1, 1:-1] - 2 * grey[1:-1, 2:]
        + grey[2:, :-2] - 2 * grey[2:, 1:-1] + grey[2:, 2:]
    )  # fmt: skip
    return float(np.median(np.abs(mask)) / 6 / 0.6745)


def _towards(picture: Pixels, target: _Look, rng: np.random.Generator) -> Pixels:
    from PIL import Image, ImageFilter

    own = _look(picture)
    factor = np.clip(target.spread / np.maximum(own.spread, 1), 0.3, 3)
    values = (picture.astype(np.float32) - own.mean) * factor + target.mean
    wanted = target.detail - 12 * target.noise**2
    has = own.detail * float((factor**2).mean())
    if 0 < wanted < 0.7 * has:
        small = Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))
        sigma = float(np.clip(0.6 * np.sqrt(has / wanted - 1), 0.3, 2.5))
        values = np.asarray(small.filter(ImageFilter.GaussianBlur(sigma)), np.float32)
    extra = target.noise**2 - own.noise**2
    if extra > 1:
        values = values + rng.normal(0, np.sqrt(extra), values.shape).astype(np.float32)
    made: Pixels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return made


def _hide(picture: Pixels, places: Sequence[Cell], rng: np.random.Generator) -> None:
    way = int(rng.integers(3))
    for top, left, bottom, right in places:
        if way == 0:
            mask = np.zeros(picture.shape[:2], bool)
            mask[top:bottom, left:right] = True
            picture[:] = harmonic(picture, mask)
        elif way == 1:
            picture[top:bottom, left:right] = rng.integers(0, 256, 3, np.uint8)
        else:
            picture[top:bottom, left:right] = rng.integers(0, 256, (bottom - top, right - left, 3), np.uint8)


def _moved(cell: Cell, size: tuple[int, ...], avoid: Sequence[Cell], rng: np.random.Generator) -> Cell:
    """A place of the same size elsewhere: of eight draws the one that overlaps least with those to avoid."""
    tall, wide = cell[2] - cell[0], cell[3] - cell[1]
    best, least = cell, np.inf
    for _ in range(8):
        top, left = int(rng.integers(size[0] - tall + 1)), int(rng.integers(size[1] - wide + 1))
        here = (top, left, top + tall, left + wide)
        shared = sum(_shared(here, other) for other in avoid)
        if shared < least:
            best, least = here, shared
        if least == 0:
            break
    return best


def _shared(one: Cell, other: Cell) -> int:
    return max(0, min(one[2], other[2]) - max(one[0], other[0])) * max(
        0, min(one[3], other[3]) - max(one[1], other[1])
    )
