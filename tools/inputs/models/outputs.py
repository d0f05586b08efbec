"""Are the numbers that a model gives logits or probabilities? Guessed from pictures where nobody says it, and held to every score after."""

from __future__ import annotations

from typing import Literal

import numpy as np

from failsight.tools.inputs.base import Floats

Outputs = Literal["logits", "probabilities"]
Kind = Literal["logits", "probabilities", "sigmoids"]
SLACK = 2e-3  # of a probability: half precision and rounding


def softmax(raw: Floats) -> Floats:
    """Row-wise softmax, in float64 inside: shift by the maximum, exponentiate, divide."""
    with np.errstate(invalid="ignore", over="ignore"):
        shifted = np.exp(raw.astype(np.float64) - raw.max(1, keepdims=True))
        shares: Floats = (shifted / shifted.sum(1, keepdims=True)).astype(np.float32)
    return shares


def shares(raw: Floats) -> Floats:
    """(n, classes) outputs of independent sigmoids, each divided by the sum of its row; equal shares where all are zero."""
    total = raw.sum(1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        made: Floats = np.where(total > 0, raw / total, np.where(total == 0, 1 / raw.shape[1], total)).astype(
            np.float32
        )
    return made


def two_columns(raw: Floats, outputs: Outputs) -> Floats:
    """One output of a yes/no model as two: (1 − p, p), or logits (0, z)."""
    return np.concatenate([1 - raw if outputs == "probabilities" else np.zeros_like(raw), raw], 1)


def guess_kind(raw: Floats) -> Kind:
    """What outputs are that nobody declared, from those of a few pictures; rows that are not finite say nothing.

    ``probabilities`` where every row is non-negative and sums to one (a single column: lies in 0–1), ``sigmoids`` where all of several
    columns lie in 0–1 and do not, else ``logits``.
    """
    fine = raw[np.isfinite(raw).all(1)]
    if not len(fine) or fine.min() < -1e-6:
        return "logits"
    if raw.shape[1] == 1:
        return "probabilities" if fine.max() <= 1 + 1e-6 else "logits"
    if np.allclose(fine.sum(1), 1.0, atol=SLACK):
        return "probabilities"
    varied = fine.max() > 0 and float(np.ptp(fine)) > SLACK
    return "sigmoids" if fine.max() <= 1 + 1e-6 and varied else "logits"


def refuted(raw: Floats, kind: Kind) -> bool:
    """Whether outputs ``raw`` can't be what was guessed: then they are logits."""
    fine = raw[np.isfinite(raw).all(1)]
    if kind == "logits" or not len(fine):
        return False
    if fine.min() < -SLACK or fine.max() > 1 + SLACK:
        return True
    return kind == "probabilities" and raw.shape[1] > 1 and float(np.abs(fine.sum(1) - 1).max()) > 10 * SLACK


def told(kind: Kind, count: int) -> list[str]:
    """What a person should know of a guess that the numbers alone do not settle."""
    if kind == "sigmoids":
        return [
            f"The {count:,} outputs lie between 0 and 1 and do not sum to one, as independent sigmoids do: each is divided by the sum of all, "
            'and confidence and calibration are those of these shares. Write "outputs": "logits" in the side file if they are logits.'
        ]
    if kind == "probabilities" and count == 1:
        return [
            "The one output lay between 0 and 1 for a few made pictures and is read as the probability of the second class. "
            'Write "outputs": "logits" in the side file if it is a logit.'
        ]
    return []


REVISED = (
    "The outputs were first taken for probabilities; for some of the images they are none (below 0, above 1, or not summing to one), "
    "so that they are read as logits."
)
