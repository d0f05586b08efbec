"""Arguments as a notebook gives them, and what is said of those that can't be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.tools.errors import RetryError
from failsight.tools.evidence import ImageRef
from failsight.tools.registry import registry


@pytest.mark.parametrize(
    ("tool", "given", "known"),
    [
        ("what_if", {"image": 12}, {"image": "#12"}),
        ("what_if", {"image": np.int64(12)}, {"image": "#12"}),
        ("what_if", {"image": ImageRef("train", 3, "a/b.png")}, {"image": "train:#3"}),
        ("what_if", {"image": Path("a/b.png")}, {"image": "a/b.png"}),
        ("find_slices", {"attributes": "brightness"}, {"attributes": ("brightness",)}),
        ("find_slices", {"depth": np.int32(1)}, {"depth": 1}),
        ("compare_group", {"where": {"night": "yes", "n": 2}}, {"where": ("night=yes", "n=2")}),
        ("compare_group", {"where": "night=yes"}, {"where": "night=yes"}),
        (
            "compare_group",
            {"where": ["night=yes"], "alpha": np.float32(0.125)},
            {"where": ("night=yes",), "alpha": 0.125},
        ),
        (
            "test_by_masking",
            {"region": "box:x", "class_name": "a", "doses": np.array([0.5, 1.0])},
            {"doses": (0.5, 1.0)},
        ),
        ("edit_attributes", {"action": "add", "attribute": "a", "values": "yes"}, {"values": ["yes"]}),
        ("compare_classes", {"classes": ["a", "b"]}, {"class_a": "a", "class_b": "b"}),
        (
            "compare_classes",
            {"classes": ["a", "b", "c", "d"]},
            {"class_a": "a", "class_b": "b", "others": ("c", "d")},
        ),
        ("review_errors", {"answers": {Path("a.png"): "fine"}}, {"answers": {"a.png": "fine"}}),
    ],
)
def test_what_is_meant_is_taken(tool: str, given: dict[str, Any], known: dict[str, Any]) -> None:
    made = registry()[tool].check(given)
    assert {name: made[name] for name in known} == known
    assert [type(made[name]) for name in known] == [type(value) for value in known.values()]


@pytest.mark.parametrize(
    ("tool", "given", "words"),
    [
        ("find_slices", {"dept": 2}, "argument 'dept': there is none of that name. Choose from: depth,"),
        (
            "find_slices",
            {"depth": "two"},
            "argument 'depth': write a whole number, as in depth=3, not 'two'.",
        ),
        ("find_slices", {"depth": 1.5}, "write a whole number, as in depth=3, not 1.5."),
        ("find_slices", {"depth": 0}, "argument 'depth': it must be at least 1, not 0."),
        ("find_slices", {"depth": 99}, "it must be at most 3, not 99."),
        ("find_slices", {"attributes": 3}, "write a list of texts, as in attributes=['a', 'b'], not 3."),
        ("find_slices", {"attributes": ["a", 3]}, "argument 'attributes', entry 2: write text"),
        ("find_slices", {"split": "test"}, "write 'data', 'train', 'pool' or 'deploy', not 'test'."),
        ("find_slices", {"method": object()}, "write 'failsight' or 'hibug'."),
        ("compare_group", {"where": 3}, "write text or a list of texts, as in where=['light=dark'], not 3."),
        (
            "compare_models",
            {"after": "x", "features": "so so"},
            "write True or False, as in features=True, not 'so so'.",
        ),
        ("what_if", {}, "argument 'image': it must be given."),
        ("what_if", {"image": True}, "write text, as in image='a', not True."),
        ("what_if", {"image": "x" * 500}, "it must have at most 400 characters."),
        ("review_errors", {"answers": [1]}, "write a dictionary, as in answers={'a': 'b'}."),
    ],
)
def test_what_can_t_be_read_is_said_plainly(tool: str, given: dict[str, Any], words: str) -> None:
    with pytest.raises(RetryError) as refused:
        registry()[tool].check(given)
    assert words in str(refused.value) and str(refused.value).startswith(f"{tool}: ")
    assert "Input should" not in str(refused.value) and "tuple[" not in str(refused.value)


def test_an_argument_that_a_planner_gives_is_left_as_it_is() -> None:
    given = {"where": "a=b", "class_name": None}
    assert registry()["compare_group"].check(given)["where"] == "a=b"
