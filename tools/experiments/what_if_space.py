"""What makes two images alike: the model's own features, an encoder's embeddings, or small copies of the pixels.

Every channel is centred and scaled by the spread over the images compared with; likeness is the cosine of what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.experiments.arguments import Space as Space
from failsight.tools.experiments.what_if_images import Named
from failsight.tools.inputs.base import BadImage, Floats, Split
from failsight.tools.notes import called
from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]
CALLED: dict[Space, str] = {
    "features": "the model's own features",
    "encoder": "the embeddings of the encoder that knows words",
    "pixels": "small copies of the pictures (colours and coarse shapes only)",
}
SIDE = 12  # of the small copies
MOST_COPIES = 20_000  # pictures opened for them; a seeded sample beyond
BLOCK = 16_384  # rows multiplied at a time


@dataclass(frozen=True)
class Cloud:
    """Images of one split as points.

    Attributes:
        rows: (n,) rows of the image table.
        values: (n, c) as they came; finite.
        mean, spread: (c,) of these; channels that never change have an infinite spread.
    """

    split: Split
    rows: Ints
    values: npt.NDArray[Any]
    mean: Floats
    spread: Floats

    def scaled(self, values: npt.NDArray[Any]) -> Floats:
        """(m, c) centred and scaled as this cloud is, each row of length 1 (or 0 where it is the mean itself)."""
        x = (np.asarray(values, np.float32) - self.mean) / self.spread
        length = np.linalg.norm(x, axis=1, keepdims=True)
        made: Floats = np.where(length > 1e-6, x / np.maximum(length, 1e-6), 0).astype(np.float32)
        return made

    def at(self, row: int) -> int | None:
        """The place of a row of the table, None when it is not among them."""
        place = int(np.searchsorted(self.rows, row))
        return place if place < len(self.rows) and self.rows[place] == row else None


def cloud_of(split: Split, rows: Ints, values: npt.NDArray[Any]) -> Cloud:
    """Points of finite rows, with their mean and spread; block by block, so that a large table is not copied."""
    good = np.concatenate(
        [np.isfinite(values[i : i + BLOCK]).all(1) for i in range(0, len(values), BLOCK)]
        or [np.zeros(0, bool)]
    )
    if not good.all():
        rows, values = rows[good], values[good]
    width = values.shape[1] if values.ndim == 2 else 0
    total, squares = np.zeros(width), np.zeros(width)
    for i in range(0, len(values), BLOCK):
        part = values[i : i + BLOCK].astype(np.float64)
        total += part.sum(0)
    mean = total / max(len(values), 1)
    for i in range(0, len(values), BLOCK):
        squares += ((values[i : i + BLOCK].astype(np.float64) - mean) ** 2).sum(0)
    spread = np.sqrt(squares / max(len(values), 1))
    spread[spread < 1e-6 * np.maximum(1, np.abs(mean))] = np.inf
    return Cloud(split, rows, values, mean.astype(np.float32), spread.astype(np.float32))


def clouds(
    view: CaseView, splits: Sequence[Split], space: Space | None, notes: list[str]
) -> tuple[Space, dict[Split, Cloud]]:
    """The images of several splits in the first space that all of them have; says what could not be had.

    Args:
        space: this one alone; default: features, else the encoder, else small copies.

    Raises:
        RetryError: the space named is not to be had, or a split has no readable image.
    """
    for tried in (space,) if space else get_args(Space):
        try:
            made = {s: cloud_of(s, *_load(view, s, tried, notes)) for s in dict.fromkeys(splits)}
        except RetryError as problem:
            if space or tried == "pixels":
                raise RetryError(str(problem), [s for s in get_args(Space) if s != space]) from None
            notes.append(f"Likeness is not read from {CALLED[tried]}: {problem}")
            continue
        for split, cloud in made.items():
            if not len(cloud.rows):
                raise RetryError(f"None of the {called(split)} can be compared.")
        return tried, made
    raise AssertionError("pixels are always there")


def _load(view: CaseView, split: Split, space: Space, notes: list[str]) -> tuple[Ints, npt.NDArray[Any]]:
    if space == "features":
        rows, values = view.features(split)
    elif space == "encoder":
        rows, values = view.embeddings(split)
    else:
        return _copies(view, split, notes)
    total = len(view.table(split))
    if len(rows) < 0.98 * total:
        notes.append(
            f"{len(rows):,} of the {total:,} {called(split)} are compared: no more were read or kept."
        )
    return rows, values


def _copies(view: CaseView, split: Split, notes: list[str]) -> tuple[Ints, npt.NDArray[Any]]:
    table = view.table(split)
    rows = np.arange(len(table), dtype=np.int64)
    if len(rows) > MOST_COPIES:
        picked = np.random.default_rng([view.seed, len(rows)]).choice(len(rows), MOST_COPIES, replace=False)
        rows = np.sort(picked)
        notes.append(f"Of the {len(table):,} {called(split)}, {MOST_COPIES:,} were drawn to be compared.")
    key = {"what": "small copies", "side": SIDE, "data": table.fingerprint, "n": len(rows), "seed": view.seed}
    stored = view.cached(key)
    if stored is None:
        kept, made = [], []
        with view.progress.job("looking at the pictures", len(rows)) as ticker:
            for row in rows.tolist():
                copy = _copy(view, split, row)
                if copy is not None:
                    kept.append(row)
                    made.append(copy)
                ticker.advance()
        stored = {
            "rows": np.array(kept, np.int64),
            "values": np.array(made, np.uint8).reshape(len(made), 3 * SIDE * SIDE),
        }
        view.store(key, stored)
    return stored["rows"], stored["values"]


def _copy(view: CaseView, split: Split, row: int) -> npt.NDArray[np.uint8] | None:
    from PIL import Image

    try:
        picture = view.table(split).open(row).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
    except BadImage:
        return None
    made: npt.NDArray[np.uint8] = np.asarray(picture, np.uint8).ravel()
    return made


def point_of(view: CaseView, image: Named, space: Space, cloud: Cloud, argument: str = "image") -> Floats:
    """(c,) the image in the space of ``cloud``: looked up where the cloud is of its split, else measured.

    Raises:
        RetryError: the image can't be read, or has no finite features.
    """
    place = cloud.at(image.row) if cloud.split == image.split else None
    if place is not None:
        made: Floats = np.asarray(cloud.values[place], np.float32)
        return made
    measured = _measured(view, image, space)
    if measured is None or not np.isfinite(measured).all():
        raise RetryError(f"{argument}: {image.words} can't be read, or has no finite features.")
    return measured


def _measured(view: CaseView, image: Named, space: Space) -> Floats | None:
    table, rows = view.table(image.split), np.array([image.row])
    values: npt.NDArray[Any] | None
    if space == "pixels":
        values = _copy(view, image.split, image.row)
        return None if values is None else np.asarray(values, np.float32)
    if space == "encoder":
        return _looked_up(*view.embeddings(image.split), image.row)
    from failsight.tools.engine.features import pooled_features

    if image.split == "data":  # their pass is the one that every case makes anyway
        found = _looked_up(*view.features(image.split), image.row)
        if found is not None:
            return found
    if not view.has_model():
        return None
    kept, pooled = pooled_features(table, view.model(), rows)
    return np.asarray(pooled[0], np.float32) if len(kept) else None


def _looked_up(known: Ints, values: npt.NDArray[Any], row: int) -> Floats | None:
    found = np.flatnonzero(known == row)
    return np.asarray(values[found[0]], np.float32) if len(found) else None


def likeness(
    cloud: Cloud, points: Floats, advance: Callable[[int], None] | None = None
) -> npt.NDArray[np.float32]:
    """(m, n) cosines of m points with every image of the cloud; one matrix product a block of images."""
    scaled = cloud.scaled(points)
    made = np.empty((len(points), len(cloud.rows)), np.float32)
    for start in range(0, len(cloud.rows), BLOCK):
        part = cloud.scaled(cloud.values[start : start + BLOCK])
        made[:, start : start + BLOCK] = scaled @ part.T
        if advance is not None:
            advance(len(part))
    return made


def best(values: npt.NDArray[np.float32], k: int) -> Ints:
    """(m, k) places of the largest of each row, largest first, ties to the lower place; −inf never counts as found."""
    k = min(k, values.shape[1])
    order: Ints = np.argsort(-values, axis=1, kind="stable")[:, :k]
    return order
