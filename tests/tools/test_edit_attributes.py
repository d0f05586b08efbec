"""edit_attributes: every change is seen by the next table, can be taken back, and refuses in one sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from failsight.tools.attributes.definitions import Check, Definition
from failsight.tools.edit_attributes import edit_attributes
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Finding
from tests.fakes.attributes import FakeSource, screen, tint, white_square
from tests.fakes.view import FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec

COLUMNS: dict[str, list[Any]] = {
    "sofa": ["yes", "no", "no", "no"] * 10,
    "couch": ["no", "yes", "no", "no"] * 10,
    "light": ["dark", "dim", "bright", None] * 10,
    "male": [1.0, 0.0, 0.0, 1.0] * 10,
    "age": [float(i) + 0.5 for i in range(40)],
    "lamp": [None, None, "dim", "off"] * 10,
}


def view() -> FakeView:
    rng = np.random.default_rng(0)
    table = FakeTable(rng.integers(0, 255, (40, 4, 4, 3)), [0, 1] * 20, ("kitchen", "hall"), COLUMNS)
    made = FakeView({"data": table}, scores={"data": np.full((40, 2), 0.5)})
    made.given_sources["zero_shot"] = FakeSource("zero_shot", {"screen": white_square, "tint": tint})
    return made


def edit(made: FakeView, action: str, attribute: str, **more: Any) -> Any:
    evidence = edit_attributes(made, action, attribute, **more)  # type: ignore[arg-type]
    check_evidence(evidence)
    made.recorded.append(evidence)
    return evidence


def column(made: FakeView, name: str) -> list[Any]:
    return made.attributes().columns[name].tolist()[:4]


def test_its_arguments_are_described_and_bounded() -> None:
    check_spec(edit_attributes)


def test_a_renamed_attribute_is_found_under_its_new_name_only() -> None:
    made = view()
    evidence = edit(made, "rename", "Sofas", to="settee")
    assert evidence.summary == "sofa is called settee now."
    assert column(made, "settee") == ["yes", "no", "no", "no"]
    assert "sofa" not in made.attributes().columns
    assert evidence.tables[0].rows == (("no", 30, 30), ("yes", 10, 10))
    edit(made, "rename", "settee", to="sofa")
    assert column(made, "sofa") == ["yes", "no", "no", "no"]


def test_merging_presence_means_either_and_merging_others_fills_gaps() -> None:
    made = view()
    edit(made, "merge", "couch", to="sofa")
    assert column(made, "sofa") == ["yes", "yes", "no", "no"]
    assert "couch" not in made.attributes().columns
    edit(made, "merge", "lamp", to="light")
    assert column(made, "light") == ["dark", "dim", "bright", "off"]
    edit(made, "restore", "couch")
    assert column(made, "couch") == ["no", "yes", "no", "no"]
    assert column(made, "sofa") == ["yes", "no", "no", "no"]


def test_an_attribute_put_aside_can_be_brought_back() -> None:
    made = view()
    edit(made, "drop", "light")
    assert "light" not in made.attributes().columns
    with pytest.raises(RetryError, match="no attribute 'light'"):
        edit(made, "drop", "light")
    edit(made, "restore", "LIGHT")
    assert column(made, "light") == ["dark", "dim", "bright", None]


def test_values_are_renamed_merged_left_out_and_brought_back() -> None:
    made = view()
    edit(made, "rename_value", "light", value="dark", to="night")
    assert column(made, "light") == ["night", "dim", "bright", None]
    evidence = edit(made, "merge_values", "light", values=["night", "dim"], to="low light")
    assert column(made, "light") == ["low light", "low light", "bright", None]
    assert {r[0]: r[1:] for r in evidence.tables[0].rows}["low light"] == (0, 20)
    edit(made, "drop_value", "light", value="bright")
    assert column(made, "light") == ["low light", "low light", None, None]
    edit(made, "restore", "light", value="bright")
    assert column(made, "light") == ["low light", "low light", "bright", None]
    edit(made, "rename_value", "light", value="low light", to="dark")
    assert column(made, "light") == ["dark", "dark", "bright", None]
    evidence = edit(made, "rename_value", "light", value="dark", to="bright")
    assert "are one value now" in evidence.summary
    assert set(column(made, "light")) == {"bright", None}


def test_numbers_with_few_values_can_be_named() -> None:
    made = view()
    edit(made, "rename_value", "male", value="1", to="yes")
    edit(made, "rename_value", "male", value="0", to="no")
    assert column(made, "male") == ["yes", "no", "no", "yes"]
    edit(made, "rename", "age", to="years")
    with pytest.raises(RetryError, match="years"):
        edit(made, "drop_value", "age", value="0.5")
    made.table().columns["age"] = [i + 0.5 for i in range(50)]


def test_a_new_attribute_is_assigned_when_first_used() -> None:
    made = view()
    evidence = edit(made, "add", "tint", values=["warm", "cool"])
    source = made.given_sources["zero_shot"]
    assert source.looked == 0 and "assigned when first used" in evidence.summary
    assert set(made.attributes().columns["tint"].tolist()) == {"warm", "cool"}
    assert source.looked == 40
    edit(made, "rename", "tint", to="hue")
    edit(made, "rename_value", "hue", value="warm", to="red")
    assert set(made.attributes().columns["hue"].tolist()) == {"red", "cool"}
    assert source.looked == 40  # a name costs no second look
    edit(made, "add_value", "hue", value="green")
    assert made.definitions()[0].values == ("warm", "cool", "green")
    made.attributes()
    assert source.looked == 80
    edit(made, "remove_value", "hue", value="red")
    assert made.definitions()[0].values == ("cool", "green")
    with pytest.raises(RetryError, match="fewer than two values"):
        edit(made, "remove_value", "hue", value="cool")


def test_attributes_of_one_source_are_merged_by_assigning_their_words_together() -> None:
    made = view()
    for name in ("tv", "monitor"):
        made.define(
            Definition(name, "zero_shot", name, ("yes", "no"), {"yes": (f"a {name}",)}), action="proposed"
        )
    edit(made, "merge", "monitor", to="tv")
    kept = next(d for d in made.definitions() if d.name == "tv")
    assert kept.phrases["yes"] == ("a tv", "a monitor")
    assert kept.values == ("yes", "no")
    assert "monitor" not in made.attributes().columns


def test_what_was_checked_before_its_values_changed_is_unchecked() -> None:
    made = view()
    check = Check(20, 19, 0.95, (0.76, 0.99), "a person")
    made.define(Definition("light", "metadata", "light", check=check), action="checked")
    edit(made, "rename", "light", to="brightness")
    assert made.definitions()[0].check == check
    evidence = edit(made, "merge_values", "brightness", values=["dark", "dim"])
    assert made.definitions()[0].check is None
    assert any("check it again" in n for n in evidence.notes)


def test_findings_that_used_the_old_name_are_named() -> None:
    made = view()
    made.stated = [("F2", Finding("weak_slice", "correctness", "unknown", "…", slice={"light": "dark"}))]
    evidence = edit(made, "rename", "light", to="lamp light")
    assert any(n.startswith("F2 speaks of it") for n in evidence.notes)


@pytest.mark.parametrize(
    ("action", "attribute", "more", "sentence"),
    [
        ("rename", "door", {"to": "gate"}, "no attribute 'door'. Choose from: sofa, couch"),
        ("rename", "sofa", {}, "new name \\(to\\) is missing"),
        ("rename", "sofa", {"to": "couch"}, "merge the two instead"),
        ("rename", "sofa", {"to": "<script>"}, "markup"),
        ("rename", "sofa", {"to": "x" * 100}, "too long"),
        ("rename", "sofa", {"to": "Kitchen"}, "needs a name of its own"),
        ("merge", "sofa", {}, "no attribute to merge it into \\(to\\) named"),
        ("merge", "sofa", {"to": "sofa"}, "merged with itself"),
        ("merge", "sofa", {"to": "door"}, "Choose from"),
        ("restore", "sofa", {}, "no attribute that was put aside"),
        ("restore", "light", {"value": "dark"}, "No value of light was left out"),
        (
            "rename_value",
            "light",
            {"value": "green", "to": "blue"},
            "no value of light 'green'. Choose from: ",
        ),
        ("rename_value", "light", {"value": "dark"}, "is missing"),
        ("rename_value", "light", {"value": "dark", "to": "dark"}, "called that already"),
        ("merge_values", "light", {"values": ["dark"]}, "Two or more values"),
        ("drop_value", "light", {}, "no value of light named"),
        ("add_value", "light", {"value": "pink"}, "not chosen among given ones"),
        ("remove_value", "light", {"value": "dark"}, "not chosen among given ones"),
        ("add", "weather", {}, "Which values"),
        ("add", "weather", {"values": ["sunny"]}, "fewer than two"),
        ("add", "sofas", {"values": ["yes", "no"]}, "says the same as sofa"),
        ("add", "room", {"values": ["kitchen", "hall"]}, "the class itself"),
        ("drop", "", {}, "no attribute named"),
    ],
)
def test_a_refusal_is_one_sentence_that_says_what_exists(
    action: Any, attribute: str, more: dict[str, Any], sentence: str
) -> None:
    made = view()
    with pytest.raises(RetryError, match=sentence):
        edit_attributes(made, action, attribute, **more)
    assert made.changes == []


def test_adding_without_an_encoder_says_so_and_leaves_no_trace() -> None:
    made = view()
    made.given_sources.clear()
    with pytest.raises(RetryError, match="encoder"):
        edit_attributes(made, "add", "weather", values=["sunny", "rainy"])
    assert made.changes == []


def test_names_from_data_lose_what_a_terminal_would_obey() -> None:
    made = view()
    made.table().columns["\x1b[31mred\u202e"] = ["a", "b"] * 20
    evidence = edit(made, "rename", "[31mred", to="plain\x07name")
    assert "\x1b" not in evidence.text() and "\x07" not in evidence.text()
    assert "plainname" in made.attributes().columns


def test_a_screen_can_be_merged_with_metadata_only_one_way_round() -> None:
    made = view()
    made.define(screen(), action="proposed")
    with pytest.raises(RetryError, match="merge sofa into screen"):
        edit_attributes(made, "merge", "screen", to="sofa")
    edit(made, "merge", "sofa", to="screen")
    assert column(made, "screen")[0] == "yes"
