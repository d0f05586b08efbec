"""How a version is trained: which layers, for how long, what is drawn how often, and what a mistake costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from failsight.tools.repair.piles import Ints, Mask

Floats = npt.NDArray[np.float64]
Layers = Literal["all", "last"]
Loss = Literal["cross_entropy", "generalised"]
BOOST = 6.0  # an added image is drawn so many times as often as a usual one of its class …
MOST_ADDED = 0.4  # … up to this share of the class
HARD = 5.0  # so many times as often is shown what was answered wrongly
MOST_BOOST = 20.0  # no image is drawn so many times as often as if all were drawn alike


@dataclass(frozen=True)
class Recipe:
    """Hyper-parameters of one training.

    Attributes:
        layers: ``all``: fine-tuning; ``last``: the last layer alone (Kirichenko et al. 2023).
        steps: of the optimiser, in all.
        rounds: the steps are done in so many rounds; after each the held-out images are answered and the state is saved.
        batch: pictures a step.
        rate: highest learning rate (SGD with Nesterov momentum 0.9; it rises over a fifth of the steps, then falls to 0).
        decay: weight decay.
        loss: plain, or generalised cross-entropy (Zhang & Sabuncu 2018, q = 0.7), which forgives single wrong labels.
        smoothing: of labels, in [0, 1).
        robust: weigh groups by how badly they do (group DRO, Sagawa et al. 2020): the step size of their weights; 0 never.
        held_out: share of the usual images that the training does not see; of the added ones ``held_added``.
        anchored: images to whose old answers the model is held that every step shows, where there are any
            (:mod:`failsight.tools.repair.anchors`).
        anchor: what a divergence from the old scores costs there, beside the loss.
        clip: largest norm of a step's gradient; a longer one is made so short (Pascanu, Mikolov & Bengio 2013). 0 for any.
    """

    layers: Layers = "all"
    steps: int = 240
    rounds: int = 5
    batch: int = 48
    rate: float = 0.01
    decay: float = 5e-4
    loss: Loss = "cross_entropy"
    smoothing: float = 0.0
    robust: float = 0.0
    held_out: float = 0.1
    held_added: float = 0.2
    anchored: int = 12
    anchor: float = 1.0
    clip: float = 0.0

    def __post_init__(self) -> None:
        if min(self.steps, self.rounds, self.batch) < 1 or not self.rate > 0:
            raise ValueError("steps, rounds and batch must be at least 1, rate positive")
        if not self.clip >= 0:
            raise ValueError("clip must not be negative")
        if not (0 <= self.held_out < 1 and 0 <= self.held_added < 1 and 0 <= self.smoothing < 1):
            raise ValueError("shares lie in [0, 1)")

    def ends(self) -> list[int]:
        """Number of steps done at the end of each round."""
        rounds = min(self.rounds, self.steps)
        return [round(self.steps * (i + 1) / rounds) for i in range(rounds)]


def mixed(labels: Ints, added: Mask) -> Floats:
    """How often each image is drawn, summing to 1: classes as often as among the usual images, and in each class the added
    ones ``BOOST`` times as often as the usual ones, up to ``MOST_ADDED`` of the class.

    A class that only the additions have comes as often as its share among all images.
    """
    made = np.zeros(len(labels))
    usual = labels[~added] if (~added).any() else labels
    for c in np.unique(labels):
        own, new = np.flatnonzero((labels == c) & ~added), np.flatnonzero((labels == c) & added)
        share = float((usual == c).mean()) or float((labels == c).mean())
        part = min(MOST_ADDED, BOOST * len(new) / max(1.0, len(own) + BOOST * len(new))) if len(own) else 1.0
        if len(own):
            made[own] = share * (1 - part) / len(own)
        if len(new):
            made[new] = share * part / len(new)
    total: Floats = made / made.sum()
    return total


def balanced(groups: Ints) -> Floats:
    """Every group as often as any other, as far as no image is drawn ``MOST_BOOST`` times as often as if all were alike."""
    counts = np.bincount(groups)
    made = 1.0 / counts[groups]
    made /= made.sum()
    for _ in range(8):  # what is cut off goes to the others
        made = np.minimum(made, MOST_BOOST / len(groups))
        made /= made.sum()
    total: Floats = made
    return total


def hard(wrong: Mask) -> Floats:
    """Wrongly answered images ``HARD`` times as often as the others."""
    made = np.where(wrong, HARD, 1.0)
    total: Floats = made / made.sum()
    return total


def hold_out(groups: Ints, added: Mask, recipe: Recipe, rng: np.random.Generator) -> Mask:
    """(n,) images that the training does not see: a share of every group, of the added ones and of the usual ones apart.

    At least one image of each such part stays to learn from.
    """
    held = np.zeros(len(groups), bool)
    for new, share in ((False, recipe.held_out), (True, recipe.held_added)):
        for g in np.unique(groups[added == new]):
            at = rng.permutation(np.flatnonzero((groups == g) & (added == new)))
            held[at[: min(round(share * len(at)), len(at) - 1)]] = True
    return held
