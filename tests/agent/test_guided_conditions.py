"""Conditions in a sentence: values that are numerals, limits on columns of numbers, what is left out, demands and costs.

Held to ``data/guided_conditions.txt``: what a sentence states is in the call, all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
from langchain_core.messages import AIMessage, HumanMessage

from failsight.agent.events import Notice, PlannerSaid
from failsight.agent.planners import carried, demanded, words
from failsight.agent.planners.counting import prices as counting_prices
from failsight.agent.planners.wishes import parse_wishes
from failsight.agent.session import Session
from failsight.knowledge_base.turned_away import left_over
from failsight.tools.experiments.population import parse_filters
from tests.agent import guided_talk as t
from tests.fakes.case import FakeCase
from tests.fakes.view import FakeModel, FakeTable

EACH = 120  # images of a case
OPERATORS = ("Anders", "Boric", "Chen", "Dogan", "Ehlers", "Fofana")


def _every(*values: Any, step: int = 1) -> list[Any]:
    return [values[i // step % len(values)] for i in range(EACH)]


CASES: dict[str, tuple[tuple[str, ...], dict[str, list[Any]]]] = {
    "recycling": (
        ("bottle", "can", "film", "organic", "paper"),
        {
            "line": _every(1, 2, 3), "shift": _every("early", "late", "night", step=3), "operator": _every(*OPERATORS, step=2),
            "lamp_hours": [10 * i + 7 for i in range(EACH)], "speed": [2 + i / 121 for i in range(EACH)], "dirty": _every("yes", "no", step=5),
        },
    ),
    "hospital": (
        ("benign", "malignant"),
        {
            "site": _every("Nord", "Ost", "Süd"), "scanner": _every(1, 2, 3, 12, step=2), "ward": _every("A", "B", "C", step=3),
            "age": [20 + i // 2 for i in range(EACH)], "sex": _every("F", "M"), "dose_mg": [i / 7 for i in range(EACH)],
        },
    ),
    "farm": (
        ("healthy", "mildew", "rust"),
        {
            "field": _every(*range(1, 9)), "camera": _every("1", "2", step=3), "height_cm": [10.5 + i for i in range(EACH)],
            "week": [20 + i // 12 for i in range(EACH)], "irrigated": _every("yes", "no", step=4), "day": _every("2024-05-03", "2024-05-04", step=7),
        },
    ),
    "meadow": (
        ("bird", "dog", "horse"),
        {
            "pasture": _every(1, 2, 3, 4), "weather": _every("fog", "rain", "sun", step=2), "lens": _every("old", "new", step=3),
            "hour": [i % 24 for i in range(EACH)],
        },
    ),
    "road": (
        ("house", "plane", "sheep"),
        {"surface": _every("ice", "dust", "snow"), "lane": _every("left", "right", step=2), "month": [1 + i % 12 for i in range(EACH)], "speed_kmh": [30 + i for i in range(EACH)]},
    ),
    "shop": (
        ("bag", "shirt", "shoe"),
        {"store": _every(12, 15, 40), "season": _every("spring", "winter", step=2), "price_eur": [3.5 * i for i in range(EACH)]},
    ),
}  # fmt: skip


def case_of(folder: Path, name: str) -> FakeCase:
    classes, columns = CASES[name]
    labels = [i % len(classes) for i in range(EACH)]
    table = FakeTable(np.full((EACH, 8, 8, 3), 90, np.uint8), labels, classes, columns)

    def rule(x: np.ndarray) -> np.ndarray:
        return np.tile(np.linspace(0, 1, len(classes)), (len(x), 1))

    return FakeCase(folder, {"data": table}, FakeModel(rule, classes, (8, 8)))


@dataclass(frozen=True)
class Turn:
    """What is said, the answers that are right, and the expectations that it sets."""

    line: t.Line
    expected: frozenset[str]


def conversations() -> Iterator[tuple[str, list[Turn]]]:
    name, talk = "", list[Turn]()
    for text in [*(t.DATA / "guided_conditions.txt").read_text(encoding="utf-8").splitlines(), ""]:
        if text.startswith("#"):
            continue
        if text.startswith("@"):
            name = text[1:].strip()
        elif text.strip():
            wanted, said = text.split(" | ", 1)
            expected = frozenset(re.findall(r"(?<= )\+(\S+)", f" {wanted}"))
            bare = re.sub(r" \+\S+", "", f" {wanted}").strip()
            line = t._line(f"{bare.replace('!set', '!any')} | {said}")
            assert line is not None
            talk.append(Turn(line, expected))
        elif talk:
            yield name, talk
            talk = []


def converse(case: FakeCase, talk: Sequence[Turn]) -> list[tuple[t.Heard, frozenset[str]]]:
    """What was done, and which expectations were set, in each turn."""
    made = []
    with t.quick_tools():
        planner = t.Listener(case)
        with mock.patch("failsight.agent.session.make_planner", return_value=planner):
            session = Session(case, policy="auto")
        for turn in talk:
            before, seen = len(case.journal), len(planner._turns)
            list(session.say(turn.line.text))
            new = [e.data for e in case.journal.events[before:] if e.kind == "expectation.set"]
            names = frozenset(f"{d['name']}{'>=' if d['at_least'] else '<='}{d['bound']:g}" for d in new)
            made.append((planner.turn() if len(planner._turns) > seen else t.Heard(words="set"), names))
    return made


def score(folder: Path) -> tuple[int, int, list[str]]:
    """Turns that were answered right, all turns, and those that were not."""
    wrong, n = [], 0
    for number, (name, talk) in enumerate(conversations()):
        case = case_of(folder / f"talk{number}", name)
        for turn, (heard, names) in zip(talk, converse(case, talk), strict=True):
            n += 1
            loose = any(w.word == "any" for w in turn.line.wanted)
            right = (loose and not heard.tool) or (not loose and fits(heard, turn.line))
            if not right or names != turn.expected:
                wrong.append(f"[{name}] {turn.line.text}\n      → {heard} {sorted(names)}")
        case.close()
    return n - len(wrong), n, wrong


def fits(heard: t.Heard, line: t.Line) -> bool:
    """As ``guided_talk`` has it; ``*`` leaves the arguments open."""
    return any(
        w.tool == heard.tool and any(k == "*" for k, _ in w.needed) for w in line.wanted if w.tool
    ) or t.is_right(heard, line)


def test_what_a_sentence_states_is_in_the_call(tmp_path: Path) -> None:
    right, n, wrong = score(tmp_path)
    assert n >= 60
    assert right / n >= 0.95, "\n".join(wrong)


def talk(case: FakeCase, said: Sequence[str]) -> list[str]:
    """What is answered to each sentence, by the tools as they are."""
    session = Session(case, policy="auto")
    turns = [[e for e in session.say(text) if isinstance(e, PlannerSaid | Notice)] for text in said]
    return ["\n".join(e.text for e in events) for events in turns]


def test_a_condition_that_no_call_carries_is_named(tmp_path: Path) -> None:
    case = case_of(tmp_path / "case", "recycling")
    asked = HumanMessage("how are the scores spread on line 3 at night?")
    call = AIMessage(
        "", tool_calls=[{"name": "confidence_profile", "args": {}, "id": "1", "type": "tool_call"}]
    )
    names = words.names(case, str(asked.text))
    assert carried.left_out(case, names, [call]) == (["line 3", "shift night"], "confidence_profile")
    half = AIMessage(
        "",
        tool_calls=[{"name": "count_images", "args": {"among": ["line=3"]}, "id": "1", "type": "tool_call"}],
    )
    assert carried.left_out(case, names, [half]) == (["shift night"], "count_images")
    case.close()


@pytest.mark.parametrize(
    ("text", "tool", "given"),
    [
        ("how many are wrong on line 3", "count_images", {"among": ["line=3"]}),
        ("how many are wrong on lines 1 and 2", "count_images", {"among": ["line=1|2"]}),
        ("accuracy except line 3 at night", "count_images", {"among": ["not(line=3&shift=night)"]}),
        ("accuracy by line, and of line 3", "disaggregate", {"attributes": ["line"]}),
        ("is it worse over 800 lamp hours", "compare_group", {"where": ["lamp_hours>800"]}),
        ("rename line 3", "edit_attributes", {"action": "rename_value"}),
    ],
)
def test_what_a_call_carries_is_not_named(
    text: str, tool: str, given: dict[str, Any], tmp_path: Path
) -> None:
    case = case_of(tmp_path / "case", "recycling")
    call = AIMessage("", tool_calls=[{"name": tool, "args": given, "id": "1", "type": "tool_call"}])
    assert carried.left_out(case, words.names(case, text), [call])[0] == []
    case.close()


def test_a_limit_is_not_carried_by_the_ranges_of_its_column(tmp_path: Path) -> None:
    case = case_of(tmp_path / "case", "recycling")
    call = AIMessage(
        "",
        tool_calls=[
            {"name": "disaggregate", "args": {"attributes": ["lamp_hours"]}, "id": "1", "type": "tool_call"}
        ],
    )
    assert carried.left_out(case, words.names(case, "accuracy with lamp hours over 800"), [call])[0] == [
        "lamp hours > 800"
    ]
    case.close()


def test_demands_in_a_question_are_judged_alone_and_stay(tmp_path: Path) -> None:
    case = case_of(tmp_path / "case", "recycling")  # the model always answers paper: right in a fifth
    first, undone = talk(case, ["I demand 10 percent accuracy and 70 percent recall for film, is it ready on lines 1 and 2?", "undo that"])  # fmt: skip
    assert "Noted: accuracy[line=1|2] ≥ 10 %" in first and "No: what you demand does not hold" in first
    assert "recall.film[line=1|2] at least 70.0 %: does not hold, 0.0 %" in first
    assert "of 80 images." in first.partition("accuracy[line=1|2] at least 10.0 %: ")[2].partition("\n")[0]
    assert "what it demands was noted: accuracy[line=1|2] ≥ 10 %" in undone
    case.close()


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("I need 80 percent accuracy", ["accuracy≥0.8"]), ("we require a recall of film of 60 %", ["recall.film≥0.6"]),
        ("I demand an error rate of 5 %", ["error_rate≤0.05"]), ("I expect 80 percent right", ["accuracy≥0.8"]),
        ("I don't need 80 percent accuracy", []), ("the accuracy was 80 percent", []), ("accuracy of 80 percent", []),
        ("I expect about 80 percent accuracy", []), ("do we need 80 percent accuracy?", []),
    ],
)  # fmt: skip
def test_a_bound_without_a_sign_is_a_demand_where_it_is_wanted(text: str, made: list[str]) -> None:
    found, _ = parse_wishes(text, CASES["recycling"][0])
    assert [f"{c.name}{'≥' if c.at_least else '≤'}{c.bound:g}" for c in found] == made


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("is it ready with accuracy>=0.8?", ["accuracy"]), ("is it ready on line 3 if I demand 80 percent accuracy?", ["accuracy[line=3]"]),
        ("may we ship it for Ehlers when recall of film must be at least 70 %?", ["recall.film[operator=Ehlers]"]),
        ("is it ready if error is at most 5 %?", ["error_rate"]), ("can it go live with at most 5 % errors? is that good enough?", ["error_rate"]),
        ("is it ready?", []), ("why is it not ready with accuracy of 80 %", []), ("what is the accuracy with 80 % confidence?", []),
        ("is accuracy at least 80 % on line 3?", []), ("is it ready on line 3 & 70 images?", []),
    ],
)  # fmt: skip
def test_what_a_question_demands(text: str, names: list[str], tmp_path: Path) -> None:
    case = case_of(tmp_path / "case", "recycling")
    assert [c.name for c in demanded.asked(text, case.classes, words.vocabulary(case))] == names
    case.close()


@pytest.mark.parametrize(
    ("text", "prices", "rest"),
    [
        ("a film item in the paper costs 40 euros, a can that we miss costs 0.15 euros and any other error 2 euros", [("film", "paper", 40), ("can", "", 0.15)], 2),
        ("film in paper costs 12 euros, any other miss 5; what does that cost per thousand items?", [("film", "paper", 12)], 5),
        ("taking a can for a bottle costs $3 and film called paper costs $7, everything else costs $1", [("can", "bottle", 3), ("film", "paper", 7)], 1),
        ("missing a can costs 4 euros", [("can", "", 4)], None),  # the others have no price
    ],
)  # fmt: skip
def test_prices_of_errors_are_read(
    text: str, prices: list[tuple[str, str, float]], rest: float | None, tmp_path: Path
) -> None:
    case = case_of(tmp_path / "case", "recycling")
    made = counting_prices._prices(text, words.names(case, text))
    case.close()
    assert made is not None and made["rest"] == rest
    assert [(p["true"], p["predicted"], p["cost"]) for p in made["prices"]] == prices


def test_the_cost_is_worked_out_of_the_counts(tmp_path: Path) -> None:
    case = case_of(tmp_path / "case", "recycling")  # 24 of each class, all called paper: 96 wrong
    said = talk(case, ["film in paper costs 40 euros, a missed can costs 2 euros and any other miss 1 euro, what does it cost per thousand items?", "what does it cost then per thousand items?"])  # fmt: skip
    per = (24 * 40 + 24 * 2 + 48 * 1) * 1000 / 120
    assert (
        f"The cost is {per:,.1f} euros for each 1,000" in said[0]
        and "24 film called paper at 40 each" in said[0]
    )
    assert f"The cost is {per:,.1f} euros" in said[1]
    case.close()


def test_a_cost_is_that_of_the_images_that_are_named_and_of_nothing_that_is_only_supposed(
    tmp_path: Path,
) -> None:
    case = case_of(tmp_path / "case", "recycling")
    said = talk(case, ["set the cost of film taken for paper to 40 euros", "what does it cost then per thousand items on line 3?", "what would it cost per thousand if the lamps were changed at 800 hours?"])  # fmt: skip
    assert "Of 40: 8 film called paper at 40 each and 24 other errors at 1 each" in said[1]
    assert said[2].startswith("What it would cost if something were changed was not measured.")
    case.close()


def test_a_cost_without_prices_is_asked_for(tmp_path: Path) -> None:
    case = case_of(tmp_path / "case", "recycling")
    (said,) = talk(case, ["what does it cost me per thousand items?"])
    assert said.startswith("What a wrong answer costs was not said.")
    case.close()


def test_a_column_as_a_whole_is_answered_by_its_values(tmp_path: Path) -> None:
    case = case_of(tmp_path / "case", "meadow")  # always horse: right in 10 of 30 on every pasture
    said = talk(case, ["is one pasture worse?", "what about that one when it is foggy?", "is it at least 80 % right on every pasture?", "is it at least 10 % right on every pasture?", "do we get at least 30 % right on every pasture?"])  # fmt: skip
    worst = re.search(r"by the share that is wrong: (pasture=\d) 66\.7 % \[[\d., ]+\] % of 30", said[0])
    assert worst is not None and "the order of the two is not certain" in said[0]
    assert f"with {worst[1]} and weather=fog are wrong" in said[1]
    assert said[2].startswith("No: ") and "None is certain to reach it." in said[2]
    assert said[3].startswith("Yes: ") and "33.3 %" in said[3]
    assert said[4].startswith("That is not certain: ")
    case.close()


def test_names_are_read_again_only_where_they_changed(tmp_path: Path) -> None:
    case = case_of(tmp_path / "case", "meadow")
    before = words.vocabulary(case)
    case.record("message", role="person", text="hello")
    assert words.vocabulary(case) is before
    case.call("evaluate", {}, by="person")
    assert words.vocabulary(case) is not before and words.vocabulary(case).evidence == ("E1",)
    case.close()


def test_over_midnight_and_with_or_one_limit_is_enough(tmp_path: Path) -> None:
    case = case_of(tmp_path / "case", "meadow")  # hours 0 to 23, five times
    said = talk(case, ["how many are wrong between 22 and 5 o'clock?", "how many are wrong with hour>=22 or hour<=5?", "how many are wrong not between 22 and 5 o'clock?"])  # fmt: skip
    assert "of 40 evaluation images with hour>=22 or hour<=5 are wrong" in said[0]
    assert "of 40 evaluation images with hour>=22 or hour<=5 are wrong" in said[1]
    assert "of 80 evaluation images with hour<22 and hour>5 are wrong" in said[2]
    assert not any("I left out" in s for s in said)
    case.close()


@pytest.mark.parametrize(
    ("away", "left"),
    [
        (["hour>5"], "hour<=5"), (["a=1", "b=2"], "not(a=1&b=2)"), (["not(hour<22&hour>5)"], "hour<22&hour>5"),
        (["not(hour<22&hour>5)", "a=1"], "not(hour>=22&a=1)&not(hour<=5&a=1)"),
    ],
)  # fmt: skip
def test_what_is_left_over(away: list[str], left: str) -> None:
    assert left_over(away) == left
    assert "&".join(map(str, parse_filters([left]))) == left  # a condition that every tool takes
    assert [str(f) for f in parse_filters(["brand=H&M"])] == ["brand=H&M"]


if __name__ == "__main__":  # python -m tests.agent.test_guided_conditions
    import tempfile

    with tempfile.TemporaryDirectory() as scratch:
        good, count, missed = score(Path(scratch))
    print("\n".join(missed))
    print(f"{good} of {count}")
