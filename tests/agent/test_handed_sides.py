"""Who does which part, clause by clause, whether so many are right then, and what the line costs: numbers of a small world."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from failsight.agent.planners.handed import costs
from failsight.agent.planners.handed import words as h
from failsight.agent.planners.handed.kept import Division, kept
from failsight.agent.planners.rephrased import _sure
from tests.agent import known_talk
from tests.agent.handed_talk import handed, wrong
from tests.agent.known_talk import Columns, World, talk

NIGHT_C = Division((("oven=C", "shift=night"),))


def _bakery(split: str, n: int, rng: np.random.Generator) -> Columns:
    return {"oven": rng.choice(["A", "B", "C"], n), "shift": rng.choice(["early", "late", "night"], n)}


@pytest.fixture
def bakery(tmp_path: Path) -> Iterator[World]:
    known_talk._COLUMNS["bakery"] = _bakery
    known_talk._WORLDS["bakery"] = (
        ("croissant", "danish", "pretzel"),
        {"data": 900},
        lambda split, name, row: 0.6 if row["oven"] == "C" and row["shift"] == "night" else 0.15,
    )
    made = known_talk.world(tmp_path / "bakery", "bakery")
    yield made
    made.case.close()


@pytest.mark.parametrize(
    "text",
    [
        "A, B by itself, C at night by hand",
        "so decision: A and B by itself, C at night by hand. would that get me over 90?",
        "oven C at night by hand, the rest by camera",
        "C at night by hand",
        "the camera does A and B alone, people look at C at night",
        "by hand C at night, everything else the machine does alone",
    ],
)
def test_each_clause_is_read_by_its_own_side(text: str, bakery: World) -> None:
    answer = talk(bakery.case, [text], close=False)[0]
    away = handed(bakery, [{"oven": "C", "shift": "night"}])
    k, n = int((wrong(bakery) & ~away).sum()), int((~away).sum())
    assert {frozenset(g) for g in kept(bakery.case).groups} == {frozenset(NIGHT_C.groups[0])}
    assert f"{n:,} are left to the model: of these {k:,} are wrong" in answer.words
    if "over 90" in text:
        verdict = "Yes" if (n - k) / n >= 0.9 else "No"
        assert answer.words.startswith(verdict) and f"({n - k:,} of {n:,})" in answer.words


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("A, B and D by itself, C at night by hand", "There is no “D”"),
        ("oven D by hand", "There is no “D”"),
        ("A by itself, A by hand", "on both sides"),
        ("steamy C by hand, the rest by camera", "“steamy”"),
        ("A not by itself, C by hand", "for each part"),
    ],
)
def test_what_is_not_clear_is_asked_back_and_nothing_is_kept(text: str, told: str, bakery: World) -> None:
    answer = talk(bakery.case, [text], close=False)[0]
    assert told in answer.words and not kept(bakery.case) and not answer.tools


def test_the_other_way_round_swaps_the_sides(bakery: World) -> None:
    answers = talk(bakery.case, ["C at night by hand", "the other way round!"], close=False)
    away = ~handed(bakery, [{"oven": "C", "shift": "night"}])
    assert f"{int((~away).sum()):,} are left to the model" in answers[1].words
    assert "That is kept" in answers[1].words


def test_numbers_per_so_many_and_a_group_that_is_only_asked_about(bakery: World) -> None:
    answers = talk(bakery.case, ["C at night by hand", "per 1000 pictures", "except croissants how good is it"], close=False)  # fmt: skip
    away = handed(bakery, [{"oven": "C", "shift": "night"}])
    gone, k = round(1000 * away.mean()), round(1000 * (wrong(bakery) & ~away).mean())
    assert (
        f"Per 1,000: {gone} go to people, {1000 - gone} are done by the model, and {k} wrong ones"
        in answers[1].words
    )
    assert len(kept(bakery.case).groups) == 1


def test_the_limit_that_was_said_is_counted(bakery: World) -> None:
    answer = talk(bakery.case, ["when it says it's 95 sure, can I go home and let it run?"], close=False)[0]
    assert kept(bakery.case).bar == 0.95 and "95.0 % sure" in answer.words


@pytest.mark.parametrize(
    ("text", "goal"),
    [("would that get me over 90?", 0.9), ("does that make the 90?", 0.9), ("does the rest get to 85 %?", 0.85), ("over 90 % sure", None), ("get me over 90 rolls", None)],
)  # fmt: skip
def test_a_goal_is_no_sureness(text: str, goal: float | None) -> None:
    assert h.goal(text) == goal
    if goal is not None:
        assert _sure(f"A alone, {text}") == f"A alone, {text}"


@pytest.mark.parametrize(
    ("text", "prices"),
    [
        ("a wrong one costs me 40 cents and a look by hand 6, where do I put the line", {"wrong": (40.0, "cents"), "look": (6.0, "")}),
        ("a wrong roll costs me €2, a person looking costs 3 cents a roll. what's cheapest", {"wrong": (2.0, "euros"), "look": (3.0, "cents")}),
        ("how many per 1000 under 80 percent do people look at", {}),
    ],
)  # fmt: skip
def test_the_prices_of_a_sentence(text: str, prices: dict[str, tuple[float, str]]) -> None:
    assert costs.prices_of(text) == prices


def test_the_line_is_where_it_costs_least(bakery: World) -> None:
    said = ["a wrong one costs me 40 cents, where do I put the line?", "6"]
    answers = talk(bakery.case, said, close=False)
    assert "what does it cost when a person looks" in answers[0].words
    sure, bad = bakery.case.predictions("data").confidence, wrong(bakery)
    least = min(6 * int((sure < np.float32(b)).sum()) + 40 * int((bad & (sure >= np.float32(b))).sum()) for b in (0.0, *costs.STEPS, 2.0))  # fmt: skip
    assert answers[1].words.startswith("Cheapest on these images") and f"{least:,} cents" in answers[1].words
    assert f"{40 * int(bad.sum()):,} cents" in answers[1].words and "5,400 cents" in answers[1].words


def test_a_goal_of_another_division_is_not_answered_by_the_rule(bakery: World) -> None:
    said = [
        "C at night by hand",
        "does that make the 90?",
        "if i just switch it off on the worst shift, does the rest get to 90?",
    ]
    answers = talk(bakery.case, said, close=False)
    assert answers[1].words.startswith(("Yes", "No"))
    assert "oven C and shift night" not in answers[2].words
