"""Rates of images in groups: known worth, hostile input, and the promise that readiness makes, by simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest

from failsight.tools.stats.floors import exact
from failsight.tools.stats.grouped import ALONE, Grouped, grouped


def draws(
    rng: np.random.Generator, rate: float, icc: float, sizes: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(right, group) of images whose groups have rates of their own (beta-binomial)."""
    luck = rng.beta(rate * (1 - icc) / icc, (1 - rate) * (1 - icc) / icc, len(sizes))
    group = np.repeat(np.arange(len(sizes)), sizes)
    return rng.random(len(group)) < luck[group], group


class TestKnownWorth:
    def test_images_that_stand_alone_are_worth_what_they_are(self) -> None:
        hits = np.arange(40) % 4 > 0
        made = grouped(hits, np.arange(40) + 7)
        assert made.worth() == 1 and made.exact(30, 40) == pytest.approx(exact(30, 40))
        assert ALONE.exact(30, 40) == pytest.approx(exact(30, 40))

    def test_images_all_alike_in_their_group_are_worth_one_each(self) -> None:
        hits = np.repeat(np.arange(30) % 3 > 0, 10)
        made = grouped(hits, np.repeat(np.arange(30), 10))
        assert made.groups == 30 and made.effect == pytest.approx(10 * 30 / 29)
        low, high = made.exact(200, 300)
        assert low < exact(20, 30)[0] and high > exact(20, 30)[1]  # Student's t for 29 degrees of freedom

    def test_without_any_error_nothing_tells_how_alike_they_are(self) -> None:
        made = grouped(np.ones(60, bool), np.repeat(np.arange(10), 6))
        assert made.effect == pytest.approx(6)
        assert made.exact(60, 60)[0] < exact(10, 10)[0] + 1e-9

    def test_never_narrower_than_independent(self) -> None:
        rng = np.random.default_rng(0)
        for _ in range(50):
            sizes = rng.integers(1, 9, 12)
            hits = rng.random(int(sizes.sum())) < 0.7
            k, n = int(hits.sum()), len(hits)
            made, plain = grouped(hits, np.repeat(np.arange(12), sizes)).exact(k, n), exact(k, n)
            assert made[0] <= plain[0] + 1e-9 and made[1] >= plain[1] - 1e-9


class TestHostile:
    def test_a_single_group_says_nothing(self) -> None:
        made = grouped(np.ones(6, bool), np.zeros(6, np.int64))
        assert made.worth() == 0 and made.exact(6, 6) == (0.0, 1.0)

    def test_no_images(self) -> None:
        made = grouped(np.zeros(0, bool), np.zeros(0, np.int64))
        assert made.groups == 0 and made.exact(0, 0) == (0.0, 1.0)

    def test_one_image(self) -> None:
        assert grouped(np.ones(1, bool), np.array([3])).exact(1, 1) == pytest.approx(exact(1, 1))

    def test_one_large_group_among_single_images_counts_by_its_size(self) -> None:
        group = np.concatenate([np.zeros(100, np.int64), np.arange(1, 6)])
        made = grouped(np.arange(105) % 2 == 0, group)
        assert math.isfinite(made.freedom) and made.freedom < 0.2
        low, high = made.exact(53, 105)
        assert low < 0.05 and high > 0.95

    def test_freedom_that_is_too_small_does_not_break_it(self) -> None:
        assert Grouped(2, 3.0, 1e-9).exact(5, 10)[0] >= 0.0


@pytest.mark.parametrize("icc", [0.2, 0.4])
@pytest.mark.parametrize(("bound", "each", "groups"), [(0.9, 6, 60), (0.95, 20, 30), (0.8, 12, 20)])
def test_a_model_at_the_floor_is_rarely_called_ready(
    icc: float, bound: float, each: int, groups: int
) -> None:
    """Images taken for independent: 5 to 22 %. The model lies at the floor, where the chance of an error is largest."""
    rng = np.random.default_rng([int(100 * icc), each, groups])
    runs, ready, plainly = 600, 0, 0
    for _ in range(runs):
        hits, group = draws(rng, bound, icc, np.full(groups, each))
        k, n = int(hits.sum()), len(hits)
        ready += grouped(hits, group).exact(k, n)[0] >= bound
        plainly += exact(k, n)[0] >= bound
    assert ready / runs <= 0.045  # 2.5 % and what 600 runs add to it
    assert plainly > 2 * ready
