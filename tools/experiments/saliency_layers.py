"""Which tokens of a vision transformer a map can be made of, and how they lie on the picture."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

MOST_PREFIX = 8  # class, distillation and register tokens before the patches
FEWEST_TOKENS = 4


@dataclass(frozen=True, slots=True)
class Grid:
    """How a row of tokens lies on the picture: ``prefix`` tokens without a place, then ``height`` × ``width`` patches, line by line."""

    prefix: int
    height: int
    width: int

    def maps(self, tokens: Any) -> Any:
        """Tokens (n, prefix + height · width, c) as maps (n, c, height, width)."""
        n, _, channels = tokens.shape
        placed = tokens[:, self.prefix :].reshape(n, self.height, self.width, channels)
        return placed.permute(0, 3, 1, 2)


@dataclass(frozen=True)
class _Seen:
    """What one submodule gave: its name, whether it normalises, and the tensor."""

    name: str
    norm: bool
    output: Any


def find_token_layer(module: Any, example: Any) -> tuple[str, Grid] | None:
    """The layer of a transformer whose tokens Grad-CAM should read, and their grid; None where there is none.

    The last normalisation over tokens whose *patch* tokens still have a gradient: behind a class token that is the one
    before the last attention (after it, the other tokens no longer reach the answer: Gildenblat 2020, pytorch-grad-cam);
    where the patches are averaged (Swin), the very last. One forward and one backward pass over ``example``, a
    normalised batch of one; hooks are gone afterwards.
    """
    import torch

    if isinstance(module, torch.jit.ScriptModule):
        return None
    patches, seen = _watched(module, example)
    for norms_only in (True, False):
        tried = [one for one in seen if one.norm or not norms_only]
        for one, grid in reversed([(one, grid_of(one.output.shape[1], patches)) for one in tried]):
            if grid is not None and _reaches(one.output, grid, seen[-1].output):
                return one.name, grid
    return None


def _watched(module: Any, example: Any) -> tuple[tuple[int, int] | None, list[_Seen]]:
    """The patch grid (size of the last convolution's map) and the token tensors in order, the answer last."""
    import torch

    patches: list[tuple[int, int]] = []
    seen: list[_Seen] = []

    def keep(name: str) -> Any:
        def hook(child: Any, _: Any, output: Any) -> None:
            shape = tuple(getattr(output, "shape", ()))
            if len(shape) == 4 and "conv" in type(child).__name__.lower():
                patches.append((shape[2], shape[3]))
            if len(shape) == 3 and shape[0] == 1 and shape[1] >= FEWEST_TOKENS and output.requires_grad:
                seen.append(_Seen(name, "norm" in type(child).__name__.lower(), output))

        return hook

    handles = [child.register_forward_hook(keep(name)) for name, child in module.named_modules() if name]
    try:
        with torch.enable_grad():
            output = module(example.detach().clone().requires_grad_())
    finally:
        for handle in handles:
            handle.remove()
    from failsight.tools.experiments.saliency_lens import first_tensor

    seen.append(_Seen("", False, first_tensor(output)[:, None]))
    return (patches[-1] if patches else None), seen


def _reaches(tokens: Any, grid: Grid, answer: Any) -> bool:
    """Whether the patch tokens have any gradient of the largest output."""
    import torch

    if tokens.shape[1] < FEWEST_TOKENS or tokens is answer or not answer.requires_grad:
        return False
    try:
        (slope,) = torch.autograd.grad(answer.max(), tokens, retain_graph=True, allow_unused=True)
    except RuntimeError:  # an operation without a derivative on the way
        return False
    return slope is not None and bool((slope[:, grid.prefix :] != 0).any())


def grid_of(tokens: int, patches: tuple[int, int] | None) -> Grid | None:
    """How ``tokens`` tokens lie on a picture cut into ``patches``; merged patches (Swin) halve the grid each time.

    Without known patches a square is assumed. None when no grid fits.
    """
    if patches is None:
        for prefix in range(min(MOST_PREFIX, tokens) + 1):
            side = math.isqrt(tokens - prefix)
            if side * side == tokens - prefix and side > 1:
                return Grid(prefix, side, side)
        return None
    height, width = patches
    prefix = tokens - height * width
    if 0 <= prefix <= MOST_PREFIX:
        return Grid(prefix, height, width)
    while height * width > tokens and max(height, width) > 1:
        height, width = -(-height // 2), -(-width // 2)
    return Grid(0, height, width) if height * width == tokens and height * width >= FEWEST_TOKENS else None
