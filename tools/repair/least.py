"""The smallest fall of a target's error that counts, where nobody says how large it is.

Everywhere the same rule: a quarter of the errors that the finding's cause can explain, and no less than 2 points. A slice was
found because of its errors, so that all of them count. Wrong training labels harm all images, whose errors have many other
causes: a quarter of *all* errors would be out of a right correction's reach, and two points of whatever error there is are
little where labels explain most of it. What they can explain is known before anything is trained: the corrected labels say
which class was given for which, and a model that was taught so confuses the classes in that direction.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
LEAST_EFFECT, SHARE_OF_ERROR = 0.02, 0.25
COVERED = 0.9  # of the corrected labels, by the directions that explain errors


def default_minimum(before: float, whole: bool = False, explained: float | None = None) -> float:
    """The smallest fall that counts, where nobody says: a quarter of the errors that the cause can explain, at least 2 points.

    In a slice these are all its errors: it was found because of them. Images that share nothing but the model err for many
    causes, of which a repair takes away one.

    Args:
        before: error of the target before.
        whole: all images are the target: 2 points, unless
        explained: is known, the part of ``before`` that the cause can explain (:func:`along`).
    """
    if explained is None:
        explained = 0.0 if whole else before
    return max(LEAST_EFFECT, SHARE_OF_ERROR * explained)


def along(moves: Mapping[tuple[int, int], int], labels: Ints, predicted: Ints) -> float:
    """Share of images that are answered wrongly in a direction in which training labels were wrong.

    A model that was told for pictures of one class that they are of another takes the one for the other; what it confuses
    otherwise, corrected labels need not mend. A bound from above: some of these confusions would be there anyway.

    Args:
        moves: (label that was given, true class) → how many labels were corrected so. Directions count from the most
            frequent on until 90 % of the corrections are covered: a single slip explains no confusion.
        labels, predicted: (n,)
    """
    left = COVERED * sum(moves.values())
    explained = np.zeros(len(labels), bool)
    for (given, true), count in sorted(moves.items(), key=lambda item: (-item[1], item[0])):
        if left <= 0:
            break
        explained |= (labels == true) & (predicted == given)
        left -= count
    return float(explained.mean()) if len(labels) else 0.0
