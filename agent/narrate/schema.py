"""Does a JSON value fit a JSON schema? The small part of the standard that ``findings.schema.json`` uses.

Known keywords: ``$ref`` (within the file), ``type``, ``const``, ``enum``, ``pattern``, ``minimum``, ``maximum``,
``required``, ``properties``, ``additionalProperties`` (False or a schema), ``items``, ``minItems``, ``maxItems``, ``anyOf``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
    "integer": (int,),
    "number": (int, float),
}


@cache
def findings_schema() -> dict[str, Any]:
    """The shipped schema of ``findings.json`` (JSON Schema, draft 2020-12)."""
    text = files("failsight.agent.narrate").joinpath("findings.schema.json").read_text(encoding="utf-8")
    made: dict[str, Any] = json.loads(text)
    return made


def misfits(
    value: Any, schema: Mapping[str, Any], root: Mapping[str, Any] | None = None, at: str = ""
) -> Iterator[str]:
    """One sentence for each place where ``value`` does not fit ``schema``."""
    root = schema if root is None else root
    if "$ref" in schema:
        target: Any = root
        for part in str(schema["$ref"]).removeprefix("#/").split("/"):
            target = target[part]
        yield from misfits(value, target, root, at)
        return
    here = at or "the document"
    if "anyOf" in schema and all(any(True for _ in misfits(value, s, root, at)) for s in schema["anyOf"]):
        yield f"{here} fits none of its allowed forms"
        return
    if "type" in schema and not _is(value, schema["type"]):
        yield f"{here} is not of type {schema['type']}"
        return
    yield from _scalar(value, schema, here)
    if isinstance(value, dict):
        yield from _object(value, schema, root, at)
    if isinstance(value, list):
        yield from _array(value, schema, root, at)


def _is(value: Any, wanted: str | list[str]) -> bool:
    names = [wanted] if isinstance(wanted, str) else wanted
    numeric = isinstance(value, bool)
    return any(isinstance(value, _TYPES[n]) and not (numeric and n in ("integer", "number")) for n in names)


def _scalar(value: Any, schema: Mapping[str, Any], here: str) -> Iterator[str]:
    if "const" in schema and value != schema["const"]:
        yield f"{here} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{here} is none of {', '.join(map(str, schema['enum']))}"
    if isinstance(value, str) and "pattern" in schema and not re.search(schema["pattern"], value):
        yield f"{here} does not look like {schema['pattern']}"
    if isinstance(value, int | float) and not isinstance(value, bool):
        if value < schema.get("minimum", value):
            yield f"{here} is below {schema['minimum']}"
        if value > schema.get("maximum", value):
            yield f"{here} is above {schema['maximum']}"


def _object(
    value: dict[str, Any], schema: Mapping[str, Any], root: Mapping[str, Any], at: str
) -> Iterator[str]:
    known = schema.get("properties", {})
    other = schema.get("additionalProperties", True)
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{at or 'the document'} lacks {name!r}"
    for name, part in value.items():
        where = f"{at}.{name}".lstrip(".")
        if name in known:
            yield from misfits(part, known[name], root, where)
        elif other is False:
            yield f"{where} is not part of the format"
        elif isinstance(other, Mapping):
            yield from misfits(part, other, root, where)


def _array(value: list[Any], schema: Mapping[str, Any], root: Mapping[str, Any], at: str) -> Iterator[str]:
    here = at or "the document"
    if len(value) < schema.get("minItems", 0):
        yield f"{here} has fewer than {schema['minItems']} items"
    if len(value) > schema.get("maxItems", len(value)):
        yield f"{here} has more than {schema['maxItems']} items"
    if "items" in schema:
        for i, part in enumerate(value):
            yield from misfits(part, schema["items"], root, f"{at}[{i}]")
