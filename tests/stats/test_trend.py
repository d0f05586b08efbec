"""Trend tests over curves: hand-computed cases, scipy as oracle, error rates."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from failsight.tools.stats.quantiles import quantile_interval
from failsight.tools.stats.trend import mann_kendall, noise, wiggles


def test_four_rising_values_have_one_chance_in_twenty_four() -> None:
    made = mann_kendall([1, 2, 3, 4])
    assert made.p_up == pytest.approx(1 / 24)
    assert made.p_down == 1.0
    assert (made.tau, made.slope) == (1.0, 1.0)


@given(st.permutations(list(range(8))))
@settings(max_examples=40, deadline=None)
def test_exact_tails_agree_with_scipy(order: list[int]) -> None:
    made = mann_kendall(order)
    tau = stats.kendalltau(range(8), order, method="exact", alternative="greater")
    assert made.tau == pytest.approx(tau.statistic)
    assert made.p_up == pytest.approx(tau.pvalue)


def test_the_slope_and_its_interval_agree_with_scipy() -> None:
    rng = np.random.default_rng(0)
    t = np.arange(40.0)
    x = 0.3 * t + rng.normal(0, 1, 40)
    made = mann_kendall(x, t)
    slope, _, low, high = stats.theilslopes(x, t, 0.95)
    assert made.slope == pytest.approx(slope)
    assert made.ci == pytest.approx((low, high), abs=0.02)
    assert made.p_up < 1e-6


def test_constant_and_tiny_curves_say_nothing() -> None:
    assert mann_kendall([2.0] * 12).p_up == 1.0
    assert mann_kendall([1.0]).p_down == 1.0
    assert math.isnan(mann_kendall([]).slope)
    assert math.isnan(noise([1.0, 2.0]))


@pytest.mark.parametrize(("rho", "most"), [(0.0, 0.07), (0.5, 0.09)])
def test_flat_noise_is_rarely_called_rising(rho: float, most: float) -> None:
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(400):
        x = rng.normal(size=40)
        for i in range(1, 40):
            x[i] += rho * x[i - 1]
        hits += mann_kendall(x).p_up <= 0.05
    assert hits / 400 <= most


def test_the_noise_of_a_curve_is_told_from_its_trend_and_its_spikes() -> None:
    rng = np.random.default_rng(2)
    x = 0.01 * np.arange(400) + rng.normal(0, 0.2, 400)
    assert noise(x, "plain") == pytest.approx(0.2, rel=0.15)
    x[[50, 200]] += 50
    assert noise(x) == pytest.approx(0.2, rel=0.2)
    assert noise(x, "plain") > 1
    assert len(wiggles([1.0, 2.0])) == 0


def test_the_interval_of_a_median_covers_it() -> None:
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(300):
        _, (low, high) = quantile_interval(rng.exponential(size=41), 0.5)
        held += low <= math.log(2) <= high
    assert held / 300 >= 0.93


def test_too_few_values_leave_the_far_quantile_open_above() -> None:
    value, (low, high) = quantile_interval(np.arange(20.0), 0.95)
    assert 17 < value < 19
    assert math.isinf(high)
    assert low >= 14
    _, (low, high) = quantile_interval(np.arange(200.0), 0.95)
    assert math.isfinite(high)
    assert low < 190 <= high
    assert math.isnan(quantile_interval([], 0.5)[0])
