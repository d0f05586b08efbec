"""Definitions over columns: renaming, merging, dropping; sources assigned once; what is no attribute."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from failsight.tools.attributes.definitions import Check, Definition, definition_from_dict, sound
from failsight.tools.attributes.overlay import table_with
from failsight.tools.attributes.sources import Assigned, assign_all
from failsight.tools.errors import RetryError
from failsight.tools.evidence import jsonable
from failsight.tools.inputs.base import AttributeTable
from tests.fakes.view import FakeTable, FakeView


def base(**columns: Any) -> AttributeTable:
    made = {k: np.array(v, object if isinstance(v[0], str) else float) for k, v in columns.items()}
    n = len(next(iter(made.values())))
    return AttributeTable(np.arange(n), made, dict.fromkeys(made, "metadata"))


SOFA = ["grey", "gray", "red"] * 10


def test_values_shown_alike_are_merged() -> None:
    definition = Definition("sofa colour", "metadata", "sofa", renamed={"gray": "grey"})
    made = table_with(base(sofa=SOFA), [definition], {})
    assert list(made.columns) == ["sofa colour"]
    assert made.columns["sofa colour"].tolist() == ["grey", "grey", "red"] * 10


def test_a_value_left_out_is_unknown() -> None:
    definition = Definition("sofa", "metadata", "sofa", renamed={"gray": None})
    made = table_with(base(sofa=SOFA), [definition], {})
    assert made.columns["sofa"].tolist() == ["grey", None, "red"] * 10


def test_a_dropped_attribute_is_gone_and_the_others_stay() -> None:
    definition = Definition("sofa", "metadata", "sofa", dropped=True)
    assert list(table_with(base(sofa=SOFA, door=SOFA), [definition], {}).columns) == ["door"]


def test_gaps_are_filled_from_what_was_merged_in() -> None:
    assigned = {"zero_shot:tv": Assigned(np.array([0, 1, -1] * 10, np.int16), np.ones(30, np.float32))}
    words = Definition("tv", "zero_shot", "tv", values=("yes", "no"), also=("metadata:sofa",))
    made = table_with(base(sofa=SOFA), [words], assigned)
    assert made.columns["tv"].tolist() == ["yes", "no", "red"] * 10


def test_abstained_is_missing() -> None:
    assigned = {"zero_shot:tv": Assigned(np.array([0, -1, 1] * 10, np.int16), np.ones(30, np.float32))}
    made = table_with(base(sofa=SOFA), [Definition("tv", "zero_shot", "tv", values=("yes", "no"))], assigned)
    assert made.columns["tv"].tolist() == ["yes", None, "no"] * 10
    assert made.sources["tv"] == "zero_shot"


def test_what_was_checked_and_found_wrong_is_not_used() -> None:
    wrong = Definition("sofa", "metadata", "sofa", check=Check(40, 24, 0.6, (0.45, 0.74)))
    made = table_with(base(sofa=SOFA), [wrong], {})
    assert "60" in made.unusable["sofa"]
    right = replace(wrong, check=Check(40, 38, 0.95, (0.84, 0.99)))
    assert not table_with(base(sofa=SOFA), [right], {}).unusable


@given(
    st.builds(
        Definition,
        st.text(max_size=20),
        st.sampled_from(["metadata", "zero_shot", "clusters"]),
        st.text(max_size=20),
        values=st.lists(st.text(max_size=8), max_size=4).map(tuple),
        renamed=st.dictionaries(st.text(max_size=5), st.none() | st.text(max_size=5), max_size=3),
        check=st.none() | st.builds(Check, st.just(9), st.just(8), st.floats(0, 1), st.just((0.5, 1.0))),
    )
)
def test_the_journal_gives_back_what_it_was_given(definition: Definition) -> None:
    assert definition_from_dict(jsonable(asdict(definition))) == definition


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("", ("yes", "no")),
        ("\x1b[31m", ("", "")),
        ("weather", ("rain",)),
        ("weather", ("rain", "Rain ", "RAIN")),
        ("Class", ("a", "b")),
        ("kind of room", ("kitchen", "bath-room")),
        ("size", tuple(f"v{i}" for i in range(41))),
    ],
)
def test_what_is_no_attribute_is_refused(name: str, values: tuple[str, ...]) -> None:
    with pytest.raises(RetryError):
        sound(Definition(name, "zero_shot", "x", values=values), classes=("kitchen", "bath_room"))


def test_a_proposal_is_cleaned() -> None:
    raw = Definition(
        "we\x1bather",
        "zero_shot",
        "w",
        values=("Rain", "rain", "", "sun"),
        phrases={"Rain": ("a\nb", "a b"), "x": ("y",)},
    )
    made = sound(raw)
    assert made.values == ("Rain", "sun")
    assert set(made.phrases) == {"Rain"}
    assert "\x1b" not in made.name


class Counting:
    """A source that says ``yes`` for every even row, and counts how often it looks."""

    name = "zero_shot"

    def __init__(self) -> None:
        self.looked: list[int] = []

    def fingerprint(self, view: Any) -> str:
        return "counting"

    def assign(self, view: Any, split: str, rows: Any, definitions: Any) -> dict[str, Assigned]:
        self.looked.append(len(definitions))
        codes = (np.asarray(rows) % 2).astype(np.int16)
        return {d.key: Assigned(codes, np.ones(len(rows), np.float32)) for d in definitions}


def test_pictures_are_looked_at_once_for_all_attributes_and_renaming_looks_at_nothing() -> None:
    view = FakeView({"data": FakeTable(np.zeros((8, 4, 4, 3), np.uint8), [0, 1] * 4, ("a", "b"))})
    source = Counting()
    first = [Definition(n, "zero_shot", n, values=("yes", "no")) for n in ("tv", "cat")]
    rows = np.arange(8)
    made = assign_all(view, "data", rows, first, {"zero_shot": source})
    renamed = [replace(first[0], name="television", renamed={"yes": "there"}), first[1]]
    again = assign_all(view, "data", rows, renamed, {"zero_shot": source})
    assert source.looked == [2]
    assert again["zero_shot:tv"].codes.tolist() == made["zero_shot:tv"].codes.tolist()
    assign_all(
        view,
        "data",
        rows,
        [*renamed, Definition("dog", "zero_shot", "dog", values=("y", "n"))],
        {"zero_shot": source},
    )
    assert source.looked == [2, 1]


def test_a_source_that_does_not_exist_is_said() -> None:
    view = FakeView({"data": FakeTable(np.zeros((2, 4, 4, 3), np.uint8), [0, 1], ("a", "b"))})
    with pytest.raises(RetryError, match="vision_model"):
        assign_all(view, "data", np.arange(2), [Definition("x", "vision_model", "x", values=("a", "b"))])
