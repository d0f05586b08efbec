"""The adding test on models whose reliance is known by construction, and the doses of the masking test."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.agent.planners.scripted import ScriptedPlanner, call
from failsight.agent.session import Session
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Finding, TestResult, evidence_from_dict
from failsight.tools.registry import ToolSpec
from failsight.tools.test_by_adding import test_by_adding as add
from failsight.tools.test_by_masking import test_by_masking as mask
from tests.experiments.scenes import CLASSES, LAMP_EFFECT, SIDE, case, reads_lamp, scene
from tests.fakes.case import FakeCase, television_world
from tests.fakes.view import FakeTable, FakeView
from tests.tools.test_masking_null import null_case

add.__test__ = mask.__test__ = False  # type: ignore[attr-defined]  # tools, not tests


def at_dose(d: float) -> float:
    """Exact score of ``day`` with a share d of the lamp in view."""
    return float(1 / (1 + np.exp(2 - 4 * d)))


def half_lit(n: int = 60, seed: int = 0) -> FakeTable:
    """:func:`scene`, but every second image (the nights) has had its lamp taken out; plants everywhere but every third."""
    table = scene(n, seed=seed)
    rng = np.random.default_rng(seed)
    for i in range(1, n, 2):
        boxes = dict((table.boxes or ())[i])
        (x0, y0, x1, y1) = boxes.pop("lamp")[0]
        window = (slice(round(y0 * 32), round(y1 * 32)), slice(round(x0 * 32), round(x1 * 32)))
        table.pixels[i][window] = rng.integers(0, 60, (SIDE, SIDE, 3))
        table.boxes[i] = boxes  # type: ignore[index]
    return table


def test_a_cue_that_the_model_reads_raises_the_score_by_the_closed_form_amount(tmp_path: Path) -> None:
    made = add(case(half_lit(), folder=tmp_path), cue="box:lamp", class_name="day", soft_edges=0)
    finding = made.findings[0]
    assert finding.verdict == "confirmed"
    assert finding.key == "spurious_correlation|lamp=yes|day|"
    assert made.fact("effect").value == pytest.approx(LAMP_EFFECT, abs=1e-6)
    assert made.fact("control_effect").value == 0
    assert (made.fact("flip_rate").value, made.fact("control_flip_rate").value) == (1, 0)
    assert made.fact("n").value == 30  # the nights, none of which has a lamp
    assert made.fact("donors").value == 30
    assert made.fact("region_share").value == pytest.approx(SIDE**2 / 32**2)
    assert (tmp_path / made.figures[0].path).is_file()
    assert "with 80 % power" in made.notes[0]


def test_more_of_the_cue_has_more_effect_and_each_dose_is_exact() -> None:
    made = add(case(half_lit()), cue="box:lamp", class_name="day", soft_edges=0, doses=(0.25, 0.5, 0.75))
    for dose, name in ((0.25, "25.0 %"), (0.5, "50.0 %"), (0.75, "75.0 %"), (1.0, "100.0 %")):
        told = next(f for f in made.facts if f.name == "effect" and f.of == f"dose {name}")
        assert told.value == pytest.approx(at_dose(dose) - at_dose(0), abs=1e-6)
    assert made.fact("dose_monotone").value is True
    assert float(str(made.fact("dose_p").value)) < 1e-3
    assert len(made.tables[0].rows) == 4
    assert "grows" in made.summary


def test_the_whole_dose_is_as_sure_as_the_experiment() -> None:
    made = add(case(half_lit()), cue="box:lamp", class_name="day", doses=(0.5,), draws=2)
    whole, full = made.fact("effect"), made.fact("effect", "dose 100.0 %")
    assert full.value == pytest.approx(whole.value) and whole.ci is not None
    assert full.ci == pytest.approx(whole.ci) and whole.ci[1] > whole.ci[0]


def test_soft_edges_and_a_fade_leave_a_cue_confirmed() -> None:
    made = add(case(half_lit()), cue="box:lamp", class_name="day", doses=())
    assert made.findings[0].verdict == "confirmed"
    assert not made.tables
    assert 0 < float(str(made.fact("effect").value)) < LAMP_EFFECT


def test_masking_by_doses_is_exact_and_off_by_default() -> None:
    view = case()
    made = mask(view, region="box:lamp", class_name="day", doses=(0.25, 0.5, 0.75), second_fill=None)
    told = {f.of: f.value for f in made.facts if f.name == "effect" and f.of.startswith("dose")}
    for dose, name in ((0.25, "25.0 %"), (0.5, "50.0 %"), (0.75, "75.0 %"), (1.0, "100.0 %")):
        assert told[f"dose {name}"] == pytest.approx(at_dose(1) - at_dose(1 - dose), abs=1e-6)
    assert made.fact("dose_monotone").value is True
    plain = mask(case(), region="box:lamp", class_name="day", second_fill=None)
    assert "doses" not in plain.arguments
    assert not plain.tables
    assert plain.fact("effect") == made.fact("effect")
    with pytest.raises(RetryError, match="at most 1"):
        mask(case(), region="box:lamp", doses=(2.0,))


def test_a_white_square_raises_the_score_of_the_red_room_as_the_rule_says() -> None:
    """The rule of ``television_world``: the pasted square takes a ninth of the picture and adds 30/9 to the logit."""
    table, model = television_world(300)
    made = add(FakeView({"data": table}, model), cue="box:television", class_name="red_room", soft_edges=0)
    p = FakeView({"data": table}, model)
    blue = np.flatnonzero(
        (table.labels == 1) & ~np.array(["television" in b for b in table.boxes or ()], bool)
    )
    scores = p.predictions().scores[blue, 0].astype(float)
    logit = np.log(scores / (1 - scores))
    expected = 1 / (1 + np.exp(-(logit * 8 / 9 + 30 / 9))) - scores
    assert made.findings[0].verdict == "confirmed"
    assert made.fact("cue_effect").value == pytest.approx(expected.mean(), abs=0.01)
    assert abs(float(str(made.fact("control_effect").value))) < 0.05


def test_a_decoy_is_refuted_and_the_power_is_said() -> None:
    made = add(case(half_lit()), cue="box:plant", class_name="day", where=())
    assert made.findings[0].verdict == "refuted"
    assert made.fact("cue_effect").value == 0
    assert made.fact("smallest_detectable_effect").value is not None
    assert "80 % power" in made.summary


def test_a_missing_feature_is_confirmed_by_adding_to_no_effect() -> None:
    view = case(half_lit())
    stated = Finding("missing_feature", "features", "data_content", "It ignores plants.", slice={"plant": "yes"},
                     class_name="day")  # fmt: skip
    view.stated.append(("F1", stated))
    assert add(view, finding="F1").findings[0].verdict == "confirmed"


def test_the_plan_is_registered_before_the_first_image_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    view = case(half_lit())
    real, opened = FakeTable.open, []

    def watch(self: FakeTable, row: int) -> Any:
        assert view.instruments, "an image was opened before the plan was registered"
        opened.append(row)
        return real(self, row)

    monkeypatch.setattr(FakeTable, "open", watch)
    made = add(view, cue="box:lamp", class_name="day")
    plan = view.instruments[0]
    assert opened
    assert (plan.tool, plan.finding, plan.n_planned) == ("test_by_adding", made.findings[0].key, 30)
    assert plan.smallest_detectable_effect is not None
    assert made.fact("plan").value == plan.id


def test_a_finding_supplies_cue_and_class_and_one_sequence_of_tests_counts_them() -> None:
    view = case(half_lit())
    stated = Finding("spurious_correlation", "features", "data_statistics", "Lamps go with day.", slice={"lamp": "yes"},
                     class_name="day", n=99, q=0.01)  # fmt: skip
    view.stated.append(("F1", stated))
    first = mask(view, finding="F1", second_fill=None)
    view.recorded.append(dataclasses.replace(first, id="E1"))
    made = add(view, finding="f1")
    assert dataclasses.replace(made.findings[0], tests=(), verdict=None, note="") == stated
    p, q = (float(str(made.fact(k).value)) for k in ("p", "q"))
    assert q == pytest.approx(p / (4 / (5 * 6) * 2))
    assert "test 2 of this case" in made.summary


def test_what_masking_confirmed_is_not_taken_back_by_adding() -> None:
    """Needed, but not enough by itself: both results stay with the finding."""
    view = case(half_lit(), rule=lambda pixels: np.zeros((len(pixels), 2)))
    earlier = TestResult("test_by_masking", 0.3, (0.2, 0.4), 1e-4, 50, "confirmed")
    stated = Finding("spurious_correlation", "features", "data_content", "Lamps.", slice={"lamp": "yes"},
                     class_name="day", tests=(earlier,), verdict="confirmed")  # fmt: skip
    view.stated.append(("F1", stated))
    made = add(view, finding="F1").findings[0]
    assert made.verdict is None  # so that the case keeps the earlier verdict
    assert made.tests[0].verdict == "refuted"
    assert "did not show it (refuted)" in made.note


def test_what_adding_confirmed_is_not_taken_back_by_masking() -> None:
    """Enough, but not needed: which of the two was asked first makes no difference."""
    view = case(rule=lambda pixels: np.zeros((len(pixels), 2)))
    earlier = TestResult("test_by_adding", 0.3, (0.2, 0.4), 1e-4, 50, "confirmed")
    stated = Finding("spurious_correlation", "features", "data_content", "Lamps.", slice={"lamp": "yes"},
                     class_name="day", tests=(earlier,), verdict="confirmed")  # fmt: skip
    view.stated.append(("F1", stated))
    made = mask(view, finding="F1", second_fill=None).findings[0]
    assert made.verdict is None
    assert made.tests[0].verdict == "refuted"
    assert "masking the lamp did not show it (refuted)" in made.note
    view.stated[0] = (
        "F1",
        dataclasses.replace(stated, tests=(dataclasses.replace(earlier, tool="test_by_masking"),)),
    )
    assert (
        mask(view, finding="F1", second_fill=None).findings[0].verdict == "refuted"
    )  # its own latest word counts


def test_the_class_is_guessed_from_what_images_with_the_cue_are_called() -> None:
    assert add(case(half_lit()), cue="box:lamp").findings[0].class_name == "day"


def test_a_fixed_place_is_cut_from_the_images_that_are_named() -> None:
    """The top left corner is bright on days; pasted into nights it makes them days."""
    rng = np.random.default_rng(1)
    table = FakeTable(rng.integers(0, 60, (40, 16, 16, 3)), [i % 2 for i in range(40)], CLASSES)
    table.pixels[::2, :4, :4] = 255

    def corner(pixels: np.ndarray) -> np.ndarray:
        return np.stack([8 * pixels[:, :4, :4].mean((1, 2, 3)) - 4, np.zeros(len(pixels))], 1)

    made = add(case(table, corner, size=16), cue="rect:0,0,0.25,0.25", class_name="day", donors="true=day")
    assert made.findings[0].verdict == "confirmed"
    assert made.findings[0].slice == {"region": "rect:0,0,0.25,0.25"}


def test_no_image_that_shows_the_cue_gets_it_however_many_there_are() -> None:
    """Watermarks in the corner of all days and of half of the nights: pieces come from 64 of them, none goes to the others."""
    rng = np.random.default_rng(2)
    marked = ["yes" if i % 4 != 1 else "no" for i in range(120)]
    table = FakeTable(
        rng.integers(0, 60, (120, 16, 16, 3)), [i % 2 for i in range(120)], CLASSES, {"watermark": marked}
    )
    table.pixels[np.array(marked) == "yes", :4, :4] = 255
    made = add(
        case(table, lambda x: np.stack([8 * x[:, :4, :4].mean((1, 2, 3)) - 4, np.zeros(len(x))], 1), size=16),
        cue="rect:0,0,0.25,0.25", class_name="day", donors="watermark=yes", soft_edges=0, doses=(),
    )  # fmt: skip
    assert made.fact("n").value == 30  # the nights without one
    assert 50 < float(str(made.fact("donors").value)) <= 64
    assert float(str(made.fact("effect").value)) > 0.9


def test_nothing_is_confirmed_where_every_piece_matters_alike() -> None:
    verdicts = []
    for seed in range(12):
        view = null_case(seed)
        for i in range(0, 30, 2):  # half of them lack the cue
            view.table().boxes[i] = {}  # type: ignore[index]
        made = add(view, cue="box:cue", class_name="night", minimum_effect=0.001, doses=())
        verdicts.append(made.findings[0].verdict)
    assert verdicts.count("confirmed") <= 1


def test_a_single_donor_confirms_nothing() -> None:
    """Every image gets a piece of the same image: what is special about that image can't be told from the cue."""
    table = half_lit()
    for boxes in list(table.boxes or ())[1:]:
        boxes.pop("lamp", None)  # type: ignore[attr-defined]
    made = add(case(table), cue="box:lamp", class_name="day")
    assert made.findings[0].verdict == "inconclusive"
    assert any("only 1 image" in n for n in made.notes)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "box:lamp (30 images)"),
        ({"cue": "box:sofa"}, "box:lamp (30 images)"),
        ({"cue": "border:0.1"}, "can't be cut out"),
        ({"cue": "saliency:top20%"}, "donors: say which images"),
        ({"cue": "rect:0,0,2,1"}, "between 0 and 1"),
        ({"cue": "rect:0,0,1,0.5", "class_name": "day"}, "donors: say which images"),
        ({"cue": "box:lamp", "class_name": "dusk"}, "day, night"),
        ({"cue": "box:lamp", "class_name": "day", "where": "house=h9"}, "h0, h1"),
        ({"cue": "box:lamp", "class_name": "day", "donors": "true=night"}, "no image is left"),
        ({"cue": "box:lamp", "class_name": "night"}, "No image to add"),
        ({"cue": "box:lamp", "finding": "F9"}, "no finding"),
        ({"cue": "box:lamp", "split": "deploy"}, "data"),
        ({"cue": "box:lamp", "doses": (0.0,)}, "doses"),
        ({"cue": "box:lamp", "draws": 0}, "draws"),
        ({"cue": "box:lamp", "minimum_effect": float("nan")}, "minimum_effect"),
    ],
)
def test_bad_arguments_say_what_exists(arguments: dict[str, Any], told: str) -> None:
    view = case(half_lit())
    with pytest.raises(RetryError, match=re.escape(told)):
        add(view, **arguments)
    assert not view.instruments


