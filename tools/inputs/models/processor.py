"""A transformers image processor as our ``Preprocessing``, checked against itself.

The processor's settings are translated; then pictures of awkward sizes go both ways. Where one pixel differs, the
processor itself does the resizing and cropping (slower, exact); the arithmetic is always ours, its numbers read off the
processor's answers to black and white.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from failsight.tools.errors import UserError
from failsight.tools.inputs import preprocess
from failsight.tools.inputs.base import Preprocessing
from failsight.tools.inputs.models.geometry import OwnGeometry
from failsight.tools.text import clean

_RESAMPLE: dict[int, Literal["nearest", "lanczos", "bilinear", "bicubic", "box"]] = {
    0: "nearest",
    1: "lanczos",
    2: "bilinear",
    3: "bicubic",
    4: "box",
}
_PROBES = ((233, 171), (171, 234), (97, 97), (487, 640), (45, 31), (301, 200))  # width, height


def from_processor(processor: Any) -> tuple[Preprocessing, OwnGeometry | None]:
    """Preprocessing equal to ``processor``, and its own geometry where the translation is not exact to the pixel.

    Raises:
        UserError: the processor can't be split into pixels and arithmetic.
    """
    try:
        return _split(processor)
    except UserError:
        raise
    except Exception as problem:  # the code of many authors, with settings from a file
        raise UserError(
            f"The image processor {clean(type(processor).__name__)} fails on a picture ({type(problem).__name__}: "
            f"{clean(problem, 200)}).",
            "Mend its settings (preprocessor_config.json), or write model.json into the folder: input_size, crop, resize, mean, std.",
        ) from problem


def _split(processor: Any) -> tuple[Preprocessing, OwnGeometry | None]:
    own = _Pixels(processor)
    probes = [_noise(*size) for size in _PROBES]
    shown = [own(image) for image in probes]
    how = _arithmetic(processor, own, shown[0].shape[:2])
    if any(pixels.shape != shown[0].shape for pixels in shown):
        raise _cannot(processor)
    full = _full(processor, probes[0])
    if not np.allclose(full, preprocess.normalise_array(shown[0][None], how)[0], atol=2e-5):
        raise _cannot(processor)
    translated = _translate(processor, how)
    if translated is not None and all(
        np.array_equal(preprocess.prepare(image, translated), pixels)
        for image, pixels in zip(probes, shown, strict=True)
    ):
        return translated, None
    return how, OwnGeometry(own)


def _cannot(processor: Any) -> UserError:
    return UserError(
        f"The image processor {clean(type(processor).__name__)} does not give pictures of one size and range.",
        "Write model.json into the folder: input_size, crop, resize, mean, std.",
    )


class _Pixels:
    """The processor without its arithmetic: picture in, (height, width, 3) uint8 RGB out."""

    def __init__(self, processor: Any) -> None:
        self._processor = processor
        self._off = {"do_rescale": False, "do_normalize": False}
        if hasattr(processor, "include_top"):  # EfficientNet's second normalisation
            self._off["include_top"] = False
        self.swapped = False
        red = np.zeros((64, 64, 3), np.uint8)
        red[..., 0] = 255
        self.swapped = int(self(Image.fromarray(red)).reshape(-1, 3).mean(0).argmax()) == 2

    def __call__(self, image: Image.Image) -> npt.NDArray[np.uint8]:
        made = _values(self._processor(image, return_tensors="np", **self._off))
        pixels = np.clip(np.rint(made.transpose(1, 2, 0)), 0, 255).astype(np.uint8)
        return np.ascontiguousarray(pixels[..., ::-1] if self.swapped else pixels)


def _values(features: Any) -> npt.NDArray[Any]:
    """(3, height, width) of one picture."""
    values: npt.NDArray[Any] = np.asarray(features["pixel_values"])[0]
    if values.ndim != 3 or values.shape[0] != 3:
        raise ValueError("not three channels")
    return values


def _full(processor: Any, image: Image.Image) -> npt.NDArray[Any]:
    return _values(processor(image, return_tensors="np"))


def _noise(width: int, height: int) -> Image.Image:
    rng = np.random.default_rng(width * 10_000 + height)
    coarse = rng.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3)).astype(np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC), np.int64)
    return Image.fromarray(np.clip(smooth + rng.integers(-20, 21, smooth.shape), 0, 255).astype(np.uint8))


def _arithmetic(processor: Any, own: _Pixels, size: tuple[int, ...]) -> Preprocessing:
    """Size, mean, std and channel order: the settings where they explain black and white, else read off these."""
    height, width = int(size[0]), int(size[1])
    black = _full(processor, Image.new("RGB", (width * 2, height * 2))).mean((1, 2), dtype=np.float64)
    white = _full(processor, Image.new("RGB", (width * 2, height * 2), (255, 255, 255))).mean(
        (1, 2), dtype=np.float64
    )
    std = 1 / (white - black)
    mean = -black * std
    stated_mean, stated_std = getattr(processor, "image_mean", None), getattr(processor, "image_std", None)
    if _close(stated_mean, mean) and _close(stated_std, std):
        mean, std = np.asarray(stated_mean, np.float64), np.asarray(stated_std, np.float64)
    return Preprocessing(
        (height, width),
        fit="stretch",
        mean=(float(mean[0]), float(mean[1]), float(mean[2])),
        std=(float(std[0]), float(std[1]), float(std[2])),
        channels="BGR" if own.swapped else "RGB",
    )


def _close(stated: Any, measured: npt.NDArray[np.float64]) -> bool:
    """Whether three stated numbers are those that were measured, up to the rounding of float32."""
    return stated is not None and np.shape(stated) == (3,) and bool(np.allclose(stated, measured, atol=1e-5))


def _translate(processor: Any, how: Preprocessing) -> Preprocessing | None:
    """The processor's geometry in our words, None where we have none for it."""
    resample = _RESAMPLE.get(int(getattr(processor, "resample", None) or 2))
    if resample is None or not getattr(processor, "do_resize", True):
        return None
    size: Mapping[str, Any] = _plain(getattr(processor, "size", None))
    crops = bool(getattr(processor, "do_center_crop", False))
    shorter = size.get("shortest_edge")
    fit: Literal["stretch", "crop"] = "crop" if crops or shorter is not None else "stretch"
    resize = int(shorter) if shorter is not None else None
    percent = getattr(processor, "crop_pct", None)
    if (
        percent is not None and resize is not None
    ):  # ConvNeXt: shorter side to size / crop_pct, or stretched when large
        fit, resize = ("crop", int(resize / percent)) if resize < 384 else ("stretch", None)
    if fit == "crop" and resize is None:
        return None
    return Preprocessing(
        how.size, fit, resize, resample, how.mean, how.std, how.scale, how.channels, how.layout
    )


def _plain(size: Any) -> Mapping[str, Any]:
    """A processor's size as a mapping, whatever class it has."""
    if isinstance(size, Mapping):
        return size
    try:
        return {
            key: size[key] for key in ("height", "width", "shortest_edge") if size is not None and key in size
        }
    except TypeError:
        return {}
