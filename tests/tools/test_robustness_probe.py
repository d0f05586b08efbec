"""robustness_probe on models whose weakness is planted: one that counts light, one that counts contrast, one that is flat."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from failsight.tools.errors import ModelFails, RetryError
from failsight.tools.experiments.robustness import cells_of, stratified
from failsight.tools.robustness_probe import robustness_probe
from failsight.tools.view import Expectation
from tests.fakes.view import FakeModel, FakeTable, FakeView
from tests.tools.cases import check_evidence, check_spec

CLASSES = ("day", "night")
SIDE = 16
LIGHT = ("darker", "brighter", "low_contrast", "gaussian_blur", "rotation")


def rooms(n: int = 120, seed: int = 0, bad: Sequence[int] = ()) -> FakeTable:
    """Day rooms are 150 bright, night rooms 70, each with some texture."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    level = np.where(labels == 0, 150, 70)[:, None, None, None]
    return FakeTable(level + rng.integers(-15, 16, (n, SIDE, SIDE, 3)), labels, CLASSES, bad=bad)


def by_light(x: np.ndarray) -> np.ndarray:
    """Day above a mean of 110."""
    pull = 40 * (x.mean((1, 2, 3)) - 110 / 255)
    return np.stack([pull, -pull], 1)


def by_hue(x: np.ndarray) -> np.ndarray:
    """Sees nothing that these perturbations change: the sign of red minus blue."""
    pull = 1e3 * (x[..., 0] - x[..., 2]).mean((1, 2))
    return np.stack([pull, -pull], 1)


def view_of(
    rule: Any = by_light, expected: Sequence[Expectation] = (), folder: Path | None = None, **more: Any
) -> FakeView:
    return FakeView(
        {"data": rooms(**more)}, FakeModel(rule, CLASSES, (SIDE, SIDE)), expectations=expected, folder=folder
    )


def coloured(n: int = 120) -> FakeView:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, n)
    pixels = np.full((n, SIDE, SIDE, 3), 100)
    pixels[labels == 0, :, :, 0] += 60
    pixels[labels == 1, :, :, 2] += 60
    return FakeView({"data": FakeTable(pixels, labels, CLASSES)}, FakeModel(by_hue, CLASSES, (SIDE, SIDE)))


def test_perturbed_pictures_on_which_the_model_fails_count_as_wrong_and_are_counted() -> None:
    def dazzled(x: np.ndarray) -> np.ndarray:
        if (x.mean((1, 2, 3)) > 0.8).any():
            raise ModelFails("ValueError: too light", len(x))
        return by_light(x)

    view = view_of(dazzled)
    made = robustness_probe(view, perturbations=("brighter",), severities=(1, 5), sample=100)
    (told,) = [n for n in made.notes if "gives no answer" in n]
    silent = int(told.split()[1])
    assert 30 < silent < 100 and told.startswith(f"To {silent} of these 200 perturbed pictures")
    assert made.fact("accuracy", "brighter severity 5").value < 1 - silent / 100 + 0.01
    assert made.fact("accuracy", "brighter severity 1").value > 0.4


def test_its_arguments_are_described_and_bounded() -> None:
    check_spec(robustness_probe)


def test_a_model_that_counts_light_fails_in_the_dark_and_nowhere_else(tmp_path: Path) -> None:
    view = view_of(folder=tmp_path)
    made = robustness_probe(view, perturbations=LIGHT, sample=100)
    check_evidence(made)
    assert made.fact("accuracy", "sample as it is").value == 1
    assert made.fact("accuracy", "darker severity 1").value == 1  # 150 · 0.8 = 120
    assert made.fact("accuracy", "darker severity 2").value == pytest.approx(
        np.mean(view.table().labels[:100] == 1), abs=0.1
    )
    assert made.fact("withstood_severity", "darker").value == 1
    assert made.fact("withstood_severity", "rotation").value == 5
    drop = made.fact("accuracy_drop", "darker severity 3")
    assert drop.ci is not None
    assert drop.ci[0] > 0.3
    (hypothesis,) = [f for f in made.findings if f.slice == {"perturbation": "darker"}]
    assert hypothesis.verdict is None
    assert all(f.verdict is None for f in made.findings)  # nobody said what is expected
    assert view.instruments == []
    assert made.questions == ("performance.7",)
    assert len(made.figures) == 2
    weakest = next(t for t in made.tables if t.title == "Weakest classes")
    assert weakest.rows[0][0] == "day"
    assert "No adversarial check" in " ".join(made.notes)
    assert len(made.images) > 0


