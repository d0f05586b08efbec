"""What a ``.pt2`` archive may hold before torch is allowed to load it.

``torch.export.load`` unpickles some members without restriction, evaluates size expressions with ``sympify`` (Python's
``eval``), generates Python source from names in the file, and runs native libraries found inside. So the archive is read
here first, and refused when it holds anything but tensors and a graph of tensor operations whose every name is a plain
word.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DOTTED = re.compile(r"[A-Za-z0-9_.\-]*")
_TENSOR_OPERATION = re.compile(
    r"torch\.ops\.(aten|prims?|torchvision|higher_order)\.[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)?"
)
_SCALAR_OPERATION = re.compile(
    r"_operator\.(getitem|add|sub|mul|floordiv|truediv|mod|neg|pos|abs|eq|ne|lt|gt|le|ge|pow|and_|or_|not_)"
    r"|torch\.sym_[a-z]+|math\.(ceil|floor|trunc|sqrt)"
)
_FILE_OPERATIONS = (
    "from_file",
    "save",
    "load",
    "_wrapped",
)  # parts of operation names that could touch files
_EXPRESSION = re.compile(r"[A-Za-z0-9_+\-*/(),<>=&|~. ]*")
_SYMBOL = re.compile(r"Symbol\('[A-Za-z]\w*'(, \w+=(True|False))*\)")  # the one call with a quoted name
_CALLED = re.compile(r"([A-Za-z_]\w*)\s*\(")
_CALLABLE = frozenset(
    [
        "Max",
        "Min",
        "FloorDiv",
        "Mod",
        "PythonMod",
        "CleanDiv",
        "CeilDiv",
        "CeilToInt",
        "FloorToInt",
        "ModularIndexing",
        "IntTrueDiv",
        "FloatTrueDiv",
        "PowByNatural",
        "FloatPow",
        "TruncToInt",
        "ToFloat",
        "Where",
        "Eq",
        "Ne",
        "And",
        "Or",
    ]
)
_TREE_TYPES = frozenset(["builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict"])
_FREE_TEXT = frozenset(["metadata", "guards_code", "torch_version"])  # carried along, never evaluated by us
_HARMLESS = re.compile(
    r"(\.?data/)?(version|serialization_id|byteorder|archive_format|archive_version)|byteorder|.*\.json|extra/.*"
)


class Unsafe(Exception):
    """Why an archive is refused, in a few words."""


def check_archive(path: Path) -> None:
    """Raise ``Unsafe`` unless everything in the ``.pt2`` archive at ``path`` is a tensor or a plain graph.

    Raises:
        Unsafe: a pickle that would run code, a native library, an expression or a name that is no plain one.
        zipfile.BadZipFile, ValueError: the archive is damaged.
    """
    with zipfile.ZipFile(path) as archive:
        members = {name.partition("/")[2]: name for name in archive.namelist() if not name.endswith("/")}
        if "models/model.json" not in members:
            raise Unsafe(
                "it was saved by an old version of torch, or is no torch.export archive; save it again"
            )
        pickled = set(_pickled(archive, members))
        for short, name in members.items():
            if short in pickled:
                _check_pickle(archive.read(name), short)
            elif short.startswith("models/"):
                _check_graph(json.loads(archive.read(name)))
            elif not (
                _HARMLESS.fullmatch(short) or re.fullmatch(r"data/(weights|constants)/[\w.\-]+", short)
            ):
                raise Unsafe(f"it holds {short}, which could be code")


def _pickled(archive: zipfile.ZipFile, members: dict[str, str]) -> Iterator[str]:
    """Members that torch would unpickle. Raises Unsafe for objects that only the full unpickler knows."""
    for short, name in members.items():
        if short.endswith((".pt", ".pkl")):
            yield short
        elif re.fullmatch(r"data/constants/(custom_obj|opaque_obj)\w*", short):
            raise Unsafe("it holds a pickled object that is no tensor")
        elif re.fullmatch(r"data/(weights|constants)/\w+_config\.json", short):
            folder = short.rpartition("/")[0]
            for entry in json.loads(archive.read(name)).get("config", {}).values():
                if not re.fullmatch(r"(weight|tensor)_\d+", str(entry.get("path_name"))):
                    raise Unsafe("it holds an object that is no tensor")
                if entry.get("use_pickle"):
                    yield f"{folder}/{entry['path_name']}"


def _check_pickle(content: bytes, name: str) -> None:
    """A pickle that the weights-only unpickler accepts names only tensors and containers, whoever opens it."""
    import torch

    try:
        torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as problem:
        raise Unsafe(f"{name} in it is a pickle that would run code when opened") from problem


def _check_graph(node: Any, key: str = "") -> None:
    """Walk the JSON of a graph and look at every string in it, by the key it stands under."""
    if isinstance(node, dict):
        for name, value in node.items():
            if name not in _FREE_TEXT:
                _check_text(str(name), "name of an entry")
                _check_graph(value, name)
    elif isinstance(node, list):
        for value in node:
            _check_graph(value, key)
    elif isinstance(node, str):
        _check_text(node, key)


def _check_text(text: str, key: str) -> None:
    if key == "expr_str":
        fine = _plain_expression(text)
    elif key == "target":
        operation = bool(_TENSOR_OPERATION.fullmatch(text) or _SCALAR_OPERATION.fullmatch(text))
        fine = (
            operation and "__" not in text and not any(part in text.split(".") for part in _FILE_OPERATIONS)
        )
    elif key in ("in_spec", "out_spec"):
        fine = not text or _plain_tree(json.loads(text))
    elif key == "name":
        fine = not text or bool(_WORD.fullmatch(text))
    else:
        fine = bool(_DOTTED.fullmatch(text))
    if not fine:
        raise Unsafe(f"the {key or 'text'} {text[:60]!r} in its graph is not a plain one")


def _plain_expression(text: str) -> bool:
    """Whether a size expression is arithmetic over words and known functions: no quotes, no attribute of anything."""
    bare = _SYMBOL.sub("s", text)
    if "__" in bare or not _EXPRESSION.fullmatch(bare) or not _CALLABLE.issuperset(_CALLED.findall(bare)):
        return False
    return not re.search(r"[A-Za-z_)]\s*\.|\.\s*[A-Za-z_]", bare)


def _plain_tree(node: Any) -> bool:
    """Whether a serialised tree of arguments is built of tuples, lists and dictionaries with plain words as keys."""
    if isinstance(node, list):
        return all(_plain_tree(value) for value in node)
    if not isinstance(node, dict):
        return node is None or isinstance(node, int)
    kind, context = node.get("type"), node.get("context")
    if kind is not None and kind not in _TREE_TYPES:
        return False
    if context not in (None, "null"):
        keys = json.loads(context)
        if not isinstance(keys, list) or not all(
            isinstance(k, int) or (isinstance(k, str) and _WORD.fullmatch(k)) for k in keys
        ):
            return False
    return all(_plain_tree(child) for child in node.get("children_spec", []))
