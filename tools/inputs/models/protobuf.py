"""Just enough of the protocol-buffer wire format to see which files an ONNX model wants to read, and what its graph takes.

ONNX may keep tensors in files beside the model (``TensorProto.external_data``). Their names come from the model, so they
are checked before any runtime opens them. Field numbers: onnx/onnx.proto3.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

_GRAPH, _METADATA, _FUNCTIONS = 7, 14, 25  # ModelProto
_NODE, _INITIALIZER, _INPUT, _OUTPUT, _SPARSE = 1, 5, 11, 12, 15  # GraphProto
_TYPE, _TENSOR_TYPE, _SHAPE, _DIM, _DIM_VALUE = 2, 1, 2, 1, 1  # ValueInfoProto and what it holds
_FUNCTION_NODE = 7  # FunctionProto
_OP_TYPE, _ATTRIBUTE = 4, 5  # NodeProto
_TENSOR, _SUBGRAPH, _TENSORS, _SUBGRAPHS, _SPARSE_TENSOR, _SPARSE_TENSORS = (
    5,
    6,
    10,
    11,
    22,
    23,
)  # AttributeProto
_EXTERNAL = 13  # TensorProto
_KEY, _VALUE = 1, 2  # StringStringEntryProto


def fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """(field number, value) of each field: bytes for length-delimited ones, the number for varints; others skipped.

    Raises:
        ValueError: not a protocol-buffer message.
    """
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, kind = tag >> 3, tag & 7
        if number == 0:
            raise ValueError("field number 0")
        if kind == 0:
            value, at = _varint(message, at)
            yield number, value
        elif kind == 2:
            length, at = _varint(message, at)
            if at + length > len(message):
                raise ValueError("the message is cut short")
            yield number, message[at : at + length]
            at += length
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise ValueError(f"wire type {kind}")


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        if at >= len(message) or shift > 63:
            raise ValueError("the message is cut short")
        byte = message[at]
        result |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return result, at
        shift += 7


def external_files(model: Path) -> list[str]:
    """The names of all files that the ONNX model wants to read, sorted. Raises ValueError on a damaged model."""
    found: set[str] = set()
    for number, value in fields(memoryview(model.read_bytes())):
        if isinstance(value, memoryview):
            if number == _GRAPH:
                _graph(value, found)
            elif number == _FUNCTIONS:
                for inner, node in fields(value):
                    if inner == _FUNCTION_NODE and isinstance(node, memoryview):
                        _node(node, found)
    return sorted(found)


def operations(model: Path) -> set[str]:
    """The kinds of operations in the graph of the ONNX model, outermost level. Raises ValueError on a damaged model."""
    found = set()
    for number, value in fields(memoryview(model.read_bytes())):
        if number != _GRAPH or not isinstance(value, memoryview):
            continue
        for inner, node in fields(value):
            if inner == _NODE and isinstance(node, memoryview):
                found |= {
                    bytes(kind).decode("utf-8", "replace")
                    for field, kind in fields(node)
                    if field == _OP_TYPE and isinstance(kind, memoryview)
                }
    return found


def _graph(graph: memoryview, found: set[str]) -> None:
    for number, value in fields(graph):
        if not isinstance(value, memoryview):
            continue
        if number == _NODE:
            _node(value, found)
        elif number == _INITIALIZER:
            _tensor(value, found)
        elif number == _SPARSE:
            _sparse(value, found)


def _node(node: memoryview, found: set[str]) -> None:
    for number, attribute in fields(node):
        if number != _ATTRIBUTE or not isinstance(attribute, memoryview):
            continue
        for inner, value in fields(attribute):
            if not isinstance(value, memoryview):
                continue
            if inner in (_TENSOR, _TENSORS):
                _tensor(value, found)
            elif inner in (_SUBGRAPH, _SUBGRAPHS):
                _graph(value, found)
            elif inner in (_SPARSE_TENSOR, _SPARSE_TENSORS):
                _sparse(value, found)


def _sparse(tensor: memoryview, found: set[str]) -> None:
    for number, value in fields(tensor):  # values = 1, indices = 2: both TensorProto
        if number in (1, 2) and isinstance(value, memoryview):
            _tensor(value, found)


def _tensor(tensor: memoryview, found: set[str]) -> None:
    for number, entry in fields(tensor):
        if number != _EXTERNAL or not isinstance(entry, memoryview):
            continue
        pair = {key: bytes(value) for key, value in fields(entry) if isinstance(value, memoryview)}
        if pair.get(_KEY) == b"location":
            found.add(pair.get(_VALUE, b"").decode("utf-8", "surrogateescape"))


def graph_shapes(model: Path) -> tuple[list[list[int]], list[list[int]], dict[str, str]]:
    """Shapes of the inputs and outputs of an ONNX graph (0 where a dimension is not fixed), and the file's metadata.

    Raises:
        ValueError: damaged.
    """
    inputs: list[list[int]] = []
    outputs: list[list[int]] = []
    metadata: dict[str, str] = {}
    for number, value in fields(memoryview(model.read_bytes())):
        if number == _GRAPH and isinstance(value, memoryview):
            for inner, one in fields(value):
                if inner in (_INPUT, _OUTPUT) and isinstance(one, memoryview):
                    (inputs if inner == _INPUT else outputs).append(_dimensions(one))
        elif number == _METADATA and isinstance(value, memoryview):
            pair = {key: bytes(text) for key, text in fields(value) if isinstance(text, memoryview)}
            metadata[pair.get(_KEY, b"").decode("utf-8", "replace")] = pair.get(_VALUE, b"").decode(
                "utf-8", "replace"
            )
    return inputs, outputs, metadata


def _dimensions(info: memoryview) -> list[int]:
    """The shape in a ValueInfoProto."""
    found = [info]
    for number in (_TYPE, _TENSOR_TYPE, _SHAPE, _DIM):
        found = [v for one in found for n, v in fields(one) if n == number and isinstance(v, memoryview)]
    return [next((v for n, v in fields(dim) if n == _DIM_VALUE and isinstance(v, int)), 0) for dim in found]
