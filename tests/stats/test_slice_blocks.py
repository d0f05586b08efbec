"""Triples counted several at a time: every triple that can be is in a block, and the counts are those of single passes."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failsight.tools.stats.slices import CountCache, Counts, blocks, count_conjunctions
from failsight.tools.stats.slices.blocks import Marginals, plan_blocks


@given(st.lists(st.integers(1, 13), min_size=3, max_size=12), st.integers(1, 5000), st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_a_plan_holds_every_triple_that_a_block_of_four_has_room_for(
    sizes: list[int], most: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    triples = [t for t in combinations(range(len(sizes)), 3) if rng.random() < 0.7]
    made = plan_blocks(sizes, triples, most)
    held = {t for block in made for t in combinations(block, 3)}
    for block in made:
        assert list(block) == sorted(set(block)) and len(block) >= 4
        assert np.prod([sizes[a] for a in block]) <= most
    for t in set(triples) - held:  # nothing that fits beside it was still wanted
        cells = np.prod([sizes[a] for a in t])
        for j in set(range(len(sizes))) - set(t):
            wider = combinations(sorted((*t, j)), 3)
            assert cells * sizes[j] > most or not (set(wider) - {t}) & (set(triples) - held)


def test_few_values_need_few_blocks() -> None:
    assert plan_blocks([2] * 7, combinations(range(7), 3), 128) == [tuple(range(7))]
    assert len(plan_blocks([2] * 8, combinations(range(8), 3), 128)) < 56 / 7  # 56 triples, one by one


def test_marginals_are_the_sums_over_the_other_attributes() -> None:
    rng = np.random.default_rng(4)
    joint = rng.integers(0, 9, (2, 3 * 2 * 4 * 5))
    made = Marginals((1, 4, 5, 9), (3, 2, 4, 5), joint)
    cube = joint.reshape(2, 3, 2, 4, 5)
    assert np.array_equal(made.of((1, 5, 9)), cube.sum(axis=2))
    assert np.array_equal(made.of((4,)), cube.sum(axis=(1, 3, 4)))


def _as_rows(counts: Counts) -> list[tuple[object, ...]]:
    rows = []
    for i in range(len(counts)):
        parents = [counts.conjunction(int(p)).conditions if p >= 0 else () for p in counts.parents[i]]
        figures = (counts.support[i], counts.n[i], counts.total[i], counts.expected[i])
        rows.append((counts.conjunction(i).conditions, *figures, *parents))
    return rows


@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("with_expected", [True, False])
def test_blocks_change_no_count(monkeypatch: pytest.MonkeyPatch, binary: bool, with_expected: bool) -> None:
    """Also where pairs are recoded, values missing or rare, and one attribute too wide for any block."""
    rng = np.random.default_rng(11)
    n = 6000
    codes = np.stack([rng.integers(-1, k, n) for k in (2, 3, 2, 5, 4, 3, 40, 260)], axis=1)
    target = (rng.random(n) < 0.2).astype(float) if binary else rng.integers(0, 64, n) / 64
    given_rows = {
        "rows": rng.random(n) < 0.5,
        "expected": rng.integers(0, 64, n) / 64 if with_expected else None,
    }
    monkeypatch.setattr(blocks, "ROWS_A_CELL", 4)
    together = _as_rows(count_conjunctions(codes, target, min_support=7, **given_rows))
    monkeypatch.setattr(blocks, "MOST_CELLS", 0)
    assert together == _as_rows(count_conjunctions(codes, target, min_support=7, **given_rows))
    assert len(together) > 1000


def test_what_was_counted_in_blocks_is_found_again_and_only_the_new_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(12)
    codes = np.stack([rng.integers(0, k, 5000) for k in (2, 3, 2, 4, 3, 2, 3)], axis=1)
    target = (rng.random(5000) < 0.2).astype(float)
    cache = CountCache()
    count_conjunctions(codes[:, :6], target, min_support=10, cache=cache)
    before = cache.counted
    assert before == 15 + 20
    made = count_conjunctions(codes, target, min_support=10, cache=cache)
    assert cache.counted - before == 6 + 15 and cache.reused == 15 + 20
    monkeypatch.setattr(blocks, "MOST_CELLS", 0)
    assert _as_rows(made) == _as_rows(count_conjunctions(codes, target, min_support=10))
