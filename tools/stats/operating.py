"""What a threshold on one score costs: rates above it, the threshold that reaches a wanted rate, precision where a class is rarer.

Pure functions over the scores of one class and whether each image is of it. Scores are compared in single precision, as models
give them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from failsight.tools.stats.grouped import grouped
from failsight.tools.stats.intervals import normal_quantile, wilson

Bool = npt.NDArray[np.bool_]
Int = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Interval = tuple[float, float]
Wanted = Literal["recall", "precision", "specificity"]


@dataclass(frozen=True, slots=True)
class Rate:
    """k of n, with its interval; nan of none."""

    k: int
    n: int
    ci: Interval

    @property
    def value(self) -> float:
        return self.k / self.n if self.n else math.nan

    @property
    def rest(self) -> Rate:
        """Of the n, those that are none of the k."""
        return Rate(self.n - self.k, self.n, (1 - self.ci[1], 1 - self.ci[0]))


@dataclass(frozen=True, slots=True)
class Point:
    """What calling some images a class comes to.

    Attributes:
        recall: of the images of the class, those called so (sensitivity).
        precision: of the images called so, those of the class (positive predictive value).
        alarms: of the other images, those called so (one minus specificity).
    """

    recall: Rate
    precision: Rate
    alarms: Rate


def rate(hits: Bool, groups: Int | None = None) -> Rate:
    """Share of (n,) hits: Wilson's interval, or, with (n,) groups of images that belong together, the exact one of ``grouped``."""
    k, n = int(hits.sum()), len(hits)
    ci = wilson(k, n) if groups is None else grouped(hits, groups).exact(k, n)
    return Rate(k, n, ci)


def point(called: Bool, target: Bool, groups: Int | None = None) -> Point:
    """The rates of calling the images ``called`` a class whose images are ``target``; (n,) each."""

    def part(among: Bool, hits: Bool) -> Rate:
        return rate(hits[among], None if groups is None else groups[among])

    return Point(part(target, called), part(called, target), part(~target, called))


def reaches(scores: Floats, threshold: float) -> Bool:
    """(n,) whether each score reaches a threshold, both in single precision."""
    made: Bool = np.asarray(scores, np.float32) >= np.float32(threshold)
    return made


def threshold_for(scores: Floats, wanted: float) -> float | None:
    """The largest threshold that ``wanted`` of these scores reach, rounded down to three digits; None where it would be 0.

    Args:
        scores: (n,) of the class's own images, n ≥ 1. wanted: in (0, 1].
    """
    need = max(1, math.ceil(wanted * len(scores) - 1e-9))
    bar = min(float(np.sort(np.asarray(scores, np.float32))[::-1][need - 1]), 1.0)
    if not bar > 0:
        return None
    digits = 2 - math.floor(math.log10(bar))
    made = (
        math.floor(bar * 10**digits * (1 + 1e-7)) / 10**digits
    )  # 0.3 in single precision is no more than 0.3
    return made if reaches(scores, made).sum() >= need else bar


def limit_for(
    scores: Floats,
    target: Bool,
    measure: Literal["precision", "specificity"],
    wanted: float,
    *,
    fewest: int = 1,
    prevalence: float | None = None,
) -> tuple[float, bool] | None:
    """The smallest threshold from which on a rate is reached, and so the one of those that finds most of the class.

    Args:
        scores, target: (n,) score of a class, and whether each image is of it; both sorts are there.
        wanted: in (0, 1].
        fewest: images that have to reach a threshold for it to count, at least 1: a precision of one image tells nothing.
        prevalence: the share of the class at which precision is meant, in (0, 1); None for the one here.

    Returns:
        the threshold in (0, 1] and True; without one that reaches the rate, the one that comes nearest and False; None where no
        threshold is reached by ``fewest`` images.
    """
    scores = np.asarray(scores, np.float32)
    steps = np.unique(scores[(scores > 0) & (scores <= 1)])
    own, others = (_reaching(scores[part], steps) for part in (target, ~target))
    enough = own + others >= max(1, fewest)
    if not enough.any():
        return None
    if measure == "specificity":
        rates = 1 - others / (~target).sum()
    else:
        weights = (
            (1.0, 1.0)
            if prevalence is None
            else (prevalence / target.sum(), (1 - prevalence) / (~target).sum())
        )
        rates = weights[0] * own / np.maximum(weights[0] * own + weights[1] * others, 1e-300)
    rates = np.where(enough, rates, -1.0)
    held = np.flatnonzero(rates >= wanted - 1e-9)
    at = int(held[0]) if len(held) else int(rates.argmax())
    return _between(float(scores[scores < steps[at]].max(initial=0)), float(steps[at])), bool(len(held))


def _reaching(scores: Floats, steps: Floats) -> Int:
    """(k,) how many of the scores reach each of the ascending steps."""
    made: Int = len(scores) - np.searchsorted(np.sort(scores), steps)
    return made


def _between(below: float, bar: float) -> float:
    """The smallest number of few digits, three or more behind the point, above ``below`` and at most ``bar``: it calls the same images."""
    for digits in range(3, 9):
        scale = 10.0**digits
        first = math.floor(below * scale)
        for made in ((first + 1) / scale, (first + 2) / scale):  # 0.7 in single precision is below 0.7
            if np.float32(below) < np.float32(made) <= np.float32(bar):
                return made
    return bar


def best_recall(scores: Floats) -> float | None:
    """The threshold that finds as many of these (n,) scores as any above 0 does; None where all scores are 0."""
    share = float((np.asarray(scores, np.float32) > 0).mean())
    return threshold_for(scores, share) if share else None


def halves(target: Bool, groups: Int | None, seed: int) -> Bool:
    """(n,) one half of the images, by lot, with half of the class's; images that belong together stay together."""
    rng = np.random.default_rng([seed, 31])
    code = np.arange(len(target)) if groups is None else np.unique(groups, return_inverse=True)[1]
    has = np.bincount(code, target) > 0
    first = np.zeros(len(has), bool)
    for part in (np.flatnonzero(has), np.flatnonzero(~has)):
        first[rng.permutation(part)[: (len(part) + 1) // 2]] = True
    made: Bool = first[code]
    return made


def precision_at(made: Point, prevalence: float, level: float = 0.95) -> tuple[float, Interval]:
    """Precision where ``prevalence`` of the images are of the class, by Bayes; nan where nothing is called so.

    The interval is that of the likelihood ratio on the log scale (Simel, Samsa & Matchar 1991, J. Clin. Epidemiol. 44:763), with
    as many images as the intervals of recall and false alarms are worth.

    Args:
        prevalence: in (0, 1).
    """
    recall, alarms = made.recall, made.alarms
    odds = prevalence / (1 - prevalence)
    if not (recall.k or alarms.k) or not (recall.n and alarms.n):
        return math.nan, (0.0, 1.0)
    value = 1.0 if not alarms.k else odds * recall.value / (odds * recall.value + alarms.value)
    shares, spread = [], 0.0
    for one in (recall, alarms):
        share = (one.k + 0.5) / (one.n + 1)
        spread += (1 - share) / (share * (one.n + 1)) * _widened(one) ** 2
        shares.append(share)
    middle, half = math.log(odds * shares[0] / shares[1]), normal_quantile(level) * math.sqrt(spread)
    low, high = (1 / (1 + math.exp(-(middle + d))) for d in (-half, half))
    return value, (min(low, value), max(high, value))


def _widened(one: Rate) -> float:
    """How much wider the interval of a rate is than Wilson's, at least 1."""
    low, high = wilson(one.k, one.n)
    return max(1.0, (one.ci[1] - one.ci[0]) / (high - low))
