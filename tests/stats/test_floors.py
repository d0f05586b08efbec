"""Exact bounds, floors that many groups must reach, what would decide, and expected costs: against scipy, by hand, by chance."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from failsight.tools.stats.floors import (
    all_above,
    exact,
    fewest,
    images_by_width,
    images_to_decide,
    mean_cost,
    stringer,
)


@pytest.mark.parametrize(("k", "n"), [(0, 1), (1, 1), (0, 30), (30, 30), (7, 30), (181, 200), (1, 5000)])
def test_exact_intervals_are_scipys(k: int, n: int) -> None:
    oracle = binomtest(k, n).proportion_ci(method="exact")
    assert exact(k, n) == pytest.approx((oracle.low, oracle.high), abs=1e-9)


def test_without_trials_everything_is_possible_and_nonsense_is_refused() -> None:
    assert exact(0, 0) == (0, 1)
    assert all_above([], []) == (0, 1)
    with pytest.raises(ValueError, match="is no rate"):
        exact(3, 2)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.floats(0.02, 0.98))
def test_the_fewest_that_reach_a_floor_are_where_the_interval_says(n: int, bound: float) -> None:
    k = fewest(n, bound)
    assert k == n + 1 or exact(k, n)[0] >= bound - 1e-9
    assert k == 0 or exact(k - 1, n)[0] < bound + 1e-9


@settings(max_examples=80, deadline=None)
@given(st.integers(1, 400), st.floats(0.01, 0.99))
def test_below_its_floor_a_rate_is_called_above_it_in_at_most_one_sample_in_forty(
    n: int, floor: float
) -> None:
    """Summed over all outcomes, not simulated: at the worst case, a rate that just misses the floor."""
    assert binom.sf(fewest(n, floor) - 1, n, floor * (1 - 1e-9)) <= 0.025 + 1e-9


def test_wilsons_interval_would_not_keep_that_promise() -> None:
    from failsight.tools.stats.intervals import wilson

    called = sum(binom.pmf(k, 4, 0.499) for k in range(5) if wilson(k, 4)[0] >= 0.5)
    assert called > 0.05


class TestSeveral:
    def test_the_lower_end_needs_no_correction_and_the_upper_end_gets_one(self) -> None:
        low, high = all_above([90, 95, 99], [100, 100, 100])
        assert low == exact(90, 100)[0]
        assert high == exact(90, 100, 1 - 0.05 / 3)[1]

    def test_one_small_group_holds_the_floor_open(self) -> None:
        low, high = all_above([950, 2], [1000, 2])
        assert low == exact(2, 2)[0] < 0.2
        assert high == exact(950, 1000, 0.975)[1]

    def test_equal_groups_at_the_floor_are_seldom_said_to_miss_it(self) -> None:
        rng, floor = np.random.default_rng(1), 0.8
        missed = [all_above(rng.binomial(60, floor, 8).tolist(), [60] * 8)[1] < floor for _ in range(400)]
        assert np.mean(missed) <= 0.05


class TestMore:
    def test_decided_already(self) -> None:
        assert images_to_decide(990, 1000, 0.9) == 0
        assert images_to_decide(500, 1000, 0.9) == 0

    def test_what_no_number_decides(self) -> None:
        assert images_to_decide(90, 100, 0.9) is None
        assert images_to_decide(10, 10, 1.0) is None
        assert images_to_decide(900_001, 1_000_000, 0.9) is None

    @pytest.mark.parametrize(
        ("k", "n", "bound"),
        [(180, 200, 0.88), (180, 200, 0.92), (19, 20, 0.85), (2, 100, 0.05), (0, 12, 0.01)],
    )
    def test_the_chance_to_decide_is_eighty_percent_with_them_and_less_with_fewer(
        self, k: int, n: int, bound: float
    ) -> None:
        more = images_to_decide(k, n, bound)
        assert more

        def chance(m: int) -> float:
            later = np.arange(m + 1)
            weight = binom.pmf(later, m, k / n)
            sure = [
                exact(k + int(x), n + m)[0] >= bound or exact(k + int(x), n + m)[1] <= bound
                for x in later[weight > 1e-9]
            ]
            return float(weight[weight > 1e-9] @ np.array(sure))

        assert chance(more) >= 0.79
        assert chance(max(1, round(0.8 * more) - 10)) < 0.85

    def test_without_any_image_it_is_what_perfect_images_would_need(self) -> None:
        assert images_to_decide(0, 0, 0.9) == 40  # exact(35, 35) just misses
        assert exact(36, 36)[0] >= 0.9 > exact(35, 35)[0]

    def test_means(self) -> None:
        assert images_by_width(100, 0.0, 0.1) is None
        more = images_by_width(100, 0.1, 0.2)
        z, power = 1.959964, 0.841621
        assert more == math.ceil(100 * ((0.2 * (1 + power / z) / 0.1) ** 2 - 1) / 10) * 10
        assert images_by_width(100, 1e-9, 0.2) is None


class TestStringer:
    def test_for_costs_of_one_size_it_is_the_exact_bound(self) -> None:
        assert stringer(np.array([1.0]), np.array([10]), 100, 1.0) == pytest.approx(exact(10, 100)[1])
        assert stringer(np.zeros(0), np.zeros(0, np.int64), 100, 3.0) == pytest.approx(3 * exact(0, 100)[1])

    def test_by_hand_for_two_costs(self) -> None:
        p = [exact(j, 50)[1] for j in range(4)]
        by_hand = p[0] * 5 + (p[1] - p[0]) * 5 + (p[3] - p[1]) * 1
        assert stringer(np.array([1.0, 5.0]), np.array([2, 1]), 50, 5.0) == pytest.approx(by_hand)

    def test_the_dearest_error_counts_though_it_did_not_occur(self) -> None:
        plain = stringer(np.array([1.0]), np.array([3]), 50, 1.0)
        assert stringer(np.array([1.0]), np.array([3]), 50, 20.0) > plain + 19 * exact(0, 50)[1] - 1e-9

    def test_hostile(self) -> None:
        assert stringer(np.zeros(0), np.zeros(0, np.int64), 0, 5.0) == 5
        assert stringer(np.array([2.0]), np.array([10]), 10, 2.0) == 2
        assert stringer(np.zeros(0), np.zeros(0, np.int64), 10, 0.0) == 0


class TestMeanCost:
    def test_by_hand(self) -> None:
        counts = np.array([[8, 2], [1, 9]])
        costs = np.array([[0.0, 5.0], [1.0, 0.0]])
        value, (low, high) = mean_cost(counts, costs)
        assert value == pytest.approx((2 * 5 + 1) / 20)
        first, second = exact(2, 10), exact(1, 10)
        up = math.hypot(0.5 * 5 * (first[1] - 0.2), 0.5 * (second[1] - 0.1))
        down = math.hypot(0.5 * 5 * (0.2 - first[0]), 0.5 * (0.1 - second[0]))
        assert (low, high) == pytest.approx((value - down, value + up))

    def test_nothing_and_one_class(self) -> None:
        value, ci = mean_cost(np.zeros((2, 2), np.int64), np.array([[0, 3.0], [1, 0]]))
        assert math.isnan(value) and ci == (0, 3)
        value, ci = mean_cost(np.array([[10, 0], [0, 0]]), np.array([[0, 3.0], [1, 0]]))
        assert value == 0 and ci == (0, pytest.approx(3 * exact(0, 10)[1]))

    def test_confusions_that_cost_nothing(self) -> None:
        value, ci = mean_cost(np.array([[5, 5], [0, 10]]), np.zeros((2, 2)))
        assert (value, ci) == (0, (0, 0))

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("costs", "chances", "n"),
        [
            (
                [[0, 1, 5], [1, 0, 1], [1, 1, 0]],
                [[0.93, 0.06, 0.01], [0.05, 0.93, 0.02], [0.02, 0.03, 0.95]],
                (60, 60, 60),
            ),
            ([[0, 20], [1, 0]], [[0.98, 0.02], [0.1, 0.9]], (50, 100)),
            ([[0, 1], [1, 0]], [[0.9, 0.1], [0.1, 0.9]], (50, 100)),
            ([[0, 100], [1, 0]], [[0.999, 0.001], [0.05, 0.95]], (100, 300)),
            (
                [[0, 1, 20], [1, 0, 1], [1, 1, 0]],
                [[0.8, 0.15, 0.05], [0.15, 0.8, 0.05], [0.1, 0.1, 0.8]],
                (200, 200, 200),
            ),
        ],
    )
    def test_a_model_that_costs_too_much_is_called_cheap_enough_in_at_most_one_sample_in_twenty(
        self, costs: list[list[float]], chances: list[list[float]], n: tuple[int, ...]
    ) -> None:
        rng, price, p = np.random.default_rng(0), np.array(costs, float), np.array(chances)
        true = float((np.array(n) / sum(n)) @ (p * price).sum(1))
        below = above = 0
        for _ in range(1000):
            counts = np.array([rng.multinomial(m, row) for m, row in zip(n, p, strict=True)])
            low, high = mean_cost(counts, price)[1]
            below += high < true
            above += low > true
        assert below / 1000 <= 0.04
        assert above / 1000 <= 0.045
