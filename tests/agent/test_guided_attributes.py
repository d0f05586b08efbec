"""The guided planner and attributes: words first where nobody wrote any, and slices again after they were changed."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from failsight.agent.planners import steps
from failsight.tools.attributes.definitions import Definition
from failsight.tools.errors import RetryError, UserError
from failsight.tools.registry import registry
from tests.fakes.attributes import FakeSource, white_square
from tests.fakes.case import FakeCase, television_world

TELEVISION = Definition("television", "zero_shot", "television", values=("no", "yes"), by="encoder")


def wordless(tmp_path: Path, **config: Any) -> FakeCase:
    """The television world of which nobody wrote down anything; the encoder sees the white square."""
    table, model = television_world(600)
    table.columns, table.boxes = {}, None
    case = FakeCase(tmp_path / "case", {"data": table}, model, **config)
    case._sources["zero_shot"] = FakeSource("zero_shot", {"television": white_square}, (TELEVISION,))
    return case


def run(case: FakeCase, most: int = 40) -> list[str]:
    """Tools in the order in which the guided planner calls them."""
    made = []
    while (step := steps.next_step(case)) is not None and len(made) < most:
        made.append(step.tool)
        with suppress(RetryError):  # journalled as failed, and not tried again
            case.call(step.tool, step.arguments)
    return made


@pytest.fixture(autouse=True)
def few_tools(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the tools in question: the others are measured elsewhere."""
    wanted = ("describe_case", "evaluate", "propose_attributes", "find_slices")
    stages = [("see failure", wanted[:2]), ("hypothesis", wanted[2:])]
    monkeypatch.setattr(steps, "stages", lambda workflow: stages)


def test_words_come_before_slices_and_the_slice_is_found_by_them(tmp_path: Path) -> None:
    case = wordless(tmp_path, encoder="rooms")
    order = run(case)
    assert order.index("propose_attributes") < order.index("find_slices")
    assert any("television" in (r.finding.slice or {}) for r in case.state().confirmed())


def test_without_an_encoder_no_words_are_asked_for(tmp_path: Path) -> None:
    assert "propose_attributes" not in run(wordless(tmp_path))


def test_where_attributes_came_with_the_data_none_are_added_unasked(tmp_path: Path) -> None:
    table, model = television_world(300)
    case = FakeCase(tmp_path / "case", {"data": table}, model, encoder="rooms")
    assert "propose_attributes" not in run(case)


def test_slices_are_looked_for_again_after_a_person_changed_the_attributes(tmp_path: Path) -> None:
    case = wordless(tmp_path, encoder="rooms")
    assert run(case).count("find_slices") == 1
    case.call("edit_attributes", {"action": "rename", "attribute": "television", "to": "screen"})
    again = run(case)
    assert again.count("find_slices") == 1
    assert "propose_attributes" not in again
    assert any("screen" in (r.finding.slice or {}) for r in case.state().confirmed())


def test_a_model_that_was_moved_away_takes_only_its_own_words_along(tmp_path: Path) -> None:
    case = wordless(tmp_path, encoder="rooms")
    case.call("propose_attributes", {})
    case._attributes.clear()
    case._given.clear()
    case.table().columns = {"floor": ["wood", "tile"] * 300}  # type: ignore[misc]

    class Gone(FakeSource):
        def fingerprint(self, view: Any) -> str:
            raise UserError("There is no such folder.")

    case._sources["zero_shot"] = Gone("zero_shot", {}, ())
    made = case.attributes()
    assert "floor" in made.columns
    assert "no such folder" in made.unusable["television"]


def test_a_call_is_another_one_once_the_case_was_opened_with_another_encoder(tmp_path: Path) -> None:
    table, model = television_world(60)
    keys = []
    for encoder in ("rooms", "owner/other", ""):
        case = FakeCase(tmp_path / "case", {"data": table}, model, encoder=encoder)
        keys.append([case.call_key(registry()[tool], {}) for tool in ("find_slices", "evaluate")])
        case.close()
    assert len({slices for slices, _ in keys}) == 3
    assert len({evaluated for _, evaluated in keys}) == 1
