"""label_noise: planted wrong labels are found and attributed; what a case lacks is said."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Finding
from failsight.tools.label_noise import label_noise
from failsight.tools.labels.pairs import class_pairs, expected_suspects
from failsight.tools.labels.scores import Scored
from failsight.tools.labels.second import _as_sure
from failsight.tools.stats.confident import confident_counts
from tests.checks.label_worlds import world
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec


def noisy_view(
    noise: float, n: int = 900, folder: Path | None = None, column: str = "annotator", **more: object
) -> FakeView:
    labels, scores, group = world(1, n, 4, noise=noise, **more)  # type: ignore[arg-type]
    columns = {column: ["ABCD"[g] for g in group]}
    table = FakeTable(np.zeros((n, 2, 2, 3), np.uint8), labels, ("w", "x", "y", "z"), columns)
    return FakeView({"data": table}, scores={"data": scores}, folder=folder)


def test_its_arguments_are_described_and_bounded() -> None:
    check_spec(label_noise)


def test_a_fifth_wrong_by_annotator_b_is_confirmed_and_shown(tmp_path: Path) -> None:
    view = noisy_view(0.2, folder=tmp_path)
    made = label_noise(view)
    check_evidence(made)
    (finding,) = made.findings
    assert (finding.kind, finding.failure, finding.bug) == ("label_noise", "correctness", "data_content")
    assert finding.slice == {"annotator": "B"} and finding.verdict == "confirmed"
    assert finding.q is not None and finding.q <= 0.05 and finding.tests[0].effect >= 0.05
    assert finding.error_rate is not None and finding.base_error_rate is not None
    assert finding.error_rate > finding.base_error_rate + 0.1
    assert "suspect in" in finding.statement and "against" in finding.statement
    assert made.images and all(i.label != i.prediction for i in made.images)
    assert (tmp_path / made.figures[0].path).exists()
    suspects = next(t for t in made.tables if t.title == "Suspects")
    assert [r[3] for r in suspects.rows] == sorted(r[3] for r in suspects.rows)  # most suspicious first
    assert "input.11" in made.questions


def test_the_plan_is_registered_for_every_group_and_names_the_finding() -> None:
    view = noisy_view(0.2)
    made = label_noise(view)
    plans = {p.finding: p for p in view.instruments}
    assert made.findings[0].key in plans and len(plans) == 9  # four annotators, four labels, all together
    assert plans[made.findings[0].key].minimum_effect == 0.05
    assert plans[made.findings[0].key].smallest_detectable_effect is not None


def test_a_group_within_one_class_is_not_the_group_as_a_whole() -> None:
    view = noisy_view(0.2, n=3000)
    (whole,), (one,) = (label_noise(view, class_name=c).findings for c in (None, "w"))
    assert (one.slice, one.class_name) == (whole.slice, "w")
    assert one.key != whole.key
    assert {one.key, whole.key} <= {p.finding for p in view.instruments}
    assert f"of {one.n:,} evaluation images labelled w against" in one.statement


def test_clean_labels_of_a_weak_model_confirm_nothing() -> None:
    made = label_noise(noisy_view(0.0, accuracy=0.6, overconfident=3.0))
    assert all(f.verdict != "confirmed" for f in made.findings)
    suspects, expected = made.fact("suspect_labels").value, made.fact("expected_suspects").value
    assert isinstance(suspects, float) and isinstance(expected, float)
    assert suspects == pytest.approx(expected, abs=0.06)  # a weak model makes that many by itself


def test_one_annotators_training_labels_are_found_where_thousands_of_images_make_any_difference_of_sureness_significant() -> (
    None
):
    """Half of B's labels are wrong; the head is a little less sure of B's images, by far less than would explain that."""
    rng = np.random.default_rng(3)
    n, k = 3000, 4
    truth, careless = rng.integers(0, k, n), rng.random(n) < 0.4
    centres = rng.normal(size=(k, 8))
    features = (centres[truth] + rng.normal(size=(n, 8)) * 2.5).astype(np.float32)
    given = np.where(careless & (rng.random(n) < 0.5), (truth + 1) % k, truth)
    columns = {"annotator": ["B" if c else "AC"[i % 2] for i, c in enumerate(careless)]}
    tables = {name: FakeTable(np.zeros((n, 2, 2, 3), np.uint8), given, tuple("wxyz"), columns) for name in ("data", "train")}  # fmt: skip
    flat = np.full((n, k), 1 / k, np.float32)
    view = FakeView(tables, scores={"data": flat, "train": flat})
    view.given_features["train"] = features
    (found, *_) = label_noise(view, split="train").findings
    assert found.verdict == "confirmed" and found.slice == {"annotator": "B"}


def test_what_sureness_explains_is_no_excess() -> None:
    group = SimpleNamespace(apart=0.08, p_apart=0.0005)
    assert _as_sure(group, 0.3) and not _as_sure(group, 0.2)  # type: ignore[arg-type]
    assert not _as_sure(SimpleNamespace(apart=0.12, p_apart=0.0005), 0.9)  # type: ignore[arg-type]
    assert _as_sure(SimpleNamespace(apart=0.12, p_apart=0.4), 0.06)  # type: ignore[arg-type]


def test_a_column_that_says_nothing_of_labelling_needs_to_be_named() -> None:
    view = noisy_view(0.2, column="wing")
    unasked = label_noise(view)
    assert all(f.slice is None and f.verdict != "confirmed" for f in unasked.findings)
    assert any("No column was recognised as saying who" in n and "by=COLUMN" in n for n in unasked.notes)
    asked = label_noise(view, by=["wing"])
    assert asked.findings[0].slice == {"wing": "B"} and asked.findings[0].verdict == "confirmed"
    with pytest.raises(RetryError, match="annotator"):
        label_noise(noisy_view(0.0), by=["nobody"])


def test_noise_without_metadata_is_confirmed_when_every_annotator_makes_it_and_not_when_none_does() -> None:
    rng = np.random.default_rng(0)
    labels, scores, _ = world(4, 1500, 4)
    wrong = rng.random(1500) < 0.15
    noisy = np.where(wrong, (labels + 1) % 4, labels)
    for given, verdict in ((noisy, "confirmed"), (labels, "refuted")):
        table = FakeTable(np.zeros((1500, 2, 2, 3), np.uint8), given, tuple("wxyz"))
        view = FakeView({"data": table}, scores={"data": scores})
        view.given_features["data"] = np.log(scores + 1e-6)  # a model that can be looked into
        (finding,) = label_noise(view).findings
        assert finding.slice is None and finding.verdict == verdict


def test_training_labels_that_were_learnt_by_heart_are_not_called_right() -> None:
    """Features that follow the given labels, the wrong ones too: nothing disagrees, and that shows nothing."""
    rng = np.random.default_rng(0)
    labels, _, _ = world(4, 1500, 4)
    given = np.where(rng.random(1500) < 0.15, (labels + 1) % 4, labels)
    table = FakeTable(np.zeros((1500, 2, 2, 3), np.uint8), given, tuple("wxyz"))
    scores = np.eye(4)[given] * 0.9 + 0.025
    view = FakeView({"data": table, "train": table}, scores={"data": scores, "train": scores})
    view.given_features["train"] = np.eye(4)[given] * 4 + rng.normal(size=(1500, 4)) * 0.3
    made = label_noise(view, split="train")
    (finding,) = made.findings
    assert finding.split == "train" and finding.verdict == "inconclusive" and "by heart" in finding.note
    # first what it means for a person, then the figures: 0.95^59 < 5 % ≤ 0.95^58
    assert made.summary.startswith(
        "Whether labels of the training images are wrong can't be told from this model"
    )
    assert "look at 59 of them drawn at random: if none is wrong, fewer than 5.0 % of all are" in made.summary
    assert "estimated" not in finding.statement and "learnt by heart are not among them" in finding.statement
    view.given_features["data"] = view.given_features["train"]
    assert "can't be told" not in label_noise(view).summary
    (finding,) = label_noise(view).findings  # labels that the model did not learn from
    assert finding.verdict == "refuted"


def test_answers_alone_do_not_tell_wrong_labels_from_a_model_that_errs_by_chance() -> None:
    """Answers exchanged by lot within the class look just like wrong labels: nothing may be confirmed of either."""
    rng = np.random.default_rng(0)
    labels, scores, _ = world(4, 1500, 4)
    wrong = rng.random(1500) < 0.15
    for given, seen in ((np.where(wrong, (labels + 1) % 4, labels), scores), (labels, np.where(wrong[:, None], np.roll(scores, 1, 1), scores))):  # fmt: skip
        table = FakeTable(np.zeros((1500, 2, 2, 3), np.uint8), given, tuple("wxyz"))
        (finding,) = label_noise(FakeView({"data": table}, scores={"data": seen})).findings
        assert finding.verdict == "inconclusive" and "only its answers are known" in finding.note


def test_errors_that_go_with_what_is_shown_are_not_called_label_noise() -> None:
    """A cue makes confident errors; without it these would look like wrong labels."""
    rng = np.random.default_rng(0)
    labels, scores, _ = world(4, 1500, 4)
    cue = rng.random(1500) < 0.25
    scores = scores.copy()
    scores[cue] = np.roll(scores[cue], 1, axis=1)
    columns = {
        "television": ["yes" if c else "no" for c in cue],
        "annotator": ["A" if r < 0.5 else "B" for r in rng.random(1500)],
    }
    table = FakeTable(np.zeros((1500, 2, 2, 3), np.uint8), labels, tuple("wxyz"), columns)
    made = label_noise(FakeView({"data": table}, scores={"data": scores}))
    assert all(f.verdict != "confirmed" for f in made.findings)
    assert any("television=yes" in n for n in made.notes)


def test_training_labels_are_judged_by_a_head_that_did_not_see_them() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 600)
    group = rng.integers(0, 3, 600)
    features = rng.standard_normal((600, 6)).astype(np.float32)
    features[np.arange(600), truth] += 4
    wrong = (group == 1) & (rng.random(600) < 0.25)
    given = np.where(wrong, (truth + 1) % 3, truth)
    tables = {
        split: FakeTable(
            np.zeros((600, 2, 2, 3), np.uint8), given, tuple("xyz"), {"annotator": ["ABC"[g] for g in group]}
        )
        for split in ("data", "train")
    }
    learnt = (
        np.eye(3, dtype=np.float32)[given] * 0.97 + 0.01
    )  # the model has learnt the wrong labels by heart
    view = FakeView(tables, scores={"data": learnt, "train": learnt})
    view.given_features["train"] = features
    made = label_noise(view, split="train")
    assert made.findings[0].slice == {"annotator": "B"} and made.findings[0].verdict == "confirmed"
    assert any("fitted 5 times without" in n for n in made.notes)
    assert label_noise(view, split="data").fact("suspect_labels").value == 0
    again = label_noise(view, split="train")  # from the cache
    assert again.to_dict() == made.to_dict()


def test_what_is_missing_is_said() -> None:
    view = noisy_view(0.0)
    view.has_scores = False
    with pytest.raises(RetryError, match="class probabilities"):
        label_noise(view)
    few = FakeTable(np.zeros((5, 2, 2, 3), np.uint8), [0, 1, 0, 1, 0], ("a", "b"))
    with pytest.raises(RetryError, match="too few"):
        label_noise(FakeView({"data": few}, scores={"data": np.full((5, 2), 0.5)}))
    with pytest.raises(RetryError, match="no class"):
        label_noise(noisy_view(0.0), class_name="nonsense")


def test_one_class_unlabelled_and_broken_images_do_no_harm() -> None:
    labels = np.where(np.arange(60) < 30, 0, -1)
    scores = np.tile([[0.7, 0.3]], (60, 1))
    table = FakeTable(
        np.zeros((60, 2, 2, 3), np.uint8), labels, ("a", "b"), {"batch": ["x", "y"] * 30}, bad=[0, 3]
    )
    made = label_noise(FakeView({"data": table}, scores={"data": scores}))
    check_evidence(made)
    assert made.fact("suspect_labels").n == 28
    assert any("No image carries the label b" in n for n in made.notes)
    assert any("left out" in n for n in made.notes)


def test_one_label_only(tmp_path: Path) -> None:
    made = label_noise(noisy_view(0.3, n=1600, folder=tmp_path), class_name="X", most=5)
    suspects = next(t for t in made.tables if t.title == "Suspects")
    assert {r[1] for r in suspects.rows} == {"x"} and len(suspects.rows) == 5
    assert all(f.class_name in (None, "x") for f in made.findings)


def test_ambiguous_pairs_are_told_from_wrong_labels() -> None:
    """Classes 0 and 1 look alike (hesitant, both ways); images of 3 are labelled 2 (confident, one way)."""
    rng = np.random.default_rng(0)
    n = 1200
    truth = rng.integers(0, 4, n)
    logits = rng.standard_normal((n, 4))
    logits[np.arange(n), truth] += 8
    alike = truth < 2
    logits[alike, 0] = rng.normal(0, 1.2, alike.sum()) + np.where(truth[alike] == 0, 5, 4)
    logits[alike, 1] = rng.normal(0, 1.2, alike.sum()) + np.where(truth[alike] == 1, 5, 4)
    scores = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = np.where((truth == 3) & (rng.random(n) < 0.2), 2, truth)
    scored = Scored("data", tuple("abcd"), np.arange(n), np.arange(n), labels, scores, "")
    counts, everybody = confident_counts(labels, scores), np.ones(n, bool)
    read = {(p.given, p.suggested): p for p in class_pairs(scored, counts, scores, everybody)}
    assert read[2, 3].reading == "wrong labels" and read[2, 3].likeness > 0.4
    assert read[0, 1].reading == read[1, 0].reading != "wrong labels"
    assert read[0, 1].likeness < read[2, 3].likeness
    assert expected_suspects(counts, scores, everybody) < counts.suspect.sum()


def test_a_model_that_is_fed_wrongly_says_nothing_of_the_labels() -> None:
    labels, scores, _ = world(4, 1500, 4)
    wrong = np.random.default_rng(0).random(1500) < 0.15
    table = FakeTable(
        np.zeros((1500, 2, 2, 3), np.uint8), np.where(wrong, (labels + 1) % 4, labels), tuple("wxyz")
    )
    view = FakeView({"data": table}, scores={"data": scores})
    view.given_features["data"] = np.log(scores + 1e-6)
    assert [f.verdict for f in label_noise(view).findings] == ["confirmed"]
    fed = Finding("preprocessing", "correctness", "data_engineering", "Fed BGR.", verdict="confirmed")
    view.stated = [("F3", fed)]
    (found,) = label_noise(view).findings
    assert found.verdict == "inconclusive"
    assert "F3" in found.note


def test_a_model_that_exchanges_two_classes_is_misled_and_the_labels_are_not_blamed() -> None:
    labels, scores, _ = world(1, 900, 4, noise=0.0)
    table = FakeTable(np.zeros((900, 2, 2, 3), np.uint8), labels, ("w", "x", "y", "z"))
    made = label_noise(FakeView({"data": table}, scores={"data": scores[:, [1, 0, 2, 3]]}))
    (found,) = made.findings
    assert found.verdict == "inconclusive" and "misled rather than" in found.note


def labelled_as_another(features: bool) -> FakeView:
    """A fifth of the images of z are labelled w: three of a hundred labels, eleven of a hundred that say w."""
    truth, scores, _ = world(3, 2400, 6, accuracy=0.93)
    wrong = (truth == 5) & (np.random.default_rng(1).random(2400) < 0.2)
    table = FakeTable(np.zeros((2400, 2, 2, 3), np.uint8), np.where(wrong, 0, truth), tuple("wxabcz"))
    view = FakeView({"data": table}, scores={"data": scores})
    if features:
        seen = np.eye(6)[truth] * 4 + np.random.default_rng(2).standard_normal((2400, 6))
        view.given_features = {"data": seen.astype(np.float32)}
    return view


def test_one_label_given_wrongly_is_named_though_all_together_are_below_what_counts() -> None:
    made = label_noise(labelled_as_another(features=True))
    (found,) = made.findings
    assert (found.class_name, found.verdict, found.slice) == ("w", "confirmed", None)
    assert "are z" in found.statement and found.q is not None and found.q <= 0.05
    told = next(t for t in made.tables if t.title == "Wrong labels by label given")
    assert told.rows[0][0] == "w" and told.rows[0][-1] == "confirmed"


def test_answers_alone_are_no_second_opinion_on_a_label() -> None:
    """A head on the answers of a black box can't see what misleads it: nothing is said of single labels."""
    made = label_noise(labelled_as_another(features=False))
    assert all(f.class_name is None for f in made.findings)


