"""Are the slices found again when the images are split into other halves?

Everything is done anew for each split: the cuts of numbers, the short list, the tests. The splits share their images, so
that this is no replication: it tells whether a finding hangs on the luck of one draw.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from failsight.tools.slices.search import Search
from failsight.tools.view import CaseView

MOST, FEWEST = 10, 3  # other splits
SECONDS = 3.0  # that all of them may take, by the estimate below
# seconds: of each attribute tuple, of each image in it, of each conjunction
TUPLE, ROW, CONJUNCTION = 6e-5, 3e-9, 1e-6
SHARED = (
    0.5  # share of a slice's target that slices found elsewhere must hold, each of them as much inside it
)

Masks = Sequence[npt.NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Stability:
    """In how many of ``splits`` other splits each slice was found again."""

    again: tuple[int, ...]
    splits: int


def affordable(found: Search) -> int:
    """How many other splits may be tried: fewer where one takes long, 0 where not even a few can."""
    prepared = found.prepared
    cost = prepared.tuples * (TUPLE + ROW * len(prepared.labels)) + CONJUNCTION * found.report.examined
    splits = min(MOST, int(SECONDS / max(cost, 1e-9)))
    return splits if splits >= FEWEST else 0


def stability(
    view: CaseView, found: Search, shown: Masks, confirmed: Callable[[Search], Masks]
) -> Stability | None:
    """Search again in other halves; None where that would take more than a few seconds.

    A slice is found again where slices confirmed there, each mostly inside it, hold half of its errors: it may be found
    whole or in parts.

    Args:
        view: for progress.
        found: the search.
        shown: (n,) images of each slice that is reported.
        confirmed: the images of everything that another search confirms.
    """
    splits = affordable(found) if shown else 0
    if not splits:
        return None
    again = np.zeros(len(shown), int)
    with view.progress.job("Other halves", splits) as ticker:
        for i in range(splits):
            seed = int(np.random.SeedSequence([found.prepared.settings.seed, 1 + i]).generate_state(1)[0])
            coded, report = found.prepared.run(seed)
            other = replace(found, attributes=coded, report=report, confirmation=~report.discovery)
            there = confirmed(other)
            again += [_found(mine, there, found.target) for mine in shown]
            ticker.advance()
    return Stability(tuple(int(k) for k in again), splits)


def _found(mine: npt.NDArray[np.bool_], there: Masks, target: npt.NDArray[np.float64]) -> bool:
    parts = [one for one in there if (one & mine).sum() >= SHARED * one.sum()]
    if not parts:
        return False
    return bool(target[np.any(parts, axis=0) & mine].sum() >= SHARED * target[mine].sum())
