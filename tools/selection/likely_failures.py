"""How likely a model is wrong about images without labels: learned from where it is wrong about images with labels.

A network that follows a cue is confident where it errs, so its own confidence does not tell. A linear head on the
model's features and the attributes, fitted to the true classes of the evaluation images, is no such follower: where it
disagrees with the model, the model is probably wrong. Out of fold it has to tell failures better than the model's own
confidence does; else that is used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.inputs.base import AttributeTable, Predictions
from failsight.tools.slices.columns import encode_columns
from failsight.tools.stats.intervals import normal_quantile
from failsight.tools.stats.linear_head import cross_validated_scores, scores_of_others

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Single = npt.NDArray[np.float32]
FEWEST = 10  # failures, and answers that are right, below which nothing is learned
MOST = 20_000  # evaluation images the head is fitted to
MOST_VALUES = 400  # attribute values it looks at, the most frequent
PENALTY = 2.0


@dataclass(frozen=True)
class LikelyFailures:
    """What is thought of the images without labels.

    Attributes:
        probability: (m,) that the model is wrong; NaN for images whose features are not known.
        auc: out of fold, on the images with labels: how often a failure gets a higher probability than a right answer.
        auc_confidence: the same by the model's own confidence; None where that is not known.
        n, wrong: images with labels that it was learned from, and the failures among them.
        learned: whether the head is the better of the two; else ``probability`` is 1 − confidence.
    """

    probability: Floats
    auc: float
    auc_confidence: float | None
    n: int
    wrong: int
    learned: bool

    def interval(self, auc: float) -> tuple[float, float]:
        """95 % interval of such an area (Hanley & McNeil 1982, Radiology 143:29), within [0, 1]."""
        bad, good = self.wrong, self.n - self.wrong
        both, pair = auc / (2 - auc), 2 * auc**2 / (1 + auc)
        spread = auc * (1 - auc) + (bad - 1) * (both - auc**2) + (good - 1) * (pair - auc**2)
        half = normal_quantile(0.95) * math.sqrt(max(spread, 0.0) / max(bad * good, 1))
        return max(0.0, auc - half), min(1.0, auc + half)


@dataclass(frozen=True)
class Known:
    """Images, as the head sees them.

    Attributes:
        predictions: of their split.
        where: (n,) positions in these.
        features: (n, c) numbers, NaN in rows that are not known; None for none.
        attributes: of their split.
        at: (n,) positions in these.
    """

    predictions: Predictions
    where: Ints
    features: Single | None
    attributes: AttributeTable
    at: Ints

    @property
    def confidence(self) -> Floats | None:
        if not self.predictions.has_scores:
            return None
        return self.predictions.confidence[self.where].astype(np.float64)


def likely_failures(here: Known, there: Known, seed: int = 0) -> LikelyFailures | None:
    """Learn from labelled images ``here`` how likely the model is wrong about images ``there``.

    None where there is too little to learn from: fewer than ``FEWEST`` failures or right answers.
    """
    labels = here.predictions.labels[here.where].astype(np.int64)
    wrong = here.predictions.predicted[here.where] != labels
    if min(int(wrong.sum()), int((~wrong).sum())) < FEWEST:
        return None
    x, y = _inputs(here, there)
    if not x.shape[1]:
        return None
    fit = np.flatnonzero(np.isfinite(x).all(axis=1))
    if len(fit) > MOST:
        fit = np.sort(np.random.default_rng([seed, 11]).choice(fit, MOST, replace=False))
    if len(fit) < 2 * FEWEST:
        return None
    k = len(here.predictions.classes)
    judged = cross_validated_scores(x[fit], labels[fit], k, penalty=PENALTY, seed=seed)
    auc = _auc(_doubt(judged, here.predictions.predicted[here.where][fit]), wrong[fit])
    sure, unsure = here.confidence, there.confidence
    alone = _auc(1 - sure[fit], wrong[fit]) if sure is not None else None
    if alone is not None and unsure is not None and alone >= auc:
        return LikelyFailures(1 - unsure, auc, alone, len(fit), int(wrong[fit].sum()), False)
    made = np.full(len(y), np.nan)
    ask = np.flatnonzero(np.isfinite(y).all(axis=1))
    scores = scores_of_others(x[fit], labels[fit], k, y[ask], penalty=PENALTY)
    made[ask] = _doubt(scores, there.predictions.predicted[there.where][ask])
    return LikelyFailures(made, auc, alone, len(fit), int(wrong[fit].sum()), True)


def _doubt(scores: Floats, predicted: Ints) -> Floats:
    """(n,) probability of all classes but the predicted one."""
    made: Floats = 1.0 - scores[np.arange(len(scores)), predicted]
    return made


def _auc(doubt: Floats, wrong: npt.NDArray[np.bool_]) -> float:
    """How often a wrong answer is doubted more than a right one; ties count half."""
    if not wrong.any() or wrong.all():
        return 0.5
    values, place = np.unique(doubt, return_inverse=True)
    bad = np.bincount(place[wrong], minlength=len(values)).astype(np.float64)
    good = np.bincount(place[~wrong], minlength=len(values)).astype(np.float64)
    below = np.cumsum(good) - good
    return float((bad * (below + good / 2)).sum() / (bad.sum() * good.sum()))


def _inputs(here: Known, there: Known) -> tuple[Single, Single]:
    """(n, d) and (m, d): features, where both have them, else log probabilities; then a column for each attribute value."""
    parts: list[tuple[Single, Single]] = []
    if here.features is not None and there.features is not None:
        parts.append((here.features, there.features))
    elif here.predictions.has_scores and there.predictions.has_scores:
        parts.append((_logs(here), _logs(there)))
    parts.append(_values(here, there))
    x, y = (np.concatenate([part[i] for part in parts], axis=1) for i in (0, 1))
    return x, y


def _logs(one: Known) -> Single:
    made: Single = np.log(one.predictions.scores[one.where] + 1e-4).astype(np.float32)
    return made


def _values(here: Known, there: Known) -> tuple[Single, Single]:
    """Which image has which attribute value; values that only one side knows are left out."""
    both = tuple(
        n for n in here.attributes.columns
        if n in there.attributes.columns and n not in here.attributes.unusable
    )  # fmt: skip
    keep = np.zeros(len(here.attributes.rows), bool)
    keep[here.at] = True
    coded = encode_columns(here.attributes, keep, both)[0] if both else []
    back = np.argsort(np.argsort(here.at))  # coded rows are in the order of the table
    columns: list[tuple[int, Single, Single]] = []
    for one in coded:
        other = there.attributes.columns[one.name][there.at]
        if one.edges is not None and other.dtype == object:
            continue
        mine, theirs = one.codes[back], one.encode(other)
        for code in range(len(one.values)):
            inside = mine == code
            columns.append(
                (int(inside.sum()), inside.astype(np.float32), (theirs == code).astype(np.float32))
            )
    columns = sorted(columns, key=lambda c: -c[0])[:MOST_VALUES]
    if not columns:
        return np.zeros((len(here.at), 0), np.float32), np.zeros((len(there.at), 0), np.float32)
    return np.stack([c[1] for c in columns], axis=1), np.stack([c[2] for c in columns], axis=1)
