"""A multinomial logistic head on given features, cross-validated: scores for images by a head that never saw them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int = NDArray[np.int64]
MOST_DIRECTIONS = 256  # wider features are projected on their leading directions


def cross_validated_scores(
    features: NDArray[np.float32], labels: Int, k: int, *, folds: int = 5, penalty: float = 1.0, seed: int = 0
) -> Float:
    """(n, k) probabilities of each row from a head fitted to the other folds (stratified by label).

    Args:
        features: (n, d) finite numbers.
        labels: (n,) class indices in 0 … k−1.
        folds: how many; each class is spread over them as evenly as it goes.
        penalty: weight of the squared coefficients (of standardised features), as in ridge regression.
    """
    n = len(labels)
    fold = _folds(labels, folds, seed)
    made = np.full((n, k), 1.0 / k)
    for f in range(folds):
        test, fit = fold == f, fold != f
        if not test.any() or not fit.any():
            continue
        x, y = _projected(features[fit].astype(np.float64), features[test].astype(np.float64))
        made[test] = _softmax(y @ _weights(x, labels[fit], k, penalty))
    return made


def scores_of_others(
    features: NDArray[np.float32], labels: Int, k: int, others: NDArray[np.float32], *, penalty: float = 1.0
) -> Float:
    """(m, k) probabilities of other rows from a head fitted to all of ``features``; arguments as above."""
    x, y = _projected(features.astype(np.float64), others.astype(np.float64))
    return _softmax(y @ _weights(x, labels, k, penalty))


def _folds(labels: Int, folds: int, seed: int) -> Int:
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    order = order[np.argsort(labels[order], kind="stable")]
    made = np.empty(len(labels), np.int64)
    made[order] = np.arange(len(labels)) % folds
    return made


def _projected(fit: Float, test: Float) -> tuple[Float, Float]:
    """Both standardised by the first, projected when wide, with a column of ones."""
    mean, spread = fit.mean(axis=0), fit.std(axis=0)
    keep = spread > 1e-9
    x, y = (fit[:, keep] - mean[keep]) / spread[keep], (test[:, keep] - mean[keep]) / spread[keep]
    if x.shape[1] > MOST_DIRECTIONS:
        _, vectors = np.linalg.eigh(x.T @ x)
        x, y = x @ vectors[:, -MOST_DIRECTIONS:], y @ vectors[:, -MOST_DIRECTIONS:]
    return np.column_stack([x, np.ones(len(x))]), np.column_stack([y, np.ones(len(y))])


def _weights(x: Float, labels: Int, k: int, penalty: float) -> Float:
    from scipy.optimize import minimize

    target = np.eye(k)[labels]
    decay = np.full((x.shape[1], 1), penalty)
    decay[-1] = 1e-3  # the intercept is hardly held back

    def loss(flat: Float) -> tuple[float, Float]:
        w = flat.reshape(x.shape[1], k)
        scores = x @ w
        scores -= scores.max(axis=1, keepdims=True)
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        value = -float(logs[target > 0].sum()) + 0.5 * float((decay * w**2).sum())
        return value, (x.T @ (np.exp(logs) - target) + decay * w).ravel()

    start = np.zeros(x.shape[1] * k)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 120})
    made: Float = found.x.reshape(x.shape[1], k)
    return made


def _softmax(scores: Float) -> Float:
    raw = np.exp(scores - scores.max(axis=1, keepdims=True))
    made: Float = raw / raw.sum(axis=1, keepdims=True)
    return made
