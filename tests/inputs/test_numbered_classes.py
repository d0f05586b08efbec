"""Classes whose names begin with their own numbers, and labels that do not."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from failsight.tools.errors import UserError
from failsight.tools.inputs import spelling
from failsight.tools.inputs.classes import match_labels


class Counting(spelling.Spellings):
    """Spellings that say how often any were made."""

    made = 0

    def __init__(self, names: Iterable[str]) -> None:
        type(self).made += 1
        super().__init__(names)


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


@pytest.mark.parametrize("form", ["{}", "{}: {}", "{1}, {1} (other)"])
def test_every_name_is_compared_once_however_many_there_are(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand classes are usual: comparing each label with each class took minutes."""
    made = 0

    def counted(name: str) -> str:
        nonlocal made
        made += 1
        return spelling.folded(name)

    words = [f"thing{'abcdefghij'[i // 10]}{'abcdefghij'[i % 10]}" for i in range(100)]
    classes = tuple(form.format(i, w) if form != "{}" else w for i, w in enumerate(words))
    with monkeypatch.context() as patched:
        patched.setattr("failsight.tools.inputs.classes.folded", counted)
        patched.setattr("failsight.tools.inputs.classes.Spellings", Counting)
        Counting.made = 0
        found = match_labels(words, classes, {}, "photos")
    assert found.index == {w: i for i, w in enumerate(words)}
    assert made <= 12 * len(words) and Counting.made <= 3
