"""Tools as methods of a case: ``case.find_slices(depth=2)``, with the tool's own arguments in ``help`` and ``inspect.signature``."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from failsight.tools.evidence import Evidence
    from failsight.tools.registry import ToolSpec


def as_method(spec: ToolSpec, call: Callable[[Mapping[str, Any]], Evidence]) -> Callable[..., Evidence]:
    """A function of the tool's arguments, by name.

    Args:
        call: carries out the call of this tool with the arguments given.
    """
    plain = inspect.signature(spec.function)
    _, *rest = plain.parameters.values()  # without the view of the case
    named = [one.replace(kind=one.KEYWORD_ONLY) for one in rest]

    def run(*unnamed: Any, **arguments: Any) -> Evidence:
        if unnamed:
            shown = ", ".join(f"{one.name}=…" for one in named[:2])
            raise TypeError(f"{spec.name} takes its arguments by name, as in case.{spec.name}({shown})")
        return call(arguments)

    run.__doc__, run.__name__ = spec.function.__doc__, spec.name
    vars(run)["__signature__"] = plain.replace(parameters=named)
    return run
