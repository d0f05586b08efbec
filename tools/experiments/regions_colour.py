"""Colour ranges: names such as ``red``, or ranges of hue, saturation and value; and the pixels of a picture that lie in one."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.inputs.base import Pixels
from failsight.tools.text import clean

Range = tuple[float, float]
WHOLE: Range = (0.0, 1.0)
ROUND: Range = (0.0, 360.0)
LEAST_PIXELS, LEAST_SHARE = (
    4,
    0.001,
)  # connected parts below both are specks: compression and noise leave them anywhere


@dataclass(frozen=True, slots=True)
class Colour:
    """A range of colours.

    Attributes:
        name: what a sentence calls it; empty for a range in figures.
        hue: degrees in [0, 360]; from high to low it passes through 0 (350 to 10).
        saturation, value: in [0, 1].
    """

    name: str
    hue: Range = ROUND
    saturation: Range = WHOLE
    value: Range = WHOLE

    @property
    def title(self) -> str:
        """``red``, or ``of hue 350–10°, saturation 0.4–1``."""
        if self.name:
            return self.name
        parts = [f"hue {self.hue[0]:g}–{self.hue[1]:g}°"] if self.hue != ROUND else []
        parts += (
            [f"saturation {self.saturation[0]:g}–{self.saturation[1]:g}"] if self.saturation != WHOLE else []
        )
        parts += [f"value {self.value[0]:g}–{self.value[1]:g}"] if self.value != WHOLE else []
        return f"of {', '.join(parts)}"

    @property
    def text(self) -> str:
        """As the grammar writes it."""
        if self.name:
            return self.name
        kept = (("h", self.hue, ROUND), ("s", self.saturation, WHOLE), ("v", self.value, WHOLE))
        return ",".join(
            f"{letter}{low:g}-{high:g}" for letter, (low, high), all_ in kept if (low, high) != all_
        )

    def inside(self, colours: Pixels) -> npt.NDArray[np.bool_]:
        """Which of ``colours`` (…, 3; 0 to 255, RGB) lie in the range: (…). Grey has no hue: it is in none but the whole."""
        hue, saturation, value = hsv(colours)
        low, high = self.hue
        made = (saturation >= self.saturation[0]) & (saturation <= self.saturation[1])
        made &= (value >= self.value[0]) & (value <= self.value[1])
        if self.hue != ROUND:
            within = (hue >= low) & (hue <= high) if low <= high else (hue >= low) | (hue <= high)
            made &= within & (saturation > 0)
        return made


NAMED = {
    c.name: c
    for c in (
        Colour("red", (345, 15), (0.4, 1), (0.25, 1)),
        Colour("orange", (15, 45), (0.5, 1), (0.6, 1)),
        Colour("brown", (5, 45), (0.25, 1), (0.12, 0.6)),
        Colour("yellow", (45, 70), (0.35, 1), (0.4, 1)),
        Colour("green", (70, 165), (0.25, 1), (0.15, 1)),
        Colour("cyan", (165, 200), (0.25, 1), (0.25, 1)),
        Colour("blue", (200, 260), (0.25, 1), (0.15, 1)),
        Colour("purple", (260, 310), (0.2, 1), (0.15, 1)),
        Colour("pink", (310, 350), (0.15, 1), (0.5, 1)),
        Colour("white", ROUND, (0, 0.12), (0.85, 1)),
        Colour("grey", ROUND, (0, 0.15), (0.15, 0.85)),
        Colour("black", ROUND, WHOLE, (0, 0.15)),
    )
}
_ALIASES = {"gray": "grey", "violet": "purple", "magenta": "pink", "turquoise": "cyan", "teal": "cyan"}
_NUMBER = r"(\d+(?:\.\d+)?|\.\d+)"
_PART = re.compile(rf"^([hsv])\s*{_NUMBER}\s*[-–]\s*{_NUMBER}°?$")


def parse_colour(text: str) -> Colour:
    """``red``, or ``h350-10,s0.4-1,v0.2-1`` (hue in degrees; every part may be left out, not all of them).

    Raises:
        RetryError: neither a known name nor ranges inside their bounds.
    """
    word = text.strip().casefold()
    word = _ALIASES.get(word, word)
    if word in NAMED:
        return NAMED[word]
    found: dict[str, Range] = {}
    for part in word.split(","):
        match = _PART.match(part.strip())
        if not match or match[1] in found:
            raise _not_a_colour(text)
        found[match[1]] = (float(match[2]), float(match[3]))
    hue, saturation, value = found.get("h", ROUND), found.get("s", WHOLE), found.get("v", WHOLE)
    straight = all(0 <= low <= high <= 1 for low, high in (saturation, value))
    if not straight or not all(0 <= h <= 360 for h in hue):
        raise _not_a_colour(text)
    return Colour("", hue, saturation, value)


def _not_a_colour(text: str) -> RetryError:
    return RetryError(
        f"region: {clean(text, 60)!r} is no colour; write a name, or ranges such as h350-10,s0.4-1,v0.2-1 "
        "(hue in degrees, saturation and value from 0 to 1).",
        list(NAMED),
    )


def hsv(colours: Pixels) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Hue in degrees [0, 360), saturation and value in [0, 1] of RGB ``colours`` (…, 3; 0 to 255). Grey: hue 0."""
    rgb = np.asarray(colours, np.float32) / 255
    r, g, b = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    high, low = rgb.max(-1), rgb.min(-1)
    spread = high - low
    safe = np.where(spread > 0, spread, 1)
    sector = np.select(
        [high == r, high == g], [((g - b) / safe) % 6, (b - r) / safe + 2], default=(r - g) / safe + 4
    )
    hue = np.where(spread > 0, 60 * sector, 0).astype(np.float32)
    saturation = np.where(high > 0, spread / np.where(high > 0, high, 1), 0).astype(np.float32)
    return hue, saturation, high


def without_specks(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """``mask`` (h, w) without its connected parts (8 neighbours) of fewer than 4 pixels or 0.1 % of the picture."""
    from scipy import ndimage

    if not mask.any():
        return mask
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    counts = np.bincount(labels.ravel())
    keep = counts >= max(LEAST_PIXELS, LEAST_SHARE * mask.size)
    keep[0] = False
    made: npt.NDArray[np.bool_] = keep[labels]
    return made
