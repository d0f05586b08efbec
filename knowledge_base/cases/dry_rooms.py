"""Drawings of what makes a bedroom, a dining room or a living room: beds, tables and chairs, sofas and shelves."""

from __future__ import annotations

from failsight.knowledge_base.cases.canvas import Canvas
from failsight.knowledge_base.cases.geometry import blend, shade
from failsight.knowledge_base.cases.scene import Item

_WHITE = (240, 242, 244)
_DARK = (52, 54, 60)


# -- bedroom -----------------------------------------------------------------------------------


def bed(c: Canvas, i: Item) -> None:
    """A double bed: headboard, mattress, two pillows, blanket with a turned-down edge."""
    x0, x1, _, y1, z0, z1 = i.span()
    c.shadow(x0, x1, z0, z1)
    c.cuboid(x0 - 0.06, x1 + 0.06, 0.0, y1, z1 - 0.08, z1, i.accent)
    c.cuboid(x0, x1, 0.0, 0.26, z0 + 0.02, z1 - 0.08, shade(i.accent, 0.8))
    c.cuboid(x0, x1, 0.24, 0.5, z0 + 0.02, z1 - 0.08, _WHITE)
    for side in (-1, 1):
        px = i.x + side * i.w * 0.25
        c.cuboid(px - i.w * 0.19, px + i.w * 0.19, 0.5, 0.65, z1 - 0.5, z1 - 0.12, _WHITE)
    fold = z0 + i.d * 0.62
    c.cuboid(x0 - 0.03, x1 + 0.03, 0.16, 0.55, z0, fold, i.colour)
    c.flat(x0 - 0.03, x1 + 0.03, fold - 0.16, fold, 0.56, shade(i.colour, 1.35))


def bunk(c: Canvas, i: Item) -> None:
    """A bunk bed seen along its side, with a ladder."""
    x0, x1, _, y1, z0, z1 = i.span()
    c.shadow(x0, x1, z0, z1)
    for x in (x0, x1 - 0.08):
        c.front(x, x + 0.08, 0.0, y1, z1, shade(i.accent, 0.7))
    for level in (0.35, y1 - 0.45):
        c.cuboid(x0, x1, level - 0.14, level, z0, z1, i.accent)
        c.cuboid(x0 + 0.06, x1 - 0.06, level, level + 0.14, z0 + 0.02, z1, i.colour)
        c.cuboid(x0 + 0.1, x0 + 0.45, level + 0.14, level + 0.24, z0 + 0.06, z1, _WHITE)
    for x in (x0, x1 - 0.08):
        c.front(x, x + 0.08, 0.0, y1, z0, i.accent)
    lx = x1 - 0.5
    for x in (lx, lx + 0.28):
        c.front(x, x + 0.045, 0.0, y1 - 0.3, z0 - 0.03, shade(i.accent, 1.2))
    for k in range(1, 5):
        y = k * (y1 - 0.35) / 5
        c.front(lx, lx + 0.3, y, y + 0.045, z0 - 0.03, shade(i.accent, 1.2))


def wardrobe(c: Canvas, i: Item) -> None:
    """A tall wardrobe with two doors."""
    x0, x1, y0, y1, z0, z1 = i.span()
    c.shadow(x0, x1, z0, z1)
    c.cuboid(x0, x1, y0, y1, z0, z1, i.colour)
    c.front(x0 + 0.06, i.x - 0.03, 0.14, y1 - 0.07, z0, shade(i.colour, 1.12))
    c.front(i.x + 0.03, x1 - 0.06, 0.14, y1 - 0.07, z0, shade(i.colour, 1.12))
    for side in (-1, 1):
        kx = i.x + side * 0.08
        c.front(kx - 0.025, kx + 0.025, 0.85, 1.05, z0, _DARK)


def nightstand(c: Canvas, i: Item) -> None:
    """A nightstand with a drawer and a small lamp on it."""
    x0, x1, y0, y1, z0, z1 = i.span()
    c.shadow(x0, x1, z0, z1)
    c.cuboid(x0, x1, y0, y1, z0, z1, i.colour)
    c.front(x0 + 0.05, x1 - 0.05, y1 - 0.24, y1 - 0.06, z0, shade(i.colour, 1.15))
    c.front(i.x - 0.04, i.x + 0.04, y1 - 0.17, y1 - 0.13, z0, _DARK)
    zc = (z0 + z1) / 2
    c.front(i.x - 0.025, i.x + 0.025, y1, y1 + 0.18, zc, _DARK)
    c.polygon(
        (
            (i.x - 0.15, y1 + 0.16, zc),
            (i.x + 0.15, y1 + 0.16, zc),
            (i.x + 0.09, y1 + 0.38, zc),
            (i.x - 0.09, y1 + 0.38, zc),
        ),
        i.accent,
    )


