"""Every operation that a network does to one picture, whatever the network is made of.

Operations are watched where they reach torch's dispatcher: functions, modules, TorchScript programs and exported graphs all
pass there, so that no module has to be known by name, and nothing is hooked that could be left behind. Module names, where there
are modules, come from hooks that are removed even after an exception.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

Pair = tuple[float, float]

KINDS = {
    "convolution": "convolution", "_convolution": "convolution", "conv2d": "convolution",
    "addmm": "linear", "mm": "linear", "linear": "linear",
    "native_batch_norm": "batch norm", "batch_norm": "batch norm", "cudnn_batch_norm": "batch norm", "_native_batch_norm_legit_no_training": "batch norm",
    "_native_batch_norm_legit": "batch norm", "miopen_batch_norm": "batch norm",
    "native_layer_norm": "layer norm", "native_group_norm": "group norm",
    "relu": "ReLU", "hardtanh": "hard tanh", "clamp": "clamp", "clamp_min": "clamp", "threshold": "threshold", "gelu": "GELU", "silu": "SiLU",
    "hardswish": "hard swish", "hardsigmoid": "hard sigmoid", "sigmoid": "sigmoid", "tanh": "tanh", "leaky_relu": "leaky ReLU", "elu": "ELU",
    "mish": "mish", "_softmax": "softmax", "_log_softmax": "log softmax", "native_dropout": "dropout", "bernoulli": "dropout",
    "max_pool2d_with_indices": "max pooling", "avg_pool2d": "average pooling", "_adaptive_avg_pool2d": "average pooling",
    "_scaled_dot_product_flash_attention_for_cpu": "attention", "_scaled_dot_product_flash_attention": "attention",
    "_scaled_dot_product_efficient_attention": "attention", "_scaled_dot_product_attention_math": "attention",
    "_scaled_dot_product_cudnn_attention": "attention", "_scaled_dot_product_fused_attention_overrideable": "attention",
}  # fmt: skip
_SAME = {
    "relu", "hardtanh", "clamp", "clamp_min", "clamp_max", "threshold", "gelu", "silu", "hardswish", "hardsigmoid", "sigmoid", "tanh", "leaky_relu", "elu",
    "mish", "native_batch_norm", "cudnn_batch_norm", "batch_norm", "_native_batch_norm_legit_no_training", "_native_batch_norm_legit",
    "native_group_norm", "native_dropout", "add", "sub", "mul", "div", "neg", "exp", "log", "pow", "sqrt", "rsqrt", "cat", "clone", "detach", "contiguous",
    "alias", "_to_copy", "constant_pad_nd", "reflection_pad2d", "replication_pad2d", "copy", "maximum", "minimum", "abs", "lift_fresh", "rsub",
}  # fmt: skip
_THROUGH = {
    "view",
    "_unsafe_view",
    "reshape",
    "flatten",
    "squeeze",
    "unsqueeze",
    "clone",
    "detach",
    "alias",
    "_to_copy",
    "contiguous",
    "select",
    "slice",
    "t",
    "expand",
    "transpose",
    "permute",
}


@dataclass(frozen=True, slots=True)
class Reach:
    """How far one cell of a map looks: ``size`` pixels high and wide, cells ``step`` pixels apart; ``whole``: gates see everything."""

    size: Pair
    step: Pair
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: torch's name, the module it happened in (empty where unknown), shape of the result, what it came from.

    ``sources`` are numbers of earlier operations; ``training`` is set for batch norm that uses the batch's own statistics.
    """

    name: str
    module: str
    shape: tuple[int, ...]
    sources: tuple[int, ...]
    reach: Reach | None
    limits: Pair | None = None
    training: bool = False

    @property
    def kind(self) -> str:
        """What people call it; empty for plain arithmetic."""
        if self.name == "hardtanh" and self.limits == (0.0, 6.0):
            return "ReLU6"
        return KINDS.get(self.name, "")


