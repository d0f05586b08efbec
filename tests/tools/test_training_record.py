"""training_record: the gap that is measured, and the record that explains it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from langchain_core.messages import AIMessage

import failsight.knowledge_base.cases as demo
from failsight.agent.events import EvidenceMade
from failsight.agent.narrate.phrases import result
from failsight.agent.planners.scripted import ScriptedPlanner, call
from failsight.agent.session import Session
from failsight.tools.training_record import ABSENT, training_record
from tests.fakes.case import FakeCase, television_world
from tests.tools.cases import check_evidence, counted_view

GAP = {"data": [[75, 25], [25, 75]], "train": [[490, 10], [10, 490]]}
NO_GAP = {"data": [[768, 32], [32, 768]], "train": [[960, 40], [40, 960]]}
POOR = {"data": [[820, 480], [480, 820]], "train": [[640, 360], [360, 640]]}
DEMO = Path(demo.__file__).parent / "rooms_model" / "history.csv"


def record(folder: Path, shape: str, seed: int = 0, n: int = 30) -> Path:
    """A synthetic record: ``over`` turns, ``flat`` levels off, ``short`` still falls, ``had`` too, from
    99 % right, ``broken`` ends in NaN."""
    rng, t = np.random.default_rng(seed), np.arange(1.0, n + 1)
    train, val = 1.5 * np.exp(-t / 6) + 0.01, 0.5 + np.exp(-t / 3)
    accuracy, held = 1 - 0.5 * np.exp(-t / 6), 0.95 - 0.4 * np.exp(-t / 6)
    if shape == "over":
        val = val + 0.02 * np.clip(t - 8, 0, None)
        held = held - 0.2
    if shape in ("short", "had"):
        train, val = 2 - t / n, 2.1 - t / n
    if shape in ("short", "broken"):
        accuracy, held = 0.4 + 0.24 * t / n, 0.38 + 0.24 * t / n
    if shape == "plateau":
        train, val, accuracy, held = 0.5 + 0 * t, 0.55 + 0 * t, 0.64 + 0 * t, 0.62 + 0 * t
    if shape == "guessing":
        train, val, accuracy, held = 0.685 + 0 * t, 0.69 + 0 * t, 0.5 + 0 * t, 0.5 + 0 * t
    noise = 1 + 0.01 * rng.normal(size=(2, n))
    train, val = train * noise[0], val * noise[1]
    if shape == "broken":
        train[20:] = np.nan
    lines = ["epoch,train_loss,val_loss,train_accuracy,val_accuracy,lr"]
    lines += [
        f"{int(e)},{a},{b},{c},{d},{0.1 / e}"
        for e, a, b, c, d in zip(t, train, val, accuracy, held, strict=True)
    ]
    path = folder / f"{shape}.csv"
    path.write_text("\n".join(lines))
    return path


def verdicts(made: object) -> dict[str, object]:
    return {f.kind: f.verdict for f in made.findings}  # type: ignore[attr-defined]


@pytest.mark.parametrize("seed", range(5))
def test_a_gap_with_a_turning_record_is_confirmed(tmp_path: Path, seed: int) -> None:
    view = counted_view(GAP, folder=tmp_path)
    view.history = record(tmp_path, "over", seed)
    made = training_record(view)
    check_evidence(made)
    assert verdicts(made) == {"overfitting": "confirmed", "underfitting": "refuted"}
    finding = made.findings[0]
    assert finding.bug == "training_parameter"
    assert finding.q is not None
    assert finding.q <= 0.05
    assert finding.tests[0].effect == pytest.approx(0.23)
    assert "both demands" in finding.tests[0].statistic
    assert [i.finding for i in view.instruments] == [f.key for f in made.findings]
    assert "best" in made.figures[0].alt.lower()


def test_the_shipped_demo_is_not_called_overfitted(tmp_path: Path) -> None:
    view = counted_view(GAP, folder=tmp_path)
    view.history = DEMO
    made = training_record(view)
    check_evidence(made)
    assert verdicts(made)["overfitting"] == "refuted"
    assert any("differ from the validation images" in n for n in made.notes)
    assert made.fact("best_epoch", "by val_loss").value == 16
    (test,) = made.findings[0].tests  # the recorded gap refuted it, and not the gap of today
    recorded = made.fact("generalisation_gap", "training record")
    assert (test.effect, test.ci) == (recorded.value, recorded.ci)
    assert "end of the training record" in test.statistic
    assert test.p < 1e-6 and test.q is None  # 4.0 points, half an interval 0.8 wide: certainly not none
    assert test.n == 0 and "image" not in result(test)
    assert made.findings[0].p == test.p
    (plan,) = (i for i in view.instruments if i.finding == made.findings[0].key)
    assert test.statistic in plan.statistic and "10.0 points" in plan.statistic


def test_a_gap_without_a_record_stays_open(tmp_path: Path) -> None:
    made = training_record(counted_view(GAP, folder=tmp_path))
    check_evidence(made)
    assert verdicts(made)["overfitting"] == "inconclusive"
    assert ABSENT in made.notes
    assert any("would show" in n for n in made.notes)
    assert not made.figures


def test_no_gap_refutes_whatever_the_record_says(tmp_path: Path) -> None:
    view = counted_view(NO_GAP, folder=tmp_path)
    view.history = record(tmp_path, "over")
    made = training_record(view)
    assert verdicts(made) == {"overfitting": "refuted", "underfitting": "refuted"}
    (test,) = made.findings[0].tests  # by the gap of today alone, and its own p
    assert test.ci[1] < 0.05 and test.effect == pytest.approx(
        made.fact("accuracy_drop_same_mix", "train to data").value
    )
    assert "trend" not in test.statistic and test.n == 1600


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("short", "confirmed"),
        ("plateau", "inconclusive"),
        ("guessing", "confirmed"),
        ("broken", "confirmed"),
        ("had", "inconclusive"),  # 99 % right when training ended: it had learnt, and is fed differently now
        (None, "inconclusive"),
    ],
)
def test_underfitting_needs_low_training_accuracy_and_a_record_that_says_so(
    tmp_path: Path, shape: str | None, expected: str
) -> None:
    view = counted_view(POOR, folder=tmp_path)
    view.history = record(tmp_path, shape) if shape else None
    made = training_record(view)
    check_evidence(made)
    assert verdicts(made)["underfitting"] == expected
    assert verdicts(made)["overfitting"] == "refuted"


def test_divergence_is_said_first(tmp_path: Path) -> None:
    view = counted_view(POOR, folder=tmp_path)
    view.history = record(tmp_path, "broken")
    assert "From epoch 21 on the training loss is no finite number." in training_record(view).summary


def test_a_record_without_training_images_raises_a_hypothesis_only(tmp_path: Path) -> None:
    view = counted_view({"data": GAP["data"]}, folder=tmp_path)
    view.history = record(tmp_path, "over")
    made = training_record(view)
    check_evidence(made)
    assert verdicts(made) == {"overfitting": None}
    assert not view.instruments
    assert any("--train" in n for n in made.notes)


def test_neither_record_nor_training_images(tmp_path: Path) -> None:
    made = training_record(counted_view({"data": GAP["data"]}, folder=tmp_path))
    check_evidence(made)
    assert not made.findings
    assert made.summary == ABSENT


def test_an_unreadable_record_is_said_and_the_gap_measured(tmp_path: Path) -> None:
    view = counted_view(GAP, folder=tmp_path)
    view.history = tmp_path / "broken.csv"
    view.history.write_bytes(b"\0\1\2" * 50)
    made = training_record(view)
    check_evidence(made)
    assert "can't be used" in made.summary
    assert verdicts(made)["overfitting"] == "inconclusive"


def test_the_gap_can_be_left_unmeasured(tmp_path: Path) -> None:
    view = counted_view(GAP, folder=tmp_path)
    view.history = record(tmp_path, "flat")
    made = training_record(view, measure_gap=False)
    assert not made.findings
    assert not view.instruments


def test_a_bending_record_and_no_gap_in_random_cases_confirm_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(7)
    confirmed = 0
    for i in range(40):
        right, held = rng.binomial(500, 0.95), rng.binomial(150, 0.95)
        view = counted_view(
            {
                "data": [[held, 150 - held], [150 - held, held]],
                "train": [[right, 500 - right], [500 - right, right]],
            }
        )
        view.history = record(tmp_path, "flat", i)
        confirmed += sum(f.verdict == "confirmed" for f in training_record(view).findings)
    assert confirmed == 0


def test_hostile_names_are_made_harmless(tmp_path: Path) -> None:
    view = counted_view(GAP, folder=tmp_path)
    view.history = tmp_path / "log.csv"
    view.history.write_text(
        "epoch,train_loss,\x1b[31mevil\u202e_loss_val,x\x07\n1,1,1,2\n2,0.9,1,2\n3,0.8,1,2\n"
    )
    text = training_record(view).text(5000)
    assert "\x1b" not in text
    assert "\u202e" not in text


@pytest.mark.parametrize(
    "path", sorted(DEMO.parent.parent.glob("overfitted_*/history.csv")), ids=lambda p: p.parent.name
)
def test_the_records_of_models_that_were_overfitted_on_purpose_show_it(path: Path, tmp_path: Path) -> None:
    view = counted_view(GAP, folder=tmp_path)
    view.history = path
    assert verdicts(training_record(view))["overfitting"] == "confirmed"


def test_the_record_reaches_the_tool_through_the_agent_loop(tmp_path: Path) -> None:
    table, model = television_world(60)
    case = FakeCase(tmp_path / "case", {"data": table}, model, history=str(record(tmp_path, "over")))
    planner = ScriptedPlanner([call("training_record"), AIMessage("Training went as the record shows.")])
    events = list(Session(case, planner=planner).say("did the training go well?"))
    made = [e for e in events if isinstance(e, EvidenceMade)]
    assert made
    assert "validation loss rises" in case.evidence("training_record")[0].summary
    case.close()
