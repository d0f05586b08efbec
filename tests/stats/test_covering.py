"""Covering failures by slices, sharing a budget and core-sets, against counts made by hand and brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failsight.tools.stats.covering import assign, cover, k_center, largest_remainder, share_out


def column(*parts: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Codes and failures from (code, items, failures) of each value."""
    codes = np.concatenate([np.full(n, code) for code, n, _ in parts])
    failed = np.concatenate([np.arange(n) < k for _, n, k in parts])
    return codes[:, None].astype(np.int64), failed


def test_slices_are_taken_by_error_rate_until_beta_of_the_failures_is_covered() -> None:
    # 200 failures: 90 of 100, 80 of 200, 30 of 700. 90 + 80 = 170 = 85 %: short of β = 0.9, so the rest is taken too
    codes, failed = column((0, 700, 30), (1, 200, 80), (2, 100, 90))
    made = cover(codes, failed, beta=0.9)
    assert [(s.conditions, s.n, s.failures) for s in made] == [
        (((0, 2),), 100, 90),
        (((0, 1),), 200, 80),
        ((), 700, 30),
    ]
    assert made[-1].rest and not made[0].rest
    # at β = 0.85 exactly two slices are enough; at 0.45, one
    assert [s.n for s in cover(codes, failed, beta=0.85)] == [100, 200]
    assert [s.n for s in cover(codes, failed, beta=0.45)] == [100]


def test_an_item_counts_in_the_first_slice_that_holds_it() -> None:
    # column 0 value 1 fails always (60 items); all of these have value 1 in column 1, whose 140 others never fail
    first = np.repeat([1, 0, 0], [60, 140, 300])
    second = np.repeat([1, 1, 0], [60, 140, 300])
    failed = np.repeat([True, False, False], [60, 140, 300])
    (only,) = cover(np.stack([first, second], 1), failed)
    assert only.conditions == ((0, 1),) and (only.n, only.failures) == (60, 60)


def test_a_pair_is_found_where_no_single_value_tells_and_depth_bounds_it() -> None:
    a, b = np.meshgrid([0, 1], [0, 1])
    codes = np.repeat(np.stack([a.ravel(), b.ravel()], 1), 100, axis=0)
    failed = (codes[:, 0] == 1) & (codes[:, 1] == 1)
    assert cover(codes, failed)[0].conditions == ((0, 1), (1, 1))
    assert all(len(s.conditions) < 2 for s in cover(codes, failed, depth=1))
    assert cover(codes, failed, depth=0)[0].rest


def test_the_group_is_a_condition_where_it_tells() -> None:
    codes = np.tile([[0], [1]], (200, 1))
    groups = np.repeat([0, 1], 200)
    failed = (groups == 1) & (codes[:, 0] == 1)
    (only,) = cover(codes, failed, groups)
    assert (only.conditions, only.group, only.n, only.failures) == (((0, 1),), 1, 100, 100)
    assert not only.inside(codes, None).any()


def test_a_few_unlucky_items_do_not_come_first_and_small_slices_not_at_all() -> None:
    codes, failed = column((0, 1000, 20), (1, 400, 300), (2, 22, 18), (3, 5, 5))
    made = cover(codes, failed, beta=1.0)
    assert [s.conditions for s in made[:2]] == [((0, 1),), ((0, 2),)]
    assert made[-1].rest and made[-1].failures == 25


def test_a_slice_is_not_decorated_with_what_adds_nothing() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 3, (1500, 12))
    failed = rng.random(1500) < np.where(codes[:, 0] == 1, 0.7, 0.03)
    made = cover(codes, failed, rng.integers(0, 4, 1500))
    assert (made[0].conditions, made[0].group) == (((0, 1),), None)


def test_a_thousand_groups_are_no_trouble() -> None:
    rng = np.random.default_rng(0)
    codes, groups = rng.integers(0, 4, (20_000, 8)), rng.integers(0, 1000, 20_000)
    failed = (groups == 7) | (rng.random(20_000) < 0.02)
    assert cover(codes, failed, groups, most=3, least=10)[0].group == 7


def test_unknown_values_make_no_slice() -> None:
    codes, failed = column((-1, 100, 100), (0, 300, 0), (1, 300, 0))
    (only,) = cover(codes, failed)
    assert only.rest and only.failures == 100


