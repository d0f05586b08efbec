"""Where a cue lies in the files of a split, at their own resolution: experiments look at prepared pictures, repairs make files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.experiments.donors import Pictures
from failsight.tools.experiments.population import boxed_objects
from failsight.tools.experiments.regions import Mask, Region, parse_region, pixel_box
from failsight.tools.experiments.regions_finders import open_places
from failsight.tools.experiments.regions_places import Places
from failsight.tools.inputs.base import Box, Split
from failsight.tools.view import CaseView

if TYPE_CHECKING:
    from PIL.Image import Image

    from failsight.tools.inputs.base import Classifier

Ints = npt.NDArray[np.int64]
_LOW, _HIGH = 0.4, 0.6  # a square that no usual crop cuts: where it goes says how the model's window lies


@dataclass
class CuePlaces:
    """The cue's place in every picture of a split."""

    view: CaseView
    split: Split
    region: Region
    places: Places | None
    pictures: Pictures

    @property
    def name(self) -> str:
        """The boxed object; empty where the region is none."""
        return self.region.name if self.region.kind == "box" else ""

    def boxes(self, row: int) -> tuple[Box, ...]:
        """The object's boxes in the file."""
        boxes = self.view.table(self.split).boxes
        return tuple(boxes[row].get(self.name, ())) if boxes is not None and self.name else ()

    def mask(self, row: int, image: Image, grow: float = 0.0) -> Mask:
        """(height, width of the file): where the cue lies; empty where it is not there.

        Args:
            grow: share of a box's size by which it is enlarged on every side.
        """
        width, height = image.size
        made = np.zeros((height, width), bool)
        if self.region.kind == "box":
            for x0, y0, x1, y1 in self.boxes(row):
                dx, dy = grow * (x1 - x0), grow * (y1 - y0)
                top, left, bottom, right = pixel_box((x0 - dx, y0 - dy, x1 + dx, y1 + dy), height, width)
                made[top:bottom, left:right] = True
            return made
        if self.places is None:  # no model: fixed places are fractions of the file
            return self.region.mask(height, width)
        found = self.pictures.where(row, self.places)
        return made if found is None else in_file(found, self.view.model(), width, height)


def in_file(mask: Mask, model: Classifier, width: int, height: int) -> Mask:
    """``mask`` over the prepared picture as a mask over the file of ``width`` × ``height`` pixels."""
    x0, y0, x1, y1 = model.prepare_box((_LOW, _LOW, _HIGH, _HIGH), width, height)
    columns = _positions(width, x0, x1, mask.shape[1])
    rows = _positions(height, y0, y1, mask.shape[0])
    inside = (rows >= 0)[:, None] & (columns >= 0)[None, :]
    made: Mask = mask[np.maximum(rows, 0)][:, np.maximum(columns, 0)] & inside
    return made


def _positions(size: int, low: float, high: float, cells: int) -> Ints:
    """For each pixel of the file the prepared pixel that shows it; −1 outside the window."""
    scale = (high - low) / (_HIGH - _LOW)
    at = low + scale * ((np.arange(size) + 0.5) / size - _LOW)
    found: Ints = np.floor(at * cells).astype(np.int64)
    found[(found < 0) | (found >= cells)] = -1
    return found


def cue_places(view: CaseView, split: Split, cue: str | None, attribute: str, value: str) -> CuePlaces | None:
    """Where the cue lies: as ``cue`` says, else the boxes of the object that the attribute is called after.

    Returns None where nothing says where it lies.

    Raises:
        RetryError: ``cue`` is no region, or needs a model that the case lacks.
    """
    table = view.table(split)
    objects = boxed_objects(table)
    if cue is None:
        named = attribute if attribute in objects else value if value in objects else ""
        if not named:
            return None
        cue = f"box:{named}"
    region = parse_region(cue, objects, view.classes, table.columns)
    fixed = region.kind in ("box", "rect", "grid", "border", "corners")
    if not fixed and not view.has_model():
        raise RetryError("cue: this case has predictions only; give box:NAME or a fixed place.")
    places = open_places(view, split, region) if view.has_model() else None
    return CuePlaces(view, split, region, places, Pictures(view, split))
