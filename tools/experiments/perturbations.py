"""Natural perturbations of prepared pixels, at five severities: what light, lens, sensor, network and weather do.

After Hendrycks & Dietterich 2019 (Benchmarking Neural Network Robustness to Common Corruptions and Perturbations, ICLR,
appendix B), written anew. Lengths (blur, streaks, patches) are shares of the shorter side, so that a picture of 32 and one
of 224 pixels suffer alike; where the authors' tables for the two sizes (ImageNet-C, CIFAR-10-C) differ in another way, the
strength lies between them by the logarithm of the side (``_between``).

Every perturbation takes ``(n, h, w, 3)`` uint8 and gives the same shape. Severity 0 gives the pictures themselves. What is
random (noise, direction, place) depends on seed, perturbation and row alone: not on the severity, which only makes the
same disturbance stronger, and not on which other pictures are in the batch.
"""

from __future__ import annotations

import io
import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.experiments.warps import bilinear, convolve, disc, gaussian, line, resize
from failsight.tools.inputs.base import Floats, Pixels

Ints = npt.NDArray[np.int64]
SEVERITIES = (1, 2, 3, 4, 5)
SMALL, LARGE = 32, 224  # sides of the pictures for which the authors give strengths
DIRECTIONS = 8  # of motion, over half a turn


@dataclass(frozen=True)
class Draw:
    """The random part of a perturbation for some pictures.

    Attributes:
        rngs: one generator a picture.
        side: the shorter side, in pixels.
    """

    rngs: Sequence[np.random.Generator]
    side: int


Change = Callable[
    [Floats, int, Draw], Floats
]  # pictures in [0, 1], place of the severity (0 to 4), randomness


@dataclass(frozen=True)
class Perturbation:
    """One way in which pictures get worse.

    Attributes:
        name: as an argument and in slices.
        family: light, lens, noise, file, framing or weather.
        words: what it stands for, in a few words.
    """

    name: str
    family: str
    words: str
    change: Change


def perturb(name: str, severity: int, pixels: Pixels, rows: Ints, seed: int) -> Pixels:
    """``pixels`` (n, h, w, 3) uint8 under the perturbation called ``name``.

    Args:
        severity: 0 (nothing) to 5.
        rows: (n,) row numbers of the pictures; with ``seed`` they fix what is random.

    Raises:
        KeyError: an unknown perturbation.
        ValueError: an unknown severity.
    """
    one = PERTURBATIONS[name]
    if severity not in (0, *SEVERITIES):
        raise ValueError(f"severities go from 0 to 5, not {severity}")
    if severity == 0 or not len(pixels):
        return pixels.copy()
    stream = zlib.crc32(name.encode())
    rngs = [np.random.default_rng([seed, stream, int(row)]) for row in rows]
    draw = Draw(rngs, min(pixels.shape[1:3]))
    changed = one.change(pixels.astype(np.float32) / 255, severity - 1, draw)
    made: Pixels = np.clip(np.rint(changed * 255), 0, 255).astype(np.uint8)
    return made


def _between(small: Sequence[float], large: Sequence[float], at: int, side: int) -> float:
    """A strength between those for 32 and for 224 pixels, by the logarithm of the side; constant beyond."""
    share = math.log(min(max(side, SMALL), LARGE) / SMALL) / math.log(LARGE / SMALL)
    return float(small[at] ** (1 - share) * large[at] ** share)


def _grain(side: int) -> float:
    """How strong noise is, against a picture of 224 pixels: fewer pixels average less of it away, so they get less of it
    (the square root of the side, which is what lies between the tables of CIFAR-10-C and ImageNet-C)."""
    return math.sqrt(min(side, LARGE) / LARGE)


# Light -----------------------------------------------------------------------------------------------------------------
DARKER = (0.8, 0.65, 0.5, 0.35, 0.2)  # share of the light that is left
BRIGHTER = (1.2, 1.4, 1.7, 2.0, 2.5)  # exposure, before it saturates
CONTRAST = (0.75, 0.55, 0.4, 0.25, 0.12)  # share of the distance to the mean grey that is left


def _darker(x: Floats, at: int, draw: Draw) -> Floats:
    made: Floats = x * np.float32(DARKER[at])
    return made


def _brighter(x: Floats, at: int, draw: Draw) -> Floats:
    made: Floats = np.minimum(x * np.float32(BRIGHTER[at]), 1)
    return made


def _low_contrast(x: Floats, at: int, draw: Draw) -> Floats:
    mean = x.mean((1, 2), keepdims=True)
    made: Floats = mean + (x - mean) * np.float32(CONTRAST[at])
    return made