def test_an_expectation_that_clearly_fails_under_a_mild_perturbation_is_confirmed() -> None:
    view = view_of(expected=[Expectation("accuracy", 0.8)])
    made = robustness_probe(view, perturbations=("darker", "rotation"), sample=100)
    (finding,) = made.findings
    assert finding.verdict == "confirmed"
    assert (finding.kind, finding.failure, finding.slice) == (
        "weak_slice",
        "robustness",
        {"perturbation": "darker"},
    )
    assert finding.q is not None
    assert finding.q < 1e-3
    assert {i.finding for i in view.instruments} == {finding.key, finding.key.replace("darker", "rotation")}
    assert made.fact("withstood_severity", "darker").value == 1
    assert "at least 80.0 % is sure to hold" in made.summary
    assert made.fact("withstood_severity", "rotation").value == 5


@pytest.mark.parametrize(
    "expected",
    [
        [Expectation("accuracy", 0.3)],  # met even in the dark
        [Expectation("ece", 0.1, at_least=False)],  # nothing that this sample can be held to
        [Expectation("deploy.accuracy", 0.99)],  # of other images
    ],
)
def test_nothing_is_confirmed_where_no_expectation_fails(expected: list[Expectation]) -> None:
    made = robustness_probe(view_of(expected=expected), perturbations=LIGHT, sample=100)
    assert all(f.verdict is None for f in made.findings)


def test_a_bound_missed_before_anything_is_perturbed_is_not_blamed_on_the_weather() -> None:
    view = FakeView(
        {"data": rooms()}, FakeModel(lambda x: by_light(x) * 0 + [1, 0], CLASSES, (SIDE, SIDE)),
        expectations=[Expectation("accuracy", 0.8)],
    )  # fmt: skip
    made = robustness_probe(view, perturbations=LIGHT, sample=100)
    assert made.findings == ()
    assert "Already as they are" in made.summary


def test_an_error_rate_and_a_recall_are_expectations_too() -> None:
    made = robustness_probe(
        view_of(expected=[Expectation("error_rate", 0.2, False)]), perturbations=("darker",)
    )
    assert [f.verdict for f in made.findings] == ["confirmed"]
    view = view_of(expected=[Expectation("recall.day", 0.8), Expectation("accuracy", 0.8)])
    one = robustness_probe(view, perturbations=("darker",), class_name="Day")
    assert "recall.day of at least 80.0 %" in one.summary
    assert one.fact("accuracy", "darker severity 2").value == 0


def test_a_model_that_nothing_touches_raises_nothing() -> None:
    made = robustness_probe(coloured(), perturbations=LIGHT, sample=100)
    check_evidence(made)
    assert made.findings == ()
    assert "under 5 of 5 perturbations" in made.summary
    assert made.images == ()


def test_the_same_call_gives_the_same_and_finished_pieces_are_not_run_again() -> None:
    view = view_of()
    first = robustness_probe(view, perturbations=LIGHT, sample=60)
    before = view.model().seen
    again = robustness_probe(view, perturbations=LIGHT, sample=60)
    assert again == first
    assert view.model().seen - before <= 3 * len(
        view.table()
    )  # the prediction table, which the fake does not keep
    assert robustness_probe(view_of(), perturbations=LIGHT, sample=60) == first


