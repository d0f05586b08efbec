"""Training the demo's classifier, or a small one for any world. Deterministic on one machine; minutes on two cores.

``python -m failsight.knowledge_base.cases.train --out FOLDER`` draws the demo's training pictures, trains, and writes
``weights.safetensors``, ``model.json`` and ``history.csv``: the files that ship beside this module.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from failsight.knowledge_base.cases import model
from failsight.knowledge_base.cases.render import encode
from failsight.knowledge_base.cases.scene import CLASSES
from failsight.knowledge_base.cases.splits import pictures
from failsight.knowledge_base.cases.world import WorldConfig

Bytes = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
Ints = np.ndarray[tuple[int, ...], np.dtype[np.int64]]
Floats = np.ndarray[tuple[int, ...], np.dtype[np.float32]]

MEAN = (0.56, 0.54, 0.53)
STD = (0.25, 0.25, 0.25)


@dataclass(frozen=True)
class TrainConfig:
    """How a classifier is trained.

    Attributes:
        epochs: passes over the training pictures.
        batch: pictures a step.
        rate: peak learning rate (SGD with Nesterov momentum 0.9, one cycle); Adam's, if Adam is asked for.
        decay: weight decay.
        held_out: share of the training pictures kept for validation.
        seed: of the initial weights and of the order of pictures.
        threads: CPU threads.
        adam: Adam at the same rate throughout, instead of SGD in one cycle.
        factory: which of the factories of ``model`` builds the network.
    """

    epochs: int = 12
    batch: int = 64
    rate: float = 0.02
    decay: float = 5e-4
    held_out: float = 0.1
    seed: int = 0
    threads: int = 2
    adam: bool = False
    factory: str = "build"


DEMO = TrainConfig(epochs=16, rate=0.012, threads=1)
"""The demo's recipe: one thread, so that sums are added in one order."""


@dataclass(frozen=True)
class Epoch:
    """One row of the training record."""

    epoch: int
    train_loss: float
    val_loss: float
    train_accuracy: float
    val_accuracy: float
    learning_rate: float


@dataclass(frozen=True)
class Trained:
    """A trained network and its record."""

    network: nn.Module
    history: tuple[Epoch, ...]


def load_split(
    config: WorldConfig, split: str, count: int, progress: Callable[[int], None] | None = None
) -> tuple[Bytes, Ints]:
    """Pictures of a split as the model sees them: decoded JPEGs (n, 3, size, size), and annotated labels (n,)."""
    images = np.empty((count, 3, config.size, config.size), np.uint8)
    labels = np.empty(count, np.int64)
    for k, (draft, picture) in enumerate(pictures(config, split, count)):
        with Image.open(io.BytesIO(encode(picture))) as stored:
            images[k] = np.asarray(stored).transpose(2, 0, 1)
        labels[k] = CLASSES.index(draft.label)
        if progress is not None:
            progress(k + 1)
    return images, labels


def normalised(images: Bytes) -> torch.Tensor:
    """Bytes (n, 3, h, w) as the float tensor that the network expects."""
    mean = torch.tensor(MEAN).view(1, 3, 1, 1)
    std = torch.tensor(STD).view(1, 3, 1, 1)
    tensor = (torch.from_numpy(images).float() / 255 - mean) / std
    return tensor.contiguous(memory_format=torch.channels_last)


@torch.no_grad()
def probabilities(network: nn.Module, images: Bytes, batch: int = 128) -> Floats:
    """Softmax scores (n, classes) of byte images (n, 3, h, w)."""
    network.eval()
    parts = [
        network(normalised(images[k : k + batch])).softmax(1).numpy() for k in range(0, len(images), batch)
    ]
    return np.concatenate(parts)


def parted(count: int, config: TrainConfig, rng: np.random.Generator | None = None) -> tuple[Ints, Ints]:
    """Numbers of the pictures that :func:`fit` holds out for validation, and of those that it learns from.

    Args:
        count: number of training pictures.
        config: how the classifier is trained.
        rng: fresh from the recipe's seed; made here if not given.
    """
    order = (rng or np.random.default_rng(config.seed)).permutation(count)
    held = round(config.held_out * count)
    return np.sort(order[:held]), np.sort(order[held:])


def _optimiser(
    network: nn.Module, config: TrainConfig, steps: int
) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
    weights = network.parameters()
    if config.adam:
        steady = torch.optim.Adam(weights, lr=config.rate, weight_decay=config.decay)
        return steady, torch.optim.lr_scheduler.LambdaLR(steady, lambda _step: 1.0)
    optimiser = torch.optim.SGD(
        weights, lr=config.rate, momentum=0.9, weight_decay=config.decay, nesterov=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, config.rate, total_steps=steps, pct_start=0.2)
    return optimiser, schedule