# Lens ------------------------------------------------------------------------------------------------------------------
DEFOCUS = tuple(r / LARGE for r in (3.0, 4.0, 6.0, 8.0, 10.0))  # radius of the disc
GAUSSIAN_BLUR = tuple(s / LARGE for s in (1.0, 2.0, 3.0, 4.0, 6.0))  # standard deviation
MOTION = tuple(length / LARGE for length in (8.0, 12.0, 18.0, 26.0, 36.0))  # way during the exposure


def _defocus(x: Floats, at: int, draw: Draw) -> Floats:
    return convolve(x, disc(DEFOCUS[at] * draw.side))


def _gaussian_blur(x: Floats, at: int, draw: Draw) -> Floats:
    return gaussian(x, GAUSSIAN_BLUR[at] * draw.side)


def _motion_blur(x: Floats, at: int, draw: Draw) -> Floats:
    directions = np.array([int(rng.integers(DIRECTIONS)) for rng in draw.rngs])
    made = np.empty_like(x)
    for one in np.unique(directions):
        part = directions == one
        made[part] = convolve(x[part], line(MOTION[at] * draw.side, math.pi * one / DIRECTIONS))
    return made


# Noise -----------------------------------------------------------------------------------------------------------------
GAUSSIAN_NOISE = (0.08, 0.12, 0.18, 0.26, 0.38)  # standard deviation at 224 pixels
PHOTONS = (60.0, 25.0, 12.0, 5.0, 3.0)  # counted for a white pixel at 224 pixels


def _gaussian_noise(x: Floats, at: int, draw: Draw) -> Floats:
    field = np.stack([rng.standard_normal(x.shape[1:], np.float32) for rng in draw.rngs])
    made: Floats = x + field * np.float32(GAUSSIAN_NOISE[at] * _grain(draw.side))
    return made


def _shot_noise(x: Floats, at: int, draw: Draw) -> Floats:
    photons = PHOTONS[at] / _grain(draw.side) ** 2
    counted = np.stack([rng.poisson(one * photons) for rng, one in zip(draw.rngs, x, strict=True)])
    made: Floats = (counted / photons).astype(np.float32)
    return made


# File ------------------------------------------------------------------------------------------------------------------
JPEG = ((80, 65, 58, 50, 40), (25, 18, 15, 10, 7))  # quality at 32 and at 224 pixels
RESOLUTION = ((0.95, 0.9, 0.85, 0.75, 0.65), (0.6, 0.5, 0.4, 0.3, 0.25))  # share of the side that is kept


def _jpeg(x: Floats, at: int, draw: Draw) -> Floats:
    from PIL import Image

    quality = round(_between(*JPEG, at, draw.side))
    made = np.empty_like(x)
    for i, one in enumerate(np.rint(x * 255).astype(np.uint8)):
        buffer = io.BytesIO()
        Image.fromarray(one).save(buffer, "JPEG", quality=quality)
        with Image.open(buffer) as back:
            made[i] = np.asarray(back.convert("RGB"), np.float32) / 255
    return made


def _low_resolution(x: Floats, at: int, draw: Draw) -> Floats:
    share = _between(*RESOLUTION, at, draw.side)
    height, width = x.shape[1:3]
    small = max(1, round(height * share)), max(1, round(width * share))
    return resize(resize(x, *small, average=True), height, width)


# Framing ---------------------------------------------------------------------------------------------------------------
DEGREES = (5.0, 10.0, 15.0, 22.0, 30.0)
KEPT = (0.9, 0.8, 0.7, 0.6, 0.5)  # share of the side that the closer picture shows


def _rotation(x: Floats, at: int, draw: Draw) -> Floats:
    height, width = x.shape[1:3]
    signs = np.array([1 if rng.random() < 0.5 else -1 for rng in draw.rngs])
    angle = np.radians(DEGREES[at]) * signs[:, None, None]
    y, x_ = np.arange(height) - (height - 1) / 2, np.arange(width) - (width - 1) / 2
    rows = y[:, None] * np.cos(angle) - x_[None] * np.sin(angle) + (height - 1) / 2
    columns = y[:, None] * np.sin(angle) + x_[None] * np.cos(angle) + (width - 1) / 2
    return bilinear(x, rows, columns)


def _closer(x: Floats, at: int, draw: Draw) -> Floats:
    height, width = x.shape[1:3]
    kept = KEPT[at]
    place = np.array([rng.random(2) for rng in draw.rngs])
    span_y, span_x = kept * (height - 1), kept * (width - 1)
    rows = place[:, :1] * (height - 1 - span_y) + np.linspace(0, span_y, height)
    columns = place[:, 1:] * (width - 1 - span_x) + np.linspace(0, span_x, width)
    shape = (len(x), height, width)
    return bilinear(x, np.broadcast_to(rows[:, :, None], shape), np.broadcast_to(columns[:, None], shape))


PATCH = (0.04, 0.08, 0.14, 0.22, 0.32)  # share of the area behind the patch


