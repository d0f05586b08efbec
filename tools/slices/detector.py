"""Does training tie a cue to a class where nobody recorded the cue in the training images? A detector looks for it there.

A model that relies on a cue has the cue in its features. So a linear head on the model's own features, fitted to evaluation
images in which the cue is recorded, finds it in the training images. The detector errs, and errs differently from class to
class; its rates of error are measured within each class on evaluation images that it was not fitted to, and the shares are
corrected by them (the adjusted count: Gart & Buck 1966, Am. J. Epidemiology 83:593; Forman 2008, DMKD 17:164).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.slices.pulls import Compared
from failsight.tools.slices.search import Search
from failsight.tools.stats.linear_head import cross_validated_scores, scores_of_others
from failsight.tools.view import CaseView

FOLDS = 5
FEWEST = 15  # evaluation images with the cue and without it, in a class that is to be counted
APART = 0.6  # hits minus false alarms in a class, below which the detector says nothing of it
MOST_CLASSES = 40

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


def seen_in_training(view: CaseView, found: Search, codes: Ints, value: int, towards: int) -> Compared | None:
    """The cue's share among the training images of one class, against those of the others, as a detector sees it.

    Args:
        found: the search among evaluation images.
        codes: (n,) codes of the attribute there, -1 unknown.
        value: the code of the cue.
        towards: the class that it may be tied to.

    Returns:
        None where the model's features can't be read, too few images carry the cue, or the detector is too weak to tell:
        in the class itself, or in all others.
    """
    if len(found.classes) > MOST_CLASSES:
        return None
    try:
        rows, features = view.features(found.split)
        train_rows, train_features = view.features("train")
    except RetryError:  # a black box
        return None
    made = view.predictions(found.split)
    # the search may look at some of the labelled images only: codes and labels are those of its own
    _, seen_at, at = np.intersect1d(rows, made.rows[found.positions], return_indices=True)
    known = codes[at] >= 0
    at, features = at[known], features[seen_at[known]]
    has, labels = codes[at] == value, found.labels[at]
    if not (np.isfinite(features).all() and np.isfinite(train_features).all()):
        return None
    if min(has.sum(), (~has).sum()) < 2 * FEWEST:
        return None
    held_out = cross_validated_scores(features, has.astype(np.int64), 2, folds=FOLDS, seed=view.seed)
    seen = held_out.argmax(1) == 1
    there = scores_of_others(features, has.astype(np.int64), 2, train_features).argmax(1) == 1
    return corrected(
        seen, has, labels, there, view.table("train").labels[train_rows], towards, len(found.classes)
    )


def corrected(
    seen: Bools, has: Bools, labels: Ints, seen_there: Bools, labels_there: Ints, towards: int, classes: int
) -> Compared | None:
    """Shares of a cue among training images, from what a detector sees there and how it errs within each class.

    Args:
        seen, has, labels: (n,) evaluation images: what the detector says without having been fitted to them, the truth, classes.
        seen_there, labels_there: (m,) training images.
        towards: the class that is set against all others.
        classes: how many there are.
    """
    shares: dict[int, tuple[int, float, float]] = {}
    for c in range(classes):
        there = labels_there == c
        one = _share(seen[labels == c], has[labels == c], seen_there[there])
        if one is not None:
            shares[c] = (int(there.sum()), *one)
    own = shares.pop(towards, None)
    if own is None or not shares:
        return None
    n = sum(size for size, *_ in shares.values())
    rate = sum(size * value for size, value, _ in shares.values()) / n
    spread = sum((size / n) ** 2 * variance for size, _, variance in shares.values())
    half = 1.959964 * math.sqrt(own[2] + spread)
    difference = own[1] - rate
    return Compared(
        towards, own[0], own[1], n, rate, (max(-1.0, difference - half), min(1.0, difference + half)), True
    )


def _share(seen: Bools, has: Bools, seen_there: Bools) -> tuple[float, float] | None:
    """(share, variance) of the cue among the training images of one class; None where the detector can't tell."""
    n1, n0, m = int(has.sum()), int((~has).sum()), len(seen_there)
    if min(n1, n0, m) < FEWEST:
        return None
    hits, alarms = (int(seen[has].sum()) + 0.5) / (n1 + 1), (int(seen[~has].sum()) + 0.5) / (n0 + 1)
    width = hits - alarms
    if width < APART:
        return None
    observed = float(seen_there.mean())
    share = (observed - alarms) / width
    smooth = (float(seen_there.sum()) + 0.5) / (m + 1)
    variance = smooth * (1 - smooth) / m
    inside = min(1.0, max(0.0, share))
    variance += (1 - inside) ** 2 * alarms * (1 - alarms) / n0 + inside**2 * hits * (1 - hits) / n1
    return inside, variance / width**2
