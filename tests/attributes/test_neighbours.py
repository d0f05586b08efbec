"""Nearest pairs: against brute force, in buckets, and with rows that have no direction."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failsight.tools.attributes.neighbours import nearest_pairs, unit_rows


def brute(features: np.ndarray, k: int) -> set[tuple[int, int]]:
    """Mutual nearest neighbours, each pair compared with all."""
    unit, good = unit_rows(features.astype(np.float32))
    rows = np.flatnonzero(good)
    close = unit[rows].astype(np.float64) @ unit[rows].T.astype(np.float64)
    np.fill_diagonal(close, -9)
    near = np.argsort(-close, axis=1)[:, :k]
    named = {(i, int(j)) for i in range(len(rows)) for j in near[i]}
    return {(int(rows[i]), int(rows[j])) for i, j in named if i < j and (j, i) in named}


@given(st.integers(0, 10_000), st.integers(8, 40), st.integers(1, 5))
@settings(max_examples=25, deadline=None)
def test_exact_search_is_brute_force(seed: int, n: int, k: int) -> None:
    features = np.random.default_rng(seed).normal(size=(n, 6)).astype(np.float32)
    pairs, cosine, cut = nearest_pairs(features, k)
    assert {tuple(p) for p in pairs.tolist()} == brute(features, k)
    assert (np.diff(cosine) <= 1e-6).all()
    assert not cut


def test_planted_copies_are_found_in_buckets_as_well() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(4000, 32)).astype(np.float32)
    planted = [(i, i + 2000) for i in range(300)]
    for i, j in planted:
        features[j] = features[i] + rng.normal(0, 0.05, 32)
    for exact in (10_000, 100):
        pairs, cosine, _ = nearest_pairs(features, 5, seed=1, exact=exact)
        first = {tuple(p) for p in pairs[cosine > 0.97].tolist()}
        assert len(first & set(planted)) / len(planted) >= 0.97
        assert len(first - set(planted)) == 0


def test_the_same_seed_gives_the_same_pairs() -> None:
    features = np.random.default_rng(2).normal(size=(600, 8)).astype(np.float32)
    once, again = (nearest_pairs(features, 3, seed=4, exact=50)[0] for _ in range(2))
    assert np.array_equal(once, again)


@pytest.mark.parametrize("n", [0, 1, 5])
def test_rows_without_a_direction_take_no_part(n: int) -> None:
    same = np.ones((n, 4), np.float32)
    assert len(nearest_pairs(same)[0]) == 0
    missing = np.random.default_rng(0).normal(size=(n + 3, 4)).astype(np.float32)
    missing[0] = np.nan
    assert 0 not in nearest_pairs(missing)[0]
