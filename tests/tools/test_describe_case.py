"""describe_case: counts that can be checked by hand, and what it says is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from failsight.tools.describe_case import MISSING, describe_case
from failsight.tools.expectations.criteria import Criterion, describe
from failsight.tools.expectations.names import show_expected, show_value
from failsight.tools.inputs.base import LeftOut
from failsight.tools.view import Expectation
from tests.fakes.case import television_world
from tests.fakes.view import FakeModel, FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec, counted_view


def rule(x: np.ndarray) -> np.ndarray:
    return np.stack([x.mean((1, 2, 3)), 1 - x.mean((1, 2, 3))], 1)


def table(labels: list[int], **more: object) -> FakeTable:
    return FakeTable(np.zeros((len(labels), 4, 6, 3), np.uint8), labels, ["bath", "bed"], **more)  # type: ignore[arg-type]


def missing(made: object) -> set[str]:
    found = next(t for t in made.tables if t.title == "What is missing")  # type: ignore[attr-defined]
    return {str(r[0]) for r in found.rows}


def test_its_arguments_are_described_and_bounded() -> None:
    check_spec(describe_case)


def test_counts_model_and_expectations_by_hand() -> None:
    class Weights:
        def __init__(self, n: int) -> None:
            self.n = n

        def numel(self) -> int:
            return self.n

    class Module:
        def parameters(self) -> list[Weights]:
            return [Weights(6), Weights(2)]

    module = Module()
    model = FakeModel(rule, ["bath", "bed"], (4, 6), module)
    data = table([0, 0, 0, 1, -1], columns={"style": ["a"] * 5}, boxes=[{"sofa": [(0, 0, 1, 1)]}] * 5)
    view = FakeView(
        {"data": data, "train": table([1] * 7)}, model, expectations=[Expectation("accuracy", 0.9)]
    )
    made = describe_case(view)
    check_evidence(made)
    assert made.fact("images").value == 5
    assert made.fact("images", "split train").value == 7
    assert made.fact("parameters").value == 8
    assert (made.fact("input_width").value, made.fact("input_height").value) == (6, 4)
    assert made.fact("class_imbalance").value == 3
    classes = next(t for t in made.tables if t.title == "Classes")
    assert classes.rows == (("bed", 1, 7), ("bath", 3, 0))
    images = next(t for t in made.tables if t.title == "Images")
    assert images.rows[0][1:5] == (5, 2, 1, 0)
    assert "columns style; boxes of sofa" in images.rows[0]
    assert "accuracy at least 90.0 %" in made.summary
    assert missing(made) == {"deploy", "pool", "history"}
    assert model.seen == 0  # nothing was predicted


@pytest.mark.parametrize(("counts", "word"), [([[9], [1]], "uneven"), ([[5], [5]], "balanced")])
def test_balance_is_said(counts: list[list[int]], word: str) -> None:
    labels = [0] * counts[0][0] + [1] * counts[1][0]
    assert (
        word
        in describe_case(FakeView({"data": table(labels)}, FakeModel(rule, ["bath", "bed"], (4, 4)))).summary
    )


def test_classes_without_images_are_not_called_balanced() -> None:
    data = FakeTable(np.zeros((10, 4, 6, 3), np.uint8), [0] * 5 + [1] * 5, ["bath", "bed", "yard"])
    made = describe_case(FakeView({"data": data}, FakeModel(rule, ["bath", "bed", "yard"], (4, 4))))
    assert "1 class has no evaluation images: yard; the other 2 have 5 each." in made.summary
    assert "balanced" not in made.summary
    assert made.fact("classes_without_images").value == 1
    assert not any(f.name == "class_imbalance" for f in made.facts)


def test_a_black_box_without_scores_lacks_nearly_everything() -> None:
    made = describe_case(counted_view({"data": [[4, 1], [1, 4]]}, has_scores=False))
    check_evidence(made)
    assert missing(made) == set(MISSING)
    assert "black box" in made.summary
    assert "scores" not in missing(describe_case(counted_view({"data": [[4, 1], [1, 4]]})))


def test_left_out_rows_and_small_classes_are_listed() -> None:
    data = table([0] * 40 + [1] * 3)
    data.left_out = [LeftOut("x/\x1b[2J.jpg", "the file is cut short")] * 2
    made = describe_case(FakeView({"data": data}, FakeModel(rule, ["bath", "bed"], (4, 4))))
    assert any("2 of the evaluation images were left out: the file is cut short" in n for n in made.notes)
    assert not any("\x1b" in n for n in made.notes)
    assert any("Fewer than 30" in n and "bed" in n and "bath" not in n for n in made.notes)


@pytest.mark.parametrize("labels", [[], [-1, -1], [0, 0]])
def test_empty_unlabelled_and_one_class(labels: list[int]) -> None:
    made = describe_case(FakeView({"data": table(labels)}, FakeModel(rule, ["bath", "bed"], (4, 4))))
    check_evidence(made)
    assert made.fact("images").value == len(labels)
    assert not any(f.name == "class_imbalance" for f in made.facts)


def test_a_thousand_classes_stay_readable() -> None:
    labels = np.arange(1000).repeat(2)
    view = FakeView(
        {"data": FakeTable(np.zeros((2000, 1, 1, 3), np.uint8), labels, [f"c{i}" for i in range(1000)])},
        FakeModel(rule, ["a"], (1, 1)),
    )
    made = describe_case(view)
    check_evidence(made)
    assert len(next(t for t in made.tables if t.title == "Classes").rows) == 60


def test_costs_are_no_percentages(tmp_path: Path) -> None:
    given = (
        Expectation("accuracy", 0.9), Expectation("expected_cost", 0.6, at_least=False),
        Expectation("cost.cat>dog", 5.0, at_least=False), Expectation("latency_ms", 20.0, at_least=False),
    )  # fmt: skip
    view = counted_view({"data": [[9, 1], [2, 8]]}, ["cat", "dog"], folder=tmp_path)
    view.expectations = given
    made = describe_case(view)
    text = made.summary
    assert "accuracy at least 90.0 %, expected_cost at most 0.6, cost.cat>dog is 5" in text
    assert "500" not in text and "60.0 %" not in text and "latency at most 20" in text
    table = next(t for t in made.tables if t.title == "Expectations")
    assert [row[2] for row in table.rows] == [show_value(e.name, e.bound) for e in given]
    assert [row[1] for row in table.rows] == ["at least", "at most", "is", "at most"]


def test_one_way_of_showing_an_expectation() -> None:
    for e in (("accuracy", True, 0.9), ("expected_cost", False, 0.6), ("cost.cat>dog", False, 5.0)):
        criterion = Criterion(e[0], e[2], e[1])
        assert describe(criterion) == show_expected(e[0], e[1], e[2])


def test_every_column_is_told_with_its_values_in_each_set() -> None:
    table, model = television_world(40)
    table.columns["lighting"] = ["soft", "bright"] * 20
    table.columns["age"] = [float(i) for i in range(40)]
    table.columns["patient"] = [f"Name {i}" for i in range(40)]
    other, _ = television_world(20, seed=1)
    other.columns["lighting"] = ["dark"] * 20
    made = describe_case(FakeView({"data": table, "deploy": other}, model))
    found = next(t for t in made.tables if t.title == "Attributes")
    assert found.columns == ("attribute", "evaluation images", "deployment images")
    told = {row[0]: row[1:] for row in found.rows}
    assert told["lighting"] == ("soft (20), bright (20)", "dark (20)")
    assert told["age"] == ("0 to 39", "–")
    assert told["patient"] == ("40 values", "–")  # nobody's name is listed
