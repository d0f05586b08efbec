"""Features of the last maps."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from failsight.tools.engine.features import pooled_features
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
