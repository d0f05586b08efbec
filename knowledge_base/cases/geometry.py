"""Points, colours, boxes, and the camera of the drawn rooms.

Room coordinates are metres: ``x`` to the right, ``y`` up from the floor, ``z`` away from the viewer
(0 is the near edge of the room). Image coordinates are fractions of the picture's width and height.
"""

from __future__ import annotations

from dataclasses import dataclass

Point = tuple[float, float, float]
Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Camera:
    """Where the picture is taken from.

    Attributes:
        x: sideways offset of the eye, metres.
        height: eye above the floor, metres.
        distance: eye in front of the room's near edge, metres.
        focal: focal length in picture widths.
        horizon: height of the horizon in the picture, as a fraction from the top.
        roll: rotation of the picture, radians (tilted snapshots).
    """

    x: float = 0.0
    height: float = 1.35
    distance: float = 2.1
    focal: float = 0.95
    horizon: float = 0.44
    roll: float = 0.0


def shade(colour: Colour, factor: float) -> Colour:
    """The colour made lighter (factor > 1) or darker, each channel kept in 0..255."""
    r, g, b = colour
    return (
        max(0, min(255, int(r * factor))),
        max(0, min(255, int(g * factor))),
        max(0, min(255, int(b * factor))),
    )


def blend(a: Colour, b: Colour, share: float) -> Colour:
    """The colour ``share`` of the way from ``a`` to ``b``."""
    return (
        int(a[0] + (b[0] - a[0]) * share),
        int(a[1] + (b[1] - a[1]) * share),
        int(a[2] + (b[2] - a[2]) * share),
    )
