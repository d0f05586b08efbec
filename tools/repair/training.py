"""Going on with the training of a torch model: deterministic, resumable, gentle with memory.

The course of a round depends on the seed and the round's number alone, and after each round everything that the next one
needs is saved: an interrupted training goes on to the very weights that an undisturbed one reaches (on a CPU, bitwise).
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from failsight.tools.errors import RetryError, UserError
from failsight.tools.inputs.base import Pixels
from failsight.tools.repair.augment import Change
from failsight.tools.repair.piles import Ints, Mask, Pile
from failsight.tools.repair.recipes import Floats, Recipe
from failsight.tools.repair.steps import (
    Dice,
    Round,
    devices_of,
    good_enough,
    inputs,
    log_scores,
    losses_of,
    one_cycle,
    out_of_memory,
    set_mode,
    worst_group,
)
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.tools.inputs.base import Classifier

CHECKPOINT = "training.state"


@dataclass(frozen=True)
class Lesson:
    """What one version learns.

    Attributes:
        pile: all images, held-out ones included.
        held: (n,) held out: they only tell which round is best.
        draws: (n,) how often each image is drawn; 0 for those held out.
        weights: (n,) how much a mistake on each costs.
        groups: (n,) for the worst group, and for the robust weighting.
        change: what is done to the pictures of a batch; None for nothing.
        recipe: see there.
        seed: of all that is drawn.
        key: a digest of everything above and of the model; a saved state of another key is not used.
        first: whether this is the repair, and no control.
        anchors: (m, h, w, 3) pictures to whose old answers the network is held; None for none.
    """

    pile: Pile
    held: Mask
    draws: Floats
    weights: Floats
    groups: Ints
    change: Change | None
    recipe: Recipe
    seed: int
    key: str
    first: bool = True
    anchors: Pixels | None = None


@dataclass
class Learned:
    """A trained network.

    Attributes:
        network: torch module with the weights of the best round.
        history: one row a round.
        best: number of the best round, from 1.
        resumed: rounds that an earlier run had done.
        seconds: of this run.
        notes: what had to be done otherwise, one sentence each.
    """

    network: Any
    history: tuple[Round, ...]
    best: int
    resumed: int
    seconds: float
    notes: tuple[str, ...] = ()


@dataclass
class Trainer:
    """A network in training.

    Args:
        model: the classifier, for what goes into the network and what its outputs mean.
        network: a copy of its module that may be changed.
        free: names of the parameters that are trained; None for all.
    """

    model: Classifier
    network: Any
    lesson: Lesson
    free: Sequence[str] | None = None
    history: list[Round] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        import torch

        wanted = None if self.free is None else set(self.free)
        chosen = []
        for name, parameter in self.network.named_parameters():
            parameter.requires_grad_(wanted is None or name in wanted)
            if parameter.requires_grad:
                chosen.append(parameter)
        if not chosen:
            raise RetryError("This model has no weights that can be trained.")
        recipe = self.lesson.recipe
        self.optimiser = torch.optim.SGD(
            chosen, lr=recipe.rate, momentum=0.9, nesterov=True, weight_decay=recipe.decay
        )
        self.dice = Dice(devices_of(self.model))
        self.micro = recipe.batch
        self.old: Floats | None = None
        if self.lesson.anchors is not None:
            self.micro += recipe.anchored
            set_mode(self.network, training=False)
            self.old = self._scores(self.lesson.anchors)
        self.robust = np.ones(int(self.lesson.groups.max(initial=0)) + 1)
        self.best: tuple[tuple[float, float, float], int, dict[str, Any]] | None = None

    def run(self, state: Path | None, advance: Callable[[int], None]) -> Learned:
        """All rounds; what is left of them when ``state`` holds those before. Who has put the network away deletes ``state``."""
        began = time.perf_counter()
        done = self._resume(state) if state is not None else 0
        ends = self.lesson.recipe.ends()
        advance(ends[done - 1] if done else 0)
        for number in range(done, len(ends)):
            self._round(number, ends, advance)
            if state is not None and number + 1 < len(ends):
                self._save(state)
        assert self.best is not None
        self.network.load_state_dict(self.best[2])
        set_mode(self.network, training=False)
        return Learned(
            self.network,
            tuple(self.history),
            self.best[1],
            done,
            time.perf_counter() - began,
            tuple(self.notes),
        )

    def _round(self, number: int, ends: Sequence[int], advance: Callable[[int], None]) -> None:
        lesson, recipe = self.lesson, self.lesson.recipe
        rng = np.random.default_rng([lesson.seed, number])
        self.dice.throw(lesson.seed * 100_003 + number)
        first = ends[number - 1] if number else 0
        seen, loss_sum, right, rate = 0, 0.0, 0, 0.0
        if self.free is None:
            set_mode(self.network, training=True)
        for step in range(first, ends[number]):
            at = rng.choice(len(lesson.draws), recipe.batch, p=lesson.draws).astype(np.int64)
            pictures = lesson.pile.pixels[at]
            if lesson.change is not None:
                pictures = lesson.change(pictures, at, rng)
            held_to = np.zeros(0, np.int64)
            if lesson.anchors is not None:
                held_to = rng.integers(0, len(lesson.anchors), recipe.anchored)
            rate = one_cycle(step, recipe.steps, recipe.rate)
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            loss, hits = self._step(pictures, at, held_to)
            loss_sum, right, seen = loss_sum + loss * len(at), right + hits, seen + len(at)
            advance(1)
        set_mode(self.network, training=False)
        self._judge(ends[number], loss_sum / max(1, seen), right / max(1, seen), rate)

    def _step(self, pictures: Pixels, at: Ints, held_to: Ints) -> tuple[float, int]:
        """One step; where memory runs out the batch is taken in smaller pieces, for good."""
        while True:
            try:
                return self._try(pictures, at, held_to)
            except Exception as problem:
                if not out_of_memory(problem) or self.micro <= 2:
                    raise
                self.micro = max(2, self.micro // 2)
                self.notes.append(
                    f"Memory ran out; the training went on with {self.micro} images at a time, the same number a step."
                )

    def _try(self, pictures: Pixels, at: Ints, held_to: Ints) -> tuple[float, int]:
        """One step over the images at ``at`` and the anchors at ``held_to``, in pieces of ``micro`` pictures."""
        import torch

        lesson, n = self.lesson, len(at)
        groups = lesson.groups[at]
        cost = lesson.weights[at] * self.robust[groups]
        share = (cost / float(cost.sum())).astype(np.float32)
        if lesson.anchors is not None:
            pictures = np.concatenate([pictures, lesson.anchors[held_to]])
        self.optimiser.zero_grad()
        total, hits = 0.0, 0
        each = np.zeros(n)
        for start in range(0, len(pictures), self.micro):
            stop = min(start + self.micro, len(pictures))
            batch = inputs(self.model, pictures[start:stop])
            with self.dice.mine():
                raw = self.network(batch)
            outputs = log_scores(self.model, raw)
            part = slice(min(start, n), min(stop, n))
            own, rest = outputs[: part.stop - part.start], outputs[part.stop - part.start :]
            target = torch.from_numpy(lesson.pile.labels[at[part]]).to(outputs.device)
            losses = losses_of(own, target, lesson.recipe)
            loss = (losses * torch.from_numpy(share[part]).to(outputs.device)).sum()
            if len(rest):
                loss = loss + self._drift(rest, held_to[max(0, start - n) : stop - n]) / len(held_to)
            loss.backward()
            total += float(loss.detach())
            each[part] = losses.detach().cpu().numpy()
            hits += int((own.argmax(1) == target).sum())
        if not math.isfinite(total):
            raise RetryError("The training diverged: the loss is no longer a number. Use another recipe.")
        if lesson.recipe.clip:
            torch.nn.utils.clip_grad_norm_(self.optimiser.param_groups[0]["params"], lesson.recipe.clip)
        self.optimiser.step()
        if lesson.recipe.robust:
            for g in np.unique(groups):
                self.robust[g] *= math.exp(lesson.recipe.robust * float(each[groups == g].mean()))
            self.robust *= len(self.robust) / self.robust.sum()
        return total, hits

    def _drift(self, outputs: Any, held_to: Ints) -> Any:
        """What it costs that the scores of some anchors diverge from the old ones (sum of Kullback–Leibler divergences)."""
        import torch

        assert self.old is not None
        old = torch.from_numpy(self.old[held_to].astype(np.float32)).to(outputs.device)
        return self.lesson.recipe.anchor * (old.exp() * (old - outputs)).sum()

    def _judge(self, steps: int, loss: float, accuracy: float, rate: float) -> None:
        """Answer the held-out images, note the round, keep its weights where it is the best so far."""
        lesson = self.lesson
        at = np.flatnonzero(lesson.held).astype(np.int64)
        val_loss = val = worst = math.nan
        if len(at):
            logs = self.answer(at)
            labels = lesson.pile.labels[at]
            right = logs.argmax(1) == labels
            val, val_loss = float(right.mean()), -float(logs[np.arange(len(at)), labels].mean())
            worst = worst_group(right, lesson.groups[at])
        epoch = steps * lesson.recipe.batch / max(1, int((~lesson.held).sum()))
        self.history.append(Round(epoch, loss, val_loss, accuracy, val, worst, rate))
        score = (worst, val, -val_loss) if len(at) else (float(len(self.history)), 0.0, 0.0)
        if self.best is None or not len(at) or good_enough(worst, self.history, lesson.groups[at]):
            kept = {k: v.detach().clone() for k, v in self.network.state_dict().items()}
            self.best = (score, len(self.history), kept)

    def answer(self, at: Ints) -> Floats:
        """(len(at), classes) logarithms of the scores of images of the pile, as they are."""
        return self._scores(self.lesson.pile.pixels[at])

    def _scores(self, pixels: Pixels) -> Floats:
        import torch

        made, size = [], max(self.micro, 2)
        with torch.no_grad():
            for start in range(0, len(pixels), size):
                x = inputs(self.model, pixels[start : start + size])
                made.append(log_scores(self.model, self.network(x)).double().cpu().numpy())
        whole: Floats = np.concatenate(made)
        return whole

    def _save(self, path: Path) -> None:
        import torch

        assert self.best is not None
        state = {
            "key": self.lesson.key,
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "history": [list(asdict(row).values()) for row in self.history],
            "robust": self.robust.tolist(),
            "micro": self.micro,
            "notes": list(self.notes),
            "best": [list(self.best[0]), self.best[1], self.best[2]],
        }
        part = path.with_name(f"{path.name}.part")
        try:
            torch.save(state, part)
            os.replace(part, path)
        except (OSError, RuntimeError) as problem:
            raise UserError(
                f"The folder {clean(path.parent)} can't be written ({clean(problem)}).", "Is there room?"
            ) from problem

    def _resume(self, path: Path) -> int:
        """Load a saved state of the same lesson; the number of rounds done. A damaged or foreign one counts as none."""
        import torch

        if not path.is_file():
            return 0
        try:
            state = torch.load(
                path, map_location=str(getattr(self.model, "device", "cpu")), weights_only=True
            )
            if state["key"] != self.lesson.key:
                return 0
            history = [Round(*map(float, row)) for row in state["history"]]
            score = state["best"][0]
            best = (
                (float(score[0]), float(score[1]), float(score[2])),
                int(state["best"][1]),
                state["best"][2],
            )
            self.network.load_state_dict(state["network"])
            self.optimiser.load_state_dict(state["optimiser"])
        except Exception:  # whatever a broken file makes torch raise: training starts anew
            return 0
        self.history, self.best = history, best
        self.robust, self.micro = np.array(state["robust"]), int(state["micro"])
        self.notes = [str(note) for note in state["notes"]]
        return len(history)
