"""Pictures for people: rows of tiles with a line of text under each, and heat maps laid over pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from failsight.tools.inputs.base import Floats, Pixels
from failsight.tools.text import clean

if TYPE_CHECKING:
    from PIL.Image import Image

TILE = 168
TEXT = 18
GAP = 6
INK, PAPER = (30, 30, 34), (255, 255, 255)
# Anchors of the viridis map (van der Walt & Smith 2015): readable in grey and with colour-blind eyes
_VIRIDIS = np.array([[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]], np.float32)


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture (h, w, 3) uint8 with lines of text under it."""

    picture: Pixels
    lines: tuple[str, ...] = ()


def sheet(rows: Sequence[Sequence[Tile]], heads: Sequence[str] = ()) -> Image:
    """A contact sheet: one line of tiles per row, with an optional head over each column."""
    from PIL import Image, ImageDraw, ImageFont

    columns = max((len(r) for r in rows), default=1)
    lines = max((len(t.lines) for r in rows for t in r), default=0)
    top = TEXT + GAP if heads else GAP
    step = TILE + lines * TEXT + GAP
    made = Image.new("RGB", (columns * (TILE + GAP) + GAP, top + len(rows) * step), PAPER)
    pen, font = ImageDraw.Draw(made), ImageFont.load_default(13)
    for j, head in enumerate(heads):
        pen.text((GAP + j * (TILE + GAP), GAP // 2), _fit(head), INK, font)
    for i, row in enumerate(rows):
        for j, tile in enumerate(row):
            x, y = GAP + j * (TILE + GAP), top + i * step
            made.paste(_scaled(tile.picture), (x, y))
            for k, line in enumerate(tile.lines):
                pen.text((x, y + TILE + k * TEXT), _fit(line), INK, font)
    return made


def _fit(text: str) -> str:
    """Text that fits under a tile, without characters that the built-in font lacks."""
    return clean(text, 26).replace("…", "...").encode("latin-1", "replace").decode("latin-1")


def _scaled(picture: Pixels) -> Image:
    """The picture at tile size, aspect kept, on a white ground; small pictures keep their pixels visible."""
    from PIL import Image

    height, width = picture.shape[:2]
    scale = TILE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    how = Image.Resampling.NEAREST if scale > 2 else Image.Resampling.BILINEAR
    made = Image.new("RGB", (TILE, TILE), PAPER)
    made.paste(Image.fromarray(picture).resize(size, how), ((TILE - size[0]) // 2, (TILE - size[1]) // 2))
    return made


def heat(saliency: Floats, height: int, width: int) -> Pixels:
    """A map of any shape as viridis colours (height, width, 3); its largest value is the brightest, 0 and below the darkest."""
    from PIL import Image

    small = np.nan_to_num(np.asarray(saliency, np.float32))
    high = float(small.max()) if small.size else 0.0
    scaled = np.clip(small / high, 0, 1) if high > 0 else np.zeros_like(small)
    large = np.asarray(Image.fromarray(scaled).resize((width, height), Image.Resampling.BILINEAR))
    at = np.clip(large, 0, 1) * (len(_VIRIDIS) - 1)
    low = np.minimum(at.astype(np.int64), len(_VIRIDIS) - 2)
    part = (at - low)[..., None]
    made: Pixels = np.rint(_VIRIDIS[low] * (1 - part) + _VIRIDIS[low + 1] * part).astype(np.uint8)
    return made


def overlay(picture: Pixels, saliency: Floats, strength: float = 0.55) -> Pixels:
    """``saliency`` as heat over ``picture`` (h, w, 3)."""
    height, width = picture.shape[:2]
    grey = picture.mean(2, keepdims=True).repeat(3, 2)
    mixed = (1 - strength) * grey + strength * heat(saliency, height, width)
    made: Pixels = np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
    return made


def outlined(picture: Pixels, boxes: Sequence[tuple[int, int, int, int]]) -> Pixels:
    """``picture`` with white rectangles (y0, x0, y1, x1) drawn round ``boxes``."""
    made = picture.copy()
    for y0, x0, y1, x1 in boxes:
        if y1 > y0 and x1 > x0:
            made[y0, x0:x1] = made[y1 - 1, x0:x1] = 255
            made[y0:y1, x0] = made[y0:y1, x1 - 1] = 255
    return made
