"""Doses are nested and exact; soft edges fade inside the piece; pieces land where they should."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failsight.tools.errors import RetryError
from failsight.tools.experiments.donors import matte, paste
from failsight.tools.experiments.doses import Response, check_doses, gradient, grown, subset
from failsight.tools.experiments.patches import Patch, as_mask

SHARES = st.floats(0.01, 1)


@given(
    st.integers(1, 12), st.integers(1, 12), SHARES, SHARES, st.floats(0, 1), st.floats(0, 1), st.booleans()
)
@settings(max_examples=60, deadline=None)
def test_doses_are_nested_and_have_their_area(
    tall: int, wide: int, a: float, b: float, u: float, v: float, shaped: bool
) -> None:
    shape = None
    if shaped:
        shape = np.random.default_rng(tall * 13 + wide).random((tall, wide)) < 0.7
        shape[0, 0] = True
    whole = Patch(2, 3, 2 + tall, 3 + wide, shape)
    small, large = (as_mask((grown(whole, d, (u, v)),), 20, 20) for d in sorted((a, b)))
    inside = as_mask((whole,), 20, 20)
    assert (small <= large).all() and (large <= inside).all()
    assert large.sum() == max(1, round(max(a, b) * whole.area))


def test_a_dose_is_one_window_of_the_cue_s_shape() -> None:
    part = grown(Patch(0, 0, 8, 16), 0.25, (0.0, 0.0))
    assert part.shape is not None
    assert part.shape[:4, :8].all() and part.shape.sum() == 32


def test_doses_end_with_the_whole() -> None:
    assert check_doses((0.5, 0.25, 0.5)) == (0.25, 0.5, 1.0)
    assert check_doses(()) == ()
    for wrong in ((0.0,), (1.5,), (float("nan"),)):
        with pytest.raises(RetryError):
            check_doses(wrong)
    assert len(subset(1000, 0)) == 100
    assert subset(3, 0).tolist() == [0, 1, 2]


def test_the_trend_is_the_mean_slope_and_flat_effects_have_none() -> None:
    doses = (0.25, 0.5, 0.75, 1.0)
    rising = Response(doses, np.outer(np.linspace(0.5, 1.5, 30), doses), np.zeros((30, 4)))
    found = gradient(rising, 0)
    assert found is not None
    assert found.slope == pytest.approx(1.0)
    assert found.p < 1e-3
    assert found.monotone
    noise = np.random.default_rng(1).normal(size=(30, 4))
    flat = gradient(Response(doses, noise, np.zeros((30, 4))), 0)
    assert flat is not None
    assert flat.ci[0] < 0 < flat.ci[1]
    assert gradient(Response((1.0,), noise[:, :1], noise[:, :1]), 0) is None
    assert gradient(Response(doses, noise[:1], noise[:1]), 0) is None


def test_doses_count_donors_as_the_whole_experiment_does() -> None:
    """Luck of five donors, each of which gives to many pictures: pictures alone would look far surer than they are."""
    rng = np.random.default_rng(3)
    donors = np.repeat(rng.integers(0, 5, (60, 2))[:, :, None], 2, axis=2)
    luck = rng.normal(0, 0.3, 5)
    draws = (0.4 + luck[donors[..., 0]])[..., None] * np.array([0.5, 1.0]) + rng.normal(0, 0.01, (60, 2, 2))
    cue = draws.mean(1)
    counted = Response((0.5, 1.0), cue, np.zeros((60, 2)), draws, donors)
    alone = Response((0.5, 1.0), cue, np.zeros((60, 2)))
    for at in (0, 1):
        wide, narrow = counted.interval(at, 0), alone.interval(at, 0)
        assert wide is not None and narrow is not None
        assert wide[0] <= narrow[0] and narrow[1] <= wide[1]
        assert wide[1] - wide[0] > 1.5 * (narrow[1] - narrow[0])
    with_donors, without = gradient(counted, 0), gradient(alone, 0)
    assert with_donors is not None and without is not None
    assert with_donors.slope == pytest.approx(without.slope)
    assert with_donors.p > 0.01 > without.p  # five donors can't be surer than one in 32


def test_the_trend_test_keeps_its_level_when_doses_of_one_picture_go_together() -> None:
    rejected = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        cue = rng.normal(size=(20, 1)) + 0.5 * rng.normal(size=(20, 4))
        found = gradient(Response((0.25, 0.5, 0.75, 1.0), cue, np.zeros((20, 4))), seed)
        rejected += found is not None and found.p <= 0.05
    assert rejected <= 8  # 3 expected; more than 8 has probability 0.4 %


def test_edges_fade_inside_the_piece_and_not_at_the_picture_s_edge() -> None:
    hard = matte(Patch(2, 2, 6, 6), 10, 10, 0)
    assert (hard == 1).all()
    soft = matte(Patch(2, 2, 12, 12), 20, 20, 0.1)
    assert soft[0, 0] == soft[0, 5] == 0.5
    assert (soft[1:-1, 1:-1] == 1).all()
    corner = matte(Patch(0, 0, 10, 10), 20, 20, 0.1)
    assert (corner[:9, :9] == 1).all() and corner[9, 0] == 0.5
    assert (matte(Patch(0, 0, 10, 10, np.ones((10, 10), bool)), 10, 10, 0.3) == 1).all()
    shaped = np.ones((10, 10), bool)
    as_shape = matte(Patch(2, 2, 12, 12, shaped), 20, 20, 0.2)
    assert as_shape == pytest.approx(matte(Patch(2, 2, 12, 12), 20, 20, 0.2))


def test_a_frame_fades_by_the_width_of_its_bars() -> None:
    ring = np.ones((40, 40), bool)
    ring[4:36, 4:36] = False
    seen = matte(Patch(0, 0, 40, 40, ring), 40, 40, 0.25)
    assert seen[0, 20] == 1
    assert 0 < seen[3, 20] < 1
    assert (seen[~ring] == 0).all()


def test_pasting_blends_what_stands_at_the_origin() -> None:
    picture, source = np.zeros((10, 10, 3), np.uint8), np.full((10, 10, 3), 200, np.uint8)
    paste(picture, Patch(5, 5, 9, 9), source, Patch(0, 0, 4, 4), 0.25)
    assert picture[5, 5, 0] == 100
    assert (picture[6:8, 6:8] == 200).all()
    assert picture.astype(int).sum() == 3 * (12 * 100 + 4 * 200)
