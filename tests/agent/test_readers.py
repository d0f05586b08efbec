"""Reports for somebody, what people must judge, findings that are not there, and sentences of two authors that a rule once stole."""

from __future__ import annotations

from pathlib import Path

import pytest

from failsight.agent.planners.guided import GuidedPlanner
from failsight.agent.planners.readers import answered, audience_of, by_hand
from tests.agent.guided_talk import FIRST, SECOND, Heard, ask, rooms
from tests.fakes.case import FakeCase


@pytest.fixture
def case(tmp_path: Path) -> FakeCase:
    return rooms(tmp_path / "case", SECOND)


def heard(case: FakeCase, text: str) -> Heard:
    return ask(GuidedPlanner(case), text)


@pytest.mark.parametrize(
    ("who", "audience"),
    [
        ("ethics board", "requester"),
        ("hospital's management", "requester"),
        ("boss", "requester"),
        ("notified body", "requester"),
        ("radiologists", "domain_expert"),
        ("data scientists", "developer"),
        ("engineers", "developer"),
        ("patients", "end_user"),
        ("grandmother", ""),
        ("", ""),
    ],
)
def test_the_audience_of_a_reader_is_told_by_words_or_asked(who: str, audience: str) -> None:
    assert audience_of(who) == audience


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("write a report for the ethics board", ["report-requester.html", "report-requester.md"]),
        ("a report for the hospital's management", ["report-requester.html", "report-requester.md"]),
        ("I need a report for our radiologists, please", ["report-domain-expert.html", "report-domain-expert.md"]),
        ("make a model card", ["model-card.md"]),
    ],
)  # fmt: skip
def test_a_report_for_somebody_is_written_for_the_fitting_audience(
    case: FakeCase, text: str, names: list[str]
) -> None:
    said = heard(case, text).words
    assert all(name in said and (case.folder / name).is_file() for name in names)
    assert ("fairness_scope" in said) == ("ethics" in text)


def test_a_reader_that_is_not_known_is_asked_about_and_nothing_written(case: FakeCase) -> None:
    said = heard(case, "write a report for my grandmother").words
    assert "grandmother" in said and "--audience" in said
    assert not list(case.folder.glob("report*"))


def test_what_people_must_judge_is_told_and_what_they_look_at_is_drawn(case: FakeCase) -> None:
    said = heard(case, "what must the doctor judge?").words
    assert all(word in said for word in ("/reviews", "/form error_acceptance", "/signoff", "labels export"))
    assert heard(case, "what should a doctor look at by hand?").tool == "review_errors"
    assert not by_hand("what should I look at first?") and not by_hand("what should I check?")


def test_long_and_empty_texts_are_neither(case: FakeCase) -> None:
    for text in ("", "a report for " + "x" * 5_000, "what must the doctor " * 200):
        assert answered(case, text) is None and not by_hand(text)


def test_a_finding_that_is_not_there_is_said_and_not_dropped(case: FakeCase) -> None:
    assert heard(case, "retrain for F4 by rebalancing, five seeds an arm").words == "There is no F4. There are F1 to F3."  # fmt: skip
    assert str(heard(case, "retrain for F2 by rebalancing, five seeds an arm")) == "retrain finding=F2 seeds=5 strategy=rebalance"  # fmt: skip


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("Do tiled floors raise the error by something that matters, say ten points or more? Test it.", "compare_group minimum_effect=0.1 where=floor=tile"),
        ("Before looking at any figures, register my conjecture that phone pictures have more errors.", "state_hypothesis kind=weak_slice where=camera=phone"),
        ("Hypothesis: tiles on the floor are a shortcut for bathroom.", "state_hypothesis class_name=bathroom cue=floor=tile kind=spurious_correlation"),
        ("Please show me the bathrooms that were not recognised.", "show_images class_name=bathroom where=wrong"),
        ("For a blind person being sent to a bathroom that is none is awful, so let me see all that were wrongly announced as bathrooms.", "confusion_matrix predicted_class=bathroom"),
        ("take the tv area of living rooms and put in its place what bedrooms have there", "test_by_swapping class_name=living_room donor_class=bedroom region=box:television"),
        ("is bathroom recognised in real use?", "evaluate split=deploy"),
        ("are bathrooms recognised in deployment?", "evaluate split=deploy"),
        ("are there more errors with wooden floors, by five points or more?", "compare_group where=floor=wood"),
    ],
)  # fmt: skip
def test_a_sentence_is_read_by_the_rule_that_it_is_meant_for(case: FakeCase, text: str, call: str) -> None:
    assert str(heard(case, text)) == call


@pytest.mark.parametrize(
    "text",
    ["are kitchens still recognised when the picture is blurry?", "by what does it recognise a bedroom?"],
)
def test_whether_a_class_is_recognised_under_a_condition_is_another_question(
    tmp_path: Path, text: str
) -> None:
    assert heard(rooms(tmp_path / "case", FIRST), text).tool != "evaluate"
