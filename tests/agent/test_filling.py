"""A placeholder becomes the recorded value with its interval and reference; one that names nothing is an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from failsight.agent.grounding import UNVERIFIED, Checker
from failsight.agent.grounding.filling import fill
from failsight.agent.journal import Journal
from failsight.agent.state import CaseState, fold

DATA = Path(__file__).parent / "data"
CLASSES = ("bathroom", "bedroom", "dining_room", "kitchen", "living_room")


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> CaseState:
    folder = tmp_path_factory.mktemp("case")
    (folder / "journal.jsonl").write_bytes((DATA / "rooms_journal.jsonl").read_bytes())
    return fold(Journal(folder, write=False))


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Right in {E2.accuracy}.", "Right in 74.2 % [72.3, 75.9] % [E2]."),
        ("In use {E2.accuracy of split deploy}.", "In use 53.5 % [49.5, 57.5] % [E2]."),
        ("Kitchens {E2.recall of class kitchen}.", "Kitchens 74.1 % [69.8, 77.9] % [E2]."),
        ("Kitchens { E2.recall_kitchen }.", "Kitchens 74.1 % [69.8, 77.9] % [E2]."),
        ("{F11.effect} [F11]", "+54.4 points [+52.0, +56.7] points [F11]"),
        ("F11 is {F11.verdict}, p {F11.p}", "F11 is confirmed [F11], p < 0.001 [F11]"),
        ("no {braces} {here.at.all} {}", "no {braces} {here.at.all} {}"),
    ],
)
def test_what_is_named_is_put_there(record: CaseState, said: str, shown: str) -> None:
    assert fill(said, record).text == shown


@pytest.mark.parametrize("said", ["{E2.luck}", "{E99.accuracy}", "{F99.effect}", "{F11.luck}", "{E2.recall}"])
def test_what_names_nothing_stays_and_says_which_names_there_are(record: CaseState, said: str) -> None:
    filled = fill(f"It is {said}.", record)
    (claim,) = filled.unknown
    assert filled.text == f"It is {said}."
    assert filled.text[claim.start : claim.end] == said
    assert ("there is no" in claim.reason) == ("99" in said)
    assert (
        "99" in said or "accuracy" in claim.reason or "recall of" in claim.reason or "verdict" in claim.reason
    )


def test_a_name_that_several_values_have_says_which(record: CaseState) -> None:
    (claim,) = fill("{E2.recall}", record).unknown
    assert "recall of class bathroom" in claim.reason


def test_filled_numbers_hold_and_typed_ones_beside_them_are_checked(record: CaseState) -> None:
    checker = Checker(record, CLASSES, {})
    checked = checker.check("Accuracy is {E2.accuracy}, on training images 55.5 %, and {E2.luck} is unknown.")
    assert [checked.text[c.start : c.end] for c in checked.unverified] == ["55.5 %", "{E2.luck}"]
    assert "74.2 % [72.3, 75.9] % [E2]" in checked.marked()
    assert checked.marked().count(UNVERIFIED) == 2


def test_text_with_many_braces_is_read_in_one_pass(record: CaseState) -> None:
    text = "{E2." * 5000 + "}" * 5000
    assert len(fill(text, record).text) >= len(text) - 10
