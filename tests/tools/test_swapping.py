"""The swapping test on models whose reliance is known by construction."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
import pytest

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Finding, evidence_from_dict
from failsight.tools.registry import ToolSpec
from failsight.tools.test_by_swapping import test_by_swapping as swap
from tests.experiments.scenes import CLASSES, case
from tests.fakes.view import FakeTable, FakeView

swap.__test__ = False  # type: ignore[attr-defined]  # a tool, not a test
EXACT = 1 / (1 + np.exp(-4)) - 1 / (
    1 + np.exp(4)
)  # exact fall of the score when the corner is a night's: 0.964


def corners(n: int = 48, seed: int = 0) -> FakeTable:
    """Noise; the top left quarter is white on days and black on nights. A ``lamp`` stands bottom right, in all."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 200, (n, 16, 16, 3)).astype(np.uint8)
    pixels[::2, :8, :8], pixels[1::2, :8, :8] = 255, 0
    boxes: list[Any] = [{"lamp": [(0.75, 0.75, 1.0, 1.0)]}] * n
    return FakeTable(pixels, [i % 2 for i in range(n)], CLASSES, boxes=boxes)


def reads_corner(pixels: np.ndarray) -> np.ndarray:
    return np.stack([8 * pixels[:, :8, :8].mean((1, 2, 3)) - 4, np.zeros(len(pixels))], 1)


def view(table: FakeTable | None = None, rule: Any = reads_corner) -> FakeView:
    return case(table or corners(), rule, size=16)


def test_a_region_that_the_model_reads_is_confirmed_with_its_exact_effect() -> None:
    made = swap(view(), region="rect:0,0,0.5,0.5", class_name="day", soft_edges=0)
    finding = made.findings[0]
    assert finding.verdict == "confirmed"
    assert finding.key == "spurious_correlation|region=rect:0,0,0.5,0.5|day|"
    assert made.fact("effect").value == pytest.approx(EXACT, abs=1e-6)
    assert made.fact("control_effect").value == 0
    assert (made.fact("flip_rate").value, made.fact("control_flip_rate").value) == (1, 0)
    assert made.fact("n").value == 24
    assert "goes by what stands in the rectangle" in finding.statement


def test_a_region_that_it_does_not_read_is_refuted() -> None:
    made = swap(view(), region="rect:0.5,0.5,1,1", class_name="day")
    assert made.findings[0].verdict == "refuted"
    assert made.fact("effect").value == 0
    assert "80 % power" in made.summary


def test_the_background_is_swapped_and_the_object_kept() -> None:
    made = swap(view(), region="box:lamp", class_name="day", keep=True, soft_edges=0)
    assert made.findings[0].verdict == "confirmed"
    assert made.findings[0].slice == {"region": "outside box:lamp"}
    assert made.fact("region_share").value == pytest.approx(15 / 16)
    assert made.fact("effect").value == pytest.approx(EXACT, abs=1e-6)
    assert swap(view(), region="box:lamp", class_name="day").findings[0].verdict == "refuted"


def test_without_a_class_every_image_is_watched_for_its_own() -> None:
    made = swap(view(), region="grid:1,1/2x2", soft_edges=0)
    assert made.fact("n").value == 48
    assert made.fact("effect").value == pytest.approx(EXACT, abs=1e-6)
    assert made.findings[0].class_name is None


def test_more_of_the_region_has_more_effect() -> None:
    made = swap(view(), region="rect:0,0,0.5,0.5", class_name="day", doses=(0.25, 0.5, 0.75), soft_edges=0)
    assert made.fact("dose_monotone").value is True
    half = made.fact("effect", "dose 50.0 %").value
    assert half == pytest.approx(1 / (1 + np.exp(-4)) - 0.5, abs=1e-6)  # half white: logit 0


