"""What the report says that nobody looked at: labels of the training images, and images whose label is no class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from failsight.agent.journal import Journal
from failsight.agent.narrate.coverage import not_examined
from failsight.agent.narrate.record import Record
from failsight.agent.state import fold
from failsight.tools.evidence import Evidence
from tests.fakes.told import Teller, evaluated

TRAIN = {"path": "/t", "format": "folder", "fingerprint": "e" * 64, "n": 900, "classes": ["kitchen"]}


def said(folder: Path, *made: Evidence, **splits: Any) -> str:
    t = Teller(folder)
    t.created(**splits)
    for evidence in (evaluated(), *made):
        t.call(evidence)
    t.close()
    journal = Journal(folder, write=False)
    return "\n".join(p.text for p in not_examined(Record(fold(journal), journal.events)).points)


def labels(**arguments: Any) -> Evidence:
    return Evidence("label_noise", "Whether the labels can be trusted", "Fine.", arguments=arguments)


def test_labels_of_training_images_that_nobody_checked_are_named_with_the_command(tmp_path: Path) -> None:
    for name, made in (("none", ()), ("data", (labels(split="data"),))):
        told = said(tmp_path / name, *made, train=TRAIN)
        assert (
            "labels of the training images are right was not checked: `failsight call CASE label_noise split=train`"
            in told
        )


def test_it_is_not_said_without_training_images_or_when_they_were_checked(tmp_path: Path) -> None:
    assert "label_noise split=train" not in said(tmp_path / "without")
    assert "label_noise split=train" not in said(tmp_path / "done", labels(split="train"), train=TRAIN)


def test_images_whose_label_is_no_class_are_counted_and_named(tmp_path: Path) -> None:
    lost = {**TRAIN, "unmatched": {"garage": 30, "a\x1b[31mb": 7}, "unmatched_images": 37}
    told = said(tmp_path / "case", train=lost)
    assert (
        "37 of the training images were left out (900 are used), because their label is no class of the model: "
        "garage (30) and a[31mb (7)." in told
    )
    assert "--map LABEL=CLASS" in told
