"""Which layer's maps a saliency method should look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

SMALLEST = 4  # maps of fewer cells a side hardly say where; they are taken only when there are no others


def find_feature_layer(module: Any, example: Any) -> str | None:
    """The name of the last convolution-like module before pooling: the last whose output is a map (n, c, h, w).

    One pass over ``example`` (a normalised batch of one) with a hook on every submodule. The outermost of several that
    hand on the same tensor wins, so that in a residual network it is the last block after its addition, as Grad-CAM
    wants (Selvaraju et al., ICCV 2017, §3). Hooks are gone afterwards, even after an exception.

    Returns:
        A dotted name as in ``module.named_modules()``; None when the network has no such maps, or submodules can't be
        watched (TorchScript).
    """
    import torch

    if isinstance(module, torch.jit.ScriptModule):
        return None
    seen: list[tuple[str, tuple[int, ...]]] = []
    names: list[str] = []
    handles = [
        child.register_forward_hook(_Watch(name, seen, names))
        for name, child in module.named_modules()
        if name
    ]
    try:
        with torch.inference_mode():
            module(example)
    finally:
        for handle in handles:
            handle.remove()
    chosen = last_maps(seen)
    return None if chosen is None else names[chosen]


class _Watch:
    """A forward hook that notes what kind of output a submodule gave: ``map``, ``tokens`` or ``other``, and its shape."""

    def __init__(self, name: str, seen: list[tuple[str, tuple[int, ...]]], names: list[str]) -> None:
        self.name, self.seen, self.names = name, seen, names

    def __call__(self, child: Any, given: Any, output: Any) -> None:
        shape = tuple(getattr(output, "shape", ()))
        kind = "other"
        if len(shape) == 4 and "pool" not in type(child).__name__.lower():
            kind = "map"
        elif len(shape) == 3 and shape[1] > 1 and next(child.parameters(recurse=False), None) is not None:
            kind = "tokens"
        self.seen.append((kind, shape))
        self.names.append(self.name)


def last_maps(seen: Sequence[tuple[str, Sequence[int]]]) -> int | None:
    """Which of the results, in order of completion, to look at: the last map of at least ``SMALLEST`` cells a side, else
    the last of at least two. None where layers over tokens follow the maps: they are a transformer's patch embedding.
    """
    for smallest in (SMALLEST, 2):
        for i in range(len(seen) - 1, -1, -1):
            kind, shape = seen[i]
            if kind == "tokens":
                break
            if kind == "map" and min(shape[2:]) >= smallest:
                return i
    return None
