"""Flip rates between two labels: known answers, the error rate promised, and what must not be taken for flips."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import check_grad
from scipy.stats import chi2

from failsight.tools.stats.flips import _loss, compare_flips, flip_interval


def _drawn(
    seed: int, n: int, apart: float, rate: float = 0.0, back: float = 0.0, heavy: float = 0.0
) -> tuple[Any, Any]:
    """((n, 2) log odds of the source class by two judges, (n,) whether the label is the given one)."""
    rng = np.random.default_rng(seed)
    source = rng.random(n) < 0.5
    wide = np.where(rng.random(n) < heavy, 3.0, 1.0)
    odds = apart * (2 * source - 1) + rng.normal(size=n) * wide
    other = odds + rng.normal(size=n) * 0.5
    chance = rng.random(n)
    given = np.where(source, chance < rate, chance >= back)
    return 2 * apart * np.column_stack([odds, other]), given


def test_where_the_classes_are_plain_to_see_the_rates_are_counts() -> None:
    """60 of 300 of the source, 6 of 200 of the other class carry the wrong label; 60 of 254 given labels are wrong."""
    odds = np.concatenate([np.linspace(3, 20, 300), np.linspace(-20, -3, 200)])[:, None]
    given = np.concatenate([np.arange(300) % 5 == 2, np.arange(200) % 33 != 16])  # spread evenly
    found = compare_flips(odds, given)
    assert found.rate == pytest.approx(60 / 300, abs=0.002)
    assert found.back == pytest.approx(6 / 200, abs=0.002)
    assert found.share == pytest.approx(60 / 254, abs=0.003)
    # nearly two binomials: what the curve can explain makes the test a little more careful than that of the two-by-two table
    k, n = np.array([60, 6]), np.array([300, 200])
    pooled = k.sum() / n.sum()
    ratio = 2 * (k * np.log(k / n / pooled) + (n - k) * np.log((1 - k / n) / (1 - pooled))).sum()
    assert chi2.sf(ratio, 1) / 2 <= found.p <= 5 * chi2.sf(ratio, 1)
    low, high = flip_interval(odds, given)
    assert low < 0.2 - 0.03 < high
    assert (low, high) == pytest.approx((0.117, 0.222), abs=0.01)


@pytest.mark.parametrize("gap", [None, 0.0, 0.1, -0.1])
def test_the_gradient_is_that_of_the_loss(gap: float | None) -> None:
    odds, labels = _drawn(0, 200, 0.8, 0.2)
    x = np.column_stack([np.ones(200), odds])
    theta = np.array([0.1, 0.5, 0.7, -1.0, *([] if gap is not None else [-2.0])])
    error = check_grad(lambda t: _loss(t, x, labels, gap)[0], lambda t: _loss(t, x, labels, gap)[1], theta)
    assert error < 1e-3


def test_rates_are_found_again_though_the_classes_are_hard_to_tell_apart() -> None:
    found = compare_flips(*_drawn(1, 20_000, 1.0, 0.2, 0.05))
    assert found.rate == pytest.approx(0.2, abs=0.03)
    assert found.back == pytest.approx(0.05, abs=0.03)
    assert found.p < 1e-6


@example(25, 0.3046875, 0.0, 0.21875)  # two optima, a flat curve and a steep one that flips squeeze
@example(25, 0.3046875, 0.125, 0.25)
@given(st.integers(0, 10_000), st.floats(0.3, 2.0), st.floats(0, 0.3), st.floats(0, 0.3))
@settings(max_examples=15, deadline=None)
def test_the_other_way_round_is_the_other_way_round(
    seed: int, apart: float, rate: float, back: float
) -> None:
    odds, labels = _drawn(seed, 300, apart, rate, back)
    one, other = compare_flips(odds, labels), compare_flips(-odds, ~labels)
    assert one.rate == pytest.approx(other.back, abs=0.03)
    assert one.p + other.p == pytest.approx(1.0, abs=0.05)
    assert 0 <= one.share <= 1


@pytest.mark.parametrize(
    ("apart", "both", "heavy"),
    [
        (1.0, 0.1, 0.0),
        (1.0, 0.0, 0.15),
        *(
            pytest.param(*one, marks=pytest.mark.slow)
            for one in ((0.5, 0.0, 0.0), (1.0, 0.0, 0.0), (2.0, 0.1, 0.0))
        ),
    ],
)
def test_what_goes_both_ways_is_seldom_called_one_way(apart: float, both: float, heavy: float) -> None:
    """Classes that are hard to tell apart, flips both ways, tails heavier than logistic: at most 5 % of p below .05, 1 % below .01."""
    p = np.array([compare_flips(*_drawn(100 + r, 400, apart, both, both, heavy)).p for r in range(100)])
    assert (p <= 0.05).mean() <= 0.05 + 2.6 * np.sqrt(0.05 * 0.95 / 100)
    assert (p <= 0.01).mean() <= 0.01 + 2.6 * np.sqrt(0.01 * 0.99 / 100)


def test_one_label_of_six_is_mostly_found() -> None:
    p = np.array([compare_flips(*_drawn(500 + r, 400, 1.0, 0.2)).p for r in range(60)])
    assert (p <= 0.01).mean() >= 0.7


@pytest.mark.parametrize("labels", [np.ones(5, bool), np.zeros(5, bool)])
def test_one_label_alone_has_no_flips(labels: Any) -> None:
    with pytest.raises(ValueError, match="both labels"):
        compare_flips(np.zeros((5, 1)), labels)


def test_odds_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        compare_flips(np.array([[np.nan], [1.0]]), np.array([True, False]))


def test_odds_that_never_differ_tell_nothing() -> None:
    found = compare_flips(np.zeros((40, 2)), np.arange(40) < 20)
    assert found.p > 0.05
