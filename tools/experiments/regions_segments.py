"""Parts of one picture found in its own pixels: segments of like colour (SLIC), and what hangs together under a click."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from failsight.tools.experiments.regions_base import Mask
from failsight.tools.experiments.regions_colour import Colour
from failsight.tools.inputs.base import Floats, Pixels

Labels = npt.NDArray[np.int64]
Point = tuple[float, float]
SEGMENTS = 40  # a few for each object of a room; much finer ones cut objects up
MOST_SEGMENTS = 2_000
LEAST_AREA = 9  # pixels a segment: smaller ones are noise, whatever was asked for
COMPACTNESS, SIGMA = 10.0, 0.7
TOLERANCE = 12.0  # colour difference (CIE76) of a click: two shades of one painted surface


def segments(picture: Pixels, count: int = SEGMENTS) -> Labels:
    """``picture`` (h, w, 3) cut into about ``count`` connected parts of like colour: numbers from 0, (h, w).

    Simple linear iterative clustering in Lab space (Achanta et al. 2012), as scikit-image has it. Fewer parts come out of a
    picture that is too small, or uniform, for so many."""
    from skimage.segmentation import slic

    height, width = picture.shape[:2]
    wanted = int(np.clip(count, 1, max(1, height * width // LEAST_AREA)))
    if wanted < 2 or (picture == picture[:1, :1]).all():
        return np.zeros((height, width), np.int64)
    made = slic(
        picture, n_segments=wanted, compactness=COMPACTNESS, sigma=SIGMA, start_label=0, channel_axis=-1
    )
    return np.asarray(made, np.int64)


def at_points(labels: Labels, points: Sequence[Point]) -> Mask:
    """The segments that hold one of ``points`` (x, y in fractions)."""
    hit = [int(labels[y, x]) for y, x in pixels_at(points, *labels.shape)]
    made: Mask = np.isin(labels, hit)
    return made


def of_colour(labels: Labels, picture: Pixels, colour: Colour) -> Mask:
    """The segments whose mean colour lies in ``colour``."""
    sizes = np.maximum(np.bincount(labels.ravel()), 1)
    means = [np.bincount(labels.ravel(), picture[..., c].ravel()) / sizes for c in range(3)]
    chosen = colour.inside(np.stack(means, -1).astype(np.float32))
    made: Mask = chosen[labels]
    return made


def by_saliency(labels: Labels, saliency: Floats, rank: int) -> Mask:
    """The segment with the ``rank``-th highest mean saliency (h, w), from 1; nothing where there are fewer segments."""
    sizes = np.bincount(labels.ravel())
    mean = np.bincount(labels.ravel(), saliency.ravel()) / np.maximum(sizes, 1)
    order = np.argsort(-np.where(sizes > 0, mean, -np.inf), kind="stable")
    if rank > int((sizes > 0).sum()):
        return np.zeros(labels.shape, bool)
    made: Mask = labels == order[rank - 1]
    return made


def flooded(picture: Pixels, points: Sequence[Point], tolerance: float = TOLERANCE) -> Mask:
    """What hangs together with each of ``points`` (x, y) and has about its colour: the click of a paint bucket.

    The colour is the mean of the 3 × 3 pixels around the point; a pixel belongs to it when it lies no further than
    ``tolerance`` from that in CIE Lab (Euclidean distance, CIE76) and is joined to the point by such pixels (8 neighbours).
    """
    from scipy import ndimage
    from skimage.color import rgb2lab

    height, width = picture.shape[:2]
    made = np.zeros((height, width), bool)
    if not len(points):
        return made
    lab = np.asarray(rgb2lab(picture), np.float32)
    for y, x in pixels_at(points, height, width):
        seed = lab[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2].reshape(-1, 3).mean(0)
        near = np.linalg.norm(lab - seed, axis=2) <= tolerance
        near[y, x] = True
        labels, _ = ndimage.label(near, np.ones((3, 3)))
        made |= labels == labels[y, x]
    return made


def discs(points: Sequence[Point], radius: float, height: int, width: int) -> Mask:
    """Discs of ``radius`` (a fraction of the shorter side, at least one pixel) about ``points`` (x, y)."""
    ys, xs = np.mgrid[0:height, 0:width]
    reach = max(radius * min(height, width), 0.71)
    made = np.zeros((height, width), bool)
    for x, y in points:
        made |= np.hypot(ys + 0.5 - y * height, xs + 0.5 - x * width) <= reach
    return made


def pixels_at(points: Sequence[Point], height: int, width: int) -> list[tuple[int, int]]:
    """(row, column) of the pixel that each point (x, y) lies in."""
    return [(min(int(y * height), height - 1), min(int(x * width), width - 1)) for x, y in points]
