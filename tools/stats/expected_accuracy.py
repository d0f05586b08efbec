"""How often will the model be right on images without labels? Four estimates, and one stated by a fixed rule.

All start from labelled reference images and the model's scores on both samples. None can be right about every shift:
each is exact under an assumption that unlabelled images can't prove (Garg et al. 2022, section 3).

* **Threshold** (average thresholded confidence, ATC: Garg et al. 2022, ICLR, arXiv:2201.04234): the share of new images
  above the threshold that as many reference images exceed as are right. By confidence and by negative entropy.
* **Transport** (confidence optimal transport: Lu et al. 2023, NeurIPS, arXiv:2305.15640): the cheapest way of dealing the
  reference's class mix to the new images, at a cost of one minus the score of the class dealt. A model that collapses
  onto a few classes may be confident, but the mix can't be dealt to its answers cheaply.
* **Class mix**: recalls weighted with the class mix that the answers point to (``prior_shift``).
* **Look**: reference images weighted by how much they look like the new ones (domain classifier, clipped).

**The rule** (:func:`stated`). Where nothing but the class mix differs, the mean of threshold and class mix; otherwise
transport. On perturbed images the threshold overrates models that stay confident while they collapse (by up to 50
points for noise on CIFAR-10), and transport, which assumes the old class mix, underrates them when the mix changed.
``benchmarks/shift_estimates.py`` has the figures on shifts that the rule was not made with.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Interval = tuple[float, float]
Method = Literal["threshold", "threshold_entropy", "transport", "class_mix", "look"]

DRAWS = 300
CLIP = 20.0  # most weight of one image, relative to the mean
FLOOR = 1e-12  # of a score, before its logarithm
#: What the stated estimate was off by on the labelled shifts that the rule was made with, beyond sampling error:
#: so many points, and this share of the estimated change, cover nine in ten of them.
ALLOWANCE, ALLOWANCE_SHARE = 0.04, 0.30
_BLURS = (0.3, 0.1, 0.03, 0.01)  # of the minimum in the transport problem, from easy to sharp


@dataclass(frozen=True, slots=True)
class Estimate:
    """An expected accuracy in [0, 1] with its bootstrap interval over both samples."""

    method: Method
    value: float
    ci: Interval


def calibrated(scores: npt.NDArray[np.floating[Any]], temperature: float) -> Floats:
    """Probabilities at another temperature: softmax of log scores / temperature."""
    z = np.log(np.maximum(np.asarray(scores, np.float64), FLOOR)) / temperature
    z -= z.max(1, keepdims=True)
    e = np.exp(z)
    made: Floats = e / e.sum(1, keepdims=True)
    return made


def temperature(scores: npt.NDArray[np.floating[Any]], labels: Ints) -> float:
    """The temperature in [0.05, 20] at which the labels are likeliest (Guo et al. 2017, ICML)."""
    from scipy.optimize import minimize_scalar

    logs = np.log(np.maximum(np.asarray(scores, np.float64), FLOOR))
    logs -= logs.max(1, keepdims=True)
    own = logs[np.arange(len(labels)), labels]

    def loss(log_t: float) -> float:
        t = math.exp(log_t)
        return float((np.log(np.exp(logs / t).sum(1)) - own / t).mean())

    return math.exp(float(minimize_scalar(loss, bounds=(math.log(0.05), math.log(20)), method="bounded").x))


def negative_entropy(probabilities: Floats) -> Floats:
    """(n,) Σ p log p, at most 0; higher is surer."""
    made: Floats = (probabilities * np.log(np.maximum(probabilities, FLOOR))).sum(1)
    return made


def by_threshold(
    sure: Floats,
    right: Mask,
    sure_new: Floats,
    *,
    method: Method = "threshold",
    seed: int = 0,
    draws: int = DRAWS,
) -> Estimate:
    """Average thresholded confidence. Images that tie with the threshold count in the share that the reference needs.

    Args:
        sure: (n,) how sure the model is of each reference image.
        right: (n,) whether it is right.
        sure_new: (m,) how sure it is of each new image.
    """
    levels, place = np.unique(np.concatenate([sure, sure_new]), return_inverse=True)
    old, new = place[: len(sure)], place[len(sure) :]

    def one(w: Floats, v: Floats) -> float:
        # shares at or above each level, from the top; the first level at which the reference has its share
        have = np.bincount(old, w, len(levels))[::-1].cumsum() / w.sum()
        told = np.bincount(new, v, len(levels))[::-1].cumsum() / v.sum()
        accuracy = float(w @ right) / w.sum()
        at = min(int(np.searchsorted(have, accuracy - 1e-12)), len(levels) - 1)
        before, passed = (have[at - 1], told[at - 1]) if at else (0.0, 0.0)
        part = (accuracy - before) / (have[at] - before) if have[at] > before else 0.0
        return float(passed + part * (told[at] - passed))

    return _estimate(method, one, len(sure), len(sure_new), seed, draws)


def by_transport(
    p: Floats, labels: Ints, right: Mask, p_new: Floats, *, seed: int = 0, draws: int = DRAWS
) -> Estimate:
    """Confidence optimal transport, scaled so that it gives the reference's accuracy on the reference.

    Args:
        p: (n, k) calibrated probabilities of the reference images.
        labels, right: (n,) their classes, and whether the model is right.
        p_new: (m, k) of the new images.
    """
    mix = np.bincount(labels, minlength=p.shape[1]) / len(labels)
    old, new = 1 - transport_costs(p, mix), 1 - transport_costs(p_new, mix)

    def one(w: Floats, v: Floats) -> float:
        accuracy, base = float(w @ right) / w.sum(), float(w @ old) / w.sum()
        return float(np.clip(accuracy * float(v @ new) / v.sum() / max(base, 1e-9), 0.0, 1.0))

    return _estimate("transport", one, len(p), len(p_new), seed, draws)


def transport_costs(p: Floats, mix: Floats) -> Floats:
    """(n,) what each image adds to the optimal cost of dealing the classes in the shares ``mix`` to all images.

    The cost of giving class y to image i is 1 − p[i, y]. Solved in its semi-discrete dual: one price a class, the
    minimum over classes smoothed less and less. Redrawing the images changes the cost, to first order, by the mean of
    these contributions (envelope theorem), so that a bootstrap need not solve it again.
    """
    from scipy.optimize import minimize

    cost = 1 - p[:, mix > 0]
    share = mix[mix > 0]
    prices = np.zeros(len(share))
    logs = np.log(share)

    def loss(v: Floats, blur: float) -> tuple[float, Floats]:
        z = (v - cost) / blur + logs
        top = z.max(1, keepdims=True)
        e = np.exp(z - top)
        total = e.sum(1, keepdims=True)
        return float(blur * (np.log(total) + top).mean() - share @ v), (e / total).mean(0) - share

    for blur in _BLURS:
        found = minimize(loss, prices, (blur,), jac=True, method="L-BFGS-B", options={"maxiter": 200})
        prices = found.x
    made: Floats = (cost - prices).min(1) + share @ prices
    return made


def by_look(log_odds: Floats, right: Mask, *, seed: int = 0, draws: int = DRAWS) -> tuple[Estimate, float]:
    """Accuracy of the reference images weighted by the odds that they are new ones, and the effective sample size.

    Args:
        log_odds: (n,) of each reference image, from a classifier that did not learn from it, samples of equal size.
        right: (n,) whether the model is right.
    """
    weights = importance(log_odds)

    def one(w: Floats, _: Floats) -> float:
        total = w * weights
        return float(total @ right) / max(float(total.sum()), 1e-300)

    size = float(weights.sum() ** 2 / max(float((weights**2).sum()), 1e-300))
    return _estimate("look", one, len(right), 1, seed, draws), size


def importance(log_odds: Floats) -> Floats:
    """(n,) weights with mean about one, none above ``CLIP`` times the mean."""
    odds = np.exp(np.clip(log_odds - log_odds.max(), -60, 0))
    odds /= odds.mean()
    made: Floats = np.minimum(odds, CLIP)
    return made


def _estimate(
    method: Method, one: Callable[[Floats, Floats], float], n: int, m: int, seed: int, draws: int
) -> Estimate:
    rng = np.random.default_rng(seed)
    drawn = np.empty(draws)
    for i in range(draws):
        w = np.bincount(rng.integers(0, n, n), minlength=n).astype(np.float64)
        v = np.bincount(rng.integers(0, m, m), minlength=m).astype(np.float64)
        drawn[i] = one(w, v)
    value = one(np.ones(n), np.ones(m))
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Estimate(method, value, (min(float(low), value), max(float(high), value)))


@dataclass(frozen=True, slots=True)
class Stated:
    """The one estimate that is stated.

    Attributes:
        value: expected accuracy on the new images.
        ci: its interval with the allowance for what the method itself was off by on labelled shifts.
        sampling: the bootstrap interval alone.
        drop: accuracy on the reference images minus ``value``.
        drop_ci: its interval, allowance included.
        methods: what it is made of.
    """

    value: float
    ci: Interval
    sampling: Interval
    drop: float
    drop_ci: Interval
    methods: tuple[Method, ...]


def stated(made: dict[Method, Estimate], accuracy: float, n: int, mix_only: bool) -> Stated | None:
    """The estimate by the rule fixed beforehand; None when nothing it needs is there.

    Args:
        made: the estimates at hand, by method.
        accuracy: of the ``n`` reference images.
        mix_only: whether nothing but the class mix tells the samples apart.
    """
    wanted: tuple[Method, ...] = ("threshold", "class_mix") if mix_only else ("transport",)
    used = tuple(m for m in wanted if m in made)
    if not used or (not mix_only and len(used) < len(wanted)):
        return None
    value = float(np.mean([made[m].value for m in used]))
    low, high = (float(np.mean([made[m].ci[side] for m in used])) for side in (0, 1))
    drop = accuracy - value
    spare = ALLOWANCE + ALLOWANCE_SHARE * abs(drop)
    ci = max(0.0, low - spare), min(1.0, high + spare)
    noise = 1.96 * math.sqrt(max(accuracy * (1 - accuracy), 0.25 / max(n, 1)) / max(n, 1))
    down = math.hypot(high - value, noise) + spare
    up = math.hypot(value - low, noise) + spare
    return Stated(value, ci, (low, high), drop, (drop - down, drop + up), used)
