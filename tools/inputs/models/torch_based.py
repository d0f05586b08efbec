"""A classifier around a torch module: device, threads, memory layout and inference mode in one place."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from failsight.tools.errors import UserError
from failsight.tools.inputs import preprocess
from failsight.tools.inputs.base import Floats, Pixels, Preprocessing
from failsight.tools.inputs.models.choosing import Offer, choose, part_module, parts_of
from failsight.tools.inputs.models.outputs import Kind, Outputs
from failsight.tools.inputs.models.scoring import ScoringModel, probe_pixels
from failsight.tools.inputs.models.weights import not_numbers, refuse_empty
from failsight.tools.text import clean

if TYPE_CHECKING:
    from failsight.tools.inputs.models.geometry import Geometry

_UNSET: Any = object()
TRACED = (
    1,
    2,
    4,
    8,
    16,
    32,
    64,
    128,
)  # batch sizes that programs are traced with, tried where a batch of two is refused


class TorchModel(ScoringModel):
    """Any torch module that maps one batch of pictures to one batch of outputs.

    Args:
        module: in eval mode, on ``device``; it may return a tensor, an array, or a tuple or dictionary with one part as wide as there
            are classes. Weights in half or double precision are given pixels of the same.
        fixed_batch: the only batch size the module takes, when it was traced that way.
        output: the part of what it returns that holds the scores, by name or place, where somebody says so.

    Raises:
        UserError: the weights hold no data, or the module can't be run, or not for these classes.
    """

    def __init__(
        self,
        module: Any,
        classes: tuple[str, ...],
        fingerprint: str,
        preprocessing: Preprocessing,
        outputs: Kind | None,
        *,
        format: str,
        feature_layer: str | None = None,
        device: str = "cpu",
        notes: Iterable[str] = (),
        geometry: Geometry | None = None,
        fixed_batch: int | None = None,
        output: str | None = None,
    ) -> None:
        refuse_empty(module)
        self._dtype = _dtype_of(module)
        self._wanted, self._part, self._plain = output, _UNSET, True
        self.format = format
        self.module = module
        self.device = device
        self.fixed_batch = fixed_batch
        self._found_layer: Any = _UNSET
        self._channels_last = False
        super().__init__(classes, fingerprint, preprocessing, outputs, feature_layer, notes, geometry)
        self._settle()
        self.notes = (*self.notes, *not_numbers(module))
        self._channels_last = self._takes_channels_last()

    @property
    def feature_layer(self) -> str | None:
        """The side file's layer, else the last convolution-like layer before pooling (found on first use)."""
        if self._feature_layer is not None or self.fixed_batch is not None:
            return self._feature_layer
        if self._found_layer is _UNSET:
            from failsight.tools.inputs.models.layers import find_feature_layer

            try:
                self._found_layer = find_feature_layer(
                    self.module, self.normalise(probe_pixels(self.preprocessing, 1))
                )
            except (
                Exception
            ):  # a model that fails on some pictures may fail on this one: its layers stay unknown
                self._found_layer = None
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
            given = self._scorer()(self.batch(full))
            outputs: Floats = self._scores_in(given, size).float().cpu().numpy()
        if outputs.ndim == 0 or len(outputs) != size:
            raise ValueError(f"it gives {outputs.shape[0] if outputs.ndim else 1} rows for {size} pictures")
        return outputs[: len(pixels)]

    def _scores_in(self, given: Any, count: int) -> Any:
        """The tensor of class scores in what the module returned for ``count`` pictures; settled by the first batch."""
        import torch

        if isinstance(given, torch.Tensor):
            return given
        if isinstance(self._part, str):
            return dict(parts_of(given))[self._part]
        named = parts_of(given)
        if not named:
            raise TypeError(f"it returns {type(given).__name__}, not a tensor")
        widths = [int(t.numel()) // count if t.ndim and len(t) == count else None for _, t in named]
        offers = [Offer(name, width) for (name, _), width in zip(named, widths, strict=True)]
        try:
            at, notes = choose(offers, len(self.classes), self._wanted, self.format)
        except LookupError:  # the number of outputs is told by whoever asked
            return named[0][1]
        self._part = named[at][0]
        self.notes = (*self.notes, *notes)
        default = first_tensor(given)
        self._plain = default is named[at][1]
        return named[at][1]

    def _scorer(self) -> Any:
        """What is called to score a batch."""
        return self.module

    def torch_module(self) -> Any | None:
        """The module, in eval mode, on the model's device; None when it was traced for one batch size only."""
        return self.module if self.fixed_batch is None else None

    def _check_outputs(self, stated: Kind | None) -> Outputs:
        """As for every model; a module that refuses two pictures is tried with one at a time."""
        try:
            return super()._check_outputs(stated)
        except UserError:
            if self.fixed_batch is not None:
                raise
            for size in TRACED:
                self.fixed_batch, self._part = size, _UNSET
                try:
                    return super()._check_outputs(stated)
                except UserError:
                    self.fixed_batch = None
            raise

    def _settle(self) -> None:
        """Where the scores are not what every tool takes of a module's answer, the module is made one that returns nothing else."""
        if self._part is _UNSET or self._plain:
            return
        self.module = part_module(self.module, self._part)
        if self._feature_layer is not None:
            self._feature_layer = f"model.{self._feature_layer}"
        self._part = _UNSET

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
        values = torch.from_numpy(channels).to(self.device, torch.float32)  # cast only when it is normalised
        values = values.mul_(torch.from_numpy(factor).to(self.device)).add_(
            torch.from_numpy(shift).to(self.device)
        )
        values = values.to(self._dtype)
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


def _dtype_of(module: Any) -> Any:
    """The kind of number that the module's first weights are; float32 where it has none, or keeps them to itself."""
    import torch

    weights = module.parameters() if hasattr(module, "parameters") else ()
    return next((w.dtype for w in weights if w.is_floating_point()), torch.float32)


def place(module: Any, device: str) -> Any:
    """``module`` on ``device``. Raises UserError where its weights hold no data."""
    refuse_empty(module)
    return module.to(device)


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