def test_a_cue_that_misleads_the_model_is_unlearnt_by_the_second_opinion() -> None:
    """Every other image of z carries a stamp, recorded nowhere, that makes the model say w with full confidence."""
    truth, scores, _ = world(3, 2400, 6, accuracy=0.93)
    stamp = (truth == 5) & (np.random.default_rng(1).random(2400) < 0.5)
    scores = np.where(stamp[:, None], np.eye(6)[0] * 0.98 + 0.02 / 6, scores)
    table = FakeTable(np.zeros((2400, 2, 2, 3), np.uint8), truth, tuple("wxabcz"))
    view = FakeView({"data": table}, scores={"data": scores.astype(np.float32)})
    seen = np.eye(6)[truth] * 4 + np.random.default_rng(2).standard_normal((2400, 6))
    view.given_features = {"data": np.column_stack([seen, 6.0 * stamp]).astype(np.float32)}
    assert all(f.verdict != "confirmed" for f in label_noise(view).findings)


def test_a_weak_model_s_annotator_is_found_where_images_are_alike_and_not_where_they_are_harder() -> None:
    """At 65 % accuracy no floor can be estimated; that the images are the same and the disagreement is not can be."""
    found = {}
    for name, kind in (("labels", {"noise": 0.3}), ("images", {"hard": "noisy"})):
        labels, scores, group = world(7, 2000, 5, accuracy=0.65, systematic=False, **kind)  # type: ignore[arg-type]
        table = FakeTable(
            np.zeros((2000, 2, 2, 3), np.uint8),
            labels,
            tuple("vwxyz"),
            {"annotator": ["ABCD"[g] for g in group]},
        )
        made = label_noise(FakeView({"data": table}, scores={"data": scores}))
        check_evidence(made)
        found[name] = [f for f in made.findings if f.verdict == "confirmed"]
    (finding,), none = found["labels"], found["images"]
    assert none == [] and finding.slice == {"annotator": "B"}
    (told,) = finding.tests  # what is told is what was tested: the disagreement, not the floor
    assert told.effect >= 0.05 and told.ci[0] > 0 and told.p is not None and told.p <= 0.001
    assert finding.error_rate is not None and finding.base_error_rate is not None
    assert finding.error_rate - finding.base_error_rate == pytest.approx(told.effect, abs=0.03)
    assert "can't be told" not in finding.statement + finding.note  # no picture was looked at
    assert "No picture was looked at" in finding.note


