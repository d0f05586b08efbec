"""A few pictures that stand for all: the ones nearest to the centres of clusters (HiBug §3.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.inputs.base import BadImage
from failsight.tools.stats.grouping import k_means, squared_distances

if TYPE_CHECKING:
    from PIL.Image import Image

    from failsight.tools.inputs.base import Floats, Split
    from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]
CLUSTERS = 16
EACH = 3  # pictures of a cluster, so that a value of one kind of picture is not one odd answer
POOL = 4000  # pictures that are clustered at most

Features = Callable[[Sequence["Image"]], "Floats | None"]


def representatives(view: CaseView, split: Split, clusters: int = CLUSTERS, each: int = EACH) -> Ints:
    """Row numbers of at most ``clusters`` × ``each`` pictures, sorted.

    Clustered are the encoder's embeddings, else the features of the model that is looked into; where there is neither, the
    pictures are drawn at random (seeded).
    """
    rows, points = _points(view, split)
    if points is None or not len(rows):
        rng = np.random.default_rng(view.seed)
        everyone = np.arange(len(view.table(split)), dtype=np.int64) if points is None else rows
        return np.sort(rng.permutation(everyone)[: clusters * each])
    if len(rows) > POOL:
        chosen = np.sort(np.random.default_rng(view.seed).choice(len(rows), POOL, replace=False))
        rows, points = rows[chosen], points[chosen]
    return np.sort(rows[nearest_to_centres(points, clusters, each, view.seed)])


def nearest_to_centres(points: Floats, clusters: int, each: int = 1, seed: int = 0) -> Ints:
    """Positions of the ``each`` points nearest to the centre of their cluster, for every cluster.

    Args:
        points: (n, d) finite; clusters are fewer where points coincide.
    """
    points64 = points.astype(np.float64)
    far = squared_distances(points64, k_means(points64, min(clusters, len(points64)), seed))
    home = far.argmin(1)
    made: list[int] = []
    for j in range(far.shape[1]):
        members = np.flatnonzero(home == j)
        made += members[np.argsort(far[members, j], kind="stable")[:each]].tolist()
    return np.array(sorted(made), np.int64)


def _points(view: CaseView, split: Split) -> tuple[Ints, Floats | None]:
    for source in (view.embeddings, view.features):
        try:
            rows, points = source(split)
        except RetryError:
            continue
        fine = np.isfinite(points).all(1)
        if fine.any():
            return rows[fine], points[fine]
    return np.zeros(0, np.int64), None


def opened(view: CaseView, split: Split, rows: Ints) -> tuple[list[int], list[Image]]:
    """(positions among ``rows``, pictures) of those that can be read."""
    table = view.table(split)
    kept, made = [], []
    for i, row in enumerate(rows.tolist()):
        try:
            image = table.open(row)
        except BadImage:
            continue
        kept.append(i)
        made.append(image)
    return kept, made
