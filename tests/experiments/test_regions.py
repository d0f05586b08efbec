"""The region grammar, the places it names, and the patches they become."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from failsight.tools.errors import RetryError
from failsight.tools.experiments.patches import area, as_mask, paint, patches_of
from failsight.tools.experiments.regions import most_salient, parse_region, pixel_box

OBJECTS = {"television": 7, "cat": 2}


def mask(spec: str, height: int = 10, width: int = 20) -> np.ndarray:
    return parse_region(spec, OBJECTS, ("a", "b")).mask(height, width)


def test_a_rectangle_in_fractions() -> None:
    made = mask("rect:0.5,0,1,0.3")
    assert made[:3, 10:].all()
    assert made.sum() == 30


def test_a_grid_cell_counts_from_one() -> None:
    made = mask("grid:1,4/2x4")
    assert made[:5, 15:].all()
    assert made.sum() == 25


@pytest.mark.parametrize(("height", "width"), [(30, 70), (224, 224), (3, 7), (11, 13)])
def test_grid_cells_tile_the_picture(height: int, width: int) -> None:
    total = sum(
        mask(f"grid:{r},{c}/3x7", height, width).astype(int) for r in range(1, 4) for c in range(1, 8)
    )
    assert (total == 1).all()


def test_no_region_is_empty_in_a_small_picture() -> None:
    assert mask("grid:2,3/9x9", 2, 2).sum() == 1
    assert mask("rect:0.999,0.999,1,1", 5, 5)[4, 4]


def test_border_and_corners() -> None:
    border = mask("border:0.1")
    assert not border[1:9, 2:18].any()
    assert border.sum() == 200 - 8 * 16
    corners = mask("corners:0.2")
    assert corners.sum() == 4 * 2 * 4
    assert corners[0, 0] and corners[-1, -1] and not corners[5, 0]


def test_boxes_are_a_union_and_never_lose_a_pixel() -> None:
    region = parse_region("box:Television", OBJECTS, ())
    assert region.spec == "box:television"
    made = region.mask(10, 10, [(0, 0, 0.11, 0.11), (0.05, 0.05, 0.2, 0.2)])
    assert made.sum() == 4
    assert not region.mask(10, 10, [(0.3, 0.3, 0.3, 0.9), (float("nan"), 0, 1, 1)]).any()
    assert region.mask(4, 4, [(-3, -3, 9, 9)]).all()


def test_float_noise_adds_no_row() -> None:
    assert pixel_box((0.1 * 3, 0, 0.7, 0.1 + 0.2), 10, 10) == (0, 3, 3, 7)


def test_saliency_regions() -> None:
    region = parse_region("saliency:top25%:b", OBJECTS, ("a", "b"))
    assert (region.name, region.share) == ("b", 0.25)
    saliency = np.arange(16, dtype=np.float32).reshape(4, 4)
    assert most_salient(saliency, 0.25).tolist() == [[False] * 4] * 3 + [[True] * 4]
    assert most_salient(np.zeros((3, 3), np.float32), 0.01).sum() == 1
    with pytest.raises(ValueError):
        region.mask(4, 4)


@pytest.mark.parametrize(
    "spec",
    [
        "",
        "box:",
        "rect:1,2",
        "rect:a,b,c,d",
        "grid:0,1/2x2",
        "grid:1/2",
        "border:x",
        "corners:0.6",
        "saliency:all",
    ],
)
def test_what_is_not_in_the_grammar_is_refused(spec: str) -> None:
    with pytest.raises(RetryError):
        parse_region(spec, OBJECTS, ("a",))


@settings(deadline=None)
@given(hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12)))
def test_patches_are_the_mask(mask: np.ndarray) -> None:
    made = patches_of(mask)
    assert (as_mask(made, *mask.shape) == mask).all()
    assert area(made) == mask.sum()


@settings(deadline=None)
@given(hnp.arrays(bool, (6, 9)), st.integers(0, 255))
def test_painting_changes_the_patches_and_nothing_else(mask: np.ndarray, grey: int) -> None:
    picture = np.full((6, 9, 3), 7, np.uint8)
    paint(picture, patches_of(mask), np.full((6, 9, 3), grey, np.uint8))
    assert (picture[mask] == grey).all()
    assert (picture[~mask] == 7).all()
