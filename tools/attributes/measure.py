"""What a picture looks like, in numbers: pure functions over batches of small pictures.

A *frame* is the whole picture in grey, squeezed to 128 × 128; a *patch* is the whole picture in colour, averaged to
32 × 32. Every picture is measured at the same two sizes, so that values can be compared whatever size it came in.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float64]
Hashes = npt.NDArray[np.uint64]

FRAME = 128
PATCH = 32
HUES = ("red", "orange", "yellow", "green", "cyan", "blue", "purple", "magenta", "grey")
GREY = HUES.index("grey")
_EDGES = np.array(
    [15, 45, 70, 165, 195, 255, 290, 345]
)  # degrees where one named hue ends and the next begins
_LEAST_SATURATION, _LEAST_VALUE, _LEAST_SHARE = 51, 38, 0.2  # of 255, of 255, of the pixels
# Annex K.1 of ITU-T T.81, in natural order: what libjpeg scales to a quality of 1 to 100
_LUMINANCE = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55, 14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29,
    51, 87, 80, 62, 18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92, 49, 64, 78, 87, 103, 121,
    120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip

_BITS = np.array([bin(i).count("1") for i in range(256)], np.int64)


def brightness_and_contrast(histograms: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Mean and standard deviation of luma, both on a scale of 0 (black) to 1 (white).

    Args:
        histograms: (n, 256) pixel counts per grey level (ITU-R BT.601 luma).

    Returns:
        (n,) brightness in [0, 1] and (n,) contrast (root mean square: Peli 1990) in [0, 0.5].
    """
    levels = np.arange(256) / 255
    total = np.maximum(histograms.sum(1), 1)
    mean = histograms @ levels / total
    variance = histograms @ levels**2 / total - mean**2
    return mean, np.sqrt(np.maximum(variance, 0))


def sharpness(frames: Bytes) -> Floats:
    """Variance of the 4-neighbour Laplacian of the frame, grey levels 0 to 255: low for blurred pictures.

    Args:
        frames: (n, 128, 128) uint8.

    Returns:
        (n,) values ≥ 0 (Pech-Pacheco et al. 2000, the LAPV measure).
    """
    made = np.empty(len(frames))
    for i, frame in enumerate(frames):  # one frame at a time stays in the processor's cache
        f = frame.astype(np.int16)
        edges = f[:-2, 1:-1] + f[2:, 1:-1] + f[1:-1, :-2] + f[1:-1, 2:] - 4 * f[1:-1, 1:-1]
        flat = edges.ravel().astype(np.float32)
        made[i] = max(0.0, float(flat @ flat / len(flat) - flat.mean() ** 2))
    return made


