"""Pictures inside a report: downscaled, stripped of metadata, as data URIs; nothing is ever loaded from elsewhere."""

from __future__ import annotations

import base64
import html
import io
import os
import re
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from failsight.agent.narrate.files import inside
from failsight.tools.evidence import Figure, ImageRef

ENDS = "avif|bmp|gif|heic|heif|jfif|jpe|jpeg|jpg|pbm|pgm|png|ppm|tif|tiff|webp"
APART = frozenset(
    " \t\r\n\f\v\u00a0\"'`<>|,;()[]{}=“”‘’…"
)  # what stands between the name of a file and other words
LONGEST_NAME = 400
_END = re.compile(rf"\.(?:{ENDS})(?!\w)", re.IGNORECASE)
WIDEST = 1400
THUMBNAIL = 132
LARGEST_SVG = 2_000_000
_MOST_PIXELS = 200_000_000


def figure_uri(folder: Path, figure: Figure) -> tuple[str, int, int] | None:
    """(data URI, width, height) of a figure of the case folder; None when it is missing or no picture.

    An SVG stays one: as an image it runs no script and loads nothing. Size 0 means unknown.
    """
    path = inside(folder, figure.path)
    if path is None:
        return None
    if path.suffix.lower() == ".svg":
        raw = path.read_bytes()
        return (_uri("image/svg+xml", raw), 0, 0) if len(raw) <= LARGEST_SVG else None
    return _shrunk(path, WIDEST, small=False)


def shows_pictures(folder: Path, figure: Figure) -> bool:
    """Whether a figure holds images of the case, or names one: drawn plots do not, whatever is made of pixels may."""
    path = inside(folder, figure.path)
    if path is None or path.suffix.lower() != ".svg":
        return True
    text = path.read_bytes()[: LARGEST_SVG + 1].lower()
    if any(mark in text for mark in (b"<image", b"<feimage", b"<foreignobject", b"data:image")):
        return True
    return any(True for _ in image_files(html.unescape(text.decode("utf-8", "replace"))))


def image_files(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of whatever in ``text`` ends like the file of an image, with the folders before it; in time that grows with the text."""
    done = 0
    for found in _END.finditer(text):
        at, least = found.start(), max(done, found.start() - LONGEST_NAME)
        while at > least and text[at - 1] not in APART:
            at -= 1
        if any(c.isalnum() or c == "_" for c in text[at : found.start()]):
            yield at, found.end()
        done = found.end()


def thumbnail_uri(config: Mapping[str, Any], image: ImageRef) -> tuple[str, int, int] | None:
    """(data URI, width, height) of an example image of the case; None when its file is not there any more."""
    given = (config.get("data") or {}).get(image.split) or {}
    root = str(given.get("path") or "")
    if not root or not image.path:
        return None
    base = Path(root) if os.path.isdir(root) else Path(root).parent
    path = os.path.normpath(base / image.path)
    if os.path.commonpath([os.path.normpath(base), path]) != os.path.normpath(base):
        return None
    return _shrunk(Path(path), THUMBNAIL, small=True)


def _shrunk(path: Path, widest: int, *, small: bool) -> tuple[str, int, int] | None:
    from PIL import Image, ImageOps

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the limit below is ours
            opened = Image.open(path)
        with opened:
            if opened.width * opened.height > _MOST_PIXELS:
                return None
            opened.draft("RGB", (widest * 2, widest * 2))
            picture = ImageOps.exif_transpose(opened)
            alpha = "A" in picture.getbands() or "transparency" in picture.info
            picture = picture.convert("RGBA" if alpha and not small else "RGB")
            picture.thumbnail((widest, widest if small else widest * 3), Image.Resampling.LANCZOS)
    except Exception:  # whatever is wrong with a picture, the report says that it is missing
        return None
    if small:
        return _uri("image/jpeg", _bytes(picture, "JPEG", quality=82)), *picture.size
    png = _bytes(picture, "PNG")
    if picture.mode == "RGB" and len(png) > 300_000:  # photographs: a tenth of the size, no visible loss
        jpeg = _bytes(picture, "JPEG", quality=88)
        if len(jpeg) < len(png) / 2:
            return _uri("image/jpeg", jpeg), *picture.size
    return _uri("image/png", png), *picture.size


def _bytes(picture: Any, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.info = {}
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def _uri(kind: str, raw: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(raw).decode('ascii')}"
