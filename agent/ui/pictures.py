"""Pictures in a terminal: half-blocks (two pixels a character) of photographs, and the sketches that charts carry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.text import Text

    from failsight.tools.evidence import Evidence, ImageRef

MOST_PIXELS = 150_000_000  # larger files are named, not shown
SMALL = (24, 8)  # columns and rows of an example image
_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")


def key(image: ImageRef) -> str:
    """What tells the thumbnail of one image from another's: equal paths may lie in different splits."""
    return f"{image.split}:{image.path}"


@dataclass(frozen=True, slots=True)
class Album:
    """Where the pictures of a case lie, and thumbnails of them.

    Attributes:
        folder: the case folder; figures lie in it.
        roots: split → folder that the image paths of its data are relative to.
    """

    folder: Path
    roots: Mapping[str, Path] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path, config: Mapping[str, Any]) -> Album:
        """The album of a case from its configuration (``CaseState.config``)."""
        roots = {}
        for split, about in (config.get("data") or {}).items():
            path = Path(str(about.get("path", ""))) if isinstance(about, Mapping) else Path()
            roots[str(split)] = path if path.is_dir() else path.parent
        return cls(folder, roots)

    def figure(self, path: str) -> Path | None:
        """A figure of the case; None when it lies outside of the case folder or is not there."""
        try:
            found = (self.folder / path).resolve()
            return found if found.is_relative_to(self.folder.resolve()) and found.is_file() else None
        except (OSError, ValueError):
            return None

    def image(self, path: str, split: str = "data") -> Path | None:
        """An image of the data: as its path says, else below the data of its split; None when it is not there."""
        for candidate in (Path(path), self.roots.get(split, self.folder) / path, self.folder / path):
            try:
                if path and candidate.is_file():
                    return candidate
            except (OSError, ValueError):
                pass
        return None

    def load(self, evidence: Evidence, columns: int, rows: int, images: int = 4) -> dict[str, Text]:
        """Thumbnails by :func:`key` or figure path: figures of at most ``columns`` × ``rows`` characters, the first ``images`` images smaller.

        Slow (decodes pictures): not for the thread that draws."""
        figures = {f.path: (self.figure(f.path), columns, rows) for f in evidence.figures}
        shown = {key(i): (self.image(i.path, i.split), *SMALL) for i in evidence.images[:images]}
        made = {
            path: sketch(place, width, height) if place.suffix == ".svg" else thumbnail(place, width, height)
            for path, (place, width, height) in (shown | figures).items()
            if place is not None
        }
        return {path: picture for path, picture in made.items() if picture is not None}

    def sketches(self, evidence: Evidence, columns: int, rows: int) -> dict[str, Text]:
        """The figures that can be told without colours, by figure path."""
        found = {f.path: self.figure(f.path) for f in evidence.figures}
        made = {
            path: sketch(place, columns, rows, coloured=False)
            for path, place in found.items()
            if place is not None and place.suffix == ".svg"
        }
        return {path: picture for path, picture in made.items() if picture is not None}


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


def sketch(path: Path, columns: int, rows: int, *, coloured: bool = True) -> Text | None:
    """The terminal's version of an SVG figure, at most ``columns`` wide; None for one that has none; never raises.

    Without colours the lines that are made of half-blocks alone say nothing and are left out."""
    from rich.text import Text

    from failsight.tools.figures.sketch import LARGEST, drawn, sketch_of

    try:
        found = sketch_of(path.read_text(encoding="utf-8")) if path.stat().st_size <= LARGEST else None
    except (OSError, ValueError):
        return None
    if found is None:
        return None
    made = Text(no_wrap=True)
    for spans in drawn(found, columns, rows):
        words = "".join(s.text for s in spans)
        if not coloured and "▀" in words and not words.strip("▀ …"):
            continue
        made.append("\n" if len(made) else "")
        for span in spans:
            ground = f" on {span.ground}" if span.ground else ""
            made.append(span.text, style=f"{span.colour or 'default'}{ground}")
    return made


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
