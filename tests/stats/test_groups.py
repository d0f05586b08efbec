"""Gaps between groups within strata: hand-computed, against the known tests, and with images that are not independent."""

from __future__ import annotations

import math

import numpy as np
import pytest

from failsight.tools.stats.contingency import risk_difference
from failsight.tools.stats.groups import counts, gap, spread
from failsight.tools.stats.tests import fisher_exact


def groups(cells: list[tuple[int, int, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(wrong, inside, strata) from (wrong inside, right inside, wrong outside, right outside) of each stratum."""
    rows = [
        (w, i, h)
        for h, (a, b, c, d) in enumerate(cells)
        for w, i, n in ((True, True, a), (False, True, b), (True, False, c), (False, False, d))
        for _ in range(n)
    ]
    made = np.array(rows, np.int64)
    return made[:, 0] > 0, made[:, 1] > 0, made[:, 2]


def test_one_stratum_is_fishers_test() -> None:
    wrong, inside, strata = groups([(9, 21, 12, 88)])
    made = gap(wrong, inside, ~inside, strata)
    assert made.value == pytest.approx(0.3 - 0.12)
    assert made.p == pytest.approx(fisher_exact(9, 30, 12, 100, "greater"))
    assert (made.n, made.n_out) == (30, 100)
    assert made.ci == risk_difference([[[9, 21], [12, 88]]]).ci


def test_more_images_of_a_hard_class_are_no_gap() -> None:
    """Half of the hard class and a tenth of the easy one is wrong in both groups: 42 % against 18 % as it is, none within."""
    wrong, inside, strata = groups([(40, 40, 10, 10), (2, 18, 8, 72)])
    assert wrong[inside].mean() - wrong[~inside].mean() == pytest.approx(0.24)
    made = gap(wrong, inside, ~inside, strata)
    assert made.value == pytest.approx(0, abs=1e-12)
    assert made.p > 0.4


def test_groups_that_share_no_stratum_are_not_compared() -> None:
    wrong, inside, strata = groups([(5, 5, 0, 0), (0, 0, 1, 9)])
    for sources in (None, np.arange(len(wrong))):
        made = gap(wrong, inside, ~inside, strata, sources)
        assert math.isnan(made.value)
        assert made.p == 1


def test_counts_of_a_third_group_are_left_out() -> None:
    wrong, inside, strata = groups([(1, 2, 3, 4)])
    outside = ~inside
    outside[np.flatnonzero(outside & wrong)[:2]] = False
    assert counts(wrong, inside, outside, strata).tolist() == [[[1, 2], [1, 4]]]


def test_every_image_its_own_source_changes_little() -> None:
    wrong, inside, strata = groups([(30, 70, 40, 260), (10, 90, 20, 180)])
    one, other = (
        gap(wrong, inside, ~inside, strata),
        gap(wrong, inside, ~inside, strata, np.arange(len(wrong))),
    )
    assert other.value == pytest.approx(one.value)
    assert other.ci == pytest.approx(one.ci, abs=0.01)
    assert other.p == pytest.approx(one.p, rel=2, abs=1e-4)


def test_ten_copies_of_each_image_are_no_more_evidence() -> None:
    wrong, inside, strata = groups([(12, 28, 16, 84)])
    alone = gap(wrong, inside, ~inside, strata, np.arange(len(wrong)))
    times = [np.repeat(v, 10) for v in (wrong, inside, strata, np.arange(len(wrong)))]
    copied = gap(times[0], times[1], ~times[1], times[2], times[3])
    assert copied.value == pytest.approx(alone.value)
    assert copied.ci == pytest.approx(alone.ci, abs=1e-9)
    assert copied.p == pytest.approx(alone.p)
    assert (
        gap(times[0], times[1], ~times[1], times[2]).p < 1e-6
    )  # what counting them as independent would claim


def test_images_of_one_house_keep_the_level() -> None:
    """Houses of eight images that share their luck, groups by house: taken as independent far too many gaps are seen."""
    rng = np.random.default_rng(0)
    seen = {True: 0, False: 0}
    for _ in range(300):
        luck = rng.beta(0.6, 2.4, 60)
        group = rng.random(60) < 0.4
        wrong = (rng.random((60, 8)) < luck[:, None]).ravel()
        inside, sources = np.repeat(group, 8), np.repeat(np.arange(60), 8)
        strata = np.tile(np.arange(4), 120)
        for clustered in seen:
            seen[clustered] += gap(wrong, inside, ~inside, strata, sources if clustered else None).p <= 0.05
    assert seen[True] <= 300 * 0.05 + 2 * (300 * 0.05 * 0.95) ** 0.5
    assert seen[False] > 300 * 0.1


def test_one_source_on_a_side_can_show_nothing() -> None:
    wrong, inside, strata = groups([(9, 1, 1, 9)])
    made = gap(wrong, inside, ~inside, strata, inside.astype(np.int64))
    assert made.ci == (-1.0, 1.0)
    assert made.p == 1


def test_worst_against_best_counts_images_of_one_house_together() -> None:
    """Houses that share their luck, streets by house: nothing is seen by chance; a street of bad houses is."""
    rng = np.random.default_rng(0)
    seen = {True: 0, False: 0}
    for _ in range(100):
        luck, street = rng.beta(0.5, 1.5, 40), rng.integers(0, 3, 40)
        wrong, codes, sources = rng.random(480) < luck.repeat(12), street.repeat(12), np.arange(40).repeat(12)
        strata = np.tile(np.arange(3), 160)
        gaps = [gap(wrong, codes == c, codes != c, strata, sources).value for c in range(3)]
        for clustered in seen:
            made = spread(wrong, codes, strata, [0, 1, 2], gaps, sources if clustered else None)
            assert made is not None
            seen[clustered] += made.p <= 0.05 or made.ci[0] > 0
    assert seen[True] <= 100 * 0.05 + 2 * (100 * 0.05 * 0.95) ** 0.5
    assert seen[False] > 30
    wrong = rng.random(480) < np.where(street == 1, 0.8, 0.1).repeat(12)
    gaps = [gap(wrong, codes == c, codes != c, strata, sources).value for c in range(3)]
    bad = spread(wrong, codes, strata, [0, 1, 2], gaps, sources)
    assert bad is not None
    assert (bad.worst, bad.p < 1e-4, bad.ci[0] > 0.4) == (1, True, True)


def test_the_spread_takes_the_extremes_and_pays_for_having_picked_them() -> None:
    rng = np.random.default_rng(0)
    codes = np.repeat([0, 1, 2], 200)
    wrong = rng.random(600) < np.repeat([0.02, 0.3, 0.15], 200)
    strata = np.tile([0, 1], 300)
    gaps = [gap(wrong, codes == c, codes != c, strata).value for c in range(3)]
    made = spread(wrong, codes, strata, [0, 1, 2], gaps)
    assert made is not None
    assert (made.worst, made.best) == (1, 0)
    plain = risk_difference(counts(wrong, codes == 1, codes == 0, strata))
    assert made.value == plain.value
    assert made.ci[0] < plain.ci[0]
    assert made.p < 1e-3
    assert spread(wrong, codes, strata, [0], gaps[:1]) is None
    assert spread(wrong, codes, strata, [0, 1], [math.nan, 0.1]) is None
