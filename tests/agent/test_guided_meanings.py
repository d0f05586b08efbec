"""Questions of somebody who sits here for the first time: what words mean, what this is for, where the report is."""

from __future__ import annotations

from pathlib import Path

import pytest

from failsight.agent.events import PlannerSaid, ToolStarted
from failsight.agent.planners.guided import GuidedPlanner
from failsight.agent.session import Session
from failsight.agent.ui.glossary import looked_up, terms
from failsight.knowledge_base import ask as answer
from failsight.knowledge_base import load
from failsight.knowledge_base.meanings import ABOUT, asked, entry_of, meanings, near
from failsight.tools.evidence import Evidence, Fact, Finding, TestResult
from tests.agent.guided_talk import CLASSES, Heard, ask, quick_tools, rooms
from tests.fakes.case import FakeCase, television_world


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> FakeCase:
    """The rooms with a weakest class (bathroom), a largest confusion, and F1, which an experiment confirmed."""
    made = rooms(tmp_path_factory.mktemp("firsts") / "rooms")
    recall = {"bathroom": 0.6, "bedroom": 0.9, "dining_room": 0.8, "kitchen": 0.7, "living_room": 0.95}
    facts = tuple(Fact("recall", v, "share", f"class {k}") for k, v in recall.items())
    elsewhere = Fact("recall", 0.1, "share", "split deploy, class kitchen")
    made.record("evidence.recorded", call="1", evidence=Evidence("evaluate", "How well", "It does.", id="E2", facts=(*facts, elsewhere)).to_dict())  # fmt: skip
    test = TestResult("test_by_masking", 0.5, (0.4, 0.6), 0.0001, 90, "confirmed", 0.02)
    found = Finding("spurious_correlation", "features", "data_content", "The television says living room.",
                    {"television": "yes"}, "living_room", verdict="confirmed", tests=(test,), ci=(0.4, 0.6), q=0.001)  # fmt: skip
    made.record("evidence.recorded", call="2", evidence=Evidence("test_by_masking", "Masking", "It falls.", id="E3", findings=(found,)).to_dict())  # fmt: skip
    return made


def heard(case: FakeCase, text: str) -> Heard:
    return ask(GuidedPlanner(case), text)


@pytest.mark.parametrize(
    ("text", "title", "whole"),
    [
        (
            "what does p mean?",
            "p-value",
            "How often a result as extreme would come up if there were no effect.",
        ),
        ("what does p < 0.001 mean", "p-value", "if there were no effect."),
        ("what is the p value?", "p-value", "if there were no effect."),
        ("what does q mean", "q-value (Benjamini-Hochberg)", "about one in twenty is expected to be false."),
        ("what does control mean", "Control", "so that the cue and not the intervention explains it."),
        ("what is a confidence interval", "Confidence interval", "don't rule out, here at 95 %."),
        ("what are the numbers in brackets?", "Confidence interval", "here at 95 %."),
        ("what does [36.1, 46.8] mean?", "Confidence interval", "here at 95 %."),
        ("what does CI stand for?", "Confidence interval", "here at 95 %."),
        ("What's a slice?", "Slice", "for instance dark kitchens."),
        ("define recall", "Recall", "High recall means few misses."),
        ("explain the term data leakage", "Leakage", "for instance through copies."),
        (
            "sorry, what do you mean by “instrument”?",
            "Instrument",
            "statistic, control, least effect, alpha.",
        ),
        ("what does confirmed mean?", "Confirmed", "too unlikely to be chance."),
        ("what does inconclusive mean here", "Inconclusive", "More pictures may decide it."),
        ("i don't understand what calibration means", "Calibration", "eight in ten are right."),
        ("what does the word 'label' mean?", "Ground truth", "so it can be wrong."),
        ("what does worst recall mean?", "Recall", "High recall means few misses."),
        ("explain overfitting", "Overfitting", "so that new ones do worse."),
        ("what is a F1 score", "F1", "Harmonic mean of precision and recall."),
    ],
)
def test_a_word_is_explained_in_full_and_nothing_runs(
    text: str, title: str, whole: str, case: FakeCase
) -> None:
    got = heard(case, text)
    assert not got.tool
    assert got.words.startswith(f"**{title}**: ") and whole in got.words and "…" not in got.words


