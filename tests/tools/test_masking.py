"""The masking test on models whose reliance is known by construction."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, Finding, evidence_from_dict
from failsight.tools.registry import ToolSpec
from failsight.tools.test_by_masking import test_by_masking as mask
from failsight.tools.verdicts import chain
from tests.experiments.scenes import CLASSES, LAMP_EFFECT, blank, case, reads_lamp, scene
from tests.fakes.view import FakeTable, FakeView

mask.__test__ = False  # type: ignore[attr-defined]  # a tool, not a test


def test_a_cue_that_the_model_reads_is_confirmed_with_its_exact_effect(tmp_path: Path) -> None:
    made = mask(case(folder=tmp_path), region="box:lamp", class_name="day")
    finding = made.findings[0]
    assert finding.verdict == "confirmed"
    assert finding.key == "spurious_correlation|lamp=yes|day|"
    assert made.fact("effect").value == pytest.approx(LAMP_EFFECT, abs=1e-6)
    assert made.fact("control_effect").value == 0
    assert made.fact("flip_rate").value == 1
    assert made.fact("control_flip_rate").value == 0
    assert made.fact("mended_rate").value == 1  # images of night that the lamp made day turn right
    assert made.fact("n").value == 40
    test = finding.tests[0]
    assert (test.tool, test.verdict, test.control_effect) == ("test_by_masking", "confirmed", 0)
    assert (tmp_path / made.figures[0].path).is_file()


@pytest.mark.parametrize(
    ("region", "instead"),
    [("border:0.2", "border:0.14"), ("corners:0.4", "corners:0.35"), ("rect:0,0,1,0.6", "")],
)
def test_a_region_that_leaves_no_room_for_a_control_is_refused(region: str, instead: str) -> None:
    view = case()
    with pytest.raises(RetryError, match=f"no control of the same area.*{instead}"):
        mask(view, region=region, class_name="day")
    assert view.instruments == []
    if instead:
        assert mask(view, region=instead, class_name="day").fact("n").value > 0


def test_a_decoy_is_refuted_and_the_power_is_said() -> None:
    made = mask(case(), region="box:plant", class_name="day")
    assert made.findings[0].verdict == "refuted"
    assert (
        made.fact("cue_effect").value == 0
    )  # a control may touch the lamp, so the effect may lie below zero
    assert -0.05 < float(str(made.fact("effect").value)) <= 0
    assert "80 % power" in made.summary


def test_the_missing_feature_claim_is_the_mirror_image() -> None:
    unused = mask(case(), region="box:plant", class_name="day", hypothesis="missing_feature")
    used = mask(case(), region="box:lamp", class_name="day", hypothesis="missing_feature")
    assert (unused.findings[0].kind, unused.findings[0].verdict) == ("missing_feature", "confirmed")
    assert used.findings[0].verdict == "refuted"


def test_the_plan_is_registered_before_the_first_image_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    view = case()
    opened: list[int] = []
    real = FakeTable.open

    def watch(self: FakeTable, row: int) -> Any:
        assert view.instruments, "an image was opened before the plan was registered"
        opened.append(row)
        return real(self, row)

    monkeypatch.setattr(FakeTable, "open", watch)
    made = mask(view, region="box:lamp", class_name="day", where="plant=yes")
    plan = view.instruments[0]
    assert opened
    assert plan.finding == made.findings[0].key
    assert plan.statement == "The model takes the lamp for a sign of day."
    assert (plan.minimum_effect, plan.alpha, plan.n_planned) == (0.05, 0.05, 26)
    assert plan.smallest_detectable_effect == pytest.approx((1.708 + 0.842) * 0.25 / 26**0.5, abs=1e-3)
    assert made.fact("plan").value == plan.id


def test_passes_are_clean_cue_and_controls_only_and_are_not_repeated() -> None:
    view = case()
    mask(view, region="box:lamp", class_name="day", draws=3, second_fill=None)
    assert view.model().seen == 40 * (2 + 3)
    again = mask(view, region="box:lamp", class_name="day", draws=3, second_fill=None, minimum_effect=0.1)
    assert view.model().seen == 40 * (2 + 3)
    assert again.fact("effect").value == pytest.approx(LAMP_EFFECT, abs=1e-6)


@pytest.mark.parametrize("region", ["rect:0,0,0.5,0.5", "grid:1,1/2x2", "corners:0.25", "border:0.1"])
def test_fixed_regions_find_where_the_model_looks(region: str) -> None:
    """The model reads the brightness of the top left pixel block only."""
    rng = np.random.default_rng(1)
    table = FakeTable(rng.integers(0, 255, (40, 16, 16, 3)), [i % 2 for i in range(40)], CLASSES)
    table.pixels[:, :2, :2] = 255

    def corner(pixels: np.ndarray) -> np.ndarray:
        return np.stack([6 * pixels[:, :2, :2].mean((1, 2, 3)) - 4, np.zeros(len(pixels))], 1)

    made = mask(case(table, corner, size=16), region=region, class_name="day")
    assert made.findings[0].verdict == "confirmed"
    assert made.findings[0].slice == {"region": made.findings[0].slice["region"]}  # type: ignore[index]
    elsewhere = mask(case(table, corner, size=16), region="grid:2,2/2x2", class_name="day")
    assert elsewhere.findings[0].verdict == "refuted"


def test_the_predicted_class_is_watched_image_by_image() -> None:
    made = mask(case(), region="box:lamp")
    assert made.findings[0].class_name is None
    assert made.fact("effect").value == pytest.approx(LAMP_EFFECT, abs=1e-6)


def test_filters_choose_the_images() -> None:
    view = case()
    made = mask(view, region="box:lamp", class_name="day", where=("true=night", "house=h1"))
    assert made.fact("n").value == 10
    assert made.findings[0].slice == {"house": "h1", "lamp": "yes"}
    assert mask(view, region="box:lamp", where="area>=35").fact("n").value == 5
    assert mask(view, region="box:lamp", where="wrong").fact("n").value == 20
    assert mask(view, region="box:lamp", where="predicted=day & plant=no").fact("n").value == 14
    assert mask(view, region="box:lamp", max_images=12).fact("n").value == 12


def test_a_finding_keeps_its_identity_and_supplies_region_and_class() -> None:
    view = case()
    stated = Finding(
        kind="spurious_correlation",
        failure="features",
        bug="data_statistics",
        statement="Lamps go with day.",
        slice={"lamp": "yes"},
        class_name="day",
        n=99,
        q=0.01,
    )
    view.stated.append(("F1", stated))
    made = mask(view, finding="f1").findings[0]
    assert dataclasses.replace(made, tests=(), verdict=None, note="") == stated
    assert made.note == "Decided by experiment: The model takes the lamp for a sign of day."
    assert [t.verdict for t in made.tests] == ["confirmed"]
    unnamed = mask(view, region="box:lamp", class_name="day").findings[0]  # the same key: the same finding
    assert (unnamed.statement, unnamed.n) == ("Lamps go with day.", 99)
    steps = chain(made, view.instruments)
    assert [s.stage for s in steps][:2] == ["hypothesis", "instrument"]
    assert steps[-1].stage == "verdict" and steps[-1].text.startswith("confirmed")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "box:lamp (40 images)"),
        ({"region": "box:sofa"}, "box:lamp (40 images)"),
        ({"region": "circle:3"}, "grid:row,column/ROWSxCOLUMNS"),
        ({"region": "rect:0,0,2,1"}, "between 0 and 1"),
        ({"region": "rect:0.5,0,0.5,1"}, "empty"),
        ({"region": "rect:nan,0,1,1"}, "between 0 and 1"),
        ({"region": "grid:3,1/2x2"}, "rows count from 1 to 2"),
        ({"region": "border:0.5"}, "0 < F < 0.5"),
        ({"region": "saliency:top0%"}, "saliency:top20%"),
        ({"region": "box:lamp", "class_name": "dusk"}, "day, night"),
        ({"region": "box:lamp", "where": "house=h9"}, "h0, h1"),
        ({"region": "box:lamp", "where": "hous=h1"}, "house"),
        ({"region": "box:lamp", "where": "area<big"}, "is a number"),
        ({"region": "box:lamp", "where": "true=day & true=night"}, "no image is left"),
        ({"region": "box:lamp", "where": "hello"}, "name=value"),
        ({"region": "box:lamp", "fill": "magic"}, "mean, dataset_mean, blur"),
        ({"region": "box:lamp", "fill": "diffusion:/nowhere"}, "diffusion"),
        ({"region": "box:lamp", "finding": "F9"}, "no finding"),
        ({"region": "box:lamp", "split": "deploy"}, "data"),
    ],
)
def test_bad_arguments_say_what_exists(arguments: dict[str, Any], told: str) -> None:
    view = case()
    with pytest.raises(RetryError, match=re.escape(told)):
        mask(view, **arguments)
    assert not view.instruments


def test_data_without_boxes_says_so() -> None:
    with pytest.raises(RetryError, match="no object boxes"):
        mask(case(blank(8), size=16), region="box:lamp")


def test_a_black_box_without_model_says_what_is_missing() -> None:
    table = scene(8)
    view = FakeView({"data": table}, scores={"data": np.eye(2)[table.labels]})
    with pytest.raises(RetryError, match="predictions only"):
        mask(view, region="box:lamp")


def test_one_image_decides_nothing() -> None:
    made = mask(case(scene(1)), region="box:lamp", class_name="day")
    assert made.findings[0].verdict == "inconclusive"
    assert "1 image" in made.summary
    assert evidence_from_dict(made.to_dict()).fact("n").value == 1


def test_a_cue_that_covers_the_image_leaves_no_control() -> None:
    whole: list[Any] = [{"room": [(0.0, 0.0, 1.0, 1.0)]}] * 10
    made = mask(case(blank(10, boxes=whole), size=16), region="box:room", class_name="day")
    assert made.findings[0].verdict == "inconclusive"
    assert made.fact("left_out").value == 10
    assert "no room for a control" in made.notes[0]
    assert made.summary == "Inconclusive. Nothing was tested: no image could take part."
    assert made.next_steps == (
        "Take a smaller region: this one leaves most images no room for a control of the same area.",
    )


def test_what_could_not_be_tested_is_not_called_tested_and_spends_no_error_budget() -> None:
    table = scene()
    for own in table.boxes:
        own["wall"] = [(0, 0, 1, 0.7)]
    view = case(table)
    first = mask(view, region="box:wall", class_name="day", max_images=8)
    assert first.fact("n").value == 0 and first.fact("n_planned").value == 8
    assert any("was drawn, and none of it could be tested" in note for note in first.notes)
    assert not any("images was tested" in note for note in first.notes)
    view.recorded.append(dataclasses.replace(first, id="E1"))
    after, alone = (mask(v, region="box:lamp", class_name="day") for v in (view, case()))
    assert after.findings[0].tests[0].q == alone.findings[0].tests[0].q


def test_pictures_of_one_pixel_are_left_out() -> None:
    made = mask(case(blank(6, size=1, boxes=[{"lamp": [(0, 0, 1, 1)]}] * 6), size=1), region="box:lamp")
    assert made.fact("n").value == 0
    assert made.findings[0].verdict == "inconclusive"


def test_boxes_outside_the_prepared_picture_are_left_out() -> None:
    gone: list[Any] = [{"lamp": [(0.5, 0.5, 0.5, 0.9)]}, {"lamp": [(float("nan"), 0, 1, 1)]}] * 5
    made = mask(case(blank(10, boxes=gone), size=16), region="box:lamp")
    assert made.fact("left_out").value == 10
    assert "no pixels in the part" in made.notes[0]


def test_unreadable_images_and_scores_that_are_not_finite_are_listed() -> None:
    table = scene(30)
    table.bad = {3}

    def sometimes_nan(pixels: np.ndarray) -> np.ndarray:
        raw = reads_lamp(pixels)
        raw[pixels[:, 0, 0, 0] > 0.2] = np.nan
        return raw

    made = mask(case(table, sometimes_nan), region="box:plant", class_name="day")
    notes = " ".join(made.notes)
    assert "can't be read" not in notes  # row 3 shows no plant
    assert "not finite" in notes
    assert np.isfinite(float(str(made.fact("effect").value)))
    assert "img_00003.png" in " ".join(mask(case(table), region="box:lamp").notes)


def test_the_control_of_a_border_has_its_area() -> None:
    made = mask(case(), region="border:0.1", class_name="day", draws=2)
    assert any("area but not its shape" in n for n in made.notes)


def test_tests_in_one_case_are_corrected_for_each_other() -> None:
    view = case()
    qs = []
    for i in range(4):
        made = mask(view, region=f"grid:{i + 1},1/4x4", class_name="day", second_fill=None)
        view.recorded.append(dataclasses.replace(made, id=f"E{i + 1}"))
        qs.append((float(str(made.fact("p").value)), float(str(made.fact("q").value))))
    lamp = mask(view, region="box:lamp", class_name="day", second_fill=None)
    p, q = (float(str(lamp.fact(k).value)) for k in ("p", "q"))
    found = sum(e.findings[0].verdict == "confirmed" for e in view.recorded)
    assert q == pytest.approx(p / (4 / (8 * 9) * (found + 1)))
    assert lamp.findings[0].verdict == "confirmed"
    assert all(q >= p for p, q in qs)


def test_a_decoy_that_lies_over_the_cue_is_told_apart() -> None:
    """In 20 of 40 images the plant's box lies on the lamp; alone, it does nothing."""
    table = scene(60)
    for i, boxes in enumerate(table.boxes or ()):
        if "plant" in boxes and i % 2:
            boxes["plant"] = boxes["lamp"]
    made = mask(case(table), region="box:plant", class_name="day", second_fill=None)
    told = next(n for n in made.notes if "often lie over" in n)
    assert (
        "boxes of the plant often lie over lamp; in the 20 images where nothing else is behind them the effect is -"
        in told
    )
    lamp = mask(case(), region="box:lamp", class_name="day", second_fill=None)
    assert not any("often lie over" in n for n in lamp.notes)


def test_the_answer_is_the_same_every_time() -> None:
    first, second = (mask(case(), region="box:plant", fill="noise").to_dict() for _ in range(2))
    assert first == second


def test_the_schema_is_complete_and_bounded() -> None:
    spec: ToolSpec = mask.__failsight_tool__  # type: ignore[attr-defined]
    assert all(f.description for f in spec.arguments.model_fields.values())
    assert spec.check({"region": "box:lamp", "where": ["a=b"]})["where"] == ("a=b",)
    for wrong in (
        {"draws": 0},
        {"draws": 33},
        {"minimum_effect": 0},
        {"alpha": 0.5},
        {"hypothesis": "magic"},
    ):
        with pytest.raises(RetryError):
            spec.check(wrong)


def test_evidence_is_json(tmp_path: Path) -> None:
    made = mask(case(folder=tmp_path), region="box:lamp", class_name="day")
    back: Evidence = evidence_from_dict(made.to_dict())
    assert back.findings[0].key == made.findings[0].key
    assert back.text().startswith("test_by_masking")
