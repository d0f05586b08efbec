"""Every measurement of answers goes by the model's thresholds: what turns an answer is the threshold, not one half."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.tools.compare_images import compare_images
from failsight.tools.confidence_profile import confidence_profile
from failsight.tools.counterfactual_pair import counterfactual_pair
from failsight.tools.errors import RetryError
from failsight.tools.evaluate import evaluate
from failsight.tools.experiments import robustness
from failsight.tools.marks import trials as mark_trials
from failsight.tools.nearest import nearest
from failsight.tools.pipelines import feeding
from failsight.tools.repair.around import make_around
from failsight.tools.repair.wrapped import WrappedModel
from failsight.tools.robustness_probe import robustness_probe
from failsight.tools.structure.company import batch_dependence
from failsight.tools.test_by_masking import test_by_masking as masking
from failsight.tools.what_if import what_if
from tests.fakes.case import television_world
from tests.fakes.view import FakeModel, FakeTable, FakeView

RULE = {"day": 0.2}


def daylight(rule: dict[str, float] | None = None, **more: Any) -> FakeView:
    """Score of ``day`` is a logistic of the mean grey, one half at 127.5; row i is grey 90 + 10 i."""
    pixels = np.stack([np.full((8, 8, 3), 90 + 10 * i, np.uint8) for i in range(10)])
    table = FakeTable(pixels, [int(i > 2) for i in range(10)], ("night", "day"))

    def lit(x: np.ndarray) -> np.ndarray:
        lead = 10 * (x.mean((1, 2, 3)) - 0.5)
        return np.stack([-lead, lead], 1)

    model = FakeModel(lit, table.classes, (8, 8))
    model.thresholds = rule or {}  # type: ignore[attr-defined]
    return FakeView({"data": table}, model, **more)


def turn(bar: float) -> float:
    """The mean grey, of 255, at which the score of ``day`` is ``bar``."""
    return 255 * (0.5 + np.log(bar / (1 - bar)) / 20)


def test_what_if_turns_at_the_threshold(tmp_path: Path) -> None:
    for rule, bar in ((None, 0.5), (RULE, 0.2), ({"day": 0.8}, 0.8)):
        made = what_if(daylight(rule, folder=tmp_path), "#9", "brightness:-60%")  # 180
        assert made.fact("prediction", "before").value == "day"
        assert made.fact("prediction", "after").value == "night"
        wanted = 100 * (turn(bar) / 180 - 1)
        assert made.fact("flip_strength", "brightness, downwards").value == pytest.approx(wanted, abs=0.7)
    day = what_if(daylight(RULE), "#2", "brightness:-1%")  # 110: a score of 0.2 to 0.5
    assert day.fact("prediction", "before").value == "day"
    score = day.fact("score", "before, class day").value
    assert 0.2 < score < 0.5  # type: ignore[operator]
    assert day.fact("margin", "before").value == pytest.approx(2 * score - 1, abs=1e-4)  # type: ignore[operator]


def test_errors_confidences_and_neighbours_go_by_it() -> None:
    greys, day = 90 + 10 * np.arange(10), np.arange(10) > 2
    for rule, bar in ((None, 0.5), (RULE, 0.2)):
        found = evaluate(daylight(rule), split="data")
        assert found.fact("recall", "class day").value == pytest.approx((greys[day] >= turn(bar)).mean())
        assert found.fact("recall", "class night").value == pytest.approx((greys[~day] < turn(bar)).mean())
    shown = nearest(daylight(RULE), "#2", k=2)  # 110: a night that is called day
    assert "the model says day" in shown.summary
    pair = compare_images(daylight(RULE), "#0", "#2")
    assert pair.fact("prediction", "second").value == "day"
    sure = confidence_profile(daylight(RULE))
    view = daylight(RULE)
    assert sure.fact("mean_confidence").value == pytest.approx(float(view.predictions().confidence.mean()))


def test_robustness_counts_answers_by_it() -> None:
    view = daylight(RULE)
    rows, pixels = next(iter(view.pixels(np.arange(10), "data", 10)))
    made = robustness._answers(view, ["x"], "darker", [1, 2], rows, pixels)
    for answers, severity in zip(made, (1, 2), strict=True):
        scores = view.model().scores(robustness.perturb("darker", severity, pixels, rows, view.seed))
        assert answers.tolist() == (scores[:, 1] >= 0.2).tolist() != (scores[:, 1] >= 0.5).tolist()
    told = robustness_probe(view, perturbations=("darker",), severities=(1,))
    assert any("thresholds decide the answers" in n for n in told.notes)


def test_a_mask_flips_what_the_threshold_lets_flip() -> None:
    table, model = television_world(60)
    name = model.classes[0]
    before = masking(FakeView({"data": table}, model), "box:television", class_name=name, max_images=20)
    model.thresholds = {name: 1e-6}  # type: ignore[attr-defined]  # nothing is ever anything else
    after = masking(FakeView({"data": table}, model), "box:television", class_name=name, max_images=20)
    assert before.fact("flip_rate").value > 0.5  # type: ignore[operator]
    assert after.fact("flip_rate").value == 0.0


def test_a_swap_is_looked_for_until_the_threshold_is_reached() -> None:
    pixels = np.stack([np.full((16, 16, 3), g, np.uint8) for g in (60, 200)])
    table = FakeTable(pixels, [0, 1], ("night", "day"))

    def lit(x: np.ndarray) -> np.ndarray:
        lead = 10 * (x.mean((1, 2, 3)) - 0.5)
        return np.stack([-lead, lead], 1)

    needed = []
    for rule in ({}, RULE, {"day": 0.9}):
        model = FakeModel(lit, table.classes, (16, 16))
        model.thresholds = rule  # type: ignore[attr-defined]
        view = FakeView({"data": table}, model)
        view.given_features = {"data": np.eye(2, dtype=np.float32)}
        made = counterfactual_pair(view, "#0", "#1", cells=4, draws=20)
        needed.append(made.fact("cells_needed", "greedy search").value)
        assert made.fact("cells_needed", "random order, median").value == needed[-1]
    bars = [0.5, 0.2, 0.9]
    assert needed == [int(np.ceil(16 * (turn(b) - 60) / 140)) for b in bars]


def test_small_parts_take_the_rule() -> None:
    scores = [np.array([[0.7, 0.3], [0.9, 0.1], [np.nan, 0.3]], np.float32)]
    labels = np.array([1, 1, 1])
    assert (feeding._said(scores, (None, 0.2)) == labels).tolist() == [[True, False, False]]
    assert (feeding._said(scores, ()) == labels).tolist() == [[False, False, False]]
    calls = iter(
        [
            np.array([[0.79, 0.21]] * 2),
            np.array([[0.79, 0.21]] * 2),
            np.array([[0.81, 0.19]]),
            np.array([[0.81, 0.19]]),
        ]
    )
    view = daylight(RULE)
    view.model().scores = lambda pixels: next(calls).astype(np.float32)  # type: ignore[method-assign]
    made = batch_dependence(view, np.arange(2))
    assert made is not None and made.flips == 1.0  # the largest score never changed
    assert mark_trials.answers(daylight(RULE), [[0.7, 0.3]]).tolist() == [1]


def test_a_version_around_the_model_keeps_its_thresholds() -> None:
    base = daylight(RULE).model()
    made = WrappedModel(base, {"kind": "defer", "threshold": 0.4}, {}, "print")  # type: ignore[arg-type]
    assert made.thresholds == RULE
    # answered day with 0.3, which is below the bound, and night with 0.9
    assert made.defers(np.array([[0.7, 0.3], [0.9, 0.1]], np.float32)).tolist() == [True, False]


def test_a_rule_about_the_second_largest_score_is_not_made_where_thresholds_decide() -> None:
    with pytest.raises(RetryError, match="threshold of the class instead"):
        make_around(daylight(RULE), None, "rule")  # type: ignore[arg-type]  # refused before anything is looked at
