"""A subject's mask without any model of objects: what differs in colour from all four sides of the frame.

Boundary prior (Wei et al. 2012, ECCV): the frame of a photograph is mostly background. Each side of the frame gives a
Gaussian of colours; a pixel's contrast is its smallest Mahalanobis distance to the four (something that looks like any
side is background), weighted mildly towards the centre; Otsu's threshold (1979) cuts it. Made at 32 × 32 and enlarged.
It fails on subjects that fill the picture or look like their surroundings: such masks come out too small or too large
and are refused.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from failsight.tools.inputs.base import Floats, Pixels

SIDE = 32
FRAME = 3  # pixels of the small picture
SMALLEST, LARGEST = 0.04, 0.65  # share of the picture that a subject may cover
NOISE = 8.0  # grey levels: a side whose colours vary less is treated as varying so much
Masks = npt.NDArray[np.bool_]


def subjects(pixels: Pixels) -> tuple[Masks, npt.NDArray[np.bool_]]:
    """Masks of the subject, and whether each is fit for use.

    Args:
        pixels: (b, h, w, 3).

    Returns:
        (b, h, w) and (b,).
    """
    height, width = pixels.shape[1:3]
    maps = contrast(pixels)
    small = np.stack([_cut(one) for one in maps])
    share = small.mean((1, 2))
    ys, xs = np.arange(height) * SIDE // height, np.arange(width) * SIDE // width
    return small[:, ys][:, :, xs], (share >= SMALLEST) & (share <= LARGEST)


def contrast(pixels: Pixels) -> Floats:
    """How unlike all four sides each pixel is: (b, 32, 32), about 0 to 1 within a picture."""
    from PIL import Image
    from scipy.ndimage import gaussian_filter

    small = np.stack(
        [
            np.asarray(Image.fromarray(one).resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)
            for one in pixels
        ]
    )
    sides = (small[:, :FRAME], small[:, -FRAME:], small[:, :, :FRAME], small[:, :, -FRAME:])
    distance = np.min([_mahalanobis(small, side) for side in sides], axis=0)
    distance = gaussian_filter(distance, (0, 1, 1))
    at = (np.arange(SIDE) + 0.5) / SIDE - 0.5
    prior = np.exp(-(at[:, None] ** 2 + at[None, :] ** 2) / (2 * 0.35**2)).astype(np.float32)
    made = np.minimum(distance, 8) * prior
    top = np.maximum(made.max((1, 2), keepdims=True), 1e-6)
    return np.asarray(made / top, np.float32)


def _mahalanobis(small: Floats, side: Floats) -> Floats:
    """Distance of every pixel to a side's colours. (b, 32, 32)"""
    flat = side.reshape(len(side), -1, 3).astype(np.float64)
    mean = flat.mean(1)
    centred = flat - mean[:, None]
    spread = np.einsum("bni,bnj->bij", centred, centred) / flat.shape[1] + NOISE**2 * np.eye(3)
    gap = small - mean[:, None, None]
    squared = np.einsum("bhwi,bij,bhwj->bhw", gap, np.linalg.inv(spread), gap, optimize=True)
    return np.asarray(np.sqrt(squared), np.float32)


def _cut(one: Floats) -> npt.NDArray[np.bool_]:
    """Otsu's threshold, holes filled, specks dropped."""
    from scipy import ndimage

    mask = ndimage.binary_fill_holes(ndimage.binary_opening(one > otsu(one)))
    labels, count = ndimage.label(mask)
    if count < 2:
        return np.asarray(mask, bool)
    sizes = np.bincount(labels.ravel())[1:]
    keep = np.flatnonzero(sizes >= 0.25 * sizes.max()) + 1
    return np.isin(labels, keep)


def otsu(values: Floats) -> float:
    """The threshold in (0, 1) that separates ``values`` (0 to 1) into two groups with the least spread inside them."""
    counts, edges = np.histogram(values, 64, (0, 1))
    below = np.cumsum(counts)[:-1].astype(np.float64)
    above = counts.sum() - below
    middle = (edges[:-1] + edges[1:]) / 2
    total = np.cumsum(counts * middle)
    with np.errstate(invalid="ignore", divide="ignore"):
        gap = total[:-1] / below - (total[-1] - total[:-1]) / above
    between = np.nan_to_num(below * above * gap * gap)
    return float(edges[1:-1][int(between.argmax())])
