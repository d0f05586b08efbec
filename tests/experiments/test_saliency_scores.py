"""Scores of maps: deletion and insertion against random maps, agreement with boxes, the cascade, the mean map."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsight.tools.experiments.explainers import EXPLAINERS, Target, explain, lens_of, occlusion
from failsight.tools.experiments.saliency_report import Mapped, mass_inside, mean_map
from failsight.tools.experiments.saliency_sanity import cascade, check_sanity
from failsight.tools.experiments.saliency_scores import (
    agreement,
    deletion_insertion,
    moved,
    ranks,
    salient_pixels,
)
from failsight.tools.saliency import saliency
from tests.experiments.nets import edge_detector, lamp_net, net_case
from tests.experiments.scenes import blank, case, scene


def zeros(n: int) -> Target:
    return Target(np.zeros(n, int))


def test_maps_of_the_lamp_beat_random_maps_both_ways() -> None:
    lens, pixels = lens_of(case().model()), scene(10).pixels
    made = {
        c.name: c for c in deletion_insertion(lens, pixels, occlusion(lens, pixels, zeros(10)), zeros(10), 0)
    }
    assert made["deletion"].own < made["deletion"].random
    assert made["insertion"].own > made["insertion"].random
    assert all(c.ci[0] > 0 and c.n == 10 for c in made.values())


def test_random_maps_are_not_better_than_random_maps() -> None:
    """A simulated error rate: the interval excludes zero on the good side in about 2.5 % of the runs of pure noise."""
    lens, pixels = lens_of(case().model()), scene(12).pixels
    wrong = 0
    for seed in range(20):
        maps = np.random.default_rng(seed).random((12, 8, 8)).astype(np.float32)
        curves = deletion_insertion(lens, pixels, maps, zeros(12), seed, steps=5, draws=2)
        wrong += sum(c.ci[0] > 0 for c in curves)
    assert wrong <= 5  # of 40; P(more | 5 %) is under 0.02


def test_deletion_of_a_single_decisive_pixel_by_hand() -> None:
    """The score is one pixel's brightness; a map that marks it loses everything at the first of ten steps."""
    pixels = np.zeros((1, 10, 10, 3), np.uint8)
    pixels[0, 3, 4] = 255

    def rule(x: np.ndarray) -> np.ndarray:
        lit = x[:, 3, 4].mean(1)
        return np.stack([np.where(lit > 0.5, 50.0, -50.0), np.zeros(len(x))], 1)

    lens = lens_of(case(blank(1, size=10), rule, size=10).model())
    maps = np.zeros((1, 10, 10), np.float32)
    maps[0, 3, 4] = 1
    found = {c.name: c for c in deletion_insertion(lens, pixels, maps, zeros(1), 0)}
    assert found["deletion"].own == pytest.approx(0.05)  # 1 at step 0, then 0: half a step of ten
    assert found["insertion"].own == pytest.approx(0.95)


def test_maps_without_an_order_are_left_out() -> None:
    lens, pixels = lens_of(case().model()), scene(3).pixels
    assert deletion_insertion(lens, pixels, np.zeros((3, 4, 4), np.float32), zeros(3), 0) == ()
    maps = np.zeros((3, 4, 4), np.float32)
    maps[1, 2, 2] = 1
    maps[2] = np.nan
    assert {c.n for c in deletion_insertion(lens, pixels, maps, zeros(3), 0)} == {1}


