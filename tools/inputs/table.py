"""The image table that every reader builds: names, labels, metadata in memory; pictures opened one by one."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from failsight.tools.inputs import images
from failsight.tools.inputs.base import BadImage, Box, Ground, LeftOut
from failsight.tools.text import clean

if TYPE_CHECKING:
    from PIL.Image import Image

    from failsight.tools.inputs.base import ImageTable

Boxes = Mapping[str, Sequence[Box]]


class Sources(Protocol):
    """Where the bytes of the pictures are: files, or rows of an Arrow table."""

    def __len__(self) -> int: ...

    def get(self, index: int) -> str | bytes:
        """The path or the bytes of one picture. Raises OSError."""

    def identity(self, index: int) -> tuple[str, int, int]:
        """(name, size in bytes, modification time in ns): unchanged means unchanged content. Raises OSError."""


class Files:
    """Pictures that are files; ``paths`` as the operating system spells them."""

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def get(self, index: int) -> str | bytes:
        return self.paths[index]

    def identity(self, index: int) -> tuple[str, int, int]:
        stat = os.stat(self.paths[index])
        return os.path.abspath(self.paths[index]), stat.st_size, stat.st_mtime_ns


@dataclass
class Raw:
    """What a reader found, before labels are matched and pictures are looked at. One entry per row in each list.

    ``labels`` are the data's own words, None where there is none; ``left_out`` are rows the reader itself dropped; ``numbered``: the
    labels by their number, where the data number them.
    """

    root: Path
    format: str
    names: list[str]
    sources: Sources
    labels: list[str | None]
    columns: dict[str, list[Any]] = field(default_factory=dict)
    boxes: list[Boxes] | None = None
    notes: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    numbered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A label of the data that is no class of the model.

    Attributes:
        label: as the data have it, cleaned.
        images: how many carry it.
        closest: the class of the model that it may mean, None where no name is near.
        on_purpose: whether the person's own class map leaves it out.
    """

    label: str
    images: int
    closest: str | None = None
    on_purpose: bool = False


@dataclass(frozen=True, eq=False)
class Images:
    """An ``ImageTable``: see ``failsight.tools.inputs.base``.

    Attributes beyond the protocol:
        sizes: stored (width, height) of each picture in pixels, read from its header. Shape (n, 2), int32.
        digests: SHA-256 of each picture's bytes, in hexadecimal (equal digests are exact duplicates).
        notes: what a person should know about how the data were read, in plain sentences.
        unmatched: labels that are no class of the model. Their images are left out where labels are needed, else unlabelled.
        transparent: whether any pixel of the picture is less than opaque; None where nobody looked. (n,)
        ground: what these pictures are laid on, as the model is fed them.
    """

    root: Path
    paths: Sequence[str]
    labels: npt.NDArray[np.int64]
    classes: tuple[str, ...]
    columns: Mapping[str, Sequence[Any]]
    boxes: Sequence[Boxes] | None
    left_out: Sequence[LeftOut]
    fingerprint: str
    format: str
    sizes: npt.NDArray[np.int32]
    digests: Sequence[str]
    notes: tuple[str, ...]
    sources: Sources
    index: npt.NDArray[np.int64]  # row -> position in ``sources``
    unmatched: tuple[Unmatched, ...] = ()
    transparent: npt.NDArray[np.bool_] | None = None
    ground: Ground = "drop"

    def __len__(self) -> int:
        return len(self.labels)

    def open(self, row: int) -> Image:
        """The picture of ``row``: RGB, upright, at most 32 million pixels, a transparent one on ``ground``. Raises BadImage."""
        return open_source(self.sources, int(self.index[row]), ground=self.ground)

    def preview(self, row: int, least: tuple[int, int]) -> Image:
        """The picture of ``row`` for a person to glance at: perhaps smaller than it is, at least ``least`` (width, height)
        pixels where it has as many, and sooner there. Raises BadImage."""
        return open_source(self.sources, int(self.index[row]), least, self.ground)

    def on(self, ground: Ground) -> Images:
        """The same pictures on another ground; other data only where one of them is transparent."""
        if ground == self.ground:
            return self
        clear = self.transparent is not None and bool(self.transparent.any())
        bare = self.fingerprint.partition("+")[0]
        print_ = f"{bare}+{ground}" if clear and ground != "drop" else bare
        return replace(self, ground=ground, fingerprint=print_)

    def file(self, row: int) -> Path | None:
        """The file of ``row``, None where the picture is not a file."""
        source = self.sources.get(int(self.index[row]))
        return Path(source) if isinstance(source, str) else None


def laid_on(table: ImageTable, ground: Ground) -> ImageTable:
    """The pictures of ``table`` on another ground, where it knows how to be."""
    return table.on(ground) if isinstance(table, Images) else table


def open_source(
    sources: Sources, index: int, least: tuple[int, int] | None = None, ground: Ground = "drop"
) -> Image:
    """One picture, decoded (``least`` and ``ground``: as ``images.decode`` has them). Raises BadImage."""
    try:
        source = sources.get(index)
    except OSError as problem:
        raise BadImage(f"it can't be read ({clean(problem)})") from problem
    return images.decode(source, least, ground)


def printable(name: str) -> str:
    """A file name fit for any screen and any UTF-8 file: stray bytes read as Latin-1, control characters dropped."""
    if any("\ud800" <= ch <= "\udfff" for ch in name):
        name = "".join(_unescape(ch) for ch in name)
    if all(ch.isprintable() for ch in name):
        return name
    return clean(name, 1000) or "unnamed"


def _unescape(ch: str) -> str:
    if "\udc80" <= ch <= "\udcff":  # a byte that was not UTF-8 (PEP 383)
        return chr(ord(ch) - 0xDC00)
    return "" if "\ud800" <= ch <= "\udfff" else ch


def distinct(names: Sequence[str]) -> list[str]:
    """``names`` with `` (2)``, `` (3)`` … appended where one occurs again."""
    taken: set[str] = set()
    counts: dict[str, int] = {}
    result = []
    for name in names:
        chosen = name
        while chosen in taken:
            counts[name] = counts.get(name, 1) + 1
            chosen = f"{name} ({counts[name]})"
        taken.add(chosen)
        result.append(chosen)
    return result
