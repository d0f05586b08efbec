"""The model's own view of a picture: what its last layer reads, or its last maps averaged over space.

A :class:`Tap` listens while the model scores pictures, so that features cost no pass of their own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from failsight.tools.engine.stream import iter_pixels
from failsight.tools.errors import RetryError
from failsight.tools.inputs.base import Classifier, Floats, ImageTable, Predictions
from failsight.tools.inputs.fingerprint import job

MOST_VALUES = (
    100_000_000  # features kept beside predictions: 200 MB as half precision; beyond that they are sampled
)


@dataclass
class Tap:
    """Collects features of every batch that the module sees between ``with`` and its end.

    Attributes:
        layer: the layer that is listened to.
        side: ``input`` of a classification head, or the ``maps`` that a layer hands on, averaged over space.
    """

    module: Any
    layer: str
    side: Literal["input", "maps"]
    _made: list[Floats] = field(default_factory=list)
    _handle: Any = None

    def __enter__(self) -> Tap:
        child = dict(self.module.named_modules())[self.layer]
        if self.side == "input":
            self._handle = child.register_forward_pre_hook(lambda _, given: self._keep(given[0]))
        else:
            self._handle = child.register_forward_hook(lambda _, __, output: self._keep(output))
        return self

    def __exit__(self, *_: object) -> None:
        self._handle.remove()

    def _keep(self, values: Any) -> None:
        tensor = values[0] if isinstance(values, tuple | list) else values
        if tensor.ndim == 4:
            tensor = tensor.mean((2, 3))
        self._made.append(tensor.detach().float().flatten(1).cpu().numpy())

    def take(self) -> Floats:
        """(n, channels) features since the last call, float32."""
        made, self._made = self._made, []
        return np.concatenate(made) if made else np.zeros((0, 0), np.float32)


def tap(model: Classifier) -> Tap | None:
    """Where to listen to ``model``: the input of the linear layer that gives the class scores, else its last maps.

    None for black boxes, ONNX, and modules without such layers.
    """
    module = model.torch_module() if hasattr(model, "torch_module") else None
    if module is None:
        return None
    head = _head(model, module)
    if head is not None:
        return Tap(module, head, "input")
    layer = model.feature_layer
    return None if layer is None else Tap(module, layer, "maps")


def head_layer(model: Classifier) -> str | None:
    """The name of the linear layer whose outputs are the class scores; None where there is none."""
    module = model.torch_module() if hasattr(model, "torch_module") else None
    return None if module is None else _head(model, module)


def _head(model: Classifier, module: Any) -> str | None:
    """One pass over a grey picture with hooks on linear layers; remembered on the module."""
    import torch

    known = getattr(module, "__dict__", {}).get("_failsight_head", False)
    if known is not False:
        return known  # type: ignore[no-any-return]
    seen: list[str] = []
    handles = []
    for name, child in module.named_modules():
        if isinstance(child, torch.nn.Linear) and child.out_features == len(model.classes):

            def watch(_: Any, given: Any, output: Any, name: str = name) -> None:
                if given and getattr(given[0], "ndim", 0) == 2:
                    seen.append(name)

            handles.append(child.register_forward_hook(watch))
    try:
        if handles:
            height, width = model.preprocessing.size
            with torch.inference_mode():
                module(model.normalise(np.full((1, height, width, 3), 128, np.uint8)))
    except Exception:  # the model's own: one that fails on some pictures may fail on this one
        seen.clear()
    finally:
        for handle in handles:
            handle.remove()
    found = seen[-1] if seen else None
    module.__dict__["_failsight_head"] = found
    return found


def pooled_features(
    table: ImageTable,
    model: Classifier,
    rows: npt.NDArray[np.int64],
    *,
    batch: int = 64,
    progress: Any = None,
) -> tuple[npt.NDArray[np.int64], Floats]:
    """Features of ``rows`` in one streamed pass (see :func:`tap`).

    Returns:
        The rows that could be read, ascending as given, and their features (n, channels), float32.

    Raises:
        RetryError: the model gives its scores only, or has no maps.
    """
    import torch

    listening = tap(model)
    if listening is None:
        raise RetryError("This model shows no inner layers; its features can't be read.")
    kept: list[npt.NDArray[np.int64]] = []
    with (
        torch.inference_mode(),
        listening,
        job(progress, "reading the model's features", len(rows)) as advance,
    ):
        for part, pixels in iter_pixels(table, model, rows, batch):
            listening.module(model.normalise(pixels))
            kept.append(part)
            advance(len(part))
    if not kept:
        return np.zeros(0, np.int64), np.zeros((0, 0), np.float32)
    return np.concatenate(kept), listening.take()


def sampled_features(
    table: ImageTable,
    model: Classifier,
    predictions: Predictions,
    *,
    seed: int,
    cached: Callable[[Mapping[str, Any]], dict[str, npt.NDArray[Any]] | None],
    store: Callable[[Mapping[str, Any], Mapping[str, npt.NDArray[Any]]], None],
    progress: Any = None,
) -> tuple[npt.NDArray[np.int64], Floats]:
    """The features that came with ``predictions``; where they were too many to keep, those of a seeded sample.

    Raises:
        RetryError: the model shows no inner layers.
    """
    if predictions.features is not None:
        return predictions.rows, predictions.features.astype(np.float32)
    return kept_features(
        table, model, predictions.rows, seed=seed, cached=cached, store=store, progress=progress
    )


def kept_features(
    table: ImageTable,
    model: Classifier,
    rows: npt.NDArray[np.int64],
    *,
    seed: int,
    cached: Callable[[Mapping[str, Any]], dict[str, npt.NDArray[Any]] | None],
    store: Callable[[Mapping[str, Any], Mapping[str, npt.NDArray[Any]]], None],
    batch: int = 64,
    progress: Any = None,
) -> tuple[npt.NDArray[np.int64], Floats]:
    """The features of ``rows`` from one cached pass of ``model``; where they were too many to keep, of a seeded sample.

    Raises:
        RetryError: the model shows no inner layers.
    """
    most = max(1000, MOST_VALUES // max(1, _width(model)))
    if len(rows) > most:
        rows = np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))
    key = {
        "features": 2,
        "model": model.fingerprint,
        "data": table.fingerprint,
        "rows": hashlib.sha256(np.ascontiguousarray(rows, np.int64).tobytes()).hexdigest(),
    }
    known = cached(key)
    if known is None:
        kept, made = pooled_features(table, model, rows, batch=batch, progress=progress)
        known = {"rows": kept, "features": made.astype(np.float16)}
        store(key, known)
    return known["rows"], known["features"].astype(np.float32)


def _width(model: Classifier) -> int:
    """Channels of the model's features: one picture's are read. Raises RetryError where there are none."""
    import torch

    listening = tap(model)
    if listening is None:
        raise RetryError("This model shows no inner layers; its features can't be read.")
    height, width = model.preprocessing.size
    with torch.inference_mode(), listening:
        listening.module(model.normalise(np.full((1, height, width, 3), 128, np.uint8)))
    return int(listening.take().shape[1])
