"""Features of the last maps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from failsight.tools.engine import features as features_module
from failsight.tools.engine import predict
from failsight.tools.engine.features import head_layer, pooled_features, sampled_features, tap
from failsight.tools.errors import RetryError
from failsight.tools.inputs import open_model
from tests.engine.doubles import CLASSES, ChannelModel, Drawn


def test_features_are_the_maps_mean(tmp_path: Path) -> None:
    import torch
    from torch import nn

    net = nn.Sequential(
        nn.Conv2d(3, 5, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3)
    ).eval()
    torch.jit.script(net).save(tmp_path / "m.pt")
    (tmp_path / "m.json").write_text(json.dumps({"classes": list(CLASSES), "input_size": 16}))
    model, table = open_model(tmp_path / "m.pt"), Drawn(20, bad=(4,))
    rows, features = pooled_features(table, model, np.arange(20), batch=6)
    assert rows.tolist() == [i for i in range(20) if i != 4]
    pixels = np.stack([model.prepare(table.open(int(r))) for r in rows])
    with torch.no_grad():
        maps = net[:2](model.normalise(pixels))
    np.testing.assert_allclose(features, maps.mean((2, 3)).numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        net[4](torch.from_numpy(features)).detach().numpy(), model.logits(pixels), rtol=1e-3, atol=1e-4
    )
    assert not any(m._forward_hooks for m in model.torch_module().modules())
    assert pooled_features(table, model, np.array([4]))[1].shape == (0, 0)


def test_a_model_without_layers_says_so() -> None:
    class Closed(ChannelModel):
        def torch_module(self) -> None:
            return None

    with pytest.raises(RetryError, match=r"no inner layers"):
        pooled_features(Drawn(3), Closed(), np.arange(3))


class Head(ChannelModel):
    """A torch network over pixels scaled to [0, 1]; ``hooks`` left on it would be found."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.net = nn.Sequential(*layers).eval()

    def torch_module(self) -> nn.Module:
        return self.net

    def normalise(self, pixels: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(pixels.transpose(0, 3, 1, 2) / np.float32(255))

    def logits(self, pixels: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return self.net(self.normalise(pixels)).numpy()

    @property
    def hooks(self) -> bool:
        return any(m._forward_hooks or m._forward_pre_hooks for m in self.net.modules())


def _model() -> Head:
    torch.manual_seed(0)
    return Head(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3))


def test_features_ride_along_with_the_predictions(tmp_path: Path) -> None:
    model, table = _model(), Drawn(40, bad=(7,))
    made = predict(table, model, cache_folder=tmp_path / "cache", batch=6)
    assert made.features is not None
    rows, alone = pooled_features(table, model, np.arange(40), batch=6)
    assert made.rows.tolist() == rows.tolist()
    np.testing.assert_allclose(made.features, alone, rtol=2e-3, atol=2e-3)
    again = predict(table, model, cache_folder=tmp_path / "cache", batch=6)
    assert again.cached
    np.testing.assert_array_equal(again.features, made.features)
    assert not model.hooks


def test_a_batch_that_runs_out_of_memory_is_heard_once() -> None:
    class OutOfMemoryError(RuntimeError):
        """As torch calls it."""

    class Small(Head):
        def logits(self, pixels: np.ndarray) -> np.ndarray:
            made = super().logits(pixels)
            if len(pixels) > 4:
                raise OutOfMemoryError
            return made

    torch.manual_seed(0)
    layers = (nn.Conv2d(3, 5, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 3))
    small, table = Small(*layers), Drawn(30)
    made = predict(table, small, batch=8)
    assert made.features is not None
    np.testing.assert_allclose(made.features, pooled_features(table, small, np.arange(30))[1], atol=2e-3)


def test_a_layer_that_is_heard_too_often_costs_the_features_only() -> None:
    class Twice(Head):
        def logits(self, pixels: np.ndarray) -> np.ndarray:
            if int(pixels[0, 0, 0, 0]) % 2:  # some batches are run twice
                super().logits(pixels)
            return super().logits(pixels)

    made = predict(Drawn(40), Twice(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 3)), batch=4)
    assert len(made) == 40
    assert made.features is None


def test_too_many_features_are_sampled_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    model, table = _model(), Drawn(1200)
    monkeypatch.setattr("failsight.tools.engine.local.MOST_VALUES", 100)
    monkeypatch.setattr(features_module, "MOST_VALUES", 100)
    made = predict(table, model, batch=64)
    assert made.features is None
    kept: dict[str, Any] = {}

    def read() -> tuple[np.ndarray, np.ndarray]:
        return sampled_features(
            table, model, made, seed=3, cached=lambda key: kept.get(str(key)),
            store=lambda key, arrays: kept.update({str(key): dict(arrays)}),
        )  # fmt: skip

    rows, features = read()
    assert len(rows) == len(features) == 1000
    assert (np.diff(rows) > 0).all()
    assert len(kept) == 1
    same, known = read()
    np.testing.assert_array_equal(same, rows)
    np.testing.assert_allclose(known, features, rtol=2e-3, atol=2e-3)


def test_the_head_is_the_layer_that_gives_the_scores() -> None:
    model = Head(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(48, 3), nn.ReLU(), nn.Linear(3, 3))
    assert head_layer(model) == "4"
    listening = tap(model)
    assert listening is not None
    assert listening.side == "input"
    with pytest.raises(RuntimeError, match="stop"), listening:
        raise RuntimeError("stop")
    assert not model.hooks
    assert head_layer(Head(nn.AdaptiveAvgPool2d(1), nn.Flatten())) is None


def test_a_torchscript_program_gives_its_features_in_the_same_pass(tmp_path: Path) -> None:
    net = _model().net
    torch.jit.script(net).save(tmp_path / "m.pt")
    (tmp_path / "m.json").write_text(json.dumps({"classes": list(CLASSES), "input_size": 16}))
    model, table = open_model(tmp_path / "m.pt"), Drawn(20)
    made = predict(table, model, batch=6)
    assert made.features is not None
    pixels = np.stack([model.prepare(table.open(int(r))) for r in made.rows])
    with torch.inference_mode():
        script = model.module(model.normalise(pixels)).softmax(1).numpy()
    np.testing.assert_allclose(made.scores, script, atol=1e-5)
    np.testing.assert_allclose(made.features, pooled_features(table, model, made.rows)[1], atol=2e-3)
