"""A model known by its predictions alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from failsight.tools.errors import UserError
from failsight.tools.inputs import open_black_box
from failsight.tools.inputs.base import BadImage
from tests.inputs.pictures import class_folders


def write(path: Path, header: str, *rows: str) -> Path:
    path.write_text("\n".join([header, *rows, ""]))
    return path


def test_predicted_classes_with_attributes(tmp_path: Path) -> None:
    path = write(
        tmp_path / "p.csv",
        "path,label,prediction,light",
        "a.jpg,cat,cat,dim",
        "b.jpg,dog,cat,bright",
        "c.jpg,dog,dog,dim",
    )
    table, made = open_black_box(path)
    assert table.classes == made.classes == ("cat", "dog")
    assert not made.has_scores
    assert made.scores.tolist() == [[1, 0], [1, 0], [0, 1]]
    assert made.correct.tolist() == [True, False, True]
    assert table.columns == {"light": ["dim", "bright", "dim"]}
    assert table.format == "predictions"
    assert any("3 of 3 images are not at hand" in note for note in table.notes)
    with pytest.raises(BadImage, match=r"missing"):
        table.open(0)


@pytest.mark.parametrize("prefix", ["", "p_", "prob_"])
def test_probabilities(prefix: str, tmp_path: Path) -> None:
    header = f"path,label,{prefix}dog,{prefix}Cat,{prefix}cow,age"
    path = write(
        tmp_path / "p.csv", header, "a,cat,0.2,0.7,0.1,3", "b,dog,0.5,0.4,0.1,4", "c,cow,0.5,0.4,0.1,5"
    )
    table, made = open_black_box(path)
    assert made.has_scores
    assert [name.lower() for name in made.classes] == ["dog", "cat", "cow"]
    np.testing.assert_allclose(made.scores[1], [0.5, 0.4, 0.1], rtol=1e-6)
    assert made.correct.tolist() == [True, True, False]
    assert list(table.columns) == ["age"]


def test_a_class_that_no_image_has_is_still_a_class(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", "path,label,p_cat,p_dog,p_cow", "a,cat,.6,.3,.1", "b,dog,.1,.8,.1")
    assert open_black_box(path)[1].classes == ("cat", "dog", "cow")


def test_classes_in_the_order_wanted(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", "path,label,prediction", "a,cat,dog", "b,dog,dog")
    table, made = open_black_box(path, classes=("Dog", "Cow", "Cat"))
    assert made.classes == ("Dog", "Cow", "Cat")
    assert table.labels.tolist() == [2, 0]
    assert made.predicted.tolist() == [0, 0]


def test_unusable_rows_are_listed_each_in_its_place(tmp_path: Path) -> None:
    rows = [
        "a,cat,.6,.4",
        "b,dog,nan,.5",
        "c,dog,.1,.1",
        "d,,.5,.5",
        "e,dog,,",
        "f,dog,.3,.7",
        "g,owl,.5,.5",
        "h,cat,inf,0",
    ]
    table, made = open_black_box(
        write(tmp_path / "p.csv", "path,label,p_cat,p_dog", *rows), classes=("cat", "dog")
    )
    assert table.paths == ["a", "f"]
    assert {i.path: i.reason for i in table.left_out} == {
        "d": "it has no label",
        "g": "its label owl is not a class of the model",
    }
    assert [i.path for i in made.left_out] == ["b", "c", "e", "h"]
    assert "not finite" in made.left_out[0].reason
    assert "sum 1" in made.left_out[1].reason
    assert len(made) == len(table) == 2


def test_logits_go_through_softmax_and_it_is_said(tmp_path: Path) -> None:
    table, made = open_black_box(write(tmp_path / "p.csv", "path,label,cat,dog", "a,cat,5,-1", "b,dog,1,3"))
    np.testing.assert_allclose(made.scores.sum(1), 1, rtol=1e-6)
    np.testing.assert_allclose(made.scores[1, 1], 1 / (1 + np.exp(-2)), rtol=1e-5)
    assert any("softmax" in note for note in table.notes)


def test_images_are_opened_where_they_exist(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "d", each=2)
    path = write(tmp_path / "p.csv", "path,label,prediction", "red/000.png,red,red", "blue/001.png,blue,red")
    table, _ = open_black_box(path, root=root)
    assert table.open(1).size == (16, 16)
    assert table.sizes.tolist() == [[16, 16]] * 2
    assert not table.notes


def test_unknown_predictions_and_the_class_map(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", "path,label,prediction", "a,puss,cat", "b,dog,dog", "c,dog,?")
    _, made = open_black_box(path, class_map={"puss": "cat"}, classes=("cat", "dog"))
    assert made.correct.tolist() == [True, True]
    assert made.left_out[0].reason == "its prediction ? is no known class"


@pytest.mark.parametrize(
    ("header", "row", "words"),
    [
        ("where,label,prediction", "a,b,c", r"no column named path"),
        ("path,kind,prediction", "a,b,c", r"no column named label"),
        ("path,label,guess", "a,b,c", r"no column named prediction"),
        ("path,label,prediction", "a,b,b", r"one class only"),
    ],
)
def test_sentences_for_a_person(header: str, row: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=words):
        open_black_box(write(tmp_path / "p.csv", header, row))
    with pytest.raises(UserError, match=r"does not exist"):
        open_black_box(tmp_path / "none.csv")


def test_the_fingerprint_follows_the_scores(tmp_path: Path) -> None:
    prints = set()
    for score in (".6,.4", ".7,.3"):
        path = write(tmp_path / "p.csv", "path,label,p_cat,p_dog", f"a,cat,{score}", "b,dog,.1,.9")
        prints.add(open_black_box(path)[0].fingerprint)
    assert len(prints) == 2


def test_parquet_and_a_split(tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = {
        "path": list("abcd"),
        "label": ["x", "y"] * 2,
        "prediction": ["x"] * 4,
        "split": ["train", "train", "test", "test"],
    }
    pq.write_table(pa.table(columns), tmp_path / "p.parquet")
    assert open_black_box(tmp_path / "p.parquet")[0].paths == ["c", "d"]


SCRIPT = """,filename,true_label,predicted,softmax(living room),softmax(cat),softmax(dog),confidence,correct,camera
0,a.jpg,cat,cat,.1,.6,.3,.6,True,A
1,b.jpg,living room,dog,.2,.3,.5,.5,False,B
2,c.jpg,Cow,dog,.2,.3,.5,.5,False,B
3,d.jpg,Cat,cat,.1,.6,.3,.6,True,A
"""


def test_a_table_as_scripts_write_it_is_read_and_said(tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text(SCRIPT)
    table, made = open_black_box(tmp_path / "out.csv")
    assert made.has_scores and made.correct.tolist() == [True, False, True]
    assert table.classes == ("living room", "cat", "dog")
    assert list(table.paths) == ["a.jpg", "b.jpg", "d.jpg"]
    assert table.left_out[0].reason == "its label Cow is not a class of the model"
    assert list(table.columns) == ["camera"]  # neither the answers nor the row numbers are attributes
    said = " ".join(table.notes)
    assert "filename is read as path, true_label is read as label and predicted is read as prediction" in said
    assert "confidence and correct repeat what the model answered" in said
    assert "column 1 only numbers the rows" in said


def test_a_class_map_finds_the_columns_of_its_classes(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", "path,label,p_Frontyard,p_Kitchen", "a,frontal,.9,.1", "b,Kitchen,.2,.8")
    table, made = open_black_box(path, class_map={"frontal": "Frontyard"})
    assert (
        made.has_scores
        and table.classes == ("Frontyard", "Kitchen")
        and made.correct.tolist() == [True, True]
    )
