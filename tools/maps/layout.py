"""Images of a split laid out in two dimensions, with what the model said about each and where its errors lie thick."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.neighbours import unit_rows
from failsight.tools.errors import RetryError
from failsight.tools.experiments.arguments import Space as Space
from failsight.tools.inputs.base import BadImage, Predictions, Split
from failsight.tools.notes import called
from failsight.tools.stats.projection import (
    COMPONENTS,
    ITERATIONS,
    Region,
    dense_errors,
    neighbours,
    neighbours_kept,
    principal_components,
    tsne,
)
from failsight.tools.text import counted
from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Method = Literal["tsne", "pca", "umap"]
NEAR = 15  # neighbours that a map is judged by
PIXELS = 12  # side of the thumbnails that stand in for features
VERSION = 1
CALLED: dict[Space, str] = {
    "features": "the model's own features",
    "encoder": "the embeddings of the encoder that knows words",
    "pixels": "small copies of the pictures (colours and coarse shapes only)",
}


@dataclass(frozen=True)
class Map:
    """The images on the map; everything follows ``rows``.

    Attributes:
        space: what their likeness was read from.
        rows: (n,) rows of the image table, ascending.
        at: (n, 2) places.
        near: (n, 15) nearest others in the space, nearest first; fewer for few images.
        kept: share of them that are nearest on the map, too.
        explained: shares of the variance along both axes; only for principal components.
        labels: (n,) true classes, −1 unknown.
        predicted, confidence: (n,) of the model; None without predictions.
        has_scores: whether confidences mean anything.
        regions: where errors lie thick.
        total: images that could have been shown.
        notes: what was left out or is missing.
    """

    split: Split
    space: Space
    method: Method
    rows: Ints
    at: Floats
    near: Ints
    kept: float
    explained: tuple[float, ...]
    labels: Ints
    predicted: Ints | None
    confidence: Floats | None
    has_scores: bool
    regions: tuple[Region, ...]
    total: int
    notes: tuple[str, ...]

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """Images with a label and a prediction."""
        if self.predicted is None:
            return np.zeros(len(self.rows), bool)
        labelled: npt.NDArray[np.bool_] = self.labels >= 0
        return labelled

    @property
    def wrong(self) -> npt.NDArray[np.bool_]:
        """Images whose prediction is not their label."""
        if self.predicted is None:
            return np.zeros(len(self.rows), bool)
        bad: npt.NDArray[np.bool_] = self.known & (self.predicted != self.labels)
        return bad


def lay_out(
    view: CaseView, split: Split, *, space: Space | None, method: Method, within: int | None, points: int
) -> Map:
    """Sample the images, read what they look like to the model, and lay them out.

    Raises:
        RetryError: the space or the method is not to be had; no image is left.
    """
    notes: list[str] = []
    predictions = _predictions(view, split, notes)
    chosen, rows, values = _load(view, split, predictions, within, space, points, notes)
    good = np.isfinite(values).all(1)
    if not good.all():
        notes.append(
            f"{counted(int((~good).sum()), 'image has features that are not finite and is', 'images have features that are not finite and are')} not shown."
        )
    rows, values = rows[good], values[good]
    if not len(rows):
        raise RetryError(f"None of the {called(split)} can be put on a map.")
    total = len(rows)
    if total > points:
        picked = np.sort(np.random.default_rng([view.seed, total]).choice(total, points, replace=False))
        rows, values = rows[picked], values[picked]
    reduced = principal_components(unit_rows(values.astype(np.float32))[0], COMPONENTS)
    if not reduced.scores.shape[1]:
        notes.append("All of these images have the same features: there is nothing to tell them apart by.")
    at = _placed(view, reduced.scores, method)
    near, _ = neighbours(reduced.scores, NEAR)
    low, _ = neighbours(at, NEAR)
    labels = view.table(split).labels[rows]
    predicted = confidence = None
    if predictions is not None:
        place = np.searchsorted(predictions.rows, rows)
        predicted, confidence = predictions.predicted[place], predictions.confidence[place].astype(np.float64)
    return Map(
        split=split,
        space=chosen,
        method=method,
        rows=rows,
        at=at,
        near=near,
        kept=neighbours_kept(near, low),
        explained=tuple(reduced.explained[:2].tolist()) if method == "pca" else (),
        labels=labels,
        predicted=predicted,
        confidence=confidence,
        has_scores=predictions is not None and predictions.has_scores,
        regions=_regions(view, reduced.scores, labels, predicted),
        total=total,
        notes=tuple(notes),
    )


def _predictions(view: CaseView, split: Split, notes: list[str]) -> Predictions | None:
    try:
        return view.predictions(split)
    except RetryError as problem:  # a black box comes with predictions of some images only
        notes.append(str(problem))
        return None


def _load(
    view: CaseView,
    split: Split,
    predictions: Predictions | None,
    within: int | None,
    space: Space | None,
    points: int,
    notes: list[str],
) -> tuple[Space, Ints, npt.NDArray[Any]]:
    """The space, and rows with their values in it. Falls back from features to encoder to pixels when none is named."""
    wanted = np.arange(len(view.table(split))) if predictions is None else predictions.rows
    if within is not None:
        wanted = wanted[view.table(split).labels[wanted] == within]
    for tried in (space,) if space else get_args(Space):
        if tried == "pixels":
            return (tried, *_small_copies(view, split, wanted, points))
        try:
            rows, values = view.features(split) if tried == "features" else view.embeddings(split)
        except RetryError as problem:
            if space:
                raise RetryError(str(problem), [s for s in get_args(Space) if s != space]) from None
            notes.append(f"The map is not drawn from {CALLED[tried]}: {problem}")
            continue
        keep = np.isin(rows, wanted)
        return tried, rows[keep], values[keep]
    raise AssertionError("pixels are always there")


def _small_copies(view: CaseView, split: Split, wanted: Ints, points: int) -> tuple[Ints, Floats]:
    """Thumbnails of a sample of ``wanted`` as vectors; pictures that can't be read are left out."""
    from PIL import Image

    table = view.table(split)
    if len(wanted) > points:
        picks = np.random.default_rng([view.seed, len(wanted)]).choice(len(wanted), points, replace=False)
        wanted = wanted[np.sort(picks)]
    kept, made = [], []
    with view.progress.job("looking at the pictures", len(wanted)) as ticker:
        for row in wanted.tolist():
            try:
                picture = table.open(row).convert("RGB").resize((PIXELS, PIXELS), Image.Resampling.BOX)
                made.append(np.asarray(picture, np.float64).ravel() / 255)
                kept.append(row)
            except BadImage:
                pass
            ticker.advance()
    return np.array(kept, np.int64), np.array(made).reshape(len(made), -1)


