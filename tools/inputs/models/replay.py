"""A TorchScript program replayed as an ordinary module, so that its layers can be watched.

TorchScript runs compiled: hooks on its submodules never fire. Here its operations are run one by one with the same
weights, and the last maps pass through a submodule ``feature_maps``, for hooks to sit on. Whether that gives the same
outputs is checked, not assumed.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from failsight.tools.inputs.models.layers import last_maps

_STRUCTURE: dict[str, Callable[..., Any]] = {
    "prim::ListConstruct": lambda *values: list(values),
    "prim::TupleConstruct": lambda *values: tuple(values),
    "prim::ListUnpack": tuple,
    "prim::TupleUnpack": tuple,
    "prim::DictConstruct": lambda *values: dict(zip(values[::2], values[1::2], strict=True)),
    "prim::NumToTensor": torch.tensor,
    "prim::Uninitialized": lambda: None,
    "prim::unchecked_cast": lambda value: value,
    "prim::device": lambda value: value.device,
    "prim::dtype": lambda value: value.dtype,
    "aten::Int": int,
    "aten::Float": float,
    "aten::Bool": bool,
    "aten::ScalarImplicit": lambda value: value.item(),
    "aten::IntImplicit": int,
    "aten::FloatImplicit": float,
    "aten::__getitem__": lambda values, key: values[key],
    "aten::__is__": lambda left, right: left is right,
    "aten::__isnot__": lambda left, right: left is not right,
    "aten::__not__": lambda value: not value,
    "aten::append": lambda values, value: values.append(value) or values,
    "aten::len": len,
    "aten::format": lambda text, *values: text.format(*values),
}
_TOKENS = ("aten::linear", "aten::addmm", "aten::matmul", "aten::bmm", "aten::scaled_dot_product_attention")
_NO_MAPS = ("pool", "permute", "transpose", "pad", "size")
_DTYPES = {  # c10/core/ScalarType.h
    0: torch.uint8,
    1: torch.int8,
    2: torch.int16,
    3: torch.int32,
    4: torch.int64,
    5: torch.float16,
    6: torch.float32,
    7: torch.float64,
    11: torch.bool,
    15: torch.bfloat16,
}


@dataclass(frozen=True, slots=True)
class Step:
    """One operation; inputs and outputs are numbers of values. ``blocks`` are the bodies of a branch or loop."""

    kind: str
    run: Callable[..., Any] | None
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    blocks: tuple[Block, ...] = ()

    def uses(self) -> Iterator[int]:
        """Every value that this step needs, those inside its blocks included."""
        yield from self.inputs
        for block in self.blocks:
            yield from block.returns
            for step in block.steps:
                yield from step.uses()


@dataclass(frozen=True, slots=True)
class Block:
    """Operations in order, what they take and what they return."""

    takes: tuple[int, ...]
    steps: tuple[Step, ...]
    returns: tuple[int, ...]


@dataclass(frozen=True)
class LastLinear:
    """The last linear layer of a program.

    Attributes:
        weight: (outputs, d) tensor; ``bias`` (outputs,), None where it has none.
        before: the program up to what the layer reads; shares the weights.
    """

    weight: Any
    bias: Any | None
    before: Replay


class Replay(nn.Module):
    """The program's operations, with its own parameters and buffers.

    Args:
        body: takes the picture tensor, returns the program's result.
        constants: values known beforehand, by number.
        weights: number → (dotted name, tensor).
    """

    def __init__(self, body: Block, constants: dict[int, Any], weights: dict[int, tuple[str, Any]]) -> None:
        super().__init__()
        self.feature_maps = nn.Identity()
        self._body, self._constants = body, constants
        self._last_use = {number: i for i, step in enumerate(body.steps) for number in step.uses()}
        self._names: dict[int, str] = {}
        self._watched = -1
        self._count = 0
        self._seen: list[tuple[str, tuple[int, ...]]] | None = None
        for number, (name, value) in weights.items():
            safe = name.replace(".", "__")
            self._names[number] = safe
            if value.requires_grad or (value.is_floating_point() and value.ndim > 1):
                self.register_parameter(safe, nn.Parameter(value.detach(), requires_grad=False))
            else:
                self.register_buffer(safe, value)

    def forward(self, pixels: Any) -> Any:
        """What the program returns for ``pixels``."""
        kept: dict[int, Any] = {self._body.takes[0]: pixels, **self._constants}
        kept.update((number, getattr(self, name)) for number, name in self._names.items())
        self._count = 0
        for i, step in enumerate(self._body.steps):
            self._do(step, kept)
            for number in step.inputs:  # what nobody needs any more is freed, as in a compiled run
                if self._last_use[number] == i and number not in self._body.returns:
                    kept.pop(number, None)
        return kept[self._body.returns[0]]

    def last_linear(self, outputs: int) -> LastLinear | None:
        """The last linear layer with so many outputs whose weight is the program's own; None where there is none."""
        for at in range(len(self._body.steps) - 1, -1, -1):
            step = self._body.steps[at]
            weight = self._weight(step.inputs[1]) if step.kind == "aten::linear" else None
            if weight is not None and weight.shape[0] == outputs:
                return LastLinear(weight, self._weight(step.inputs[2]), self._until(at, step.inputs[0]))
        return None

    def _weight(self, number: int) -> Any | None:
        name = self._names.get(number)
        return None if name is None else getattr(self, name).detach()

    def _until(self, at: int, value: int) -> Replay:
        """The operations before the ``at``-th, returning one of their values."""
        made = copy.copy(self)
        made._body = Block(self._body.takes, self._body.steps[:at], (value,))
        made._last_use = {number: i for i, step in enumerate(made._body.steps) for number in step.uses()}
        return made

    def watch_last_maps(self, example: Any) -> bool:
        """Put ``feature_maps`` behind the operation whose maps ``layers.last_maps`` chooses. False where there is none."""
        self._seen = []
        try:
            self(example)
            chosen = last_maps(self._seen)
        finally:
            self._seen = None
        self._watched = -1 if chosen is None else chosen
        return chosen is not None

    def scale_norms(self) -> None:
        """Run batch norms as one scale and shift a channel, in place: the same outputs up to rounding, and gradients on
        the pixels for less than half (a norm's own gradient also counts what its weights would get)."""
        self._body = _scaled(self._body)

    def _do(self, step: Step, kept: dict[int, Any]) -> None:
        inputs = [kept[number] for number in step.inputs]
        if step.kind == "prim::If":
            results = self._block(step.blocks[0 if inputs[0] else 1], (), kept)
        elif step.kind == "prim::Loop":
            results = self._loop(step.blocks[0], inputs, kept)
        else:
            value: Any = self._watch(step.kind, step.run(*inputs)) if step.run is not None else None
            several = len(step.outputs) > 1 or step.kind in ("prim::ListUnpack", "prim::TupleUnpack")
            results = list(value) if several else [value]
        kept.update(zip(step.outputs, results, strict=False))

    def _block(self, block: Block, given: tuple[Any, ...], kept: dict[int, Any]) -> list[Any]:
        kept.update(zip(block.takes, given, strict=True))
        for step in block.steps:
            self._do(step, kept)
        return [kept[number] for number in block.returns]

    def _loop(self, block: Block, inputs: list[Any], kept: dict[int, Any]) -> list[Any]:
        most, going, carried = inputs[0], bool(inputs[1]), inputs[2:]
        turn = 0
        while going and turn < most:
            going, *carried = self._block(block, (turn, *carried), kept)
            turn += 1
        return carried

    def _watch(self, kind: str, value: Any) -> Any:
        """``value``, passed through ``feature_maps`` when it is the one chosen; every result is counted."""
        if self._count == self._watched:
            value = self.feature_maps(value)
        self._count += 1
        if self._seen is not None:
            self._seen.append(_describe(kind, value))
        return value


