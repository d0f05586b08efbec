"""The door for a language model's own hypotheses: typed, journalled without a verdict, decided by its instrument alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from failsight.agent.bindings import bind
from failsight.agent.events import PlannerSaid, ToolFailed
from failsight.agent.narrate import write_reports
from failsight.agent.planners.scripted import ScriptedPlanner, call
from failsight.agent.session import Session
from failsight.agent.ui.snapshot import take
from failsight.agent.ui.tui.screens.evidence import EvidenceScreen
from failsight.agent.ui.tui.screens.finding import FindingScreen
from failsight.prompts import system
from tests.fakes.case import FakeCase, television_world
from tests.fakes.session import evaluation
from tests.ui.stage import on_stage

GUESS = {"kind": "spurious_correlation", "class_name": "red_room", "cue": "television"}


def play(tmp_path: Path, *replies: Any) -> tuple[Session, list[Any]]:
    table, model = television_world(300)
    session = Session(
        FakeCase(tmp_path / "case", {"data": table}, model), policy="auto", planner=ScriptedPlanner(replies)
    )
    return session, list(session.say("what do you suspect?"))


def words(events: list[Any]) -> str:
    return "\n".join(e.text for e in events if isinstance(e, PlannerSaid))


def test_a_model_states_a_hypothesis_and_its_test_decides(tmp_path: Path) -> None:
    session, _ = play(
        tmp_path,
        call("state_hypothesis", **GUESS),
        call("test_by_masking", region="box:television", finding="F1"),
        "F1 is confirmed [E2].",
    )
    record = session.case.state().find("F1")
    assert record is not None
    assert record.finding.verdict == "confirmed"
    assert record.evidence == ("E1", "E2")
    assert len(record.instruments) >= 1
    kinds = [e.kind for e in session.case.journal]
    assert kinds.index("instrument.registered") < kinds.index("evidence.recorded")
    assert session.case.state().evidence[0].findings[0].verdict is None


def test_a_test_goes_by_the_smallest_effect_with_which_its_hypothesis_was_stated(tmp_path: Path) -> None:
    session, _ = play(
        tmp_path,
        call("state_hypothesis", **GUESS, minimum_effect=0.1),
        call("test_by_masking", region="box:television", finding="f1"),
        call("test_by_masking", region="box:television", finding="F1", minimum_effect=0.2),
        "Done.",
    )
    made = session.case.state().evidence
    assert [e.arguments["minimum_effect"] for e in made] == [0.1, 0.1, 0.2]
    plans = [e.data for e in session.case.journal if e.kind == "instrument.registered"]
    assert [p["instrument"]["minimum_effect"] for p in plans] == [0.1, 0.1, 0.2]


@pytest.mark.parametrize(
    "extra", [{"verdict": "confirmed"}, {"p": 0.0001}, {"statement": "It is proven that the model cheats."}]
)
def test_a_verdict_cannot_be_passed_along(tmp_path: Path, extra: dict[str, Any]) -> None:
    session, events = play(tmp_path, call("state_hypothesis", **GUESS, **extra), "I could not state it.")
    assert any(isinstance(e, ToolFailed) for e in events)
    assert session.case.state().records == {}


@pytest.mark.parametrize("kind", ["magic", "the model is bad", ""])
def test_only_the_kinds_that_there_are_can_be_stated(tmp_path: Path, kind: str) -> None:
    session, events = play(tmp_path, call("state_hypothesis", kind=kind), "I could not state it.")
    assert any(isinstance(e, ToolFailed) for e in events)
    assert session.case.state().records == {}


@pytest.mark.parametrize(
    "claim",
    [
        "F1 is confirmed.",
        "The model says red_room because it relies on the television.",
        "F1 is refuted [E1].",
    ],
)
def test_a_verdict_of_its_own_is_marked_before_a_person_sees_it(tmp_path: Path, claim: str) -> None:
    session, events = play(tmp_path, call("state_hypothesis", **GUESS), claim, claim)
    assert "nverified" in words(events) or "not in the evidence" in words(events), words(events)
    record = session.case.state().find("F1")
    assert record is not None
    assert record.finding.verdict is None


def test_a_model_is_told_of_the_door(tmp_path: Path) -> None:
    table, model = television_world(30)
    case = FakeCase(tmp_path / "case", {"data": table}, model)
    (door,) = [t for t in bind(case) if t.name == "state_hypothesis"]
    schema: Any = door.args_schema
    assert "spurious_correlation" in str(schema["properties"]["kind"])
    assert "verdict" not in schema["properties"]
    text = system(level="expert", workflow="w", name="n", task="t", classes="c", expectations="e")
    assert "state_hypothesis" in text


# --- the chain ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Session]:
    session, _ = play(
        tmp_path,
        call("state_hypothesis", **GUESS),
        call("test_by_masking", region="box:television", finding="F1"),
        AIMessage("F1 is confirmed [E2]."),
    )
    yield session
    session.close()


def test_reports_show_the_chain_with_what_each_link_rests_on(told: Session) -> None:
    write_reports(told.folder, told.state(), told.case.journal.events, ("md", "html"))
    text = (told.folder / "report.md").read_text(encoding="utf-8")
    chain = text[text.index("How it came to its verdict") :][:3000]
    places = [chain.index(f"*{stage}*") for stage in ("Hypothesis", "Instrument", "Evidence", "Verdict")]
    assert places == sorted(places)
    first, last = chain[places[0] :].split("\n")[0], chain[places[3] :].split("\n")[0]
    assert "E1" in first
    assert "E2" in last
    assert "event" in chain[places[1] :].split("\n")[0]
    page = (told.folder / "report.html").read_text(encoding="utf-8")
    assert '<details class="chain">' in page
    assert 'href="#E1"' in page[page.index('class="chain"') :][:2500]


def test_a_screen_gets_the_chain_of_every_finding(told: Session) -> None:
    made = take(told.state())
    assert next(s.stage for s in made.chains["F1"]) == "hypothesis"
    assert made.chains["F1"][0].refers == "E1"
    assert made.chains["F1"][-1].refers == "E2"


async def test_a_link_of_the_chain_opens_its_evidence(told: Session, tmp_path: Path) -> None:
    snapshot = take(told.state())
    record = snapshot.records[0]
    from failsight.agent.events import EvidenceMade

    script: Any = {"start": [EvidenceMade(evaluation(1))]}
    async with on_stage(tmp_path, script, size=(120, 50)) as stage:
        stage.app.push_screen(FindingScreen(record, snapshot.chains["F1"]))
        await stage.until(lambda: isinstance(stage.app.screen, FindingScreen))
        assert "How it came to its verdict" in stage.text()
        for stage_name in ("hypothesis:", "instrument:", "evidence:", "verdict:"):
            assert stage_name in stage.text()
        await stage.pilot.press("home", "enter")
        await stage.until(lambda: isinstance(stage.app.screen, EvidenceScreen))