def _covered(x: Floats, at: int, draw: Draw) -> Floats:
    """A plain rectangle of the picture's mean colour; larger ones contain the smaller ones as far as the frame allows."""
    height, width = x.shape[1:3]
    made = x.copy()
    for one, rng in zip(made, draw.rngs, strict=True):
        ratio, place = math.exp(rng.uniform(-0.5, 0.5)), rng.random(2)
        tall = min(height, max(1, round(height * math.sqrt(PATCH[at] * ratio))))
        wide = min(width, max(1, round(width * height * PATCH[at] / tall)))
        top, left = (round(p * (s - e)) for p, s, e in zip(place, (height, width), (tall, wide), strict=True))
        one[top : top + tall, left : left + wide] = one.mean((0, 1))
    return made


# Weather ---------------------------------------------------------------------------------------------------------------
FOG = (0.2, 0.32, 0.44, 0.56, 0.7)  # mean share of the light that comes from the fog
RAIN = ((0.004, 0.008, 0.014, 0.02, 0.03), 0.12)  # drops for each cell of the grid, length of a streak
SNOW = ((0.006, 0.012, 0.02, 0.03, 0.045), 0.03)
VEIL = (0.05, 0.1, 0.15, 0.2, 0.25)  # grey haze that comes with rain and snow
STEEP, SLANTED = math.radians(80), math.radians(60)  # how rain and snow fall
GRID = 96  # flakes and drops are drawn on a grid of so many cells a side, whatever the size of the picture


def _fog(x: Floats, at: int, draw: Draw) -> Floats:
    height, width = x.shape[1:3]
    cloud = np.zeros((len(x), height, width, 1), np.float32)
    for octave in (2, 4, 8):
        field = np.stack([rng.random((octave + 1, octave + 1, 1), np.float32) for rng in draw.rngs])
        cloud += resize(field, height, width) / octave
    density = np.float32(FOG[at]) * (0.6 + 0.8 * cloud / np.float32(1 / 2 + 1 / 4 + 1 / 8))
    density = np.clip(density, 0, 1)
    made: Floats = x * (1 - density) + np.float32(0.85) * density
    return made


def _streaks(x: Floats, at: int, draw: Draw, how: tuple[Sequence[float], float], angle: float) -> Floats:
    """(n, h, w, 1) how much of each pixel is drop or flake, in [0, 1]; more of them at higher severity, the same ones first."""
    drops, length = how
    fields = np.stack([rng.random((GRID, GRID, 1), np.float32) for rng in draw.rngs])
    dots = (fields < drops[at]).astype(np.float32)
    drawn = convolve(dots, line(length * GRID, angle)) * np.float32(length * GRID)
    made: Floats = np.clip(resize(np.clip(drawn, 0, 1), *x.shape[1:3], average=True), 0, 1)
    return made


def _rain(x: Floats, at: int, draw: Draw) -> Floats:
    veiled = x * np.float32(1 - VEIL[at]) + np.float32(VEIL[at] * 0.5)
    streaks = np.float32(0.6) * _streaks(x, at, draw, RAIN, STEEP)
    made: Floats = veiled * (1 - streaks) + np.float32(0.75) * streaks
    return made


def _snow(x: Floats, at: int, draw: Draw) -> Floats:
    veiled = x * np.float32(1 - VEIL[at]) + np.float32(VEIL[at] * 0.9)
    flakes = np.float32(0.9) * _streaks(x, at, draw, SNOW, SLANTED)
    made: Floats = veiled * (1 - flakes) + flakes
    return made


_ALL = (
    Perturbation("darker", "light", "less light", _darker),
    Perturbation("brighter", "light", "overexposure", _brighter),
    Perturbation("low_contrast", "light", "flat contrast", _low_contrast),
    Perturbation("defocus", "lens", "a lens out of focus", _defocus),
    Perturbation("gaussian_blur", "lens", "a soft lens", _gaussian_blur),
    Perturbation("motion_blur", "lens", "a moving camera", _motion_blur),
    Perturbation("gaussian_noise", "noise", "a warm sensor", _gaussian_noise),
    Perturbation("shot_noise", "noise", "few photons", _shot_noise),
    Perturbation("jpeg", "file", "strong compression", _jpeg),
    Perturbation("low_resolution", "file", "a picture scaled down and up again", _low_resolution),
    Perturbation("rotation", "framing", "a tilted camera", _rotation),
    Perturbation("closer", "framing", "a closer crop", _closer),
    Perturbation("covered", "framing", "something in front of the lens", _covered),
    Perturbation("fog", "weather", "fog", _fog),
    Perturbation("rain", "weather", "rain", _rain),
    Perturbation("snow", "weather", "snow", _snow),
)
PERTURBATIONS: Mapping[str, Perturbation] = {one.name: one for one in _ALL}
NAMES = tuple(PERTURBATIONS)
