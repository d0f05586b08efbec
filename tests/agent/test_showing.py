"""Some images of what was just counted or measured: the number is kept, and so is what they are of."""

from __future__ import annotations

from pathlib import Path

import pytest

from failsight.agent.planners import showing
from failsight.agent.planners.dialogue import Act, Turn
from failsight.agent.planners.showing import Some, wanted
from failsight.knowledge_base.vocabulary import Vocabulary, recognise
from tests.agent.guided_talk import CLASSES, OBJECTS, VALUES, converse, rooms
from tests.fakes.case import FakeCase

NAMES = Vocabulary(classes=CLASSES, objects=OBJECTS, attributes=VALUES)


@pytest.fixture
def case(tmp_path: Path) -> FakeCase:
    return rooms(tmp_path / "rooms")


@pytest.mark.parametrize(
    ("said", "made"),
    [
        ("show me three of them", Some(3, pointed=True)),
        ("show me two of them", Some(2, pointed=True)),
        ("four of them please", Some(4, pointed=True)),
        ("can I see 5 of those?", Some(5, pointed=True)),
        ("let me see one of them", Some(1, pointed=True)),
        ("ok, show me a couple of these", Some(2, pointed=True)),
        ("show me half a dozen of them", Some(6, pointed=True)),
        ("show me 999 of them", Some(48, pointed=True)),
        ("ten of the wrong ones", Some(10, "wrong")),
        ("show me ten of the wrong ones", Some(10, "wrong")),
        ("show me ten randomly chosen errors", Some(10, "wrong", "any")),
        ("give me 3 random mistakes please", Some(3, "wrong", "any")),
        ("5 correct examples", Some(5, "correct")),
        ("show me three of the right ones", Some(3, "correct")),
        ("show me the five most suspicious ones", Some(5)),
        ("only the two worst please", Some(2, bare=True)),
        ("three unsure ones", Some(3, "", "unsure")),
        ("show me three of them in deployment", Some(3, split="deploy", pointed=True)),
        ("show me some of those wrong ones", Some(None, "wrong", pointed=True)),
    ],
)  # fmt: skip
def test_the_number_and_the_kind_are_read(said: str, made: Some) -> None:
    assert wanted(recognise(said, NAMES)) == made


@pytest.mark.parametrize(
    "said",
    [
        "show me three kitchens", "show me three classes", "show me 3 typical pictures", "how many of them are wrong?", "three",
        "2", "show me #3", "list the three worst rooms", "show me two reasons", "are three of them wrong because of the cat?",
        "show me three of the wrong and right ones", "show me two or three of them", "show me 0 of them", "show me them", "",
        "show me F3", "delete three of them", "label ten of them", "in three of them there is a cat", "the first one", "the wrong one", "show me 90 % of them",
    ],
)  # fmt: skip
def test_other_sentences_are_left_alone(said: str) -> None:
    assert wanted(recognise(said, NAMES)) is None


@pytest.mark.parametrize(
    ("first", "then", "shown"),
    [
        ("how many bathrooms with a cat are wrong?", "show me three of them", "show_images k=3 where=cat=yes,true=bathroom,wrong"),
        ("how many bathrooms with a cat are wrong in deployment?", "show me two of them", "show_images k=2 split=deploy where=cat=yes,true=bathroom,wrong"),
        ("how many kitchens have stools?", "ten of the wrong ones", "show_images k=10 where=stools=yes,true=kitchen,wrong"),
        ("how many kitchens with stools are right?", "show me four of the wrong ones", "show_images k=4 where=stools=yes,true=kitchen,wrong"),
        ("what are bathrooms taken for?", "show me three of them", "show_images class_name=bathroom k=3 where=wrong"),
        ("how good is it?", "show me ten randomly chosen errors", "show_images k=10 order=any where=wrong"),
        ("show me wrong kitchens", "only the two worst please", "show_images class_name=kitchen k=2 where=wrong"),
        ("show me the biggest confusions", "top 20", "confusion_matrix top=20"),
        ("show me wrong kitchens", "three of them please", "show_images class_name=kitchen k=3 where=wrong"),
        ("show me wrong kitchens", "show me 5 of the right ones", "show_images class_name=kitchen k=5 where=correct"),
    ],
)  # fmt: skip
def test_pictures_are_of_what_was_last_measured(first: str, then: str, shown: str, case: FakeCase) -> None:
    assert str(converse(case, [first, then])[-1]) == shown


def test_another_split_afterwards_keeps_the_number(case: FakeCase) -> None:
    got = converse(
        case, ["how many bathrooms with a cat are wrong?", "show me three of them", "no, I meant deployment"]
    )
    assert str(got[-1]) == "show_images k=3 split=deploy where=cat=yes,true=bathroom,wrong"


def test_evidence_with_its_own_images_lists_so_many(case: FakeCase) -> None:
    got = converse(
        case, ["are there wrong labels?", "show me one of them", "show me three of the right ones"]
    )
    assert "1 of the 2 images of E2" in got[1].words
    assert "`E2#1`" in got[1].words
    assert "`E2#2`" not in got[1].words
    assert not got[2].tool
    assert "None of the images of E2 is answered right" in got[2].words


def test_without_anything_measured_it_is_said(tmp_path: Path) -> None:
    case = rooms(tmp_path / "rooms")
    got = converse(case, ["show me three of them", "show me ten randomly chosen errors", "two of them"])
    assert got[0].words.startswith("Nothing was counted or measured yet")
    assert str(got[1]) == "show_images k=10 order=any where=wrong"
    assert str(got[2]) == "show_images k=2 order=any where=wrong"
    assert (
        str(converse(case, ["show me ten wrong kitchens"])[0])
        == "show_images class_name=kitchen k=10 where=wrong"
    )


def test_what_failed_is_nothing_that_was_measured(case: FakeCase) -> None:
    turns = [
        Turn("how good is it?", (Act("evaluate", {}, "E1"),)),
        Turn("compare", (Act("compare_models", {}, ""),)),
    ]
    made = showing.answered(case, recognise("show me three of the wrong ones", NAMES), turns)
    assert made is not None
    assert made.tool_calls[0]["name"] == "show_images"
    assert "E1" in made.text
