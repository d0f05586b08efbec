"""What a strong language model says in a whole dialogue: headings, tables, lists and arithmetic, with the record as it was then.

The data are 36 answers over one case (drafts and what was said after an objection), cut into sentences, items and rows, each
labelled against the record: true, false, or no claim.
"""

from __future__ import annotations

import json
import random
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from failsight.agent.grounding import UNVERIFIED, Checked, Checker
from failsight.agent.grounding.claims import Claim
from failsight.agent.grounding.filling import fill
from failsight.agent.grounding.hints import hints
from failsight.agent.grounding.numbers import numbers
from failsight.agent.grounding.scope import Outline
from failsight.agent.grounding.statements import say
from failsight.agent.journal import Journal
from failsight.agent.journal_check import Event
from failsight.agent.state import fold
from tests.agent.test_grounding import CLASSES, DATA, VALUES

SPOKEN_VALUES = {**VALUES, "lighting": ("bright", "soft"), "tilt": ("level",), "clutter": ("tidy",)}
#: true sentences that may be objected to, and false ones that are marked, of (drafts, final answers); floors of what is reached
OBJECTED, MARKED = (12, 3), (18, 3)
SIZES = {("t", False): 195, ("t", True): 171, ("f", False): 21, ("f", True): 3}
Answer = tuple[dict[str, Any], Checker]


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    folder = tmp_path_factory.mktemp("case")
    shutil.copy(DATA / "spoken_journal.jsonl", folder / "journal.jsonl")
    return Journal(folder, write=False).events


@pytest.fixture(scope="module")
def answers(events: list[Event]) -> list[Answer]:
    rows = [json.loads(line) for line in (DATA / "grounding_spoken.jsonl").read_text().splitlines()]
    return [
        (row, Checker(fold(e for e in events if e.seq <= row["seq"]), CLASSES, SPOKEN_VALUES)) for row in rows
    ]


@pytest.fixture(scope="module")
def checker(answers: list[Answer]) -> Checker:
    return answers[-1][1]


def units(row: dict[str, Any], checker: Checker, checked: Checked) -> Iterator[tuple[str, int, int]]:
    """The label of each unit of an answer with its place in the checked text, whose placeholders are filled in."""
    said = [text for _, text in row["units"]]

    def length(text: str) -> int:
        return len(fill(text, checker.state, lambda w, r: say(w, r, checker.lexicon, checker._measures)).text)

    start = 0
    for at, (label, _) in enumerate(row["units"]):
        end = len(checked.text) - length("".join(said[at + 1 :]))
        yield label, start, end
        start = end


def text_of(row: dict[str, Any]) -> str:
    return "".join(text for _, text in row["units"])


def test_hardly_any_true_sentence_of_a_dialogue_is_objected_to_and_the_false_ones_are(
    answers: list[Answer],
) -> None:
    seen: Counter[tuple[str, bool]] = Counter()
    marked: Counter[tuple[str, bool]] = Counter()
    for row, checker in answers:
        checked = checker.check(text_of(row))
        for label, start, end in units(row, checker, checked):
            seen[label, row["final"]] += 1
            marked[label, row["final"]] += any(start <= c.start < end for c in checked.unverified)
    assert {k: seen[k] for k in SIZES} == SIZES
    assert marked["-", False] + marked["-", True] == 0
    assert marked["t", False] <= OBJECTED[0] and marked["t", True] <= OBJECTED[1]
    assert marked["f", False] >= MARKED[0] and marked["f", True] >= MARKED[1]


def test_a_number_exchanged_for_another_one_of_its_evidence_is_mostly_noticed(answers: list[Answer]) -> None:
    """Of the numbers that are accepted, each replaced by another value of the same evidence, seven of ten are noticed."""
    chosen = random.Random(0)
    noticed = tried = 0
    for row, checker in answers[::3]:
        checked = checker.check(text_of(row))
        held = {c.start: c for c in checked.claims if c.kind == "number" and c.ok and c.refs}
        for number in numbers(checked.text, words=False):
            claim = held.get(number.start)
            if claim is None or number.bracket or number.family not in ("percent", "points"):
                continue
            others = [
                abs(a.value) for a in checker.atoms
                if a.family == number.family and claim.refs[0] in a.refs and a.part == "value" and not a.told
                and abs(abs(a.value) - abs(number.value)) > 1
            ]  # fmt: skip
            if not others:
                continue
            digits = re.search(r"\d[\d.]*", checked.text[number.start : number.end])
            assert digits is not None
            start = number.start + digits.start()
            said = f"{chosen.choice(others):.1f}"
            text = checked.text[:start] + said + checked.text[start + len(digits[0]) :]
            tried += 1
            noticed += any(abs(c.start - number.start) < 80 for c in checker.check(text).unverified)
    assert tried > 60
    assert noticed >= 0.68 * tried, (noticed, tried)


