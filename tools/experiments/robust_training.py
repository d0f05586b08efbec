"""Training a small network against l2 perturbations: its features can be looked at (Barlow, Singla et al. 2021, §4).

Objective (1) of the paper: the loss under the worst change of the picture within an l2 ball (Madry et al. 2018), found by
a few steps of gradient ascent from a random point of the ball; one or two steps suffice at such radii (Wong, Rice &
Kolter 2020, "Fast is better than free"). An epoch is saved when it is done, so that an interrupted training goes on.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from failsight.tools.errors import UserError
from failsight.tools.evidence import digest
from failsight.tools.inputs import preprocess
from failsight.tools.inputs.base import BadImage, ImageTable, LeftOut, Pixels, Preprocessing
from failsight.tools.inputs.fingerprint import job
from failsight.tools.text import clean
from failsight.tools.view import Progress

ARCH = "failsight.tools.inputs.models.architectures:feature_net"
LAYER = "features"
PAPER_SIDE = 224  # the radius is stated for pictures of 224 × 224 pixels in [0, 1]
FEWEST = 20  # labelled pictures below which there is nothing to learn from
CHECK_STEPS = 10  # of the attack that the held-out pictures are judged by …
CHECKED = 64  # … so many of them after each epoch, all after the last
CHECKPOINT = "training.state"
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class RobustRecipe:
    """How the network is trained.

    Attributes:
        epochs: passes over the training pictures.
        radius: ρ of objective (1) for pictures of 224 × 224 pixels with values in [0, 1]; for other sizes it is scaled so
            that the change a pixel may undergo stays the same.
        steps: of gradient ascent in the ball, for each batch.
        side: pictures are resized to so many pixels in width and height.
        batch: pictures a step.
        rate: highest learning rate (SGD with Nesterov momentum 0.9; it rises over a fifth of the steps, then falls to 0).
        decay: weight decay.
        held_out: share of the pictures kept to measure accuracy on.
        most: most pictures to train on; a seeded sample beyond that.
        mirror: show every second picture mirrored.
        seed: of weights, order and noise.
        threads: CPU threads; one makes the result the same on every run.
    """

    epochs: int = 30
    radius: float = 3.0
    steps: int = 1
    side: int = 64
    batch: int = 64
    rate: float = 0.05
    decay: float = 5e-4
    held_out: float = 0.1
    most: int = 20_000
    mirror: bool = True
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        if min(self.epochs, self.steps, self.batch, self.threads) < 1 or self.side < 16 or self.most < FEWEST:
            raise ValueError(
                f"epochs, steps, batch and threads must be at least 1, side at least 16, most at least {FEWEST}"
            )
        if not (self.radius >= 0 and 0 <= self.held_out < 1 and self.rate > 0):
            raise ValueError("radius must not be negative, held_out lie in [0, 1), rate be positive")

    @property
    def scaled_radius(self) -> float:
        """The radius at this recipe's picture size."""
        return self.radius * self.side / PAPER_SIDE


@dataclass(frozen=True)
class Epoch:
    """One row of the record. Accuracies in [0, 1]: ``train_accuracy`` on attacked training pictures; ``val_accuracy`` on
    held-out ones as they are, ``robust_accuracy`` on them (on a part of them, before the last epoch) after ten steps of
    attack (nan where none are held out)."""

    epoch: int
    train_loss: float
    train_accuracy: float
    val_accuracy: float
    robust_accuracy: float
    learning_rate: float


@dataclass(frozen=True)
class RobustTrained:
    """What was made.

    Attributes:
        folder: holds ``weights.safetensors``, ``model.json`` and ``history.csv``.
        history: one row an epoch.
        left_out: pictures that could not be read.
        resumed: epochs that an earlier run had done.
        held_out: pictures that the last epoch's accuracies were measured on.
    """

    folder: Path
    history: tuple[Epoch, ...]
    left_out: tuple[LeftOut, ...]
    resumed: int
    held_out: int


def train_robust(
    table: ImageTable,
    out: Path,
    recipe: RobustRecipe | None = None,
    *,
    progress: Progress | None = None,
    told: Callable[[Epoch], None] | None = None,
) -> RobustTrained:
    """Train the network on the labelled pictures of ``table`` and write it to ``out``.

    ``open_model(out / "weights.safetensors")`` opens the result. A second call with the same pictures and recipe goes on
    after the last finished epoch, and ends at once where all are done.

    Args:
        told: called after every epoch.

    Raises:
        UserError: fewer than two classes, too few pictures, or ``out`` can't be written.
    """
    recipe = recipe or RobustRecipe()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise UserError(
            f"The folder {clean(out)} can't be made ({clean(problem.strerror or problem)}).", "Name another."
        ) from problem
    pixels, labels, left = _pictures(table, recipe, progress)
    run = _Run(pixels, labels, tuple(table.classes), recipe, digest([table.fingerprint, ARCH]))
    done = run.resume(out / CHECKPOINT)
    total = (recipe.epochs - done) * run.batches_an_epoch
    with job(progress, "training a robust feature model", total) as advance:
        for epoch in range(done, recipe.epochs):
            row = run.epoch(epoch, advance)
            run.save(out / CHECKPOINT)
            if told is not None:
                told(row)
    _write(out, run, table.classes)
    return RobustTrained(out, tuple(run.history), tuple(left), done, len(run.held))