def _placed(view: CaseView, reduced: Floats, method: Method) -> Floats:
    """(n, 2) places; maps that take time are kept."""
    if method == "pca" or len(reduced) < 5 or not reduced.shape[1]:
        made = np.zeros((len(reduced), 2))
        made[:, : min(2, reduced.shape[1])] = reduced[:, :2]
        return made
    content = hashlib.sha256(np.ascontiguousarray(np.round(reduced, 6)).tobytes()).hexdigest()
    key = {"what": "map", "version": VERSION, "method": method, "of": content, "seed": view.seed}
    found = view.cached(key)
    if found is not None and found["at"].shape == (len(reduced), 2):
        return found["at"].astype(np.float64)
    if method == "umap":
        made = _umap(reduced, view.seed)
    else:
        with view.progress.job("laying the images out", ITERATIONS) as ticker:
            made = tsne(reduced, seed=view.seed, advance=ticker.advance)
    view.store(key, {"at": made})
    return made


def _umap(reduced: Floats, seed: int) -> Floats:
    try:
        from umap import UMAP  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        raise RetryError(
            "method=umap needs the package umap-learn, which is not installed (pip install 'failsight[maps]').",
            ["tsne", "pca"],
        ) from None
    near = max(2, min(NEAR, len(reduced) - 1))
    start = "random" if len(reduced) < 20 or reduced.shape[1] < 3 else "spectral"
    made = UMAP(n_neighbors=near, random_state=seed, n_jobs=1, init=start).fit_transform(reduced)
    return np.asarray(made, np.float64)


def _regions(view: CaseView, reduced: Floats, labels: Ints, predicted: Ints | None) -> tuple[Region, ...]:
    """Where errors lie thick among the labelled images."""
    if predicted is None or not reduced.shape[1]:
        return ()
    known = np.flatnonzero(labels >= 0)
    size = max(NEAR, len(known) // 80)
    if len(known) < 4 * size:
        return ()
    near, _ = neighbours(reduced[known], size)
    found = dense_errors(near, predicted[known] != labels[known], labels[known], seed=view.seed)
    return tuple(Region(known[one.rows], one.wrong, one.p) for one in found)


def agreement(near: Ints, codes: Ints, which: Sequence[bool] | npt.NDArray[np.bool_]) -> Floats:
    """(m,) of the rows ``which``: share of their neighbours with the same code; neighbours without a code don't count."""
    at = np.flatnonzero(np.asarray(which, bool))
    others = codes[near[at]]
    counted = others >= 0
    same = ((others == codes[at][:, None]) & counted).sum(1)
    total = counted.sum(1)
    made: Floats = same[total > 0] / total[total > 0]
    return made
