"""Questions about what was found: answered from the journal, by id or all of it, and nothing is measured for them."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from failsight.agent.planners import phrases
from failsight.agent.planners.guided import GuidedPlanner
from failsight.agent.session import Session
from failsight.tools.evidence import Correction, Evidence, Finding, ImageRef
from tests.agent.guided_talk import Heard, ask, converse, rooms
from tests.fakes.case import FakeCase


@pytest.fixture
def case(tmp_path: Path) -> FakeCase:
    """The rooms with F1 (open), F2 and F3 (confirmed), and F4, refuted by E2, which shows images."""
    made = rooms(tmp_path / "rooms")
    refuted = Finding(
        "overfitting", "model", "evaluate", "It learnt its training images by heart.", verdict="refuted"
    )
    shown = (ImageRef("data", 3, "bathroom/bathroom_0003.png", "bathroom", "kitchen"),)
    second = Evidence("training_record", "How training went", "Training ended where it should.", id="E2",
                      findings=(refuted,), images=shown, notes=("The last epoch was the best.",),
                      next_steps=("Look at the curves.",), arguments={"measure_gap": False})  # fmt: skip
    made.record("evidence.recorded", call="1", evidence=second.to_dict())
    proposed = Correction(
        made.state().find("F2").finding.key, "cover_cue", "training", "Cover the stools and retrain."
    )  # type: ignore[union-attr]
    third = Evidence(
        "propose_correction",
        "What could be done",
        "One repair is proposed.",
        id="E3",
        corrections=(proposed,),
    )
    made.record("evidence.recorded", call="2", evidence=third.to_dict())
    return made


def heard(case: FakeCase, text: str) -> Heard:
    return ask(GuidedPlanner(case), text)


@pytest.mark.parametrize(
    "text",
    [
        "what's F3?", "tell me about F3", "is F3 true?", "F3", "F3?", "f3", "explain F3", "why F3?", "what speaks for F3?", "what speaks against F3?",
        "how sure are you about F3?", "why was F3 confirmed?", "how did you test F3?", "how was F3 tested?", "show me F3", "describe F3 please",
        "what does F3 mean?", "I doubt F3", "I think F3 is wrong", "can you explain F3 to me?", "what is the evidence for F3?", "was F3 confirmed?",
        "is F3 serious?", "how strong is F3?", "does F3 hold on deployment?", "tell me more about F3", "what about F3?", "has F3 been checked?",
        "what is finding F3 about?",
    ],
)  # fmt: skip
def test_a_finding_that_is_named_is_told(text: str, case: FakeCase) -> None:
    got = heard(case, text)
    assert not got.tool
    assert got.words.startswith("**F3**") and "verdict" in got.words and "[E1]" in got.words


@pytest.mark.parametrize(
    "text",
    [
        "what did E2 say?", "show me E2", "open E2", "explain E2", "E2", "e2?", "what is E2 about?", "tell me about E2", "what did you measure in E2?",
        "read E2 again", "what does E2 say about kitchens?", "summarize E2", "is E2 reliable?", "what came out of E2?", "print E2 in full",
    ],
)  # fmt: skip
def test_evidence_that_is_named_is_told(text: str, case: FakeCase) -> None:
    got = heard(case, text)
    assert not got.tool
    for part in ("Training ended where it should. [E2]", "F4", "The last epoch", "Look at the curves.", "/evidence E2", "measure_gap=False"):  # fmt: skip
        assert part in got.words


@pytest.mark.parametrize(
    "text",
    [
        "show me the images of F4",
        "pictures of E2",
        "show the pictures behind F4",
        "the images of E2 please",
        "any examples of F4?",
    ],
)
def test_images_of_what_is_named_are_shown(text: str, case: FakeCase) -> None:
    got = heard(case, text)
    assert "`E2#1` bathroom/bathroom_0003.png" in got.words


def test_what_has_no_images_is_said_to_have_none(case: FakeCase) -> None:
    assert "no images" in heard(case, "show me the images of F2").words


def test_several_are_told_each(case: FakeCase) -> None:
    words = heard(case, "what is the difference between F2, F3 and E2?").words
    assert all(part in words for part in ("**F2**", "**F3**", "[E2]"))


def test_a_proposed_repair_is_told_with_the_finding(case: FakeCase) -> None:
    assert "Cover the stools and retrain" in heard(case, "what's F2?").words


@pytest.mark.parametrize("text", ["is F99 true?", "what's F99?", "show me F99", "why F99?", "F99", "fix F99"])
def test_a_finding_that_is_not_there_is_said_not_to_be(text: str, case: FakeCase) -> None:
    got = heard(case, text)
    assert not got.tool
    assert "There is no F99. There are F1 to F4." in got.words


def test_evidence_that_is_not_there_is_said_not_to_be(case: FakeCase) -> None:
    assert "There is no E77. There are E1 to E3." in heard(case, "what did E77 say?").words


@pytest.mark.parametrize(
    ("text", "call"),
    [
        ("what would repair F2?", "propose_correction finding=F2"),
        ("propose a repair for F3", "propose_correction finding=F3"),
        ("what do you suggest against F2?", "propose_correction finding=F2"),
        ("how do I get rid of F1?", "propose_correction finding=F1"),
        ("how can F2 be fixed?", "propose_correction finding=F2"),
        ("run the masking test for F3", "test_by_masking finding=F3"),
        ("test F1 by adding", "test_by_adding finding=F1"),
        ("can you test F1 by covering it?", "test_by_masking finding=F1"),
        ("what's the F1 of each class", "evaluate"),
        ("what is the F1 score?", "evaluate"),
        ("give me the macro F1", "evaluate"),
        ("explain bathroom_0003.png", "saliency image=bathroom/bathroom_0003.png"),
        ("heat map of E2#1", "saliency image=E2#1"),
    ],
)
def test_what_wants_something_done_or_measured_still_is(text: str, call: str, case: FakeCase) -> None:
    assert str(heard(case, text)) == call


@pytest.mark.parametrize(
    "text",
    [
        "undo F4",
        "take F4 back",
        "withdraw F4",
        "cancel F4 please",
        "remove the finding F4",
        "can you take back F4",
    ],
)
def test_a_finding_that_is_to_be_taken_back_is_no_repair(text: str, case: FakeCase) -> None:
    assert "was tested (refuted)" in heard(case, text).words


EVERYTHING = """
what have you found so far?
what have you found
summarize
summarise the findings please
sum up
can you sum it up?
give me a summary
recap
what do we know so far?
where do we stand?
list the findings
show me your findings
did you find anything?
what did you find out?
what are your conclusions?
what's the bottom line?
tell me what you found
any findings?
what hypotheses are there?
what have we learned?
"""
SOME = """
refuted | what did you refute?
refuted | what was refuted?
refuted | which hypotheses were refuted?
refuted | what did you rule out?
refuted | what has been ruled out so far?
refuted | was anything rejected?
confirmed | what was confirmed?
confirmed | which findings are confirmed?
confirmed | what's confirmed
confirmed | is anything confirmed?
confirmed | show me the confirmed findings
open | what is still open?
open | open hypotheses
open | which are still open?
open | what remains open?
"""
OTHERS = """
summarise the data for me
summarize the training
what did it learn?
what has it learned to look at?
what is wrong with the model?
what does it find hard?
what is a hypothesis?
where does it fail?
what attributes do we have?
what can be done about it?
find more attributes
is it ready?
what should I do next?
tell me about the data
what do you suggest?
has it learned the training set well at all?
"""


@pytest.mark.parametrize("text", EVERYTHING.strip().splitlines())
def test_all_findings_are_listed_confirmed_ones_first(text: str, case: FakeCase) -> None:
    got = heard(case, text)
    assert not got.tool
    assert got.words.startswith("Found so far: 2 confirmed, 1 open and 1 refuted.")
    places = [got.words.index(f"**{name}**") for name in ("F2", "F3", "F1", "F4")]
    assert places == sorted(places)


@pytest.mark.parametrize("line", SOME.strip().splitlines())
def test_findings_of_one_verdict_are_listed(line: str, case: FakeCase) -> None:
    kind, text = line.split(" | ")
    got = heard(case, text)
    assert not got.tool
    names = {"refuted": {"F4"}, "confirmed": {"F2", "F3"}, "open": {"F1"}}[kind]
    assert {n for n in ("F1", "F2", "F3", "F4") if f"**{n}**" in got.words} == names


@pytest.mark.parametrize(
    "text",
    ["what have you measured so far?", "what did you test?", "what have you done?", "what was measured?"],
)
def test_what_was_measured_is_listed(text: str, case: FakeCase) -> None:
    got = heard(case, text)
    assert got.words.startswith("Measured so far: 3")
    assert "**E2** training_record: How training went" in got.words


@pytest.mark.parametrize("text", OTHERS.strip().splitlines())
def test_other_questions_are_not_taken_for_that(text: str) -> None:
    assert phrases.asked(text) is None


def test_a_new_case_has_found_nothing(tmp_path: Path) -> None:
    from tests.fakes.case import television_world

    table, model = television_world(60)
    new = FakeCase(tmp_path / "new", {"data": table}, model)
    assert "No hypothesis was stated yet" in heard(new, "what have you found so far?").words
    assert "Nothing was measured yet" in heard(new, "what have you measured?").words
    assert "There is no F3. There is none yet." in heard(new, "what's F3?").words


def test_many_findings_are_not_all_printed(tmp_path: Path) -> None:
    made = rooms(tmp_path / "many")
    one = made.state().find("F2")
    assert one is not None
    many = tuple(dataclasses.replace(one.finding, slice={"lamp": f"kind {i}"}) for i in range(30))
    made.record(
        "evidence.recorded",
        call="9",
        evidence=Evidence("find_slices", "Slices", "Many groups.", id="E2", findings=many).to_dict(),
    )
    words = heard(made, "summarize").words
    assert words.count("[confirmed]") == 12
    assert "`/findings` lists all" in words


def test_what_was_told_again_is_not_what_a_reference_means(case: FakeCase) -> None:
    """ "And for the kitchen?" is about the last measurement, not about the evidence that a finding's chain cites."""
    got = converse(
        case, ["what are bathrooms taken for?", "what's F3?", "summarize", "why F2?", "and for the kitchen?"]
    )
    assert str(got[-1]) == "confusion_matrix true_class=kitchen"


