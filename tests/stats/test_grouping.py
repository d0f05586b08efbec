"""Groups of points, and points that matter and differ."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from failsight.tools.stats.grouping import k_means, spread_out, squared_distances


def test_separate_groups_are_found_and_the_seed_decides() -> None:
    rng = np.random.default_rng(0)
    truth = np.array([[0.0, 0.0], [10, 0], [0, 10]])
    x = np.repeat(truth, 30, 0) + rng.normal(0, 0.3, (90, 2))
    centres = k_means(x, 3, seed=1)
    assert np.sqrt(squared_distances(truth, centres).min(1)).max() < 0.3
    assert np.array_equal(centres, k_means(x, 3, seed=1))


def test_fewer_distinct_points_give_fewer_groups() -> None:
    assert len(k_means(np.zeros((5, 2)), 3)) == 1
    assert len(k_means(np.array([[1.0, 2.0]]), 4)) == 1


@given(st.integers(0, 1000), st.integers(1, 30), st.integers(0, 40))
@settings(max_examples=30, deadline=None)
def test_what_is_chosen_is_distinct_and_begins_with_what_matters_most(seed: int, n: int, take: int) -> None:
    rng = np.random.default_rng(seed)
    importance, x = rng.random(n), rng.normal(size=(n, 3))
    chosen = spread_out(importance, x, take)
    assert len(set(chosen.tolist())) == len(chosen) == min(n, take)
    if take:
        assert chosen[0] == importance.argmax()


def test_copies_come_last() -> None:
    x = np.array([[0.0, 0], [0, 0], [5, 0], [0, 5]])
    assert set(spread_out(np.array([1.0, 0.99, 0.5, 0.5]), x, 3).tolist()) == {0, 2, 3}
    assert spread_out(np.ones(4), np.zeros((4, 2)), 4).tolist() == [0, 1, 2, 3]
