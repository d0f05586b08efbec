"""Drawings of what makes a bathroom or a kitchen: tub, toilet, basin, shower; counter, stove, fridge, hood."""

from __future__ import annotations

from failsight.knowledge_base.cases.canvas import Canvas
from failsight.knowledge_base.cases.geometry import shade
from failsight.knowledge_base.cases.scene import Item

_WHITE = (240, 242, 244)
_STEEL = (176, 182, 190)
_DARK = (52, 54, 60)


# -- bathroom ----------------------------------------------------------------------------------


def tub(c: Canvas, i: Item) -> None:
    """A bathtub with its hollow, water and tap."""
    x0, x1, y0, y1, z0, z1 = i.span()
    c.shadow(x0, x1, z0, z1)
    c.cuboid(x0, x1, y0, y1, z0, z1, i.colour, top=shade(i.colour, 1.05))
    c.disc(i.x, i.z + i.d / 2, y1 + 0.005, i.w * 0.43, i.d * 0.38, shade(i.colour, 0.7))
    c.disc(i.x, i.z + i.d / 2 + 0.05, y1 + 0.005, i.w * 0.38, i.d * 0.26, (150, 205, 226))
    c.front(x0 + 0.08, x1 - 0.08, y0 + 0.05, y0 + 0.08, z0, shade(i.colour, 0.82))
    c.strokes(((x1 - 0.16, y1, z1), (x1 - 0.16, y1 + 0.3, z1), (x1 - 0.36, y1 + 0.27, z1)), 0.06, _STEEL)


def toilet(c: Canvas, i: Item) -> None:
    """A toilet seen from the front: tank, lid, bowl."""
    x0, x1, y0, y1, z0, z1 = i.span()
    c.shadow(x0, x1, z0, z1)
    c.cuboid(x0, x1, 0.38, y1, z1 - 0.18, z1, i.colour)
    c.front(i.x - 0.05, i.x + 0.05, y1 - 0.08, y1 - 0.05, z1 - 0.19, _STEEL)
    c.cylinder(i.x, z0 + 0.2, y0, 0.28, i.w * 0.26, shade(i.colour, 0.88))
    c.disc(i.x, z0 + 0.24, 0.32, i.w * 0.48, 0.26, shade(i.colour, 0.85))
    c.disc(i.x, z0 + 0.24, 0.38, i.w * 0.48, 0.26, i.colour)
    c.disc(i.x, z0 + 0.22, 0.385, i.w * 0.3, 0.17, (110, 130, 142))


def basin(c: Canvas, i: Item) -> None:
    """A wash basin on a pedestal, with a tap."""
    x0, x1, _, y1, z0, z1 = i.span()
    c.shadow(i.x - 0.12, i.x + 0.12, z0 + 0.1, z1)
    c.front(i.x - 0.09, i.x + 0.09, 0.0, y1 - 0.1, z0 + 0.1, shade(i.colour, 0.84))
    c.cuboid(x0, x1, y1 - 0.17, y1, z0, z1, i.colour)
    c.disc(i.x, i.z + i.d / 2, y1 + 0.005, i.w * 0.36, i.d * 0.34, (168, 190, 202))
    c.strokes(((i.x, y1, z1), (i.x, y1 + 0.16, z1)), 0.06, _STEEL)


def vanity(c: Canvas, i: Item) -> None:
    """A wash basin set in a low cupboard."""
    x0, x1, y0, y1, z0, z1 = i.span()
    c.shadow(x0, x1, z0, z1)
    c.cuboid(x0, x1, y0 + 0.06, y1 - 0.06, z0 + 0.03, z1, i.colour)
    c.front(i.x - 0.012, i.x + 0.012, y0 + 0.1, y1 - 0.1, z0 + 0.02, shade(i.colour, 0.6))
    for side in (-1, 1):
        c.front(i.x + side * 0.1 - 0.02, i.x + side * 0.1 + 0.02, y1 - 0.3, y1 - 0.18, z0 + 0.02, _STEEL)
    c.cuboid(x0 - 0.03, x1 + 0.03, y1 - 0.06, y1, z0, z1, _WHITE)
    c.disc(i.x, i.z + i.d / 2, y1 + 0.005, i.w * 0.3, i.d * 0.32, (165, 188, 200))
    c.strokes(((i.x, y1, z1), (i.x, y1 + 0.2, z1)), 0.05, _STEEL)


