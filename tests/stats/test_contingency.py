"""Association within strata against statsmodels, identities and simulation; pulls of an attribute on predictions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import StratifiedTable

from failsight.tools.stats.association import prediction_association, prediction_tables, pull, screen_pulls
from failsight.tools.stats.contingency import (
    breslow_day,
    common_odds_ratio,
    cramers_v,
    cramers_v_interval,
    general_association,
    mantel_haenszel,
    risk_difference,
)

RNG = np.random.default_rng(0)
TABLES = np.stack([RNG.integers(3, 40, (2, 2)) for _ in range(5)])


def test_mantel_haenszel_is_statsmodels() -> None:
    reference = StratifiedTable(list(TABLES))
    for correction in (False, True):
        expected = reference.test_null_odds(correction=correction)
        found = mantel_haenszel(TABLES, correction=correction)
        assert (found.statistic, found.p) == pytest.approx((expected.statistic, expected.pvalue))
    assert common_odds_ratio(TABLES) == pytest.approx(reference.oddsratio_pooled)


def test_breslow_day_is_statsmodels() -> None:
    expected = StratifiedTable(list(TABLES)).test_equal_odds(adjust=True)
    found = breslow_day(TABLES)
    assert (found.statistic, found.p, found.freedom) == pytest.approx(
        (expected.statistic, expected.pvalue, 4)
    )


def test_general_association_of_two_by_two_tables_is_mantel_haenszel() -> None:
    general, plain = general_association(TABLES), mantel_haenszel(TABLES)
    assert (general.statistic, general.freedom) == pytest.approx((plain.statistic, 1))


def test_general_association_of_one_table_is_pearsons_chi_squared() -> None:
    """Up to the factor (n − 1) / n; an empty column changes nothing."""
    table = np.array([[12, 5, 9, 0], [3, 14, 8, 0], [7, 7, 2, 0]])
    pearson = stats.chi2_contingency(table[:, :3])
    found = general_association(table[None])
    n = table.sum()
    assert found.statistic == pytest.approx(pearson.statistic * (n - 1) / n)
    assert found.freedom == pearson.dof


def test_general_association_holds_its_level() -> None:
    """Value and prediction both go with the class, and not with each other within it."""
    rng = np.random.default_rng(1)
    p = []
    for _ in range(250):
        true = rng.integers(0, 3, 240)
        value = (rng.random(240) < np.array([0.2, 0.5, 0.8])[true]).astype(int)
        guess = np.where(rng.random(240) < 0.7, true, rng.integers(0, 3, 240))
        p.append(prediction_association(value, true, guess, resamples=1).test.p)
    assert 0.015 <= np.mean(np.array(p) <= 0.05) <= 0.09


def test_risk_difference_of_one_table_and_its_turn() -> None:
    found = risk_difference(np.array([[[30, 70], [10, 90]]]))
    assert found.value == pytest.approx(0.2)
    turned = risk_difference(np.array([[[10, 90], [30, 70]]]))
    assert turned.value == pytest.approx(-0.2)
    assert turned.ci == pytest.approx((-found.ci[1], -found.ci[0]))
    assert (found.n1, found.n0) == (100, 100)


def test_risk_difference_covers_in_sparse_tables() -> None:
    """Thirty strata of eight rows, a common difference of 0.2: 95 % of 800 intervals hold it."""
    rng = np.random.default_rng(2)
    base = rng.uniform(0.05, 0.5, 30)
    held = []
    for _ in range(800):
        y1, y0 = rng.binomial(3, base + 0.2), rng.binomial(5, base)
        found = risk_difference(np.stack([np.stack([y1, 3 - y1], 1), np.stack([y0, 5 - y0], 1)], 1))
        held.append(found.ci[0] <= 0.2 <= found.ci[1])
    assert np.mean(held) == pytest.approx(0.95, abs=0.02)


def test_nothing_to_compare_is_said() -> None:
    empty = risk_difference(np.zeros((2, 2, 2)))
    assert math.isnan(empty.value) and empty.ci == (-1.0, 1.0)
    assert mantel_haenszel(np.zeros((1, 2, 2))).p == breslow_day(TABLES[:1]).p == 1.0
    assert general_association(np.ones((3, 1, 4))).p == 1.0
    assert cramers_v_interval(np.zeros((2, 3, 3))) == (0.0, (0.0, 1.0))
    with pytest.raises(ValueError):
        mantel_haenszel(np.zeros((2, 2)))


def test_cramers_v_of_known_tables() -> None:
    assert cramers_v([[50, 0], [0, 50]]) == pytest.approx(1.0)
    assert cramers_v([[25, 25], [25, 25]]) == 0.0
    assert cramers_v([[5, 3, 2]]) == 0.0
    # phi² = 0.36; corrected: (0.36 − 1/99) / (2 − 1/99 − 1)
    assert cramers_v([[40, 10], [10, 40]]) == pytest.approx(math.sqrt((0.36 - 1 / 99) / (1 - 1 / 99)))


def test_cramers_v_interval_covers() -> None:
    """Three strata with φ = 0.3 in each: about 95 % of 300 intervals hold it."""
    rng = np.random.default_rng(3)
    share = np.array([0.325, 0.175, 0.175, 0.325])
    held = []
    for seed in range(300):
        tables = rng.multinomial(150, share, 3).reshape(3, 2, 2)
        _, (low, high) = cramers_v_interval(tables, resamples=400, seed=seed)
        held.append(low <= 0.3 <= high)
    assert np.mean(held) >= 0.9


def test_an_association_shows_however_few_images_each_stratum_has() -> None:
    """110 classes of 18 pictures, of which two of six tones are in one split only: V is that of all pictures together, but for the margins."""
    class_ = np.array([[0, 3, 3, 0, 3, 3], [1, 1, 1, 1, 1, 1]])
    value, (low, high) = cramers_v_interval(np.repeat(class_[None], 110, 0), resamples=400)
    assert value == pytest.approx(0.4974 * 18 / 17, abs=0.002)  # the margins of 18 take one in 18
    assert 0.45 < low < value < high < 0.6


def test_one_stratum_is_the_plain_table() -> None:
    for table in ([[40, 10], [10, 40]], [[7, 3, 2], [1, 5, 9]]):
        assert cramers_v_interval([table], resamples=50)[0] == pytest.approx(cramers_v(table))


def test_small_strata_without_association_make_none() -> None:
    """60 strata of 12: V of 100 draws lies near 0 on average, and its interval holds 0 in at least 97.5 % of them."""
    rng = np.random.default_rng(8)
    made = [
        cramers_v_interval(rng.multinomial(12, [1 / 6] * 6, 60).reshape(60, 2, 3), resamples=200, seed=seed)
        for seed in range(100)
    ]
    assert np.mean([value for value, _ in made]) < 0.04
    assert sum(low <= 0 for _, (low, _) in made) >= 95


def test_the_interval_of_v_covers_in_small_strata() -> None:
    """40 strata of 20 with φ = 0.3: nine in ten of 100 intervals hold it."""
    rng, share = np.random.default_rng(4), np.array([0.325, 0.175, 0.175, 0.325])
    made = [
        cramers_v_interval(rng.multinomial(20, share, 40).reshape(40, 2, 2), resamples=200, seed=seed)
        for seed in range(100)
    ]
    assert sum(low <= 0.3 <= high for _, (low, high) in made) >= 88
    assert np.mean([value for value, _ in made]) == pytest.approx(0.3, abs=0.015)


def test_opposite_associations_cancel() -> None:
    assert cramers_v_interval([[[40, 10], [10, 40]], [[10, 40], [40, 10]]], resamples=50)[0] == 0.0


def rooms(rng: np.random.Generator, pull: float, n: int = 1200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A television (value 1), mostly in class 2; it turns the prediction to class 2 with probability `pull`."""
    true = rng.integers(0, 4, n)
    television = (rng.random(n) < np.where(true == 2, 0.7, 0.15)).astype(int)
    guess = np.where(rng.random(n) < 0.8, true, rng.integers(0, 4, n))
    guess = np.where((television == 1) & (rng.random(n) < pull), 2, guess)
    return television, true, guess


