"""``failsight call … --again``: what the journal holds is measured anew, beside the case."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from failsight.agent.cli import main
from failsight.agent.commands.again import compared, in_words, measure_again
from failsight.agent.journal import Journal
from failsight.agent.opening import open_case
from failsight.tools.errors import UserError


@pytest.fixture
def case(tmp_path: Path) -> Path:
    """A black box of 60 answers, one of them looked at."""
    rows = [
        f"{k}.png,{'cat' if k % 2 else 'dog'},{0.9 if k % 3 else 0.2},{0.1 if k % 3 else 0.8}"
        for k in range(60)
    ]
    table = tmp_path / "answers.csv"
    table.write_text("\n".join(["path,label,p_cat,p_dog", *rows]) + "\n")
    with open_case(predictions=str(table), out=str(tmp_path / "case")) as made:
        made.call("evaluate", by="person")
    return tmp_path / "case"


def test_a_recorded_measurement_comes_out_the_same_and_the_case_is_left_alone(case: Path) -> None:
    before = (case / "journal.jsonl").read_bytes()
    made = measure_again(case, "evaluate", {})
    assert not made.other and made.same > 5
    recorded = next(e.seq for e in Journal(case, write=False).events if e.kind == "evidence.recorded")
    assert f"E1, recorded as event {recorded}. All {made.same} facts came out the same" in in_words(made)
    assert (case / "journal.jsonl").read_bytes() == before


def test_what_was_never_measured_is_said(case: Path) -> None:
    with pytest.raises(UserError, match="never measured with these arguments"):
        measure_again(case, "confusion_matrix", {})


def test_a_fact_that_differs_is_named_with_both_values(case: Path) -> None:
    made = measure_again(case, "evaluate", {})
    facts = [dataclasses.replace(f, value=0.999) if f.name == "accuracy" else f for f in made.recorded.facts]
    same, other = compared(dataclasses.replace(made.recorded, facts=tuple(facts)), made.made)
    assert other[0].startswith("accuracy was 99.9 % and is ")
    assert same == made.same - 1 and len(other) == 1


def test_the_command_says_whence_a_number_comes(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["call", str(case), "evaluate"]) == 0
    assert "measured before and is shown from the journal; --again" in capsys.readouterr().err
    assert main(["call", str(case), "evaluate", "--again"]) == 0
    assert "came out the same" in capsys.readouterr().out


def test_what_goes_wrong_is_said_of_the_case_that_the_person_has(case: Path) -> None:
    kept = case.rename(case.with_name("rooms of may"))
    table = kept.parent / "answers.csv"
    table.write_text(table.read_text().replace("0.png,dog", "0.png,cat"))
    with pytest.raises(UserError, match="since the case rooms of may was opened"):
        measure_again(kept, "evaluate", {})
