"""The family of cases played through the whole workflow, and how the benchmark over it counts."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cheap_checks import Run, command, first_confirmed, load_runs, main, play, table
from failsight.agent.journal import Event
from failsight.knowledge_base.cases import family_key, list_bugs, prepare_case
from failsight.tools.registry import registry

TOOLS = {
    "wrong_channels": ("preprocessing_probe",),
    "wrong_normalisation": ("preprocessing_probe",),
    "label_noise": ("label_noise",),
    "leakage": ("duplicates_and_leakage",),
    "overfitting": ("training_record",),
    "dark_deployment": ("shift",),
}
"""The tool that can tell each bug."""


def needs(bug: str) -> set[str]:
    """Tools without which the case says nothing."""
    every = {name for names in TOOLS.values() for name in names}
    return set(TOOLS.get(bug, every))


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("bug", list_bugs())
def test_the_planted_bug_is_the_first_thing_confirmed(bug: str) -> None:
    missing = needs(bug) - set(registry())
    if missing:
        pytest.skip(f"not registered yet: {', '.join(sorted(missing))}")
    run = play(bug, seed=0, limit=800, threads=1)
    assert run.error == ""
    assert run.right, run
    assert run.calls >= 5


# -- counting ----------------------------------------------------------------------------------


def recorded(seq: int, tool: str, *verdicts: tuple[str, str | None]) -> Event:
    findings = [{"kind": kind, "verdict": verdict, "statement": f"{kind}."} for kind, verdict in verdicts]
    data: dict[str, Any] = {"call": f"c{seq}", "evidence": {"tool": tool, "findings": findings}}
    return Event(seq, f"2026-01-01T00:00:{seq:02d}.000Z", "evidence.recorded", data, "", "")


def test_the_first_confirmed_finding_is_the_first_that_ever_was() -> None:
    events = [
        Event(1, "2026-01-01T00:00:01.000Z", "case.created", {}, "", ""),
        recorded(2, "evaluate", ("weak_class", None)),
        recorded(3, "shift", ("distribution_shift", "refuted"), ("leakage", "confirmed")),
        recorded(4, "label_noise", ("label_noise", "confirmed"), ("leakage", "refuted")),
    ]
    event, finding = first_confirmed(events) or (None, {})
    assert event is not None
    assert (event.seq, finding["kind"]) == (3, "leakage")
    assert first_confirmed(events[:2]) is None


@pytest.mark.parametrize("bug", [b for b in list_bugs() if b != "clean"])
def test_a_bug_is_right_when_its_kind_comes_first(bug: str) -> None:
    kind = family_key()[bug].kind
    assert Run(bug, 0, first=kind, ever=("weak_slice", kind)).right
    assert not Run(bug, 0, first="weak_slice", ever=("weak_slice", kind)).right
    assert not Run(bug, 0).right


def test_the_clean_case_is_right_when_no_bug_is_ever_confirmed() -> None:
    assert Run("clean", 0).right
    assert Run("clean", 0, first="weak_slice", ever=("weak_slice", "overconfidence")).right
    assert not Run("clean", 0, first="weak_slice", ever=("weak_slice", "leakage")).right


def test_other_bugs_are_false_alarms_and_consequences_are_not() -> None:
    run = Run("dark_deployment", 0, ever=("distribution_shift", "leakage", "weak_slice"))
    assert run.false_alarms == ("leakage",)


def test_results_are_gone_on_with_and_failed_runs_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    played: list[tuple[str, int]] = []

    def fake(bug: str, seed: int, limit: float, threads: int, workflow: str) -> Run:
        played.append((bug, seed))
        made = Run(bug, seed, first=family_key()[bug].kind, by_tool=(("evaluate", 0.5),), seconds=2.0)
        return replace(made, error="exit 1") if seed == 1 and len(played) < 4 else made

    monkeypatch.setattr("benchmarks.cheap_checks.play", fake)
    file = tmp_path / "results" / "checks.jsonl"
    asked = ["--bugs", "leakage", "--seeds", "3", "--results", str(file)]
    assert main(asked) == 1
    assert set(load_runs(file)) == {("leakage", 0, ""), ("leakage", 2, "")}
    with file.open("a") as out:
        out.write('{"bug": "leak')  # torn
    assert main(asked) == 0
    assert played == [("leakage", 0), ("leakage", 1), ("leakage", 2), ("leakage", 1)]
    assert "3 of 3" in capsys.readouterr().out
    assert set(load_runs(file)) == {("leakage", seed, "") for seed in range(3)}


def test_the_table_has_a_line_a_bug_with_its_interval() -> None:
    runs = [Run("leakage", s, first="leakage" if s else "label_noise", seconds=1.0) for s in range(20)]
    lines = table(runs)
    assert len(lines) == 2
    assert "19 of 20" in lines[1]
    assert "[76.4%, 99.1%]" in lines[1]  # Wilson, by hand
    assert "label_noise 1" in lines[1]
    assert asdict(runs[0])["first"] == "label_noise"


def test_the_command_runs_the_case_and_nothing_else(tmp_path: Path) -> None:
    case = prepare_case(tmp_path, "clean", counts={"train": 10, "eval": 10, "deploy": 10})
    made = command(case, tmp_path / "out", 3)
    assert made[2:4] == ["failsight.agent.cli", "run"]
    assert "--pool" not in made
    assert made[made.index("--seed") + 1] == "3"
    assert made[made.index("--deploy") + 1] == str(case.deploy)
