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


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Kitchens {E2.recall of class kitchen on evaluation}.", "Kitchens 74.1 % [69.8, 77.9] % [E2]."),
        ("In use {E2.recall of class bathroom on deployment}.", "In use 20.3 % [14.1, 28.5] % [E2]."),
        ("In use {E2.accuracy on deployment images}.", "In use 53.5 % [49.5, 57.5] % [E2]."),
        ("It falls by {F11.effect}.", "It falls by 54.4 points [+52.0, +56.7] points [F11]."),
        ("A drop of about {F11.effect} points.", "A drop of about 54.4 points [+52.0, +56.7] points [F11]."),
        ("Right in {E2.accuracy} %.", "Right in 74.2 % [72.3, 75.9] % [E2]."),
        ("{difference of E2.accuracy and E2.accuracy on deployment}", "+20.7 points [E2]"),
        ("It falls by {difference between E2.accuracy and E2.accuracy on deployment}.", "It falls by 20.7 points [E2]."),
        ("{ratio of E2.accuracy to E2.accuracy on deployment} as often", "1.39 times [E2] as often"),
    ],
)  # fmt: skip
def test_a_value_stands_between_its_words(record: CaseState, said: str, shown: str) -> None:
    filled = fill(said, record)
    assert filled.text == shown and not filled.unknown


def test_a_short_statement_says_what_and_with_which_verdict(record: CaseState) -> None:
    text = fill("{F11.short}", record).text
    whole = fill("{F11.statement}", record).text
    assert len(text) < len(whole) and text.endswith("(confirmed) [F11]")


def counts(record: CaseState) -> tuple[str, int, int]:
    """An evidence with the number of errors and of images."""
    made = next(e for e in record.evidence if e.tool == "confusion_matrix")
    fact = made.fact("errors")
    return made.id, int(fact.value), int(fact.n or 0)


def test_numbers_of_images_are_added_and_shared(record: CaseState) -> None:
    name, errors, _ = counts(record)
    assert fill(f"{{sum of {name}.errors and {name}.errors}}", record).text == f"{2 * errors:,} [{name}]"
    assert fill(f"{{share of {name}.errors in {name}.errors}}", record).text == f"100.0 % [{name}]"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("{difference of E2.accuracy and E99.accuracy}", "there is no E99"),
        ("{difference of E2.accuracy and E2.luck}", "no one luck"),
        ("{difference of E2.accuracy}", "two recorded values"),
        ("{sum of E2.accuracy and E2.accuracy}", "only numbers of images"),
        ("{share of E2.accuracy in E2.accuracy}", "a number of images"),
        ("{difference of E2.accuracy and F11.n}", "don't go together"),
    ],
)
def test_what_does_not_go_together_is_refused(record: CaseState, said: str, reason: str) -> None:
    filled = fill(said, record)
    (claim,) = filled.unknown
    assert filled.text == said and reason in claim.reason


def test_a_table_of_classes_comes_from_the_record(record: CaseState) -> None:
    checked = Checker(record, CLASSES, {}).check(
        "Here: {table classes: recall, precision on evaluation and deployment}"
    )
    assert not checked.unverified
    head, _, *rows = checked.text.split("\n\n", 1)[1].splitlines()
    assert head.startswith(
        "| class [E2] | recall, evaluation images | precision, evaluation images | recall, deployment"
    )
    assert len(rows) == len(CLASSES)
    bathroom = next(row for row in rows if row.startswith("| bathroom"))
    assert "65.5 %" in bathroom and "20.3 %" in bathroom
    checked = Checker(record, CLASSES, {}).check("{table classes: luck}")
    assert "nothing called luck" in checked.unverified[0].reason


def test_two_values_that_chance_may_part_are_not_ordered(record: CaseState) -> None:
    checker = Checker(record, CLASSES, {})
    said = checker.check("{compare recall of bathroom and living_room on evaluation}.").text
    assert "can't be told apart by recall on the evaluation images [E2]" in said
    assert "65.5 %" in said and "67.1 %" in said
    assert (
        "is lower for bathroom"
        in checker.check("{compare recall of bathroom and kitchen on deployment}.").text
    )
