"""What the shipped encoder learns from: pictures of rooms in which every attribute varies on its own, and what is true of them."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from failsight.knowledge_base.cases.captions import FURNITURE, PHRASES, ROOMS, THINGS, presence
from failsight.knowledge_base.cases.render import encode
from failsight.knowledge_base.cases.scene import CLASSES, CUES, STYLE_COLUMNS, STYLES, Scene
from failsight.knowledge_base.cases.splits import pictures
from failsight.knowledge_base.cases.world import Mix, WorldConfig, yes

SIZE = 96
PATCH = 12
GRID = SIZE // PATCH
Ints = np.ndarray[Any, np.dtype[np.int64]]
Bytes = np.ndarray[Any, np.dtype[np.uint8]]
Bools = np.ndarray[Any, np.dtype[np.bool_]]

KINDS: tuple[str, ...] = (*THINGS, "clutter")
"""Objects that the patch head tells apart."""

_SHOWS: Mapping[str, tuple[str, ...]] = {
    "bathroom": ("tub", "shower"),
    "bedroom": ("bed",),
    "dining_room": ("table",),
    "kitchen": ("counter",),
    "living_room": ("sofa", "bed_like"),
}
"""What must be in the picture for the class and its sub-style to be told at all."""

_VARIED: Mix = {
    **{cue: {"*": yes(0.5)} for cue in CUES},
    **{STYLE_COLUMNS[c]: {c: {STYLES[c][0]: 0.5, STYLES[c][1]: 0.5}} for c in CLASSES},
    "floor": {"*": {"wood": 0.5, "tile": 0.5}},
    "lighting": {"*": {"bright": 0.34, "soft": 0.33, "dark": 0.33}},
    "tilt": {"*": {"level": 0.5, "tilted": 0.5}},
    "clutter": {"*": {"tidy": 0.5, "cluttered": 0.5}},
    "framing": {"*": {"whole": 0.8, "close": 0.2}},
    "camera": {"*": {"professional": 0.5, "phone": 0.5}},
}
SEED = 910_000


def varied(seed: int, size: int = SIZE) -> WorldConfig:
    """A world in which every attribute varies, and no two of them together."""
    return WorldConfig("varied rooms", seed=seed, size=size, mixes={"train": _VARIED})


@dataclass(frozen=True)
class Drawn:
    """Pictures and what is true of them.

    Attributes:
        images: (n, SIZE, SIZE, 3) bytes.
        codes: attribute (and ``class``, and ``has KIND``) → (n,) position among its values; -1 where nobody could tell.
        patches: (n, GRID * GRID, kinds) whether a box of that kind covers a quarter of the patch.
        shots: (n, 3) turn of the camera about its axis, noise and blur, each scaled to about -1..1; in a mirrored picture
            the first has the other sign.
        labels: (n,) class names.
        values: attribute values of each picture.
        kinds: kinds of objects seen in each picture.
    """

    images: Bytes
    codes: Mapping[str, Ints]
    patches: Bools
    shots: np.ndarray[Any, np.dtype[np.float32]]
    labels: list[str]
    values: list[Mapping[str, str]]
    kinds: list[frozenset[str]]


def value_names(attribute: str) -> tuple[str, ...]:
    """The values of an attribute, in the order of its codes."""
    if attribute == "class":
        return tuple(ROOMS)
    return tuple(phrases_of(attribute))


def phrases_of(attribute: str) -> Mapping[str, tuple[str, ...]]:
    """Value → phrases of an attribute, of ``class``, or of ``has KIND``."""
    if attribute == "class":
        return ROOMS
    return presence(attribute[4:]) if attribute.startswith("has ") else PHRASES[attribute]


LEARNED: tuple[str, ...] = (*PHRASES, "class", *(f"has {kind}" for kind in FURNITURE))
ASKED: tuple[str, ...] = (*PHRASES, "class")


def draw(count: int, seed: int, say: Callable[[str], None] = print, small: float = 1 / 3) -> Drawn:
    """Draw pictures of varied worlds as stored JPEGs decode, a share ``small`` of them at 64 pixels and enlarged."""
    images = np.empty((count, SIZE, SIZE, 3), np.uint8)
    patches = np.zeros((count, GRID * GRID, len(KINDS)), bool)
    codes = {name: np.full(count, -1, np.int64) for name in LEARNED}
    shots = np.zeros((count, 3), np.float32)
    labels, values, kinds = [], [], []
    few = round(count * small)
    worlds = [(varied(seed, 64), few), (varied(seed + 1), count - few)]
    k = 0
    for world, share in worlds:
        for draft, picture in pictures(world, "train", share):
            with Image.open(io.BytesIO(encode(picture))) as stored:
                images[k] = np.asarray(stored.resize((SIZE, SIZE), Image.Resampling.BICUBIC))
            seen = frozenset(kind for kind in picture.boxes if kind in THINGS)
            for name, code in told(draft.truth, draft.attributes, frozenset(picture.boxes)).items():
                codes[name][k] = code
            for kind in picture.boxes.keys() & set(KINDS):
                patches[k, :, KINDS.index(kind)] = _covered(picture.boxes[kind])
            shots[k] = _shot(picture.scene)
            labels.append(draft.truth)
            values.append(draft.attributes)
            kinds.append(seen)
            k += 1
            if k % 4000 == 0:
                say(f"{k} of {count} pictures drawn")
    return Drawn(images, codes, patches, shots, labels, values, kinds)


def told(label: str, values: Mapping[str, str], boxes: frozenset[str]) -> dict[str, int]:
    """Codes of all that a picture tells."""
    codes = {name: value_names(name).index(values[name]) for name in PHRASES}
    codes["class"] = CLASSES.index(label)
    if not boxes & set(_SHOWS[label]):
        codes["class"] = codes[STYLE_COLUMNS[label]] = -1
    codes |= {f"has {kind}": int(kind in boxes) for kind in FURNITURE}
    return codes


def _shot(scene: Scene) -> tuple[float, float, float]:
    """Turn, noise and blur of a picture, each about -1..1."""
    finish = scene.finish
    return scene.camera.roll / 0.12, (math.log(finish.noise) + 4.7) / 0.7, (finish.blur - 0.4) / 0.2


def _covered(boxes: Sequence[tuple[float, float, float, float]]) -> Bools:
    """(GRID * GRID,) whether a box covers a quarter of the patch."""
    edges = np.arange(GRID) / GRID
    share = np.zeros((GRID, GRID))
    for x0, y0, x1, y1 in boxes:
        across = np.clip(np.minimum(x1, edges + 1 / GRID) - np.maximum(x0, edges), 0, None) * GRID
        down = np.clip(np.minimum(y1, edges + 1 / GRID) - np.maximum(y0, edges), 0, None) * GRID
        share = np.maximum(share, down[:, None] * across[None, :])
    found: Bools = (share >= 0.25).ravel()
    return found
