"""Zero-shot assignment: known answers with hand-made embeddings, calibration, abstention, hostile definitions."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failsight.tools.attributes.definitions import Definition
from failsight.tools.attributes.vocabulary import bank
from failsight.tools.attributes.zero_shot import (
    LEAST_MARGIN,
    ZeroShot,
    assign_values,
    embed_values,
    fit_calibration,
    phrases_of,
    probabilities,
    texts_of,
    varying,
)
from failsight.tools.errors import RetryError

WORDS = ("cat", "dog", "red", "blue", "green", "night", "day")


class Bag:
    """An encoder whose texts are the sum of the directions of the words it knows; pictures are given as such sums.

    Unknown words share one direction of their own, so that every text has a length.
    """

    name, fingerprint, bias = "bag of words", "bag", 0.0
    vocabulary: tuple[Definition, ...] = ()

    def __init__(self, scale: float = 20.0) -> None:
        self.scale = scale
        self.calls: list[list[str]] = []

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        self.calls.append(list(texts))
        made = np.zeros((len(texts), len(WORDS) + 1), np.float32)
        made[:, -1] = 0.05
        for k, text in enumerate(texts):
            for j, word in enumerate(WORDS):
                made[k, j] += word in text
        return made / np.linalg.norm(made, axis=1, keepdims=True)

    def embed_images(self, images: Sequence[Any]) -> np.ndarray:
        raise AssertionError("no pictures here")


def pictures(*shown: str) -> np.ndarray:
    return Bag().embed_texts(shown)


def attribute(name: str, *values: str, **more: Any) -> Definition:
    return Definition(name, "zero_shot", name, tuple(values), **more)


ANIMAL = attribute("animal", "cat", "dog")
COLOUR = attribute("colour", "red", "blue", "green")


def test_every_picture_takes_the_value_its_words_name() -> None:
    words = embed_values(Bag(), [ANIMAL, COLOUR])
    found = assign_values(pictures("red cat", "blue dog", "green dog"), words)
    assert found[ANIMAL.key].codes.tolist() == [0, 1, 1]
    assert found[COLOUR.key].codes.tolist() == [0, 1, 2]
    assert found[COLOUR.key].codes.dtype == np.int16
    assert found[COLOUR.key].confidence.dtype == np.float32


def test_a_picture_that_shows_neither_value_gets_none() -> None:
    found = assign_values(pictures("night", "cat dog", "cat"), embed_values(Bag(), [ANIMAL]))[ANIMAL.key]
    assert found.codes.tolist() == [-1, -1, 0]
    assert found.confidence[:2].tolist() == [0.0, 0.0]
    assert found.confidence[2] > 0.9


def test_confidence_is_the_softmax_of_scaled_cosines() -> None:
    encoder = Bag(scale=3.0)
    sure = dataclasses.replace(COLOUR, settings={"threshold": 0.0})
    words = embed_values(encoder, [sure])
    seen = pictures("red", "red blue", "day")
    logits = 3.0 * seen.astype(np.float64) @ words.vectors.T.astype(np.float64)
    softmax = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    found = assign_values(seen, words)[sure.key]
    np.testing.assert_allclose(found.confidence, softmax.max(1), rtol=1e-5)
    np.testing.assert_allclose(probabilities(seen, words, 0), softmax, rtol=1e-5)


def test_a_higher_temperature_is_less_sure_and_a_stored_threshold_is_used() -> None:
    seen = pictures("red cat", "cat", "cat cat night day red blue green")
    cool, warm = ({"temperature": t, "threshold": 0.0} for t in (0.5, 4.0))
    first = assign_values(seen, embed_values(Bag(), [dataclasses.replace(ANIMAL, settings=cool)]))[ANIMAL.key]
    second = assign_values(seen, embed_values(Bag(), [dataclasses.replace(ANIMAL, settings=warm)]))[
        ANIMAL.key
    ]
    assert (second.confidence < first.confidence).all()
    assert (first.codes == second.codes).all()
    strict = dataclasses.replace(ANIMAL, settings={"threshold": 1.01})
    assert (assign_values(seen, embed_values(Bag(), [strict]))[ANIMAL.key].codes == -1).all()


def test_a_calibration_counts_only_with_the_encoder_that_it_was_fitted_for() -> None:
    own = {"temperature": 0.5, "threshold": 0.9, "calibrated_for": Bag().fingerprint}
    words = embed_values(Bag(), [dataclasses.replace(ANIMAL, settings=own)])
    assert (words.factors, words.thresholds) == ((Bag().scale / 0.5,), (0.9,))
    foreign = embed_values(
        Bag(), [dataclasses.replace(ANIMAL, settings={**own, "calibrated_for": "another"})]
    )
    plain = embed_values(Bag(), [ANIMAL])
    assert (foreign.factors, foreign.thresholds) == (plain.factors, plain.thresholds)


def test_without_a_stored_threshold_more_values_need_less_confidence() -> None:
    words = embed_values(Bag(), [ANIMAL, COLOUR])
    assert words.thresholds == pytest.approx((0.5 + LEAST_MARGIN / 2, 1 / 3 + LEAST_MARGIN * 2 / 3))


def test_all_prompts_of_all_attributes_are_embedded_in_one_call_each_once() -> None:
    encoder = Bag()
    again = attribute("beast", "cat", "dog", phrases={"cat": ("cat",), "dog": ("dog",)})
    embed_values(encoder, [again, dataclasses.replace(again, origin="second"), COLOUR])
    assert len(encoder.calls) == 1
    assert len(set(encoder.calls[0])) == len(encoder.calls[0])
    assert "a photo of cat." in encoder.calls[0]


def test_phrases_are_averaged_over_templates() -> None:
    class Shifty(Bag):
        def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
            made = super().embed_texts(texts).copy()
            made[:, -1] += [0.5 * text.startswith("a photo") for text in texts]
            return made / np.linalg.norm(made, axis=1, keepdims=True)

    encoder = Shifty()
    one = attribute("animal", "cat", "dog", phrases={"cat": ("cat",), "dog": ("dog",)})
    words = embed_values(encoder, [one])
    parts = encoder.embed_texts(texts_of(("cat",))).mean(0)
    np.testing.assert_allclose(words.vectors[0], parts / np.linalg.norm(parts), rtol=1e-5)


def test_classes_are_filled_in_and_averaged_only_where_a_phrase_asks_for_them() -> None:
    assert texts_of(("a {class} at night",), ("living_room", "hall"), ("{}",)) == [
        "a living room at night",
        "a hall at night",
    ]
    assert texts_of(("night",), ("living_room", "hall"), ("{}",)) == ["night"]
    assert texts_of(("a {class}",), (), ("{}",)) == ["a thing"]


def test_phrases_are_made_from_names_where_there_are_none() -> None:
    lamp = attribute("floor_lamp", "no", "yes", phrases={"yes": ("  ",)})
    assert phrases_of(lamp, "yes") == ("a floor lamp", "a scene with a floor lamp")
    assert phrases_of(lamp, "no") == ("no floor lamp", "a scene without a floor lamp")
    weather = attribute("weather", "rain", "sun")
    assert phrases_of(weather, "rain") == ("rain", "rain weather")
    assert phrases_of(dataclasses.replace(weather, name="sky"), "rain") == phrases_of(weather, "rain")


@pytest.mark.parametrize(
    "odd",
    [
        attribute("nothing"),
        attribute("one", "cat"),
        attribute("same", "cat", "Cat", " CAT "),
        attribute("blank", "", " "),
    ],
)
def test_an_attribute_with_nothing_to_choose_from_gives_no_values(odd: Definition) -> None:
    found = assign_values(pictures("cat", "dog"), embed_values(Bag(), [odd, ANIMAL]))
    assert found[odd.key].codes.tolist() == [-1, -1]
    assert found[odd.key].confidence.tolist() == [0, 0]
    assert found[ANIMAL.key].codes.tolist() == [0, 1]


def test_values_written_twice_count_once_and_codes_stay_positions_in_the_definition() -> None:
    doubled = attribute("animal", "", "cat", "CAT", "dog")
    found = assign_values(pictures("cat", "dog"), embed_values(Bag(), [doubled]))[doubled.key]
    assert found.codes.tolist() == [1, 3]


@pytest.mark.parametrize(
    "value", ["{}", "{class}", "{0}", "{x!r}", "%s", "\\", "💥", "a" * 5000, "\u202e", "<b>"]
)
def test_odd_characters_are_only_words(value: str) -> None:
    odd = attribute("animal", "cat", value)
    found = assign_values(pictures("cat"), embed_values(Bag(), [odd], ("hall",)))[odd.key]
    assert found.codes.tolist() == [0]


def test_rows_that_are_not_finite_get_no_value() -> None:
    seen = pictures("cat", "dog", "cat")
    seen[1] = np.nan
    seen[2, 0] = np.inf
    with np.errstate(invalid="ignore"):
        found = assign_values(seen, embed_values(Bag(), [ANIMAL]))[ANIMAL.key]
    assert found.codes.tolist() == [0, -1, -1]


def test_no_pictures_and_no_attributes_are_fine() -> None:
    words = embed_values(Bag(), [ANIMAL])
    assert len(assign_values(pictures()[:0].reshape(0, len(WORDS) + 1), words)[ANIMAL.key].codes) == 0
    assert assign_values(pictures("cat"), embed_values(Bag(), [])) == {}


def test_four_hundred_attributes_over_blocks_are_as_good_as_one() -> None:
    rng = np.random.default_rng(0)
    seen = rng.normal(size=(9001, len(WORDS) + 1)).astype(np.float32)
    seen /= np.linalg.norm(seen, axis=1, keepdims=True)
    many = [dataclasses.replace(COLOUR, origin=f"colour {k}") for k in range(400)]
    found = assign_values(seen, embed_values(Bag(), many))
    alone = assign_values(seen, embed_values(Bag(), [COLOUR]))[COLOUR.key]
    assert len(found) == 400
    assert all((one.codes == alone.codes).all() for one in found.values())


@given(st.integers(0, 10_000), st.integers(2, 6))
@settings(max_examples=30, deadline=None)
def test_the_winner_is_the_nearest_value(seed: int, values: int) -> None:
    rng = np.random.default_rng(seed)
    seen, words = rng.normal(size=(40, 5)).astype(np.float32), rng.normal(size=(values, 5)).astype(np.float32)
    one = attribute("x", *"abcdef"[:values], settings={"threshold": 0.0})
    made = dataclasses.replace(embed_values(Bag(), [one]), vectors=words)
    assert (assign_values(seen, made)[one.key].codes == (seen @ words.T).argmax(1)).all()


# -- calibration ------------------------------------------------------------------------------------


def test_the_fitted_temperature_is_the_one_that_made_the_labels() -> None:
    rng = np.random.default_rng(0)
    cosines = rng.normal(size=(20_000, 3)).astype(np.float32)
    logits = cosines * 10 / 2.5
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    truth = (p.cumsum(1) < rng.random((len(p), 1))).sum(1).clip(0, 2)
    found = fit_calibration(cosines, truth, 10.0, accuracy=0.0)
    assert found.temperature == pytest.approx(2.5, rel=0.06)
    assert found.threshold == 0.0


def test_the_threshold_leaves_out_no_more_than_it_may_and_no_more_than_it_must() -> None:
    margin = np.linspace(0.01, 1, 1000)
    cosines = np.stack([margin, -margin], 1).astype(np.float32)
    truth = np.zeros(1000, np.int64)
    truth[:60] = 1  # the 60 least sure are wrong
    full = fit_calibration(cosines, truth, 5.0, accuracy=1.0, keep=0.5)
    sure = 1 / (1 + np.exp(-2 * 5.0 * margin / full.temperature))
    assert (sure >= full.threshold).sum() == 940
    bound = fit_calibration(cosines, truth, 5.0, accuracy=1.0, keep=0.97)
    assert (sure >= bound.threshold).sum() == 970
    with pytest.raises(ValueError, match="known values"):
        fit_calibration(cosines[:0], truth[:0], 5.0)
    with pytest.raises(ValueError, match="known values"):
        fit_calibration(cosines, truth + 5, 5.0)


# -- the source -------------------------------------------------------------------------------------


class View:
    """Just what the source asks of a case."""

    classes = ("cat", "dog")

    def __init__(self, encoder: Bag | None, rows: Sequence[int], seen: np.ndarray) -> None:
        self._encoder, self._rows, self._seen = encoder, np.array(rows, np.int64), seen

    def encoder(self) -> Bag:
        if self._encoder is None:
            raise RetryError("This case has no encoder that knows words.")
        return self._encoder

    def embeddings(self, split: str = "data") -> tuple[np.ndarray, np.ndarray]:
        return self._rows, self._seen


def test_rows_are_found_whatever_their_order_and_missing_ones_get_nothing() -> None:
    view: Any = View(Bag(), [7, 3, 5], pictures("red", "blue", "green"))
    found = ZeroShot().assign(view, "data", np.array([3, 4, 5, 7, 99]), [COLOUR])[COLOUR.key]
    assert found.codes.tolist() == [1, -1, 2, 0, -1]
    empty: Any = View(Bag(), [], pictures()[:0].reshape(0, len(WORDS) + 1))
    assert ZeroShot().assign(empty, "data", np.array([0]), [COLOUR])[COLOUR.key].codes.tolist() == [-1]


def test_the_encoder_s_own_attributes_are_proposed_but_never_the_class() -> None:
    encoder = Bag()
    encoder.vocabulary = (ANIMAL, COLOUR, attribute("kind", "dog", "cat", "none"))
    view: Any = View(encoder, [0], pictures("red"))
    assert [d.name for d in ZeroShot().propose(view, "data", 10)] == ["colour"]
    assert ZeroShot().propose(view, "data", 0) == []


def test_of_the_general_bank_what_varies_is_proposed() -> None:
    encoder = Bag(scale=40.0)
    seen = pictures(*["something red", "something blue", "night", "day"] * 10)
    view: Any = View(encoder, range(40), seen)
    proposed = [d.name for d in ZeroShot().propose(view, "data", 50)]
    assert "time of day" in proposed or "main colour" in proposed
    assert len(proposed) < len(bank())
    with pytest.raises(RetryError, match="no encoder"):
        ZeroShot().propose(View(None, [0], seen), "data", 5)  # type: ignore[arg-type]


def test_constant_and_mostly_unknown_attributes_are_not_proposed() -> None:
    seen = pictures(*["red cat"] * 50, *["blue"] * 50)
    found = assign_values(seen, embed_values(Bag(), [ANIMAL, COLOUR, attribute("time", "night", "day")]))
    assert [d.name for d in varying([ANIMAL, COLOUR], found)] == ["colour"]


def test_the_bank_is_whole() -> None:
    assert len(bank()) >= 30
    assert len({d.name for d in bank()}) == len(bank())
    for definition in bank():
        assert set(definition.phrases) == set(definition.values)
        assert all(isinstance(v, str) for v in definition.values)
        assert definition.question.endswith("?")
