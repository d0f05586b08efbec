"""Saliency maps: Grad-CAM and CAM where a torch module has convolutional maps, occlusion for anything that gives scores.

A map says where, for one picture and one target, the evidence seems to lie. It proposes; it never concludes.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from failsight.tools.engine.local import batch_size
from failsight.tools.experiments.fills import mean_colour
from failsight.tools.experiments.masking import Ints, MapOf, scored
from failsight.tools.inputs.base import Classifier, Floats, Pixels
from failsight.tools.view import CaseView

Method = Literal["grad_cam", "occlusion"]
CELLS = 10  # occlusion: cells a side; the window covers 2 × 2 of them
CAM_TOLERANCE = 1e-4
Score = Callable[[Pixels], Floats]


@dataclass(frozen=True)
class Lens:
    """What an explainer may use of a model.

    Attributes:
        score: (n, h, w, 3) uint8 → (n, classes) probabilities.
        normalise: pixels → the tensor that ``module`` takes.
        module: the torch module in eval mode, or None.
        layer: name of the submodule whose maps Grad-CAM reads, or None.
        head: the linear layer on the pooled maps, where the whole classifier is that (CAM), else None.
        batch: pictures a call.
    """

    score: Score
    normalise: Callable[[Pixels], Any]
    module: Any | None
    layer: str | None
    head: Any | None = None
    batch: int = 16


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

    def value(self, scores: Any) -> Any:
        """The target's score per picture from (n, classes) scores; works on numpy arrays and torch tensors."""
        rows = np.arange(len(self.of))
        own = scores[rows, self.of]
        return own if self.against is None else own - scores[rows, self.against]


Explainer = Callable[
    [Lens, Pixels, Target], Floats
]  # (n, a, b) maps; any resolution, higher is more important


def lens_of(model: Classifier) -> Lens:
    """The lens of a case's model. Watching submodules is not possible in TorchScript: then there is no layer."""
    module = model.torch_module()
    layer = None
    if module is not None:
        from failsight.tools.inputs.models.layers import find_feature_layer

        layer = model.feature_layer or find_feature_layer(module, model.normalise(_probe(model)))
        if layer is not None and not hookable(module, layer):
            layer = None
    lens = Lens(model.scores, model.normalise, module, layer, batch=batch_size(model))
    return lens if layer is None else replace(lens, head=pooled_head(lens, _probe(model)))


def _probe(model: Classifier) -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (1, *model.preprocessing.size, 3)).astype(np.uint8)


def hookable(module: Any, layer: str) -> bool:
    """Whether ``layer`` names a submodule of an ordinary (not scripted) module."""
    import torch

    return not isinstance(module, torch.jit.ScriptModule) and layer in dict(module.named_modules())


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
    parts = [
        _grad_cam(lens, pixels[i : i + lens.batch], target.part(slice(i, i + lens.batch)))
        for i in range(0, len(pixels), lens.batch)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, 1, 1), np.float32)


def _grad_cam(lens: Lens, pixels: Pixels, target: Target) -> Floats:
    import torch

    with _captured(lens, gradient=lens.head is None) as seen:
        outputs = _columns(lens.module(lens.normalise(pixels)))  # type: ignore[misc]
        if lens.head is None:
            weights = torch.autograd.grad(target.value(outputs).sum(), seen[0])[0].mean((2, 3))
        else:
            weights = lens.head.weight[target.of]
            if target.against is not None:
                weights = weights - lens.head.weight[target.against]
    with torch.no_grad():
        maps = torch.einsum("nc,nchw->nhw", weights, seen[0]).relu()
    made: Floats = maps.float().cpu().numpy()
    return made


@contextmanager
def _captured(lens: Lens, *, gradient: bool) -> Iterator[list[Any]]:
    """Within it, one forward pass leaves the layer's maps in the list; the hook is gone afterwards, whatever happens.

    With ``gradient``, the graph starts at the maps: what comes before them is run without one."""
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


def pooled_head(lens: Lens, example: Pixels) -> Any | None:
    """The module's last linear layer when the outputs are that layer applied to the maps' spatial mean, else None.

    Recognised by its result on ``example``, up to rounding, not by its name."""
    import torch

    linear = [m for m in lens.module.modules() if isinstance(m, torch.nn.Linear)]  # type: ignore[union-attr]
    if not linear:
        return None
    head = linear[-1]
    with _captured(lens, gradient=False) as seen:
        outputs = _columns(lens.module(lens.normalise(example)))  # type: ignore[misc]
        maps = seen[0]
        if maps.ndim != 4 or maps.shape[1] != head.in_features or outputs.shape[1] != head.out_features:
            return None
        same = torch.allclose(head(maps.mean((2, 3))), outputs, rtol=CAM_TOLERANCE, atol=CAM_TOLERANCE)
    return head if same else None


def _columns(output: Any) -> Any:
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


