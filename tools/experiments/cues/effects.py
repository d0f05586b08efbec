"""What the panel says of each cue, over all images and class by class: effect, interval, flips, p and q."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Interval
from failsight.tools.experiments.cues.panel import Cue, Panel
from failsight.tools.stats.intervals import bootstrap, mean_interval
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.stats.tests import sign_flip

Values = npt.NDArray[np.float64]
FEWEST = 8  # images below which nothing is said
LEVEL = 0.05  # of the corrected p, from which an effect is called more than its control's
RESAMPLES = 10_000


@dataclass(frozen=True, slots=True)
class Effect:
    """One cue in one group of images; falls are differences of scores, positive when the score falls.

    Attributes:
        group: class index; −1 for all images.
        effect: mean of fall − control, with its interval.
        p: one-sided sign-flip p of no more than the control; q over the whole panel.
    """

    cue: Cue
    group: int
    n: int
    fall: float
    fall_ci: Interval
    control: float
    control_ci: Interval
    effect: float
    ci: Interval
    flip: float
    control_flip: float
    p: float
    q: float = 1.0

    @property
    def clear(self) -> bool:
        """Whether the cue costs more than its control, after correction."""
        return self.q <= LEVEL and self.effect > 0


def effects(
    panel: Panel, watched: npt.NDArray[np.int64], cues: Sequence[Cue], classes: Sequence[int], seed: int
) -> list[Effect]:
    """Every cue over all images, then class by class; corrected together (Benjamini–Hochberg)."""
    made = []
    for group in (-1, *classes):
        inside = np.ones(len(watched), bool) if group < 0 else watched == group
        for j, cue in enumerate(cues):
            part = inside & np.isfinite(panel.effect[:, j])
            if int(part.sum()) >= FEWEST:
                made.append(_one(panel, cue, j, group, part, seed))
    qs = benjamini_hochberg([e.p for e in made]).tolist() if made else []
    return [replace(e, q=q) for e, q in zip(made, qs, strict=True)]


def _one(panel: Panel, cue: Cue, j: int, group: int, part: npt.NDArray[np.bool_], seed: int) -> Effect:
    fall, control = panel.fall[part, j], panel.control[part, j]
    gap = fall - control
    return Effect(
        cue=cue,
        group=group,
        n=len(gap),
        fall=float(fall.mean()),
        fall_ci=mean_interval(fall),
        control=float(control.mean()),
        control_ci=mean_interval(control),
        effect=float(gap.mean()),
        ci=bootstrap(gap, seed=seed, resamples=1000),
        flip=float(panel.flip[part, j].mean()),
        control_flip=float(panel.control_flip[part, j].mean()),
        p=sign_flip(gap, "greater", resamples=RESAMPLES, seed=seed),
    )
