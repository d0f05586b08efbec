"""What a reader who never saw the program stumbled over: rates that say what they are rates of, plans told once, a next step that can be taken."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from failsight.agent.journal import Journal
from failsight.agent.narrate import build_report
from failsight.agent.narrate.model import Report
from failsight.agent.narrate.phrases import how_sure
from failsight.agent.narrate.plain import for_requesters, for_users
from failsight.agent.state import fold
from failsight.tools.evidence import Correction, Evidence, Finding, Instrument
from tests.fakes.told import Teller, confused, evaluated

NOISE = Finding(
    "label_noise",
    "correctness",
    "data_content",
    "Labels are wrong.",
    n=3_000,
    error_rate=0.101,
    ci=(0.09, 0.11),
    q=0.0001,
)
FED = Finding(
    "preprocessing", "correctness", "data_engineering", "Fed wrongly.", n=400, error_rate=0.69, base_error_rate=0.51,
    ci=(0.64, 0.73), q=0.0001, verdict="confirmed",
)  # fmt: skip
FED_STEP = 'In the model\'s side file (model.json) write "mean": [0.5, 0.5, 0.5].'


def report_of(told: Teller) -> Report:
    told.close()
    journal = Journal(told.folder, write=False)
    return build_report(fold(journal), journal.events)


def made(tool: str, title: str, summary: str, **more: Any) -> Evidence:
    return Evidence(tool=tool, arguments={}, title=title, summary=summary, **more)


def todo(report: Report) -> list[str]:
    return [s.text for s in report.todo.points] if report.todo else []


def test_suspect_labels_are_not_called_wrong_answers() -> None:
    said = how_sure(NOISE)
    assert "10.1 %" in said and "are suspects" in said
    assert "answered wrongly" not in said


def test_a_refuted_finding_is_not_adorned_with_a_small_p() -> None:
    assert "q <" not in how_sure(dataclasses.replace(NOISE, verdict="refuted"))
    assert "q <" in how_sure(dataclasses.replace(NOISE, verdict="confirmed"))


def test_the_other_way_of_feeding_is_not_called_elsewhere() -> None:
    assert "51.0 % fed the other way" in how_sure(FED)


def plans(n: int) -> list[Instrument]:
    return [
        Instrument(f"label_noise|{k}", "label_noise", {"class": k}, f"Images labelled {k} carry wrong labels.", "the floor", "all others", 0.05, 0.01, 100 + k)
        for k in range(n)
    ]  # fmt: skip


def test_plans_that_differ_only_in_what_they_are_about_are_told_once(tmp_path: Path) -> None:
    told = Teller(tmp_path)
    told.created()
    told.note("tool.started", call="c", tool="label_noise", arguments={}, by="guided", why="")
    for one in plans(12):
        told.note("instrument.registered", id=one.id, instrument=dataclasses.asdict(one))
    told.note(
        "evidence.recorded",
        call="c",
        evidence=made("label_noise", "Labels", "They are fine.", id="E1").to_dict(),
    )
    points = next(s for s in report_of(told).story if s.id == "planned").points
    assert len(points) == 1
    assert points[0].text.startswith(
        "With label_noise, 12 plans that differ in what they are about: Images labelled 0 carry wrong labels."
    )
    assert "And others of the kind." in points[0].text
    assert points[0].refs == tuple(f"#{at}" for at in range(3, 15))  # each number in it stands in one of them
    assert "events 3 to 14, before their measurement (event 15)" in points[0].text
    assert points[0].text.count("Measured: The floor.") == 1 and "on 100 to 111 images" in points[0].text


def test_a_model_that_is_fed_wrongly_is_mended_first_and_how_is_said(tmp_path: Path) -> None:
    told = Teller(tmp_path)
    told.created()
    told.call(
        made(
            "confidence_profile",
            "Sure",
            "Too sure.",
            findings=(dataclasses.replace(FED, kind="overconfidence"),),
        )
    )
    told.call(made("preprocessing_probe", "Fed", "Fed wrongly.", findings=(FED,), next_steps=(FED_STEP,)))
    told.call(made("readiness", "Ready", "Undecided.", next_steps=("Set expectations.",)))
    first = todo(report_of(told))[0]
    assert first.startswith("First of all mend F2") and FED_STEP in first


def test_a_repair_that_retrain_does_not_make_is_not_given_as_its_command(tmp_path: Path) -> None:
    told = Teller(tmp_path)
    told.created(train={"n": 900})
    weak = Finding(
        "overfitting",
        "correctness",
        "training_parameter",
        "Learnt by heart.",
        n=600,
        error_rate=0.6,
        base_error_rate=0.1,
        verdict="confirmed",
    )
    told.call(made("training_record", "Training", "Overfitting.", findings=(weak,)))
    ways = tuple(
        Correction(weak.key, name, "training", f"Do {name}.") for name in ("early_stopping", "regularise")
    )
    told.call(made("propose_correction", "Repairs", "Some.", corrections=ways))
    told.call(
        made("readiness", "Ready", "Not.", next_steps=("Propose a repair for F1 (propose_correction).",))
    )
    said = todo(report_of(told))
    assert "strategy=regularise" in said[0] and "early_stopping" not in said[0]
    assert len(said) == 1  # what was proposed is not to be proposed again


def test_the_head_says_what_is_taken_for_what(tmp_path: Path) -> None:
    told = Teller(tmp_path)
    told.created()
    told.call(evaluated())
    told.call(confused())
    brief = [s for s in report_of(told).brief if s.text.startswith("Confused most often")]
    assert brief[0].text.startswith("Confused most often: kitchen taken for living_room (46 of 200), ")
    assert brief[0].refs == ("E2",)


def test_who_runs_no_model_is_not_told_numbers_of_features() -> None:
    found = Finding(
        "weak_slice",
        "correctness",
        "unknown",
        "x",
        slice={"feature #171": "< 0.621"},
        class_name="kitchen",
        n=35,
        error_rate=0.97,
        base_error_rate=0.4,
    )
    for said in (for_users(found), for_requesters(found)):
        assert "Pictures of kitchen of a kind that nobody has named yet" in said
        assert "171" not in said


# --- what the rates of a finding are shares of ---------------------------------------------------------------------------

TAKEN = Finding(
    "weak_slice", "correctness", "unknown",
    "Images with camera=old are taken for cat more often: of the images of other classes, 21.5 % with it, and 11.5 % without (+10.4 points).",
    slice={"camera": "old"}, confused_with="cat", n=610, error_rate=0.2148, base_error_rate=0.1153, ci=(0.184, 0.249), verdict="confirmed",
)  # fmt: skip
OF_ONE = dataclasses.replace(
    TAKEN,
    class_name="dog",
    statement="Images of dog with camera=old are called cat more often than the others.",
)
ERRORS = dataclasses.replace(
    TAKEN,
    class_name="dog",
    statement="Images of dog with camera=old are answered wrongly more often: 79.1 % against 53.9 %.",
)
CUE = Finding(
    "spurious_correlation", "features", "data_statistics", "Television is a sign of living room: of the images, 30.0 % with it are called living_room, and 4.0 % without.",
    slice={"television": "yes"}, class_name="living_room", n=80, error_rate=0.3, base_error_rate=0.04, ci=(0.21, 0.41), verdict="confirmed",
)  # fmt: skip


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (TAKEN, "Pictures of other classes than cat whose camera is old are called cat in 21.5 % [18.4, 24.9] %, the others in 11.5 %."),
        (OF_ONE, "Pictures of dog whose camera is old are called cat in 21.5 % [18.4, 24.9] %, the others in 11.5 %."),
        (CUE, "Pictures of something else with television are called living room in 30.0 % [21.0, 41.0] %, the others in 4.0 %."),
        (ERRORS, "Pictures of dog whose camera is old are answered wrongly in 21.5 % [18.4, 24.9] %, the others in 11.5 %."),
        (NOISE, "Labels are wrong."),
        (dataclasses.replace(NOISE, kind="overconfidence", statement="It is too sure."), "It is too sure."),
    ],
)  # fmt: skip
def test_a_share_of_answers_is_told_as_that_and_a_share_of_errors_as_that(found: Finding, said: str) -> None:
    assert for_requesters(found) == said


@pytest.mark.parametrize(
    ("found", "said"), [(TAKEN, "taken for cat"), (OF_ONE, "taken for cat"), (CUE, "taken for living room")]
)
def test_users_are_not_told_a_share_of_answers_as_errors(found: Finding, said: str) -> None:
    assert said in for_users(found) and "answered wrongly" not in for_users(found)
    assert "answered wrongly" not in how_sure(found)
