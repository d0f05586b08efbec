"""Fills: what takes the place of a region. The same fill goes into the cue and into its controls.

The default is the picture's mean colour. It leaves nothing of the cue behind (a blur keeps its colour and place, noise
adds texture of its own), needs no second model, and cannot invent objects as generative fills do. What it does add, a
flat patch with edges, is added to the control regions as well and cancels in the paired difference (the concern of
Hooker et al. 2019 and Rong et al. 2022 that models react to the mask rather than to what is missing).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.experiments.patches import Patches, as_mask, paint
from failsight.tools.experiments.regions import Mask
from failsight.tools.inputs.base import Pixels
from failsight.tools.text import clean

FILLS = ("mean", "dataset_mean", "blur", "noise", "inpaint", "diffusion:PATH")


class Fill(Protocol):
    """How regions of one picture are replaced."""

    @property
    def name(self) -> str:
        """What the fill is called in facts, notes and cache keys."""

    def background(self, picture: Pixels, rng: np.random.Generator) -> Pixels:
        """What the fill would put everywhere, exactly or as an estimate: (h, w, 3) uint8. Also used to match controls."""

    def apply(self, copies: Pixels, regions: Sequence[Patches], ground: Pixels) -> None:
        """Replace, in place, region i in copy i of one picture.

        Args:
            copies: the picture once per region: (regions, h, w, 3) uint8.
            ground: the picture's :meth:`background`.
        """


@dataclass(frozen=True)
class Background:
    """Base of the fills that don't depend on where the region lies: one filled picture, pasted through each mask."""

    name: str

    def background(self, picture: Pixels, rng: np.random.Generator) -> Pixels:
        raise NotImplementedError

    def apply(self, copies: Pixels, regions: Sequence[Patches], ground: Pixels) -> None:
        for one, region in zip(copies, regions, strict=True):
            paint(one, region, ground)


def mean_colour(picture: Pixels) -> npt.NDArray[np.float64]:
    """Mean colour (3,) of a picture (h, w, 3); rows first, because sums over long rows are the fast ones."""
    height, width = picture.shape[:2]
    made: npt.NDArray[np.float64] = picture.reshape(height, -1).sum(0, dtype=np.int64).reshape(width, 3).sum(
        0
    ) / (height * width)
    return made


@dataclass(frozen=True)
class MeanColour(Background):
    """The picture's own mean colour."""

    name: str = "mean"

    def background(self, picture: Pixels, rng: np.random.Generator) -> Pixels:
        return np.broadcast_to(np.rint(mean_colour(picture)).astype(np.uint8), picture.shape)


@dataclass(frozen=True)
class Constant(Background):
    """One colour for all pictures: the mean colour of the data set."""

    colour: tuple[float, float, float] = (127.0, 127.0, 127.0)
    name: str = "dataset_mean"

    def background(self, picture: Pixels, rng: np.random.Generator) -> Pixels:
        return np.broadcast_to(np.rint(np.array(self.colour)).astype(np.uint8), picture.shape)


@dataclass(frozen=True)
class Blur(Background):
    """A Gaussian blur so strong (σ = an eighth of the shorter side) that only large patches of colour survive."""

    name: str = "blur"

    def background(self, picture: Pixels, rng: np.random.Generator) -> Pixels:
        from PIL import Image, ImageFilter

        sigma = max(1.0, min(picture.shape[:2]) / 8)
        return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(sigma)))


@dataclass(frozen=True)
class Noise(Background):
    """Independent Gaussian noise with the picture's mean and standard deviation per channel."""

    name: str = "noise"

    def background(self, picture: Pixels, rng: np.random.Generator) -> Pixels:
        flat = picture.reshape(-1, 3).astype(np.float32)
        drawn = rng.standard_normal(picture.shape, dtype=np.float32) * flat.std(0) + flat.mean(0)
        made: Pixels = np.clip(np.rint(drawn), 0, 255).astype(np.uint8)
        return made


