"""Conditions on images: confidence, lists of values, and images of which nothing is known."""

from __future__ import annotations

import numpy as np
import pytest

from failsight.tools.errors import RetryError
from failsight.tools.experiments.population import parse_filters, resolve, rows_meeting
from failsight.tools.operating_points import operating_points
from failsight.tools.show_images import show_images
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import one_hot

CLASSES = ("hall", "porch", "attic|loft")


def view(has_scores: bool = True) -> FakeView:
    """Eight pictures; the last has no label, the one before was not read."""
    label = [0, 0, 1, 1, 2, 2, 0, -1]
    answer = np.array([0, 1, 1, 1, 2, 0, 0, 1])
    sure = np.array([0.9, 0.7, 0.5, 0.95, 0.6, 0.4, 0.9, 0.8])
    columns = {
        "light": ["dark", "dim", "bright", "a|b", None, "dim", "dark", "dark"],
        "floor": [1.0, 2.0, 3.0, 1.0, float("nan"), 2.0, 1.0, 1.0],
    }
    table = FakeTable(np.zeros((8, 4, 4, 3), np.uint8), label, CLASSES, columns, bad=(6,))
    return FakeView({"data": table}, scores={"data": one_hot(answer, 3, sure)}, has_scores=has_scores)


@pytest.mark.parametrize(
    ("where", "meet", "known"),
    [
        ("confidence>=0.9", [0, 3], [0, 1, 2, 3, 4, 5, 7]),
        ("confidence>0.9", [3], [0, 1, 2, 3, 4, 5, 7]),
        ("confidence<0.5", [5], [0, 1, 2, 3, 4, 5, 7]),
        ("confidence<=50%", [2, 5], [0, 1, 2, 3, 4, 5, 7]),
        ("true=hall|porch", [0, 1, 2, 3, 6], [0, 1, 2, 3, 4, 5, 6]),
        ("true!=hall|porch", [4, 5], [0, 1, 2, 3, 4, 5, 6]),
        ("true!=hall", [2, 3, 4, 5], [0, 1, 2, 3, 4, 5, 6]),
        ("true=attic|loft", [4, 5], [0, 1, 2, 3, 4, 5, 6]),  # a class whose own name holds the sign
        ("predicted=HALL|attic|loft", None, None),
        ("predicted=hall|porch", [0, 1, 2, 3, 5, 7], [0, 1, 2, 3, 4, 5, 7]),
        ("light=dark|dim", [0, 1, 5, 6, 7], [0, 1, 2, 3, 5, 6, 7]),
        ("light!=dark|dim", [2, 3], [0, 1, 2, 3, 5, 6, 7]),
        ("light=a|b", [3], [0, 1, 2, 3, 5, 6, 7]),
        ("floor=1|3", [0, 2, 3, 6, 7], [0, 1, 2, 3, 5, 6, 7]),
        ("light=missing", [4], [0, 1, 2, 3, 4, 5, 6, 7]),
        ("wrong", [1, 5], [0, 1, 2, 3, 4, 5]),
        ("correct & light=dim|dark & confidence>=0.9", [0], None),
    ],
)
def test_who_meets_a_condition_and_of_whom_it_is_known(
    where: str, meet: list[int] | None, known: list[int] | None
) -> None:
    if meet is None:
        with pytest.raises(RetryError, match="no class"):
            rows_meeting(view(), "data", parse_filters(where))
        return
    meets, told = rows_meeting(view(), "data", parse_filters(where))
    assert np.flatnonzero(meets).tolist() == meet
    if known is not None:
        assert np.flatnonzero(told).tolist() == known


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("confidence>=1.5", "between 0 and 1"),
        ("confidence>=-0.1", "between 0 and 1"),
        ("confidence=", "between 0 and 1"),
        ("confidence>=1e999", "between 0 and 1"),
        ("light=dark|purple", "never 'purple'"),
        ("floor=1|two", "'two' is not"),
        ("floor<1|2", "a list of values can be compared with = or !="),
        ("true=|", "no class"),
    ],
)
def test_what_makes_no_sense_is_refused(where: str, says: str) -> None:
    with pytest.raises(RetryError) as problem:
        rows_meeting(view(), "data", parse_filters(where))
    assert says in str(problem.value)


def test_without_scores_a_confidence_is_not_known() -> None:
    with pytest.raises(RetryError, match="without class probabilities"):
        rows_meeting(view(has_scores=False), "data", parse_filters("confidence>=0.9"))


def test_every_tool_that_takes_conditions_takes_them() -> None:
    made = show_images(view(), where="confidence>=0.9&light=dark|dim")
    assert [i.row for i in made.images] == [0]
    curve = operating_points(view(), "hall", where="true=hall|porch&confidence>=0.5")
    assert "4 evaluation images" in curve.summary
    chosen = resolve(view(), "data", parse_filters("true=hall|porch"), most=2, seed=0)
    assert chosen.found == 5 and len(chosen.rows) == 2 and chosen.slice() == {}
    assert resolve(view(), "data", parse_filters("light=dark"), most=9, seed=0).slice() == {"light": "dark"}
