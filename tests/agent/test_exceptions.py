"""Suspicions that take something back, deny, or name what the case does not have."""

from __future__ import annotations

from typing import Any

import pytest

from failsight.agent.planners.hypotheses import Proposal, Unclear, suspicion
from failsight.knowledge_base.vocabulary import Vocabulary, recognise

ROOMS = Vocabulary(
    classes=("bathroom", "bedroom", "dining_room", "kitchen", "living_room"),
    attributes={"lighting": ("bright", "dark"), "annotator": ("A", "B")},
    objects=("television", "cat", "plant", "stools", "stove"),
)
OTHERS = Vocabulary(
    classes=("кухня", "ванная", "厨房", "浴室", "부엌", "مطبخ"), attributes={"weather": ("rainy", "dry")}
)


def read(sentence: str, names: Vocabulary = ROOMS) -> Any:
    return suspicion(recognise(sentence, names))


@pytest.mark.parametrize(
    ("sentence", "kind", "cue"),
    [
        ("I think it's not the cat but the plant that makes it say kitchen", "spurious_correlation", "box:plant"),
        ("it's the plant, not the cat, that makes it say kitchen", "spurious_correlation", "box:plant"),
        ("I think it uses the plant rather than the cat to say kitchen", "spurious_correlation", "box:plant"),
        ("I believe it uses the stove instead of the stools to say kitchen", "spurious_correlation", "box:stove"),
        ("I think it's underfitting, not overfitting", "underfitting", None),
        ("I think it isn't the labels, it's the preprocessing", "preprocessing", None),
        ("I suspect leakage and not overfitting", "leakage", None),
        ("I doubt that it uses the cat to say kitchen", "missing_feature", "box:cat"),
        ("it does not use the television to say living room", "missing_feature", "box:television"),
        ("I think it has not been trained long enough", "underfitting", None),
    ],
)  # fmt: skip
def test_what_is_set_aside_is_not_the_suspicion(sentence: str, kind: str, cue: str | None) -> None:
    made = read(sentence)
    assert isinstance(made, Proposal) and made.arguments["kind"] == kind and made.arguments.get("cue") == cue


@pytest.mark.parametrize(
    ("sentence", "way"),
    [
        ("I believe kitchens are taken for dining rooms unless there are stools", "exception"),
        ("I think it fails on bright images except in kitchens", "exception"),
        ("I think it says kitchen because of the cat, but only in bathrooms", "exception"),
        ("I think it fails on dark images apart from bedrooms", "exception"),
        ("I think there is no leakage", "denied"),
        ("the labels are not wrong", "denied"),
        ("it is not overfitting", "denied"),
        ("I think the television is not the reason for living room errors", "denied"),
        ("I think cats are confused with plants", "class"),
    ],
)
def test_exceptions_and_denials_are_asked_about(sentence: str, way: str) -> None:
    made = read(sentence)
    assert isinstance(made, Unclear) and made.missing == way


@pytest.mark.parametrize(
    ("sentence", "name"),
    [
        ("I think кухня fails when weather is rainy", "кухня"),
        ("I think 부엌은 fails in rainy weather", "부엌"),
        ("I think مطبخ is hard when rainy", "مطبخ"),
    ],
)
def test_names_in_any_script_are_names(sentence: str, name: str) -> None:
    made = read(sentence, OTHERS)
    assert isinstance(made, Proposal)
    assert made.arguments["class_name"] == name and made.arguments["where"] == ("weather=rainy",)


def test_names_are_found_in_a_run_of_letters() -> None:
    assert recognise("厨房经常被叫做浴室吗", OTHERS).of("class") == ["厨房", "浴室"]
    assert recognise("как часто кухня названа ванная?", OTHERS).of("class") == ["кухня", "ванная"]
    assert recognise("café or Küche?", Vocabulary(classes=("Cafe", "küche"))).of("class") == ["Cafe", "küche"]


def test_a_name_that_is_not_there_makes_no_broader_suspicion() -> None:
    made = read("I think гараж fails when weather is rainy", OTHERS)
    assert isinstance(made, Unclear) and (made.missing, made.cue) == ("name", "гараж")
