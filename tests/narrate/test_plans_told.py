"""Every registered plan has its outcome in the report, also one that led to no finding."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from failsight.agent.journal import Journal
from failsight.agent.narrate import build_report
from failsight.agent.narrate.markdown import render_markdown
from failsight.agent.narrate.model import Report
from failsight.agent.state import fold
from failsight.tools.evidence import Evidence, Finding, Instrument, TestResult, family_key
from tests.fakes.told import Teller

NOISE = Finding(
    "label_noise", "correctness", "data_content", "Labels of A are wrong.", slice={"annotator": "A"}
)


def plan(finding: str, tool: str, statement: str) -> Instrument:
    return Instrument(finding, tool, {}, statement, "a rate minus another", "all others", 0.05, 0.01, 100)


def outcome(finding: Finding, tool: str, verdict: str) -> Finding:
    test = TestResult(tool, 0.1, (0.05, 0.15), 0.001, 100, verdict)  # type: ignore[arg-type]
    return dataclasses.replace(finding, verdict=verdict, tests=(test,))  # type: ignore[arg-type]


def planned_call(told: Teller, tool: str, plans: list[Instrument], *findings: Finding, **more: Any) -> None:
    told.made += 1
    call = f"call-{told.made:03d}"
    told.note("tool.started", call=call, tool=tool, arguments={}, by="guided", why="")
    for one in plans:
        told.note("instrument.registered", id=one.id, instrument=dataclasses.asdict(one))
    made = Evidence(tool, "T", "S.", findings=findings, id=f"E{told.made}", **more)
    told.note("evidence.recorded", call=call, evidence=made.to_dict())


def report_of(told: Teller) -> Report:
    told.close()
    journal = Journal(told.folder, write=False)
    return build_report(fold(journal), journal.events)


def rows(report: Report) -> dict[tuple[object, object], tuple[object, ...]]:
    section = next(s for s in report.story if s.id == "tested")
    (table,) = section.tables
    return {(row[0], row[1]): row[2:] for row in table.rows}


def test_every_plan_has_its_outcome(tmp_path: Path) -> None:
    told = Teller(tmp_path)
    told.created()
    labels = [plan(NOISE.key, "label_noise", "Labels of A are wrong.")]
    labels += [
        plan(f"label_noise||c{i}|", "label_noise", f"Images labelled c{i} carry wrong labels.")
        for i in range(5)
    ]
    planned_call(told, "label_noise", labels, outcome(NOISE, "label_noise", "refuted"))
    weak = [Finding("weak_slice", "correctness", "unknown", f"s{i}", slice={"a": str(i)}) for i in range(2)]
    pulls = plan(family_key("spurious_correlation"), "find_slices", "Some value pulls.")
    search = [plan(family_key("weak_slice"), "find_slices", "Some slice is weak."), pulls]
    planned_call(told, "find_slices", search, *(outcome(w, "find_slices", "confirmed") for w in weak))
    groups = plan("weak_slice|||", "disaggregate", "Some group is weaker.")
    planned_call(
        told,
        "disaggregate",
        [groups],
        outcome(dataclasses.replace(weak[0], slice={"b": "1"}), "disaggregate", "confirmed"),
    )
    told.note(
        "instrument.registered",
        id="I-later",
        instrument=dataclasses.asdict(plan("weak_slice|x=1||", "compare_group", "Never made.")),
    )
    report = report_of(told)
    made = rows(report)
    assert sum(int(str(row[0])) for row in made.values()) == 6 + 2 + 1 + 1  # no plan is left out
    assert made["E1", "label_noise"][:5] == (6, 0, 1, 0, 5)
    assert "And 2 more." in str(made["E1", "label_noise"][5])
    assert made["E2", "find_slices"] == (2, 2, 0, 0, 1, "Some value pulls.")
    assert made["E3", "disaggregate"][:5] == (1, 1, 0, 0, 0)
    assert made["not measured", "compare_group"][:5] == (1, 0, 0, 0, 1)
    section = next(s for s in report.story if s.id == "tested")
    assert "every plan" in section.lead[0].text
    assert "What came of every plan" in render_markdown(report, tmp_path)


def test_plans_that_led_to_nothing_at_all_are_told(tmp_path: Path) -> None:
    told = Teller(tmp_path)
    told.created()
    planned_call(told, "label_noise", [plan("label_noise|||", "label_noise", "Labels are wrong.")])
    report = report_of(told)
    section = next(s for s in report.story if s.id == "tested")
    assert section.lead[0].text == "No test led to a finding."
    assert rows(report)["E1", "label_noise"] == (1, 0, 0, 0, 1, "Labels are wrong.")


def test_a_repair_that_was_judged_is_not_said_to_have_shown_nothing(tmp_path: Path) -> None:
    told = Teller(tmp_path)
    told.created()
    planned_call(told, "verify_correction", [plan(NOISE.key, "verify_correction", "R1 mends it.")])
    assert rows(report_of(told))["E1", "verify_correction"] == (1, 0, 0, 0, 0, "")


def test_without_plans_there_is_no_table(tmp_path: Path) -> None:
    told = Teller(tmp_path)
    told.created()
    section = next(s for s in report_of(told).story if s.id == "tested")
    assert not section.tables and section.lead[0].text == "Nothing has been tested."


def suspected(told: Teller, key: Finding, *, tested: bool) -> None:
    """Somebody states a suspicion, with the plan of what will decide it; the tool writes its own plan down when it runs."""
    first = plan(key.key, "compare_group", "Wooden floors err.")
    planned_call(told, "state_hypothesis", [first], key)
    if tested:
        again = dataclasses.replace(first, arguments={"split": "data"})
        assert again.id != first.id
        planned_call(told, "compare_group", [again], outcome(key, "compare_group", "refuted"))


WOOD = Finding("weak_slice", "correctness", "unknown", "Wooden floors err.", slice={"floor": "wood"})


def test_a_suspicion_that_was_tested_is_not_said_to_have_no_result(tmp_path: Path) -> None:
    from failsight.agent.narrate.coverage import not_examined
    from failsight.agent.narrate.record import Record

    for tested in (True, False):
        told = Teller(tmp_path / str(tested))
        told.created()
        suspected(told, WOOD, tested=tested)
        made = rows(report_of(told))
        journal = Journal(told.folder, write=False)
        left = [p.text for p in not_examined(Record(fold(journal), journal.events)).points]
        assert any("no result stands in the journal" in text for text in left) == (not tested)
        assert (("not measured", "compare_group") in made) == (not tested)
        if tested:
            assert made["E2", "compare_group"] == (2, 0, 1, 0, 0, "")


def test_a_test_that_came_before_a_plan_is_not_its_result(tmp_path: Path) -> None:
    told = Teller(tmp_path)
    told.created()
    suspected(told, WOOD, tested=True)
    later = dataclasses.replace(plan(WOOD.key, "compare_group", "Again."), alpha=0.02)
    told.note("instrument.registered", id=later.id, instrument=dataclasses.asdict(later))
    assert rows(report_of(told))["not measured", "compare_group"][:1] == (1,)
