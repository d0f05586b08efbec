"""Expected accuracy on images without labels: the estimates put together from prediction tables and the domain classifier."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Interval
from failsight.tools.inputs.base import Predictions
from failsight.tools.performance import confusion
from failsight.tools.shifts.samples import Domain, Pair
from failsight.tools.stats.expected_accuracy import (
    Estimate,
    Method,
    Stated,
    by_look,
    by_threshold,
    by_transport,
    calibrated,
    negative_entropy,
    stated,
    temperature,
)
from failsight.tools.stats.prior_shift import LabelShift, label_shift

MARGIN = 0.05  # an AUC this close to one half tells nothing apart that anybody would call different
ALPHA = 0.05
FEWEST = 50  # labelled reference images, and new images, below which nothing is estimated
MOST_SCORES = 8_000_000  # numbers of one score table that the estimates read
LEAST_SIZE = (
    0.1  # effective share of reference images below which the look-weighted estimate rests on too few
)

METHODS: dict[Method, str] = {
    "threshold": "threshold on confidence",
    "threshold_entropy": "threshold on entropy",
    "transport": "confidence transport",
    "class_mix": "class mix",
    "look": "images that look alike",
}


@dataclass(frozen=True)
class Expected:
    """Everything that is estimated of the accuracy on new images.

    Attributes:
        reference: accuracy of the labelled reference images, ``n`` of them.
        estimates: by method.
        stated: the one that counts, or None where it can't be made.
        mix_only: whether nothing but the class mix tells the samples apart.
        size: effective number of reference images behind the look-weighted estimate, as a share; NaN without it.
    """

    reference: float
    n: int
    estimates: dict[Method, Estimate]
    stated: Stated | None
    mix_only: bool
    size: float

    @property
    def conflict(self) -> bool:
        """Whether the estimates by scores lie more than ten points apart."""
        values = [e.value for m, e in self.estimates.items() if m in ("threshold", "transport", "class_mix")]
        return len(values) > 1 and max(values) - min(values) > 0.10

    @property
    def drop_ci(self) -> Interval:
        """Of the expected drop; everything when nothing is stated."""
        return self.stated.drop_ci if self.stated else (-1.0, 1.0)


def mix_estimate(reference: Predictions, new: Predictions, seed: int) -> LabelShift | None:
    """The class mix that the answers on the new images point to; None without enough images."""
    known = reference.labelled
    if known.sum() < FEWEST or len(new) < FEWEST:
        return None
    k = len(reference.classes)
    counts = confusion(reference.labels, reference.predicted, k)
    return label_shift(counts, np.bincount(new.predicted, minlength=k), seed=seed)


def differs(domain: Domain | None) -> bool:
    """Whether the inputs differ beyond the class mix: the rule of the plan."""
    return domain is not None and domain.p <= ALPHA and domain.beyond_mix.ci[0] > 0.5 + MARGIN


def expected_accuracy(
    reference: Predictions,
    new: Predictions,
    mix: LabelShift | None,
    pair: Pair,
    domain: Domain | None,
    seed: int,
) -> Expected | None:
    """All estimates that the case allows; None when the reference has too few labels or there are too few new images.

    Args:
        reference: labelled predictions (rows without a label are not used).
        new: predictions on the new images; their labels are never read.
        mix: from :func:`mix_estimate`.
        pair: the samples the domain classifier saw; its first must come from the same split as ``reference``.
        domain: the classifier.
        seed: of bootstraps and sampling.
    """
    known = np.flatnonzero(reference.labelled)
    if len(known) < FEWEST or len(new) < FEWEST:
        return None
    right = reference.correct[known]
    made: dict[Method, Estimate] = {}
    if reference.has_scores and new.has_scores:
        made |= _by_scores(reference, known, new, seed)
    if mix is not None and mix.reliable:
        made["class_mix"] = Estimate("class_mix", mix.accuracy, mix.accuracy_ci)
    size = float("nan")
    if domain is not None:
        inside = ~pair.target & np.concatenate([pair.first.labels >= 0, np.zeros(len(pair.second), bool)])
        if inside.sum() >= FEWEST and pair.first.predicted is not None:
            hit = pair.first.predicted == pair.first.labels
            made["look"], effective = by_look(domain.raw.scores[inside], hit[inside[: len(hit)]], seed=seed)
            size = effective / int(inside.sum())
    mix_only = not differs(domain)
    accuracy = float(right.mean())
    return Expected(accuracy, len(known), made, stated(made, accuracy, len(known), mix_only), mix_only, size)


def _by_scores(
    reference: Predictions, known: npt.NDArray[np.int64], new: Predictions, seed: int
) -> dict[Method, Estimate]:
    k = max(len(reference.classes), 1)
    rng = np.random.default_rng(seed)
    at, there = (_some(rows, MOST_SCORES // k, rng) for rows in (known, np.arange(len(new))))
    labels, right = reference.labels[at], reference.correct[at]
    heat = temperature(reference.scores[at], labels)
    p, q = calibrated(reference.scores[at], heat), calibrated(new.scores[there], heat)
    return {
        # calibrated scores at their largest, as the method has it; which answers were right goes by the model's rule
        "threshold": by_threshold(p.max(1), right, q.max(1), seed=seed),
        "threshold_entropy": by_threshold(
            negative_entropy(p), right, negative_entropy(q), method="threshold_entropy", seed=seed
        ),
        "transport": by_transport(p, labels, right, q, seed=seed),
    }


def _some(rows: npt.NDArray[np.int64], most: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    most = max(most, FEWEST)
    return rows if len(rows) <= most else np.sort(rng.choice(rows, most, replace=False))
