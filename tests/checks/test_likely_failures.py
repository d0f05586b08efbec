"""How likely a model is wrong, learned from labels: a cue follower is found out, and nothing is claimed from nothing."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from failsight.tools.attributes.metadata import unusable_columns
from failsight.tools.inputs.base import AttributeTable, Predictions
from failsight.tools.selection.likely_failures import Known, LikelyFailures, likely_failures

CLASSES = ("kitchen", "living_room")


def follower(n: int, seed: int, *, features: bool = True, labelled: bool = True) -> tuple[Known, np.ndarray]:
    """A model that calls every television a living room, and is sure of it; its features hold the true class too.

    Returns the images and which of them it gets wrong.
    """
    rng = np.random.default_rng(seed)
    truth, television = rng.integers(0, 2, n), rng.random(n) < 0.5
    called = television.astype(np.int64)
    sure = rng.uniform(0.8, 1.0, n)
    scores = np.full((n, 2), 0.0, np.float32)
    scores[np.arange(n), called], scores[np.arange(n), 1 - called] = sure, 1 - sure
    rows = np.arange(n, dtype=np.int64)
    made = Predictions(
        "data" if labelled else "pool", CLASSES, rows, truth if labelled else np.full(n, -1), scores
    )
    columns: dict[str, Any] = {
        "television": np.array(["yes" if t else "no" for t in television], object),
        "name": np.array([f"picture {i}" for i in range(n)], object),
    }
    table = AttributeTable(
        rows, columns, dict.fromkeys(columns, "metadata"), unusable_columns(columns) if labelled else {}
    )
    seen = np.stack([truth + rng.normal(0, 0.3, n), television + rng.normal(0, 0.3, n)], 1)
    return (
        Known(made, rows, seen.astype(np.float32) if features else None, table, rows),
        called != truth,
    )


def auc(doubt: np.ndarray, wrong: np.ndarray) -> float:
    """By comparing all pairs."""
    pairs = doubt[wrong][:, None] - doubt[~wrong][None]
    return float((pairs > 0).mean() + (pairs == 0).mean() / 2)


def test_a_model_that_follows_a_cue_is_found_out_where_its_confidence_tells_nothing() -> None:
    here, _ = follower(600, 0)
    there, wrong = follower(400, 1, labelled=False)
    made = likely_failures(here, there)
    assert made is not None and made.learned and made.n == 600
    assert made.auc > 0.95 and made.auc_confidence is not None and abs(made.auc_confidence - 0.5) < 0.06
    assert auc(made.probability, wrong) > 0.95
    low, high = made.interval(made.auc)
    assert low < made.auc < high <= 1 and low > 0.9


def test_without_features_attributes_and_scores_have_to_do() -> None:
    here, there = (follower(600, s, features=False, labelled=s == 0)[0] for s in (0, 1))
    made = likely_failures(here, there)
    assert (
        made is not None and made.auc < 0.65
    )  # neither a television nor the confidence tells of the true class
    assert np.isfinite(made.probability).all()


def test_where_confidence_tells_more_it_is_used() -> None:
    here, wrong = follower(600, 0, features=False)
    there, _ = follower(300, 1, features=False, labelled=False)
    sure = np.where(wrong, 0.55, 0.95).astype(np.float32)
    called = here.predictions.predicted
    scores = np.empty((600, 2), np.float32)
    scores[np.arange(600), called], scores[np.arange(600), 1 - called] = sure, 1 - sure
    blind = replace(here, predictions=replace(here.predictions, scores=scores))
    made = likely_failures(blind, there)
    assert made is not None and made.auc_confidence == 1.0
    if not made.learned:
        assert made.probability == pytest.approx(1 - there.predictions.confidence)


@pytest.mark.parametrize("failures", [0, 9, 600])
def test_nothing_is_learned_from_too_few_failures_or_too_few_right_answers(failures: int) -> None:
    here, _ = follower(600, 0)
    labels = here.predictions.predicted.copy()
    labels[:failures] = 1 - labels[:failures]
    bare = replace(here, predictions=replace(here.predictions, labels=labels))
    assert likely_failures(bare, follower(50, 1, labelled=False)[0]) is None


def test_images_without_features_have_no_probability_and_do_not_teach() -> None:
    here, there = follower(600, 0)[0], follower(300, 1, labelled=False)[0]
    assert here.features is not None and there.features is not None
    here.features[:200] = np.nan
    there.features[:7] = np.nan
    made = likely_failures(here, there)
    assert made is not None and made.n == 400
    assert np.isnan(made.probability[:7]).all() and np.isfinite(made.probability[7:]).all()
    here.features[:] = np.nan
    assert likely_failures(here, there) is None


def test_numbers_here_and_text_there_are_left_alone_and_so_is_what_only_one_side_has() -> None:
    here, there = follower(600, 0)[0], follower(300, 1, labelled=False)[0]
    rng = np.random.default_rng(2)
    mine = {**here.attributes.columns, "light": rng.random(600), "only here": rng.random(600)}
    theirs = {**there.attributes.columns, "light": np.array(["dark"] * 300, object)}
    made = likely_failures(
        replace(here, attributes=replace(here.attributes, columns=mine)),
        replace(there, attributes=replace(there.attributes, columns=theirs)),
    )
    assert made is not None and made.auc > 0.95


def test_the_same_call_gives_the_same_answer() -> None:
    here, there = follower(300, 0)[0], follower(200, 1, labelled=False)[0]
    first, second = likely_failures(here, there, 3), likely_failures(here, there, 3)
    assert first is not None and second is not None
    assert np.array_equal(first.probability, second.probability) and first.auc == second.auc


def test_the_interval_of_an_area_by_hand() -> None:
    # Hanley & McNeil 1982: with 50 failures, 50 right answers and an area of 0.5 the variance is
    # (0.25 + 49 (1/3 − 1/4) + 49 (1/3 − 1/4)) / 2500
    one = LikelyFailures(np.zeros(0), 0.5, None, 100, 50, True)
    half = 1.959964 * math.sqrt((0.25 + 98 / 12) / 2500)
    assert one.interval(0.5) == pytest.approx((0.5 - half, 0.5 + half), abs=1e-5)
    assert one.interval(1.0) == (1.0, 1.0)
