"""Errors that go the way of wrong training labels: what a model that was told so answers.

Whoever labels pictures of one class as another teaches a model that confusion, in that direction. It is the failure that such labels cause, and the
target of their correction: what a model confuses otherwise, corrected labels need not mend, and where labels of a class were right nothing is
to be expected of its images. The directions are those of the corrected *training* labels, known before any version is run; no evaluation image
has a say in them. Labels that were changed by lot go every way, and the target is then nearly all errors.

Errors must not merely go another way. So all errors together are looked at as well: the repair holds only where they, too, fell against the
control arm, interval and all; and every class and slice is compared by all its errors, as for any other repair.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from failsight.tools.repair.verdict import Compared, Decision
from failsight.tools.text import interval, number

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
COVERED = 0.9  # of the corrected labels, by the directions that count


def read_moves(said: Any) -> dict[tuple[int, int], int]:
    """(label that was given, true class) → how many labels were corrected so, of what a version says of itself; empty for nothing."""
    if not isinstance(said, Sequence) or isinstance(said, str):
        return {}
    return {(int(given), int(true)): int(count) for given, true, count in said}


def directions(moves: Mapping[tuple[int, int], int], classes: int) -> Mask:
    """(k, k) whether answering the second class to an image of the first is an error the way of the wrong labels.

    Directions count from the most frequent on until 90 % of the corrections are covered: a single slip explains no confusion.
    """
    left = COVERED * sum(moves.values())
    made = np.zeros((classes, classes), bool)
    for (given, true), count in sorted(moves.items(), key=lambda item: (-item[1], item[0])):
        if left <= 0:
            break
        made[true, given] = given != true
        left -= count
    return made


def along(ways: Mask, labels: Ints, predicted: Ints) -> float:
    """Share of images that are answered wrongly in one of the directions; 0 without images.

    Args:
        ways: of :func:`directions`.
        labels, predicted: (n,)
    """
    return float(ways[labels, predicted].mean()) if len(labels) else 0.0


def unless_moved(decision: Decision, everything: Compared | None) -> Decision:
    """The verdict; where the errors the way of the wrong labels fell and all errors together did not surely, it is left open.

    Args:
        everything: all untouched images by all errors; None where they were not compared.
    """
    if decision.outcome != "verified":
        return decision
    effect = None if everything is None else everything.effect
    if effect is not None and effect.ci[1] < 0:
        return decision
    told = (
        ""
        if effect is None
        else f" ({number(effect.mean, 'points')} {interval(effect.ci, 'points')} against the control)"
    )
    reason = f"{decision.reason}; but whether all errors together fell is left open{told}: they may have gone another way"
    return replace(decision, outcome="inconclusive", reason=reason)
