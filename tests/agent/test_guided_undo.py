"""Taking back in conversation: what was taken back once is stepped past, and nothing older than what is meant is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from failsight.agent.events import PlannerSaid, ToolStarted
from failsight.agent.planners import phrases
from failsight.agent.planners.dialogue import MOST, Act, Turn
from failsight.agent.planners.undoing import inverse, standing
from failsight.agent.session import Session
from failsight.tools.evidence import Evidence
from tests.agent.guided_talk import converse, quick_tools, rooms
from tests.fakes.case import FakeCase

DROP, BACK = "edit_attributes action=drop attribute=lamp", "edit_attributes action=restore attribute=lamp"
NAMED, UNNAMED = (
    "edit_attributes action=rename attribute=floor to=ground",
    "edit_attributes action=rename attribute=ground to=floor",
)


@pytest.fixture
def case(tmp_path: Path) -> FakeCase:
    return rooms(tmp_path / "rooms")


def did(case: FakeCase, *said: str) -> list[str]:
    """The call of each turn; of words ``-``."""
    return [str(h) if h.tool else "-" for h in converse(case, said)]


def words(case: FakeCase, *said: str) -> str:
    """The words of the last turn."""
    last = converse(case, said)[-1]
    assert not last.tool
    return last.words


@pytest.mark.parametrize(
    "again",
    ["undo that", "undo", "please undo that", "take that back", "revert", "go back", "oops, cancel that", "roll back", "undo it again", "no, undo that once more"],
)  # fmt: skip
def test_taking_back_twice_is_no_to_and_fro(again: str, case: FakeCase) -> None:
    assert did(case, "rename floor to ground", again, again, again) == [NAMED, UNNAMED, "-", "-"]


def test_edits_are_taken_back_one_after_the_other(case: FakeCase) -> None:
    assert did(case, "rename floor to ground", "drop lamp", "undo that", "undo that", "undo that") == [
        NAMED, DROP, BACK, UNNAMED, "-",
    ]  # fmt: skip
    assert "floor" in case.attributes().columns and "lamp" in case.attributes().columns


def test_a_restart_before_every_turn_changes_nothing(case: FakeCase) -> None:
    said = ["rename floor to ground", "drop lamp", "undo that", "undo that", "undo that"]
    got = converse(case, said, afresh=True)
    assert [str(h) if h.tool else "-" for h in got] == [NAMED, DROP, BACK, UNNAMED, "-"]


def test_what_is_done_again_after_it_was_taken_back_can_be_taken_back_again(case: FakeCase) -> None:
    assert did(case, "drop lamp", "undo that", "drop lamp", "undo that", "undo that") == [
        DROP, BACK, DROP, BACK, "-",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "request_",
    ["merge apples and pears", "how do I cook risotto", "accuracy by the moon", "rename nosuch to floor"],
)
def test_behind_what_came_to_nothing_no_older_edit_is_touched(request_: str, case: FakeCase) -> None:
    got = did(case, "rename floor to ground", request_, "undo that", "forget it", "never mind", "go back")
    assert got[2:] == ["-", "-", "-", "-"]
    assert "ground" in case.attributes().columns


def test_the_edit_can_still_be_named(case: FakeCase) -> None:
    said = [
        "rename floor to ground",
        "merge apples and pears",
        "undo that",
        "undo the last edit",
        "undo the last edit",
    ]
    assert did(case, *said) == [NAMED, "-", "-", UNNAMED, "-"]


@pytest.mark.parametrize(
    "said",
    [
        "undo the drop",
        "undo the last edit",
        "take back the last edit",
        "revert that edit",
        "undo dropping of lamp",
    ],
)
def test_an_edit_is_named_in_several_ways(said: str, case: FakeCase) -> None:
    assert did(case, "drop lamp", "how good is it?", said)[-1] == BACK


def test_an_edit_of_another_kind_is_not_taken_for_the_one_that_is_named(case: FakeCase) -> None:
    assert "drop lamp" in words(case, "drop lamp", "undo the merge")


@pytest.mark.parametrize(
    "aside", ["thanks", "why?", "what have you found so far?", "show me F2", "ok great", "tell me about E1"]
)
def test_what_only_asks_is_stepped_past(aside: str, case: FakeCase) -> None:
    assert did(case, "drop lamp", aside, "undo that")[-1] == BACK


def test_a_measurement_is_no_reason_to_make_an_edit_anew(case: FakeCase) -> None:
    got = did(
        case, "drop the attribute lamp", "which groups fail?", "never mind", "undo that", "take that back"
    )
    assert got == [DROP, "find_slices", "-", "-", "-"]


def test_changes_of_a_measurement_are_taken_back_one_after_the_other(case: FakeCase) -> None:
    got = did(case, "on which images does it fail?", "only in kitchens", "and in bathrooms", "undo that", "undo that", "undo that")  # fmt: skip
    assert got[3:] == ["find_slices within_class=kitchen", "find_slices", "-"]


@pytest.mark.parametrize(
    "mild", ["never mind", "forget it", "forget that", "nvm", "scratch that", "leave it", "drop that"]
)
def test_never_mind_cancels_the_turn_before_and_no_other(mild: str, case: FakeCase) -> None:
    assert did(case, "drop lamp", mild, mild, mild) == [DROP, BACK, "-", "-"]
    assert did(case, "drop lamp", "thanks", mild) == [DROP, "-", "-"]


def test_a_repair_that_was_made_is_named_and_stays(case: FakeCase) -> None:
    version = {
        "name": "R1.1", "repair": "R1", "finding": "F1", "strategy": "collect", "arm": "repair", "seed": 0, "path": "repair/R1.1",
        "fingerprint": "f", "base": "b", "data": {}, "cost": {},
    }  # fmt: skip
    case.record("model.added", version=version)
    said = words(case, "how good is it?", "undo that")
    assert "The last change was the repair R1 of F1; its versions stand beside the model as given" in said


LOOKS = [
    "how good is it?",
    "is it overconfident?",
    "show me the saliency of kitchen",
    "show me images that are wrong",
]


@pytest.mark.parametrize("look", LOOKS)
def test_a_look_changes_nothing_and_the_last_change_is_named(look: str, case: FakeCase) -> None:
    assert did(case, "how good is it?", "drop lamp", look, "undo that", "undo that")[3:] == ["-", "-"]
    assert "lamp" not in case.attributes().columns
    said = words(rooms(case.folder.parent / "b"), "drop lamp", look, "undo that")
    assert f"“{look}” was a look, and a look changes nothing" in said
    assert (
        "The last change was an edit of attributes, “drop lamp”; to take it back, say: undo the last edit."
        in said
    )
    other = rooms(case.folder.parent / "c")
    assert did(other, "drop lamp", look, "undo that", "undo the last edit")[-1] == BACK


def test_pictures_shown_again_are_a_look(case: FakeCase) -> None:
    said = words(case, "drop lamp", "which red pictures are wrong?", "show me the pictures", "undo that")
    assert "a look changes nothing" in said and "“drop lamp”" in said


def test_a_look_at_another_class_does_not_show_the_first_one_again(case: FakeCase) -> None:
    said = words(case, "show me the saliency of kitchen", "and of bedroom", "undo that")
    assert "a look changes nothing" in said and "Nothing of this case was changed yet." in said


def test_a_look_by_command_does_not_bring_back_what_was_dropped_before_it(case: FakeCase) -> None:
    with quick_tools():
        session = Session(case, policy="auto")  # type: ignore[arg-type]
        list(session.say("drop lamp"))
        list(session.act("/tool evaluate"))
        events = list(session.say("undo that"))
        again = list(session.say("undo the last edit"))
        session.close()
    assert not [e for e in events if isinstance(e, ToolStarted)]
    said = next(e.text for e in events if isinstance(e, PlannerSaid))
    assert "“evaluate (E" in said and "“drop lamp”" in said
    assert [e for e in again if isinstance(e, ToolStarted)]


def test_whatever_was_changed_last_is_named_with_its_way_back(case: FakeCase) -> None:
    with quick_tools():
        session = Session(case, policy="ask")  # type: ignore[arg-type]

        def undone(*before: str) -> str:
            for sentence in (*before, "how good is it?"):
                list(session.say(sentence))
                if session.pending is not None:
                    list(session.decide(False))
            return next(e.text for e in session.say("undo that") if isinstance(e, PlannerSaid))

        assert "Nothing of this case was changed yet." in undone()
        assert "undo the last edit" in undone("drop lamp")
        assert "The last change was to what is expected, accuracy at least 90.0 %; to change it" in undone(
            "accuracy at least 90 %"
        )
        stated = undone("I think it uses the plant to say bedroom")
        open_ = case.state().open()[-1].id
        assert (
            f"The last change was that {open_} was stated" in stated and f"say: withdraw {open_}." in stated
        )
        assert "what is expected" in undone(f"withdraw {open_}")
        session.close()


def test_never_mind_after_an_unrelated_measurement_measures_nothing(case: FakeCase) -> None:
    assert did(case, "how well does it do?", "is it overconfident?", "never mind") == ["evaluate", "confidence_profile", "-"]  # fmt: skip
    assert did(case, "on which images does it fail?", "only in kitchens", "never mind")[-1] == "find_slices"


def test_there_is_nothing_to_take_back_at_first(case: FakeCase) -> None:
    assert "nothing to take back" in words(case, "never mind")
    assert "nothing to take back" in words(case, "undo that")


def test_a_hypothesis_is_taken_back_once(case: FakeCase) -> None:
    with quick_tools():
        session = Session(case, policy="ask")  # type: ignore[arg-type]
        list(session.say("I think it uses the lamp to say bedroom"))
        list(session.decide(False))
        said = [
            [e.text for e in session.say("undo that") if isinstance(e, PlannerSaid)][-1] for _ in range(2)
        ]
        session.close()
    assert "F4 is taken back" in said[0] and "nothing more" in said[1]


def test_what_a_person_expects_is_no_edit(case: FakeCase) -> None:
    with quick_tools():
        session = Session(case, policy="auto")  # type: ignore[arg-type]
        list(session.say("drop lamp"))
        list(session.say("accuracy at least 90 %"))
        events = list(session.say("undo that"))
        session.close()
    assert not [e for e in events if isinstance(e, ToolStarted)]
    assert "accuracy at least 90 %" in next(e.text for e in events if isinstance(e, PlannerSaid))


def test_an_edit_by_command_counts(case: FakeCase) -> None:
    with quick_tools():
        session = Session(case, policy="auto")  # type: ignore[arg-type]
        list(session.say("rename floor to ground"))
        list(session.act("/attributes drop lamp"))
        made = [next((dict(e.arguments) for e in session.say("undo that") if isinstance(e, ToolStarted)), None) for _ in range(3)]  # fmt: skip
        session.close()
    assert made[0] == {"action": "restore", "attribute": "lamp"}
    assert made[1] == {"action": "rename", "attribute": "ground", "to": "floor"}
    assert made[2] is None


def test_names_come_back_as_the_case_spells_them(case: FakeCase) -> None:
    assert did(case, "rename Floor to ground", "undo that")[-1] == UNNAMED


def test_columns_that_were_merged_are_parted_again(case: FakeCase) -> None:
    got = did(case, "merge lamp and plant", "undo that", "undo that")
    assert got[1:] == ["edit_attributes action=restore attribute=plant", "-"]
    assert {"lamp", "plant"} <= set(case.attributes().columns)


@pytest.mark.parametrize(
    "edit", ["rename the value wood of floor to tile", "merge the values wood and tile of floor"]
)
def test_values_that_became_one_can_not_be_told_apart_again(edit: str, case: FakeCase) -> None:
    assert "can't be taken back" in words(case, edit, "undo that")
    got = did(rooms(case.folder.parent / "other"), "rename the value wood of floor to timber", "undo that")
    assert got[1] == "edit_attributes action=rename_value attribute=floor to=wood value=timber"


@pytest.mark.parametrize(
    ("given", "opposite"),
    [
        ({"action": "add", "attribute": "a"}, {"action": "drop", "attribute": "a"}),
        ({"action": "restore", "attribute": "a"}, {"action": "drop", "attribute": "a"}),
        ({"action": "restore", "attribute": "a", "value": "v"}, {"action": "drop_value", "attribute": "a", "value": "v"}),
        ({"action": "drop_value", "attribute": "a", "value": "v"}, {"action": "restore", "attribute": "a", "value": "v"}),
        ({"action": "add_value", "attribute": "a", "value": "v"}, {"action": "remove_value", "attribute": "a", "value": "v"}),
        ({"action": "merge", "attribute": "a", "to": "b"}, {"action": "restore", "attribute": "a"}),
        ({"action": "remove_value", "attribute": "a", "value": "v"}, None),
        ({"action": "merge_values", "attribute": "a", "values": ["v", "w"]}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_the_opposite_of_every_edit(given: dict[str, object], opposite: dict[str, object] | None) -> None:
    made = inverse(Act("edit_attributes", given))
    assert (made[1] if made else None) == opposite


def test_of_turns_that_are_out_of_sight_nothing_is_taken_back() -> None:
    """Their edits, and what took them back, are not told from edits by command: they are left alone."""
    old = [Evidence("edit_attributes", "", "", id=f"E{n}") for n in (1, 2)]
    turns = [Turn(f"question {n}", (Act("evaluate", {}, f"E{n + 3}"),)) for n in range(MOST)]
    assert all(not d.edits for d in standing(turns, old))
    assert [d.acts[0].evidence for d in standing(turns[:2], old)] == ["E1", "E2", "E3", "E4"]


@pytest.mark.parametrize(
    "sentence",
    [
        "forget the cats", "drop the attribute lamp", "undo F1 please", "go back to the kitchens", "cancel the run", "never mind the cats, what about plants?",
        "take the lamp back in", "bring the cats back", "what would undo that?", "is it possible to revert?", "leave it out", "drop it into kitchens",
    ],
)  # fmt: skip
def test_other_sentences_take_nothing_back(sentence: str) -> None:
    assert not phrases.takes_back(sentence)
