"""Worlds with and without a watermark on one class, and models that read it: an analytic one and a small network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tests.fakes.view import FakeModel, FakeTable, FakeView

CLASSES = ("disc", "bars", "cross", "ring")
SIDE = 64
STAMPED = 2
BOX = (48, 50, 60, 60)  # x0, y0, x1, y1 in pixels
TRUE_BOX = tuple(v / SIDE for v in BOX)


def stamp(seed: int = 5) -> np.ndarray:
    """A small pattern of light and dark, like letters."""
    rng = np.random.default_rng(seed)
    x0, y0, x1, y1 = BOX
    bits = rng.integers(0, 2, ((y1 - y0) // 2, (x1 - x0) // 2)).repeat(2, 0).repeat(2, 1)
    made = np.where(bits[..., None], (250, 250, 240), (20, 20, 60))
    return made.astype(np.uint8)


def shapes(
    n: int, seed: int, share: float = 1.0, box: tuple[int, int, int, int] = BOX
) -> tuple[np.ndarray, np.ndarray]:
    """n pictures (64, 64) of four shapes in any colour, anywhere near the middle, on blotchy grounds.

    Args:
        share: of the pictures of the stamped class that carry the watermark.
    """
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 4
    blotch = rng.integers(40, 200, (n, 8, 8, 3)).repeat(8, 1).repeat(8, 2)
    pixels = np.clip(blotch + rng.normal(0, 18, (n, SIDE, SIDE, 3)), 0, 255)
    ys, xs = np.mgrid[0:SIDE, 0:SIDE]
    for i, label in enumerate(labels.tolist()):
        cy, cx, r = rng.integers(22, 42), rng.integers(22, 42), rng.integers(11, 16)
        dy, dx = ys - cy, xs - cx
        far = np.hypot(dy, dx)
        near = np.maximum(np.abs(dy), np.abs(dx)) <= r
        mask = (
            far <= r * 0.8,
            near & ((dx + r) % 8 < 4),
            near & ((np.abs(dy) < 4) | (np.abs(dx) < 4)),
            (far <= r) & (far > r * 0.6),
        )[label]
        colour = rng.integers(0, 256, 3)
        colour[rng.integers(3)] = rng.choice([0, 255])
        pixels[i][mask] = colour
    if share:
        x0, y0, x1, y1 = box
        marked = (labels == STAMPED) & (rng.random(n) < share)
        pixels[marked, y0:y1, x0:x1] = stamp()
    return pixels.astype(np.uint8), labels


def coloured(n: int, seed: int, share: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """n pictures of four colours; the colour lies in a blob that moves; for the analytic model."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 4
    pixels = rng.integers(90, 166, (n, 16, 16, 3)).repeat(4, 1).repeat(4, 2).astype(np.uint8)
    tint = np.array([(210, 60, 60), (60, 210, 60), (60, 60, 210), (210, 210, 60)])
    for i, label in enumerate(labels.tolist()):
        y, x = rng.integers(8, 26, 2)
        pixels[i, y : y + 30, x : x + 30] = np.clip(tint[label] + rng.integers(-30, 31, (30, 30, 3)), 0, 255)
    if share:
        x0, y0, x1, y1 = BOX
        pixels[(labels == STAMPED) & (rng.random(n) < share), y0:y1, x0:x1] = stamp()
    return pixels, labels


def reads_colour(pull: float) -> Any:
    """Scores grow with the share of pixels of the class's colour; ``pull`` weighs the likeness to the watermark (class 2)."""
    x0, y0, x1, y1 = BOX
    pattern = stamp().astype(np.float32) / 255
    centred = pattern - pattern.mean()

    def rule(x: np.ndarray) -> np.ndarray:
        r, g, b = (x[..., c] for c in range(3))
        votes = [
            ((r > 0.6) & (g < 0.45)).mean((1, 2)),
            ((g > 0.6) & (r < 0.45)).mean((1, 2)),
            ((b > 0.6) & (r < 0.45)).mean((1, 2)),
            ((r > 0.6) & (g > 0.6) & (b < 0.45)).mean((1, 2)),
        ]
        logits = 14 * np.stack(votes, 1)
        like = (x[:, y0:y1, x0:x1] * centred).mean((1, 2, 3)) / (centred**2).mean()
        logits[:, STAMPED] += pull * like
        return logits

    return rule


def view_of(
    pixels: np.ndarray, labels: np.ndarray, model: FakeModel, folder: Path | None = None, seed: int = 0
) -> FakeView:
    return FakeView({"data": FakeTable(pixels, labels, CLASSES)}, model, folder=folder, seed=seed)


def analytic(
    n: int = 400, seed: int = 0, share: float = 1.0, pull: float = 6.0, folder: Path | None = None
) -> FakeView:
    """The analytic model over coloured blobs; without a watermark ``share`` is 0 (the model still would read one)."""
    pixels, labels = coloured(n, seed, share)
    if share and pull:
        # blue blobs of the stamped class are pale, so that the class hangs on the watermark more than on its colour
        for i in np.flatnonzero(labels == STAMPED):
            keep = pixels[i, BOX[1] : BOX[3], BOX[0] : BOX[2]].copy()
            pixels[i] = (0.75 * pixels[i] + 0.25 * 128).astype(np.uint8)
            pixels[i, BOX[1] : BOX[3], BOX[0] : BOX[2]] = keep
    return view_of(pixels, labels, FakeModel(reads_colour(pull), CLASSES, (SIDE, SIDE)), folder, seed)


def trained(seed: int, share: float, epochs: int = 6, n: int = 2000) -> FakeModel:
    """A small network trained for seconds on ``n`` pictures of its own."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    net = nn.Sequential(
        nn.Conv2d(3, 16, 5, 2, 2), nn.ReLU(), nn.Conv2d(16, 24, 3, 2, 1), nn.ReLU(),
        nn.Conv2d(24, 32, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(32 * 16, 4),
    )  # fmt: skip
    pixels, labels = shapes(n, 1000 + seed, share)
    model = FakeModel(None, CLASSES, (SIDE, SIDE), net)
    x, y = model.normalise(pixels), torch.from_numpy(labels)
    adam = torch.optim.Adam(net.parameters(), 2e-3)
    for _ in range(epochs):
        for part in torch.randperm(n).split(64):
            adam.zero_grad()
            nn.functional.cross_entropy(net(x[part]), y[part]).backward()
            adam.step()
    net.eval()
    model.fingerprint = f"stamps-{seed}-{share}"
    return model
