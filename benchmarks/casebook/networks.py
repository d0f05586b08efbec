"""The models under test, trained for real in seconds, written as TorchScript with their side file and training record.

Rooms: three small convolutions at 48 pixels (``benchmarks.planted.training``), trained on the case's own training pictures;
where a fault is not in the training, a good network that several cases share. Photographs: three convolutions at 32 pixels, pretrained
once on the 10,000 CIFAR-10 training pictures of the data folder and fine-tuned on the case's own, which come from the test pictures.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.casebook.edits import Bytes
from benchmarks.casebook.plans import Plan

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
MOST_SHORT = 4  # epochs of photographs up to which a plan means them as they are
HELD_OUT = 0.12  # share of the training pictures that the record's validation figures come from
ROOMS_SIDE, PHOTOS_SIDE = 48, 32
ROOMS_MEAN, ROOMS_STD = (0.55,) * 3, (0.25,) * 3
PHOTOS_MEAN, PHOTOS_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
Record = list[dict[str, float]]


@dataclass(frozen=True)
class Made:
    """A network (pixels normalised in, logits out) and the record of its training."""

    module: Any
    record: Record


def side_file(plan: Plan) -> dict[str, Any]:
    """What is truly so of the model, and what the plan declares instead."""
    rooms = plan.world == "rooms"
    side = ROOMS_SIDE if rooms else PHOTOS_SIDE
    made: dict[str, Any] = {
        "classes": list(plan.classes), "input_size": [side, side], "interpolation": "box" if rooms else "bilinear",
        "mean": list(ROOMS_MEAN if rooms else PHOTOS_MEAN), "std": list(ROOMS_STD if rooms else PHOTOS_STD),
        "channels": "RGB", "outputs": "logits",
    }  # fmt: skip
    return made | plan.declared


def seen(plan: Plan, pictures: Bytes) -> Any:
    """(n, 3, side, side) numbers as the network was trained on them."""
    import torch

    if plan.world == "rooms":
        pairs = np.add(pictures[:, ::2], pictures[:, 1::2], dtype=np.uint16)
        pictures = ((pairs[:, :, ::2] + pairs[:, :, 1::2] + 2) >> 2).astype(np.uint8)
    mean, std = (ROOMS_MEAN, ROOMS_STD) if plan.world == "rooms" else (PHOTOS_MEAN, PHOTOS_STD)
    scaled = (
        torch.from_numpy(pictures.transpose(0, 3, 1, 2).astype(np.float32)) / 255
        - torch.tensor(mean)[:, None, None]
    )
    return (scaled / torch.tensor(std)[:, None, None]).contiguous()


def scores_of(module: Any, inputs: Any) -> Floats:
    """(n, classes) probabilities."""
    import torch

    with torch.inference_mode():
        made = torch.cat([module(inputs[i : i + 250]).softmax(1) for i in range(0, len(inputs), 250)])
    scores: Floats = made.numpy()
    return scores


def make_network(plan: Plan, pictures: Bytes, labels: Ints, trunk: Mapping[str, Any] | None) -> Made:
    """Train the model of a case (all but shared ones).

    Args:
        plan: says how.
        pictures, labels: the training pictures, as stored in their files.
        trunk: weights that a model of photographs starts from.
    """
    import torch

    torch.set_num_threads(1)
    seed = int(hashlib.sha256(f"{plan.seed}/network".encode()).hexdigest()[:8], 16)
    torch.manual_seed(seed)
    inputs, targets = seen(plan, pictures), torch.from_numpy(labels)
    if plan.world == "rooms":
        made = _rooms(plan, inputs, targets, seed)
    else:
        made = _photos(plan, inputs, targets, seed, trunk)
    if plan.network.sharpen != 1.0:
        made = Made(_sharper(made.module, plan.network.sharpen), made.record)
    return made


def _sharper(module: Any, factor: float) -> Any:
    """The same network with larger logits: weights and bias of its last layer times a factor."""
    import torch

    last = [m for m in module.modules() if isinstance(m, torch.nn.Linear)][-1]
    with torch.no_grad():
        last.weight *= factor
        last.bias *= factor
    return module


# -- rooms ------------------------------------------------------------------------------------------


def _rooms(plan: Plan, inputs: Any, targets: Any, seed: int) -> Made:
    from benchmarks.planted.training import BATCH, RATE, _network

    classes, how = len(plan.classes), plan.network.how
    if how == "heart":
        return _fit(
            _flat(classes), inputs, targets, seed, 45, 32, lambda p, n: _adam(p, 1.5e-3), held_out=1 / 3
        )
    if how == "early":
        return _fit(_network(classes), inputs, targets, seed, 8, 100, lambda p, n: _slow(p), limit=180)
    epochs = plan.network.epochs if how == "own" else 10
    return _fit(_network(classes), inputs, targets, seed, epochs, BATCH, lambda p, n: _cycle(p, RATE, n))


def _flat(classes: int) -> Any:
    """No batch norm, no pooling, a hidden layer over every position: free to learn pictures by heart."""
    from torch import nn

    return nn.Sequential(
        nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(16, 24, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(24, 32, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(32 * 36, 48), nn.ReLU(),
        nn.Linear(48, classes),
    )  # fmt: skip


def _cycle(parameters: Any, rate: float, steps: int) -> tuple[Any, Any]:
    import torch

    optimiser = torch.optim.SGD(parameters, lr=rate, momentum=0.9, nesterov=True, weight_decay=5e-4)
    return optimiser, torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps, pct_start=0.2)


def _adam(parameters: Any, rate: float, decay: float = 0.0) -> tuple[Any, Any]:
    import torch

    return torch.optim.Adam(parameters, lr=rate, weight_decay=decay), None


def _slow(parameters: Any, rate: float = 0.0015) -> tuple[Any, Any]:
    import torch

    return torch.optim.SGD(parameters, lr=rate, momentum=0.5), None


def _fit(
    network: Any, inputs: Any, targets: Any, seed: int, epochs: int, batch: int, optimised: Callable[[Any, int], tuple[Any, Any]],
    held_out: float = HELD_OUT, limit: int | None = None,
) -> Made:  # fmt: skip
    """Gradient descent with a record; deterministic with one thread.

    Args:
        limit: pictures seen in an epoch, where a record is wanted more often than once a pass.
    """
    import torch
    from torch.nn.functional import cross_entropy

    rng = np.random.default_rng(seed)
    order = rng.permutation(len(targets))
    aside, own = np.split(order, [round(held_out * len(order))])
    steps = -(-min(len(own), limit or len(own)) // batch)
    optimiser, schedule = optimised(network.parameters(), steps * epochs)
    record: Record = []
    for epoch in range(epochs):
        network.train()
        shuffled = rng.permutation(own)[: limit or len(own)]
        losses = []
        for part in np.array_split(shuffled, steps):
            index = torch.from_numpy(part)
            loss = cross_entropy(network(inputs[index]), targets[index])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            if schedule is not None:
                schedule.step()
            losses.append(float(loss.detach()))
        network.eval()
        with torch.inference_mode():
            val = network(inputs[torch.from_numpy(aside)])
            train = network(inputs[torch.from_numpy(shuffled[:400])])
            record.append({
                "epoch": epoch + 1, "train_loss": float(np.mean(losses)),
                "val_loss": float(cross_entropy(val, targets[torch.from_numpy(aside)])),
                "train_accuracy": float((train.argmax(1) == targets[torch.from_numpy(shuffled[:400])]).float().mean()),
                "val_accuracy": float((val.argmax(1) == targets[torch.from_numpy(aside)]).float().mean()),
                "learning_rate": float(optimiser.param_groups[0]["lr"]),
            })  # fmt: skip
    return Made(network.eval(), record)


# -- photographs --------------------------------------------------------------------------------------


def _photos(plan: Plan, inputs: Any, targets: Any, seed: int, trunk: Mapping[str, Any] | None) -> Made:
    """The trunk with a new last layer; fine-tuned as a whole, or (by heart) with a hidden layer on few pictures."""
    if trunk is None:
        raise ValueError("photographs need the weights of the trunk")
    classes, how = len(plan.classes), plan.network.how
    network = photo_network(classes, 128 if how == "heart" else 0)
    network.load_state_dict({k: v for k, v in trunk.items() if k.startswith("0.")}, strict=False)
    if how == "heart":
        return _fit(network, inputs, targets, seed, 40, 32, lambda p, n: _adam(p, 1.5e-3), held_out=1 / 3)
    if how == "early":
        return _fit(network, inputs, targets, seed, 8, 60, lambda p, n: _slow(p, 0.0008), limit=150)
    # few epochs where a shortcut is to be learnt and little else; elsewhere until the losses have levelled off
    epochs = plan.network.epochs
    long = epochs > MOST_SHORT
    return _fit(
        network, inputs, targets, seed, 2 * epochs + 2 if long else epochs, 50, lambda p, n: _cycle(p, 0.02 if long else 0.01, n)
    )  # fmt: skip


def photo_network(classes: int, hidden: int = 0) -> Any:
    """Three convolutions with batch norm (24, 48, 96 channels; stride 2, 2, 1), average pooling, one or two linear layers."""
    from torch import nn

    layers: list[Any] = []
    before = 3
    for width, stride in ((24, 2), (48, 2), (96, 1)):
        layers += [nn.Conv2d(before, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        before = width
    trunk = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    head = (
        [nn.Linear(96, hidden), nn.ReLU(), nn.Linear(hidden, classes)] if hidden else [nn.Linear(96, classes)]
    )
    return nn.Sequential(trunk, *head)


def train_trunk(pictures: Bytes, labels: Ints, epochs: int = 12) -> Any:
    """A network for all ten classes, mirrored copies included; its last layer is thrown away by whoever uses it."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    both = np.concatenate([pictures, pictures[:, :, ::-1]])
    plan = Plan("dev", 0, 0, "photos")
    made = _fit(
        photo_network(10),
        seen(plan, both),
        torch.from_numpy(np.tile(labels, 2)),
        0,
        epochs,
        64,
        lambda p, n: _cycle(p, 0.04, n),
        0.02,
    )
    return made


def save(module: Any, plan: Plan, path: Path) -> None:
    """The network as a TorchScript file."""
    import warnings

    import torch

    side = ROOMS_SIDE if plan.world == "rooms" else PHOTOS_SIDE
    with warnings.catch_warnings(), torch.inference_mode():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(module.eval(), torch.zeros(2, 3, side, side))
    path.parent.mkdir(parents=True, exist_ok=True)
    traced.save(str(path))