def test_a_black_box_without_model_says_what_is_missing() -> None:
    table = half_lit(8)
    with pytest.raises(RetryError, match="predictions only"):
        add(FakeView({"data": table}, scores={"data": np.eye(2)[table.labels]}), cue="box:lamp")


def test_unreadable_images_and_scores_that_are_not_finite_are_listed() -> None:
    table = half_lit()
    table.bad = {2, 3}  # one that the cue is cut from, one that it is added to

    def sometimes_nan(pixels: np.ndarray) -> np.ndarray:
        raw = reads_lamp(pixels)
        raw[pixels[:, 0, 0, 0] > 0.2] = np.nan
        return raw

    made = add(case(table, sometimes_nan), cue="box:lamp", class_name="day")
    notes = " ".join(made.notes)
    assert "img_00003.png" in notes
    assert "not finite" in notes
    assert np.isfinite(float(str(made.fact("effect").value)))


def test_boxes_that_cover_all_or_nothing_leave_no_piece() -> None:
    table = half_lit(20)
    for i in range(0, 20, 2):
        table.boxes[i] = {"lamp": [(0.0, 0.0, 1.0, 1.0) if i % 4 else (0.5, 0.5, 0.5, float("nan"))]}  # type: ignore[index]
    made = add(case(table), cue="box:lamp", class_name="day")
    assert made.findings[0].verdict == "inconclusive"
    assert made.fact("left_out").value == 10
    assert "no image was left to cut a piece" in " ".join(made.notes)
    assert evidence_from_dict(made.to_dict()).fact("n").value == 0


