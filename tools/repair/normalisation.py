"""Statistics of batch normalisation taken again from pictures of where the model is used; no label, no weight trained.

A batch-normalised layer subtracts the mean and divides by the spread that its inputs had in training. Where pictures are
darker, noisier or more strongly compressed than those, the inputs have others, and the layers above see what they never
saw. Schneider et al. 2020 (Improving robustness against common corruptions by covariate shift adaptation, NeurIPS,
section 3) put the statistics of n pictures of use in their place, mixed with the old ones as if those came from N pictures:
(N · old + n · new) / (N + n), with N = 16. Every layer is read with the layers below it on the statistics of the same
batch, as in training, and a layer's means and variances are averaged over the batches.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from failsight.tools.inputs.base import Pixels
from failsight.tools.repair import copies
from failsight.tools.repair.steps import inputs

if TYPE_CHECKING:
    from failsight.tools.inputs.base import Classifier

PRIOR = 16  # pictures that the old statistics count as
BATCH = 64
FEWEST = 20  # pictures below which statistics are mostly luck
SHARE = 0.75  # of the pictures that each seed draws


def why_not(model: Classifier) -> str:
    """Why there is nothing to re-estimate in ``model``; empty where there is."""
    reason = copies.why_not(model)
    if reason:
        return f"the model can't be written again: {reason}"
    if model.format in ("torchscript", "torch_export"):
        return "layers of a compiled model can't be told apart"
    return "" if layers(model.torch_module()) else "the network has no batch normalisation"


def layers(network: Any) -> list[Any]:
    """The batch-normalised layers that keep statistics, in the network's own order."""
    from torch.nn.modules.batchnorm import _BatchNorm

    return [m for m in network.modules() if isinstance(m, _BatchNorm) and m.running_mean is not None]


def drawn(pixels: Pixels | None) -> int:
    """How many of the pictures of use each version takes, so that seeds differ."""
    return 0 if pixels is None else max(1, round(SHARE * len(pixels)))


def adapt(model: Classifier, network: Any, pixels: Pixels, prior: float = PRIOR) -> None:
    """Re-estimate the statistics of ``network`` in place.

    Args:
        model: for what goes into the network.
        network: a copy of its module.
        pixels: (n, h, w, 3) prepared pictures, in the order in which they make batches.
        prior: pictures that the old statistics count as.
    """
    import torch

    found = layers(network)
    old = [(m.running_mean.clone(), m.running_var.clone(), m.momentum) for m in found]
    network.eval()
    for m in found:
        m.reset_running_stats()
        m.momentum = None  # plain averages over the batches
        m.train()
    batches = max(1, len(pixels) // BATCH)
    with torch.no_grad():
        for at in np.array_split(np.arange(len(pixels)), batches):
            network(inputs(model, pixels[at]))
    share = len(pixels) / (len(pixels) + prior)
    for m, (mean, var, momentum) in zip(found, old, strict=True):
        m.running_mean.mul_(share).add_(mean, alpha=1 - share)
        m.running_var.mul_(share).add_(var, alpha=1 - share)
        m.momentum = momentum
        m.eval()
