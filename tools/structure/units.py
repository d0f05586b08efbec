"""Units that never speak, activations at their stops, and normalisation that does not fit: over a sample of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Interval
from failsight.tools.stats.intervals import wilson
from failsight.tools.structure.trace import KINDS, watching
from failsight.tools.view import CaseView

FLOORED = ("relu", "hardtanh", "clamp", "clamp_min", "threshold")
STOPPED = ("sigmoid", "tanh", "hardsigmoid", "hardtanh")
NEAR = 0.01  # of the range: this close to its stop an activation passes hardly any gradient
STRANGE_MEAN = 3.0  # running standard deviations between running and measured mean, median over channels
STRANGE_SPREAD = 10.0  # ratio of measured to running variance (or its inverse), median over channels


@dataclass
class Layer:
    """One activation, over the sample.

    Attributes:
        name, kind, module: where and what.
        channels: units; a map is one unit a channel.
        n: images.
        dead: units never above their lower stop; None for activations without one.
        low_stop, high_stop: share of all values at (or within a hundredth of the range of) the lower and upper stop.
    """

    name: str
    kind: str
    module: str
    channels: int
    n: int = 0
    alive: npt.NDArray[np.bool_] | None = None
    low: float = 0.0
    high: float = 0.0
    values: int = 0

    @property
    def dead(self) -> int | None:
        """How many units were never active in the sample."""
        return None if self.alive is None else int((~self.alive).sum())

    @property
    def dead_ci(self) -> Interval:
        """Wilson's interval of their share, for units like these."""
        return wilson(self.dead or 0, self.channels)

    @property
    def low_share(self) -> float:
        """Share of values at the lower stop."""
        return self.low / max(self.values, 1)

    @property
    def high_share(self) -> float:
        """Share of values at the upper stop."""
        return self.high / max(self.values, 1)


@dataclass
class Norm:
    """One batch norm, its running statistics against what it saw: ``shift`` in running standard deviations, ``spread`` as a ratio."""

    module: str
    training: bool
    shift: float
    spread: float
    broken: bool

    @property
    def strange(self) -> bool:
        """Running statistics that the images at hand do not resemble at all."""
        return (
            self.broken or self.shift > STRANGE_MEAN or not 1 / STRANGE_SPREAD < self.spread < STRANGE_SPREAD
        )


@dataclass
class Units:
    """Everything watched during one pass over ``n`` images, ``rows`` of the table, batch by batch."""

    n: int = 0
    rows: list[npt.NDArray[np.int64]] = field(default_factory=list)
    layers: list[Layer] = field(default_factory=list)
    norms: list[Norm] = field(default_factory=list)
    inner: list[npt.NDArray[np.float32]] = field(default_factory=list)
    outputs: list[npt.NDArray[np.float32]] = field(default_factory=list)


def watch_units(
    view: CaseView, rows: npt.NDArray[np.int64], *, inner_of: int | None = None, batch: int = 32
) -> Units:
    """One streamed pass over ``rows`` of the evaluation images, in batches.

    Args:
        inner_of: number of the operation that makes the outputs: what goes into it is kept as ``inner``.
    """
    from failsight.tools.inputs.models.torch_based import first_tensor

    model = view.model()
    module: Any = model.torch_module()
    made = Units()
    with view.progress.job("watching the network's units", len(rows)) as ticker:
        for part, pixels in view.pixels(rows, "data", batch):
            listener = _Listener(made, inner_of, len(part))
            inputs = model.normalise(pixels)
            with watching(module, listener):
                output = first_tensor(module(inputs))
            made.outputs.append(output.detach().float().cpu().numpy().reshape(len(part), -1))
            made.rows.append(np.asarray(part, np.int64))
            made.n += len(part)
            ticker.advance(len(part))
    return made


class _Listener:
    """Collects from one batch."""

    def __init__(self, made: Units, inner_of: int | None, n: int) -> None:
        self.made, self.inner_of, self.n = made, inner_of, n
        self.at = self.norm = 0

    def __call__(self, number: int, name: str, args: Sequence[Any], result: Any, where: str) -> None:
        if number == self.inner_of:
            self.made.inner.append(args[0].detach().float().cpu().numpy().reshape(self.n, -1).copy())
        if name in FLOORED or name in STOPPED:
            if self._is_activation(args, result):
                self._activation(name, args, result, where)
        elif "batch_norm" in name and not self.made.n:  # the first batch tells
            self._norm(name, args, where)

    def _is_activation(self, args: Sequence[Any], result: Any) -> bool:
        return (
            getattr(result, "ndim", 0) in (2, 3, 4)
            and result.shape[0] == self.n
            and result.is_floating_point()
        )

    def _activation(self, name: str, args: Sequence[Any], result: Any, where: str) -> None:
        axis = 2 if result.ndim == 3 else 1
        low, high = _stops(name, args)
        if self.at == len(self.made.layers):
            kind = "ReLU6" if name == "hardtanh" and (low, high) == (0.0, 6.0) else KINDS.get(name, name)
            self.made.layers.append(Layer(f"{kind} {self.at + 1}", kind, where, int(result.shape[axis])))
        layer = self.made.layers[self.at]
        self.at += 1
        others = tuple(i for i in range(result.ndim) if i != axis)
        if name in FLOORED and low is not None:
            active = (result > low).any(dim=others[0]) if len(others) == 1 else (result > low).amax(others)
            alive = active.cpu().numpy().astype(bool)
            layer.alive = alive if layer.alive is None else layer.alive | alive
        bounded = low is not None and high is not None and name not in FLOORED
        margin = NEAR * (high - low) if bounded else 0.0  # type: ignore[operator]
        if low is not None:
            layer.low += float((result <= low + margin).sum())
        if high is not None:
            layer.high += float((result >= high - margin).sum())
        layer.values += int(result.numel())
        layer.n += self.n

    def _norm(self, name: str, args: Sequence[Any], where: str) -> None:
        given, mean, variance = args[0], args[3], args[4]
        training = (
            bool(args[5])
            if name in ("native_batch_norm", "cudnn_batch_norm", "batch_norm")
            else name == "_native_batch_norm_legit"
        )
        if mean is None or variance is None or getattr(mean, "ndim", 0) != 1 or given.ndim < 2:
            self.made.norms.append(Norm(where, True, 0.0, 1.0, False))
            return
        others = tuple(i for i in range(given.ndim) if i != 1)
        seen_mean, seen = given.float().mean(others), given.float().var(others, unbiased=False)
        mean, variance = mean.float(), variance.float()
        sound = bool(mean.isfinite().all() and variance.isfinite().all() and (variance >= 0).all())
        told = variance > 1e-6 * variance.max()  # channels that never vary have no scale to compare on
        if not sound or not bool(told.any()):
            self.made.norms.append(Norm(where, training, 0.0, 1.0, not sound))
            return
        shift = float(((seen_mean - mean).abs()[told] / variance[told].sqrt()).median())
        spread = float((seen[told] / variance[told]).median())
        self.made.norms.append(Norm(where, training, shift, spread, False))


def _stops(name: str, args: Sequence[Any]) -> tuple[float | None, float | None]:
    """Lower and upper stop of an activation; None where there is none."""
    if name == "hardtanh":
        return float(args[1]), float(args[2])
    if name == "clamp":
        return (None if args[1] is None else float(args[1])), (None if args[2] is None else float(args[2]))
    if name in ("clamp_min", "threshold"):
        return float(args[1]), None
    return {"relu": (0.0, None), "tanh": (-1.0, 1.0)}.get(name, (0.0, 1.0))
