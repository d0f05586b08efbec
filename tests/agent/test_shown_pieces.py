"""A piece of a picture that a result shows is named as it is shown: ``like:E1#2,…``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from failsight.agent.foreseen import plan
from failsight.agent.planner_text import told
from failsight.tools.errors import RetryError
from failsight.tools.registry import registry
from tests.fakes.case import FakeCase, television_world

PLACE = "0.1,0.1,0.4,0.4"


@pytest.fixture
def case(tmp_path: Path) -> Iterator[FakeCase]:
    table, model = television_world(60)
    made = FakeCase(tmp_path / "case", {"data": table}, model)
    made.call("show_images", {"where": "wrong"})
    yield made
    made.close()


def test_every_tool_takes_the_name_that_the_result_shows(case: FakeCase) -> None:
    shown = case.state().evidence[0]
    row = shown.images[1].row
    assert shown.images[1].split == "data"
    for tool, argument in (("test_by_masking", "region"), ("test_by_adding", "cue"), ("test_by_swapping", "region")):  # fmt: skip
        spec = registry()[tool]
        for name in ("E1#2", "e1 # 2"):
            made = case.checked(spec, {argument: f"like:{name},{PLACE}"})
            assert made[argument] == f"like:data/{row},{PLACE}"
    made, _ = case.call(
        "state_hypothesis",
        {"kind": "spurious_correlation", "class_name": case.classes[0], "cue": f"like:E1#2,{PLACE}"},
    )
    assert (made.findings[0].slice or {})["region"] == f"like:data/{row},{PLACE}"


@pytest.mark.parametrize(
    ("cue", "says"),
    [
        (f"like:E9#1,{PLACE}", "cue: there is no evidence E9"),
        (f"like:E1#99,{PLACE}", "so there is no E1#99"),
    ],
)
def test_a_picture_that_was_not_shown_is_told(cue: str, says: str, case: FakeCase) -> None:
    with pytest.raises(RetryError, match=says):
        case.checked(registry()["test_by_adding"], {"cue": cue})


def test_a_list_of_images_says_how_a_piece_of_one_is_named(case: FakeCase) -> None:
    assert "like:E1#1,x0,y0,x1,y1" in told(case.state().evidence[0], case, 8_000)


def test_a_question_for_a_yes_lists_conditions_in_words(case: FakeCase) -> None:
    lines = plan(case, "test_by_masking", {"region": "rect:0,0,.3,.3", "where": ["wrong", "true=b"], "doses": []})  # fmt: skip
    assert any(line.startswith("where: wrong, true=b (") for line in lines)
    assert any(line.startswith("doses: none (") for line in lines)
