"""Curves with known answers, and how often noise is taken for trouble."""

from __future__ import annotations

import numpy as np
import pytest

from failsight.tools.history.curves import (
    best_point,
    divergence,
    ending,
    oscillation,
    recorded_gap,
    rise_after_best,
    spikes,
    thinned,
)
from failsight.tools.history.diagnosis import read_course
from failsight.tools.history.record import Curve, Record
from failsight.tools.text import p_value


def curve(values: object, at: object = None) -> Curve:
    v = np.asarray(values, np.float64)
    return Curve(np.arange(1.0, len(v) + 1) if at is None else np.asarray(at, np.float64), v)


T = np.arange(1.0, 31)
FALLING = curve(np.exp(-T / 6) + 0.02)


def test_a_validation_loss_that_turns_is_overfitting() -> None:
    rng = np.random.default_rng(0)
    val = curve(0.5 + np.exp(-T / 3) + 0.02 * np.clip(T - 9, 0, None) + rng.normal(0, 0.01, 30))
    made = rise_after_best(val, FALLING)
    assert made is not None
    assert made.answer == "yes"
    assert made.p < 0.01
    assert 7 <= made.best <= 12
    assert made.ci[0] > 0.5


def test_both_falling_is_not_overfitting() -> None:
    made = rise_after_best(curve(0.3 + np.exp(-T / 6)), FALLING)
    assert made is not None
    assert made.answer == "no"
    assert made.after == 0


def test_a_validation_loss_that_rises_with_the_training_loss_is_not_overfitting() -> None:
    both = curve(np.concatenate([np.linspace(1, 0.3, 10), np.linspace(0.3, 1, 20)]))
    made = rise_after_best(both, both)
    assert made is not None
    assert made.answer == "open"
    assert "training curve does not fall" in made.reason


@pytest.mark.parametrize("n", [10, 20, 50])
@pytest.mark.parametrize("noise", [0.02, 0.1, 0.2])
def test_flat_noisy_curves_are_not_called_overfitting(n: int, noise: float) -> None:
    rng = np.random.default_rng(n)
    t = np.arange(1.0, n + 1)
    hits = 0
    for _ in range(120):
        val = curve(0.6 * (1 + noise * rng.normal(size=n)))
        train = curve(np.exp(-t / 8) * (1 + 0.03 * rng.normal(size=n)))
        made = rise_after_best(val, train)
        hits += made is not None and made.answer == "yes"
    assert hits / 120 <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize("rho", [0.0, 0.5])
@pytest.mark.parametrize("n", [12, 30, 100])
def test_flat_curves_with_memory_are_rarely_called_overfitting(n: int, rho: float) -> None:
    rng = np.random.default_rng(1)
    t = np.arange(1.0, n + 1)
    hits = 0
    for _ in range(1000):
        noise = rng.normal(size=n)
        for i in range(1, n):
            noise[i] += rho * noise[i - 1]
        made = rise_after_best(
            curve(0.6 * (1 + 0.1 * noise)), curve(np.exp(-t / 8) * (1 + 0.03 * rng.normal(size=n)))
        )
        hits += made is not None and made.answer == "yes"
    assert hits / 1000 <= (0.05 if rho == 0 else 0.09)


def test_no_lasting_rise_is_excluded_only_when_the_noise_allows_it() -> None:
    rng = np.random.default_rng(3)
    quiet, loud = (curve(0.5 + np.exp(-T / 3) + rng.normal(0, s, 30)) for s in (0.005, 0.2))
    assert rise_after_best(quiet, FALLING).answer == "no"  # type: ignore[union-attr]
    assert rise_after_best(loud, FALLING).answer == "open"  # type: ignore[union-attr]


def test_endings() -> None:
    rng = np.random.default_rng(4)
    assert ending(curve(2 - 0.05 * T)).state == "falling"  # type: ignore[union-attr]
    assert ending(curve(1 + 0.05 * T)).state == "rising"  # type: ignore[union-attr]
    assert ending(curve(1 + rng.normal(0, 0.005, 30))).state == "flat"  # type: ignore[union-attr]
    assert ending(curve(1 + rng.normal(0, 0.3, 30))).state == "open"  # type: ignore[union-attr]
    assert ending(curve([1.0, 2.0])) is None


