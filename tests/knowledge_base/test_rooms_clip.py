"""The encoder that ships with the practice rooms: how well it knows them, what it weighs, and how it is made."""

from __future__ import annotations

import json
import random
from functools import cache
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from failsight.knowledge_base.cases import encoder_lessons
from failsight.knowledge_base.cases.captions import FURNITURE, PHRASES, QUESTIONS, THINGS, caption, presence
from failsight.knowledge_base.cases.encoder_lessons import GRID, KINDS, Drawn, told
from failsight.knowledge_base.cases.scene import CLASSES, CUES, STYLE_COLUMNS, VALUES
from failsight.tools.attributes.clip import DualEncoder, open_encoder
from failsight.tools.attributes.definitions import LEAST_ACCURACY, Definition
from failsight.tools.attributes.zero_shot import ZeroShot, assign_values, embed_values
from tests.fakes.view import FakeTable, FakeView

FRESH = 990_000  # a seed of pictures that nothing else uses


def folder() -> Path:
    return Path(str(resources.files("failsight.knowledge_base.cases").joinpath("rooms_clip")))


@cache
def shipped() -> DualEncoder:
    encoder = open_encoder(str(folder()))
    assert isinstance(encoder, DualEncoder)
    return encoder


def card_names() -> set[str]:
    return set(json.loads((folder() / "card.json").read_text("utf-8"))["held_out"])


@cache
def drawn(count: int) -> Drawn:
    return encoder_lessons.draw(count, FRESH, say=lambda _text: None)


def accuracies(count: int) -> dict[str, tuple[float, int]]:
    """Share of right values among those given, and how many were."""
    data = drawn(count)
    shown = shipped().embed_images([Image.fromarray(image) for image in data.images])
    found = assign_values(shown, embed_values(shipped(), shipped().vocabulary))
    made = {}
    for definition in shipped().vocabulary:
        codes, truth = found[definition.key].codes, data.codes[definition.name]
        given = (codes >= 0) & (truth >= 0)
        made[definition.name] = (float((codes == truth)[given].mean()), int(given.sum()))
    return made


def test_it_is_small_and_holds_no_pickle() -> None:
    assert sum(p.stat().st_size for p in folder().iterdir()) <= 8_000_000
    assert {p.suffix for p in folder().iterdir()} <= {".json", ".safetensors"}


def test_its_card_says_how_well_it_knows_every_attribute() -> None:
    card = json.loads((folder() / "card.json").read_text("utf-8"))
    assert set(card["held_out"]) == {d.name for d in shipped().vocabulary}
    assert set(card["held_out"]) | set(card["not_proposed"]) == set(PHRASES)
    assert not set(card["held_out"]) & set(card["not_proposed"])
    assert all(row["accuracy"] > LEAST_ACCURACY for row in card["held_out"].values())
    for definition in shipped().vocabulary:
        assert definition.values == tuple(VALUES[definition.name])
        assert set(definition.phrases) == set(definition.values)
        assert set(definition.settings) == {"temperature", "threshold", "calibrated_for"}


def test_it_knows_rooms_that_it_never_saw() -> None:
    measured = json.loads((folder() / "card.json").read_text("utf-8"))["held_out"]
    for name, (accuracy, n) in accuracies(300).items():
        said = measured[name]["accuracy_when_given"]
        slack = 4 * (said * (1 - said) / n + 1e-4) ** 0.5
        assert accuracy >= said - slack, name


@pytest.mark.slow
def test_the_card_is_right_on_many_fresh_rooms() -> None:
    measured = json.loads((folder() / "card.json").read_text("utf-8"))["held_out"]
    for name, (accuracy, _n) in accuracies(2000).items():
        assert accuracy == pytest.approx(measured[name]["accuracy_when_given"], abs=0.025), name


def test_a_person_s_own_words_work_too() -> None:
    """An attribute that the folder does not propose: furniture, by its name alone."""
    data = drawn(300)
    shown = shipped().embed_images([Image.fromarray(image) for image in data.images])
    fridge = Definition("fridge", "zero_shot", "fridge", ("no", "yes"))
    found = assign_values(shown, embed_values(shipped(), [fridge]))[fridge.key].codes
    given = found >= 0
    assert given.mean() > 0.5
    assert (found == data.codes["has fridge"])[given].mean() > 0.85