def occlusion(lens: Lens, pixels: Pixels, target: Target) -> Floats:
    """Occlusion (Zeiler & Fergus 2014): how far the target's score falls when a window takes the picture's mean colour.

    The windows cover 2 × 2 cells of a 10 × 10 grid and move by one cell; a cell's value is the mean over the windows
    that cover it, in [−1, 1] (or [−2, 2] against another class). Negative values speak against the target.
    """
    n, height, width = pixels.shape[:3]
    rows, columns = _edges(height), _edges(width)
    windows = [(i, j) for i in range(max(1, len(rows) - 2)) for j in range(max(1, len(columns) - 2))]
    made = np.zeros((n, len(rows) - 1, len(columns) - 1), np.float32)
    count = np.zeros(made.shape[1:], np.float32)
    for i, j in windows:
        count[i : i + 2, j : j + 2] += 1
    stacks = (_occluded(one, rows, columns, windows) for one in pixels)
    for k, scores in enumerate(scored(lens.score, stacks, lens.batch)):
        one = target.part(slice(k, k + 1))
        value = Target(
            np.repeat(one.of, len(scores)),
            None if one.against is None else np.repeat(one.against, len(scores)),
        ).value(scores)
        for (i, j), after in zip(windows, value[1:], strict=True):
            made[k, i : i + 2, j : j + 2] += value[0] - after
    maps: Floats = made / count
    return maps


def _edges(length: int) -> npt.NDArray[np.int64]:
    """Edges of at most ten cells over ``length`` pixels, none of them empty."""
    made: npt.NDArray[np.int64] = np.unique(np.rint(np.linspace(0, length, CELLS + 1)).astype(np.int64))
    return made


def _occluded(
    picture: Pixels,
    rows: npt.NDArray[np.int64],
    columns: npt.NDArray[np.int64],
    windows: list[tuple[int, int]],
) -> Pixels:
    """The picture as it is, then with each window painted over: (1 + windows, h, w, 3)."""
    made = np.repeat(picture[None], 1 + len(windows), axis=0)
    colour = np.rint(mean_colour(picture)).astype(np.uint8)
    for one, (i, j) in zip(made[1:], windows, strict=True):
        one[rows[i] : rows[min(i + 2, len(rows) - 1)], columns[j] : columns[min(j + 2, len(columns) - 1)]] = (
            colour
        )
    return made


EXPLAINERS: dict[Method, Explainer] = {"grad_cam": grad_cam, "occlusion": occlusion}


def resized(saliency: Floats, height: int, width: int) -> Floats:
    """A map (a, b) at (height, width), bilinear."""
    from PIL import Image

    return np.asarray(
        Image.fromarray(np.asarray(saliency, np.float32)).resize((width, height), Image.Resampling.BILINEAR),
        np.float32,
    )


def row_maps(view: CaseView, watched: int | None) -> MapOf:
    """Maps one picture at a time, for regions made of saliency; ``watched`` None means the class predicted there."""
    lens = lens_of(view.model())
    method = choose(lens)

    def map_of(row: int, pixels: Pixels) -> Floats:
        one = pixels[None]
        of = int(lens.score(one)[0].argmax()) if watched is None else watched
        made = explain(lens, method, one, Target(np.array([of])))[0]
        return resized(made, *pixels.shape[:2])

    return map_of


def scrambled(lens: Lens, outputs: str, seed: int) -> Lens | None:
    """The same network with its weights shuffled, or None when the weights can't be reached.

    Every weight tensor (two dimensions or more) keeps its values in random order: all layers are randomised at once,
    the end point of the cascading randomisation of Adebayo et al. 2018. The case's own module is not touched."""
    import torch

    if lens.module is None or not any(p.ndim > 1 for p in lens.module.parameters()):
        return None
    try:
        module = copy.deepcopy(lens.module)
    except (RuntimeError, TypeError):  # some exported graphs can't be copied
        return None
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weights in module.parameters():
            if weights.ndim > 1:
                order = torch.randperm(weights.numel(), generator=generator).to(weights.device)
                weights.copy_(weights.reshape(-1)[order].reshape(weights.shape))

    def score(pixels: Pixels) -> Floats:
        with torch.inference_mode():
            raw = first_tensor(module(lens.normalise(pixels))).float().reshape(len(pixels), -1)
            if raw.shape[1] == 1:
                raw = torch.cat([1 - raw if outputs == "probabilities" else torch.zeros_like(raw), raw], 1)
            return (raw if outputs == "probabilities" else raw.softmax(1)).cpu().numpy()  # type: ignore[no-any-return]

    head = None if lens.head is None else dict(module.named_modules())[_name_of(lens.module, lens.head)]
    return Lens(score, lens.normalise, module, lens.layer, head, lens.batch)


def _name_of(module: Any, part: Any) -> str:
    """Dotted name of ``part`` in ``module``."""
    return next(str(name) for name, one in module.named_modules() if one is part)
