"""Where a region lies in one picture, as patches that can be painted quickly."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.experiments.regions import Mask
from failsight.tools.inputs.base import Pixels


@dataclass(frozen=True, slots=True)
class Patch:
    """One connected part of a region: its bounding box in pixels, and its shape inside it (None: the whole rectangle)."""

    y0: int
    x0: int
    y1: int
    x1: int
    shape: Mask | None = None

    @property
    def area(self) -> int:
        """Number of pixels."""
        return (self.y1 - self.y0) * (self.x1 - self.x0) if self.shape is None else int(self.shape.sum())

    def moved(self, y0: int, x0: int) -> Patch:
        """The same shape with its top left corner at (y0, x0)."""
        return Patch(y0, x0, y0 + self.y1 - self.y0, x0 + self.x1 - self.x0, self.shape)


Patches = tuple[Patch, ...]


def patches_of(mask: Mask) -> Patches:
    """The connected parts of ``mask`` (4-neighbours), largest first; empty for an empty mask."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return ()
    y0, y1, x0, x1 = int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1
    if mask[y0:y1, x0:x1].all():  # one rectangle: by far the commonest case
        return (Patch(y0, x0, y1, x1),)
    from scipy import ndimage

    labels, _ = ndimage.label(mask)
    made = []
    for i, where in enumerate(ndimage.find_objects(labels), start=1):
        shape = labels[where] == i
        ys, xs = where
        made.append(Patch(ys.start, xs.start, ys.stop, xs.stop, None if shape.all() else shape))
    return tuple(sorted(made, key=lambda p: -p.area))


def area(patches: Patches) -> int:
    """Total number of pixels of patches that don't overlap."""
    return sum(p.area for p in patches)


def centre(patches: Patches) -> tuple[float, float]:
    """Centre (y, x) in pixels of the patches' bounding boxes, weighted by area."""
    total = max(area(patches), 1)
    return (
        sum(p.area * (p.y0 + p.y1) / 2 for p in patches) / total,
        sum(p.area * (p.x0 + p.x1) / 2 for p in patches) / total,
    )


def as_mask(patches: Patches, height: int, width: int) -> Mask:
    """The patches as a mask of (height, width)."""
    made = np.zeros((height, width), bool)
    for p in patches:
        made[p.y0 : p.y1, p.x0 : p.x1] |= True if p.shape is None else p.shape
    return made


def paint(picture: Pixels, patches: Patches, background: Pixels) -> None:
    """Replace, in place, the patches of ``picture`` (h, w, 3) by what ``background`` (h, w, 3) shows there."""
    for p in patches:
        window = (slice(p.y0, p.y1), slice(p.x0, p.x1))
        if p.shape is None:
            picture[window] = background[window]
        else:
            np.copyto(picture[window], background[window], where=p.shape[..., None])


def change(patches: Patches, energy: npt.NDArray[np.float64]) -> float:
    """Summed ``energy`` (h, w) inside the patches."""
    return float(
        sum(
            energy[p.y0 : p.y1, p.x0 : p.x1].sum()
            if p.shape is None
            else energy[p.y0 : p.y1, p.x0 : p.x1][p.shape].sum()
            for p in patches
        )
    )
