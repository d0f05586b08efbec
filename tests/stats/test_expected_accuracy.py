"""Expected accuracy without labels: exact where the assumption of each estimate holds, bounded where it can't."""

from __future__ import annotations

import numpy as np
import pytest

from failsight.tools.stats.expected_accuracy import (
    Estimate,
    by_look,
    by_threshold,
    by_transport,
    calibrated,
    importance,
    stated,
    temperature,
    transport_costs,
)


def test_the_threshold_gives_the_reference_its_own_accuracy_also_with_ties() -> None:
    rng = np.random.default_rng(0)
    sure = np.round(rng.random(500), 1)
    right = rng.random(500) < 0.73
    assert by_threshold(sure, right, sure, draws=20).value == pytest.approx(right.mean())


def test_the_threshold_counted_by_hand() -> None:
    sure, right = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, True, True, False])
    assert by_threshold(sure, right, np.array([0.95, 0.65, 0.5, 0.75]), draws=5).value == pytest.approx(0.5)


def test_temperature_undoes_a_sharpening() -> None:
    rng = np.random.default_rng(1)
    z = rng.normal(size=(4000, 4)) * 1.5
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    labels = (p.cumsum(1) > rng.random((4000, 1))).argmax(1)
    sharp = calibrated(p, 1 / 3)
    assert temperature(sharp, labels) == pytest.approx(3, abs=0.25)
    np.testing.assert_allclose(calibrated(sharp, 3), p, atol=1e-9)


def test_transport_agrees_with_the_assignment_problem() -> None:
    from scipy.optimize import linear_sum_assignment

    rng = np.random.default_rng(2)
    p = rng.dirichlet([0.4] * 3, 60)
    mix = np.array([0.5, 0.3, 0.2])
    dealt = np.repeat([0, 1, 2], (mix * 60).astype(int))
    cost = 1 - p[:, dealt]
    exact = cost[linear_sum_assignment(cost)].mean()
    assert transport_costs(p, mix).mean() == pytest.approx(exact, abs=0.01)


def test_transport_sees_a_model_that_collapses_while_it_stays_confident() -> None:
    rng = np.random.default_rng(3)
    labels = np.arange(600) % 3
    sure = np.full((600, 3), 0.05)
    sure[np.arange(600), np.where(rng.random(600) < 0.9, labels, (labels + 1) % 3)] = 0.9
    right = sure.argmax(1) == labels
    collapsed = np.full((600, 3), 0.05)
    collapsed[:, 0] = 0.9
    assert by_threshold(sure.max(1), right, collapsed.max(1), draws=10).value > 0.85
    assert by_transport(sure, labels, right, collapsed, draws=10).value < 0.45
    same = by_transport(sure, labels, right, sure, draws=50)
    assert same.value == pytest.approx(right.mean())
    assert same.ci[0] < right.mean() < same.ci[1]


def test_the_look_weighted_estimate_recovers_a_known_covariate_shift() -> None:
    rng = np.random.default_rng(4)
    dark = rng.random(20_000) < 0.2
    right = rng.random(20_000) < np.where(dark, 0.5, 0.9)
    odds = np.where(dark, np.log(0.6 / 0.2), np.log(0.4 / 0.8))  # deployment: 60 % dark
    made, size = by_look(odds, right, draws=50)
    assert made.value == pytest.approx(0.6 * 0.5 + 0.4 * 0.9, abs=0.015)
    assert made.ci[0] < 0.66 < made.ci[1]
    assert 0 < size < 20_000


def test_weights_are_clipped() -> None:
    weights = importance(np.r_[np.zeros(99), 50.0])
    assert weights.max() <= 20 and np.isfinite(weights).all()


def test_the_rule_is_the_one_that_is_written_down() -> None:
    made = {
        m: Estimate(m, v, (v - 0.02, v + 0.02))
        for m, v in [("threshold", 0.8), ("class_mix", 0.7), ("transport", 0.5)]
    }  # type: ignore[arg-type]
    mix, other = stated(made, 0.8, 500, True), stated(made, 0.8, 500, False)  # type: ignore[arg-type]
    assert mix is not None and mix.value == pytest.approx(0.75) and mix.methods == ("threshold", "class_mix")
    assert other is not None and other.value == 0.5 and other.methods == ("transport",)
    assert other.ci == pytest.approx(
        (0.48 - 0.13, 0.52 + 0.13)
    )  # 4 points and three tenths of the drop of 30
    assert other.drop_ci[0] < 0.3 < other.drop_ci[1]
    assert stated({"class_mix": made["class_mix"]}, 0.8, 500, False) is None  # type: ignore[dict-item]
