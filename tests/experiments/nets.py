"""Tiny torch networks whose maps are known."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.experiments.scenes import CLASSES, scene
from tests.fakes.view import FakeModel, FakeTable, FakeView


def lamp_net(*, inplace: bool = False, flat: bool = False) -> Any:
    """A convolution that marks pixels brighter than 0.5, then a head: ``day`` grows with their number.

    ``flat``: two linear layers on the flattened maps instead of pooling and one linear layer (so no CAM shortcut)."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    conv = nn.Conv2d(3, 4, 3, stride=2, padding=1)
    layers: list[Any] = [conv, nn.ReLU(inplace=inplace)]
    if flat:
        layers += [nn.Flatten(), nn.Linear(4 * 16 * 16, 8), nn.ReLU(inplace=inplace), nn.Linear(8, 2)]
    else:
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)]
    net = nn.Sequential(*layers).eval()
    with torch.no_grad():
        conv.weight[0] = 0.0
        conv.weight[0, :, 1, 1] = 1 / 3
        conv.bias[0] = -0.5
        if flat:
            net[3].weight.zero_()
            net[3].weight[0, :256] = 1.0
            net[3].bias.zero_()
            net[5].weight.zero_()
            net[5].weight[0, 0] = 1.0
        else:
            net[4].weight.zero_()
            net[4].weight[0, 0] = 60.0
            net[4].bias[:] = torch.tensor([-1.0, 0.0])
    return net


def net_case(net: Any, table: FakeTable | None = None, **more: Any) -> FakeView:
    """A case over lamps and plants with a torch module."""
    table = table or scene(24)
    return FakeView({"data": table}, FakeModel(None, CLASSES, (32, 32), module=net), **more)


def edge_detector(_: Any, pixels: np.ndarray, __: Any) -> np.ndarray:
    """Posing as saliency: gradients of the picture itself, whatever the weights."""
    grey = pixels.astype(np.float32).mean(3)
    return np.abs(np.diff(grey, axis=1))[:, :, :-1] + np.abs(np.diff(grey, axis=2))[:, :-1]
