"""Drawings of what any room may hold: television, stool, cat, plant, lamp, picture, rug, clutter; and the shell."""

from __future__ import annotations

from failsight.knowledge_base.cases.canvas import Canvas
from failsight.knowledge_base.cases.geometry import blend, shade
from failsight.knowledge_base.cases.scene import Item, Shell

_DARK = (40, 42, 48)


def television(c: Canvas, i: Item) -> None:
    """A flat television on the wall: black screen, thin bright frame, a glint."""
    x0, x1, y0, y1, z = i.x - i.w / 2, i.x + i.w / 2, i.y, i.y + i.h, i.z
    c.front(x0, x1, y0, y1, z, (150, 152, 156))
    c.front(x0 + 0.035, x1 - 0.035, y0 + 0.045, y1 - 0.035, z, (22, 23, 27))
    c.polygon(
        (
            (x0 + 0.12 * i.w, y0 + 0.06, z),
            (x0 + 0.3 * i.w, y0 + 0.06, z),
            (x0 + 0.6 * i.w, y1 - 0.05, z),
            (x0 + 0.42 * i.w, y1 - 0.05, z),
        ),
        (58, 60, 66),
    )
    c.front(i.x - 0.03, i.x + 0.03, y0 + 0.012, y0 + 0.035, z, (210, 60, 60))


def stool(c: Canvas, i: Item) -> None:
    """A bar stool: round seat, splayed legs, foot ring."""
    y1, zc = i.h, i.z + i.d / 2
    r = i.w / 2
    leg = shade(i.accent, 0.9)
    for dx, dz in ((-0.8, 0.3), (0.8, 0.3), (-1.0, -0.3), (1.0, -0.3)):
        c.strokes(
            ((i.x + dx * r * 1.05, 0.0, zc + dz * r), (i.x + dx * r * 0.6, y1, zc + dz * r)), 0.045, leg
        )
    c.front(i.x - r * 0.85, i.x + r * 0.85, y1 * 0.34, y1 * 0.34 + 0.04, zc, leg)
    c.disc(i.x, zc, y1 - 0.07, r, r * 0.9, shade(i.colour, 0.7))
    c.front(i.x - r, i.x + r, y1 - 0.07, y1, zc, shade(i.colour, 0.85))
    c.disc(i.x, zc, y1, r, r * 0.9, shade(i.colour, 1.1))


def cat(c: Canvas, i: Item) -> None:
    """A sitting cat with ears, tail and a light chest."""
    z, s = i.z, i.h
    turn = 1 if i.variant % 2 else -1
    dark = shade(i.colour, 0.72)
    c.flat(i.x - 0.3 * s, i.x + 0.3 * s, z - 0.05, z + 0.1, 0.0, (0, 0, 0), 60)
    c.strokes(
        (
            (i.x + turn * 0.2 * s, 0.08 * s, z),
            (i.x + turn * 0.46 * s, 0.12 * s, z),
            (i.x + turn * 0.52 * s, 0.4 * s, z),
        ),
        0.1 * s,
        dark,
    )
    c.round(i.x, 0.3 * s, z, 0.27 * s, 0.32 * s, i.colour)
    c.round(i.x - turn * 0.03 * s, 0.28 * s, z, 0.12 * s, 0.22 * s, i.accent)
    hx, hy = i.x - turn * 0.05 * s, 0.72 * s
    for side in (-1, 1):
        c.polygon(
            (
                (hx + side * 0.2 * s, hy + 0.04 * s, z),
                (hx + side * 0.19 * s, hy + 0.3 * s, z),
                (hx + side * 0.04 * s, hy + 0.16 * s, z),
            ),
            dark,
        )
    c.round(hx, hy, z, 0.22 * s, 0.19 * s, i.colour)
    for side in (-1, 1):
        c.round(hx + side * 0.09 * s, hy + 0.03 * s, z, 0.035 * s, 0.04 * s, (30, 40, 24))
    c.round(hx, hy - 0.07 * s, z, 0.07 * s, 0.05 * s, i.accent)


def plant(c: Canvas, i: Item) -> None:
    """A potted plant with broad leaves."""
    z, h, w = i.z, i.h, i.w
    c.flat(i.x - 0.2, i.x + 0.2, z - 0.06, z + 0.2, 0.0, (0, 0, 0), 50)
    for k, (dx, dy) in enumerate(((-0.42, 0.72), (0.42, 0.76), (-0.24, 0.95), (0.26, 0.98), (0.0, 1.0))):
        tone = shade(i.colour, 0.8 + 0.09 * k)
        bx, by = i.x + dx * w * 0.2, 0.34 * h
        tx, ty = i.x + dx * w, dy * h
        c.polygon(
            (
                (bx, by, z),
                ((bx + tx) / 2 - 0.1 * w, (by + ty) / 2 + 0.1 * h, z),
                (tx, ty, z),
                ((bx + tx) / 2 + 0.14 * w, (by + ty) / 2 - 0.02 * h, z),
            ),
            tone,
        )
    c.polygon(
        (
            (i.x - 0.24 * w, 0.0, z),
            (i.x + 0.24 * w, 0.0, z),
            (i.x + 0.32 * w, 0.36 * h, z),
            (i.x - 0.32 * w, 0.36 * h, z),
        ),
        i.accent,
    )


def lamp(c: Canvas, i: Item) -> None:
    """A floor lamp."""
    z, h = i.z, i.h
    c.disc(i.x, z, 0.02, 0.16, 0.12, _DARK)
    c.front(i.x - 0.022, i.x + 0.022, 0.0, h - 0.2, z, _DARK)
    c.polygon(
        (
            (i.x - i.w / 2, h - 0.3, z),
            (i.x + i.w / 2, h - 0.3, z),
            (i.x + i.w * 0.28, h, z),
            (i.x - i.w * 0.28, h, z),
        ),
        i.colour,
    )


