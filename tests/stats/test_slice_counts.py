"""Counts of all conjunctions against brute force, and SliceLine's list from these counts."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failsight.tools.stats.slices import Conjunction, Counts, count_conjunctions, sliceline_score, top
from failsight.tools.stats.slices.score import excess_rate, z_outside, z_parents

from .tables import attributes, errors, held


def as_dict(counts: Counts) -> dict[tuple[tuple[int, int], ...], tuple[int, int, float]]:
    return {
        counts.conjunction(i).conditions: (int(counts.support[i]), int(counts.n[i]), float(counts.total[i]))
        for i in range(len(counts))
    }


def brute_force(
    codes: np.ndarray, target: np.ndarray, floor: int, depth: int, rows: np.ndarray
) -> dict[tuple[tuple[int, int], ...], tuple[int, int, float]]:
    found = {}
    for size in range(1, depth + 1):
        for columns in itertools.combinations(range(codes.shape[1]), size):
            for values in itertools.product(*(range(codes[:, c].max(initial=-1) + 1) for c in columns)):
                conditions = tuple(zip(columns, values, strict=True))
                mask = held(codes, conditions)
                if mask.sum() >= floor:
                    found[conditions] = (
                        int(mask.sum()),
                        int((mask & rows).sum()),
                        float(target[mask & rows].sum()),
                    )
    return found


@given(st.integers(0, 10**6), st.integers(1, 250), st.integers(1, 5), st.integers(1, 3), st.booleans())
@settings(max_examples=60, deadline=None)
def test_every_conjunction_is_counted_exactly(
    seed: int, n: int, width: int, depth: int, binary: bool
) -> None:
    """With missing values, values without rows, few rows, and a target looked at on some rows only."""
    rng = np.random.default_rng(seed)
    codes = np.stack([rng.integers(-1, rng.integers(1, 7), n) for _ in range(width)], axis=1)
    target = errors(rng, np.full(n, 0.3)) if binary else rng.random(n)
    rows = rng.random(n) < 0.5
    floor = int(rng.integers(1, 12))
    counts = count_conjunctions(codes, target, min_support=floor, depth=depth, rows=rows)
    expected = brute_force(codes, target, floor, depth, rows)
    found = as_dict(counts)
    assert found.keys() == expected.keys()
    for conditions, figures in expected.items():
        assert found[conditions] == pytest.approx(figures)


@pytest.mark.parametrize("wide", [40, 300])
def test_many_values_are_recoded_without_loss(wide: int) -> None:
    """Cardinalities whose products are too large to count cell by cell."""
    rng = np.random.default_rng(wide)
    codes = np.stack([np.minimum(rng.geometric(3 / wide, 900) - 1, wide - 1) for _ in range(4)], axis=1)
    codes[:, 1] = codes[:, 0] // 2
    target = errors(rng, np.full(900, 0.2))
    counts = count_conjunctions(codes, target, min_support=9)
    everything = np.ones(900, bool)
    small = brute_force(np.minimum(codes, 60), target, 9, 2, everything)
    found = as_dict(counts)
    for conditions, figures in small.items():
        if all(v < 60 for _, v in conditions):
            assert found[conditions] == pytest.approx(figures)
    for conditions, figures in itertools.islice(found.items(), 0, None, 7):
        mask = held(codes, conditions)
        assert figures == pytest.approx((mask.sum(), mask.sum(), target[mask].sum()))


def test_parents_point_at_the_conjunctions_with_one_condition_less() -> None:
    rng = np.random.default_rng(2)
    codes = attributes(rng, 600, [3, 4, 2, 5])
    counts = count_conjunctions(codes, errors(rng, np.full(600, 0.3)), min_support=5)
    deep = np.flatnonzero(counts.depth == 3)
    assert len(deep) > 20
    for i in range(len(counts)):
        parents = [counts.conjunction(int(p)) for p in counts.parents[i] if p >= 0]
        assert parents == list(counts.conjunction(i).parents())


def test_expected_sums_follow_the_rows() -> None:
    rng = np.random.default_rng(3)
    codes = attributes(rng, 500, [3, 4])
    target = errors(rng, np.full(500, 0.3))
    expected = rng.random(500)
    rows = rng.random(500) < 0.5
    counts = count_conjunctions(codes, target, min_support=5, rows=rows, expected=expected)
    for i in range(len(counts)):
        mask = held(codes, counts.conjunction(i).conditions) & rows
        assert counts.expected[i] == pytest.approx(expected[mask].sum())
    plain = count_conjunctions(codes, target, min_support=5, rows=rows)
    assert plain.expected == pytest.approx(plain.n * target[rows].mean())


def test_scores_of_a_hand_computed_table() -> None:
    """20 rows, 10 errors; a = 1 holds 10 rows with 8 errors, of which b = 1 holds 5 with 5."""
    codes = np.array([[1, 1]] * 5 + [[1, 0]] * 5 + [[0, 1]] * 5 + [[0, 0]] * 5)
    target = np.array([1] * 5 + [1, 1, 1, 0, 0] + [1, 0, 0, 0, 0] + [1, 0, 0, 0, 0], float)
    counts = count_conjunctions(codes, target, min_support=1)
    place = {counts.conjunction(i).conditions: i for i in range(len(counts))}
    single, pair = place[((0, 1),)], place[((0, 1), (1, 1))]
    assert excess_rate(counts)[single] == pytest.approx(0.3)
    # variance under the null: n p (1 − p) (1 − n / N) = 10 · 0.25 · 0.5
    assert z_outside(counts, rows=20, variance=None)[single] == pytest.approx(3 / np.sqrt(1.25))
    # against the rest of a = 1: 5/5 against 3/5 at pooled 0.8; against the rest of b = 1: 5/5 against 1/5 at 0.6
    z_a = 0.4 / np.sqrt(0.16 * (1 / 5 + 1 / 5))
    z_b = 0.8 / np.sqrt(0.24 * (1 / 5 + 1 / 5))
    assert z_parents(counts, variance=None)[pair] == pytest.approx(min(z_a, z_b))
    assert z_parents(counts, variance=None)[single] == np.inf


def test_a_condition_that_excludes_nobody_adds_nothing() -> None:
    codes = np.column_stack([np.arange(40) % 2, np.zeros(40, int)])
    target = (codes[:, 0] == 1).astype(float)
    counts = count_conjunctions(codes, target, min_support=1)
    pair = [i for i in range(len(counts)) if counts.conjunction(i) == Conjunction(((0, 1), (1, 0)))]
    assert z_parents(counts, variance=None)[pair] == 0.0


@pytest.mark.parametrize("alpha", [0.9, 0.97])
def test_sliceline_finds_the_same_list(alpha: float) -> None:
    """The package's best slices (at most ten) and their statistics, from our counts and the paper's score."""
    sliceline = pytest.importorskip("sliceline.slicefinder")
    rng = np.random.default_rng(5)
    codes = attributes(rng, 1500, [2, 3, 4, 3, 5])
    rate = np.where(held(codes, ((0, 1), (2, 2))), 0.5, 0.15) + 0.1 * (codes[:, 3] == 0)
    target = errors(rng, rate)
    finder = sliceline.Slicefinder(alpha=alpha, k=10, max_l=3, min_sup=30, verbose=False)
    finder.fit(codes, target)
    counts = count_conjunctions(codes, target, min_support=30)
    score = sliceline_score(counts, rows=len(target), total=target.sum(), alpha=alpha)
    best = top(score, len(finder.top_slices_))
    theirs = {
        tuple((c, int(v)) for c, v in enumerate(row) if v is not None): statistics
        for row, statistics in zip(finder.top_slices_, finder.top_slices_statistics_, strict=True)
    }
    assert len(theirs) >= 5  # the package lists positive scores only
    assert {counts.conjunction(int(i)).conditions for i in best} == set(theirs)
    for i in best:
        statistics = theirs[counts.conjunction(int(i)).conditions]
        assert score[i] == pytest.approx(statistics["slice_score"])
        assert counts.n[i] == statistics["slice_size"]
        assert counts.total[i] == pytest.approx(statistics["sum_slice_error"])
