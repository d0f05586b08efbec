"""Two images set side by side: the features that speak for different answers or for the same, attributes, and how far apart they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Cell
from failsight.tools.experiments.what_if_images import Named
from failsight.tools.experiments.what_if_space import Cloud, Ints, likeness
from failsight.tools.inputs.base import AttributeTable, Classifier, Floats
from failsight.tools.text import clean
from failsight.tools.view import CaseView

PAIRS = 4000  # pairs of images that say what is usual
FEATURES = 4  # features told about
ALIKE = 0.8  # correlation from which two features tell the same
MOST_ROWS = 2000  # images from which it is read
EXAMPLES = 3  # images that show what a feature responds to


@dataclass(frozen=True)
class Feature:
    """One feature of the model in both images.

    Attributes:
        first, second: its value, in standard deviations from the mean over the images.
        pull: how far it moves the scores (before the softmax) apart, or holds both up; None without a linear head.
        examples: places in the cloud of the images in which it is strongest.
    """

    number: int
    first: float
    second: float
    pull: float | None
    examples: Ints


def head_weights(model: Classifier, channels: int) -> Floats | None:
    """(classes, channels) weights of the linear layer that gives the scores; None where there is none of that width."""
    from failsight.tools.engine.features import head_layer

    name = head_layer(model)
    module = model.torch_module() if name is not None else None
    if module is None:
        return None
    weight = dict(module.named_modules())[name].weight.detach().float().cpu().numpy()
    made: Floats = np.asarray(weight, np.float32)
    return made if made.shape[1] == channels else None


def telling_features(
    cloud: Cloud, first: Floats, second: Floats, answers: tuple[int, int], weights: Floats | None
) -> list[Feature]:
    """The features that set the images apart, or, where both get the same answer, those that hold it up in both.

    With a linear head, by what they do to the scores: (f₁ − f₂)(w_a − w_b) for different answers a and b, and
    min over both images of w_a (f − mean) for one answer. Without, by their difference (or likeness) in standard deviations.

    Args:
        answers: what the model says of the two.
        weights: (classes, channels), or None.
    """
    both = np.stack([first, second])
    z = np.where(np.isfinite(cloud.spread), (both - cloud.mean) / cloud.spread, 0)
    same = answers[0] == answers[1]
    pull: npt.NDArray[np.float32] | None = None
    if weights is not None:
        if same:
            pull = (weights[answers[0]] * (both - cloud.mean)).min(0)
        else:
            pull = (first - second) * (weights[answers[0]] - weights[answers[1]])
    ranked = pull if pull is not None else z.min(0) if same else np.abs(z[0] - z[1])
    found: list[Feature] = []
    for j in _unlike(cloud, ranked):
        strongest = np.argsort(-np.asarray(cloud.values[:, j], np.float32), kind="stable")[:EXAMPLES]
        effect = None if pull is None else float(pull[j])
        found.append(Feature(j, float(z[0, j]), float(z[1, j]), effect, strongest))
    return found


def _unlike(cloud: Cloud, ranked: npt.NDArray[np.float32]) -> list[int]:
    """The first features by rank, without those that rise and fall with one chosen before: they would tell the same again."""
    sample = np.asarray(cloud.values[:: max(1, len(cloud.values) // MOST_ROWS)], np.float64)
    centred = sample - sample.mean(0)
    length = np.maximum(np.linalg.norm(centred, axis=0), 1e-12)
    chosen: list[int] = []
    for j in np.argsort(-ranked, kind="stable").tolist():
        if ranked[j] <= 0 or len(chosen) == FEATURES:
            break
        alike = centred[:, chosen].T @ centred[:, j] / (length[chosen] * length[j])
        if not len(alike) or np.abs(alike).max() < ALIKE:
            chosen.append(j)
    return chosen


def other_attributes(
    tables: Sequence[AttributeTable], images: Sequence[Named]
) -> tuple[list[tuple[Cell, ...]], int]:
    """Attributes whose values differ between the two images, the most telling first, and how many agree.

    Names that differ come first; numbers where they differ by half a standard deviation or more, farthest apart first.
    Rows: attribute, first, second, how far apart in standard deviations (None for names).
    """
    at = [_position(t, i.row) for t, i in zip(tables, images, strict=True)]
    if None in at:
        return [], 0
    named: list[tuple[Cell, ...]] = []
    numbers: list[tuple[float, tuple[Cell, ...]]] = []
    agreeing = 0
    for name, column in tables[0].columns.items():
        if name not in tables[1].columns:
            continue
        first, second = column[at[0]], tables[1].columns[name][at[1]]
        if column.dtype != object:
            spread = float(np.nanstd(column)) if np.isfinite(column.astype(float)).any() else 0.0
            apart = abs(float(first) - float(second)) / spread if spread > 0 else 0.0
            if apart >= 0.5:
                numbers.append((apart, (clean(name, 60), f"{first:.3g}", f"{second:.3g}", apart)))
            else:
                agreeing += apart == apart
        elif first is not None and second is not None and first != second:
            named.append((clean(name, 60), clean(first, 60), clean(second, 60), None))
        else:
            agreeing += first is not None and first == second
    return [*named, *(row for _, row in sorted(numbers, key=lambda item: -item[0]))], agreeing


def _position(table: AttributeTable, row: int) -> int | None:
    at = int(np.searchsorted(table.rows, row))
    return at if at < len(table.rows) and table.rows[at] == row else None


@dataclass(frozen=True)
class Apart:
    """How far apart two images are, against what is usual.

    Attributes:
        distance: 1 − cosine, 0 to 2.
        within, between: median distance of two images of one class and of two classes; None where there are none.
        closer_within, closer_between: share of such pairs that are closer than these two.
    """

    distance: float
    within: float | None
    between: float | None
    closer_within: float | None
    closer_between: float | None


def distance_apart(view: CaseView, cloud: Cloud, first: Floats, second: Floats) -> Apart:
    """The distance of two points, and distances of seeded random pairs of labelled images."""
    scaled = cloud.scaled(np.stack([first, second]))
    distance = float(1 - scaled[0] @ scaled[1])
    labels = view.table(cloud.split).labels[cloud.rows]
    rng = np.random.default_rng([view.seed, len(labels), 5])
    known = np.flatnonzero(labels >= 0)
    within, between = np.zeros(0), np.zeros(0)
    if len(known) > 1:
        left, right = rng.choice(known, PAIRS), rng.choice(known, PAIRS)
        # a second draw within the class of the left one, so that many classes leave pairs of one class enough
        order = known[np.argsort(labels[known], kind="stable")]
        counts = np.bincount(labels[known], minlength=len(view.classes))
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
        own = order[starts[labels[left]] + (rng.random(PAIRS) * counts[labels[left]]).astype(np.int64)]
        within = _distances(cloud, left, own)
        apart = labels[left] != labels[right]
        between = _distances(cloud, left[apart], right[apart])
    return Apart(
        distance,
        float(np.median(within)) if len(within) else None,
        float(np.median(between)) if len(between) else None,
        float((within < distance).mean()) if len(within) else None,
        float((between < distance).mean()) if len(between) else None,
    )


def _distances(cloud: Cloud, left: Ints, right: Ints) -> npt.NDArray[np.float64]:
    keep = left != right
    a, b = (cloud.scaled(np.asarray(cloud.values[side[keep]], np.float32)) for side in (left, right))
    made: npt.NDArray[np.float64] = 1 - (a * b).sum(1, dtype=np.float64)
    return made


def closest_pair(cloud: Cloud, left: Ints, right: Ints, count: int) -> list[tuple[int, int]]:
    """The ``count`` closest pairs between two sets of places, nearest first, no image twice.

    Raises:
        RetryError: a set is empty.
    """
    if not len(left) or not len(right):
        raise RetryError("There are no two images to set side by side.")
    values = np.asarray(cloud.values[right], np.float32)
    target = Cloud(cloud.split, cloud.rows[right], values, cloud.mean, cloud.spread)
    close = likeness(target, np.asarray(cloud.values[left], np.float32))
    found = []
    for _ in range(min(count, len(left), len(right))):
        at = int(np.argmax(close))
        i, j = divmod(at, close.shape[1])
        found.append((int(left[i]), int(right[j])))
        close[i], close[:, j] = -np.inf, -np.inf
    return found