def mirror(c: Canvas, i: Item) -> None:
    """A mirror with a glint, on the wall."""
    x0, x1, y0, y1, z0, _ = i.span()
    if i.variant % 2:
        c.round(i.x, (y0 + y1) / 2, z0, i.w / 2, i.h / 2, i.accent)
        c.round(i.x, (y0 + y1) / 2, z0, i.w / 2 - 0.05, i.h / 2 - 0.05, (196, 219, 230))
    else:
        c.front(x0, x1, y0, y1, z0, i.accent)
        c.front(x0 + 0.05, x1 - 0.05, y0 + 0.05, y1 - 0.05, z0, (196, 219, 230))
    mid = (y0 + y1) / 2
    c.polygon(
        (
            (i.x - 0.16, mid - 0.1, z0),
            (i.x - 0.06, mid - 0.1, z0),
            (i.x + 0.16, mid + 0.16, z0),
            (i.x + 0.06, mid + 0.16, z0),
        ),
        (236, 246, 250),
    )


def towel(c: Canvas, i: Item) -> None:
    """A towel on a rail."""
    x0, x1, y0, y1, z0, _ = i.span()
    c.front(x0 - 0.07, x1 + 0.07, y1 - 0.03, y1, z0, _STEEL)
    c.front(x0, x1, y0, y1, z0, i.colour)
    c.front(x0, x1, y0 + 0.07, y0 + 0.13, z0, i.accent)


def shower(c: Canvas, i: Item) -> None:
    """A walk-in shower: tiled corner, head, tray, pane of glass."""
    x0, x1, _, y1, z0, z1 = i.span()
    c.flat(x0, x1, z0, z1, 0.03, (206, 212, 216))
    c.front(x0, x1, 0.03, y1, z1, i.colour)
    rows = 7
    for k in range(1, rows):
        y = k * y1 / rows
        c.front(x0, x1, y - 0.012, y + 0.012, z1, shade(i.colour, 0.82))
    for k in range(1, 4):
        x = x0 + k * i.w / 4
        c.front(x - 0.01, x + 0.01, 0.03, y1, z1, shade(i.colour, 0.82))
    c.strokes(((i.x, 0.75, z1), (i.x, y1 - 0.18, z1), (i.x - 0.28, y1 - 0.14, z1)), 0.06, _DARK)
    c.disc(i.x - 0.3, z1 - 0.05, y1 - 0.18, 0.15, 0.12, _DARK)
    c.front(i.x - 0.09, i.x + 0.09, 0.85, 0.93, z1, _DARK)
    c.front(x0, x1, 0.0, y1, z0, (190, 225, 232), alpha=70)
    for x in (x0, x1):
        c.front(x - 0.022, x + 0.022, 0.0, y1, z0, _STEEL)
    c.front(x0, x1, y1 - 0.04, y1, z0, _STEEL)
    c.front(x0, x1, 0.0, 0.06, z0, shade(_STEEL, 1.15))


# -- kitchen -----------------------------------------------------------------------------------


def counter(c: Canvas, i: Item) -> None:
    """A base unit with doors and a worktop; ``variant`` 1 has a sink and tap, from 2 on it runs along a side wall."""
    if i.variant >= 2:
        side_run(c, i)
        return
    x0, x1, y0, y1, z0, z1 = i.span()
    c.shadow(x0, x1, z0, z1)
    c.cuboid(x0, x1, y0 + 0.08, y1 - 0.05, z0 + 0.03, z1, i.colour)
    doors = max(1, round(i.w / 0.5))
    step = i.w / doors
    for k in range(doors):
        left = x0 + k * step
        c.front(left + 0.04, left + step - 0.04, 0.14, y1 - 0.12, z0 + 0.03, shade(i.colour, 1.12))
        c.front(left + step / 2 - 0.1, left + step / 2 + 0.1, y1 - 0.22, y1 - 0.18, z0 + 0.03, _DARK)
    c.cuboid(x0, x1, y1 - 0.05, y1, z0, z1, i.accent)
    if i.variant == 1:
        c.flat(i.x - 0.24, i.x + 0.24, z0 + 0.1, z1 - 0.12, y1 + 0.005, shade(_STEEL, 0.85))
        c.strokes(((i.x, y1, z1), (i.x, y1 + 0.3, z1), (i.x - 0.16, y1 + 0.24, z1)), 0.05, _STEEL)


def side_run(c: Canvas, i: Item) -> None:
    """A run of base units along a side wall, doors to the middle of the room (a galley kitchen).

    ``variant``: 1 is added for a sink, 4 for cupboards above.
    """
    x0, x1, _, y1, z0, z1 = i.span()
    inner = x1 if i.x < 0 else x0
    c.shadow(x0, x1, z0, z1)
    c.cuboid(x0, x1, 0.08, y1 - 0.05, z0, z1, i.colour)
    doors = 4
    step = i.d / doors
    for k in range(doors - 1, -1, -1):
        near, far = z0 + k * step + 0.05, z0 + (k + 1) * step - 0.05
        c.side(inner, 0.14, y1 - 0.13, near, far, shade(i.colour, 1.02))
        c.side(inner, y1 - 0.24, y1 - 0.2, near + 0.12, far - 0.12, _STEEL)
    c.cuboid(x0, x1, y1 - 0.05, y1, z0 - 0.02, z1, i.accent)
    if i.variant & 4:
        _side_cupboards(c, i, inner)
    if i.variant & 1:
        c.flat(x0 + 0.14, x1 - 0.14, z0 + 0.8, z0 + 1.3, y1 + 0.005, shade(_STEEL, 0.85))
        c.strokes(
            ((i.x, y1, z0 + 1.3), (i.x, y1 + 0.3, z0 + 1.3), (i.x - 0.12, y1 + 0.24, z0 + 1.3)), 0.05, _STEEL
        )


