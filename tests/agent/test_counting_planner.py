"""Counting in a conversation: which call a sentence becomes, how it goes on, and what the first line of the answer says."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest

from failsight.agent.planners.counting import asked as counting
from failsight.agent.planners.counting import follow as counting_follow
from failsight.agent.planners.counting import said as counting_said
from failsight.agent.planners.counting.base import names_of
from failsight.agent.planners.counting.read import Count, denied, read
from failsight.agent.planners.counting.words import spelt
from failsight.agent.planners.dialogue import Act, Turn
from failsight.agent.session import Session
from failsight.knowledge_base.counts import named
from failsight.knowledge_base.vocabulary import Vocabulary
from failsight.tools.evidence import Evidence, Fact
from tests.agent import guided_talk as t

ROOMS = Vocabulary(
    classes=("bathroom", "bedroom", "dining_room", "kitchen", "living_room"),
    attributes={"floor": ["tile", "wood"], "annotator": ["A", "B", "C"], "television": ["yes", "no"], "cat": ["yes", "no"], "stools": ["yes", "no"]},
    objects=("television", "cat", "stools"),
)  # fmt: skip
HOUSES = Vocabulary(
    classes=("Bathroom", "Bedroom", "Kitchen", "LivingRoom"),
    attributes={"bedrooms": [], "bathrooms": [], "price_usd": []},
)


def look(measure: str, low: bool) -> str:
    return f"{measure}{'<=' if low else '>='}0.5"


def counts(text: str, names: Vocabulary = ROOMS) -> list[Count]:
    return read(named(text, names), names.attributes, look)


def one(text: str, names: Vocabulary = ROOMS) -> Count:
    (made,) = counts(text, names)
    return made


@pytest.mark.parametrize(("name", "least"), [("guided_counting", 0.97)])
def test_sentences_that_ask_for_a_number_become_the_call_that_counts(
    name: str, least: float, tmp_path: Path
) -> None:
    share, wrong = t.score(name, tmp_path)
    assert len(t.requests(name)) >= 150
    assert share >= least, "\n".join(wrong)


def test_dialogues_go_on_with_the_count_before(tmp_path: Path) -> None:
    share, wrong = t.score_dialogues("guided_dialogues_counting", tmp_path)
    assert share >= 0.93, "\n".join(wrong)


@pytest.mark.parametrize(
    ("text", "among", "having"),
    [
        ("how many bathrooms with a cat are wrong?", ("true=bathroom", "cat=yes"), ("wrong",)),
        ("how many bathrooms that don't have a cat are right", ("true=bathroom", "cat=no"), ("correct",)),
        ("how many pictures have neither a cat nor a television", (), ("cat=no", "television=no")),
        ("how many kitchens are not called kitchen", ("true=kitchen",), ("predicted!=kitchen",)),
        ("how many kitchens which have stools are wrong", ("true=kitchen", "stools=yes"), ("wrong",)),
        ("how many kitchens are wrong at night?", ("true=kitchen", "brightness<=0.5"), ("wrong",)),
        ("accuracy without bathrooms and kitchens", ("true!=bathroom", "true!=kitchen"), ("correct",)),
        ("what share of the errors have a television?", ("wrong",), ("television=yes",)),
        ("how many are wrong when it is less than 50 % sure?", ("confidence<0.5",), ("wrong",)),
        ("how many kitchens or bathrooms are wrong?", ("true=kitchen|bathroom",), ("wrong",)),
        ("what is the precision of living room?", ("predicted=living_room",), ("correct",)),
    ],
)  # fmt: skip
def test_every_name_of_a_sentence_is_in_its_count(
    text: str, among: tuple[str, ...], having: tuple[str, ...]
) -> None:
    made = one(text)
    assert (set(made.among), set(made.having), made.unread) == (set(among), set(having), ())


@pytest.mark.parametrize(
    ("text", "among", "by"),
    [
        ("houses with 1 bathroom, how many bathroom photos are wrong there", {"bathrooms=1", "true=Bathroom"}, ""),
        ("how many kitchens with four or more bedrooms are wrong", {"bedrooms>=4", "true=Kitchen"}, ""),
        ("how many kitchens with fewer than 3 bedrooms are wrong", {"bedrooms<3", "true=Kitchen"}, ""),
        ("does the number of bedrooms make a difference for bedroom pictures?", {"true=Bedroom"}, "bedrooms"),
    ],
)  # fmt: skip
def test_a_number_before_a_class_means_the_column_of_that_name(text: str, among: set[str], by: str) -> None:
    made = one(text, HOUSES)
    assert (set(made.among), made.by, made.unread) == (among, by, ())


def test_words_that_are_not_understood_are_told_and_not_dropped() -> None:
    assert one("how many kitchens with purple stools are wrong?").unread == ("purple",)


def test_two_splits_are_two_counts_and_each_value_is_told() -> None:
    assert [c.splits for c in counts("how many bedrooms are wrong in evaluation and how many in deployment")] == [("data",), ("deploy",)]  # fmt: skip
    made = one("what is the accuracy for annotator A, B and C?")
    assert (made.among, made.by) == (("annotator=A|B|C",), "annotator")


def test_any_of_several_things_is_not_read_as_all_of_them() -> None:
    assert set(one("how many errors have a television or a cat?").either) == {"television=yes", "cat=yes"}
    assert one("how many errors have a television and a cat?").either == ()


@pytest.mark.parametrize("text", ["", "?", "how many", "how many how many how many", "%", "not not not kitchen", "with and without", "of of of those", "vs", "how many 9999999999 kitchens are wrong", "how many \x00 are wrong", "how many kitchens are wrong " * 40])  # fmt: skip
def test_odd_sentences_are_read_without_an_error(text: str) -> None:
    assert all(isinstance(c, Count) for c in counts(text))


@pytest.mark.parametrize("text", ["does it fail more on dark kitchens?", "is it worse at night?", "are kitchens with stools wrong more often?", "do cats matter?", "show me the wrong kitchens", "why are so many kitchens wrong?"])  # fmt: skip
def test_suspicions_and_wishes_are_not_taken_for_counts(text: str, tmp_path: Path) -> None:
    case = t.rooms(tmp_path / "rooms")
    made = counting.answered(case, text, names_of(case, text), [])
    case.close()
    assert made is None


def test_denied_conditions() -> None:
    assert [denied(c) for c in ("wrong", "cat=yes", "true=kitchen", "price<=300", "confidence>0.9")] == ["correct", "cat=no", "true!=kitchen", "price>300", "confidence<=0.9"]  # fmt: skip


def test_slips_in_small_words_are_put_right() -> None:
    assert spelt("whcih clas is teh best") == "which class is the best"


# --- going on --------------------------------------------------------------------------------------------------------


def follow(text: str, *before: Count) -> list[Count] | None:
    mentions = named(text, ROOMS)
    plain = text
    return counting_follow.follow(text, plain, read(mentions, ROOMS.attributes, look), before, strict=True)


BASE = Count(("true=kitchen",), ("wrong",), ("deploy",))


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("out of how many?", Count(("true=kitchen",), (), ("deploy",))),
        ("and bathrooms?", Count(("true=bathroom",), ("wrong",), ("deploy",))),
        ("and in training?", Count(("true=kitchen",), ("wrong",), ("train",))),
        ("in percent?", BASE),
        ("by class?", Count((), ("wrong",), ("deploy",), "true")),
        ("and the others?", Count((), ("wrong",), ("deploy",), "true")),
        ("only with stools", Count(("true=kitchen", "stools=yes"), ("wrong",), ("deploy",))),
    ],
)
def test_a_short_sentence_changes_the_count_before(text: str, wanted: Count) -> None:
    assert follow(text, BASE) == [wanted]


def test_those_are_the_images_that_were_counted() -> None:
    (made,) = follow("how many of those have stools?", BASE) or ()
    assert (made.among, made.having, made.splits) == (("true=kitchen", "wrong"), ("stools=yes",), ("deploy",))


def test_a_comparison_counts_both() -> None:
    made = follow("compare that to bedrooms", BASE) or []
    assert [c.among for c in made] == [("true=kitchen",), ("true=bedroom",)]


@pytest.mark.parametrize("text", ["is it the stools that do it?", "do cats matter?", "why are kitchens so bad?", "show me kitchens"])  # fmt: skip
def test_other_questions_do_not_go_on_with_a_count(text: str) -> None:
    assert follow(text, BASE) is None


def test_what_was_said_after_a_count_ends_it() -> None:
    turn = Turn("how many kitchens are wrong?", (Act("count_images", {"among": ["true=kitchen"], "having": ["wrong"]}, "E1"),), "x")  # fmt: skip
    assert counting_follow.context([turn])[0] == [Count(("true=kitchen",), ("wrong",))]
    assert counting_follow.context([turn, Turn("the lamp is a red herring", (), "Which class?")]) == (
        [],
        False,
    )


# --- the first line ---------------------------------------------------------------------------------------------------


def counted(number: int, name: str, k: int, n: int) -> Evidence:
    facts = (Fact("images", n, "count"), Fact("counted", k, "count", "", None, n), Fact("share", k / n, "share", "", (0.1, 0.9), n))  # fmt: skip
    return Evidence("count_images", "Images counted", f"{k} of {n} images {name}: 1.0 %. These {n} images make up all.", id=f"E{number}", facts=facts)  # fmt: skip


def first_lines(made: list[Evidence], said: dict[str, Any] | None) -> str:
    case: Any = SimpleNamespace(state=lambda: SimpleNamespace(evidence=made), classes=ROOMS.classes)
    return counting_said.answer(case, [e.id for e in made], said)


def test_the_cost_is_that_of_the_dear_errors_and_of_all_others() -> None:
    made = [counted(1, "are wrong", 581, 2250), counted(2, "are called kitchen", 72, 2250)]
    said = {"kind": "cost", "true": "bathroom", "predicted": "kitchen", "cost": 10.0, "rest": 1.0, "unsaid": False}  # fmt: skip
    assert first_lines(made, said).startswith("The cost is 546.2 for each 1,000 evaluation images")


def test_any_of_several_is_all_less_those_with_none() -> None:
    said = {"kind": "any", "names": ["television", "cat", "stools"], "what": ""}
    assert first_lines([counted(1, "have none", 212, 581)], said).startswith("369 of 581 (63.5 %) have at least one of television, cat and stools; 212 have none")  # fmt: skip


def test_several_counts_are_told_line_by_line_and_one_speaks_for_itself() -> None:
    two = [counted(1, "are wrong", 83, 450), counted(2, "are wrong", 16, 119)]
    assert first_lines(two, None).splitlines() == ["83 of 450 images are wrong: 1.0 %. [E1]", "16 of 119 images are wrong: 1.0 %. [E2]"]  # fmt: skip
    assert first_lines(two[:1], None) == ""


def test_the_worst_class_is_the_one_of_the_lowest_recall_and_an_overlap_is_told() -> None:
    facts = tuple(Fact("recall", v, "share", f"class {c}", ci, 450) for c, v, ci in [("bathroom", 0.655, (0.61, 0.697)), ("bedroom", 0.816, (0.777, 0.849)), ("living_room", 0.671, (0.626, 0.713))])  # fmt: skip
    made = [Evidence("evaluate", "x", "y", id="E1", facts=facts)]
    worst = first_lines(made, {"kind": "rank", "best": False, "n": 1})
    assert worst.startswith("Worst on the evaluation images, by recall: bathroom 65.5 %")
    assert "living room 67.1 %" in worst and "overlap" in worst
    best = first_lines(made, {"kind": "rank", "best": True, "n": 1})
    assert "bedroom 81.6 %" in best and "overlap" not in best


def test_wrong_answers_a_day() -> None:
    said = {"kind": "day", "n": 100.0}
    assert first_lines([counted(1, "are wrong", 279, 600)], said).startswith("46.5 of 100 answers would be wrong")  # fmt: skip


def test_a_count_in_a_conversation_ends_with_its_number_in_the_first_line(tmp_path: Path) -> None:
    case = t.rooms(tmp_path / "rooms")
    planner = t.Listener(case)
    with mock.patch("failsight.agent.session.make_planner", return_value=planner):
        session = Session(case, policy="auto")
    said = [e for e in session.say("how many kitchens with stools are wrong?") if type(e).__name__ == "PlannerSaid"]  # fmt: skip
    case.close()
    assert planner.turn().tool == "count_images"
    assert "kitchen images with stools=yes are wrong" in said[-1].text.splitlines()[0]  # type: ignore[attr-defined]
