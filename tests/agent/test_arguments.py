"""Arguments of a tool as people type them."""

from __future__ import annotations

import pytest

from failsight.agent.arguments import read, typed
from failsight.tools.errors import RetryError


def test_values_are_json_where_they_read_as_json_and_text_elsewhere() -> None:
    made = typed("find_slices", "depth=2 target=loss min_effect=0.1")
    assert made == {"depth": 2, "target": "loss", "min_effect": 0.1}


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
