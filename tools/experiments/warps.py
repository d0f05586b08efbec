"""Blurring and resampling of many pictures at once: (n, h, w, c) float32 in, the same out. Borders are mirrored.

Kernels are drawn from points, each shared among the pixels round it, so that lengths below a pixel count too.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from failsight.tools.inputs.base import Floats

Grid = npt.NDArray[np.float64]
SAMPLES = 24  # points a pixel's length of a kernel is drawn with


def bilinear(pictures: Floats, rows: Grid, columns: Grid) -> Floats:
    """Values at fractional places. ``rows`` and ``columns``: (n, a, b) in pixels, mirrored at the border → (n, a, b, c)."""
    height, width = pictures.shape[1:3]
    y, x = _mirrored(rows, height), _mirrored(columns, width)
    y0 = np.minimum(np.floor(y).astype(np.int64), max(height - 2, 0))
    x0 = np.minimum(np.floor(x).astype(np.int64), max(width - 2, 0))
    y1, x1 = np.minimum(y0 + 1, height - 1), np.minimum(x0 + 1, width - 1)
    down, right = (y - y0).astype(np.float32)[..., None], (x - x0).astype(np.float32)[..., None]
    at = np.arange(len(pictures))[:, None, None]
    upper = pictures[at, y0, x0] * (1 - right) + pictures[at, y0, x1] * right
    lower = pictures[at, y1, x0] * (1 - right) + pictures[at, y1, x1] * right
    made: Floats = upper * (1 - down) + lower * down
    return made


def _mirrored(place: Grid, length: int) -> Grid:
    """Places folded back into [0, length − 1]."""
    if length == 1:
        return np.zeros_like(place, np.float64)
    period = 2.0 * (length - 1)
    folded: Grid = np.abs((place % period + period) % period)
    return np.where(folded > length - 1, period - folded, folded)


def resize(pictures: Floats, height: int, width: int, *, average: bool = False) -> Floats:
    """Pictures at another size, bilinear; with ``average`` each new pixel is the mean of what it covers."""
    made = _resize_axis(pictures, height, 1, average)
    return _resize_axis(made, width, 2, average)


def _resize_axis(pictures: Floats, length: int, axis: int, average: bool) -> Floats:
    weights = _weights(pictures.shape[axis], length, average)
    made: Floats = np.moveaxis(np.tensordot(weights, pictures, axes=(1, axis)), 0, axis)
    return np.ascontiguousarray(made)


def _weights(before: int, after: int, average: bool) -> Floats:
    """(after, before) shares of the old pixels in each new one; rows sum to one."""
    if average and after < before:
        edges = np.arange(after + 1) * before / after
        low, high = edges[:-1, None], edges[1:, None]
        cells = np.arange(before)[None]
        cover = np.clip(np.minimum(high, cells + 1) - np.maximum(low, cells), 0, None)
        made: Floats = (cover / cover.sum(1, keepdims=True)).astype(np.float32)
        return made
    centre = np.clip((np.arange(after) + 0.5) * before / after - 0.5, 0, before - 1)
    hat = np.clip(1 - np.abs(centre[:, None] - np.arange(before)[None]), 0, None)
    shares: Floats = (hat / hat.sum(1, keepdims=True)).astype(np.float32)
    return shares


def disc(radius: float) -> Floats:
    """Kernel of a disc of any radius in pixels: what a point becomes when the lens is out of focus. Sums to one."""
    steps = max(3, math.ceil(2 * radius * min(SAMPLES, max(4, 40 / max(radius, 0.1))))) | 1
    side = np.linspace(-radius, radius, steps)
    y, x = np.meshgrid(side, side, indexing="ij")
    inside = y * y + x * x <= radius * radius + 1e-12
    return _splat(y[inside], x[inside], radius)


def line(length: float, angle: float) -> Floats:
    """Kernel of a straight line of ``length`` pixels at ``angle`` (radians from the horizontal). Sums to one."""
    along = np.linspace(-length / 2, length / 2, max(3, math.ceil(length * SAMPLES)) | 1)
    return _splat(-along * math.sin(angle), along * math.cos(angle), length / 2)


def _splat(y: Grid, x: Grid, reach: float) -> Floats:
    """A kernel from points, each shared among the four pixels round it."""
    half = math.ceil(reach) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1))
    y0, x0 = np.floor(y).astype(np.int64), np.floor(x).astype(np.int64)
    down, right = y - y0, x - x0
    for dy, dx, share in (
        (0, 0, (1 - down) * (1 - right)),
        (0, 1, (1 - down) * right),
        (1, 0, down * (1 - right)),
        (1, 1, down * right),
    ):
        np.add.at(kernel, (y0 + dy + half, x0 + dx + half), share)
    made: Floats = (kernel / kernel.sum()).astype(np.float32)
    return made


def convolve(pictures: Floats, kernel: Floats) -> Floats:
    """Every picture and channel convolved with one kernel of odd sides (Fourier transform)."""
    from scipy import fft

    up, left = kernel.shape[0] // 2, kernel.shape[1] // 2
    padded = np.pad(pictures, ((0, 0), (up, up), (left, left), (0, 0)), mode="symmetric")
    shape = [fft.next_fast_len(padded.shape[i] + kernel.shape[i - 1] - 1, real=True) for i in (1, 2)]
    spectrum = fft.rfft2(padded, shape, axes=(1, 2)) * fft.rfft2(kernel, shape)[None, :, :, None]
    full = fft.irfft2(spectrum, shape, axes=(1, 2))
    made: Floats = full[:, 2 * up : 2 * up + pictures.shape[1], 2 * left : 2 * left + pictures.shape[2]]
    return made.astype(np.float32)


def gaussian(pictures: Floats, sigma: float) -> Floats:
    """Gaussian blur of ``sigma`` pixels; widths below a pixel blur too."""
    from scipy.ndimage import correlate1d

    points = np.linspace(-4 * sigma, 4 * sigma, 8 * SAMPLES + 1)
    half = math.ceil(4 * sigma) + 1
    kernel = np.zeros(2 * half + 1)
    low, mass = np.floor(points).astype(np.int64), np.exp(-0.5 * (points / sigma) ** 2)
    np.add.at(kernel, low + half, mass * (low + 1 - points))
    np.add.at(kernel, low + half + 1, mass * (points - low))
    kernel /= kernel.sum()
    made = correlate1d(pictures, kernel, axis=1, mode="reflect")
    blurred: Floats = correlate1d(made, kernel, axis=2, mode="reflect")
    return blurred
