"""Intervals against statsmodels, scipy, hand-computed values, and their own coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from failsight.tools.stats.intervals import (
    bootstrap,
    difference_interval,
    mean_interval,
    mean_share_interval,
    newcombe,
    newcombe_paired,
    normal_quantile,
    wilson,
    wilson_many,
)

counts = st.integers(0, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_wilson_is_statsmodels_wilson(kn: tuple[int, int], level: float) -> None:
    k, n = kn
    low, high = wilson(k, n, level)
    assert 0 <= low <= high <= 1
    if n:
        assert (low, high) == pytest.approx(proportion_confint(k, n, 1 - level, "wilson"), abs=1e-12)
        assert low <= k / n <= high


def test_wilson_at_the_edges() -> None:
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(0, 10)[0] == 0.0 and wilson(10, 10)[1] == 1.0
    # k = 0: the upper end is z² / (n + z²)
    assert wilson(0, 10)[1] == pytest.approx(1.959964**2 / (10 + 1.959964**2), rel=1e-5)
    for bad in ((-1, 3), (4, 3)):
        with pytest.raises(ValueError):
            wilson(*bad)
    with pytest.raises(ValueError):
        wilson(1, 2, 1.0)


@given(st.lists(counts, min_size=1, max_size=8))
def test_many_at_once_is_one_by_one(pairs: list[tuple[int, int]]) -> None:
    k, n = np.array(pairs).T
    assert wilson_many(k, n) == pytest.approx(np.array([wilson(*p) for p in pairs]), abs=1e-12)


@given(counts, counts)
def test_newcombe_is_statsmodels_newcombe(first: tuple[int, int], second: tuple[int, int]) -> None:
    low, high = newcombe(*first, *second)
    assert -1 <= low <= high <= 1
    if first[1] and second[1]:
        reference = confint_proportions_2indep(*first, *second, method="newcomb", compare="diff")
        assert (low, high) == pytest.approx(reference, abs=1e-9)
        assert newcombe(*second, *first) == pytest.approx((-high, -low), abs=1e-12)
    else:
        assert (low, high) == (-1.0, 1.0)


def test_newcombe_of_the_paper() -> None:
    """Newcombe 1998, table II: 56/70 − 48/80, method 10."""
    assert newcombe(56, 70, 48, 80) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@given(*[st.integers(0, 60)] * 4)
def test_paired_interval_turns_with_the_pair(both: int, first: int, second: int, neither: int) -> None:
    low, high = newcombe_paired(both, first, second, neither)
    assert newcombe_paired(both, second, first, neither) == pytest.approx((-high, -low), abs=1e-12)
    n = both + first + second + neither
    if n:
        assert low - 1e-12 <= (first - second) / n <= high + 1e-12


def test_paired_interval_is_narrower_where_pairs_agree() -> None:
    """90 + 5 of 100 against 90 of 100, all but five pairs alike."""
    paired, apart = newcombe_paired(90, 5, 0, 5), newcombe(95, 100, 90, 100)
    assert paired[1] - paired[0] < apart[1] - apart[0]
    assert newcombe_paired(0, 0, 0, 0) == (-1.0, 1.0)


def test_paired_interval_covers() -> None:
    """1,500 samples of 60 pairs with agreement: 95 % of the intervals hold the true difference of 0.15."""
    rng = np.random.default_rng(0)
    cells = rng.multinomial(60, [0.55, 0.2, 0.05, 0.2], 1500)
    held = [low <= 0.15 <= high for low, high in (newcombe_paired(*map(int, c)) for c in cells)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.02)


def test_mean_and_difference_are_students() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(2, 1, 30), rng.normal(1, 3, 12)
    reference = stats.ttest_1samp(a, 0).confidence_interval(0.95)
    assert mean_interval(a) == pytest.approx((reference.low, reference.high))
    welch = stats.ttest_ind(a, b, equal_var=False).confidence_interval(0.9)
    assert difference_interval(a, b, 0.9) == pytest.approx((welch.low, welch.high))
    assert all(math.isnan(x) for x in (*mean_interval([1.0]), *difference_interval([1.0], [2.0, 3.0])))
    assert difference_interval([1.0, 1.0], [3.0, 3.0]) == (-2.0, -2.0)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=30))
def test_the_interval_of_a_mean_of_shares_stays_among_shares(shares: list[float]) -> None:
    low, high = mean_share_interval(shares)
    assert 0 <= low <= np.mean(shares) + 1e-9
    assert np.mean(shares) - 1e-9 <= high <= 1


def test_the_interval_of_a_mean_of_shares_covers_as_it_says() -> None:
    """Skewed shares of ten problems: between 91 and 97 % of a thousand intervals hold the true mean."""
    rng = np.random.default_rng(4)
    for a, b in ((8, 2), (2, 2), (20, 3)):
        made = [mean_share_interval(x) for x in rng.beta(a, b, (1000, 10))]
        inside = np.mean([low <= a / (a + b) <= high for low, high in made])
        assert 0.91 <= inside <= 0.97
    assert mean_share_interval([0.2, 0.2]) == (0.2, 0.2)
    assert math.isnan(mean_share_interval([0.2])[0])


def test_bootstrap_is_reproducible_and_seeded() -> None:
    x = np.random.default_rng(2).exponential(size=50)
    assert bootstrap(x, seed=3) == bootstrap(x, seed=3) != bootstrap(x, seed=4)


@pytest.mark.parametrize("method", ["bca", "percentile"])
def test_bootstrap_is_scipys(method: str) -> None:
    """Skewed data, a ratio of means of pairs: the ends agree to a twentieth of the width."""
    rng = np.random.default_rng(5)
    pairs = np.column_stack([rng.exponential(2, 60), rng.gamma(3, 1, 60)])

    def ratio(samples: np.ndarray) -> np.ndarray:
        return samples[..., 0].mean(axis=-1) / samples[..., 1].mean(axis=-1)

    ours = bootstrap(pairs, ratio, resamples=20_000, method=method, seed=0)  # type: ignore[arg-type]
    theirs = stats.bootstrap(
        (pairs[:, 0], pairs[:, 1]),
        lambda a, b, axis: a.mean(axis=axis) / b.mean(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=20_000,
        method={"bca": "BCa", "percentile": "percentile"}[method],
        rng=np.random.default_rng(0),
    ).confidence_interval
    assert ours == pytest.approx((theirs.low, theirs.high), abs=0.05 * (theirs.high - theirs.low))


def test_bootstrap_covers_a_skewed_mean() -> None:
    """BCa over 300 samples of 40 exponentials: at least 90 % hold the mean (percentile falls below BCa)."""
    held = {"bca": 0, "percentile": 0}
    for seed in range(300):
        x = np.random.default_rng(seed).exponential(size=40)
        for method in held:
            low, high = bootstrap(x, method=method, resamples=800, seed=seed)  # type: ignore[arg-type]
            held[method] += low <= 1 <= high
    assert held["bca"] >= 270
    assert held["bca"] >= held["percentile"] - 3


def test_bootstrap_in_blocks_is_bootstrap_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.arange(100.0)
    whole = bootstrap(x, resamples=500)
    monkeypatch.setattr("failsight.tools.stats.intervals.BLOCK", 1000)
    assert bootstrap(x, resamples=500) == pytest.approx(whole)


def test_bootstrap_of_constants_and_of_too_little() -> None:
    assert bootstrap(np.full(20, 3.0)) == (3.0, 3.0)
    assert all(math.isnan(x) for x in bootstrap([1.0]))
    with pytest.raises(ValueError):
        bootstrap([1.0, 2.0], level=0)


def test_normal_quantile() -> None:
    assert normal_quantile(0.95) == pytest.approx(1.9599639845)


def test_few_items_make_a_bootstrap_interval_as_wide_as_students() -> None:
    """Ten items of a symmetric shape: the expanded percentile interval is Student's to a twentieth of its width."""
    x = np.array([-3.0, -2, -1.5, -1, -0.2, 0.2, 1, 1.5, 2, 3])
    low, high = bootstrap(x, method="percentile", resamples=20_000)
    wanted = mean_interval(x)
    assert (low, high) == pytest.approx(wanted, abs=0.08 * (wanted[1] - wanted[0]))


def test_bootstrap_intervals_of_twenty_items_cover() -> None:
    rng = np.random.default_rng(3)
    held = sum(
        low <= 0 <= high
        for low, high in (bootstrap(rng.normal(size=20), resamples=400, seed=i) for i in range(400))
    )
    assert held >= 368  # 92 %; without the expansion 90 to 91 %