def fit(
    images: Bytes,
    labels: Ints,
    config: TrainConfig | None = None,
    progress: Callable[[Epoch], None] | None = None,
) -> Trained:
    """Train a fresh network.

    Args:
        images: (n, 3, h, w) bytes.
        labels: (n,) class numbers.
        config: see :class:`TrainConfig`.
        progress: told after every epoch.
    """
    config = config or TrainConfig()
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    rng = np.random.default_rng(config.seed)
    val, train = parted(len(images), config, rng)
    network: nn.Module = getattr(model, config.factory)(len(CLASSES))
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    steps = math.ceil(len(train) / config.batch)
    optimiser, schedule = _optimiser(network, config, steps * config.epochs)
    history: list[Epoch] = []
    for epoch in range(1, config.epochs + 1):
        rate = float(schedule.get_last_lr()[0])
        loss, right = _pass(
            network, images, labels, _batches(rng.permutation(train), config.batch), optimiser, schedule
        )
        val_loss, val_right = _pass(network, images, labels, _batches(val, 256)) if len(val) else (0.0, 0.0)
        history.append(Epoch(epoch, loss, val_loss, right, val_right, rate))
        if progress is not None:
            progress(history[-1])
    return Trained(network.eval(), tuple(history))


def _batches(indices: Ints, size: int) -> Iterator[Ints]:
    for k in range(0, len(indices), size):
        yield indices[k : k + size]


def _pass(
    network: nn.Module,
    images: Bytes,
    labels: Ints,
    batches: Iterator[Ints],
    optimiser: torch.optim.Optimizer | None = None,
    schedule: torch.optim.lr_scheduler.LRScheduler | None = None,
) -> tuple[float, float]:
    """One pass over some pictures, learning if there is an optimiser; mean loss and accuracy."""
    network.train(optimiser is not None)
    total, right, seen = 0.0, 0, 0
    with torch.set_grad_enabled(optimiser is not None):
        for index in batches:
            target = torch.from_numpy(labels[index])
            logits = network(normalised(images[index]))
            loss = nn.functional.cross_entropy(logits, target)
            if optimiser is not None and schedule is not None:
                optimiser.zero_grad()
                loss.backward()  # type: ignore[no-untyped-call]
                optimiser.step()
                schedule.step()
            total += float(loss.detach()) * len(index)
            right += int((logits.argmax(1) == target).sum())
            seen += len(index)
    return total / max(1, seen), right / max(1, seen)


def train(
    world: WorldConfig,
    count: int,
    config: TrainConfig | None = None,
    progress: Callable[[str], None] | None = None,
) -> Trained:
    """Draw the training pictures of a world and train a classifier on them.

    Args:
        world: what to draw.
        count: number of training pictures.
        config: how to train.
        progress: told what is going on, in words.
    """
    say = progress or (lambda _text: None)
    say(f"drawing {count} training pictures")
    images, labels = load_split(world, "train", count)

    def told(row: Epoch) -> None:
        say(
            f"epoch {row.epoch}: loss {row.train_loss:.3f}, accuracy {row.train_accuracy:.3f};"
            f" held out {row.val_loss:.3f}, {row.val_accuracy:.3f}"
        )

    return fit(images, labels, config, told)


def save(trained: Trained, world: WorldConfig, folder: Path, factory: str = "build") -> None:
    """Write ``weights.safetensors``, ``model.json`` and ``history.csv``; ``factory`` is that of the recipe."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: tensor.contiguous() for name, tensor in trained.network.state_dict().items()}
    save_file(tensors, folder / "weights.safetensors")
    side: dict[str, Any] = {
        "arch": f"{model.__name__}:{factory}",
        "input_size": [world.size, world.size],
        "mean": list(MEAN),
        "std": list(STD),
        "channels": "RGB",
        "outputs": "logits",
        "classes": list(CLASSES),
        "feature_layer": "features",
    }
    (folder / "model.json").write_text(json.dumps(side, indent=2) + "\n", encoding="utf-8")
    with (folder / "history.csv").open("w", newline="", encoding="utf-8") as out:
        names = list(Epoch.__dataclass_fields__)
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(names)
        for row in trained.history:
            writer.writerow([row.epoch, *(f"{getattr(row, n):.6g}" for n in names[1:])])


def main() -> None:
    """Train the demo's classifier."""
    from failsight.knowledge_base.cases.rooms import COUNTS, ROOMS

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "--out", type=Path, required=True, help="folder for the weights, the side file and the record"
    )
    out: Path = parser.parse_args().out
    trained = train(ROOMS, COUNTS["train"], DEMO, progress=lambda text: print(text, flush=True))
    save(trained, ROOMS, out)


if __name__ == "__main__":
    main()
