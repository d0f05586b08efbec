"""Counting in a conversation: which call a sentence becomes, how it goes on, and what the first line of the answer says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
import pytest

from failsight.agent.planners.counting import asked as counting
from failsight.agent.planners.counting import base as counting_base
from failsight.agent.planners.counting import beside
from failsight.agent.planners.counting import follow as counting_follow
from failsight.agent.planners.counting import said as counting_said
from failsight.agent.planners.counting.base import names_of
from failsight.agent.planners.counting.read import Count, denied, read
from failsight.agent.planners.counting.words import number_of, spelt
from failsight.agent.planners.dialogue import Act, Turn
from failsight.agent.session import Session
from failsight.knowledge_base.counts import named
from failsight.knowledge_base.vocabulary import Vocabulary
from failsight.tools.evidence import Evidence, Fact
from failsight.tools.stats.intervals import wilson
from tests.agent import guided_talk as t
from tests.fakes.case import FakeCase
from tests.fakes.view import FakeModel, FakeTable

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


@pytest.mark.parametrize(
    ("text", "value"),
    [("1,000", 1000.0), ("10,000,000", 1e7), ("1,000.5", 1000.5), ("2,5", 2.5), ("2.5", 2.5), ("700000.", 700000.0), ("0", 0.0)],
)  # fmt: skip
def test_figures_are_read_with_their_thousands_and_their_decimals(text: str, value: float) -> None:
    assert number_of(text) == value


@pytest.mark.parametrize("text", ["", ".", "1.2.3", "1,00,0", "a", "1e9", "-1"])
def test_what_is_no_figure_is_none(text: str) -> None:
    assert number_of(text) is None


@pytest.fixture
def houses(tmp_path: Path) -> Iterator[FakeCase]:
    """Thirty pictures of houses that cost 0 to 29 thousand."""
    names = ("kitchen", "bathroom")
    table = FakeTable(np.zeros((30, 2, 2, 3), np.uint8), np.arange(30) % 2, names, {"price_usd": [1000 * i for i in range(30)]}, [{}] * 30)  # fmt: skip
    case = FakeCase(tmp_path / "houses", {"data": table}, FakeModel(lambda x: np.zeros((len(x), 2)), names, (2, 2)))  # fmt: skip
    yield case
    case.close()


def called(case: FakeCase, text: str) -> Any:
    made = counting.answered(case, text, names_of(case, text), ())
    return made and made.tool_calls[0]["args"]


@pytest.mark.parametrize(
    ("bound", "condition"),
    [("1,000 dollars", "price_usd>1000"), ("2,5 usd", "price_usd>2.5"), ("1,000,000 euros", "price_usd>1000000"), ("7k dollars", "price_usd>7000")],
)  # fmt: skip
def test_a_bound_with_its_unit_is_a_condition(bound: str, condition: str, houses: FakeCase) -> None:
    made = called(houses, f"how many kitchens above {bound} are wrong?")
    assert made == {"among": ["true=kitchen", condition], "having": ["wrong"]}


@pytest.mark.parametrize("bound", ["1.2.3 dollars", "1,,5 usd", "9.9.9.9 euros"])
def test_a_bound_that_is_no_figure_is_no_condition(bound: str, houses: FakeCase) -> None:
    assert called(houses, f"how many kitchens above {bound} are wrong?") is None


def test_a_column_of_numbers_is_read_once_and_again_after_an_edit(houses: FakeCase) -> None:
    text = "how many kitchens of expensive houses are wrong?"
    with mock.patch.object(counting_base, "_middle", wraps=counting_base._middle) as read_:
        assert "price_usd>14500" in called(houses, text)["among"]
        houses.record("message", role="person", text=text)
        called(houses, text)
        assert read_.call_count == 1
        houses.call("edit_attributes", {"action": "drop", "attribute": "price_usd"})
        assert called(houses, text)["among"] == ["true=kitchen"]
    assert called(houses, "how many kitchens above 7 dollars are wrong?") is None


def test_a_cost_in_thousands_is_no_fraction(tmp_path: Path) -> None:
    case = t.rooms(tmp_path / "rooms")
    text = "what if a bathroom called kitchen costs 1,000 and everything else 2,5?"
    made = counting.answered(case, text, names_of(case, text), [])
    case.close()
    assert made is not None
    said = made.additional_kwargs["counted"]
    assert (said["cost"], said["rest"]) == (1000.0, 2.5)


@pytest.mark.parametrize(
    ("text", "n"),
    [("how many are wrong with 1,000 pictures a day?", 1000), ("with 10,000 pictures a day how many are wrong?", 10_000), ("how many are wrong of 250 pictures a day?", 250)],
)  # fmt: skip
def test_pictures_a_day_are_read_as_a_whole_number(text: str, n: int, houses: FakeCase) -> None:
    made = counting.answered(houses, text, names_of(houses, text), ())
    assert made is not None
    assert made.additional_kwargs["counted"] == {"kind": "day", "n": n}


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
    assert first_lines([counted(1, "have none", 212, 581)], said).startswith("369 of 581 (63.5 % [10.0, 90.0] %) have at least one of television, cat and stools; 212 have none")  # fmt: skip
    asked = replace(counted(1, "have none", 212, 581), facts=(Fact("images", 581, "count"), Fact("counted", 212, "count"), Fact("share", 212 / 581, "share", "", (0.3, 0.5), 581)))  # fmt: skip
    assert "(63.5 % [50.0, 70.0] %)" in first_lines([asked], said)  # one less the ends of those with none


def test_of_those_with_any_the_share_has_its_interval_but_where_images_count_by_group() -> None:
    said = {"kind": "any", "names": ["television", "cat"], "what": "wrong"}
    made = [counted(1, "are wrong", 50, 200), counted(2, "are wrong", 20, 100)]
    low, high = wilson(30, 100)
    assert f"(30.0 % [{100 * low:.1f}, {100 * high:.1f}] %)" in first_lines(made, said)
    grouped = [replace(one, arguments={"group_by": "house"}) for one in made]
    assert "(30.0 %)" in first_lines(grouped, said)


@pytest.mark.parametrize(
    ("lost", "begins"),
    [
        (0, "10 of the 20 images with at least one of television and cat (50.0 %"),
        (
            6,
            "13 of the 26 images with at least one of television and cat, or of which that is not known (50.0 %",
        ),
    ],
)
def test_images_of_which_it_is_not_known_are_not_said_to_have_any(
    lost: int, begins: str, tmp_path: Path
) -> None:
    """Twenty images have one of the two, every second image is wrong; of the last ``lost`` nobody said whether they show a television."""
    names = ("kitchen", "bathroom")
    columns = {"television": ["yes"] * 15 + ["no"] * (45 - lost) + [None] * lost, "cat": ["no"] * 10 + ["yes"] * 10 + ["no"] * 40}  # fmt: skip
    table = FakeTable(np.zeros((60, 2, 2, 3), np.uint8), np.arange(60) % 2, names, columns, [{}] * 60)
    case = FakeCase(tmp_path, {"data": table}, FakeModel(lambda x: np.tile([1.0, 0.0], (len(x), 1)), names, (2, 2)))  # fmt: skip
    text = "how many images with a television or a cat are wrong?"
    asked = counting.answered(case, text, names_of(case, text), ())
    assert asked is not None
    calls = [(c["name"], c["args"]) for c in asked.tool_calls] + asked.additional_kwargs["then"]
    made = [case.call(*one)[0].id for one in calls]
    told = counting_said.answer(case, made, asked.additional_kwargs["counted"])
    case.close()
    assert told.startswith(begins)


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


def by_line(right: list[int], n: int) -> list[Evidence]:
    facts = tuple(
        Fact("share", k / n, "share", f"slice line={i}", wilson(k, n), n) for i, k in enumerate(right)
    )
    return [Evidence("count_images", "x", "y", id="E1", facts=facts)]


def test_that_a_group_is_below_is_said_beside_as_many_groups_as_there_are() -> None:
    """Right in 71 of 100: surely below 80 % alone, and not as the lowest of twelve."""
    said = {"kind": "every", "by": "line", "bound": 0.8}
    assert wilson(71, 100)[1] < 0.8
    assert first_lines(by_line([71], 100), said).startswith("No: ")
    many = first_lines(by_line([71, *([80] * 11)], 100), said)
    assert many.startswith("That is not certain: ") and "The lowest is line=0 71.0 %" in many
    low = first_lines(by_line([*([80] * 11), 55], 100), said)
    assert low.startswith("No: ") and "is line=11 55.0 %" in low


def test_two_counts_share_no_image_where_no_class_is_in_both() -> None:
    def one(*among: str) -> beside.Side:
        return beside.Side("a", 90, 100, (0.82, 0.95), frozenset(among), "data", False)

    sure = one("true=film")._replace(k=75, ci=(0.657, 0.825))
    assert beside.apart(one("true=paper|glass"), sure)  # by the interval of their difference
    assert not beside.apart(one("true=film|paper"), sure)  # the films are in both


def test_whether_one_is_worse_is_answered_of_two_counts_alone() -> None:
    made = [counted(i, "are right", k, 100) for i, k in ((1, 20), (2, 30), (3, 80), (4, 90))]
    told = beside.first_line(made, "worse", asked=True)
    assert told.startswith("It is not certain")


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


# --- prices --------------------------------------------------------------------------------------------------------------


def priced(case: FakeCase, text: str, *before: str) -> Any:
    made = counting.answered(case, text, names_of(case, text), [Turn(b, (), "x") for b in before])
    return made and made.additional_kwargs.get("counted")


@pytest.mark.parametrize(
    ("text", "costs"),
    [
        ("a bathroom taken for a kitchen costs 200 euros", [200.0]),
        ("a bathroom taken for a kitchen costs me a lamb, say 200 euros, so what does that add up to?", [200.0]),
        ("a kitchen that is taken for a bathroom costs me nothing, but a bathroom taken for a kitchen costs us 1,200 euros", [0.0, 1200.0]),
    ],
)  # fmt: skip
def test_only_the_errors_that_are_priced_have_a_price(
    text: str, costs: list[float], houses: FakeCase
) -> None:
    said = priced(houses, text)
    assert [p["cost"] for p in said["prices"]] == costs and said["rest"] is None and said["unit"] == "euros"


def test_a_price_is_changed_by_its_number_alone(houses: FakeCase) -> None:
    first = "a bathroom taken for a kitchen costs 200 euros"
    for text in ("make it 350", "and 350 euros then, lambs got dear", "make it 350 euros"):
        said = priced(houses, text, first)
        assert [p["cost"] for p in said["prices"]] == [350.0] and said["unit"] == "euros"
    assert [p["cost"] for p in priced(houses, "make it 400", first, "make it 350")["prices"]] == [400.0]
    assert priced(houses, "make it 350") is None  # nothing has a price yet
    two = "a bathroom taken for a kitchen costs 200 and a kitchen taken for a bathroom 100"
    assert priced(houses, "make it 350", two) is None  # either may be meant


def test_what_priced_errors_come_to_is_told_over_the_images_and_for_each_thousand() -> None:
    made = [counted(1, "are wrong", 786, 1500), counted(2, "are called cat", 123, 1500)]
    said = {"kind": "costs", "prices": [{"true": "dog", "predicted": "cat", "cost": 200.0}], "rest": None, "unsaid": True, "unit": "euros"}  # fmt: skip
    told = first_lines(made, said)
    assert "24,600 euros over 1,500 evaluation images, 16,400 euros for each 1,000" in told
    assert "The 663 other errors have no price" in told
    without = {"kind": "cost", "true": "dog", "predicted": "cat", "cost": 200.0, "rest": None, "unsaid": True}
    assert "24,600 over 1,500" in first_lines(made, without)
