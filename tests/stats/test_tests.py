"""Tests of rates and pairs, multiplicity and power, against scipy, statsmodels and simulation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.special import ndtr
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportions_ztest

from failsight.tools.stats.multiplicity import benjamini_hochberg, holm, weighted_benjamini_hochberg
from failsight.tools.stats.power import (
    power_paired,
    power_two_rates,
    smallest_paired_effect,
    smallest_rate_difference,
)
from failsight.tools.stats.stratified import SMALLEST_P
from failsight.tools.stats.tests import (
    chi_squared_p,
    fisher_exact,
    mcnemar_exact,
    normal_p,
    sign_flip,
    two_rates,
)

counts = st.integers(1, 80).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
ALTERNATIVES = ("two-sided", "greater", "less")


@given(counts, counts, st.sampled_from(ALTERNATIVES))
@settings(deadline=None)
def test_fisher_is_scipys(first: tuple[int, int], second: tuple[int, int], alternative: str) -> None:
    (k1, n1), (k0, n0) = first, second
    reference = stats.fisher_exact([[k1, n1 - k1], [k0, n0 - k0]], alternative).pvalue
    assert fisher_exact(k1, n1, k0, n0, alternative) == pytest.approx(reference, rel=1e-9)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("first", "second"), [((40, 4000), (2000, 4000)), ((2000, 4000), (40, 4000)), ((0, 1000), (1000, 1000)), ((7920, 8000), (4000, 8000))]
)  # fmt: skip
def test_fisher_of_rates_that_are_very_far_apart(first: tuple[int, int], second: tuple[int, int]) -> None:
    higher = first[0] / first[1] > second[0] / second[1]
    for alternative, sure in (("two-sided", True), ("greater", higher), ("less", not higher)):
        p = fisher_exact(*first, *second, alternative)  # type: ignore[arg-type]
        assert p == pytest.approx(SMALLEST_P if sure else 1.0, abs=1e-9)


def test_two_rates_is_the_pooled_z_test() -> None:
    for alternative, name in (("two-sided", "two-sided"), ("greater", "larger"), ("less", "smaller")):
        reference = proportions_ztest([45, 30], [150, 160], alternative=name)[1]
        assert two_rates(45, 150, 30, 160, alternative) == pytest.approx(reference)  # type: ignore[arg-type]
    assert two_rates(0, 10, 0, 10) == 1.0 and two_rates(0, 0, 3, 10) == 1.0 == fisher_exact(0, 0, 3, 10)
    with pytest.raises(ValueError):
        two_rates(4, 3, 0, 1)


@given(st.integers(0, 60), st.integers(0, 60))
@settings(deadline=None)
def test_mcnemar_is_the_binomial_test(first: int, second: int) -> None:
    for alternative in ALTERNATIVES:
        p = mcnemar_exact(first, second, alternative)  # type: ignore[arg-type]
        if first + second == 0:
            assert p == 1.0
        else:
            reference = stats.binomtest(first, first + second, 0.5, alternative).pvalue
            assert p == pytest.approx(reference, rel=1e-9)


def test_sign_flip_lists_all_patterns_of_few_differences() -> None:
    x = np.array([0.3, -0.1, 0.4, 0.2, 0.0, -0.05])
    sums = [np.dot(signs, x) for signs in itertools.product((1, -1), repeat=len(x))]
    observed = x.sum()
    assert sign_flip(x) == pytest.approx(np.mean(np.abs(sums) >= abs(observed) - 1e-12))
    assert sign_flip(x, "greater") == pytest.approx(np.mean(np.array(sums) >= observed - 1e-12))
    assert sign_flip(x, "less") == pytest.approx(np.mean(np.array(sums) <= observed + 1e-12))
    assert sign_flip(np.ones(8), "greater") == 2**-8


def test_sign_flip_draws_patterns_of_many_differences() -> None:
    x = np.random.default_rng(0).normal(0.2, 1, 60)
    p = sign_flip(x, resamples=20_000, seed=1)
    reference = stats.permutation_test(
        (x,), lambda s, axis: s.mean(axis=axis), permutation_type="samples", n_resamples=20_000, rng=2
    ).pvalue
    assert p == pytest.approx(reference, abs=0.01)
    assert sign_flip(x, seed=1) == sign_flip(x, seed=1)
    assert sign_flip(np.full(100, 1.0), resamples=999) == 1 / 1000
    assert sign_flip(np.zeros(30)) == 1.0 == sign_flip([])
    with pytest.raises(ValueError):
        sign_flip([1.0, np.nan])


def test_sign_flip_holds_its_level() -> None:
    """Skewless noise, 12 and 40 pairs: p ≤ 0.05 in about a twentieth of 600 samples."""
    rng = np.random.default_rng(3)
    for n in (12, 40):
        p = np.array([sign_flip(rng.standard_t(3, n), resamples=499, seed=i) for i in range(600)])
        assert 0.02 <= np.mean(p <= 0.05) <= 0.08


def test_adjusted_p_values_are_statsmodels() -> None:
    """With ties, zeros and ones among them."""
    rng = np.random.default_rng(7)
    for m in (1, 2, 5, 30, 200):
        p = np.round(rng.beta(0.3, 1, m), 2)
        assert benjamini_hochberg(p) == pytest.approx(multipletests(p, method="fdr_bh")[1])
        assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])


def test_adjusting_nothing_and_nonsense() -> None:
    assert len(benjamini_hochberg([])) == len(holm([])) == 0
    for bad in ([0.1, np.nan], [1.2], [-0.1]):
        with pytest.raises(ValueError):
            benjamini_hochberg(bad)


def test_false_discoveries_are_held_under_positive_dependence() -> None:
    """20 tests, 5 real, correlated 0.5: the mean share of false rejections stays below q."""
    rng = np.random.default_rng(4)
    shares = []
    for _ in range(1500):
        z = (
            np.sqrt(0.5) * rng.normal()
            + np.sqrt(0.5) * rng.normal(size=20)
            + np.r_[np.full(5, 3.0), np.zeros(15)]
        )
        rejected = benjamini_hochberg(stats.norm.sf(z)) <= 0.1
        shares.append(rejected[5:].sum() / max(rejected.sum(), 1))
    assert np.mean(shares) <= 0.1


def test_power_of_two_rates_is_what_happens() -> None:
    """The weak value of the acceptance test on the confirmation half: 100 rows at 0.3, 900 at 0.1."""
    rng = np.random.default_rng(5)
    k1, k0 = rng.binomial(100, 0.3, 4000), rng.binomial(900, 0.1, 4000)
    for alpha in (0.05, 0.0025):
        seen = np.mean([two_rates(a, 100, b, 900, "greater") <= alpha for a, b in zip(k1, k0, strict=True)])
        assert power_two_rates(0.3, 100, 0.1, 900, alpha) == pytest.approx(seen, abs=0.015)


def test_smallest_difference_has_the_power_asked_for() -> None:
    gap = smallest_rate_difference(100, 0.1, 900, 0.01, 0.8)
    assert gap is not None
    assert power_two_rates(0.1 + gap, 100, 0.1, 900, 0.01) == pytest.approx(0.8, abs=1e-6)
    assert smallest_rate_difference(3, 0.9, 3, 0.001) is None
    assert smallest_rate_difference(0, 0.1, 10, 0.05) is None


def test_power_of_paired_differences_is_what_happens() -> None:
    rng = np.random.default_rng(6)
    for n in (12, 60):
        p = stats.ttest_1samp(rng.normal(0.5, 1, (4000, n)), 0, axis=1).pvalue
        assert power_paired(0.5, 1.0, n, 0.05) == pytest.approx(np.mean(p <= 0.05), abs=0.04)
        smallest = smallest_paired_effect(1.0, n, 0.05, 0.8)
        assert smallest is not None and power_paired(smallest, 1.0, n, 0.05) == pytest.approx(0.8, abs=0.01)
    assert smallest_paired_effect(1.0, 1, 0.05) is None and power_paired(1.0, 1.0, 1, 0.05) == 0.0


def test_tails() -> None:
    assert normal_p(1.959964) == pytest.approx(0.05, abs=1e-6)
    assert normal_p(-1.0, "less") == pytest.approx(stats.norm.cdf(-1.0))
    assert chi_squared_p(7.3, 3) == pytest.approx(stats.chi2.sf(7.3, 3))
    assert chi_squared_p(7.3, 0) == 1.0


class TestWeightedBenjaminiHochberg:
    def test_equal_weights_are_the_plain_procedure(self) -> None:
        p = [0.001, 0.02, 0.03, 0.4]
        assert weighted_benjamini_hochberg(p, [1] * 4, 0.05)[:3] == pytest.approx(benjamini_hochberg(p)[:3])

    def test_a_larger_share_lowers_the_bar_and_a_smaller_one_raises_it(self) -> None:
        q = weighted_benjamini_hochberg([0.02, 0.02], [1.8, 0.2], 0.05)
        assert q == pytest.approx([0.02 / 1.8 * 2, 0.1])

    def test_no_weight_rejects_what_is_above_the_level(self) -> None:
        assert weighted_benjamini_hochberg([0.001, 0.06], [0.5, 1.5], 0.05).tolist() == [0.004, 0.06]

    @pytest.mark.parametrize("weights", [[1], [2, 1], [2, 0], [3, -1]])
    def test_weights_that_are_no_shares(self, weights: list[float]) -> None:
        with pytest.raises(ValueError, match="weights"):
            weighted_benjamini_hochberg([0.1, 0.2], weights, 0.05)

    def test_false_discoveries_stay_at_the_level(self) -> None:
        """Ten nulls and ten effects, shares drawn at random: the mean share of false ones among those rejected."""
        rng, shares = np.random.default_rng(0), []
        for _ in range(2000):
            weights = rng.exponential(size=20)
            z = rng.normal(size=20) + np.repeat([0.0, 3.0], 10)
            q = weighted_benjamini_hochberg(ndtr(-z), weights / weights.mean(), 0.05)
            rejected = q <= 0.05
            shares.append(rejected[:10].sum() / max(1, rejected.sum()))
        assert np.mean(shares) <= 0.05
