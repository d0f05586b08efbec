"""A judgement and a list of repairs are told as of when they were made: what came since is said, or they are made anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from failsight.agent import currency
from failsight.agent.journal import Journal
from failsight.agent.narrate import write_reports
from failsight.agent.planners.step import Step
from failsight.agent.planners.steps import is_done, next_step
from failsight.agent.session import Session
from failsight.agent.state import CaseState, fold
from failsight.agent.ui.mapping import map_lines
from failsight.agent.ui.readiness import readiness_lines
from failsight.agent.ui.renderables import finding_body
from failsight.agent.ui.snapshot import past, take
from failsight.tools.evidence import Correction, Evidence, Fact, Finding
from tests.fakes.case import FakeCase, television_world


class Told:
    """A journal that is written event by event."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self.log, self.made = Journal(folder), 0
        self.log.append("case.created", {"name": "x", "workflow": "reactive"})

    def measured(self, tool: str, **more: Any) -> str:
        self.made += 1
        made = Evidence(tool, "t", f"What {tool} said.", id=f"E{self.made}", **more)
        self.log.append("evidence.recorded", {"call": f"c{self.made}", "evidence": made.to_dict()})
        return made.id

    def finding(self, name: str, verdict: Any = None) -> str:
        made = Finding("weak_slice", "performance", "unknown", name, {name: "yes"}, verdict=verdict)
        return self.measured("find_slices", findings=(made,))

    def verified(self, repair: str, verdict: str = "verified") -> str:
        return self.measured("verify_correction", facts=(Fact("verdict", verdict, "text", repair),))

    def state(self) -> CaseState:
        return fold(self.log)


@pytest.fixture
def told(tmp_path: Path) -> Told:
    return Told(tmp_path / "told")


def key(name: str) -> str:
    return Finding("weak_slice", "performance", "unknown", name, {name: "yes"}).key


def correction(name: str, strategy: str, action: str, status: Any = "proposed") -> Correction:
    return Correction(key(name), strategy, "dataset", action, status)


def test_what_follows_from_verdicts_says_which_are_newer(told: Told) -> None:
    told.finding("a", "confirmed")
    told.measured("propose_correction", corrections=(correction("a", "collect", "collect a"),))
    told.measured("readiness", facts=(Fact("readiness", "not_ready", "text"),))
    assert take(told.state()).left == {} and currency.remarks(told.state(), "[E3]") == []
    told.finding("b", "confirmed")
    left = take(told.state()).left
    assert left["readiness"] == "E3 was judged before F2 was confirmed; say “Is it ready?” to judge it again"
    assert left["correct"].startswith(
        "E2 was proposed before F2 was confirmed; say “How can I improve the model?”"
    )
    told.finding("a", "refuted")
    told.verified("R1")
    said = currency.remarks(told.state(), "It is not ready [E3], and E2.")
    assert said == [
        "E3 was judged before the repair R1 was verified, F1 was refuted and F2 was confirmed; say “Is it ready?” to judge it again."
    ]
    assert readiness_lines(told.state())[-1] == said[0]
    told.measured("readiness", facts=(Fact("readiness", "ready", "text"),))
    assert "readiness" not in take(told.state()).left
    assert "correct" in take(told.state()).left  # nobody proposed anew


def test_a_mere_look_or_an_open_hypothesis_dates_nothing(told: Told) -> None:
    told.finding("a", "confirmed")
    told.measured("readiness", facts=(Fact("readiness", "ready", "text"),))
    told.measured("propose_correction")
    told.measured("confusion_matrix", arguments={"split": "deploy"})
    told.finding("b")
    told.finding("c", "refuted")
    told.finding("a", "confirmed")
    told.verified("R1", "no effect")
    assert currency.stale_stages(told.state()) == {}


def test_a_list_for_one_finding_is_dated_by_that_one_alone(told: Told) -> None:
    told.finding("a", "confirmed")
    one = told.measured("propose_correction", arguments={"finding": "F1"})
    told.finding("b", "confirmed")
    state = told.state()
    assert currency.since(state, next(e for e in state.evidence if e.id == one)) == ""
    assert currency.stale_stages(state) == {}  # it is no list of the case
    told.finding("a", "refuted")
    state = told.state()
    assert currency.since(state, state.evidence[1]) == "E2 was proposed before F1 was refuted"


def test_a_repair_that_was_found_wanting_dates_the_judgement(told: Told) -> None:
    told.verified("R1")
    told.measured("readiness", facts=(Fact("readiness", "ready", "text"),))
    told.verified("R1", "traded away")
    assert "E2 was judged before the repair R1 was found wanting" in take(told.state()).left["readiness"]


def test_one_list_of_repairs_a_finding_and_none_of_what_was_refuted(told: Told) -> None:
    told.finding("a", "confirmed")
    done = correction("a", "rebalance", "weigh a", "verified")
    told.measured("verify_correction", corrections=(done,))
    told.measured(
        "propose_correction",
        corrections=(correction("a", "collect", "old"), correction("a", "relabel", "old too")),
    )
    new = correction("a", "collect", "new")
    told.measured("propose_correction", corrections=(new,))
    (record,) = told.state().records.values()
    assert record.corrections == (done, new)
    told.finding("b", "confirmed")
    assert told.state().find("F1").corrections == (done, new)  # type: ignore[union-attr]
    told.finding("a", "inconclusive")
    assert told.state().find("F1").corrections == (done,)  # type: ignore[union-attr]


