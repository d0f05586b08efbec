"""State is a fold over the journal: findings merge, calls are answered once, verdicts follow the tests."""

from __future__ import annotations

from pathlib import Path

from failsight.agent.chains import record_chain
from failsight.agent.journal import Journal
from failsight.agent.state import CaseState, fold
from failsight.agent.ui.words import rail
from failsight.tools.evidence import Correction, Evidence, Finding, Instrument, TestResult, evidence_from_dict
from tests.fakes.case import FakeCase, television_world


def finding(**more: object) -> Finding:
    base = {
        "kind": "spurious_correlation", "failure": "features", "bug": "data_content",
        "statement": "television goes with living_room", "slice": {"television": "yes"}, "class_name": "living_room",
    }  # fmt: skip
    return Finding(**{**base, **more})  # type: ignore[arg-type]


def evidence(number: int, **more: object) -> Evidence:
    return Evidence(tool="find_slices", title="t", summary="s", id=f"E{number}", **more)  # type: ignore[arg-type]


def journal(folder: Path, *made: Evidence) -> Journal:
    log = Journal(folder)
    for i, item in enumerate(made):
        log.append("evidence.recorded", {"call": f"c{i}", "evidence": item.to_dict()})
    return log


def test_equal_findings_merge_and_the_experiment_has_the_last_word(tmp_path: Path) -> None:
    first = finding(verdict="confirmed", error_rate=0.4, q=0.01)
    test = TestResult("test_by_masking", 0.01, (-0.02, 0.04), 0.4, 90, "refuted", control_effect=0.0)
    second = finding(verdict="refuted", tests=(test,))
    state = fold(journal(tmp_path, evidence(1, findings=(first,)), evidence(2, findings=(second,))))
    assert len(state.records) == 1
    record = next(iter(state.records.values()))
    assert record.id == "F1"
    assert record.finding.verdict == "refuted"
    assert record.finding.error_rate == 0.4
    assert [t.evidence for t in record.finding.tests] == ["E2"]
    assert record.evidence == ("E1", "E2")
    assert state.confirmed() == []


def test_an_open_hypothesis_never_undoes_a_verdict(tmp_path: Path) -> None:
    log = journal(
        tmp_path, evidence(1, findings=(finding(verdict="confirmed"),)), evidence(2, findings=(finding(),))
    )
    assert [r.id for r in fold(log).confirmed()] == ["F1"]


def test_replaying_gives_the_same_state(tmp_path: Path) -> None:
    log = journal(tmp_path, evidence(1, findings=(finding(),), questions=("input.1",)))
    log.append("expectation.set", {"name": "accuracy", "bound": 0.9, "at_least": True, "by": "x"})
    log.append("stage.entered", {"stage": "test", "trigger": "t"})
    log.append("a kind of the future", {"x": 1})
    once, again = fold(log), fold(Journal(tmp_path, write=False))
    assert once == again
    assert once.answered == {"input.1": "E1"}
    assert once.stage == "test"


def test_corrections_attach_to_their_finding(tmp_path: Path) -> None:
    fix = Correction(finding().key, "collect", "dataset", "collect 100 living rooms without a television")
    state = fold(journal(tmp_path, evidence(1, findings=(finding(),)), evidence(2, corrections=(fix,))))
    assert next(iter(state.records.values())).corrections == (fix,)


def test_evidence_survives_the_journal(tmp_path: Path) -> None:
    made = evidence(
        1, findings=(finding(ci=(0.1, 0.2), tests=(TestResult("t", 0.1, (0.0, 0.2), 0.04, 9, "confirmed"),)),)
    )
    read = fold(Journal(journal(tmp_path, made).path.parent, write=False)).evidence[0]
    assert read == evidence_from_dict(made.to_dict())
    assert read.findings[0].ci == (0.1, 0.2)


def test_an_instrument_is_known_by_its_content() -> None:
    def plan(effect: float) -> Instrument:
        return Instrument("k", "t", {"a": 1}, "s", "mean", "c", effect, 0.05, 10)

    assert plan(0.05).id == plan(0.05).id
    assert plan(0.05).id != plan(0.06).id


def test_the_same_result_measured_again_is_one_result() -> None:
    result = TestResult("evaluate", 0.2, (0.1, 0.3), 0.001, 100, "confirmed")
    one = Finding("leakage", "correctness", "data_engineering", "s", verdict="confirmed", tests=(result,))
    state = CaseState()
    for number in (1, 2):
        made = Evidence("evaluate", "t", "s", findings=(one,), id=f"E{number}")
        state._on_evidence_recorded({"evidence": made.to_dict(), "call": f"c{number}"}, number)
    (record,) = state.records.values()
    assert [t.evidence for t in record.finding.tests] == ["E1"]
    assert record.evidence == ("E1", "E2")


def test_an_association_seen_again_in_a_part_of_the_images_changes_nothing_of_what_was_decided(
    tmp_path: Path,
) -> None:
    stated = finding(error_rate=0.5, n=200, note="An association: a masking test decides.")
    test = TestResult("test_by_masking", 0.3, (0.2, 0.4), 0.001, 90, "confirmed", control_effect=0.0)
    decided = finding(verdict="confirmed", tests=(test,), note="The effect is above zero.")
    again = finding(error_rate=0.39, n=60, note="An association: a masking test decides.")
    made = [evidence(i, findings=(f,)) for i, f in enumerate((stated, decided, again), 1)]
    (record,) = fold(journal(tmp_path, *made)).records.values()
    assert (record.finding.verdict, record.finding.error_rate, record.finding.n) == ("confirmed", 0.5, 200)
    assert record.finding.note == "The effect is above zero." and record.evidence == ("E1", "E2", "E3")


def test_the_slices_of_a_search_stand_on_its_plan(tmp_path: Path) -> None:
    """The rule that judges whatever a search brings up is in the journal before anything is counted."""
    table, model = television_world(900)
    case = FakeCase(tmp_path / "case", {"data": table}, model)
    case.call("find_slices", {"depth": 1}, by="person")
    case.call("find_slices", {"depth": 2}, by="person")
    state = case.state()
    told = [r for r in state.records.values() if r.finding.verdict is not None]
    assert told
    for record in told:
        plans = [state.instruments[i] for i in record.instruments]
        assert plans and all(plan.tool == "find_slices" for plan, _ in plans)
        assert {plan.arguments["depth"] for plan, _ in plans} <= {1, 2}
        assert rail(record) == "■■■"
        steps = [s.stage for s in record_chain(state, record)]
        assert steps[:2] == ["hypothesis", "instrument"]
    registered = [e.seq for e in case.journal.events if e.kind == "instrument.registered"]
    recorded = [e.seq for e in case.journal.events if e.kind == "evidence.recorded"]
    assert registered[0] < recorded[0]
