"""Pictures that are asked for, yes and no, why a class does badly, what explains a confusion: first questions of a first user."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from failsight.agent.events import PlannerSaid, ToolStarted
from failsight.agent.planners import asides, whether
from failsight.agent.planners.guided import GuidedPlanner
from failsight.agent.planners.looking import wish
from failsight.agent.session import Session
from failsight.knowledge_base import Vocabulary
from failsight.knowledge_base.counts import named
from failsight.tools.evidence import Evidence, Fact, Finding, Table
from tests.agent.guided_talk import CLASSES, OBJECTS, VALUES, Heard, ask, converse, rooms
from tests.fakes.case import FakeCase, television_world

NAMES = Vocabulary(classes=CLASSES, objects=OBJECTS, attributes=VALUES, images=("kitchen/kitchen_0001.png",))


@pytest.fixture
def case(tmp_path: Path) -> FakeCase:
    return rooms(tmp_path / "rooms")


def heard(case: FakeCase, text: str) -> Heard:
    return ask(GuidedPlanner(case), text)


def look(measure: str, low: bool) -> str | None:
    """As a case whose images all have one size."""
    return None if measure == "width" else f"{measure}{'<=0.3' if low else '>=0.7'}"


# --- pictures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "given", "unread"),
    [
        ("show me images it gets wrong", {"where": "wrong"}, ()),
        ("show me wrong bathrooms", {"class_name": "bathroom", "where": "wrong"}, ()),
        ("show me the worst mistakes", {"where": "wrong"}, ()),
        ("which images does it get wrong?", {"where": "wrong"}, ()),
        ("wrong kitchens please", {"class_name": "kitchen", "where": "wrong"}, ()),
        ("show me 5 misclassified kitchens", {"class_name": "kitchen", "where": "wrong", "k": 5}, ()),
        ("the images it is least sure about", {"order": "unsure"}, ()),
        ("show me correct bedrooms", {"class_name": "bedroom", "where": "correct"}, ()),
        ("show me wrong deployment images", {"where": "wrong", "split": "deploy"}, ()),
        ("find mistakes without a television", {"where": "wrong&television=no"}, ()),
        ("show me bathrooms with a cat", {"class_name": "bathroom", "where": "cat=yes"}, ()),
        ("show me dark kitchens", {"class_name": "kitchen", "where": "lighting=dark"}, ()),
        ("show me very blurry ones", {"where": "sharpness<=0.3"}, ()),
        ("show me the small gloomy ones with a cat", {"where": "brightness<=0.3&cat=yes"}, ("small",)),
        ("show me wrong unicorns", {"where": "wrong"}, ("unicorns",)),
        ("show me sunny kitchens with unicorns", {"class_name": "kitchen", "where": "brightness>=0.7"}, ("unicorns",)),
        ("show me kitchens with unicorns", {"class_name": "kitchen"}, ("unicorns",)),
    ],
)  # fmt: skip
def test_a_wish_is_read_whole(text: str, given: dict[str, Any], unread: tuple[str, ...]) -> None:
    made = wish(named(text, NAMES), look)
    assert made is not None and (dict(made.arguments), made.unread) == (given, unread)


@pytest.mark.parametrize(
    "text",
    [
        "", "show me", "show me some kitchens", "show me typical bathrooms", "which wrong answers does it give for bedrooms?", "dark images seem to be the problem",
        "are there images with the wrong class on them?", "could the images be fed in the wrong format?", "on which images does it fail?", "which bedrooms are problematic?",
        "show me kitchen_0001.png", "show me errors it is very certain about", "show me the confusion matrix", "let me see the bathrooms it takes for kitchens", "show me mislabelled images",
        "what is wrong with the images?", "x" * 1000,
    ],
)  # fmt: skip
def test_other_sentences_are_left_to_other_tools(text: str) -> None:
    assert wish(named(text[:400], NAMES), look) is None


def test_what_was_not_understood_is_said_with_what_is_shown(tmp_path: Path) -> None:
    session = Session(_televisions(tmp_path), policy="auto")
    events = list(session.say("show me wrong blue rooms with unicorns"))
    assert [(e.tool, e.arguments) for e in events if isinstance(e, ToolStarted)] == [
        ("show_images", {"class_name": "blue_room", "where": "wrong"})
    ]
    said = next(e.text for e in events if isinstance(e, PlannerSaid))
    assert said.startswith("I did not understand “unicorns”, so that part was left out.\n") and "[E1]" in said
    after = list(session.say("and red rooms?"))
    assert [e.arguments for e in after if isinstance(e, ToolStarted)] == [
        {"class_name": "red_room", "where": "wrong"}
    ]
    session.close()


def test_a_wish_of_which_nothing_is_understood_shows_nothing(case: FakeCase) -> None:
    got = heard(case, "show me kitchens with unicorns")
    assert not got.tool and "I did not understand “unicorns”, so nothing was shown." in got.words


def test_what_is_said_next_keeps_to_the_wrong_ones(case: FakeCase) -> None:
    got = converse(case, ["show me wrong kitchens", "with a cat"])
    assert dict(got[1].arguments) == {"class_name": "kitchen", "where": "cat=yes,wrong"}


# --- yes and no --------------------------------------------------------------------------------------------------------


def _televisions(folder: Path) -> FakeCase:
    table, model = television_world()
    return FakeCase(folder / "case", {"data": table}, model)


def test_whether_it_is_worse_is_answered_first(tmp_path: Path) -> None:
    """The television makes blue rooms red: it is worse with one."""
    session = Session(_televisions(tmp_path), policy="auto")
    said = _said(session, "is it worse with a television?")
    assert said.startswith("Yes: that is confirmed (F") and said.splitlines()[1] == "That rests on [E1]."
    said = _said(session, "does it call blue rooms red room?")
    assert said.startswith("It does: ") and "images of blue_room" in said.splitlines()[0]
    assert "of the" not in _said(session, "which rooms are called red room?").splitlines()[0][:10]
    session.close()


def _said(session: Session, text: str) -> str:
    return next(e.text for e in session.say(text) if isinstance(e, PlannerSaid))


def _with(case: FakeCase, tool: str, *found: Finding, facts: tuple[Fact, ...] = (), **given: Any) -> str:
    number = len(case.state().evidence) + 1
    made = Evidence(
        tool, "Measured", "It was measured.", id=f"E{number}", findings=found, facts=facts, arguments=given
    )
    case.record("evidence.recorded", call=str(number), evidence=made.to_dict())
    return made.id


@pytest.mark.parametrize(
    ("text", "kind", "verdict", "said"),
    [
        ("are the labels right?", "label_noise", "confirmed", "Not altogether: a fault is confirmed (F4)."),
        ("are the labels right?", "label_noise", "refuted", "As far as it was tested, yes"),
        ("are there wrong labels?", "label_noise", "confirmed", "Yes: that is confirmed (F4)."),
        ("are the labels right?", "label_noise", "inconclusive", "That is undecided"),
        ("is it overfitting?", "overfitting", "refuted", "No: that is refuted (F4)."),
        ("isn't it overfitting?", "overfitting", "refuted", "What decides that: F4 (refuted)."),
        ("how much does it overfit?", "overfitting", "refuted", ""),
        ("are the labels right?", "overfitting", "confirmed", ""),
    ],
)
def test_a_verdict_is_the_direct_answer(
    text: str, kind: Any, verdict: Any, said: str, case: FakeCase
) -> None:
    made = _with(
        case, "label_noise", Finding(kind, "correctness", "data_content", "Something.", verdict=verdict)
    )
    answer = whether.answer(case, text, [made], named(text, NAMES))
    assert answer.startswith(said) and bool(answer) == bool(said)


@pytest.mark.parametrize(
    ("text", "value", "said"),
    [
        ("does it confuse kitchens with bedrooms often?", 0.1, "It does: 2 of 20 images of kitchen (10.0 %) are called bedroom."),
        ("are kitchens ever taken for bedrooms?", 0.0, "No: none of 20 images of kitchen is called bedroom."),
        ("are bedrooms ever taken for kitchens?", 0.1, ""),  # another direction than was measured
    ],
)  # fmt: skip
def test_a_confusion_is_answered_with_its_count(text: str, value: float, said: str, case: FakeCase) -> None:
    fact = Fact("confusion_rate", value, "share", "class kitchen taken for bedroom", None, 20)
    made = _with(case, "confusion_matrix", facts=(fact,), true_class="kitchen", predicted_class="bedroom")
    assert whether.answer(case, text, [made], named(text, NAMES)) == said


def test_slices_within_a_class_do_not_answer_whether_the_class_is_worse(case: FakeCase) -> None:
    found = Finding(
        "weak_slice", "correctness", "data_content", "Cats.", {"cat": "yes"}, "kitchen", verdict="confirmed"
    )
    made = _with(case, "find_slices", found, within_class="kitchen")
    assert (
        whether.answer(
            case, "is it worse in the kitchen?", [made], named("is it worse in the kitchen?", NAMES)
        )
        == ""
    )
    recall = (
        Fact("recall", 0.5, "share", "class kitchen", (0.3, 0.7), 20),
        Fact("accuracy", 0.8, "share", "", None, 100),
    )
    _with(case, "evaluate", facts=recall)
    answer = whether.answer(
        case, "is it worse in the kitchen?", [made], named("is it worse in the kitchen?", NAMES)
    )
    assert (
        answer.startswith("**kitchen** is recognised in 50.0 %")
        and "over all classes 80.0 % are right" in answer
    )


def test_whether_it_is_good_is_for_expectations_to_say(case: FakeCase) -> None:
    made = _with(case, "evaluate")
    said = whether.answer(case, "is it any good?", [made], named("is it any good?", NAMES))
    assert said.startswith("That depends on how good it has to be")
    case.expect("accuracy", 0.9)
    _with(case, "readiness")
    said = whether.answer(case, "is it any good?", [made], named("is it any good?", NAMES))
    assert said == "Held to what is expected of it: It was measured. [E3]"


def test_shortcuts_that_were_found_are_told(case: FakeCase) -> None:
    assert not heard(case, "does it cheat?").words.startswith("Yes")
    _with(case, "test_by_masking", Finding("spurious_correlation", "features", "data_content", "The sofa says living room.", {"sofa": "yes"}, "living_room", verdict="confirmed"))  # fmt: skip
    got = heard(case, "does it cheat?")
    assert (
        not got.tool and got.words.startswith("Yes: that is confirmed (F4).") and "The sofa says" in got.words
    )


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("does it confuse cats with dogs often?", "“cats” or “dogs”"),
        ("are kitchens confused with garages?", "“garages”"),
        ("does it mistake wolves for huskies?", "“wolves” or “huskies”"),
    ],
)
def test_a_confusion_of_what_is_no_class_is_said_to_be_none(text: str, names: str, case: FakeCase) -> None:
    got = heard(case, text)
    assert (
        not got.tool and got.words.startswith(f"No class is called {names} here") and "kitchen" in got.words
    )


@pytest.mark.parametrize(
    "text",
    [
        "what are kitchens mistaken for?",
        "what is confused most?",
        "does it confuse kitchens with bedrooms?",
        "which rooms are mistaken for kitchens?",
    ],
)
def test_confusions_of_classes_are_measured(text: str, case: FakeCase) -> None:
    assert heard(case, text).tool == "confusion_matrix"


def test_training_labels_need_training_images(tmp_path: Path) -> None:
    session = Session(_televisions(tmp_path), policy="auto")
    said = _said(session, "check the training labels for red room")
    assert "This case has no training images" in said and "--train" in said
    session.close()


# --- why, and what explains --------------------------------------------------------------------------------------------


def _measured(case: FakeCase) -> None:
    facts = (
        Fact("recall", 0.6, "share", "class bathroom", (0.4, 0.8), 20),
        Fact("accuracy", 0.8, "share", "", None, 100),
    )
    _with(case, "evaluate", facts=facts)
    top = Table("Top confusions", ("true class", "predicted class", "images"), (("bathroom", "kitchen", 6),))
    noughts = tuple((c, 0, 0, 0, 0, 0) for c in CLASSES if c not in ("bathroom", "kitchen"))
    rows = (("bathroom", 12, 0, 2, 6, 0), ("kitchen", 0, 0, 0, 20, 0), *noughts)
    matrix = Table("Confusion matrix", ("true class", *CLASSES), tuple(sorted(rows)))
    made = Evidence("confusion_matrix", "Confusions", "Some.", id="E3", tables=(top, matrix))
    case.record("evidence.recorded", call="9", evidence=made.to_dict())


@pytest.mark.parametrize(
    "text",
    ["why is the bathroom so bad?", "why does it get bathrooms wrong?", "what is wrong with bathrooms?", "bathroom", "what about bathrom?", "how come bathrooms are so weak?"],
)  # fmt: skip
def test_why_a_class_does_badly_is_told_from_what_was_found(text: str, case: FakeCase) -> None:
    _measured(case)
    got = heard(case, text)
    assert not got.tool
    for part in (
        "recognised in 60.0 % [40.0, 80.0] %",
        "[E2]",
        "Taken for: kitchen 6 and dining_room 2 [E3].",
        "**F3**",
    ):
        assert part in got.words
    assert "**F2**" not in got.words and "feature" not in got.words  # F2 is about kitchens


def test_why_begins_with_a_measurement_where_nothing_is_known(case: FakeCase) -> None:
    assert str(heard(case, "why is the bedroom so bad?")) == "confusion_matrix true_class=bedroom"


@pytest.mark.parametrize("text", ["why are some kitchens harder than others?", "why is kitchen_0001.png wrong?", "which features lead to errors on kitchens?", "why is the sky blue?"])  # fmt: skip
def test_other_whys_are_left_alone(text: str, case: FakeCase) -> None:
    _measured(case)
    assert not heard(case, text).words.startswith("**")


def test_a_confusion_names_the_finding_that_explains_it(case: FakeCase) -> None:
    made = _with(case, "confusion_matrix", true_class="bathroom", predicted_class="kitchen")
    said = asides.completed(case, "how often are bathrooms called kitchen?", _message(), [made], [])
    assert "F3 [confirmed] explains part of it: bathroom with" in str(said.text)
    other = _with(case, "confusion_matrix", true_class="bedroom", predicted_class="living_room")
    said = asides.completed(case, "how often are bedrooms called living room?", _message(), [other], [])
    assert str(said.text) == "Measured."


def test_a_cue_explains_what_is_taken_for_its_class(case: FakeCase) -> None:
    found = Finding("spurious_correlation", "features", "data_content", "The stove says kitchen.", {"stove": "yes"}, "kitchen", verdict="confirmed")  # fmt: skip
    refuted = Finding("spurious_correlation", "features", "data_content", "The cat says kitchen.", {"cat": "yes"}, "kitchen", verdict="refuted")  # fmt: skip
    _with(case, "test_by_masking", found, refuted)
    made = _with(case, "confusion_matrix", predicted_class="kitchen")
    said = str(asides.completed(case, "what is mistaken for kitchen?", _message(), [made], []).text)
    assert "The stove says kitchen" in said and "The cat says kitchen" not in said


def _message() -> Any:
    from failsight.agent.planners import words

    return words.message("Measured.")


def test_how_a_slip_was_read_is_said(tmp_path: Path) -> None:
    session = Session(_televisions(tmp_path), policy="auto")
    assert _said(session, "show me the confusion matirx").startswith("(matirx: read as matrix)\n")
    assert _said(session, "what are blu rooms taken for?").startswith("(blu rooms: read as blue room)\n")
    assert "read as" not in _said(session, "what are BlueRooms taken for?")
    session.close()


# --- the same picture otherwise ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("then", "edits"),
    [
        ("and 60 % brighter?", "brightness:60"),
        ("what about a bit blurred?", "blur"),
        ("also rotated by 10 degrees", "brightness:-30;rotate:10"),
        ("make it 80 % darker", "brightness:-80"),
        ("and 60 %?", "brightness:-60"),
    ],
)
def test_another_edit_of_the_same_picture(then: str, edits: str, case: FakeCase) -> None:
    got = converse(case, ["make kitchen_0005.png 30% darker", then])
    assert got[1].tool == "what_if"
    assert dict(got[1].arguments) == {"image": "kitchen/kitchen_0005.png", "edits": edits}
