"""What a language model is sent of an evidence: what a question needs first, nothing twice, the rest on a call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from failsight.agent.guards.context import ContextWindow
from failsight.agent.guards.reading import Reading
from failsight.agent.planner_text import told
from failsight.agent.planners.scripted import ScriptedPlanner, call
from failsight.agent.session import Session
from failsight.tools.evidence import Evidence, Fact, Table
from tests.fakes.case import FakeCase, television_world


@pytest.fixture
def case(tmp_path: Path) -> FakeCase:
    table, model = television_world(300)
    return FakeCase(tmp_path / "case", {"data": table, "deploy": table}, model)


def reading(case: FakeCase, tokens: int = 20_000) -> Reading:
    return Reading(case, ContextWindow(case, lambda: "", lambda: tokens))  # type: ignore[arg-type]


def test_a_value_that_stands_in_a_table_is_told_once_with_the_name_it_has(case: FakeCase) -> None:
    made = case.call("count_images", {"having": ["wrong"], "by": "television"})[0]
    text = told(made, case, 10_000)  # type: ignore[arg-type]
    for row in made.tables[0].rows:
        assert text.count(f"{row[0]} | ") == 1
    assert text.count("of slice television=yes") == text.count("{E1.")  # as an example of a placeholder alone
    assert "{E1.error_rate of slice television=" in text


def test_the_matrix_comes_whole_before_lists_that_are_made_from_it(case: FakeCase) -> None:
    made = case.call("confusion_matrix", {})[0]
    text = told(made, case, 1_200)  # type: ignore[arg-type]
    matrix = next(t for t in made.tables if t.title == "Confusion matrix")
    for row in matrix.rows:
        assert " | ".join(map(str, row)) in text
    others = [text.find(f"{t.title}:") for t in made.tables if t is not matrix]
    assert all(at < 0 or at > text.find("Confusion matrix:") for at in others)


def test_recall_and_precision_of_each_class_and_split_come_first(case: FakeCase) -> None:
    made = case.call("evaluate", {})[0]
    text = told(made, case, 3_000)  # type: ignore[arg-type]
    for table in made.tables:
        if table.title.startswith("Classes"):
            assert all(" | ".join(map(str, row[:3])) in text for row in table.rows), table.title
    assert 0 < text.find("Classes") < text.find("Overall:")


def test_a_finding_is_named_by_its_id(tmp_path: Path) -> None:
    table, model = television_world(600)
    case = FakeCase(tmp_path / "case", {"data": table}, model)
    planner = ScriptedPlanner([call("find_slices"), "Done."])
    list(Session(case, planner=planner).say("where does it fail?"))
    reply = str(planner.asked[1][-1].content)
    records = case.state().records.values()
    assert records and all(f"- {r.id} [" in reply for r in records)


def test_pictures_are_lines_with_answer_confidence_and_attributes_and_without_file_names(
    case: FakeCase,
) -> None:
    made = case.call("show_images", {"where": "wrong", "k": 4})[0]
    text = told(made, case, 10_000)  # type: ignore[arg-type]
    lines = [line for line in text.splitlines() if line.startswith("E1#")]
    assert [line.split(":")[0] for line in lines] == [f"E1#{i}" for i in range(1, 5)]
    for line, one in zip(lines, made.images, strict=True):
        assert f"{one.label} answered {one.prediction}, confidence" in line and "television=" in line
        assert Path(one.path).name not in text


def long_evidence(case: FakeCase) -> Evidence:
    tables = tuple(
        Table(f"Table {n}", ("name", "value"), tuple((f"row {n}.{i}", i) for i in range(60))) for n in "abc"
    )
    made = Evidence(
        "evaluate", "T", "S.", facts=(Fact("lone", 0.25, "share"),), tables=tables, notes=("A note.",)
    )
    case.record("evidence.recorded", call="x", evidence={**made.to_dict(), "id": "E1"})
    return case.state().evidence[-1]


def test_every_part_is_shown_a_little_and_read_on_without_a_gap(case: FakeCase) -> None:
    made = long_evidence(case)
    text = told(made, case, 1_500)  # type: ignore[arg-type]
    assert len(text) <= 1_600 and "lone 25.0 %" in text and "A note." in text
    assert all(f"row {n}.0" in text for n in "abc")
    shown = [line for line in text.splitlines() if line.startswith("row b.")]
    assert f'show_evidence(evidence="E1", part="Table b", first={len(shown) + 1})' in text
    tool = reading(case)
    rest = tool.show_evidence("E1", "Table b", len(shown) + 1)
    seen = [line.split(" |")[0] for line in (*shown, *rest.splitlines()) if line.startswith("row b.")]
    assert seen == [f"row b.{i}" for i in range(60)]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("E9", "", 1), "There is no E9"),
        (("E1", "no such", 1), "it has evaluate"),
        (("E1", "Table a", 99), "rows 1 to 60"),
    ],
)
def test_what_is_not_there_is_said_with_what_there_is(
    case: FakeCase, given: tuple[Any, ...], words: str
) -> None:
    long_evidence(case)
    told_of = reading(case).show_evidence(*given)
    assert told_of.startswith("FAILED: ")
    assert words.replace("it has evaluate", "it has notes, values, Table a") in told_of


def test_the_stage_moves_on_with_what_a_model_does_and_not_back_for_a_look(tmp_path: Path) -> None:
    table, model = television_world(300)
    case = FakeCase(tmp_path / "case", {"data": table}, model)
    planner = ScriptedPlanner(
        [call("evaluate"), call("find_slices"), call("confusion_matrix"), call("readiness"), "Done."]
    )
    session = Session(case, planner=planner)
    list(session.say("go through it"))
    assert [s for s, _, _ in case.state().stages] == ["hypothesis", "readiness"]
    assert "Stage: readiness" in str(planner.asked[-1][-1].content)
