"""The question bank and the installed tools, as far as this installation can read them: a report needs neither."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path
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


_TELLS = (".py", ".yaml", ".json", ".css")  # files that decide what a report says


@cache
def told_with() -> str:
    """Digest (16 hex digits) of what reports are told with: program, knowledge base, sentences, and the installed tools.

    Within one version these may differ: another state of the sources, an outside tool. Empty where they can't be read.
    """
    made = hashlib.sha256()
    try:
        for package in ("agent", "tools", "knowledge_base", "prompts"):
            root = Path(str(files(f"failsight.{package}")))
            for path in sorted(p for p in root.rglob("*") if p.suffix in _TELLS and p.is_file()):
                made.update(f"{package}/{path.relative_to(root).as_posix()}\0".encode())
                made.update(hashlib.sha256(path.read_bytes()).digest())
    except (OSError, ModuleNotFoundError, UnicodeError):
        return ""
    for name, spec in sorted(tool_specs().items()):
        made.update(f"{name}\0{spec.description}\0".encode("utf-8", "replace"))
    return made.hexdigest()[:16]
