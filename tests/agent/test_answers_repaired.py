"""Repairs of a black box: recorded answers without a model get a temperature, deferral or a rule, and are judged like any other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from failsight.agent import open_case
from failsight.agent.case import Case
from failsight.agent.cli import main
from failsight.tools.errors import RetryError, UserError
from failsight.tools.evidence import Evidence, Finding

CLASSES = ("hall", "kitchen", "porch")
FINDING = Finding(
    "weak_slice", "correctness", "unknown", "Porches are called halls.", class_name="porch", confused_with="hall",
    error_rate=0.6, base_error_rate=0.1, n=200, verdict="confirmed",
)  # fmt: skip
SURE = Finding("overconfidence", "correctness", "training_parameter", "It is too sure.", verdict="confirmed")


def write_answers(path: Path, n: int = 900, seed: int = 0) -> Path:
    """Porches are mostly called halls, but hesitantly; halls are recognised for sure. All answers are surer than right."""
    rng = np.random.default_rng(seed)
    lines = ["path,label,p_hall,p_kitchen,p_porch"]
    for i in range(n):
        label = int(rng.integers(3))
        weak = label == 2 and rng.random() < 0.6
        first = 0 if weak else label if rng.random() < 0.88 else int(rng.integers(3))
        sure = rng.uniform(0.5, 0.7) if weak else rng.uniform(0.85, 0.99)
        second = label if first != label else int(rng.choice([c for c in range(3) if c != first]))
        row = np.zeros(3)
        row[first], row[second] = sure, 0.8 * (1 - sure)
        row[3 - first - second] = 1 - row.sum()
        lines.append(f"{i:04d}.png,{CLASSES[label]},{row[0]:.4f},{row[1]:.4f},{row[2]:.4f}")
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    made = open_case(out=tmp_path / "case", predictions=str(write_answers(tmp_path / "answers.csv")))
    for i, finding in enumerate((FINDING, SURE)):
        made.record(
            "evidence.recorded",
            call=f"c{i}",
            evidence=Evidence("evaluate", "t", "s", findings=(finding,)).to_dict(),
        )
    yield made
    made.close()


def repaired(case: Case, **asked: object) -> tuple[Evidence, Evidence]:
    made, _ = case.call("retrain", asked, by="person")
    return made, case.call("verify_correction", {}, by="person")[0]


def test_a_rule_over_weak_answers_is_fitted_and_verified_without_a_model(case: Case) -> None:
    before = (case.folder.parent / "answers.csv").read_bytes()
    made, verified = repaired(case, finding="F1", strategy="rule")
    told = {f.name: f.value for f in made.facts}
    assert 0.6 < float(str(told["threshold"])) < 0.9 and told["versions"] == 6
    assert int(str(told["right_after"])) > 3 * int(str(told["right_before"]))
    assert "answers hall with a confidence below" in made.summary
    assert verified.fact("verdict", "R1").value == "verified"
    after = float(str(verified.fact("error_rate", "target, repair").value))
    assert after < 0.4 * float(str(verified.fact("error_rate", "target, control").value))
    (correction,) = case.state().records[FINDING.key].corrections
    assert (correction.strategy, correction.status) == ("rule", "verified")
    changed = case.version("R1.1").predictions().predicted != case.predictions().predicted
    assert 0 < changed.sum() < 250 and set(case.predictions().predicted[changed]) == {0}
    assert (case.folder.parent / "answers.csv").read_bytes() == before


def test_classes_that_no_image_judges_are_named(tmp_path: Path) -> None:
    rows = write_answers(tmp_path / "all.csv").read_text().splitlines()
    (tmp_path / "answers.csv").write_text("\n".join(r for r in rows if ",kitchen," not in r) + "\n")
    with open_case(out=tmp_path / "case", predictions=str(tmp_path / "answers.csv")) as case:
        case.record(
            "evidence.recorded",
            call="c",
            evidence=Evidence("evaluate", "t", "s", findings=(FINDING,)).to_dict(),
        )
        _, verified = repaired(case, finding="F1", strategy="rule")
    assert any("No untouched image is of kitchen" in n for n in verified.notes)


def test_a_temperature_calms_recorded_answers(case: Case) -> None:
    made, verified = repaired(case, finding="F2")
    assert made.fact("temperature", "repair R1").value > 1  # type: ignore[operator]
    version = case.version("R1.1")
    assert np.array_equal(version.predictions().predicted, case.predictions().predicted)
    assert version.predictions().confidence.mean() < case.predictions().confidence.mean()
    assert not version.has_model() and verified.fact("ece", "target, before").value > 0  # type: ignore[operator]
    with pytest.raises(RetryError, match="predictions only"):
        version.model()


def test_its_versions_open_again_and_a_changed_file_is_found(
    case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    case.call("retrain", {"finding": "F1", "strategy": "defer"}, by="person")
    folder = case.folder
    case.close()
    assert main(["versions", str(folder)]) == 0
    assert "R1.1" in capsys.readouterr().out
    with open_case(folder) as again:
        assert len(again.version("R1.1").predictions()) == 900
    place = folder / "repair" / "R1" / "R1.1" / "version.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), "threshold": 0.1}))
    with open_case(folder) as again, pytest.raises(UserError, match="its files changed"):
        again.version("R1.1").predictions()
    place.write_text(json.dumps({**json.loads(place.read_text()), "base": "answers:other"}))
    with open_case(folder) as again, pytest.raises(UserError, match="made for other answers"):
        again.version("R1.1").predictions()


def test_what_a_rule_needs_is_said(case: Case) -> None:
    with pytest.raises(RetryError, match="names none"):
        case.call("retrain", {"finding": "F2", "strategy": "rule"}, by="person")
    made, _ = case.call("retrain", {"finding": "F1"}, by="person")  # unasked, no rule is made
    assert "rule" not in {v.strategy for v in case.versions()} and made.tool == "retrain"


def test_a_rule_that_wins_nothing_is_not_made(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    lines = ["path,label,p_hall,p_kitchen,p_porch"]
    for i in range(300):
        label = CLASSES[int(rng.integers(3))]
        lines.append(f"{i}.png,{label}," + ",".join("0.8" if c == label else "0.1" for c in CLASSES))
    (tmp_path / "answers.csv").write_text("\n".join(lines) + "\n")
    with open_case(out=tmp_path / "case", predictions=str(tmp_path / "answers.csv")) as case:
        case.record(
            "evidence.recorded",
            call="c",
            evidence=Evidence("evaluate", "t", "s", findings=(FINDING,)).to_dict(),
        )
        with pytest.raises(RetryError, match="No rule of this kind helps"):
            case.call("retrain", {"finding": "F1", "strategy": "rule"}, by="person")
        assert not (case.folder / "repair").exists() or not any((case.folder / "repair").glob("R*/R*"))


def test_nobody_is_asked_to_have_a_model_trained_that_is_not_there(case: Case) -> None:
    """Unasked, no training is offered; what trains nothing is not asked for in words of training; what can't be made is refused at once."""
    from failsight.agent.events import ApprovalAsked
    from failsight.agent.foreseen import plan, trains_nothing
    from failsight.agent.lacking import runs_not
    from failsight.agent.planners import repairs
    from failsight.agent.planners.scripted import ScriptedPlanner, call
    from failsight.agent.session import Session
    from failsight.tools.registry import registry

    assert repairs.wanted(case, case.state(), asks=True) == []
    assert trains_nothing(case, "retrain", {"finding": "F2"}) and not trains_nothing(case, "evaluate", {})
    session = Session(case, planner=ScriptedPlanner([call("retrain", finding="F2"), "Done."]))
    (asked,) = [e for e in session.say("repair it") if isinstance(e, ApprovalAsked)]
    assert (asked.why, asked.cost) == ("", "instant")
    assert any("nothing is trained" in line for line in asked.plan)
    told = plan(case, "retrain", {"finding": "F1", "strategy": "larger_model"})
    assert any("another architecture" in line for line in told)
    told = plan(case, "retrain", {"finding": "F1", "strategy": "loss_weighting"})
    assert "makes: lists and a script for training elsewhere; nothing is trained here" in told
    spec = registry()["retrain"]
    wrong = {"finding": "F1", "strategy": "larger_model"}
    assert runs_not(case, spec, case.checked(spec, wrong))
    assert not runs_not(case, spec, case.checked(spec, {"finding": "F2"}))
