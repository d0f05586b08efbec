"""What the paired effects of an experiment say: mean, interval, p-value, flips, and the effect that could have been seen."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Interval
from failsight.tools.experiments.masking import Measurements
from failsight.tools.stats.intervals import bootstrap, normal_quantile, wilson
from failsight.tools.verdicts import Claim

ASSUMED_SD = (
    0.25  # of a paired effect, before anything was measured: half the range of a score either way is rare
)
POWER = 0.8
Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Share:
    """``count`` of ``n`` with Wilson's interval; ``count`` may be a fraction where draws are averaged."""

    count: float
    n: int

    @property
    def value(self) -> float | None:
        """The share, None of none."""
        return self.count / self.n if self.n else None

    @property
    def ci(self) -> Interval | None:
        """Its 95 % interval."""
        return wilson(self.count, self.n) if self.n else None


@dataclass(frozen=True, slots=True)
class Paired:
    """Summary of a masking test over n pictures."""

    n: int
    effect: float
    ci: Interval
    sd: float
    p: float
    detectable: float | None
    cue_effect: float
    control_effect: float


def detectable_effect(sd: float, n: int, alpha: float) -> float | None:
    """The smallest mean effect that a one-sided test at ``alpha`` over ``n`` pictures sees with 80 % power.

    Normal approximation: (z₁₋α + z₀.₈) · sd / √n (Cohen 1988, 2.4). None for fewer than two pictures."""
    if n < 2 or not math.isfinite(sd):
        return None
    return (normal_quantile(1 - 2 * alpha) + normal_quantile(2 * POWER - 1)) * sd / math.sqrt(n)


def summarise(
    measured: Measurements, *, minimum_effect: float, alpha: float, claim: Claim, seed: int
) -> Paired:
    """Mean paired effect with its bootstrap interval and the sign-flip p-value of the claim.

    The null hypothesis of ``uses`` is that masking the cue costs no more than masking a control (effects symmetric
    about 0); that of ``ignores``, that it costs ``minimum_effect`` more."""
    d = measured.effect
    n = len(d)
    if n < 2:
        mean = float(d.mean()) if n else math.nan
        return Paired(
            n,
            mean,
            (math.nan, math.nan),
            math.nan,
            1.0,
            None,
            _mean(measured.cue_drop),
            _mean(measured.control_drop),
        )
    shifted = d if claim == "uses" else minimum_effect - d
    sd = float(d.std(ddof=1))
    return Paired(
        n=n,
        effect=float(d.mean()),
        ci=bootstrap(d, seed=seed),
        sd=sd,
        p=sign_flip(shifted, seed),
        detectable=detectable_effect(sd, n, alpha),
        cue_effect=_mean(measured.cue_drop),
        control_effect=_mean(measured.control_drop),
    )


def sign_flip(values: Values, seed: int, flips: int = 19_999) -> float:
    n = len(values)
    rng = np.random.default_rng(seed)
    observed = values.sum()
    if n <= 14:
        signs = 1 - 2 * ((np.arange(2**n)[:, None] >> np.arange(n)) & 1)
        return float((signs @ values >= observed - 1e-12).mean())
    signs = 1 - 2 * rng.integers(0, 2, (flips, n), dtype=np.int8)
    return float((1 + (signs @ values >= observed - 1e-12).sum()) / (1 + flips))


def _mean(values: Values) -> float:
    return float(values.mean()) if len(values) else math.nan


def flips(measured: Measurements) -> tuple[Share, Share]:
    """Among pictures that were given the watched class: the share that loses it when the cue, and a control, is masked."""
    given = measured.top_clean == measured.watched
    who = measured.watched[given]
    lost = float((measured.top_cue[given] != who).sum())
    control = float((measured.top_control[given] != who[:, None]).mean(1).sum()) if given.any() else 0.0
    return Share(lost, int(given.sum())), Share(control, int(given.sum()))


def mended(measured: Measurements, labels: npt.NDArray[np.int64]) -> tuple[Share, Share]:
    """Among pictures wrongly given the watched class: the share that turns right when the cue, and a control, is masked.

    Args:
        labels: true class of each measured picture, −1 unknown. (n,)
    """
    wrong = (measured.top_clean == measured.watched) & (labels >= 0) & (labels != measured.top_clean)
    true = labels[wrong]
    fixed = float((measured.top_cue[wrong] == true).sum())
    control = float((measured.top_control[wrong] == true[:, None]).mean(1).sum()) if wrong.any() else 0.0
    return Share(fixed, int(wrong.sum())), Share(control, int(wrong.sum()))
