"""Wrong labels in a report: what comes first, what is part of it, and what people's verdicts made of the figures."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from failsight.agent.narrate.model import Report
from failsight.tools.evidence import Correction, Finding
from failsight.tools.repair.parts import Part, parts_table
from tests.fakes.told import Teller
from tests.narrate.test_plain_truths import made, report_of, todo

NOISE = Finding(
    "label_noise", "correctness", "data_content", "Labels of C are wrong.", slice={"annotator": "C"}, n=225,
    error_rate=0.187, base_error_rate=0.0, verdict="confirmed",
)  # fmt: skip
SLICE = dataclasses.replace(
    NOISE, kind="weak_slice", statement="Images of C are answered wrongly more often.", n=116
)
COUNTED = "People looked at 42 labels of the evaluation images and changed 42."


def told(folder: Path, *, imported: bool = False, noise: Finding = NOISE) -> Report:
    """Both found, and repairs proposed by a release that knew nothing of their belonging together, then by this one."""
    teller = Teller(folder)
    teller.created(train={"n": 900})
    teller.call(made("label_noise", "Labels", "Wrong.", findings=(noise,)))
    teller.call(made("find_slices", "Slices", "Some.", findings=(SLICE,)))
    old = tuple(
        Correction(f.key, s, "training", f"Do {s}.")
        for f, s in ((noise, "relabel"), (SLICE, "loss_weighting"))
    )
    teller.call(made("propose_correction", "Repairs", "Some.", corrections=old))
    part = Part("F1", noise, 42, 49)
    new = (
        Correction(noise.key, "relabel", "dataset", "Look."),
        Correction(SLICE.key, "relabel", "dataset", part.action),
    )
    teller.call(
        made("propose_correction", "Repairs", "Some.", corrections=new, tables=(parts_table({"F2": part}),))
    )
    if imported:
        teller.note(
            "labels.imported", split="data", file="labels.csv", counted=COUNTED,
            verdicts={"a.png": {"verdict": "relabelled", "given": "x", "suggested": "y", "new": "y"}},
        )  # fmt: skip
    return report_of(teller)


def test_labels_that_judge_are_looked_at_and_a_part_gets_no_command(tmp_path: Path) -> None:
    said = todo(told(tmp_path))
    assert len(said) == 1 and said[0].startswith("Repair F1: Have the labels of the 225 evaluation images")
    assert "labels export" in said[0] and "retrain finding" not in said[0]


def test_a_part_says_of_what_on_the_first_page_and_on_its_card(tmp_path: Path) -> None:
    report = told(tmp_path)
    card = next(c for c in report.headlines if c.id == "F2")
    assert dict(card.terms)["Part of"].text.startswith(
        "F1: 42 of its 49 errors (85.7 %) are labels that F1 suspects"
    )
    wrong = next(s for s in report.front if s.id == "front-wrong")
    assert any("Part of F1:" in p.text and "F2" in p.refs for p in wrong.points)
    assert [c.text.startswith("It is part of F1") for c in card.corrections] == [True]


def test_a_part_of_what_is_no_longer_confirmed_stands_for_itself(tmp_path: Path) -> None:
    report = told(tmp_path, noise=dataclasses.replace(NOISE, verdict="refuted"))
    card = next(c for c in report.headlines if c.id == "F2")
    assert "Part of" not in dict(card.terms)


def test_once_verdicts_came_back_the_report_says_what_they_made_of_it(tmp_path: Path) -> None:
    said = todo(told(tmp_path, imported=True))
    assert (
        said[0].startswith(f"Repair F1: {COUNTED} Measure anew")
        and "--data CASE/repair/labels.csv" in said[0]
    )


def test_training_labels_are_still_trained_on(tmp_path: Path) -> None:
    said = todo(told(tmp_path, noise=dataclasses.replace(NOISE, split="train")))
    assert "retrain finding=F1 strategy=relabel" in said[0]
