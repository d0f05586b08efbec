"""Values that are told by less than their names, or by the name of their column."""

from __future__ import annotations

import pytest

from failsight.knowledge_base.counts import named
from failsight.knowledge_base.turned_away import runs
from failsight.knowledge_base.vocabulary import Vocabulary

NAMES = Vocabulary(
    classes=("bathroom", "kitchen"),
    attributes={
        "colour": ["black and white", "colour"],
        "scanner": ["new overhead", "old flatbed"],
        "fonds": ["Lindqvist Estate", "Lindqvist Studio", "Aldous Brothers"],
        "weather": ["fog", "rain"],
    },
)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("the flatbed scans", ["scanner=old flatbed"]),
        ("the Aldous pictures", ["fonds=Aldous Brothers"]),
        ("the Lindqvist pictures", []),  # two values have the word
        ("the brothers", []),  # an ordinary word tells no value by itself
        ("only the coloured ones", ["colour=colour"]),
        ("kitchens in colour are wrong", ["colour=colour"]),
        ("colour kitchens", ["colour=colour"]),
        ("does the colour matter?", []),
        ("do they differ in colour?", []),
        ("the weather pictures", []),
    ],
)
def test_values_told_by_less_than_their_names(text: str, told: list[str]) -> None:
    assert [m.name for m in named(text, NAMES).found if m.role == "value"] == told


def test_a_word_for_pictures_parts_two_groups_that_are_left_out() -> None:
    text = "leaving the old scans and the dark ones out"
    spans = [(text.index(w), text.index(w) + len(w)) for w in ("old", "dark")]
    assert runs(text, spans) == [1, 2]
