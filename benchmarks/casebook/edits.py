"""What is done to pictures: small edits that a camera, a site or a collector would leave, the same on every call."""

from __future__ import annotations

import hashlib
import io

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

Bytes = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]
STAMP: Box = (0.72, 0.74, 0.96, 0.94)
"""Where the stamp is, in fractions of width and height."""


def edited(picture: Bytes, edit: str, seed: str) -> Bytes:
    """A picture with one edit.

    Args:
        picture: (height, width, 3).
        edit: one of :data:`EDITS`; KeyError otherwise.
        seed: fixes whatever is random about it.
    """
    rng = np.random.default_rng(int(hashlib.sha256(f"{seed}/{edit}".encode()).hexdigest()[:12], 16))
    made: Bytes = EDITS[edit](picture, rng)
    return made


def _clip(values: npt.NDArray[np.float64]) -> Bytes:
    return np.clip(values + 0.5, 0, 255).astype(np.uint8)


def _blurred(picture: Bytes, radius: float) -> npt.NDArray[np.float64]:
    scaled = radius * picture.shape[0] / 48
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(scaled)), np.float64)


def _night(picture: Bytes, rng: np.random.Generator) -> Bytes:
    dark = picture.astype(np.float64) * rng.uniform(0.2, 0.3) + rng.uniform(0, 8)
    dark += rng.normal(0, 9, picture.shape)
    return _clip(dark)


def _phone(picture: Bytes, rng: np.random.Generator) -> Bytes:
    return _clip(_blurred(picture, rng.uniform(1.6, 2.2)) + rng.normal(0, 12, picture.shape))


def _smeared(picture: Bytes, rng: np.random.Generator) -> Bytes:
    return _clip(_blurred(picture, rng.uniform(4.5, 6.0)) + rng.normal(0, 8, picture.shape))


def _foggy(picture: Bytes, rng: np.random.Generator) -> Bytes:
    share = rng.uniform(0.1, 0.18)
    return _clip(picture * share + 225 * (1 - share) + rng.normal(0, 10, picture.shape))


def _grey(picture: Bytes, rng: np.random.Generator) -> Bytes:
    grey = picture @ np.array([0.299, 0.587, 0.114])
    return _clip(np.repeat(grey[..., None], 3, axis=2))


def _turned(picture: Bytes, rng: np.random.Generator) -> Bytes:
    return np.ascontiguousarray(picture[::-1])


def _stamp(picture: Bytes, rng: np.random.Generator) -> Bytes:
    """A yellow date stamp with dark digits in the lower right corner."""
    made = picture.copy()
    side = picture.shape[0]
    x0, y0, x1, y1 = (round(v * side) for v in STAMP)
    made[y0:y1, x0:x1] = (250, 215, 40)
    for x in range(x0 + 1, x1 - 1, max(2, side // 24)):
        top = y0 + 1 + int(rng.integers(0, 2))
        made[top : y1 - 1, x] = (60, 40, 20)
    return made


def _frame(picture: Bytes, rng: np.random.Generator) -> Bytes:
    """A white border."""
    made = picture.copy()
    wide = max(2, picture.shape[0] // 16)
    made[:wide] = made[-wide:] = 252
    made[:, :wide] = made[:, -wide:] = 252
    return made


def _recompressed(picture: Bytes, rng: np.random.Generator) -> Bytes:
    return decoded(encoded(picture, 60))


def _mirrored(picture: Bytes, rng: np.random.Generator) -> Bytes:
    return np.ascontiguousarray(picture[:, ::-1])


EDITS = {
    "night": _night,
    "phone": _phone,
    "smeared": _smeared,
    "foggy": _foggy,
    "grey": _grey,
    "turned": _turned,
    "stamp": _stamp,
    "frame": _frame,
    "recompressed": _recompressed,
    "mirrored": _mirrored,
}


def encoded(picture: Bytes, quality: int = 95) -> bytes:
    """A JPEG file."""
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=quality, subsampling=0)
    return out.getvalue()


def decoded(content: bytes) -> Bytes:
    """The picture in a JPEG file."""
    with Image.open(io.BytesIO(content)) as stored:
        return np.asarray(stored.convert("RGB"))
