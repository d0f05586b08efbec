"""Are the slices found again when the images are split into other halves?

Everything is done anew for each split: the cuts of numbers, the short list, the tests. The splits share their images, so
that this is no replication: it tells whether a finding hangs on the luck of one draw.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from failsight.tools.slice_search import Search
from failsight.tools.view import CaseView

SPLITS = 10
#: images × attribute tuples of one search above which ten more would take longer than a few seconds
MOST_WORK = 1.2e8
#: images in common, of all images of either, for two slices to be the same finding
SAME = 0.5

Masks = Sequence[npt.NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Stability:
    """In how many of ``splits`` other splits each slice was found again."""

    again: tuple[int, ...]
    splits: int


def stability(
    view: CaseView, found: Search, shown: Masks, confirmed: Callable[[Search], Masks], splits: int = SPLITS
) -> Stability | None:
    """Search again in other halves; None where that would take more than a few seconds.

    Args:
        view: for progress.
        found: the search.
        shown: (n,) images of each slice that is reported.
        confirmed: the images of everything that another search confirms.
        splits: how many other splits.
    """
    prepared = found.prepared
    if not shown or len(prepared.labels) * prepared.tuples > MOST_WORK:
        return None
    again = np.zeros(len(shown), int)
    with view.progress.job("Other halves", splits) as ticker:
        for i in range(splits):
            seed = int(np.random.SeedSequence([prepared.settings.seed, 1 + i]).generate_state(1)[0])
            coded, report = prepared.run(seed)
            other = replace(found, attributes=coded, report=report, confirmation=~report.discovery)
            there = confirmed(other)
            again += [any(_same(mine, one) for one in there) for mine in shown]
            ticker.advance()
    return Stability(tuple(int(k) for k in again), splits)


def _same(one: npt.NDArray[np.bool_], other: npt.NDArray[np.bool_]) -> bool:
    return bool((one & other).sum() >= SAME * (one | other).sum())