def symmetry(frames: Bytes) -> Floats:
    """How far left mirrors right: the correlation of each frame with its mirror image, coarsened to 32 × 32.

    Args:
        frames: (n, 128, 128) uint8.

    Returns:
        (n,) values in [−1, 1]; 1 where nothing varies.
    """
    coarse = frames.reshape(len(frames), PATCH, FRAME // PATCH, PATCH, FRAME // PATCH).mean((2, 4))
    flat = coarse.reshape(len(frames), -1) - coarse.mean((1, 2))[:, None]
    mirrored = flat.reshape(-1, PATCH, PATCH)[:, :, ::-1].reshape(len(frames), -1)
    power = (flat**2).sum(1)
    return np.asarray(
        np.divide((flat * mirrored).sum(1), power, out=np.ones(len(frames)), where=power > 1e-6), np.float64
    )


def centre_brightness(frames: Bytes) -> Floats:
    """How much brighter the middle is than its surroundings: mean of the middle quarter minus the mean of the rest.

    Args:
        frames: (n, 128, 128) uint8.

    Returns:
        (n,) differences on a scale of 0 (black) to 1 (white), in [−1, 1]; negative for a dark subject.
    """
    quarter = FRAME // 4
    middle = frames[:, quarter:-quarter, quarter:-quarter].mean((1, 2), dtype=np.float64)
    whole = frames.mean((1, 2), dtype=np.float64)
    rest = (4 * whole - middle) / 3
    return np.asarray((middle - rest) / 255, np.float64)


def texture(frames: Bytes) -> Floats:
    """Mean absolute difference of neighbouring cells of the frame at 32 × 32, grey levels 0 to 255: busy or plain.

    Coarser than sharpness: it sees how much there is in a picture, not how crisp the picture is.
    """
    coarse = frames.reshape(len(frames), PATCH, FRAME // PATCH, PATCH, FRAME // PATCH).mean((2, 4))
    across, down = np.abs(np.diff(coarse, axis=2)), np.abs(np.diff(coarse, axis=1))
    return np.asarray(across.mean((1, 2)) + down.mean((1, 2)), np.float64)


def border(frames: Bytes) -> Floats:
    """Share of the frame covered by plain bars at its edges (letterbox, passe-partout), 0 to 1.

    A row or column belongs to a bar while its grey levels differ by at most 8 from those of the outermost one.
    """
    made = np.zeros(len(frames))
    for i, frame in enumerate(frames):
        f = frame.astype(np.int16)
        free_rows, free_columns = (_free(f if axis else f.T) for axis in (1, 0))
        made[i] = 1 - free_rows * free_columns / FRAME**2 if free_rows and free_columns else 1.0
    return made


def _free(f: npt.NDArray[np.int16]) -> int:
    """Rows between the plain bars at the top and at the bottom."""
    plain = (f.max(1) - f.min(1)) <= 8
    level = f.mean(1)
    top = int(np.argmin(plain & (np.abs(level - level[0]) <= 8))) if plain[0] else 0
    bottom = int(np.argmin((plain & (np.abs(level - level[-1]) <= 8))[::-1])) if plain[-1] else 0
    if plain.all() and np.ptp(level) <= 8:
        return 0
    return max(0, len(f) - top - bottom)


def saturation_and_hue(patches: Bytes) -> tuple[Floats, npt.NDArray[np.int8]]:
    """Mean saturation (0 to 1) and the named hue that prevails.

    A pixel has a hue when its saturation is at least 0.2 and its value at least 0.15; with fewer than a fifth of
    such pixels the picture counts as grey. Hues are weighted by saturation × value.

    Args:
        patches: (n, 32, 32, 3) uint8 HSV, each 0 to 255 as Pillow gives it.

    Returns:
        (n,) saturation in [0, 1] and (n,) index into ``HUES``.
    """
    n = len(patches)
    hue, saturation, value = (np.ascontiguousarray(patches[..., c]).reshape(n, -1) for c in range(3))
    coloured = (saturation >= _LEAST_SATURATION) & (value >= _LEAST_VALUE)
    named = _named_hues()[hue].astype(np.int32)
    weight = saturation.astype(np.float32) * value * coloured
    key = (np.arange(n, dtype=np.int32)[:, None] * (len(HUES) - 1) + named).ravel()
    votes = np.bincount(key, weight.ravel(), minlength=n * (len(HUES) - 1)).reshape(n, -1)
    prevailing = np.where(coloured.mean(1) >= _LEAST_SHARE, votes.argmax(1), GREY)
    return saturation.mean(1) / 255, prevailing.astype(np.int8)


@cache
def _named_hues() -> npt.NDArray[np.int8]:
    """(256,): Pillow's hue byte → index into ``HUES``."""
    degrees = np.arange(256) * 360 / 256
    return (np.searchsorted(_EDGES, degrees, side="right") % len(_EDGES)).astype(np.int8)


def colourfulness(patches: Bytes) -> Floats:
    """Hasler & Süsstrunk's M3 (2003, section 7): 0 is grey, about 15 slight, 45 average, above 80 vivid.

    Args:
        patches: (n, 32, 32, 3) uint8 RGB.
    """
    red, green, blue = (patches[..., c].reshape(len(patches), -1).astype(np.float32) for c in range(3))
    one, other = red - green, (red + green) / 2 - blue
    spread = np.sqrt(one.var(axis=1) + other.var(axis=1))
    offset = np.sqrt(one.mean(axis=1) ** 2 + other.mean(axis=1) ** 2)
    return np.asarray(spread + 0.3 * offset, np.float64)


@cache
def _scaled_tables() -> npt.NDArray[np.int64]:
    """(100, 64): the luminance table at quality 1 … 100, as libjpeg scales it (jpeg_quality_scaling)."""
    quality = np.arange(1, 101)
    scale = np.where(quality < 50, 5000 // quality, 200 - 2 * quality)
    made = (np.array(_LUMINANCE)[None] * scale[:, None] + 50) // 100
    clipped: npt.NDArray[np.int64] = np.clip(made, 1, 255)
    return clipped


@cache
def jpeg_quality(table: tuple[int, ...]) -> int:
    """The libjpeg quality (1 to 100) whose luminance table lies nearest to ``table`` (64 values, natural order).

    Exact for pictures written by libjpeg and its kin, an estimate for encoders with tables of their own.
    """
    gap = np.abs(_scaled_tables() - np.array(table)[None]).sum(1)
    return int(gap.argmin()) + 1


def difference_hash(strips: Bytes) -> Hashes:
    """64 bits that survive rescaling and recompression: is each cell brighter than its left neighbour?

    Args:
        strips: (n, 8, 9) uint8: the picture in grey, averaged to 8 rows of 9.
    """
    return _pack((strips[:, :, 1:] > strips[:, :, :-1]).reshape(len(strips), 64))


def frequency_hash(small: Bytes) -> Hashes:
    """64 bits of the lowest cosine frequencies, each compared with their median (Zauner 2010, the DCT hash).

    Args:
        small: (n, 32, 32) uint8: the picture in grey. The constant term plays no part in the median.
    """
    low = _cosines() @ small.astype(np.float32) @ _cosines().T
    flat = np.rint(low.reshape(len(small), 64) * 16)  # rounding: noise of the last digit must not flip a bit
    return _pack(flat > np.median(flat[:, 1:], axis=1, keepdims=True))


@cache
def _cosines() -> npt.NDArray[np.float32]:
    """(8, 32): the eight lowest cosines over 32 samples, constant first."""
    x, u = np.arange(32), np.arange(8)
    made: npt.NDArray[np.float32] = np.cos(np.pi * u[:, None] * (2 * x + 1) / 64).astype(np.float32)
    return made


def _pack(bits: npt.NDArray[np.bool_]) -> Hashes:
    """(n, 64) bits as (n,) integers."""
    packed = np.packbits(bits, axis=1)
    return np.ascontiguousarray(packed).view(">u8").ravel().astype(np.uint64)


def distance(a: Hashes, b: Hashes) -> npt.NDArray[np.int64]:
    """How many of the 64 bits differ, element by element."""
    bits = np.ascontiguousarray(a ^ b).view(np.uint8).reshape(-1, 8)
    made: npt.NDArray[np.int64] = _BITS[bits].sum(1)
    return made
