"""Groups that a question names: carried out by a tool that takes them, told as a figure, or said to be left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from failsight.agent.events import Notice, PlannerSaid, ToolStarted
from failsight.agent.planners.guided import GuidedPlanner
from failsight.agent.session import Session
from failsight.knowledge_base.counts import named
from failsight.knowledge_base.groups import group_of, told, without_group
from failsight.knowledge_base.vocabulary import Vocabulary
from tests.agent.guided_talk import Heard, ask, rooms
from tests.fakes.case import FakeCase
from tests.fakes.view import FakeModel, FakeTable

SCANS = ("kein Befund", "Läsion verdächtig")
COLUMNS = {
    "site": ["Nord", "Ost", "Süd"],
    "age": ["59", "70", "unbekannt"],
    "sex": ["F", "M", "k. A."],
    "patient": ["p1", "p2"],
    "ward": ["A", "B", "Nord"],
}


@pytest.fixture
def case(tmp_path: Path) -> FakeCase:
    """200 scans: of 30 lesions at Ost 20 are missed, of 30 at Nord none; of 70 clear scans at Nord 7 are false alarms, at Ost none."""
    labels = [1] * 30 + [0] * 70 + [1] * 30 + [0] * 70
    site = ["Ost"] * 100 + ["Nord"] * 100
    said = [0] * 20 + [1] * 10 + [0] * 70 + [1] * 30 + [1] * 7 + [0] * 63
    pixels = np.zeros((200, 8, 8, 3), np.uint8)
    pixels[:] = (np.array(said, np.uint8) * 200)[:, None, None, None]
    columns = {
        "site": site,
        "sex": ["F", "M"] * 100,
        "age": [float(20 + i % 70) for i in range(200)],
        "brightness": np.linspace(0.1, 0.9, 200).tolist(),
    }

    def rule(x: np.ndarray) -> np.ndarray:
        lesion = x.reshape(len(x), -1).mean(1) * 8 - 2
        return np.stack([-lesion, lesion], 1)

    table = FakeTable(pixels, labels, SCANS, columns)
    return FakeCase(tmp_path / "case", {"data": table}, FakeModel(rule, SCANS, (8, 8)))


def heard(case: FakeCase, text: str) -> Heard:
    return ask(GuidedPlanner(case), text)


def said(case: FakeCase, text: str) -> str:
    events = list(Session(case, policy="auto").say(text))
    return "\n".join(e.text for e in events if isinstance(e, PlannerSaid | Notice))


@pytest.mark.parametrize(
    ("sentence", "conditions", "each", "unsure", "rest"),
    [
        ("recall at site Süd", ("site=Süd",), {}, (), "recall"),
        ("the Süd ones", ("site=Süd",), {}, (), ""),
        ("women over 70 at Ost", ("sex=F", "age>70", "site=Ost"), {}, (), ""),
        ("patients older than 70", ("age>70",), {}, (), "patients"),
        ("patients over 70", ("age>70",), {}, (), ""),
        ("men aged 40 to 60", ("sex=M", "age>=40", "age<=60"), {}, (), ""),
        ("is it worse under 18?", ("age<18",), {}, (), "is it worse ?"),
        ("children", ("age<18",), {}, (), ""),
        ("on ward A", ("ward=A",), {}, (), ""),
        ("recall where age is missing", ("age=missing",), {}, (), "recall"),
        ("the accuracy where sex is not recorded", ("sex=missing",), {}, (), "the accuracy"),
        ("is it worse without an age?", ("age=missing",), {}, (), "is it worse ?"),
        ("patients with no recorded sex", ("sex=missing",), {}, (), "patients"),
        ("errors without a value for sex", ("sex=missing",), {}, (), "errors"),
        ("recall for unknown age", ("age=missing",), {}, (), "recall"),
        ("is there no age effect with no age difference?", (), {}, (), ""),
        ("recall at site Mars", (), {}, ("site Mars",), "recall"),
        ("recall at site=Mars", (), {}, ("site=Mars",), "recall"),
        ("at Nord", (), {}, ("Nord",), ""),  # a site and a ward
        ("at site Nord", ("site=Nord",), {}, (), ""),
        ("at Ost and Süd", (), {"site": ("Ost", "Süd")}, (), ""),
        ("at each site", (), {"site": ("Nord", "Ost", "Süd")}, (), ""),
        ("for men and women", (), {"sex": ("M", "F")}, (), ""),
        ("accuracy over 70 %", (), {}, (), ""),
        ("latency under 16 ms", (), {}, (), ""),
        ("what does it do?", (), {}, (), ""),
        ("", (), {}, (), ""),
    ],
)
def test_the_group_in_a_sentence(
    sentence: str,
    conditions: tuple[str, ...],
    each: dict[str, tuple[str, ...]],
    unsure: tuple[str, ...],
    rest: str,
) -> None:
    names = Vocabulary(classes=SCANS, attributes=COLUMNS)
    group = group_of(named(sentence, names), COLUMNS)
    assert (group.conditions, dict(group.each), group.unsure) == (conditions, each, unsure)
    if group:
        assert without_group(sentence, group) == rest


def test_words_for_people_without_a_column_are_told_apart_and_not_guessed() -> None:
    rooms = {"lighting": ["dark", "bright"], "age_group": ["old", "new"]}
    names = Vocabulary(classes=SCANS, attributes=rooms)
    group = group_of(named("is it worse for women over 70?", names), rooms)
    assert not group.conditions and told(group) == ["women", "over 70"]


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("does it fail more where sex is not recorded?", "compare_group where=sex=missing"),
        ("does it do worse when age is missing?", "compare_group where=age=missing"),
        ("is it worse for patients without an age?", "compare_group where=age=missing"),
        ("does it fail more for patients whose sex is not known?", "compare_group where=sex=missing"),
        ("does it make more errors on images without a value for sex?", "compare_group where=sex=missing"),
        ("does it fail more where sex is F?", "compare_group where=sex=F"),
        ("recall of Läsion verdächtig at site Ost", "disaggregate attributes=site per_class=true"),
        ("sensitivity at Ost", "disaggregate attributes=site per_class=true"),
        ("how does it do at each site?", "disaggregate attributes=site"),
        ("how does it do at Ost?", "disaggregate attributes=site"),
        ("is it worse for women over 70?", "compare_group where=age>70,sex=F"),
        ("is it fair to men and women?", "disaggregate attributes=sex"),
        ("how accurate is it for patients older than 70?", "compare_group where=age>70"),
        ("what is the sensitivity and the specificity?", "evaluate"),
        ("show me the missed lesions", "show_images class_name=Läsion verdächtig where=wrong"),
        ("show me the false alarms", "show_images where=predicted=Läsion verdächtig,wrong"),
        ("show me wrong pictures of children", "show_images where=age<18,wrong"),
        ("how many lesions are missed at Ost?", "show_images class_name=Läsion verdächtig where=site=Ost,wrong"),
        ("how many lesions are missed?", "confusion_matrix true_class=Läsion verdächtig"),
        ("where does it look at Ost?", "saliency where=site=Ost"),
        ("and at Nord?", "disaggregate attributes=site"),
        ("how well does it do on dark scans?", "compare_group where=brightness<=0.3"),
        ("recall of Läsion verdächtig at night?", "compare_group class_name=Läsion verdächtig where=brightness<=0.3"),
        ("sensitivity in the dark", "compare_group class_name=Läsion verdächtig where=brightness<=0.3"),
    ],
)  # fmt: skip
def test_a_group_that_a_question_names_is_in_the_call(case: FakeCase, text: str, call: str) -> None:
    assert str(heard(case, text)) == call


@pytest.mark.parametrize(
    ("sentence", "word"),
    [
        ("what is specificity?", "rightly not given the class"),
        ("what does FPR mean?", "wrongly given the class"),
        ("what is a miss rate?", "not recognised"),
        ("what is prevalence?", "Share of the pictures"),
        ("what does NPV mean?", "indeed of another one"),
    ],
)
def test_what_a_rate_means_is_told_in_words(case: FakeCase, sentence: str, word: str) -> None:
    assert word in said(case, sentence) and not case.state().evidence


def test_a_thing_in_the_pictures_makes_a_group_and_a_word_that_happens_to_be_a_value_makes_none(
    tmp_path: Path,
) -> None:
    case = rooms(tmp_path / "case")
    wanted = "disaggregate attributes=television per_class=true"
    assert str(heard(case, "what is the recall of kitchen with a television?")) == wanted
    assert not heard(case, "what level of performance is acceptable?").tool  # level is a value of tilt


def test_the_figure_of_the_group_comes_first_and_is_of_the_group(case: FakeCase) -> None:
    assert "where site=Ost: 33.3 %" in said(case, "recall of Läsion verdächtig at site Ost").splitlines()[0]
    assert "Where site=Ost, 80.0 %" in said(case, "how does it do at Ost?").splitlines()[0]
    both = said(case, "what is the sensitivity and the specificity?").splitlines()
    assert both[0].startswith("Sensitivity (recall of Läsion verdächtig): 66.7 %")
    assert both[1].startswith("Specificity (recall of kein Befund): 95.0 %")
    assert said(case, "what is the miss rate?").startswith("Miss rate (one minus the recall of Läsion verdächtig): 33.3 %")  # fmt: skip
    assert "20 of 200" in said(case, "how many lesions are missed at Ost?")
    assert "7 of 200" in said(case, "show me the false alarms")


@pytest.mark.parametrize(
    ("text", "left"),
    [("are the labels right at Ost?", "site Ost"), ("is it calibrated for women?", "sex F")],
)
def test_what_no_tool_can_take_is_said_to_be_left_out(case: FakeCase, text: str, left: str) -> None:
    assert f"I left out: {left}." in said(case, text)


def test_a_meaning_is_still_told_and_no_figure(case: FakeCase) -> None:
    assert heard(case, "what does sensitivity mean?").words.startswith("**Recall**")


def test_demands_of_a_sentence_are_noted_and_judged(case: FakeCase) -> None:
    session = Session(case, policy="auto")
    list(session.say("sensitivity at Ost at least 80 %, says Dr. Müller"))
    assert [(e.name, e.bound, e.by) for e in case.expectations] == [
        ("recall.Läsion verdächtig[site=Ost]", 0.8, "Dr. Müller")
    ]
    events = list(session.say("is it ready?"))
    assert [e.tool for e in events if isinstance(e, ToolStarted)] == ["readiness"]
    ready = case.state().latest("readiness")
    assert ready is not None and "33.3 %" in ready.summary and "not ready" in ready.summary
    told_ = "".join(str(e) for e in session.say("/expect accuracy for women over 70 at least 90 %"))
    assert "accuracy[sex=F&age>70] ≥ 90 %" in told_
    doubted = "".join(str(e) for e in session.say("accuracy at site Mars must be at least 90 %"))
    assert "nothing was noted" in doubted and len(case.expectations) == 2
