"""Which class is answered: the largest score, thresholds, or what a table says outright."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from failsight.tools.engine import predict
from failsight.tools.errors import UserError
from failsight.tools.inputs import open_black_box, open_images, open_model
from failsight.tools.inputs.base import Predictions
from failsight.tools.inputs.decisions import decide, decide_one, lead, named_thresholds, thresholds_of
from failsight.tools.inputs.models.variant import with_preprocessing
from tests.inputs import nets
from tests.inputs.pictures import class_folders

SCORES = np.array([[0.25, 0.75], [0.2, 0.8], [0.19, 0.81], [0.6, 0.4]], np.float32)


@pytest.mark.parametrize(
    ("rule", "answers"),
    [
        ((), [1, 1, 1, 0]),
        ((None, None), [1, 1, 1, 0]),
        (
            (0.2, None),
            [0, 0, 1, 0],
        ),  # the usual operating point of two classes; a score at the threshold reaches it
        ((0.7, None), [1, 1, 1, 1]),
        ((None, 0.8), [0, 1, 1, 0]),
        ((0.2, 0.8), [0, 0, 1, 0]),  # both reach it in the second: 0.2/0.2 = 0.8/0.8, the first class
        ((0.9, 0.9), [1, 1, 1, 0]),  # none reaches: the largest ratio
    ],
)
def test_two_classes(rule: tuple[float | None, ...], answers: list[int]) -> None:
    assert decide(SCORES, rule).tolist() == answers


def test_many_classes() -> None:
    scores = np.array([[0.5, 0.3, 0.2], [0.5, 0.1, 0.4], [0.3, 0.25, 0.45], [0.5, 0.45, 0.05]])
    assert decide(scores, (None, 0.2, None)).tolist() == [1, 0, 1, 1]
    assert decide(scores, (None, 0.2, 0.1)).tolist() == [2, 2, 2, 1]  # 0.3/0.2 against 0.2/0.1
    assert decide(scores, (0.9, None, None)).tolist() == [
        1,
        2,
        2,
        1,
    ]  # not reached: the largest of the others


def test_any_shape_and_hostile_scores() -> None:
    assert decide(np.stack([SCORES, SCORES]), (0.2, None)).shape == (2, 4)
    assert decide(np.zeros((0, 3)), (0.2, None, None)).shape == (0,)
    assert decide_one(SCORES[0], (0.2, None)) == 0
    assert decide(np.array([[0.7, 0.3]]), (0.7, None)).tolist() == [0]  # 0.7 is no float32, on either side
    assert set(decide(np.array([[np.nan, np.nan], [np.inf, 0]]), (0.2, None)).tolist()) <= {0, 1}
    with pytest.raises(ValueError, match="1 thresholds for 2 classes"):
        decide(SCORES, (0.2,))


def test_the_lead_says_the_same_as_the_decision() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        k = int(rng.integers(2, 6))
        scores = rng.dirichlet(np.ones(k), 40)
        rule = tuple(float(t) if rng.random() < 0.5 else None for t in rng.uniform(0.05, 0.95, k))
        made = decide(scores, rule)
        for c in range(k):
            gap = lead(scores, c, rule)
            sure = np.abs(gap) > 1e-5
            assert (gap[sure] > 0).tolist() == (made[sure] == c).tolist()


@pytest.mark.parametrize("value", [0, -0.1, 1.01, "x", "", None, True, float("nan"), float("inf"), [0.2]])
def test_what_is_no_threshold(value: object) -> None:
    with pytest.raises(UserError, match="above 0 and at most 1"):
        named_thresholds({"cat": value}, ("cat", "dog"))


def test_names_of_thresholds() -> None:
    assert named_thresholds({"CAT": "0.2"}, ("cat", "dog")) == {"cat": 0.2}
    with pytest.raises(UserError, match="owl, which is no class") as found:
        named_thresholds({"owl": 0.2}, ("cat", "dog"))
    assert "cat and dog" in str(found.value.hint)
    with pytest.raises(UserError, match="Two thresholds"):
        named_thresholds({"cat": 0.2, "Cat": 0.3}, ("cat", "dog"))


def test_the_score_of_the_class_answered_is_the_confidence() -> None:
    made = Predictions(
        "data", ("a", "b"), np.arange(4), np.zeros(4, np.int64), SCORES, thresholds=(0.2, None)
    )
    assert made.predicted.tolist() == [0, 0, 1, 0]
    np.testing.assert_allclose(made.confidence, [0.25, 0.2, 0.81, 0.6])
    assert made.otherwise.tolist() == [True, True, False, False]
    outright = Predictions(
        "data", ("a", "b"), np.arange(4), np.zeros(4, np.int64), SCORES, answers=np.array([1, 0, 0, 0])
    )
    np.testing.assert_allclose(outright.confidence, [0.75, 0.2, 0.19, 0.6])
    half = outright.part(np.array([False, True, True, False]))
    assert half.predicted.tolist() == [0, 0] and half.rows.tolist() == [1, 2]
    with pytest.raises(ValueError, match="answers for 4 rows"):
        Predictions("data", ("a", "b"), np.arange(4), np.zeros(4, np.int64), SCORES, answers=np.array([1]))


# --- tables of predictions ---------------------------------------------------------------------------------------------


def table(folder: Path, *rows: str, header: str = "path,label,prediction,p_ill,p_well") -> Path:
    path = folder / "p.csv"
    path.write_text("\n".join([header, *rows, ""]))
    return path


ROWS = ("a,ill,ill,.3,.7", "b,well,well,.1,.9", "c,well,ill,.25,.75", "d,ill,ill,.8,.2", "e,ill,well,.05,.95")


def test_the_prediction_of_a_table_counts_beside_its_scores(tmp_path: Path) -> None:
    images, made = open_black_box(table(tmp_path, *ROWS))
    assert made.predicted.tolist() == [0, 1, 0, 0, 1]
    assert made.has_scores and made.correct.tolist() == [True, True, False, True, False]
    np.testing.assert_allclose(made.confidence, [0.3, 0.9, 0.25, 0.8, 0.95])
    (note,) = [n for n in images.notes if "column prediction" in n]
    assert "in 2 of 5 rows it is not the class with the largest score" in note and "is 0.25." in note


def test_a_prediction_that_is_the_largest_score_changes_nothing(tmp_path: Path) -> None:
    plain = [row.replace(",ill,ill,.3", ",ill,well,.3").replace("c,well,ill", "c,well,well") for row in ROWS]
    with_, made = open_black_box(table(tmp_path, *plain, "f,ill,well,.5,.5"))
    assert made.answers is None and not made.otherwise.any()  # a tie is no other answer
    assert not [n for n in with_.notes if "column prediction" in n]
    bare = [",".join(row.split(",")[:2] + row.split(",")[3:]) for row in (*plain, "f,ill,well,.5,.5")]
    without, _ = open_black_box(table(tmp_path, *bare, header="path,label,p_ill,p_well"))
    assert with_.fingerprint == without.fingerprint


def test_other_answers_are_other_data(tmp_path: Path) -> None:
    first, _ = open_black_box(table(tmp_path, *ROWS))
    second, _ = open_black_box(table(tmp_path, *ROWS[:-1], "e,ill,ill,.05,.95"))
    assert first.fingerprint != second.fingerprint


def test_rows_without_a_prediction_and_words_that_are_no_class(tmp_path: Path) -> None:
    images, made = open_black_box(table(tmp_path, *ROWS, "f,ill,,.9,.1", "g,well,unsure,.5,.5"))
    assert made.predicted.tolist() == [0, 1, 0, 0, 1, 0]
    assert any(
        "1 of 6 rows have no prediction; there the class with the largest score" in n for n in images.notes
    )
    (out,) = made.left_out
    assert out.path == "g" and "unsure is no known class" in out.reason


def test_a_prediction_in_other_words_is_not_used_and_that_is_said(tmp_path: Path) -> None:
    coded = [row.replace(",ill,.", ",1,.").replace(",well,.", ",0,.") for row in ROWS]
    images, made = open_black_box(table(tmp_path, *coded))
    assert made.answers is None and made.predicted.tolist() == [1, 1, 1, 0, 1]
    assert any("names no class (0 and 1)" in n and "largest score counts" in n for n in images.notes)


def test_thresholds_decide_over_the_table(tmp_path: Path) -> None:
    path = table(tmp_path, *ROWS)
    images, made = open_black_box(path, thresholds={"Ill": 0.28})
    assert made.thresholds == (0.28, None)
    assert made.predicted.tolist() == [0, 1, 1, 0, 1]
    assert any("says otherwise in 1 of 5 rows" in n for n in images.notes)
    assert images.fingerprint != open_black_box(path, thresholds={"ill": 0.2})[0].fingerprint
    with pytest.raises(UserError, match="owl"):
        open_black_box(path, thresholds={"owl": 0.2})
    bare = [",".join(row.split(",")[:3]) for row in ROWS]
    with pytest.raises(UserError, match="needs class probabilities"):
        open_black_box(table(tmp_path, *bare, header="path,label,prediction"), thresholds={"ill": 0.2})


# --- models ------------------------------------------------------------------------------------------------------------


def saved(folder: Path, **more: object) -> Path:
    import torch

    folder.mkdir(exist_ok=True)
    nets.write_side(folder)
    (side,) = folder.glob("*.json")
    side.write_text(json.dumps({**json.loads(side.read_text()), **more}))
    torch.jit.script(nets.network()).save(folder / "m.pt")
    return folder / "m.pt"


def test_thresholds_of_a_side_file_decide_the_answers(tmp_path: Path) -> None:
    plain = open_model(saved(tmp_path / "a"))
    name = plain.classes[0]
    model = open_model(saved(tmp_path / "b", thresholds={name.upper(): 1e-4}))
    assert model.thresholds == {name: 1e-4} and thresholds_of(model) == (1e-4, None, None)
    assert model.fingerprint != plain.fingerprint
    again = open_model(tmp_path / "a" / "m.pt", thresholds={name: 1e-4})
    assert again.thresholds == model.thresholds and again.fingerprint != plain.fingerprint
    over = open_model(tmp_path / "b" / "m.pt", thresholds={plain.classes[1]: 0.5})
    assert over.thresholds == {plain.classes[1]: 0.5}  # in place of all of the side file
    images = open_images(class_folders(tmp_path / "d", names=plain.classes))
    first, second = predict(images, plain), predict(images, model)
    np.testing.assert_array_equal(first.scores, second.scores)
    assert (second.predicted == np.where(second.scores[:, 0] >= 1e-4, 0, first.predicted)).all()
    assert second.otherwise.any()


def test_thresholds_follow_names_through_other_ways_to_feed(tmp_path: Path) -> None:
    model = open_model(saved(tmp_path / "a", thresholds={nets.CLASSES[2]: 0.2}))
    fed = with_preprocessing(model, model.preprocessing)
    assert thresholds_of(fed) == (None, None, 0.2)
    fed.classes = nets.CLASSES[::-1]  # outputs named otherwise, as a restated version has them
    assert thresholds_of(fed) == (0.2, None, None)


@pytest.mark.parametrize("bad", [0.2, [0.2], {"x": "much"}, {"x": 0}, {"x": 2}, {"x": True}, {"x": None}])
def test_side_files_with_thresholds_that_are_none(bad: object, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="threshold"):
        open_model(saved(tmp_path / "a", thresholds=bad))
