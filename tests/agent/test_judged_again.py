"""Whether it is ready is judged on what is expected now: never told from an answer to another question."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from failsight.agent import open_case
from failsight.agent.cli import main
from failsight.agent.narrate import findings_document, write_reports
from failsight.agent.planners.scripted import ScriptedPlanner
from failsight.agent.planners.step import Step
from failsight.agent.planners.steps import is_done, next_step
from failsight.agent.session import Session
from failsight.agent.ui.readiness import as_given, readiness_lines
from tests.fakes.case import FakeCase, television_world


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    """Answers of which 90 of 100 are right."""
    rows = [f"{i}.png,{'ab'[i % 2]},{'ab'[(i + (i % 10 == 0)) % 2]},0.9" for i in range(600)]
    path = tmp_path / "answers.csv"
    path.write_text("\n".join(["path,label,prediction,confidence", *rows]))
    return path


def judged(folder: Path) -> int:
    lines = (folder / "journal.jsonl").read_text().splitlines()
    made = [json.loads(line) for line in lines]
    return sum(
        e["kind"] == "evidence.recorded" and e["data"]["evidence"]["tool"] == "readiness" for e in made
    )


def test_the_exit_code_follows_the_bar_wherever_it_is_set(answers: Path, tmp_path: Path) -> None:
    folder = tmp_path / "case"
    given = ["run", "--predictions", str(answers), "--out", str(folder)]
    assert main([*given, "--expect", "accuracy>=0.5"]) == 0
    assert main(["run", str(folder), "--expect", "accuracy>=0.99"]) == 3
    assert main(["run", str(folder)]) == 3 and judged(folder) == 2  # nothing has changed: nothing is judged
    assert (
        main(["run", str(folder), "--expect", "accuracy>=0.5"]) == 0
    )  # and back: not the answer of the first time
    assert judged(folder) == 3
    assert json.loads((folder / "findings.json").read_text())["readiness"]["verdict"] == "ready"


def test_an_unknown_class_is_refused_before_anything_is_set(
    answers: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "case"
    assert (
        main(["run", "--predictions", str(answers), "--out", str(folder), "--expect", "accuracy>=0.5"]) == 0
    )
    before = (folder / "journal.jsonl").read_text()
    for wrong in ("recall.nosuch>=0.5", "accuracy>=900", "nonsense>=0.5"):
        assert main(["run", str(folder), "--expect", "accuracy>=0.99", "--expect", wrong]) == 2
        assert (folder / "journal.jsonl").read_text() == before
    assert "no class 'nosuch'" in capsys.readouterr().err
    assert main(["run", str(folder), "--expect", "recall.a>=0.5"]) == 0


def test_what_was_not_judged_again_is_not_told_as_ready(answers: Path, tmp_path: Path) -> None:
    with open_case(predictions=answers, out=tmp_path / "case") as case:
        case.expect("accuracy", 0.5)
        made, _ = case.call("readiness", by="person")
        assert as_given(case.state()) == "ready" and not case.state().out_of_date(made)
        case.expect("accuracy", 0.99)
        assert as_given(case.state()) == "undecided" and case.state().out_of_date(made)
        assert any("not judged again" in line for line in readiness_lines(case.state()))
        assert findings_document(case.state(), case.journal.events)["readiness"]["verdict"] == "undecided"
        md, html = write_reports(case.folder, case.state(), case.journal.events, ("md", "html"))
        assert "Since then something else is expected" in md.read_text()
        assert "Not judged" in html.read_text()


def test_a_step_that_judges_is_done_only_for_what_is_known_now(tmp_path: Path) -> None:
    table, model = television_world(200)
    with FakeCase(tmp_path / "case", {"data": table}, model, policy="cheap") as case:
        case.expect("accuracy", 0.5)
        list(Session(case, policy="auto").auto())
        assert next_step(case) is None
        step = Step("readiness", "readiness", "")
        assert is_done(case, step)
        case.call("confusion_matrix", {"true_class": "red_room"}, by="person")
        assert not is_done(case, step)
        case.call("readiness", by="person")
        assert is_done(case, step)


def test_heavy_checks_are_not_made_again_for_another_bar(tmp_path: Path) -> None:
    table, model = television_world(300)
    with FakeCase(tmp_path / "case", {"data": table}, model) as case:
        list(Session(case, policy="auto").auto())
        before = [e.tool for e in case.state().evidence]
        case.expect("accuracy", 0.5)
        list(Session(case, policy="auto").auto())
        assert [e.tool for e in case.state().evidence][len(before) :] == ["readiness"]


def test_a_policy_that_denies_the_judgement_leaves_no_old_one(answers: Path, tmp_path: Path) -> None:
    folder, policy = tmp_path / "case", tmp_path / "night.toml"
    policy.write_text('deny = ["readiness"]')
    assert (
        main(["run", "--predictions", str(answers), "--out", str(folder), "--expect", "accuracy>=0.5"]) == 0
    )
    assert main(["run", str(folder), "--policy", str(policy), "--expect", "accuracy>=0.99"]) == 4


def test_a_planner_that_does_not_judge_again_gives_no_old_verdict(tmp_path: Path) -> None:
    table, model = television_world(200)
    with FakeCase(tmp_path / "case", {"data": table}, model) as case:
        case.expect("accuracy", 0.1)
        case.call("readiness", by="person")
        assert as_given(case.state()) == "ready"
        case.expect("accuracy", 0.999)
        list(Session(case, policy="auto", planner=ScriptedPlanner(["Nothing to do."])).auto())
        assert as_given(case.state()) == "undecided"
