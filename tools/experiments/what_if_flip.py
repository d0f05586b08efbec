"""At which strength of an edit does the answer turn? A ladder of strengths, then bisection of the first rung that turns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.experiments.what_if_edits import Edit, Kind, ladder
from failsight.tools.inputs.base import Floats, Pixels
from failsight.tools.inputs.decisions import Thresholds, decide, decide_one

Score = Callable[[Pixels], Floats]
RUNGS = 20
FINE = 7  # strengths between two rungs, twice: a rung is cut into 64
Strengths = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Flip:
    """Where the answer turns.

    Attributes:
        strength: the weakest strength seen (from the neutral one outwards) with another answer.
        before: the strongest weaker one with the old answer.
        to: index of the new answer.
        scores: (classes,) there.
        picture: the picture there.
    """

    strength: float
    before: float
    to: int
    scores: Floats
    picture: Pixels


@dataclass(frozen=True)
class Curve:
    """What an edit does at every strength.

    Attributes:
        strengths: (n,) ascending.
        scores: (n, classes).
        flips: the nearest turn on the weaker and on the stronger side of neutral; either may be missing.
    """

    kind: Kind
    strengths: Strengths
    scores: Floats
    flips: tuple[Flip, ...]

    @property
    def nearest(self) -> Flip | None:
        """The turn that needs the smallest share of the knob's range on its side."""
        return min(self.flips, key=lambda f: self.share(f.strength), default=None)

    def share(self, strength: float) -> float:
        """How far the knob is turned, as a share of the way to the end on that side."""
        end = self.kind.high if strength > self.kind.neutral else self.kind.low
        return abs(strength - self.kind.neutral) / abs(end - self.kind.neutral)


def curve(
    edit: Edit,
    picture: Pixels,
    score: Score,
    answer: int,
    seed: int,
    rungs: int = RUNGS,
    rule: Thresholds = (),
) -> Curve:
    """Scores of ``picture`` over the whole range of a graded edit, and where the answer is no longer ``answer``.

    The first turn from neutral outwards is bisected; a turn and return between two rungs may go unseen.
    """
    assert edit.kind is not None
    strengths = ladder(edit.kind, rungs)
    scores = score(np.stack([edit.apply(picture, seed, s) for s in strengths]))
    flips = []
    for side in (-1, 1):
        outwards = np.flatnonzero(np.sign(strengths - edit.kind.neutral) == side)[::side]
        start = int(np.argmin(np.abs(strengths - edit.kind.neutral)))
        path = np.concatenate([[start], outwards]).astype(np.int64)
        turned = np.flatnonzero(decide(scores[path], rule) != answer)
        if len(turned) and turned[0] > 0:
            before, after = (int(path[turned[0] - back]) for back in (1, 0))
            seen = edit.apply(picture, seed, float(strengths[after]))
            first = Flip(
                float(strengths[after]),
                float(strengths[before]),
                decide_one(scores[after], rule),
                scores[after],
                seen,
            )
            flips.append(_bisect(edit, picture, score, answer, seed, first, rule))
    return Curve(edit.kind, strengths, scores, tuple(flips))


def _bisect(
    edit: Edit, picture: Pixels, score: Score, answer: int, seed: int, found: Flip, rule: Thresholds
) -> Flip:
    """The turn that lies between ``found.before``, with the old answer, and ``found.strength``, without."""
    for _ in range(2):
        between = _rungs(edit, found.before, found.strength)
        pictures = np.stack([edit.apply(picture, seed, s) for s in between])
        scores = score(pictures)
        turned = np.flatnonzero(decide(scores, rule) != answer)
        if not len(turned):  # a tie that falls the other way in another batch
            break
        at = int(turned[0])
        before = float(between[at - 1]) if at else found.before
        found = Flip(float(between[at]), before, decide_one(scores[at], rule), scores[at], pictures[at])
        if len(between) < FINE + 1:
            break
    return found


def _rungs(edit: Edit, before: float, after: float) -> Sequence[float]:
    """Strengths after ``before`` up to and with ``after``; whole numbers where the knob has no others."""
    made = np.linspace(before, after, FINE + 2)[1:]
    if edit.kind is not None and edit.kind.whole:
        made = np.unique(np.rint(made))[:: 1 if after > before else -1]
        made = np.array([m for m in made if m != before] or [after])
    return [float(m) for m in made]
