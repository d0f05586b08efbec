"""count_images: twelve pictures, every number counted by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.tools.count_images import count_images
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence
from failsight.tools.experiments.population import apart, parse_filters
from failsight.tools.hypotheses.typed import conditions_of, group_words, in_words
from failsight.tools.stats.intervals import wilson
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec, one_hot

CLASSES = ("bathroom", "kitchen")
# label, answer, how sure, cat, site, house; the last two have no label
ROWS = (
    (0, 1, 0.95, "yes", "north", 1.0),
    (0, 1, 0.9, "yes", "north", 1.0),
    (0, 0, 0.8, "yes", "south", 2.0),
    (0, 0, 0.7, "no", "south", 2.0),
    (0, 0, 0.6, None, "north", 3.0),
    (0, 1, 0.55, "no", "south", 3.0),
    (1, 1, 0.95, "yes", "north", 4.0),
    (1, 1, 0.9, "no", "north", 4.0),
    (1, 0, 0.85, "no", "south", 5.0),
    (1, 1, 0.8, None, None, float("nan")),
    (-1, 1, 0.7, "yes", "north", 6.0),
    (-1, 0, 0.6, "no", "south", 6.0),
)


def rooms(folder: Path | None = None, **more: Any) -> FakeView:
    label, answer, sure, cat, site, house = (list(c) for c in zip(*ROWS, strict=True))
    n = len(ROWS)
    columns = {"cat": cat, "site": site, "house": house, "depth": [float(i) / 7 for i in range(n)]}
    tables = {
        "data": FakeTable(np.zeros((n, 4, 4, 3), np.uint8), label, CLASSES, columns, bad=more.pop("bad", ())),
        "pool": FakeTable(np.zeros((3, 4, 4, 3), np.uint8), [-1, -1, -1], CLASSES, {"cat": ["yes", "no", "yes"]}),
        "train": FakeTable(np.zeros((5, 4, 4, 3), np.uint8), [0, 0, 0, 1, 1], CLASSES, {"cat": ["yes", "no", None, "yes", "yes"]}),
    }  # fmt: skip
    scores = {"data": one_hot(np.array(answer), 2, np.array(sure)), "pool": one_hot(np.array([0, 1, 1]), 2)}
    return FakeView(tables, scores=scores, folder=folder, **more)


def numbers(made: Evidence) -> tuple[int, int | None, float | None]:
    """``images``, ``counted`` and ``share``: the first fact of each name is about the base."""
    first = {f.name: f.value for f in reversed(made.facts)}
    base = next(f.value for f in made.facts if f.name == "images")
    return base, first.get("counted"), first.get("share")


def test_its_arguments_are_described_and_bounded() -> None:
    check_spec(count_images)


@pytest.mark.parametrize(
    ("given", "images", "counted", "begins"),
    [
        ({"among": ("true=bathroom", "cat=yes"), "having": ("wrong",)}, 3, 2, "2 of 3 bathroom images with cat=yes are wrong: 66.7 % ["),
        ({"among": ("wrong",), "having": ("cat=yes",)}, 4, 2, "2 of 4 wrong evaluation images have cat=yes: 50.0 % ["),
        ({"among": ("true!=bathroom",), "having": ("correct",)}, 4, 3, "3 of 4 evaluation images that are not bathroom are right: 75.0 %"),
        ({"having": ("confidence<0.7",)}, 12, 3, "3 of 12 evaluation images have a confidence below 70 %: 25.0 %"),
        ({"among": ("confidence>=0.9",), "having": ("correct",)}, 4, 2, "2 of 4 evaluation images with a confidence of at least 90 % are right"),
        ({"among": ("confidence>=90%",), "having": ("correct",)}, 4, 2, "2 of 4 evaluation images with a confidence of at least 90 % are"),
        ({"among": ("true=bathroom|kitchen",), "having": ("wrong",)}, 10, 4, "4 of 10 bathroom or kitchen images are wrong: 40.0 %"),
        ({"among": ("true=bathroom",), "having": ("cat=yes",)}, 5, 3, "3 of 5 bathroom images have cat=yes: 60.0 %"),
        ({"among": ("true=bathroom",), "having": ("predicted=kitchen", "site=north")}, 6, 2, "2 of 6 bathroom images are called kitchen and have site=north"),
        ({"among": "true=kitchen & cat=no", "having": "wrong"}, 2, 1, "1 of 2 kitchen images with cat=no is wrong: 50.0 %"),
        ({"among": ("predicted=kitchen", "true=bathroom", "wrong")}, 3, None, "3 of 11 evaluation images are wrong bathroom images that are called kitchen: 27.3 %"),
        ({"split": "pool", "among": ("predicted=kitchen",), "having": ("cat=yes",)}, 2, 1, "1 of 2 pool images that are called kitchen has cat=yes: 50.0 %"),
        ({"split": "train", "among": ("true=bathroom",), "having": ("cat=yes",)}, 2, 1, "1 of 2 training bathroom images has cat=yes: 50.0 %"),
        ({"among": ("wrong", "cat=no", "true=kitchen")}, 1, None, "1 of 11 evaluation images is a wrong kitchen image with cat=no: 9.1 %"),
        ({"among": ("wrong", "predicted=kitchen", "cat=yes")}, 2, None, "2 of 11 evaluation images are wrong and called kitchen and have cat=yes: 18.2 %"),
        ({"split": "pool"}, 3, None, "There are 3 pool images."),
        ({}, 12, None, "There are 12 evaluation images."),
    ],
)  # fmt: skip
def test_what_is_counted_is_what_a_hand_counts(
    given: dict[str, Any], images: int, counted: int | None, begins: str, tmp_path: Path
) -> None:
    made = count_images(rooms(tmp_path), **given)
    check_evidence(made)
    assert made.summary.startswith(begins), made.summary
    base, hits, share = numbers(made)
    assert (base, hits) == (images, counted)
    if counted is not None:
        assert share == pytest.approx(counted / images)
        fact = next(f for f in made.facts if f.name == "share")
        assert fact.ci == pytest.approx(wilson(counted, images)) and fact.n == images
    assert not made.findings and not made.corrections and not made.tried


def test_what_can_not_be_told_is_in_neither_number_and_said() -> None:
    made = count_images(rooms(), among=("true=bathroom",), having=("cat=yes",))
    assert numbers(made)[:2] == (5, 3)
    assert "Of 1 more bathroom images it is not known (cat): they are not counted." in made.notes
    assert any(n.startswith("Of 2 more of the evaluation images it is not known") and "true class" in n for n in made.notes)  # fmt: skip
    base = count_images(rooms(), among=("cat=yes",))
    assert base.summary.startswith("5 of 10 evaluation images have cat=yes: 50.0 %")
    assert any("Of 2 more" in n and "(cat)" in n for n in base.notes)
    neither = [count_images(rooms(), among=(f"true{op}kitchen",)) for op in ("=", "!=")]
    assert (
        sum(numbers(e)[0] for e in neither) == 10
    )  # an image without a label is of no class, and not of another either


def test_the_base_is_told_as_a_part_of_all() -> None:
    made = count_images(rooms(), among=("confidence>=0.9",), having=("correct",))
    assert "These 4 images make up 33.3 % of the 12 evaluation images." in made.summary
    assert made.fact("share_of_images", "confidence of at least 0.9").value == pytest.approx(4 / 12)
    assert made.fact("accuracy", "confidence of at least 0.9").value == 0.5
    wrong = count_images(rooms(), among=("wrong",))
    assert wrong.summary.startswith("4 of 10 evaluation images are wrong: 40.0 %")
    assert wrong.fact("error_rate").value == pytest.approx(0.4) and wrong.fact("error_rate").n == 10


@pytest.mark.parametrize(
    ("given", "rows"),
    [
        ({"among": ("wrong",), "by": "site"}, [("north", 2, 0.5), ("south", 2, 0.5)]),
        ({"having": ("wrong",), "by": "site"}, [("south", 4, 2, 0.5), ("north", 5, 2, 0.4)]),
        ({"having": ("wrong",), "by": "true"}, [("bathroom", 6, 3, 0.5), ("kitchen", 4, 1, 0.25)]),
        ({"having": ("cat=yes",), "by": "predicted"}, [("kitchen", 6, 4, 2 / 3), ("bathroom", 4, 1, 0.25)]),
        ({"among": ("true=kitchen",), "by": "outcome"}, [("right", 3, 0.75), ("wrong", 1, 0.25)]),
        ({"among": ("wrong",), "by": "house", "top": 2}, [("1", 2, 0.5), ("3", 1, 0.25)]),
    ],
)
def test_each_value_has_the_same_count(
    given: dict[str, Any], rows: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    made = count_images(rooms(tmp_path), **given)
    check_evidence(made)
    told = [(r[0], *(v for v in r[1:-1])) for r in made.tables[0].rows]
    assert [r[:-1] for r in told] == [r[:-1] for r in rows] or sorted(told) == sorted(rows)
    assert [r[-1] for r in sorted(told)] == pytest.approx([r[-1] for r in sorted(rows)])
    assert made.figures[0].title == made.tables[0].title and (tmp_path / made.figures[0].path).exists()
    assert " By " in made.summary


def test_by_class_is_by_true_class_where_no_column_is_called_so() -> None:
    made, true = (count_images(rooms(), having=("wrong",), by=by) for by in ("class", "true"))
    assert made.arguments["by"] == "class"
    assert (made.summary, made.facts, made.tables, made.notes) == (true.summary, true.facts, true.tables, true.notes)  # fmt: skip
    assert made.fact("error_rate", "class bathroom").value == 0.5
    table = FakeTable(
        np.zeros((3, 4, 4, 3), np.uint8), [0, 0, 1], CLASSES, {"class": ["first", "second", "second"]}
    )
    own = count_images(
        FakeView({"data": table}, scores={"data": one_hot(np.array([0, 1, 1]), 2)}), by="class"
    )
    assert [r[:2] for r in own.tables[0].rows] == [("second", 2), ("first", 1)]


def test_values_beyond_the_top_and_images_without_one_are_said() -> None:
    made = count_images(rooms(), by="site")
    assert made.notes == ("1 of the images that are counted have no value of site.",)
    few = count_images(rooms(), by="house", top=1)
    assert len(few.tables[0].rows) == 1 and few.tables[0].caption == "5 more values are not shown."
    measured = count_images(rooms(), by="depth")  # a number that measures is cut into ranges
    assert sum(r[1] for r in measured.tables[0].rows) == 12 and len(measured.tables[0].rows) < 6  # type: ignore[misc]
    sure = count_images(rooms(), having=("wrong",), by="confidence")
    assert sum(r[2] for r in sure.tables[0].rows) == 4  # type: ignore[misc]


def test_what_was_counted_can_be_looked_at_the_surest_first(tmp_path: Path) -> None:
    made = count_images(rooms(tmp_path), among=("wrong",))
    assert [i.row for i in made.images] == [0, 1, 8, 5]
    assert made.images[0].prediction == "kitchen" and made.images[0].label == "bathroom"
    assert (
        made.figures[-1].title == "Examples of what was counted"
        and (tmp_path / made.figures[-1].path).exists()
    )
    unseen = count_images(rooms(tmp_path), split="train", having=("cat=yes",))  # nothing was predicted there
    assert [i.row for i in unseen.images] == [0, 3, 4] and unseen.images[0].label == "bathroom"


def test_images_that_belong_together_are_counted_so() -> None:
    alone = count_images(rooms(), among=("true=bathroom",), having=("wrong",), group_by="none")
    house = count_images(rooms(), among=("true=bathroom",), having=("wrong",), group_by="house")
    share = [next(f for f in e.facts if f.name == "share") for e in (alone, house)]
    assert share[0].value == share[1].value == 0.5
    assert share[1].ci[0] < share[0].ci[0] and share[1].ci[1] > share[0].ci[1]  # type: ignore[index]
    assert "Intervals count images of the same house together." in house.notes
    assert house.arguments["group_by"] == "house"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"split": "pool", "having": ("wrong",)}, "have no labels: their true classes, and which of them"),
        ({"split": "pool", "among": ("true=kitchen",)}, "have no labels"),
        ({"split": "pool", "by": "outcome"}, "have no labels"),
        ({"split": "pool", "by": "true"}, "have no labels"),
        ({"split": "pool", "by": "class"}, "have no labels"),
        ({"split": "train", "having": ("wrong",)}, "predictions only"),
        ({"split": "train", "by": "predicted"}, "predictions only"),
        ({"split": "deploy"}, "deploy"),
        ({"among": ("true=unicorn",)}, "unicorn"),
        ({"among": ("true=bathroom|unicorn",)}, "unicorn"),
        ({"among": ("colour=red",)}, "colour"),
        ({"among": ("cat=maybe",)}, "never 'maybe'"),
        ({"among": ("cat=yes|maybe",)}, "never 'maybe'"),
        ({"among": ("cat",)}, "is not a condition"),
        ({"having": ("confidence>=90",)}, "between 0 and 1"),
        ({"having": ("confidence>=nan",)}, "between 0 and 1"),
        ({"having": ("confidence>=high",)}, "between 0 and 1"),
        ({"by": "colour"}, "no column 'colour'"),
        ({"group_by": "colour"}, "no column 'colour'"),
        ({"having": ("\x1b[31m=1",)}, "no attribute"),
    ],
)  # fmt: skip
def test_what_the_case_lacks_is_said(given: dict[str, Any], says: str) -> None:
    with pytest.raises(RetryError) as problem:
        count_images(rooms(), **given)
    assert says in str(problem.value) and "\x1b" not in str(problem.value)


def test_without_scores_nothing_is_said_of_confidence() -> None:
    for given in ({"having": ("confidence>=0.9",)}, {"by": "confidence"}):
        with pytest.raises(RetryError, match="without class probabilities"):
            count_images(rooms(has_scores=False), **given)
    made = count_images(rooms(has_scores=False), having=("wrong",))
    assert numbers(made)[:2] == (10, 4)


def test_an_empty_base_has_no_share() -> None:
    made = count_images(rooms(), among=("true=kitchen", "confidence<0.6"), having=("wrong",), by="site")
    check_evidence(made)
    assert made.summary == (
        "There are no kitchen images with a confidence below 60 %, so there is nothing to count."
    )
    assert numbers(made) == (0, 0, None) and not made.images
    nothing = count_images(rooms(), among=("confidence>0.96",))
    assert nothing.summary.startswith("0 of 12 evaluation images have a confidence above 96 %: 0.0 %")


def test_one_class_and_pictures_that_can_not_be_read() -> None:
    table = FakeTable(np.zeros((3, 4, 4, 3), np.uint8), [0, 0, 0], ("only",), {"cat": [None, None, None]})
    view = FakeView({"data": table}, scores={"data": np.ones((3, 1), np.float32)})
    made = count_images(view, having=("correct",), by="true")
    check_evidence(made)
    assert made.summary.startswith("3 of 3 evaluation images are right: 100.0 %")
    assert count_images(view, by="cat").tables[0].rows == ()
    left = count_images(rooms(bad=(0,)), among=("true=bathroom", "cat=yes"), having=("wrong",))
    assert numbers(left)[:2] == (2, 1) and any("cut short" in n for n in left.notes)


def test_a_column_called_confidence_is_a_column() -> None:
    table = FakeTable(
        np.zeros((4, 4, 4, 3), np.uint8), [0, 0, 1, 1], CLASSES, {"confidence": ["low", "low", "high", None]}
    )
    view = FakeView({"data": table}, scores={"data": one_hot(np.array([0, 1, 1, 1]), 2)})
    made = count_images(view, among=("confidence=low",), having=("wrong",))
    assert numbers(made)[:2] == (2, 1)
    assert [r[:2] for r in count_images(view, by="confidence").tables[0].rows] == [("low", 2), ("high", 1)]
    view._tables["train"] = table  # of which there are no answers, and none is asked for
    assert numbers(count_images(view, split="train", having=("confidence=low",)))[:2] == (3, 2)
    there = count_images(view, split="train", by="confidence")
    assert [r[:2] for r in there.tables[0].rows] == [("low", 2), ("high", 1)]


def test_what_is_not_both_leaves_out_only_what_is() -> None:
    view = rooms()
    # cat=yes at north: 0, 1, 6, 10; of 4 and 9 it can't be told; the other six are not both
    made = count_images(view, among=("not(cat=yes&site=north)",), having=("wrong",))
    assert numbers(made)[:2] == (5, 2)  # of the six one has no label
    assert "not cat=yes and site=north together" in made.summary
    assert numbers(count_images(view, among="not(cat=yes&site=north)"))[0] == 6
    both = count_images(view, among=("not(true=bathroom&wrong)",))
    assert numbers(both)[0] == 7  # three of the ten with a label are bathrooms that are wrong


@pytest.mark.parametrize("text", ["not()", "not(cat)", "not(not(cat=yes))", "not(cat=yes"])
def test_a_broken_denial_is_said_to_be_none(text: str) -> None:
    with pytest.raises(RetryError, match="not a condition"):
        count_images(rooms(), among=(text,))


def test_a_denial_is_one_condition_everywhere() -> None:
    assert apart("wrong&not(cat=yes&site=north)&depth>1") == ["wrong", "not(cat=yes&site=north)", "depth>1"]
    (one,) = parse_filters("not(cat=yes & site=north)")
    assert (str(one), one.attribute, [str(f) for f in one.inside]) == ("not(cat=yes&site=north)", True, ["cat=yes", "site=north"])  # fmt: skip
    assert conditions_of({one.name: in_words(one)}) == (one,)
    assert group_words({one.name: in_words(one)}) == "not cat=yes and site=north together"


def test_a_number_and_its_count_do_not_run_together() -> None:
    """``house 2: 2 of 2``, not ``2 2 of 2``; a value in words stays before its count."""
    made = count_images(rooms(), having=("correct",), by="house")
    assert " By house: house 2: 2 of 2 (100.0 %), house 4: 2 of 2" in made.summary, made.summary
    made = count_images(rooms(), having=("correct",), by="site")
    assert "north 2 of 5" in made.summary or "south 2 of 4" in made.summary, made.summary
