"""Can a linear classifier tell two samples apart? A cross-fitted domain classifier, its AUC, and a permutation test.

Rows come from a reference sample (``target`` False) and a target sample (``target`` True). Where a class mix is to be
held equal, every row carries a weight.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from failsight.tools.stats.intervals import Interval, normal_quantile

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

FOLDS = 5
MOST_COLUMNS = 64  # features beyond so many are replaced by their leading principal components
STEPS = 25  # Newton steps: a ridge problem needs fewer than ten


@dataclass(frozen=True, slots=True)
class Auc:
    """Area under the ROC curve: the chance that a target row scores above a reference row (ties count half).

    ``ci`` is DeLong's interval on the logit scale, ``n`` the smaller sample.
    """

    value: float
    ci: Interval
    n: int


def auc(
    scores: Floats,
    target: Mask,
    weights: Floats | None = None,
    level: float = 0.95,
    groups: Ints | None = None,
) -> Auc:
    """AUC of ``scores`` with DeLong's interval; 0.5 with (0, 1) when a sample has no weight.

    DeLong, DeLong & Clarke-Pearson 1988, Biometrics 44:837, from placement values, each row with its weight; the
    interval is made on the logit scale (Pepe 2003, *The Statistical Evaluation of Medical Tests*, 5.2).

    Args:
        scores: (n,) finite numbers.
        target: (n,) True for target rows.
        weights: (n,) ≥ 0; all one by default.
        groups: (n,) which rows belong together (images of one patient); placement values are then summed within them
            (Obuchowski 1997, Biometrics 53:567). By default each row stands alone.
    """
    w = np.ones(len(scores)) if weights is None else weights
    first, second = (~target) & (w > 0), target & (w > 0)
    if not first.any() or not second.any():
        return Auc(0.5, (0.0, 1.0), 0)
    a, b = w[first] / w[first].sum(), w[second] / w[second].sum()
    above = _placed(scores[first], a, scores[second])  # for each target row: reference weight below it
    below = 1 - _placed(scores[second], b, scores[first])  # for each reference row: target weight above it
    value = min(max(float(b @ above), 0.0), 1.0)
    value = float(round(value)) if min(value, 1 - value) < 1e-12 else value
    variance = float((b**2) @ (above - value) ** 2 + (a**2) @ (below - value) ** 2)
    if groups is not None:
        moved = np.zeros(len(scores))
        moved[second], moved[first] = b * (above - value), a * (below - value)
        sums = np.bincount(np.unique(groups, return_inverse=True)[1], moved)
        if len(sums) < 2:
            return Auc(value, (0.0, 1.0), 0)
        variance = max(variance, float((sums**2).sum()) * len(sums) / (len(sums) - 1))
    n = int(min(first.sum(), second.sum()))
    return Auc(value, _logit_interval(value, variance, n, level), n)


def _placed(reference: Floats, weights: Floats, points: Floats) -> Floats:
    """Share of the reference weight below each point, ties half."""
    order = np.argsort(reference, kind="stable")
    ordered = reference[order]
    total = np.concatenate([[0.0], np.cumsum(weights[order])])
    low, high = (total[np.searchsorted(ordered, points, side=side)] for side in ("left", "right"))
    made: Floats = (low + high) / 2
    return made


def _logit_interval(value: float, variance: float, n: int, level: float) -> Interval:
    z = normal_quantile(level)
    edge = 0.5 / (n + 1)
    inner = min(max(value, edge), 1 - edge)
    scale = inner * (1 - inner)
    # at perfect separation every placement value is equal: the variance then is that of half a row out of place
    half = z * max(math.sqrt(variance), edge * (value in (0.0, 1.0))) / scale
    middle = math.log(inner / (1 - inner))
    low, high = (1 / (1 + math.exp(-(middle + d))) for d in (-half, half))
    return min(low, value), max(high, value)


@dataclass(frozen=True, slots=True)
class Separation:
    """How well a classifier that never saw a row tells where it comes from.

    Attributes:
        scores: (n,) cross-fitted log odds of the target, at equal size of the two samples.
        auc: mean over folds; rows weighted by ``weights`` where these were given.
        folds: (n,) which fold scored the row.
    """

    scores: Floats
    auc: Auc
    folds: Ints


def reduced(features: npt.NDArray[np.floating[Any]], most: int = MOST_COLUMNS) -> Floats:
    """Features as standardised columns without constants, at most ``most``: beyond that, the leading principal components.

    Which sample a row belongs to plays no part, so permuting the samples afterwards stays valid. NaN becomes the mean.
    """
    x: Floats = np.asarray(features, np.float64)
    known = np.isfinite(x)
    count = np.maximum(known.sum(0), 1)
    mean = np.where(known, x, 0).sum(0) / count
    x = np.where(known, x, mean) - mean
    spread = np.sqrt((x**2).mean(0)) if len(x) else np.ones(x.shape[1])
    kept: Floats = x[:, spread > 1e-9] / spread[spread > 1e-9]
    if kept.shape[1] <= most:
        return kept
    values, vectors = np.linalg.eigh(kept.T @ kept / max(len(kept), 1))
    lead = kept @ vectors[:, ::-1][:, :most]
    made: Floats = lead / np.sqrt(np.maximum(values[::-1][:most], 1e-12))
    return made


def fold_numbers(target: Mask, strata: Ints, seed: int, folds: int = FOLDS) -> Ints:
    """(n,) fold of each row: every stratum of either sample is spread over all folds."""
    rng = np.random.default_rng(seed)
    made = np.zeros(len(target), np.int64)
    order = rng.permutation(len(target))
    order = order[np.lexsort((strata[order], target[order]))]
    made[order] = np.arange(len(order)) % folds
    return made


def separate(x: Floats, target: Mask, folds: Ints, weights: Floats | None = None) -> Separation:
    """Cross-fitted ridge logistic regression of the sample on ``x``.

    The penalty equals the number of columns: a prior under which the log odds have a variance of one.

    Args:
        x: (n, p) standardised columns (:func:`reduced`).
        target: (n,) True for target rows; both kinds must be in every fold.
        folds: (n,) from :func:`fold_numbers`.
        weights: (n,) ≥ 0; each sample is scaled to half of the rows.
    """
    w = np.ones(len(target)) if weights is None else weights
    scores, parts = np.zeros(len(target)), []
    for fold in np.unique(folds):
        held = folds == fold
        learn = ~held
        coefficients = fit_logistic(
            x[learn], target[learn], balanced(w[learn], target[learn]), float(max(x.shape[1], 1))
        )
        scores[held] = coefficients[0] + x[held] @ coefficients[1:]
        parts.append(auc(scores[held], target[held], w[held]))
    return Separation(scores, _together(parts), folds)


def balanced(weights: Floats, target: Mask) -> Floats:
    """``weights`` scaled so that either sample weighs half of the rows."""
    made = weights.astype(np.float64, copy=True)
    for side in (target, ~target):
        total = made[side].sum()
        if total > 0:
            made[side] *= len(target) / 2 / total
    return made


def _together(parts: list[Auc]) -> Auc:
    """Mean AUC of independent folds, its variance read back from their intervals on the logit scale."""
    known = [p for p in parts if p.n]
    if not known:
        return Auc(0.5, (0.0, 1.0), 0)
    value = float(np.mean([p.value for p in known]))
    edge = 1e-6

    def logit(v: float) -> float:
        v = min(max(v, edge), 1 - edge)
        return math.log(v / (1 - v))

    half = [(logit(p.ci[1]) - logit(p.ci[0])) / 2 * max(p.value * (1 - p.value), edge) for p in known]
    n = sum(p.n for p in known)
    variance = float(np.sum(np.square(half))) / len(known) ** 2 / normal_quantile(0.95) ** 2
    return Auc(value, _logit_interval(value, variance, n, 0.95), n)


def fit_logistic(x: Floats, y: Mask, weights: Floats, penalty: float) -> Floats:
    """(p + 1,) intercept and coefficients of weighted ridge logistic regression, by Newton's method with step halving.

    Args:
        x: (n, p).
        y: (n,) outcome.
        weights: (n,) ≥ 0.
        penalty: half of it times the squared length of the coefficients is added to the loss; the intercept is free.
    """
    design = np.hstack([np.ones((len(x), 1)), x])
    ridge = np.full(design.shape[1], penalty)
    ridge[0] = 1e-6
    beta = np.zeros(design.shape[1])
    outcome = y.astype(np.float64)
    loss = _loss(design, outcome, weights, ridge, beta)
    for _ in range(STEPS):
        p = _sigmoid(design @ beta)
        gradient = design.T @ (weights * (p - outcome)) + ridge * beta
        curve = weights * np.maximum(p * (1 - p), 1e-9)
        hessian = (design * curve[:, None]).T @ design + np.diag(ridge)
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        while size > 1e-4:
            new = _loss(design, outcome, weights, ridge, beta - size * step)
            if new <= loss:
                break
            size /= 2
        beta = beta - size * step
        done, loss = loss - new < 1e-9 * max(1.0, abs(loss)), new
        if done:
            break
    return beta


def _loss(design: Floats, y: Floats, weights: Floats, ridge: Floats, beta: Floats) -> float:
    z = design @ beta
    return float(weights @ (np.logaddexp(0, z) - y * z) + 0.5 * ridge @ beta**2)


def _sigmoid(z: Floats) -> Floats:
    made: Floats = 1 / (1 + np.exp(-np.clip(z, -500, 500)))
    return made


def permutation_p(x: Floats, target: Mask, folds: Ints, strata: Ints, seed: int, draws: int = 399) -> float:
    """One-sided p of the null hypothesis that the two samples are exchangeable within strata.

    The statistic is the cross-fitted AUC of Fisher's discriminant with the ridge of :func:`separate`: its scores are
    linear in the sample labels, so that all permutations are learned in one matrix product. The smallest p is
    1 / (draws + 1).

    Args:
        x, target, folds: as in :func:`separate`.
        strata: (n,) rows are permuted within these (classes, where they are known; else one stratum).
        seed: of the permutations.
        draws: how many.
    """
    rng = np.random.default_rng(seed)
    labels = np.empty((len(target), draws + 1), np.float32)
    labels[:, 0] = target
    for stratum in np.unique(strata):
        rows = np.flatnonzero(strata == stratum)
        block = np.repeat(target[rows].astype(np.float32)[:, None], draws, axis=1)
        labels[rows, 1:] = rng.permuted(block, axis=0)
    total = np.zeros(draws + 1)
    for fold in np.unique(folds):
        held = folds == fold
        learn = x[~held]
        mean = learn.mean(0)
        gram = (learn - mean).T @ (learn - mean) + max(x.shape[1], 1) * np.eye(x.shape[1])
        y = labels[~held]
        beta = np.linalg.solve(gram, (learn - mean).T @ (y - y.mean(0)))
        total += _auc_columns((x[held] - mean) @ beta, labels[held] > 0.5)
    return float((1 + (total[1:] >= total[0] - 1e-12).sum()) / (draws + 1))


def _auc_columns(scores: Floats, target: Mask) -> Floats:
    """(m,) AUC of each column by rank sums; tied scores share the mean of their ranks.

    Yes/no columns and features that are mostly zero tie most rows. Were ties left in the order of the rows, which is the order of
    the two samples, every permutation would come out below what was observed.
    """
    second = target.sum(0)
    first = len(scores) - second
    from scipy.stats import rankdata

    whole = np.maximum(
        np.abs(scores).max(0, initial=0.0), 1e-300
    )  # equal rows may differ by the rounding of a product
    ranks = rankdata(np.round(scores / whole, 9), axis=0)
    sums = (ranks * target).sum(0) - second * (second + 1) / 2
    made: Floats = np.divide(
        sums, first * second, out=np.full(scores.shape[1], 0.5), where=first * second > 0
    )
    return made


def auc_within(scores: Floats, target: Mask, strata: Ints, weights: Floats | None = None) -> float:
    """AUC over pairs of the same stratum only: what is left of the separation once the stratum is known.

    0.5 when no stratum holds rows of both samples (the stratum then tells them apart by itself).
    """
    w = np.ones(len(scores)) if weights is None else weights
    total = value = 0.0
    for stratum in np.unique(strata):
        inside = strata == stratum
        pairs = float(w[inside & target].sum() * w[inside & ~target].sum())
        if pairs > 0:
            value += pairs * auc(scores[inside], target[inside], w[inside]).value
            total += pairs
    return value / total if total else 0.5
