"""Controls: the cue's area and shape, never on forbidden ground, matched in place and pixel change."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failsight.tools.experiments.controls import change_ratio, draw_controls, integral
from failsight.tools.experiments.patches import Patch, area, as_mask, patches_of

FLAT = np.ones((20, 30))


def controls(mask: np.ndarray, draws: int = 8, energy: np.ndarray | None = None, seed: int = 0):  # type: ignore[no-untyped-def]
    ground = np.ones(mask.shape) if energy is None else energy
    return draw_controls(patches_of(mask), ground, draws, np.random.default_rng(seed))


@settings(deadline=None)
@given(
    st.integers(1, 30),
    st.integers(1, 30),
    st.lists(st.tuples(*[st.integers(0, 29)] * 4), min_size=1, max_size=4),
)
def test_equal_area_and_disjoint_or_none(
    height: int, width: int, corners: list[tuple[int, int, int, int]]
) -> None:
    mask = np.zeros((height, width), bool)
    for y0, x0, y1, x1 in corners:
        mask[min(y0, y1) : max(y0, y1) + 1, min(x0, x1) : max(x0, x1) + 1] = True
    made = controls(mask, 4)
    if not mask.any() or (~mask).sum() < mask.sum():
        assert made is None
        return
    assert made is not None
    assert len(made.draws) == 4
    for one in made.draws:
        painted = as_mask(one, height, width)
        assert not (painted & mask).any()
        assert painted.sum() == mask.sum() == area(one)


def test_the_shape_is_kept_where_it_fits() -> None:
    mask = np.zeros((20, 30), bool)
    mask[2:8, 3:12] = True
    made = controls(mask)
    assert made is not None
    assert made.same_shape
    assert all((p.y1 - p.y0, p.x1 - p.x0) == (6, 9) for (p,) in made.draws)


def test_several_parts_keep_their_shapes_and_do_not_touch() -> None:
    mask = np.zeros((20, 30), bool)
    mask[0:4, 0:4] = mask[10:12, 20:29] = True
    made = controls(mask)
    assert made is not None
    assert made.same_shape
    assert all(sorted(p.area for p in one) == [16, 18] for one in made.draws)


def test_the_place_is_matched() -> None:
    """A cue in the top left corner: its controls lie about as far out and about as high."""
    mask = np.zeros((60, 60), bool)
    mask[0:8, 0:8] = True
    made = controls(mask)
    assert made is not None
    centres = np.array([((p.y0 + p.y1) / 2, (p.x0 + p.x1) / 2) for (p,) in made.draws])
    assert centres[:, 0].mean() < 25  # anywhere would be 30 on average
    assert np.hypot(*(centres - 30).T).mean() > 25  # anywhere would be about 20; the cue's is 37


def test_busy_places_are_preferred_for_a_busy_cue() -> None:
    """Half of the picture is a blank wall that no fill would change."""
    mask = np.zeros((40, 40), bool)
    mask[16:24, 2:8] = True
    energy = np.zeros((40, 40))
    energy[:, :20] = 500.0
    made = controls(mask, 4, energy)
    assert made is not None
    assert change_ratio(patches_of(mask), made, energy) > 0.8


def test_two_placements_are_repeated_rather_than_invented() -> None:
    mask = np.zeros((4, 12), bool)
    mask[:, 4:8] = True
    made = controls(mask, 8)
    assert made is not None
    assert {p.x0 for (p,) in made.draws} == {0, 8}


def test_no_room_no_control() -> None:
    assert controls(np.ones((5, 5), bool)) is None
    assert controls(np.zeros((5, 5), bool)) is None
    mask = np.ones((5, 5), bool)
    mask[0] = False
    assert controls(mask) is None


def test_a_frame_gets_scattered_controls_of_its_area() -> None:
    mask = np.ones((20, 20), bool)
    mask[2:-2, 2:-2] = False
    made = controls(mask)
    assert made is not None
    assert not made.same_shape
    assert all(area(one) == mask.sum() for one in made.draws)


def test_a_summed_area_table_by_hand() -> None:
    table = integral(np.arange(12.0).reshape(3, 4))
    assert table[0].tolist() == [0] * 5
    assert table[2, 3] - table[0, 3] - table[2, 1] + table[0, 1] == 1 + 2 + 5 + 6


@pytest.mark.parametrize("dent", [False, True])
def test_pixel_change_is_measured_where_the_control_lies(dent: bool) -> None:
    """Rectangles take their change from a table, other shapes pixel by pixel: both find the one busy place."""
    energy = np.zeros((4, 20))
    energy[:, 0:4] = energy[:, 16:20] = 900.0
    mask = np.zeros((4, 20), bool)
    mask[:, 0:4] = True
    mask[3, 3] = not dent
    made = controls(mask, 1, energy)
    assert made is not None
    assert made.draws[0][0].x0 == 16
    assert change_ratio(patches_of(mask), made, energy) == pytest.approx(1)


def test_the_draw_is_seeded() -> None:
    mask = np.zeros((20, 30), bool)
    mask[5:9, 5:9] = True
    assert controls(mask, seed=1) == controls(mask, seed=1)
    assert controls(mask, seed=1) != controls(mask, seed=2)


def test_change_of_a_cue_that_masking_does_not_change_is_unknown() -> None:
    made = controls(np.eye(4, dtype=bool)[:, :4])
    assert made is not None
    assert np.isnan(change_ratio((Patch(0, 0, 1, 1),), made, np.zeros((4, 4))))


@pytest.mark.parametrize("draws", [1, 32])
def test_any_number_of_draws(draws: int) -> None:
    mask = np.zeros((9, 9), bool)
    mask[4, 4] = True
    made = controls(mask, draws)
    assert made is not None
    assert len(made.draws) == draws


def test_a_region_in_many_parts_is_moved_as_a_whole() -> None:
    taken = np.zeros((48, 48), bool)
    taken[24:44:4, 4:40:6] = True  # 30 specks in the lower half
    cue = patches_of(taken)
    made = draw_controls(cue, np.ones((48, 48)), 4, np.random.default_rng(0))
    assert made is not None and made.same_shape
    for draw in made.draws:
        moved = as_mask(draw, 48, 48)
        assert moved.sum() == taken.sum() and not (moved & taken).any()
        assert {(p.y0 - q.y0, p.x0 - q.x0) for p, q in zip(draw, cue, strict=True)} == {
            (draw[0].y0 - cue[0].y0, draw[0].x0 - cue[0].x0)
        }


def test_a_winding_region_fits_beside_itself_and_one_that_fills_the_picture_goes_round_it() -> None:
    winding = np.zeros((40, 40), bool)
    winding[8:32, 6:10] = winding[28:32, 6:28] = True  # an L whose box is most of the picture
    made = draw_controls(patches_of(winding), np.ones((40, 40)), 3, np.random.default_rng(0))
    assert made is not None and made.same_shape
    assert not any((as_mask(d, 40, 40) & winding).any() for d in made.draws)
    rows = np.zeros((40, 40), bool)
    rows[::3] = True  # from edge to edge, the first and the last row among them
    round_it = draw_controls(patches_of(rows), np.ones((40, 40)), 3, np.random.default_rng(0))
    assert round_it is not None and not round_it.same_shape
    for draw in round_it.draws:
        moved = as_mask(draw, 40, 40)
        assert moved.sum() == rows.sum() and not (moved & rows).any()
        assert moved.all(1).sum() == 14  # still stripes
