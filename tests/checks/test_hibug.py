"""HiBug's rules on tables that can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from failsight.tools.slices.hibug import HiBugBug, hibug_bugs

VALUES, NAMES, CLASSES = (("no", "yes"), ("day", "night")), ("bag", "time"), ("cat", "dog")


def found(bugs: list[HiBugBug]) -> set[tuple[str, tuple[str, ...], str | None]]:
    return {(b.kind, b.values, b.class_name) for b in bugs}


def world() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """20 images; the ten with a bag are called dog (half of them are cats), at night the model errs no more than by day."""
    bag = np.repeat([0, 1], 10)
    time = np.tile([0, 1], 10)
    labels = np.r_[np.zeros(5), np.ones(5), np.zeros(5), np.ones(5)].astype(int)
    predicted = np.where(bag == 1, 1, labels)
    return np.stack([bag, time], axis=1), labels, predicted


def test_slices_below_the_overall_accuracy_and_dominant_predictions() -> None:
    codes, labels, predicted = world()
    bugs = hibug_bugs(codes, VALUES, NAMES, labels, predicted, CLASSES)
    assert ("spurious_correlation", ("yes",), "dog") in found(bugs)
    assert ("weak_slice", ("yes",), None) in found(bugs)
    assert not any(b.values == ("no",) for b in bugs)
    (bag,) = (b for b in bugs if b.kind == "weak_slice" and b.attributes == ("bag",))
    assert (bag.n, bag.error, bag.score) == (10, 0.5, 5.0)
    assert bugs[0].kind == "spurious_correlation" and bugs[0].probability == 1.0


def test_seldom_in_training_makes_a_rare_case() -> None:
    codes, labels, predicted = world()
    train = np.zeros((100, 2), int)
    train[:2, 0] = 1
    bugs = hibug_bugs(codes, VALUES, NAMES, labels, predicted, CLASSES, train_codes=train)
    (rare,) = (b for b in bugs if b.kind == "rare_case" and b.attributes == ("bag",))
    assert rare.values == ("yes",) and rare.train_share == pytest.approx(0.02)


def test_the_released_rules_want_three_points_and_four_fifths() -> None:
    codes, labels, predicted = world()
    bugs = hibug_bugs(codes, VALUES, NAMES, labels, predicted, CLASSES, rules="released")
    correlations = [b for b in bugs if b.kind == "spurious_correlation" and b.values == ("yes",)]
    assert {b.of_errors for b in correlations} == {False, True}
    assert {b.class_name for b in correlations} == {"dog"}
    even = hibug_bugs(codes, VALUES, NAMES, labels, predicted, CLASSES, rules="released", error_over=0.9)
    assert all(b.kind == "spurious_correlation" and b.of_errors for b in even)


def test_combinations_and_missing_values() -> None:
    codes, labels, predicted = world()
    codes[codes[:, 1] == 1, 1] = -1
    bugs = hibug_bugs(codes, VALUES, NAMES, labels, predicted, CLASSES, depth=2)
    assert any(b.values == ("yes", "day") for b in bugs)
    assert not any("night" in b.values for b in bugs)


def test_nothing_to_look_at_and_wrong_shapes() -> None:
    assert hibug_bugs(np.zeros((0, 2), int), VALUES, NAMES, np.zeros(0), np.zeros(0), CLASSES) == []
    with pytest.raises(ValueError, match="depth"):
        hibug_bugs(np.zeros((1, 2), int), VALUES, NAMES, np.zeros(1), np.zeros(1), CLASSES, depth=4)
    with pytest.raises(ValueError, match="codes"):
        hibug_bugs(np.zeros((2, 2), int), VALUES, NAMES, np.zeros(1), np.zeros(1), CLASSES)
