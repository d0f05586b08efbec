"""Class pairs: confused because they look alike, or labelled wrongly?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from failsight.tools.labels.scores import Scored
from failsight.tools.stats.confident import ConfidentCounts
from failsight.tools.stats.intervals import wilson

Bool = npt.NDArray[np.bool_]
Reading = Literal["wrong labels", "ambiguous classes", "model errors", "undecided"]
MUTUAL = 1 / 3  # the rarer direction's share of the commoner one, from which a confusion counts as mutual
UNSURE = (
    0.25  # median rank among agreeing images below which the model is called unsure; 0.5 would be like them
)
FEWEST = 5


@dataclass(frozen=True, slots=True)
class Pair:
    """Images labelled ``given`` that are confidently of class ``suggested``.

    Attributes:
        suspects, counted: of all images of that label that are confidently of any class.
        rate, ci: suspects / counted, Wilson interval (the thresholds are means over whole classes and taken as fixed).
        expected: suspects that the model's own errors would make, by its calibrated confidence.
        reverse: suspects the other way round.
        likeness: median rank, in [0, 1], of the model's confidence among images of the suggested class whose label agrees;
            0.5 for images that look like clean members of that class, near 0 for hesitant errors.
    """

    given: int
    suggested: int
    suspects: int
    counted: int
    rate: float
    ci: tuple[float, float]
    expected: float
    reverse: int
    likeness: float
    reading: Reading


def class_pairs(
    scored: Scored, made: ConfidentCounts, calibrated: npt.NDArray[np.float64], among: Bool
) -> list[Pair]:
    """Every pair with suspects, most suspects first.

    Args:
        calibrated: (n, k) the model's probabilities after temperature scaling.
        among: (n,) the images that take part.
    """
    ranks = likeness(scored)
    counted = among & (made.suggested >= 0)
    joint, expected = np.zeros_like(made.joint), np.zeros(made.joint.shape)
    np.add.at(joint, (scored.labels[counted], made.suggested[counted]), 1)
    for j in np.unique(made.suggested[counted]).tolist():
        expected[:, j] = calibrated[counted & (made.suggested == j)].sum(axis=0)
    found = []
    for i, j in np.argwhere(joint > 0).tolist():
        if i == j:
            continue
        here = counted & (scored.labels == i) & (made.suggested == j)
        there = counted & (scored.labels == j) & (made.suggested == i)
        k, n, back = int(joint[i, j]), int(joint[i].sum()), int(joint[j, i])
        mutual = min(k, back) >= MUTUAL * max(k, back)
        both = (
            here | there if mutual else here
        )  # a mutual confusion is one thing, read the same from either side
        due = float(expected[i, j] + (expected[j, i] if mutual else 0))
        reading = _read(int(both.sum()), due, float(np.median(ranks[both])), mutual=mutual)
        likely = float(np.median(ranks[here]))
        found.append(Pair(i, j, k, n, k / n, wilson(k, n), float(expected[i, j]), back, likely, reading))
    return sorted(found, key=lambda p: (-p.suspects, p.given, p.suggested))


def _read(suspects: int, expected: float, rank: float, *, mutual: bool) -> Reading:
    """What the numbers speak for; a description, not a test."""
    if suspects < FEWEST:
        return "undecided"
    if rank < UNSURE:
        return "ambiguous classes" if mutual else "model errors"
    if suspects <= 1.5 * expected:
        return "model errors"
    return "undecided" if mutual else "wrong labels"


def likeness(scored: Scored) -> npt.NDArray[np.float64]:
    """(n,) rank of each image's confidence among the images of the same predicted class whose label agrees, 0 to 1."""
    predicted, top = scored.predicted, scored.scores.max(axis=1)
    made = np.zeros(len(top))
    for c in np.unique(predicted):
        rows = predicted == c
        agreeing = np.sort(top[rows & (scored.labels == c)])
        if len(agreeing):
            low, high = (np.searchsorted(agreeing, top[rows], side=s) for s in ("left", "right"))
            made[rows] = (low + high) / (2 * len(agreeing))
    return made


def calibrate(scores: npt.NDArray[np.float64], sharpness: float) -> npt.NDArray[np.float64]:
    """(n, k) scores after temperature scaling: ``scores ** sharpness``, made to sum to one."""
    logs = sharpness * np.log(np.maximum(scores, 1e-30))
    raw = np.exp(logs - logs.max(axis=1, keepdims=True))
    made: npt.NDArray[np.float64] = raw / raw.sum(axis=1, keepdims=True)
    return made


def expected_suspects(made: ConfidentCounts, calibrated: npt.NDArray[np.float64], among: Bool) -> float:
    """How many suspects the model's own errors would make if every label were right."""
    counted = np.flatnonzero(among & (made.suggested >= 0))
    return float((1 - calibrated[counted, made.suggested[counted]]).sum())
