"""Reports for those who made no model: how a finding was shown, where the model is weakest, what can be done next."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from failsight.agent.journal import Journal
from failsight.agent.narrate import build_report
from failsight.agent.narrate.model import Report
from failsight.agent.narrate.phrases import how_tested
from failsight.agent.state import fold
from failsight.tools.evidence import Correction, Evidence, Fact, Finding, TestResult
from tests.fakes.told import ROOMS, Teller, evaluated

TEST = TestResult(
    "find_slices", 0.2, (0.1, 0.3), 0.0001, 300, "confirmed", statistic="a rate minus another", q=0.001
)
WEAK = Finding(
    "weak_slice", "correctness", "unknown", "Dark ones are wrong.", slice={"light": "night"}, n=90, error_rate=0.4,
    base_error_rate=0.2, ci=(0.3, 0.5), p=0.0001, q=0.001, verdict="confirmed", tests=(TEST,),
)  # fmt: skip
PULL = dataclasses.replace(
    WEAK, kind="spurious_correlation", statement="The model takes the agency Cole for a sign of kitchen.",
    slice={"agency": "Cole"}, class_name="kitchen", error_rate=0.284, base_error_rate=0.05,
)  # fmt: skip
WAYS = (("loss_weighting", "Weigh such images more."), ("defer", "Leave such images to a person."))


def report_of(told: Teller) -> Report:
    told.close()
    journal = Journal(told.folder, write=False)
    return build_report(fold(journal), journal.events)


def view(report: Report, audience: str) -> str:
    (found,) = [v for v in report.views if v.audience == audience]
    return "\n".join(s.text for section in found.sections for s in (*section.lead, *section.points))


def made(tool: str, *findings: Finding, **more: object) -> Evidence:
    return Evidence(tool=tool, title="T", summary="S.", findings=findings, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("finding", "said"),
    [
        (WEAK, "Confirmed on images that had not suggested it."),
        (PULL, ""),
        (dataclasses.replace(PULL, kind="overemphasised_feature"), ""),
        (dataclasses.replace(WEAK, tests=(dataclasses.replace(TEST, tool="compare_group"),)), ""),
        (dataclasses.replace(PULL, tests=(dataclasses.replace(TEST, control_effect=0.01),)), "Shown by an experiment with a control."),
    ],
    ids=("weak spot", "pull", "feature", "another tool", "experiment"),
)  # fmt: skip
def test_every_audience_is_told_the_same_of_how_it_was_shown(
    tmp_path: Path, finding: Finding, said: str
) -> None:
    told = Teller(tmp_path)
    told.created()
    told.call(made("find_slices", finding))
    report = report_of(told)
    told_requester = view(report, "requester")
    assert ("not suggested it" in told_requester) == ("not suggested" in said)
    assert said in told_requester
    everything = "\n".join(t.text for c in report.headlines for _, t in c.terms)
    assert ("not suggested it" in everything) == ("not suggested" in said)
    assert ("not suggested it" in how_tested(finding, finding.tests[0])) == ("not suggested" in said)


def in_use(recalls: tuple[float, ...], split: str = "deploy") -> Evidence:
    facts = [Fact("accuracy", 0.535, of=f"split {split}", ci=(0.495, 0.575), n=600)]
    facts += [
        Fact("recall", r, of=f"split {split}, class {name}", ci=(r - 0.07, r + 0.07), n=118)
        for name, r in zip(ROOMS, recalls, strict=True)
    ]
    return Evidence("evaluate", "In use", "Worse.", arguments={"split": split}, facts=tuple(facts))


def test_an_end_user_is_told_where_it_is_weakest_in_real_use(tmp_path: Path) -> None:
    told = Teller(tmp_path)
    told.created()
    told.call(in_use((0.203, 0.7, 0.8)))
    told.call(evaluated())  # newer, and of other pictures
    report = report_of(told)
    said = view(report, "end_user")
    assert "In real use it is weakest on bathroom: it recognises about 20 of 100 (between 13 and 28)." in said
    assert "weakest on kitchen" not in said
    brief = [s.text for s in report.brief if s.text.startswith("Recognised least often")]
    assert brief[0].startswith("Recognised least often: kitchen (71.5 %")
    assert brief[1].startswith("Recognised least often in deployment images: bathroom (20.3 %")


def test_without_real_use_the_evaluation_pictures_tell_it(tmp_path: Path) -> None:
    told = Teller(tmp_path)
    told.created()
    told.call(evaluated())
    told.call(in_use((0.99, 0.2, 0.98), split="train"))
    said = view(report_of(told), "end_user")
    assert "It is weakest on kitchen: it recognises about 72 of 100 (between 65 and 76)." in said


def proposed(tmp_path: Path, ways: tuple[tuple[str, str], ...], model: bool, train: bool) -> str:
    told = Teller(tmp_path)
    if model:
        told.created(**({"train": {"n": 900}} if train else {}))
    else:
        told.note(
            "case.created",
            name="own",
            created="2026-02-03",
            model=None,
            data={"data": {"n": 600, "classes": list(ROOMS)}},
        )
    told.call(made("compare_group", WEAK))
    told.call(
        made("propose_correction", corrections=tuple(Correction(WEAK.key, n, "training", a) for n, a in ways))
    )
    report = report_of(told)
    first = next(section for section in report.front if section.id == "front-todo").points[0].text
    assert report.todo is not None and report.todo.points[0].text == first
    return first


def test_a_repair_that_needs_what_the_case_lacks_is_not_ordered(tmp_path: Path) -> None:
    said = proposed(tmp_path, WAYS, model=False, train=False)
    assert "this needs the model and the training images, which the case does not have" in said
    assert "Begin a new case with --model and --train first" in said
    assert "strategy=loss_weighting" not in said
    assert (
        "without (Leave such images to a person): failsight call CASE retrain finding=F1 strategy=defer"
        in said
    )


def test_what_needs_nothing_is_ordered_at_once(tmp_path: Path) -> None:
    said = proposed(tmp_path, WAYS[::-1], model=False, train=False)
    assert said.startswith("Repair F1 (Leave such images to a person): failsight call CASE retrain")


def test_only_what_lacks_is_asked_for(tmp_path: Path) -> None:
    said = proposed(tmp_path, WAYS[:1], model=True, train=False)
    assert "this needs the training images, which" in said and "--model" not in said
    assert "can be made here" not in said


def test_a_case_that_has_all_of_it_gets_the_command(tmp_path: Path) -> None:
    assert "strategy=loss_weighting, then" in proposed(tmp_path, WAYS, model=True, train=True)


def test_images_that_are_to_be_collected_come_before_the_command(tmp_path: Path) -> None:
    said = proposed(tmp_path, (("collect", "Collect 90 such images."),), model=True, train=True)
    assert (
        "list the new images in a CSV with path and label, then failsight call CASE retrain finding=F1"
        in said
    )
    assert "strategy=collect data=FILE.csv" in said
