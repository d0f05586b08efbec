"""Findings whose errors are another finding's: told as part of it, and given no repair that harms that one's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Finding
from failsight.tools.labels.corrected import corrected
from failsight.tools.labels.plans import judges
from failsight.tools.propose_correction import propose_correction
from failsight.tools.readiness import readiness
from failsight.tools.repair import parts as repair_parts
from failsight.tools.repair.choosing import Asked, choose, lacks
from failsight.tools.repair.parts import TABLE_PARTS, parts
from failsight.tools.stats.confident import confident_counts
from failsight.tools.view import Expectation
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence

CLASSES = ["bath", "hall"]


def view_of(
    truth: Any, labels: Any, answers: Any, *, split: str = "data", has_scores: bool = True, **columns: Any
) -> FakeView:
    """Images of two classes; the model is sure of ``answers``."""
    n = len(truth)
    scores = np.full((n, 2), 0.02)
    scores[np.arange(n), np.asarray(answers)] = 0.98

    def table(given: Any, cut: int = n) -> FakeTable:
        return FakeTable(
            np.zeros((cut, 2, 2, 3), np.uint8),
            list(given)[:cut],
            CLASSES,
            {k: list(v)[:cut] for k, v in columns.items()},
        )

    tables = {split: table(labels)}
    if split != "data":
        tables["data"] = table(truth)
    return FakeView(tables, scores={split: scores, "data": scores}, has_scores=has_scores)


def careless(hesitant: range = range(230, 232)) -> FakeView:
    """400 images; C took 30 of her 100 for the other class; 12 of 20 blurred ones of the others are answered wrongly.

    ``hesitant``: wrong answers of which the model is not sure.
    """
    truth = np.tile([0, 1], 200)
    by = np.repeat(["A", "B", "C", "D"], 100)
    labels, answers = truth.copy(), truth.copy()
    labels[200:230] = 1 - labels[200:230]
    blurred = np.array(["no"] * 380 + ["yes"] * 20)
    answers[380:392] = 1 - truth[380:392]
    view = view_of(truth, labels, answers, annotator=by, blurred=blurred)
    for i in hesitant:
        view._scores["data"][i, [1 - truth[i], truth[i]]] = 0.52, 0.48
    return view


def finding(kind: Any, where: dict[str, str] | None, **more: Any) -> Finding:
    base: dict[str, Any] = {
        "slice": where,
        "n": 100,
        "error_rate": 0.3,
        "base_error_rate": 0.05,
        "verdict": "confirmed",
    }
    return Finding(kind, "correctness", "data_content", f"{kind} {where}", **{**base, **more})


NOISE = finding("label_noise", {"annotator": "C"})
SLICE = finding("weak_slice", {"annotator": "C"})
SURE = finding("overconfidence", {"annotator": "C"})
BLURRED = finding("weak_slice", {"blurred": "yes"})


def stated(view: FakeView, *findings: Finding) -> list[tuple[str, Finding]]:
    view.stated = [(f"F{i + 1}", f) for i, f in enumerate(findings)]
    return view.stated


def test_errors_that_are_suspect_labels_make_a_part_and_others_do_not() -> None:
    view = careless()
    found = parts(view, stated(view, NOISE, SLICE, SURE, BLURRED))
    assert {i: (p.of, p.shared, p.errors) for i, p in found.items()} == {
        "F2": ("F1", 30, 32),
        "F3": ("F1", 30, 32),
    }
    assert found["F2"].why == "30 of its 32 errors (93.8 %) are labels that F1 suspects"


def test_a_slice_that_errs_without_them_too_stands_for_itself() -> None:
    view = careless(
        hesitant=range(230, 255)
    )  # nearly as many errors of the model's own in the batch that is mostly hers
    batch = np.array(["1"] * 200 + ["2"] * 100 + ["3"] * 100)
    view.table().columns["batch"] = batch.tolist()
    assert not parts(view, stated(view, NOISE, finding("weak_slice", {"batch": "2"})))
    calm = careless()
    calm.table().columns["batch"] = batch.tolist()
    assert set(parts(calm, stated(calm, NOISE, finding("weak_slice", {"batch": "2"})))) == {"F2"}


def test_of_a_careless_source_nobody_knows_what_else_is_before_her_labels_are_mended() -> None:
    view = careless(hesitant=range(230, 255))
    assert parts(view, stated(view, NOISE, SLICE))["F2"].shared == 30
    few = careless(hesitant=range(230, 300))  # 30 of 100 errors
    found = parts(few, stated(few, NOISE, replace(SLICE, slice={"annotator": "C", "blurred": "no"})))
    assert (found["F2"].shared, found["F2"].errors) == (30, 100)


def test_a_narrower_slice_that_errs_more_than_the_source_s_other_images_is_no_part_of_it() -> None:
    """A source's wrong labels lie all over her images: they can't be what makes one line of hers worse than her others."""
    view = careless(hesitant=range(230, 255))
    table = view.table()
    made = view.predictions()
    hers = np.array(table.columns["annotator"]) == "C"
    table.columns["line"] = ["3" if h and w else "1" for h, w in zip(hers, ~made.correct, strict=True)]
    assert not parts(view, stated(view, NOISE, replace(SLICE, slice={"annotator": "C", "line": "3"})))
    table.columns["line"] = ["3" if i % 2 else "1" for i in range(len(hers))]  # no worse than her others
    assert set(parts(view, stated(view, NOISE, replace(SLICE, slice={"annotator": "C", "line": "3"})))) == {
        "F2"
    }


@pytest.mark.parametrize(
    "change",
    [
        {"verdict": "inconclusive"},
        {"split": "deploy"},
        {"slice": {"annotator": "A"}},
        {"slice": {"nobody": "C"}},
    ],
)
def test_only_a_confirmed_finding_about_the_same_images_has_parts(change: dict[str, Any]) -> None:
    view = careless()
    assert not parts(view, stated(view, replace(NOISE, **change), SLICE))


def test_pictures_under_several_labels_own_no_other_suspects_and_may_be_trained_on() -> None:
    view = careless()
    for about in ("equal pictures under two labels", "nearly equal pictures under several labels"):
        twice = finding("label_noise", None, n=6, error_rate=None, base_error_rate=None, about=about)
        assert not judges(twice) and judges(NOISE)
        assert not parts(view, stated(view, twice, SLICE))
        said = [c.action for c in propose_correction(view).corrections if c.finding == twice.key]
        assert said and not any("nothing to retrain" in a or "6 evaluation images" in a for a in said)


def test_suspect_labels_are_counted_once_for_all_findings(monkeypatch: pytest.MonkeyPatch) -> None:
    view, counted = careless(), []
    monkeypatch.setattr(
        repair_parts, "confident_counts", lambda *a: counted.append(1) or confident_counts(*a)
    )
    made = parts(view, stated(view, NOISE, SLICE, replace(SLICE, kind="overconfidence")))
    assert set(made) == {"F2", "F3"} and made["F2"].shared == made["F3"].shared and len(counted) == 1


def test_without_scores_no_label_is_suspect() -> None:
    view = careless()
    view.has_scores = False
    assert not parts(view, stated(view, NOISE, SLICE))


def pulled() -> FakeView:
    """Baths with a television are called halls; halls with one are right."""
    truth = np.tile([0, 1], 100)
    shows = np.repeat(["yes", "no"], 100)
    answers = np.where((shows == "yes") & (truth == 0) & (np.arange(200) % 4 == 0), 1, truth)
    return view_of(truth, truth, answers, television=shows)


def test_a_slice_that_a_sign_accounts_for_gets_no_repair_that_teaches_the_sign() -> None:
    view = pulled()
    view.has_model = lambda: True  # type: ignore[method-assign]
    sign = finding("spurious_correlation", {"television": "yes"}, class_name="hall")
    where = finding("weak_slice", {"television": "yes"})
    stated(view, sign, where)
    made = propose_correction(view)
    check_evidence(made)
    assert [c.strategy for c in made.corrections if c.finding == where.key] == ["collect"]
    said = next(c.action for c in made.corrections if c.finding == where.key)
    assert said.startswith(
        "It is part of F1 (25 of its 25 errors (100.0 %) are answers that F1 accounts for): repair F1 first"
    )
    assert not any("Weigh images with television" in str(row) for t in made.tables for row in t.rows)
    rows = next(t.rows for t in made.tables if t.title == TABLE_PARTS)
    assert rows[0][:4] == ("F2", "F1", 25, 25)
    assert propose_correction(view, finding="F2").next_steps == (
        "Decide on F1 first (propose_correction finding=F1).",
    )


def test_wrong_labels_of_images_that_judge_are_looked_at_and_never_trained_on() -> None:
    view = careless()
    stated(view, NOISE, SLICE, BLURRED)
    made = propose_correction(view)
    mine = [c for c in made.corrections if c.finding == NOISE.key]
    assert [c.strategy for c in mine] == ["relabel"]
    assert "failsight labels export CASE suspects.csv, then failsight labels import" in mine[0].action
    assert "--data CASE/repair/labels.csv" in mine[0].action and "nothing to retrain" in mine[0].action
    part = [c for c in made.corrections if c.finding == SLICE.key]
    assert len(part) == 1 and part[0].action.startswith("It is part of F1")
    blurred = [c.action for c in made.corrections if c.finding == BLURRED.key]
    assert len(blurred) > 1 and not any("careless" in a for a in blurred)


def test_each_split_has_its_own_file_and_training_labels_are_still_trained_on() -> None:
    deployed = replace(NOISE, split="deploy")
    view = careless()
    view._tables["deploy"], view._scores["deploy"] = view.table(), view._scores["data"]
    stated(view, deployed)
    told = propose_correction(view).corrections[0].action
    assert "--split deploy" in told and "--deploy CASE/repair/labels-deploy.csv" in told
    view._tables["train"] = view.table()
    trained = replace(NOISE, split="train")
    stated(view, trained)
    told = propose_correction(view).corrections[0].action
    assert "retrain unseen=keep" in told and "nothing to retrain" not in told


def test_a_training_for_labels_that_judge_says_what_to_do_instead() -> None:
    view = careless()
    asked = Asked("F1", NOISE, None, None, None, None, 1, "auto", "usual")
    assert "nothing to retrain" in lacks(view, "relabel", asked)
    with pytest.raises(RetryError, match="F1 is about labels of the evaluation images"):
        choose(view, asked)


class TestLabelsThatPeopleGave:
    def test_they_are_counted_by_hand(self) -> None:
        view = careless()
        paths = view.table().paths
        names = {i: CLASSES[i % 2] for i in range(400)}
        view.given_verdicts = {
            "data": {paths[i]: names[i] for i in (*range(200, 220), 0, 1)}
        }  # 20 changed, two confirmed
        made = corrected(view, view.predictions())
        assert made is not None
        assert (made.looked, made.changed, made.errors, made.cleared, made.right) == (22, 20, 44, 20, 356)
        assert made.accuracy == 376 / 400 and made.ci[0] < 0.94 < made.ci[1]
        assert made.counted == (
            "People looked at 22 labels of the evaluation images and changed 20. 20 of the 44 wrong answers are right by their labels: "
            "the model is then right in 94.0 % [91.2, 95.9] % of 400 images, not in 89.0 %."
        )

    @pytest.mark.parametrize("said", [{}, {"nowhere.png": "bath"}, {"row-0": "no such class"}])
    def test_what_names_no_image_and_no_class_changes_nothing(self, said: dict[str, str]) -> None:
        view = careless()
        view.given_verdicts = {
            "data": {k if k != "row-0" else view.table().paths[0]: v for k, v in said.items()}
        }
        assert corrected(view, view.predictions()) is None

    def test_readiness_tells_both_figures_and_what_they_rest_on(self) -> None:
        view = careless()
        view.expectations = [Expectation("accuracy", 0.92)]
        before = readiness(view)
        assert "labels corrected" not in before.summary and not any("corrected" in f.of for f in before.facts)
        paths = view.table().paths
        view.given_verdicts = {"data": {paths[i]: CLASSES[i % 2] for i in range(200, 230)}}
        made = readiness(view)
        check_evidence(made)
        assert made.summary.startswith("The model is not ready")
        assert "96.5 %" in made.summary and made.summary.endswith("By their labels: the expectations hold.")
        fact = next(f for f in made.facts if f.name == "accuracy")
        assert (fact.of, fact.value, fact.n) == ("labels corrected by people", 0.965, 400)
        assert any("only suspects were looked at, that favours the model" in n for n in made.notes)
