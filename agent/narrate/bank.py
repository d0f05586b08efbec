"""The question bank and the installed tools, as far as this installation can read them: a report needs neither."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def question_titles() -> dict[str, str]:
    """Question id → title, in the order of the bank; empty without a readable knowledge base."""
    try:
        from failsight.knowledge_base.store import shipped

        return {e.id: e.title for e in shipped() if e.kind == "question"}
    except Exception:  # a damaged knowledge base makes a report shorter, not impossible
        return {}


@cache
def tool_specs() -> dict[str, Any]:
    """Tool name → specification of the installed tools; empty when one of them cannot be loaded."""
    try:
        from failsight.tools.registry import registry

        return dict(registry().items())
    except Exception:  # a broken outside tool must not cost anybody their report
        return {}


@cache
def installed() -> str:
    """The version of Failsight that writes."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("failsight")
    except PackageNotFoundError:
        return "unknown"
