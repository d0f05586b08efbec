"""What any room may hold: television, cat, plant, lamp, picture, stools in their places; and clutter."""

from __future__ import annotations

import random
from collections.abc import Mapping

from failsight.knowledge_base.cases.geometry import Colour
from failsight.knowledge_base.cases.palette import FURS, LEAVES, tone, wooden
from failsight.knowledge_base.cases.scene import Item, Shell

_DARK: Colour = (40, 42, 48)


def cues(rng: random.Random, attributes: Mapping[str, str], shell: Shell, free: float) -> list[Item]:
    """The six cues in their places, present or not.

    Args:
        rng: decides places and looks.
        attributes: which cues are there.
        shell: the room.
        free: centre of the stretch of back wall left free for a television, metres.
    """

    def has(cue: str) -> bool:
        return attributes[cue] == "yes"

    back = shell.depth
    wide = rng.uniform(1.2, 1.4)
    side = rng.choice((-1, 1))
    fur, chest = rng.choice(FURS)
    items = [
        Item(
            "television",
            free,
            rng.uniform(1.12, 1.25),
            back - 0.06,
            wide,
            wide * 0.6,
            0.0,
            _DARK,
            present=has("television"),
        ),
        Item(
            "cat",
            side * rng.uniform(0.66, 0.82),
            0.0,
            rng.uniform(0.4, 0.65),
            0.6,
            rng.uniform(0.66, 0.76),
            0.1,
            fur,
            chest,
            rng.randint(0, 1),
            has("cat"),
        ),
        Item(
            "plant",
            -side * rng.uniform(1.0, 1.15),
            0.0,
            rng.uniform(0.7, 1.0),
            0.5,
            rng.uniform(0.8, 1.0),
            0.2,
            rng.choice(LEAVES),
            tone(rng, (0.2, 0.5), (0.5, 0.8)),
            0,
            has("plant"),
        ),
        Item(
            "lamp",
            side * rng.uniform(1.38, 1.5),
            0.0,
            rng.uniform(1.75, 1.95),
            0.42,
            rng.uniform(1.45, 1.6),
            0.1,
            (246, 230, 190),
            present=has("lamp"),
        ),
        Item(
            "picture",
            -shell.window_side * shell.half,
            rng.uniform(1.15, 1.3),
            rng.uniform(1.85, 2.0),
            0.0,
            0.7,
            0.8,
            wooden(rng),
            tone(rng, (0.2, 0.5), (0.4, 0.7)),
            present=has("picture"),
        ),
    ]
    return items + _stools(rng, has("stools"))


def _stools(rng: random.Random, present: bool) -> list[Item]:
    """Two or three stools in a loose row in front of everything but the cat."""
    count = rng.choice((2, 3, 3))
    seat, leg = (
        tone(rng, (0.6, 0.85), (0.65, 0.85)),
        rng.choice(((70, 66, 64), (150, 110, 74), (196, 200, 206))),
    )
    middle, gap = rng.uniform(-0.15, 0.15), rng.uniform(0.48, 0.56)
    height = rng.uniform(0.58, 0.66)
    return [
        Item(
            "stools",
            middle + (k - (count - 1) / 2) * gap,
            0.0,
            rng.uniform(0.62, 0.78),
            0.34,
            height,
            0.3,
            seat,
            leg,
            0,
            present,
        )
        for k in range(count)
    ]


def clutter(rng: random.Random, amount: str) -> list[Item]:
    """Things left lying about; a tidy room has at most one."""
    count = rng.randint(3, 6) if amount == "cluttered" else rng.randint(0, 1)
    return [
        Item(
            "clutter",
            rng.uniform(-1.2, 1.2),
            0.0,
            rng.uniform(0.15, 1.5),
            rng.uniform(0.2, 0.42),
            rng.uniform(0.14, 0.32),
            rng.uniform(0.15, 0.3),
            tone(rng, (0.2, 0.7), (0.35, 0.9)),
            tone(rng, (0.1, 0.5), (0.5, 0.95)),
            rng.randint(0, 3),
        )
        for _ in range(count)
    ]
