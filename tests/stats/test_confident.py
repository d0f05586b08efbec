"""Confident learning counts as published (oracle: cleanlab), and a floor of disagreement is found where there is one."""

from __future__ import annotations

import numpy as np
import pytest

from failsight.tools.stats.confident import calibrated_joint, confident_counts, normalised_margin
from failsight.tools.stats.label_floor import Disagreement, compare_floors, fit_floor, sureness, sureness_gap
from failsight.tools.stats.linear_head import cross_validated_scores
from tests.checks.label_worlds import world


def test_a_joint_counted_by_hand() -> None:
    scores = np.array([[0.9, 0.1], [0.7, 0.3], [0.2, 0.8], [0.1, 0.9], [0.4, 0.6]])
    labels = np.array([0, 0, 0, 1, 1])  # thresholds: mean of .9 .7 .2 = .6, and of .9 .6 = .75
    made = confident_counts(labels, scores)
    assert made.thresholds == pytest.approx([0.6, 0.75])
    assert made.suggested.tolist() == [0, 0, 1, 1, -1]
    assert made.joint.tolist() == [[2, 1], [0, 1]]
    assert made.suspect.tolist() == [False, False, True, False, False]
    assert made.noise_rates == pytest.approx(np.array([[0, 1 / 3], [0, 0]]))
    assert calibrated_joint(made.joint, np.array([3, 2])) == pytest.approx(np.array([[2, 1], [0, 2]]))
    assert normalised_margin(labels, scores) == pytest.approx([0.8, 0.4, -0.6, 0.8, 0.2])


@pytest.mark.parametrize("seed", range(4))
def test_the_same_as_cleanlab(seed: int) -> None:
    count = pytest.importorskip("cleanlab.count")
    rank = pytest.importorskip("cleanlab.rank")
    labels, scores32, _ = world(seed, 500, 3 + seed, accuracy=0.75, noise=0.4)
    scores = scores32.astype(float) / scores32.astype(float).sum(1, keepdims=True)
    made = confident_counts(labels, scores)
    joint, at = count.compute_confident_joint(
        labels, scores, calibrate=False, return_indices_of_off_diagonals=True
    )
    assert (made.joint == joint).all()
    assert np.flatnonzero(made.suspect).tolist() == sorted(at)
    assert made.thresholds == pytest.approx(count.get_confident_thresholds(labels, scores))
    theirs = rank.get_label_quality_scores(labels, scores, method="normalized_margin")
    assert normalised_margin(labels, scores) == pytest.approx(2 * theirs - 1)  # theirs lies in 0 to 1
    ours = calibrated_joint(made.joint, np.bincount(labels, minlength=scores.shape[1]))
    assert ours == pytest.approx(count.calibrate_confident_joint(joint, labels), abs=1)  # theirs is rounded


def test_wilson_on_the_counts_is_as_wide_as_a_bootstrap_of_everything() -> None:
    """Thresholds move little from resample to resample, so that a row of the joint is as good as binomial."""
    from failsight.tools.stats.intervals import wilson

    labels, scores, _ = world(5, 900, 3, accuracy=0.8)
    rng, rates = np.random.default_rng(0), []
    for _ in range(300):
        rows = rng.integers(0, 900, 900)
        rates.append(confident_counts(labels[rows], scores[rows].astype(float)).noise_rates[0, 1])
    joint = confident_counts(labels, scores.astype(float)).joint
    low, high = wilson(joint[0, 1], joint[0].sum())
    assert (high - low) == pytest.approx(np.quantile(rates, 0.975) - np.quantile(rates, 0.025), rel=0.3)


def test_classes_without_images_and_a_single_class() -> None:
    made = confident_counts(np.zeros(5, int), np.tile([[0.6, 0.4, 0.0]], (5, 1)))
    assert made.joint.tolist() == [[5, 0, 0], [0, 0, 0], [0, 0, 0]] and not made.suspect.any()
    empty = confident_counts(np.zeros(0, int), np.zeros((0, 3)))
    assert empty.joint.sum() == 0


def test_a_floor_is_found_and_none_is_not() -> None:
    rng = np.random.default_rng(0)
    labels, scores, _ = world(0, 3000, 4, accuracy=0.85, overconfident=2.0)
    everybody = np.ones(3000, bool)
    floor, _, p, sharpness = fit_floor(Disagreement(scores, scores.argmax(1) != labels), everybody)
    assert floor < 0.02 and sharpness == pytest.approx(0.5, rel=0.25) and p > 0.01
    wrong = rng.random(3000) < 0.15
    noisy = np.where(wrong, (labels + rng.integers(1, 4, 3000)) % 4, labels)
    floor, ci, p, _ = fit_floor(Disagreement(scores, scores.argmax(1) != noisy), everybody)
    assert ci[0] <= 0.15 <= ci[1] + 0.01 and floor > 0.1 and p < 1e-6


def test_groups_of_equal_labels_do_not_differ() -> None:
    labels, scores, group = world(2, 2000, 3)
    made = Disagreement(scores, scores.argmax(1) != labels)
    found = compare_floors(made, group == 0, np.ones(2000, bool))
    assert found.ci[0] <= 0 <= found.ci[1] and found.p > 0.01


def test_saturated_and_one_class_scores_do_no_harm() -> None:
    scores = np.tile([[1.0, 0.0]], (40, 1))
    made = Disagreement(scores, np.zeros(40, bool))
    assert fit_floor(made, np.ones(40, bool))[0] == 0
    alone = Disagreement(np.ones((30, 1)), np.zeros(30, bool))
    assert fit_floor(alone, np.ones(30, bool))[2] == 1
    assert sureness_gap(sureness(scores, np.zeros(40, int)), np.arange(40) < 20, np.ones(40, bool)) == (
        0.0,
        1.0,
    )


def test_the_distance_of_sureness_is_that_of_scipy() -> None:
    from scipy.stats import ks_2samp

    _, scores, group = world(1, 400, 2, hard="noisy")
    ranks = sureness(scores, scores.argmax(1))
    apart, p = sureness_gap(ranks, group == 1, np.ones(400, bool))
    expected = ks_2samp(ranks[0][group == 1], ranks[0][group != 1], method="asymp")
    assert apart == pytest.approx(expected.statistic, abs=0.01)
    assert p == pytest.approx(expected.pvalue, rel=0.5, abs=1e-4)


def test_a_cross_validated_head_learns_what_is_there_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, 600)
    features = rng.standard_normal((600, 8)).astype(np.float32)
    blind = cross_validated_scores(features, labels, 3)
    assert (blind.argmax(1) == labels).mean() < 0.42  # no fold saw the labels that it scores
    features[np.arange(600), labels] += 4
    seeing = cross_validated_scores(features, labels, 3)
    assert (seeing.argmax(1) == labels).mean() > 0.95
    assert seeing.sum(1) == pytest.approx(np.ones(600))
    assert (cross_validated_scores(features, labels, 3) == seeing).all()


def test_a_wrong_label_does_not_speak_for_itself() -> None:
    """Even with more features than rows: the head that scores an image was fitted without it."""
    rng = np.random.default_rng(1)
    labels = np.repeat([0, 1], 60)
    features = rng.standard_normal((120, 400)).astype(np.float32)
    features[labels == 1, :40] += 1.5
    noisy = labels.copy()
    noisy[:5] = 1
    scores = cross_validated_scores(features, noisy, 2)
    assert (scores[:5].argmax(1) == 0).sum() >= 4