@dataclass(frozen=True)
class Trace:
    """All operations in order, and the number of the one that made the outputs (None where it could not be followed)."""

    operations: tuple[Operation, ...]
    output: int | None
    patch: tuple[int, int] | None = None

    def last(self) -> Operation | None:
        """The operation that made the outputs, seen through reshapes."""
        at = self.output
        while at is not None:
            op = self.operations[at]
            if op.name not in _THROUGH or not op.sources:
                return op
            at = op.sources[0]
        return None

    def before(self, op: Operation) -> Operation | None:
        """The operation that made the input of ``op``, seen through reshapes."""
        at = op.sources[0] if op.sources else None
        while at is not None:
            one = self.operations[at]
            if one.name not in _THROUGH or not one.sources:
                return one
            at = one.sources[0]
        return None

    def widest(self) -> Operation | None:
        """The last map whose reach is known: what the classification is read from. None where the reach was lost on the way."""
        if any(o.reach is None and o.kind in ("convolution", "max pooling") for o in self.operations):
            return None
        maps = [
            o for o in self.operations if o.reach is not None and len(o.shape) == 4 and max(o.shape[2:]) > 1
        ]
        return maps[-1] if maps else None

    def count(self, kind: str) -> int:
        """How many operations are of ``kind``."""
        return sum(o.kind == kind for o in self.operations)


Listener = Callable[[int, str, Sequence[Any], Any, str], None]


@contextmanager
def watching(module: Any, listener: Listener) -> Iterator[None]:
    """Call ``listener(number, name, arguments, result, module name)`` for every operation until the end of the block.

    Names of in-place operations come without their underscore. Hooks are gone afterwards, whatever happened.
    """
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    path: list[str] = []
    count = 0

    class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            nonlocal count
            given = _with_names(func, args, kwargs or {})
            result = func(*args, **(kwargs or {}))
            name = str(func._overloadpacket.__name__)
            plain = name[:-1] if name.endswith("_") and not name.startswith("__") else name
            listener(count, plain, given, result, path[-1] if path else "")
            count += 1
            return result

    handles = []
    try:
        if not isinstance(module, torch.jit.ScriptModule):
            for name, child in module.named_modules():
                if not isinstance(child, torch.jit.ScriptModule):
                    handles.append(child.register_forward_pre_hook(_enter(path, name)))
                    handles.append(child.register_forward_hook(_leave(path), always_call=True))
        with ExitStack() as stack:
            stack.enter_context(torch.no_grad())
            stack.enter_context(Watch())  # type: ignore[no-untyped-call]
            yield
    finally:
        for handle in handles:
            handle.remove()


def _enter(path: list[str], name: str) -> Callable[..., None]:
    def hook(*_: Any) -> None:
        path.append(name)

    return hook


def _leave(path: list[str]) -> Callable[..., None]:
    def hook(*_: Any) -> None:
        if path:
            path.pop()

    return hook


def _with_names(func: Any, args: Sequence[Any], kwargs: dict[str, Any]) -> list[Any]:
    """Positional arguments, then those by name in the order of the schema (defaults filled in)."""
    left = func._schema.arguments[len(args) :]
    return [*args, *(kwargs.get(a.name, a.default_value if a.has_default_value() else None) for a in left)]


def trace(module: Any, pixels: Any) -> Trace:
    """Follow ``pixels``, a normalised batch of one, through ``module``. Errors of the module itself pass through."""
    import torch

    operations: list[Operation] = []
    made_by: dict[int, int] = {}
    reach: dict[int, Reach | None] = {id(pixels): Reach((1.0, 1.0), (1.0, 1.0))}
    kept: list[Any] = [pixels]  # so that no identity is given twice
    patches: list[tuple[int, int]] = []

    def listen(number: int, name: str, args: Sequence[Any], result: Any, where: str) -> None:
        tensors = [
            t
            for a in args
            for t in (a if isinstance(a, list | tuple) else (a,))
            if isinstance(t, torch.Tensor)
        ]
        out = result[0] if isinstance(result, list | tuple) and result else result
        shape = tuple(out.shape) if isinstance(out, torch.Tensor) else ()
        known = [reach[id(t)] for t in tensors if id(t) in reach]
        far = _reach(name, args, known, shape) if known else None
        sources = tuple(dict.fromkeys(made_by[id(t)] for t in tensors if id(t) in made_by))
        operations.append(
            Operation(name, where, shape, sources, far, _limits(name, args), _trains(name, args))
        )
        if name in ("convolution", "_convolution") and known and known[0] == Reach((1.0, 1.0), (1.0, 1.0)):
            kernel, stride = tuple(args[1].shape[2:]), tuple(args[3])
            if len(kernel) == 2 and kernel == stride and kernel[0] > 1:
                patches.append((int(kernel[0]), int(kernel[1])))
        for one in result if isinstance(result, list | tuple) else (result,):
            if isinstance(one, torch.Tensor):
                kept.append(one)
                made_by[id(one)] = number
                if known:
                    reach[id(one)] = far

    with watching(module, listen):
        from failsight.tools.inputs.models.torch_based import first_tensor

        output = first_tensor(module(pixels))
    return Trace(tuple(operations), made_by.get(id(output)), patches[0] if patches else None)


