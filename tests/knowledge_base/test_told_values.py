"""Values and limits beside the name of their column, and what a sentence turns away."""

from __future__ import annotations

import pytest

from failsight.knowledge_base.conditions import conditions_of
from failsight.knowledge_base.counts import named
from failsight.knowledge_base.directions import directions
from failsight.knowledge_base.groups import group_of, strange_values
from failsight.knowledge_base.turned_away import runs
from failsight.knowledge_base.vocabulary import Vocabulary

COLUMNS = {
    "line": ["1", "2", "3"], "shift": ["early", "late", "night"], "ward": ["A", "B"], "dirty": ["yes", "no"],
    "lamp_hours": [], "speed": [], "height_cm": [], "price_eur": [], "week": ["20", "21", "22"],
}  # fmt: skip
NAMES = Vocabulary(classes=("can", "film", "paper"), attributes=COLUMNS, evidence=("E1",))


def told(text: str) -> list[str]:
    return [m.name for m in named(text, NAMES).found if m.role == "value"]


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("line 3", ["line=3"]), ("on lines 1 and 2", ["line=1", "line=2"]), ("lines 1, 2 or 3", ["line=1", "line=2", "line=3"]),
        ("line three at night", ["line=3", "shift=night"]), ("line no. 2", ["line=2"]), ("line=3", ["line=3"]), ("line != 3", ["line!=3"]),
        ("ward B", ["ward=B"]), ("wards A and B", ["ward=A", "ward=B"]), ("dirty=no", ["dirty=no"]),
        ("lamp hours over 800", ["lamp_hours>800"]), ("lamp_hours above 1,200", ["lamp_hours>1200"]), ("lamp hours of at most 800", ["lamp_hours<=800"]),
        ("lamp_hours>=800", ["lamp_hours>=800"]), ("lamps with more than 800 hours", ["lamp_hours>800"]), ("older than 800 h", ["lamp_hours>800"]),
        ("lamp hours between 200 and 400", ["lamp_hours>=200", "lamp_hours<=400"]), ("a speed of 2.5 or more", ["speed>=2.5"]),
        ("is the speed worse above 2.5?", ["speed>2.5", "speed>2.5"]), ("plants under 30 cm", ["height_cm<30"]), ("above 100 euros", ["price_eur>100"]),
        ("over €100", ["price_eur>100"]), ("after week 20", ["week>20"]), ("speed=2.5", ["speed=2.5"]),
        ("lines 1-2", ["line>=1", "line<=2"]), ("lamp hours 200-400", ["lamp_hours>=200", "lamp_hours<=400"]), ("line 1 or line 2", ["line=1", "line=2"]),
        ("speed over 9 or under 2", ["not(speed<=9&speed>=2)"]), ("speed over 2.5 and under 9", ["speed>2.5", "speed<9"]),
        ("speed over 9 or less", ["speed>9"]), ("speed over 9 and more than 20 images", ["speed>9"]),
        # numbers that are none
        ("on at most 3 lines", []), ("in more than 2 weeks", []),
        ("3 lines of text", []), ("show me 3 images", []), ("line 7", []), ("more than 800 images", []), ("accuracy over 80 %", []),
        ("accuracy above 0.8 by line", []), ("more than 90 % sure", []), ("at least 5 errors", []), ("the line is a problem", []), ("line 3 % of it", []),
        ("is dirty no problem?", []), ("over 800", []),
    ],
)  # fmt: skip
def test_values_and_limits_are_read_beside_their_column(text: str, made: list[str]) -> None:
    assert told(text) == made


def test_a_value_beside_its_column_is_general_for_the_router() -> None:
    assert named("accuracy on line 3 of film", NAMES).masked == "accuracy on like this of this class"


@pytest.mark.parametrize(
    ("text", "conditions"),
    [
        ("except line 3 at night", ("not(line=3&shift=night)",)),
        ("without line 3 at night", ("not(line=3&shift=night)",)),
        ("excluding line 3 and night", ("line!=3", "shift!=night")),
        ("except line 3", ("line!=3",)),
        ("at night without line 3", ("shift=night", "line!=3")),
        ("without lamp hours over 800", ("lamp_hours<=800",)),
        ("line 3 at night", ("line=3", "shift=night")),
        ("all but line 3", ("line!=3",)),
        ("everything but line 3 at night", ("not(line=3&shift=night)",)),
        ("all of the images but those on line 3", ("line!=3",)),
    ],
)
def test_what_is_turned_away_together_is_left_out_together(text: str, conditions: tuple[str, ...]) -> None:
    assert group_of(named(text, NAMES), COLUMNS).conditions == conditions
    assert tuple(conditions_of(named(text, NAMES))) == conditions


def test_things_in_the_pictures_are_absent_and_not_left_out() -> None:
    assert runs("without a cat at night", [(10, 13), (17, 22)], [True, False]) == [0, 0]
    assert runs("except cats at night", [(7, 11), (15, 20)], [True, False]) == [1, 1]


def test_a_limit_beside_its_column_is_no_age() -> None:
    columns = {"hour": [], "age": [], "line": ["1", "2", "3"]}
    names = Vocabulary(classes=("can",), attributes=columns)
    assert group_of(named("hours from 8 to 12", names), columns).conditions == ("hour>=8", "hour<=12")
    assert group_of(named("cans on line between 1 and 2", names), columns).conditions == (
        "line>=1",
        "line<=2",
    )
    assert group_of(named("people between 30 and 40", names), columns).conditions == ("age>=30", "age<=40")
    assert group_of(named("age over 70 or under 20", names), columns).conditions == ("not(age<=70&age>=20)",)


def test_a_column_named_again_before_its_value_leaves_no_name_over() -> None:
    assert named("line 1 or line 2 and ward B", NAMES).of("attribute") == []


def test_a_sentence_is_read_once_by_one_vocabulary() -> None:
    assert named("line 3 at night", NAMES) is named("line 3 at night", NAMES)
    other = Vocabulary(classes=("can",), attributes={"line": ["4"]})
    assert named("line 3 at night", other).of("value") == []


def test_files_of_the_same_images_are_kept_beyond_a_vocabulary() -> None:
    images = ("a/one.png", "b/two.png", "c/two.png")
    first, second = Vocabulary(images=images), Vocabulary(images=images, evidence=("E1",))
    assert first.files is second.files
    assert first.files["one"] == "a/one.png" and "two" not in first.files
    assert Vocabulary(images=("d/one.png",)).files["one"] == "d/one.png"


def test_a_numeral_that_a_column_has_not_is_strange() -> None:
    assert [(s.column, s.value) for s in strange_values(named("accuracy on line 9", NAMES), COLUMNS)] == [("line", "9")]  # fmt: skip
    assert strange_values(named("accuracy on line 3 and lamp hours 900", NAMES), COLUMNS) == []


def test_a_limit_between_two_classes_turns_no_direction_round() -> None:
    assert directions(named("how many film images with lamp hours over 800 are called paper", NAMES)) == ("film", "paper")  # fmt: skip


@pytest.mark.parametrize(
    ("text", "found"),
    [("can you find out", []), ("Can we see it", []), ("how good is can", ["can"]), ("show me wrong cans", ["can"]), ("is a can it?", ["can"])],
)  # fmt: skip
def test_a_verb_is_no_class_of_its_name(text: str, found: list[str]) -> None:
    assert named(text, NAMES).of("class") == found


def test_a_short_word_is_no_slip_of_another() -> None:
    assert named("the lamps or line", NAMES).of("attribute") == ["line"]