def test_a_finding_about_a_region_gets_its_test_and_one_about_an_object_does_not() -> None:
    made = view()
    about = Finding("spurious_correlation", "features", "data_content", "Around lamps.",
                    slice={"region": "outside box:lamp"}, class_name="day")  # fmt: skip
    made.stated += [("F1", about), ("F2", dataclasses.replace(about, slice={"lamp": "yes"}))]
    told = swap(made, finding="F1").findings[0]
    assert (told.key, told.verdict) == (about.key, "confirmed")
    with pytest.raises(RetryError, match="test_by_adding"):
        swap(made, finding="F2")
    with pytest.raises(RetryError, match="F1 is about day"):  # a verdict of F1 would be that of night
        swap(made, finding="F1", class_name="night")


def test_nothing_is_confirmed_where_classes_look_alike() -> None:
    verdicts = []
    for seed in range(12):
        rng = np.random.default_rng(seed)
        table = FakeTable(rng.integers(0, 255, (40, 16, 16, 3)), [i % 2 for i in range(40)], CLASSES)
        made = swap(view(table), region="rect:0,0,0.5,0.5", class_name="day", minimum_effect=0.0005)
        verdicts.append(made.findings[0].verdict)
    assert verdicts.count("confirmed") <= 1


def test_a_rare_class_among_the_others_does_not_make_pieces_scarce() -> None:
    """20 days, 19 nights and one dusk: pieces come from 20 other images and from 20 of the class."""
    table = corners(40)
    table.classes, table.labels[1] = (*CLASSES, "dusk"), 2
    made = swap(view(table, lambda x: np.pad(reads_corner(x), ((0, 0), (0, 1)))), region="rect:0,0,0.5,0.5", class_name="day")  # fmt: skip
    assert "20 images and pieces from 20 would show" in made.notes[0]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "box:lamp (48 images)"),
        ({"region": "box:sofa"}, "box:lamp (48 images)"),
        ({"region": "object:lamp"}, "segmenter=FOLDER"),
        ({"region": "circle:3"}, "is not a region"),
        ({"region": "box:lamp", "class_name": "dusk"}, "day, night"),
        ({"region": "box:lamp", "class_name": "day", "donor_class": "day"}, "another class"),
        ({"region": "box:lamp", "class_name": "day", "where": "true=night"}, "no image is left"),
        ({"region": "box:lamp", "finding": "F9"}, "no finding"),
        ({"region": "box:lamp", "soft_edges": 2.0}, "soft_edges"),
        ({"region": "box:lamp", "split": "deploy"}, "data"),
    ],
)
def test_bad_arguments_say_what_exists(arguments: dict[str, Any], told: str) -> None:
    made = view()
    with pytest.raises(RetryError, match=re.escape(told)):
        swap(made, **arguments)
    assert not made.instruments


def test_one_class_alone_can_not_be_swapped() -> None:
    table = corners()
    table.labels[:] = 0
    with pytest.raises(RetryError, match="no images of another class"):
        swap(view(table), region="grid:1,1/2x2", class_name="day")
    with pytest.raises(RetryError, match="no images of another class"):
        swap(view(table), region="grid:1,1/2x2")


def test_unlabelled_unreadable_and_lonely_images() -> None:
    table = corners(12)
    table.labels[4:] = -1
    table.bad = {0}
    made = swap(view(table), region="grid:1,1/2x2", class_name="day")  # row 2 is alone in its class
    assert made.findings[0].verdict == "inconclusive"
    assert made.fact("left_out").value == 2
    assert evidence_from_dict(made.to_dict()).fact("n").value == 0


def test_the_answer_is_the_same_every_time() -> None:
    first, second = (swap(view(), region="border:0.1", keep=True).to_dict() for _ in range(2))
    assert first == second


def test_the_schema_is_complete_and_bounded() -> None:
    spec: ToolSpec = swap.__failsight_tool__  # type: ignore[attr-defined]
    assert all(f.description for f in spec.arguments.model_fields.values())
    for wrong in ({"draws": 0}, {"soft_edges": -0.1}, {"doses": [1.5]}, {"keep": "perhaps"}):
        with pytest.raises(RetryError):
            spec.check(wrong)