def _pictures(
    table: ImageTable, recipe: RobustRecipe, progress: Progress | None
) -> tuple[Pixels, Ints, list[LeftOut]]:
    """Labelled pictures at the recipe's size, in memory: (n, side, side, 3), (n,) labels, and what can't be read."""
    rows = np.flatnonzero(np.asarray(table.labels) >= 0)
    if len(rows) > recipe.most:
        rows = np.sort(np.random.default_rng(recipe.seed).choice(rows, recipe.most, replace=False))
    how = preprocessing_of(recipe)
    kept, read, left = [], [], []
    with job(progress, "reading the pictures", len(rows)) as advance:
        for row in rows.tolist():
            try:
                read.append(preprocess.prepare(table.open(row), how))
                kept.append(row)
            except BadImage as problem:
                left.append(LeftOut(table.paths[row], str(problem)))
            advance(1)
    labels = np.asarray(table.labels)[kept] if kept else np.zeros(0, np.int64)
    if len(kept) < FEWEST or len(np.unique(labels)) < 2:
        count = len(np.unique(labels))
        raise UserError(
            f"{len(kept)} labelled pictures of {count} class{'es' * (count != 1)} are too few to train on.",
            f"Give at least {FEWEST} pictures of at least two classes.",
        )
    return np.stack(read), labels.astype(np.int64), left


def preprocessing_of(recipe: RobustRecipe) -> Preprocessing:
    """How pictures become the network's input: resized to a square, values in [0, 1], shifted and scaled by a half."""
    return Preprocessing(
        size=(recipe.side, recipe.side),
        fit="stretch",
        interpolation="bilinear",
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
    )


class _Run:
    """A network in training, with everything that an interruption must not lose."""

    def __init__(
        self, pixels: Pixels, labels: Ints, classes: tuple[str, ...], recipe: RobustRecipe, data: str
    ) -> None:
        import torch

        from failsight.tools.inputs.models.architectures import feature_net

        self.pixels, self.labels, self.recipe = pixels, labels, recipe
        self.key = digest([data, list(classes), dataclasses.asdict(recipe), len(labels)])
        order = np.random.default_rng(recipe.seed).permutation(len(labels))
        held = round(recipe.held_out * len(labels))
        self.held, self.train = order[:held], np.sort(order[held:])
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            network = feature_net(len(classes))
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.optimiser = torch.optim.SGD(
            self.network.parameters(), lr=recipe.rate, momentum=0.9, weight_decay=recipe.decay, nesterov=True
        )
        self.history: list[Epoch] = []

    @property
    def batches_an_epoch(self) -> int:
        return math.ceil(len(self.train) / self.recipe.batch)

    def epoch(self, number: int, advance: Callable[[int], None]) -> Epoch:
        """Train for one epoch (numbered from 0), whose course depends on the seed and the number alone."""
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(self.recipe.threads)
        try:
            return self._epoch(number, advance)
        finally:
            torch.set_num_threads(before)

    def _epoch(self, number: int, advance: Callable[[int], None]) -> Epoch:
        import torch

        recipe = self.recipe
        rng = np.random.default_rng([recipe.seed, number])
        noise = torch.Generator().manual_seed(recipe.seed * 100_003 + number)
        order = rng.permutation(self.train)
        loss_sum, right, rate = 0.0, 0, 0.0
        for b, start in enumerate(range(0, len(order), recipe.batch)):
            at = order[start : start + recipe.batch]
            if len(at) < 2:  # batch norm needs two
                advance(1)
                continue
            x, y = self._batch(at, rng if recipe.mirror else None)
            rate = one_cycle(
                number * self.batches_an_epoch + b, recipe.epochs * self.batches_an_epoch, recipe.rate
            )
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            self.network.train()
            worse = worst_in_ball(self.network, x, y, recipe.scaled_radius, recipe.steps, noise)
            outputs = self.network(normalised(worse))
            loss = torch.nn.functional.cross_entropy(outputs, y)
            self.optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            self.optimiser.step()
            loss_sum += float(loss.detach()) * len(at)
            right += int((outputs.argmax(1) == y).sum())
            advance(1)
        clean_accuracy, robust = self._check(number)
        self.history.append(
            Epoch(number + 1, loss_sum / len(order), right / len(order), clean_accuracy, robust, rate)
        )
        return self.history[-1]

    def _batch(self, at: Ints, rng: np.random.Generator | None) -> tuple[Any, Any]:
        """Pictures (n, 3, side, side) in [0, 1], mirrored by chance, and labels."""
        import torch

        chosen = self.pixels[at]
        if rng is not None:
            turn = rng.random(len(at)) < 0.5
            chosen[turn] = chosen[turn, :, ::-1]
        x = torch.from_numpy(chosen).permute(0, 3, 1, 2).float() / 255
        return x, torch.from_numpy(self.labels[at])

    def _check(self, number: int) -> tuple[float, float]:
        """Accuracy on held-out pictures as they are, and after an attack of the radius."""
        import torch

        if not len(self.held):
            return math.nan, math.nan
        self.network.eval()
        noise = torch.Generator().manual_seed(number)
        attacked = self.held if number + 1 == self.recipe.epochs else self.held[:CHECKED]
        plain, robust = 0, 0
        for start in range(0, len(self.held), CHECKED):
            x, y = self._batch(self.held[start : start + CHECKED], None)
            with torch.no_grad():
                plain += int((self.network(normalised(x)).argmax(1) == y).sum())
            if start >= len(attacked):
                continue
            worse = worst_in_ball(self.network, x, y, self.recipe.scaled_radius, CHECK_STEPS, noise)
            with torch.no_grad():
                robust += int((self.network(normalised(worse)).argmax(1) == y).sum())
        return plain / len(self.held), robust / len(attacked)

    def save(self, path: Path) -> None:
        """Everything the next epoch needs, written whole or not at all."""
        import torch

        history = [list(dataclasses.astuple(row)) for row in self.history]
        state = {
            "key": self.key,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "history": history,
        }
        try:
            torch.save(state, path.with_suffix(".part"))
            os.replace(path.with_suffix(".part"), path)
        except (OSError, RuntimeError) as problem:
            raise UserError(
                f"The folder {clean(path.parent)} can't be written ({clean(problem)}).", "Is there room?"
            ) from problem

    def resume(self, path: Path) -> int:
        """Load a checkpoint of the same pictures and recipe; the number of epochs done. A damaged or foreign one counts
        as none."""
        import torch

        if not path.is_file():
            return 0
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            if state["key"] != self.key:
                return 0
            history = [Epoch(int(row[0]), *map(float, row[1:])) for row in state["history"]]
            self.network.load_state_dict(state["network"])
            self.optimiser.load_state_dict(state["optimiser"])
        except Exception:  # whatever a broken file makes torch raise: training starts anew
            return 0
        self.history = history
        return len(history)


