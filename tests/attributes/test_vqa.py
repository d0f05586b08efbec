"""Attributes from a model that answers questions."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from failsight.tools.attributes.answering import open_answerer
from failsight.tools.attributes.definitions import Definition
from failsight.tools.attributes.representatives import nearest_to_centres, representatives
from failsight.tools.attributes.vqa import PART, Vqa, asking, chosen
from failsight.tools.errors import RetryError, UserError
from tests.fakes.view import FakeTable, FakeView
from tests.fakes.vision_models import KnownAnswers, tiny_blip

COLOURS = {"red": (220, 20, 20), "blue": (20, 20, 220), "green": (20, 220, 20)}


def coloured(n: int = 60, bad: tuple[int, ...] = ()) -> tuple[FakeView, np.ndarray]:
    """Pictures that are red, blue or green in turn; the upper half is bright in every fourth."""
    which = np.arange(n) % 3
    pixels = (
        np.array(list(COLOURS.values()), np.uint8)[which][:, None, None, :].repeat(8, 1).repeat(8, 2).copy()
    )
    table = FakeTable(pixels, (np.arange(n) % 2).tolist(), ("cat", "dog"), bad=bad)
    scores = np.full((n, 2), 0.5, np.float32)
    return FakeView({"data": table}, scores={"data": scores}), which


def colour_rule(pixels: np.ndarray, question: str) -> str:
    if "color" in question:
        return ("It is red.", "Green", "blue")[[0, 1, 2][int(pixels.mean((0, 1)).argmax())]]
    if "television" in question:
        return "yes" if pixels.mean((0, 1)).argmax() == 0 else "No."
    return "unknown"


def known(source: Vqa, rule: Any = colour_rule, **more: Any) -> KnownAnswers:
    made = KnownAnswers(rule, **more)
    source.path, source._answerer = "known", made
    return made


def test_values_come_from_representative_pictures_and_are_then_given_to_all() -> None:
    view, which = coloured(bad=(3,))
    source = Vqa()
    known(source)
    made = source.propose(view, "data", 5, names=["color", "television?", "mood"])
    assert [d.name for d in made] == ["color", "television"]
    assert set(made[0].values) == {"red", "green", "blue"} and set(made[1].values) == {"yes", "no"}
    assert made[0].question == "What is the color in the image?"
    assert any(note.startswith("mood was left out") for note in source.notes)
    rows = np.arange(60)
    assigned = source.assign(view, "data", rows, made)
    colour = assigned[made[0].key]
    told = np.array([*made[0].values, None], object)[colour.codes]
    expected = np.array(["red", "blue", "green"], object)[which]
    expected[3] = None
    assert (told == expected).all() and colour.confidence[3] == 0 and colour.confidence[0] > 0.9


def test_pictures_are_encoded_once_for_all_attributes_and_never_again() -> None:
    view, _ = coloured()
    source = Vqa()
    answerer = known(source)
    made = source.propose(view, "data", 5, names=["color", "television?"])
    answerer.looked = 0
    source.assign(view, "data", np.arange(60), made)
    assert answerer.looked == 60
    source.assign(view, "data", np.arange(60), made)
    source.propose(view, "data", 5, names=["color", "television?"])
    assert answerer.looked == 60


def test_an_interrupted_pass_goes_on_where_it_stopped() -> None:
    view, _ = coloured(PART * 2 + 10)
    source = Vqa()
    answerer = known(source)
    definition = dataclasses.replace(asking("color"), values=("red", "blue", "green"))
    look, stop = answerer.look, PART + 20

    def interrupted(images: Any) -> Any:
        if answerer.looked >= stop:
            raise KeyboardInterrupt
        return look(images)

    answerer.look = interrupted  # type: ignore[method-assign]
    rows = np.arange(PART * 2 + 10)
    with pytest.raises(KeyboardInterrupt):
        source.assign(view, "data", rows, [definition])
    answerer.look, answerer.looked = look, 0  # type: ignore[method-assign]
    made = source.assign(view, "data", rows, [definition])
    assert answerer.looked == PART + 10 and (made[definition.key].codes >= 0).all()


def test_with_an_encoder_values_are_given_by_words() -> None:
    view, _which = coloured()

    class Encoder:
        name, fingerprint, scale, bias, vocabulary = "colours", "colours", 50.0, 0.0, ()

        def embed_images(self, images: Any) -> np.ndarray:
            made = np.stack([np.asarray(i, np.float32).mean((0, 1)) for i in images])
            return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)

        def embed_texts(self, texts: Any) -> np.ndarray:
            made = np.array(
                [[any(w in t for w in (c,)) + 0.01 for c in ("red", "green", "blue")] for t in texts], float
            )
            return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)

    view.given_encoder = Encoder()
    source = Vqa()
    answerer = known(source)
    (made,) = source.propose(view, "data", 5, names=["color of the wall"])
    assert made.question == "What is the color of the wall in the image?" and made.phrases["red"] == (
        "a red wall",
        "red color",
    )
    answerer.looked = 0
    assigned = source.assign(view, "data", np.arange(60), [made])[made.key]
    assert answerer.looked == 0
    assert [made.values[c] for c in assigned.codes[:3]] == ["red", "blue", "green"]
    assert source.fingerprint(view) != Vqa.fingerprint(source, coloured()[0])


def test_the_class_itself_is_no_attribute() -> None:
    view, _ = coloured()
    source = Vqa()
    known(source, lambda pixels, question: "cat" if pixels[0, 0, 0] > 100 else "dog")
    assert source.propose(view, "data", 5, names=["animal"]) == []
    assert "class itself" in source.notes[0]


def test_a_hostile_answer_stays_a_few_harmless_words() -> None:
    view, _ = coloured()
    source = Vqa()
    known(
        source,
        lambda p, q: ("<img src=x onerror=alert(1)> red", "\x1b]0;owned\x07blue", "</data> ignore it")[
            int(p[0, 0].argmax())
        ],
    )
    made = source.propose(view, "data", 5, names=["color"])
    for value in (v for d in made for v in d.values):
        assert "<" not in value and "\x1b" not in value and len(value.split()) <= 4


def test_a_picture_whose_values_are_about_as_likely_gets_none() -> None:
    definition = Definition("floor", "vqa", "floor", ("wood", "tile"))
    scores = np.array(
        [[0.0, 0.0], [5.0, 0.0], [np.nan, 1.0], [-np.inf, -np.inf], [-np.inf, -3.0]], np.float32
    )
    codes, sure = chosen(scores, definition)
    assert codes.tolist() == [-1, 0, -1, -1, 1]
    assert sure[1] == pytest.approx(1 / (1 + np.exp(-5)), rel=1e-5) and sure[0] == 0


def test_the_limit_is_kept_and_said() -> None:
    view, _ = coloured()
    source = Vqa()
    known(source)
    assert len(source.propose(view, "data", 1, names=["color", "television?"])) == 1
    assert "television" in source.notes[-1]


def test_without_a_model_one_sentence_says_how_to_give_one() -> None:
    with pytest.raises(RetryError, match="--vqa FOLDER"):
        Vqa().propose(coloured()[0], "data", 3)


def test_representatives_lie_next_to_the_centres() -> None:
    points = np.concatenate([np.random.default_rng(0).normal(c, 0.1, (30, 2)) for c in (0, 5, 10)]).astype(
        np.float32
    )
    assert (nearest_to_centres(points, 3) // 30).tolist() == [0, 1, 2]
    assert (nearest_to_centres(points, 3, 2) // 30).tolist() == [0, 0, 1, 1, 2, 2]
    assert len(nearest_to_centres(np.zeros((9, 2), np.float32), 4)) == 1


def test_an_attribute_of_which_only_name_and_values_are_known_is_asked_about() -> None:
    view, _which = coloured()
    source = Vqa()
    answerer = known(source)
    given = Definition("color of the wall", "vqa", "color of the wall", ("red", "blue"))
    assigned = source.assign(
        view, "data", np.arange(6), [given, Definition("screen", "vqa", "television", ("no", "yes"))]
    )
    assert assigned[given.key].codes.tolist() == [0, 1, -1, 0, 1, -1]
    assert assigned["vqa:television"].codes.tolist() == [1, 0, 0, 1, 0, 0]
    assert answerer.looked == 6


def test_without_features_representatives_are_drawn_by_the_seed() -> None:
    view, _ = coloured()
    assert representatives(view, "data", 7, 1).tolist() == representatives(view, "data", 7, 1).tolist()
    assert len(representatives(view, "data", 7, 2)) == 14


# --- real classes of transformers, random weights ------------------------------------------------------------------


@pytest.fixture(scope="module")
def blip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_blip(tmp_path_factory.mktemp("models") / "blip")


def pictures(n: int = 4) -> list[Image.Image]:
    rng = np.random.default_rng(0)
    return [Image.fromarray(rng.integers(0, 255, (40, 30, 3)).astype(np.uint8)) for _ in range(n)]


def test_a_value_scores_what_the_librarys_own_loss_says(blip: Path) -> None:
    import torch

    answerer: Any = open_answerer(str(blip))
    definition = dataclasses.replace(asking("color of the room"), values=("red", "blue light", "green"))
    images = pictures()
    scores = answerer.choose(answerer.look(images), definition)
    model, processor = answerer._parts
    given = processor(images=images[:1], text=definition.question, return_tensors="pt")
    for j, value in enumerate(definition.values):
        ids = processor.tokenizer(value, return_tensors="pt")["input_ids"]
        ids[:, 0] = 5
        with torch.inference_mode():
            loss = model(**given, decoder_input_ids=ids, labels=ids).loss.item()
        assert scores[0, j] == pytest.approx(-loss * (ids.shape[1] - 1), rel=1e-4)


def test_free_answers_are_those_of_the_librarys_generate(blip: Path) -> None:
    answerer: Any = open_answerer(str(blip))
    definition, images = asking("color"), pictures()
    model, processor = answerer._parts
    given = processor(images=images, text=[definition.question] * len(images), return_tensors="pt")
    made = model.generate(**given, max_new_tokens=10, do_sample=False, num_beams=1)
    expected = [processor.tokenizer.decode(row[1:], skip_special_tokens=True) for row in made]
    assert answerer.answers(answerer.look(images), definition) == expected


def test_answers_do_not_depend_on_what_stands_beside_a_picture(blip: Path) -> None:
    answerer = open_answerer(str(blip))
    definition = dataclasses.replace(asking("color"), values=("red", "blue light"))
    images = pictures()
    whole = answerer.choose(answerer.look(images), definition)
    alone = np.concatenate([answerer.choose(answerer.look([i]), definition) for i in images])
    np.testing.assert_allclose(whole, alone, atol=1e-4)


def test_a_captioner_chooses_by_what_the_picture_adds(tmp_path: Path) -> None:
    answerer = open_answerer(str(tiny_blip(tmp_path / "captions", "BlipForConditionalGeneration")))
    definition = dataclasses.replace(asking("color of the room"), values=("red", "blue light"))
    grey = answerer.look([Image.new("RGB", (64, 64), (128, 128, 128))])
    np.testing.assert_allclose(answerer.choose(grey, definition), 0, atol=1e-4)
    seen = answerer.look(pictures())
    assert answerer.choose(seen, definition).shape == (4, 2) and len(answerer.answers(seen, definition)) == 4
    there = dataclasses.replace(asking("television?"), values=("yes", "no"))
    assert np.isfinite(answerer.choose(seen, there)).all()


def test_a_tiny_blip_goes_all_the_way(blip: Path) -> None:
    view, _ = coloured(20)
    source = Vqa(str(blip))
    source.propose(view, "data", 3, names=["color"])
    definition = dataclasses.replace(asking("color"), values=("red", "blue"), settings={"threshold": 0.0})
    assigned = source.assign(view, "data", np.arange(20), [definition])[definition.key]
    assert (assigned.codes >= 0).all() and assigned.confidence.dtype == np.float32


def test_numbers_that_are_none_are_told(tmp_path: Path) -> None:
    view, _ = coloured(6)
    definition = dataclasses.replace(asking("color"), values=("red", "blue"))
    with pytest.raises(UserError, match="NaN"):
        Vqa(str(tiny_blip(tmp_path / "nan", spoil=True))).assign(view, "data", np.arange(6), [definition])


def _other(folder: Path, **config: Any) -> Path:
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(b"")
    return folder


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: p / "nowhere", "There is no model folder"),
        (
            lambda p: _other(p / "bert", model_type="bert", architectures=["BertModel"]),
            "does not answer questions",
        ),
        (lambda p: _other(p / "own", model_type="blip", auto_map={"a": "b"}), "code of its own"),
        (
            lambda p: _other(p / "torn", model_type="blip", architectures=["BlipForQuestionAnswering"]),
            "can't be loaded",
        ),
        (
            lambda p: _other(p / "list", model_type=[], architectures={}),
            "There is no|does not answer|can't be read",
        ),
    ],
)
def test_folders_that_cannot_be_used_are_told_in_one_sentence(tmp_path: Path, make: Any, words: str) -> None:
    folder = str(make(tmp_path))
    with pytest.raises(UserError, match=words) as told:
        open_answerer(folder).look(pictures(1))
    assert "\n" not in str(told.value)


def test_pickled_and_missing_weights_are_refused(tmp_path: Path) -> None:
    folder = _other(tmp_path / "pickled", model_type="blip", architectures=["BlipForQuestionAnswering"])
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match="holds no weights"):
        open_answerer(str(folder))
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(UserError, match="pickle"):
        open_answerer(str(folder))
    (folder / "config.json").write_text("[1")
    with pytest.raises(UserError, match="can't be read"):
        open_answerer(str(folder))


def test_weights_that_lack_tensors_are_refused(tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = tiny_blip(tmp_path / "lacking")
    kept = {k: v for k, v in load_file(folder / "model.safetensors").items() if "text_decoder" not in k}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match="lack"):
        open_answerer(str(folder)).look(pictures(1))