def _scaled(block: Block) -> Block:
    """The block, those inside it included, with every batch norm as a scale and a shift."""
    made = []
    for step in block.steps:
        run = _scale_and_shift if step.kind == "aten::batch_norm" else step.run
        made.append(replace(step, run=run, blocks=tuple(_scaled(inner) for inner in step.blocks)))
    return replace(block, steps=tuple(made))


def _scale_and_shift(
    values: Any,
    weight: Any,
    bias: Any,
    mean: Any,
    variance: Any,
    training: bool,
    momentum: Any,
    eps: float,
    _: Any,
) -> Any:
    """Batch norm with its stored statistics; with those of the batch where it has none."""
    if training or mean is None or variance is None:
        return torch.nn.functional.batch_norm(values, mean, variance, weight, bias, training, momentum, eps)
    scale = torch.rsqrt(variance + eps) if weight is None else weight * torch.rsqrt(variance + eps)
    shift = -mean * scale if bias is None else bias - mean * scale
    shape = (1, -1, *[1] * (values.ndim - 2))
    return torch.addcmul(shift.view(shape), values, scale.view(shape))


def _describe(kind: str, value: Any) -> tuple[str, tuple[int, ...]]:
    """(``map``, ``tokens`` or ``other``, shape) of one result."""
    shape = tuple(value.shape) if isinstance(value, torch.Tensor) else ()
    if len(shape) == 4 and not any(word in kind for word in _NO_MAPS):
        return "map", shape
    return ("tokens" if len(shape) == 3 and shape[1] > 1 and kind in _TOKENS else "other"), shape


