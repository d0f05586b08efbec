"""What a strong model said over a table of predictions: rows of counts, groups taken together, and what the record contradicts outright."""

from __future__ import annotations

import pytest

from failsight.agent.grounding import Checker
from failsight.agent.grounding.numbers import numbers
from failsight.agent.grounding.search import crossed
from failsight.agent.grounding.typed import typed
from failsight.agent.state import CaseState, FindingRecord, Said
from failsight.tools.evidence import Evidence, Fact, Finding, Table, TestResult
from failsight.tools.view import Expectation

CLASSES = ("film", "pet", "paper", "cardboard")
VALUES = {
    "shift": ("early", "late", "night"),
    "moisture": ("dry", "damp", "wet"),
    "line": (),
    "operator": ("Ada", "Bo"),
}


def counted(of: str, wrong: int, n: int) -> tuple[Fact, ...]:
    return (
        Fact("images", float(n), "count", of), Fact("share", wrong / n, "share", f"{of}, answered wrong", n=n),
        Fact("error_rate", wrong / n, "share", of, n=n), Fact("accuracy", 1 - wrong / n, "share", of, n=n),
    )  # fmt: skip


def called(moisture: str, part: int, n: int) -> tuple[Fact, ...]:
    of = f"class film, slice moisture={moisture}"
    return (
        Fact("images", float(n), "count", of), Fact("counted", float(part), "count", f"{of}, called pet", n=n),
        Fact("share", part / n, "share", f"{of}, called pet", n=n),
    )  # fmt: skip


def evidence() -> list[Evidence]:
    night = counted("slice shift=night", 251, 926)
    lines = {"1": (44, 258), "2": (56, 274), "3": (107, 218), "4": (44, 176)}
    by_line = [
        f for name, (w, n) in lines.items() for f in counted(f"slice shift=night, slice line={name}", w, n)
    ]
    gaps = (("operator=Ada", 828, 0.801, "excluded"), ("operator=Bo", 627, 0.799, "excluded"))
    return [
        Evidence(
            "evaluate", "How good", "", id="E1",
            facts=(
                Fact("accuracy", 3177 / 4000, "share", n=4000), Fact("recall", 218 / 324, "share", "class film", n=324),
                Fact("precision", 0.703, "share", "class film", n=310), Fact("recall", 0.854, "share", "class pet", n=673),
                Fact("precision", 0.824, "share", "class pet", n=698),
            ),
        ),
        Evidence(
            "confusion_matrix", "Confusions", "", id="E2",
            tables=(Table("Confusion matrix", ("true class", *CLASSES), (
                ("film", 218, 61, 25, 20), ("pet", 18, 575, 40, 40), ("paper", 30, 20, 500, 124), ("cardboard", 44, 10, 110, 520)),
                ("text", "count", "count", "count", "count")),),
        ),
        Evidence("count_images", "Called pet", "", id="E3", facts=(*called("wet", 35, 54), *called("dry", 14, 177), *called("damp", 12, 93))),
        Evidence("count_images", "At night", "", id="E4", facts=(*night, *by_line)),
        Evidence("count_images", "Line 3", "", id="E5", facts=(
            Fact("share_of_images", 892 / 4000, "share", "slice line=3"), Fact("share_of_images", 218 / 4000, "share", "slice line=3, slice shift=night"))),
        Evidence("count_images", "Line 4", "", id="E6", facts=(
            *counted("slice line=4, slice shift=late", 68, 309), *counted("slice line=4, slice shift=early", 64, 359))),
        Evidence(
            "disaggregate", "Groups", "No gap is confirmed that is estimated at 5.0 points or more.", id="E7",
            tables=(Table("Groups", ("group", "images", "right", "verdict"), gaps, ("text", "count", "share", "text")),),
        ),
        Evidence("compare_group", "Line 4 at night", "Inconclusive.", id="E8", facts=(Fact("error_rate", 0.262, "share", "slice line=4 and shift=night", n=84),)),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def sorting() -> Checker:
    weak = Finding("weak_slice", "correctness", "unknown", "Line 4 at night fails more often.", {"line": "4", "shift": "night"}, verdict="inconclusive",
                   tests=(TestResult("compare_group", 0.076, (-0.015, 0.177), 0.06, 84, "inconclusive", evidence="E8"),))  # fmt: skip
    said = [Said("person", "I need 85 % right overall, and film at least 75 %.", 1)]
    demands = {"accuracy": Expectation("accuracy", 0.85), "recall.film": Expectation("recall.film", 0.75)}
    state = CaseState(
        evidence=evidence(),
        records={"F1": FindingRecord("F1", weak, ("E8",))},
        said=said,
        expectations=demands,
    )
    return Checker(state, CLASSES, VALUES)


def marked(checker: Checker, text: str) -> list[str]:
    return [text[c.start : c.end] for c in checker.check(text).unverified]


@pytest.mark.parametrize(
    "text",
    [
        # rows of a count, with the words of the row
        "Wet film: 35 of 54 are called pet (64.8 %) [E3].",
        "Damp film is called pet in 12 of 93 cases (12.9 %) [E3].",
        # names that are numbers, groups taken together, and all but one
        "But line 3 is the weak one at night: 107 of 218 are wrong [E4].",
        "Lines 1, 2 and 4 make 144 errors on 708 images at night [E4].",
        "Without line 3 the night shift is wrong in 20.3 % [E4].",
        "Between paper and cardboard there are 234 errors [E2].",
        "The answer is film for 310 images [E2].",
        # demands, and what a person is asked to type
        "I have noted your targets: 85 % overall and 75 % for film.",
        'For other limits type them as a line, for example "accuracy at least 91 %".',
        "Film misses its target by nearly 8 points.",
        "Film has to get from 67.3 % to 75 %, which means 25 more of the 324 [E1].",
        # verdicts of rows
        "For the operators a gap of five points or more is excluded [E7].",
        "No gap between the operators is confirmed [E7].",
        # no causes
        "Your table has line, shift and moisture, and none of them is a proven cause.",
        "Of the 251 errors of the night shift, 107 come from line 3 [E4].",
        "I also searched for conditions behind the mix-up of paper and cardboard.",
        "The tool calls the two classes ambiguous, because they are mixed up both ways.",
        "The late shift does worse on line 4 than the early one, with 22.0 % errors against 17.8 % [E6].",
        "Precision never drops below 70 % in any class.",
    ],
)  # fmt: skip
def test_what_is_right_is_left_alone(sorting: Checker, text: str) -> None:
    assert marked(sorting, text) == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("Wet film: 14 of 54 are called pet (7.9 %) [E3].", "14"),
        ("Damp film is wrong in 12.9 % [E3].", "12.9 %"),
        ("Lines 1 and 2 make 144 errors on 708 images at night [E4].", "144"),
        ("Without line 4 the night shift is wrong in 20.3 % [E4].", "20.3 %"),
        ("Between film and cardboard there are 234 errors [E2].", "234"),
        ("Film misses its target by 12 points.", "12 points"),
        ("Film has to get from 67.3 % to 75 %, which means 35 more of the 324 [E1].", "35"),
        ("A gap of nine points or more between the operators is excluded [E7].", "nine points"),
        ("The gaps between the operators are confirmed [E7].", "confirmed"),
        ("Of line 3, 20 % of all 823 errors.", "20 %"),
        ("Line 3 at night has 22.3 % of all images.", "22.3 %"),
        ("The errors come from moisture.", "come from"),
        ("Wet film shines, and that is what the model falls for.", "what the model falls for"),
    ],
)
def test_what_is_wrong_is_marked(sorting: Checker, text: str, what: str) -> None:
    assert what in marked(sorting, text)


