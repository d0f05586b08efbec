"""Maps from scores alone, for any model: parts of the picture are covered, and the score is watched."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from failsight.tools.experiments.fills import mean_colour
from failsight.tools.experiments.masking import scored
from failsight.tools.experiments.saliency_lens import Lens, Target, class_outputs
from failsight.tools.experiments.saliency_local import CELLS, Cut, covered_outputs, probabilities
from failsight.tools.inputs.base import Floats, Pixels

MASKS, COARSE, KEPT = 400, 7, 0.5  # RISE: masks a picture, cells a side, share of the cells that stay


def occlusion(lens: Lens, pixels: Pixels, target: Target, *, cells: int = CELLS) -> Floats:
    """Occlusion (Zeiler & Fergus 2014): how far the target's score falls when a window takes the picture's mean colour.

    The windows cover 2 × 2 cells of a 10 × 10 grid and move by one cell; a cell's value is the mean over the windows
    that cover it, in [−1, 1] (or [−2, 2] against another class). Negative values speak against the target.
    """
    n, height, width = pixels.shape[:3]
    rows, columns = _edges(height, cells), _edges(width, cells)
    windows = [(i, j) for i in range(max(1, len(rows) - 2)) for j in range(max(1, len(columns) - 2))]
    made = np.zeros((n, len(rows) - 1, len(columns) - 1), np.float32)
    count = np.zeros(made.shape[1:], np.float32)
    for i, j in windows:
        count[i : i + 2, j : j + 2] += 1
    if lens.cut is None:
        stacks = (_occluded(one, rows, columns, windows) for one in pixels)
        found = scored(lens.score, stacks, lens.batch)
    else:
        found = (_locally(lens, lens.cut, one, rows, columns, windows) for one in pixels)
    for k, scores in enumerate(found):
        value = target.part(slice(k, k + 1)).repeated(len(scores)).value(scores)
        for (i, j), after in zip(windows, value[1:], strict=True):
            made[k, i : i + 2, j : j + 2] += value[0] - after
    maps: Floats = made / count
    return maps


def _edges(length: int, cells: int) -> npt.NDArray[np.int64]:
    """Edges of at most ``cells`` cells over ``length`` pixels, none of them empty."""
    made: npt.NDArray[np.int64] = np.unique(np.rint(np.linspace(0, length, cells + 1)).astype(np.int64))
    return made


def _rect(
    rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64], window: tuple[int, int]
) -> tuple[int, int, int, int]:
    """The pixels of a window: y0, x0, y1, x1."""
    i, j = window
    y1, x1 = rows[min(i + 2, len(rows) - 1)], columns[min(j + 2, len(columns) - 1)]
    return int(rows[i]), int(columns[j]), int(y1), int(x1)


def _occluded(
    picture: Pixels,
    rows: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int64],
    windows: list[tuple[int, int]],
) -> Pixels:
    """The picture as it is, then with each window painted over: (1 + windows, h, w, 3)."""
    made = np.repeat(picture[None], 1 + len(windows), axis=0)
    colour = np.rint(mean_colour(picture)).astype(np.uint8)
    for one, window in zip(made[1:], windows, strict=True):
        y0, x0, y1, x1 = _rect(rows, columns, window)
        one[y0:y1, x0:x1] = colour
    return made


def _locally(
    lens: Lens,
    cut: Cut,
    picture: Pixels,
    rows: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int64],
    windows: list[tuple[int, int]],
) -> Floats:
    """The scores of ``_occluded``, with the first part of the network computed round the windows only."""
    import torch

    colour = np.rint(mean_colour(picture)).astype(np.uint8)
    painted = lens.normalise(np.ascontiguousarray(np.broadcast_to(colour, (1, 1, 1, 3))))[0, :, 0, 0]
    rects = [_rect(rows, columns, w) for w in windows]
    given = covered_outputs(lens.module, cut, lens.normalise(picture[None]), rects, painted, lens.batch)
    return probabilities(torch.cat([class_outputs(o, lens.outputs) for o in given]), lens.outputs)


def rise(lens: Lens, pixels: Pixels, target: Target, *, masks: int = MASKS) -> Floats:
    """RISE (Petsiuk et al. 2018): soft random masks, each weighted with the score that it leaves; half the cells stay.

    A pixel's value is the covariance of its mask with the score over the mask's variance: the score's change, as seen
    over random company, when the pixel is shown instead of the mean colour. The paper's mean of weighted masks differs
    from it by a constant and the sampling noise of that constant. Masks are drawn from the lens's seed, the same for
    every picture.
    """
    n, height, width = pixels.shape[:3]
    drawn = random_masks(masks, height, width, np.random.default_rng(lens.seed))
    centred = drawn - drawn.mean(0)
    spread = np.maximum((centred**2).mean(0), 1e-6)
    made = np.zeros((n, height, width), np.float32)
    for k, picture in enumerate(pixels):
        ground = mean_colour(picture).astype(np.float32)
        change = picture - ground
        parts = []
        for first in range(0, masks, lens.batch):
            shown = ground + drawn[first : first + lens.batch, :, :, None] * change
            parts.append(lens.score(np.clip(np.rint(shown), 0, 255).astype(np.uint8)))
        value = target.part(slice(k, k + 1)).repeated(masks).value(np.concatenate(parts))
        made[k] = np.tensordot(value - value.mean(), centred, 1) / masks / spread
    return made


def random_masks(count: int, height: int, width: int, rng: np.random.Generator) -> Floats:
    """Smooth masks (count, height, width) in [0, 1]: a coarse random grid, enlarged and shifted (RISE, section 3.2)."""
    from PIL import Image

    down, across = -(-height // COARSE), -(-width // COARSE)
    size = ((COARSE + 1) * across, (COARSE + 1) * down)
    made = np.empty((count, height, width), np.float32)
    for mask in made:
        coarse = (rng.random((COARSE + 1, COARSE + 1)) < KEPT).astype(np.float32)
        large = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BILINEAR))
        y, x = rng.integers(0, size[1] - height + 1), rng.integers(0, size[0] - width + 1)
        mask[:] = large[y : y + height, x : x + width]
    return made
