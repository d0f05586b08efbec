"""evaluate on cases that can be counted by hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from failsight.tools.errors import RetryError
from failsight.tools.evaluate import evaluate
from failsight.tools.performance import beyond_others
from failsight.tools.shifts.comparison import MOST_SPOKEN, spoken_of
from failsight.tools.text import number
from tests.fakes.view import FakeModel, FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec, counted_view


def test_its_arguments_are_described_and_bounded() -> None:
    check_spec(evaluate)


def test_a_model_whose_answers_are_known(tmp_path: Path) -> None:
    """The model calls a picture light when its mean is above one half; two of ten labels say otherwise."""
    pixels = np.zeros((10, 4, 4, 3), np.uint8)
    pixels[5:] = 255
    labels = [0, 0, 0, 0, 1, 1, 1, 1, 1, 0]
    model = FakeModel(
        lambda x: np.stack([1 - x.mean((1, 2, 3)), x.mean((1, 2, 3))], 1), ["dark", "light"], (4, 4)
    )
    made = evaluate(FakeView({"data": FakeTable(pixels, labels, ["dark", "light"])}, model, folder=tmp_path))
    check_evidence(made)
    assert made.fact("accuracy").value == 0.8
    assert made.fact("accuracy").n == 10
    assert made.fact("recall", "class dark").value == pytest.approx(0.8)
    assert made.fact("precision", "class light").value == pytest.approx(0.8)
    assert made.fact("baseline_accuracy").value == 0.5
    assert made.findings == ()
    assert "80.0 %" in made.summary
    assert (tmp_path / made.figures[0].path).read_text().startswith("<svg")


def test_weak_classes_are_named_and_strong_ones_are_not() -> None:
    made = evaluate(counted_view({"data": [[95, 5, 0], [4, 96, 0], [30, 10, 60]]}, ["bath", "bed", "hall"]))
    assert "Recognised less often than the rest: hall 60.0 %" in made.summary
    assert "bath 9" not in made.summary
    assert made.tables[1].rows[0][0] == "hall"
    assert "hall" in made.next_steps[0]


def test_a_drop_to_deployment_is_a_confirmed_shift_and_planned_beforehand() -> None:
    view = counted_view({"data": [[270, 30], [30, 270]], "deploy": [[130, 70], [60, 140]]})
    made = evaluate(view)
    check_evidence(made)
    (finding,) = made.findings
    assert (finding.kind, finding.failure, finding.bug, finding.verdict) == (
        "distribution_shift",
        "robustness",
        "data_statistics",
        "confirmed",
    )
    assert finding.tests[0].effect == pytest.approx(0.9 - (0.65 + 0.7) / 2)
    assert finding.class_name is None
    plan, *single = view.instruments
    assert plan.finding == finding.key
    assert [p.finding for p in single] == [f"distribution_shift||class_{i}|" for i in (0, 1)]
    assert (plan.minimum_effect, plan.alpha, plan.n_planned) == (0.03, 0.01, 400)
    assert made.fact("accuracy", "split deploy").value == pytest.approx(270 / 400)
    assert made.fact("recall", "split deploy, class class_0").value == pytest.approx(0.65)
    assert any("data_statistics" in s for s in made.next_steps)


def test_a_class_that_drops_by_itself_was_planned_too() -> None:
    view = counted_view({"data": [[270, 30], [30, 270]], "deploy": [[180, 20], [120, 80]]})
    single = [f for f in evaluate(view).findings if f.class_name]
    assert [f.class_name for f in single] == ["class_1"] and single[0].verdict == "confirmed"
    assert single[0].key in {p.finding for p in view.instruments}


def test_only_classes_with_enough_images_are_spoken_of_and_the_largest_of_very_many() -> None:
    assert spoken_of(np.array([50, 9, 50]), np.array([10, 50, 9])) == [0]
    many = spoken_of(np.full(1000, 50), np.arange(1000))
    assert len(many) == MOST_SPOKEN and many[0] == 1000 - MOST_SPOKEN


def test_no_drop_is_refuted_and_too_few_images_stay_inconclusive() -> None:
    many = evaluate(counted_view({"data": [[2700, 300], [300, 2700]], "deploy": [[2700, 300], [300, 2700]]}))
    assert many.findings[0].verdict == "refuted"
    few = evaluate(counted_view({"data": [[27, 3], [3, 27]], "deploy": [[7, 3], [2, 8]]}))
    assert few.findings[0].verdict == "inconclusive"


def test_a_change_of_the_class_mix_is_not_called_a_drop() -> None:
    made = evaluate(counted_view({"data": [[1800, 200], [250, 250]], "deploy": [[450, 50], [1000, 1000]]}))
    assert made.findings[0].verdict == "refuted"
    assert any("proportions" in n for n in made.notes)
    assert made.fact("accuracy_drop", "data to deploy").value > 0.2
    assert abs(made.fact("accuracy_drop_same_mix", "data to deploy").value) < 1e-9


def test_only_a_class_that_loses_more_than_all_gets_a_finding_of_its_own() -> None:
    data = [[180, 20, 0], [20, 180, 0], [0, 20, 180]]
    everywhere = evaluate(counted_view({"data": data, "deploy": [[140, 60, 0], [60, 140, 0], [0, 60, 140]]}))
    assert [f.class_name for f in everywhere.findings] == [None]
    one = evaluate(counted_view({"data": data, "deploy": [[180, 20, 0], [20, 180, 0], [100, 60, 40]]}))
    assert [f.class_name for f in one.findings] == [None, "class_2"]
    assert all(f.verdict == "confirmed" for f in one.findings)


def test_a_class_is_judged_by_what_its_plan_says_where_all_drop() -> None:
    """The drop of class_0 by itself is sure (20 points), and the others lose more: what is printed belongs to that test."""
    data = [[180, 20, 0], [20, 180, 0], [0, 20, 180]]
    view = counted_view({"data": data, "deploy": [[140, 60, 0], [20, 180, 0], [100, 60, 40]]})
    made = evaluate(view)
    (single,) = (f for f in made.findings if f.class_name)
    (test,) = single.tests
    assert single.class_name == "class_2"
    assert test.effect == pytest.approx(
        0.7 - (0.2 + 0.0) / 2
    )  # its drop beyond that of the others, of equal size
    assert 0 < test.ci[0] < test.effect < test.ci[1] and (single.p, single.q) == (test.p, test.q)
    plan = next(p for p in view.instruments if p.finding == single.key)
    assert test.statistic in plan.statistic and "other classes" in plan.control
    table = next(t for t in made.tables if t.title.startswith("Drop from"))
    rows = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    assert rows["class_0"]["beyond the others"] == pytest.approx(0.2 - (0.0 + 0.7) / 2)
    assert "beyond the others" in table.caption
    assert number(test.effect, "points").lstrip("+") in single.statement


def test_without_a_drop_of_all_a_class_is_judged_by_its_own() -> None:
    data = [[180, 20, 0], [20, 180, 0], [0, 20, 180]]
    view = counted_view({"data": data, "deploy": [[200, 0, 0], [0, 200, 0], [0, 80, 120]]})
    made = evaluate(view)
    (single,) = (f for f in made.findings if f.class_name)
    assert single.tests[0].effect == pytest.approx(0.3)
    assert single.tests[0].statistic in view.instruments[-1].statistic


def test_how_much_more_a_class_drops_than_the_others_is_known() -> None:
    def made(right: list[int], n: int) -> SimpleNamespace:
        return SimpleNamespace(confusion=np.diag(right) + np.roll(np.diag([n - k for k in right]), 1, axis=1))

    drops = beyond_others(made([90, 90, 90], 100), made([60, 80, 80], 100), (0, 1, 2))
    assert [d.effect for d in drops] == pytest.approx([0.2, -0.1, -0.1])
    assert drops[0].p < 0.005 < drops[1].p
    assert all(d.ci[0] < d.effect < d.ci[1] and d.q >= d.p - 1e-12 for d in drops)
    same = beyond_others(made([90, 90, 90], 100), made([70, 70, 70], 100), (0, 1, 2))
    assert all(d.effect == pytest.approx(0) and d.p > 0.9 for d in same)
    assert beyond_others(made([90, 90, 90], 100), made([1, 1, 1], 100), (0,)) == ()
    (worst, *_) = beyond_others(made([100, 100, 100], 100), made([0, 100, 100], 100), (0, 1, 2))
    assert 0 < worst.p < 1e-8  # no smaller than what is told apart, and never nothing


def test_classes_shared_only_in_part_are_said() -> None:
    made = evaluate(
        counted_view(
            {"data": [[30, 0, 0], [0, 30, 0], [0, 0, 0]], "deploy": [[20, 0, 0], [0, 0, 0], [0, 5, 5]]}
        )
    )
    text = " ".join(made.notes)
    assert "Only among the evaluation images: class_1" in text
    assert "Only among the deployment images: class_2" in text
    nothing = evaluate(counted_view({"data": [[30, 0], [0, 0]], "deploy": [[0, 0], [0, 30]]}))
    check_evidence(nothing)
    assert nothing.findings == ()
    assert "can't be compared" in nothing.summary


def test_the_gap_to_training_images_is_a_hypothesis_not_a_verdict() -> None:
    made = evaluate(counted_view({"data": [[140, 60], [60, 140]], "train": [[500, 0], [0, 500]]}))
    (finding,) = made.findings
    assert (finding.kind, finding.verdict) == ("overfitting", None)
    assert {"model_training.1", "performance.1"} <= set(made.questions)
    small = evaluate(counted_view({"data": [[190, 10], [10, 190]], "train": [[500, 0], [0, 500]]}))
    assert small.findings == ()


def test_one_split_on_request() -> None:
    view = counted_view({"data": [[9, 1], [1, 9]], "deploy": [[5, 5], [5, 5]]})
    made = evaluate(view, split="deploy")
    assert made.arguments == {"split": "deploy"}
    assert made.fact("accuracy", "split deploy").value == 0.5
    with pytest.raises(KeyError):
        made.fact("accuracy")
    with pytest.raises(RetryError, match="data, deploy"):
        evaluate(view, split="train")


def test_very_many_training_images_wait_to_be_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("failsight.tools.evaluate.TRAIN_LIMIT", 50)
    view = counted_view({"data": [[9, 1], [1, 9]], "train": [[50, 0], [0, 50]]})
    assert any("not evaluated" in n for n in evaluate(view).notes)
    assert evaluate(view, split="train").fact("accuracy", "split train").value == 1


class TestHostile:
    def test_unlabelled_and_missing(self) -> None:
        table = FakeTable(np.zeros((3, 2, 2, 3), np.uint8), [-1, -1, -1], ["a", "b"])
        view = FakeView({"data": table}, scores={"data": np.full((3, 2), 0.5)})
        with pytest.raises(RetryError):
            evaluate(view)
        with pytest.raises(RetryError, match="no labels"):
            evaluate(view, split="data")

    def test_no_images(self) -> None:
        table = FakeTable(np.zeros((0, 2, 2, 3), np.uint8), [], ["a", "b"])
        with pytest.raises(RetryError):
            evaluate(FakeView({"data": table}, scores={"data": np.zeros((0, 2))}))

    def test_one_class_and_a_single_image(self) -> None:
        for counts in ([[5]], [[1, 0], [0, 0]]):
            made = evaluate(counted_view({"data": counts}))
            check_evidence(made)
            assert made.fact("accuracy").value == 1
            assert made.findings == ()

    def test_unreadable_images_are_listed(self) -> None:
        table = FakeTable(np.zeros((4, 2, 2, 3), np.uint8), [0, 0, 1, 1], ["a", "b"], bad=[1, 3])
        made = evaluate(FakeView({"data": table}, scores={"data": np.array([[1, 0]] * 4)}))
        assert made.fact("accuracy").n == 2
        assert any("cut short" in n and "img_00001" in n for n in made.notes)

    def test_a_black_box_without_scores_or_deploy_predictions(self) -> None:
        view = counted_view({"data": [[4, 1], [1, 4]]}, has_scores=False)
        view._tables["deploy"] = FakeTable(np.zeros((3, 2, 2, 3), np.uint8), [0, 1, 1], view.classes)
        made = evaluate(view)
        check_evidence(made)
        assert any("predictions only" in n for n in made.notes)

    def test_names_that_try_to_break_out(self) -> None:
        made = evaluate(
            counted_view({"data": [[8, 2], [9, 1]]}, ["<script>alert(1)</script>", "\x1b[31m\u202eevil"])
        )
        check_evidence(made)
        assert "<script>" not in made._repr_html_()
        assert "\x1b" not in made.text()

    def test_a_thousand_classes(self, tmp_path: Path) -> None:
        counts = np.eye(1000, dtype=int) * 2
        counts[:, 0] += 1
        made = evaluate(counted_view({"data": counts.tolist()}, folder=tmp_path))
        check_evidence(made)
        assert len(made.facts) < 200
        assert len(made.tables[1].rows) == 40
        assert len((tmp_path / made.figures[0].path).read_text()) < 100_000
