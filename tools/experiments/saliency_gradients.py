"""Maps from the gradient on the pixels, and a copy of the network that many passes over it run faster on."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np

from failsight.tools.experiments.fills import mean_colour
from failsight.tools.experiments.saliency_lens import Lens, Target, columns, first_tensor, score_with
from failsight.tools.experiments.saliency_local import CELLS, Cut, agrees, find_cut
from failsight.tools.inputs.base import Floats, Pixels

STEPS = 32
NOISY, NOISE = 16, 0.15  # SmoothGrad: copies, and the noise relative to the picture's range
SAME = 1e-4  # largest difference, relative to the largest output, that rounding may make in the faster copy


def integrated_gradients(
    lens: Lens, pixels: Pixels, target: Target, *, steps: int = STEPS, grounds: Pixels | None = None
) -> Floats:
    """Integrated gradients (Sundararajan et al. 2017) from a flat picture of the mean colour; Gauss–Legendre steps.

    Summed over the channels: a map's sum is the target's output minus that of the flat picture (completeness).
    Where the lens has a stem, the path is walked behind it: a convolution takes the straight path to a straight path,
    and the mean of its gradients is the gradient of their mean, so it runs twice forward and once backward instead of
    once per step.

    Args:
        grounds: other pictures to start from. (n, h, w, 3)
    """
    nodes, weights = np.polynomial.legendre.leggauss(steps)  # type: ignore[no-untyped-call]
    shares, weights = (nodes + 1) / 2, weights / 2
    slopes = _Slopes(lens)
    made = []
    for k, picture in enumerate(pixels):
        ground = grounds[k] if grounds is not None else np.broadcast_to(_flat(picture), picture.shape)
        ends = lens.normalise(np.ascontiguousarray(np.stack([picture, ground])))
        end, start = slopes.behind(ends)
        total = 0.0
        for first in range(0, steps, lens.batch):
            part = slice(first, first + lens.batch)
            alpha = end.new_tensor(shares[part])[:, None, None, None]
            slope = slopes.at(
                start + alpha * (end - start), target.part(slice(k, k + 1)).repeated(len(alpha))
            )
            total = total + (slope * end.new_tensor(weights[part])[:, None, None, None]).sum(0)
        made.append(_over_channels(slopes.before(ends[:1], total) * (ends[0] - ends[1])))
    return np.stack(made) if made else np.zeros((0, 1, 1), np.float32)


def smoothgrad(lens: Lens, pixels: Pixels, target: Target) -> Floats:
    """SmoothGrad (Smilkov et al. 2017): the size of the mean gradient over noisy copies of the picture.

    The noise's standard deviation is 15 % of the picture's range; the same draws for every picture."""
    import torch

    slopes = _Slopes(lens)
    made = []
    for k, picture in enumerate(pixels):
        one = lens.normalise(picture[None])
        generator = torch.Generator().manual_seed(lens.seed)
        size = NOISE * float(one.max() - one.min())
        total = 0.0
        for first in range(0, NOISY, lens.batch):
            count = min(lens.batch, NOISY - first)
            noise = torch.randn((count, *one.shape[1:]), generator=generator).to(one.device) * size
            inputs = slopes.behind(one + noise)
            total = total + slopes.at(inputs, target.part(slice(k, k + 1)).repeated(count)).sum(0)
        made.append(_over_channels((slopes.before(one, total) / NOISY).abs()))
    return np.stack(made) if made else np.zeros((0, 1, 1), np.float32)


def _flat(picture: Pixels) -> Pixels:
    """The picture's mean colour, rounded. (3,) uint8"""
    made: Pixels = np.rint(mean_colour(picture)).astype(np.uint8)
    return made


def _over_channels(values: Any) -> Floats:
    """Values of one picture (c, h, w), or (h, w, c) where the module takes channels last, summed over the channels."""
    last = values.shape[-1] <= 4 < values.shape[0]
    made: Floats = values.sum(-1 if last else 0).float().cpu().numpy()
    return made


