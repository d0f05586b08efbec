"""What an explainer may use of a model, and what a map is made for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from failsight.tools.engine.local import batch_size
from failsight.tools.errors import ModelFails
from failsight.tools.experiments.masking import Ints
from failsight.tools.experiments.saliency_layers import Grid, find_token_layer, grid_of
from failsight.tools.experiments.saliency_local import Cut, probabilities
from failsight.tools.inputs.base import Classifier, Floats, Pixels

CAM_TOLERANCE = 1e-4
Score = Callable[[Pixels], Floats]


@dataclass(frozen=True)
class Lens:
    """What an explainer may use of a model.

    Attributes:
        score: (n, h, w, 3) uint8 → (n, classes) probabilities.
        normalise: pixels → the tensor that ``module`` takes.
        module: the torch module in eval mode, or None.
        layer: name of the submodule whose maps or tokens Grad-CAM reads, or None.
        head: the linear layer on the pooled maps, where the whole classifier is that (CAM), else None.
        batch: pictures a call.
        grid: how the layer's tokens lie on the picture; None where the layer gives maps.
        outputs: what the module returns: ``logits`` or ``probabilities``.
        seed: of methods that draw.
        size: height and width of a prepared picture.
        stem: name of the convolution that alone reads the pixels, where a check has shown that the rest of ``module``
            depends on its output only; else None.
        cut: where occlusion may cut the network and compute the first part round each window only; else None.
    """

    score: Score
    normalise: Callable[[Pixels], Any]
    module: Any | None
    layer: str | None
    head: Any | None = None
    batch: int = 16
    grid: Grid | None = None
    outputs: str = "logits"
    seed: int = 0
    size: tuple[int, int] = (0, 0)
    stem: str | None = None
    cut: Cut | None = None


@dataclass(frozen=True)
class Target:
    """What each picture is explained for: the score of class ``of``, minus that of ``against`` where there is one.

    Attributes:
        of: class index per picture. (n,)
        against: class index per picture, or None.
    """

    of: Ints
    against: Ints | None = None

    def part(self, where: slice) -> Target:
        """The targets of a part of the pictures."""
        return Target(self.of[where], None if self.against is None else self.against[where])

    def repeated(self, times: int) -> Target:
        """The target of each picture ``times`` times in a row."""
        return Target(
            np.repeat(self.of, times), None if self.against is None else np.repeat(self.against, times)
        )

    def value(self, scores: Any) -> Any:
        """The target's score per picture from (n, classes) scores; works on numpy arrays and torch tensors."""
        rows = np.arange(len(self.of))
        own = scores[rows, self.of]
        return own if self.against is None else own - scores[rows, self.against]


Explainer = Callable[
    [Lens, Pixels, Target], Floats
]  # (n, a, b) maps; any resolution, higher is more important


def paced(
    explainer: Explainer, size: int, done: Callable[[int], object], *, sparing: bool = False
) -> Explainer:
    """The same explainer, ``size`` pictures at a time; ``done`` is told how many after each, so that time left is seen.

    Args:
        sparing: where the model fails on a picture as the method changes it, the map of that picture is NaN, and the others get theirs.
    """

    def maps(lens: Lens, pixels: Pixels, target: Target) -> Floats:
        parts: list[Floats | None] = []
        for start in range(0, len(pixels), size):
            here = slice(start, min(start + size, len(pixels)))
            try:
                parts.append(explainer(lens, pixels[here], target.part(here)))
            except ModelFails:
                if not sparing:
                    raise
                parts += [_one(explainer, lens, pixels, target, i) for i in range(here.start, here.stop)]
            done(here.stop - start)
        known = next((p.shape[1:] for p in parts if p is not None), (1, 1))
        return np.concatenate([np.full((1, *known), np.nan, np.float32) if p is None else p for p in parts])

    return maps


def _one(explainer: Explainer, lens: Lens, pixels: Pixels, target: Target, i: int) -> Floats | None:
    """The map of one picture; None where the model fails on it."""
    try:
        return explainer(lens, pixels[i : i + 1], target.part(slice(i, i + 1)))
    except ModelFails:
        return None


def lens_of(model: Classifier, seed: int = 0) -> Lens:
    """The lens of a case's model. Watching submodules is not possible in TorchScript: then there is no layer."""
    module = model.torch_module()
    layer, grid = None, None
    if module is not None:
        from failsight.tools.inputs.models.layers import find_feature_layer

        example = model.normalise(_probe(model))
        layer = model.feature_layer or find_feature_layer(module, example)
        if layer is not None and not hookable(module, layer):
            layer = None
        elif layer is None:
            found = find_token_layer(module, example)
            layer, grid = found if found is not None else (None, None)
    lens = Lens(
        model.scores,
        model.normalise,
        module,
        layer,
        None,
        batch_size(model),
        grid,
        model.outputs,
        seed,
        model.preprocessing.size,
    )
    if layer is None:
        return lens
    lens = _checked(lens, _probe(model))
    return replace(lens, head=pooled_head(lens, _probe(model))) if lens.layer is not None else lens


