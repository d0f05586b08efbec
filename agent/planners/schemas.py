"""What a language model is told of a tool: as little as it needs to call it. The case checks every call by the whole schema."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from failsight.tools.registry import ToolSpec

LINE = 60  # characters of a tool's description where only its name is offered
ARGUMENT = 120  # of an argument's, which `in_full` tells whole
_END = re.compile(r"(?<=[.;:])\s")
_DROPPED = ("title", "default", "maxLength", "minLength", "pattern", "additionalProperties", "uniqueItems")


def function(spec: ToolSpec) -> dict[str, Any]:
    """A tool as the protocol's ``function``, with the short form of its arguments."""
    cost = "" if spec.cost == "instant" else f" Cost: {spec.cost}."
    needs = f" Needs: {', '.join(spec.needs)}." if spec.needs else ""
    schema = short(spec.offered)
    schema.pop("description", None)
    return _function(spec.name, f"{spec.description}{cost}{needs}", schema)


def line(spec: ToolSpec) -> str:
    """A tool's name and what it is for, in one line."""
    return f"{spec.name}: {_cut(first_sentence(spec.description), LINE)}"


def in_full(spec: ToolSpec) -> str:
    """A tool and all that its arguments may be, a line each, with what they are where they are left out."""
    schema = spec.offered
    lines = [f"{spec.name}: {spec.description} Cost: {spec.cost}."]
    for name, part in schema.get("properties", {}).items():
        default = part.get("default")
        told = (
            "required"
            if name in schema.get("required", ())
            else ""
            if default is None
            else f"default {default}"
        )
        lines.append(f"- {name}{f' ({told})' if told else ''}: {part.get('description', '')}")
    return "\n".join(lines)


def named_function(name: str, description: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Another tool than one of the registry as the protocol's ``function``."""
    return _function(name, description, short(arguments))


def _function(name: str, description: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {"name": name, "description": description, "parameters": dict(schema)},
    }


def short(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A JSON schema without titles, defaults and limits of letters; descriptions to their first sentence.

    An argument that may be null is left out where it has no value, so that null is not offered.
    """
    given = dict(schema)
    kinds = [kind for kind in given.pop("anyOf", ()) if kind.get("type") != "null"]
    if len(kinds) == 1:
        given = {**kinds[0], **given}
    elif kinds:
        given["anyOf"] = [short(kind) for kind in kinds]
    made: dict[str, Any] = {}
    for key, value in given.items():
        if key == "description":
            made[key] = _cut(first_sentence(value), ARGUMENT)
        elif key in ("properties", "$defs"):
            made[key] = {name: short(part) for name, part in value.items()}
        elif key == "items" and isinstance(value, Mapping):
            made[key] = short(value)
        elif key not in _DROPPED:
            made[key] = value
    return made


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else text[:limit].rsplit(" ", 1)[0].rstrip(",;:") + " …"


def first_sentence(text: str) -> str:
    """The first sentence of a description, without its end; examples and cases (after a colon) belong to it."""
    for found in _END.finditer(text):
        before = text[: found.start()]
        if before.endswith((":", ";", "e.g.", "i.e.", "vs.", "Eq.", "§.")):
            continue
        return before.rstrip(". ")
    return text.rstrip(". ")