def hard_classes(mislabelled: float, border: float = 0.0) -> FakeView:
    """Six classes that are hard to tell apart (a quarter of all answers is wrong); members of z carry the label w, or images of w of
    some kind (``border``) always lie just on z's side of the border."""
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 6, 1200)
    seen = np.eye(6)[truth] * 2.2 + rng.standard_normal((1200, 6))
    kind = (truth == 0) & (rng.random(1200) < border)
    seen[kind] = np.eye(6)[5] * 1.3 + np.eye(6)[0] * 0.6 + rng.standard_normal((int(kind.sum()), 6)) * 0.3
    scores = np.exp(2.2 * seen)
    scores = (scores / scores.sum(1, keepdims=True)).astype(np.float32)
    wrong = (truth == 5) & (rng.random(1200) < mislabelled)
    table = FakeTable(np.zeros((1200, 2, 2, 3), np.uint8), np.where(wrong, 0, truth), tuple("wxabcz"))
    view = FakeView({"data": table}, scores={"data": scores})
    view.given_features = {"data": seen.astype(np.float32)}
    return view


def test_one_label_given_for_another_is_found_among_classes_that_are_hard_to_tell_apart() -> None:
    (found,) = [f for f in label_noise(hard_classes(0.25)).findings if f.class_name is not None]
    assert (found.class_name, found.verdict) == ("w", "confirmed")
    assert "are z" in found.statement and "the other way round" in found.statement
    test = found.tests[0]
    assert test.ci[0] <= test.effect <= test.ci[1] and "flip rates" in test.statistic
    assert 0.1 <= test.effect <= 0.4


