"""What the grammar of regions reads, what it refuses, and the parts that pictures are cut into."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from failsight.tools.errors import RetryError
from failsight.tools.experiments import regions_segments as cut
from failsight.tools.experiments.regions import Region, parse_region
from failsight.tools.experiments.regions_colour import NAMED, hsv, parse_colour, without_specks
from failsight.tools.experiments.regions_files import mask_files, points_of, read_points
from failsight.tools.experiments.regions_finders import onto, open_places, region_print
from failsight.tools.experiments.regions_places import look
from failsight.tools.test_by_adding import test_by_adding as add
from failsight.tools.test_by_masking import test_by_masking as mask
from failsight.tools.test_by_swapping import test_by_swapping as swap
from tests.experiments.red_world import CLASSES, draw_masks, is_red, squares, world
from tests.fakes.view import FakeTable

for one in (add, mask, swap):
    one.__test__ = False  # type: ignore[attr-defined]  # tools, not tests
COLUMNS = ("red", "green", "spot_x", "spot_y")


def parsed(spec: str) -> Region:
    return parse_region(spec, {"lamp": 3}, CLASSES, COLUMNS)


@pytest.mark.parametrize(
    ("spec", "normal", "title"),
    [
        ("point:0.5,.25", "point:0.5,0.25,0.1", "the disc at 0.5,0.25"),
        ("POINT: 0.5, 0.25, 0.3", "point:0.5,0.25,0.3", "the disc at 0.5,0.25"),
        ("point:@red,0.2", "point:@red,0.2", "the places marked in red"),
        ("click:0.1,0.2", "click:0.1,0.2", "what lies at 0.1,0.2"),
        ("click:@spot,30", "click:@spot,30", "what lies under the places marked in spot"),
        ("segment:0.1,0.2", "segment:0.1,0.2", "the segment at 0.1,0.2"),
        ("segment:@red/100", "segment:@red/100", "the segments marked in red"),
        ("segment:Red", "segment:red", "the segments that are red"),
        ("segment:h0-20/8", "segment:h0-20/8", "the segments that are of hue 0–20°"),
        ("segment:salient1", "segment:salient1", "the most salient segment"),
        ("segment:salient3:DAY/60", "segment:salient3:day/60", "the third most salient segment"),
        ("color:gray", "colour:grey", "what is grey"),
        ("colour:h350-10,s.4-1", "colour:h350-10,s0.4-1", "what is of hue 350–10°, saturation 0.4–1"),
        ("saliency:place10", "saliency:place10%", "the place that is most salient on average (10 % of the picture)"),
        ("object:dining_table@.7", "object:dining_table@0.7", "the dining table"),
        ("text:a red cushion", "text:a red cushion", "“a red cushion”"),
        ("text:a: b = c@0.25", "text:a: b = c@0.25", "“a: b = c”"),
        ("mask:masks/tv=3", "mask:masks/tv=3", "the part masked in tv"),
    ],
)  # fmt: skip
def test_regions_are_read_and_told(spec: str, normal: str, title: str) -> None:
    made = parsed(spec)
    assert (made.spec, made.title) == (normal, title)
    assert parsed(made.spec) == made


@pytest.mark.parametrize(
    "spec",
    [
        "point:", "point:0.5", "point:0.5,2", "point:0.5,0.5,0", "point:0.5,0.5,2", "point:nan,0.5", "point:0.5,0.5,inf",
        "point:0.1,0.1,0.1,0.1", "point:@", "point:@blue", "point:@red,1,2", "click:1.5,0", "click:0.5,0.5,-1",
        "click:0.5,0.5,101", "click:red", "segment:", "segment:0.5", "segment:0.5,0.5,3", "segment:0.5,0.5/1",
        "segment:0.5,0.5/2001", "segment:red/0", "segment:reddish", "segment:salient0", "segment:salient1:dusk",
        "segment:@blue", "colour:", "colour:reddish", "colour:h400-10", "colour:s0.8-0.2", "colour:h1-2,h3-4",
        "colour:red,blue", "colour:v2-3", "saliency:place0%", "saliency:bottom5%", "object:", "object:  ", "object:tv@0",
        "object:tv@1.0", "text:", "text: @0.5", "text:" + "x" * 201, "text:\x00", "mask:", "circle:3", "grid:9999,1/2x2",
    ],
)  # fmt: skip
def test_what_is_no_region_is_refused(spec: str) -> None:
    with pytest.raises(RetryError):
        parsed(spec)


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_a_region_or_is_refused(text: str) -> None:
    for kind in (
        "",
        "point:",
        "click:",
        "segment:",
        "colour:",
        "text:",
        "object:",
        "mask:",
        "saliency:",
        "grid:",
    ):
        try:
            made = parsed(kind + text)
        except RetryError:
            continue
        assert parsed(made.spec).spec == made.spec
        assert made.title


# -- colours -----------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(hnp.arrays(np.uint8, (5, 3)))
def test_hues_are_those_of_the_standard_library(colours: np.ndarray) -> None:
    import colorsys

    hue, saturation, value = hsv(colours)
    for i, (r, g, b) in enumerate((colours / 255).tolist()):
        h, s, v = colorsys.rgb_to_hsv(r, g, b)
        assert math.isclose(s, saturation[i], abs_tol=1e-5) and math.isclose(v, value[i], abs_tol=1e-5)
        assert min(abs(360 * h - hue[i]), 360 - abs(360 * h - hue[i])) < 1e-2


@pytest.mark.parametrize(
    ("name", "colour"),
    [
        ("red", (220, 20, 30)), ("red", (200, 30, 20)), ("orange", (250, 140, 20)), ("yellow", (240, 220, 40)),
        ("green", (40, 160, 60)), ("cyan", (40, 200, 220)), ("blue", (30, 60, 200)), ("purple", (120, 40, 180)),
        ("pink", (250, 120, 200)), ("brown", (110, 70, 40)), ("white", (250, 250, 245)), ("grey", (128, 128, 128)),
        ("black", (10, 10, 12)),
    ],
)  # fmt: skip
def test_colours_have_the_names_that_people_give_them(name: str, colour: tuple[int, int, int]) -> None:
    one = np.array([[colour]], np.uint8)
    assert NAMED[name].inside(one).all()
    assert name == "red" or not NAMED["red"].inside(one).any()


def test_a_range_of_hues_may_pass_through_zero() -> None:
    wheel = np.array([[(255, 0, 0), (255, 0, 30), (255, 40, 0), (0, 255, 0), (128, 128, 128)]], np.uint8)
    assert parse_colour("h350-12").inside(wheel).tolist() == [[True, True, True, False, False]]
    assert parse_colour("h12-350").inside(wheel).tolist() == [[False, False, False, True, False]]
    assert parse_colour("v0-1").inside(wheel).all()


def test_specks_are_no_region() -> None:
    made = np.zeros((100, 100), bool)
    made[5:15, 5:15] = made[50, 50] = made[70:73, 70:73] = True
    kept = without_specks(made)
    assert kept.sum() == 100 and kept[5:15, 5:15].all()
    assert not without_specks(np.zeros((4, 4), bool)).any()


# -- segments, clicks, discs --------------------------------------------------------------------------


def test_segments_tile_the_picture_and_keep_to_edges() -> None:
    picture = np.full((64, 64, 3), 120, np.uint8)
    picture[16:48, 16:48] = (220, 20, 30)
    labels = cut.segments(picture, 30)
    assert labels.shape == (64, 64)
    assert 10 <= len(np.unique(labels)) <= 60
    red = cut.of_colour(labels, picture, NAMED["red"])
    truth = np.zeros((64, 64), bool)
    truth[16:48, 16:48] = True
    # a border that is a pixel off is 0.88, which is what another build of the segmentation makes of it
    assert (red & truth).sum() / (red | truth).sum() > 0.85
    inside = cut.at_points(labels, [(0.5, 0.5)])
    assert inside[32, 32] and not (inside & ~truth).sum() > 0.2 * inside.sum()


@pytest.mark.parametrize(
    ("size", "count"), [((1, 1), 40), ((2, 3), 2000), ((20, 20), 2000), ((64, 48), 2000)]
)
def test_more_segments_than_a_picture_has_room_for_are_as_many_as_it_has(
    size: tuple[int, int], count: int
) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (*size, 3)).astype(np.uint8)
    labels = cut.segments(picture, count)
    assert labels.shape == size
    assert labels.max() + 1 <= max(1, size[0] * size[1] // 4)
    assert (cut.segments(np.zeros((*size, 3), np.uint8), count) == 0).all()


def test_segments_are_counted_by_saliency() -> None:
    labels = np.repeat([[0, 1, 2, 4]], 4, 0)
    saliency = np.repeat([[0.1, 0.9, 0.5, 0.3]], 4, 0).astype(np.float32)
    assert [int(labels[cut.by_saliency(labels, saliency, k)][0]) for k in (1, 2, 3, 4)] == [1, 2, 4, 0]
    assert not cut.by_saliency(labels, saliency, 5).any()


def test_a_click_takes_what_hangs_together_and_no_more() -> None:
    picture = np.full((20, 20, 3), 100, np.uint8)
    picture[2:8, 2:8] = picture[12:18, 12:18] = (200, 30, 30)
    picture[2:8, 2:8] += np.random.default_rng(0).integers(0, 4, (6, 6, 3)).astype(np.uint8)
    made = cut.flooded(picture, [(0.25, 0.25)])
    assert made[2:8, 2:8].all() and made.sum() == 36
    assert cut.flooded(picture, [(0.25, 0.25), (0.75, 0.75)]).sum() == 72
    assert cut.flooded(picture, [(1.0, 1.0)]).sum() == 400 - 72
    assert not cut.flooded(picture, []).any()
    assert cut.flooded(picture, [(0.25, 0.25)], 100).sum() > 36


@settings(deadline=None)
@given(st.floats(0, 1), st.floats(0, 1), st.floats(0.001, 1))
def test_discs_are_never_empty_and_about_as_large_as_said(x: float, y: float, radius: float) -> None:
    made = cut.discs([(x, y)], radius, 24, 40)
    assert made.any()
    assert made.sum() <= math.pi * (radius * 24 + 1) ** 2 + 1


# -- what comes with the data -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "points"),
    [
        ("0.1,0.2", [(0.1, 0.2)]), ("0.1 0.2; 0.3,0.4", [(0.1, 0.2), (0.3, 0.4)]), ("[0.1, 0.2]", [(0.1, 0.2)]),
        ("[[1, 2], [3, 4]]", [(1, 2), (3, 4)]), ("", []), (None, []), (float("nan"), []), ("here", []), ("1,2,3", []),
        ("[" * 3000, []), ("-1,2", []), ("inf,0", []), ("[]", []), ('[{"x": 1}]', []), ([None, 0.5], []),
    ],
)  # fmt: skip
def test_cells_are_read_as_points(cell: Any, points: list[tuple[float, float]]) -> None:
    assert read_points(cell) == points


def test_points_are_fractions_or_pixels_for_the_whole_column() -> None:
    table = squares(3)
    table.columns |= {"px": ["16,8", "0,0", "99,1"], "spot_x": [0.5, None, 0.2], "spot_y": [0.25, 0.1, 0.2]}
    own = points_of(table, "px")
    assert [own.of(r, (32, 32)) for r in range(3)] == [
        [(0.5, 0.25)],
        [(0.0, 0.0)],
        [],
    ]  # the last lies outside
    assert points_of(table, "spot").of(0, (640, 480)) == [(0.5, 0.25)]
    table.columns["none"] = ["", None, "x"]
    with pytest.raises(RetryError, match="holds no points"):
        points_of(table, "none")


def test_masks_are_found_by_name_and_used_only_where_they_fit(tmp_path: Path) -> None:
    table = squares(6)
    folder = tmp_path / "masks"
    (folder / "sub").mkdir(parents=True)
    grey = np.zeros((64, 64), np.uint8)
    grey[:32], grey[32:] = 3, 7
    Image.fromarray(grey).save(folder / "img_00000.png")  # twice as large
    Image.fromarray(grey[:, :40]).save(folder / "img_00001_mask.png")  # of another shape
    (folder / "img_00002.png").write_bytes(b"no picture")
    Image.fromarray(np.zeros((32, 32), np.uint8)).save(folder / "img_00003.png")  # empty
    Image.fromarray(np.dstack([np.full((32, 32, 3), 255, np.uint8), np.eye(32, dtype=np.uint8) * 255])).save(
        folder / "img_00004.png"
    )
    region = parsed(f"mask:{folder}")
    files = mask_files(table, region)
    assert sorted(files.files) == [0, 1, 2, 3, 4]
    first = files.read(0, (32, 32))
    assert first is not None and first.all() and first.shape == (32, 32)
    assert [files.read(r, (32, 32)) is None for r in (1, 2, 5)] == [True, True, True]
    assert set(files.problems) == {1, 2}
    assert files.read(4, (32, 32)).sum() == 32  # type: ignore[union-attr]
    seven = mask_files(table, parsed(f"mask:{folder}=7")).read(0, (32, 32))
    assert seven is not None and seven[16:].all() and not seven[:16].any()
    with pytest.raises(RetryError, match="no folder and no metadata column"):
        mask_files(table, parsed("mask:nowhere\x00"))
    with pytest.raises(RetryError, match="no mask in the folder"):
        mask_files(table, parsed(f"mask:{folder / 'sub'}"))


def test_a_mask_takes_the_steps_of_its_image() -> None:
    model = world().model()
    drawn = np.zeros((64, 128), bool)
    drawn[:32, 64:] = True
    made = onto(model, drawn, (128, 64))
    assert made.shape == (32, 32)
    assert made[:16, 16:].all() and made.sum() == 256


def test_a_rare_region_is_not_looked_for_for_ever_and_blocks_are_kept() -> None:
    view = world(squares(200, every=10))
    places = open_places(view, "data", parsed("colour:red"))
    found = look(places, np.arange(200), 5, 0, label="looking")
    assert (found.states == 1).sum() >= 5
    assert len(found.rows) % 64 == 0 and len(found.rows) < 200
    absent = look(places, np.arange(200), 20, 0, absent=True, label="looking")
    assert (absent.states == 0).sum() >= 20
    shown = is_red(view.table().pixels / 255).any((1, 2))
    assert (found.states == shown[found.rows]).all()


# -- hostile regions put to the tools ------------------------------------------------------------------


def test_unreadable_images_are_listed_and_the_rest_is_tested() -> None:
    table = squares(40)
    table.bad = {3, 4}
    made = mask(world(table), region="colour:red", class_name="day", second_fill=None)
    assert (made.fact("n").value, made.findings[0].verdict) == (38, "confirmed")
    assert any("2 images left out because it can't be read" in note for note in made.notes)


@pytest.mark.parametrize(
    ("region", "told"),
    [("colour:purple", "images that were looked at show it"), ("segment:purple", ": 0 of"), ("point:@blue", "no metadata column")],
)  # fmt: skip
def test_a_region_that_no_image_shows_is_said(region: str, told: str) -> None:
    for tool, name in ((mask, "region"), (swap, "region"), (add, "cue")):
        view = world()
        with pytest.raises(RetryError, match=told):
            tool(view, **{name: region}, class_name="day")
        assert not view.instruments


def test_a_region_that_covers_nearly_everything_leaves_no_control() -> None:
    made = mask(world(), region="colour:v0.2-1", class_name="day", second_fill=None)
    assert made.findings[0].verdict == "inconclusive"
    assert any("48 images left out because the region leaves no room" in note for note in made.notes)
    with pytest.raises(RetryError, match="No image to add"):
        add(world(), cue="colour:v0.2-1", class_name="day")


def test_two_thousand_segments_and_scattered_regions_are_tested_all_the_same() -> None:
    made = mask(world(), region="segment:0.5,0.5/2000", class_name="day", second_fill=None, max_images=12)
    assert made.fact("n").value == 12
    rng = np.random.default_rng(0)
    table = FakeTable(rng.integers(0, 255, (30, 32, 32, 3)), [i % 2 for i in range(30)], CLASSES)
    noise = mask(world(table), region="colour:h0-120", class_name="day", second_fill=None)
    assert noise.findings[0].verdict in ("refuted", "inconclusive")


def test_masks_that_do_not_fit_are_told(tmp_path: Path) -> None:
    table = squares(24)
    folder = draw_masks(table, tmp_path / "red")
    Image.fromarray(np.ones((32, 20), np.uint8)).save(folder / table.paths[0])
    made = mask(world(table), region=f"mask:{folder}", class_name="day", second_fill=None)
    assert (made.fact("n").value, made.findings[0].verdict) == (23, "confirmed")
    assert any(
        "1 mask file can't be used: img_00000.png is 20 × 32, its image 32 × 32" in note
        for note in made.notes
    )


def test_a_call_after_masks_were_drawn_anew_is_another_one(tmp_path: Path) -> None:
    folder = draw_masks(squares(4), tmp_path / "red")
    before = region_print({"region": f"mask:{folder}"})
    Image.fromarray(np.ones((32, 32), np.uint8)).save(folder / "img_00003.png")
    assert before != region_print({"region": f"mask:{folder}"}) != ""
    assert region_print({"region": "colour:red"}) == region_print({"cue": "mask:\x00"}) == ""
