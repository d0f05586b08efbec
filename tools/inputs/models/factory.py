"""``module:factory``: from a name to an untrained module, and who may run which code.

Importing a module runs its code. Our own modules of architectures may be named freely; any other, and any file, is run only when the
person said so (``--trust-code``).
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from failsight.tools.errors import UserError
from failsight.tools.inputs.models.side import Side, parse_side
from failsight.tools.text import clean

BUILT_IN = "failsight.tools.inputs.models.architectures"
TRUSTED = (BUILT_IN, "failsight.knowledge_base.cases.model")  # they hold architectures and nothing that acts


@dataclass(frozen=True, slots=True)
class Factory:
    """A function that makes a module, what it says about the module's input, and a hash of its source."""

    make: Callable[..., Any]
    facts: Side
    name: str
    source: str


def resolve(arch: str, *, trust_code: bool) -> Factory:
    """The factory named ``module:function`` or ``file.py:function``.

    Raises:
        UserError: foreign code without ``trust_code``, or the module or function is not there.
    """
    module_name, colon, function = arch.rpartition(":")
    if not colon or not module_name or not function:
        raise UserError(
            f"The architecture {clean(arch)} is not of the form module:factory.",
            f"For instance {BUILT_IN}:cifar_resnet20.",
        )
    if module_name not in TRUSTED and not trust_code:
        raise UserError(
            f"The architecture {clean(arch)} is refused: importing {clean(module_name)} runs its code.",
            "If you trust that code, add --trust-code.",
        )
    module = _import_file(Path(module_name)) if module_name.endswith(".py") else _import(module_name)
    made = getattr(module, function, None)
    if not callable(made):
        names = [n for n in vars(module) if not n.startswith("_") and callable(getattr(module, n))]
        raise UserError(
            f"{clean(module_name)} has no function {clean(function)}.",
            f"It has: {', '.join(map(clean, names[:10]))}.",
        )
    facts = getattr(module, "FACTS", {})
    own = facts.get(function) if isinstance(facts, dict) else None
    try:
        side = parse_side(own) if isinstance(own, dict) else Side()
    except (TypeError, ValueError) as problem:
        raise UserError(f"FACTS in {clean(module_name)}: {clean(problem)}.", "Correct the file.") from problem
    return Factory(made, side, arch, _source_hash(module))


def _import(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as problem:
        raise UserError(
            f"The module {clean(name)} can't be imported ({clean(problem)}).", "Is it installed here?"
        ) from problem


def _import_file(path: Path) -> Any:
    """Run the Python file at ``path`` as a module of its own name, with its folder importable meanwhile."""
    path = path.expanduser().resolve()
    if not path.is_file():
        raise UserError(f"The file {clean(path)} does not exist.", "Check the path.")
    name = (
        f"failsight_trusted_{hashlib.sha256(str(path).encode('utf-8', 'surrogateescape')).hexdigest()[:12]}"
    )
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"The file {clean(path)} can't be loaded as Python.", "")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    except Exception as problem:
        del sys.modules[name]
        raise UserError(
            f"Running {clean(path.name)} failed: {type(problem).__name__}: {clean(problem).rstrip(' .')}.",
            "Mend the file.",
        ) from problem
    finally:
        sys.path.remove(str(path.parent))
    return module


def _source_hash(module: Any) -> str:
    file = getattr(module, "__file__", None)
    return hashlib.sha256(Path(file).read_bytes()).hexdigest() if file and Path(file).is_file() else ""


COUNTS = ("num_classes", "n_classes", "nb_classes", "num_labels", "classes", "n_labels", "num_outputs")
"""Names of a parameter that means how many classes there are."""


def call(factory: Factory, classes: int | None) -> Any:
    """The module that ``factory`` makes; a required class count is passed when its parameter names it.

    Raises:
        UserError: the factory needs arguments that we do not know, or fails.
    """
    wanted = [p.name for p in _parameters(factory) if p.default is p.empty and p.kind not in _VARIADIC]
    return _made(factory, _required(factory, wanted, classes))


def call_to_fit(factory: Factory, classes: int, fits: Callable[[Any], str]) -> Any:
    """The module that ``factory`` makes for ``classes`` classes, such that weights fit into it.

    A factory of a library mostly takes the number of classes with a default of its own (``num_classes=1000``) or hands it on
    (``**kwargs``): it is told the number. Where the weights do not fit then, and do with what it makes by itself, that is taken.

    Args:
        fits: why a module can't hold the weights, empty where it can.

    Raises:
        UserError: the factory needs arguments that we do not know, or fails. A module that does not fit is returned: loading
            the weights says why.
    """
    parameters = _parameters(factory)
    wanted = [p.name for p in parameters if p.default is p.empty and p.kind not in _VARIADIC]
    bare = _required(factory, wanted, classes)
    takes = next((p.name for p in parameters if p.name not in bare and _is_count(p)), None)
    if takes is not None:
        made = _made(factory, {**bare, takes: classes})
    elif bare or not any(p.kind is p.VAR_KEYWORD for p in parameters):
        return _made(factory, bare)
    else:  # what it hands its arguments on to may not know this one
        try:
            made = factory.make(num_classes=classes)
        except Exception:
            return _made(factory, bare)
    if not fits(made):
        return made
    try:
        own = _made(factory, bare)
    except UserError:
        return made
    return made if fits(own) else own


_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def takes_count(factory: Factory) -> bool:
    """Whether ``factory`` can be told how many classes there are."""
    return any(p.name in COUNTS or p.kind is p.VAR_KEYWORD for p in _parameters(factory))


def _parameters(factory: Factory) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(factory.make).parameters.values())
    except (TypeError, ValueError):  # made in C, or no function at all
        return []


def _is_count(parameter: inspect.Parameter) -> bool:
    """Whether an optional parameter means how many classes there are, and not, say, their names."""
    default = parameter.default
    number = isinstance(default, int) and not isinstance(default, bool)
    silent = default is None and parameter.name != "classes"
    return parameter.name in COUNTS and parameter.kind is not parameter.POSITIONAL_ONLY and (number or silent)


def _required(factory: Factory, wanted: list[str], classes: int | None) -> dict[str, int]:
    """The arguments that the factory can't do without. Raises UserError where one of them is no number of classes."""
    made = {name: classes for name in wanted if name in COUNTS and classes is not None}
    if set(wanted) - set(made):
        raise UserError(
            f"The factory {clean(factory.name)} needs arguments ({clean(', '.join(wanted))}).",
            "Name a function that takes none, or only num_classes.",
        )
    return made


def _made(factory: Factory, arguments: dict[str, int]) -> Any:
    try:
        return factory.make(**arguments)
    except Exception as problem:
        raise UserError(
            f"The factory {clean(factory.name)} failed: {type(problem).__name__}: {clean(problem).rstrip(' .')}.",
            "Mend the file.",
        ) from problem
