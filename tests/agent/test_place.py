"""Looking again moves nobody: what a person asks beside the workflow leaves its next step, and the stage, where they were."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from failsight.agent.journal import Journal
from failsight.agent.planners.order import signs
from failsight.agent.planners.steps import MAKERS, next_step
from failsight.agent.session import Session
from failsight.agent.state import fold
from failsight.tools.evidence import Evidence, Fact
from tests.fakes.case import FakeCase, television_world


@pytest.fixture
def case(tmp_path: Path) -> Iterator[FakeCase]:
    table, model = television_world(300)
    train, _ = television_world(300, seed=1)
    made = FakeCase(tmp_path / "case", {"data": table, "train": train}, model)
    yield made
    made.close()


def accuracy(value: float, of: str = "") -> Fact:
    return Fact("accuracy", value, "share", of, (value - 0.02, value + 0.02), 900)


def test_a_look_at_one_split_changes_no_belief(tmp_path: Path) -> None:
    log = Journal(tmp_path)
    gap = Fact("accuracy_drop_same_mix", 0.25, "points", "train to data")
    whole = Evidence(
        "evaluate", "t", "s", {"split": None}, (accuracy(0.7), accuracy(0.95, "split train"), gap), id="E1"
    )
    log.append("evidence.recorded", {"call": "c1", "evidence": whole.to_dict()})
    before = signs(fold(log))
    assert before == ["train_gap"]
    for number, split in enumerate(("deploy", "train", "data"), 2):
        look = Evidence("evaluate", "t", "s", {"split": split}, (accuracy(0.4),), id=f"E{number}")
        log.append("evidence.recorded", {"call": f"c{number}", "evidence": look.to_dict()})
    assert signs(fold(log)) == before
    assert fold(log).latest("evaluate").id == "E4"  # type: ignore[union-attr]  (what was looked at last is still known)


def test_free_questions_leave_stage_and_next_step_alone(case: FakeCase) -> None:
    session = Session(case)
    while case.state().stage != "correct":
        if session.pending is not None:
            list(session.decide(True))
        elif next_step(case, asks=True).stage == "correct":  # type: ignore[union-attr]
            break
        else:
            list(session.say("go on"))
    stage, step = case.state().stage, next_step(case, asks=True)
    assert step is not None
    for look in (
        ("confusion_matrix", {}),
        ("confusion_matrix", {"split": "train"}),
        ("confusion_matrix", {"predicted_class": "red_room"}),
        ("evaluate", {"split": "train"}),
        ("evaluate", {"split": "data"}),
    ):
        case.call(*look, by="person")
        assert (case.state().stage, next_step(case, asks=True)) == (stage, step), look
    list(session.say("show the confusion matrix"))
    assert (case.state().stage, next_step(case, asks=True)) == (stage, step)
    session.close()


def test_the_cell_behind_the_confusion_is_that_of_the_whole_matrix(tmp_path: Path, case: FakeCase) -> None:
    def cells() -> list[Any]:
        return [s.arguments for s in MAKERS["confusion_matrix"](case, case.state())]

    case.call("confusion_matrix", {"split": "train"}, by="person")
    case.call("confusion_matrix", {"predicted_class": "red_room"}, by="person")
    assert cells() == [{}]  # nobody has looked at all of it yet
    case.call("confusion_matrix", {}, by="person")
    assert len(cells()) == 2
