"""Pictures as they may leave the machine: small, and nothing but pixels."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

EDGE = 512  # pixels of the longer side
QUALITY = 85


def bare(picture: Image) -> bytes:
    """A small JPEG of the pixels alone: no metadata, no comment, no place where it was taken."""
    import numpy as np
    from PIL import Image

    small = picture.convert("RGB")
    small.thumbnail((EDGE, EDGE))
    file = io.BytesIO()
    Image.fromarray(np.asarray(small)).save(file, "JPEG", quality=QUALITY)
    return file.getvalue()


def words(text: str) -> dict[str, Any]:
    """A text as content of a message."""
    return {"type": "text", "text": text}


def inline(picture: bytes) -> dict[str, Any]:
    """A JPEG as content of a message."""
    url = "data:image/jpeg;base64," + base64.b64encode(picture).decode("ascii")
    return {"type": "image_url", "image_url": {"url": url, "detail": "low"}}
