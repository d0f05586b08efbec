"""Which class of a sentence is the true one and which the answer: what is mistaken *for* a kitchen is called kitchen."""

from __future__ import annotations

from typing import Any

import pytest

from failsight.knowledge_base import Vocabulary, route
from failsight.knowledge_base.directions import asks_for_confusions, directions
from failsight.knowledge_base.vocabulary import recognise
from tests.knowledge_base.test_routing import CASE

ANSWER = """
kitchen | what gets mistaken for a kitchen?
living_room | what does it confuse with living room?
kitchen | which images are taken for kitchen?
kitchen | what is called kitchen?
kitchen | what else is called kitchen?
bedroom | which classes get called bedroom?
kitchen | how often is something wrongly called kitchen?
bathroom | which pictures are mistaken for bathrooms?
bathroom | what does it mistake for a bathroom?
kitchen | what does it take for kitchens?
kitchen | what is most often confused with kitchen?
kitchen | which rooms get mixed up with kitchens?
dining_room | what does the model mix up with dining rooms?
living_room | which photos end up as living room?
bedroom | what comes out as bedroom?
kitchen | what is seen as a kitchen?
kitchen | anything that passes for a kitchen?
kitchen | what was classified as kitchen by mistake?
kitchen | which images does it wrongly recognise as kitchen?
dining_room | show me everything that was mistaken for a dining room
bathroom | how many pictures are taken for bathrooms?
kitchen | what gets labelled as kitchen by the model?
kitchen | what lands in kitchen?
bedroom | what is falsely identified as a bedroom?
kitchen | which rooms does it read as kitchens?
living_room | for which pictures does it falsely shout living room?
bedroom | what are the false alarms for bedroom?
kitchen | when does it say kitchen?
kitchen | what is predicted as kitchen
bathroom | false positives of bathroom
kitchen | which images called kitchen come from annotator B?
kitchen | what has been mistaken for the kitchen so far?
bathroom | is anything else mistaken for a bathroom?
bathroom | which classes does it confuse with bathroom?
kitchen | what would be taken to be a kitchen?
kitchen | which images does it call kitchens?
kitchen | what else does it call kitchen?
"""
SHOWN = """
kitchen | what is kitchen mistaken for?
kitchen | what are kitchens taken for?
kitchen | what do kitchens get confused with
kitchen | with what is kitchen confused?
kitchen | with which classes does it confuse kitchens?
kitchen | which classes does it confuse kitchens with?
kitchen | what does it confuse kitchens with?
kitchen | what does it mistake a kitchen for?
kitchen | what does it take kitchens for?
kitchen | what does it classify kitchens as?
kitchen | for which class does it take kitchens?
kitchen | as what does it label kitchens?
dining_room | how many dining rooms are called something else?
kitchen | does it call kitchens something else?
kitchen | what does it predict instead of kitchen
dining_room | what does it think dining rooms are?
bedroom | when it gets a bedroom wrong, what does it call it instead?
kitchen | if it's a kitchen and it errs, what does it say?
bathroom | bathrooms, what are they predicted as?
living_room | living rooms get confused with what?
kitchen | does it recognise kitchens?
kitchen | show the misclassified kitchens
kitchen | the mistaken kitchens please
kitchen | which images labelled kitchen are called something else?
kitchen | what mistakes does it make on kitchens?
bedroom | which wrong answers does it give for bedrooms?
kitchen | what does it say for kitchens?
kitchen | how often is kitchen confused?
kitchen | which kitchens go wrong?
kitchen | where do kitchens end up?
kitchen | what do kitchens turn into?
kitchen | when it sees a kitchen, what does it say?
kitchen | what are the kitchens mistaken for
kitchen | into what do kitchens turn?
kitchen | which class is kitchen most often taken for?
kitchen | what is the kitchen called?
kitchen | what does it call kitchens when it is wrong
kitchen | what does it usually call the kitchens?
kitchen | what if a television shows up in the kitchen
"""
BOTH = """
kitchen | dining_room | would it call a kitchen with a television a dining room
kitchen | living_room | kitchens called living room
kitchen | living_room | living room instead of kitchen
bathroom | bedroom | why does it say bedroom and not bathroom
bedroom | living_room | bedrooms are mistaken for living rooms
dining_room | kitchen | how often is a dining room called a kitchen?
kitchen | dining_room | how often does it call a kitchen a dining room?
dining_room | kitchen | why are dining rooms confused with kitchens?
bathroom | kitchen | why does it call bathrooms kitchens?
bathroom | kitchen | the model confuses bathrooms with kitchens when there is a cat
bathroom | kitchen | does it say kitchen for bathrooms?
bathroom | kitchen | does it answer kitchen on bathroom images?
bathroom | kitchen | let me see the bathrooms it takes for kitchens
bathroom | kitchen | which images called kitchen are bathrooms?
bathroom | kitchen | what is mistaken for kitchen, bathrooms?
bathroom | kitchen | how often does it mistake bathrooms for kitchens?
bathroom | kitchen | bathrooms that pass for kitchens
bathroom | kitchen | does it take a bathroom to be a kitchen?
bathroom | kitchen | what is taken for a kitchen but is really a bathroom?
bathroom | kitchen | which images does it call kitchen that are really bathrooms?
bathroom | kitchen | it predicts kitchen although it is a bathroom
bathroom | kitchen | true bathroom, predicted kitchen
bathroom | kitchen | predicted kitchen, true bathroom
kitchen | bathroom | is it calling kitchens bathrooms?
kitchen | dining_room | give me the kitchens that came out as dining rooms
kitchen | bathroom | does it label kitchens as bathrooms?
"""


