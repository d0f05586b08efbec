"""From a picture to the pixels a model sees, and from its boxes to boxes in those pixels.

The geometry (``prepare``, ``prepare_box``) and the arithmetic (``normalise_array``) are apart, so that experiments can
edit the very pixels that the model gets. Rounding follows torchvision and transformers (PIL backends), so that a model
trained with either sees the same numbers here.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PIL import Image

from failsight.tools.inputs.base import Box, Floats, Pixels, Preprocessing

_RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
}


def prepare(image: Image.Image, how: Preprocessing) -> npt.NDArray[np.uint8]:
    """``image`` resized and cropped as ``how`` says: (height, width, 3) uint8 RGB."""
    height, width = how.size
    image = image if image.mode == "RGB" else image.convert("RGB")
    resampling = _RESAMPLING[how.interpolation]
    if how.fit == "square":
        image = image.crop(_centre_square(*image.size))
    elif how.fit == "crop":
        image = image.resize(_shorter_side(*image.size, how), resampling)
        left, top = _crop_corner(*image.size, width, height)
        if image.size != (width, height):
            image = image.crop((left, top, left + width, top + height))  # black where the crop is larger
    if image.size != (width, height):
        image = image.resize((width, height), resampling)
    return np.array(image, np.uint8)


def prepare_box(box: Box, width: int, height: int, how: Preprocessing) -> Box:
    """``box`` (fractions of a ``width`` × ``height`` picture) as fractions of the prepared picture, clipped to 0–1.

    A box wholly outside the crop has no area left.
    """
    out_height, out_width = how.size
    if how.fit == "stretch":
        offset_x, offset_y, span_x, span_y = 0.0, 0.0, 1.0, 1.0
    elif how.fit == "square":
        left, top, right, bottom = _centre_square(width, height)
        offset_x, offset_y = left / width, top / height
        span_x, span_y = (right - left) / width, (bottom - top) / height
    else:
        new_width, new_height = _shorter_side(width, height, how)
        crop_left, crop_top = _crop_corner(new_width, new_height, out_width, out_height)
        offset_x, offset_y = crop_left / new_width, crop_top / new_height
        span_x, span_y = out_width / new_width, out_height / new_height
    return map_box(box, (offset_x, offset_y), (span_x, span_y))


def border_covered(image: Image.Image, how: Preprocessing) -> Image.Image:
    """``image`` with everything that ``how`` does not show of it in the mean colour of what it shows: (height, width) as before."""
    image = image if image.mode == "RGB" else image.convert("RGB")
    shown = image.crop(_shown(*image.size, how))
    colour = np.asarray(shown, np.float64).reshape(-1, 3).mean(0).round().astype(int).tolist()
    made = Image.new("RGB", image.size, tuple(colour))
    made.paste(shown, _shown(*image.size, how)[:2])
    return made


def _shown(width: int, height: int, how: Preprocessing) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what ``how`` shows of a picture, in its pixels; never empty."""
    if how.fit == "stretch":
        return 0, 0, width, height
    if how.fit == "square":
        return _centre_square(width, height)
    new_width, new_height = _shorter_side(width, height, how)
    left, top = _crop_corner(new_width, new_height, how.size[1], how.size[0])
    x, y = width / new_width, height / new_height
    x0, y0 = max(0, round(left * x)), max(0, round(top * y))
    x1, y1 = min(width, round((left + how.size[1]) * x)), min(height, round((top + how.size[0]) * y))
    return x0, y0, max(x1, x0 + 1), max(y1, y0 + 1)


def map_box(box: Box, offset: tuple[float, float], span: tuple[float, float]) -> Box:
    """``box`` in the window that starts at ``offset`` and measures ``span`` (fractions of the picture), clipped."""
    x0, y0, x1, y1 = (
        min(1.0, max(0.0, (value - offset[axis]) / span[axis]))
        for value, axis in zip(box, (0, 1, 0, 1), strict=True)
    )
    return x0, y0, x1, y1


def _centre_square(width: int, height: int) -> tuple[int, int, int, int]:
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return left, top, left + side, top + side


def _shorter_side(width: int, height: int, how: Preprocessing) -> tuple[int, int]:
    """(width, height) after resizing the shorter side; without ``resize`` just large enough to cover the crop."""
    out_height, out_width = how.size
    if how.resize is None:
        scale = max(out_width / width, out_height / height)
        return max(out_width, round(width * scale)), max(out_height, round(height * scale))
    if width <= height:
        return how.resize, max(1, int(how.resize * height / width))
    return max(1, int(how.resize * width / height)), how.resize


def _crop_corner(width: int, height: int, out_width: int, out_height: int) -> tuple[int, int]:
    """Left and top of the centre crop, rounded as torchvision rounds."""
    return round((width - out_width) / 2.0), round((height - out_height) / 2.0)


def to_channels(pixels: Pixels, how: Preprocessing) -> npt.NDArray[np.uint8]:
    """(n, h, w, 3) RGB as (n, h, w, channels) in the model's order; grey by the ITU-R 601 weights that Pillow uses."""
    if how.channels == "BGR":
        swapped: npt.NDArray[np.uint8] = pixels[..., ::-1]
        return swapped
    if how.channels == "GRAY":
        wide = pixels.astype(np.uint32)
        grey = (wide[..., 0] * 19595 + wide[..., 1] * 38470 + wide[..., 2] * 7471 + 0x8000) >> 16
        one: npt.NDArray[np.uint8] = grey.astype(np.uint8)[..., None]
        return one
    return pixels


def affine(how: Preprocessing) -> tuple[Floats, Floats]:
    """Per channel (factor, shift) so that the model's input is ``pixel · factor + shift``."""
    count = 1 if how.channels == "GRAY" else 3
    mean, std = np.asarray(how.mean, np.float64)[:count], np.asarray(how.std, np.float64)[:count]
    return (how.scale / std).astype(np.float32), (-mean / std).astype(np.float32)


def normalise_array(pixels: Pixels, how: Preprocessing) -> Floats:
    """Prepared pixels as the float32 array the model takes, in its layout: (n, c, h, w) or (n, h, w, c)."""
    factor, shift = affine(how)
    values = to_channels(pixels, how).astype(np.float32) * factor + shift
    return (
        np.ascontiguousarray(values.transpose(0, 3, 1, 2))
        if how.layout == "NCHW"
        else np.ascontiguousarray(values)
    )
