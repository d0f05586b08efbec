"""Every sentence that a planner says or is told, as data files, with one loader that checks the fields.

``guided.yaml``, ``advice.yaml``, ``known.yaml`` and ``handed.yaml`` hold the built-in planner's words: key → text, or key → {novice, intermediate, expert}. ``system.md``
is what a language model is told. A template's ``{fields}`` and the fields given must be the same set.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from string import Formatter
from typing import Any

_FENCE = re.compile(r"<\s*/?\s*data\s*>", re.IGNORECASE)
GUIDED = ("guided.yaml", "advice.yaml", "known.yaml", "handed.yaml")
LEVELS = ("novice", "intermediate", "expert")


@cache
def _guided() -> dict[str, Any]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    made: dict[str, Any] = {}
    for name in GUIDED:
        raw = files(__name__).joinpath(name).read_text("utf-8")
        made |= yaml.load(raw, Loader=loader)  # noqa: S506 (a safe loader, in C where there is one)
    return made


def keys() -> list[str]:
    """Names of all of the guided planner's texts."""
    return sorted(_guided())


def fields_of(template: str) -> set[str]:
    """Names in braces in ``template``."""
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def say(key: str, level: str = "intermediate", **fields: object) -> str:
    """The text ``key`` for ``level``, filled in.

    Raises:
        KeyError: no such text; or fields missing or unknown to it.
    """
    entry = _guided()[key]
    template = entry if isinstance(entry, str) else entry[level]
    wanted = fields_of(template)
    if wanted != set(fields):
        raise KeyError(f"{key}: fields {sorted(fields)} given, {sorted(wanted)} wanted")
    return template.format(**fields).strip()


def template(key: str, level: str = "intermediate") -> str:
    """The unfilled text ``key`` for ``level``."""
    entry = _guided()[key]
    return str(entry if isinstance(entry, str) else entry[level])


def system(**fields: object) -> str:
    """The system prompt for a language model, filled in (fields as in ``system.md``)."""
    return page("system", **fields)


def page(name: str, /, **fields: object) -> str:
    """The prompt ``name.md``, filled in.

    Raises:
        KeyError: fields missing or unknown to it.
    """
    text = files(__name__).joinpath(f"{name}.md").read_text("utf-8")
    wanted = fields_of(text)
    if wanted != set(fields):
        raise KeyError(f"{name}.md: fields {sorted(fields)} given, {sorted(wanted)} wanted")
    return text.format(**{key: unfenced(value) for key, value in fields.items()})


def unfenced(value: object) -> str:
    """``value`` as text that can't end the ``<data>`` block it stands in, nor open one."""
    return _FENCE.sub("‹data›", str(value))


def fenced(lines: Iterable[str]) -> str:
    """Material for a language model, delimited as data."""
    return "<data>\n" + "\n".join(unfenced(line) for line in lines) + "\n</data>"