def test_what_came_of_a_repair_is_not_forgotten_because_it_is_proposed_again(told: Told) -> None:
    told.finding("a", "confirmed")
    told.measured("verify_correction", corrections=(correction("a", "collect", "collected", "rejected"),))
    told.measured("propose_correction", corrections=(correction("a", "collect", "collect a"),))
    (record,) = told.state().records.values()
    assert [(c.status, c.action) for c in record.corrections] == [("rejected", "collected")]
    told.measured("verify_correction", corrections=(correction("a", "collect", "more", "verified"),))
    assert [c.status for c in told.state().records[key("a")].corrections] == ["verified"]


def test_a_proposal_beside_a_repair_that_held_is_told_as_the_older_one(told: Told) -> None:
    from rich.console import Console

    told.finding("a", "confirmed")
    told.measured("propose_correction", corrections=(correction("a", "collect", "collect a"),))

    def shown() -> str:
        console = Console(width=200)
        with console.capture() as captured:
            console.print(finding_body(told.state().records[key("a")]))
        return captured.get()

    assert "correction (proposed) collect a" in shown()
    told.measured("verify_correction", corrections=(correction("a", "rebalance", "weigh a", "verified"),))
    assert "correction (proposed before it was mended) collect a" in shown()
    assert "correction (verified) weigh a" in shown()


def test_a_screen_is_given_the_evidence_with_what_is_newer_and_the_journal_keeps_it(told: Told) -> None:
    told.measured("readiness", notes=("as it was",))
    told.finding("a\x1b[31m", "confirmed")
    shown = past(told.state()).evidence[0]
    assert shown.notes == (
        "E1 was judged before F1 was confirmed; say “Is it ready?” to judge it again.",
        "as it was",
    )
    assert told.state().evidence[0].notes == ("as it was",)


# --- through a session ----------------------------------------------------------------------------------------------------


@pytest.fixture
def case(tmp_path: Path) -> Iterator[FakeCase]:
    table, model = television_world(400)
    made = FakeCase(tmp_path / "case", {"data": table}, model, policy="cheap")
    yield made
    made.close()


def test_repairs_are_proposed_anew_and_an_old_judgement_says_so(
    case: FakeCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    case.expect("accuracy", 0.5)
    session = Session(case, policy="auto")
    list(session.auto())
    assert next_step(case) is None and take(case.state()).left == {}
    assert is_done(case, Step("correct", "propose_correction", ""))
    late = Finding("rare_case", "data", "data_content", "Another one.", {"lamp": "yes"}, verdict="confirmed")
    made = Evidence(
        "find_slices", "t", "s", {"depth": 2}, id=f"E{len(case.state().evidence) + 1}", findings=(late,)
    )
    case.record("evidence.recorded", call="later", evidence=made.to_dict())
    name = case.state().records[late.key].id

    ready = case.state().latest("readiness")
    assert ready is not None
    lines = "\n".join(text for text, _ in map_lines(take(case.state()), session.workflow))
    assert f"{ready.id} was judged before {name} was confirmed; say “Is it ready?” to judge it again" in lines
    said = list(session.say("what have you found so far?"))[-1].text
    assert f"[{ready.id}]" in said and f"{ready.id} was judged before {name} was confirmed" in said
    md, html = write_reports(case.folder, case.state(), case.journal.events, ("md", "html"))
    assert f"{ready.id} was judged before {name} was confirmed" in md.read_text() and name in html.read_text()

    step = next_step(case)
    assert step is not None and (step.stage, step.tool) == ("correct", "propose_correction")
    list(session.auto())
    assert take(case.state()).left == {} and next_step(case) is None
    assert "was judged before" not in list(session.say("what have you found so far?"))[-1].text
    session.close()


def test_evidence_looked_at_again_says_which_verdicts_stand_by_now(told: Told) -> None:
    """A search that meets an association again, or was the first to, is no second truth beside the experiment's."""
    told.finding("a")
    told.finding("b", "confirmed")
    told.finding("a", "refuted")
    told.finding("a")
    told.finding("b", "confirmed")
    notes = [e.notes for e in past(told.state()).evidence]
    decided = "F1 was not decided here and is refuted by now (E3)."
    assert notes == [(decided,), (), (), (decided,), ()]
    many = [
        Finding("weak_slice", "performance", "unknown", f"s{i}", {f"s{i}": "yes"}, verdict="confirmed")
        for i in range(9)
    ]
    told.measured("find_slices", findings=tuple(many))
    for one in many:
        told.finding(one.statement, "inconclusive")
    notes = past(told.state()).evidence[5].notes  # type: ignore[assignment]
    assert (
        len(notes) == currency.MOST and notes[0] == "F3 was confirmed here and is inconclusive by now (E7)."
    )


def test_a_report_tells_what_was_taken_back_as_taken_back(told: Told, tmp_path: Path) -> None:
    told.finding("a")
    told.log.append("hypothesis.withdrawn", {"finding": key("a"), "id": "F1", "by": "person"})
    md, html = write_reports(tmp_path, told.state(), told.log.events, ("md", "html"))
    text = md.read_text()
    assert "Taken back" in text and "Open: nobody has tested it yet" not in text and "1 taken back" in text
    assert "Taken back" in html.read_text() and "nobody has tested it yet" not in html.read_text()
