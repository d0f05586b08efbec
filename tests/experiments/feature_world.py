"""Red and blue rooms with a white patch, and a network whose four features are red, green, blue and white."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.fakes.view import FakeModel, FakeTable, FakeView

CLASSES = ("red_room", "blue_room")
RED, GREEN, BLUE, WHITE = range(4)


def colour_net(*, hidden: bool = False, inplace: bool = False) -> Any:
    """Maps of red, green, blue (each minus half of the other two) and white, averaged over space, then a linear layer: white speaks for ``red_room``.

    ``hidden``: another layer between, which passes the four features on, so that features are not averaged maps."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    conv = nn.Conv2d(3, 4, 3, stride=2, padding=1)
    head = nn.Linear(4, 2)
    layers: list[Any] = [conv, nn.ReLU(inplace=inplace), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    if hidden:
        between = nn.Linear(4, 4)
        with torch.no_grad():
            between.weight.copy_(2 * torch.eye(4))
            between.bias.zero_()
        layers += [between, nn.ReLU(inplace=inplace)]
    net = nn.Sequential(*layers, head).eval()
    with torch.no_grad():
        conv.weight.zero_()
        for c in (RED, GREEN, BLUE):
            conv.weight[c, :, 1, 1] = -0.5
            conv.weight[c, c, 1, 1] = 1.0
        conv.weight[WHITE, :, 1, 1] = 1.0
        conv.bias.copy_(torch.tensor([0.0, 0.0, 0.0, -2.4]))
        pull = torch.tensor([4.0, 0.0, -4.0, 40.0])
        head.weight.copy_(torch.stack([pull, -pull]))
        head.bias.zero_()
    return net


def rooms(
    n: int = 400, seed: int = 0, size: int = 24, share: float = 0.3, bad: tuple[int, ...] = ()
) -> FakeTable:
    """``share`` of the rooms of either kind show a white patch of a third of the side; the attribute ``patch`` says so."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, n)
    patch = rng.random(n) < share
    pixels = rng.integers(30, 60, (n, size, size, 3)).astype(np.uint8)
    tint = rng.integers(40, 120, n).astype(np.uint8)  # so that the patch is not read off the walls
    pixels[labels == 0, :, :, 0] += tint[labels == 0, None, None]
    pixels[labels == 1, :, :, 2] += tint[labels == 1, None, None]
    edge = size // 3
    boxes: list[dict[str, Any]] = [{} for _ in range(n)]
    for i in np.flatnonzero(patch):
        x, y = rng.integers(0, size - edge, 2)
        pixels[i, y : y + edge, x : x + edge] = 255
        boxes[i] = {"patch": [(x / size, y / size, (x + edge) / size, (y + edge) / size)]}
    noise = rng.random(n) < 0.05
    labels = np.where(noise, 1 - labels, labels)
    columns = {
        "patch": ["yes" if p else "no" for p in patch],
        "wall": rng.choice(["plain", "paper"], n).tolist(),
    }
    return FakeTable(pixels, labels.tolist(), CLASSES, columns, boxes, bad)


def redness(pixels: np.ndarray) -> np.ndarray:
    """What the first map shows: (n, h / 2, w / 2)."""
    seen = pixels[:, ::2, ::2].astype(np.float32) / 255
    return np.maximum(seen[..., 0] - seen[..., 1] / 2 - seen[..., 2] / 2, 0)


def case(table: FakeTable | None = None, net: Any = None, **more: Any) -> FakeView:
    """A case over such rooms."""
    made = rooms() if table is None else table
    size = made.pixels.shape[1:3]
    return FakeView({"data": made}, FakeModel(None, CLASSES, size, module=net or colour_net()), **more)