# -- dining room -------------------------------------------------------------------------------


def table(c: Canvas, i: Item) -> None:
    """A dining table laid with plates; round when ``variant`` is 1."""
    x0, x1, _, y1, z0, z1 = i.span()
    zc = (z0 + z1) / 2
    c.shadow(x0 + 0.1, x1 - 0.1, z0 + 0.1, z1, 50)
    if i.variant == 1:
        c.front(i.x - 0.07, i.x + 0.07, 0.0, y1, zc, shade(i.colour, 0.7))
        c.disc(i.x, zc, 0.04, 0.34, 0.24, shade(i.colour, 0.75))
        c.disc(i.x, zc, y1 - 0.06, i.w / 2, i.d / 2, shade(i.colour, 0.75))
        c.disc(i.x, zc, y1, i.w / 2, i.d / 2, shade(i.colour, 1.12))
    else:
        c.legs(x0 + 0.05, x1 - 0.05, z0 + 0.05, z1 - 0.05, y1, shade(i.colour, 0.8), 0.08)
        c.cuboid(x0, x1, y1 - 0.08, y1, z0, z1, i.colour)
    for dx, dz in ((-0.3, 0.28), (0.3, 0.28), (-0.3, 0.72), (0.3, 0.72)):
        c.disc(i.x + dx * i.w, z0 + dz * i.d, y1 + 0.01, 0.13, 0.1, _WHITE)
    c.front(i.x - 0.06, i.x + 0.06, y1, y1 + 0.16, zc, i.accent)
    c.round(i.x, y1 + 0.24, zc, 0.1, 0.09, (214, 92, 108))


def chair(c: Canvas, i: Item) -> None:
    """A chair: ``variant`` 0 shows its front (back rest behind), 1 its back (back rest before)."""
    x0, x1, _, y1, z0, z1 = i.span()
    c.legs(x0, x1, z0, z1, 0.45, shade(i.colour, 0.8), 0.05)

    def rest(z: float) -> None:
        c.front(x0, x0 + 0.05, 0.45, y1, z, shade(i.colour, 0.9))
        c.front(x1 - 0.05, x1, 0.45, y1, z, shade(i.colour, 0.9))
        c.front(x0, x1, y1 - 0.14, y1, z, i.colour)
        c.front(x0, x1, y1 - 0.3, y1 - 0.22, z, i.colour)

    if i.variant == 0:
        rest(z1)
    c.cuboid(x0, x1, 0.42, 0.48, z0, z1, i.accent)
    if i.variant == 1:
        rest(z0)


def pendant(c: Canvas, i: Item) -> None:
    """A lamp that hangs from the ceiling."""
    top, y0 = i.y + i.h, i.y
    c.front(i.x - 0.015, i.x + 0.015, y0 + 0.24, top, i.z, _DARK)
    c.polygon(
        (
            (i.x - i.w / 2, y0, i.z),
            (i.x + i.w / 2, y0, i.z),
            (i.x + i.w * 0.18, y0 + 0.27, i.z),
            (i.x - i.w * 0.18, y0 + 0.27, i.z),
        ),
        i.colour,
    )
    c.disc(i.x, i.z, y0, i.w / 2, i.w / 4, (255, 240, 190))


def cabinet(c: Canvas, i: Item) -> None:
    """A china cabinet: glass doors with plates above, drawers below."""
    x0, x1, y0, y1, z0, z1 = i.span()
    c.shadow(x0, x1, z0, z1)
    c.cuboid(x0, x1, y0, y1, z0, z1, i.colour)
    c.front(x0 + 0.07, x1 - 0.07, 0.85, y1 - 0.08, z0, blend((190, 214, 222), i.colour, 0.25))
    for y in (1.05, 1.4):
        c.front(x0 + 0.07, x1 - 0.07, y - 0.03, y, z0, i.colour)
        for k in range(3):
            x = x0 + (k + 1) * i.w / 4
            c.round(x, y + 0.1, z0, 0.08, 0.09, _WHITE)
    c.front(i.x - 0.03, i.x + 0.03, 0.85, y1 - 0.08, z0, i.colour)
    for y in (0.2, 0.5):
        c.front(x0 + 0.07, x1 - 0.07, y, y + 0.22, z0, shade(i.colour, 1.15))
        c.front(i.x - 0.06, i.x + 0.06, y + 0.09, y + 0.13, z0, _DARK)


# -- living room -------------------------------------------------------------------------------