def test_one_image_of_one_pixel_decides_nothing() -> None:
    boxes: list[Any] = [{"lamp": [(0, 0, 1, 1)]}, {}]
    table = FakeTable(np.zeros((2, 1, 1, 3)), [0, 1], CLASSES, boxes=boxes)
    made = add(case(table, size=1), cue="box:lamp", class_name="day")
    assert made.findings[0].verdict == "inconclusive"


def test_the_answer_is_the_same_every_time_and_is_json() -> None:
    first, second = (add(case(half_lit()), cue="box:plant", class_name="day").to_dict() for _ in range(2))
    assert first == second
    assert evidence_from_dict(first).to_dict() == first


def test_passes_are_not_repeated() -> None:
    view = case(half_lit())
    add(view, cue="box:lamp", class_name="day", draws=3, doses=(0.5,))
    seen = view.model().seen
    assert seen == 30 * (1 + 6) + 30 * (1 + 4)
    add(view, cue="box:lamp", class_name="day", draws=3, doses=(0.5,), minimum_effect=0.1)
    assert view.model().seen == seen


def test_the_schema_is_complete_and_bounded() -> None:
    spec: ToolSpec = add.__failsight_tool__  # type: ignore[attr-defined]
    assert all(f.description for f in spec.arguments.model_fields.values())
    assert spec.check({"cue": "box:lamp", "doses": [0.5]})["doses"] == (0.5,)
    for wrong in ({"draws": 33}, {"soft_edges": 0.6}, {"doses": [0.0]}, {"doses": [0.1] * 9}, {"alpha": 0.5}):
        with pytest.raises(RetryError):
            spec.check(wrong)


