"""Every number of the report stands in what its sentence refers to: the evidence, the finding, the event."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from failsight.agent.journal import Journal
from failsight.agent.narrate import build_report, check_report, findings_document, write_reports
from failsight.agent.narrate.model import Report
from failsight.agent.narrate.schema import findings_schema, misfits
from failsight.agent.state import CaseState, fold
from tests.fakes.case import FakeCase, television_world
from tests.fakes.grounded import numbers, sentences, sources, ungrounded
from tests.fakes.page import Page
from tests.fakes.told import tell

Told = tuple[Report, CaseState, list[Any]]


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Told:
    return told_by(tell(tmp_path_factory.mktemp("told") / "case"))


def told_by(folder: Path) -> Told:
    journal = Journal(folder, write=False)
    state = fold(journal)
    return build_report(state, journal.events), state, journal.events


def test_every_number_of_the_prose_stands_in_what_it_refers_to(case: Told) -> None:
    assert ungrounded(*case) == []
    assert sum(len(numbers(said.text)) for _, said in sentences(case[0])) > 80


def test_every_sentence_with_a_number_names_what_it_rests_on(case: Told) -> None:
    bare = [where for where, s in sentences(case[0]) if numbers(s.text) and not s.refs]
    assert bare == ["expected"]  # "2 criteria were set", which stand right below


def test_every_reference_leads_to_something(case: Told) -> None:
    report, state, events = case
    known = (
        {e.id for e in state.evidence}
        | {r.id for r in state.records.values()}
        | {f"#{e.seq}" for e in events}
    )
    for where, said in sentences(report):
        assert set(said.refs) <= known, (where, said)


def test_the_checker_notices_a_number_that_nobody_measured(case: Told) -> None:
    _, state, events = case
    assert numbers("It is right in 82.3 % of 600 images.") - sources(state, events, ("E1",)) == {"82.3"}


def test_names_are_no_numbers_and_the_day_of_an_event_may_be_told(case: Told) -> None:
    _, state, events = case
    assert numbers("F1 and E4 stand in event 12; events 3 to 14 came before, on 2 images.") == {"2"}
    assert numbers(events[0].time[:10]) <= sources(state, events, ("#1",))


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A case over the real tools: a model that a white square pulls to ``red_room``."""
    folder = tmp_path_factory.mktemp("measured") / "case"
    table, model = television_world(n=400)
    with FakeCase(folder, {"data": table}, model) as case:
        case.expect("accuracy", 0.9)
        for tool, arguments in (
            ("describe_case", {}),
            ("evaluate", {}),
            ("confusion_matrix", {}),
            ("confusion_matrix", {"true_class": "blue_room", "predicted_class": "red_room"}),
            ("find_slices", {}),
        ):
            case.call(tool, arguments, by="planner", why="to see")
        pulled = next(r for r in case.state().records.values() if r.finding.kind == "spurious_correlation")
        case.call(
            "test_by_masking",
            {
                "finding": pulled.id,
                "region": "box:television",
                "class_name": "red_room",
                "max_images": 40,
                "draws": 2,
                "second_fill": None,
            },
        )
        case.call("propose_correction", {})
        case.call("readiness", {})
        write_reports(folder, case.state(), case.journal.events)
    return folder


def test_the_numbers_of_a_measured_case_are_grounded_too(measured: Path) -> None:
    assert ungrounded(*told_by(measured)) == []


def test_the_findings_of_a_measured_case_are_complete(measured: Path) -> None:
    _, state, events = told_by(measured)
    made = findings_document(state, events)
    assert list(misfits(made, findings_schema())) == []
    performance = made["performance"]
    assert performance["n"] == 400 and set(performance["per_class"]) == {"red_room", "blue_room"}
    counted = performance["confusion"]
    assert sum(sum(row.values()) for row in counted.values()) == 400
    right = sum(counted[name].get(name, 0) for name in counted)
    assert right / 400 == pytest.approx(performance["accuracy"])
    assert made["readiness"]["verdict"] == "not_ready"
    assert [(c["name"], c["bound"], c["holds"]) for c in made["readiness"]["criteria"]] == [
        ("accuracy", 0.9, False)
    ]
    pulled = next(f for f in made["findings"] if f["kind"] == "spurious_correlation")
    assert pulled["verdict"] == "confirmed" and pulled["corrections"]
    assert (
        pulled["tests"][-1]["tool"] == "test_by_masking" and pulled["tests"][-1]["control_effect"] is not None
    )


def test_the_report_of_a_measured_case_tells_its_experiment_with_plan_and_control(measured: Path) -> None:
    report, _, _ = told_by(measured)
    card = next(c for c in report.headlines if c.kind == "Shortcut")
    terms = dict(card.experiments[-1].terms)
    assert (
        "before its measurement" in terms["Plan"].text
        and "elsewhere in the same image" in terms["Control"].text
    )
    assert card.experiments[-1].minimum_effect == 0.05 and card.figures
    page = Page.of(measured / "report.html")
    assert page.wrong == [] and check_report(measured) == []