@given(st.integers(2, 9), st.integers(2, 9), st.integers(0, 50))
def test_a_moved_map_keeps_its_values_and_ranks_are_a_permutation(h: int, w: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    one = rng.random((h, w)).astype(np.float32)
    np.testing.assert_array_equal(np.sort(moved(one, rng).ravel()), np.sort(one.ravel()))
    np.testing.assert_allclose(np.sort(ranks(one).ravel()) * h * w, np.arange(h * w), atol=1e-9)
    assert ranks(one).ravel()[one.argmax()] == 0


def test_agreement_by_hand() -> None:
    """A quarter of the picture is salient; the box covers that quarter and as much again."""
    maps = np.zeros((2, 8, 8), np.float32)
    maps[:, :4, :4] = 1
    box = {"lamp": [(0.0, 0.0, 1.0, 0.5)]}
    (made,) = agreement(np.zeros((2, 8, 8, 3), np.uint8), maps, (box, box), 0)
    assert (made.name, made.n) == ("lamp", 2)
    assert made.iou[0] == pytest.approx(0.5)
    assert made.coverage[0] == pytest.approx(0.5)
    assert made.inside[0] == pytest.approx(1)
    assert made.pointing[0] == 1
    assert made.pointing_chance == 0.5
    assert 0.1 < made.chance < 0.4
    assert made.gain[0] == pytest.approx(made.iou[0] - made.chance)


def test_agreement_leaves_out_flat_maps_and_boxes_outside() -> None:
    maps = np.zeros((3, 8, 8), np.float32)
    maps[0, 0, 0] = 1
    maps[1] = np.nan
    boxes: Any = ({"lamp": [(0.5, 0.5, 0.5, 0.5)]}, {"lamp": [(0, 0, 1, 1)]}, {"lamp": [(0, 0, 1, 1)]})
    assert agreement(np.zeros((3, 8, 8, 3), np.uint8), maps, boxes, 0) == []
    assert not salient_pixels(np.full((3, 3), -1, np.float32)).any()


def test_the_mean_map_gives_every_picture_the_same_weight() -> None:
    maps = np.zeros((3, 4, 4), np.float32)
    maps[0, 0, 0], maps[1, 3, 3], maps[1, 0, 3] = 100, 1, -7
    made = mean_map(Mapped(np.arange(3), np.zeros((3, 4, 4, 3), np.uint8), maps, ({},) * 3))
    assert made[0, 0] == made[3, 3] == pytest.approx(0.5)
    assert made.sum() == pytest.approx(1)


def test_saliency_in_a_corner_lies_in_its_quarter_border_and_corners() -> None:
    maps = np.zeros((3, 20, 20), np.float32)
    maps[:, 0, 19] = 1
    mapped = Mapped(np.arange(3), np.zeros((3, 20, 20, 3), np.uint8), maps, ({},) * 3)
    made = {m.title: m.mass for m in mass_inside(mapped, 0)}
    assert made == {
        "the corners": 1,
        "the border": 1,
        "the upper right quarter": 1,
        "the centre": 0,
        "the upper left quarter": 0,
        "the lower left quarter": 0,
        "the lower right quarter": 0,
    }


def test_the_cascade_starts_at_the_head_and_ends_with_everything() -> None:
    view = net_case(lamp_net(flat=True))
    lens, pixels = lens_of(view.model()), scene(8).pixels
    maps = explain(lens, "grad_cam", pixels, zeros(8))
    stages = cascade(lens, EXPLAINERS["grad_cam"], pixels, maps, zeros(8), stages=3)
    assert [round(s.share, 3) for s in stages] == [0.333, 0.667, 1]
    end = check_sanity(lens, EXPLAINERS["grad_cam"], pixels, maps, zeros(8), shuffles=1)
    assert stages[-1].similarity == pytest.approx(end.similarity)
    posing = edge_detector(lens, pixels, zeros(8))
    assert [s.similarity for s in cascade(lens, edge_detector, pixels, posing, zeros(8))] == pytest.approx(
        [1] * 5
    )
    black = lens_of(case().model())
    assert cascade(black, occlusion, pixels, maps, zeros(8)) == ()


def test_a_picture_posing_as_saliency_is_flagged_by_the_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EXPLAINERS, "smoothgrad", edge_detector)
    made = saliency(net_case(lamp_net()), class_name="day", method="smoothgrad")
    assert "do not trust them" in made.summary
    assert any("check failed" in n for n in made.notes)
    assert float(str(made.fact("randomised_similarity").value)) == pytest.approx(1)
    assert all(f.verdict is None for f in made.findings)


def test_check_scores_the_maps_and_tells_how_they_change() -> None:
    made = saliency(net_case(lamp_net(flat=True)), class_name="day", check=True)
    assert made.fact("deletion_better_than_random").ci[0] > 0  # type: ignore[index]
    assert made.fact("insertion_area").direction == "higher_is_better"
    assert any("from the head downwards" in n for n in made.notes)
    assert "The maps against random maps" in [t.title for t in made.tables]
    assert "do not trust" not in made.summary


def test_maps_no_better_than_random_are_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def noise(lens: Any, pixels: np.ndarray, target: Target) -> np.ndarray:
        drawn = np.random.default_rng([int(lens.seed), int(pixels.astype(int).sum()) % 997])
        return drawn.random((len(pixels), 8, 8)).astype(np.float32)

    monkeypatch.setitem(EXPLAINERS, "occlusion", noise)
    made = saliency(case(), class_name="day", check=True)
    assert "no better than random maps" in made.summary


def test_agreement_with_boxes_comes_without_being_asked() -> None:
    made = saliency(net_case(lamp_net()), class_name="day")
    assert made.fact("pointing_game", "box:lamp").value == 1
    assert made.fact("iou_minus_chance", "box:lamp").ci[0] > 0  # type: ignore[index]
    assert made.fact("pointing_game", "box:plant").value == 0
    assert "Agreement with people's boxes" in [t.title for t in made.tables]


def test_a_contrast_over_images_and_for_one() -> None:
    view = net_case(lamp_net())
    made = saliency(view, contrast="night", class_name="day")
    assert "day rather than night" in made.title
    one = saliency(view, image="4", contrast="night", method="integrated_gradients")
    assert "day rather than night" in one.title
    assert one.questions[0] == "features_local.2"


@pytest.mark.parametrize("method", ["layer_cam", "integrated_gradients", "smoothgrad", "occlusion"])
def test_every_method_finds_the_lamp(method: str) -> None:
    made = saliency(net_case(lamp_net()), class_name="day", method=method, max_images=6)  # type: ignore[arg-type]
    mass, area = (float(str(made.fact(f, "box:lamp").value)) for f in ("saliency_share", "area_share"))
    assert mass > 3 * area


def test_the_same_call_gives_the_same_evidence() -> None:
    first, second = (saliency(case(), class_name="day", check=True, max_images=6) for _ in range(2))
    assert first.to_dict() == second.to_dict()