def test_without_failures_there_is_nothing_to_cover() -> None:
    codes, failed = column((0, 50, 0), (1, 50, 0))
    assert cover(codes, failed) == ()
    assert cover(np.zeros((0, 1), np.int64), np.zeros(0, bool)) == ()
    assert assign((), codes, None).tolist() == [-1] * 100


@pytest.mark.parametrize("bad", [{"beta": 0.0}, {"beta": 1.1}, {"depth": 3}, {"least": 0}, {"most": 0}])
def test_senseless_settings_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        cover(np.zeros((3, 1), np.int64), np.ones(3, bool), **bad)  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.05, 1.0))
def test_beta_is_reached_and_counts_agree_with_the_assignment(seed: int, beta: float) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 300))
    codes = rng.integers(-1, 3, (n, 3))
    groups = rng.integers(0, 3, n)
    failed = rng.random(n) < rng.random(3)[groups] * (codes[:, 0] == 1) + 0.05
    made = cover(codes, failed, groups, beta=beta, most=6)
    place = assign(made, codes, groups)
    assert len(made) <= 6
    assert sum(s.failures for s in made) >= beta * failed.sum() - 1e-6
    for i, one in enumerate(made):
        assert ((place == i).sum(), (failed & (place == i)).sum()) == (one.n, one.failures)


def test_largest_remainders_by_hand() -> None:
    # 10 · (5, 3, 1) / 9 = 5.56, 3.33, 1.11: whole parts 5, 3, 1, and the one left goes to the first
    assert largest_remainder(10, [5, 3, 1]) == [6, 3, 1]
    assert largest_remainder(1, [1, 1, 1]) == [1, 0, 0]
    assert largest_remainder(7, [0, 0]) == [0, 0] and largest_remainder(7, []) == []
    with pytest.raises(ValueError):
        largest_remainder(3, [1, -1])


def test_what_a_part_cannot_take_goes_to_the_others() -> None:
    assert share_out(10, [5, 3, 2], [10, 10, 10]) == [5, 3, 2]
    assert share_out(10, [5, 3, 2], [1, 10, 10]) == [1, 5, 4]  # 4 left for 3 : 2 → 2.4 and 1.6
    assert share_out(10, [5, 3, 2], [1, 2, 3]) == [1, 2, 3]
    assert share_out(10, [5, 0], [3, 99]) == [3, 0]


@given(
    st.integers(0, 500),
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 60)), min_size=1, max_size=12),
)
def test_parts_sum_exactly(total: int, parts: list[tuple[int, int]]) -> None:
    weights, caps = [float(w) for w, _ in parts], [c for _, c in parts]
    plain = largest_remainder(total, weights)
    assert sum(plain) == (total if sum(weights) else 0)
    assert all(
        abs(p - total * w / sum(weights)) < 1 for p, w in zip(plain, weights, strict=True) if sum(weights)
    )
    capped = share_out(total, weights, caps)
    assert sum(capped) == min(total, sum(c for w, c in zip(weights, caps, strict=True) if w))
    assert all(0 <= g <= c for g, c in zip(capped, caps, strict=True))


def test_a_core_set_goes_to_what_is_far_from_all_that_is_known() -> None:
    x = np.array([[0.0], [1.0], [2.0], [10.0], [11.0]], np.float32)
    assert k_center(x, 3, np.array([[0.0]], np.float32)).tolist() == [4, 2, 1]
    # without known points it begins in the middle (mean 4.8: 2.0 is nearest), then 11, then 0
    assert k_center(x, 3).tolist() == [2, 4, 0]
    assert sorted(k_center(x, 99).tolist()) == [0, 1, 2, 3, 4]
    assert k_center(np.zeros((0, 2), np.float32), 3).tolist() == []


def test_a_core_set_does_not_choose_a_copy_twice() -> None:
    assert sorted(k_center(np.ones((4, 2), np.float32), 4).tolist()) == [0, 1, 2, 3]


def test_a_core_set_leaves_at_most_twice_the_best_radius() -> None:
    from itertools import combinations

    rng = np.random.default_rng(0)
    for _ in range(10):
        x = rng.normal(size=(9, 2)).astype(np.float32)
        gaps = np.sqrt(((x[:, None] - x[None]) ** 2).sum(-1))
        best = min(gaps[:, list(c)].min(1).max() for c in combinations(range(9), 3))
        assert gaps[:, k_center(x, 3)].min(1).max() <= 2 * best + 1e-5
