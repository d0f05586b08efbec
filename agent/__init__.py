"""Failsight: a conversation with a failing image classifier.

from failsight.agent import open_case
case = open_case(model="model/", data="photos/")
case.find_slices(depth=2)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.agent.opening import open_case

__all__ = ["Case", "__version__", "open_case"]


def __getattr__(name: str) -> Any:
    if name == "Case":
        from failsight.agent.case import Case

        return Case
    if name == "open_case":
        from failsight.agent.opening import open_case

        return open_case
    if name == "__version__":
        from importlib.metadata import version

        return version("failsight")
    raise AttributeError(name)
