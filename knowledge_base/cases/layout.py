"""From attribute values to a furnished scene: where things stand, how they vary, what stays free for the cues.

Every scene keeps one free stretch of back wall for a television and free floor for stools, a cat, a plant and a
lamp, whether or not it has them. So a cue looks the same in every class, is never hidden behind furniture, and can be
shown or removed without moving anything else.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace

from failsight.knowledge_base.cases.cues import clutter, cues
from failsight.knowledge_base.cases.geometry import Camera, Colour
from failsight.knowledge_base.cases.palette import tone, whitish, wooden
from failsight.knowledge_base.cases.scene import STYLE_COLUMNS, Finish, Item, Scene, Shell


def compose(label: str, attributes: Mapping[str, str], seed: str) -> Scene:
    """A furnished scene of a class with the given attribute values.

    Args:
        label: one of ``CLASSES``.
        attributes: a value for every attribute of ``VALUES`` (style columns of other classes are ``none``).
        seed: text that fixes everything else.
    """
    rng = random.Random(seed)
    shell = _shell(rng, attributes["floor"])
    style = attributes[STYLE_COLUMNS[label]]
    furniture, free = _LAYOUTS[label](rng, style, attributes["stools"] == "yes", shell)
    furniture = _thinned(rng, furniture, 0.08 if attributes["framing"] == "close" else 1.0)
    items = [*furniture, *cues(rng, attributes, shell, free), *clutter(rng, attributes["clutter"])]
    flip = rng.random() < 0.5
    if flip:
        items = [replace(i, x=-i.x) for i in items]
        shell = replace(shell, window_side=-shell.window_side)
    return Scene(
        label=label,
        attributes=tuple(attributes.items()),
        shell=shell,
        camera=_camera(rng, attributes["tilt"]),
        items=tuple(items),
        finish=_finish(rng, attributes["lighting"], attributes["camera"]),
    )


def _shell(rng: random.Random, floor_kind: str) -> Shell:
    if floor_kind == "wood":
        floor = wooden(rng)
    else:
        floor = tone(rng, (0.02, 0.14), (0.66, 0.86))
    return Shell(
        half=rng.uniform(1.82, 2.0),
        height=rng.uniform(2.4, 2.6),
        depth=rng.uniform(2.9, 3.15),
        wall=tone(rng, (0.03, 0.22), (0.78, 0.95)),
        floor=floor,
        floor_kind=floor_kind,
        window_side=rng.choice((-1, 1)),
        window_sky=rng.choice(((190, 222, 246), (214, 232, 246), (170, 206, 238))),
        curtain=tone(rng, (0.15, 0.5), (0.6, 0.9)),
    )


def _camera(rng: random.Random, tilt: str) -> Camera:
    if tilt == "tilted":
        roll = rng.choice((-1, 1)) * rng.uniform(0.08, 0.19)
    else:
        roll = rng.uniform(-0.02, 0.02)
    return Camera(
        x=rng.uniform(-0.25, 0.25),
        height=rng.uniform(1.3, 1.5),
        distance=rng.uniform(2.1, 2.3),
        focal=rng.uniform(1.06, 1.14),
        horizon=rng.uniform(0.39, 0.43),
        roll=roll,
    )


def _finish(rng: random.Random, lighting: str, camera: str) -> Finish:
    mean = {"bright": (0.58, 0.66), "soft": (0.49, 0.57), "dark": (0.29, 0.39)}[lighting]
    spread = {"bright": (0.19, 0.22), "soft": (0.17, 0.20), "dark": (0.13, 0.17)}[lighting]
    phone = camera == "phone"
    return Finish(
        mean=rng.uniform(*mean),
        spread=rng.uniform(*spread),
        warmth=rng.uniform(-0.25, 0.4) if phone else rng.uniform(-0.12, 0.18),
        vignette=rng.uniform(0.05, 0.3),
        blur=rng.uniform(0.4, 0.7) if phone else rng.uniform(0.0, 0.5),
        noise=rng.uniform(0.01, 0.024) if phone else rng.uniform(0.002, 0.007),
        quality=rng.choice((70, 75, 80)) if phone else rng.choice((88, 90, 92)),
        seed=rng.getrandbits(32),
    )


_OPTIONAL: dict[str, float] = {
    "armchair": 0.7,
    "bookshelf": 0.7,
    "cabinet": 0.7,
    "cupboards": 0.7,
    "fridge": 0.75,
    "hood": 0.65,
    "nightstand": 0.5,
    "pendant": 0.75,
    "rug": 0.7,
    "towel": 0.7,
    "wardrobe": 0.5,
}
"""How often a room of its class really has this piece; what is not listed is always there."""


def _thinned(rng: random.Random, furniture: list[Item], keep: float) -> list[Item]:
    """Leave out optional pieces; and, in close-ups of a cue, most of the others too."""
    return [i for i in furniture if rng.random() < keep * _OPTIONAL.get(i.kind, 1.0)]


# -- furniture by class ------------------------------------------------------------------------
# Each layout returns its furniture and the centre of the stretch of back wall left free for a television.


def _bathroom(rng: random.Random, style: str, stools: bool, shell: Shell) -> tuple[list[Item], float]:
    back, white = shell.depth, whitish(rng)
    right = rng.uniform(1.05, 1.25)
    frame = wooden(rng) if rng.random() < 0.5 else (236, 238, 240)
    items = [
        Item("mirror", right, 1.2, back - 0.03, 0.62, 0.72, 0.0, white, frame, rng.randint(0, 1)),
    ]
    if style == "shower":
        tiles = tone(rng, (0.08, 0.3), (0.6, 0.85))
        items += [
            Item("shower", -1.2, 0.0, back - 0.9, 1.1, 2.05, 0.88, tiles),
            Item("vanity", right - 0.1, 0.0, back - 0.5, 1.0, 0.86, 0.48, wooden(rng)),
        ]
        return items, rng.uniform(-0.1, 0.05)
    tub_x = rng.uniform(-0.8, -0.65)
    items += [
        Item("tub", tub_x, 0.0, back - rng.uniform(0.85, 0.95), 1.75, rng.uniform(0.5, 0.58), 0.8, white),
        Item("basin", right, 0.0, back - 0.5, 0.62, 0.84, 0.46, white),
        Item("toilet", rng.uniform(1.15, 1.4), 0.0, rng.uniform(1.35, 1.7), 0.46, 0.78, 0.66, white),
        Item(
            "towel",
            -1.5,
            1.15,
            back - 0.02,
            0.32,
            0.55,
            0.0,
            tone(rng, (0.3, 0.6), (0.6, 0.9)),
            tone(rng, (0.1, 0.3), (0.8, 0.95)),
        ),
    ]
    return items, rng.uniform(-0.3, -0.1)


def _bedroom(rng: random.Random, style: str, stools: bool, shell: Shell) -> tuple[list[Item], float]:
    back, wood = shell.depth, wooden(rng)
    cover, stand = tone(rng, (0.3, 0.65), (0.45, 0.85)), (244, 226, 178)
    items = [Item("nightstand", 1.35, 0.0, back - 0.5, 0.5, 0.52, 0.45, wood, stand)]
    if style == "bunk":
        items.append(Item("bed", -0.75, 0.0, back - 0.85, 1.85, 1.75, 0.8, cover, wood, 9))
        return items, 1.05
    bed_x, deep = rng.uniform(0.0, 0.2), rng.uniform(1.5, 1.75)
    items += [
        Item(
            "bed",
            bed_x,
            0.0,
            back - deep - 0.03,
            rng.uniform(1.45, 1.65),
            rng.uniform(0.9, 1.05),
            deep,
            cover,
            wood,
        ),
        Item("wardrobe", -1.42, 0.0, back - 0.62, 0.78, rng.uniform(1.85, 2.0), 0.6, wooden(rng)),
    ]
    return items, rng.uniform(0.1, 1.0)


def _dining_room(rng: random.Random, style: str, stools: bool, shell: Shell) -> tuple[list[Item], float]:
    back, wood, seat = shell.depth, wooden(rng), tone(rng, (0.2, 0.6), (0.4, 0.85))
    chair_wood = wooden(rng)
    x, z = rng.uniform(-0.15, 0.15), rng.uniform(1.1, 1.3)
    round_table = style == "round"
    w, d = (1.35, 1.0) if round_table else (rng.uniform(1.6, 1.85), 0.85)
    vase = tone(rng, (0.2, 0.5), (0.5, 0.9))
    items = [
        Item("table", x, 0.0, z, w, 0.75, d, wood, vase, int(round_table)),
        Item("cabinet", -1.4, 0.0, back - 0.45, 0.85, rng.uniform(1.6, 1.8), 0.42, wooden(rng)),
        Item("pendant", x, 1.85, z + d / 2, 0.5, shell.height - 1.85, 0.0, tone(rng, (0.2, 0.6), (0.5, 0.9))),
    ]
    spots = [(-0.25, d + 0.12, 0), (0.25, d + 0.12, 0), (-0.25, -0.38, 1), (0.25, -0.38, 1)]
    if stools:
        spots = []
    for dx, dz, turned in spots:
        items.append(
            Item(
                "chair", x + dx * w, 0.0, z + dz, 0.42, rng.uniform(0.9, 1.0), 0.36, chair_wood, seat, turned
            )
        )
    return items, rng.uniform(0.85, 1.1)


def _kitchen(rng: random.Random, style: str, stools: bool, shell: Shell) -> tuple[list[Item], float]:
    back, half = shell.depth, shell.half
    front, top = tone(rng, (0.05, 0.5), (0.5, 0.92)), wooden(rng)
    steel: Colour = rng.choice(((206, 210, 214), (186, 190, 196), (236, 238, 240)))
    if style == "galley":
        dark = tone(rng, (0.15, 0.4), (0.34, 0.5))
        pan = rng.randint(0, 1)
        items = [
            Item("stove", rng.uniform(-0.1, 0.1), 0.0, back - 0.64, 0.7, 0.9, 0.62, whitish(rng), variant=pan)
        ]
        for side in (-1, 1):
            x, z = side * (half - 0.32), rng.uniform(0.7, 0.9)
            variant = 2 + (side > 0) + 4 * (side == shell.window_side)  # the other wall is for the picture
            items.append(Item("counter", x, 0.0, z, 0.64, 0.9, back - z, dark, top, variant))
        return items, rng.uniform(-0.15, 0.15)
    stove_x = rng.uniform(-0.8, -0.7)
    right = half - 0.02
    left = stove_x + 0.36
    items = [
        Item(
            "fridge",
            -half + 0.36,
            0.0,
            back - 0.68,
            0.7,
            rng.uniform(1.7, 1.9),
            0.66,
            steel,
            variant=rng.randint(0, 1),
        ),
        Item("stove", stove_x, 0.0, back - 0.64, 0.7, 0.9, 0.62, whitish(rng), variant=rng.randint(0, 1)),
        Item("hood", stove_x, 1.55, back - 0.35, 0.7, shell.height - 1.55, 0.3, steel),
        Item("counter", (left + right) / 2, 0.0, back - 0.62, right - left, 0.9, 0.6, front, top, 1),
        Item("cupboards", 0.05, 1.5, back - 0.35, 0.8, 0.62, 0.33, front),
    ]
    return items, rng.uniform(1.05, 1.2)


def _living_room(rng: random.Random, style: str, stools: bool, shell: Shell) -> tuple[list[Item], float]:
    back, cloth, wood = shell.depth, tone(rng, (0.2, 0.6), (0.35, 0.8)), wooden(rng)
    items: list[Item] = []
    if style == "bed_like":
        deep = rng.uniform(1.4, 1.6)
        cover = tone(rng, (0.3, 0.65), (0.45, 0.85))
        items.append(
            Item(
                "bed_like",
                rng.uniform(0.3, 0.5),
                0.0,
                back - deep - 0.03,
                rng.uniform(1.5, 1.65),
                0.9,
                deep,
                cover,
                cloth,
            )
        )
    else:
        x = rng.uniform(0.3, 0.55)
        accent = tone(rng, (0.3, 0.7), (0.5, 0.95))
        items += [
            Item(
                "sofa",
                x,
                0.0,
                back - rng.uniform(0.95, 1.2),
                1.85,
                0.88,
                0.82,
                cloth,
                accent,
                rng.randint(0, 2),
            ),
            Item(
                "coffee_table",
                x + rng.uniform(-0.2, 0.1),
                0.0,
                rng.uniform(1.0, 1.2),
                0.95,
                0.38,
                0.5,
                wood,
                accent,
            ),
            Item(
                "rug",
                x - 0.05,
                0.0,
                0.7,
                1.7,
                0.0,
                1.15,
                tone(rng, (0.2, 0.5), (0.5, 0.85)),
                accent,
                rng.randint(0, 1),
            ),
        ]
    items.append(Item("armchair", -1.4, 0.0, rng.uniform(1.5, 1.8), 0.75, 0.85, 0.7, cloth))
    items.append(Item("bookshelf", 1.5, 0.0, back - 0.32, 0.6, 1.85, 0.3, wood, variant=rng.randint(0, 4)))
    return items, rng.uniform(-1.1, -0.3)


_LAYOUTS = {
    "bathroom": _bathroom,
    "bedroom": _bedroom,
    "dining_room": _dining_room,
    "kitchen": _kitchen,
    "living_room": _living_room,
}
