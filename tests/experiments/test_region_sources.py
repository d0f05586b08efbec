"""Regions from all sources, put to the three experiments: what the model reads is confirmed, a decoy is refuted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence
from failsight.tools.test_by_adding import test_by_adding as add
from failsight.tools.test_by_masking import test_by_masking as mask
from failsight.tools.test_by_swapping import test_by_swapping as swap
from tests.experiments.red_world import EFFECT, SHARE, draw_masks, squares, world

for one in (add, mask, swap):
    one.__test__ = False  # type: ignore[attr-defined]  # tools, not tests


def masked(region: str, **more: Any) -> Evidence:
    return mask(more.pop("view", None) or world(), region=region, class_name="day", second_fill=None, **more)


def verdict(made: Evidence) -> str | None:
    return made.findings[0].verdict


@pytest.mark.parametrize(
    "region", ["colour:red", "colour:h345-15,s0.5-1", "segment:red", "click:@red", "point:@red,0.17"]
)
def test_the_red_square_is_confirmed_however_it_is_pointed_at(region: str) -> None:
    made = masked(region)
    assert verdict(made) == "confirmed"
    assert float(str(made.fact("effect").value)) > 0.6
    assert abs(float(str(made.fact("region_share").value)) - SHARE) < 0.04


@pytest.mark.parametrize(
    "region", ["colour:green", "segment:green", "click:@green", "point:@green,0.2", "grid:1,1/8x8"]
)
def test_the_green_square_is_refuted_however_it_is_pointed_at(region: str) -> None:
    made = masked(region)
    assert verdict(made) == "refuted"
    assert "80 % power" in made.summary


@pytest.mark.parametrize("region", ["colour:red", "click:@red"])
def test_exact_regions_have_the_exact_effect(region: str) -> None:
    made = masked(region)
    assert made.fact("cue_effect").value == pytest.approx(EFFECT, abs=1e-6)
    assert made.fact("control_effect").value == 0
    assert made.fact("region_share").value == pytest.approx(SHARE)
    assert made.fact("n").value == 48


@pytest.mark.parametrize("region", ["saliency:top6%", "saliency:top6%:day", "segment:salient1:day/24"])
def test_what_a_map_of_the_model_marks_is_confirmed_and_said_to_be_chosen_by_it(region: str) -> None:
    made = masked(region, view=world(net=True))
    assert verdict(made) == "confirmed"
    assert any("chosen by a map of the same model (Grad-CAM)" in note for note in made.notes)


def test_a_place_is_chosen_on_one_half_and_tested_on_the_other() -> None:
    view = world(squares(fixed=(4, 20)), net=True)
    made = masked("saliency:place6%:day", view=view)
    assert verdict(made) == "confirmed"
    assert made.fact("n").value == 24
    assert any("24 images are highest on average; none of them takes part" in note for note in made.notes)
    assert made.findings[0].slice == {"region": "saliency:place6%:day"}
    again = masked("saliency:place6%:day", view=view, minimum_effect=0.1)
    assert again.fact("effect").value == made.fact("effect").value


def test_a_map_that_is_empty_marks_nothing() -> None:
    with pytest.raises(RetryError, match="no place stands out"):
        masked("saliency:place6%:night", view=world(net=True))
    made = masked("saliency:top6%:night", view=world(net=True))
    assert verdict(made) == "inconclusive"
    assert any("48 images left out because the region has no pixels" in note for note in made.notes)


def test_masks_in_files_confirm_and_refute(tmp_path: Path) -> None:
    table = squares()
    red, green = draw_masks(table, tmp_path / "red"), draw_masks(table, tmp_path / "green", "green")
    made = masked(f"mask:{red}", view=world(table))
    assert verdict(made) == "confirmed"
    assert made.fact("cue_effect").value == pytest.approx(EFFECT, abs=1e-6)
    decoy = masked(f"mask:{green}", view=world(table))
    assert verdict(decoy) == "refuted"
    assert decoy.fact("n").value == 32
    assert any("16 of 48 images have no mask" in note for note in decoy.notes)


def test_masks_that_a_column_names(tmp_path: Path) -> None:
    table = squares()
    folder = draw_masks(table, tmp_path / "red")
    table.root = tmp_path
    table.columns["drawn"] = [
        f"red/{p}" if (folder / p).is_file() and i % 2 else None for i, p in enumerate(table.paths)
    ]
    made = masked("mask:drawn", view=world(table))
    assert (verdict(made), made.fact("n").value) == ("confirmed", 24)


@pytest.mark.parametrize("cue", ["colour:red", "segment:red", "click:@red", "point:@red,0.18"])
def test_a_cue_from_any_source_is_cut_out_and_added(cue: str) -> None:
    made = add(world(squares(every=2)), cue=cue, class_name="day", where="true=night", doses=(), soft_edges=0)
    assert verdict(made) == "confirmed"
    assert made.fact("n").value == 24
    decoy = add(world(squares(every=2)), cue="colour:green", class_name="day", where="true=night", doses=())
    assert verdict(decoy) == "refuted"
    assert decoy.fact("n").value == 8  # the other nights have a green square of their own


def test_the_class_that_a_colour_goes_with_is_found_without_a_name() -> None:
    made = add(world(squares(every=2)), cue="colour:red", doses=())
    assert made.findings[0].class_name == "day"


def test_masks_in_files_and_salient_pixels_are_added_too(tmp_path: Path) -> None:
    table = squares(every=2)
    folder = draw_masks(table, tmp_path / "red")
    made = add(
        world(table), cue=f"mask:{folder}", class_name="day", where="true=night", doses=(), soft_edges=0
    )
    assert verdict(made) == "confirmed"
    salient = add(
        world(table, net=True), cue="saliency:top6%:day", class_name="day", donors="true=day", where="true=night",
        doses=(), soft_edges=0,
    )  # fmt: skip
    assert verdict(salient) == "confirmed"


@pytest.mark.parametrize("region", ["colour:red", "click:@red", "segment:red", "saliency:top7%:day"])
def test_a_region_from_any_source_is_swapped(region: str) -> None:
    """Days have the square, nights have none: at its place a night shows grey, another day (mostly) too."""
    table = squares(every=2, fixed=(12, 12))
    made = swap(world(table, net=region.startswith("sal")), region=region, class_name="day", soft_edges=0)
    assert verdict(made) == "confirmed"
    assert float(str(made.fact("effect").value)) > 0.5


def test_every_control_has_the_area_of_its_region() -> None:
    from failsight.tools.experiments.fills import make_fill
    from failsight.tools.experiments.masking import Bench
    from failsight.tools.experiments.patches import area, as_mask
    from failsight.tools.experiments.regions import parse_region
    from failsight.tools.experiments.regions_finders import open_places

    view = world(net=True)
    for spec in (
        "colour:red",
        "segment:0.5,0.5",
        "click:@red",
        "point:0.3,0.3,0.2",
        "saliency:top10%:day",
        "segment:salient2:day",
    ):
        region = parse_region(spec, {}, view.classes, view.table().columns)
        places = open_places(view, "data", region)
        bench = Bench(view, "data", region, make_fill("mean"), 4, 0, places)
        for row in range(6):
            trial = bench.trial(row)
            assert not isinstance(trial, int), spec
            cue = as_mask(trial.regions[0], 32, 32)
            for control in trial.regions[1:]:
                assert area(control) == cue.sum()
                assert not (as_mask(control, 32, 32) & cue).any()
                assert np.array_equal(trial.stack[0][cue], trial.stack[2][cue])


@pytest.mark.slow
def test_over_twenty_worlds_every_source_is_right_and_no_decoy_is_confirmed(tmp_path: Path) -> None:
    sources = ("colour:{}", "segment:{}", "click:@{}", "point:@{},0.17", "segment:@{}/24")
    wrong: dict[str, int] = dict.fromkeys(sources, 0)
    confirmed = 0
    for seed in range(20):
        view = world(squares(36, seed=seed), seed=seed)
        for source in sources:
            wrong[source] += verdict(masked(source.format("red"), view=view)) != "confirmed"
            decoy = verdict(masked(source.format("green"), view=view))
            wrong[source] += decoy != "refuted"
            confirmed += decoy == "confirmed"
    assert confirmed == 0
    assert all(n <= 4 for n in wrong.values()), wrong  # of 40 verdicts each: at least 90 % right


@pytest.mark.slow
def test_salient_regions_of_a_model_that_reads_nothing_there_are_not_confirmed() -> None:
    """The place is learnt on images whose square stands elsewhere than in those tested: what was salient there is not used here."""
    table = squares(fixed=(4, 20))
    view = world(table, net=True)
    first = masked("saliency:place6%:day", view=view)
    tested = first.fact("n").value
    moved = squares(fixed=(20, 4))
    rows = view.table().pixels.copy()
    half = [i for i in range(48) if i not in _learnt(view)]
    rows[half] = moved.pixels[half]
    table.pixels, table.fingerprint = rows, "moved"
    again = masked("saliency:place6%:day", view=world(table, net=True))
    assert (tested, verdict(first), verdict(again)) == (24, "confirmed", "refuted")


def _learnt(view: Any) -> list[int]:
    from failsight.tools.experiments.regions_search import halves

    learn, _ = halves(view, "data", np.arange(48, dtype=np.int64))
    return learn.tolist()