def _side_cupboards(c: Canvas, i: Item, inner: float) -> None:
    """Wall cupboards over a run of base units whose doors are at ``inner``."""
    x0, x1, _, _, z0, z1 = i.span()
    left = i.x < 0
    high = inner - i.w * 0.4 if left else inner + i.w * 0.4
    c.cuboid(x0 if left else high, high if left else x1, 1.5, 2.1, z0, z1, i.colour)
    step = i.d / 4
    for k in range(3, -1, -1):
        near, far = z0 + k * step + 0.05, z0 + (k + 1) * step - 0.05
        c.side(high, 1.55, 2.05, near, far, shade(i.colour, 1.02))
        c.side(high, 1.6, 1.64, near + 0.12, far - 0.12, _STEEL)


def stove(c: Canvas, i: Item) -> None:
    """A stove: oven window, knobs, four burners."""
    x0, x1, y0, y1, z0, z1 = i.span()
    c.shadow(x0, x1, z0, z1)
    c.cuboid(x0, x1, y0, y1, z0, z1, i.colour, top=_DARK)
    c.front(x0 + 0.08, x1 - 0.08, 0.2, 0.58, z0, (96, 74, 62))
    c.front(x0 + 0.14, x1 - 0.14, 0.26, 0.5, z0, (196, 128, 66))
    c.front(x0 + 0.06, x1 - 0.06, 0.61, 0.65, z0, _STEEL)
    for k in range(4):
        c.round(x0 + (k + 1) * i.w / 5, y1 - 0.09, z0, 0.04, 0.04, _DARK)
    for dx, dz in ((-0.25, 0.3), (0.25, 0.3), (-0.25, 0.72), (0.25, 0.72)):
        c.disc(i.x + dx * i.w, z0 + dz * i.d, y1 + 0.005, 0.1, 0.09, (206, 84, 60))
    if i.variant == 1:
        c.cylinder(i.x - 0.25 * i.w, z0 + 0.3 * i.d, y1, y1 + 0.18, 0.13, (188, 62, 58))


def fridge(c: Canvas, i: Item) -> None:
    """A fridge with a freezer door above."""
    x0, x1, y0, y1, z0, z1 = i.span()
    c.shadow(x0, x1, z0, z1)
    c.cuboid(x0, x1, y0, y1, z0, z1, i.colour)
    split = y1 - 0.6
    c.front(x0, x1, split - 0.02, split + 0.02, z0, shade(i.colour, 0.6))
    for ya, yb in ((split - 0.5, split - 0.1), (split + 0.1, split + 0.35)):
        c.front(x0 + 0.07, x0 + 0.13, ya, yb, z0, _DARK)
    if i.variant == 1:
        c.front(x1 - 0.28, x1 - 0.12, split - 0.35, split - 0.15, z0, (250, 214, 92))


def hood(c: Canvas, i: Item) -> None:
    """An extractor hood with its chimney."""
    x0, x1, y0, y1, z0, _ = i.span()
    c.front(i.x - 0.14, i.x + 0.14, y0 + 0.25, y1, z0, shade(i.colour, 0.9))
    c.polygon(
        ((x0, y0, z0), (x1, y0, z0), (i.x + 0.16, y0 + 0.3, z0), (i.x - 0.16, y0 + 0.3, z0)),
        i.colour,
    )
    c.front(x0, x1, y0 - 0.06, y0, z0, shade(i.colour, 0.75))


def cupboards(c: Canvas, i: Item) -> None:
    """Wall cupboards."""
    x0, x1, y0, y1, z0, z1 = i.span()
    c.cuboid(x0, x1, y0, y1, z0, z1, i.colour)
    doors = max(1, round(i.w / 0.45))
    step = i.w / doors
    for k in range(doors):
        left = x0 + k * step
        c.front(left + 0.03, left + step - 0.03, y0 + 0.05, y1 - 0.05, z0, shade(i.colour, 1.12))
        c.front(left + step - 0.11, left + step - 0.07, y0 + 0.08, y0 + 0.2, z0, _DARK)