def test_a_pull_is_found_with_its_direction_and_size() -> None:
    rng = np.random.default_rng(4)
    television, true, guess = rooms(rng, 0.4)
    found = prediction_association(television, true, guess)
    assert found.test.p < 1e-6 and found.v_ci[0] > 0.1
    strongest = found.pulls[0]
    assert (strongest.value in (0, 1)) and strongest.predicted == 2
    toward = next(p for p in found.pulls if p.value == 1 and p.predicted == 2)
    assert toward.ci[0] < toward.difference < toward.ci[1]
    # elsewhere 5 % are called class 2 anyway: 0.05 + 0.95 · 0.4 = 0.43 with a television
    assert toward.wrong_ci[0] < 0.38 < toward.wrong_ci[1]
    away = [p for p in found.pulls if p.value == 1 and p.predicted != 2]
    assert all(p.difference < toward.difference for p in away)


def test_an_attribute_that_goes_with_the_class_alone_pulls_nothing() -> None:
    rng = np.random.default_rng(5)
    television, true, guess = rooms(rng, 0.0)
    assert stats.chi2_contingency(np.histogram2d(television, guess, (2, 4))[0]).pvalue < 1e-6
    found = prediction_association(television, true, guess)
    assert found.test.p > 0.01
    assert all(p.adjusted > 0.05 for p in found.pulls)


