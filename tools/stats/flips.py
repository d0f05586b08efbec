"""Labels of one class given to members of another, told from two classes that are merely hard to tell apart.

Between two classes, the chance of a label is a logistic curve of what is seen, squeezed by two flip rates: members of one class
that carry the other's label, and the other way round (label-noise robust logistic regression: Bootkrajang & Kabán 2012, ECML PKDD,
eq. 2 and 3; in psychophysics, lapses: Wichmann & Hill 2001, Perception & Psychophysics 63:1293, eq. 1). Classes that are hard to tell
apart make the curve flat and leave the rates alone; a tail that is heavier than logistic raises both rates. Who gives one label for
another raises one. So the test is of the difference of the two.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq, minimize
from scipy.special import expit, ndtr

Float = npt.NDArray[np.float64]
Bool = npt.NDArray[np.bool_]

MOST = 0.5  # flip rates are below: beyond, the two labels would have changed their meaning
RIDGE = 1e-3  # on the slopes: without, they grow without end where two classes are told apart perfectly
WIDEST = 25.0  # log odds are cut off here
HALF_WIDTH = 1.9207  # half of the 95 % point of chi squared with one degree of freedom
_LEAST = 1e-3
_EPSILON = 1e-12


@dataclass(frozen=True, slots=True)
class Flips:
    """Flip rates of two labels.

    Attributes:
        rate: share, in [0, 0.5], of the members of ``source`` that carry the label ``given``.
        back: the other way round.
        share: estimated share of the images labelled ``given`` (of these two classes) that are members of ``source``.
        p: one-sided p-value of "``rate`` is not larger than ``back``" (likelihood ratio).
    """

    rate: float
    back: float
    share: float
    p: float


def compare_flips(odds: Float, given: Bool) -> Flips:
    """Do members of the source class carry the given label more often than the other way round?

    Args:
        odds: (n, d) log odds of the source class against the given one, by one or more judges, for all images that carry one of
            the two labels; none of the judges may have learnt from the label that it judges.
        given: (n,) whether the label is the given one; both must occur.

    Raises:
        ValueError: only one of the two labels occurs, or the odds aren't finite.
    """
    x, source = _prepared(odds, given)
    tied = _fit(x, source, gap=0.0)
    free = _fit(x, source, slopes=tied.slopes)
    ratio = max(2 * (tied.loss - free.loss), 0.0)
    below = float(ndtr(-np.sqrt(ratio)))
    member = expit(x @ free.slopes)
    flipped = member * free.rate
    wrong = flipped / np.maximum(flipped + (1 - member) * (1 - free.back), _EPSILON)
    p = below if free.rate > free.back else 1 - below
    return Flips(free.rate, free.back, float(wrong[~source].mean()), p)


def flip_interval(odds: Float, given: Bool) -> tuple[float, float]:
    """95 % profile likelihood interval of ``rate − back``; arguments as for :func:`compare_flips`."""
    x, source = _prepared(odds, given)
    free = _fit(x, source)
    found, limit = free.rate - free.back, free.loss + HALF_WIDTH

    def beyond(gap: float) -> float:
        return _fit(x, source, gap, free.slopes).loss - limit

    low, high = (
        end if beyond(end) <= 0 else float(brentq(beyond, found, end, xtol=1e-3))
        for end in (-MOST + _LEAST, MOST - _LEAST)
    )
    return low, high


def _prepared(odds: Float, given: Bool) -> tuple[Float, Bool]:
    """((n, 1 + d) ones and odds of unit spread, (n,) whether the label is the source's)."""
    x = np.clip(np.asarray(odds, np.float64), -WIDEST, WIDEST)
    if given.all() or not given.any():
        raise ValueError("both labels must occur")
    if not np.isfinite(x).all():
        raise ValueError("odds must be finite")
    spread = x.std(axis=0)
    return np.column_stack([np.ones(len(x)), x / np.where(spread > 0, spread, 1.0)]), ~np.asarray(given, bool)


@dataclass(frozen=True, slots=True)
class _Fit:
    loss: float
    rate: float
    back: float
    slopes: Float


def _fit(x: Float, source: Bool, gap: float | None = None, slopes: Float | None = None) -> _Fit:
    """Most likely slopes and rates, of several starts; with a fixed ``rate − back`` where a gap is given; ``slopes`` to start from."""
    width = x.shape[1]
    first = np.concatenate([np.zeros(1), np.ones(width - 1)]) if slopes is None else slopes
    starts = ((-4.0,), (0.0,)) if gap is not None else ((-4.0, -4.0), (0.0, -4.0), (-4.0, 0.0), (0.0, 0.0))
    limits = [(-60.0, 60.0)] * width + [(-9.0, 9.0)] * len(starts[0])
    steep = 4.0 * first  # squeezed by flips a curve looks flat: there is an optimum on either side of it
    found = [
        minimize(_loss, np.concatenate([begun, start]), (x, source, gap), "L-BFGS-B", jac=True, bounds=limits)
        for begun in (first, steep)
        for start in starts
    ]
    best = min(found, key=lambda f: float(f.fun))
    rate, back, _ = _rates(best.x[width:], gap)
    return _Fit(float(best.fun), rate, back, best.x[:width])


def _rates(hidden: Float, gap: float | None) -> tuple[float, float, Float]:
    """(rate, back, their slopes by what is hidden)."""
    squeezed = expit(hidden)
    if gap is None:
        return float(MOST * squeezed[0]), float(MOST * squeezed[1]), MOST * squeezed * (1 - squeezed)
    room = MOST - abs(gap)
    back = max(0.0, -gap) + room * float(squeezed[0])
    return back + gap, back, room * squeezed * (1 - squeezed)


def _loss(theta: Float, x: Float, source: Bool, gap: float | None) -> tuple[float, Float]:
    """Negative log-likelihood of the labels, and its gradient."""
    width = x.shape[1]
    rate, back, inner = _rates(theta[width:], gap)
    member = expit(x @ theta[:width])
    chance = np.clip(back + member * (1 - rate - back), _EPSILON, 1 - _EPSILON)
    loss = -float(np.log(np.where(source, chance, 1 - chance)).sum())
    by_chance = np.where(source, -1 / chance, 1 / (1 - chance))
    slopes = x.T @ (by_chance * (1 - rate - back) * member * (1 - member))
    by_rates = np.array([float((by_chance * -member).sum()), float((by_chance * (1 - member)).sum())])
    last = by_rates * inner if gap is None else by_rates.sum() * inner
    penalty = RIDGE * np.concatenate([np.zeros(1), theta[1:width]])
    return loss + 0.5 * float(theta[1:width] @ penalty[1:]), np.concatenate([slopes + penalty, last])