class _Slopes:
    """Gradients of a target on batches of inputs; where the lens has a stem, on what the stem hands on. Weights take none."""

    def __init__(self, lens: Lens) -> None:
        self.module: Any = lens.module
        parts: dict[str, Any] = {} if lens.stem is None else dict(lens.module.named_modules())  # type: ignore[union-attr]
        self.stem = None if lens.stem is None else parts[lens.stem]
        self.like = _memory_format(self.module)
        self.shape: Any = None

    def behind(self, inputs: Any) -> Any:
        """Normalised pictures as what gradients are taken of: themselves, or the stem's output."""
        import torch

        if self.stem is None:
            return inputs
        self.shape = inputs[:1]
        with torch.no_grad():
            return self.stem(inputs.contiguous(memory_format=self.like))

    def at(self, values: Any, target: Target) -> Any:
        """The target's gradient on ``values``, as ``behind`` gives them."""
        import torch

        with torch.enable_grad(), _fed(self.stem) as feed:
            watched = values.contiguous(memory_format=self.like).detach().requires_grad_()
            feed.append(watched)
            given = watched if self.stem is None else self.shape.expand(len(values), -1, -1, -1)
            score = target.value(columns(self.module(given))).sum()
            return torch.autograd.grad(score, watched)[0]

    def before(self, picture: Any, slope: Any) -> Any:
        """The gradient on ``picture`` (1, …) whose stem output has gradient ``slope``."""
        import torch

        if self.stem is None:
            return slope
        with torch.enable_grad():
            watched = picture.contiguous(memory_format=self.like).detach().requires_grad_()
            return torch.autograd.grad(self.stem(watched), watched, slope[None])[0][0]


@contextmanager
def _fed(stem: Any) -> Iterator[list[Any]]:
    """Within it, ``stem`` gives the last tensor put into the list, whatever it reads; afterwards it is as before."""
    feed: list[Any] = []
    if stem is not None:
        stem.forward = lambda _: feed[-1]
    try:
        yield feed
    finally:
        if stem is not None:
            del stem.forward


def _memory_format(module: Any) -> Any:
    import torch

    return (
        torch.channels_last if getattr(module, "failsight_channels_last", False) else torch.contiguous_format
    )


def tuned(lens: Lens) -> Lens:
    """The lens over a copy of the network for many passes: batch norm folded into the convolution before it (in a replayed
    TorchScript program, which has no layers to fold: as a scale and a shift), pixels stored channels last on the CPU. The
    lens itself where there is nothing to gain or the copy's outputs differ."""
    import torch

    if (
        lens.module is None
        or not all(lens.size)
        or isinstance(lens.module, torch.jit.ScriptModule | torch.fx.GraphModule)
    ):
        return lens
    if not any(weights.ndim == 4 for weights in lens.module.parameters()):  # no convolution
        return lens
    try:
        return _tuned(lens)
    except (
        RuntimeError,
        TypeError,
        AttributeError,
        LookupError,
        ValueError,
    ):  # what can't be copied, or uses view() on strided maps
        return lens


def _tuned(lens: Lens) -> Lens:
    import torch

    example = lens.normalise(_example(lens))
    with torch.inference_mode():
        wanted = first_tensor(lens.module(example)).clone()  # type: ignore[misc]
    module = copy.deepcopy(lens.module)
    if hasattr(module, "scale_norms"):
        module.scale_norms()  # type: ignore[union-attr]
    else:
        fold(module, example)
    flat = example.device.type == "cpu" and example.shape[1] <= 4
    if flat:
        module = module.to(memory_format=torch.channels_last)  # type: ignore[union-attr]
        module.failsight_channels_last = True
    for weights in module.parameters():  # type: ignore[union-attr]
        weights.requires_grad_(False)
    like = _memory_format(module)

    def normalise(pixels: Pixels) -> Any:
        return lens.normalise(pixels).contiguous(memory_format=like)

    with torch.inference_mode():
        given = first_tensor(module(example.contiguous(memory_format=like)))  # type: ignore[misc]
    if not float((given - wanted).abs().max()) <= SAME * max(1.0, float(wanted.abs().max())):
        return lens
    score = score_with(module, normalise, lens.outputs)
    batch = max(
        4, lens.batch // 2
    )  # gradients keep every layer's maps: half as many pictures stay in the caches
    made = replace(lens, score=score, normalise=normalise, module=module, head=None, batch=batch)
    return replace(made, stem=_stem_of(made), cut=_cut_of(made))


