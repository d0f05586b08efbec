"""A picture decoded no larger than needed: JPEG's own scaled decoding makes a large photograph cheap to look at."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from failsight.tools.attributes.measure import jpeg_quality
from failsight.tools.inputs import images
from failsight.tools.inputs.base import BadImage, Ground

if TYPE_CHECKING:
    from PIL.Image import Image


def thumbnail(data: bytes, least: int, ground: Ground = "drop") -> tuple[Image, tuple[int, int], float]:
    """The picture in ``data``, decoded at the smallest scale that keeps ``least`` pixels a side.

    Args:
        data: the bytes of an image file.
        least: only JPEGs are scaled (1/2, 1/4 or 1/8); others are decoded whole.
        ground: what a transparent picture is laid on.

    Returns:
        The upright RGB picture, its (width, height) at full size, and the JPEG quality (NaN for other formats).

    Raises:
        BadImage: it can't be read.
    """
    opened: Any = images._open(data)  # header only; the limits on size and the reasons for failure live there
    try:
        width, height = opened.size
        quality = math.nan
        if opened.format in ("JPEG", "MPO"):
            quality = _quality(opened)
            opened.draft(None, (least, least))
        turned = images._orientation(opened) >= 5
        if opened.size[0] * opened.size[1] > images.MAX_PIXELS:
            image = images.decode(data, ground=ground)
        else:
            image = images.to_rgb(opened, ground=ground)
    except BadImage:
        raise
    except Exception as problem:  # Pillow's decoders raise nearly anything on a damaged file
        raise BadImage(images._reason(problem)) from problem
    finally:
        opened.close()
    return image, (height, width) if turned else (width, height), quality


def _quality(opened: Any) -> float:
    tables = getattr(opened, "quantization", None) or {}
    return float(jpeg_quality(tuple(tables[min(tables)]))) if tables else math.nan
