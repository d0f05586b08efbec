"""From a part of a mark to the whole: pictures are laid over each other where the part fits, and what agrees around it belongs to it."""

from __future__ import annotations

import numpy as np

from failsight.tools.experiments.regions_base import pixel_box
from failsight.tools.experiments.regions_like import AGREE, CLOSE, best_places
from failsight.tools.inputs.base import Box, Pixels

LAID = 24  # pictures that are laid over the first
FEWEST = 5  # of them in which the part fits, from which anything can be said
OFTEN = 0.65  # share of these in which a pixel agrees, from which it belongs to the mark
ROUNDS = 3
MOST = 0.3  # of the picture: what agrees further than that is the scene


def grown_box(picture: Pixels, others: Pixels, box: Box) -> Box:
    """As :func:`_grown`, again and again: a larger part is laid more exactly over others."""
    for _ in range(ROUNDS):
        made = _grown(picture, others, box)
        if made == box:
            break
        box = made
    return box


def _grown(picture: Pixels, others: Pixels, box: Box) -> Box:
    """The box around all that agrees with ``picture`` (h, w, 3) around ``box`` in most of ``others`` (n, h, w, 3) that show the
    part; ``box`` itself where too few do, or where it would not stay small."""
    from scipy import ndimage

    height, width = picture.shape[:2]
    first = picture.astype(np.int16)
    top, left, bottom, right = pixel_box(box, height, width)
    part = first[top:bottom, left:right]
    agree, valid = np.zeros((height, width)), np.zeros((height, width))
    count = 0
    for other in others[:LAID].astype(np.int16):
        y, x = best_places(other, part, 1)[0]
        window = other[y : y + bottom - top, x : x + right - left]
        if (np.abs(window - part).max(-1) <= CLOSE).mean() < AGREE:
            continue
        count += 1
        here, there = _overlap(height, width, y - top, x - left)
        agree[here] += np.abs(first[here] - other[there]).max(-1) <= CLOSE
        valid[here] += 1
    if count < FEWEST:
        return box
    belongs = (agree >= OFTEN * np.maximum(valid, 1)) & (valid >= count / 2)
    labels, _ = ndimage.label(belongs)
    own = np.bincount(labels[top:bottom, left:right].ravel(), minlength=2)
    own[0] = 0
    if not own.any():
        return box
    ys, xs = np.nonzero(labels == own.argmax())
    if len(ys) > MOST * height * width:
        return box
    y0, x0, y1, x1 = int(ys.min()), int(xs.min()), int(ys.max()) + 1, int(xs.max()) + 1
    if (y1 - y0) * (x1 - x0) > MOST * height * width or len(ys) < 4:
        return box
    return x0 / width, y0 / height, x1 / width, y1 / height


def _overlap(
    height: int, width: int, down: int, across: int
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Where two pictures overlap when the second is moved by (−down, −across): windows of the first and of the second."""

    def one(size: int, by: int) -> tuple[slice, slice]:
        return slice(max(0, -by), min(size, size - by)), slice(max(0, by), min(size, size + by))

    (a, b), (c, d) = one(height, down), one(width, across)
    return (a, c), (b, d)
