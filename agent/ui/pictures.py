"""Pictures in a terminal: half-blocks (two pixels a character) that any terminal with colours can show."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.text import Text

MOST_PIXELS = 150_000_000  # larger files are named, not shown
_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")


def figure_path(path: str, folder: Path) -> Path | None:
    """Where a figure of the case lies; None when it lies outside ``folder`` or is not there."""
    try:
        found = (folder / path).resolve()
        return found if found.is_relative_to(folder.resolve()) and found.is_file() else None
    except (OSError, ValueError):
        return None


def image_path(path: str, folder: Path) -> Path | None:
    """Where an image of the data lies: as it is given, or below the case folder; None when it is not there."""
    for candidate in (Path(path), folder / path):
        try:
            if path and candidate.is_file():
                return candidate
        except (OSError, ValueError):
            pass
    return None


def thumbnail(path: Path, columns: int = 40, rows: int = 12) -> Text | None:
    """The picture at ``path`` in at most ``columns`` × ``rows`` characters, upright as its EXIF says.

    None for what can't be decoded (or not safely: more than :data:`MOST_PIXELS`); never raises.
    """
    try:
        from PIL import Image, ImageOps

        with Image.open(path, formats=_FORMATS) as image:
            if image.width * image.height > MOST_PIXELS:
                return None
            image.draft("RGB", (columns * 2, rows * 4))
            image.thumbnail((columns * 4, rows * 8))
            upright = ImageOps.exif_transpose(image).convert("RGBA")
        upright.thumbnail((columns, rows * 2))
        flat = Image.new("RGBA", upright.size, "black")
        flat.alpha_composite(upright)
        return half_blocks(flat.convert("RGB").tobytes(), flat.width, flat.height)
    except Exception:  # whatever a broken file does to the decoder, its path is shown instead
        return None


def half_blocks(pixels: bytes, width: int, height: int) -> Text:
    """RGB ``pixels`` (row by row, three bytes each) as text: an upper half block carries two pixels."""
    from rich.color import Color
    from rich.style import Style
    from rich.text import Text

    def colour(x: int, y: int) -> Color:
        start = 3 * (y * width + x)
        return Color.from_rgb(*pixels[start : start + 3])

    made = Text(no_wrap=True)
    for y in range(0, height, 2):
        for x in range(width):
            below = colour(x, y + 1) if y + 1 < height else None
            made.append("▀", Style(color=colour(x, y), bgcolor=below))
        if y + 2 < height:
            made.append("\n")
    return made
