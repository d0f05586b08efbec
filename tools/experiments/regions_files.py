"""Regions that come with the data: masks drawn by people or programs, and points of each image's own."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from failsight.tools.errors import RetryError
from failsight.tools.evidence import digest
from failsight.tools.experiments.regions_base import Mask, Region
from failsight.tools.text import clean

if TYPE_CHECKING:
    from PIL.Image import Image

    from failsight.tools.inputs.base import ImageTable

ENDS = (".png", ".bmp", ".tif", ".tiff", ".gif", ".jpg", ".jpeg", ".webp")
LOSSY = (".jpg", ".jpeg", ".webp")  # edges ring in them: only the brighter half counts
TAILS = ("", "_mask", "-mask", "_seg")
OTHER_SHAPE = (
    0.02  # a mask may be smaller or larger than its image, not of another shape: ratio of sides, relative
)
Point = tuple[float, float]


@dataclass(frozen=True)
class MaskFiles:
    """A mask file for some rows of a table.

    Attributes:
        files: row → file.
        value: pixel value that counts; −1: every value above 0.
        fingerprint: of names, sizes and times of the files.
    """

    files: Mapping[int, Path]
    value: int
    fingerprint: str
    problems: dict[int, str] = field(default_factory=dict)

    def read(self, row: int, size: tuple[int, int]) -> Mask | None:
        """The mask of ``row`` at the size of its image (width, height); None where it has none that can be used."""
        from PIL import Image, UnidentifiedImageError

        path = self.files.get(row)
        if path is None:
            return None
        try:
            with Image.open(path) as opened:
                if not _same_shape(opened.size, size):
                    self.problems[row] = (
                        f"{clean(path.name, 60)} is {opened.size[0]} × {opened.size[1]}, its image {size[0]} × {size[1]}"
                    )
                    return None
                drawn = self._marked(opened, path.suffix.casefold() in LOSSY)
        except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError):
            self.problems[row] = f"{clean(path.name, 60)} can't be read"
            return None
        if drawn.shape == (size[1], size[0]):
            return drawn
        scaled = Image.fromarray(drawn).resize(size, Image.Resampling.NEAREST)
        return np.asarray(scaled, bool)

    def _marked(self, opened: Image, lossy: bool) -> Mask:
        values = np.asarray(opened)
        if values.ndim == 3 and opened.mode in ("RGBA", "LA") and self.value < 0:
            values = np.minimum(values[..., :-1].max(2), values[..., -1])  # what is transparent is not drawn
        elif values.ndim == 3:
            values = values.max(2)
        if self.value >= 0:
            return np.asarray(values == self.value, bool)
        return np.asarray(values > (127 if lossy else 0), bool)


def _same_shape(one: tuple[int, int], other: tuple[int, int]) -> bool:
    if min(*one, *other) < 1:
        return False
    return abs(math.log(one[0] * other[1] / (one[1] * other[0]))) <= OTHER_SHAPE or one == other


def mask_files(table: ImageTable, region: Region) -> MaskFiles:
    """The mask files that a ``mask:`` region names: a metadata column of paths, or a folder of files named like the images.

    Raises:
        RetryError: there is no such column or folder, or no file in it fits an image.
    """
    named = region.name
    if named in table.columns:
        files = {
            row: path
            for row, given in enumerate(table.columns[named])
            if isinstance(given, str) and given.strip()
            for path in (_path(table, given),)
            if path is not None
        }
        where = f"the column {clean(named, 40)}"
    else:
        folder = _folder(table, named)
        files = _matched(table, folder)
        where = f"the folder {clean(folder.name, 60)}"
    if not files:
        raise RetryError(
            f"region: no mask in {where} fits an image: masks are called like their images "
            "(kitchen/12.jpg: kitchen/12.png, 12.png or 12_mask.png)."
        )
    stats = {row: path.stat() for row, path in files.items()}
    print_ = digest([(row, files[row].name, s.st_size, s.st_mtime_ns) for row, s in sorted(stats.items())])
    return MaskFiles(files, region.value, print_)


def _path(table: ImageTable, given: str) -> Path | None:
    """A file that a cell names, as it is or from where the images lie."""
    path = Path(given.strip()).expanduser()
    for candidate in (path, table.root / path):
        try:
            if candidate.is_file():
                return candidate
        except (OSError, ValueError):  # a name that is too long, or holds a null
            return None
    return None


def _folder(table: ImageTable, named: str) -> Path:
    for candidate in (Path(named).expanduser(), table.root / named):
        try:
            if candidate.is_dir():
                return candidate
        except (OSError, ValueError):
            break
    raise RetryError(
        f"region: there is no folder and no metadata column {clean(named, 60)!r}.",
        [clean(c, 40) for c in table.columns],
    )


def _matched(table: ImageTable, folder: Path) -> dict[int, Path]:
    """Row → file of the same relative path or of the same name, with any image ending. A name that two images have is none."""
    known: dict[str, Path] = {}
    for path in sorted(p for p in folder.rglob("*") if p.suffix.casefold() in ENDS and p.is_file()):
        known.setdefault(path.relative_to(folder).with_suffix("").as_posix(), path)
    stems: dict[str, int] = {}
    for name in table.paths:
        stem = Path(name).stem
        stems[stem] = stems.get(stem, 0) + 1
    made: dict[int, Path] = {}
    for row, name in enumerate(table.paths):
        relative = Path(name).with_suffix("").as_posix()
        names = [relative, Path(name).stem] if stems[Path(name).stem] == 1 else [relative]
        found = next((known[n + tail] for n in names for tail in TAILS if n + tail in known), None)
        if found is not None:
            made[row] = found
    return made


def points_of(table: ImageTable, column: str) -> Points:
    """Each image's own points, from the column (or from the two columns ``NAME_x`` and ``NAME_y``).

    A cell reads ``x,y``, ``x,y; x,y``, or the same as JSON. Where any number of the column exceeds 1 they all are pixels of the
    image's file, else fractions of it.

    Raises:
        RetryError: no cell can be read as points.
    """
    cells: dict[int, list[Point]] = {}
    if column in table.columns:
        for row, given in enumerate(table.columns[column]):
            found = read_points(given)
            if found:
                cells[row] = found
    else:
        xs, ys = table.columns[f"{column}_x"], table.columns[f"{column}_y"]
        for row, pair in enumerate(zip(xs, ys, strict=True)):
            found = read_points(list(pair))
            if found:
                cells[row] = found
    if not cells:
        raise RetryError(
            f"region: the column {clean(column, 40)!r} holds no points; write 0.4,0.7 (fractions of the image) or pixels."
        )
    in_pixels = any(v > 1 for some in cells.values() for point in some for v in point)
    return Points(cells, in_pixels)


@dataclass(frozen=True)
class Points:
    """Points by row; ``in_pixels``: of the image's file, else fractions of it."""

    cells: Mapping[int, Sequence[Point]]
    in_pixels: bool

    def of(self, row: int, size: tuple[int, int]) -> list[Point]:
        """The points of ``row`` that lie in its image of ``size`` (width, height), as fractions."""
        across, down = size if self.in_pixels else (1, 1)
        made = [(x / across, y / down) for x, y in self.cells.get(row, ())]
        return [(x, y) for x, y in made if 0 <= x <= 1 and 0 <= y <= 1]


def read_points(cell: Any) -> list[Point]:
    """The points that a cell names; none where it names none."""
    if isinstance(cell, str):
        text = cell.strip()
        if text.startswith("["):
            try:
                cell = json.loads(text)
            except (ValueError, RecursionError):
                return []
        else:
            cell = [part.replace(",", " ").split() for part in text.split(";") if part.strip()]
    if not isinstance(cell, list | tuple) or not cell:
        return []
    pairs = [cell] if not isinstance(cell[0], list | tuple) else cell
    made = []
    for pair in pairs:
        try:
            x, y = (float(v) for v in pair)
        except (TypeError, ValueError, OverflowError):
            return []
        if not (math.isfinite(x) and math.isfinite(y) and x >= 0 and y >= 0):
            return []
        made.append((x, y))
    return made
