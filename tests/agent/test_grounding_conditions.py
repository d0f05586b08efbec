"""A value that was measured under a condition supports only what states the condition; a cell is read with row and head."""

from __future__ import annotations

import pytest

from failsight.agent.grounding import UNVERIFIED, Checker
from failsight.agent.grounding.cells import rows
from failsight.agent.grounding.conditions import Variants, beyond, conditions, qualified
from failsight.agent.grounding.names import Lexicon
from failsight.agent.state import CaseState
from failsight.tools.evidence import Evidence, Fact, Table
from tests.agent.test_grounding import lines

CLASSES = ("healthy", "rust", "mildew")
VALUES = {"site": ("north", "south"), "hand": ("yes", "no")}


def evidence() -> list[Evidence]:
    """A record of leaves: what each tool measures under a condition, beside the values of the whole split."""
    return [
        Evidence(
            "evaluate", "How good", "", id="E1",
            facts=(
                Fact("accuracy", 0.812, "share", n=1000, ci=(0.787, 0.835)),
                Fact("accuracy", 0.97, "share", "split train", n=2000),
                Fact("recall", 0.9, "share", "class healthy", n=400),
                Fact("recall", 0.703, "share", "class rust", n=300),
                Fact("recall", 0.8, "share", "class mildew", n=300),
                Fact("precision", 0.86, "share", "class rust", n=245),
                Fact("recall", 0.41, "share", "split deploy, class rust", n=200),
            ),
        ),
        Evidence(
            "preprocessing_probe", "Input", "", id="E2",
            facts=(Fact("accuracy", 0.79, "share", "pipeline as declared", n=200),),
            tables=(
                Table("Every pipeline that was tried", ("pipeline", "part", "images", "right"), (
                    ("as declared", "choosing", 200, 0.79), ("channels swapped", "choosing", 200, 0.335),
                    ("upside down", "choosing", 200, 0.595), ("channels swapped + upside down", "choosing", 200, 0.225),
                    ("0 to 255", "choosing", 200, 0.145),
                ), ("text", "text", "count", "share")),
            ),
        ),
        Evidence(
            "shift", "Shift", "", id="E3",
            facts=(Fact("expected_accuracy", 0.688, "share", "split deploy", n=500),),
            tables=(
                Table("Expected accuracy on the deployment images", ("estimate", "accuracy"), (
                    ("threshold on confidence", 0.664), ("images that look alike", 0.753),
                ), ("text", "share")),
            ),
        ),
        Evidence(
            "robustness_probe", "Robust", "", id="E4",
            tables=(
                Table("Share that is right", ("perturbation", "severity 1", "severity 3"), (
                    ("fog", 0.725, 0.512), ("blur", 0.783, 0.634),
                ), ("text", "share", "share")),
            ),
        ),
        Evidence(
            "train_repair", "Versions", "", id="E5",
            tables=(
                Table("Versions", ("version", "arm", "seed", "held-out accuracy"), (
                    ("v1", "repair", 0, 0.851), ("v2", "repair", 1, 0.843), ("v3", "control", 0, 0.822),
                ), ("text", "text", "count", "share")),
            ),
        ),
        Evidence(
            "duplicates_and_leakage", "Copies", "", id="E6",
            tables=(
                Table("Accuracy with and without leaked images", ("images", "number", "right"), (
                    ("all evaluation images", 1000, 0.812), ("evaluation images without leaked ones", 920, 0.796),
                    ("leaked evaluation images", 80, 0.9625),
                ), ("text", "count", "share")),
            ),
        ),
        Evidence(
            "training_record", "Record", "", id="E7",
            facts=(Fact("val_accuracy", 0.915, "share", "epoch 30"), Fact("train_accuracy", 0.988, "share", "epoch 30")),
        ),
        Evidence(
            "compare_group", "Group", "", id="E8", arguments={"slice": "hand=yes"},
            tables=(
                Table("The group and the others", ("images", "number", "share answered wrongly"), (
                    ("hand=yes", 90, 0.478), ("the others", 910, 0.159),
                ), ("text", "count", "share")),
            ),
            facts=(Fact("error_rate", 0.478, "share", "slice hand=yes", n=90), Fact("error_rate", 0.159, "share", "the other images", n=910)),
        ),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def checker() -> Checker:
    return Checker(CaseState(evidence=evidence()), CLASSES, VALUES)


HELD = {
    "the whole split": """
        The model is right in 81.2 % of the evaluation images.
        Accuracy is 81.2 % [E1].
        On the training images the model is right in 97.0 %.""",
    "a condition that is stated": """
        With the channels swapped the model is right in 33.5 % [E2].
        Turned upside down, 59.5 % of the images are answered correctly.
        With swapped channels and upside down it is right in 22.5 %.
        The declared pipeline is right in 79.0 % of 200 images.
        Pixels from 0 to 255 give an accuracy of 14.5 %.
        The expected accuracy on the deployment images is 68.8 %.
        By a threshold on confidence, 66.4 % of the deployment images would be right.
        Under fog of severity 3 the model is right in 51.2 %.
        The repair with seed 1 has a held-out accuracy of 84.3 %.
        Of the leaked evaluation images 96.3 % are right.
        Without the leaked images accuracy is 79.6 %.
        The last validation accuracy was 91.5 %.
        Of the other images 15.9 % are answered wrongly.
        Version v1 has a held-out accuracy of 85.1 %.""",
}
NOT_HELD = {
    "another pipeline": """
        The accuracy on the evaluation images is 59.5 % [E2].
        The model's accuracy is 33.5 %.
        The model is right in 14.5 % of the evaluation images [E2].
        The model is right in 79.0 % of the evaluation images.
        With the channels swapped it is right in 59.5 %.
        Turned upside down it is right in 22.5 %.""",
    "an expected value": """
        Accuracy on the deployment images is 68.8 %.
        The model is right in 75.3 % of the deployment images.
        In deployment 66.4 % of the answers are right [E3].""",
    "a severity, a seed, copies, an epoch, the rest": """
        The model is right in 51.2 % of the evaluation images.
        Under fog of severity 3 the model is right in 72.5 %.
        Under blur of severity 3 the model is right in 51.2 %.
        The accuracy is 84.3 % [E5].
        The control has a held-out accuracy of 85.1 %.
        The accuracy on the evaluation images is 96.3 %.
        The accuracy on the evaluation images is 79.6 % [E6].
        The model is right in 91.5 % of the images.
        On the training images the model is right in 98.8 %.
        15.9 % of the evaluation images are answered wrongly.""",
    "one class for the whole": """
        The accuracy is 70.3 % [E1].
        47.8 % of the evaluation images are answered wrongly.
        On deployment images accuracy is 41.0 %.""",
}


@pytest.mark.parametrize("text", lines(HELD))
def test_a_condition_that_is_stated_is_no_fault(checker: Checker, text: str) -> None:
    wrong = [(text[c.start : c.end], c.reason) for c in checker.check(text).unverified]
    assert not wrong


@pytest.mark.parametrize("text", lines(NOT_HELD))
def test_a_value_under_a_condition_is_not_that_of_the_split(checker: Checker, text: str) -> None:
    assert checker.check(text).unverified


def test_no_value_under_a_condition_passes_as_the_accuracy(checker: Checker) -> None:
    true = {"81.2", "97.0"}
    shares = {f"{a.value:.1f}" for a in checker.atoms if a.family == "percent"} - true
    assert len(shares) > 20
    for value in shares:
        assert checker.check(f"The model's accuracy is {value} %.").unverified, value
        assert checker.check(f"The model is right in {value} % of the evaluation images.").unverified, value


# --- tables of an answer ----------------------------------------------------------------------------------------------


def table(*rows_: str) -> str:
    head, *rest = rows_
    return "\n".join([f"| {head} |", "|" + "---|" * (head.count("|") + 1), *(f"| {r} |" for r in rest)])


@pytest.mark.parametrize(
    "text",
    [
        table("class | recall", "rust | 70.3 %", "mildew | 80.0 %"),
        table("class | recall | precision", "rust | 70.3 % | 86.0 %"),
        table("class | recall (%) | n", "rust | 70.3 | 300"),
        table("class | evaluation | deployment", "rust | 70.3 % | 41.0 %"),
        table("split | accuracy", "training | 97.0 %", "evaluation | 81.2 % [78.7, 83.5]"),
        table("pipeline | right", "upside down | 59.5 %", "channels swapped | 33.5 %"),
        "Recall:\n\n" + table("class | evaluation | deployment", "**rust** | 70.3 % | 41.0 %"),
    ],
)
def test_a_table_that_is_right_is_left_alone(checker: Checker, text: str) -> None:
    assert [(text[c.start : c.end], c.reason) for c in checker.check(text).unverified] == []


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (table("class | recall", "rust | 86.0 %"), ["86.0 %"]),
        (table("class | recall | precision", "rust | 86.0 % | 70.3 %"), ["86.0 %", "70.3 %"]),
        (table("class | recall (%) | n", "rust | 86.0 | 400"), ["86.0", "400"]),
        (table("class | evaluation | deployment", "rust | 41.0 % | 70.3 %"), ["41.0 %", "70.3 %"]),
        (table("split | accuracy", "training | 81.2 %", "evaluation | 81.2 %"), ["81.2 %"]),
        (table("pipeline | right", "upside down | 33.5 %", "channels swapped | 33.5 %"), ["33.5 %"]),
        (table("class | error rate", "rust | 70.3 %"), ["70.3 %"]),
    ],
)
def test_the_cell_that_is_wrong_is_marked(checker: Checker, text: str, wrong: list[str]) -> None:
    checked = checker.check(text)
    assert [text[c.start : c.end] for c in checked.unverified] == wrong
    marked = checked.marked().split("\n")
    assert all(line.count("|") == marked[0].count("|") for line in marked)  # still a table
    assert sum(line.count(UNVERIFIED) for line in marked) == len(wrong)


