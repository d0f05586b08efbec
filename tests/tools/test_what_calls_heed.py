"""Which calls are made anew after the findings of a case changed, and which the journal answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from failsight.tools.class_order import _notes
from failsight.tools.evidence import Evidence, Finding
from failsight.tools.registry import registry
from failsight.tools.repair.versions import RESTATED, ModelVersion
from tests.fakes.case import FakeCase, television_world
from tests.tools.cases import counted_view


@pytest.fixture
def case(tmp_path: Path) -> Any:
    table, model = television_world(120)
    made = FakeCase(tmp_path / "case", {"data": table}, model)
    yield made
    made.close()


def found(case: FakeCase, kind: Any, tool: str = "find_slices", **more: Any) -> None:
    given = {
        "verdict": "confirmed",
        "n": 300,
        "error_rate": 0.5,
        "base_error_rate": 0.1,
        "ci": (0.4, 0.6),
        **more,
    }
    finding = Finding(kind, "correctness", "unknown", "It fails.", **given)
    made = Evidence(tool, "t", "s", {"split": "data"}, findings=(finding,))
    case.record("evidence.recorded", call=f"c{len(case.state().evidence)}", evidence=made.to_dict())


def test_what_is_proposed_is_proposed_for_the_findings_of_now(case: FakeCase) -> None:
    found(case, "weak_slice", slice={"tv": "yes"})
    first, _ = case.call("propose_correction", {})
    again, reused = case.call("propose_correction", {})
    assert reused and again.id == first.id
    found(case, "weak_slice", slice={"tv": "no"})
    made, reused = case.call("propose_correction", {})
    assert not reused and {row[0] for row in made.tables[0].rows} == {"F1", "F2"}


def test_the_order_of_classes_is_asked_again_where_the_feeding_is_known_better(case: FakeCase) -> None:
    spec = registry()["class_order"]
    before = case.call_key(spec, {"split": "data"})
    found(case, "weak_slice", slice={"tv": "yes"})
    assert case.call_key(spec, {"split": "data"}) == before
    found(case, "preprocessing", "preprocessing_probe", slice=None)
    assert case.call_key(spec, {"split": "data"}) != before


def test_marks_that_were_found_are_not_looked_for_again(case: FakeCase) -> None:
    spec = registry()["find_marks"]
    checked = spec.check({})
    before = case.call_key(spec, checked)
    found(case, "spurious_correlation", "find_marks", slice={"television": "yes"}, class_name="red_room")
    assert case.call_key(spec, checked) == before


def test_a_feeding_that_the_case_went_on_without_casts_no_doubt_on_the_order() -> None:
    view = counted_view({"data": [[9, 1], [1, 9]]})
    fed = Finding("preprocessing", "correctness", "data_engineering", "Fed BGR.", verdict="confirmed")
    view.stated = [("F1", fed)]
    assert len(_notes(view, True)) == 2
    view.made_versions = [ModelVersion("R1.1", "R1", "repair", 0, RESTATED, "F1", "repair/R1/1", "p")]
    assert len(_notes(view, True)) == 1


def test_what_people_said_of_an_error_is_seen_when_it_is_looked_at_again(tmp_path: Path) -> None:
    """An image's judgement is looked up anew once people judged it in another call; the same call twice is answered once."""
    table, model = television_world(300)
    case = FakeCase(tmp_path / "case", {"data": table}, model)
    drawn, _ = case.call("review_errors", {"n": 8})
    path = drawn.images[0].path
    before, _ = case.call("review_errors", {"image": path})
    _, reused = case.call("review_errors", {"image": path})
    assert reused
    answers = {"answers": {path: "unacceptable"}, "n": 8, "by": "A. Reader"}
    case.call("review_errors", answers)
    after, reused = case.call("review_errors", {"image": path})
    assert not reused and after.summary != before.summary
    assert case.call("review_errors", answers)[1] and case.call("review_errors", {"image": path})[1]
    case.close()
