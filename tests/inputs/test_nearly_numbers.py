"""Columns that are numbers but for their commas or a word for "not known"."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsight.tools.inputs.columns import read_columns, typed, typed_columns
from failsight.tools.inputs.nearly_numbers import as_numbers, spelt_alike

AGES = [str(a) for a in range(20, 60)]


def read(values: list[str], name: str = "age") -> tuple[list[object], list[str]]:
    notes: list[str] = []
    return typed_columns({name: values}, notes)[name], notes


def test_a_word_among_many_numbers_is_a_missing_value_and_said_to_be() -> None:
    column, notes = read([*AGES, "unbekannt", "unbekannt"])
    assert column == [*(float(a) for a in AGES), None, None]
    assert notes == [
        "The column age has 40 numbers and 2 times “unbekannt”, which is taken for a missing value."
    ]


def test_decimal_commas_are_numbers(tmp_path: Path) -> None:
    table = tmp_path / "m.csv"
    rows = "\n".join(f"{i}.png;{60 + i},3" for i in range(20))
    table.write_text(f"path;kV\n{rows}\n20.png;k. A.\n", encoding="latin-1")
    columns, notes = read_columns(table)
    made = typed_columns({"kV": columns["kV"]}, notes)["kV"]
    assert made == [*(60.3 + i for i in range(20)), None]
    assert any("decimal commas" in note for note in notes)


@pytest.mark.parametrize(
    "values",
    [
        ["1", "2", "3", "other"] * 10,  # codes
        [*AGES, "90+"],  # known, and no number
        [*AGES, "child", "adult", "old"],  # names
        [f"{a},000" for a in range(1, 30)],  # thousands or decimals: nobody can tell
        ["1.5", *(f"{a},25" for a in range(30))],  # both signs
        [f"00{a}" for a in range(40)],  # serial numbers
        [*AGES[:15], *["unknown"] * 40],  # mostly unknown
        ["red", "green"] * 5,
        [f"{a} m" if a % 2 else f"{a} cm" for a in range(40)],  # two units
        [f"{a} m" if a else "5" for a in range(40)],  # some without
        [f"{a}a" for a in range(1, 40)],  # house numbers
        [f"{a} Elm" for a in range(1, 40)],  # names
        ["1,234 m", "2,345 m"] * 9,  # thousands or decimals
        ["8 m", "9 m", "near", "far"] * 9,  # few numbers and words
        [f"{y}s" for y in range(1920, 2000, 10)] * 9,  # decades, and no seconds
        ["20s", "50s", "80s"] * 9,
    ],
)  # fmt: skip
def test_other_columns_stay_words(values: list[str]) -> None:
    column, notes = read(values)
    assert column == typed(values)
    assert not notes


@given(st.lists(st.none() | st.text(max_size=12) | st.floats(-1e6, 1e6).map(str), max_size=40))
def test_nothing_is_lost_or_added(values: list[str | None]) -> None:
    notes: list[str] = []
    column = typed(values)
    made = as_numbers("x", column, notes)
    assert made is not None and len(made) == len(values)
    assert all(now is None for now, was in zip(made, column or (), strict=True) if was is None)
    assert notes or made == column


def test_numbers_with_one_unit_are_numbers() -> None:
    column, notes = read(["8,0 m", "23,9 m", "5,5 M", None], "Distanz")  # type: ignore[list-item]
    assert column == [8.0, 23.9, 5.5, None]
    assert "has numbers in" in notes[0] and "decimal commas" in notes[1]
    assert read(["875 m", "505 m"])[0] == [875.0, 505.0]
    assert read(["-3.5 °C", "12 °C", "7°C"])[0] == [-3.5, 12.0, 7.0]
    column, notes = read([*(f"{a} km/h" for a in AGES), "unbekannt"])
    assert column == [*(float(a) for a in AGES), None] and "1 times “unbekannt”" in notes[1]


def test_values_that_differ_in_case_or_spaces_are_said_and_left_alone() -> None:
    values = ["Tag", "tag", "tag", "NACHT ", "Nacht", "dusk"]
    column, notes = read(values, "Li\x1bcht")
    assert column == ["Tag", "tag", "tag", "NACHT", "Nacht", "dusk"]
    assert notes == [
        "In the column Licht values differ only in case or spaces and count as different: tag (2) and Tag (1); NACHT (1) and Nacht (1). "
        "Write them alike if they mean the same."
    ]
    assert spelt_alike("x", ["a", "b"]) == spelt_alike("x", [1.0, 2.0]) == spelt_alike("x", None) == ""
    many = [f"v{i}" for i in range(4000)]
    assert spelt_alike("x", [*many, *(v.upper() for v in many)]) == ""  # no groups
    assert "and 7 more" in spelt_alike("x", [*many[:10], *(v.upper() for v in many[:10])])
