"""How often an attribute is right, from a handful of images that somebody looked at.

The handful is drawn evenly over the values and over sure and unsure assignments, so that rare values are seen too; the
accuracy is weighted back to how often each of these occurs (Horvitz & Thompson 1952).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.stats.intervals import wilson

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class PerValue:
    """One value: how many images got it, how many of these were looked at, and how good it is.

    ``precision``: share right among the images that got it, with its interval; NaN when none was looked at.
    ``shown``: images looked at that show it.
    ``recall``: share of the images that show it to which it was given, weighted, with its interval; NaN when none shows it.
    """

    images: int
    looked: int
    precision: float
    precision_ci: tuple[float, float]
    shown: int
    recall: float
    recall_ci: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Judged:
    """Accuracy weighted back to the whole split.

    Attributes:
        n, right: images looked at, and right among them.
        accuracy, ci: weighted; Wilson's interval at the effective sample size (Kish 1965, 11.7).
        guess: accuracy of always saying the most frequent true value, weighted.
        covered: share of the images whose value and sureness occur in the handful.
        values: one a value.
        confusion: (values + 1, values) images looked at, true × assigned; the last row: none of the values.
    """

    n: int
    right: int
    accuracy: float
    ci: tuple[float, float]
    guess: float
    covered: float
    values: tuple[PerValue, ...]
    confusion: Ints


def strata(codes: Ints, confidence: npt.NDArray[np.float32] | None) -> Ints:
    """(n,) value and sureness of each image as one number: 2 × value + (confidence above its value's median); −1 without value."""
    made = np.where(codes >= 0, 2 * codes, -1).astype(np.int64)
    if confidence is not None:
        for value in np.unique(codes[codes >= 0]):
            here = codes == value
            made[here & (confidence > np.median(confidence[here]))] += 1
    return made


def draw(groups: Ints, n: int, seed: int) -> Ints:
    """Positions of at most ``n`` images, as evenly over the groups (≥ 0) as these allow, in a shuffled order."""
    rng = np.random.default_rng([seed, 71])
    pools = [rng.permutation(np.flatnonzero(groups == g)) for g in np.unique(groups[groups >= 0])]
    taken: list[int] = []
    for turn in range(max((len(p) for p in pools), default=0)):
        still = [p for p in pools if turn < len(p)]
        for i in rng.permutation(len(still)):  # when not all can be served, none is preferred
            if len(taken) < n:
                taken.append(int(still[i][turn]))
        if len(taken) >= n:
            break
    return rng.permutation(np.array(taken, np.int64))


def judge(codes: Ints, groups: Ints, looked: Ints, truth: Ints, values: int) -> Judged:
    """What the answers say of the whole split.

    Args:
        codes: (n,) assigned value of each image, −1 without.
        groups: (n,) of :func:`strata`.
        looked: (m,) positions of the images that have a value and were looked at.
        truth: (m,) what they show; ``values`` where it is none of the values.
        values: how many there are.
    """
    known = groups >= 0
    mine, assigned = groups[looked], codes[looked]
    seen, at, sizes = np.unique(mine, return_inverse=True, return_counts=True)
    share = np.array([(groups == g).sum() for g in seen], np.float64)
    covered = float(share.sum() / max(int(known.sum()), 1))
    share = share / share.sum() if len(share) else share
    weight = share[at] / sizes[at] if len(seen) else np.zeros(0)
    right = assigned == truth
    effective = max(1, int(1 / (share**2 / sizes).sum())) if len(seen) else 0
    accuracy = round(
        float((weight * right).sum()), 12
    )  # weights of one that all are right may add up to a hair less
    shows = np.bincount(truth, weights=weight, minlength=values + 1)
    confusion = np.zeros((values + 1, values), np.int64)
    np.add.at(confusion, (truth, assigned), 1)
    made = tuple(_value(v, codes, assigned, truth, weight) for v in range(values))
    return Judged(
        len(looked),
        int(right.sum()),
        accuracy,
        wilson(accuracy * effective, effective),
        float(shows[:values].max()) if values and len(looked) else 0.0,
        covered,
        made,
        confusion,
    )


def _value(v: int, codes: Ints, assigned: Ints, truth: Ints, weight: Floats) -> PerValue:
    got, shows = assigned == v, truth == v
    precision, precision_ci = _share(weight, got, shows)
    recall, recall_ci = _share(weight, shows, got)
    return PerValue(
        int((codes == v).sum()), int(got.sum()), precision, precision_ci, int(shows.sum()), recall, recall_ci
    )


def _share(weight: Floats, among: Bools, hit: Bools) -> tuple[float, tuple[float, float]]:
    """Weighted share of ``hit`` among some images, with Wilson's interval at their effective number; NaN without any."""
    if not among.any():
        return float("nan"), (0.0, 1.0)
    kept = weight[among]
    share = min(float(weight[among & hit].sum() / kept.sum()), 1.0)
    effective = max(1, int(kept.sum() ** 2 / (kept**2).sum()))
    return share, wilson(share * effective, effective)


def codes_of(texts: Sequence[str | None], values: Sequence[str]) -> Ints:
    """Positions among ``values``; −1 for None."""
    place = {v: i for i, v in enumerate(values)}
    return np.array([-1 if t is None else place[t] for t in texts], np.int64)
