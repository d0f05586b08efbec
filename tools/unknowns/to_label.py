"""What to label next: answers the model is unsure of, and sure ones that do not look like what it is usually sure of.

Uncertain images are ranked by DeepGini, 1 − Σ p² (Feng et al. 2020, ISSTA). Confident errors have a low DeepGini by
definition, so that a second share of the budget goes to confident answers far, in the model's features, from the right
answers of the same predicted class (close to the surprise adequacy of Kim, Feldt & Yoo 2019, ICSE). In both shares images
are chosen to differ from each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from failsight.tools.attributes.neighbours import unit_rows
from failsight.tools.stats.grouping import spread_out

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Why = Literal["uncertain", "confident but atypical"]
POOL = 4  # candidates a place in the plan: more of them, more variety and less of what is ranked first
NEAREST = 5
MOST_REFERENCES = 1_000  # right answers of a class that others are compared with
BLOCK = 4_000


@dataclass(frozen=True, slots=True)
class Choice:
    """One image of the plan: its position, why it is there, its DeepGini, and how atypical it is (1 is typical)."""

    position: int
    why: Why
    gini: float
    atypical: float | None


def deep_gini(scores: Floats) -> npt.NDArray[np.float64]:
    """(n,) 1 − Σ p² of (n, classes) probabilities: 0 for a sure answer, at most 1 − 1/classes."""
    made: npt.NDArray[np.float64] = 1.0 - (scores.astype(np.float64) ** 2).sum(1)
    return made


def atypicality(
    features: Floats, predicted: Ints, references: Floats, of: Ints, same: Ints | None = None, seed: int = 0
) -> npt.NDArray[np.float64]:
    """How far each image lies from the right answers of its predicted class, in units of their own usual distance.

    Args:
        features: (n, c) of the images, and ``predicted`` (n,) classes.
        references: (m, c) of right answers, and ``of`` (m,) their classes.
        same: (n,) position of an image among the references, −1 where it is none: it is not compared with itself.
        seed: draws the references of large classes.

    Returns:
        (n,) mean cosine distance to the five nearest references over the median of that distance among the references;
        NaN where the class has fewer than ten.
    """
    both, good = unit_rows(np.concatenate([features, references]).astype(np.float32))
    x, r = both[: len(features)], both[len(features) :]
    made = np.full(len(features), np.nan)
    own = np.full(len(features), -1, np.int64) if same is None else same
    rng = np.random.default_rng(seed)
    for c in np.unique(predicted):
        members = np.flatnonzero((of == c) & good[len(features) :])
        if len(members) > MOST_REFERENCES:
            members = np.sort(rng.choice(members, MOST_REFERENCES, replace=False))
        if len(members) < 2 * NEAREST:
            continue
        usual = float(np.median(_far(r[members], r[members], np.arange(len(members)))))
        place = np.full(len(references), -1, np.int64)
        place[members] = np.arange(len(members))
        rows = np.flatnonzero((predicted == c) & good[: len(features)])
        itself = np.where(own[rows] >= 0, place[np.maximum(own[rows], 0)], -1)
        made[rows] = _far(x[rows], r[members], itself) / max(usual, 1e-6)
    return made


def _far(x: Floats, r: Floats, itself: Ints) -> npt.NDArray[np.float64]:
    """(n,) mean cosine distance to the nearest references; ``itself`` (n,) is the one not to count, −1 for none."""
    made = np.empty(len(x))
    for start in range(0, len(x), BLOCK):
        close = x[start : start + BLOCK] @ r.T
        own = itself[start : start + BLOCK]
        at = np.flatnonzero(own >= 0)
        close[at, own[at]] = -2
        best = np.partition(close, -NEAREST, axis=1)[:, -NEAREST:]
        made[start : start + BLOCK] = 1 - best.mean(1)
    return made


def label_plan(
    scores: Floats,
    points: Floats,
    atypical: npt.NDArray[np.float64] | None,
    budget: int,
    *,
    confidence: float,
    uncertain_share: float = 0.5,
    confidences: Floats | None = None,
) -> list[Choice]:
    """Which images to label: uncertain ones, then confident and atypical ones; a share that can't be filled goes to the other.

    Args:
        scores: (n, classes) probabilities.
        points: (n, c) features by which images differ (scores where there are none).
        atypical: (n,) from :func:`atypicality`, or None without features.
        budget: how many images, at most n.
        confidence: from which confidence on an answer counts as confident.
        uncertain_share: of the budget, in [0, 1].
        confidences: (n,) scores of the classes answered; by default the largest score of each image.
    """
    gini, x = deep_gini(scores), unit_rows(points)[0].astype(np.float64)
    confidences = scores.max(1) if confidences is None else confidences
    sure = (confidences >= confidence) & (np.isfinite(atypical) if atypical is not None else False)
    budget = min(budget, len(scores))
    for_sure = min(budget - round(budget * uncertain_share), int(sure.sum()))
    unsure = _best(gini, x, np.flatnonzero(~sure), budget - for_sure)
    plan = [
        Choice(i, "uncertain", float(gini[i]), None if atypical is None else _or_none(atypical[i]))
        for i in unsure
    ]
    if atypical is None:
        return plan
    strange = _best(np.nan_to_num(atypical), x, np.flatnonzero(sure), budget - len(unsure))
    return plan + [
        Choice(i, "confident but atypical", float(gini[i]), _or_none(atypical[i])) for i in strange
    ]


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _best(
    importance: npt.NDArray[np.float64], x: npt.NDArray[np.float64], among: Ints, take: int
) -> list[int]:
    """``take`` positions that rank high and differ from each other."""
    ranked = among[np.argsort(-importance[among], kind="stable")][: POOL * take]
    return [int(ranked[i]) for i in spread_out(importance[ranked], x[ranked], take)]
