"""Things that nothing tested, and sentences about all errors, any copy, another input: each against the record."""

from __future__ import annotations

from pathlib import Path

import pytest

from failsight.agent.grounding import Checker
from failsight.agent.journal import Journal
from failsight.agent.state import CaseState, FindingRecord, fold
from failsight.tools.evidence import Evidence, Fact, Finding, Table
from tests.agent.test_grounding import CLASSES, DATA, VALUES, lines


@pytest.fixture(scope="module")
def rooms(tmp_path_factory: pytest.TempPathFactory) -> Checker:
    folder: Path = tmp_path_factory.mktemp("case")
    (folder / "journal.jsonl").write_bytes((DATA / "rooms_journal.jsonl").read_bytes())
    return Checker(fold(Journal(folder, write=False)), CLASSES, VALUES)


@pytest.fixture(scope="module")
def birds() -> Checker:
    made = [
        Evidence(
            "evaluate", "How good", "", id="E1",
            facts=(
                Fact("accuracy", 0.9, "share", n=800), Fact("recall", 0.95, "share", "class owl", n=400),
                Fact("precision", 0.62, "share", "class owl", n=610), Fact("recall", 0.55, "share", "class crow", n=400),
                Fact("precision", 0.93, "share", "class crow", n=190),
            ),
        ),
        Evidence("confidence_profile", "Sure", "", id="E2", facts=(Fact("confident_errors", 0.25, "share", n=80),)),
        Evidence("duplicates_and_leakage", "Copies", "", id="E3", facts=(Fact("leaked_exact", 12.0, "count"), Fact("leaked_exact", 0.0, "count", "split deploy"))),
        Evidence("test_by_masking", "Branch", "", id="E4", arguments={"region": "box:branch", "class_name": "owl"}),
        Evidence(
            "confusion_matrix", "Confusions", "", id="E5",
            tables=(Table("Confusion matrix", ("true class", "owl", "crow", "wren"), (
                ("owl", 380, 12, 8), ("crow", 150, 220, 30), ("wren", 0, 0, 0)), ("text", "count", "count", "count")),),
        ),
    ]  # fmt: skip
    fed = Finding(
        "preprocessing", "correctness", "unknown", "Another pipeline does better.", verdict="confirmed"
    )
    cue = Finding(
        "spurious_correlation",
        "correctness",
        "unknown",
        "A branch is a sign of owl.",
        {"branch": "yes"},
        "owl",
        verdict="confirmed",
    )
    batch = Finding(  # of the same kind, but not about the way of feeding
        "preprocessing",
        "robustness",
        "structural",
        "A batch.",
        verdict="refuted",
        about="pictures of one batch",
    )
    said = {"F0": batch, "F1": fed, "F2": cue}
    records = {name: FindingRecord(name, finding, ("E4",)) for name, finding in said.items()}
    return Checker(
        CaseState(evidence=made, records=records), ("owl", "crow", "wren"), {"branch": ("yes", "no"), "nest": ("yes", "no"), "snow": ("yes", "no")}
    )  # fmt: skip


ROOMS = {
    True: """
        The plant has not been tested.
        The lamp is untested.
        I have not tested whether the plant matters.
        Whether the picture matters was not tested.
        Nobody has tested the picture.
        109 of the 581 errors were made with at least 90 % confidence.
        Not all errors are made with high confidence.
        Of all the errors, 109 were made with 90 % confidence or more.
        Bathroom has low recall but high precision.
        Living room has higher recall but lower precision.
        The bathroom was taken for a kitchen 72 times and for a living room 62 times.
        The drop from evaluation to deployment is 74.2 - 53.5 = 20.7 points.
        Accuracy falls by 74.2 % - 53.5 % = 20.7 points in deployment.
        Masking the television has a control effect of -6.5 points.""",
    False: """
        The television has not been tested.
        The stools are untested.
        I have not tested whether the cat matters.
        Nobody has tested the television.
        All 581 errors are made with at least 90 % confidence.
        Every error is made with high confidence.
        All of the mistakes are very confident.
        Bathroom has low precision but high recall.
        Bathrooms have high recall and low precision.
        The bathroom was taken for a kitchen 62 times and for a living room 72 times.
        The drop from evaluation to deployment is 74.2 - 54.5 = 19.7 points.
        Masking the television has a control effect of +54.4 points.
        Masking the cat has a control effect of 31.9 points.
        The darkness makes bathrooms fail.
        The low light lets kitchens fail.""",
}
BIRDS = {
    True: """
        The nest has not been tested.
        The snow is untested.
        I have not tested whether the nest matters.
        Some evaluation images were found among the training images.
        Another input pipeline does better.
        Owl has low precision but high recall.
        Crow has high precision but low recall.
        Crows were taken for an owl 150 times and for a wren 30 times.
        Not all errors are made with high confidence.
        None of the deployment images was found among the training images.""",
    False: """
        The branch has not been tested.
        I have not tested whether the branch matters.
        Some deployment images were found among the training images.
        Several deployment pictures are among the training pictures.
        Another input pipeline does not do better.
        No other input pipeline does better, and another pipeline is not better.
        Owl has high precision but low recall.
        Crow has low precision but high recall.
        Crows were taken for an owl 30 times and for a wren 150 times.
        All errors are made with high confidence.
        All 80 errors are very confident.""",
}


@pytest.mark.parametrize(("name", "text"), [*(("rooms", t) for t in lines({"": ROOMS[True]})), *(("birds", t) for t in lines({"": BIRDS[True]}))])  # fmt: skip
def test_what_is_so_is_left_alone(request: pytest.FixtureRequest, name: str, text: str) -> None:
    checked = request.getfixturevalue(name).check(text)
    assert [(text[c.start : c.end], c.reason) for c in checked.unverified] == []


@pytest.mark.parametrize(("name", "text"), [*(("rooms", t) for t in lines({"": ROOMS[False]})), *(("birds", t) for t in lines({"": BIRDS[False]}))])  # fmt: skip
def test_what_is_not_so_is_marked(request: pytest.FixtureRequest, name: str, text: str) -> None:
    assert request.getfixturevalue(name).check(text).unverified


def test_a_record_that_holds_nothing_settles_nothing() -> None:
    empty = Checker(CaseState(), ("owl", "crow"), {})
    for text in ("Another input pipeline does better.", "Owl has low precision but high recall."):
        assert not [c for c in empty.check(text).claims if c.kind == "comparison" and c.ok]
