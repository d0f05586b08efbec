"""Reading one image: whatever the file holds becomes an upright RGB picture of bounded size, or ``BadImage`` says why not."""

from __future__ import annotations

import io
import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageFile, UnidentifiedImageError

from failsight.tools.inputs.base import BadImage, Ground

SUFFIXES = frozenset(
    [
        ".avif",
        ".bmp",
        ".gif",
        ".jfif",
        ".jpe",
        ".jpeg",
        ".jpg",
        ".pbm",
        ".pgm",
        ".png",
        ".ppm",
        ".tif",
        ".tiff",
        ".webp",
    ]
)  # what counts as an image in a folder; anything else lying there is no business of ours
UNREAD_SUFFIXES = frozenset(
    (
        ".arw", ".cr2", ".cr3", ".dcm", ".dic", ".dicom", ".dng", ".eps", ".exr", ".hdr", ".heic", ".heif", ".icns", ".ico", ".ima", ".j2k",
        ".jp2", ".jpx", ".jxl", ".jxr", ".nef", ".nii", ".npy", ".orf", ".pcx", ".psd", ".qoi", ".raf", ".rw2", ".svg", ".svgz", ".svs", ".tga",
        ".xcf",
    )
)  # fmt: skip
"""Pictures that somebody means, and that are not read."""
MAX_PIXELS = 32_000_000  # what ``decode`` hands out at most: 128 MB in Pillow's four bytes a pixel
REFUSED_PIXELS = 400_000_000  # a header that claims more is taken for a decompression bomb
_OPEN_LOCK = threading.RLock()
_LARGE = threading.Lock()  # one oversized picture in memory at a time


def is_image_name(name: str) -> bool:
    """Whether a file of this name counts as an image: an image suffix, and not hidden."""
    return not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES


def is_unread_name(name: str) -> bool:
    """Whether a file of this name is a picture in a format that is not read."""
    return not name.startswith(".") and Path(name).suffix.lower() in UNREAD_SUFFIXES


@contextmanager
def _without_bomb_warning() -> Iterator[None]:
    """Pillow warns about 90 million pixels through a global; we apply our own limits to the header instead."""
    with _OPEN_LOCK:
        before = Image.MAX_IMAGE_PIXELS
        # not None: Pillow reads the global twice, and another thread that opens a picture by itself may stand between the two
        Image.MAX_IMAGE_PIXELS = 2**62
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _open(source: str | Path | bytes) -> ImageFile.ImageFile:
    """The image behind ``source`` with only its header read. Raises BadImage."""
    try:
        with _without_bomb_warning():
            opened = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)
    except Exception as problem:
        raise BadImage(NO_DICOM if _is_dicom(source) else _reason(problem)) from problem
    width, height = opened.size
    if width * height > REFUSED_PIXELS:
        opened.close()
        raise BadImage(f"it claims {width:,} × {height:,} pixels, too many to decode safely")
    return opened


NO_DICOM = "it is a DICOM file; export it to PNG or TIFF"


def _is_dicom(source: str | Path | bytes) -> bool:
    """Whether a file that is no picture has the mark of DICOM (128 bytes, then ``DICM``)."""
    try:
        if isinstance(source, bytes):
            return source[128:132] == b"DICM"
        with open(source, "rb") as file:
            return file.read(132)[128:] == b"DICM"
    except (OSError, ValueError):
        return False


def _reason(problem: BaseException) -> str:
    """Why reading failed, in a few words a person understands."""
    if isinstance(problem, FileNotFoundError):
        return "the file is missing"
    if isinstance(problem, PermissionError):
        return "the file may not be read (permissions)"
    if isinstance(problem, IsADirectoryError):
        return "it is a folder, not a file"
    if isinstance(problem, UnidentifiedImageError):
        return "the file is not an image in a format we can read"
    text = str(problem).lower()
    if "truncated" in text or "end of" in text or "not enough" in text or isinstance(problem, EOFError):
        return "the file is cut short"
    if isinstance(problem, MemoryError):
        return "there was not enough memory to decode it"
    return f"the image is damaged ({type(problem).__name__})"


def header(source: str | Path | bytes) -> tuple[int, int]:
    """(width, height) as stored, from the header alone. Raises BadImage."""
    opened = _open(source)
    try:
        return opened.size
    finally:
        opened.close()


def look(source: str | Path | bytes) -> tuple[int, int, bool]:
    """(width, height) as stored, and whether any pixel is less than opaque. Raises BadImage.

    Only pictures with an alpha channel are decoded for that; one that can't be is told when it is opened.
    """
    opened = _open(source)
    try:
        width, height = opened.size
        if not _has_alpha(opened):
            return width, height, False
        try:
            opened.load()
            alpha: Any = opened.convert("RGBA").getchannel("A").getextrema()
            return width, height, bool(alpha[0] < 255)
        except Exception:  # Pillow's decoders raise nearly anything on a damaged file
            return width, height, False
    finally:
        opened.close()


