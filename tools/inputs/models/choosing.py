"""Which of several things that a network returns holds the class scores: by width, then by name, and by the side file before both."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from failsight.tools.errors import UserError
from failsight.tools.text import clean, listing

_LIKELY = {"logit", "logits", "prob", "probs", "probability", "probabilities", "score", "scores", "pred", "preds", "prediction",
           "predictions", "output", "outputs", "out", "main"}  # fmt: skip
_UNLIKELY = {"aux", "auxiliary", "auxlogits", "deep"}


@dataclass(frozen=True, slots=True)
class Offer:
    """One thing that a network returns. ``width``: numbers a picture; None where that is not known or it is no tensor of numbers."""

    name: str
    width: int | None


def choose(
    offers: Sequence[Offer], classes: int, wanted: str | None, model: Path | str
) -> tuple[int, tuple[str, ...]]:
    """The place of the class scores among ``offers``, and a note where others are as wide.

    Args:
        wanted: name or place that the side file gives (``output``); it goes before everything.

    Raises:
        UserError: there is no such output.
        LookupError: none is as wide as there are classes (a single number also fits two).
    """
    if wanted is not None:
        found = next((i for i, o in enumerate(offers) if wanted in (o.name, str(i))), None)
        if found is None:
            raise UserError(
                f"The model {clean(Path(model).name)} has no output {clean(wanted, 60)}.",
                f"It has {listing([clean(o.name, 60) for o in offers], 10)}; correct `output` in the side file.",
            )
        return found, ()
    fitting = [i for i, o in enumerate(offers) if o.width == classes]
    fitting = fitting or ([i for i, o in enumerate(offers) if o.width == 1] if classes == 2 else [])
    if not fitting:
        raise LookupError(classes)
    best = min(fitting, key=lambda i: (_rank(offers[i].name), i))
    if len(fitting) == 1:
        return best, ()
    names = listing([clean(offers[i].name, 60) for i in fitting], 6)
    return best, (
        f"{len(fitting)} outputs of the model are as wide as there are classes ({names}); {clean(offers[best].name, 60)} was taken. "
        '"output" in the side file names another.',
    )


def _rank(name: str) -> int:
    words = {w for w in re.split(r"[^a-z]+", name.lower()) if w}
    if words & _UNLIKELY or name.lower().startswith("aux"):
        return 2
    return 0 if words & _LIKELY else 1


def parts_of(output: Any) -> list[tuple[str, Any]]:
    """(name, tensor) of everything in what a torch module returned; arrays and lists of numbers count as tensors.

    A tuple's parts are called by their places, a dictionary's by their keys.
    """
    if isinstance(output, dict):
        named = [(str(key), value) for key, value in output.items()]
    elif hasattr(output, "logits"):
        named = [("logits", output.logits)]
    elif isinstance(output, tuple | list) and not _numbers(output):
        named = [(str(i), value) for i, value in enumerate(output)]
    else:
        named = [("", output)]
    made = ((name, _as_tensor(value)) for name, value in named)
    return [(name, tensor) for name, tensor in made if tensor is not None]


def _as_tensor(value: Any) -> Any:
    """``value`` as a torch tensor; None where it holds no numbers."""
    import torch

    if isinstance(value, torch.Tensor):
        return value
    if isinstance(value, np.ndarray) or _numbers(value):
        return torch.as_tensor(np.asarray(value, np.float32))
    return None


def _numbers(value: Any) -> bool:
    """Whether ``value`` is a list of numbers, or of rows of numbers."""
    while isinstance(value, list | tuple) and value:
        value = value[0]
    return isinstance(value, int | float)


def part_module(module: Any, at: str) -> Any:
    """``module`` as one that returns the part ``at`` of what it returns."""
    from torch import nn

    class OnePart(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = module

        def forward(self, pixels: Any) -> Any:
            return dict(parts_of(self.model(pixels)))[at]

    return OnePart()
