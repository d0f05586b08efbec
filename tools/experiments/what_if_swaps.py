"""Which cells of one picture, put into another, turn the answer? Greedy search, and random cells as a control.

After Goyal, Wu, Ernst, Batra, Parikh & Lee 2019 (Counterfactual Visual Explanations, ICML, section 3.2), over cells of pixels
instead of cells of a feature map: a cell of a deep map looks at most of the picture, a cell of pixels at itself alone, and
every kind of model can be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.inputs.base import Floats, Pixels
from failsight.tools.inputs.decisions import Thresholds, decide, lead

Score = Callable[[Pixels], Floats]
Ints = npt.NDArray[np.int64]
AHEAD = 4  # cells added to every random draw between two looks at whether it has turned


@dataclass(frozen=True)
class Grid:
    """A picture of (height, width) pixels cut into side × side cells, numbered row by row from the top left."""

    side: int
    height: int
    width: int

    def box(self, cell: int) -> tuple[int, int, int, int]:
        """(y0, x0, y1, x1) in pixels."""
        row, column = divmod(cell, self.side)
        ys = np.rint(np.linspace(0, self.height, self.side + 1)).astype(int)
        xs = np.rint(np.linspace(0, self.width, self.side + 1)).astype(int)
        return int(ys[row]), int(xs[column]), int(ys[row + 1]), int(xs[column + 1])

    @property
    def cells(self) -> int:
        """How many."""
        return self.side * self.side

    def swapped(self, picture: Pixels, other: Pixels, cells: Sequence[int]) -> Pixels:
        """``picture`` with ``cells`` as ``other`` shows them."""
        made = picture.copy()
        for cell in cells:
            y0, x0, y1, x1 = self.box(cell)
            made[y0:y1, x0:x1] = other[y0:y1, x0:x1]
        return made


@dataclass(frozen=True)
class Swap:
    """The cells that turn the answer.

    Attributes:
        cells: in the order in which they were taken, after needless ones were put back.
        scores: (1 + cells, classes) as it is and after each cell.
        picture: with all of them swapped.
        tried: how many pictures the model was shown.
    """

    cells: tuple[int, ...]
    scores: Floats
    picture: Pixels
    tried: int


def greedy(
    picture: Pixels, other: Pixels, grid: Grid, score: Score, target: int, rule: Thresholds = ()
) -> Swap:
    """Take, each time, the cell that raises the score of ``target`` most, until it is the answer; then put back needless ones.

    It ends after all cells at the latest, when the picture has become the other one, whose answer must be ``target``.
    """
    cells: list[int] = []
    tried = 0
    while True:
        left = [c for c in range(grid.cells) if c not in cells]
        pictures = np.stack([grid.swapped(picture, other, [*cells, c]) for c in left])
        scores = score(pictures)
        tried += len(left)
        gains = lead(scores, target, rule)
        at = int(gains.argmax())
        cells.append(left[at])
        if gains[at] > 0 or len(left) == 1:
            break
    cells, more = _pruned(cells, picture, other, grid, score, target, rule)
    steps = [grid.swapped(picture, other, cells[:i]) for i in range(len(cells) + 1)]
    return Swap(tuple(cells), score(np.stack(steps)), steps[-1], tried + more)


def _pruned(
    cells: list[int], picture: Pixels, other: Pixels, grid: Grid, score: Score, target: int, rule: Thresholds
) -> tuple[list[int], int]:
    """Cells without those that the turn does not need, the least needed put back first."""
    tried = 0
    while len(cells) > 1:
        fewer = [[c for c in cells if c != out] for out in cells]
        leads = lead(score(np.stack([grid.swapped(picture, other, f) for f in fewer])), target, rule)
        tried += len(fewer)
        if leads.max() <= 0:
            break
        cells = fewer[int(leads.argmax())]
    return cells, tried


def random_needed(
    picture: Pixels,
    other: Pixels,
    grid: Grid,
    score: Score,
    target: int,
    draws: int,
    seed: Sequence[int],
    advance: Callable[[int], None] | None = None,
    rule: Thresholds = (),
) -> Ints:
    """(draws,) how many cells in random order it takes until ``target`` is the answer for the first time."""
    rng = np.random.default_rng([*seed, 3])
    orders = [rng.permutation(grid.cells) for _ in range(draws)]
    needed = np.full(draws, grid.cells, np.int64)
    running = list(range(draws))
    for start in range(0, grid.cells, AHEAD):
        counts = range(start + 1, min(start + AHEAD, grid.cells) + 1)
        pictures = [grid.swapped(picture, other, orders[d][:c].tolist()) for d in running for c in counts]
        turned = (decide(score(np.stack(pictures)), rule) == target).reshape(len(running), len(counts))
        for d, row in zip(running, turned, strict=True):
            if row.any():
                needed[d] = start + 1 + int(row.argmax())
        before = len(running)
        running = [d for d, row in zip(running, turned, strict=True) if not row.any()]
        if advance is not None:
            advance(before - len(running))
        if not running:
            break
    return needed