def _has_alpha(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info


def decode(
    source: str | Path | bytes, least: tuple[int, int] | None = None, ground: Ground = "drop"
) -> Image.Image:
    """The picture behind ``source``: RGB, upright by its EXIF tag, first frame of an animation.

    Sixteen-bit and floating-point greys are scaled to 0–255; an alpha channel is dropped, as most training pipelines do, or the picture
    laid on ``ground``. A picture of more than ``MAX_PIXELS`` is decoded at a smaller scale (JPEG: by its own 1/2, 1/4 or
    1/8 decoding, else reduced after decoding, one at a time), so memory stays bounded.

    Args:
        least: width and height in pixels that are enough, for a thumbnail: a JPEG may then be decoded at 1/2, 1/4 or 1/8
            of its size, never smaller than this; other formats come whole. Never for what a model sees: its pixels differ.

    Raises:
        BadImage: the file is missing, empty, cut short, damaged, or no image.
    """
    opened = _open(source)
    try:
        if least is not None and opened.format == "JPEG":
            longest = max(least)  # the orientation tag may turn the picture
            opened.draft(None, (longest, longest))
        if opened.size[0] * opened.size[1] <= MAX_PIXELS:
            return to_rgb(opened, ground=ground)
        with _LARGE:
            return _shrunk(opened, ground)
    except BadImage:
        raise
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError, struct.error, zlib.error) as problem:
        raise BadImage(_reason(problem)) from problem
    except Exception as problem:  # Pillow's decoders raise nearly anything on a damaged file
        raise BadImage(_reason(problem)) from problem
    finally:
        opened.close()


def _shrunk(opened: ImageFile.ImageFile, ground: Ground = "drop") -> Image.Image:
    width, height = opened.size
    scale = 1
    while width * height / scale**2 > MAX_PIXELS:
        scale *= 2
    if opened.format == "JPEG":
        opened.draft(None, (width // scale, height // scale))
    opened.load()
    factor = round(max(opened.size) * scale / max(width, height))
    image: Image.Image = opened
    if factor > 1:
        image = (
            opened.reduce(factor)
            if opened.mode not in ("P", "1")
            else opened.convert("RGBA" if _has_alpha(opened) else "RGB").reduce(factor)
        )
    return to_rgb(image, opened, ground)


_COLOURS = {"white": (255, 255, 255), "black": (0, 0, 0), "grey": (128, 128, 128)}


def to_rgb(image: Image.Image, tagged: Image.Image | None = None, ground: Ground = "drop") -> Image.Image:
    """``image`` as upright RGB; the orientation tag is read from ``tagged`` when ``image`` has lost it.

    Args:
        ground: what a transparent picture is laid on.
    """
    orientation = _orientation(tagged or image)
    image.load()
    if image.mode.startswith("I") or image.mode == "F":
        image = _from_wide(image, tagged or image)
    laid = ground != "drop" and _has_alpha(image)
    if laid or (image.mode == "P" and "transparency" in image.info):
        image = image.convert("RGBA")  # of a palette Pillow warns about the direct way
    if laid:
        below = Image.new("RGBA", image.size, (*_COLOURS[ground], 255))
        image = Image.alpha_composite(below, image)
    rgb = image.convert("RGB") if image.mode != "RGB" else image.copy()
    turn = _TURNS.get(orientation)
    return rgb.transpose(turn) if turn is not None else rgb


_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 (upright) where there is none or the tag is damaged."""
    try:
        return int(image.getexif().get(0x0112, 1))
    except Exception:  # a damaged EXIF block is no reason to lose the picture
        return 1


_WHITE_IS_ZERO, _BITS = 262, 258  # TIFF 6.0, sections 3 and 8


def _from_wide(image: Image.Image, tagged: Image.Image) -> Image.Image:
    """Greys of more than eight bits as ``L``: integers by their bit depth, floats by their range: up to 1, up to 255, whole numbers
    up to 65,535, else each picture's own range.

    A TIFF of 10, 12 or 14 bits is scaled by these, and one whose zero is white (usual for radiographs) is turned round, as Pillow
    does with eight bits.
    """
    values: Any = np.asarray(image)
    tags: Any = getattr(tagged, "tag_v2", {})
    if image.mode == "F":
        values = np.nan_to_num(values, posinf=0.0, neginf=0.0)
        low, high = float(values.min()), float(values.max())
        if low >= 0 and 255 < high <= 65_535 and not (values % 1).any():  # sixteen bits, kept as floats
            values = values / 65_535 * 255
        elif low < 0 or high > 255:
            values = (values - low) / max(high - low, 1e-12) * 255
        elif high <= 1:
            values = values * 255
    else:
        values = values.astype(np.float64)
        values = values / _white(image.mode, values, tags) * 255
    if tags.get(_WHITE_IS_ZERO) == 0:
        values = 255 - values
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def _white(mode: str, values: Any, tags: Any) -> float:
    """The number that stands for full intensity in a grey of more than eight bits."""
    bits = tags.get(_BITS, (16,))
    stored = int(bits[0] if isinstance(bits, tuple) else bits)
    if 8 < stored < 16:
        return float(2**stored - 1)
    return 65_535.0 if mode.startswith("I;16") or values.max() > 255 else 255.0


def depth_used(source: str | Path | bytes) -> tuple[int, int] | None:
    """(bits stored, largest value) of a grey picture of more than eight bits; None for every other. Raises BadImage."""
    opened = _open(source)
    try:
        if not opened.mode.startswith("I;16"):
            return None
        tags: Any = getattr(opened, "tag_v2", {})
        if tags.get(_WHITE_IS_ZERO) == 0:
            return None
        opened.load()
        values: Any = np.asarray(opened)
        return round(np.log2(_white(opened.mode, values, tags) + 1)), int(values.max())
    except BadImage:
        raise
    except Exception as problem:
        raise BadImage(_reason(problem)) from problem
    finally:
        opened.close()


__all__ = [
    "MAX_PIXELS",
    "SUFFIXES",
    "decode",
    "depth_used",
    "header",
    "is_image_name",
    "is_unread_name",
    "look",
    "to_rgb",
]
