"""The panel of cues for two classes side by side: what serves for both, and what for one alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Interval
from failsight.tools.experiments.cues.effects import Effect, effects
from failsight.tools.experiments.cues.panel import Cue, Panel
from failsight.tools.experiments.cues.sample import Sample
from failsight.tools.inputs.base import Split
from failsight.tools.stats.intervals import difference_interval
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.text import clean, counted
from failsight.tools.view import CaseView

FEWEST = 8  # images of a class with a cue, below which nothing is said
LEVEL = 0.05
Serves = Literal["both", "first", "second", "undetermined"]


@dataclass(frozen=True, slots=True)
class Shared:
    """One cue for two classes. Effects: fall of a class's score by the cue's loss beyond its control's, in [−1, 1].

    Attributes:
        first, second: the effect among images of either class; None where too few show the cue.
        difference, ci: first − second; nan where one is None.
        p, q: two-sided Welch test of the difference; q over all cues.
        minimum: smallest effect, and smallest difference, that counts.
    """

    cue: Cue
    first: Effect | None
    second: Effect | None
    difference: float
    ci: Interval
    p: float
    minimum: float
    q: float = 1.0

    @property
    def differs(self) -> bool:
        """Whether the cue weighs more for one class than for the other, all cues considered."""
        return self.q <= LEVEL and abs(self.difference) >= self.minimum

    @property
    def serves(self) -> Serves:
        """For which class the cue serves, as far as this many images tell."""
        first, second = (
            e is not None and e.clear and e.effect >= self.minimum for e in (self.first, self.second)
        )
        if first and second:
            return "both"
        if first and self.differs and self.difference > 0:
            return "first"
        if second and self.differs and self.difference < 0:
            return "second"
        return "undetermined"


def draw_pair(view: CaseView, split: Split, pair: tuple[int, int], most: int) -> Sample:
    """Rightly predicted images of two classes, equally many of each; without labels, images predicted so.

    Raises:
        RetryError: too few of one of them.
    """
    made = view.predictions(split)
    labelled = bool(made.labelled.any())
    fit = made.correct if labelled else np.ones(len(made), bool)
    piles = [np.flatnonzero(fit & (made.predicted == c)) for c in pair]
    for c, pile in zip(pair, piles, strict=True):
        if len(pile) < FEWEST:
            rightly = " rightly" if labelled else ""
            raise RetryError(
                f"Only {counted(len(pile), 'image is', 'images are')}{rightly} called {clean(made.classes[c], 60)}: too few to see what it depends on."
            )
    share = min(most // 2, *(len(p) for p in piles))
    at = np.sort(
        np.concatenate(
            [
                np.random.default_rng([view.seed, 13, c]).permutation(p)[:share]
                for c, p in zip(pair, piles, strict=True)
            ]
        )
    )
    return Sample(
        split,
        made.rows[at],
        made.predicted[at],
        np.zeros(len(at), bool),
        made.scores[at],
        labelled,
        sum(map(len, piles)),
    )


def by_class(
    panel: Panel,
    watched: npt.NDArray[np.int64],
    cues: Sequence[Cue],
    pair: tuple[int, int],
    minimum: float,
    seed: int,
) -> list[Shared]:
    """Every cue that enough images of either class show, corrected together."""
    known = {(e.cue.name, e.group): e for e in effects(panel, watched, cues, pair, seed) if e.group in pair}
    made = []
    for j, cue in enumerate(cues):
        one, two = known.get((cue.name, pair[0])), known.get((cue.name, pair[1]))
        if one is None and two is None:
            continue
        gaps = [panel.effect[(watched == c) & np.isfinite(panel.effect[:, j]), j] for c in pair]
        if one is None or two is None:
            made.append(Shared(cue, one, two, float("nan"), (float("nan"), float("nan")), 1.0, minimum))
            continue
        made.append(
            Shared(cue, one, two, one.effect - two.effect, difference_interval(*gaps), _welch(*gaps), minimum)
        )
    q = benjamini_hochberg([m.p for m in made]).tolist() if made else []
    return [replace(m, q=float(x)) for m, x in zip(made, q, strict=True)]


def _welch(first: npt.NDArray[np.float64], second: npt.NDArray[np.float64]) -> float:
    """Two-sided p that two independent means are equal; 1 where nothing varies and they are."""
    va, vb = first.var(ddof=1) / len(first), second.var(ddof=1) / len(second)
    gap = float(first.mean() - second.mean())
    if va + vb <= 0:
        return 1.0 if gap == 0 else 0.0
    from scipy.special import stdtr

    freedom = (va + vb) ** 2 / (va**2 / (len(first) - 1) + vb**2 / (len(second) - 1))
    return float(min(1.0, 2 * stdtr(freedom, -abs(gap) / np.sqrt(va + vb))))