def test_every_word_of_the_glossary_is_explained_by_its_name(case: FakeCase) -> None:
    for term in load().of_kind("term"):
        for name in () if term.id.startswith(ABOUT) else (term.title, *term.aliases):
            if "(" in name or "," in name:
                continue
            got = heard(case, f"what does {name} mean?")
            assert not got.tool and got.words.startswith("**"), (name, got)


def test_a_difference_explains_both_words(case: FakeCase) -> None:
    got = heard(case, "what is the difference between precision and recall?")
    assert not got.tool and "**Precision**" in got.words and "**Recall**" in got.words


def test_what_a_test_shows_is_shown_by_a_finding_of_the_case(case: FakeCase) -> None:
    assert "F1: The television says living room." in heard(case, "what does control mean?").words
    assert "control +2.0 points" in heard(case, "what does control mean?").words
    assert "for instance, F" not in heard(case, "what does softmax mean?").words


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("what does television mean?", "**television** is a thing that is marked in some images. Values"),
        ("what is a kitchen?", "**kitchen** is one of the 5 classes that the model tells apart; 20 evaluation images"),
        ("what does clutter mean", "**clutter** is a column that describes the images. Values"),
        ("what does tidy mean?", "**tidy** is a value of the column clutter; 50 evaluation images have it."),
        ("what does find_slices mean?", "**find_slices** is one of the measuring tools."),
    ],
)  # fmt: skip
def test_a_name_of_the_case_is_said_to_be_one(text: str, said: str, case: FakeCase) -> None:
    got = heard(case, text)
    assert not got.tool and said in got.words


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("what does frobnicate mean?", "“frobnicate” is not in the glossary"),
        ("what does \x1b[31m**x** {0} mean?", "is not in the glossary"),
        ("what does temprature scalin mean?", "Did you mean Temperature scaling?"),
    ],
)
def test_an_unknown_word_is_said_to_be_unknown(text: str, said: str, case: FakeCase) -> None:
    got = heard(case, text)
    assert not got.tool and said in got.words and "\x1b" not in got.words


@pytest.mark.parametrize(
    ("text", "tool"),
    [
        ("what is the accuracy?", "evaluate"),
        ("what is the accuracy on bathrooms?", "count_images"),
        ("what is the confusion matrix?", "confusion_matrix"),
        ("what are the slices on which it fails?", "find_slices"),
        ("what are kitchens mistaken for?", "confusion_matrix"),
    ],
)
def test_a_figure_of_the_case_is_still_measured(text: str, tool: str, case: FakeCase) -> None:
    assert heard(case, text).tool == tool


@pytest.mark.parametrize("text", ["", "what does mean", "what does it mean?", "what does that mean for kitchens?", "x" * 5000, "what is wrong?", "define"])  # fmt: skip
def test_a_sentence_without_a_word_asks_for_none(text: str) -> None:
    request = asked(text)
    assert request is None or not meanings(request, load())


def test_words_are_found_whatever_their_spelling() -> None:
    base = load()
    for typed in ("P-Value", "p value", "p_values", "Confidence-Intervals"):
        assert entry_of(typed, base) is not None
    assert entry_of("", base) is None
    assert near("recal", base) == ["Recall"] and near("p", base) == []


def test_ask_and_the_glossary_know_p() -> None:
    found = answer("what does p mean?")
    assert "p-value" in found["answer"] and found["answer"].endswith("no effect.")
    assert [t.title for t in looked_up("p", terms())] == ["p-value"]
    assert looked_up("recall", terms())[0].title == "Recall"


# --- what this is, and the report -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["what is this program for?", "what can you do", "who are you", "help", "?", "hello", "what is this?", "how does this work?", "how do I use this",
     "what can I ask?", "I'm lost", "what is failsight", "help me please", "are you an AI?"],
)  # fmt: skip
def test_what_this_is_comes_with_three_sentences_of_the_case(text: str, case: FakeCase) -> None:
    got = heard(case, text)
    assert not got.tool and got.words.startswith("I am Failsight.") and len(got.words) < 1000
    assert "Why is bathroom so bad?" in got.words
    assert "Why F1?" in got.words and "CASE" not in got.words and "{" not in got.words


def test_what_is_offered_to_try_is_understood(tmp_path: Path) -> None:
    bare = rooms(tmp_path / "bare")
    for here in (bare,):
        offered = [line[2:] for line in heard(here, "help").words.splitlines() if line.startswith("- ")]
        assert len(offered) == 3
        for text in offered:
            got = heard(here, text)
            assert got.tool or got.words.startswith("**"), (text, got)
    bare.close()


