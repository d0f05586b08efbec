"""Domino's error-aware mixture model, re-implemented from the paper.

Eyuboglu et al. 2022, *Domino: Discovering systematic errors with cross-modal embeddings* (ICLR), sections 5.1 to 5.3. A
slice is a component of a mixture in which, given the slice, a picture's embedding is Gaussian (diagonal covariance) and
its label and prediction are categorical: ``log p = log N(z) + γ_y log P(y) + γ_ŷ log P(ŷ)``, where predictions count
with the model's probabilities. It is fitted by expectation maximisation on embeddings reduced by principal components,
starting from the cells of the confusion matrix. Of 25 slices the five are shown on which labels and predictions differ
most. Each is named by the phrase nearest to its mean embedding minus the mean embedding of its class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class DominoSettings:
    """The settings of the paper.

    Attributes:
        components: slices in the mixture.
        shown: how many of them are shown.
        weight: γ, of labels and of predictions.
        dimensions: principal components kept.
        rounds: most rounds of expectation maximisation.
        tolerance: gain in mean log likelihood below which it ends.
        floor: added to variances.
    """

    components: int = 25
    shown: int = 5
    weight: float = 10.0
    dimensions: int = 128
    rounds: int = 100
    tolerance: float = 1e-3
    floor: float = 1e-6


@dataclass(frozen=True)
class Slice:
    """A slice: (n,) probabilities of membership, and how far labels and predictions differ in it."""

    members: Floats
    gap: float


def domino(
    embeddings: npt.NDArray[np.floating[Any]],
    labels: npt.NDArray[np.int64],
    scores: npt.NDArray[np.floating[Any]],
    seed: int = 0,
    settings: DominoSettings | None = None,
) -> list[Slice]:
    """The slices that Domino shows, the largest gap first.

    Args:
        embeddings: (n, d).
        labels: (n,) true classes.
        scores: (n, classes) probabilities of the model.
        seed: of the start.
        settings: see :class:`DominoSettings`.
    """
    chosen = settings or DominoSettings()
    reduced = _components(np.asarray(embeddings, np.float64), chosen.dimensions)
    truth = np.eye(scores.shape[1])[labels]
    members = _fit(reduced, truth, np.asarray(scores, np.float64), seed, chosen)
    mass = members.sum(0)[:, None] + 1e-12
    gap = np.abs(members.T @ truth / mass - members.T @ scores / mass).max(1)
    order = np.argsort(-gap, kind="stable")[: chosen.shown]
    return [Slice(members[:, k], float(gap[k])) for k in order]


def _components(embeddings: Floats, dimensions: int) -> Floats:
    centred = embeddings - embeddings.mean(0)
    keep = min(dimensions, *centred.shape)
    values, vectors = np.linalg.eigh(centred.T @ centred)
    return np.asarray(centred @ vectors[:, np.argsort(-values)[:keep]])


def _start(truth: Floats, scores: Floats, rng: np.random.Generator, components: int) -> Floats:
    """Memberships to begin with: cells of the confusion matrix (label × prediction), several slices each."""
    n, classes = truth.shape
    label, guess = truth.argmax(1), scores.argmax(1)
    members = rng.random((n, components))
    for k in range(components):
        cell = k % (classes * classes)
        inside = (label == cell // classes) & (guess == cell % classes)
        members[inside, k] += 1.0
    made: Floats = members / members.sum(1, keepdims=True)
    return made


def _fit(z: Floats, truth: Floats, scores: Floats, seed: int, chosen: DominoSettings) -> Floats:
    rng = np.random.default_rng(seed)
    members = _start(truth, scores, rng, chosen.components)
    squares = z**2
    before = -np.inf
    for _ in range(chosen.rounds):
        mass = members.sum(0) + 1e-10
        mean = members.T @ z / mass[:, None]
        variance = np.maximum(members.T @ squares / mass[:, None] - mean**2, 0) + chosen.floor
        said = np.log((members.T @ truth + 1e-6) / mass[:, None])
        guessed = np.log((members.T @ scores + 1e-6) / mass[:, None])
        gaussian = -0.5 * (
            squares @ (1 / variance).T
            - 2 * z @ (mean / variance).T
            + (mean**2 / variance + np.log(2 * np.pi * variance)).sum(1)
        )
        joint = np.log(mass / mass.sum()) + gaussian
        joint += chosen.weight * (truth @ said.T + scores @ guessed.T)
        top = joint.max(1, keepdims=True)
        raised = np.exp(joint - top)
        total = raised.sum(1, keepdims=True)
        members = raised / total
        likelihood = float((top + np.log(total)).mean())
        if likelihood - before < chosen.tolerance:
            break
        before = likelihood
    return members


def described(
    slices: list[Slice],
    embeddings: npt.NDArray[np.floating[Any]],
    labels: npt.NDArray[np.int64],
    words: npt.NDArray[np.floating[Any]],
) -> list[int]:
    """For each slice, the nearest phrase (a row of ``words``) to its mean minus the mean of its class (section 5.3)."""
    made = []
    for one in slices:
        weight = one.members / max(float(one.members.sum()), 1e-12)
        most = int(np.bincount(labels, weights=one.members).argmax())
        direction = weight @ embeddings - embeddings[labels == most].mean(0)
        made.append(int((words @ direction).argmax()))
    return made
