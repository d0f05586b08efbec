"""The smallest fall of a target's error that counts, where nobody says how large it is.

Everywhere the same rule: a quarter of the errors that the finding's cause can explain, and no less than 2 points. A slice was
found because of its errors, so that all of them count. Of wrong training labels the errors that go their way count
(:mod:`failsight.tools.repair.ways`): those are their target.
"""

from __future__ import annotations

LEAST_EFFECT, SHARE_OF_ERROR = 0.02, 0.25


def default_minimum(before: float, whole: bool = False) -> float:
    """The smallest fall that counts, where nobody says: a quarter of the errors that the cause can explain, at least 2 points.

    In a slice these are all its errors: it was found because of them. Images that share nothing but the model err for many
    causes, of which a repair takes away one.

    Args:
        before: error of the target before.
        whole: all images are the target, by all their errors: 2 points.
    """
    return LEAST_EFFECT if whole else max(LEAST_EFFECT, SHARE_OF_ERROR * before)
