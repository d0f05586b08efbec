"""Where the pictures of one class show the very same pixels, and those of other classes don't: stamps, tags, frames.

For each pixel and channel: the share of the class's pictures within the class's commonest 16 grey levels, minus the share
of the other pictures within the same levels. A stamp on every picture of a class alone gives nearly 1, one on half of
them about one half; a subject that moves and varies gives little, even where it is always centred.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from failsight.tools.inputs.base import Floats, Pixels

SIDE = 64  # pictures are reduced to this before they are compared
WIDTH = 8  # grey levels a bin; two neighbouring bins are one range


def thumbnails(pixels: Pixels) -> Pixels:
    """(b, h, w, 3) reduced so that the longer side has at most 64 pixels."""
    from PIL import Image

    height, width = pixels.shape[1:3]
    scale = SIDE / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.stack([np.asarray(Image.fromarray(p).resize(size, Image.Resampling.BOX)) for p in pixels])


def excess(own: Pixels, others: Pixels) -> Floats:
    """How much more the class's pictures agree than the others do, per pixel.

    Args:
        own: pictures of the class. (n, h, w, 3)
        others: (m, h, w, 3)

    Returns:
        (h, w), −1 to 1, mean over channels; zeros when either is empty.
    """
    shape = own.shape[1:3]
    if not len(own) or not len(others):
        return np.zeros(shape, np.float32)
    mine, theirs = _ranges(own), _ranges(others)
    best = mine.argmax(0)
    at = np.arange(len(best))
    gap = (mine[best, at] - theirs[best, at]).reshape(*shape, 3).mean(-1)
    return np.asarray(gap, np.float32)


def _ranges(pixels: Pixels) -> Floats:
    """Share of the pictures in each range of two bins, per pixel and channel. (ranges, h·w·3)"""
    flat = pixels.reshape(len(pixels), -1) // WIDTH
    bins = 256 // WIDTH
    size = flat.shape[1]
    where = flat.astype(np.int64) * size + np.arange(size)
    counts = np.bincount(where.ravel(), minlength=bins * size).reshape(bins, size).astype(np.float32)
    return np.asarray((counts[:-1] + counts[1:]) / len(pixels), np.float32)


def static_box(
    same: Floats, window: tuple[float, float, float, float], least: float
) -> tuple[float, float, float, float] | None:
    """The static patch that touches ``window``: its bounding box as fractions (x0, y0, x1, y1), or None.

    Pixels count when they agree at least ``least`` and half as much as the best ones in the window; gaps of a pixel are closed.
    """
    from scipy import ndimage

    height, width = same.shape
    x0, x1 = int(window[0] * width), max(int(np.ceil(window[2] * width)), int(window[0] * width) + 1)
    y0, y1 = int(window[1] * height), max(int(np.ceil(window[3] * height)), int(window[1] * height) + 1)
    top = float(np.quantile(same[y0:y1, x0:x1], 0.9))
    if top < least:
        return None
    mask = _solid(same >= max(least, top / 2))
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    inside = labels[y0:y1, x0:x1]
    if not inside.any():
        return None
    best = int(np.bincount(inside[inside > 0]).argmax())
    ys, xs = ndimage.find_objects(labels)[best - 1]
    return xs.start / width, ys.start / height, xs.stop / width, ys.stop / height


def _solid(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Gaps of up to two pixels closed, also at the picture's edge; lone pixels dropped."""
    from scipy import ndimage

    padded = np.pad(mask, 2, mode="edge")
    closed = ndimage.binary_closing(padded, np.ones((3, 3)))[2:-2, 2:-2]
    opened = ndimage.binary_opening(np.pad(closed, 2, mode="edge"), np.ones((2, 2)))[2:-2, 2:-2]
    return np.asarray(opened, bool)
