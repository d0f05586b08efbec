"""Architectures that come with Failsight, for weights that are published without code.

``cifar_resnet20``, ``cifar_resnet56``: He et al., "Deep Residual Learning for Image Recognition" (CVPR 2016), §4.2:
6n+2 layers for 32×32 pictures, three stages of 16, 32 and 64 channels, shortcuts without parameters (option A:
every second pixel, new channels filled with zeros).

``cifar_resnet4b_robust``: the four-block network without batch normalisation of the α,β-CROWN verification benchmark
(Wang et al., NeurIPS 2021), adversarially trained.

``feature_net``: the small network whose features explain failures (``failsight train-robust``); it takes the number of
classes, since it is trained on the user's own.

Each other factory takes no argument. All return an untrained module; ``FACTS`` holds what a side file would say.
Importing this module imports torch.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_CIFAR10 = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


class PadShortcut(nn.Module):
    """Option A: every second pixel, and zeros for the channels that are new."""

    def __init__(self, extra: int) -> None:
        super().__init__()
        self.extra = extra

    def forward(self, x: Tensor) -> Tensor:
        half = self.extra // 2
        return functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, half, self.extra - half))


class NormBlock(nn.Module):
    """Two 3×3 convolutions with batch normalisation and a parameter-free shortcut."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut: nn.Module = PadShortcut(channels - channels_in) if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        out = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


class CifarResNet(nn.Module):
    """He et al. 2016 §4.2 with ``blocks`` blocks a stage: 6·blocks + 2 layers. (n, 3, 32, 32) → (n, classes)."""

    def __init__(self, blocks: int, classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = self._stage(16, 16, blocks, 1)
        self.layer2 = self._stage(16, 32, blocks, 2)
        self.layer3 = self._stage(32, 64, blocks, 2)
        self.linear = nn.Linear(64, classes)

    @staticmethod
    def _stage(channels_in: int, channels: int, blocks: int, stride: int) -> nn.Sequential:
        first = NormBlock(channels_in, channels, stride)
        return nn.Sequential(first, *(NormBlock(channels, channels, 1) for _ in range(blocks - 1)))

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean((2, 3)))  # type: ignore[no-any-return]


class PlainBlock(nn.Module):
    """Two 3×3 convolutions without normalisation; a 1×1 convolution where shape or stride changes."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1)
        self.shortcut = nn.Sequential()
        if stride != 1 or channels_in != channels:
            self.shortcut = nn.Sequential(nn.Conv2d(channels_in, channels, 1, stride))

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.conv2(functional.relu(self.conv1(x))) + self.shortcut(x))


class CifarResNet4b(nn.Module):
    """Four plain blocks of 32 channels after a strided stem, then 512 → 100 → classes."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 2, 1)
        self.layer1 = nn.Sequential(PlainBlock(16, 32, 2), PlainBlock(32, 32, 1))
        self.layer2 = nn.Sequential(PlainBlock(32, 32, 2), PlainBlock(32, 32, 1))
        self.linear1 = nn.Linear(512, 100)
        self.linear2 = nn.Linear(100, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer2(self.layer1(functional.relu(self.conv1(x))))
        return self.linear2(functional.relu(self.linear1(torch.flatten(x, 1))))  # type: ignore[no-any-return]


class FeatureNet(nn.Module):
    """Five convolutions (3×3, batch norm, ReLU; stride 8 in all), average pooling, a linear head.

    The maps of ``features`` averaged over space are what the head reads, so that each feature has a map of its own.
    (n, 3, height, width) → (n, classes).
    """

    WIDTHS, STRIDES = (16, 32, 64, 128, 128), (2, 2, 1, 2, 1)

    def __init__(self, classes: int) -> None:
        super().__init__()
        before = (3, *self.WIDTHS[:-1])
        layers: list[nn.Module] = []
        for channels_in, channels, stride in zip(before, self.WIDTHS, self.STRIDES, strict=True):
            layers += [
                nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False),
                nn.BatchNorm2d(channels),
                nn.ReLU(inplace=True),
            ]
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(self.WIDTHS[-1], classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x).mean((2, 3)))  # type: ignore[no-any-return]


def feature_net(classes: int) -> FeatureNet:
    """A small network for features of one's own data (0.25 M parameters, 128 features)."""
    return FeatureNet(classes)


def cifar_resnet20() -> CifarResNet:
    """ResNet-20 for CIFAR-10 (0.27 M parameters)."""
    return CifarResNet(3)


def cifar_resnet56() -> CifarResNet:
    """ResNet-56 for CIFAR-10 (0.85 M parameters)."""
    return CifarResNet(9)


def cifar_resnet4b_robust() -> CifarResNet4b:
    """ResNet-4b for CIFAR-10, as trained against perturbations of l∞ 2/255 (0.12 M parameters)."""
    return CifarResNet4b()


_IMAGENET_STATISTICS: dict[str, Any] = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
_CIFAR_INPUT: dict[str, Any] = {
    "classes": _CIFAR10,
    "input_size": [32, 32],
    "crop": "stretch",
    "outputs": "logits",
}
FACTS: dict[str, dict[str, Any]] = {
    "cifar_resnet20": {**_CIFAR_INPUT, **_IMAGENET_STATISTICS, "feature_layer": "layer3"},
    "cifar_resnet56": {**_CIFAR_INPUT, **_IMAGENET_STATISTICS, "feature_layer": "layer3"},
    "cifar_resnet4b_robust": {
        **_CIFAR_INPUT,
        "mean": [0.4914, 0.4822, 0.4465],
        "std": [0.2471, 0.2435, 0.2616],
        "feature_layer": "layer2",
    },
}