@pytest.fixture
def television(tmp_path: Path) -> Iterator[FakeCase]:
    table, model = television_world(300)
    made = FakeCase(tmp_path / "case", {"data": table}, model)
    yield made
    made.close()


def test_a_language_model_can_call_it_and_the_plan_comes_first(television: FakeCase) -> None:
    arguments = {"cue": "box:television", "class_name": "red_room", "doses": []}
    script = ScriptedPlanner([call("test_by_adding", **arguments), "It was measured [E1]."])
    session = Session(television, planner=script, policy="auto")
    list(session.say("what happens when a television is added?"))
    session.close()
    kinds = [e.kind for e in television.journal]
    assert kinds.index("instrument.registered") < kinds.index("evidence.recorded")
    record = next(iter(television.state().records.values()))
    assert (record.finding.verdict, record.finding.slice) == ("confirmed", {"television": "yes"})


def test_the_guided_planner_adds_what_masking_confirmed(television: FakeCase) -> None:
    session = Session(television, policy="auto")
    list(session.auto())
    session.close()
    records = [r for r in television.state().confirmed() if r.finding.slice == {"television": "yes"}]
    pulled = next(r for r in records if r.finding.class_name == "red_room")
    by_tool = {t.tool: t.verdict for t in pulled.finding.tests}
    assert by_tool["test_by_masking"] == by_tool["test_by_adding"] == "confirmed"
    recorded = [e.tool for e in television.state().evidence]
    assert recorded.index("test_by_masking") < recorded.index("test_by_adding")
    assert recorded.count("test_by_adding") <= 3


@pytest.mark.parametrize("other", [{"class_name": "night"}, {"cue": "box:plant"}])
def test_a_finding_gets_no_verdict_from_a_test_of_something_else(other: dict[str, Any]) -> None:
    view = case(half_lit())
    stated = Finding("spurious_correlation", "features", "data_content", "Lamps go with day.", slice={"lamp": "yes"},
                     class_name="day")  # fmt: skip
    view.stated.append(("F1", stated))
    masked = {"region" if k == "cue" else k: v for k, v in other.items()}
    for test, asked in ((add, other), (mask, masked)):
        with pytest.raises(RetryError, match="F1 is about"):
            test(view, finding="F1", **asked)
    assert not view.instruments
    assert mask(view, finding="F1", class_name="day", region="box:lamp").findings[0].key == stated.key