@pytest.mark.parametrize("border", [0.0, 0.15])
def test_classes_that_are_hard_to_tell_apart_and_kinds_at_a_border_are_no_wrong_labels(border: float) -> None:
    assert all(f.class_name is None for f in label_noise(hard_classes(0.0, border)).findings)


def pulled_view(mislabelled: float, told: bool = True) -> FakeView:
    """Six classes that are hard to tell apart. A third of all images carries a stamp, which pulls those of w half way to z; what the model sees
    of it is part of its features. ``told``: the stamp is recorded."""
    rng = np.random.default_rng(4)
    truth = rng.integers(0, 6, 2400)
    stamp = rng.random(2400) < 1 / 3
    seen = np.eye(6)[truth] * 2.2 + rng.standard_normal((2400, 6))
    gone = stamp & (truth == 0) & (rng.random(2400) < 0.6)
    seen[gone] = np.eye(6)[5] * 2.2 + rng.standard_normal((int(gone.sum()), 6))
    scores = np.exp(2.2 * seen)
    scores = (scores / scores.sum(1, keepdims=True)).astype(np.float32)
    wrong = (truth == 5) & (rng.random(2400) < mislabelled)
    columns = {"stamp": ["yes" if s else "no" for s in stamp]} if told else {}
    table = FakeTable(
        np.zeros((2400, 2, 2, 3), np.uint8), np.where(wrong, 0, truth), tuple("wxabcz"), columns
    )
    view = FakeView({"data": table}, scores={"data": scores})
    view.given_features = {"data": seen.astype(np.float32)}
    return view


