"""Classes whose names begin with their own numbers, and labels that do not."""

from __future__ import annotations

import pytest

from failsight.tools.errors import UserError
from failsight.tools.inputs.classes import match_labels


@pytest.mark.parametrize(
    "classes",
    [
        ("0: cat", "1: dog"),
        ("0 cat", "1 dog"),
        ("0_cat", "1_dog"),
        ("1. Cat", "2. Dog"),
        ("class_0 cat", "class_1 dog"),
    ],
)
def test_labels_without_the_numbers_are_read(classes: tuple[str, ...]) -> None:
    made = match_labels(["dog", "cat", "dog"], classes, {}, "photos")
    assert made.index == {"cat": 0, "dog": 1}
    assert any("begin with their numbers" in n for n in made.notes)


def test_a_map_may_name_a_class_without_its_number() -> None:
    assert match_labels(["kitty"], ("0: cat", "1: dog"), {"kitty": "cat"}, "photos").index == {"kitty": 0}


def test_the_whole_name_goes_before_and_nothing_is_said() -> None:
    made = match_labels(["0 cat", "1 dog"], ("0 cat", "1 dog"), {}, "photos")
    assert made.index == {"0 cat": 0, "1 dog": 1}
    assert not made.notes


@pytest.mark.parametrize(
    "classes",
    [
        ("3 cat", "7 dog"),  # numbers that are not the places
        ("0 cat", "dog"),  # not all of them
        ("0 pipe", "1 pipe"),  # the number is what tells them apart
        ("0 15", "1 16"),  # numbers all through
    ],
)
def test_numbers_that_mean_something_stay(classes: tuple[str, ...]) -> None:
    with pytest.raises(UserError):
        match_labels(["cat", "pipe", "15"], classes, {}, "photos")
