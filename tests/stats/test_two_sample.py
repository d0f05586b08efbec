"""The domain classifier: AUC and its interval against known cases, a valid permutation p, weights that undo a class mix."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsight.tools.stats.two_sample import (
    _auc_columns,
    auc,
    auc_within,
    balanced,
    fit_logistic,
    fold_numbers,
    permutation_p,
    reduced,
    separate,
)


def test_auc_of_a_case_counted_by_hand() -> None:
    scores = np.array([1.0, 2, 3, 2, 3, 4])
    target = np.array([False, False, False, True, True, True])
    # pairs: (2>1, 2=2, 2<3), (3>1, 3>2, 3=3), (4>all): 1 + .5 + 0 + 1 + 1 + .5 + 3 = 7 of 9
    assert auc(scores, target).value == pytest.approx(7 / 9)


def test_delong_variance_is_that_of_the_placement_values() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=60), rng.normal(0.8, 1, size=80)
    above = np.array([(x < v).mean() for v in y])
    below = np.array([(y > v).mean() for v in x])
    value = above.mean()
    sd = np.sqrt(above.var() / 80 + below.var() / 60)
    made = auc(np.concatenate([x, y]), np.repeat([False, True], [60, 80]))
    half = 1.959964 * sd / (value * (1 - value))
    logit = np.log(value / (1 - value))
    assert made.value == pytest.approx(value)
    assert made.ci == pytest.approx((1 / (1 + np.exp(-(logit - half))), 1 / (1 + np.exp(-(logit + half)))))


def test_the_interval_covers_the_true_auc_as_often_as_it_says() -> None:
    from scipy.stats import norm

    rng, truth = np.random.default_rng(1), norm.cdf(1 / np.sqrt(2))
    hits = 0
    for _ in range(200):
        scores = np.concatenate([rng.normal(size=40), rng.normal(1, 1, 40)])
        low, high = auc(scores, np.repeat([False, True], 40)).ci
        hits += low <= truth <= high
    assert 0.905 <= hits / 200 <= 0.98


def test_perfect_separation_and_empty_samples_have_an_interval() -> None:
    perfect = auc(np.arange(20.0), np.arange(20) >= 10)
    assert perfect.value == 1.0 and 0.7 < perfect.ci[0] < 1.0 and perfect.ci[1] == 1.0
    assert auc(np.arange(4.0), np.zeros(4, bool)).ci == (0.0, 1.0)


@given(st.integers(0, 10_000))
def test_whole_weights_are_copies_of_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, target = rng.integers(0, 5, 20).astype(float), np.arange(20) < 9
    times = rng.integers(1, 4, 20)
    copied = auc(np.repeat(scores, times), np.repeat(target, times)).value
    assert auc(scores, target, times.astype(float)).value == pytest.approx(copied)


def test_the_logistic_fit_agrees_with_a_general_optimiser() -> None:
    from scipy.optimize import minimize

    rng = np.random.default_rng(2)
    x = rng.normal(size=(500, 3))
    y = rng.random(500) < 1 / (1 + np.exp(-(0.4 + x @ [1.0, -0.5, 0.0])))
    design = np.c_[np.ones(500), x]
    oracle = minimize(lambda b: (np.logaddexp(0, design @ b) - y * (design @ b)).sum(), np.zeros(4)).x
    np.testing.assert_allclose(fit_logistic(x, y, np.ones(500), 1e-9), oracle, atol=1e-3)


def test_the_logistic_fit_survives_separable_data() -> None:
    x = np.linspace(-5, 5, 40)[:, None]
    beta = fit_logistic(x, x[:, 0] > 0, np.ones(40), 1.0)
    assert np.isfinite(beta).all() and beta[1] > 0


def test_features_are_reduced_without_looking_at_the_samples() -> None:
    x = np.random.default_rng(0).normal(size=(200, 100)).astype(np.float32)
    x[3, 4] = np.nan
    x[:, 7] = 5
    made = reduced(x, 16)
    assert made.shape == (200, 16)
    np.testing.assert_allclose(made.T @ made / 200, np.eye(16), atol=1e-6)
    assert reduced(np.full((10, 3), 2.0)).shape == (10, 0)


def test_folds_spread_every_class_of_either_sample() -> None:
    target, strata = np.arange(400) % 2 == 0, np.repeat([0, 1, 2, 3], 100)
    folds = fold_numbers(target, strata, 0)
    for t in (True, False):
        for s in range(4):
            counts = np.bincount(folds[(target == t) & (strata == s)], minlength=5)
            assert counts.max() - counts.min() <= 1


def test_a_difference_is_found_and_none_is_made_up() -> None:
    rng = np.random.default_rng(3)
    target = np.arange(600) < 300
    x = rng.normal(size=(600, 10))
    folds = fold_numbers(target, np.zeros(600, int), 0)
    assert abs(separate(x, target, folds).auc.value - 0.5) < 0.07
    x[target, 0] += 1.2
    found = separate(x, target, folds)
    assert found.auc.ci[0] > 0.7
    assert permutation_p(x, target, folds, np.zeros(600, int), 0, 199) == pytest.approx(1 / 200)


def test_permutation_p_is_uniform_enough_under_the_null() -> None:
    rng = np.random.default_rng(4)
    small = 0
    for i in range(200):
        strata = rng.integers(0, 2, 80)
        target = rng.random(80) < np.where(
            strata == 0, 0.3, 0.7
        )  # another class mix, the same images within a class
        x = rng.normal(size=(80, 4)) + 2 * strata[:, None]
        small += permutation_p(x, target, fold_numbers(target, strata, i), strata, i, 39) <= 0.05
    assert small <= 20  # 10 expected


@pytest.mark.parametrize("share", [0.5, 0.1])
def test_ties_are_no_difference(share: float) -> None:
    """Yes/no columns tie most rows; both samples are drawn alike."""
    small = 0
    for i in range(60):
        x = (np.random.default_rng(i).random((200, 1)) < share).astype(float)
        target, strata = np.arange(200) >= 100, np.zeros(200, int)
        folds = fold_numbers(target, strata, i)
        small += permutation_p(reduced(x), target, folds, strata, i, 39) <= 0.05
    assert small <= 8  # 99.6 % of binomial(60, 0.05)


def test_tied_scores_share_their_mean_rank() -> None:
    scores = np.array([[0.0, 1.0], [0.0, 2.0], [1.0, 2.0], [1.0, 2.0], [0.0, 3.0]])
    target = np.array([[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]], bool)
    wanted = [auc(scores[:, i], target[:, i]).value for i in range(2)]
    assert _auc_columns(scores, target).tolist() == pytest.approx(wanted)
    assert _auc_columns(np.zeros((4, 1)), np.array([[1], [1], [0], [0]], bool)).tolist() == [0.5]


def test_weights_undo_a_change_of_class_mix() -> None:
    rng = np.random.default_rng(5)
    label = np.concatenate([rng.random(600) < 0.5, rng.random(600) < 0.9]).astype(int)
    target = np.arange(1200) >= 600
    x = rng.normal(size=(1200, 3)) + 2 * label[:, None]
    folds = fold_numbers(target, np.zeros(1200, int), 0)
    share = np.array([np.bincount(label[side], minlength=2) / 600 for side in (~target, target)])
    weights = np.where(target, 1.0, (share[1] / share[0])[label])
    assert separate(x, target, folds).auc.ci[0] > 0.6
    low, high = separate(x, target, folds, weights).auc.ci
    assert low < 0.5 < high
    made = balanced(weights, target)
    assert made[target].sum() == pytest.approx(made[~target].sum())


def test_auc_within_a_stratum_that_explains_everything_is_one_half() -> None:
    rng = np.random.default_rng(6)
    dark = rng.random(1000) < np.repeat([0.2, 0.8], 500)
    target = np.arange(1000) >= 500
    scores = 3.0 * dark + rng.normal(size=1000)
    assert auc(scores, target).value > 0.65
    assert auc_within(scores, target, dark.astype(int)) == pytest.approx(0.5, abs=0.06)
    assert auc_within(scores, target, target.astype(int)) == 0.5
