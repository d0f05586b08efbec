"""Maps from the attention of a vision transformer, read while it runs: nothing in the model is changed or asked for."""

from __future__ import annotations

from typing import Any

import numpy as np

from failsight.tools.errors import RetryError
from failsight.tools.experiments.saliency_lens import Lens, Target, columns
from failsight.tools.inputs.base import Floats, Pixels


def rollout(lens: Lens, pixels: Pixels, target: Target) -> Floats:
    """Attention rollout (Abnar & Zuidema 2020): the heads' mean attention, half of it the residual, multiplied over layers.

    It has no class: the same map whatever the target. Raises RetryError where there is no attention over all tokens.
    """
    return _in_batches(lens, pixels, target, gradient=False)


def attention_gradient(lens: Lens, pixels: Pixels, target: Target) -> Floats:
    """Attention times its gradient for the target, positive parts, summed over layers (Chefer et al. 2021b, eq. 5–6).

    Raises RetryError where there is no attention over all tokens.
    """
    return _in_batches(lens, pixels, target, gradient=True)


def _in_batches(lens: Lens, pixels: Pixels, target: Target, *, gradient: bool) -> Floats:
    parts = [
        _relevance(lens, pixels[i : i + lens.batch], target.part(slice(i, i + lens.batch)), gradient)
        for i in range(0, len(pixels), lens.batch)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, 1, 1), np.float32)


def _relevance(lens: Lens, pixels: Pixels, target: Target, gradient: bool) -> Floats:
    import torch

    grid = lens.grid
    if lens.module is None or grid is None or not grid.prefix:
        raise RetryError(
            "method: this model has no class token that attends to all patches.", ["auto", "occlusion"]
        )
    tokens = grid.prefix + grid.height * grid.width
    with torch.set_grad_enabled(gradient), _reader()() as reader:
        inputs = lens.normalise(pixels)
        outputs = columns(lens.module(inputs.requires_grad_() if gradient else inputs))
    kept = [a for a in reader.found if a.shape[-1] == tokens and a.shape[-2] == tokens]
    if not kept:
        raise RetryError(
            "method: no attention over all tokens was seen in this model.", ["auto", "occlusion"]
        )
    if gradient:
        slopes = torch.autograd.grad(target.value(outputs).sum(), kept, allow_unused=True)
        kept = [(a * (0 if s is None else s)).relu() for a, s in zip(kept, slopes, strict=True)]
    own = torch.eye(tokens, device=kept[0].device)
    flow = own.expand(len(pixels), -1, -1)
    with torch.no_grad():
        for attention in kept:
            mean = attention.mean(1)
            flow = flow + mean @ flow if gradient else (0.5 * mean + 0.5 * own) @ flow
        made: Floats = flow[:, 0, grid.prefix :].reshape(-1, grid.height, grid.width).float().cpu().numpy()
    return made


def _reader() -> Any:
    """A context in which every attention (n, heads, t, t) that torch computes is kept in ``found``.

    Fused attention is computed in its two steps instead, with the same result up to rounding."""
    import torch
    from torch.nn import functional
    from torch.overrides import TorchFunctionMode

    softmaxes = (functional.softmax, torch.softmax, torch.Tensor.softmax)

    class Reader(TorchFunctionMode):
        def __init__(self) -> None:
            super().__init__()
            self.found: list[Any] = []

        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            kwargs = kwargs or {}
            if func is functional.scaled_dot_product_attention:
                return self._attend(*args, **kwargs)
            if func is functional.multi_head_attention_forward:
                made = func(*args, **{**kwargs, "need_weights": True, "average_attn_weights": False})
                self.found.append(made[1])
                return made
            made = func(*args, **kwargs)
            if func in softmaxes and made.ndim == 4 and made.shape[-1] == made.shape[-2]:
                self.found.append(made)
            return made

        def _attend(
            self,
            query: Any,
            key: Any,
            value: Any,
            attn_mask: Any = None,
            dropout_p: float = 0.0,
            is_causal: bool = False,
            scale: float | None = None,
            enable_gqa: bool = False,
        ) -> Any:
            if is_causal or enable_gqa:  # no picture model does so; left as it is, unread
                return functional.scaled_dot_product_attention(
                    query, key, value, attn_mask, dropout_p, is_causal, scale=scale, enable_gqa=enable_gqa
                )
            raw = query @ key.transpose(-2, -1) * (query.shape[-1] ** -0.5 if scale is None else scale)
            if attn_mask is not None:
                raw = (
                    raw.masked_fill(~attn_mask, float("-inf"))
                    if attn_mask.dtype == torch.bool
                    else raw + attn_mask
                )
            attention = functional.softmax(raw, dim=-1)
            self.found.append(attention)
            return attention @ value

    return Reader
