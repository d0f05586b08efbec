"""attribute_check: accuracy by hand, weighted back; an answer key; what fails the check confirms nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.tools.attribute_check import _value, attribute_check
from failsight.tools.attributes.check_report import neither
from failsight.tools.attributes.checking import draw, judge, strata
from failsight.tools.attributes.definitions import Definition
from failsight.tools.edit_attributes import edit_attributes
from failsight.tools.errors import RetryError
from failsight.tools.stats.intervals import wilson
from tests.fakes.attributes import FakeSource, white_square
from tests.fakes.case import television_world
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec


def world(wrong_rate: float = 0.0, n: int = 200, folder: Path | None = None) -> FakeView:
    """The attribute ``screen`` says what the column ``television`` says, but for a share of the images."""
    table, model = television_world(n)
    view = FakeView({"data": table}, model, folder=folder)
    flips = np.random.default_rng(5).random(n) < wrong_rate
    at = iter(range(n))

    def rule(picture: np.ndarray) -> tuple[str | None, float]:
        said, sure = white_square(picture)
        return ("no" if said == "yes" else "yes", 0.3) if flips[next(at)] else (said, sure)

    view.given_sources["zero_shot"] = FakeSource("zero_shot", {"screen": rule})
    view.define(Definition("screen", "zero_shot", "screen", ("yes", "no")), action="proposed")
    view.attributes()
    return view


def answers_for(view: FakeView, made: Any) -> dict[str, str]:
    return {i.path: str(view.table().columns["television"][i.row]) for i in made.images}


def test_its_arguments_are_described_and_bounded() -> None:
    check_spec(attribute_check)


def test_the_handful_is_drawn_over_values_and_sureness_and_leads_nobody(tmp_path: Path) -> None:
    view = world(folder=tmp_path)
    made = attribute_check(view, "screen", n=20)
    check_evidence(made)
    assert len(made.images) == 20 == len(made.tables[0].rows)
    shown = [view.attributes().columns["screen"][i.row] for i in made.images]
    assert shown.count("yes") == 10
    assert all(not i.label and not i.prediction and i.caption.isdigit() for i in made.images)
    assert "screen: yes" not in made.text() and (tmp_path / made.figures[0].path).is_file()
    assert [i.row for i in attribute_check(view, "screen", n=20).images] == [i.row for i in made.images]
    assert [a for a, _ in view.changes] == ["proposed"]


def test_a_right_attribute_passes_and_the_check_is_kept() -> None:
    view = world()
    made = attribute_check(view, "screen", answers=answers_for(view, attribute_check(view, "screen", n=40)))
    check_evidence(made)
    assert made.fact("accuracy", "attribute screen").value == 1
    assert made.fact("accuracy", "attribute screen").ci[0] > 0.85  # type: ignore[index]
    check = view.definitions()[0].check
    assert check is not None and (check.n, check.right, check.by) == (40, 40, "a person")
    assert "It may be used." in made.summary
    assert view.changes[-1][0] == "checked"
    assert view.attributes().unusable == {}


def test_a_wrong_attribute_is_not_used_any_more() -> None:
    view = world(0.4)
    made = attribute_check(view, "screen", answers=answers_for(view, attribute_check(view, "screen", n=60)))
    check_evidence(made)
    assert made.fact("accuracy", "attribute screen").value < 0.8
    assert "not used to find or confirm anything" in made.summary
    assert "screen" in view.attributes().unusable
    assert not view.definitions()[0].trusted
    assert next(t for t in made.tables if t.title == "Taken for").rows


def test_an_answer_key_gives_the_accuracy_counted_by_hand() -> None:
    view = world(0.25)
    made = attribute_check(view, "screen", key_column="television")
    check_evidence(made)
    said = view.attributes().columns["screen"]
    truth = np.array(view.table().columns["television"])
    right = int((said == truth).sum())
    fact = made.fact("accuracy", "attribute screen")
    assert fact.value == pytest.approx(right / 200)
    assert fact.n == 200
    assert fact.ci == pytest.approx(wilson(right, 200), abs=0.01)
    hits = int(((said == "yes") & (truth == "yes")).sum())
    assert made.fact("precision", "slice screen=yes").value == pytest.approx(hits / (said == "yes").sum())
    assert made.fact("recall", "slice screen=yes").value == pytest.approx(hits / (truth == "yes").sum())
    assert view.definitions()[0].check.by == "column television"  # type: ignore[union-attr]


def test_a_rare_value_that_is_always_wrong_weighs_as_much_as_it_occurs() -> None:
    """90 of 100 say no (all right), 10 say yes (all wrong): right in 90 %, although half of the handful is wrong."""
    said = np.array([0] * 90 + [1] * 10)
    groups = strata(said, None)
    looked = draw(groups, 20, 0)
    assert np.bincount(said[looked]).tolist() == [10, 10]
    made = judge(said, groups, looked, np.zeros(20, np.int64), 2)
    assert made.right == 10
    assert made.accuracy == pytest.approx(0.9)
    assert made.guess == pytest.approx(1.0)
    assert made.values[1].precision == 0 and made.values[0].precision == 1
    assert made.values[0].recall == pytest.approx(0.9)
    low, high = made.values[0].recall_ci
    assert low < 0.9 < high and made.values[0].shown == 20


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(200):
        said = (rng.random(600) < 0.15).astype(np.int64)
        sure = rng.random(600).astype(np.float32)
        wrong = rng.random(600) < np.where(said == 1, 0.4, 0.1) * (1.5 - sure)
        groups = strata(said, sure)
        looked = draw(groups, 60, seed)
        made = judge(said, groups, looked, np.where(wrong, 1 - said, said)[looked], 2)
        covered += made.ci[0] <= 1 - wrong.mean() <= made.ci[1]
    assert covered >= 184


def test_values_that_differ_only_in_case_or_hidden_letters_are_told_apart() -> None:
    assert _value("A", ["a", "A"]) == 1 and _value("a", ["a", "A"]) == 0
    assert _value("wet", ["dry", "w\u202eet"]) == 1
    assert _value("unknown", ["dry", "unknown"]) == 1
    assert neither(["None", "other"]) == "none of them" and _value("none of them", ["None", "other"]) == 2


def test_too_small_a_handful_is_said() -> None:
    view = world()
    form = attribute_check(view, "screen", n=6)
    made = attribute_check(view, "screen", answers=answers_for(view, form))
    assert "too small" in made.summary
    assert view.definitions()[0].trusted


def test_no_better_than_always_saying_the_most_frequent_value() -> None:
    table = FakeTable(
        np.zeros((50, 2, 2, 3), np.uint8),
        [0] * 50,
        ("a",),
        {"guess": ["no"] * 49 + ["yes"], "key": ["no"] * 50},
    )
    view = FakeView({"data": table}, scores={"data": np.ones((50, 1))})
    made = attribute_check(view, "guess", key_column="key")
    assert any("Always giving the most frequent value" in n for n in made.notes)


def test_answers_may_be_unsure_or_none_of_the_values_and_key_columns_may_be_numbers() -> None:
    view = world()
    paths = [i.path for i in attribute_check(view, "screen", n=8).images]
    answers = dict.fromkeys(paths, "?") | {paths[0]: "neither", paths[1]: " YES "}
    made = attribute_check(view, "screen", answers=answers)
    assert made.fact("accuracy", "attribute screen").n == 2
    assert any("6 answers were unsure" in n for n in made.notes)
    view.table().columns["key"] = [1.0 if v == "yes" else 0.0 for v in view.table().columns["television"]]
    assert attribute_check(view, "screen", key_column="key").fact("accuracy", "attribute screen").value == 1
    view.table().columns["flag"] = [v == "yes" for v in view.table().columns["television"]]
    assert attribute_check(view, "screen", key_column="Flag").fact("accuracy", "attribute screen").value == 1


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"attribute": "door"}, "no attribute 'door'"),
        ({"answers": {"elsewhere.png": "yes"}}, "no image 'elsewhere.png'"),
        ({"answers": {"img_00001.png": "perhaps"}}, "no value of screen. Choose from: .*none"),
        ({"answers": {}}, "no answer to compare"),
        ({"answers": {"img_00001.png": "?"}}, "no answer to compare"),
        ({"key_column": "door"}, "no column 'door'"),
        ({"key_column": "screen"}, "no column"),
        ({"answers": {}, "key_column": "television"}, "not both"),
        ({"split": "deploy"}, "deploy"),
    ],
)
def test_a_refusal_is_one_sentence(more: dict[str, Any], sentence: str) -> None:
    view = world(n=40)
    view.define(Definition("other", "metadata", "other", dropped=True), action="drop")
    before = len(view.changes)
    with pytest.raises(RetryError, match=sentence):
        attribute_check(view, **{"attribute": "screen", **more})
    assert len(view.changes) == before


def test_a_key_with_other_values_is_refused_and_a_partly_foreign_one_counts_as_wrong() -> None:
    view = world(n=40)
    view.table().columns["colour"] = ["green"] * 40
    with pytest.raises(RetryError, match="holds other values \\(green\\)"):
        attribute_check(view, "screen", key_column="colour")
    view.table().columns["key"] = ["perhaps", *view.table().columns["television"][1:]]
    made = attribute_check(view, "screen", key_column="key")
    assert made.fact("accuracy", "attribute screen").value == pytest.approx(39 / 40)
    assert any("the column says perhaps" in n for n in made.notes)


def test_images_without_a_value_and_corrupt_ones_are_not_judged() -> None:
    view = world(n=60)
    view.table().bad = {0}
    view.given_sources["zero_shot"] = FakeSource(
        "zero_shot", {"screen": lambda p: (None, 0.0) if p[0, 0, 0] % 2 else ("yes", 0.5)}
    )
    view._cache.clear()
    form = attribute_check(view, "screen", n=10)
    assert all(i.row != 0 for i in form.images)
    made = attribute_check(view, "screen", answers=dict.fromkeys([i.path for i in form.images], "yes"))
    assert any("have no value and are not judged" in n for n in made.notes)


def test_a_number_or_a_column_of_unique_texts_is_refused() -> None:
    view = world(n=80)
    view.table().columns["age"] = [i + 0.5 for i in range(80)]
    with pytest.raises(RetryError, match="80 different values"):
        attribute_check(view, "age")


def test_after_a_rename_the_check_still_holds() -> None:
    view = world(0.4)
    attribute_check(view, "screen", key_column="television")
    edit_attributes(view, "rename", "screen", to="display")
    assert "display" in view.attributes().unusable
