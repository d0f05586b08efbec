"""Which maps a saliency method looks at, in networks of every build; TorchScript replayed gives the same numbers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from failsight.tools.inputs.models.architectures import cifar_resnet4b_robust, cifar_resnet20
from failsight.tools.inputs.models.layers import find_feature_layer, last_maps
from failsight.tools.inputs.models.replay import replay


class Branching(nn.Module):
    """Loops, branches on shapes and on ``training``, lists: what scripted models are made of."""

    def __init__(self) -> None:
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(3, 3, 3, padding=1) for _ in range(3)])
        self.norm = nn.BatchNorm2d(3)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(3, 4)

    def forward(self, x: Tensor) -> Tensor:
        kept: list[Tensor] = []
        for conv in self.convs:
            x = self.norm(torch.relu(conv(x)))
            kept.append(x)
        total = kept[0]
        for i in range(1, len(kept)):
            total = total + kept[i]
        if total.size(2) > 100:
            total = total * 2
        return self.head(self.drop(total.mean([2, 3])))


class Tokens(nn.Module):
    """A transformer in little: patches, then linear layers over tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 8, 4, 4)
        self.mix = nn.Linear(8, 8)
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.patches(x).flatten(2).transpose(1, 2)
        return self.head(self.mix(tokens).mean(1))


@pytest.mark.parametrize(
    ("net", "side", "layer"),
    [
        (cifar_resnet20(), 32, "layer3"),
        (cifar_resnet4b_robust(), 32, "layer2"),
        (
            nn.Sequential(
                nn.Conv2d(3, 4, 3),
                nn.ReLU(),
                nn.MaxPool2d(2),
                nn.AdaptiveAvgPool2d(1),
                nn.Flatten(),
                nn.Linear(4, 2),
            ),
            16,
            "1",
        ),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 8, 4), nn.Flatten(), nn.Linear(36, 2)), 21, "0"),
        (nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(16, 2)), 4, "0"),
        (nn.Sequential(nn.Flatten(), nn.Linear(48, 2)), 4, None),
        (Tokens(), 16, None),
        (Branching(), 16, "norm"),
    ],
)
def test_the_last_maps_before_pooling(net: Any, side: int, layer: str | None) -> None:
    example = torch.rand(1, 3, side, side)
    assert find_feature_layer(net.eval(), example) == layer
    assert not any(child._forward_hooks for child in net.modules())


def test_hooks_are_gone_after_an_exception() -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(7, 2))
    with pytest.raises(RuntimeError):
        find_feature_layer(net, torch.rand(1, 3, 8, 8))
    assert not any(child._forward_hooks for child in net.modules())


@pytest.mark.parametrize(
    ("seen", "chosen"),
    [
        ([("map", (1, 8, 16, 16)), ("map", (1, 8, 2, 2)), ("other", (1, 8))], 0),
        ([("map", (1, 8, 3, 3)), ("map", (1, 8, 2, 2))], 1),
        ([("map", (1, 8, 8, 8)), ("map", (1, 8, 1, 1))], 0),
        ([("map", (1, 8, 8, 8)), ("tokens", (1, 64, 8))], None),
        ([("tokens", (1, 64, 8)), ("map", (1, 8, 8, 8))], 1),
        ([], None),
    ],
)
def test_the_rule(seen: Any, chosen: int | None) -> None:
    assert last_maps(seen) == chosen


@pytest.mark.parametrize(
    "how", [torch.jit.script, lambda net: torch.jit.trace(net, torch.rand(2, 3, 32, 32))]
)
@pytest.mark.parametrize("net", [Branching(), cifar_resnet4b_robust()])
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
def test_a_script_replayed(how: Any, net: Any) -> None:
    torch.manual_seed(0)
    net.eval()
    script = how(net)
    made = replay(script, torch.rand(2, 3, 32, 32))
    assert made is not None
    for count in (1, 5):
        example = torch.rand(count, 3, 32, 32)
        torch.testing.assert_close(made(example), net(example))
    weights = sum(p.numel() for p in made.parameters() if p.ndim > 1)
    assert weights == sum(p.numel() for p in net.parameters() if p.ndim > 1)
    seen: list[Tensor] = []
    handle = made.feature_maps.register_forward_hook(
        lambda *a: seen.append(a[2].detach().requires_grad_()) or seen[-1].clone()
    )
    gradient = torch.autograd.grad(made(example)[:, 1].sum(), seen[0])[0]
    handle.remove()
    assert gradient.abs().sum() > 0
    assert min(seen[0].shape[2:]) >= 4


def test_the_replays_gradient_is_the_networks() -> None:
    net = Branching().eval()
    made = replay(torch.jit.script(net), torch.rand(1, 3, 16, 16))
    assert made is not None
    example = torch.rand(2, 3, 16, 16)
    ours, theirs = example.clone().requires_grad_(), example.clone().requires_grad_()
    made(ours)[:, 0].sum().backward()
    net(theirs)[:, 0].sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_norms_of_a_replay_run_as_scale_and_shift() -> None:
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.BatchNorm2d(4, affine=False), nn.AdaptiveAvgPool2d(1),
        nn.Flatten(), nn.Linear(4, 2),
    ).eval()  # fmt: skip
    for norm in (net[1], net[3]):
        norm.running_mean.normal_(0, 0.2)  # type: ignore[union-attr, operator]
        norm.running_var.uniform_(0.5, 2)  # type: ignore[union-attr, operator]
    made = replay(torch.jit.script(net), torch.rand(1, 3, 16, 16))
    assert made is not None
    pictures = torch.rand(3, 3, 16, 16, requires_grad=True)
    (wanted,) = torch.autograd.grad(made(pictures)[:, 0].sum(), pictures)
    made.scale_norms()
    assert not any("batch_norm" in str(step.run) for step in made._body.steps)
    (given,) = torch.autograd.grad(made(pictures)[:, 0].sum(), pictures)
    torch.testing.assert_close(made(pictures), net(pictures), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(given, wanted, rtol=1e-4, atol=1e-7)


def test_no_replay_without_maps() -> None:
    for net in (Tokens(), nn.Sequential(nn.Flatten(), nn.Linear(3 * 256, 2))):
        assert replay(torch.jit.script(net.eval()), torch.rand(1, 3, 16, 16)) is None
