"""Means over images and runs: hand-computed cases, an oracle, and simulated coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsight.tools.stats.crossed import crossed_difference, crossed_mean
from failsight.tools.stats.tests import mcnemar_exact


def test_the_parts_of_a_small_table_by_hand() -> None:
    x = [[1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0]]
    made = crossed_mean(x, counts=False)
    # images' means 0.5, 0, 0, 1 about 0.375; runs' means 0.5, 0.25
    assert made.mean == 0.375
    assert made.image_part == pytest.approx((0.125**2 + 2 * 0.375**2 + 0.625**2) / 3 / 4)
    assert made.run_part == pytest.approx(2 * 0.125**2 / (2 * 1))
    rest = np.array(x) - np.mean(x, 0) - np.array([[0.5], [0.25]]) + 0.375
    assert made.rest_part == pytest.approx((rest**2).sum() / (3 * 1 * 8))
    assert made.se == pytest.approx(math.sqrt(made.image_part + made.run_part))
    expected = (made.image_part + made.run_part) ** 2 / (made.image_part**2 / 3 + made.run_part**2 / 1)
    assert made.freedom == pytest.approx(expected)


@pytest.mark.slow  # scipy.stats takes seconds to load
def test_one_run_is_the_paired_t_interval_of_scipy() -> None:
    from scipy import stats

    x = np.random.default_rng(0).normal(0.1, 0.3, 40)
    made = crossed_mean(x, counts=False)
    low, high = stats.t.interval(0.95, 39, x.mean(), stats.sem(x))
    assert made.ci == pytest.approx((low, high))
    assert made.p() == pytest.approx(
        stats.ttest_1samp(x, 0).pvalue, abs=0.003
    )  # the larger of it and sign flips


def test_discordant_pairs_of_one_run_are_tested_as_mcnemar_does() -> None:
    x = np.array([1.0] * 9 + [-1.0] * 2 + [0.0] * 30)
    assert crossed_mean(x).flip_p[0] == pytest.approx(mcnemar_exact(9, 2))
    assert crossed_mean(x).flip_p[1] == pytest.approx(mcnemar_exact(9, 2, "greater"))


def test_few_images_that_all_agree_are_no_certainty() -> None:
    made = crossed_mean(np.zeros((3, 20)))
    assert made.mean == 0
    assert made.ci[0] == pytest.approx(-made.ci[1])
    assert 0.05 < made.ci[1] < 0.15
    assert made.p() == 1
    assert crossed_mean(np.zeros((3, 2000))).ci[1] < 0.002


def test_images_that_belong_together_count_as_one() -> None:
    x = np.repeat(np.random.default_rng(1).normal(0, 0.3, 15), 8)
    alone, together = (
        crossed_mean(x, counts=False),
        crossed_mean(x, groups=np.repeat(np.arange(15), 8), counts=False),
    )
    assert together.n == 15
    assert together.mean == pytest.approx(alone.mean)
    assert together.se > 2.5 * alone.se


def test_runs_that_differ_widen_the_interval_and_more_images_do_not_mend_that() -> None:
    rng = np.random.default_rng(2)
    calm = rng.normal(0, 0.2, (3, 400))
    wild = calm + np.array([[-0.2], [0.0], [0.2]])
    assert crossed_mean(wild, counts=False).se > 5 * crossed_mean(calm, counts=False).se
    assert crossed_mean(wild, counts=False).images_for(0.05) is None
    assert crossed_mean(wild, counts=False).runs_for(0.15) is not None
    needed = crossed_mean(calm, counts=False).images_for(0.01)
    assert needed is not None
    assert crossed_mean(calm, counts=False).half_width(needed) <= 0.01


@given(st.integers(2, 30), st.integers(1, 4), st.integers(0, 10_000))
def test_turning_the_sign_turns_everything(n: int, runs: int, seed: int) -> None:
    x = np.random.default_rng(seed).integers(-1, 2, (runs, n)).astype(float)
    one, other = crossed_mean(x), crossed_mean(-x)
    assert other.mean == pytest.approx(-one.mean)
    assert other.ci == pytest.approx((-one.ci[1], -one.ci[0]))
    assert other.p("less") == pytest.approx(one.p("greater"), abs=0.03)
    assert -1 <= one.ci[0] <= one.ci[1] <= 1


@pytest.mark.parametrize("bad", [np.zeros((2, 0)), np.array([[np.nan, 1.0]]), np.zeros((2, 2, 2))])
def test_what_is_no_table_of_numbers_is_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError):
        crossed_mean(bad)


def test_what_differs_from_run_to_run_is_learnt_from_both_arms() -> None:
    a = np.array([[1.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 0.0], [1.0, 1.0, 0.0, 1.0]])
    b = np.array([[0.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0]])
    apart = [crossed_mean(x).run_part for x in (a, b)]
    paired = crossed_mean(a - b)
    made = crossed_difference(a, b)
    assert made.mean == paired.mean and made.image_part == paired.image_part
    assert made.run_part == pytest.approx((sum(apart) + paired.run_part) / 2)
    total, run = made.se**2, made.run_part
    assert made.freedom == pytest.approx(total**2 / (made.image_part**2 / 3 + run**2 / (1.6 * 2)))


def test_arms_that_are_alike_differ_by_nothing_from_run_to_run() -> None:
    wild = np.random.default_rng(3).random((3, 400)) < np.array([[0.1], [0.5], [0.9]])
    made = crossed_difference(wild, wild)
    assert made.run_part == 0 and made.ci[1] < 0.01
    calm = np.repeat(wild[:1], 3, 0)
    lone = crossed_difference(wild, calm)
    assert lone.se == crossed_mean(wild.astype(float) - calm).se and lone.run_freedom == 1
    one = crossed_difference(wild[:1], wild[1:2])
    assert one.se == pytest.approx(crossed_mean(wild[:1].astype(float) - wild[1:2]).se)


def test_two_arms_must_fit_together() -> None:
    with pytest.raises(ValueError, match="same runs"):
        crossed_difference(np.zeros((3, 4)), np.zeros((2, 4)))


def _arms(seed: int, n: int, runs: int, between: float) -> tuple[np.ndarray, np.ndarray]:
    """Errors of two arms, images of different hardness, runs of different luck; the truth is 0."""
    rng = np.random.default_rng(seed)
    hard = rng.normal(0, 1.5, n)
    arms = [
        rng.random((runs, n)) < 1 / (1 + np.exp(-(hard - 1 + rng.normal(0, between, (runs, 1)))))
        for _ in range(2)
    ]
    return arms[0].astype(float), arms[1].astype(float)


@pytest.mark.parametrize(("n", "runs", "between"), [(40, 3, 0.0), (40, 3, 0.5), (300, 3, 0.5), (300, 5, 0.3)])
def test_intervals_cover_other_images_and_other_runs(n: int, runs: int, between: float) -> None:
    pairs = [_arms(seed, n, runs, between) for seed in range(1000, 1400)]
    made = [crossed_mean(a - b, flips=False) for a, b in pairs]
    both = [crossed_difference(a, b, flips=False) for a, b in pairs]
    hits, more = (sum(m.ci[0] <= 0 <= m.ci[1] for m in many) for many in (made, both))
    assert hits >= 0.89 * 400  # 92 % at the least, over 2000 of them; two standard errors below that are 89 %
    assert more >= 0.92 * 400  # 94 % at the least
    assert np.mean([m.ci[1] - m.ci[0] for m in both]) < 0.97 * np.mean([m.ci[1] - m.ci[0] for m in made])


def test_intervals_over_images_alone_would_not_cover() -> None:
    """Why runs have to count: the same data, each image's mean taken for the only chance there is."""
    missed = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        hard = rng.normal(0, 1.5, 300)
        arms = [
            rng.random((3, 300)) < 1 / (1 + np.exp(-(hard - 1 + rng.normal(0, 0.5, (3, 1)))))
            for _ in range(2)
        ]
        made = crossed_mean((arms[0].astype(float) - arms[1]).mean(0), flips=False)
        missed += not made.ci[0] <= 0 <= made.ci[1]
    assert missed > 60
