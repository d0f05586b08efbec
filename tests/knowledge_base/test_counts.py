"""Numbers that count something are no names of classes, in cases whose classes are called by numbers."""

from __future__ import annotations

from typing import Any

import pytest

from failsight.knowledge_base import Vocabulary, route
from failsight.knowledge_base.counts import counts, named
from failsight.knowledge_base.vocabulary import recognise
from tests.knowledge_base.test_routing import TOOLS

DIGITS = Vocabulary(
    classes=(*map(str, range(10)), "12", "100"),
    attributes={"weather": ("rainy", "sunny")},
    images=tuple(f"a/{i:04d}.png" for i in range(50)),
    tools={**TOOLS, "nearest": ("image",), "select_data": ("budget",), "unknown_unknowns": ("class_name",)},
)
COUNTED = """
show me the top 3 confusions
only the top 5
list 4 images it gets wrong
show me 5 images
the 3 worst classes
3 worst
the worst 3
its 5 biggest confusions
the first 5 errors
at least 5 %
what if it was 5% darker
depth 2
depth=3
one of the 5 classes
5 out of 10
1 in 10 images
in 3 of 4 cases
2 or 3 images
label 100 more images
pick 5 new images
10 conditions
all 10 classes
3 times
in 5 seconds
5 ms
brightness -5
show me the 5 pictures it gets wrong
show the 3 most common mix-ups
5 most
between 3 and 5 images
take the 12 hardest images
a budget of 100
the 4 worst mistakes
accuracy of at least 9 out of 10
"""
BOTH = """
3 | show me 5 misclassified images of 3
3 | show me 5 images of class 3
3 | top 5 confusions of 3
7 | give me 3 examples of 7
3 | worst 5 for class 3
3 | what are the 8 errors of 3
5 | sample 12 images of 5
5 | recall of 5 at least 80 %
5,3 | what are 5 and 3 taken for?
5,3 | how often is a 5 called 3?
5 | is it overconfident on class 5?
5 | how many 5 images are there
5 | only 5
5 | the digit 5 pictures
3,8 | what distinguishes 3 from 8?
5,3 | is 5 worse than 3?
5,3 | true 5 predicted 3
9,4 | how often does it say 9 for 4
5,7 | not 5, 7
5 | and 5?
5,3 | why is 5 taken for 3 more often
"""


@pytest.mark.parametrize("sentence", COUNTED.strip().splitlines())
def test_a_number_that_counts_is_no_class(sentence: str) -> None:
    assert named(sentence, DIGITS).of("class") == []


@pytest.mark.parametrize("line", BOTH.strip().splitlines())
def test_the_other_numbers_are_classes(line: str) -> None:
    classes, sentence = line.split(" | ")
    assert named(sentence, DIGITS).of("class") == classes.split(",")


@pytest.mark.parametrize(
    ("sentence", "tool", "arguments"),
    [
        ("show me the top 3 confusions", "confusion_matrix", {"top": 3}),
        ("top 5 confusions of 3", "confusion_matrix", {"true_class": "3", "top": 5}),
        ("how often is a 5 called 3?", "confusion_matrix", {"true_class": "5", "predicted_class": "3"}),
        ("what are the 5 most frequent confusions", "confusion_matrix", {"top": 5}),
        ("show the 3 nearest images to #7", "nearest", {"image": "a/0007.png"}),
        ("pick 5 images to label", "select_data", {"budget": 5}),
        ("which 5 images is it most sure and wrong about?", "unknown_unknowns", {}),
        ("how many 5 images are there?", "data_statistics", {"class_name": "5"}),
    ],
)
def test_the_call_has_the_number_once(sentence: str, tool: str, arguments: dict[str, Any]) -> None:
    assert route(sentence, DIGITS).call == {"tool": tool, "arguments": arguments}


def test_the_sentence_and_its_places_stay_as_they_were() -> None:
    text = "top 5 confusions of 3, also of #99 and #7"
    made = named(text, DIGITS)
    assert made.sentence == text
    assert [text[m.start : m.end] for m in made.found] == ["3", "#7"]
    assert made.masked == "top 5 confusions of this class, also of #99 and this image"
    assert made.unknown_images == ("#99",)


@pytest.mark.parametrize(
    "sentence", ["top 3 confusions", "5 images of kitchens", "", "٣ images", "\ue005 images", "5" * 300]
)
def test_without_classes_called_by_numbers_nothing_changes(sentence: str) -> None:
    case = Vocabulary(classes=("kitchen", "5 star"))
    assert named(sentence, case) == recognise(sentence, case)


def test_counts_are_found_where_they_stand() -> None:
    assert counts("top 3 of 20 images, at 5 %") == [(4, 5), (9, 11), (23, 24)]
    assert counts("3 is taken for 5") == []
