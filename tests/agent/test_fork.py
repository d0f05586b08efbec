"""Branches of a session: the chain holds across a fork, and a replay asks another planner the same."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.messages import AIMessage

from failsight.agent.fork import acts, beside, branch, decisions, fork, in_words, planners, replay
from failsight.agent.journal import Journal, verify
from failsight.agent.planners.scripted import ScriptedPlanner, call
from failsight.agent.session import Session
from failsight.agent.state import fold
from failsight.tools.errors import UserError
from tests.fakes.case import FakeCase, television_world


@pytest.fixture
def case(tmp_path: Path) -> Iterator[FakeCase]:
    table, model = television_world()
    made = FakeCase(tmp_path / "case", {"data": table}, model)
    yield made
    made.close()


def _again(folder: Path) -> FakeCase:
    table, model = television_world()
    return FakeCase(folder, {"data": table}, model)


def _talk(case: FakeCase) -> None:
    session = Session(case)
    case.expect("accuracy", 0.9)
    list(session.say("How well does the model perform?"))
    list(session.say("accuracy at least 80 %"))
    list(session.act("/tool find_slices depth=1"))
    list(session.auto())
    session.close()


def test_a_fork_shares_the_events_and_then_goes_its_own_way(case: FakeCase, tmp_path: Path) -> None:
    _talk(case)
    first = next(e.seq for e in case.journal if e.kind == "evidence.recorded")
    made = fork(case.folder, tmp_path / "other", at=first)
    assert [e.hash for e in Journal(made, write=False)][:first] == [e.hash for e in case.journal][:first]
    count, problems = verify(made)
    assert (count, problems) == (first + 1, [])
    other = _again(made)
    assert [e.id for e in other.state().evidence] == ["E1"]
    list(Session(other).auto())
    keys = {r.finding.key for r in other.state().confirmed()}
    assert keys  # the call with depth=1 came after the branching
    assert keys <= {r.finding.key for r in case.state().confirmed()}
    assert verify(made)[1] == []
    assert verify(case.folder)[1] == []  # the old one was not touched
    other.close()


def test_what_a_fork_may_not_do_is_one_sentence(case: FakeCase, tmp_path: Path) -> None:
    for at in (0, 999_999):
        with pytest.raises(UserError, match="no event"):
            fork(case.folder, tmp_path / "other", at=at)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("mine")
    with pytest.raises(UserError, match="not empty"):
        fork(case.folder, tmp_path / "full")
    with pytest.raises(UserError, match="not a Failsight case"):
        fork(tmp_path / "full", tmp_path / "other")
    assert (tmp_path / "full" / "x").read_text() == "mine"


def test_writing_in_a_fork_does_not_reach_the_old_case(case: FakeCase, tmp_path: Path) -> None:
    import numpy as np

    case.store({"a": 1}, {"x": np.arange(3)})
    grows = case.workspace("G1") / "made.jsonl"
    grows.write_text("one\n")
    made = _again(fork(case.folder, tmp_path / "other"))
    with (made.workspace("G1") / "made.jsonl").open("a") as file:
        file.write("two\n")
    assert grows.read_text() == "one\n"
    made.store({"a": 1}, {"x": np.arange(9)})
    kept = case.cached({"a": 1})
    assert kept is not None
    assert len(kept["x"]) == 3
    made.close()


def test_what_people_did_is_read_from_the_journal(case: FakeCase) -> None:
    _talk(case)
    made = acts(case.journal.events)
    assert [a.kind for a in made] == ["expect", "say", "say", "call", "auto"]
    assert made[3].data["tool"] == "find_slices"


def test_a_criterion_that_was_set_after_the_greeting_is_set_again(case: FakeCase, tmp_path: Path) -> None:
    session = Session(case)
    list(session.start())
    case.expect("accuracy", 0.9)  # right behind the planner's words
    list(session.say("recall of red room at least 80 %"))
    case.expect("ece", 0.2)
    session.close()
    made = acts(case.journal.events)
    assert [(a.kind, a.data["name"] if a.kind == "expect" else "") for a in made] == [
        ("expect", "accuracy"), ("say", ""), ("expect", "ece"),
    ]  # fmt: skip
    opened = next(e.seq for e in case.journal if e.kind == "case.created")
    other = _again(fork(case.folder, tmp_path / "again", at=opened))
    list(replay(Session(other), case.journal.events))
    assert other.state().expectations == case.state().expectations
    other.close()


def test_a_replay_with_the_same_planner_comes_to_the_same(case: FakeCase, tmp_path: Path) -> None:
    _talk(case)
    opened = next(e.seq for e in case.journal if e.kind == "case.created")
    other = _again(fork(case.folder, tmp_path / "again", at=opened))
    list(replay(Session(other), case.journal.events))
    made = beside(branch(case.state(), "one"), branch(other.state(), "two"))
    assert made["other_verdict"] == made["only_first"] == made["only_second"] == []
    assert len(made["same_verdict"]) == len(case.state().records)
    assert made["tool_calls"][0] == made["tool_calls"][1]
    assert other.state().expectations.keys() == case.state().expectations.keys()
    other.close()


def test_a_replay_with_another_planner_says_what_differs(case: FakeCase, tmp_path: Path) -> None:
    _talk(case)
    opened = next(e.seq for e in case.journal if e.kind == "case.created")
    other = _again(fork(case.folder, tmp_path / "again", at=opened))
    lazy = ScriptedPlanner([call("evaluate"), AIMessage("That is all."), AIMessage("Nothing more.")])
    list(replay(Session(other, planner=lazy), case.journal.events))
    made = beside(branch(case.state(), "guided"), branch(other.state(), "lazy"))
    assert made["tools"]["test_by_masking"][1] == 0
    text = in_words(made)
    assert "Both, with another verdict" in text
    assert "lazy" in text
    json.dumps(made)
    other.close()


def test_a_persons_no_is_a_no_again(tmp_path: Path) -> None:
    table, model = television_world()
    case = FakeCase(tmp_path / "case", {"data": table}, model)
    mask = call("test_by_masking", region="box:television", class_name="red_room")
    session = Session(case, planner=ScriptedPlanner([mask, AIMessage("Then not.")]))
    list(session.say("Test the television."))
    list(session.decide(False))
    assert [(a.tool, a.yes) for a in decisions(case.journal.events)] == [("test_by_masking", False)]
    opened = next(e.seq for e in case.journal if e.kind == "case.created")
    other = _again(fork(case.folder, tmp_path / "again", at=opened))
    list(replay(Session(other, planner=ScriptedPlanner([mask, AIMessage("Then not.")])), case.journal.events))
    assert not other.state().evidence
    assert [e.data["by"] for e in other.journal if e.kind == "approval.given"] == ["replay"]
    other.close()
    case.close()


def test_an_old_folder_without_its_case_file_is_one_sentence(case: FakeCase, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(case.folder, copy)
    (copy / "case.toml").unlink()
    with pytest.raises(UserError):
        fork(copy, tmp_path / "other")
    assert fold(case.journal).config


def test_who_planned_is_told_of_each_opening_in_which_something_was_done(case: FakeCase) -> None:
    assert planners(case.journal.events, "guided") == "guided"
    for name, lines in (("guided", 1), ("openai:a", 0), ("openai:b", 2), ("openai:b", 1), ("guided", 1)):
        case.record("session.opened", version="1", planner=name, level="novice")
        for _ in range(lines):
            case.record("message", role="person", text="how good is it?")
    assert planners(case.journal.events, "") == "guided, then openai:b, then guided"


def test_what_each_planner_cost_is_told_in_words_too(case: FakeCase) -> None:
    case.record(
        "model.called",
        model="m",
        input_tokens=90_000,
        output_tokens=6_000,
        counted=True,
        usd=0.31,
        seconds=90.0,
    )
    told = in_words(beside(branch(case.state(), "openai:m"), branch(fold([]), "guided")))
    assert (
        "openai:m: 1 calls of the language model, 96,000 tokens, 0.31 US dollars, 1.5 minutes of waiting"
        in told
    )
    assert "\nguided: 0 calls" not in told