def test_why_after_thanks_is_about_the_measurement(case: FakeCase) -> None:
    got = converse(case, ["what are bathrooms taken for?", "thanks", "why?", "why?"])
    assert "[E4]" in got[2].words and "[E4]" in got[3].words


@pytest.mark.parametrize(
    "text",
    [
        "F1 F2 F3 F4 E1 E2 " * 60,
        "what is F1\x1b[31m?",
        "show me F" + "9" * 300,
        "why " * 500 + "F1",
        "E2#",
        "F-1",
        "what have you found " * 90,
    ],
)
def test_no_hostile_id_breaks_it(text: str, case: FakeCase) -> None:
    session = Session(case, policy="ask")  # type: ignore[arg-type]
    assert list(session.say(text))
    session.close()


def test_what_was_found_is_listed_by_errors_at_stake(case: FakeCase) -> None:
    few = Finding("weak_slice", "correctness", "unknown", "Few images, far worse.", slice={"rug": "red"}, n=20, error_rate=0.9, base_error_rate=0.1, verdict="confirmed")  # fmt: skip
    many = Finding("spurious_correlation", "correctness", "unknown", "Many images, called wrongly.", slice={"rug": "yes"}, class_name="kitchen", n=400, error_rate=0.5, base_error_rate=0.1, verdict="confirmed")  # fmt: skip
    made = Evidence("find_slices", "Where", "There.", id="E4", findings=(few, many))
    case.record("evidence.recorded", call="3", evidence=made.to_dict())
    said = heard(case, "what have you found so far?").words
    assert said.index("Many images") < said.index("Few images") < said.index("by heart")


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("why was it refuted?", True),
        ("why did it say that", True),
        ("that's almost half! why??", True),
        ("that is 47 %. why?", True),
        ("it is worse at night, why", False),
        ("why did it say kitchen?", False),
        ("why are dark pictures worse?", False),
    ],
)
def test_which_whys_are_about_the_last_answer(text: str, asks: bool) -> None:
    assert bool(phrases.WHY.match(text)) == asks


def test_why_after_a_list_of_findings_is_how_they_were_decided(case: FakeCase) -> None:
    got = converse(case, ["which hypotheses were confirmed?", "why was it confirmed?"])
    named = re.findall(r"\bF\d+\b", got[0].words)
    assert named and not got[1].tool
    assert f"**{named[0]}**: how it came to its verdict" in got[1].words
