"""The Spotlight, written from its paper: weights centred where losses are high, one spotlight after the other.

d'Eon, d'Eon, Wright and Leyton-Brown 2022, *The Spotlight: A general method for discovering systematic errors in deep
learning models* (FAccT), section 3. A spotlight is a centre μ and a precision τ in the model's last representation; a picture
weighs ``max(0, 1 − τ‖x − μ‖²)``. Both are found by gradient ascent (Adam) on the weighted mean loss, with a barrier that keeps
the total weight above a share S of the pictures and is drawn tight as the ascent goes on. For the next spotlight, losses are
multiplied by one minus the (scaled) weights of the last.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
LEAST = 10  # pictures


@dataclass(frozen=True)
class SpotlightSettings:
    """The settings.

    Attributes:
        count: spotlights.
        size: S, least total weight as a share of the pictures.
        steps: of the ascent.
        rate: of Adam.
        tight: width of the barrier at the end, as a share of the least weight; it begins at all pictures.
        precision: at the start, for representations of unit variance; the first spotlight holds nearly everything.
    """

    count: int = 5
    size: float = 0.05
    steps: int = 1000
    rate: float = 1e-2
    tight: float = 0.05
    precision: float = 1e-4


def spotlights(
    embeddings: npt.NDArray[Any], losses: Floats, settings: SpotlightSettings | None = None
) -> list[Floats]:
    """(n,) weights in [0, 1] of each spotlight, in the order in which they are found.

    Args:
        embeddings: (n, d).
        losses: (n,).
        settings: see :class:`SpotlightSettings`.
    """
    chosen = settings or SpotlightSettings()
    x = np.asarray(embeddings, np.float64)
    if len(x) < LEAST:
        return []
    x = (x - x.mean(0)) / (float(x.std()) or 1.0)
    left = np.asarray(losses, np.float64).copy()
    made = []
    for _ in range(chosen.count):
        if float(left.max()) <= 0:
            break
        weights = _one(x, left, chosen)
        made.append(weights)
        left = left * (1 - weights)
    return made


def _one(x: Floats, losses: Floats, chosen: SpotlightSettings) -> Floats:
    """One spotlight: gradients by hand, as it is only one centre and one number."""
    n, d = x.shape
    least = chosen.size * n
    barriers = np.geomspace(max(n - least, 1.0), max(chosen.tight * least, 1e-3), chosen.steps)
    at = np.zeros(d + 1)
    at[d] = np.log(chosen.precision)
    first, second = np.zeros(d + 1), np.zeros(d + 1)
    norms = (x**2).sum(1)
    for step, barrier in enumerate(barriers, 1):
        weights, distance = _weights(x, norms, at)
        total = float(weights.sum()) or 1e-12
        mean = float(weights @ losses) / total
        pull = (losses - mean) / total  # of each weight on the weighted mean loss
        short = least + barrier - total
        if short > 0:
            pull = pull + 2 * short / barrier**2
        pull = np.where(weights > 0, pull, 0.0)
        tau = np.exp(at[d])
        gradient = np.append(2 * tau * (pull @ x - pull.sum() * at[:d]), -tau * float(pull @ distance))
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        at = at + chosen.rate * (first / (1 - 0.9**step)) / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
    weights, _ = _weights(x, norms, at)
    return weights / (float(weights.max()) or 1.0)


def _weights(x: Floats, norms: Floats, at: Floats) -> tuple[Floats, Floats]:
    """max(0, 1 − τ‖x − μ‖²), and the squared distances."""
    centre = at[:-1]
    distance = np.maximum(norms - 2 * (x @ centre) + centre @ centre, 0)
    return np.maximum(1 - np.exp(at[-1]) * distance, 0), distance
