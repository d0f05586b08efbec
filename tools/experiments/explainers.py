"""Saliency maps: class activation maps where a torch module has maps or tokens on a grid, gradients, and perturbations for
anything that gives scores.

A map says where, for one picture and one target, the evidence seems to lie. It proposes; it never concludes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np

from failsight.tools.experiments.saliency_attention import attention_gradient, rollout
from failsight.tools.experiments.saliency_gradients import integrated_gradients, smoothgrad
from failsight.tools.experiments.saliency_lens import (
    Explainer,
    Lens,
    Score,
    Target,
    as_maps,
    captured,
    columns,
    first_tensor,
    hookable,
    lens_of,
    paced,
    pooled_head,
)
from failsight.tools.experiments.saliency_masks import occlusion, rise
from failsight.tools.experiments.saliency_sanity import scrambled
from failsight.tools.inputs.base import Floats, Pixels
from failsight.tools.inputs.decisions import decide, thresholds_of
from failsight.tools.view import CaseView

__all__ = [
    "EXPLAINERS",
    "Explainer",
    "Lens",
    "Method",
    "Score",
    "Target",
    "choose",
    "class_maps",
    "explain",
    "first_tensor",
    "grad_cam",
    "hookable",
    "layer_cam",
    "lens_of",
    "lens_problem",
    "occlusion",
    "paced",
    "pooled_head",
    "resized",
    "scrambled",
]

Method = Literal[
    "grad_cam",
    "layer_cam",
    "integrated_gradients",
    "smoothgrad",
    "occlusion",
    "rise",
    "rollout",
    "attention_gradient",
]


def lens_problem(lens: Lens, method: Method) -> str | None:
    """Why the model can't be explained by ``method``, in a sentence without a full stop; None when it can."""
    if method in ("occlusion", "rise"):
        return None
    if method in ("grad_cam", "layer_cam"):
        return "this model has no convolutional maps that can be watched" if lens.layer is None else None
    if lens.module is None:
        return "this model gives scores only, no gradients"
    if method in ("rollout", "attention_gradient") and (lens.grid is None or not lens.grid.prefix):
        return "this model has no class token that attends to all patches"
    return None


def choose(lens: Lens) -> Method:
    """Grad-CAM where the model has a layer for it, else occlusion."""
    return "occlusion" if lens.layer is None else "grad_cam"


def explain(lens: Lens, method: Method, pixels: Pixels, target: Target) -> Floats:
    """Maps (n, a, b) of ``pixels`` (n, h, w, 3) by ``method``."""
    return EXPLAINERS[method](lens, pixels, target)


def grad_cam(lens: Lens, pixels: Pixels, target: Target) -> Floats:
    """Grad-CAM (Selvaraju et al. 2017, eq. 1–2): ReLU of the layer's maps, weighted by the target's mean gradient.

    Where the classifier is a global average pool and one linear layer, the gradient is that layer's weight row and no
    backward pass is needed (CAM, Zhou et al. 2016); this is recognised by its result, not by its name.
    """
    return _in_batches(lens, pixels, target, pooled=True)


def layer_cam(lens: Lens, pixels: Pixels, target: Target) -> Floats:
    """Layer-CAM (Jiang et al. 2021, eq. 5–6): as Grad-CAM, but every cell has its own weight, its positive gradient."""
    return _in_batches(lens, pixels, target, pooled=False)


def _in_batches(lens: Lens, pixels: Pixels, target: Target, *, pooled: bool) -> Floats:
    parts = [
        _cam(lens, pixels[i : i + lens.batch], target.part(slice(i, i + lens.batch)), pooled=pooled)
        for i in range(0, len(pixels), lens.batch)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, 1, 1), np.float32)


def _cam(lens: Lens, pixels: Pixels, target: Target, *, pooled: bool) -> Floats:
    import torch

    with captured(lens, gradient=lens.head is None) as seen:
        outputs = columns(lens.module(lens.normalise(pixels)))  # type: ignore[misc]
        if lens.head is None:
            slope = as_maps(lens, torch.autograd.grad(target.value(outputs).sum(), seen[0])[0])
        else:
            weights = lens.head.weight[target.of]
            if target.against is not None:
                weights = weights - lens.head.weight[target.against]
            slope = weights[..., None, None]  # the same everywhere, up to the size of the map
    with torch.no_grad():
        activation = as_maps(lens, seen[0])
        if pooled:
            maps = torch.einsum("nc,nchw->nhw", slope.mean((2, 3)), activation).relu()
        else:
            maps = (slope.relu() * activation).sum(1).relu()
    made: Floats = maps.float().cpu().numpy()
    return made


EXPLAINERS: dict[Method, Explainer] = {
    "grad_cam": grad_cam,
    "layer_cam": layer_cam,
    "integrated_gradients": integrated_gradients,
    "smoothgrad": smoothgrad,
    "occlusion": occlusion,
    "rise": rise,
    "rollout": rollout,
    "attention_gradient": attention_gradient,
}


def resized(saliency: Floats, height: int, width: int) -> Floats:
    """A map (a, b) at (height, width), bilinear."""
    from PIL import Image

    return np.asarray(
        Image.fromarray(np.asarray(saliency, np.float32)).resize((width, height), Image.Resampling.BILINEAR),
        np.float32,
    )


def class_maps(view: CaseView, watched: int | None) -> tuple[Method, Callable[[Pixels], Floats]]:
    """The method, and maps (n, h, w) of prepared pictures (n, h, w, 3), for regions made of saliency.

    Args:
        watched: index of the class that is explained; None: the class predicted on each picture.
    """
    lens, rule = lens_of(view.model()), thresholds_of(view.model())
    method = choose(lens)

    def maps(pixels: Pixels) -> Floats:
        of = decide(lens.score(pixels), rule) if watched is None else np.full(len(pixels), watched)
        made = explain(lens, method, pixels, Target(of.astype(np.int64)))
        return np.stack([resized(one, *pixels.shape[1:3]) for one in made])

    return method, maps
