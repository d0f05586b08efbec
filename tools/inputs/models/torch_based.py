"""A classifier around a torch module: device, threads, memory layout and inference mode in one place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from failsight.tools.errors import UserError
from failsight.tools.inputs import preprocess
from failsight.tools.inputs.base import Floats, Pixels, Preprocessing
from failsight.tools.inputs.models.scoring import Outputs, ScoringModel, probe_pixels
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.tools.inputs.models.geometry import Geometry

_UNSET: Any = object()
MOST_HEADS = 6  # tensors that may differ in the number of outputs: weight and bias of a head and of two that help in training


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
        self._channels_last = self._takes_channels_last()

    @property
    def feature_layer(self) -> str | None:
        """The side file's layer, else the last convolution-like layer before pooling (found on first use)."""
        if self._feature_layer is not None or self.fixed_batch is not None:
            return self._feature_layer
        if self._found_layer is _UNSET:
            from failsight.tools.inputs.models.layers import find_feature_layer

            self._found_layer = find_feature_layer(
                self.module, self.normalise(probe_pixels(self.preprocessing, 1))
            )
        found: str | None = self._found_layer
        return found

    def raw_outputs(self, pixels: Pixels) -> Floats:
        """(n, outputs) float32 outputs of the module, without gradients."""
        size = self.fixed_batch or len(pixels)
        return np.concatenate([self._run(pixels[i : i + size], size) for i in range(0, len(pixels), size)])

    def _run(self, pixels: Pixels, size: int) -> Floats:
        """Outputs of one batch; where the module takes one size only, the batch is filled up and cut again."""
        import torch

        missing = size - len(pixels)
        full = np.concatenate([pixels, np.repeat(pixels[-1:], missing, 0)]) if missing else pixels
        with torch.inference_mode():
            outputs: Floats = first_tensor(self._scorer()(self.batch(full))).float().cpu().numpy()
        return outputs[: len(pixels)]

    def _scorer(self) -> Any:
        """What is called to score a batch."""
        return self.module

    def torch_module(self) -> Any | None:
        """The module, in eval mode, on the model's device; None when it was traced for one batch size only."""
        return self.module if self.fixed_batch is None else None

    def _check_outputs(self, stated: Outputs | None) -> Outputs:
        """As for every model; a module that refuses two pictures is tried with one at a time."""
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
        return self._input(pixels, channels_last=False)

    def batch(self, pixels: Pixels) -> Any:
        """The same tensor, in the order in memory in which the module runs fastest."""
        return self._input(pixels, self._channels_last)

    def _input(self, pixels: Pixels, channels_last: bool) -> Any:
        import torch

        how = self.preprocessing
        factor, shift = preprocess.affine(how)
        channels = np.ascontiguousarray(preprocess.to_channels(pixels, how))
        values = torch.from_numpy(channels).to(self.device, torch.float32)
        values = values.mul_(torch.from_numpy(factor).to(self.device)).add_(
            torch.from_numpy(shift).to(self.device)
        )
        if how.layout == "NHWC":
            return values
        return values.permute(0, 3, 1, 2) if channels_last else values.permute(0, 3, 1, 2).contiguous()

    def _takes_channels_last(self) -> bool:
        """Whether a convolutional module on the CPU gives the same for pixels stored channels last, which is faster
        there (a tenth to a third). A rule and a check, no timing: the same file is always run the same way."""
        if self.device != "cpu" or self.preprocessing.layout == "NHWC" or not _convolves(self.module):
            return False
        pixels = probe_pixels(self.preprocessing, self.fixed_batch or 2)
        plain = self.raw_outputs(pixels)
        self._channels_last = True
        try:
            same = np.allclose(self.raw_outputs(pixels), plain, rtol=1e-3, atol=1e-4)
        except RuntimeError:  # a module that uses view() on what its convolutions hand on
            same = False
        self._channels_last = False
        return same


def _convolves(module: Any) -> bool:
    """Whether any part of the module is a convolution (in TorchScript and exported graphs: any of its operations)."""
    import torch

    if isinstance(module, torch.jit.ScriptModule):
        return "conv" in str(module.inlined_graph)
    if isinstance(module, torch.fx.GraphModule):
        return any("conv" in str(node.target) for node in module.graph.nodes)
    return any("conv" in type(child).__name__.lower() for child in module.modules())


def first_tensor(output: Any) -> Any:
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


@dataclass(frozen=True, slots=True)
class Unlike:
    """How weights differ from the architecture that they are loaded into.

    Attributes:
        told: what differs, in words; empty where they fit.
        outputs: (of the architecture, of the weights), where the last layers differ in how many outputs they have and nothing else does.
    """

    told: tuple[str, ...]
    outputs: tuple[int, int] | None = None


def unlike(module: Any, state: dict[str, Any]) -> Unlike:
    """Compare names and shapes of ``state`` with those of ``module``. No module: an empty state is looked for in vain."""
    state, own = _bare(state), module.state_dict() if hasattr(module, "state_dict") else {}
    missing, unknown = sorted(own.keys() - state.keys()), sorted(state.keys() - own.keys())
    missing = [name for name in missing if not name.endswith("num_batches_tracked")]
    differ = [name for name in sorted(own.keys() & state.keys()) if own[name].shape != state[name].shape]
    shapes = [f"{name} is {tuple(state[name].shape)}, not {tuple(own[name].shape)}" for name in differ]
    told = [f"missing {_few(missing)}"] * bool(missing) + [f"unknown {_few(unknown)}"] * bool(unknown)
    told += [_few(shapes)] * bool(shapes)
    heads = {
        (int(own[name].shape[0]), int(state[name].shape[0]))
        for name in differ
        if own[name].dim() == state[name].dim() > 0 and own[name].shape[1:] == state[name].shape[1:]
    }
    alone = not missing and not unknown and len(heads) == 1 and len(differ) <= MOST_HEADS
    only = alone and all(own[n].shape[1:] == state[n].shape[1:] for n in differ if own[n].dim())
    return Unlike(tuple(told), heads.pop() if only else None)


def load_state(module: Any, state: dict[str, Any], path: Path) -> None:
    """Load ``state`` strictly into ``module`` and put it in eval mode.

    Raises:
        UserError: names or shapes differ; the sentence says which.
    """
    told = unlike(module, state).told
    if told:
        raise UserError(
            f"The weights in {clean(path.name)} do not fit the architecture: {'; '.join(told)}.",
            "Name the architecture they were trained with (--arch module:factory).",
        )
    module.load_state_dict({**module.state_dict(), **_bare(state)}, strict=True)
    module.eval()


def _bare(state: dict[str, Any]) -> dict[str, Any]:
    """``state`` without what DataParallel leaves before every name."""
    prefix = "module."
    if state and all(name.startswith(prefix) for name in state):
        return {name[len(prefix) :]: value for name, value in state.items()}
    return state


def _few(names: list[str]) -> str:
    shown = ", ".join(clean(n, 80) for n in names[:3])
    return shown + (f" and {len(names) - 3} more" if len(names) > 3 else "")
