"""Scores of pictures of which the model fails on some: the others keep theirs, and it is known which failed and why."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import ModelFails
from failsight.tools.inputs.base import Classifier, Floats, Pixels

FAILS = "the model fails on it"
NOT_FINITE = "the model's scores are not finite numbers"


def scored_singly(
    score: Callable[[Pixels], Floats], pixels: Pixels, classes: int
) -> tuple[Floats, dict[int, str]]:
    """(n, classes) scores, NaN where ``score`` fails on the picture, and place → why for these.

    What fails on a batch is asked for each picture by itself, so that the others get their scores.
    """
    try:
        return score(pixels), {}
    except ModelFails:
        pass
    made = np.full((len(pixels), classes), np.nan, np.float32)
    failed: dict[int, str] = {}
    for i in range(len(pixels)):
        try:
            made[i] = score(pixels[i : i + 1])[0]
        except ModelFails as problem:
            failed[i] = f"{FAILS} ({problem.why})"
    return made, failed


def answered(model: Classifier, pixels: Pixels) -> tuple[npt.NDArray[np.int64], Floats, dict[int, str]]:
    """Places of the pictures that the model gives finite scores, these scores, and place → why for the others."""
    scores, failed = scored_singly(model.scores, pixels, len(model.classes))
    fine = np.isfinite(scores).all(1)
    why = {int(i): failed.get(int(i), NOT_FINITE) for i in np.flatnonzero(~fine)}
    return np.flatnonzero(fine), scores[fine], why
