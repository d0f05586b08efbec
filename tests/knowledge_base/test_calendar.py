"""Words for months, seasons, days and times of day as conditions on the column that records them."""

from __future__ import annotations

import pytest

from failsight.knowledge_base.calendar import assumed_of, kind_of, times_in, unrecorded

NUMBERS = {
    "month": [str(i) for i in range(1, 13)],
    "hour": [str(i) for i in range(24)],
    "weekday": [str(i) for i in range(7)],
    "age": [],
}
NAMES = {
    "season": ["autumn", "spring", "summer", "winter"],
    "taken": ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    "day": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
}


@pytest.mark.parametrize(
    ("text", "numbers", "names"),
    [
        ("how many are wrong in winter", ["month=12|1|2"], []),  # a column of seasons has the word itself
        ("is it worse in December, January and February?", ["month=12|1|2"], ["taken=Dec|Jan|Feb"]),
        ("compare June and July", ["month=6", "month=7"], ["taken=Jun", "taken=Jul"]),
        ("in May", ["month=5"], ["taken=May"]),
        ("may I march on?", [], []),
        ("in march", ["month=3"], ["taken=Mar"]),
        ("on weekends", ["weekday=5|6"], ["day=Saturday|Sunday"]),  # days from 0 on begin with Monday
        ("on weekdays", ["weekday=0|1|2|3|4"], ["day=Monday|Tuesday|Wednesday|Thursday|Friday"]),
        ("let it run from Monday", [], []),
        ("on Mondays", ["weekday=0"], ["day=Monday"]),
        ("in the morning", ["hour>=6", "hour<=11"], []),
        ("at night", ["not(hour<22&hour>5)"], []),
        ("at night, between 21 and 4 o'clock", [], []),  # the hours themselves are said
        ("Good morning, how good is it?", [], []),
        ("does the time of day matter?", [], []),
        ("is the spring broken?", [], []),
    ],
)
def test_words_for_times_are_conditions(text: str, numbers: list[str], names: list[str]) -> None:
    assert [w.condition for w in times_in(text, NUMBERS)] == numbers
    assert [w.condition for w in times_in(text, NAMES)] == names


def test_what_is_assumed_of_a_word_is_told() -> None:
    assert assumed_of("in winter", NUMBERS) == ["winter: December, January, February"]
    assert assumed_of("on the weekend", NUMBERS) == ["weekend: Saturday and Sunday, weekday 0 is Monday"]
    assert assumed_of("in June", NUMBERS) == [] and assumed_of("in winter", NAMES) == []


def test_words_that_no_column_records() -> None:
    assert unrecorded("is it worse in winter or on weekends?", {"site": ["Ost"]}) == ["winter", "weekends"]
    assert unrecorded("is it worse in winter or on weekends?", NUMBERS) == []
    assert unrecorded("is it worse in winter?", NAMES) == []


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("month", NUMBERS["month"], "month"), ("taken", NAMES["taken"], "month"), ("dow", NUMBERS["weekday"], "day"), ("hour_of_day", [], "hour"),
        ("month", ["1", "2", "30"], ""), ("lane", ["1", "2"], ""), ("day", ["1", "2", "3"], ""),
    ],
)  # fmt: skip
def test_what_a_column_records(name: str, values: list[str], kind: str) -> None:
    assert kind_of(name, values) == kind


@pytest.mark.parametrize(
    ("text", "decades", "years"),
    [
        ("how many of the fifties are wrong", ["decade=1950s"], ["year>=1950", "year<=1959"]),
        ("the nineteen fifties", ["decade=1950s"], ["year>=1950", "year<=1959"]),
        ("the 1950s", ["decade=1950s"], ["year>=1950", "year<=1959"]),
        (
            "in the 50s and 60s",
            ["decade=1950s|1960s"],
            [],
        ),  # two spans of years are no limits that hold together
        ("people in their fifties", [], []),
        ("above 50 s", [], []),
        ("at least 1950 images", [], []),
        ("the eighteen fifties", [], ["year>=1850", "year<=1859"]),
    ],
)
def test_words_for_decades_are_conditions(text: str, decades: list[str], years: list[str]) -> None:
    by_decade = {"decade": ["1930s", "1940s", "1950s", "1960s"]}
    by_year = {"year": [str(y) for y in range(1900, 1990)]}
    assert [w.condition for w in times_in(text, by_decade)] == decades
    assert [w.condition for w in times_in(text, by_year)] == years


def test_a_decade_of_two_centuries_is_not_guessed() -> None:
    both = {"decade": ["1850s", "1860s", "1950s"]}
    assert [w.condition for w in times_in("in the fifties", both)] == []
    assert [w.condition for w in times_in("in the nineteen fifties", both)] == ["decade=1950s"]
    assert unrecorded("in the fifties", {"site": ["Ost", "Nord"]}) == ["fifties"]