@pytest.mark.parametrize(
    "text",
    [
        # a line over a list or a table, with its evidence, class and condition
        "Without the living rooms [E30]:\n\n- 1,367 of the remaining 1,800 are right, 75.9 %.",
        "Where the wrong bathrooms go [E2]:\n\n| taken for | images |\n|---|---|\n| kitchen | 72 |\n| bedroom | 14 |",
        "I disturbed 500 evaluation images [E21]:\n\n| disturbance | mild (1) | strong (5) |\n|---|---|---|\n| darker | 68.6 % | 20.0 % |",
        "**How the pictures differ** [E19]\n\n- The median brightness is 0.36 instead of 0.59.",
        # cited evidence, in other words
        "When it says 95 % or more, it is right in 92.9 % (761 of 819) [E16].",
        "Low contrast at severity 3 costs 28.2 points [E21].",
        "Bathrooms with a shower are wrong in 70.7 % of cases, against 20.0 % elsewhere (F10).",
        "Of the dark ones 52.2 % are wrong, of the others 29.3 % [E9].",
        # arithmetic
        "Bathroom is recognised in 65.5 %, living room in 67.1 % [E1]. That difference of 1.6 points is small.",
        "Of the dark ones 52.2 % are wrong, of the others 29.3 % [E9]. So it errs 1.8 times as often there.",
        "At most 225 of the 2,250 evaluation images may be wrong; now 581 are [E2]. So 356 errors have to go, about six in ten.",
        # negation, verdicts and headings
        "**What I ruled out:**\n\n- **Wrong feeding** (F20): 28 other ways to prepare the images were tried, none is better [E25].",
        "**Leakage:** none of the 2,250 evaluation images is a training image [E24].",
        "53.5 % is better than nothing: always giving the same answer would reach 20.3 % on the users' pictures [E1].",
        "On deployment images accuracy drops to 53.5 %, about 21 points lower [E1].",
        # what is no measurement
        "- 15 confirmed findings are not repaired yet [E29].",
        "**2. It goes by props.**\n\nFindings 2 and 3 belong together.",
        "The three findings don't stand equally firm.",
        # ordinary words and reasons
        "The overconfidence depends on what it answers [E15].",
        "This is inconclusive (F17), because the model learned from these very labels [E14].",
        "So wrong labels can explain only a small part of the errors.",
        "What I see (impressions, not measurements):\n\n- All eight are dim and grainy.",
    ],
)
def test_natural_text_that_is_right_is_left_alone(checker: Checker, text: str) -> None:
    assert [(text[c.start : c.end], c.reason) for c in checker.check(text).unverified] == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("JPEG compression at severity 3 costs 28.2 points [E21].", "28.2 points"),  # that is low contrast
        ("Bathrooms with a cat are wrong in 19.0 % of cases (F11).", "19.0 %"),  # the rest of the class
        ("The accuracy on the evaluation images is 65.5 % [E1].", "65.5 %"),  # one class
        ("On the users' pictures 50.1 % of them are called living room (F5).", "50.1 %"),  # another split
        ("Covering the stools lowers the score of dining_room by 5.0 points [E12].", "5.0 points"),  # what was planned
        ("Of 294 confirmed findings none is repaired [E29].", "294"),  # images
        ("Where the wrong bathrooms go [E2]:\n\n| taken for | images |\n|---|---|\n| bedroom | 10 |", "10"),
        ("Bathroom is recognised in 65.5 %, living room in 67.1 % [E1]. That is a difference of 2.6 points.", "2.6 points"),
        ("The effects are 54.4, 43.5 and 31.9 points; television, cat and stools account for 358 errors [E28].", "358"),
    ],
)  # fmt: skip
def test_a_value_of_the_cited_evidence_that_the_words_contradict_is_marked(
    checker: Checker, text: str, wrong: str
) -> None:
    assert wrong in [text[c.start : c.end] for c in checker.check(text).unverified]


def test_an_invented_origin_is_marked_and_gets_no_reference(checker: Checker) -> None:
    said = "The model learned this since the training pictures come from furniture catalogues, where every living room has a television."
    marked = checker.check(said).marked()
    assert UNVERIFIED in marked and "[E" not in marked


def test_what_stands_over_a_line_is_found() -> None:
    text = "**Errors** [E2]\n\nBy class:\n\n- one\n- two [E3]\n\n| a |\n|---|\n| 1 |\n"
    outline = Outline(text)
    item, row = outline.at(text.index("one")), outline.at(text.index("| 1"))
    assert "By class" in item.lead and "Errors" in item.lead and item.over == {"E2"} and item.listed
    assert outline.at(text.index("two")).near == {"E3"}
    assert row.over == {"E2"} and outline.at(text.index("| a")).head
    assert outline.at(0).head and outline.at(text.index("By class")).head


def test_a_mark_stands_at_the_end_of_its_clause_and_not_inside_a_reference() -> None:
    said = "It is stronger than that of the stools [E10], as shown."
    spot = said.index("stronger")
    made = Checked(said, (Claim("comparison", spot, spot + 8, False),))
    assert made.marked() == f"It is stronger than that of the stools [E10] {UNVERIFIED}, as shown."
    cited = "Dark pictures fail more [E21]."
    spot = cited.index("E21")
    made = Checked(cited, (Claim("name", spot, spot + 3, False),))
    assert made.marked() == f"Dark pictures fail more [E21] {UNVERIFIED}."


def test_a_hint_names_the_recorded_value_of_that_very_thing_or_nothing(checker: Checker) -> None:
    def hint(text: str, wrong: str) -> str:
        start = text.index(wrong)
        return hints(text, Claim("number", start, start + len(wrong), False), checker.state, checker.lexicon)

    assert hint("The recall of bathroom is 95.5 %.", "95.5 %") == "{E1.recall of class bathroom} = 65.5 %"
    assert hint("It says 95 % or more and is right in 12.0 %.", "12.0 %") == ""
    assert "E6" not in hint("On deployment images accuracy is 11.0 %.", "11.0 %")
    alike = hint("Somewhere it is 65.5 % of something.", "65.5 %")  # of what it is tells whether it was meant
    assert "{E1.recall of class bathroom} = 65.5 %" in alike.split("; ")


def test_a_recorded_sentence_that_is_put_in_reads_as_one(checker: Checker) -> None:
    filled = fill("{F4.statement} And so on.", checker.state).text
    assert filled.endswith("[F4]. And so on.")


def test_a_count_of_nothing_breaks_nothing(checker: Checker) -> None:
    assert checker.check("3 of the 0 are wrong, which is about a quarter.").unverified
