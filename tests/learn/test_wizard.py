"""The first-run wizard: what it recognises, what it mends, what it asks; every answer may come from a pipe."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from failsight.agent.journal import Journal
from failsight.agent.learn.ask_model import ask_facts, side_path
from failsight.agent.learn.ask_pictures import ask_data
from failsight.agent.learn.chosen import Chosen
from failsight.agent.learn.detect import look_at_data, look_at_model
from failsight.agent.learn.dialogue import Ask, Dialogue, Say, Step, last
from failsight.agent.learn.matching import ask_classes, names_beside, order_by_answers, read_names
from failsight.agent.learn.wizard import wizard
from tests.learn.own_model import write_model, write_pictures


class Silent:
    """Progress that nobody sees."""

    def job(self, label: str, total: int) -> AbstractContextManager[Any]:
        return nullcontext()


def played(dialogue: Dialogue[Any], *answers: str) -> tuple[str, Any]:
    items, result = last(dialogue, answers)
    said = [i.text for i in items if isinstance(i, Say | Ask)] + [
        i.title for i in items if isinstance(i, Step)
    ]
    return "\n".join(said), result


def folder_of(path: Path, **classes: int) -> Path:
    for name, n in classes.items():
        (path / name).mkdir(parents=True, exist_ok=True)
        for k in range(n):
            Image.new("RGB", (20, 16), (k * 9 % 255, 40, 90)).save(path / name / f"{k}.png")
    return path


def transformers(
    path: Path, *, names: bool = True, processor: bool = True, weights: bool = True, **more: Any
) -> Path:
    path.mkdir(parents=True)
    labels = {str(i): n if names else f"LABEL_{i}" for i, n in enumerate(("cat", "dog"))}
    settings = {"architectures": ["ViTForImageClassification"], "id2label": labels, "image_size": 96, **more}
    (path / "config.json").write_text(json.dumps(settings))
    if processor:
        (path / "preprocessor_config.json").write_text("{}")
    if weights:
        (path / "model.safetensors").write_bytes(b"")
    return path


# --- recognising ----------------------------------------------------------------------------------------------------------


def test_a_transformers_folder_and_what_it_lacks(tmp_path: Path) -> None:
    whole = look_at_model(transformers(tmp_path / "whole"))
    assert (whole.classes, whole.lacks, whole.problem) == (("cat", "dog"), (), "")
    bare = look_at_model(transformers(tmp_path / "bare", names=False, processor=False))
    assert (bare.unnamed, bare.lacks, bare.size) == (2, ("classes", "preparation"), (96, 96))
    assert "no weights" in look_at_model(transformers(tmp_path / "empty", weights=False)).problem
    text = look_at_model(transformers(tmp_path / "text", architectures=["BertForMaskedLM"]))
    assert "no image classifier" in text.problem
    assert look_at_model(transformers(tmp_path / "own", auto_map={"x": "y"})).lacks == ("trust",)


def test_a_training_run_offers_its_checkpoints_the_latest_first_and_its_record(tmp_path: Path) -> None:
    for step in (9, 100):
        transformers(tmp_path / f"checkpoint-{step}")
    (tmp_path / "trainer_state.json").write_text("{}")
    seen = look_at_model(tmp_path)
    assert [p.name for p in seen.choices] == ["checkpoint-100", "checkpoint-9"]
    assert look_at_model(seen.choices[0]).history == tmp_path / "trainer_state.json"


def test_files_of_weights_say_what_has_to_be_asked(tmp_path: Path) -> None:
    for name, lacks in (
        ("a.onnx", ("classes", "preparation")),
        ("b.pt", ("classes", "preparation")),
        ("c.safetensors", ("classes", "preparation", "arch")),
    ):
        (tmp_path / name).write_bytes(b"")
        assert look_at_model(tmp_path / name).lacks == lacks
    (tmp_path / "b.json").write_text('{"classes": ["x", "y"], "input_size": 32}')
    assert look_at_model(tmp_path / "b.pt").lacks == ()
    (tmp_path / "d.h5").write_bytes(b"")
    assert "no model that Failsight can read" in look_at_model(tmp_path / "d.h5").problem


def test_a_mistyped_path_names_the_one_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    assert "Did you mean" in look_at_model(tmp_path / "modle").problem
    assert "Did you mean" in look_at_data(tmp_path / "modell").problem


def test_folders_splits_tables_and_pictures_without_labels(tmp_path: Path) -> None:
    plain = look_at_data(folder_of(tmp_path / "plain", cat=3, dog=2))
    assert (plain.labels, plain.n, plain.picture) == ({"cat": 3, "dog": 2}, 5, (16, 20))
    folder_of(tmp_path / "both" / "train", cat=4, dog=4)
    folder_of(tmp_path / "both" / "test", cat=1, dog=2)
    both = look_at_data(tmp_path / "both")
    assert (both.used, both.splits, both.labels) == ("test", ("test", "train"), {"cat": 1, "dog": 2})
    (tmp_path / "loose").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "loose" / "a.png")
    assert "no labels" in look_at_data(tmp_path / "loose").problem
    assert look_at_data(tmp_path / "loose", "deploy", labelled=None).problem == ""


def test_a_table_with_other_column_names_is_read_and_said(tmp_path: Path) -> None:
    folder_of(tmp_path / "p", cat=1, dog=1)
    table = tmp_path / "list.csv"
    table.write_text("filename,category,camera\np/cat/0.png,cat,A\np/dog/0.png,dog,B\n")
    seen = look_at_data(table)
    assert (seen.labels, seen.problem) == ({"cat": 1, "dog": 1}, "")
    assert "filename is read as path and category is read as label" in seen.notes[0]


# --- mending ------------------------------------------------------------------------------------------------------------------


def test_what_the_model_does_not_say_is_asked_and_written_beside_it_with_a_yes(tmp_path: Path) -> None:
    model = transformers(tmp_path / "bare", names=False, processor=False)
    chosen = Chosen("novice", model=str(model), labels={"cat": 3, "dog": 2})
    said, _ = played(ask_facts(chosen, Silent()), "yes", "", "half", "yes")
    assert "In alphabetical order your pictures have: cat and dog" in said
    written = json.loads(side_path(model).read_text())
    assert written == {"classes": ["cat", "dog"], "input_size": [96, 96], "mean": [0.5] * 3, "std": [0.5] * 3}
    assert chosen.classes == ("cat", "dog")


def test_without_a_yes_nothing_is_written(tmp_path: Path) -> None:
    model = transformers(tmp_path / "bare", processor=False)
    said, _ = played(ask_facts(Chosen("novice", model=str(model)), Silent()), "64", "1", "no")
    assert not side_path(model).exists()
    assert '"input_size"' in said


def test_names_come_from_a_line_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("cat\ndog\n")
    assert read_names(str(tmp_path / "names.txt"), 2) == ["cat", "dog"]
    assert read_names("cat, dog", 2) == ["cat", "dog"]
    assert read_names("cat, cat", None) is None
    assert read_names("cat", 2) is None


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("net.txt", "cat\ndog\n"),
        ("labels.json", '["cat", "dog"]'),
        ("class_indices.json", '{"dog": 1, "cat": 0}'),
        ("id2label.json", '{"0": "cat", "1": "dog"}'),
    ],
)
def test_names_that_lie_beside_the_model_are_offered(file: str, text: str, tmp_path: Path) -> None:
    (tmp_path / file).write_text(text)
    assert names_beside(tmp_path / "net.onnx", 2) == (tmp_path / file, ["cat", "dog"])
    assert names_beside(tmp_path / "net.onnx", 3) is None


def test_an_onnx_graph_says_its_size_and_its_number_of_classes_and_the_rest_is_asked(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    shapes = [("in", ["n", 3, 64, 48]), ("out", ["n", 3])]
    (taken, given) = (onnx.helper.make_tensor_value_info(name, 1, shape) for name, shape in shapes)
    graph = onnx.helper.make_graph([], "g", [taken], [given])
    onnx.save(onnx.helper.make_model(graph), tmp_path / "net.onnx")
    seen = look_at_model(tmp_path / "net.onnx")
    assert (seen.size, seen.unnamed, seen.lacks) == ((64, 48), 3, ("classes", "preparation"))
    (tmp_path / "labels.txt").write_text("ape\nbee\ncat\n")
    chosen = Chosen("novice", model=str(tmp_path / "net.onnx"), labels={"cat": 3, "dog": 2})
    said, _ = played(ask_facts(chosen, Silent()), "yes", "raw", "yes")
    assert (
        "It takes pictures of 64 x 48 pixels" in said
        and "labels.txt beside it lists ape, bee and cat" in said
    )
    written = json.loads(side_path(tmp_path / "net.onnx").read_text())
    assert written == {
        "classes": ["ape", "bee", "cat"], "input_size": [64, 48], "mean": [0.0] * 3, "std": [1.0] * 3, "scale": 1.0,
    }  # fmt: skip


def test_names_in_the_wrong_order_are_noticed_by_what_the_model_calls_the_pictures() -> None:
    names = (
        "ant",
        "bee",
        "cat",
        "dog",
    )  # said in the order of the alphabet; the outputs are cat, ant, bee, dog
    turned = {"ant": [2, 9, 3, 2], "bee": [1, 3, 10, 2], "cat": [8, 4, 3, 1], "dog": [2, 3, 2, 9]}
    assert order_by_answers(turned, names) == ["cat", "ant", "bee", "dog"]
    right_but_weak = {"ant": [6, 5, 3, 2], "bee": [5, 7, 3, 1], "cat": [3, 4, 5, 4], "dog": [5, 4, 3, 4]}
    assert order_by_answers(right_but_weak, names) is None
    lazy = {name: [0, 16, 0, 0] for name in names}  # says one thing whatever it sees
    assert order_by_answers(lazy, names) is None
    some = {"bee": [15, 1, 0, 0], "cat": [1, 15, 0, 0]}  # of the others there are no pictures
    assert order_by_answers(some, names) == ["bee", "cat", "ant", "dog"]


def test_classes_that_match_are_not_asked_about() -> None:
    said, made = played(ask_classes({"Living Room": 3, "kitchen": 2}, ("kitchen", "living_room"), "x"))
    assert made == {}
    assert "All 2 classes" in said


def test_classes_that_do_not_match_are_offered_by_likeness_by_the_models_word_or_by_order() -> None:
    labels = {"kitchens": 3, "bath_room": 2}
    assert played(ask_classes(labels, ("bathrooms", "kitchen"), "x"), "yes")[1] == {
        "kitchens": "kitchen",
        "bath_room": "bathrooms",
    }
    foreign = {"Q": 3, "W": 2}
    told = {"Q": ("kitchen", 0.9), "W": ("bath", 0.8)}
    said, made = played(ask_classes(foreign, ("bath", "kitchen"), "x", lambda: told), "yes")
    assert made == {"Q": "kitchen", "W": "bath"}
    assert "what the model calls some of them" in said
    said, made = played(ask_classes(foreign, ("x1", "x2"), "x"), "no", "2", "leave")
    assert "In alphabetical order" in said
    assert made == {"Q": "x2", "W": ""}


# --- the whole of it ------------------------------------------------------------------------------------------------------------


def test_three_doors() -> None:
    assert played(wizard("", Silent()), "demo", "expert")[1].demo
    made = played(wizard("", Silent()), "learn", "novice")[1]
    assert (made.learn, made.level) == (True, "novice")


def test_a_table_of_predictions_is_enough_and_back_goes_back(tmp_path: Path) -> None:
    table = tmp_path / "predictions.csv"
    table.write_text(
        "filename,label,cat,dog\n" + "".join(f"{k}.png,{('cat', 'dog')[k % 2]},0.8,0.2\n" for k in range(5))
    )
    said, made = played(
        wizard("intermediate", Silent()),
        *("mine", str(table), "back", str(table), "", "tell pets apart", "accuracy at least 90 %", "", "yes"),
    )
    assert made.predictions == str(table)
    assert made.expect == ["accuracy>=0.9"]
    assert made.given()["task"] == "tell pets apart"
    assert "no model to run" in said and "probabilities for 5 pictures, 2 classes (cat and dog)" in said
    assert "filename is read as path" in said and "No picture is at hand" in said


def test_a_table_that_can_not_be_read_is_told_at_once(tmp_path: Path) -> None:
    table = tmp_path / "predictions.csv"
    table.write_text("filename,label,guess\na.png,cat,dog\nb.png,dog,dog\n")
    assert "no column named prediction" in look_at_model(table).problem


def test_pictures_of_a_table_are_looked_for_in_the_folder_that_is_given(tmp_path: Path) -> None:
    folder_of(tmp_path / "pictures", cat=2, dog=2)
    (tmp_path / "elsewhere").mkdir()
    table = tmp_path / "answers.csv"
    table.write_text(
        "image,label,prediction\n" + "".join(f"{c}/{k}.png,{c},cat\n" for c in ("cat", "dog") for k in (0, 1))
    )
    chosen = Chosen("novice", predictions=str(table))
    said, _ = played(ask_data(chosen, Silent()), str(tmp_path / "elsewhere"), str(tmp_path / "pictures"))
    assert "None of 4 names that were tried is there" in said and "All of 4 names" in said
    assert chosen.data == str(tmp_path / "pictures")


def test_answers_without_labels_take_them_from_the_pictures(tmp_path: Path) -> None:
    folder_of(tmp_path / "pictures", cat=2, dog=2)
    table = tmp_path / "answers.csv"
    table.write_text("image,pred\n" + "".join(f"{c}/{k}.png,cat\n" for c in ("cat", "dog") for k in (0, 1)))
    said, made = played(
        wizard("intermediate", Silent()),
        *("mine", str(table), str(tmp_path / "pictures"), "tell pets apart", "", "", "yes"),
    )
    assert "The table holds answers and no labels" in said and "4 pictures in 2 classes" in said
    assert (made.predictions, made.data) == (str(table), str(tmp_path / "pictures"))


def test_the_wizard_ends_where_the_input_ends() -> None:
    assert played(wizard("novice", Silent()), "mine", "/nowhere/at/all")[1] is None


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("bare", [False, True], ids=["whole", "without names and processor"])
def test_somebodys_own_model_reaches_a_finding_within_three_minutes(tmp_path: Path, bare: bool) -> None:
    """A transformers folder made here, nothing read but the wizard, every answer by pipe, to the first confirmed finding."""
    model = write_model(tmp_path / "model", names=not bare, processor=not bare)
    write_pictures(tmp_path / "pictures", 120, 0.25, 2)
    facts = ["yes", "32", "half", "yes"] if bare else []
    answers = [
        "mine",
        "novice",
        str(model),
        str(tmp_path / "pictures"),
        *facts,
        "",
        "",
        "",
        "accuracy at least 90 %",
        "",
        "yes",
    ]
    said = "\n".join([*answers, "/auto", "/quit", ""])
    started = time.monotonic()
    made = subprocess.run(
        [sys.executable, "-m", "failsight.agent.cli", "start"],
        input=said, capture_output=True, text=True, timeout=500, cwd=tmp_path, check=False,
    )  # fmt: skip
    seconds = time.monotonic() - started
    assert made.returncode == 0, made.stderr[-2000:]
    folder = next((tmp_path / "failsight-cases").iterdir())
    found = [
        f
        for e in Journal(folder, write=False).events
        if e.kind == "evidence.recorded"
        for f in e.data["evidence"].get("findings", ())
        if f.get("verdict") == "confirmed"
    ]
    assert found
    assert seconds <= 180, seconds


def test_the_summary_counts_pictures_that_will_be_used() -> None:
    from failsight.agent.learn.chosen import Chosen
    from failsight.agent.learn.wizard import summary

    chosen = Chosen(
        labels={"kitchen": 120, "hall": 60, "yard": 40}, class_map={"hall": "", "yard": "Backyard"}
    )
    assert "pictures     160 to test on (60 left out, with their classes)" in summary(chosen)
    chosen.class_map = {}
    assert "pictures     220 to test on" in summary(chosen)
