"""What the last linear layer of a TorchScript program reads, and whether the scores are what it gives.

The program is replayed operation by operation (:mod:`failsight.tools.inputs.models.replay`) up to that layer, so that a new
last layer is fitted in one pass over the pictures, as for any other network. Some programs do something with its outputs:
RoomNet clips them to [0, 6]. There a new layer inside the program would be clipped too; it is put around the model instead.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from failsight.tools.inputs.base import Floats, Pixels

if TYPE_CHECKING:
    from failsight.tools.inputs.base import Classifier

_CLOSE = 1e-3


@dataclass(frozen=True)
class ScriptHead:
    """The last linear layer of a program.

    Attributes:
        read: pixels → (n, d) what it reads.
        weight: (classes, d) tensor; ``bias`` (classes,), None where it has none.
        plain: whether its outputs are the program's.
    """

    read: Callable[[Pixels], Floats]
    weight: Any
    bias: Any | None
    plain: bool


def script_head(model: Classifier) -> ScriptHead | None:
    """The head of ``model``; None where it is no TorchScript program, can't be replayed, or ends in no linear layer."""
    if model.format != "torchscript":
        return None
    import torch

    from failsight.tools.inputs.models.replay import Replay

    module = model.torch_module()
    found = module.last_linear(len(model.classes)) if isinstance(module, Replay) else None
    if found is None:
        return None

    def read(pixels: Pixels) -> Floats:
        with torch.inference_mode():
            made: Floats = found.before(model.normalise(pixels)).float().flatten(1).cpu().numpy()
        return made

    return _checked(model, ScriptHead(read, found.weight, found.bias, True))


def _checked(model: Classifier, head: ScriptHead) -> ScriptHead | None:
    """The head, plain or not, as a few pictures of noise tell; None where what it reads is not one row a picture."""
    height, width = model.preprocessing.size
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (4, height, width, 3), np.uint8)
    features = head.read(pixels)
    if features.shape != (len(pixels), head.weight.shape[1]):
        return None
    made = features @ head.weight.cpu().numpy().T + (0 if head.bias is None else head.bias.cpu().numpy())
    raw = np.asarray(model.raw_outputs(pixels)) if hasattr(model, "raw_outputs") else np.zeros(0)
    return replace(head, plain=raw.shape == made.shape and bool(np.allclose(raw, made, _CLOSE, _CLOSE)))


def put_in(network: Any, head: ScriptHead, weight: Any, bias: Any) -> bool:
    """Set the last layer's weights in a copy of the program. False where they can't be told from others there."""
    import torch

    def like(value: Any) -> Any | None:
        same = [p for p in network.parameters() if p.shape == value.shape and torch.equal(p.detach(), value)]
        return same[0] if len(same) == 1 else None

    own = like(head.weight)
    offset = None if head.bias is None else like(head.bias)
    if own is None or (head.bias is not None and offset is None):
        return False
    with torch.no_grad():
        own.copy_(torch.as_tensor(np.asarray(weight), dtype=own.dtype))
        if offset is not None:
            offset.copy_(torch.as_tensor(np.asarray(bias), dtype=offset.dtype))
    return True
