"""Edits of whole pictures, one kind of information taken out of each, and noise of equal strength as their control.

The control of an edit is the picture plus the edit's own change with its phases drawn at random: the same energy in the
same frequencies and colours, but laid out without regard to what is in the picture (phase scrambling; Theiler et al.
1992, Physica D 58:77). A model that merely dislikes disturbed pixels loses as much by the control.
All functions take and return (b, h, w, 3) uint8.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from failsight.tools.inputs.base import Floats, Pixels

Generators = Sequence[np.random.Generator]
Edit = Callable[[Pixels, Generators], Pixels]
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601
BLOCKS = 4  # patches along each side when they are shuffled
SOFTEST = 24  # the low-pass keeps what is larger than about a twelfth of the side (σ = side / 24)
RADIUS = 16  # the guided filter's radius is side / 16
CONTRAST = 0.1  # and smooths what varies by less than this share of the range


def _bytes(values: npt.NDArray[Any]) -> Pixels:
    made: Pixels = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return made


def grey(pixels: Pixels, rngs: Generators) -> Pixels:
    """Colour taken out, brightness kept."""
    return _bytes((pixels @ LUMA)[..., None].repeat(3, -1))


def hue(pixels: Pixels, rngs: Generators) -> Pixels:
    """Every hue turned into its opposite, brightness kept as far as the range allows."""
    return _bytes(2 * (pixels @ LUMA)[..., None] - pixels)


def shuffle(pixels: Pixels, rngs: Generators) -> Pixels:
    """A 4 × 4 mosaic in random order: texture and colour stay, the shape of anything larger goes."""
    height, width = pixels.shape[1] // BLOCKS, pixels.shape[2] // BLOCKS
    made = pixels.copy()
    if not (height and width):
        return made
    for one, source, rng in zip(made, pixels, rngs, strict=True):
        order = rng.permutation(BLOCKS * BLOCKS)
        for to, origin in enumerate(order.tolist()):
            (r, c), (s, d) = divmod(to, BLOCKS), divmod(origin, BLOCKS)
            one[r * height : (r + 1) * height, c * width : (c + 1) * width] = source[
                s * height : (s + 1) * height, d * width : (d + 1) * width
            ]
    return made


def smooth(pixels: Pixels, rngs: Generators) -> Pixels:
    """Texture taken out, edges kept: the self-guided filter, twice (He, Sun & Tang 2013, IEEE TPAMI 35:1397, eq. 5-8)."""
    size = 2 * max(1, min(pixels.shape[1:3]) // RADIUS) + 1
    values = pixels.astype(np.float32)
    for _ in range(2):
        mean = _box(values, size)
        spread = np.maximum(_box(values * values, size) - mean * mean, 0)
        gain = spread / (spread + (CONTRAST * 255) ** 2)
        values = _box(gain, size) * values + _box((1 - gain) * mean, size)
    return _bytes(values)


def _box(values: Floats, size: int) -> Floats:
    from scipy.ndimage import uniform_filter1d

    return np.asarray(
        uniform_filter1d(uniform_filter1d(values, size, axis=1, mode="reflect"), size, axis=2, mode="reflect")
    )


def low(pixels: Pixels, rngs: Generators) -> Pixels:
    """High frequencies taken out: a Gaussian blur."""
    from PIL import Image, ImageFilter

    blur = ImageFilter.GaussianBlur(max(0.8, min(pixels.shape[1:3]) / SOFTEST))
    return np.stack([np.asarray(Image.fromarray(one).filter(blur)) for one in pixels])


def high(pixels: Pixels, rngs: Generators) -> Pixels:
    """Low frequencies taken out, the mean colour kept: what the blur loses, on a plain ground."""
    ground = pixels.mean((1, 2), keepdims=True, dtype=np.float32)
    return _bytes(pixels - low(pixels, rngs).astype(np.float32) + ground)


EDITS: dict[str, Edit] = {
    "grey": grey,
    "hue": hue,
    "shuffle": shuffle,
    "smooth": smooth,
    "low": low,
    "high": high,
}


def scrambled(pixels: Pixels, edited: Pixels, rngs: Generators) -> Pixels:
    """The control: ``pixels`` plus the change that the edit made, its phases random (the same in all three channels).

    Clipping to 0–255 eats energy; the change is stretched once to make up for it, at most twofold."""
    from scipy import fft

    height, width = pixels.shape[1:3]
    base = pixels.astype(np.float32)
    change = edited.astype(np.float32) - base
    white = np.stack([rng.standard_normal((height, width), dtype=np.float32) for rng in rngs])
    spectrum = fft.rfft2(white, axes=(1, 2))
    phase = spectrum / np.maximum(np.abs(spectrum), 1e-12)
    noise = fft.irfft2(fft.rfft2(change, axes=(1, 2)) * phase[..., None], (height, width), axes=(1, 2))
    wanted = np.square(change).mean((1, 2, 3))
    got = np.square(np.clip(base + noise, 0, 255) - base).mean((1, 2, 3))
    stretch = np.clip(np.sqrt(wanted / np.maximum(got, 1e-9)), 1, 2)
    return _bytes(base + noise * stretch[:, None, None, None])
