"""One pool of pictures that all problems draw from: every attribute independent of every other and of the class.

The pictures are those of the procedural rooms, as JPEG files would hold them, once at 96 pixels (what an encoder sees)
and once at 48 (what the small networks see). Drawn once, kept as plain arrays outside the repository.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from failsight.knowledge_base.cases.drawing import picture_of
from failsight.knowledge_base.cases.render import encode
from failsight.knowledge_base.cases.scene import CLASSES, CUES, STYLE_COLUMNS, STYLES, VALUES
from failsight.knowledge_base.cases.world import Draft, Mix, WorldConfig, plan

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]

SIZE = 96
SMALL = 48
COUNT = 40_000
CLOSE = 0.3  # share of the pool in which most of the furniture is missing
ATTRIBUTES: tuple[str, ...] = (*CUES, *STYLE_COLUMNS.values(), "floor", "lighting", "tilt", "clutter")
"""What pictures show and words can tell; also what the methods may be given as true attributes."""


def _mix() -> Mix:
    half = {"yes": 0.5, "no": 0.5}
    made: dict[str, dict[str, Mapping[str, float]]] = {cue: {"*": half} for cue in CUES}
    for label in CLASSES:
        common, rare = STYLES[label]
        made[STYLE_COLUMNS[label]] = {"*": {"none": 1.0}, label: {common: 0.5, rare: 0.5}}
    for name in ("floor", "tilt", "clutter"):
        made[name] = {"*": dict.fromkeys(VALUES[name], 0.5)}
    made["lighting"] = {"*": dict.fromkeys(VALUES["lighting"], 1 / 3)}
    made["framing"] = {"*": {"whole": 1 - CLOSE, "close": CLOSE}}
    return made


def world(seed: int = 2026) -> WorldConfig:
    """The world of the pool."""
    return WorldConfig(name="planted", seed=seed, size=SIZE, mixes={"pool": _mix()})


@dataclass(frozen=True)
class Pool:
    """Pictures with their true classes and attributes.

    Attributes:
        fingerprint: of everything that decides the pictures.
        labels: (n,) positions in ``CLASSES``.
        codes: attribute → (n,) positions in ``VALUES[attribute]``; ``framing`` too.
        small: (n, 3, 48, 48) bytes, mapped from the disk.
        large: (n, 96, 96, 3) bytes, mapped from the disk.
    """

    fingerprint: str
    labels: Ints
    codes: Mapping[str, npt.NDArray[np.int8]]
    small: Bytes
    large: Bytes

    def __len__(self) -> int:
        return len(self.labels)

    def values(self, name: str, rows: Ints) -> npt.NDArray[Any]:
        """(n,) values of an attribute as text."""
        names = np.array(VALUES[name], object)
        made: npt.NDArray[Any] = names[self.codes[name][rows]]
        return made


def default_cache() -> Path:
    """Where pictures, networks and results are kept when nothing else is said."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "failsight" / "planted"


def open_pool(
    cache: Path, count: int = COUNT, progress: Callable[[int, int], None] | None = None, seed: int = 2026
) -> Pool:
    """The pool, drawn first if it is not there.

    Args:
        cache: folder for it.
        count: number of pictures.
        progress: told how many pictures of how many are drawn.
        seed: of all pictures.
    """
    config = world(seed)
    mark = hashlib.sha256(json.dumps([config.fingerprint(), count, SIZE, SMALL]).encode()).hexdigest()[:16]
    folder = cache / f"pool-{mark}"
    if not (folder / "rows.npz").is_file():
        _draw(config, count, folder, progress)
    with np.load(folder / "rows.npz") as stored:
        codes = {name: stored[name] for name in (*ATTRIBUTES, "framing")}
        labels = stored["labels"]
    return Pool(
        mark,
        labels,
        codes,
        np.load(folder / "small.npy", mmap_mode="r"),
        np.load(folder / "large.npy", mmap_mode="r"),
    )


def decoded(config: WorldConfig, draft: Draft) -> Bytes:
    """A picture (96, 96, 3) as its JPEG file would give it back."""
    with Image.open(io.BytesIO(encode(picture_of(config, draft)))) as stored:
        return np.asarray(stored)


def shrunk(pictures: Bytes) -> Bytes:
    """(n, 96, 96, 3) pictures as (n, 3, 48, 48): each pixel the mean of four."""
    n = len(pictures)
    blocks = pictures.reshape(n, SMALL, 2, SMALL, 2, 3).astype(np.uint16)
    mean = (blocks.sum(axis=(2, 4)) + 2) // 4
    return np.ascontiguousarray(mean.astype(np.uint8).transpose(0, 3, 1, 2))


def _draw(config: WorldConfig, count: int, folder: Path, progress: Callable[[int, int], None] | None) -> None:
    """All pictures in blocks; what an interrupted call has drawn is kept."""
    folder.mkdir(parents=True, exist_ok=True)
    drafts = plan(config, "pool", count)
    large = _array(folder / "large.npy", (count, SIZE, SIZE, 3))
    small = _array(folder / "small.npy", (count, 3, SMALL, SMALL))
    reached = folder / "drawn.txt"
    start = int(reached.read_text()) if reached.is_file() else 0
    for first in range(start, count, 500):
        block = np.stack([decoded(config, draft) for draft in drafts[first : first + 500]])
        large[first : first + len(block)] = block
        small[first : first + len(block)] = shrunk(block)
        large.flush()
        small.flush()
        reached.write_text(str(first + len(block)))
        if progress is not None:
            progress(first + len(block), count)
    columns = {
        name: np.array([VALUES[name].index(d.attributes[name]) for d in drafts], np.int8)
        for name in (*ATTRIBUTES, "framing")
    }
    labels = np.array([CLASSES.index(d.truth) for d in drafts], np.int64)
    part = folder / "rows.part.npz"
    np.savez(part, labels=labels, **columns)
    part.replace(folder / "rows.npz")


def _array(path: Path, shape: tuple[int, ...]) -> np.memmap[Any, np.dtype[np.uint8]]:
    mode: Any = "r+" if path.is_file() else "w+"
    made: np.memmap[Any, np.dtype[np.uint8]] = np.lib.format.open_memmap(  # type: ignore[no-untyped-call]
        path, mode=mode, dtype=np.uint8, shape=shape
    )
    return made