def test_a_case_with_it_gets_its_attributes_in_one_pass() -> None:
    data = drawn(300)
    classes = tuple(CLASSES)
    labels = [CLASSES.index(label) for label in data.labels[:40]]
    table = FakeTable(data.images[:40], labels, classes, bad=[7])
    scores = np.eye(len(classes), dtype=np.float32)[labels]
    view = FakeView({"data": table}, scores={"data": scores})
    view.given_encoder = shipped()
    proposed = ZeroShot().propose(view, "data", 30)  # type: ignore[arg-type]
    assert [d.name for d in proposed] == [name for name in PHRASES if name in card_names()]
    for definition in proposed:
        view.define(definition, action="proposed")
    columns = view.attributes().columns
    assert len(columns["television"]) == 39
    assert set(columns["television"]) <= {"yes", "no", None}
    rows = np.delete(np.arange(40), 7)
    told_so = np.array([data.values[r]["television"] for r in rows])
    assert (columns["television"] == told_so).mean() > 0.9


def test_every_attribute_that_a_picture_shows_has_words() -> None:
    assert set(PHRASES) == set(VALUES) - {"annotator"} == set(QUESTIONS)
    assert set(THINGS) == set(CUES) | set(FURNITURE)
    for name, values in PHRASES.items():
        assert tuple(values) == tuple(VALUES[name])
        phrases = [p for many in values.values() for p in many]
        assert len(set(phrases)) == len(phrases), name


def test_captions_never_say_what_is_not_so() -> None:
    rng = random.Random(0)
    data = drawn(300)
    for k in range(300):
        text = caption(rng, data.labels[k], data.values[k], data.kinds[k])
        shown, _, missing = text.partition(" without a")
        for cue in CUES:
            for noun in THINGS[cue]:
                assert not (f" {noun}" in missing and cue in data.kinds[k]), text
        for other in set(CLASSES) - {data.labels[k]}:
            assert f"a {other.replace('_', ' ')}" not in shown, text


def test_what_can_not_be_seen_is_not_taught() -> None:
    values = {name: options[-1] for name, options in VALUES.items()}
    values["bath_style"] = "none"
    codes = told("kitchen", values, frozenset({"cat"}))
    assert codes["class"] == codes["kitchen_style"] == -1
    assert codes["bath_style"] == 0
    assert told("kitchen", values, frozenset({"counter"}))["class"] == CLASSES.index("kitchen")


def test_patches_under_an_object_are_marked() -> None:
    assert drawn(300).patches.shape == (300, GRID * GRID, len(KINDS))
    marked = encoder_lessons._covered([(0.0, 0.0, 0.5, 0.25)]).reshape(GRID, GRID)
    assert marked[:2, :4].all()
    assert marked.sum() == 8
    tiny = encoder_lessons._covered([(0.01, 0.01, 0.02, 0.02)])
    assert not tiny.any()


def test_phrases_of_presence_name_the_object_on_both_sides() -> None:
    for kind in THINGS:
        both = presence(kind)
        assert all(any(noun in p for noun in THINGS[kind]) for many in both.values() for p in many)
    assert STYLE_COLUMNS.keys() == set(CLASSES)


@pytest.mark.slow
def test_training_writes_a_folder_that_opens(tmp_path: Path) -> None:
    from failsight.knowledge_base.cases.encoder_model import EncoderConfig, build_model, build_tokenizer
    from failsight.knowledge_base.cases.train_encoder import finish, fit

    config = EncoderConfig(
        pictures=60, held=60, steps=4, width=32, heads=2, layers=2, text_layers=1, joint=16
    )
    losses = []
    tokenizer = build_tokenizer()
    model = build_model(config, tokenizer)
    data = encoder_lessons.draw(config.pictures, FRESH)
    fit(model, tokenizer, data, config, lambda _step, loss: losses.append(loss))
    finish(model, tokenizer, tmp_path / "made", config, 1.0)
    assert np.isfinite(losses).all()
    assert len(losses) == 4
    encoder = open_encoder(str(tmp_path / "made"))
    assert encoder.embed_texts(["a room"]).shape == (1, 16)
    card = json.loads((tmp_path / "made" / "card.json").read_text("utf-8"))
    assert set(card["held_out"]) | set(card["not_proposed"]) == set(PHRASES)
