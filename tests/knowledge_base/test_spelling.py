"""Slips of the keyboard: forgiven where one word alone is near, and said."""

from __future__ import annotations

import pytest

from failsight.knowledge_base import Vocabulary, route
from failsight.knowledge_base.counts import named
from failsight.knowledge_base.directions import directions
from failsight.knowledge_base.spelling import corrected, misread
from failsight.knowledge_base.vocabulary import recognise

ROOMS = Vocabulary(
    classes=("bathroom", "bedroom", "dining_room", "kitchen", "living_room"),
    attributes={"lighting": ("dark", "bright")},
    objects=("television", "stools"),
    images=("kitchen/matirx_0001.png",),
)
DIGITS = Vocabulary(classes=tuple("0123456789"))


@pytest.mark.parametrize(
    ("typed", "right"),
    [
        ("confusion matirx", "confusion matrix"),
        ("what is the acuracy?", "what is the accuracy?"),
        ("show me the mistkaes", "show me the mistakes"),
        ("is it overfiting", "is it overfitting"),
        ("bathrom confusoin", "bathrom confusion"),  # names of the case stay as they were typed
        ("the Kichen is fine", "the Kichen is fine"),
        ("what does predictive mean", "what does predictive mean"),
        ("explain matirx_0001.png", "explain matirx_0001.png"),
        ("where=laebl", "where=laebl"),
        ("lables frobnicate", "labels frobnicate"),
        ("", ""),
    ],
)
def test_words_of_the_trade_are_spelt_right(typed: str, right: str) -> None:
    assert corrected(typed, ROOMS) == right


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("how good is bathrom?", [("bathrom", "bathroom")]),
        ("kichen matirx", [("kichen", "kitchen"), ("matirx", "matrix")]),
        ("Dining-Rooms and livingroom, televisions", []),
        ("kitchen", []),
    ],
)
def test_what_was_read_otherwise_is_said(typed: str, read: list[tuple[str, str]]) -> None:
    assert misread(typed, ROOMS) == read


def test_a_word_between_two_names_is_neither() -> None:
    names = Vocabulary(classes=("marble", "marbly"))
    assert not recognise("marblx", names).found
    assert [m.name for m in recognise("marble", names).found] == ["marble"]


@pytest.mark.parametrize(
    ("typed", "true", "predicted"),
    [("5s called 3s", "5", "3"), ("5's called 3's", "5", "3"), ("how many 7s are taken for 1s?", "7", "1")],
)
def test_digits_have_a_plural(typed: str, true: str, predicted: str) -> None:
    assert directions(named(typed, DIGITS)) == (true, predicted)
    assert not named("the 80s", DIGITS).found


@pytest.mark.parametrize(
    ("typed", "arguments"),
    [
        ("check the training labels for kitchen", {"split": "train", "class_name": "kitchen"}),
        ("are the training labels right?", {"split": "train"}),
        ("check the labels", {}),
        ("verify the bathroom labels please", {"class_name": "bathroom"}),
    ],
)
def test_labels_are_checked_in_the_split_that_is_named(typed: str, arguments: dict[str, str]) -> None:
    tools = {"label_noise": ("split", "class_name"), "evaluate": ("split",)}
    names = Vocabulary(classes=ROOMS.classes, tools=tools)
    assert route(typed, names).call == {"tool": "label_noise", "arguments": arguments}


@pytest.mark.parametrize(
    ("typed", "attributes"),
    [
        ("is it worse with a television?", ["television"]),
        ("is the lighting a problem?", ["lighting"]),
        ("does it do better when it is bright?", ["lighting"]),
    ],
)
def test_whether_it_is_worse_looks_at_the_thing_that_is_named(typed: str, attributes: list[str]) -> None:
    tools = {
        "find_slices": ("attributes", "within_class"),
        "test_by_adding": ("cue",),
        "evaluate": ("split",),
    }
    names = Vocabulary(classes=ROOMS.classes, attributes=ROOMS.attributes, objects=ROOMS.objects, tools=tools)
    assert route(typed, names).call == {"tool": "find_slices", "arguments": {"attributes": attributes}}


@pytest.mark.parametrize(
    ("typed", "tool"),
    [
        ("how bad is it?", "evaluate"),
        ("how good is the model really", "evaluate"),
        ("are my images too dark?", "data_statistics"),
    ],
)
def test_first_questions_go_to_the_tool_that_measures_it(typed: str, tool: str) -> None:
    tools = {"evaluate": ("split",), "data_statistics": ("split", "class_name"), "confusion_matrix": ("top",)}
    found = route(typed, Vocabulary(classes=ROOMS.classes, tools=tools)).call
    assert found is not None and found["tool"] == tool


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("is it worse in the morning?", []), ("how are the houses at sleep?", ["house"]), ("one more hose than planes", ["plane"]),
        ("are hosre pictures wrong?", ["horse"]), ("how good on shepe and plaen?", ["sheep", "plane"]),
    ],
)  # fmt: skip
def test_an_english_word_is_no_slip_of_a_class(text: str, names: list[str]) -> None:
    found = recognise(text, Vocabulary(classes=("horse", "house", "plane", "sheep")))
    assert found.of("class") == names


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("only foggy", ["weather=fog"]), ("when it is sunny", ["weather=sun"]), ("icy and snowy", ["weather=ice", "weather=snow"]),
        ("while it was raining", ["weather=rain"]), ("based on the ice", ["weather=ice"]), ("is the training set ready?", []), ("are many dirty?", ["spot=dirt"]),
        ("a tiny spot", []),  # of tin, or of tine
    ],
)  # fmt: skip
def test_a_value_is_known_in_other_forms_of_its_word(text: str, values: list[str]) -> None:
    columns = {
        "weather": ("fog", "ice", "rain", "snow", "sun", "tin"),
        "spot": ("dirt", "tine"),
        "mode": ("train", "read", "man", "base"),
    }
    assert recognise(text, Vocabulary(attributes=columns)).of("value") == values
