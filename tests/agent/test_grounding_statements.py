"""A comparison or an order that is asked for is said by the record; a wrong one is answered with what the record holds."""

from __future__ import annotations

from pathlib import Path

import pytest

from failsight.agent.grounding import UNVERIFIED, Checker
from failsight.agent.grounding.claims import Claim
from failsight.agent.grounding.filling import fill
from failsight.agent.grounding.hints import hints
from failsight.agent.journal import Journal
from failsight.agent.state import CaseState, fold
from tests.agent.test_grounding import CLASSES, DATA, VALUES


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> Checker:
    folder: Path = tmp_path_factory.mktemp("case")
    (folder / "journal.jsonl").write_bytes((DATA / "rooms_journal.jsonl").read_bytes())
    return Checker(fold(Journal(folder, write=False)), CLASSES, VALUES)


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        ("{compare recall of bathroom and kitchen on deployment}", "recall is lower for bathroom (20.3 %) than for kitchen (59.8 %) on the deployment images [E2]"),
        ("{compare precision of bathroom and kitchen}", "precision is higher for bathroom (94.8 %) than for kitchen (79.0 %) on the evaluation images [E2]"),
        ("{compare recall of bathroom on evaluation and deployment}", "recall of bathroom falls from 65.5 % on the evaluation images to 20.3 % on the deployment images [E2]"),
        ("{compare accuracy on training and evaluation}", "accuracy falls from 96.7 % on the training images to 74.2 % on the evaluation images [E2]"),
        ("{compare saturation on evaluation and deployment}", "saturation rises from 0.235 on the evaluation images to 0.293 on the deployment images [E6]"),
        ("{compare effect of cat and television}", "effect is lower for cat (+31.9 points) than for television (+54.4 points) [E11, E9]"),
        ("{order things by effect}", "by effect, from highest to lowest: television (+54.4 points), stools (+43.5 points), cat (+31.9 points) [E9, E10, E11]"),
        ("{F2.verdict}", "confirmed [F2]"),
    ],
)  # fmt: skip
def test_which_way_it_goes_comes_from_the_record(checker: Checker, asked: str, shown: str) -> None:
    checked = checker.check(f"So {asked}.")
    assert checked.text == f"So {shown}."
    assert not checked.unverified
    assert not checker.check(checked.text).unverified  # nor when it is typed


@pytest.mark.parametrize("metric", ["recall", "precision", "drop", "error", "gap", "confidence", "answers"])
def test_what_is_put_there_would_pass_the_check_too(checker: Checker, metric: str) -> None:
    for asked in (
        f"{{order classes by {metric} on deployment}}",
        f"{{order classes by {metric}}}",
        f"{{compare {metric} of bathroom and kitchen}}",
    ):
        checked = checker.check(f"So {asked}.")
        if not checked.unverified:
            wrong = [
                (checked.text[c.start : c.end], c.reason) for c in checker.check(checked.text).unverified
            ]
            assert not wrong, checked.text


def test_an_order_of_classes_has_all_of_them_by_value(checker: Checker) -> None:
    text = checker.check("{order classes by recall on deployment}").text
    places = [text.index(c) for c in ("bedroom", "dining_room", "kitchen", "living_room", "bathroom")]
    assert places == sorted(places)
    assert "deployment images" in text


def test_a_recorded_sentence_is_put_there_whole_and_not_doubted(checker: Checker) -> None:
    for wanted in ("{F11.statement}", "{E9.summary}", "{E2.summary}"):
        checked = checker.check(f"{wanted}.")
        assert not checked.unverified, checked.unverified
        assert UNVERIFIED not in checked.marked()


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ("{compare luck of bathroom and kitchen}", "nothing called luck"),
        ("{compare recall of bathroom and kitchen on pool}", "no recall"),
        ("{compare recall of bathroom on pool and deployment}", "pool images"),
        ("{compare recall of bathroom}", "two things"),
        ("{order classes by brightness on pool}", "no order"),
    ],
)
def test_what_the_record_does_not_hold_stays_as_it_was_asked_for(
    checker: Checker, asked: str, reason: str
) -> None:
    checked = checker.check(asked)
    (claim,) = checked.unverified
    assert asked in checked.text
    assert reason in claim.reason


def test_words_typed_beside_a_sentence_from_the_record_are_still_checked(checker: Checker) -> None:
    said = "{compare precision of bathroom and kitchen}, and accuracy is 99.9 %."
    assert [c.kind for c in checker.check(said).unverified] == ["number"]


def test_without_a_record_nothing_is_compared() -> None:
    checked = Checker(CaseState(), ("a", "b"), {}).check("{compare recall of a and b}")
    assert checked.unverified
    assert fill("{compare recall of a and b}", CaseState()).text == "{compare recall of a and b}"


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("Bathroom recall is 70.1 % in deployment.", "{E2.recall of split deploy, class bathroom} = 20.3 %"),
        ("In deployment accuracy is 35.3 %.", "{E2.accuracy of split deploy} = 53.5 %"),
        ("Kitchen has the best recall.", "{E2.recall of class kitchen} = 74.1 %"),
        ("Masking the cat lowers the kitchen score by 54.7 points.", "{E11.cue_effect} = +28.7 points"),
    ],
)
def test_a_wrong_statement_is_answered_with_what_is_recorded(checker: Checker, said: str, told: str) -> None:
    (claim,) = checker.check(said).unverified
    hint = hints(said, claim, checker.state, checker.lexicon)
    assert told in hint
    for place in hint.split("; "):
        name, value = place.split(" = ")
        assert fill(name, checker.state).text.startswith(value)


def test_a_statement_about_nothing_in_the_case_gets_no_hint(checker: Checker) -> None:
    said = "It is 12.3 % somehow."
    (claim,) = checker.check(said).unverified
    assert not hints(said, claim, checker.state, checker.lexicon)


def test_a_number_of_a_summary_or_note_is_quoted_from_the_cited_evidence_alone(checker: Checker) -> None:
    with_counts = ((e, w) for e in checker.state.evidence for n in e.notes for w in n.split() if w.isdigit())
    made, typed = next((e, w) for e, w in with_counts if len(w) > 1)

    def hint(said: str) -> str:
        at = said.index(typed)
        return hints(said, Claim("number", at, at + len(typed), False), checker.state, checker.lexicon)

    assert hint(f"Somehow {typed} of them [{made.id}].").startswith(f"{made.id} says: “")
    assert typed in hint(f"Somehow {typed} of them [{made.id}].")
    assert not hint(f"Somehow {typed} of them.")