def test_a_torch_model_is_attacked_and_a_linear_one_breaks_as_computed(tmp_path: Path) -> None:
    import torch
    from torch import nn

    net = nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE * 3, 2)).eval()
    with torch.no_grad():  # margin = mean − 110, in pixel steps
        net[1].weight[0], net[1].weight[1] = 255 / (SIDE * SIDE * 3), 0
        net[1].bias[:] = torch.tensor([-146.0, 0])
    view = FakeView({"data": rooms()}, FakeModel(None, CLASSES, (SIDE, SIDE), module=net), folder=tmp_path)
    made = robustness_probe(view, perturbations=("fog",), severities=(1, 3), sample=60, attacked=20)
    check_evidence(made)
    level = view.table().pixels.mean((1, 2, 3))
    near = (level > 146) & (level < 154)
    assert near.sum() > 10  # day rooms lie about four steps from the border
    pgd = made.fact("accuracy", "attack pgd linf 8/255")
    assert pgd.value == pytest.approx(made.fact("accuracy", "attack fgsm linf 8/255").value)
    assert pgd.n == 20
    day = float(np.mean(view.table().labels == 0))
    assert pgd.value == pytest.approx(1 - day, abs=0.25)
    assert made.fact("accuracy", "attack noise linf 8/255").value == 1
    assert made.fact("accuracy", "attack pgd linf 1/255").value == 1
    assert made.fact("gradient_masking").value is False
    assert "PGD" in made.summary


def test_cut_off_outputs_are_said_to_hide_the_gradient() -> None:
    from torch import nn

    class Capped(nn.Module):
        def forward(self, x: Any) -> Any:
            import torch

            pull = 2000 * (x.mean((1, 2, 3)) - 110 / 255)
            return torch.stack([pull, -pull], 1).clamp(0, 6)

    view = FakeView({"data": rooms()}, FakeModel(None, CLASSES, (SIDE, SIDE), module=Capped().eval()))
    made = robustness_probe(view, perturbations=("fog",), severities=(1,), sample=40, attacked=20)
    assert made.fact("gradient_masking").value is True
    assert made.fact("zero_gradient").value == 1
    assert any("exactly zero" in n for n in made.notes)
    assert "says nothing about its strength" in made.summary


class TestHostile:
    def test_unknown_names_are_answered_with_those_that_exist(self) -> None:
        with pytest.raises(RetryError, match="darker"):
            robustness_probe(view_of(), perturbations=("hail",))
        with pytest.raises(RetryError, match="1 to 5"):
            robustness_probe(view_of(), severities=(6,))
        with pytest.raises(RetryError, match="day, night"):
            robustness_probe(view_of(), class_name="dusk")
        with pytest.raises(RetryError):
            robustness_probe(view_of(), split="deploy")

    def test_a_black_box_is_told_that_the_model_is_missing(self) -> None:
        assert robustness_probe.__failsight_tool__.needs == ("model",)  # type: ignore[attr-defined]

    def test_bad_images_one_class_and_a_handful(self) -> None:
        made = robustness_probe(view_of(bad=(0, 3, 5)), perturbations=("fog",), sample=50)
        assert any("left out" in n for n in made.notes)
        few = FakeView({"data": rooms(3)}, FakeModel(by_light, CLASSES, (SIDE, SIDE)))
        check_evidence(robustness_probe(few, perturbations=("fog", "darker"), severities=(5,)))

    def test_scores_that_are_not_finite_count_as_wrong(self) -> None:
        def breaks(x: np.ndarray) -> np.ndarray:
            made = by_light(x)
            made[x.mean((1, 2, 3)) < 0.2] = np.nan
            return made

        made = robustness_probe(view_of(breaks), perturbations=("darker",), severities=(5,))
        assert made.fact("accuracy", "darker severity 5").value == 0