def sofa(c: Canvas, i: Item) -> None:
    """A sofa with seat cushions, arm rests and a throw pillow."""
    x0, x1, _, y1, z0, z1 = i.span()
    c.shadow(x0, x1, z0, z1)
    c.cuboid(x0, x1, 0.08, y1, z1 - 0.25, z1, i.colour)
    c.cuboid(x0 + 0.16, x1 - 0.16, 0.08, 0.32, z0 + 0.04, z1 - 0.2, shade(i.colour, 0.9))
    seats = max(1, round((i.w - 0.4) / 0.62))
    step = (i.w - 0.36) / seats
    for k in range(seats):
        left = x0 + 0.18 + k * step
        c.cuboid(left + 0.012, left + step - 0.012, 0.32, 0.46, z0, z1 - 0.22, shade(i.colour, 1.1))
    if i.variant % 3:
        px = x0 + 0.42 if i.variant % 3 == 1 else x1 - 0.42
        c.polygon(
            (
                (px, 0.44, z1 - 0.3),
                (px + 0.2, 0.62, z1 - 0.3),
                (px, 0.82, z1 - 0.3),
                (px - 0.2, 0.62, z1 - 0.3),
            ),
            i.accent,
        )
    for left in (x0 - 0.02, x1 - 0.18):
        c.cuboid(left, left + 0.2, 0.06, 0.6, z0, z1 - 0.05, i.colour)


def sofa_bed(c: Canvas, i: Item) -> None:
    """A sofa pulled out like a bed: blanket and two pillows between low arm rests."""
    x0, x1, _, y1, z0, z1 = i.span()
    c.shadow(x0, x1, z0, z1)
    c.cuboid(x0, x1, 0.0, y1, z1 - 0.1, z1, i.accent)
    for left in (x0 - 0.02, x1 - 0.1):
        c.cuboid(left, left + 0.12, 0.0, 0.58, z1 - 0.7, z1 - 0.08, i.accent)
    c.cuboid(x0 + 0.06, x1 - 0.06, 0.06, 0.46, z0 + 0.02, z1 - 0.1, _WHITE)
    for side in (-1, 1):
        px = i.x + side * i.w * 0.23
        c.cuboid(px - i.w * 0.18, px + i.w * 0.18, 0.46, 0.62, z1 - 0.5, z1 - 0.13, _WHITE)
    fold = z0 + i.d * 0.6
    c.cuboid(x0 + 0.03, x1 - 0.03, 0.12, 0.51, z0, fold, i.colour)
    c.flat(x0 + 0.03, x1 - 0.03, fold - 0.16, fold, 0.52, shade(i.colour, 1.35))


def armchair(c: Canvas, i: Item) -> None:
    """An armchair seen from the front."""
    x0, x1, _, y1, z0, z1 = i.span()
    c.shadow(x0, x1, z0, z1)
    c.cuboid(x0, x1, 0.08, y1, z1 - 0.2, z1, i.colour)
    c.cuboid(x0 + 0.12, x1 - 0.12, 0.08, 0.44, z0, z1 - 0.18, shade(i.colour, 1.1))
    for left in (x0, x1 - 0.15):
        c.cuboid(left, left + 0.15, 0.06, 0.58, z0, z1 - 0.04, i.colour)


def coffee_table(c: Canvas, i: Item) -> None:
    """A low table with a book and a cup on it."""
    x0, x1, _, y1, z0, z1 = i.span()
    c.shadow(x0, x1, z0, z1, 45)
    c.legs(x0 + 0.04, x1 - 0.04, z0 + 0.04, z1 - 0.04, y1, shade(i.colour, 0.75), 0.06)
    c.cuboid(x0, x1, y1 - 0.06, y1, z0, z1, i.colour)
    c.flat(i.x - 0.22, i.x + 0.02, z0 + 0.12, z0 + 0.32, y1 + 0.01, i.accent)
    c.cylinder(i.x + 0.24, z0 + 0.25, y1, y1 + 0.1, 0.05, _WHITE)


def bookshelf(c: Canvas, i: Item) -> None:
    """A bookshelf filled with coloured spines."""
    x0, x1, y0, y1, z0, z1 = i.span()
    c.shadow(x0, x1, z0, z1)
    c.cuboid(x0, x1, y0, y1, z0, z1, i.colour)
    spines = ((176, 74, 66), (72, 104, 150), (206, 176, 92), (92, 132, 98), (222, 216, 204))
    for shelf in range(4):
        base = 0.1 + shelf * (y1 - 0.12) / 4
        tall = (y1 - 0.12) / 4 - 0.1
        c.front(x0 + 0.06, x1 - 0.06, base, base + tall, z0, shade(i.colour, 0.5))
        for k in range(5):
            left = x0 + 0.08 + k * (i.w - 0.16) / 5
            high = tall * (0.7 + 0.06 * ((k * 7 + shelf * 3 + i.variant) % 5))
            tone = spines[(k + shelf * 2 + i.variant) % 5]
            c.front(left, left + (i.w - 0.16) / 5 - 0.02, base, base + high, z0, tone)
