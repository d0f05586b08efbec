"""A new last layer on features: multinomial logistic regression, with the penalty that the held-out images like best.

Deep feature reweighting (Kirichenko et al. 2023): the features stay, only their weights are learned again, on images in
which cue and class are independent. Seconds where fine-tuning takes minutes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.repair.recipes import Floats
from failsight.tools.repair.steps import Round, worst_group
from failsight.tools.repair.training import Lesson

Matrix = npt.NDArray[np.float64]
PENALTIES = (3e-3, 3e-2, 3e-4)  # of the squared weights of standardised features, beside the mean loss
LARGE = 2e9  # images × features × classes from which one penalty has to do
TURNS, PER_TURN = 8, 12  # of the optimiser; after each turn the held-out images are answered


@dataclass(frozen=True)
class Head:
    """Weights (classes, d) and offsets (classes,) over features as they are, the record, and what it took."""

    weight: Matrix
    bias: Matrix
    history: tuple[Round, ...]
    best: int
    penalty: float
    seconds: float


def fit_head(
    features: npt.NDArray[np.float32], lesson: Lesson, classes: int, advance: Callable[[int], None]
) -> Head:
    """The head that answers the held-out images best: the worst group first, then all, then the loss.

    Args:
        features: (n, d) of the lesson's images, after whatever change of the pictures there was.
        lesson: its ``draws`` × ``weights`` weigh the images; nothing is drawn.
        classes: number of outputs.
    """
    began = time.perf_counter()
    fit = np.flatnonzero(~lesson.held & (lesson.draws > 0))
    held = np.flatnonzero(lesson.held)
    x = features.astype(np.float64)
    mean, spread = x[fit].mean(0), x[fit].std(0)
    spread = np.where(spread > 1e-9, spread, 1.0)
    x = np.column_stack([(x - mean) / spread, np.ones(len(x))])
    share = (lesson.draws * lesson.weights)[fit]
    share = share / share.sum()
    labels, groups = lesson.pile.labels, lesson.groups
    penalties = PENALTIES if x.shape[1] * len(fit) * classes < LARGE else PENALTIES[:1]
    best: tuple[tuple[float, float, float], Matrix, list[Round], int, float] | None = None
    for penalty in penalties:
        weights = np.zeros((x.shape[1], classes))
        history: list[Round] = []
        for turn in range(TURNS):
            weights, loss = _turn(x[fit], labels[fit], share, weights, penalty)
            row, score = _judge(x, labels, groups, fit, held, weights, loss, turn)
            history.append(row)
            if best is None or score > best[0]:
                best = (score, weights.copy(), history, turn + 1, penalty)
            advance(1)
    assert best is not None
    _, weights, history, turn, penalty = best
    own = weights[:-1] / spread[:, None]
    return Head(own.T, weights[-1] - mean @ own, tuple(history), turn, penalty, time.perf_counter() - began)


def _turn(
    x: Matrix, labels: npt.NDArray[np.int64], share: Floats, start: Matrix, penalty: float
) -> tuple[Matrix, float]:
    """Some iterations of L-BFGS; new weights and the mean loss without the penalty."""
    from scipy.optimize import minimize

    shape = start.shape
    decay = np.full((shape[0], 1), penalty)
    decay[-1] = 0.0  # the offset is not held back
    rows = np.arange(len(labels))

    def cost(flat: Matrix) -> tuple[float, Matrix]:
        w = flat.reshape(shape)
        logs = log_softmax(x @ w)
        value = -float(share @ logs[rows, labels])
        slope = np.exp(logs)
        slope[rows, labels] -= 1
        gradient = x.T @ (slope * share[:, None]) + 2 * decay * w
        return value + float((decay * w**2).sum()), gradient.ravel()

    found = minimize(cost, start.ravel(), jac=True, method="L-BFGS-B", options={"maxiter": PER_TURN})
    weights = np.asarray(found.x, np.float64).reshape(shape)
    return weights, -float(share @ log_softmax(x @ weights)[rows, labels])


def _judge(
    x: Matrix,
    labels: npt.NDArray[np.int64],
    groups: npt.NDArray[np.int64],
    fit: npt.NDArray[np.int64],
    held: npt.NDArray[np.int64],
    weights: Matrix,
    loss: float,
    turn: int,
) -> tuple[Round, tuple[float, float, float]]:
    trained = float((log_softmax(x[fit] @ weights).argmax(1) == labels[fit]).mean())
    if not len(held):
        row = Round(float(turn + 1), loss, math.nan, trained, math.nan, math.nan, math.nan)
        return row, (0.0, 0.0, float(turn))
    logs = log_softmax(x[held] @ weights)
    right = logs.argmax(1) == labels[held]
    held_loss = -float(logs[np.arange(len(held)), labels[held]].mean())
    worst, val = worst_group(right, groups[held]), float(right.mean())
    row = Round(float(turn + 1), loss, held_loss, trained, val, worst, math.nan)
    return row, (worst, val, -held_loss)


def log_softmax(scores: Matrix) -> Matrix:
    """Row-wise logarithms of the softmax."""
    shifted = scores - scores.max(1, keepdims=True)
    made: Matrix = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    return made
