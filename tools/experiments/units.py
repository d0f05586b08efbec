"""What counts as one in an experiment with donors: the pictures, and the donors whose piece several pictures get.

A piece that is used many times brings its own luck into every picture that gets it. So intervals and p-values are made with
pictures as units, and again with donors (of cues, of controls): the interval that covers all counts, and the largest p.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Interval
from failsight.tools.stats.intervals import bootstrap

Values = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def by_donor(values: Values, donors: Ints) -> Values:
    """Mean of ``values`` (n, k) over the draws that share a donor (n, k): one value a donor."""
    _, which = np.unique(donors.ravel(), return_inverse=True)
    which = which.ravel()
    made: Values = np.bincount(which, values.ravel()) / np.bincount(which)
    return made


def units_of(draws: Values, donors: Ints) -> list[Values]:
    """The values of each kind of unit: pictures, donors of cues, and donors of controls where these are others.

    Args:
        draws: (n, k) a value for each draw of each picture.
        donors: (n, k, 2) rows that cue and control were cut from.
    """
    made: list[Values] = [draws.mean(1), by_donor(draws, donors[..., 0])]
    if (donors[..., 0] != donors[..., 1]).any():
        made.append(by_donor(draws, donors[..., 1]))
    return made


def covering(units: Sequence[Values], seed: int) -> Interval:
    """The 95 % interval of the mean over pictures (the first of ``units``) that covers those of all kinds of units."""
    centre = float(units[0].mean())
    made = [_interval(u, centre, seed) for u in units]
    return min(low for low, _ in made), max(high for _, high in made)


def _interval(unit: Values, centre: float, seed: int) -> Interval:
    """Bootstrap interval over units, moved so that it lies about the mean over pictures (donors are used unequally often)."""
    if len(unit) < 2:
        return -1.0, 1.0  # one donor says nothing about others
    low, high = bootstrap(unit, seed=seed)
    shift = centre - float(unit.mean())
    return low + shift, high + shift
