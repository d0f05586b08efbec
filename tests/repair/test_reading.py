"""Scores read otherwise: another temperature, weak answers of a class overruled; cases with known answers."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from failsight.tools.errors import UserError
from failsight.tools.repair.around import _fitted
from failsight.tools.repair.reading import best_two, exchanged, overruled, read_otherwise, rule_bound
from failsight.tools.repair.wrapped import open_wrapped, write_wrapped
from tests.fakes.view import FakeModel

SCORES = np.array(
    [[0.9, 0.1, 0.0], [0.5, 0.3, 0.2], [0.4, 0.25, 0.35], [0.2, 0.7, 0.1], [0.1, 0.2, 0.7]], np.float32
)


def test_weak_answers_of_the_class_get_the_second_choice_and_nothing_else_changes() -> None:
    rule = {"kind": "rule", "answers": 0, "below": 0.6}
    assert overruled(SCORES, rule).tolist() == [False, True, True, False, False]
    made = read_otherwise(SCORES, rule)
    assert made.argmax(1).tolist() == [0, 1, 2, 1, 2]
    assert np.allclose(np.sort(made, 1), np.sort(SCORES, 1))
    assert np.array_equal(made[[0, 3, 4]], SCORES[[0, 3, 4]])


def test_a_temperature_keeps_the_answers_and_deferral_the_scores() -> None:
    cool = read_otherwise(SCORES, {"kind": "temperature", "temperature": 2.0})
    assert cool.argmax(1).tolist() == SCORES.argmax(1).tolist()
    assert np.allclose(cool.sum(1), 1) and (cool.max(1) < SCORES.max(1)).all()
    assert read_otherwise(SCORES, {"kind": "defer", "threshold": 0.5}) is SCORES


def test_a_temperature_fitted_to_recorded_answers_that_were_rounded_mends_their_confidence() -> None:
    """Recorded with four digits, most classes have a probability of 0.0000: fitted and applied at another floor it overshoots."""
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2.0, (4_000, 10))
    true = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = (true.cumsum(1) > rng.random((4_000, 1))).argmax(1)
    sharp = np.exp(3 * logits - (3 * logits).max(1, keepdims=True))
    scores = np.round(sharp / sharp.sum(1, keepdims=True), 4).astype(np.float32)
    facts, _, _ = _fitted(
        "recalibrate", SimpleNamespace(scores=scores, labels=labels), np.arange(4_000), -1, 0.0
    )  # type: ignore[arg-type]
    after = read_otherwise(scores, facts)
    gaps = [abs(float(s.max(1).mean() - (s.argmax(1) == labels).mean())) for s in (scores, after)]
    assert gaps[0] > 0.2 and gaps[1] < 0.04


def test_the_bound_is_where_most_is_won() -> None:
    """Below 0.6 the second choice is right twice and the first never; above, the first is right."""
    labels = np.array([0, 1, 2, 1, 2])
    assert rule_bound(SCORES, labels, 0) == pytest.approx(0.7)  # midway between 0.5 and 0.9
    assert rule_bound(SCORES, np.array([0, 0, 0, 1, 2]), 0) == 0.0
    assert rule_bound(SCORES, np.array([1, 1, 2, 1, 2]), 0) > 1  # never that class
    assert rule_bound(SCORES, labels, 1) == 0.0
    assert rule_bound(np.zeros((0, 3), np.float32), np.zeros(0, np.int64), 0) == 0.0


def test_a_lot_falls_on_about_the_share_of_answers_and_always_on_the_same_images() -> None:
    rng = np.random.default_rng(0)
    scores = rng.dirichlet(np.ones(3), 4000).astype(np.float32)
    rule = {"kind": "rule", "share": 0.3}
    taken = overruled(scores, rule)
    assert taken.mean() == pytest.approx(0.3, abs=0.03) and set(scores[taken].argmax(1)) == {0, 1, 2}
    assert abs(scores.max(1)[taken].mean() - scores.max(1)[~taken].mean()) < 0.02  # whatever the confidence
    order = rng.permutation(len(scores))
    assert np.array_equal(overruled(scores[order], rule), taken[order])
    assert not overruled(scores, {**rule, "share": 0.0}).any()


@given(
    hnp.arrays(
        np.float32, st.tuples(st.integers(1, 12), st.integers(2, 6)), elements=st.floats(0, 1, width=32)
    )
)
def test_exchanging_twice_gives_back_what_was_there(scores: np.ndarray) -> None:
    first, second = best_two(scores)
    assert (first != second).all()
    at = np.ones(len(scores), bool)
    made = exchanged(scores, at)
    assert np.array_equal(np.sort(made, 1), np.sort(scores, 1))
    rows = np.arange(len(scores))
    assert np.array_equal(made[rows, second], scores[rows, first])


def test_a_rule_stands_around_a_model_and_opens_again(tmp_path: Path) -> None:
    base = FakeModel(
        lambda p: np.log(SCORES[(p[:, 0, 0, 0] * 255).round().astype(int) % 5] + 1e-6),
        ("a", "b", "c"),
        (2, 2),
    )
    made = write_wrapped(tmp_path / "v", base, {"kind": "rule", "answers": 0, "below": 0.6})
    pixels = np.arange(5, dtype=np.uint8)[:, None, None, None].repeat(2, 1).repeat(2, 2).repeat(3, 3)
    assert base.scores(pixels).argmax(1).tolist() == [0, 0, 0, 1, 2]
    assert made.scores(pixels).argmax(1).tolist() == [0, 1, 2, 1, 2]
    assert np.allclose(made.scores(pixels).max(1), base.scores(pixels).max(1), atol=1e-5)
    assert open_wrapped(tmp_path / "v", base).fingerprint == made.fingerprint
    for wrong in ({"answers": 3}, {"answers": -1}, {"below": 2.0}, {"below": "x"}):
        path = tmp_path / "v" / "version.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "answers": 0, "below": 0.5, **wrong}))
        with pytest.raises(UserError, match="no version that can be opened"):
            open_wrapped(tmp_path / "v", base)
