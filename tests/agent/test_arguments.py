"""Arguments of a tool as people type them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from failsight.agent.arguments import read, typed
from failsight.agent.events import EvidenceMade
from failsight.agent.session import Session
from failsight.tools.errors import RetryError
from tests.fakes.case import FakeCase
from tests.fakes.view import FakeModel, FakeTable


def test_values_are_json_where_they_read_as_json_and_text_elsewhere() -> None:
    made = typed("find_slices", "depth=2 target=loss min_effect=0.1")
    assert made == {"depth": 2, "target": "loss", "min_effect": 0.1}


@pytest.mark.parametrize(
    ("tool", "item", "value"),
    [
        ("confusion_matrix", "true_class=5", "5"),
        ("confusion_matrix", "predicted_class=007", "007"),
        ("confusion_matrix", "true_class=1e5", "1e5"),
        ("confusion_matrix", "true_class=-3", "-3"),
        ("find_slices", "within_class=true", "true"),
        ("find_slices", "within_class=NaN", "NaN"),
        ("find_slices", "within_class=[1]", "[1]"),
        ("find_slices", "within_class={}", "{}"),
        ("find_slices", 'within_class="5"', "5"),
        ("find_slices", 'within_class="null"', "null"),
        ("find_slices", "within_class=" + "[" * 50_000, "[" * 50_000),
        ("compare_classes", "class_a=null", "null"),
        ("state_hypothesis", "class_name=0", "0"),
        ("embedding_map", "colour=8", "8"),
        ("find_slices", "attributes=5", ["5"]),
        ("find_slices", "attributes=5,true", ["5", "true"]),
        ("find_slices", "attributes=[5, 1.50, true, null]", ["5", "1.50", "true", "null"]),
        ("find_slices", 'attributes="a, b"', ["a, b"]),
        ("compare_group", "where=brightness<0.3", ["brightness<0.3"]),
        ("attribute_check", 'answers={"1": 2, "a": false}', {"1": "2", "a": "false"}),
    ],
)
def test_text_stays_text_whatever_it_looks_like(tool: str, item: str, value: object) -> None:
    """Classes and attributes may be called ``5``, ``true`` or ``NaN``."""
    name = item.partition("=")[0]
    assert read(tool, [item]) == {name: value}


@pytest.mark.parametrize(
    ("tool", "item", "value"),
    [
        ("find_slices", "depth=2", 2),
        ("find_slices", "min_support=30", 30),
        ("find_slices", "within_class=null", None),
        ("find_slices", "attributes=null", None),
        ("robustness_probe", "adversarial=true", True),
        ("robustness_probe", "severities=2", [2]),
        ("robustness_probe", "severities=[1, 3]", [1, 3]),
        ("test_by_masking", "doses=0.5", [0.5]),
        ("duplicates_and_leakage", "splits=train", ["train"]),
        ("find_slices", "nosuch=5", 5),
    ],
)
def test_numbers_and_switches_are_read_as_such(tool: str, item: str, value: object) -> None:
    name = item.partition("=")[0]
    assert read(tool, [item]) == {name: value}


def test_a_name_given_as_nothing_and_then_as_a_list_is_the_list() -> None:
    assert read("find_slices", ["attributes=null", "attributes=floor"]) == {"attributes": ["floor"]}


def test_a_class_called_by_a_number_is_measured(tmp_path: Path) -> None:
    """``failsight call CASE confusion_matrix true_class=5`` and ``/tool find_slices within_class=5``."""
    table = FakeTable(np.zeros((60, 4, 4, 3), np.uint8), [i % 3 for i in range(60)], ("3", "5", "7"))
    model = FakeModel(lambda x: np.tile([0.2, 0.5, 0.3], (len(x), 1)), ("3", "5", "7"), (4, 4))
    case = FakeCase(tmp_path / "case", {"data": table}, model)
    made, _ = case.call("confusion_matrix", typed("confusion_matrix", "true_class=5"))
    assert made.arguments["true_class"] == "5"
    session = Session(case)  # type: ignore[arg-type]
    events = list(session.act("/tool confusion_matrix predicted_class=7"))
    assert [e.evidence.arguments["predicted_class"] for e in events if isinstance(e, EvidenceMade)] == ["7"]
    session.close()


def test_a_list_is_split_at_commas_or_given_several_times() -> None:
    assert read("find_slices", ["attributes=floor,lighting"]) == {"attributes": ["floor", "lighting"]}
    assert read("find_slices", ["attributes=floor", "attributes=lighting"]) == {
        "attributes": ["floor", "lighting"]
    }
    assert read("find_slices", ['attributes=["a, b"]']) == {"attributes": ["a, b"]}


def test_quotes_keep_words_together_and_dashes_are_forgiven() -> None:
    assert typed("find_slices", "--within-class='living room'") == {"within_class": "living room"}


@pytest.mark.parametrize("line", ["depth", "=2", "depth='2"])
def test_what_is_no_argument_is_said(line: str) -> None:
    with pytest.raises(RetryError, match="NAME=VALUE"):
        typed("find_slices", line)


def test_an_unknown_tool_is_said_with_those_that_are_meant_first() -> None:
    with pytest.raises(RetryError, match="Choose from: find_slices"):
        typed("slices", "depth=2")
