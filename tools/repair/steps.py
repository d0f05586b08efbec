"""What a step of training is made of: inputs, losses, the rate, and how a round is judged."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from failsight.tools.inputs.models.torch_based import first_tensor
from failsight.tools.repair.piles import Ints, Mask
from failsight.tools.repair.recipes import Recipe

if TYPE_CHECKING:
    from failsight.tools.inputs.base import Classifier

FEWEST_JUDGED = 20  # held-out images of a group that is judged by itself; smaller groups are judged together
GENERALISED = 0.7  # q of the generalised cross-entropy


@dataclass(frozen=True)
class Round:
    """One row of the record. ``worst_accuracy``: of the worst group of held-out images (nan without any)."""

    epoch: float
    train_loss: float
    val_loss: float
    train_accuracy: float
    val_accuracy: float
    worst_accuracy: float
    learning_rate: float


def worst_group(right: Mask, groups: Ints) -> float:
    """Accuracy of the worst group; groups of fewer than ``FEWEST_JUDGED`` images are judged together."""
    counts = np.bincount(groups)
    small = counts[groups] < FEWEST_JUDGED
    rates = [float(right[groups == g].mean()) for g in np.unique(groups[~small])]
    if small.sum() >= FEWEST_JUDGED or (small.any() and not rates):
        rates.append(float(right[small].mean()))
    return min(rates)


def good_enough(worst: float, history: Sequence[Round], groups: Ints) -> bool:
    """Whether the last round replaces the best so far: its worst group is within one standard error of the best that was seen.

    The rule of Breiman et al. (1984, section 3.4.3): among what can't be told apart, the simplest, which in a schedule that
    ends at rate 0 is the latest. Held-out groups are small, and the weights in the middle of a schedule are noisy: the best
    of several noisy figures would be taken by luck.

    Args:
        worst: accuracy of the worst held-out group in the last round.
        history: all rounds, the last one included.
        groups: of the held-out images.
    """
    top = max(row.worst_accuracy for row in history)
    counts = np.bincount(groups)
    judged = counts[counts >= FEWEST_JUDGED]
    size = int(judged.min()) if len(judged) else len(groups)
    return worst >= top - math.sqrt(top * (1 - top) / size)


def one_cycle(step: int, steps: int, rate: float) -> float:
    """Learning rate of a step: up along a line over the first fifth, then down along a half cosine to 0."""
    rise = max(1.0, 0.2 * steps)
    if step < rise:
        return rate * (step + 1) / (rise + 1)
    return rate * 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1.0, steps - rise)))


def inputs(model: Classifier, pictures: npt.NDArray[np.uint8]) -> Any:
    """Prepared pictures as the network's input; channels last in memory where the model runs so."""
    batch = getattr(model, "batch", None) or model.normalise
    return batch(pictures)


class Dice:
    """The random numbers of one training (dropout draws some), whoever else draws meanwhile.

    torch has one stream for all threads; trainings side by side take turns to put their own in its place.

    Args:
        devices: numbers of the CUDA devices that draw, too.
    """

    _turn = threading.Lock()

    def __init__(self, devices: Sequence[int] = ()) -> None:
        self.devices = list(devices)
        self._states: list[Any] = []

    def throw(self, seed: int) -> None:
        """Begin the stream that belongs to ``seed``."""
        import torch

        with self._turn, torch.random.fork_rng(devices=self.devices):
            torch.manual_seed(seed)
            self._note()

    @contextmanager
    def mine(self) -> Iterator[None]:
        """torch draws from this stream here, and from its own again afterwards."""
        import torch

        with self._turn, torch.random.fork_rng(devices=self.devices):
            torch.set_rng_state(self._states[0])
            for device, state in zip(self.devices, self._states[1:], strict=True):
                torch.cuda.set_rng_state(state, device)
            yield
            self._note()

    def _note(self) -> None:
        import torch

        self._states = [torch.get_rng_state(), *(torch.cuda.get_rng_state(d) for d in self.devices)]


def log_scores(model: Classifier, output: Any) -> Any:
    """(n, classes) logarithms of the class scores, from whatever the network returns."""
    import torch

    raw = first_tensor(output).float().reshape(len(first_tensor(output)), -1)
    if model.outputs == "probabilities":
        both = torch.cat([1 - raw, raw], 1) if raw.shape[1] == 1 else raw
        if getattr(model, "kind", "") == "sigmoids":
            both = both / both.sum(1, keepdim=True).clamp(min=1e-7)
        return both.clamp(min=1e-7).log()
    if raw.shape[1] == 1:
        raw = torch.cat([torch.zeros_like(raw), raw], 1)
    return raw.log_softmax(1)


def losses_of(logs: Any, target: Any, recipe: Recipe) -> Any:
    """(n,) loss of each image."""
    own = logs.gather(1, target[:, None])[:, 0]
    if recipe.loss == "generalised":
        return (1 - (own * GENERALISED).exp()) / GENERALISED
    if recipe.smoothing:
        return -(1 - recipe.smoothing) * own - recipe.smoothing * logs.mean(1)
    return -own


def set_mode(network: Any, *, training: bool) -> None:
    """Training or evaluation mode; exported programs have one mode only and stay as they are."""
    try:
        network.train(training)
    except (NotImplementedError, RuntimeError):
        pass


def devices_of(model: Classifier) -> list[int]:
    import torch

    device = torch.device(str(getattr(model, "device", "cpu")))
    return [device.index or 0] if device.type == "cuda" else []


def out_of_memory(problem: BaseException) -> bool:
    """Whether an exception says that memory ran out."""
    text = str(problem).lower()
    return type(problem).__name__ == "OutOfMemoryError" or isinstance(problem, MemoryError) or (
        isinstance(problem, RuntimeError) and ("out of memory" in text or "can't allocate memory" in text)
    )  # fmt: skip
