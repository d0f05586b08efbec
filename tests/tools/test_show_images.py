"""show_images: pictures by class, answer, outcome and attributes, counted by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.tools.errors import RetryError
from failsight.tools.show_images import show_images
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec, one_hot


def pets(folder: Path | None = None, **more: Any) -> FakeView:
    """Ten dogs, of which rows 0 to 2 are called cats (the surer the lower the row), and ten cats, all right; even rows are dark."""
    labels = np.repeat([0, 1], 10)
    predicted = labels.copy()
    predicted[:3] = 1
    sure = np.linspace(0.95, 0.6, 20)
    columns = {"light": ["dark" if i % 2 == 0 else "bright" for i in range(20)]}
    table = FakeTable(np.zeros((20, 4, 4, 3), np.uint8), labels, ("dog", "cat"), columns)
    bare = FakeTable(np.zeros((4, 4, 4, 3), np.uint8), np.full(4, -1), ("dog", "cat"))
    scores = {"data": one_hot(predicted, 2, sure), "pool": one_hot(np.zeros(4, int), 2)}
    return FakeView({"data": table, "pool": bare}, scores=scores, folder=folder, **more)


def rows(made: Any) -> list[int]:
    return [i.row for i in made.images]


def test_its_arguments_are_described_and_bounded() -> None:
    check_spec(show_images)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ({"where": "wrong"}, [0, 1, 2]),
        ({"where": "wrong", "order": "unsure"}, [2, 1, 0]),
        ({"class_name": "cat", "where": "wrong"}, []),
        ({"class_name": "dog", "predicted_class": "cat"}, [0, 1, 2]),
        ({"where": "wrong&light=dark"}, [0, 2]),
        ({"class_name": "dog", "where": "correct", "k": 2}, [3, 4]),
        ({"split": "pool", "k": 2}, [0, 1]),
    ],
)
def test_what_meets_the_conditions_is_shown_in_order(
    given: dict[str, Any], shown: list[int], tmp_path: Path
) -> None:
    made = show_images(pets(tmp_path), **given)
    check_evidence(made)
    assert rows(made) == shown
    if shown:
        assert (tmp_path / made.figures[0].path).exists()


def test_the_summary_counts_all_and_says_which_are_shown() -> None:
    made = show_images(pets(), class_name="dog", k=3)
    assert made.summary.startswith("10 of 20 evaluation images: class dog. 3 of them are answered wrongly.")
    assert "Shown: 3, those the model is surest of." in made.summary
    assert made.facts[0].value == 10 and made.facts[0].n == 20
    assert made.fact("errors", "class dog").value == 3 and made.fact("errors", "class dog").n == 10
    assert made.fact("mean_confidence", "class dog").value == pytest.approx(
        np.linspace(0.95, 0.6, 20)[:10].mean(), abs=1e-3
    )
    assert show_images(pets(), class_name="cat", where="wrong").summary == (
        "There are none among 20 evaluation images: class cat, answered wrongly."
    )
    assert "drawn at random" in show_images(pets(), order="any", k=4).summary


@pytest.mark.parametrize(
    "given",
    [
        {"class_name": "unicorn"},
        {"where": "colour=red"},
        {"where": "light"},
        {"split": "deploy"},
        {"split": "pool", "where": "wrong"},
        {"where": "\x1b[31m=1"},
    ],
)
def test_what_the_case_lacks_is_said(given: dict[str, Any]) -> None:
    with pytest.raises(RetryError) as problem:
        show_images(pets(), **given)
    assert "\x1b" not in str(problem.value)
