"""Where a region lies in every picture of a split, as boxes: what repairs cover and paste when a finding is about a region."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from failsight.tools.experiments.patches import patches_of
from failsight.tools.experiments.regions import parse_region
from failsight.tools.experiments.regions_finders import open_places
from failsight.tools.inputs.base import Box, Split

if TYPE_CHECKING:
    from failsight.tools.view import CaseView

FOUND = ("like", "colour")  # regions that are sought in a picture and may not be there
MOST = 4  # parts of a region in one picture that are handled


def region_of(conditions: Mapping[str, str] | None) -> str:
    """The region that a finding's slice is about, if it is one that can be sought in any picture; empty otherwise."""
    pairs = list((conditions or {}).items())
    if len(pairs) != 1 or pairs[0][0] != "region" or pairs[0][1].partition(":")[0] not in FOUND:
        return ""
    return pairs[0][1]


def region_boxes(
    view: CaseView, split: Split, spec: str, rows: npt.NDArray[np.int64]
) -> list[tuple[Box, ...]]:
    """Boxes of the region's parts, largest first, in each of ``rows``, as fractions of the prepared picture; none where it is not.

    Raises:
        RetryError: the region names what does not exist.
    """
    places = open_places(view, split, parse_region(spec, {}, view.classes))
    made: dict[int, tuple[Box, ...]] = {}
    with view.progress.job("looking for the mark", len(rows)) as ticker:
        for part, pixels in view.pixels(rows, split):
            for row, picture in zip(part.tolist(), pixels, strict=True):
                height, width = picture.shape[:2]
                parts = patches_of(places.mask(row, picture, (width, height)))[:MOST]
                made[row] = tuple((p.x0 / width, p.y0 / height, p.x1 / width, p.y1 / height) for p in parts)
            ticker.advance(len(part))
    return [made.get(int(row), ()) for row in rows.tolist()]
