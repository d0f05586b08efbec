"""Pieces cut from other images: where they come from, how their edges are blended, where they go."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from failsight.tools.experiments.patches import Patch
from failsight.tools.experiments.regions_base import Mask, Region
from failsight.tools.experiments.regions_finders import open_places
from failsight.tools.experiments.regions_places import Places
from failsight.tools.inputs.base import BadImage, Pixels, Split
from failsight.tools.view import CaseView

KEPT = 128  # prepared pictures held in memory at a time
Matte = npt.NDArray[np.float32]


@dataclass
class Pictures:
    """Prepared pictures of a split, the most recently used ones kept. An unreadable one is None."""

    view: CaseView
    split: Split
    _kept: OrderedDict[int, tuple[Pixels, tuple[int, int]] | None] = field(default_factory=OrderedDict)

    def get(self, row: int) -> tuple[Pixels, tuple[int, int]] | None:
        """(prepared picture (h, w, 3), size of the file (width, height)) of ``row``."""
        if row in self._kept:
            self._kept.move_to_end(row)
            return self._kept[row]
        made: tuple[Pixels, tuple[int, int]] | None
        try:
            image = self.view.table(self.split).open(row)
            made = self.view.model().prepare(image), image.size
        except BadImage:
            made = None
        self._kept[row] = made
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return made

    def mask(self, row: int, region: Region) -> Mask | None:
        """Where ``region`` lies in the prepared picture of ``row``, or None when that can't be read.

        Raises:
            RetryError: the region needs another model, or names something that does not exist.
        """
        return self.where(row, open_places(self.view, self.split, region))

    def where(self, row: int, places: Places) -> Mask | None:
        """The same of a region whose places are known."""
        found = self.get(row)
        return None if found is None else places.mask(row, *found)


def matte(patch: Patch, height: int, width: int, soft: float) -> Matte:
    """How much of a piece is seen at each of its pixels, in (0, 1]: full inside, fading towards its edge.

    The fade lies inside the piece, so that it covers no more than its own area; sides on the picture's edge don't fade.

    Args:
        height, width: of the picture that it is pasted into.
        soft: width of the fade as a share of the piece's shorter side, 0 for hard edges.
    """
    tall, wide = patch.y1 - patch.y0, patch.x1 - patch.x0
    top, left, bottom, right = patch.y0 > 0, patch.x0 > 0, patch.y1 < height, patch.x1 < width
    thickness = float(min(tall, wide))
    if patch.shape is None:
        ys, xs = np.arange(1.0, tall + 1), np.arange(1.0, wide + 1)
        endless = np.inf * ys, np.inf * xs  # a side on the picture's edge
        down = np.minimum(ys if top else endless[0], ys[::-1] if bottom else endless[0])
        across = np.minimum(xs if left else endless[1], xs[::-1] if right else endless[1])
        distance = np.minimum(down[:, None], across[None])
    else:
        distance = _distance(patch.shape, (top, bottom), (left, right))
        thickness = min(thickness, 2 * float(distance.max()))  # a frame is as wide as its bars
    fade = round(soft * thickness)
    if fade == 0:
        return (distance > 0).astype(np.float32)
    made: Matte = np.clip(distance / (fade + 1), 0, 1).astype(np.float32)
    return made


def _distance(shape: Mask, rows: tuple[bool, bool], columns: tuple[bool, bool]) -> npt.NDArray[np.float64]:
    """Distance of each pixel of ``shape`` to the nearest one outside it; sides marked False count as going on."""
    from scipy import ndimage

    padded = np.pad(shape, ((int(rows[0]), int(rows[1])), (int(columns[0]), int(columns[1]))))
    if padded.all():
        return np.full(shape.shape, np.inf)
    made = np.asarray(ndimage.distance_transform_edt(padded), np.float64)
    return made[
        int(rows[0]) : made.shape[0] - int(rows[1]), int(columns[0]) : made.shape[1] - int(columns[1])
    ]


def paste(picture: Pixels, at: Patch, source: Pixels, origin: Patch, soft: float) -> None:
    """Blend, in place, what ``source`` shows at ``origin`` into ``picture`` at ``at`` (equal sides)."""
    window = (slice(at.y0, at.y1), slice(at.x0, at.x1))
    seen = matte(at, picture.shape[0], picture.shape[1], soft)[..., None]
    piece = source[origin.y0 : origin.y1, origin.x0 : origin.x1]
    mixed = piece * seen + picture[window] * (1 - seen)
    picture[window] = np.rint(mixed).astype(np.uint8)