def test_tables_leave_out_what_is_unknown() -> None:
    tables = prediction_tables([0, 2, -1, 2], [0, 1, 1, 1], [1, 1, 0, 0])
    assert tables.values.tolist() == [0, 2] and tables.true.tolist() == [0, 1]
    assert tables.counts.sum() == 3
    assert tables.counts[1, 1].tolist() == [1, 1] and tables.counts[0, 0].tolist() == [0, 1]


def test_a_second_attribute_may_be_held_fixed() -> None:
    """A remote control lies where the television is: beside it, it pulls nothing."""
    rng = np.random.default_rng(6)
    television, true, guess = rooms(rng, 0.4, 3000)
    remote = np.where(rng.random(3000) < 0.85, television, 1 - television)
    alone = pull(prediction_tables(remote, true, guess), 1, 2)
    beside = pull(prediction_tables(remote, true, guess, given=television), 1, 2)
    assert alone.p < 1e-6 and alone.wrong_ci[0] > 0.1
    assert beside.p > 0.01 and beside.wrong_ci[0] < 0 < beside.wrong_ci[1]


def test_screening_is_the_statistic_of_each_pull() -> None:
    rng = np.random.default_rng(7)
    television, true, guess = rooms(rng, 0.2)
    tables = prediction_tables(television, true, guess)
    z = screen_pulls(tables)
    for i in range(2):
        for j in range(4):
            counts = tables.counts
            cells = np.stack([counts[:, i, j], counts[:, i].sum(1) - counts[:, i, j]], 1)
            other = np.stack([counts[:, 1 - i, j], counts[:, 1 - i].sum(1) - counts[:, 1 - i, j]], 1)
            assert z[i, j] ** 2 == pytest.approx(mantel_haenszel(np.stack([cells, other], 1)).statistic)


def test_nobody_and_one_value_pull_nothing() -> None:
    nobody = prediction_association(np.full(5, -1), np.zeros(5, int), np.zeros(5, int))
    assert nobody.n == 0 and nobody.pulls == () and nobody.test.p == 1.0
    alike = prediction_association(np.zeros(5, int), np.zeros(5, int), np.array([0, 0, 1, 1, 0]))
    assert alike.pulls == () and alike.v == 0.0


def test_the_interval_of_v_holds_zero_where_nothing_is_associated() -> None:
    """Four strata of 100: 200 tables without association; the percentile interval alone held 0 in some 75 %."""
    rng = np.random.default_rng(1)
    held = 0
    for seed in range(200):
        tables = rng.multinomial(100, [0.25] * 4, 4).reshape(4, 2, 2)
        held += cramers_v_interval(tables, seed=seed, resamples=200)[1][0] <= 0
    assert held >= 188  # 97.5 % promised on this side


def test_a_clear_association_stays_above_zero() -> None:
    value, (low, high) = cramers_v_interval(np.array([[[80, 20], [20, 80]]] * 2))
    assert 0.4 < low < value < high
