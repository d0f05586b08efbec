"""From a scene to pixels and boxes.

The camera exposes automatically: brightness and contrast of every picture are drawn independently of what it shows,
so neither can stand in for a cue. A twin keeps its sibling's tone curve: only the changed object differs.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from PIL import Image, ImageFilter

from failsight.knowledge_base.cases import dry_rooms, furnishings, wet_rooms
from failsight.knowledge_base.cases.canvas import SUPERSAMPLE, Canvas
from failsight.knowledge_base.cases.geometry import Box
from failsight.knowledge_base.cases.scene import Item, Scene

Array = np.ndarray[tuple[int, ...], np.dtype[np.float32]]

SIZE = 96
"""Side of a picture in pixels, unless asked otherwise."""


def _bed(c: Canvas, i: Item) -> None:
    (dry_rooms.bunk if i.variant == 9 else dry_rooms.bed)(c, i)


DRAWINGS: dict[str, Callable[[Canvas, Item], None]] = {
    "armchair": dry_rooms.armchair,
    "basin": wet_rooms.basin,
    "bed": _bed,
    "bed_like": dry_rooms.sofa_bed,
    "bookshelf": dry_rooms.bookshelf,
    "cabinet": dry_rooms.cabinet,
    "cat": furnishings.cat,
    "chair": dry_rooms.chair,
    "clutter": furnishings.clutter,
    "coffee_table": dry_rooms.coffee_table,
    "counter": wet_rooms.counter,
    "cupboards": wet_rooms.cupboards,
    "fridge": wet_rooms.fridge,
    "hood": wet_rooms.hood,
    "lamp": furnishings.lamp,
    "mirror": wet_rooms.mirror,
    "nightstand": dry_rooms.nightstand,
    "pendant": dry_rooms.pendant,
    "picture": furnishings.picture,
    "plant": furnishings.plant,
    "rug": furnishings.rug,
    "shower": wet_rooms.shower,
    "sofa": dry_rooms.sofa,
    "stools": furnishings.stool,
    "stove": wet_rooms.stove,
    "table": dry_rooms.table,
    "television": furnishings.television,
    "toilet": wet_rooms.toilet,
    "towel": wet_rooms.towel,
    "tub": wet_rooms.tub,
    "vanity": wet_rooms.vanity,
    "wardrobe": dry_rooms.wardrobe,
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A rendered scene.

    Attributes:
        image: RGB picture.
        boxes: for each kind of object, the boxes (x0, y0, x1, y1) of its objects in fractions of width and height.
        scene: the scene with its tone curve filled in; render it again, or a twin of it, to get equal pixels.
    """

    image: Image.Image
    boxes: dict[str, tuple[Box, ...]]
    scene: Scene


def render(scene: Scene, size: int = SIZE) -> Picture:
    """Draw a scene.

    Args:
        scene: what to draw.
        size: side of the square picture, pixels.
    """
    canvas = Canvas(size, scene.camera)
    furnishings.shell(canvas, scene.shell)
    boxes: dict[str, list[Box]] = {}
    order = sorted(scene.visible(), key=_depth, reverse=True)
    for item in order:
        canvas.begin()
        DRAWINGS[item.kind](canvas, item)
        box = canvas.end()
        if box is not None:
            boxes.setdefault(item.kind, []).append(box)
    image, scene = _develop(canvas.image, scene, size)
    return Picture(image, {kind: tuple(found) for kind, found in boxes.items()}, scene)


def _depth(item: Item) -> float:
    """Painter's order: the rug first, then from the back wall to the front."""
    return 99.0 if item.kind == "rug" else item.z + item.d / 2


def encode(picture: Picture) -> bytes:
    """The JPEG file of a picture, at its own quality, colours at full resolution."""
    out = io.BytesIO()
    picture.image.save(out, "JPEG", quality=picture.scene.finish.quality, subsampling=0)
    return out.getvalue()


@lru_cache(maxsize=8)
def _falloff(size: int) -> Array:
    """Squared distance from the centre, 0..1, shaped for broadcasting over colours."""
    axis = ((np.arange(size) + 0.5) / size - 0.5) ** 2
    square = (axis[:, None] + axis[None, :]) * 2
    return square[:, :, None].astype(np.float32)


def _develop(drawn: Image.Image, scene: Scene, size: int) -> tuple[Image.Image, Scene]:
    """Lens, exposure and sensor."""
    finish = scene.finish
    small = drawn.reduce(SUPERSAMPLE)
    sigma = finish.blur * size / 96
    if sigma > 0.15:
        small = small.filter(ImageFilter.GaussianBlur(sigma))
    warm = np.array([1 + 0.12 * finish.warmth, 1.0, 1 - 0.12 * finish.warmth], np.float32) / 255
    pixels = np.asarray(small, dtype=np.float32) * (1.0 - finish.vignette * _falloff(size))
    pixels *= warm
    if finish.gain is None or finish.offset is None:
        grey = pixels[::2, ::2] @ np.array([0.299, 0.587, 0.114], np.float32)
        gain = finish.spread / max(float(grey.std()), 1e-3)
        finish = replace(finish, gain=gain, offset=finish.mean - gain * float(grey.mean()))
        scene = replace(scene, finish=finish)
    noise = np.random.default_rng(finish.seed).standard_normal((size, size, 1), np.float32)
    pixels *= np.float32(finish.gain)
    pixels += noise * np.float32(finish.noise) + np.float32(finish.offset)
    pixels *= 255
    pixels += 0.5
    np.clip(pixels, 0, 255, out=pixels)
    return Image.fromarray(pixels.astype(np.uint8)), scene