def _checked(lens: Lens, example: Pixels) -> Lens:
    """The lens without its layer where that gives neither maps nor tokens on a grid (a name from the side file may)."""
    with captured(lens, gradient=False) as seen:
        lens.module(lens.normalise(example))  # type: ignore[misc]
    shape = tuple(getattr(seen[0], "shape", ())) if seen else ()
    if len(shape) == 4 and min(shape[2:]) > 0:
        return lens
    grid = lens.grid or (grid_of(shape[1], None) if len(shape) == 3 else None)
    return replace(lens, grid=grid, layer=lens.layer if grid is not None else None)


def _probe(model: Classifier) -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (1, *model.preprocessing.size, 3)).astype(np.uint8)


def hookable(module: Any, layer: str) -> bool:
    """Whether ``layer`` names a submodule of an ordinary (not scripted) module."""
    import torch

    return not isinstance(module, torch.jit.ScriptModule) and layer in dict(module.named_modules())


@contextmanager
def captured(lens: Lens, *, gradient: bool) -> Iterator[list[Any]]:
    """Within it, one forward pass leaves the layer's output in the list; the hook is gone afterwards, whatever happens.

    With ``gradient``, the graph starts at the layer: what comes before it is run without one."""
    import torch

    seen: list[Any] = []

    def keep(_: Any, __: Any, output: Any) -> Any:
        maps = output if isinstance(output, torch.Tensor) else first_tensor(output)
        if not gradient:
            seen.append(maps)
            return None
        torch.set_grad_enabled(True)  # from here on; the context restores what was before
        seen.append(maps.detach().requires_grad_())
        passed = seen[-1].clone()  # a copy: later layers may work in place, which a leaf forbids
        return passed if output is maps else None

    layer = dict(lens.module.named_modules())[lens.layer]  # type: ignore[union-attr]
    before = torch.is_grad_enabled()
    handle = layer.register_forward_hook(keep)
    try:
        with torch.no_grad():
            yield seen
    finally:
        handle.remove()
        torch.set_grad_enabled(before)


def as_maps(lens: Lens, output: Any) -> Any:
    """What the lens's layer gave as maps (n, c, a, b)."""
    return output if lens.grid is None else lens.grid.maps(output)


def pooled_head(lens: Lens, example: Pixels) -> Any | None:
    """The module's last linear layer when the outputs are that layer applied to the maps' spatial mean, else None.

    Recognised by its result on ``example``, up to rounding, not by its name."""
    import torch

    linear = [m for m in lens.module.modules() if isinstance(m, torch.nn.Linear)]  # type: ignore[union-attr]
    if not linear or (lens.grid is not None and lens.grid.prefix):
        return None
    head = linear[-1]
    with captured(lens, gradient=False) as seen:
        outputs = columns(lens.module(lens.normalise(example)))  # type: ignore[misc]
        maps = as_maps(lens, seen[0])
        if maps.ndim != 4 or maps.shape[1] != head.in_features or outputs.shape[1] != head.out_features:
            return None
        same = torch.allclose(head(maps.mean((2, 3))), outputs, rtol=CAM_TOLERANCE, atol=CAM_TOLERANCE)
    return head if same else None


def columns(output: Any) -> Any:
    """Outputs (n, classes) whose gradients are wanted; the one output z of a yes/no model as (−z, z)."""
    import torch

    raw = first_tensor(output)
    raw = raw.flatten(1) if raw.ndim > 1 else raw[:, None]
    return torch.cat([-raw, raw], 1) if raw.shape[1] == 1 else raw


def first_tensor(output: Any) -> Any:
    """The logits in whatever a module returns: a tensor, a mapping or object with ``logits``, or a tuple."""
    if isinstance(output, dict):
        return output["logits"] if "logits" in output else next(iter(output.values()))
    if hasattr(output, "logits"):
        return output.logits
    return output[0] if isinstance(output, tuple | list) else output


def score_with(module: Any, normalise: Callable[[Pixels], Any], outputs: str) -> Score:
    """Probabilities of another ``module`` that takes and returns the same as the case's own."""
    import torch

    def score(pixels: Pixels) -> Floats:
        with torch.inference_mode():
            return probabilities(class_outputs(module(normalise(pixels)), outputs), outputs)

    return score


def class_outputs(output: Any, outputs: str) -> Any:
    """What a module returned as (n, classes) float; the one output of a yes/no model as two, as scores see it."""
    import torch

    raw = first_tensor(output).float()
    raw = raw.reshape(len(raw), -1)
    if raw.shape[1] > 1:
        return raw
    return torch.cat([1 - raw if outputs == "probabilities" else torch.zeros_like(raw), raw], 1)