def test_a_reference_stands_inside_the_last_cell(checker: Checker) -> None:
    marked = checker.check(table("class | recall", "rust | 70.3 %")).marked()
    assert marked.endswith("| rust | 70.3 % [E1] |")


def test_lines_that_are_no_table_are_read_as_before(checker: Checker) -> None:
    lexicon = checker.lexicon
    assert list(rows("| a | b |\nno table\n| c | 1 |", lexicon)) == []
    assert list(rows("|---|\n|---|", lexicon)) == []
    (row,) = rows("| class | recall |\n|---|---|\n| rust | 1 % | 2 % | 3 % |\n\n| rust | 4 % |", lexicon)
    assert [c.said for c in row.cells][:1] == ["For rust the recall is 1 %."]
    assert len(row.cells) == 3  # more cells than heads
    for text in (
        "|",
        "||\n||\n||",
        "| | |\n|-|-|\n| | |",
        "|\n|---|\n|",
        "| \\| | 1 |\n|---|---|\n| a \\| b | 2 % |",
    ):
        checker.check(text)


# --- the parts --------------------------------------------------------------------------------------------------------


def test_what_a_label_says_beyond_names_is_its_condition() -> None:
    lexicon = Lexicon.of(CLASSES, VALUES)
    assert beyond("split deploy, class rust", lexicon) == ()
    assert beyond("all evaluation images", lexicon) == ()
    assert beyond("hand=yes", lexicon) == ()
    assert beyond("pipeline as declared", lexicon) == ("pipeline", "declared")
    assert beyond("leaked evaluation images", lexicon) == ("leaked",)
    assert beyond("0 to 255", lexicon) == ("0", "255")
    assert beyond("", lexicon) == ()
    assert set(conditions(["split train", "epoch 3"], lexicon)) == {"epoch 3"}


def test_of_alike_labels_the_one_that_fits_best_is_named() -> None:
    variants = Variants([("upside", "down"), ("swapped", "upside", "down"), ("grey",)])
    assert variants.named("it stands upside down") == {("upside", "down")}
    assert variants.named("swapped and upside down") == {("swapped", "upside", "down")}
    assert variants.named("in greyscale or upside down") == {("grey",), ("upside", "down")}
    assert variants.named("as it is") == frozenset()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("accuracy", None), ("mean_confidence", None), ("error_rate", None), ("accuracy_drop_same_mix", None),
        ("expected_accuracy", ("expected",)), ("val_accuracy", ("val",)), ("held-out accuracy", None),
        ("chance_accuracy", ("chance",)), ("accuracy_of_leaked", ("leaked",)), ("a_new_measure", None),
    ],
)  # fmt: skip
def test_the_name_of_a_quantity_may_state_a_condition(name: str, words: tuple[str, ...] | None) -> None:
    made = qualified(name)
    assert (made.label if made is not None else None) == words