def lines(text: str) -> list[list[str]]:
    return [line.split(" | ") for line in text.strip().splitlines()]


@pytest.mark.parametrize(("predicted", "sentence"), lines(ANSWER))
def test_what_stands_behind_taken_for_and_says_is_the_answer(predicted: str, sentence: str) -> None:
    assert directions(recognise(sentence, CASE)) == (None, predicted)


@pytest.mark.parametrize(("true", "sentence"), lines(SHOWN))
def test_what_is_taken_is_what_the_images_show(true: str, sentence: str) -> None:
    assert directions(recognise(sentence, CASE)) == (true, None)


@pytest.mark.parametrize(("true", "predicted", "sentence"), lines(BOTH))
def test_of_two_classes_each_has_its_side(true: str, predicted: str, sentence: str) -> None:
    assert directions(recognise(sentence, CASE)) == (true, predicted)


@pytest.mark.parametrize(
    ("sentence", "arguments"),
    [
        ("which images are taken for kitchen?", {"predicted_class": "kitchen"}),
        ("what gets mistaken for a kitchen?", {"predicted_class": "kitchen"}),
        ("what does it confuse with living room?", {"predicted_class": "living_room"}),
        ("show me the images called kitchen", {"predicted_class": "kitchen"}),
        ("which pictures are mistaken for bathrooms?", {"predicted_class": "bathroom"}),
        ("how many pictures are taken for bathrooms?", {"predicted_class": "bathroom"}),
        ("pictures that pass for a kitchen", {"predicted_class": "kitchen"}),
        ("what comes out as bedroom?", {"predicted_class": "bedroom"}),
        ("show the top 5 images mistaken for kitchen", {"predicted_class": "kitchen", "top": 5}),
        ("what is taken for kitchen on the training images?", {"predicted_class": "kitchen", "split": "train"}),
        ("let me see the bathrooms it takes for kitchens", {"true_class": "bathroom", "predicted_class": "kitchen"}),
        ("the bedrooms that end up as living rooms", {"true_class": "bedroom", "predicted_class": "living_room"}),
        ("are there bathrooms it takes for kitchens?", {"true_class": "bathroom", "predicted_class": "kitchen"}),
    ],
)  # fmt: skip
def test_images_by_what_they_are_taken_for_are_confusions(sentence: str, arguments: dict[str, Any]) -> None:
    assert route(sentence, CASE).call == {"tool": "confusion_matrix", "arguments": arguments}


@pytest.mark.parametrize(
    "sentence",
    [
        "why is everything called kitchen?",
        "how sure is it when something is called kitchen?",
        "which images are labelled kitchen?",
        "which images are taken in kitchens?",
        "are kitchens with a cat taken for bathrooms?",
        "is kitchen_0012.png taken for a bedroom?",
        "does a dark kitchen pass for a bathroom?",
        "bathrooms, kitchens and bedrooms taken for dining rooms",
        "call me when it is done",
        "",
    ],
)
def test_sentences_that_ask_for_more_are_left_to_the_bank(sentence: str) -> None:
    assert not asks_for_confusions(recognise(sentence, CASE))


@pytest.mark.parametrize("name", ["C0", "c1", "as", "for", "what", "it", "called"])
def test_classes_may_be_called_like_words_of_the_rules(name: str) -> None:
    """Nothing breaks, and what is given is a class of the case."""
    case = Vocabulary(classes=(name, "kitchen"))
    for sentence in (
        f"what is {name} taken for?",
        f"is {name} called kitchen?",
        f"kitchen instead of {name}",
    ):
        assert set(directions(recognise(sentence, case))) <= {name, "kitchen", None}


@pytest.mark.parametrize(
    "sentence", ["taken " + "mostly " * 60 + "for kitchen", "for kitchen " * 40, "as what " * 50 + "kitchen"]
)
def test_long_sentences_cost_no_time(sentence: str) -> None:
    import time

    start = time.perf_counter()
    directions(recognise(sentence[:400], CASE))
    assert time.perf_counter() - start < 0.5
