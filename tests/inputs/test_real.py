"""Third-party models on real photographs give the figures known from elsewhere (../shared/DATA.md)."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest

from failsight.tools.engine import predict
from failsight.tools.inputs import open_images, open_model
from failsight.tools.inputs.models.scoring import ScoringModel
from failsight.tools.inputs.table import Images

pytestmark = pytest.mark.shared_data

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
CIFAR = {
    "cifar_resnet20": ("cifar10_resnet20.safetensors", 0.810),
    "cifar_resnet56": ("cifar10_resnet56.safetensors", 0.832),
    "cifar_resnet4b_robust": ("cifar10_resnet4b_robust.safetensors", 0.765),
}


@pytest.fixture(scope="module")
def roomnet() -> ScoringModel:
    """Opened once: its program is long, and torch compiles it anew each time."""
    return open_model(SHARED / "models" / "roomnet.pt")


def some(table: Images, each: int) -> Images:
    """Every k-th picture, so that ``each`` of a class are left."""
    from dataclasses import replace

    keep = np.concatenate([np.flatnonzero(table.labels == c)[:each] for c in np.unique(table.labels)])
    return replace(
        table,
        paths=[table.paths[i] for i in keep],
        labels=table.labels[keep],
        columns={name: [values[i] for i in keep] for name, values in table.columns.items()},
        index=table.index[keep],
        fingerprint=f"{table.fingerprint}-{each}",
    )


def cifar(shared: Path, arch: str) -> ScoringModel:
    return open_model(shared / "models" / CIFAR[arch][0], arch=arch)


def test_resnet20_on_three_hundred_images(shared_data: Path) -> None:
    model = cifar(shared_data, "cifar_resnet20")
    table = some(open_images(shared_data / "cifar10", classes=model.classes), 30)
    made = predict(table, model)
    assert len(made) == 300
    assert abs(made.correct.mean() - 0.81) < 0.07  # three standard errors
    assert model.feature_layer == "layer3"
    assert model.outputs == "logits"


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("arch", CIFAR)
def test_all_ten_thousand(arch: str, shared_data: Path, tmp_path: Path) -> None:
    model = cifar(shared_data, arch)
    table = open_images(shared_data / "cifar10", classes=model.classes, cache_folder=tmp_path)
    made = predict(table, model, cache_folder=tmp_path)
    assert len(made) == 10_000
    assert made.correct.mean() == pytest.approx(CIFAR[arch][1], abs=5e-4)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 1_048_576  # KiB
    if arch == "cifar_resnet20":
        recall = {c: made.correct[made.labels == i].mean() for i, c in enumerate(model.classes)}
        for name, value in {"bird": 0.68, "cat": 0.70, "dog": 0.71, "truck": 0.94}.items():
            assert recall[name] == pytest.approx(value, abs=0.006)


def test_houses_with_their_metadata(shared_data: Path) -> None:
    classes = ("Backyard", "Bathroom", "Bedroom", "Frontyard", "Kitchen", "LivingRoom")
    houses = shared_data / "houses"
    table = open_images(
        houses,
        classes=classes,
        class_map={"frontal": "Frontyard"},
        metadata=(houses / "houses.csv", "house"),
    )
    assert len(table) == 535 * 4
    assert set(table.columns) == {"bedrooms", "bathrooms", "area_sqft", "zipcode", "price_usd"}
    assert all(value is not None for value in table.columns["price_usd"])
    assert len(set(table.digests)) < len(table)  # there are exact duplicates
    without = open_images(houses, classes=classes)
    assert len(without) == 535 * 3
    assert any("--map frontal=Frontyard" in note for note in without.notes)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_roomnet_on_both_sets(roomnet: ScoringModel, shared_data: Path, tmp_path: Path) -> None:
    model = roomnet
    rooms = open_images(shared_data / "rooms6" / "eval", classes=model.classes)
    made = predict(rooms, model, cache_folder=tmp_path)
    recall = {model.classes[c]: made.correct[made.labels == c].mean() for c in np.unique(made.labels)}
    for name, value in {"Bathroom": 0.64, "Kitchen": 0.47, "Bedroom": 0.44, "LivingRoom": 0.38}.items():
        assert recall[name] == pytest.approx(value, abs=0.025)  # the reference resized with other code
    houses = open_images(shared_data / "houses", classes=model.classes, class_map={"frontal": "Frontyard"})
    assert predict(houses, model, cache_folder=tmp_path).correct.mean() == pytest.approx(0.70, abs=0.03)


def test_roomnet_can_be_looked_into(roomnet: ScoringModel, shared_data: Path) -> None:
    """Published as TorchScript, where hooks never fire; its replay gives the same numbers to the bit."""
    import torch

    model = roomnet
    table = open_images(shared_data / "rooms6" / "eval", classes=model.classes)
    pixels = np.stack([model.prepare(table.open(row)) for row in (0, 150)])
    assert model.outputs == "logits"
    assert model.feature_layer == "feature_maps"
    with torch.inference_mode():
        np.testing.assert_allclose(
            model.torch_module()(model.normalise(pixels)).numpy(), model.logits(pixels), atol=1e-4
        )


def test_imagenet_manifest(shared_data: Path) -> None:
    table = open_images(shared_data / "imagenet250")
    assert len(table) == 250
    assert table.format == "manifest"
    assert table.columns["class_index"][0] == 0.0
    assert {table.open(row).mode for row in range(0, 250, 25)} == {"RGB"}
