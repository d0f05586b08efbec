"""A classifier around a torch module: device, threads, memory layout and inference mode in one place."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from failsight.tools.errors import UserError
from failsight.tools.inputs import preprocess
from failsight.tools.inputs.base import Floats, Pixels, Preprocessing
from failsight.tools.inputs.models.scoring import Outputs, ScoringModel
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.tools.inputs.models.geometry import Geometry

_UNSET: Any = object()


class TorchModel(ScoringModel):
    """Any torch module that maps one batch of pictures to one batch of outputs.

    Args:
        module: in eval mode, on ``device``; it may return a tensor, a tuple or dictionary whose first or ``logits``
            entry is the tensor.
        fixed_batch: the only batch size the module takes, when it was traced that way.
    """

    def __init__(
        self,
        module: Any,
        classes: tuple[str, ...],
        fingerprint: str,
        preprocessing: Preprocessing,
        outputs: Outputs | None,
        *,
        format: str,
        feature_layer: str | None = None,
        device: str = "cpu",
        notes: Iterable[str] = (),
        geometry: Geometry | None = None,
        fixed_batch: int | None = None,
    ) -> None:
        self.format = format
        self.module = module
        self.device = device
        self.fixed_batch = fixed_batch
        self._found_layer: Any = _UNSET
        self._channels_last = False
        super().__init__(classes, fingerprint, preprocessing, outputs, feature_layer, notes, geometry)

    @property
    def feature_layer(self) -> str | None:
        """The side file's layer, else the last convolution-like layer before pooling (found on first use)."""
        if self._feature_layer is not None or self.fixed_batch is not None:
            return self._feature_layer
        if self._found_layer is _UNSET:
            from failsight.tools.inputs.models.layers import find_feature_layer
            from failsight.tools.inputs.models.scoring import probe_pixels

            self._found_layer = find_feature_layer(
                self.module, self.normalise(probe_pixels(self.preprocessing, 1))
            )
        found: str | None = self._found_layer
        return found

    def raw_outputs(self, pixels: Pixels) -> Floats:
        """(n, outputs) float32 outputs of the module, without gradients."""
        import torch

        with torch.inference_mode():
            if self.fixed_batch is None:
                return _tensor(self.module(self.normalise(pixels))).float().cpu().numpy()  # type: ignore[no-any-return]
            parts = [
                self._padded(pixels[i : i + self.fixed_batch])
                for i in range(0, len(pixels), self.fixed_batch)
            ]
        return np.concatenate(parts)

    def _padded(self, pixels: Pixels) -> Floats:
        """Outputs of a module that takes exactly ``fixed_batch`` pictures: the batch is filled up and cut again."""
        missing = (self.fixed_batch or 0) - len(pixels)
        full = np.concatenate([pixels, np.repeat(pixels[-1:], missing, 0)]) if missing else pixels
        outputs: Floats = _tensor(self.module(self.normalise(full))).float().cpu().numpy()
        return outputs[: len(pixels)]

    def torch_module(self) -> Any | None:
        """The module, in eval mode, on the model's device; None when it was traced for one batch size only."""
        return self.module if self.fixed_batch is None else None

    def _check_outputs(self, stated: Outputs | None) -> Outputs:
        """As for every model; a module that refuses four pictures is tried with one at a time."""
        try:
            return super()._check_outputs(stated)
        except UserError:
            if self.fixed_batch is not None:
                raise
            self.fixed_batch = 1
            try:
                return super()._check_outputs(stated)
            except UserError:
                self.fixed_batch = None
            raise

    def normalise(self, pixels: Pixels) -> Any:
        """Prepared pixels as the float32 tensor that the module takes, on its device."""
        import torch

        how = self.preprocessing
        factor, shift = preprocess.affine(how)
        channels = np.ascontiguousarray(preprocess.to_channels(pixels, how))
        values = torch.from_numpy(channels).to(self.device, torch.float32)
        values = values.mul_(torch.from_numpy(factor).to(self.device)).add_(
            torch.from_numpy(shift).to(self.device)
        )
        return values if how.layout == "NHWC" else values.permute(0, 3, 1, 2).contiguous()


def _tensor(output: Any) -> Any:
    """The tensor in whatever a module returns."""
    if isinstance(output, dict):
        return output["logits"] if "logits" in output else next(iter(output.values()))
    if hasattr(output, "logits"):
        return output.logits
    return output[0] if isinstance(output, tuple | list) else output


def pick_device(device: str) -> str:
    """``device`` as torch names it, checked to exist; ``auto`` takes CUDA, then MPS, then the CPU. Raises UserError."""
    import torch

    if device == "auto":
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    kind = device.split(":")[0]
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if not there.get(kind, False):
        raise UserError(f"This machine has no device {clean(device)}.", "Use --device cpu, or auto.")
    return device


def load_state(module: Any, state: dict[str, Any], path: Path) -> None:
    """Load ``state`` strictly into ``module`` and put it in eval mode.

    Raises:
        UserError: names or shapes differ; the sentence says which.
    """
    prefix = "module."  # what DataParallel leaves behind
    if state and all(name.startswith(prefix) for name in state):
        state = {name[len(prefix) :]: value for name, value in state.items()}
    own = module.state_dict()
    missing, unknown = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    shapes = [
        f"{name} is {tuple(state[name].shape)}, not {tuple(own[name].shape)}"
        for name in own.keys() & state.keys()
        if own[name].shape != state[name].shape
    ]
    if missing or unknown or shapes:
        told = [f"missing {_few(missing)}"] * bool(missing) + [f"unknown {_few(unknown)}"] * bool(unknown)
        told += [_few(sorted(shapes))] * bool(shapes)
        raise UserError(
            f"The weights in {clean(path.name)} do not fit the architecture: {'; '.join(told)}.",
            "Name the architecture they were trained with (--arch module:factory).",
        )
    module.load_state_dict({**own, **state}, strict=True)
    module.eval()


def _few(names: list[str]) -> str:
    shown = ", ".join(clean(n, 80) for n in names[:3])
    return shown + (f" and {len(names) - 3} more" if len(names) > 3 else "")