def _limits(name: str, args: Sequence[Any]) -> Pair | None:
    """Between which values an activation holds its results."""
    if name == "hardtanh":
        return float(args[1]), float(args[2])
    if name == "clamp":
        low, high = args[1], args[2]
        return (-float("inf") if low is None else float(low)), (float("inf") if high is None else float(high))
    if name == "clamp_min":
        return float(args[1]), float("inf")
    return {
        "relu": (0.0, float("inf")),
        "sigmoid": (0.0, 1.0),
        "hardsigmoid": (0.0, 1.0),
        "_softmax": (0.0, 1.0),
        "tanh": (-1.0, 1.0),
    }.get(name)


def _trains(name: str, args: Sequence[Any]) -> bool:
    """Whether a batch norm takes the statistics of the batch at hand."""
    if name in ("native_batch_norm", "cudnn_batch_norm", "batch_norm"):
        return bool(args[5])
    return name == "_native_batch_norm_legit" and any(a is True for a in args[3:6])


def _reach(
    name: str, args: Sequence[Any], known: Sequence[Reach | None], shape: tuple[int, ...]
) -> Reach | None:
    """The reach of an operation's result; None where it can't be told (then nothing after it can either)."""
    if len(shape) != 4 or any(k is None for k in known):
        return None
    first = known[0]
    assert first is not None
    if name in ("convolution", "_convolution", "conv2d"):
        if len(args) > 6 and args[6] is True:  # transposed
            return None
        return _grown(first, tuple(args[1].shape[2:]), args[3], args[5])
    if name == "max_pool2d_with_indices":
        return _grown(first, args[1], args[2] or args[1], args[4])
    if name == "avg_pool2d":
        return _grown(first, args[1], args[2] or args[1], (1, 1))
    if name in ("mean", "_adaptive_avg_pool2d"):
        return Reach(first.size, first.step, True) if shape[2:] == (1, 1) else None
    if name == "slice" and int(args[1]) in (2, 3):
        axis, by = int(args[1]) - 2, float(args[4] or 1)
        step = (first.step[0] * (by if axis == 0 else 1), first.step[1] * (by if axis == 1 else 1))
        return Reach(first.size, step, first.whole)
    if name == "slice" or name in _SAME:
        local = [k for k in known if k is not None and not (k.whole and len(known) > 1)] or [first]
        if len({k.step for k in local}) > 1:
            return None
        size = (max(k.size[0] for k in local), max(k.size[1] for k in local))
        return Reach(size, local[0].step, any(k.whole for k in known if k is not None))
    return None


def _grown(before: Reach, kernel: Any, stride: Any, dilation: Any) -> Reach:
    k, s, d = (_two(v) for v in (kernel, stride, dilation))
    size = (
        before.size[0] + (k[0] - 1) * d[0] * before.step[0],
        before.size[1] + (k[1] - 1) * d[1] * before.step[1],
    )
    return Reach(size, (before.step[0] * s[0], before.step[1] * s[1]), before.whole)


def _two(value: Any) -> Pair:
    values = tuple(value) if isinstance(value, list | tuple) else (value,)
    return float(values[0]), float(values[-1])