@pytest.mark.parametrize(
    "text",
    [
        "ok, thank you very much!",
        "Thank you so much, that was really clear.",
        "That is really helpful.",
        "thanks, I understand now",
    ],
)
def test_thanks_are_taken(case: FakeCase, text: str) -> None:
    got = heard(case, text)
    assert not got.tool and got.words.startswith("You are welcome")


@pytest.mark.parametrize(
    "text", ["thanks, and which class is worst?", "is it good enough?", "very good, go on"]
)
def test_what_asks_for_more_is_no_thanks(case: FakeCase, text: str) -> None:
    assert not heard(case, text).words.startswith("You are welcome")


@pytest.mark.parametrize(
    "text", ["write a report", "make a report please", "save this", "give me the report", "can you create an html report?", "export the results"]
)  # fmt: skip
def test_a_report_is_written_where_it_is_asked_for(text: str, tmp_path: Path) -> None:
    table, model = television_world(60)
    here = FakeCase(tmp_path / "case", {"data": table}, model)
    session = Session(here, policy="auto")
    assert "No report was written yet" in _said(session, "where is the report?")
    said = _said(session, text)
    for name in ("report.md", "report.html", "findings.json"):
        assert (here.folder / name).exists() and name in said
    assert "report.html" in _said(session, "where is the report?")
    session.close()


def _said(session: Session, text: str) -> str:
    events = list(session.say(text))
    assert not [e for e in events if isinstance(e, ToolStarted)]
    return next(e.text for e in events if isinstance(e, PlannerSaid))


@pytest.mark.parametrize(
    "text",
    [
        "save energy",
        "write a report about cats and their food",
        "help the kitchen class",
        "report the recall of kitchen",
    ],
)
def test_other_sentences_write_nothing(text: str, case: FakeCase) -> None:
    with quick_tools():
        got = heard(case, text)
    assert not (case.folder / "report.html").exists()
    assert not got.words.startswith(("I am Failsight", "The report"))
    assert len(CLASSES) == 5


def test_help_of_the_commands_names_what_the_case_has(tmp_path: Path) -> None:
    table, model = television_world(60)
    session = Session(FakeCase(tmp_path / "case", {"data": table}, model), policy="auto")
    said = next(e.text for e in session.act("/help") if isinstance(e, PlannerSaid))
    for part in (
        "recall of red_room at least",
        "/images red_room > blue_room",
        "television=yes",
        "/whatif #12",
    ):
        assert part in said
    assert "kitchen" not in said and set(session.actions()) >= {"/expect", "/images"}
    session.close()


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("what does R1.1 mean?", "Version"),
        ("what does E mean?", "Evidence"),
        ("what does F mean", "Finding"),
        ("what's a test", "Instrument"),
    ],
)
def test_letters_of_ids_are_explained(text: str, title: str, case: FakeCase) -> None:
    assert heard(case, text).words.startswith(f"**{title}**")
    assert "There is no F99" in heard(case, "what does F99 mean?").words


@pytest.mark.parametrize(
    "text",
    [
        "what does that mean?",
        "I don't get it",
        "explain this to me like I'm five",
        "in plain words please",
        "huh?",
    ],
)
def test_what_the_last_answer_means_is_told_by_its_words(text: str, tmp_path: Path) -> None:
    here = rooms(tmp_path / "rooms")
    for said in (text, text):
        got = heard(here, said)
        assert not got.words.startswith("The words of the last answer")  # nothing was said yet
    here.record("message", role="person", text="how good is it?")
    here.record(
        "message",
        role="planner",
        text="The gap is +7.7 points [+6.0, +9.5], p < 0.001. That is confirmed [E1].",
    )
    got = heard(here, text)
    assert not got.tool and got.words.startswith("The words of the last answer:")
    for title in ("Points", "Confidence interval", "p-value", "Confirmed"):
        assert f"**{title}**" in got.words
    here.close()


@pytest.mark.parametrize(
    "text",
    [
        "what are the classes?",
        "what classes are there",
        "what does the model do?",
        "how many classes are there?",
    ],
)
def test_the_classes_are_listed(text: str, case: FakeCase) -> None:
    got = heard(case, text)
    assert not got.tool and "5 classes" in got.words and "kitchen 20" in got.words


@pytest.mark.parametrize("text", ["quit", "stop", "bye", "how do I exit?"])
def test_how_to_leave_is_said(text: str, case: FakeCase) -> None:
    assert heard(case, text).words.startswith("`/quit` leaves.")
