"""Random colours of walls, woods, cloth, leaves and fur."""

from __future__ import annotations

import colorsys
import random

from failsight.knowledge_base.cases.geometry import Colour

_WOODS: tuple[Colour, ...] = ((150, 104, 66), (184, 138, 92), (112, 76, 52), (206, 172, 128), (224, 216, 204))
LEAVES: tuple[Colour, ...] = ((66, 128, 66), (88, 142, 72), (58, 112, 82))
FURS: tuple[tuple[Colour, Colour], ...] = (
    ((206, 128, 60), (244, 226, 200)),
    ((216, 146, 84), (250, 240, 228)),
    ((190, 112, 52), (236, 208, 176)),
)


def tone(rng: random.Random, saturation: tuple[float, float], value: tuple[float, float]) -> Colour:
    """A random colour: any hue, saturation and value drawn from their ranges (0..1)."""
    r, g, b = colorsys.hsv_to_rgb(rng.random(), rng.uniform(*saturation), rng.uniform(*value))
    return int(r * 255), int(g * 255), int(b * 255)


def wooden(rng: random.Random) -> Colour:
    """A colour of wood, from white-washed to walnut."""
    base = rng.choice(_WOODS)
    k = rng.uniform(0.88, 1.08)
    return min(255, int(base[0] * k)), min(255, int(base[1] * k)), min(255, int(base[2] * k))


def whitish(rng: random.Random) -> Colour:
    """A white, warm or cool."""
    v = rng.randint(226, 250)
    return v, v, min(255, v + rng.randint(0, 5))
