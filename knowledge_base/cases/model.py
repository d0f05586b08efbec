"""The demo's classifier: a small convolutional network, global average pooling, one linear layer.

``failsight.knowledge_base.cases.model:build`` is the architecture factory that goes with ``weights.safetensors``.
"""

from __future__ import annotations

import torch
from torch import nn

WIDTHS = (16, 24, 32, 48, 64, 64)
"""Channels of the six convolution blocks."""

_STRIDES = (2, 2, 1, 2, 1, 1)


def _block(before: int, after: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(after),
        nn.ReLU(inplace=True),
    )


class RoomNet(nn.Module):
    """Six convolution blocks (3×3, batch norm, ReLU; stride 8 in all), average pooling, a linear head.

    Input: float tensor (batch, 3, height, width), normalised. Output: logits (batch, classes).
    """

    def __init__(self, classes: int = 5, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        before = (3, *widths[:-1])
        self.features = nn.Sequential(
            *(_block(b, a, s) for b, a, s in zip(before, widths, _STRIDES, strict=True))
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(widths[-1], classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch of images."""
        pooled = self.pool(self.features(images)).flatten(1)
        logits: torch.Tensor = self.head(pooled)
        return logits


def build(classes: int = 5) -> RoomNet:
    """A fresh network in evaluation mode, ready for the shipped weights.

    Args:
        classes: number of rooms to tell apart.
    """
    return RoomNet(classes).eval()


class FlatNet(nn.Module):
    """Three convolutions (3×3, stride 2, ReLU), then a hidden layer over every position: free to learn pictures by heart.

    Input: float tensor (batch, 3, 64, 64), normalised. Output: logits (batch, classes).
    """

    def __init__(self, classes: int = 5) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 24, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(24, 32, 3, stride=2, padding=1),
            nn.ReLU(),
        )
        self.hidden = nn.Sequential(nn.Flatten(), nn.Linear(32 * 8 * 8, 36), nn.ReLU())
        self.head = nn.Linear(36, classes)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits of a batch of images."""
        logits: torch.Tensor = self.head(self.hidden(self.features(images)))
        return logits


def build_flat(classes: int = 5) -> FlatNet:
    """A fresh network without batch norm or pooling, in evaluation mode: the one that the overfitted models use.

    Args:
        classes: number of rooms to tell apart.
    """
    return FlatNet(classes).eval()
