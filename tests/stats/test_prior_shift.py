"""The class mix behind unlabelled answers: recovered, bounded, and refused where it can't be read."""

from __future__ import annotations

import numpy as np
import pytest

from failsight.tools.stats.prior_shift import condition_number, label_shift

RATES = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.05, 0.15, 0.8]])


def drawn(mix: list[float], n: int, seed: int) -> np.ndarray:
    """(k, k) images by true and predicted class."""
    rng = np.random.default_rng(seed)
    return np.stack([rng.multinomial(c, r) for c, r in zip(rng.multinomial(n, mix), RATES, strict=True)])


def test_a_mixture_known_exactly_is_inverted() -> None:
    counts = np.round(RATES * 10_000).astype(int)
    answers = np.round(np.array([0.6, 0.3, 0.1]) @ RATES * 100_000).astype(int)
    made = label_shift(counts, answers, draws=50)
    np.testing.assert_allclose(made.shares, [0.6, 0.3, 0.1], atol=0.002)
    np.testing.assert_allclose(made.weights, [1.8, 0.9, 0.3], atol=0.01)
    assert made.accuracy == pytest.approx(0.6 * 0.8 + 0.3 * 0.7 + 0.1 * 0.8, abs=0.002)
    assert made.distance == pytest.approx(0.6 - 1 / 3, abs=0.003)


def test_intervals_hold_the_true_mix() -> None:
    truth, hits = [0.55, 0.3, 0.15], np.zeros(3)
    for seed in range(60):
        made = label_shift(
            drawn([1 / 3] * 3, 600, seed), drawn(truth, 400, 1000 + seed).sum(0), draws=100, seed=seed
        )
        hits += [lo <= t <= hi for t, (lo, hi) in zip(truth, made.ci, strict=True)]
    assert (hits >= 52).all()


def test_the_same_mix_is_not_called_another() -> None:
    made = label_shift(drawn([0.4, 0.4, 0.2], 1000, 0), drawn([0.4, 0.4, 0.2], 1000, 1).sum(0))
    assert made.distance < 0.07
    assert made.reliable


def test_shares_stay_on_the_simplex_where_plain_inversion_leaves_it() -> None:
    counts = np.round(RATES * 100).astype(int)
    made = label_shift(counts, np.array([0, 0, 50]), draws=50)
    assert np.linalg.solve(RATES.T, [0, 0, 1]).min() < 0
    assert made.shares.min() >= 0 and made.shares.sum() == pytest.approx(1)
    assert made.shares.argmax() == 2


def test_classes_answered_alike_are_refused() -> None:
    counts = np.array([[50, 50, 0], [50, 50, 0], [0, 0, 100]])
    made = label_shift(counts, np.array([40, 40, 20]), draws=50)
    assert not made.reliable
    assert condition_number(counts.astype(float)) == np.inf


def test_a_class_without_reference_images_gets_no_share() -> None:
    made = label_shift(np.array([[50, 0, 0], [0, 50, 0], [0, 0, 0]]), np.array([10, 10, 80]), draws=40)
    assert made.shares[2] == 0 and made.weights[2] == 0
    with pytest.raises(ValueError, match="both"):
        label_shift(np.zeros((2, 2), int), np.array([1, 1]))
