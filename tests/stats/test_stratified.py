"""Comparisons within strata against scipy, statsmodels, brute force and their own null."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from failsight.tools.stats.stratified import (
    SMALLEST_P,
    Sums,
    combine_strata,
    compare,
    compare_counts,
    compare_within,
    pearson3_sf,
)


def test_one_stratum_is_fishers_exact_test() -> None:
    """Inside 7 errors of 10, outside 4 of 20: the 2 × 2 table [[7, 3], [4, 16]]."""
    result = compare_counts(np.array([30]), np.array([10]), np.array([11]), np.array([7]))
    assert result.exact
    assert result.p == pytest.approx(stats.fisher_exact([[7, 3], [4, 16]], "greater").pvalue, rel=1e-12)
    assert result.effect == pytest.approx(0.7 - 0.2)
    assert (result.n_in, result.n_out) == (10, 20)


@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(0, 12), st.integers(0, 12)),
        min_size=1,
        max_size=4,
    )
)
@settings(max_examples=200, deadline=None)
def test_counts_and_values_agree_and_p_is_a_probability(tables: list[tuple[int, int, int, int]]) -> None:
    """The same strata as counts and as rows give the same answer."""
    cells = np.array(tables)
    rows, ins = cells.sum(axis=1), cells[:, 0] + cells[:, 1]
    by_counts = compare_counts(rows, ins, cells[:, 0] + cells[:, 2], cells[:, 0])
    values, inside, strata = [], [], []
    for h, (a, b, c, d) in enumerate(tables):
        values += [1.0] * a + [0.0] * b + [1.0] * c + [0.0] * d
        inside += [True] * (a + b) + [False] * (c + d)
        strata += [h] * (a + b + c + d)
    by_rows = compare_within(np.array(values), np.array(inside, bool), np.array(strata, np.int64))
    assert by_rows == pytest.approx(by_counts) or by_rows == by_counts
    assert 0 < by_counts.p <= 1
    if by_counts.n_in == 0:
        assert by_counts.p == 1.0 and by_counts.effect == 0.0


def test_strata_are_summed_exactly() -> None:
    """Two small strata: the tail of the sum by listing every way to deal the errors."""
    tables = [(3, 1, 2, 4), (2, 2, 1, 6)]
    deals = []
    for a, b, c, d in tables:
        ones, n, m = a + c, a + b + c + d, a + b
        deals.append([len(set(pick) & set(range(m))) for pick in itertools.combinations(range(n), ones)])
    sums = [x + y for x in deals[0] for y in deals[1]]
    expected = np.mean(np.array(sums) >= 5)
    cells = np.array(tables)
    result = compare_counts(
        cells.sum(axis=1), cells[:, 0] + cells[:, 1], cells[:, 0] + cells[:, 2], cells[:, 0]
    )
    assert result.p == pytest.approx(expected, rel=1e-12)


def test_large_strata_agree_with_mantel_haenszel() -> None:
    """z² is statsmodels' test of a common odds ratio of one, without correction."""
    from statsmodels.stats.contingency_tables import StratifiedTable

    rng = np.random.default_rng(0)
    tables = [rng.integers(80, 300, (2, 2)) for _ in range(5)]
    cells = np.array([[t[0, 0], t[0, 1], t[1, 0], t[1, 1]] for t in tables])
    result = compare_counts(
        cells.sum(axis=1),
        cells[:, 0] + cells[:, 1],
        cells[:, 0] + cells[:, 2],
        cells[:, 0],
        alternative="two-sided",
    )
    reference = StratifiedTable(tables).test_null_odds(correction=False)
    corrected = StratifiedTable(tables).test_null_odds(correction=True)
    assert not result.exact
    assert result.z**2 == pytest.approx(reference.statistic, rel=1e-9)
    assert result.p == pytest.approx(corrected.pvalue, rel=0.02)


def test_switching_to_the_approximation_keeps_the_tail() -> None:
    """Just above the switch the approximation never falls below the exact tail, nor a quarter above it."""
    n, m, ones = 20_000, 1_500, 1_600
    mean = m * ones / n
    for k in (130, 150, 165, 175):
        result = compare_counts(np.array([n]), np.array([m]), np.array([ones]), np.array([k]))
        assert not result.exact and k > mean
        exact = stats.hypergeom.sf(k - 1, n, ones, m)
        assert 0.99 < result.p / exact < 1.25


def test_values_are_dealt_without_replacement() -> None:
    """For a loss the tail is that of the permutation distribution, here with strong skew."""
    rng = np.random.default_rng(3)
    values = rng.beta(0.5, 6, 400)
    inside = np.zeros(400, bool)
    inside[:40] = True
    dealt = np.array([rng.permutation(values)[:40].sum() for _ in range(20_000)])
    for quantile in (0.5, 0.9, 0.99):
        target = np.quantile(dealt, quantile)
        pool = Sums.of(values, np.zeros(400, np.int64), 1)
        part = Sums(np.array([40.0]), np.array([target]), np.zeros(1), np.zeros(1))
        assert compare(pool, part, binary=False).p == pytest.approx(1 - quantile, rel=0.1)


def test_type_one_error_is_held_at_small_counts() -> None:
    """Exact tests never reject more often than they say; 1,500 tables with three uneven strata."""
    rng = np.random.default_rng(4)
    strata = np.repeat([0, 1, 2], [60, 30, 10])
    inside = rng.random(100) < 0.2
    p = [
        compare_within((rng.random(100) < 0.1 + 0.2 * strata).astype(float), inside, strata).p
        for _ in range(1500)
    ]
    for level in (0.01, 0.05, 0.2):
        assert np.mean(np.array(p) <= level) <= level + 3 * np.sqrt(level / 1500)


def test_pearson3_tail_is_the_gamma_tail() -> None:
    shape = 9.0
    for z in (-1.5, 0.0, 2.0, 4.0):
        skew = 2 / np.sqrt(shape)
        exact = stats.gamma.sf(shape + z * np.sqrt(shape), shape)
        assert pearson3_sf(z, skew) == pytest.approx(exact, rel=1e-9)
        assert pearson3_sf(-z, -skew) == pytest.approx(1 - exact, rel=1e-9)
    assert pearson3_sf(1.96, 0.0) == pytest.approx(0.025, abs=1e-4)


def test_neutral_where_nothing_can_be_compared() -> None:
    empty = compare_within(np.empty(0), np.empty(0, bool), np.empty(0, np.int64))
    alike = compare_within(np.ones(9), np.arange(9) < 3, np.zeros(9, np.int64))
    apart = compare_within(np.array([1.0, 0.0]), np.array([True, False]), np.array([0, 1]))
    assert empty.p == alike.p == apart.p == 1.0
    assert alike.effect == 0.0 and apart.n_in == 0


def test_p_never_underflows_to_zero() -> None:
    result = compare_counts(np.array([10**6]), np.array([10**5]), np.array([10**5]), np.array([9 * 10**4]))
    assert result.p == SMALLEST_P


def test_combined_strata_have_no_gaps() -> None:
    strata = combine_strata(np.array([0, 0, 2, 2]), np.array([1, 0, 1, 1]), 2)
    assert strata.tolist() == [1, 0, 2, 2]
