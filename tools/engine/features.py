"""The model's own view of a picture: its last maps, averaged over space."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from failsight.tools.engine.stream import iter_pixels
from failsight.tools.errors import RetryError
from failsight.tools.inputs.base import Classifier, Floats, ImageTable
from failsight.tools.inputs.fingerprint import job


def pooled_features(
    table: ImageTable,
    model: Classifier,
    rows: npt.NDArray[np.int64],
    *,
    batch: int = 64,
    progress: Any = None,
) -> tuple[npt.NDArray[np.int64], Floats]:
    """Features of ``rows``: the maps of ``model.feature_layer``, averaged over space, in one streamed pass.

    Returns:
        The rows that could be read, ascending as given, and their features (n, channels), float32.

    Raises:
        RetryError: the model gives its scores only, or has no maps.
    """
    import torch

    module, layer = model.torch_module(), model.feature_layer
    if module is None or layer is None:
        raise RetryError("This model shows no inner layers; its features can't be read.")
    kept: list[npt.NDArray[np.int64]] = []
    made: list[Floats] = []

    def keep(_: Any, __: Any, output: Any) -> None:
        maps = output if isinstance(output, torch.Tensor) else output[0]
        made.append(maps.float().mean((2, 3)).cpu().numpy())

    handle = dict(module.named_modules())[layer].register_forward_hook(keep)
    try:
        with torch.inference_mode(), job(progress, "reading the model's features", len(rows)) as advance:
            for part, pixels in iter_pixels(table, model, rows, batch):
                module(model.normalise(pixels))
                kept.append(part)
                advance(len(part))
    finally:
        handle.remove()
    if not kept:
        return np.zeros(0, np.int64), np.zeros((0, 0), np.float32)
    return np.concatenate(kept), np.concatenate(made)
