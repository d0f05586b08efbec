"""Which images a cue profile looks at: as many of each class as there are, in two halves that never mix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.inputs.base import Floats, Split
from failsight.tools.text import clean
from failsight.tools.view import CaseView

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Sample:
    """The images of a profile.

    Attributes:
        rows: row numbers, ascending. (n,)
        watched: the class whose score is watched: the predicted one, which is the true one where labels are known. (n,)
        first: whether an image belongs to the half that localises; the others confirm. (n,)
        scores: the untouched image's scores. (n, classes)
        labelled: whether only rightly predicted images were taken; False where nothing is labelled.
        eligible: how many images could have been drawn.
    """

    split: Split
    rows: Ints
    watched: Ints
    first: Mask
    scores: Floats
    labelled: bool
    eligible: int

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def clean(self) -> npt.NDArray[np.float64]:
        """The watched class's score of the untouched image. (n,)"""
        made: npt.NDArray[np.float64] = np.take_along_axis(self.scores, self.watched[:, None], 1)[
            :, 0
        ].astype(np.float64)
        return made

    def classes(self, fewest: int) -> list[int]:
        """Classes with at least ``fewest`` images, by index."""
        found, counts = np.unique(self.watched, return_counts=True)
        return [int(c) for c, n in zip(found, counts, strict=True) if n >= fewest]


def draw(view: CaseView, split: Split, wanted: int | None, most: int) -> Sample:
    """Rightly predicted images, equally many of each class as far as there are; with ``wanted``, half of them of that class.

    Without labels every image is taken, by its prediction.

    Raises:
        RetryError: no image is left, or none of the wanted class.
    """
    made = view.predictions(split)
    labelled = bool(made.labelled.any())
    at = np.flatnonzero(made.correct if labelled else np.ones(len(made), bool))
    if not len(at):
        raise RetryError(
            "No image is predicted right, so there is no score whose fall could be watched; look at the errors first."
        )
    who = made.predicted[at]
    counts = np.bincount(who, minlength=len(made.classes))
    if wanted is not None and not counts[wanted]:
        raise RetryError(
            f"No image of {clean(made.classes[wanted], 60)!r} is predicted right.",
            [clean(made.classes[i], 60) for i in np.flatnonzero(counts)],
        )
    rng = np.random.default_rng([view.seed, 11])
    chosen, first = [], []
    for c, share in enumerate(quotas(counts, most, wanted)):
        mine = rng.permutation(at[who == c])[:share]
        chosen.append(mine)
        first.append((np.arange(len(mine)) + c) % 2 == 0)  # an odd image falls to either half in turn
    picked = np.concatenate(chosen)
    order = np.argsort(made.rows[picked], kind="stable")
    picked = picked[order]
    return Sample(
        split,
        made.rows[picked],
        made.predicted[picked],
        np.concatenate(first)[order],
        made.scores[picked],
        labelled,
        len(at),
    )


def quotas(counts: Ints, most: int, wanted: int | None = None) -> list[int]:
    """How many images of each class: at most ``most`` in all, the poorest classes served whole, the others alike.

    Args:
        counts: images there are. (classes,)
        wanted: this class gets half of the places before the others share the rest.
    """
    made = np.zeros(len(counts), np.int64)
    left = most
    others = np.ones(len(counts), bool)
    if wanted is not None:
        others[wanted] = False
        rest = int(counts[others].sum())
        made[wanted] = min(int(counts[wanted]), max(most - rest, most - most // 2))
        left -= int(made[wanted])
    order = [int(c) for c in np.argsort(counts, kind="stable") if others[c]]
    for i, c in enumerate(order):
        made[c] = min(int(counts[c]), left // (len(order) - i))
        left -= int(made[c])
    return [int(m) for m in made]
