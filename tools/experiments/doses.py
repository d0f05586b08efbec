"""More of the cue, more effect? A real cause usually shows a graded effect; this measures the grades.

A dose is a share of the cue's area. Smaller doses lie inside larger ones, and grow from a place in the cue that is drawn
for each picture, so that no part of it is favoured. Controls are dosed in the same shape.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Fact, Interval, Table
from failsight.tools.experiments.patches import Patch, Patches
from failsight.tools.experiments.units import covering, units_of
from failsight.tools.stats.tests import sign_flip
from failsight.tools.text import bounds, interval, number, p_value

MOST_IMAGES, MOST_DRAWS = 100, 2  # smaller doses are measured on so many images, with so many draws each
RESAMPLES = 20_000
Dose = Annotated[float, Field(gt=0, le=1)]
Doses = tuple[float, ...]
Values = npt.NDArray[np.float64]


def check_doses(doses: Sequence[float]) -> Doses:
    """Ascending, without repetition, with the whole cue (1) at the end; empty stays empty.

    Raises:
        RetryError: a dose is not a share in (0, 1].
    """
    if not all(0 < d <= 1 for d in doses):
        raise RetryError(
            "doses: each is a share of the cue's area, above 0 and at most 1, such as 0.25, 0.5, 0.75."
        )
    return tuple(sorted({*map(float, doses), 1.0})) if doses else ()


def grown(patch: Patch, dose: float, anchor: tuple[float, float]) -> Patch:
    """The part of ``patch`` with ``dose`` of its area (at least one pixel) that grows from ``anchor``.

    Args:
        dose: share of the area, in (0, 1].
        anchor: (down, across) in [0, 1]²: where in the patch's bounding box it starts. Doses from one anchor are nested.
    """
    if dose >= 1:
        return patch
    height, width = patch.y1 - patch.y0, patch.x1 - patch.x0
    # the smallest scale at which a window around the anchor, shaped like the bounding box, covers each pixel
    reach = np.maximum(_reach(height, anchor[0])[:, None], _reach(width, anchor[1])[None])
    if patch.shape is not None:
        reach = np.where(patch.shape, reach, np.inf)
    count = max(1, round(dose * patch.area))
    chosen = np.zeros(reach.size, bool)
    chosen[np.argsort(reach.ravel(), kind="stable")[:count]] = True
    return Patch(patch.y0, patch.x0, patch.y1, patch.x1, chosen.reshape(height, width))


def _reach(length: int, anchor: float) -> Values:
    """Per position along one side: the scale in [0, 1] at which a window that grows from ``anchor`` reaches it."""
    at, start = (np.arange(length) + 0.5) / length, min(max(anchor, 1e-9), 1 - 1e-9)
    made: Values = np.where(at < start, 1 - at / start, (at - start) / (1 - start))
    return made


def dosed(patches: Patches, dose: float, anchor: tuple[float, float]) -> Patches:
    """Every part of a region at the same dose."""
    return patches if dose >= 1 else tuple(grown(p, dose, anchor) for p in patches)


@dataclass(frozen=True)
class Response:
    """What each dose did to the same n pictures.

    Attributes:
        doses: ascending. (L,)
        cue, control: change of the score by the cue and by its controls, in the direction that is claimed. (n, L)
        draws: paired effect of each draw, where pieces come from donors, (n, k, L); ``donors``: their rows, (n, k, 2).
    """

    doses: Doses
    cue: Values
    control: Values
    draws: Values | None = None
    donors: npt.NDArray[np.int64] | None = None

    @property
    def effect(self) -> Values:
        """Paired effect, cue minus control. (n, L)"""
        made: Values = self.cue - self.control
        return made

    def units(self, weights: Values) -> list[Values]:
        """Weighted sums of the effects of the doses (L,), for each kind of unit: pictures, and donors where there are any."""
        if self.draws is None or self.donors is None:
            return [self.effect @ weights]
        return units_of(self.draws @ weights, self.donors)

    def interval(self, at: int, seed: int) -> Interval | None:
        """The 95 % interval of the effect of one dose, made as that of the whole experiment; None for a single picture."""
        return covering(self.units(np.eye(len(self.doses))[at]), seed) if len(self.cue) > 1 else None


@dataclass(frozen=True, slots=True)
class Gradient:
    """How the paired effect grows with the dose.

    Attributes:
        slope: mean over pictures of the slope of effect over dose: points from nothing to the whole cue, were it straight.
        ci: its 95 % interval.
        p: one-sided permutation p-value that the slopes are symmetric about zero (signs flipped picture by picture).
        monotone: whether the mean effect never falls from one dose to the next.
    """

    slope: float
    ci: Interval
    p: float
    monotone: bool


def gradient(response: Response, seed: int) -> Gradient | None:
    """The trend over doses; None for fewer than two doses or pictures.

    Every picture gives one least-squares slope. If the dose did not matter, a picture's slope would be as likely
    positive as negative: that is tested, with pictures as the units (the doses of one picture are not independent) and with
    donors where there are any: the largest p counts, and the interval that covers all.
    """
    d, effect = np.array(response.doses), response.effect
    if len(d) < 2 or len(effect) < 2:
        return None
    centred = d - d.mean()
    units = response.units(centred / float(centred @ centred))
    means = effect.mean(0)
    return Gradient(
        float(units[0].mean()),
        covering(units, seed),
        max(sign_flip(u, "greater", resamples=RESAMPLES, seed=seed) for u in units),
        bool((np.diff(means) >= -1e-9).all()),
    )


def facts(response: Response | None, seed: int) -> tuple[Fact, ...]:
    """The effect of every dose, and the trend, as facts; none without doses."""
    if response is None or not len(response.effect):
        return ()
    n = len(response.effect)
    made = []
    for i, dose in enumerate(response.doses):
        effect = response.effect[:, i]
        ci = response.interval(i, seed)
        made.append(Fact("effect", float(effect.mean()), "points", f"dose {number(dose)}", ci, n))
    found = gradient(response, seed)
    if found is not None:
        made += [
            Fact("dose_slope", found.slope, "points", ci=found.ci, n=n),
            Fact("dose_p", found.p, "score", n=n),
            Fact("dose_monotone", found.monotone, "text", n=n),
        ]
    return tuple(made)


def table(response: Response | None, seed: int, verb: str) -> tuple[Table, ...]:
    """Effects by dose. ``verb``: what is done with the cue, ``covered`` or ``added``."""
    if response is None or not len(response.effect):
        return ()
    rows = []
    for i, dose in enumerate(response.doses):
        effect = response.effect[:, i]
        told = interval(response.interval(i, seed), "points")
        rows.append(
            (
                dose,
                float(effect.mean()),
                told,
                float(response.cue[:, i].mean()),
                float(response.control[:, i].mean()),
            )
        )
    return (
        Table(
            "Effect by dose",
            (f"share of the cue {verb}", "effect", "95 % interval", "by the cue", "by the control"),
            tuple(rows),
            ("share", "points", "text", "points", "points"),
            f"{len(response.effect):,} images, the same for every dose.",
        ),
    )


def sentence(response: Response | None, seed: int) -> str:
    """The trend in one sentence; empty without one."""
    found = gradient(response, seed) if response is not None else None
    if found is None or not math.isfinite(found.slope):
        return ""
    low, high = found.ci
    told = "the effect grows" if low > 0 else "the effect falls" if high < 0 else "the effect does not change"
    if low > 0 and not found.monotone:
        told += ", though not from each dose to the next"
    return (
        f" With more of it {told}: slope {number(found.slope, 'points')} {bounds(found.ci, 'points')}, "
        f"p {p_value(found.p)}."
    )


def subset(n: int, seed: int) -> npt.NDArray[np.int64]:
    """Which of n pictures get the smaller doses: a seeded sample, ascending."""
    if n <= MOST_IMAGES:
        return np.arange(n, dtype=np.int64)
    rng = np.random.default_rng([seed, n, 25])
    return np.sort(rng.choice(n, MOST_IMAGES, replace=False)).astype(np.int64)
