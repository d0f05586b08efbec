"""Further splits of a case without a model, whose tables give the model's answers too."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.tools.errors import UserError
from failsight.tools.inputs import open_black_box
from failsight.tools.inputs.answered import open_answered
from tests.inputs.pictures import class_folders

DATA = "path,label,p_cat,p_dog,p_cow\na.jpg,cat,.7,.2,.1\nb.jpg,dog,.1,.8,.1\nc.jpg,cow,.2,.2,.6\n"


def opened(folder: Path, text: str, split: Any = "deploy", data: str = DATA, **more: Any) -> Any:
    """What ``text`` gives as the table of ``split`` beside the evaluation table ``data``."""
    (folder / "data.csv").write_text(data)
    table, made = open_black_box(folder / "data.csv")
    (folder / f"{split}.csv").write_text(text)
    more = {"class_map": {}, **more}
    return open_answered(folder / f"{split}.csv", split=split, data=table, made=made, **more)


def test_probabilities_in_the_order_of_the_evaluation_table(tmp_path: Path) -> None:
    rows = "path,label,p_cow,p_cat,p_dog,site\nx.jpg,dog,.1,.3,.6,north\ny.jpg,cow,.2,.7,.1,south\n"
    table, made = opened(tmp_path, rows)
    assert made.split == "deploy" and made.has_scores and made.classes == ("cat", "dog", "cow")
    np.testing.assert_allclose(made.scores, [[0.3, 0.6, 0.1], [0.7, 0.1, 0.2]], rtol=1e-6)
    assert made.correct.tolist() == [True, False]
    assert dict(table.columns) == {"site": ["north", "south"]}
    assert any("2 of 2 deployment images are not at hand" in n for n in table.notes)


def test_labels_need_not_be_there_and_unknown_ones_are_said(tmp_path: Path) -> None:
    table, made = opened(tmp_path, "path,prediction\nx,dog\ny,cow\n")
    assert made.labels.tolist() == [-1, -1] and made.predicted.tolist() == [1, 2] and not made.left_out
    assert any("has decided classes only" in n for n in table.notes)
    table, made = opened(tmp_path, "path,label,prediction\nx,,dog\ny,owl,cow\nz,cat,cat\n")
    assert made.labels.tolist() == [-1, -1, 0] and [u.label for u in table.unmatched] == ["owl"]
    table, made = opened(tmp_path, "path,label,prediction\nx,owl,dog\nz,cat,cat\n", class_map={"owl": ""})
    assert made.labels.tolist() == [0] and [one.path for one in table.left_out] == ["x"]


def test_the_labels_of_a_pool_are_not_looked_at_and_training_needs_them(tmp_path: Path) -> None:
    assert opened(tmp_path, "path,label,prediction\nx,cat,dog\n", "pool")[1].labels.tolist() == [-1]
    table, made = opened(tmp_path, "path,label,prediction\nx,cat,dog\ny,,dog\n", "train")
    assert made.labels.tolist() == [0] and [one.reason for one in table.left_out] == ["it has no label"]
    with pytest.raises(UserError, match="no column named label"):
        opened(tmp_path, "path,prediction\nx,cat\n", "train")


def test_rows_without_a_usable_answer_are_listed(tmp_path: Path) -> None:
    rows = "path,label,prediction\nx,cat,cat\ny,dog,owl\nz,,\n"
    _, made = opened(tmp_path, rows)
    assert len(made) == 1
    assert {one.path: (one.reason, one.label) for one in made.left_out} == {
        "y": ("its prediction owl is no known class", 1),
        "z": ("it has no prediction", -1),
    }
    _, made = opened(tmp_path, "path,p_cat,p_dog,p_cow\nx,.5,.3,.2\ny,.5,.3,.9\nz,.2,.2,.6\n")
    assert [one.reason for one in made.left_out] == ["its scores are not between 0 and 1 with sum 1"]


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("path,label,p_cat,p_dog\nx,cat,.6,.4\n", "no probabilities for cow, and has them for 2 other"),
        ("path,label,prediction,p_cat,p_dog\nx,cat,cat,.6,.4\n", "no probabilities for cow"),
        ("path,label,p_cat,p_dog,p_cow,p_owl\nx,cat,.5,.1,.1,.3\n", "probabilities for owl too"),
        ("path,prediction\nx,owl\ny,fox\n", r"\(fox and owl\) name none of the classes of the evaluation"),
        ("path,prediction,split\nx,cat,a\ny,dog,b\n", "several splits"),
        ("file_of_it,prediction\n1,cat\n", "no column named path"),
    ],
)
def test_answers_of_another_model_are_refused(rows: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words):
        opened(tmp_path, rows)


def test_other_numbers_called_like_probabilities_are_attributes(tmp_path: Path) -> None:
    table, _ = opened(tmp_path, "path,p_cat,p_dog,p_cow,p_value\nx,.6,.3,.1,.3\ny,.2,.3,.5,.4\n")
    assert dict(table.columns) == {"p_value": [0.3, 0.4]}


@pytest.mark.parametrize(
    "rows", ["path,label,site\nx,cat,a\n", "path,label,prediction\nx,cat,\n", "path,score\nx,.3\n"]
)
def test_a_table_without_answers_is_one_of_pictures(rows: str, tmp_path: Path) -> None:
    assert opened(tmp_path, rows) is None


def test_a_folder_of_pictures_is_no_table_and_one_with_a_manifest_is(tmp_path: Path) -> None:
    folder = class_folders(tmp_path / "d", each=2)
    (tmp_path / "data.csv").write_text(DATA)
    table, made = open_black_box(tmp_path / "data.csv")
    more: Any = {"split": "deploy", "data": table, "made": made, "class_map": {}}
    assert open_answered(folder, **more) is None
    (folder / "manifest.csv").write_text("path,prediction\nred/000.png,cat\n")
    found = open_answered(folder, **more)
    assert found is not None and found[0].open(0).size == (16, 16) and len(found[1]) == 1


def test_one_table_for_both_by_its_split(tmp_path: Path) -> None:
    rows = "path,label,prediction,split\na,cat,cat,test\nb,dog,cat,test\nc,dog,dog,deploy\nd,cat,dog,deploy\n"
    (tmp_path / "all.csv").write_text(rows)
    table, made = open_black_box(tmp_path / "all.csv")
    more: Any = {"split": "deploy", "data": table, "made": made, "class_map": {}}
    found = open_answered(tmp_path / "all.csv", **more)
    assert found is not None and list(found[0].paths) == ["c", "d"]
    assert found[1].correct.tolist() == [True, False]
    assert not any("among the evaluation images" in n for n in found[0].notes)


def test_images_of_the_evaluation_are_noticed(tmp_path: Path) -> None:
    table, _ = opened(tmp_path, "path,prediction\na.jpg,cat\nnew.jpg,dog\n")
    assert any("1 of 2 deployment images is among the evaluation images, too" in n for n in table.notes)


def test_one_probability_of_two_classes_is_enough(tmp_path: Path) -> None:
    two = "path,label,p_ill,p_well\na,ill,.8,.2\nb,well,.3,.7\n"
    _, made = opened(tmp_path, "path,p_ill\nx,.9\ny,.2\n", data=two)
    assert made.has_scores and made.predicted.tolist() == [0, 1]


def test_thresholds_decide_there_too(tmp_path: Path) -> None:
    _, made = opened(tmp_path, "path,p_cat,p_dog,p_cow\nx,.3,.6,.1\n", thresholds={"cat": 0.25})
    assert made.predicted.tolist() == [0]
    with pytest.raises(UserError, match="decided classes only"):
        opened(tmp_path, "path,prediction\nx,cat\n", thresholds={"cat": 0.25})
