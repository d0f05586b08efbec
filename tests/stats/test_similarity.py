"""How alike feature spaces are: what must not change it, what chance shows, and its interval."""

from __future__ import annotations

import math

import numpy as np
import pytest

from failsight.tools.stats.similarity import alignment, neighbours_shared


def _turned(x: np.ndarray, seed: int) -> np.ndarray:
    q, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(x.shape[1], x.shape[1])))
    made: np.ndarray = 3.7 * x @ q + 5
    return made


def test_rotation_scale_and_place_change_nothing() -> None:
    x = np.random.default_rng(0).normal(size=(120, 12))
    assert alignment(x, _turned(x, 1)).value == pytest.approx(1)
    assert neighbours_shared(x, 3.7 * x, 5).value == 1


def test_unrelated_spaces_are_at_chance_even_with_more_channels_than_images() -> None:
    rng = np.random.default_rng(1)
    values = [alignment(rng.normal(size=(60, 300)), rng.normal(size=(60, 200))).value for _ in range(20)]
    assert abs(np.mean(values)) < 0.02
    made = neighbours_shared(rng.normal(size=(200, 10)), rng.normal(size=(200, 10)), 10)
    assert made.chance == pytest.approx(10 / 199)
    assert made.ci[0] <= made.chance <= made.ci[1]


def test_the_unbiased_estimate_agrees_with_the_plain_one_for_many_images() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(500, 4)) @ np.diag([2, 1, 1, 0.5])
    y = x + rng.normal(size=x.shape)
    xc, yc = x - x.mean(0), y - y.mean(0)
    plain = np.linalg.norm(xc.T @ yc) ** 2 / (np.linalg.norm(xc.T @ xc) * np.linalg.norm(yc.T @ yc))
    assert alignment(x, y).value == pytest.approx(plain, abs=0.015)


@pytest.mark.slow
def test_the_interval_holds_the_value_of_many_more_images() -> None:
    rng = np.random.default_rng(3)

    def pair(n: int) -> tuple[np.ndarray, np.ndarray]:
        x = rng.normal(size=(n, 8)) @ np.diag(np.linspace(0.3, 2, 8))
        return x, x + 2 * rng.normal(size=x.shape)

    true = alignment(*pair(1500)).value
    hits = sum(lo <= true <= hi for lo, hi in (alignment(*pair(60)).ci for _ in range(60)))
    assert hits >= 51


def test_too_few_images_have_no_interval_or_no_value() -> None:
    rng = np.random.default_rng(4)
    few = alignment(rng.normal(size=(10, 3)), rng.normal(size=(10, 3)))
    assert math.isfinite(few.value) and math.isnan(few.ci[0])
    assert math.isnan(alignment(np.zeros((2, 3)), np.zeros((2, 3))).value)
    assert math.isnan(alignment(np.ones((30, 3)), rng.normal(size=(30, 3))).value)  # one place for all images
    assert math.isnan(neighbours_shared(np.zeros((5, 2)), np.zeros((5, 2)), 10).value)


@pytest.mark.parametrize("other", [np.zeros((4, 2)), np.full((5, 2), np.nan), np.zeros(5)])
def test_features_that_do_not_fit_are_refused(other: np.ndarray) -> None:
    with pytest.raises(ValueError):
        alignment(np.zeros((5, 2)), other)
