"""A class that training showed rarely: is it weak because of that? Known answers and the control."""

from __future__ import annotations

import numpy as np
import pytest

from failsight.tools.checks.prior_favour import finding, measure, plans, small_classes

TRAIN = np.array([400, 400, 20])
NAMES = ("a", "b", "c")


def world(seed: int, carried: bool, n: int = 1500, apart: float = 1.6) -> tuple[np.ndarray, np.ndarray]:
    """(scores, labels): Gaussian classes; the model's log odds carry the training proportions, or do not."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n)
    x = rng.standard_normal((n, 3))
    x[np.arange(n), labels] += apart
    logits = apart * x + (np.log(TRAIN / TRAIN.sum()) if carried else 0.0)
    scores = np.exp(logits - logits.max(1, keepdims=True))
    return scores / scores.sum(1, keepdims=True), labels


def test_proportions_in_the_scores_are_found_and_taken_out() -> None:
    scores, labels = world(0, carried=True)
    (one,) = measure(scores, labels, TRAIN)
    assert one.index == 2 and one.judgement.verdict == "confirmed"
    assert one.after > one.before + 0.3 and one.mean_gain > max(one.control, 0.0)
    # with the proportions subtracted these are the scores of a model that was taught evenly
    even, same = world(0, carried=False)
    assert (same == labels).all()
    assert one.after == pytest.approx((even.argmax(1) == labels)[labels == 2].mean(), abs=1e-9)
    told = finding(one, NAMES)
    assert (told.kind, told.class_name, told.verdict) == ("class_imbalance", "c", "confirmed")
    assert "20 training pictures" in told.statement and told.key == plans(NAMES, TRAIN, labels)[0].finding


def test_a_push_alone_confirms_nothing() -> None:
    """Scores without the proportions: the class is answered more often after the push, and everything else pays for it."""
    confirmed = 0
    for seed in range(40):
        (one,) = measure(*world(seed, carried=False), TRAIN)
        assert one.after >= one.before  # any push does that
        confirmed += one.judgement.verdict == "confirmed"
    assert confirmed == 0


@pytest.mark.parametrize("counts", [(400, 400, 400), (400, 300, 140), (0, 400, 400)])
def test_even_counts_leave_nothing_to_ask(counts: tuple[int, ...]) -> None:
    _, labels = world(0, carried=True)
    assert small_classes(np.array(counts), labels) == [] and plans(NAMES, np.array(counts), labels) == []


def test_few_evaluation_images_and_one_class_are_left_alone() -> None:
    assert small_classes(TRAIN, np.array([0] * 50 + [2] * 5)) == []
    scores = np.ones((30, 3)) / 3
    assert measure(scores, np.full(30, 2), TRAIN) == []  # no other class that could be favoured