@pytest.mark.parametrize(
    "text",
    [
        "The late shift does better on line 4 than the early one, with 22.0 % errors against 17.8 % [E6].",
        "The test shows line 4 at night to be a second weak spot [E8].",
        "Precision never drops below 75 % in any class.",
        "The images of the early and late shifts are free of errors [E6].",
    ],
)
def test_what_the_record_contradicts_outright_is_marked(sorting: Checker, text: str) -> None:
    assert marked(sorting, text)


def test_a_reference_is_put_only_where_the_sentence_says_what_its_value_is_of(sorting: Checker) -> None:
    def cited(text: str) -> str:
        return sorting.check(text).marked()

    assert cited("At night 251 of 926 images of the night shift are wrong.").endswith("wrong [E4].")
    assert cited("On line 3 at night half of them are wrong.") == "On line 3 at night half of them are wrong."
    assert "[E" not in cited("The classes are all above 60 % in recall.")


def test_a_mark_stays_inside_the_last_cell_of_a_row(sorting: Checker) -> None:
    head = "| what | errors |\n|---|---|\n"
    for row in (
        "| 1. Night shift: find out | 251 |",
        "| 1. Film is worse than pet | it is better |",
        "| film | 999 |",
    ):
        made = sorting.check(head + row).marked().splitlines()[-1]
        assert made.endswith("|") and made.count("|") == 3


def test_two_slices_of_one_evidence_are_compared_by_placeholder(sorting: Checker) -> None:
    asked = "{compare error_rate of slice line=4, slice shift=late and slice line=4, slice shift=early}"
    said = sorting.check(asked).text
    assert "higher for line=4, slice shift=late (22.0 %)" in said and "[E6]" in said
    assert sorting.check("{compare error_rate of slice line=9 and slice line=8}").unverified


def test_a_line_to_type_is_found_and_a_quotation_is_none() -> None:
    assert len(typed('Type it as a line: "accuracy at least 91 %".')) == 1
    assert typed('The tool says "accuracy is 91 %".') == []


def test_two_conditions_side_by_side_name_one_group(sorting: Checker) -> None:
    from failsight.agent.grounding.names import Names
    from failsight.agent.grounding.numbers import sentences
    from failsight.agent.grounding.reading import read

    def groups(text: str) -> list[frozenset[tuple[str, str]]]:
        (sentence,) = sentences(text)
        last = max(numbers(text), key=lambda n: n.start)
        return list(crossed(read(text, sentence, sorting.lexicon, Names()), last))

    assert groups("Line 3 at night has 22.3 %.") == [frozenset({("line", "3"), ("shift", "night")})]
    assert groups("Line 3 and the night shift have 22.3 %.") == []
