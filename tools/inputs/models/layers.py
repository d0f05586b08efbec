"""Which layer's maps a saliency method should look at."""

from __future__ import annotations

from typing import Any


def find_feature_layer(module: Any, example: Any) -> str | None:
    """The name of the last convolution-like module before pooling: the last whose output is a map (n, c, h > 1, w > 1).

    One pass over ``example`` (a normalised batch of one) with a hook on every submodule; the outermost of several that
    hand on the same tensor wins, so that for a residual network it is the last block after its addition, as Grad-CAM
    wants (Selvaraju et al., ICCV 2017, §3). Hooks are gone afterwards, even after an exception.

    Returns:
        A dotted name as in ``module.named_modules()``; None when the network has no such maps, or submodules can't be
        watched (TorchScript).
    """
    import torch

    if isinstance(module, torch.jit.ScriptModule):
        return None
    seen: list[tuple[str, str]] = []
    handles = [
        child.register_forward_hook(_Watch(name, seen)) for name, child in module.named_modules() if name
    ]
    try:
        with torch.inference_mode():
            module(example)
    finally:
        for handle in handles:
            handle.remove()
    return _choose(seen)


class _Watch:
    """A forward hook that notes what kind of output a submodule gave: ``map``, ``pooled map``, ``tokens`` or ``other``."""

    def __init__(self, name: str, seen: list[tuple[str, str]]) -> None:
        self.name, self.seen = name, seen

    def __call__(self, child: Any, given: Any, output: Any) -> None:
        shape = tuple(getattr(output, "shape", ()))
        kind = "other"
        if len(shape) == 4 and min(shape[2:]) > 1:
            kind = "pooled map" if "pool" in type(child).__name__.lower() else "map"
        elif len(shape) == 3 and shape[1] > 1 and next(child.parameters(recurse=False), None) is not None:
            kind = "tokens"
        self.seen.append((self.name, kind))


def _choose(seen: list[tuple[str, str]]) -> str | None:
    """The last module to finish with a map. None where layers over tokens follow it: then it is only the patch
    embedding of a transformer."""
    for name, kind in reversed(seen):
        if kind == "tokens":
            return None
        if kind == "map":
            return name
    return None
