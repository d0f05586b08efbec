"""Arguments of tools as programs give them (numbers of numpy, paths, images of evidence, a text for a list), and plain words for what can't be read."""

from __future__ import annotations

import os
import types
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from failsight.tools.errors import RetryError
from failsight.tools.evidence import ImageRef
from failsight.tools.text import clean

IMAGES: Final = ("image", "first", "second", "other")
"""Arguments that name one image: a number stands for its row."""
_BOUNDS: Final = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "above"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "below"),
}


def plain(name: str, value: Any, annotation: Any) -> Any:
    """``value`` of the argument ``name`` in Python's own types, as far as what was meant is clear; anything else as it is.

    Args:
        annotation: the type that the tool declares.
    """
    value = _bare(value)
    kinds = kinds_of(annotation)
    if name in IMAGES and isinstance(value, int) and not isinstance(value, bool) and str in kinds:
        return f"#{value}"
    if not any(get_origin(k) in (tuple, list) for k in kinds):
        return value
    if isinstance(value, Mapping) and not any(k is dict or get_origin(k) is dict for k in kinds):
        return tuple(f"{k}={v}" for k, v in value.items())
    texts = any(get_origin(k) in (tuple, list) and get_args(k)[:1] == (str,) for k in kinds)
    return (value,) if texts and isinstance(value, str) and str not in kinds else value


def spread(arguments: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """A list under the plural of two arguments, as those: ``classes=["a", "b", "c"]`` is ``class_a``, ``class_b`` and ``others``."""
    made = dict(arguments)
    for name, value in arguments.items():
        stem = name.removesuffix("es") if name.endswith("sses") else name.removesuffix("s")
        pair = (f"{stem}_a", f"{stem}_b")
        listed = isinstance(value, list | tuple) and len(value) >= 2 and not set(pair) & set(arguments)
        if name in fields or not listed or not set(pair) <= set(fields):
            continue
        if len(value) > 2 and ("others" not in fields or "others" in arguments):
            continue
        del made[name]
        made |= dict(zip(pair, value, strict=False))
        if len(value) > 2:
            made["others"] = tuple(value[2:])
    return made


def _bare(value: Any) -> Any:
    if isinstance(value, ImageRef):
        return f"{value.split}:#{value.row}"
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, tuple | list):
        return type(value)(map(_bare, value)) if type(value) in (tuple, list) else [_bare(v) for v in value]
    if isinstance(value, Mapping):
        return {_bare(k): _bare(v) for k, v in value.items()}
    if not isinstance(value, str | bytes) and callable(getattr(value, "tolist", None)):
        return value.tolist()  # numpy's numbers and arrays
    return value


def kinds_of(annotation: Any) -> tuple[Any, ...]:
    """What an argument takes, taken apart: ``tuple[str, ...] | None`` takes ``tuple[str, ...]`` and nothing, ``Literal["a"]`` text."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return kinds_of(get_args(annotation)[0])
    if origin in (Union, types.UnionType):
        return tuple(kind for part in get_args(annotation) for kind in kinds_of(part))
    if origin is Literal:
        return tuple(dict.fromkeys(type(choice) for choice in get_args(annotation)))
    return (annotation,)


def refused(tool: str, error: Mapping[str, Any], fields: Mapping[str, Any]) -> RetryError:
    """One sentence for what pydantic found wrong first.

    Args:
        error: one of ``ValidationError.errors()``.
        fields: argument → its pydantic field.
    """
    place = error["loc"]
    name = str(place[0]) if place else "arguments"
    said = f"{tool}: argument {clean(name, 60)!r}"
    if error["type"] == "extra_forbidden":
        near = get_close_matches(name, fields, n=3)
        return RetryError(f"{said}: there is none of that name.", dict.fromkeys((*near, *fields)))
    entry = next((p for p in place[1:] if isinstance(p, int)), None)
    said += f", entry {entry + 1}" if entry is not None else ""
    default = getattr(fields.get(name), "default", None)
    return RetryError(f"{said}: {_should(error, name, default)}.")


def _should(error: Mapping[str, Any], name: str, default: Any) -> str:
    """What the value has to be, and what it is."""
    kind, limits, given = str(error["type"]), error.get("ctx", {}), error.get("input")
    was = (
        f", not {clean(repr(given), 60)}" if isinstance(given, str | int | float | bool | type(None)) else ""
    )
    if kind == "missing":
        return "it must be given"
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return f"it must be {words} {limits[key]:g}{was}"
    if kind == "literal_error":
        return f"write {limits['expected']}{was}"
    if kind in ("string_too_long", "string_too_short", "too_long", "too_short"):
        least = kind.endswith("short")
        what = "characters" if kind.startswith("string") else "entries"
        bound = limits["min_length" if least else "max_length"]
        return f"it must have at {'least' if least else 'most'} {bound:,} {what}"
    for begin, words, example in (
        ("int", "a whole number", 3), ("float", "a number", 0.5), ("finite", "a number", 0.5), ("bool", "True or False", True),
        ("tuple", "a list of texts", ["a", "b"]), ("list", "a list of texts", ["a", "b"]), ("string", "text", "a"),
        ("dict", "a dictionary", {"a": "b"}),
    ):  # fmt: skip
        if kind.startswith(begin):
            alike = type(default) is type(example)
            shown = ["light=dark"] if name in ("where", "donors") else default if alike else example
            what = words if begin != "tuple" else f"text or {words}" if name == "where" else words
            return f"write {what}, as in {name}={shown!r}{was}"
    return str(error["msg"])
