"""confidence_profile: calibrated and overconfident models whose gap is known, and scores that carry no ranking."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from failsight.tools.confidence_profile import confidence_profile, score_oddities
from failsight.tools.errors import RetryError
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec, counted_view, one_hot


def test_its_arguments_are_described_and_bounded() -> None:
    check_spec(confidence_profile)


def test_a_gap_known_by_hand_is_overconfidence(tmp_path: Path) -> None:
    made = confidence_profile(counted_view({"data": [[70, 30], [30, 70]]}, confidence=0.95, folder=tmp_path))
    check_evidence(made)
    assert made.fact("overconfidence").value == pytest.approx(0.25, abs=1e-6)
    assert made.fact("ece").value == pytest.approx(0.25, abs=1e-6)  # everything lies in one bin
    assert made.fact("mean_confidence_wrong").n == 60
    assert made.fact("confident_errors").value == 1
    (finding,) = made.findings
    assert (finding.kind, finding.failure, finding.bug, finding.verdict) == (
        "overconfidence",
        "correctness",
        "training_parameter",
        "confirmed",
    )
    assert finding.tests[0].p < 1e-6
    assert len(made.images) == 12 and all(i.label != i.prediction for i in made.images)
    assert (tmp_path / made.figures[0].path).read_text().startswith("<svg")
    assert len(made.figures) == 2


@pytest.mark.parametrize(
    ("counts", "confidence"),
    [
        ([[70, 30], [30, 70]], 0.70),  # right as often as it says
        ([[95, 5], [5, 95]], 0.60),  # too modest
        ([[68, 32], [32, 68]], 0.72),  # a gap below the minimum
        ([[7, 3], [3, 7]], 0.99),  # a wide gap on too few images
        ([[90, 10], [10, 90]], 0.97),  # above the minimum, but the interval reaches below it
    ],
)
def test_no_finding_without_a_clear_and_large_gap(counts: list[list[int]], confidence: float) -> None:
    assert confidence_profile(counted_view({"data": counts}, confidence=confidence)).findings == ()


def test_a_calibrated_model_is_rarely_called_overconfident() -> None:
    rng, called = np.random.default_rng(0), 0
    for _ in range(20):
        sure = rng.uniform(0.5, 1, 300)
        labels = np.where(rng.random(300) < sure, 0, 1)
        data = FakeTable(np.zeros((300, 1, 1, 3), np.uint8), labels, ["a", "b"])
        made = confidence_profile(
            FakeView({"data": data}, scores={"data": one_hot(np.zeros(300, int), 2, sure)})
        )
        called += bool(made.findings)
        assert made.fact("ece").value < 0.2
    assert called == 0


def test_a_model_that_is_too_modest_is_said_to_be() -> None:
    made = confidence_profile(counted_view({"data": [[95, 5], [5, 95]]}, confidence=0.6))
    assert "less sure than it could be" in made.summary


def mixed_view() -> FakeView:
    labels = np.array([0] * 50 + [1] * 50)
    predicted = np.array([0] * 40 + [1] * 60)
    sure = np.where(predicted == 0, 0.6, 0.9)
    data = FakeTable(np.zeros((100, 2, 2, 3), np.uint8), labels, ["cat", "dog"])
    return FakeView({"data": data}, scores={"data": one_hot(predicted, 2, sure)})


def test_one_class_only_looks_at_what_is_called_that_class() -> None:
    made = confidence_profile(mixed_view(), class_name="DOG")
    assert made.fact("ece", "class dog").n == 60
    assert made.fact("overconfidence", "class dog").value == pytest.approx(0.9 - 50 / 60, abs=1e-6)
    whole = confidence_profile(mixed_view())
    rows = next(t for t in whole.tables if t.title == "By predicted class").rows
    assert [r[0] for r in rows] == ["dog", "cat"]
    assert rows[1][5] == pytest.approx(0.6 - 1.0)


class TestOddities:
    def test_ties_at_the_top(self) -> None:
        scores = np.tile([[0.5, 0.5, 0.0]], (10, 1)).astype(np.float32)
        assert "100.0 % of the images several classes share" in score_oddities(scores)[0]

    def test_logits_capped_at_six(self) -> None:
        """The outputs of a ReLU6 before the softmax: equal ceilings tie, single ones give one and the same confidence."""
        rng = np.random.default_rng(0)
        logits = np.clip(rng.normal(2, 6, (400, 6)), 0, 6)
        scores = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        notes = " ".join(score_oddities(scores.astype(np.float32)))
        assert "share the highest score exactly" in notes
        assert "share the lowest score exactly" in notes

    def test_outputs_cut_off_below_are_told_from_scores_that_underflow(self) -> None:
        logits = np.maximum(np.random.default_rng(0).normal(-1, 2, (200, 6)), 0)
        scores = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        assert any("holds every confidence down" in n for n in score_oddities(scores.astype(np.float32)))
        sure = np.random.default_rng(0).uniform(0.6, 0.99, (200, 1))
        underflown = np.hstack([sure, 1 - sure, np.zeros((200, 4))])
        assert score_oddities(underflown.astype(np.float32)) == []

    def test_saturated_and_compressed(self) -> None:
        sure = np.tile([[1.0, 0.0]], (50, 1)).astype(np.float32)
        assert "saturated" in score_oddities(sure)[0]
        vague = np.random.default_rng(0).uniform(0.5, 0.6, (50, 1))
        assert "compressed" in score_oddities(np.hstack([vague, 1 - vague]).astype(np.float32))[0]

    def test_ordinary_scores_raise_nothing(self) -> None:
        logits = np.random.default_rng(0).normal(0, 3, (500, 10))
        scores = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
        assert score_oddities(scores.astype(np.float32)) == []
        assert score_oddities(np.zeros((0, 3), np.float32)) == []
        assert score_oddities(np.ones((5, 1), np.float32)) == []


class TestHostile:
    def test_without_scores_it_says_what_is_missing(self) -> None:
        with pytest.raises(RetryError, match="probabilities"):
            confidence_profile(counted_view({"data": [[4, 1], [1, 4]]}, has_scores=False))

    def test_a_class_never_predicted_and_one_that_does_not_exist(self) -> None:
        view = counted_view({"data": [[4, 0], [4, 0]]}, ["cat", "dog"])
        with pytest.raises(RetryError, match="predicted to be dog"):
            confidence_profile(view, class_name="dog")
        with pytest.raises(RetryError, match="cat, dog"):
            confidence_profile(view, class_name="bird")

    def test_one_image_one_class_all_right_all_wrong(self) -> None:
        for counts in ([[1]], [[1, 0], [0, 0]], [[0, 3], [3, 0]], [[30, 0], [0, 30]]):
            made = confidence_profile(counted_view({"data": counts}))
            check_evidence(made)

    def test_nothing_labelled_and_a_missing_split(self) -> None:
        data = FakeTable(np.zeros((2, 2, 2, 3), np.uint8), [-1, -1], ["a", "b"])
        with pytest.raises(RetryError, match="no labels"):
            confidence_profile(FakeView({"data": data}, scores={"data": np.full((2, 2), 0.5)}))
        with pytest.raises(RetryError):
            confidence_profile(counted_view({"data": [[1, 0], [0, 1]]}), split="deploy")

    def test_scores_a_hair_above_one(self) -> None:
        data = FakeTable(np.zeros((40, 2, 2, 3), np.uint8), [0] * 40, ["a", "b"])
        scores = np.tile(np.array([[1.0000001, 0.0]], np.float32), (40, 1))
        assert confidence_profile(FakeView({"data": data}, scores={"data": scores})).fact(
            "ece"
        ).value == pytest.approx(0, abs=1e-6)

    def test_a_thousand_classes(self) -> None:
        made = confidence_profile(counted_view({"data": np.eye(1000, dtype=int).tolist()}))
        check_evidence(made)
        assert len(next(t for t in made.tables if t.title == "By predicted class").rows) == 40


def test_how_overconfidence_will_be_judged_is_planned_beforehand() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, 400)
    says = np.where(rng.random(400) < 0.6, labels, 1 - labels)
    scores = np.where(np.eye(2)[says] > 0, 0.95, 0.05).astype(np.float32)
    table = FakeTable(np.zeros((400, 2, 2, 3), np.uint8), labels, ("a", "b"))
    view = FakeView({"data": table}, scores={"data": scores})
    (finding,) = confidence_profile(view).findings
    (plan,) = view.instruments
    assert (plan.finding, plan.n_planned, plan.minimum_effect) == (finding.key, 400, 0.05)
