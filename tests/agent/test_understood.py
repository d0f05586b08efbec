"""Sentences that lead to no call: how far they were understood, what may be said instead, and a yes where nothing was asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from failsight import prompts
from failsight.agent.events import PlannerSaid, ToolStarted
from failsight.agent.planners import understood
from failsight.agent.planners.dialogue import Act
from failsight.agent.planners.guided import GuidedPlanner
from failsight.agent.planners.understood import goes_on, offers
from failsight.agent.session import Session
from failsight.knowledge_base import routing
from failsight.knowledge_base.vocabulary import Vocabulary
from tests.agent.guided_talk import CLASSES, OBJECTS, VALUES, ask, converse, rooms
from tests.fakes.case import FakeCase

NAMES = Vocabulary(classes=CLASSES, objects=OBJECTS, attributes=VALUES)
OFF = prompts.say("off_topic")[:40]


@pytest.fixture
def case(tmp_path: Path) -> FakeCase:
    return rooms(tmp_path / "rooms")


@pytest.mark.parametrize(
    "said",
    [
        "shorter", "no, the other one", "is that good?", "is there anything cheaper", "only the last of these please", "and for my boss?",
        "i'd say expensive is above 700000 dollars", "what about blurry ones?", "summarise that in two sentences", "and 2?", "hm",
        "but it never snows there", "can you make it nicer?", "them too", "the same in green",
    ],
)  # fmt: skip
def test_short_sentences_may_go_on_with_what_was_said(said: str) -> None:
    assert goes_on(said)


@pytest.mark.parametrize(
    "said",
    [
        "", "tell me a joke about cows", "Which party should I vote for, and is there one that does not lie?", "book me a meeting room for thursday 3pm",
        "please order a large pizza", "write me an excuse for missing the standup",
    ],
)  # fmt: skip
def test_sentences_of_their_own_do_not(said: str) -> None:
    assert not goes_on(said)


@pytest.fixture
def strange(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every sentence seems to be about something else, as the router has it of short follow-ups."""
    from failsight import knowledge_base

    def off(sentence: str, vocabulary: object = None, *, base: object = None) -> routing.Route:
        mentions = routing.named(sentence, vocabulary)  # type: ignore[arg-type]
        return routing.Route(True, False, (), None, "", (), mentions=mentions)

    monkeypatch.setattr(knowledge_base, "route", off)


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("the kitchens bore my grandmother terribly at christmas", "kitchen"),
        ("did my aunt buy a television on the market yesterday", "television"),
        ("somebody said clutter once to a very old man in town", "clutter"),
        ("my neighbour wrote F2 on the wall with green chalk last night", "F2"),
    ],
)
def test_a_name_of_the_case_is_never_outside(said: str, name: str, case: FakeCase, strange: None) -> None:
    got = ask(GuidedPlanner(case), said)
    assert not got.tool
    assert not got.words.startswith(OFF)
    assert name in got.words


def test_what_names_nothing_and_follows_nothing_is_outside(case: FakeCase, strange: None) -> None:
    assert ask(GuidedPlanner(case), "tell me a joke about cows").words.startswith(OFF)
    assert ask(GuidedPlanner(case), "the other one in green").words.startswith(
        OFF
    )  # nothing was said before it


@pytest.mark.parametrize("said", ["shorter", "the other one in green", "hm, purple", "is that good?"])
def test_a_short_follow_up_is_told_what_it_could_go_on_with(said: str, case: FakeCase) -> None:
    converse(case, ["what are bathrooms taken for?"])
    mentions = routing.named(said, NAMES)
    off = routing.Route(True, False, (), None, "", (), mentions=mentions)
    act = Act("confusion_matrix", {"true_class": "bathroom"}, "E2")
    told = understood.unanswered(case, said, off, mentions, act)
    assert "“confusion matrix” [E2]" in told.text
    assert told.additional_kwargs["choices"][:2] == ["Why?", "Show me three of them"]
    assert understood.unanswered(case, said, off, mentions, None).text.startswith(OFF)
    joke = "tell me a joke about cows and then one about sheep"
    assert understood.unanswered(case, joke, off, routing.named(joke, NAMES), act).text.startswith(OFF)


def test_two_or_three_sentences_are_offered_and_all_are_understood(case: FakeCase) -> None:
    for known in ([("class", "kitchen")], [("object", "television"), ("class", "bedroom")], [("value", "cluttered")], [("attribute", "clutter")], [("finding", "F2")], [("image", "#12")]):  # fmt: skip
        made = offers(known)
        assert 1 <= len(made) <= 3
        for one in made:
            got = ask(GuidedPlanner(case), one)
            assert not got.words.startswith((OFF, "I am not sure", "I understood")), one


def test_a_yes_where_nothing_was_asked_runs_nothing(case: FakeCase) -> None:
    session = Session(case)
    for said in ("yes", "y", "Yes please.", "sure!"):
        made = list(session.say(said))
        assert not [e for e in made if isinstance(e, ToolStarted)]
        (told,) = [e for e in made if isinstance(e, PlannerSaid)]
        assert told.text.startswith("Nothing was asked")
    (told,) = [e for e in session.say("no") if isinstance(e, PlannerSaid)]
    assert told.text.startswith("All right")
    assert [e for e in session.say("go on") if isinstance(e, ToolStarted)]


def test_a_yes_to_several_offers_asks_which(case: FakeCase) -> None:
    got = converse(case, ["I think it uses the television", "yes"])
    assert "?" in got[0].words
    assert not got[1].tool
