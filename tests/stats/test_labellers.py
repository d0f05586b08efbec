"""What a labeller's labels mean: planted habits are found, and they say more than the judge alone."""

from __future__ import annotations

import numpy as np
import pytest

from failsight.tools.stats.confident import normalised_margin
from failsight.tools.stats.labellers import Habits, learn_habits


def drawn(
    seed: int, habits: np.ndarray, n: int = 1200, far: float = 2.0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(scores of the true posterior, labels given, true classes): unit Gaussian classes, ``far`` from the origin each."""
    rng = np.random.default_rng([seed, 5])
    k = len(habits)
    truth = rng.integers(0, k, n)
    x = rng.standard_normal((n, k))
    x[np.arange(n), truth] += far
    odds = far * x
    scores = np.exp(odds - odds.max(1, keepdims=True))
    scores /= scores.sum(1, keepdims=True)
    given = np.array([rng.choice(k, p=habits[t]) for t in truth])
    return scores, given, truth


def flips(k: int, rate: float) -> np.ndarray:
    """Each class is given for the one before it, at this rate."""
    return np.eye(k) * (1 - rate) + np.roll(np.eye(k), 1, axis=1) * rate


def test_one_image_by_hand() -> None:
    made = Habits(np.array([[0.5, 0.5], [0.0, 1.0]]), np.array([[0.25, 0.75], [0.9, 0.1]]))
    assert made.right(np.array([1, 1])) == pytest.approx([0.75, 0.1])


@pytest.mark.parametrize("rate", [0.0, 0.2, 0.5])
@pytest.mark.parametrize("seed", range(3))
def test_planted_habits_are_found_and_chances_are_calibrated(rate: float, seed: int) -> None:
    scores, given, truth = drawn(seed, flips(4, rate))
    made = learn_habits(scores, given)
    assert np.abs(made.given - flips(4, rate)).max() < 0.1
    assert made.given.sum(1) == pytest.approx(np.ones(4)) and made.posterior.sum(1) == pytest.approx(1.0)
    wrong = float((given != truth).mean())
    assert float(1 - made.right(given).mean()) == pytest.approx(wrong, abs=0.03)
    for low, high in (
        (0.1, 0.4),
        (0.6, 0.9),
    ):  # of labels with a chance of about a quarter, a quarter is right
        mine = (made.right(given) >= low) & (made.right(given) < high)
        if mine.sum() >= 60:
            told, true = made.right(given)[mine].mean(), (given == truth)[mine].mean()
            assert abs(told - true) < 3 * np.sqrt(0.25 / mine.sum())


def test_habits_say_more_than_the_judge_alone() -> None:
    gained = []
    for seed in range(8):
        scores, given, truth = drawn(seed, flips(5, 0.5), 600, far=1.6)
        wrong = given != truth
        by_habit = np.argsort(learn_habits(scores, given).right(given), kind="stable")[: wrong.sum()]
        alone = np.argsort(normalised_margin(given, scores), kind="stable")[: wrong.sum()]
        gained.append(wrong[by_habit].mean() - wrong[alone].mean())
    assert min(gained) > 0 and np.mean(gained) > 0.02


def test_labels_by_lot_and_a_class_that_nobody_shows_do_no_harm() -> None:
    scores, given, truth = drawn(1, np.full((3, 3), 1 / 3))
    made = learn_habits(scores, given)
    assert np.abs(made.given - 1 / 3).max() < 0.1
    assert (made.posterior.argmax(1) == truth).mean() > 0.8  # the labels say nothing, the images do
    few = learn_habits(np.array([[1.0, 0.0, 0.0]] * 3), np.array([0, 0, 0]))
    assert np.isfinite(few.given).all() and np.isfinite(few.posterior).all()


def test_what_fits_nothing_is_refused() -> None:
    ok = np.full((3, 2), 0.5)
    for scores, labels in (
        (ok[:0], np.zeros(0, np.int64)),
        (ok, np.array([0, 1])),
        (ok, np.array([0, 1, 2])),
        (ok, np.array([0, -1, 1])),
        (np.array([[np.nan, 1.0]]), np.array([0])),
        (np.array([[-0.1, 1.1]]), np.array([0])),
    ):
        with pytest.raises(ValueError):
            learn_habits(scores, labels)