def _cut_of(lens: Lens) -> Cut | None:
    """Where occlusion may cut the network: tried on windows in two corners and the middle."""
    height, width = lens.size
    example = lens.normalise(_example(lens)[:1])
    tall, wide = -(-2 * height // CELLS), -(-2 * width // CELLS)
    if example.shape[1] > 4 or example.shape[-2:] != (height, width):
        return None
    cut = find_cut(lens.module, example, min(tall, wide))
    starts = ((0, 0), ((height - tall) // 2, (width - wide) // 2), (height - tall, width - wide))
    rects = [(y, x, y + tall, x + wide) for y, x in starts]
    if cut is None or not agrees(lens.module, cut, example, rects, example[0, :, 0, 0]):
        return None
    return cut


def _stem_of(lens: Lens) -> str | None:
    """The name of the only convolution that reads the input, if the gradient through it alone is the whole gradient."""
    import torch

    inputs = lens.normalise(_example(lens)[:1])
    reads: list[Any] = []
    handles = [
        m.register_forward_hook(lambda m, given, _: reads.append(m) if given[0] is inputs else None)
        for m in lens.module.modules()  # type: ignore[union-attr]
        if isinstance(m, torch.nn.Conv2d)
    ]
    try:
        with torch.inference_mode():
            outputs = columns(lens.module(inputs))  # type: ignore[misc]
    finally:
        for handle in handles:
            handle.remove()
    if len(reads) != 1 or inputs.shape[1] > 4:
        return None
    name = next(n for n, m in lens.module.named_modules() if m is reads[0])  # type: ignore[union-attr]
    target = Target(outputs.argmax(1).cpu().numpy())
    whole, behind = _Slopes(lens), _Slopes(replace(lens, stem=str(name)))
    wanted = whole.at(inputs, target)[0]
    given = behind.before(inputs, behind.at(behind.behind(inputs), target)[0])
    close = float((given - wanted).abs().max()) <= SAME * float(wanted.abs().max())
    return str(name) if close else None


def _example(lens: Lens) -> Pixels:
    height, width = lens.size
    return np.random.default_rng(1).integers(0, 256, (2, height, width, 3)).astype(np.uint8)


def fold(module: Any, example: Any) -> int:
    """Fold every batch norm that directly follows a convolution into it, in place; how many were folded.

    Which follows which is seen in one pass: the norm's input is the very tensor that the convolution gave. Whether
    something else also reads that tensor can't be seen so: the caller compares the outputs."""
    import torch
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    given: list[tuple[Any, Any]] = []
    pairs: list[tuple[Any, Any]] = []

    def hook(child: Any, inputs: Any, output: Any) -> None:
        if isinstance(child, torch.nn.Conv2d):
            given.append((child, output))
            return
        pairs.extend((conv, child) for conv, made in given if inputs and inputs[0] is made)

    watched = [m for m in module.modules() if isinstance(m, torch.nn.Conv2d | torch.nn.BatchNorm2d)]
    handles = [m.register_forward_hook(hook) for m in watched]
    try:
        with torch.inference_mode():
            module(example)
    finally:
        for handle in handles:
            handle.remove()
    convs, norms = [c for c, _ in given], [n for _, n in pairs]
    once = [
        (c, n) for c, n in pairs if convs.count(c) == 1 and norms.count(n) == 1 and n.running_mean is not None
    ]
    swap = {}
    for conv, norm in once:
        swap[id(conv)] = fuse_conv_bn_eval(conv, norm)
        swap[id(norm)] = torch.nn.Identity()
    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if id(child) in swap:
                setattr(parent, name, swap[id(child)])
    return len(once)
