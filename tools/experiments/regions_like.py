"""What looks like a piece of one picture: a patch that recurs nearly alike anywhere, or a frame along the border.

The piece is compared pixel by pixel (no features, no model): a stamp, a sticker, a logo or a printed frame recurs like that, an
object seen again from another side does not. The best places are found by squared difference (through the Fourier transform);
a place counts when most of its pixels have the colour of the piece's, and what surrounds it has another colour.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.experiments.controls import integral
from failsight.tools.experiments.regions_base import Mask, pixel_box
from failsight.tools.inputs.base import Box, Pixels

LARGEST = 96  # side of the picture in which a piece is looked for; larger ones are shrunk by a whole number
CLOSE = 30  # grey levels, in each channel, within which a pixel counts as alike: compression and resampling move edges by that much
AGREE = 0.65  # share of the piece's pixels that have to be alike (a disc fills 0.79 of its box)
APART = 0.75  # share of the pixels around it that have to look unlike its rim: a piece of a larger plain area is no mark
TRIED = 4  # best places that are looked at closer


@dataclass(frozen=True)
class Piece:
    """A piece of a picture, ready to be looked for in pictures of the same size.

    Attributes:
        factor: by which pictures are shrunk for the search.
        patch: its pixels, shrunk; for a frame the whole picture. (h, w, 3)
        frame: for a frame, where it lies in the shrunk picture; None for a patch.
    """

    factor: int
    patch: npt.NDArray[np.int16]
    frame: Mask | None

    def find(self, picture: Pixels, agree: float = AGREE) -> Mask:
        """Where the piece is in a prepared picture (h, w, 3): (h, w); empty where it is not. ``agree``: as :data:`AGREE`."""
        small = shrunk(picture, self.factor).astype(np.int16)
        found = self._frame(small, agree) if self.frame is not None else self._patch(small, agree)
        return grown(found, self.factor, picture.shape[0], picture.shape[1])

    def _frame(self, small: npt.NDArray[np.int16], agree: float) -> Mask:
        assert self.frame is not None
        alike = (np.abs(small - self.patch).max(-1) <= CLOSE) & self.frame
        fine = alike.sum() >= agree * self.frame.sum() and apart(small, self.frame)
        return self.frame if fine else np.zeros_like(self.frame)

    def _patch(self, small: npt.NDArray[np.int16], agree: float) -> Mask:
        made = np.zeros(small.shape[:2], bool)
        tall, wide = self.patch.shape[:2]
        if tall > small.shape[0] or wide > small.shape[1]:
            return made
        for y, x in best_places(small, self.patch, TRIED):
            window = (slice(y, y + tall), slice(x, x + wide))
            alike = np.abs(small[window] - self.patch).max(-1) <= CLOSE
            if alike.mean() < agree:
                continue
            one = np.zeros_like(made)
            one[window] = whole(alike)
            if apart(small, one):
                return one
        return made


def piece_of(picture: Pixels, box: Box | None, frame: float = 0.0) -> Piece:
    """The piece of a prepared picture (h, w, 3) that lies in ``box``, or its frame whose width is ``frame`` of the sides.

    Args:
        box: (x0, y0, x1, y1) in fractions; None for a frame.
    """
    factor = -(-max(picture.shape[:2]) // LARGEST)
    small = shrunk(picture, factor).astype(np.int16)
    if box is None:
        return Piece(factor, small, frame_mask(small.shape[0], small.shape[1], frame))
    top, left, bottom, right = pixel_box(box, small.shape[0], small.shape[1])
    return Piece(factor, small[top:bottom, left:right], None)


def frame_mask(height: int, width: int, share: float) -> Mask:
    """A frame along the border whose width is ``share`` of height and width, a pixel at least."""
    made = np.ones((height, width), bool)
    down, across = max(1, round(share * height)), max(1, round(share * width))
    made[down : height - down, across : width - across] = False
    return made


def shrunk(picture: Pixels, factor: int) -> Pixels:
    """Every ``factor`` × ``factor`` pixels as their mean; what is left over at the lower and right edge is dropped."""
    if factor == 1:
        return picture
    h, w = picture.shape[0] // factor, picture.shape[1] // factor
    blocks = picture[: h * factor, : w * factor].reshape(h, factor, w, factor, -1)
    made: Pixels = np.rint(blocks.mean((1, 3), dtype=np.float32)).astype(np.uint8)
    return made


def grown(mask: Mask, factor: int, height: int, width: int) -> Mask:
    """A mask of the shrunk picture as one of the picture."""
    if factor == 1:
        return mask
    made = np.zeros((height, width), bool)
    full = mask.repeat(factor, 0).repeat(factor, 1)
    made[: full.shape[0], : full.shape[1]] = full
    return made


def whole(alike: Mask) -> Mask:
    """The largest connected part of ``alike``, without holes."""
    from scipy import ndimage

    labels, count = ndimage.label(alike, np.ones((3, 3)))
    if count > 1:
        alike = labels == 1 + int(np.argmax(np.bincount(labels.ravel())[1:]))
    made: Mask = ndimage.binary_fill_holes(alike)
    return made


def apart(small: npt.NDArray[np.int16], mask: Mask) -> bool:
    """Whether most of what surrounds ``mask`` has another colour than its rim; True where nothing surrounds it."""
    from scipy import ndimage

    ring = ndimage.binary_dilation(mask, np.ones((3, 3)), 2) & ~ndimage.binary_dilation(mask, np.ones((3, 3)))
    rim = mask & ~ndimage.binary_erosion(mask, border_value=1)
    if not ring.any() or not rim.any():
        return True
    own = np.median(small[rim], 0)
    return bool((np.abs(small[ring] - own).max(-1) > CLOSE).mean() >= APART)


def best_places(
    small: npt.NDArray[np.int16], patch: npt.NDArray[np.int16], count: int
) -> list[tuple[int, int]]:
    """Top left corners (y, x) of the places most like ``patch``, none overlapping another by half."""
    from scipy import fft

    tall, wide = patch.shape[:2]
    values, shape = small.astype(np.float64), small.shape[:2]
    # a circle of the picture's own size: where the patch lies wholly inside, nothing wraps around
    product = fft.rfft2(values, axes=(0, 1)) * fft.rfft2(patch.astype(np.float64), shape, axes=(0, 1)).conj()
    alike = fft.irfft2(product.sum(-1), shape)[: shape[0] - tall + 1, : shape[1] - wide + 1]
    own = integral((values**2).sum(-1))
    sums = (own[tall:, wide:] - own[:-tall, wide:]) - (own[tall:, :-wide] - own[:-tall, :-wide])
    distance = sums - 2 * alike
    found: list[tuple[int, int]] = []
    for _ in range(count):
        y, x = divmod(int(distance.argmin()), distance.shape[1])
        if not np.isfinite(distance[y, x]):
            break
        found.append((y, x))
        down, across = max(1, tall // 2), max(1, wide // 2)
        distance[max(0, y - down + 1) : y + down, max(0, x - across + 1) : x + across] = np.inf
    return found
