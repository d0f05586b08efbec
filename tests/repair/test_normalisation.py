"""Statistics of batch normalisation from pictures of use: what they become, and what they mend."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Finding
from failsight.tools.inputs import open_model
from failsight.tools.repair import normalisation
from failsight.tools.repair.versions import open_version
from failsight.tools.retrain import retrain
from tests.fakes.view import FakeTable, FakeView
from tests.repair import square_world as world

SHIFT = Finding(
    "distribution_shift", "robustness", "data_statistics", "It is dark there.", verdict="confirmed"
)
FACTORY = """from torch import nn


def make():
    import torch

    net = nn.Sequential(nn.BatchNorm2d(3, affine=False), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
    with torch.no_grad():
        net[0].running_mean.fill_(0.5)
        net[0].running_var.fill_(0.01)
        net[3].weight.copy_(torch.tensor([[1.0, 0, 0], [-1.0, 0, 0]]))
        net[3].bias.zero_()
    return net.eval()
"""


def pictures(n: int, middle: float, seed: int) -> FakeTable:
    """Red a little above the middle, or a little below it."""
    rng = np.random.default_rng(seed)
    labels = np.tile([0, 1], n)
    red = middle * 255 + np.where(labels == 0, 20, -20)
    pixels = np.clip(red[:, None, None, None] + rng.normal(0, 8, (2 * n, 8, 8, 3)), 0, 255)
    return FakeTable(pixels, labels, ("over", "under"))


@pytest.fixture
def view(tmp_path: Path) -> FakeView:
    (tmp_path / "net.py").write_text(FACTORY)
    side = {"classes": ["over", "under"], "input_size": [8, 8], "crop": "stretch", "mean": [0, 0, 0], "std": [1, 1, 1], "outputs": "logits"}  # fmt: skip
    (tmp_path / "net.json").write_text(json.dumps(side))
    tables = {"data": pictures(40, 0.5, 1), "train": pictures(60, 0.5, 2), "deploy": pictures(300, 0.2, 3)}
    made = FakeView(
        tables, open_model(f"{tmp_path / 'net.py'}:make", trust_code=True), folder=tmp_path / "case"
    )
    made.stated = [("F1", SHIFT)]
    return made


def error(view: FakeView, version: str, split: str) -> float:
    table, model = view.table(split), view.model()
    if version:
        kept = next(v for v in view.versions() if v.name == version)
        model = open_version(view.folder, kept, model, trust_code=True)  # type: ignore[arg-type, assignment]
    return float((model.scores(table.pixels).argmax(1) != table.labels).mean())


def test_pictures_of_use_mend_a_shift_of_light_and_training_images_do_not(view: FakeView) -> None:
    assert error(view, "", "deploy") == 0.5
    told = retrain(view, finding="F1", strategy="adapt_normalisation")
    assert [v.name for v in view.versions()] == ["R1.1", "R1.c1", "R1.2", "R1.c2", "R1.3", "R1.c3"]
    assert all(error(view, f"R1.{s}", "deploy") < 0.05 for s in (1, 2, 3))
    assert all(error(view, f"R1.c{s}", "deploy") == 0.5 for s in (1, 2, 3))
    assert error(view, "R1.c1", "data") == 0
    assert "statistics of batch normalisation" in told.summary
    assert "held-out" not in told.summary
    used = view.versions()[0].data["deploy"]["rows"]
    assert len(used) == 300
    assert all(v.data["deploy"]["rows"] == used for v in view.versions())


def test_statistics_are_the_mixture_of_old_and_new(view: FakeView) -> None:
    model = view.model()
    network = open_model(f"{Path(view.folder).parent / 'net.py'}:make", trust_code=True).torch_module()  # type: ignore[arg-type]
    flat = np.full((48, 8, 8, 3), 51, np.uint8)
    normalisation.adapt(model, network, flat)  # type: ignore[arg-type]
    assert network[0].running_mean.numpy() == pytest.approx((48 * 0.2 + 16 * 0.5) / 64)
    assert network[0].running_var.numpy() == pytest.approx(16 * 0.01 / 64, abs=1e-6)
    assert not network.training
    assert network[0].momentum == 0.1


def test_without_deployment_images_or_normalisation_it_is_said(view: FakeView, tmp_path: Path) -> None:
    del view._tables["deploy"]
    with pytest.raises(RetryError, match="no deployment images"):
        retrain(view, finding="F1", strategy="adapt_normalisation")
    compiled = world.view(tmp_path / "other", "torchscript")
    assert "compiled" in normalisation.why_not(compiled.model())  # type: ignore[arg-type]
    assert normalisation.why_not(world.view(tmp_path / "onnx", "onnx").model())  # type: ignore[arg-type]
