"""The networks under test: three small convolutions, trained for real in seconds; answers are cached by problem."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.planted.pool import Bytes, Ints, Pool
from benchmarks.planted.problems import Problem, Rows, rows_of

Floats = npt.NDArray[np.float32]
LAYERS = ((24, 5, 4), (48, 3, 2), (64, 3, 1))  # channels, side of the filter, stride
RATE = 0.02
BATCH = 50


@dataclass(frozen=True)
class Answers:
    """What a trained network says.

    Attributes:
        rows: the pictures.
        scores: (evaluation, classes) probabilities.
        reserve: (reserve,) predicted classes of pictures that no method sees: they tell what is true of the network.
            None where it was not asked, for the problem does not count.
        seconds: of processor time for the training.
    """

    rows: Rows
    scores: Floats
    reserve: Ints | None
    seconds: float

    @property
    def labels(self) -> Ints:
        """(evaluation,) true classes."""
        return self.rows.labels[self.rows.evaluation]

    @property
    def predicted(self) -> Ints:
        """(evaluation,) predicted classes."""
        made: Ints = self.scores.argmax(1).astype(np.int64)
        return made


def answers_of(
    problem: Problem, pool: Pool, cache: Path | None, worth: Callable[[Answers], bool] = lambda _: True
) -> Answers:
    """The answers of a problem's network: from the cache, or trained now.

    Args:
        problem, pool: what, and of which pictures.
        cache: folder that keeps answers; None for none.
        worth: whether the reserve is to be asked, once the evaluation pictures are answered.
    """
    rows = rows_of(problem, pool)
    path = cache / "answers" / f"{problem.fingerprint(pool)}.npz" if cache else None
    if path is not None and path.is_file():
        with np.load(path) as stored:
            reserve = stored.get("reserve", None)
            return Answers(rows, stored["scores"], reserve, float(stored["seconds"]))
    began = time.process_time()
    network = fit(problem, pool, rows)
    seconds = time.process_time() - began
    made = Answers(rows, scores_of(network, pool.small, rows.evaluation), None, seconds)
    if worth(made):
        reserve = scores_of(network, pool.small, rows.reserve).argmax(1).astype(np.int64)
        made = replace(made, reserve=reserve)
    if path is not None:
        _keep(path, made)
    return made


def _keep(path: Path, made: Answers) -> None:
    arrays = {"scores": made.scores, "seconds": np.float64(made.seconds)}
    if made.reserve is not None:
        arrays["reserve"] = made.reserve
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.stem}.part.npz")
    np.savez(part, **arrays)  # type: ignore[arg-type]
    part.replace(path)


def _network(classes: int) -> Any:
    from torch import nn

    layers: list[Any] = []
    before = 3
    for width, side, stride in LAYERS:
        layers += [
            nn.Conv2d(before, width, side, stride=stride, padding=side // 2, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        ]
        before = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, classes))


def prepared(pictures: Bytes) -> Any:
    """(n, 3, 48, 48) numbers as the networks take them."""
    import torch

    scaled = (torch.from_numpy(pictures).float() / 255 - 0.55) / 0.25
    return scaled.contiguous(memory_format=torch.channels_last)


def fit(problem: Problem, pool: Pool, rows: Rows, seed: int | None = None) -> Any:
    """Stochastic gradient descent with momentum in one cycle; deterministic with one thread.

    Args:
        problem: gives the classes and the epochs.
        pool, rows: the pictures; ``rows.train`` are learned from.
        seed: of weights and order; by default the problem's own.
    """
    import torch
    from torch.nn.functional import cross_entropy

    torch.set_num_threads(1)
    if seed is None:
        seed = int(hashlib.sha256(f"{problem.seed} network".encode()).hexdigest()[:8], 16)
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    pictures = prepared(np.asarray(pool.small[rows.train]))
    labels = torch.from_numpy(rows.labels[rows.train])
    network = _network(len(problem.classes)).to(memory_format=torch.channels_last)
    steps = -(-len(labels) // BATCH)
    optimiser = torch.optim.SGD(network.parameters(), lr=RATE, momentum=0.9, nesterov=True, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, RATE, total_steps=steps * problem.epochs, pct_start=0.2
    )
    network.train()
    for _ in range(problem.epochs):
        for batch in np.array_split(rng.permutation(len(labels)), steps):
            index = torch.from_numpy(batch)
            loss = cross_entropy(network(pictures[index]), labels[index])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
    return network.eval()


def scores_of(network: Any, pictures: Bytes, rows: Ints) -> Floats:
    """(n, classes) probabilities."""
    import torch

    parts = []
    with torch.inference_mode():
        for start in range(0, len(rows), 250):
            block = prepared(np.asarray(pictures[rows[start : start + 250]]))
            parts.append(network(block).softmax(1).numpy())
    made: Floats = np.concatenate(parts) if parts else np.zeros((0, 1), np.float32)
    return made