def test_divergence() -> None:
    assert divergence(curve([1, 0.5, np.nan, np.nan])).at == 3  # type: ignore[union-attr]
    assert divergence(curve([1, 0.8, 0.6, 0.5, 3, 8, 20, 30])).answer == "yes"  # type: ignore[union-attr]
    assert divergence(FALLING).answer == "no"  # type: ignore[union-attr]
    assert divergence(curve(0.7 + np.random.default_rng(5).normal(0, 0.05, 30))).answer == "no"  # type: ignore[union-attr]
    assert divergence(curve([])) is None


def test_oscillation_and_spikes() -> None:
    rng = np.random.default_rng(6)
    assert oscillation(curve(1 + 0.5 * (-1) ** np.arange(30))).answer == "yes"  # type: ignore[union-attr]
    assert oscillation(curve(1 + rng.normal(0, 0.02, 30))).answer == "no"  # type: ignore[union-attr]
    values = np.exp(-T / 10) + rng.normal(0, 0.003, 30)
    values[8] *= 4
    rate = curve(np.exp(-(((T - 9) / 6) ** 2)))
    found = spikes(curve(values), rate)
    assert [s.at for s in found] == [9]
    assert found[0].lr_share > 0.99
    assert spikes(FALLING, curve([])) == ()


def test_best_against_last() -> None:
    made = best_point(curve([0.5, 0.9, 0.8]), lower_is_better=False)
    assert made is not None
    assert (made.at, made.last_at) == (2, 3)
    assert made.worse == pytest.approx(0.1)
    assert best_point(curve([np.nan]), lower_is_better=True) is None


def test_the_best_of_many_noisy_points_is_not_called_better_than_the_last() -> None:
    rng = np.random.default_rng(0)
    flat = [best_point(curve(1 + rng.normal(0, 0.05, 50)), lower_is_better=True) for _ in range(200)]
    assert sum(made is not None and made.ci[0] > 0 for made in flat) <= 20  # 5 %, with its own noise
    turned = best_point(
        curve(1 + 0.02 * np.abs(np.arange(50) - 15) + rng.normal(0, 0.05, 50)), lower_is_better=True
    )
    assert turned is not None
    assert turned.ci[0] > 0.2


def test_the_recorded_gap_interpolates_where_times_differ() -> None:
    train, val = curve([0.5, 0.7, 0.9, 1.0], [0, 1, 2, 3]), curve([0.5, 0.6], [1.5, 2.5])
    mean, _, n = recorded_gap(train, val)  # type: ignore[misc]
    assert mean == pytest.approx(((0.8 - 0.5) + (0.95 - 0.6)) / 2)
    assert n == 2
    assert recorded_gap(curve([]), val) is None


def test_long_logs_are_averaged() -> None:
    made = thinned(curve(np.arange(10_001.0)))
    assert len(made) == 200
    assert np.all(np.diff(made.at) > 0)


def test_what_is_read_off_accuracies_is_not_called_a_loss() -> None:
    val = curve(0.7 + 0.02 * np.minimum(T, 8) - 0.01 * np.clip(T - 8, 0, None))
    record = Record("CSV", "epoch", {"train_accuracy": curve(1 - np.exp(-T / 6) / 2), "val_accuracy": val})
    made = read_course(record)
    said = " ".join(f"{d.name} {d.sentence}" for d in made.diagnoses)
    assert "the validation error rate rises by" in said
    assert "loss" not in said
    with_loss = read_course(Record("CSV", "epoch", {"train_loss": FALLING, "val_accuracy": val}))
    said = " ".join(d.sentence for d in with_loss.diagnoses)
    assert "validation error rate rises" in said
    assert "training loss falls" in said


def test_a_course_without_any_usable_curve_says_nothing_wrong() -> None:
    made = read_course(Record("CSV", "epoch", {"learning_rate": curve([0.1, 0.01])}))
    assert not [d for d in made.diagnoses if d.answer == "yes"]
    assert made.best_at is None
    assert not made.still_learning


def test_each_trend_at_the_end_has_its_p_in_the_sentence_and_the_row_has_the_larger() -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, len(T))
    val = curve(1 - 0.004 * T + noise)
    made = read_course(Record("CSV", "epoch", {"train_loss": FALLING, "val_loss": val}))
    (one,) = (d for d in made.diagnoses if d.name == "still learning at the end")
    train, own = made.train_end, made.val_end
    assert train is not None and own is not None and one.p == max(train.p, own.p)
    assert f"p {p_value(train.p)})" in one.sentence and f"(p {p_value(own.p)})" in one.sentence
