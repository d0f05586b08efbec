"""Do the maps depend on the model at all? Weight randomisation on the case's own network (Adebayo et al. 2018)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from failsight.tools.errors import RetryError
from failsight.tools.evidence import Interval
from failsight.tools.experiments.saliency_lens import Explainer, Lens, Target, score_with
from failsight.tools.inputs.base import Floats, Pixels
from failsight.tools.stats.intervals import bootstrap

SHUFFLES = 2
SIMILAR = 0.5  # mean rank correlation above which maps are said not to depend on the weights
STAGES = 5  # of a cascade from the head to the first layer
NO_WEIGHTS = "the weights of this model can't be reached"


@dataclass(frozen=True, slots=True)
class Sanity:
    """The weight-randomisation check: mean rank correlation of maps before and after shuffling the weights.

    ``similarity`` None: the check could not be made, for the ``reason``. ``ci``: 95 % interval over pictures, from two on."""

    similarity: float | None
    n: int = 0
    reason: str = ""
    ci: Interval | None = None

    @property
    def failed(self) -> bool:
        """True when the maps hardly depend on the weights."""
        return self.similarity is not None and self.similarity >= SIMILAR


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a cascade: the share of the weight tensors shuffled, counted from the head, and the similarity."""

    share: float
    similarity: float


def as_is(lens: Lens) -> Lens:
    """The lens itself."""
    return lens


def check_sanity(
    lens: Lens,
    explainer: Explainer,
    pixels: Pixels,
    maps: Floats,
    target: Target,
    shuffles: int = SHUFFLES,
    prepare: Callable[[Lens], Lens] = as_is,
) -> Sanity:
    """Adebayo et al. 2018 on the case's own model: a map that stays the same with shuffled weights explains nothing.

    Args:
        maps: of ``pixels``, by ``explainer`` with the weights as they are.
        shuffles: networks, all their weights shuffled.
        prepare: what makes many passes over a shuffled network faster.
    """
    values: list[list[float]] = []
    for seed in range(shuffles):
        found = _similarities(lens, explainer, pixels, maps, target, seed, 1.0, prepare)
        if isinstance(found, str):
            return Sanity(None, 0, found)
        values.append(found)
    of_pictures = np.mean(values, 0)
    if not len(of_pictures):
        return Sanity(None, 0, "there are no maps")
    ci = bootstrap(of_pictures) if len(of_pictures) > 1 else None
    return Sanity(float(of_pictures.mean()), len(pixels), ci=ci)


def cascade(
    lens: Lens,
    explainer: Explainer,
    pixels: Pixels,
    maps: Floats,
    target: Target,
    stages: int = STAGES,
    prepare: Callable[[Lens], Lens] = as_is,
) -> Sequence[Stage]:
    """The similarity as ever more layers are shuffled, from the head to the first (their section 4); empty where it can't be."""
    made = []
    for share in np.linspace(0, 1, stages + 1)[1:]:
        found = _similarities(lens, explainer, pixels, maps, target, 0, float(share), prepare)
        if isinstance(found, str) or not found:
            return ()
        made.append(Stage(float(share), float(np.mean(found))))
    return tuple(made)


def _similarities(
    lens: Lens,
    explainer: Explainer,
    pixels: Pixels,
    maps: Floats,
    target: Target,
    seed: int,
    share: float,
    prepare: Callable[[Lens], Lens],
) -> list[float] | str:
    other = scrambled(lens, lens.outputs, seed, share)
    if other is None:
        return NO_WEIGHTS
    try:
        shuffled = explainer(prepare(other), pixels, target)
    except (RuntimeError, RetryError):  # traced graphs with a fixed batch, for example
        return "the model can't be run with shuffled weights"
    return [rank_correlation(a, b) for a, b in zip(maps, shuffled, strict=True)]


def scrambled(lens: Lens, outputs: str, seed: int, share: float = 1.0) -> Lens | None:
    """The same network with its weights shuffled, or None when the weights can't be reached.

    Every weight tensor (two dimensions or more) keeps its values in random order, the last ``share`` of the tensors in
    the order in which the module names them: 1 is the end point of the cascading randomisation of Adebayo et al. 2018.
    The case's own module is not touched."""
    import torch

    if lens.module is None or not any(p.ndim > 1 for p in lens.module.parameters()):
        return None
    try:
        module = copy.deepcopy(lens.module)
    except (RuntimeError, TypeError):  # some exported graphs can't be copied
        return None
    generator = torch.Generator().manual_seed(seed)
    every = [w for w in module.parameters() if w.ndim > 1]
    with torch.no_grad():
        for weights in every[-max(1, round(share * len(every))) :]:
            order = torch.randperm(weights.numel(), generator=generator).to(weights.device)
            weights.copy_(weights.reshape(-1)[order].reshape(weights.shape))
    head = None if lens.head is None else dict(module.named_modules())[_name_of(lens.module, lens.head)]
    return replace(lens, score=score_with(module, lens.normalise, outputs), module=module, head=head)


def _name_of(module: Any, part: Any) -> str:
    """Dotted name of ``part`` in ``module``."""
    return next(str(name) for name, one in module.named_modules() if one is part)


def rank_correlation(first: Floats, second: Floats) -> float:
    """Spearman's correlation of two maps of equal shape; 0 where one of them is constant or not finite."""
    from scipy.stats import rankdata

    a, b = rankdata(first.ravel()), rankdata(second.ravel())
    if not (np.isfinite(first).all() and np.isfinite(second).all()) or a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])
