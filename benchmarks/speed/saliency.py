"""Saliency maps against bare passes and against captum, on a ResNet-18 with random weights.

    python -m benchmarks.speed.saliency [--size 200] [--threads 1] [--rounds 3]

Everything is timed in processor seconds, alternately, and the smallest of the rounds counts: other work on the machine
then disturbs it least. captum gets its default and its best batch of those tried. Differences are those of the maps, relative
to the largest value of captum's. Integrated gradients without the folded batch norm are captum's to the last digits; with it,
rounding moves a few pixels over the kink of a ReLU (1e-3 there, 1e-7 in the median).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from benchmarks.speed.masking import processor_seconds
from failsight.tools.experiments.explainers import Lens, Target, grad_cam, lens_of, occlusion
from failsight.tools.experiments.saliency_gradients import integrated_gradients, tuned
from failsight.tools.inputs.base import Floats, Pixels
from tests.fakes.view import FakeModel

STEPS, CELLS = 32, 10


def network(classes: int) -> Any:
    """ResNet-18 as the transformers library builds it, with batch norms that do something."""
    import torch
    from transformers import ResNetConfig, ResNetForImageClassification

    torch.manual_seed(0)
    net = ResNetForImageClassification(
        ResNetConfig(
            embedding_size=64,
            hidden_sizes=[64, 128, 256, 512],
            depths=[2, 2, 2, 2],
            layer_type="basic",
            num_labels=classes,
        )
    )
    for part in net.modules():
        if isinstance(part, torch.nn.BatchNorm2d):
            part.running_mean.normal_(0, 0.1)  # type: ignore[union-attr]
            part.running_var.uniform_(0.5, 1.5)  # type: ignore[union-attr]

    class LogitsOnly(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = net

        def forward(self, pixels: Any) -> Any:
            return self.model(pixel_values=pixels).logits

    return LogitsOnly().eval()


def fastest(work: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """The smallest processor time of each piece of work over ``rounds`` in which all take turns, after one to warm up."""
    for one in work.values():
        one()
    taken = [{name: processor_seconds(one) for name, one in work.items()} for _ in range(rounds)]
    return {name: min(t[name] for t in taken) for name in work}


def told(title: str, own: float, others: Mapping[str, float], wanted: str, difference: float | None) -> None:
    """One line a comparison."""
    peers = ", ".join(f"{name} {seconds:.2f} s ({seconds / own:.2f} ×)" for name, seconds in others.items())
    apart = "" if difference is None else f"; maps differ by {difference:.1e} at most"
    print(f"{title}: {own:.2f} s; {peers}; wanted: {wanted}{apart}", flush=True)


def apart(own: Floats, theirs: Floats) -> float:
    """Largest difference, relative to the largest value."""
    return float(np.abs(own - theirs).max() / np.abs(theirs).max())


def cams(lens: Lens, pixels: Pixels, target: Target, rounds: int) -> dict[str, float]:
    """CAM against one forward pass, Grad-CAM against a forward and a backward pass."""
    import torch
    from captum.attr import LayerGradCam

    inputs = lens.normalise(pixels)
    flat = Lens(lens.score, lens.normalise, lens.module, lens.layer, None, lens.batch)
    theirs = LayerGradCam(lens.module, dict(lens.module.named_modules())[lens.layer])  # type: ignore[union-attr]

    def forward() -> None:
        with torch.inference_mode():
            lens.module(inputs)  # type: ignore[misc]

    def both() -> None:
        watched = inputs.clone().requires_grad_()
        torch.autograd.grad(lens.module(watched)[:, 0].sum(), watched)  # type: ignore[misc]

    def captum() -> Floats:
        made: Floats = theirs.attribute(inputs, target=0, relu_attributions=True)[:, 0].detach().numpy()
        return made

    cam = fastest(
        {
            "own": lambda: grad_cam(lens, pixels, target),
            "forward": forward,
            "grad": lambda: grad_cam(flat, pixels, target),
            "both": both,
            "captum": captum,
        },
        rounds,
    )
    cells = float(np.prod(captum().shape[1:]))
    print(f"CAM: {cam['own'] / cam['forward']:.2f} × one forward pass (wanted: at most 1.2)", end="; ")
    print(
        f"maps differ from captum's by {apart(grad_cam(lens, pixels, target) / cells, captum()):.1e} at most"
    )
    print(f"Grad-CAM: {cam['grad'] / cam['both']:.2f} × forward and backward (wanted: at most 1.3)", end="; ")
    print(f"captum's {cam['captum'] / cam['both']:.2f} ×", flush=True)
    return {
        "cam": cam["own"] / cam["forward"],
        "cam_difference": apart(grad_cam(lens, pixels, target) / cells, captum()),
        "grad_cam": cam["grad"] / cam["both"],
    }


def integrated(lens: Lens, fast: Lens, pixels: Pixels, target: Target, rounds: int) -> dict[str, float]:
    """Integrated gradients, 32 steps, one picture."""
    from captum.attr import IntegratedGradients

    method = IntegratedGradients(lens.module)
    ground = np.broadcast_to(np.rint(pixels[0].mean((0, 1))).astype(np.uint8), pixels.shape)
    given = {"baselines": lens.normalise(np.ascontiguousarray(ground)), "target": 0, "n_steps": STEPS}
    inputs = lens.normalise(pixels)

    def captum(**more: int) -> Floats:
        made: Floats = method.attribute(inputs, **given, **more).sum(1).detach().numpy()
        return made

    work: dict[str, Callable[[], Any]] = {
        "own": lambda: integrated_gradients(fast, pixels, target, steps=STEPS),
        "captum": captum,
        "captum by 8": lambda: captum(internal_batch_size=8),
    }
    taken = fastest(work, rounds)
    difference = apart(integrated_gradients(fast, pixels, target, steps=STEPS), captum())
    own = taken.pop("own")
    told("integrated gradients", own, taken, "at least 1.25 ×", difference)
    return {
        "integrated_gradients": taken["captum"] / own,
        "integrated_gradients_best_batch": min(taken.values()) / own,
    }


def occluded(lens: Lens, fast: Lens, pixels: Pixels, target: Target, rounds: int) -> dict[str, float]:
    """Occlusion, 81 windows, one picture."""
    import torch
    from captum.attr import Occlusion

    method = Occlusion(lambda x: lens.module(x).softmax(1))  # type: ignore[misc]
    ground = np.broadcast_to(np.rint(pixels[0].mean((0, 1))).astype(np.uint8), pixels.shape)
    side = pixels.shape[1] // CELLS
    given = {
        "sliding_window_shapes": (3, 2 * side, 2 * side),
        "strides": (3, side, side),
        "baselines": lens.normalise(np.ascontiguousarray(ground)),
        "target": 0,
    }
    inputs = lens.normalise(pixels)

    def captum(at_once: int) -> Floats:
        with torch.no_grad():
            made = method.attribute(inputs, **given, perturbations_per_eval=at_once)
        centres: Floats = made[0, 0, side // 2 :: side, side // 2 :: side].numpy()
        return centres

    work: dict[str, Callable[[], Any]] = {
        "own": lambda: occlusion(fast, pixels, target, cells=CELLS),
        "captum": lambda: captum(1),
        "captum by 16": lambda: captum(16),
    }
    taken = fastest(work, rounds)
    difference = apart(occlusion(fast, pixels, target, cells=CELLS)[0], captum(1))
    own = taken.pop("own")
    told("occlusion", own, taken, "at least 1.25 ×", difference)
    return {"occlusion": taken["captum"] / own, "occlusion_best_batch": min(taken.values()) / own}


def measure(size: int = 200, threads: int = 1, rounds: int = 3) -> dict[str, float]:
    """Every ratio by name; each is told as it is measured. ``size``: a multiple of 10, so that captum's windows are equal."""
    import torch

    torch.set_num_threads(threads)
    names = tuple("abcdefghij")
    net = network(len(names))
    lens = lens_of(FakeModel(None, names, (size, size), module=net))  # type: ignore[arg-type]
    pixels = np.random.default_rng(0).integers(0, 256, (8, size, size, 3)).astype(np.uint8)
    target = Target(np.zeros(8, np.int64))
    print(f"ResNet-18, {size} × {size}, {threads} thread(s), processor seconds")
    made = cams(lens, pixels, target, rounds)
    fast = tuned(lens)
    print(f"the faster copy is made and checked once, in {processor_seconds(lambda: tuned(lens)):.2f} s")
    one, first = pixels[:1], target.part(slice(0, 1))
    return made | integrated(lens, fast, one, first, rounds) | occluded(lens, fast, one, first, rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=200, help="a multiple of 10: captum's windows are equal")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    measure(asked.size, asked.threads, asked.rounds)


if __name__ == "__main__":
    main()
