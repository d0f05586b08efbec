"""Many triples out of one pass over the rows.

A joint table of five or six attributes holds the counts of ten or twenty triples as its marginals. So rows are counted
once for each block of attributes instead of once for each triple, as long as a block's cells stay few beside the rows
(and in the processor's cache). Blocks are chosen greedily until every triple lies in one: a covering design in the
sense of Gordon, Kuperberg and Patashnik 1995 ("New constructions for covering designs"), over attributes of unlike size.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations, permutations
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from failsight.tools.stats.slices.model import Int

Triple = tuple[int, int, int]
Block = tuple[int, ...]
Array = TypeVar("Array", bound=NDArray[Any])
#: cells of a joint table: at most so many, and at most one for so many rows
MOST_CELLS, ROWS_A_CELL = 32_768, 16
#: fewest attributes for which a block saves anything
SMALLEST = 4


def most_cells(rows: int) -> int:
    """Cells that a joint table over so many rows may have."""
    return min(MOST_CELLS, rows // ROWS_A_CELL)


def plan_blocks(sizes: Sequence[int], triples: Iterable[Triple], most: int) -> list[Block]:
    """Blocks of at least four attributes that hold as many of the triples as they can.

    Args:
        sizes: cells of each attribute.
        triples: ascending attribute positions that must be counted.
        most: cells that a block may have.

    Returns:
        ascending attribute positions of each block, in lexicographic order; triples in none are best counted alone.
    """
    size = np.asarray(sizes, np.int64)
    wanted = sorted(triples, key=lambda t: -int(np.prod(size[list(t)])))
    open_ = np.zeros((len(size),) * 3, bool)
    for triple in wanted:
        _mark(open_, triple, True)
    blocks: list[Block] = []
    for triple in wanted:
        if not open_[triple]:
            continue
        block = _grown(triple, size, open_, most)
        if len(block) < SMALLEST:
            continue
        blocks.append(block)
        for inner in combinations(block, 3):
            _mark(open_, inner, False)
    return sorted(blocks)


def _grown(triple: Triple, size: Int, open_: NDArray[np.bool_], most: int) -> Block:
    """The triple with attributes added while there is room, each time the one that brings most triples for its size."""
    block, cells = list(triple), int(np.prod(size[list(triple)]))
    while True:
        fits = size * cells <= most
        fits[block] = False
        left, right = np.array(list(combinations(block, 2))).T
        gain = open_[left, right].sum(axis=0) * fits
        if not gain.any():
            return tuple(sorted(block))
        j = int(np.argmax(gain / np.log(np.maximum(size, 2))))
        block.append(j)
        cells *= int(size[j])


def _mark(open_: NDArray[np.bool_], triple: Sequence[int], value: bool) -> None:
    for order in permutations(triple):
        open_[order] = value


class Marginals(Generic[Array]):
    """Joint counts of a block, and the sums over all but some of its attributes.

    Args:
        block: its attributes, ascending.
        sizes: cells of each.
        joint: (k, cells) k counts over the mixed-radix code of the block, the last attribute running fastest.
    """

    def __init__(self, block: Block, sizes: Sequence[int], joint: Array) -> None:
        self.sizes = dict(zip(block, sizes, strict=True))
        self._made: dict[Block, Any] = {block: joint.reshape(len(joint), *sizes)}
        self._whole = block

    def of(self, attributes: Block) -> Array:
        """(k, cells of each attribute …) counts of some of the block's attributes."""
        if attributes not in self._made:
            # The greatest of the others is summed out last before: what is left is smallest, and shared most.
            rest = [a for a in self._whole if a not in attributes]
            extra = min(rest, key=lambda a: (self.sizes[a], a))
            wider = tuple(sorted((*attributes, extra)))
            self._made[attributes] = self.of(wider).sum(axis=1 + wider.index(extra))
        found: Array = self._made[attributes]
        return found
