"""One attribute between two samples: hand-counted distances, agreement with scipy, classes held fixed."""

from __future__ import annotations

import numpy as np
import pytest

from failsight.tools.stats.sample_shift import (
    categorical_shift,
    mix_weights,
    numeric_shift,
    weighted_quantiles,
)


def sides(n: int, m: int) -> np.ndarray:
    return np.repeat([False, True], [n, m])


def test_distance_and_p_agree_with_scipy() -> None:
    from scipy.stats import ks_2samp

    rng = np.random.default_rng(0)
    a, b = rng.normal(size=80), rng.normal(0.35, 1, size=90)
    made = numeric_shift(np.concatenate([a, b]), sides(80, 90), np.zeros(170, int), permutations=1999)
    oracle = ks_2samp(a, b)
    assert made is not None
    assert made.distance == pytest.approx(oracle.statistic)
    assert made.p == pytest.approx(oracle.pvalue, abs=0.02)


def test_the_shift_is_in_spreads_of_the_reference() -> None:
    rng = np.random.default_rng(1)
    x = np.concatenate([rng.normal(10, 2, 3000), rng.normal(7, 1, 3000)])
    made = numeric_shift(x, sides(3000, 3000), np.zeros(6000, int), permutations=99)
    assert made is not None
    assert made.shift == pytest.approx(-1.5, abs=0.1)
    assert made.ci[0] < -1.5 < made.ci[1] < -1.3
    assert made.p == pytest.approx(0.01)


def test_another_class_mix_is_not_taken_for_a_shift() -> None:
    rng, small = np.random.default_rng(2), 0
    for i in range(100):
        label = np.concatenate([rng.random(80) < 0.3, rng.random(80) < 0.8]).astype(int)
        x = rng.normal(size=160) + 3 * label
        held = numeric_shift(x, sides(80, 80), label, permutations=99, resamples=20, seed=i)
        assert held is not None
        small += held.p <= 0.05
    assert small <= 11
    open_mix = numeric_shift(x, sides(80, 80), np.zeros(160, int), permutations=99, resamples=20)
    assert open_mix is not None and open_mix.p <= 0.01
    assert abs(held.shift) < abs(open_mix.shift)


def test_sizes_can_be_read_at_an_estimated_mix() -> None:
    rng = np.random.default_rng(3)
    label = np.concatenate([rng.random(2000) < 0.5, rng.random(2000) < 0.9]).astype(int)
    x, target = rng.normal(size=4000) + 3 * label, sides(2000, 2000)
    weights = np.where(target, 1.0, np.where(label == 1, 1.8, 0.2))
    made = numeric_shift(x, target, np.zeros(4000, int), weights=weights, permutations=19, resamples=50)
    assert made is not None and made.distance < 0.06 and abs(made.shift) < 0.1


def test_constants_ties_and_classes_apart() -> None:
    x = np.concatenate([np.full(30, 2.0), np.full(30, 3.0)])
    made = numeric_shift(x, sides(30, 30), np.zeros(60, int), permutations=99, resamples=20)
    assert (
        made is not None
        and made.distance == pytest.approx(1)
        and np.isnan(made.shift)
        and made.p == pytest.approx(0.01)
    )
    same = numeric_shift(np.ones(60), sides(30, 30), np.zeros(60, int), permutations=99, resamples=20)
    assert same is not None and same.distance == pytest.approx(0) and same.p == 1
    assert numeric_shift(x, sides(30, 30), sides(30, 30).astype(int)) is None


def test_weighted_quantiles_repeat_rows() -> None:
    rng = np.random.default_rng(4)
    values, times = rng.normal(size=15), rng.integers(1, 5, 15)
    wanted = np.quantile(np.repeat(values, times), (0.25, 0.5, 0.75), method="averaged_inverted_cdf")
    np.testing.assert_allclose(weighted_quantiles(values, times.astype(float), (0.25, 0.5, 0.75)), wanted)


def test_weights_give_the_target_mix() -> None:
    target = np.array([False] * 4 + [True] * 4)
    strata = np.array([0, 0, 0, 1, 0, 1, 1, 2])
    w = mix_weights(target, strata)
    np.testing.assert_allclose(w, [1 / 9] * 3 + [2 / 3] + [1 / 3] * 3 + [0])


def test_a_category_that_changed_is_found_and_named() -> None:
    rng = np.random.default_rng(5)
    codes = np.concatenate([rng.choice(3, 400, p=[0.2, 0.4, 0.4]), rng.choice(3, 400, p=[0.7, 0.15, 0.15])])
    made = categorical_shift(codes, sides(400, 400), np.zeros(800, int))
    assert made is not None
    assert made.value == 0 and made.after > made.before + 0.4
    assert made.p < 1e-6 and made.ci[0] > 0.3
    assert categorical_shift(np.zeros(10, int), sides(5, 5), np.zeros(10, int)) is None
