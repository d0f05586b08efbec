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


ANSWERS = ("img/a.png,cat", "img/b.png,dog", "img/c.png,cat")


def test_labels_from_a_manifest_beside_the_answers(tmp_path: Path) -> None:
    """By path, with the manifest's attributes and boxes; what either lacks is said."""
    (tmp_path / "photos").mkdir()
    answers = write(tmp_path / "answers.csv", "file,pred", *ANSWERS, "img/new.png,dog")
    manifest = write(
        tmp_path / "photos" / "list.csv", "path,label,site", "img/c.png,dog,B", "img/a.png,cat,A", "img/b.png,dog,A", "img/d.png,dog,B",
    )  # fmt: skip
    table, made = open_black_box(answers, root=manifest)
    assert table.paths == ["img/a.png", "img/b.png", "img/c.png"]
    assert made.correct.tolist() == [True, True, False]
    assert table.columns == {"site": ["A", "A", "B"]}
    assert table.root == tmp_path / "photos"
    notes = " ".join(table.notes)
    assert "3 have their labels from list.csv" in notes and "1 rows of answers.csv are no picture" in notes
    assert "1 of the 4 pictures in list.csv have no prediction" in notes
    assert [item.path for item in table.left_out] == ["img/new.png"]


def test_labels_from_class_folders_whatever_part_of_the_path_the_answers_name(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "photos", 2, ("cat", "dog"))
    files = sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())
    assert len(files) == 4
    for given in (
        files,
        [f"photos/{f}" for f in files],
        [f.rpartition(".")[0] for f in files],
        [str(root / f) for f in files],
    ):
        answers = write(tmp_path / "answers.csv", "path,prediction", *(f"{f},cat" for f in given))
        table, made = open_black_box(answers, root=root)
        assert made.correct.tolist() == [f.startswith("cat") for f in files]
        assert not any("not at hand" in note for note in table.notes)
        assert table.open(0) is not None


def test_no_label_is_guessed_for_a_path_that_may_be_two_pictures_or_another(tmp_path: Path) -> None:
    manifest = write(tmp_path / "m.csv", "path,label", "cat/1.png,cat", "dog/1.png,dog", "dog/2.png,dog")
    answers = write(tmp_path / "answers.csv", "path,prediction", "1.png,cat", "2.png,cat", "bird/2.png,dog")
    table, made = open_black_box(answers, root=manifest)
    assert table.paths == ["dog/2.png"] and made.correct.tolist() == [False]
    assert {item.path for item in table.left_out} == {"1.png", "bird/2.png"}


def test_a_table_with_labels_keeps_them_beside_a_manifest(tmp_path: Path) -> None:
    manifest = write(tmp_path / "m.csv", "path,label,site", "a.png,dog,A", "b.png,cat,B")
    answers = write(
        tmp_path / "answers.csv", "path,label,prediction,site", "a.png,cat,cat,x", "b.png,dog,cat,y"
    )
    table, made = open_black_box(answers, root=manifest)
    assert made.correct.tolist() == [True, False] and table.columns == {"site": ["x", "y"]}
    alone, _ = open_black_box(answers, root=tmp_path)  # a folder is where the pictures are, and nothing else
    assert alone.columns == table.columns


def test_answers_without_labels_anywhere(tmp_path: Path) -> None:
    answers = write(tmp_path / "answers.csv", "path,prediction", *ANSWERS)
    with pytest.raises(UserError, match=r"no column named label.*give the labels with --data"):
        open_black_box(answers)
    other = write(tmp_path / "m.csv", "path,label", "x/1.png,cat", "y/2.png,dog")
    with pytest.raises(
        UserError, match=r"Not one path in answers.csv \(such as img/a.png\) is a picture of m.csv"
    ):
        open_black_box(answers, root=other)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(UserError, match="holds no images"):
        open_black_box(answers, root=empty)
    with pytest.raises(UserError, match=r"do not exist"):
        open_black_box(answers, root=tmp_path / "nowhere.csv")
    hostile = write(tmp_path / "h.csv", "path,prediction", ",cat", "../..,dog", "\x1b[31m,cat", "/,dog")
    with pytest.raises(UserError, match=r"Not one path"):
        open_black_box(hostile, root=other)


def test_the_wizard_asks_for_the_labels_that_the_table_lacks(tmp_path: Path) -> None:
    from failsight.agent.learn.detect import look_at_model

    answers = write(tmp_path / "answers.csv", "path,prediction", *ANSWERS)
    seen = look_at_model(answers)
    assert not seen.problem and seen.lacks == ("labels",) and seen.classes == ("cat", "dog")
