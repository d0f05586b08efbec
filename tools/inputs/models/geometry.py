"""A model's own way from picture to pixels, when the few numbers of ``Preprocessing`` can't express it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from failsight.tools.inputs.base import Box
from failsight.tools.inputs.preprocess import map_box

Window = tuple[
    tuple[float, float], tuple[float, float]
]  # offset and span, as fractions of the picture: (x, y) each


class Geometry(Protocol):
    """Resizing and cropping, and what they do to boxes."""

    def prepare(self, image: Image.Image) -> npt.NDArray[np.uint8]: ...

    def prepare_box(self, box: Box, width: int, height: int) -> Box: ...


class OwnGeometry:
    """Geometry given only as a function from picture to (height, width, 3) uint8 pixels.

    Which window of a picture the pixels show is measured: a picture whose red rises from left to right and whose green
    rises from top to bottom is sent through, and straight lines are fitted to what comes out.
    """

    def __init__(self, function: Callable[[Image.Image], npt.NDArray[np.uint8]]) -> None:
        self._function = function
        self._windows: dict[tuple[int, int], Window] = {}

    def prepare(self, image: Image.Image) -> npt.NDArray[np.uint8]:
        """(height, width, 3) uint8 pixels."""
        return self._function(image)

    def prepare_box(self, box: Box, width: int, height: int) -> Box:
        """``box`` of a ``width`` × ``height`` picture as fractions of the prepared pixels, clipped to 0–1."""
        key = (width, height)
        if key not in self._windows:
            if len(self._windows) >= 1024:
                self._windows.clear()
            self._windows[key] = self._measure(width, height)
        offset, span = self._windows[key]
        return map_box(box, offset, span)

    def _measure(self, width: int, height: int) -> Window:
        ramp = np.empty((height, width, 3), np.uint8)
        ramp[..., 0] = np.rint(np.linspace(0, 255, width))[None, :]
        ramp[..., 1] = np.rint(np.linspace(0, 255, height))[:, None]
        ramp[..., 2] = 255  # where this comes out black, the function has padded
        shown = self._function(Image.fromarray(ramp)).astype(np.float64)
        inside = shown[..., 2] > 250
        offset_x, span_x = _line(shown[..., 0].mean(0, where=inside), inside.any(0), width)
        offset_y, span_y = _line(shown[..., 1].mean(1, where=inside), inside.any(1), height)
        return (offset_x, offset_y), (span_x, span_y)


def _line(values: npt.NDArray[np.float64], inside: npt.NDArray[np.bool_], size: int) -> tuple[float, float]:
    """Offset and span of the window along one axis, from the mean ramp value at each output pixel.

    The ramp is ``255 · i / (size − 1)`` at pixel i, whose centre lies at ``(i + ½) / size`` of the picture.
    """
    if size < 2 or inside.sum() < 2:
        return 0.0, 1.0
    centres = (np.arange(len(values)) + 0.5) / len(values)
    places = (values / 255 * (size - 1) + 0.5) / size
    span, offset = np.polyfit(centres[inside], places[inside], 1)
    return float(offset), max(float(span), 1e-6)
