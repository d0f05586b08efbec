"""Labels that are no class of the model: counted by hand, named with what to type, refused where most would be lost."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from failsight.tools.errors import UserError
from failsight.tools.inputs import open_black_box, open_images
from failsight.tools.inputs.classes import match_labels
from failsight.tools.inputs.table import Unmatched
from failsight.tools.inputs.unmatched import argument, how_to_map, unmatched_sentence
from failsight.tools.notes import left_out_notes
from tests.inputs.pictures import class_folders

ROOMS = ("Bathroom", "Kitchen", "Living room")


def test_how_many_in_which_folders_and_what_they_may_mean() -> None:
    labels = ["kitchen"] * 5 + ["kitchen_new"] * 3 + ["bathrom"] * 2 + ["garage"]
    made = match_labels(labels, ROOMS, {}, "here")
    assert made.unmatched == (
        Unmatched("kitchen_new", 3, "Kitchen"),
        Unmatched("bathrom", 2, "Bathroom"),
        Unmatched("garage", 1, None),
    )
    told = unmatched_sentence(made.unmatched, "evaluation images", 11, ROOMS, folders=True)
    assert told == (
        "6 of the 11 evaluation images (54.5 %) are left out: the folders kitchen_new (3), bathrom (2) and garage (1) "
        "are no classes of the model (Bathroom, Kitchen and Living room)."
    )
    hint = how_to_map(made.unmatched)
    assert "--map kitchen_new=Kitchen --map bathrom=Bathroom --map garage=CLASS; where" in hint
    many = how_to_map(tuple(Unmatched(f"x{i}", 1, "Kitchen" if i == 7 else None) for i in range(9)))
    assert (
        "--map x7=Kitchen --map x0=CLASS --map x1=CLASS --map x2=CLASS (and so on, one for each); where"
        in many
    )
    assert len(made.notes) == 1 and "garage (1 image)" in made.notes[0]


def test_one_word_of_two_is_near_and_two_candidates_are_not() -> None:
    made = match_labels(["kitchen", "old living room, upstairs", "room"], ROOMS, {}, "here")
    assert {u.label: u.closest for u in made.unmatched} == {
        "old living room, upstairs": "Living room",
        "room": "Bathroom",  # spelt like it
    }
    near = match_labels(["a", "dog"], ("a", "big brown dog", "small white dog"), {}, "here").unmatched
    assert near[0].closest is None  # two classes share the word


def test_what_a_person_leaves_out_is_no_question() -> None:
    labels = ["kitchen"] * 5 + ["garage"] * 3 + ["shed"] * 2
    one = match_labels(labels, ROOMS, {"garage": ""}, "here")
    assert [(u.label, u.on_purpose) for u in one.unmatched] == [("garage", True), ("shed", False)]
    assert "garage" not in one.notes[0]
    rest = match_labels(labels, ROOMS, {"*": ""}, "here")
    assert all(u.on_purpose for u in rest.unmatched) and not rest.notes and not how_to_map(rest.unmatched)
    told = unmatched_sentence(rest.unmatched, "images", 10, ROOMS, folders=False)
    assert (
        told
        == "5 of the 10 images (50.0 %) are left out on purpose, as the class map says: labels garage (3) and shed (2)."
    )
    sent = match_labels(labels, ROOMS, {"*": "Bathroom"}, "here")
    assert sent.index == {"kitchen": 1, "garage": 0, "shed": 0} and not sent.unmatched


def test_a_thousand_strange_labels_are_one_note() -> None:
    labels = ["kitchen", *(f"x{i}" for i in range(1000))]
    made = match_labels(labels, ROOMS, {}, "here")
    assert len(made.notes) == 1 and len(made.notes[0]) < 900
    assert "995 more" in made.notes[0]


@pytest.mark.parametrize("name", ["plain", "two words", "it's", "a;rm -rf", "$(x)", 'say "a"', "ä_b", "*"])
def test_an_option_is_one_word_of_a_shell(name: str) -> None:
    assert shlex.split(f"--map {argument(name)}=x") == ["--map", f"{name}=x"]


def test_control_characters_of_a_folder_do_not_reach_a_sentence() -> None:
    made = match_labels(["kitchen", "a\x1b[31m\u202eb"], ROOMS, {}, "here")
    told = unmatched_sentence(made.unmatched, "images", 2, ROOMS, folders=True) + how_to_map(made.unmatched)
    assert "\x1b" not in told and "\u202e" not in told


def test_most_of_the_data_left_out_is_refused_where_that_is_asked_for(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "d", names=("kitchen", "bath", "cellar", "shed", "garage"))
    classes = ("kitchen", "bath", "attic")
    assert len(open_images(root, classes=classes)) == 6
    with pytest.raises(UserError, match=r"9 of the 15 images \(60.0 %\).*cellar \(3\).*--map cellar=CLASS"):
        open_images(root, classes=classes, refuse_loss=True)
    half = {"shed": "", "garage": ""}  # what is left out on purpose does not count
    assert len(open_images(root, classes=classes, class_map=half, refuse_loss=True)) == 6
    assert len(open_images(root, classes=classes, class_map={"*": ""}, refuse_loss=True)) == 6


def test_exactly_half_is_told_and_not_refused(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "d", names=("kitchen", "bath", "cellar", "shed"))
    table = open_images(root, classes=("kitchen", "bath"), refuse_loss=True)
    assert len(table) == 6 and [u.images for u in table.unmatched] == [3, 3]


def test_pictures_that_can_t_be_read_are_refused_like_labels(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "d", names=("kitchen", "bath"))
    for file in sorted(root.rglob("*.png"))[1:-1]:
        file.write_bytes(b"no picture")
    with pytest.raises(UserError, match="4 of 6 images would be left out"):
        open_images(root, classes=("kitchen", "bath"), refuse_loss=True)


def test_rows_without_a_label_are_nobody_s_mistake(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "d", names=("kitchen", "bath"))
    rows = [f"kitchen/00{i}.png,{'' if i else 'kitchen'}" for i in range(3)]
    rows += [f"bath/00{i}.png,{'' if i else 'bath'}" for i in range(3)]
    (root / "manifest.csv").write_text("\n".join(["path,label", *rows]))
    table = open_images(root, classes=("kitchen", "bath"), refuse_loss=True)
    assert len(table) == 2 and len(table.left_out) == 4


def test_deployment_folders_that_are_no_classes_are_used_and_said_so(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "d", names=("camera_1", "camera_2"))
    table = open_images(root, classes=("kitchen", "bath"), split="deploy", refuse_loss=True)
    assert len(table) == 6 and not table.left_out
    assert any("used without a label" in note for note in table.notes)


def test_a_table_of_answers_is_held_to_the_same(tmp_path: Path) -> None:
    rows = [f"{i}.png,{('cat', 'dog', 'cow', 'owl')[i % 4]},0.9,0.1" for i in range(12)]
    path = tmp_path / "answers.csv"
    path.write_text("\n".join(["path,label,p_cat,p_dog", *rows, "x.png,cow,0.9,0.1"]))
    images, _ = open_black_box(path)
    assert [(u.label, u.images) for u in images.unmatched] == [("cow", 4), ("owl", 3)]
    with pytest.raises(UserError, match=r"7 of the 13 images.*cow \(4\) and owl \(3\)"):
        open_black_box(path, refuse_loss=True)


def test_notes_of_other_tools_say_it_in_one_sentence(tmp_path: Path) -> None:
    names = ("kitchen", "bath", *(f"x{i}" for i in range(7)))
    table = open_images(class_folders(tmp_path / "d", names=names), classes=("kitchen", "bath"))
    (told,) = left_out_notes("data", table.left_out)
    assert told.startswith(
        "21 of the evaluation images were left out: their label is not a class of the model ("
    )
