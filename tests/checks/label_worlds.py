"""Worlds whose labels and scores are drawn from a known process: Gaussian classes, a model that may not know all about them."""

from __future__ import annotations

from functools import cache

import numpy as np

from failsight.tools.labels.groups import Group, judge_groups
from failsight.tools.labels.scores import Scored
from failsight.tools.stats.confident import confident_counts


@cache
def distance(k: int, accuracy: float) -> float:
    """How far apart the class means lie for a Bayes classifier of this accuracy."""
    noise = np.random.default_rng(1).standard_normal((20_000, k))
    low, high = 0.1, 8.0
    for _ in range(30):
        middle = (low + high) / 2
        x = noise.copy()
        x[:, 0] += middle
        low, high = (middle, high) if (x.argmax(1) == 0).mean() < accuracy else (low, middle)
    return low


def world(
    seed: int,
    n: int = 600,
    k: int = 5,
    *,
    accuracy: float = 0.9,
    overconfident: float = 1.0,
    imbalanced: bool = False,
    hard: str = "",
    by: float = 1.0,
    noise: float = 0.0,
    systematic: bool = True,
    groups: int = 4,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(labels, scores, group of each image); group 1 is the one whose images are hard or whose labels are wrong.

    Args:
        overconfident: what the log-odds are multiplied by; 1 is calibrated.
        hard: ``noisy`` (features with (1 + by) times the noise, which the model doesn't know of), ``faint`` (signal divided by
            1 + by), ``shifted`` (features pushed towards class 0).
        noise: share of group 1's labels that are wrong; always the next class when ``systematic``.
    """
    rng = np.random.default_rng([seed, n, k])
    prior = np.array([0.5 ** min(i, 3) if imbalanced else 1.0 for i in range(k)])
    prior /= prior.sum()
    truth, group = rng.choice(k, n, p=prior), rng.integers(0, groups, n)
    mu, x, one = distance(k, accuracy), rng.standard_normal((n, k)), group == 1
    signal = np.full(n, mu)
    if hard == "noisy":
        x[one] *= 1 + by
    elif hard == "faint":
        signal[one] /= 1 + by
    elif hard == "shifted":
        x[one, 0] += 1.5 * by
    x[np.arange(n), truth] += signal
    logits = (mu * x + np.log(prior)) * overconfident
    scores = np.exp(logits - logits.max(1, keepdims=True))
    scores /= scores.sum(1, keepdims=True)
    wrong = one & (rng.random(n) < noise)
    step = 1 if systematic else rng.integers(1, k, n)
    return np.where(wrong, (truth + step) % k, truth), scores.astype(np.float32), group


def judged(labels: np.ndarray, scores: np.ndarray, group: np.ndarray) -> tuple[Group, ...]:
    """What the tests by group say, with ``annotator`` the only column."""
    n, k = scores.shape
    rows = np.arange(n)
    made = Scored("data", tuple(f"c{i}" for i in range(k)), rows, rows, labels, scores.astype(float), "")
    suspect = confident_counts(labels, made.scores).suspect
    named = [("annotator", "ABCDEFGH"[g], group == g) for g in np.unique(group)]
    return judge_groups(made, suspect, named, np.ones(n, bool))


def confirmed(seed: int, **kind: object) -> list[str]:
    """Values confirmed in the world of this seed."""
    return [g.value for g in judged(*world(seed, **kind)) if g.verdict == "confirmed"]  # type: ignore[arg-type]
