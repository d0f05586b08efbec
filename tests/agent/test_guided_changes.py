"""Changes to the last measurement: all that is said goes in, or it is asked about; nothing is dropped or turned round."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from failsight.agent.events import ToolStarted
from failsight.agent.planners import leaving
from failsight.agent.planners.dialogue import Act
from failsight.agent.planners.guided import GuidedPlanner
from failsight.agent.planners.slots import Unfit
from failsight.agent.session import Session
from failsight.knowledge_base.vocabulary import Vocabulary, recognise
from tests.agent.guided_talk import CLASSES, OBJECTS, VALUES, Heard, ask, converse, quick_tools, rooms
from tests.fakes.case import FakeCase
from tests.fakes.view import FakeModel, FakeTable

FAILS = "on which images does it fail?"
SURE = "is it overconfident about kitchens?"
ALL = {*OBJECTS, *VALUES}
NAMES = Vocabulary(classes=CLASSES, objects=OBJECTS, attributes=VALUES)


@pytest.fixture
def case(tmp_path: Path) -> FakeCase:
    return rooms(tmp_path / "rooms")


def last(case: FakeCase, *said: str) -> Heard:
    return converse(case, said)[-1]


def left_out(heard: Heard) -> set[str]:
    """The attributes that a search does not look at."""
    given = dict(heard.arguments)
    return ALL - set(given["attributes"].split(",")) if "attributes" in given else set()


# --- more than fits ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (SURE, "in bathrooms and bedrooms"),
        (SURE, "and for bathrooms and for bedrooms"),
        (SURE, "kitchen versus bathroom"),
        (SURE, "bathrooms, bedrooms, kitchens"),
        (SURE, "bathroom and living room"),
        (SURE, "not just bathrooms but bedrooms too"),
        (
            "what are the nearest neighbours of bathroom_0002.png?",
            "and kitchen_0003.png and kitchen_0004.png",
        ),
        ("does it use the television for living rooms?", "and the sofa and the lamp?"),
        ("does it use the television for living rooms?", "in kitchens and bedrooms"),
        ("run an evaluation", "on training and deployment"),
        ("are there wrong labels?", "in training and test"),
        ("check lighting", "and floor and tilt"),
        ("how do kitchen and dining room pictures differ?", "and kitchens, bathrooms and bedrooms"),
        ("what are bathrooms taken for?", "kitchens, bedrooms and dining rooms"),
        ("I guess the lamp makes it answer bedroom", "the plant and the cat"),
    ],
)
def test_what_names_more_than_fits_is_asked_about(first: str, then: str, case: FakeCase) -> None:
    got = last(case, first, then)
    assert not got.tool
    assert "?" in got.words


def test_each_of_the_offers_is_understood(case: FakeCase) -> None:
    got = converse(case, [SURE, "in bathrooms and bedrooms", "And bathroom?", "And bedroom?"])
    assert [str(h) for h in got[2:]] == ["confidence_profile class_name=bathroom", "confidence_profile class_name=bedroom"]  # fmt: skip
    got = converse(case, ["run an evaluation", "on training and deployment", "And training?"])
    assert str(got[2]) == "evaluate split=train"


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        (SURE, "compare kitchen and dining room", "compare_classes class_a=kitchen class_b=dining_room"),
        ("what are the nearest neighbours of bathroom_0002.png?", "compare kitchen_0003.png and kitchen_0004.png",
         "compare_images first=kitchen/kitchen_0003.png second=kitchen/kitchen_0004.png"),
    ],
)  # fmt: skip
def test_what_compares_is_a_question_of_its_own(first: str, then: str, expected: str, case: FakeCase) -> None:
    assert str(last(case, first, then)) == expected


# --- this and not that -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        (SURE, "not kitchens, bedrooms", "confidence_profile class_name=bedroom"),
        (SURE, "bedrooms, not kitchens", "confidence_profile class_name=bedroom"),
        (SURE, "bedrooms instead of kitchens", "confidence_profile class_name=bedroom"),
        (SURE, "bedrooms rather than kitchens", "confidence_profile class_name=bedroom"),
        (SURE, "not bathrooms but bedrooms", "confidence_profile class_name=bedroom"),
        (SURE, "bedrooms, not bathrooms", "confidence_profile class_name=bedroom"),
        (FAILS, "forget the kitchens, what about bathrooms?", "find_slices within_class=bathroom"),
        ("what are bathrooms taken for?", "kitchens and bedrooms", "confusion_matrix predicted_class=bedroom true_class=kitchen"),
        ("how many bathrooms are called kitchen?", "bedroom, not kitchen", "confusion_matrix predicted_class=bedroom true_class=bathroom"),
        ("how many bathrooms are called kitchen?", "not bathroom, bedroom", "confusion_matrix predicted_class=kitchen true_class=bedroom"),
        ("how do kitchen and dining room pictures differ?", "not dining rooms, living rooms", "compare_classes class_a=kitchen class_b=living_room"),
        ("does it use the television for living rooms?", "the lamp, not the television", "test_by_masking class_name=living_room region=box:lamp"),
        ("does it use the television for living rooms?", "the sofa instead of the television", "test_by_masking class_name=living_room region=box:sofa"),
        ("does it use the television for living rooms?", "in dark pictures", "test_by_masking class_name=living_room region=box:television where=lighting=dark"),
        ("does it use the television for living rooms?", "and the bed in dark pictures", "test_by_masking class_name=living_room region=box:bed where=lighting=dark"),
        ("run an evaluation", "not on training, on deployment", "evaluate split=deploy"),
        ("what are the nearest neighbours of bathroom_0002.png?", "not bathroom_0002.png, kitchen_0004.png", "nearest image=kitchen/kitchen_0004.png"),
        ("accuracy by annotator", "not by annotator, by tilt", "disaggregate attributes=tilt"),
        ("I guess the lamp makes it answer bedroom", "not the lamp, the sofa", "state_hypothesis class_name=bedroom cue=box:sofa kind=spurious_correlation"),
    ],
)  # fmt: skip
def test_what_is_turned_away_makes_room(first: str, then: str, expected: str, case: FakeCase) -> None:
    assert str(last(case, first, then)) == expected


# --- leaving out, more of it, and taking in again ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "out"),
    [
        (["no, ignore the cats"], {"cat"}),
        (["without the television and the cat"], {"television", "cat"}),
        (["leave out cats, plants and lamps"], {"cat", "plant", "lamp"}),
        (["not the cats"], {"cat"}),
        (["not counting stools or stoves"], {"stools", "stove"}),
        (["no, ignore the cats", "and the plants too"], {"cat", "plant"}),
        (["no, ignore the cats", "and the plants"], {"cat", "plant"}),
        (["no, ignore the cats", "also the plants"], {"cat", "plant"}),
        (["no, ignore the cats", "the plants as well"], {"cat", "plant"}),
        (["without the cats", "or the plants", "and the lamp too"], {"cat", "plant", "lamp"}),
        (["not the cats", "nor the plants"], {"cat", "plant"}),
        (["without the cats", "also without the lamp"], {"cat", "lamp"}),
        (["no, ignore the cats", "and the plants too", "and now with the cats again"], {"plant"}),
        (["ignore cats and plants", "bring the cats back"], {"plant"}),
        (["ignore cats and plants", "include the plants again"], {"cat"}),
        (["ignore cats and plants", "put the plants back in"], {"cat"}),
        (["ignore cats and plants", "cats again"], {"plant"}),
        (["ignore the cats", "with the cats again"], set()),
        (["ignore the cats and only in kitchens"], {"cat"}),
        (["ignore the cats", "and the plants too", "undo that"], {"cat"}),
    ],
)
def test_what_is_left_out_of_a_search(said: list[str], out: set[str], case: FakeCase) -> None:
    got = last(case, FAILS, *said)
    assert got.tool == "find_slices"
    assert left_out(got) == out


def test_a_class_named_beside_it_is_not_lost(case: FakeCase) -> None:
    got = last(case, FAILS, "ignore the cats and only in kitchens")
    assert dict(got.arguments)["within_class"] == "kitchen"


@pytest.mark.parametrize(
    "said", ["only the plants", "just the plants", "what about plants?", "rather the plants"]
)
def test_only_is_no_more(said: str, case: FakeCase) -> None:
    assert dict(last(case, FAILS, "ignore the cats", said).arguments)["attributes"] == "plant"


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (FAILS, "ignore the kitchens"),
        (FAILS, "without the kitchens"),
        (FAILS, "everything except kitchens"),
        (SURE, "not the kitchen"),
        ("accuracy by annotator", "without the annotator"),
        (FAILS, "with the cats again"),
        ("what are bathrooms taken for?", "without the plant and the lamp"),
    ],
)
def test_what_can_not_be_left_out_or_taken_in_is_said(first: str, then: str, case: FakeCase) -> None:
    """The opposite of what was said is never measured instead."""
    got = last(case, first, then)
    assert not got.tool
    assert len(got.words) > 20


def test_things_in_one_picture_are_covered_and_shown_again(case: FakeCase) -> None:
    said = [
        "living_room_0002.png without the television?",
        "and without the lamp and the cat",
        "with the television again",
    ]
    assert dict(last(case, *said).arguments)["edits"] == "mask:box:lamp;mask:box:cat"


@pytest.mark.parametrize(
    ("sentence", "gone"),
    [
        ("not bathrooms, bedrooms", ["bathroom"]),
        ("bedrooms, not bathrooms", ["bathroom"]),
        ("not bathrooms or kitchens", ["bathroom", "kitchen"]),
        ("without the cat and the plant", ["cat", "plant"]),
        ("without cats, plants and lamps", ["cat", "plant", "lamp"]),
        ("without cats, only kitchens", ["cat"]),
        ("not only kitchens but bedrooms", []),
        ("kitchens and bedrooms", []),
        ("rather kitchen than bedroom", []),
        ("kitchens with a cat, not with a plant", ["plant"]),
        ("", []),
    ],
)
def test_names_that_are_turned_away(sentence: str, gone: list[str]) -> None:
    assert [m.name for m in leaving.dropped(recognise(sentence, NAMES))] == gone


def test_what_was_left_out_by_naming_the_rest_is_not_said_to_have_been_missing() -> None:
    """``find_slices`` by line and shift, then without the line: what else is named may have taken it out already."""
    act = Act("find_slices", {"attributes": ["line", "shift"]})
    every = lambda: ["line", "shift", "speed"]  # noqa: E731
    want = ("find_slices", {"attributes": ["shift"]})
    assert leaving.without(["line"], act, dict(act.arguments), every) == want
    assert leaving.without(["line"], act, {"attributes": ["shift"]}, every) == want
    unfit = leaving.without(["speed"], act, dict(act.arguments), every)
    assert isinstance(unfit, Unfit) and unfit.reason == "not_in"


# --- classes called by numbers -----------------------------------------------------------------------------------------


@pytest.fixture
def digits(tmp_path: Path) -> FakeCase:
    names = tuple(str(i) for i in range(10))
    table = FakeTable(np.zeros((100, 8, 8, 3), np.uint8), [i % 10 for i in range(100)], names)
    model = FakeModel(lambda x: np.tile(np.linspace(0, 1, 10), (len(x), 1)), names, (8, 8))
    return FakeCase(tmp_path / "digits", {"data": table}, model)


def test_a_number_in_a_change_is_a_count_or_a_class_and_not_both(digits: FakeCase) -> None:
    said = [
        "show me the top 3 confusions",
        "only the top 5",
        "what is 5 taken for?",
        "and 3?",
        "top 2",
        "only 7",
        "not 7, 4",
    ]
    got = [str(h).replace("confusion_matrix", "").strip() for h in converse(digits, said)]
    assert got == ["top=3", "top=5", "true_class=5", "true_class=3", "top=2 true_class=3", "top=2 true_class=7", "top=2 true_class=4"]  # fmt: skip


@pytest.mark.parametrize(
    "said",
    [
        "list 4 images it gets wrong",
        "show me 5 images",
        "the 3 worst classes",
        "give me 6 mistakes",
        "show the 2 largest confusions",
    ],
)
def test_a_number_of_images_is_no_class(said: str, digits: FakeCase) -> None:
    assert "class" not in str(ask(GuidedPlanner(digits), said).arguments)


def test_a_suspicion_has_no_class_of_a_number_that_counts(digits: FakeCase) -> None:
    with quick_tools():
        session = Session(digits, policy="auto")  # type: ignore[arg-type]
        events = list(session.say("I think 4 images are mislabelled"))
        session.close()
    (first, *_) = [e for e in events if isinstance(e, ToolStarted)]
    assert dict(first.arguments) == {"kind": "label_noise"}
