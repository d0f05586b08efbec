"""A canvas that draws shaded solids through a pinhole camera.

Everything is plain float arithmetic and filled polygons: a room takes about two milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise

from PIL import Image, ImageDraw

from failsight.knowledge_base.cases.geometry import Box, Camera, Colour, Point, shade

SUPERSAMPLE = 2
"""Drawn this many times larger, then averaged down: smooth edges."""

_CIRCLE = tuple((math.cos(2 * math.pi * k / 14), math.sin(2 * math.pi * k / 14)) for k in range(14))


class Canvas:
    """Draws polygons and solids of a room, and remembers the box of what was drawn since ``begin``."""

    def __init__(self, size: int, camera: Camera) -> None:
        self.size = size * SUPERSAMPLE
        self.camera = camera
        self.image = Image.new("RGB", (self.size, self.size))
        self._draw = ImageDraw.Draw(self.image)
        self._glaze = ImageDraw.Draw(self.image, "RGBA")
        self._cos, self._sin = math.cos(camera.roll), math.sin(camera.roll)
        self._box = [math.inf, math.inf, -math.inf, -math.inf]

    # -- boxes ---------------------------------------------------------------------------------

    def begin(self) -> None:
        """Start a new bounding box."""
        self._box = [math.inf, math.inf, -math.inf, -math.inf]

    def end(self) -> Box | None:
        """Box of everything drawn since ``begin``, in fractions, clipped to the picture; None if outside."""
        x0, y0, x1, y1 = (max(0.0, min(1.0, v / self.size)) for v in self._box)
        return (x0, y0, x1, y1) if x1 > x0 and y1 > y0 else None

    # -- polygons ------------------------------------------------------------------------------

    def polygon(self, points: Iterable[Point], colour: Colour, alpha: int = 255) -> None:
        """Fill a flat polygon given by its corners in room coordinates."""
        cam, size, cos, sin = self.camera, self.size, self._cos, self._sin
        eye, height, shift, focal = cam.x, cam.height, cam.horizon - 0.5, cam.focal
        distance = cam.distance
        flat: list[tuple[float, float]] = []
        us: list[float] = []
        vs: list[float] = []
        for x, y, z in points:
            depth = z + distance
            scale = focal / (depth if depth > 0.25 else 0.25)
            across = (x - eye) * scale
            down = (height - y) * scale + shift
            u = (across * cos - down * sin + 0.5) * size
            v = (across * sin + down * cos + 0.5) * size
            us.append(u)
            vs.append(v)
            flat.append((u, v))
        box = self._box
        # A filled polygon covers the pixel that its corner falls into: one more on the far side.
        box[0], box[1] = min(box[0], *us), min(box[1], *vs)
        box[2], box[3] = max(box[2], max(us) + 1), max(box[3], max(vs) + 1)
        if alpha >= 255:
            self._draw.polygon(flat, fill=colour)
        else:
            self._glaze.polygon(flat, fill=(*colour, alpha))

    # -- flat shapes ---------------------------------------------------------------------------

    def front(
        self,
        x0: float,
        x1: float,
        y0: float,
        y1: float,
        z: float,
        colour: Colour,
        alpha: int = 255,
    ) -> None:
        """A rectangle that faces the viewer."""
        self.polygon(((x0, y0, z), (x1, y0, z), (x1, y1, z), (x0, y1, z)), colour, alpha)

    def side(self, x: float, y0: float, y1: float, z0: float, z1: float, colour: Colour) -> None:
        """A rectangle parallel to the side walls."""
        self.polygon(((x, y0, z0), (x, y0, z1), (x, y1, z1), (x, y1, z0)), colour)

    def flat(
        self,
        x0: float,
        x1: float,
        z0: float,
        z1: float,
        y: float,
        colour: Colour,
        alpha: int = 255,
    ) -> None:
        """A horizontal rectangle."""
        self.polygon(((x0, y, z0), (x1, y, z0), (x1, y, z1), (x0, y, z1)), colour, alpha)

    def disc(
        self, x: float, z: float, y: float, rx: float, rz: float, colour: Colour, alpha: int = 255
    ) -> None:
        """A horizontal ellipse (table top, rug, burner)."""
        self.polygon([(x + rx * c, y, z + rz * s) for c, s in _CIRCLE], colour, alpha)

    def round(self, x: float, y: float, z: float, rx: float, ry: float, colour: Colour) -> None:
        """An ellipse that faces the viewer (a ball, a clock, a leaf)."""
        self.polygon([(x + rx * c, y + ry * s, z) for c, s in _CIRCLE], colour)

    def shadow(self, x0: float, x1: float, z0: float, z1: float, strength: int = 60) -> None:
        """A soft contact shadow on the floor under a footprint."""
        self.flat(x0 - 0.05, x1 + 0.05, z0 - 0.07, z1, 0.0, (0, 0, 0), strength)

    # -- solids --------------------------------------------------------------------------------

    def cuboid(
        self,
        x0: float,
        x1: float,
        y0: float,
        y1: float,
        z0: float,
        z1: float,
        colour: Colour,
        top: Colour | None = None,
    ) -> None:
        """A box: its visible faces, the top lighter and the side darker than the front."""
        cam = self.camera
        if cam.height > y1:
            self.flat(x0, x1, z0, z1, y1, top or shade(colour, 1.14))
        elif cam.height < y0:
            self.flat(x0, x1, z0, z1, y0, shade(colour, 0.6))
        if cam.x < x0:
            self.side(x0, y0, y1, z0, z1, shade(colour, 0.76))
        elif cam.x > x1:
            self.side(x1, y0, y1, z0, z1, shade(colour, 0.82))
        self.front(x0, x1, y0, y1, z0, colour)

    def cylinder(self, x: float, z: float, y0: float, y1: float, radius: float, colour: Colour) -> None:
        """An upright cylinder, seen as its front rectangle between two ellipses."""
        self.disc(x, z, y0, radius, radius, shade(colour, 0.8))
        self.front(x - radius, x + radius, y0, y1, z, shade(colour, 0.9))
        self.disc(x, z, y1, radius, radius, shade(colour, 1.12))

    def legs(
        self,
        x0: float,
        x1: float,
        z0: float,
        z1: float,
        height: float,
        colour: Colour,
        thick: float = 0.05,
    ) -> None:
        """Four legs at the corners of a footprint, the far pair darker."""
        for z, factor in ((z1, 0.7), (z0, 0.95)):
            tone = shade(colour, factor)
            self.front(x0, x0 + thick, 0.0, height, z, tone)
            self.front(x1 - thick, x1, 0.0, height, z, tone)

    def strokes(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """A thin upright band along a polyline; ``width`` in metres."""
        for (xa, ya, za), (xb, yb, zb) in pairwise(points):
            length = math.hypot(xb - xa, yb - ya) or 1.0
            nx, ny = -(yb - ya) / length * width / 2, (xb - xa) / length * width / 2
            self.polygon(
                (
                    (xa + nx, ya + ny, za),
                    (xb + nx, yb + ny, zb),
                    (xb - nx, yb - ny, zb),
                    (xa - nx, ya - ny, za),
                ),
                colour,
            )