def picture(c: Canvas, i: Item) -> None:
    """A framed landscape on a side wall (``x`` is the wall)."""
    z0, z1, y0, y1 = i.z, i.z + i.d, i.y, i.y + i.h
    c.side(i.x, y0, y1, z0, z1, i.colour)
    m = 0.07
    c.side(i.x, y0 + m, y1 - m, z0 + m, z1 - m, (170, 204, 226))
    c.polygon(
        (
            (i.x, y0 + m, z0 + m),
            (i.x, y0 + m, z1 - m),
            (i.x, y0 + i.h * 0.5, z1 - m),
            (i.x, y0 + i.h * 0.35, z0 + m),
        ),
        i.accent,
    )


def rug(c: Canvas, i: Item) -> None:
    """A rug with a border; oval when ``variant`` is odd."""
    x0, x1, z0, z1 = i.x - i.w / 2, i.x + i.w / 2, i.z, i.z + i.d
    if i.variant % 2:
        c.disc(i.x, i.z + i.d / 2, 0.005, i.w / 2, i.d / 2, i.colour)
        c.disc(i.x, i.z + i.d / 2, 0.005, i.w * 0.4, i.d * 0.38, i.accent)
    else:
        c.flat(x0, x1, z0, z1, 0.005, i.colour)
        c.flat(x0 + 0.14, x1 - 0.14, z0 + 0.12, z1 - 0.12, 0.005, i.accent)


def clutter(c: Canvas, i: Item) -> None:
    """Something left lying about: a box, a bag, a pile of books, a ball."""
    x0, x1, z0, z1 = i.x - i.w / 2, i.x + i.w / 2, i.z, i.z + i.d
    kind = i.variant % 4
    if kind == 0:
        c.cuboid(x0, x1, 0.0, i.h, z0, z1, i.colour)
        c.flat(i.x - 0.03, i.x + 0.03, z0, z1, i.h + 0.003, shade(i.colour, 0.8))
    elif kind == 1:
        c.polygon(((x0, 0, z0), (x1, 0, z0), (x1 - 0.06, i.h, z0), (x0 + 0.06, i.h, z0)), i.colour)
        c.strokes(
            ((i.x - 0.08, i.h, z0), (i.x - 0.06, i.h + 0.12, z0), (i.x + 0.08, i.h, z0)), 0.03, i.accent
        )
    elif kind == 2:
        for k in range(3):
            tone = blend(i.colour, i.accent, k / 2)
            c.cuboid(x0 + 0.02 * k, x1 - 0.03 * k, k * i.h / 3, (k + 1) * i.h / 3, z0, z1, tone)
    else:
        c.round(i.x, i.h / 2, z0, i.w / 2, i.h / 2, i.colour)
        c.round(i.x - i.w * 0.1, i.h * 0.6, z0, i.w * 0.2, i.h * 0.2, shade(i.colour, 1.3))


def shell(c: Canvas, s: Shell) -> None:
    """Walls, ceiling, patterned floor, skirting and the window with its curtains."""
    near, half, high, deep = -1.8, s.half, s.height, s.depth
    c.front(-half, half, 0.0, high, deep, s.wall)
    c.side(-half, 0.0, high, near, deep, shade(s.wall, 0.84))
    c.side(half, 0.0, high, near, deep, shade(s.wall, 0.9))
    c.flat(-half, half, near, deep, high, blend(s.wall, (250, 250, 248), 0.7))
    c.flat(-half, half, near, deep, 0.0, s.floor)
    line = shade(s.floor, 0.86)
    if s.floor_kind == "wood":
        step = half / 5
        for k in range(-5, 5):
            if k % 2:
                c.flat(k * step, (k + 1) * step, near, deep, 0.0, shade(s.floor, 1.07))
            c.flat(k * step, k * step + 0.02, near, deep, 0.0, line)
    else:
        for k in range(-4, 5):
            x = k * half / 4.5
            c.flat(x - 0.015, x + 0.015, near, deep, 0.0, line)
        z = near
        while z < deep:
            c.flat(-half, half, z, z + 0.035, 0.0, line)
            z += 0.6
    edge = blend(s.wall, (250, 250, 250), 0.6)
    c.front(-half, half, 0.0, 0.09, deep, edge)
    c.side(-half, 0.0, 0.09, near, deep, shade(edge, 0.85))
    c.side(half, 0.0, 0.09, near, deep, shade(edge, 0.9))
    if s.window_side:
        _window(c, s)


def _window(c: Canvas, s: Shell) -> None:
    """The window on a side wall: frame, sky, bar, curtains."""
    x = s.window_side * s.half
    z0, z1, y0, y1 = 1.75, 2.65, 0.95, 2.05
    c.side(x, y0 - 0.06, y1 + 0.06, z0 - 0.06, z1 + 0.06, (246, 246, 244))
    c.side(x, y0, y1, z0, z1, s.window_sky)
    c.side(x, y0, y0 + 0.3, z0, z1, blend(s.window_sky, (120, 160, 96), 0.75))
    mid = (z0 + z1) / 2
    c.side(x, y0, y1, mid - 0.03, mid + 0.03, (246, 246, 244))
    c.side(x, (y0 + y1) / 2 - 0.03, (y0 + y1) / 2 + 0.03, z0, z1, (246, 246, 244))
    for a, b in ((z0 - 0.22, z0 + 0.1), (z1 - 0.1, z1 + 0.22)):
        c.side(x, y0 - 0.2, y1 + 0.14, a, b, s.curtain)