def test_a_recorded_thing_that_pulls_one_class_to_another_is_not_blamed_on_the_labels() -> None:
    unknown = [f for f in label_noise(pulled_view(0.0, told=False)).findings if f.class_name is not None]
    assert [f.class_name for f in unknown] == [
        "w"
    ]  # nothing but the stamp tells it from one label given for another
    made = label_noise(pulled_view(0.0))
    check_evidence(made)
    assert all(f.class_name is None for f in made.findings)
    told = next(t for t in made.tables if t.title == "Wrong labels by label given")
    at = told.columns.index("only with")
    assert [row[at] for row in told.rows if row[0] == "w"] == ["stamp=yes"]


def test_one_label_given_for_another_is_told_beside_a_thing_that_pulls() -> None:
    (found,) = [f for f in label_noise(pulled_view(0.25)).findings if f.class_name is not None]
    assert found.class_name == "w" and "are z" in found.statement
    assert "without the images that the label goes along with (stamp=yes, tried one by one)" in found.note


def _without_labels_of_a_class() -> tuple[FakeView, np.ndarray]:
    """Nobody labelled z; the model, which is right of all others, calls 80 of the 300 images labelled w z."""
    n = 900
    labels = np.repeat([0, 1, 2], n // 3)
    predicted = np.where(np.arange(n) < 80, 3, labels)
    rng = np.random.default_rng(4)
    scores = np.full((n, 4), 0.02) + 0.01 * rng.random((n, 4))
    scores[np.arange(n), predicted] = rng.uniform(0.8, 0.94, n)
    table = FakeTable(np.zeros((n, 2, 2, 3), np.uint8), labels, ("w", "x", "y", "z"))
    return FakeView(
        {"data": table}, scores={"data": (scores / scores.sum(1, keepdims=True)).astype(np.float32)}
    ), labels


def test_answers_of_a_class_that_nobody_labelled_are_no_wrong_labels() -> None:
    view, _ = _without_labels_of_a_class()
    made = label_noise(view)
    check_evidence(made)
    assert made.fact("label_noise").n == 820
    assert made.fact("label_noise").value < 0.02
    assert "80 more images get an answer that no image here is labelled as (z 80)" in made.summary
    rows = [r for t in made.tables if t.title == "Wrong labels by label given" for r in t.rows]
    assert all(r[1] == 220 and r[3] < 0.05 for r in rows if r[0] == "w")


def test_where_every_answer_is_of_such_a_class_nothing_is_judged() -> None:
    view, labels = _without_labels_of_a_class()
    scores = np.full((len(labels), 4), 0.02, np.float32)
    scores[:, 3] = 0.94
    with pytest.raises(RetryError, match=r"No label can be judged: 900 images get"):
        label_noise(FakeView({"data": view.table()}, scores={"data": scores}))