def test_a_sample_keeps_the_classes_in_proportion() -> None:
    labels = np.repeat([0, 1, 2], [900, 90, 10])
    at = stratified(labels, 100, 0)
    assert np.bincount(labels[at]).tolist() == [90, 9, 1]
    assert np.array_equal(at, stratified(labels, 100, 0))
    assert not np.array_equal(at, stratified(labels, 100, 1))
    assert np.bincount(labels[stratified(np.repeat([0, 1, 2], [998, 1, 1]), 10, 0)]).sum() == 10
    assert len(stratified(np.arange(50), 10, 0)) == 10
    assert len(stratified(labels, 5000, 0)) == 1000


def test_cells_by_hand() -> None:
    clean = np.array([True] * 8 + [False] * 2)
    right = np.array([[[True] * 4 + [False] * 4 + [True, False]]])
    (cell,) = cells_of(clean, right, ["fog"], [1])
    assert cell.rate == 0.5
    assert cell.drop == pytest.approx(0.3)
    assert cell.p == pytest.approx(6 / 32)  # 4 or 5 of 5 discordant ones
    assert cell.drop_ci[0] < 0.3 < cell.drop_ci[1]


@pytest.mark.slow
@pytest.mark.timeout(1500)
@pytest.mark.shared_data
def test_an_adversarially_trained_network_withstands_what_breaks_an_ordinary_one(shared_data: Path) -> None:
    from PIL import Image

    from failsight.tools.inputs import open_model
    from tests.inputs.test_real import CIFAR

    left = {}
    for arch in ("cifar_resnet20", "cifar_resnet4b_robust"):
        model = open_model(shared_data / "models" / CIFAR[arch][0], arch=arch)
        files = [
            (f, i)
            for i, c in enumerate(model.classes)
            for f in sorted((shared_data / "cifar10" / "test" / c).glob("*.jpg"))[:10]
        ]
        pixels = np.stack([np.asarray(Image.open(f).convert("RGB")) for f, _ in files])
        view = FakeView({"data": FakeTable(pixels, [i for _, i in files], model.classes)}, model)  # type: ignore[arg-type]
        made = robustness_probe(
            view, perturbations=("fog", "gaussian_noise"), severities=(1, 3), attacked=100
        )
        left[arch] = made.fact("accuracy", "attack pgd linf 2/255")
        assert made.fact("gradient_masking").value is False
    ordinary, robust = left.values()
    assert robust.ci is not None
    assert ordinary.ci is not None
    assert robust.ci[0] > ordinary.ci[1] + 0.3


def test_the_agent_runs_it_and_a_weakness_becomes_a_finding_of_the_case(tmp_path: Path) -> None:
    from failsight.agent.planners.scripted import ScriptedPlanner, call
    from failsight.agent.session import Session
    from tests.fakes.case import FakeCase

    with FakeCase(tmp_path / "case", {"data": rooms()}, FakeModel(by_light, CLASSES, (SIDE, SIDE))) as case:
        planner = ScriptedPlanner(
            [
                call("robustness_probe", "to see", perturbations=["darker", "fog"], sample=60),
                "It fails in the dark.",
            ]
        )
        session = Session(case, planner=planner, policy="auto")
        list(session.say("does it work in the dark?"))
        (made,) = case.evidence("robustness_probe")
        check_evidence(made)
        assert any(f.slice == {"perturbation": "darker"} for _, f in case.findings())
        assert case.state().confirmed() == []
        session.close()


@pytest.mark.slow
def test_the_rest_of_the_workflow_can_live_with_such_a_finding(tmp_path: Path) -> None:
    from failsight.agent.session import Session
    from tests.fakes.case import FakeCase

    with FakeCase(tmp_path / "case", {"data": rooms()}, FakeModel(by_light, CLASSES, (SIDE, SIDE))) as case:
        case.call("robustness_probe", {"perturbations": ["darker", "fog"], "sample": 60})
        session = Session(case, policy="auto")
        assert list(session.auto())
        session.close()
