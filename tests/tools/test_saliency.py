"""Saliency on networks whose evidence lies in a known place, and on models that allow only occlusion."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.tools.errors import ModelFails, RetryError
from failsight.tools.evidence import evidence_from_dict
from failsight.tools.registry import ToolSpec
from failsight.tools.saliency import saliency
from tests.experiments.nets import lamp_net, net_case
from tests.experiments.scenes import CLASSES, blank, case, reads_lamp, scene
from tests.fakes.view import FakeTable, FakeView


def share(made: Any, of: str) -> float:
    return float(made.fact("saliency_share", of).value)


@pytest.mark.parametrize("flat", [False, True])
def test_grad_cam_finds_the_lamp_and_not_the_plant(flat: bool, tmp_path: Path) -> None:
    made = saliency(net_case(lamp_net(flat=flat), folder=tmp_path), class_name="day")
    assert "Grad-CAM" in made.summary
    assert share(made, "box:lamp") > 0.7  # bilinear enlargement spreads the rest round the lamp
    assert share(made, "box:plant") < 0.15
    assert made.fact("saliency_minus_area", "box:lamp").ci[0] > 0  # type: ignore[index]
    assert (tmp_path / made.figures[0].path).is_file()


def test_occlusion_finds_the_lamp_in_a_model_without_layers() -> None:
    made = saliency(case(), class_name="day")
    assert "occlusion" in made.summary
    assert share(made, "box:lamp") > 3 * made.fact("area_share", "box:lamp").value  # type: ignore[operator]
    assert any("weights of this model can't be reached" in n for n in made.notes)


def test_what_stands_out_and_goes_with_errors_is_proposed_not_concluded() -> None:
    made = saliency(mixed(), class_name="day")
    assert [f.key for f in made.findings] == ["spurious_correlation|lamp=yes|day|"]
    finding = made.findings[0]
    assert finding.verdict is None
    assert (finding.error_rate, finding.base_error_rate) == (1.0, 0.0)
    assert "may take the lamp" in finding.statement
    assert "test_by_masking" in made.next_steps[0]


def mixed() -> FakeView:
    """Day pictures all have the lamp, so does every second night picture; the model reads the lamp."""
    table = scene(100)
    for i in range(100):
        if i % 4 == 1:
            x0, y0, x1, y1 = (round(v * 32) for v in table.boxes[i].pop("lamp")[0])  # type: ignore[index, union-attr]
            table.pixels[i, y0:y1, x0:x1] = 30
    return case(table)


def test_an_object_that_only_the_class_shows_is_not_called_spurious() -> None:
    table = scene(60)
    for i in range(1, 60, 2):
        x0, y0, x1, y1 = (round(v * 32) for v in table.boxes[i].pop("lamp")[0])  # type: ignore[index, union-attr]
        table.pixels[i, y0:y1, x0:x1] = 30
    made = saliency(case(table), class_name="day", max_images=60)
    assert share(made, "box:lamp") > 0.2
    assert not made.findings


def test_a_handful_of_wrong_labels_is_no_suspicion() -> None:
    """Lamps in day pictures only, but five of those are labelled night."""
    table = scene(60)
    for i in range(1, 60, 2):
        x0, y0, x1, y1 = (round(v * 32) for v in table.boxes[i].pop("lamp")[0])  # type: ignore[index, union-attr]
        table.pixels[i, y0:y1, x0:x1] = 30
    table.labels[:10:2] = 1
    assert not saliency(case(table), class_name="day", max_images=60).findings


def test_maps_that_are_zero_everywhere_are_told() -> None:
    made = saliency(case(rule=lambda p: np.zeros((len(p), 2))), max_images=5)
    assert any("5 of 5 maps are zero everywhere" in n for n in made.notes)


def test_one_image_by_path_file_name_or_row() -> None:
    view = net_case(lamp_net())
    rows = {saliency(view, image=name).images[0].row for name in ("img_00007.png", "7", "#7")}
    assert rows == {7}
    view._tables["train"] = view.table()
    with pytest.raises(RetryError, match=r"is one of the training images.*split=train"):
        saliency(view, image="train:#7")
    made = saliency(view, image="img_00007.png", class_name="day", predicted_class="night")
    assert "night rather than day" in made.title
    assert "features_local.2" in made.questions
    assert any("anecdote" in n for n in made.notes)


def test_a_confusion_cell_is_explained_against_the_true_class() -> None:
    made = saliency(net_case(lamp_net()), class_name="night", predicted_class="day")
    assert "day rather than night" in made.title
    assert made.fact("n").value == 12


def test_the_contrast_is_the_difference_of_the_two_maps() -> None:
    from failsight.tools.experiments.explainers import Target, explain, lens_of

    view = case(rule=lambda p: np.stack([3 * p[:, :8].mean((1, 2, 3)), 3 * p[:, -8:].mean((1, 2, 3))], 1))
    lens, pixels = lens_of(view.model()), scene(3).pixels
    zero, one = np.zeros(3, int), np.ones(3, int)
    both = explain(lens, "occlusion", pixels, Target(zero, one))
    alone = explain(lens, "occlusion", pixels, Target(zero)) - explain(lens, "occlusion", pixels, Target(one))
    np.testing.assert_allclose(both, alone, atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"image": "nowhere.png"}, "img_00000.png"),
        ({"class_name": "dusk"}, "day, night"),
        ({"method": "grad_cam"}, "occlusion"),
        ({"where": "house=h9"}, "h0"),
        ({"split": "deploy"}, "data"),
    ],
)
def test_bad_arguments_say_what_exists(arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(RetryError, match=told):
        saliency(case(), **arguments)


def test_a_black_box_without_model_says_what_is_missing() -> None:
    table = scene(8)
    with pytest.raises(RetryError, match="predictions only"):
        saliency(FakeView({"data": table}, scores={"data": np.eye(2)[table.labels]}))


def test_hostile_images() -> None:
    one = saliency(case(blank(3, size=1), size=1))
    assert one.fact("n").value == 3
    table = scene(6)
    table.bad = {2}
    assert "img_00002.png" in " ".join(saliency(case(table)).notes)
    table.bad = set(range(6))
    with pytest.raises(RetryError, match="cut short"):
        saliency(case(table), image="3")


def test_scores_that_are_not_finite_are_left_out() -> None:
    def broken(pixels: np.ndarray) -> np.ndarray:
        raw = reads_lamp(pixels)
        raw[pixels[:, 0, 0, 0] > 0.2] = np.nan
        return raw

    made = saliency(case(rule=broken), where="true=day")
    assert 0 < float(str(made.fact("left_out").value)) < 20
    with pytest.raises(RetryError, match="not finite"):
        saliency(case(rule=lambda p: np.full((len(p), 2), np.nan)))


def test_pictures_on_which_the_model_fails_are_left_out_and_counted() -> None:
    table = scene(20)
    table.pixels[[2, 7], 0, 0] = (7, 7, 7)
    table.pixels[11, 1, 1] = (9, 9, 9)  # fails only where the method covers something of it

    def refusing(pixels: np.ndarray) -> np.ndarray:
        levels = np.rint(pixels * 255)
        marked = (levels[:, 0, 0] == 7).all(1)
        changed = (levels[:, 1, 1] == 9).all(1) & (levels[:, 16:] != np.rint(table.pixels[11, 16:])).any(
            (1, 2, 3)
        )
        if (marked | changed).any():
            raise ModelFails("ValueError: not this one", len(pixels))
        return reads_lamp(pixels)

    made = saliency(case(table, rule=refusing))
    assert made.fact("n").value == 17 and made.fact("left_out").value == 3
    (told,) = [n for n in made.notes if "3 images left out" in n]
    assert (
        "img_00002.png (the model fails on it (ValueError: not this" in told
        and "its map is not finite" in told
    )
    with pytest.raises(RetryError, match="answers none of these images"):
        saliency(case(table, rule=refusing), image="7")


def test_no_labels_and_no_boxes_still_give_a_map() -> None:
    table = FakeTable(scene(8).pixels, [-1] * 8, CLASSES)
    made = saliency(case(table))
    assert not made.findings
    assert evidence_from_dict(made.to_dict()).fact("n").value == 8


def test_a_randomised_network_gives_other_maps() -> None:
    made = saliency(net_case(lamp_net()), class_name="day")
    assert float(str(made.fact("randomised_similarity").value)) < 0.5
    assert not any("check failed" in n for n in made.notes)


def test_the_schema_is_complete_and_bounded() -> None:
    spec: ToolSpec = saliency.__failsight_tool__  # type: ignore[attr-defined]
    assert all(f.description for f in spec.arguments.model_fields.values())
    for wrong in ({"max_images": 0}, {"method": "magic"}):
        with pytest.raises(RetryError):
            spec.check(wrong)


@pytest.mark.parametrize(("method", "steps"), [("integrated_gradients", 1), ("grad_cam", 3)])
def test_a_method_of_many_passes_shows_after_every_picture_how_far_it_is(method: str, steps: int) -> None:
    view = net_case(lamp_net())
    told: list[tuple[str, int]] = []

    class Watch:
        @contextmanager
        def job(self, label: str, total: int) -> Iterator[Any]:
            class Ticker:
                def advance(self, done: int = 1) -> None:
                    told.append((label, done))

            yield Ticker()

    view.progress = Watch()  # type: ignore[assignment]
    made = saliency(view, method=method, class_name="day", max_images=3, check=True)
    assert [done for label, done in told if label == f"saliency ({method})"] == [steps] * (3 // steps)
    assert [done for label, done in told if "shuffled weights" in label] == [steps] * (2 * 3 // steps)
    assert sum(label == "scoring the maps" for label, _ in told) == 3 * 8
    similar = made.fact("randomised_similarity")
    assert similar.ci is not None and similar.ci[0] <= float(similar.value) <= similar.ci[1]  # type: ignore[arg-type]
    assert made.fact("cascade_similarity", "100.0 % of the layers").value is not None


def test_every_share_in_the_summary_is_a_fact() -> None:
    for made in (
        saliency(net_case(lamp_net()), class_name="day"),
        saliency(net_case(lamp_net()), image="0", class_name="day"),
    ):
        shares = {f"{100 * float(f.value):.1f} %" for f in made.facts if f.unit == "share"}  # type: ignore[arg-type]
        named = re.findall(r"([\d.]+ %) on ([\d.]+ %)", made.summary)
        assert named and {one for pair in named for one in pair} <= shares
