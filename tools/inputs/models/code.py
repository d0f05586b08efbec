"""Python code that a person named (``--arch``, ``file.py:function``): where it lies, and a digest of it, without running it.

Trust is given to code, not to a name: whatever stands under the same name later is asked for anew.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Mapping
from importlib.machinery import PathFinder
from pathlib import Path

from failsight.tools.errors import UserError
from failsight.tools.inputs.models.factory import TRUSTED
from failsight.tools.inputs.models.side import find_side
from failsight.tools.text import clean

MOST_FILES = 200  # modules beside the named one that are followed


def placed(named: str) -> str:
    """``named`` with the absolute path of its file: of ``file.py:function``, and of a module that lies in this folder.

    Modules that are installed keep their names. What is of neither form stays as it is: who resolves it says so.

    Raises:
        UserError: there is no such file.
    """
    before, colon, function = named.rpartition(":")
    if not (colon and before and function) or before in TRUSTED:
        return named
    if before.endswith(".py"):
        file = Path(before).expanduser()
        if not file.is_file():
            raise UserError(f"The file {clean(file)} does not exist.", "Check the path.")
        return f"{file.resolve()}:{function}"
    beside = Path(f"{before}.py")  # as python -m finds modules of the folder that it is called in
    return f"{beside.resolve()}:{function}" if before.isidentifier() and beside.is_file() else named


def is_relative(named: str) -> bool:
    """Whether ``named`` is a file whose place depends on the folder that a command is called in."""
    before = named.rpartition(":")[0]
    return before.endswith(".py") and not Path(before).expanduser().is_absolute()


def code_digest(named: str) -> str:
    """SHA-256 (hexadecimal) of the code that opening ``named`` would run: the file, and modules beside it that it imports.

    Imports are read, not followed by Python: nothing is run. Empty where it is code that comes with Failsight, no code at all,
    or a module that is not installed here.

    Raises:
        UserError: the file is not there or can't be read.
    """
    before = named.rpartition(":")[0]
    if not before or before in TRUSTED:
        return ""
    own = before.endswith(".py")
    file = Path(before) if own else _installed(before)
    if file is None or file.suffix != ".py":
        return ""
    try:
        return _summed(_with_beside(file) if own else {file.name: file.read_bytes()})
    except OSError as error:
        raise UserError(
            f"The file {clean(error.filename or file)} can't be read ({clean(error.strerror or error)}).",
            "Put it back, or start a new case with --out.",
        ) from None


def named_by(model: str, arch: str) -> tuple[str, ...]:
    """The code that opening ``model`` with ``arch`` would run where it is trusted, as :func:`code_digest` takes it.

    Args:
        model: as ``open_model`` takes it. A side file's ``arch`` counts where none is given, and code in a transformers folder.
        arch: ``module:factory`` or ``file.py:factory``, or empty.

    Raises:
        UserError: a side file that can't be read, or a folder with no model or several.
    """
    if model.rpartition(":")[0].endswith(".py"):
        return (model,)
    from failsight.tools.inputs.models import one_model

    path = Path(model).expanduser()
    if not path.exists():
        return (arch,) if arch else ()
    if path.is_dir() and (path / "config.json").is_file():
        return tuple(f"{file}:" for file in sorted(path.glob("*.py")))
    named = arch or find_side(one_model(path)).arch_here()
    return (named,) if named else ()


def _summed(contents: Mapping[str, bytes]) -> str:
    summed = hashlib.sha256()
    for path, content in sorted(contents.items()):
        summed.update(f"{path}\0{len(content)}\0".encode("utf-8", "surrogateescape") + content)
    return summed.hexdigest()


def _installed(module: str) -> Path | None:
    """The file of an installed module, found without importing it or the packages that it lies in."""
    places: list[str] | None = list(sys.path)
    parts = module.split(".")
    for i in range(len(parts)):
        try:
            spec = PathFinder.find_spec(".".join(parts[: i + 1]), places)
        except (ImportError, ValueError):
            return None
        if spec is None:
            return None
        places = list(spec.submodule_search_locations or ())
    return Path(spec.origin) if spec is not None and spec.origin else None


def _with_beside(file: Path) -> dict[str, bytes]:
    """Contents of ``file`` and of the modules in its folder that it imports, directly or not, by path from there."""
    root, found, waiting = file.parent, dict[str, bytes](), [file]
    while waiting and len(found) < MOST_FILES:
        path = waiting.pop()
        name = path.relative_to(root).as_posix()
        if name in found:
            continue
        found[name] = path.read_bytes()
        waiting += [
            p for m in sorted(_imported(found[name], path.parent.relative_to(root))) for p in _files(root, m)
        ]
    return found


def _imported(code: bytes, folder: Path) -> set[str]:
    """Names of modules that the code imports; relative ones by their name from the folder of the named file."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(a.name for a in node.names)
        elif isinstance(node, ast.ImportFrom):
            up = folder.parts[: len(folder.parts) - node.level + 1] if node.level else ()
            base = ".".join([*up, *((node.module or "").split(".") if node.module else ())])
            names.update(f"{base}.{a.name}".strip(".") for a in node.names)
            names.add(base)
    return names - {""}


def _files(root: Path, module: str) -> list[Path]:
    """The files that importing ``module`` from the folder ``root`` would run; none where it does not lie there."""
    made, place = [], root
    for part in module.split("."):
        if (place / part / "__init__.py").is_file():
            made.append(place / part / "__init__.py")
        elif (place / f"{part}.py").is_file():
            made.append(place / f"{part}.py")
        place /= part
    return made
