"""A demand said among other things while a language model answers is noted, told, and can be taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from failsight.agent.events import Notice, PlannerSaid
from failsight.agent.planners.scripted import ScriptedPlanner
from failsight.agent.session import Session
from failsight.agent.stated import stated
from tests.fakes.case import FakeCase, television_world

CLASSES = ("bathroom", "dining_room", "kitchen", "bedroom", "living_room")


@pytest.mark.parametrize(
    ("text", "noted", "alone"),
    [
        ("For the agents it should get at least 90 % right overall. Living rooms are common. Where do the errors go?", ["accuracy ≥ 90 %"], False),
        ("Is it ready? I said 90 percent overall. What would you tell the board?", ["accuracy ≥ 90 %"], False),
        ("I would want at least 85 % accuracy", ["accuracy ≥ 85 %"], True),
        ("It must be right at least 90 % of the time.", ["accuracy ≥ 90 %"], True),
        ("We need 92.5 percent of the pictures right overall. Show me the worst class.", ["accuracy ≥ 92.5 %"], False),
        ("The model should classify at least 95 % of all images correctly.", ["accuracy ≥ 95 %"], True),
        ("The recall of kitchen must be at least 80 %. What is it now?", ["recall.kitchen ≥ 80 %"], False),
        ("I need 85 percent right overall, and kitchen at least 75. Line 3 at night: what is wrong there?", ["accuracy ≥ 85 %", "recall.kitchen ≥ 75 %"], False),
        ("We want 90 % accuracy and the dining rooms must be at least 80 % right.", ["accuracy ≥ 90 %", "recall.dining_room ≥ 80 %"], True),
        ("We want 90 % accuracy, and every class at least 70 %.", ["accuracy ≥ 90 %", "worst_recall ≥ 70 %"], True),
        ("We want 90 % accuracy and to ship it by Monday.", [], False),
        ("We want 90 % accuracy, and night shots at least 80 %.", [], False),
        ("What goes wrong? We need an accuracy of at least 85 % for our customers.", [], False),
        ("Does it get at least 90 % right overall?", [], False),
        ("It gets 90 % right overall. Why not more?", [], False),
        ("I think it should get at least 90 % right overall by now. Does it?", [], False),
        ("My boss said 90 percent overall was fine last year.", [], False),
        ("I said it got 90 percent overall. Was that wrong?", [], False),
        ("If it should get 90 % right overall, what would it take?", [], False),
        ("It should not get 90 % right overall.", [], False),
        ("We want 20 % of the pictures. Pick them.", [], False),
        ("It should be right at 90 % confidence.", [], False),
        ("It should get at least 90 % right overall. I want at least 80 % accuracy.", [], False),
        ("It should get at least 900 % right overall.", [], False),
    ],
)  # fmt: skip
def test_only_a_sentence_that_demands_for_sure_is_noted(text: str, noted: list[str], alone: bool) -> None:
    found = stated(text, CLASSES)
    assert [str(c) for c in found.demands] == noted
    assert found.alone == alone


def session(tmp_path: Path) -> tuple[Session, ScriptedPlanner]:
    table, model = television_world(60)
    planner = ScriptedPlanner(["I see.", "I see.", "I see."])
    return Session(FakeCase(tmp_path / "case", {"data": table}, model), planner=planner), planner


def test_a_demand_said_in_passing_stands_in_the_prompt_and_goes_with_undo(tmp_path: Path) -> None:
    it, planner = session(tmp_path)
    told = [e.text for e in it.say("It should get at least 90 % right overall. Where do the errors go?") if isinstance(e, Notice)]  # fmt: skip
    assert len(told) == 1 and told[0].startswith("Noted: accuracy ≥ 90 %.") and "undo that" in told[0]
    assert "accuracy ≥ 0.9" in str(
        planner.asked[0][0].text
    )  # the model is told in the request of this very turn
    assert not [e for e in it.say("I said 90 percent overall. Is it ready?") if isinstance(e, Notice)]
    assert len(planner.asked) == 2
    list(it.say("It should get at least 80 % right overall. Really."))
    said = [e.text for e in it.say("undo that") if isinstance(e, PlannerSaid)]
    assert "Taken back: accuracy at least 80" in said[0] and "stands again: accuracy at least 90" in said[0]
    assert len(planner.asked) == 3  # nothing of it is the model's to answer
    assert [(e.name, e.bound) for e in it.case.expectations] == [("accuracy", 0.9)]


def test_a_demand_alone_is_the_whole_turn_and_undo_leaves_none(tmp_path: Path) -> None:
    it, planner = session(tmp_path)
    said = [e.text for e in it.say("I would want at least 85 % accuracy") if isinstance(e, PlannerSaid)]
    assert said and said[0].startswith("Noted: accuracy ≥ 85 %.") and not planner.asked
    list(it.say("undo that"))
    assert not it.case.expectations and not planner.asked