def replay(script: Any, example: Any) -> Replay | None:
    """``script`` as a ``Replay`` whose last maps are watched.

    None when it uses operations that we can't call, has no maps, or does not give the same outputs on ``example``.
    """
    try:
        with torch.no_grad():
            made = _build(script)
            if not made.watch_last_maps(example):
                return None
            same = torch.allclose(_first(made(example)), _first(script(example)), rtol=1e-3, atol=1e-4)
    except (
        _CannotError,
        RuntimeError,
        AttributeError,
        TypeError,
        KeyError,
        ValueError,
        NotImplementedError,
        IndexError,
    ):
        return None
    return made.eval() if same else None


class _CannotError(Exception):
    """The program does something that we can't replay."""


def _build(script: Any) -> Replay:
    """The replay of ``script``, frozen first: that decides branches on ``training`` and keeps weights as weights."""
    frozen: Any = torch.jit._recursive.wrap_cpp_module(  # type: ignore[no-untyped-call]
        torch._C._freeze_module(script._c, [], True, True)
    )
    graph = frozen.inlined_graph
    inputs, outputs = list(graph.inputs()), list(graph.outputs())
    if len(inputs) != 2 or len(outputs) != 1:
        raise _CannotError
    reader = _Reader(inputs[0], frozen)
    takes = (reader.number(inputs[1]),)
    steps = reader.steps(graph.nodes())
    return Replay(Block(takes, steps, (reader.number(outputs[0]),)), reader.constants, reader.weights)


class _Reader:
    """Turns graph nodes into steps; collects constants and weights on the way."""

    def __init__(self, own: Any, module: Any) -> None:
        self.constants: dict[int, Any] = {}
        self.weights: dict[int, tuple[str, Any]] = {}
        self._numbers: dict[str, int] = {}
        self._objects: dict[int, tuple[str, Any]] = {self.number(own): ("", module)}

    def number(self, value: Any) -> int:
        """The number that stands for a graph value."""
        return self._numbers.setdefault(value.debugName(), len(self._numbers))

    def steps(self, nodes: Any) -> tuple[Step, ...]:
        """Nodes in order as steps; constants and attributes are looked up now."""
        made = []
        for node in nodes:
            kind = node.kind()
            if kind == "prim::Constant":
                self.constants[self.number(node.output())] = node.output().toIValue()
            elif kind == "prim::GetAttr":
                self._attribute(node)
            else:
                made.append(self._step(node, kind))
        return tuple(made)

    def _step(self, node: Any, kind: str) -> Step:
        taken = tuple(self.number(value) for value in node.inputs())
        given = tuple(self.number(value) for value in node.outputs())
        if kind in ("prim::If", "prim::Loop"):
            blocks = tuple(self._block(block) for block in node.blocks())
            return Step(kind, None, taken, given, blocks)
        return Step(kind, _operation(node), taken, given)

    def _block(self, block: Any) -> Block:
        takes = tuple(self.number(value) for value in block.inputs())
        steps = self.steps(block.nodes())
        return Block(takes, steps, tuple(self.number(value) for value in block.outputs()))

    def _attribute(self, node: Any) -> None:
        path, owner = self._objects[self.number(node.input())]
        name = node.s("name")
        value = getattr(owner, name)
        found = self.number(node.output())
        if isinstance(value, torch.Tensor):
            self.weights[found] = (f"{path}.{name}".lstrip("."), value)
        elif isinstance(value, torch.jit.ScriptModule):
            self._objects[found] = (f"{path}.{name}".lstrip("."), value)
        else:
            self.constants[found] = value


def _operation(node: Any) -> Callable[..., Any]:
    """The callable behind a node, taking its inputs in order. Raises _CannotError."""
    kind = node.kind()
    if kind in _STRUCTURE:
        return _STRUCTURE[kind]
    if kind == "prim::RaiseException":
        return _refuse
    space, _, name = kind.partition("::")
    if space != "aten":
        raise _CannotError
    packet: Callable[..., Any] = getattr(torch.ops.aten, name)
    arguments = torch._C.parse_schema(node.schema()).arguments
    named = tuple(a.name for a in arguments if a.kwarg_only)
    return _Named(packet, len(arguments) - len(named), named) if named else packet


def _refuse(*_: Any) -> Any:
    raise RuntimeError("the program raised an exception of its own")


class _Named:
    """An operation whose last inputs are passed by name; TorchScript keeps types and layouts as numbers."""

    def __init__(self, packet: Callable[..., Any], plain: int, names: tuple[str, ...]) -> None:
        self._packet, self._plain, self._keys = packet, plain, names

    def __call__(self, *values: Any) -> Any:
        named = dict(zip(self._keys, values[self._plain :], strict=True))
        if isinstance(named.get("dtype"), int):
            named["dtype"] = _DTYPES[named["dtype"]]
        if isinstance(named.get("layout"), int):
            named["layout"] = torch.strided
        return self._packet(*values[: self._plain], **named)


def _first(output: Any) -> Any:
    from failsight.tools.inputs.models.torch_based import first_tensor

    return first_tensor(output)