@dataclass(frozen=True)
class Inpaint:
    """What surrounds the region, continued into it: OpenCV (Telea 2004) when installed, else a harmonic fill of our own."""

    name: str = "inpaint"

    def background(self, picture: Pixels, rng: np.random.Generator) -> Pixels:
        return Blur().background(picture, rng)

    def apply(self, copies: Pixels, regions: Sequence[Patches], ground: Pixels) -> None:
        for one, region in zip(copies, regions, strict=True):
            one[:] = self._one(one, as_mask(region, *one.shape[:2]))

    def _one(self, picture: Pixels, mask: Mask) -> Pixels:
        if mask.all():  # nothing is left to continue
            return np.array(MeanColour().background(picture, np.random.default_rng(0)))
        try:
            import cv2  # type: ignore[import-not-found, unused-ignore]
        except ImportError:
            return harmonic(picture, mask)
        painted: Pixels = cv2.inpaint(
            np.ascontiguousarray(picture), mask.astype(np.uint8), 3, cv2.INPAINT_TELEA
        )
        return painted


def harmonic(picture: Pixels, mask: Mask, sweeps: int = 12) -> Pixels:
    """``picture`` with the masked pixels replaced by the harmonic function that continues their surroundings.

    Solves Laplace's equation inside the mask (values fixed outside it, no flow across the picture's edge) coarse to
    fine: a pyramid of weighted means gives the start (pull–push, Gortler et al. 1996), Jacobi sweeps smooth each level.
    """
    values = picture.astype(np.float32)
    solved = _pull_push(values, ~mask, sweeps)
    made = picture.copy()
    made[mask] = np.clip(np.rint(solved[mask]), 0, 255).astype(np.uint8)
    return made


def _pull_push(values: npt.NDArray[np.float32], known: Mask, sweeps: int) -> npt.NDArray[np.float32]:
    """Known values kept, unknown ones filled from the next coarser level and smoothed."""
    if known.all():
        return values
    height, width = known.shape
    if height <= 2 and width <= 2:
        return np.where(known[..., None], values, values[known].mean(0))
    weight = np.pad(known.astype(np.float32), ((0, height % 2), (0, width % 2)))
    padded = np.pad(values * known[..., None], ((0, height % 2), (0, width % 2), (0, 0)))
    mass = weight.reshape(weight.shape[0] // 2, 2, -1, 2).sum((1, 3))
    total = padded.reshape(padded.shape[0] // 2, 2, -1, 2, 3).sum((1, 3))
    coarse = _pull_push(total / np.maximum(mass, 1)[..., None], mass > 0, sweeps)
    up = coarse.repeat(2, 0).repeat(2, 1)[:height, :width]
    made = np.where(known[..., None], values, up)
    return _relax(made, ~known, sweeps)


def _relax(values: npt.NDArray[np.float32], free: Mask, sweeps: int) -> npt.NDArray[np.float32]:
    """Jacobi sweeps of Laplace's equation over the ``free`` pixels, inside their bounding box."""
    rows, columns = np.flatnonzero(free.any(1)), np.flatnonzero(free.any(0))
    ys = slice(max(rows[0] - 1, 0), rows[-1] + 2)
    xs = slice(max(columns[0] - 1, 0), columns[-1] + 2)
    part, inside = values[ys, xs].copy(), free[ys, xs][..., None]
    for _ in range(sweeps):
        p = np.pad(part, ((1, 1), (1, 1), (0, 0)), mode="edge")
        around = (p[:-2, 1:-1] + p[2:, 1:-1] + p[1:-1, :-2] + p[1:-1, 2:]) / 4
        part = np.where(inside, around, part)
    made = values.copy()
    made[ys, xs] = part
    return made


def make_fill(spec: str, dataset_colour: tuple[float, float, float] | None = None) -> Fill:
    """The fill called ``spec``.

    Args:
        dataset_colour: mean colour of the data, 0 to 255; needed for ``dataset_mean``.

    Raises:
        RetryError: there is no such fill, or its pipeline folder is missing or unreadable.
    """
    name, _, rest = spec.strip().partition(":")
    simple: dict[str, Fill] = {"mean": MeanColour(), "blur": Blur(), "noise": Noise(), "inpaint": Inpaint()}
    if name in simple and not rest:
        return simple[name]
    if name == "dataset_mean" and not rest:
        return Constant(colour=dataset_colour or (127.0, 127.0, 127.0))
    if name == "diffusion" and rest:
        from failsight.tools.experiments.diffusion import Diffusion

        return Diffusion.load(Path(rest))
    raise RetryError(f"fill: there is no fill {clean(spec, 60)!r}.", FILLS)
