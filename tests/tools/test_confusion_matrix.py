"""confusion_matrix on matrices that are known beforehand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from failsight.tools.confusion_matrix import confusion_matrix
from failsight.tools.errors import RetryError
from failsight.tools.evaluate import evaluate
from failsight.tools.stats.intervals import wilson
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec, counted_view, from_counts, one_hot

ROOMS = ("bath", "dining", "kitchen")
COUNTS = [[48, 1, 1], [0, 60, 40], [2, 8, 90]]


def table(made: object, title: str) -> object:
    return next(t for t in made.tables if t.title == title)  # type: ignore[attr-defined]


def test_its_arguments_are_described_and_bounded() -> None:
    check_spec(confusion_matrix)


def test_the_matrix_the_largest_confusions_and_their_rates(tmp_path: Path) -> None:
    made = confusion_matrix(counted_view({"data": COUNTS}, ROOMS, folder=tmp_path))
    check_evidence(made)
    assert [r[1:] for r in table(made, "Confusion matrix").rows] == [tuple(r) for r in COUNTS]  # type: ignore[attr-defined]
    top = table(made, "Top confusions").rows  # type: ignore[attr-defined]
    assert [r[:4] for r in top[:3]] == [
        ("dining", "kitchen", 40, 100),
        ("kitchen", "dining", 8, 100),
        ("kitchen", "bath", 2, 100),
    ]
    assert top[0][4] == "40.0 [30.9, 49.8] %" and top[0][5] == 40 / 52
    fact = made.fact("confusion_rate", "class dining taken for kitchen")
    assert (fact.value, fact.ci, fact.n) == (0.4, wilson(40, 100), 100)
    assert made.fact("errors").value == 52
    svg = (tmp_path / made.figures[0].path).read_text()
    assert "dining taken for kitchen: 40" in svg and 'role="img"' in svg


def test_one_sided_pairs_are_found_and_balanced_ones_are_not() -> None:
    sides = table(confusion_matrix(counted_view({"data": COUNTS}, ROOMS)), "One-sided confusions").rows  # type: ignore[attr-defined]
    assert [r[:2] for r in sides] == [("dining", "kitchen")]
    assert sides[0][2:4] == (0.4, 0.08) and "+32.0 points" in str(sides[0][4])
    even = confusion_matrix(counted_view({"data": [[80, 20], [20, 80]]}))
    assert not any(t.title == "One-sided confusions" for t in even.tables)


def cell_view(folder: Path | None = None) -> FakeView:
    """Each error has a confidence of its own."""
    labels, predicted = from_counts(COUNTS)
    sure = 0.5 + np.arange(len(labels)) / 1000
    pixels = np.random.default_rng(0).integers(0, 255, (len(labels), 8, 8, 3)).astype(np.uint8)
    data = FakeTable(pixels, labels, ROOMS, bad=[len(labels) - 1])
    return FakeView({"data": data}, scores={"data": one_hot(predicted, 3, sure)}, folder=folder)


def test_the_images_behind_a_cell_most_confident_first(tmp_path: Path) -> None:
    view = cell_view(tmp_path)
    made = confusion_matrix(view, true_class="Dining", predicted_class="kitchen")
    check_evidence(made)
    assert made.fact("confusion_rate", "class dining taken for kitchen").value == 0.4
    assert len(made.images) == 12
    assert {(i.label, i.prediction) for i in made.images} == {("dining", "kitchen")}
    sure = [i.confidence for i in made.images]
    assert sure == sorted(sure, reverse=True)
    assert sure[0] == pytest.approx(0.5 + 149 / 1000)
    assert made.images[0].row == 149
    from PIL import Image

    assert Image.open(tmp_path / made.figures[0].path).size[0] > 400


def test_a_row_and_a_column() -> None:
    row = confusion_matrix(cell_view(), true_class="kitchen")
    assert row.fact("confusion_rate", "class kitchen taken for another class").value == pytest.approx(10 / 99)
    column = confusion_matrix(cell_view(), predicted_class="bath")
    assert column.fact("confusion_rate", "other classes taken for bath").value == pytest.approx(2 / 50)
    assert {i.prediction for i in column.images} == {"bath"}
    diagonal = confusion_matrix(cell_view(), true_class="bath", predicted_class="bath")
    assert "48 of 50" in diagonal.summary


def test_an_empty_cell() -> None:
    made = confusion_matrix(
        counted_view({"data": COUNTS}, ROOMS), true_class="dining", predicted_class="bath"
    )
    check_evidence(made)
    assert made.images == () and made.fact("confusion_rate", "class dining taken for bath").value == 0


class TestHostile:
    def test_wrong_names_say_what_exists(self) -> None:
        view = counted_view({"data": COUNTS}, ROOMS)
        with pytest.raises(RetryError, match="bath, dining, kitchen"):
            confusion_matrix(view, true_class="attic")
        with pytest.raises(RetryError, match="data"):
            confusion_matrix(view, split="deploy")

    def test_no_errors_one_class_and_no_scores(self) -> None:
        for counts in ([[5, 0], [0, 5]], [[4]], [[3, 0], [0, 0]]):
            made = confusion_matrix(counted_view({"data": counts}, has_scores=False))
            check_evidence(made)
            assert "None of" in made.summary
        made = confusion_matrix(
            counted_view({"data": [[1, 3], [0, 0]]}, has_scores=False), true_class="class_0"
        )
        assert made.images[0].confidence is None and "confidence" not in made.summary

    def test_unlabelled(self) -> None:
        data = FakeTable(np.zeros((2, 2, 2, 3), np.uint8), [-1, -1], ["a", "b"])
        with pytest.raises(RetryError, match="no labels"):
            confusion_matrix(FakeView({"data": data}, scores={"data": np.full((2, 2), 0.5)}))

    def test_unlabelled_rows_are_in_no_cell(self) -> None:
        data = FakeTable(np.zeros((3, 2, 2, 3), np.uint8), [0, -1, 1], ["a", "b"])
        view = FakeView({"data": data}, scores={"data": np.array([[0.1, 0.9]] * 3)})
        assert [i.row for i in confusion_matrix(view, predicted_class="b").images] == [0]

    def test_pictures_that_cannot_be_opened_again(self) -> None:
        view = cell_view()
        predictions = view.predictions()
        view.predictions = lambda split="data": predictions  # type: ignore[method-assign]
        view._tables["data"].bad = set(range(len(predictions) + 1))
        made = confusion_matrix(view, true_class="dining", predicted_class="kitchen")
        check_evidence(made)
        assert made.figures == () and len(made.images) == 12

    def test_very_many_classes_stay_small(self, tmp_path: Path) -> None:
        k = 400
        counts = np.eye(k, dtype=int) * 3
        counts[np.arange(k), (np.arange(k) + 1) % k] += 1
        made = confusion_matrix(counted_view({"data": counts.tolist()}, folder=tmp_path))
        check_evidence(made)
        assert len(table(made, "Confusion matrix").rows) == 60  # type: ignore[attr-defined]
        assert len(table(made, "Top confusions").rows) == 10  # type: ignore[attr-defined]
        assert (tmp_path / made.figures[0].path).stat().st_size < 400_000


NEVER_HERE = [[0, 0, 0, 0], [40, 55, 5, 0], [0, 0, 90, 10], [0, 0, 0, 0]]
"""Images of two of four classes; most errors are answers of the other two."""


def test_answers_of_classes_without_images_are_told_as_such() -> None:
    names = ("yard", "front", "bed", "living")
    made = confusion_matrix(counted_view({"data": NEVER_HERE}, names))
    check_evidence(made)
    assert (
        "50 of 55 errors on the evaluation images are answers of classes that no image here has (yard 40 and living 10)"
        in made.summary
    )
    assert made.fact("answers_without_images").value == 50
    assert made.fact("answers_without_images", "class yard").value == 40
    whole = confusion_matrix(counted_view({"data": COUNTS}, ROOMS))
    assert "no image here has" not in whole.summary
    assert not any(f.name == "answers_without_images" for f in whole.facts)
    seen = evaluate(counted_view({"data": NEVER_HERE, "deploy": NEVER_HERE}, names))
    assert "50 of 55 errors on the deployment images are answers of classes" in seen.summary
    assert seen.notes[0].startswith("No evaluation images of yard and living")
    assert seen.notes[1].startswith("No deployment images of yard and living")