def one_cycle(step: int, steps: int, rate: float) -> float:
    """Learning rate of a step: up along a line over the first fifth, then down along a half cosine to 0."""
    rise = max(1.0, 0.2 * steps)
    if step < rise:
        return rate * (step + 1) / (rise + 1)
    return rate * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1.0, steps - rise)))


def normalised(x: Any) -> Any:
    """Pictures in [0, 1] as the network's input (see :func:`preprocessing_of`), channels last in memory."""
    import torch

    return ((x - 0.5) / 0.25).contiguous(memory_format=torch.channels_last)


def worst_in_ball(network: Any, x: Any, y: Any, radius: float, steps: int, noise: Any) -> Any:
    """Pictures within ``radius`` (l2, values in [0, 1]) of ``x`` on which the loss is high: projected gradient ascent.

    From a random point of the ball, ``steps`` steps of 2.5 radius / max(2, steps) along the gradient (Madry et al. 2018,
    §B). Parameters collect no gradient.
    """
    import torch

    if radius <= 0:
        return x
    delta = torch.randn(x.shape, generator=noise)
    delta = delta * (radius * torch.rand((len(x), 1, 1, 1), generator=noise) / _length(delta))
    for _ in range(steps):
        worse = (x + delta).clamp(0, 1).requires_grad_()
        loss = torch.nn.functional.cross_entropy(network(normalised(worse)), y)
        gradient = torch.autograd.grad(loss, worse)[0]
        delta = worse.detach() - x + gradient * (2.5 * radius / max(2, steps) / _length(gradient))
        delta = delta * (radius / _length(delta)).clamp(max=1)
    return (x + delta).clamp(0, 1).detach()


def _length(x: Any) -> Any:
    """(n, 1, 1, 1) l2 length of each picture's change; never 0."""
    return x.flatten(1).norm(dim=1).clamp(min=1e-12)[:, None, None, None]


def _write(out: Path, run: _Run, classes: tuple[str, ...]) -> None:
    from safetensors.torch import save_file

    how = preprocessing_of(run.recipe)
    side = {
        "arch": ARCH,
        "input_size": list(how.size),
        "fit": how.fit,
        "interpolation": how.interpolation,
        "mean": list(how.mean),
        "std": list(how.std),
        "channels": how.channels,
        "outputs": "logits",
        "classes": list(classes),
        "feature_layer": LAYER,
        "robust": {"norm": "l2", "radius": run.recipe.scaled_radius, "values": "0 to 1"},
    }
    try:
        tensors = {name: tensor.contiguous() for name, tensor in run.network.eval().state_dict().items()}
        save_file(tensors, out / "weights.safetensors")
        (out / "model.json").write_text(json.dumps(side, indent=2) + "\n", encoding="utf-8")
        with (out / "history.csv").open("w", newline="", encoding="utf-8") as file:
            names = [f.name for f in dataclasses.fields(Epoch)]
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(names)
            for row in run.history:
                writer.writerow([row.epoch, *(f"{getattr(row, n):.6g}" for n in names[1:])])
    except OSError as problem:
        raise UserError(
            f"The folder {clean(out)} can't be written ({clean(problem)}).", "Is there room?"
        ) from problem
