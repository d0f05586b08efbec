"""A model that only numbers its outputs: named by the order of the data's labels, where the pictures bear that order out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from failsight.agent import open_case
from failsight.agent.opening import opening_words
from failsight.tools.errors import UserError
from failsight.tools.inputs.only_numbered import _another_is_better, numbers, only_numbered, orders
from tests.fakes.patterns import CLASSES, made_case
from tests.inputs.pictures import class_folders

NUMBERED = ["LABEL_0", "LABEL_1", "LABEL_2", "LABEL_3"]


def test_which_names_say_only_a_place() -> None:
    assert only_numbered(NUMBERED) and only_numbered(("class 1", "class 2")) and only_numbered(("0", "1"))
    assert not only_numbered(("LABEL_0", "LABEL_2")) and not only_numbered(("LABEL_0", "cat"))
    assert numbers(("LABEL_10", "LABEL_2")) == [10, 2] and numbers(("cat",)) is None and numbers(()) is None


def test_the_order_of_the_labels_is_taken_where_it_is_right_and_said(tmp_path: Path) -> None:
    given = made_case(tmp_path, noise=0.1, classes=NUMBERED)
    with open_case(**given, out=tmp_path / "case") as case:
        assert case.classes == CLASSES
        found = case.evaluate()
        assert next(f for f in found.facts if f.name == "accuracy").value > 0.9
        (told,) = [w for w in opening_words(case) if "LABEL_0" in w]
        assert "LABEL_0 is ash, LABEL_1 is birch, LABEL_2 is cedar and LABEL_3 is elm" in told
        assert "assumption" in told and "model.json" in told and "guessing would give 25.0 %" in told
        assert any("LABEL_0 is ash" in n for n in case.describe_case().notes)
        prints = case.fingerprints()
    with open_case(tmp_path / "case") as again:
        assert again.classes == CLASSES and again.fingerprints() == prints
        assert again.assumed is not None and again.assumed.n == 80
    with open_case(**given, out=tmp_path / "case") as same:
        assert same.classes == CLASSES


def test_another_order_is_not_assumed(tmp_path: Path) -> None:
    given = made_case(tmp_path, noise=0.1, classes=NUMBERED)
    for old, new in (("ash", "zelkova"), ("birch", "aspen")):  # the alphabet now stands for another order
        shutil.move(tmp_path / "data" / old, tmp_path / "data" / new)
    with pytest.raises(UserError, match=r"is a class of the model \(LABEL_0.*--map"):
        open_case(**given, out=tmp_path / "case")
    assert not (tmp_path / "case").exists()


def test_two_of_four_in_another_order_are_clearly_above_guessing_and_yet_not_assumed(tmp_path: Path) -> None:
    given = made_case(tmp_path, noise=0.1, classes=NUMBERED)
    for old, new in (("cedar", "x"), ("elm", "cedar"), ("x", "elm")):
        shutil.move(tmp_path / "data" / old, tmp_path / "data" / new)
    with pytest.raises(UserError, match="is a class of the model"):
        open_case(**given, out=tmp_path / "case")


def test_two_of_ten_exchanged_are_noticed_of_a_model_that_is_seldom_right() -> None:
    rng, labels, wrong, right = np.random.default_rng(0), np.repeat(np.arange(10), 20), 0, 0
    exchanged = np.array([1, 0, *range(2, 10)])
    for _ in range(40):
        sure, guess = rng.random(200) < 0.35, rng.integers(0, 10, 200)
        wrong += not _another_is_better(labels, np.where(sure, exchanged[labels], guess), 10)
        right += not _another_is_better(labels, np.where(sure, labels, guess), 10)
    assert wrong <= 8 and right >= 38, (wrong, right)


@pytest.mark.parametrize("change", ["more", "few"])
def test_neither_another_number_of_labels_nor_a_handful_of_pictures(tmp_path: Path, change: str) -> None:
    given = made_case(tmp_path, noise=0.1, n=240 if change == "more" else 20, classes=NUMBERED)
    if change == "more":
        class_folders(tmp_path / "data", names=("zebra",))
    with pytest.raises(UserError, match="is a class of the model"):
        open_case(**given, out=tmp_path / "case")


def test_what_a_person_maps_is_not_guessed_at(tmp_path: Path) -> None:
    given = made_case(tmp_path, noise=0.1, classes=NUMBERED)
    mapped = dict(zip(CLASSES, NUMBERED, strict=True))
    with open_case(**given, map=mapped, out=tmp_path / "case") as case:
        assert case.classes == tuple(NUMBERED) and case.assumed is None
    with open_case(**given, map={"elm": "LABEL_3", "cedar": "LABEL_2", "birch": "LABEL_1", "ash": "LABEL_0"}, out=tmp_path / "b") as case:  # fmt: skip
        assert case.assumed is None
    assert not orders(given["data"], {"ash": "LABEL_0"}, 4)


def test_labels_that_are_left_out_do_not_count(tmp_path: Path) -> None:
    given = made_case(tmp_path, noise=0.1, classes=NUMBERED)
    class_folders(tmp_path / "data", names=("unclear",))
    with open_case(**given, map={"unclear": ""}, out=tmp_path / "case") as case:
        assert case.classes == CLASSES and case.assumed is not None


def test_numbers_are_no_alphabet(tmp_path: Path) -> None:
    root = class_folders(tmp_path / "d", names=tuple(f"label_{i}" for i in range(11)))
    assert orders(root, {}, 11) == [tuple(f"label_{i}" for i in range(11))]


def test_a_transformers_folder_with_placeholders(tmp_path: Path) -> None:
    import torch
    import transformers as tf

    from failsight.tools.inputs import open_images

    given = made_case(tmp_path / "made", noise=0.02, n=80)
    torch.manual_seed(0)
    network = tf.ResNetForImageClassification(
        tf.ResNetConfig(embedding_size=8, hidden_sizes=[16], depths=[1], layer_type="basic", num_labels=4)
    )
    processor = tf.ViTImageProcessor(size={"height": 12, "width": 12})
    table = open_images(given["data"])
    x = processor([table.open(i) for i in range(len(table))], return_tensors="pt")["pixel_values"]
    y = torch.tensor(table.labels)
    optimiser = torch.optim.Adam(network.parameters(), 0.01)
    network.train()
    for _ in range(40):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network(x).logits, y).backward()
        optimiser.step()
    folder = tmp_path / "model"
    network.eval().save_pretrained(folder)
    processor.save_pretrained(folder)
    assert json.loads((folder / "config.json").read_text())["architectures"]
    with open_case(model=folder, data=given["data"], out=tmp_path / "case") as case:
        assert case.classes == CLASSES and case.assumed is not None
        assert case.assumed.outputs == tuple(NUMBERED)
    shutil.rmtree(Path(given["data"]) / "elm")
    with pytest.raises(UserError, match="does not say what its classes are called"):
        open_case(model=folder, data=given["data"], out=tmp_path / "b")
