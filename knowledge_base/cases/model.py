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
