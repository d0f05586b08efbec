"""Arguments of a tool as people type them: ``depth=2 where=brightness<0.3``."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import Any, get_args, get_origin

from failsight.tools.errors import RetryError
from failsight.tools.given_arguments import kinds_of
from failsight.tools.registry import registry

_LISTS = (list, tuple, set, frozenset, Sequence)


def typed(tool: str, line: str) -> dict[str, Any]:
    """Arguments of ``tool`` in one line; quotes keep words together. Raises RetryError like :func:`read`."""
    try:
        items = shlex.split(line)
    except ValueError as error:
        raise RetryError(
            f"These arguments can't be read ({error}): write NAME=VALUE, with quotes in pairs."
        ) from None
    return read(tool, items)


def read(tool: str, items: Sequence[str]) -> dict[str, Any]:
    """``NAME=VALUE`` items as the arguments of a tool.

    A value is text where the tool takes text, whatever it looks like: classes may be called ``5`` or ``true``. Elsewhere
    it is JSON where it reads as JSON. Text in JSON's own quotes loses them, and ``null`` is nothing where the tool takes
    nothing. Where the tool takes a list, text is split at commas, and a name given several times collects its values.

    Raises:
        RetryError: there is no such tool, or an item is not ``NAME=VALUE``.
    """
    fields = registry()[tool].arguments.model_fields
    made: dict[str, Any] = {}
    for item in items:
        name, equals, text = item.partition("=")
        name = name.strip().lstrip("-").replace("-", "_")
        if not equals or not name:
            raise RetryError(f"{item!r} is not NAME=VALUE.", fields)
        kinds = kinds_of(fields[name].annotation) if name in fields else ()
        value = _value(text, kinds)
        if name in made and isinstance(value, list) and isinstance(made[name], list):
            value = [*made[name], *value]
        made[name] = value
    return made


def _value(text: str, kinds: Sequence[Any]) -> Any:
    made = _json(text, kinds)
    several = any((get_origin(kind) or kind) in _LISTS for kind in kinds)
    if not several or made is None or isinstance(made, list | dict):
        return made
    if isinstance(made, str) and made == text:  # not in JSON's quotes: commas part it
        return [part.strip() for part in text.split(",") if part.strip()]
    return [made]


def _json(text: str, kinds: Sequence[Any]) -> Any:
    """``text`` as JSON where the argument takes what that gives, else as it stands."""
    wanted = [part for kind in kinds for part in (kind, *_within(kind))]
    words_only = str in wanted and not any(kind in (int, float, bool, Any) for kind in wanted)
    as_typed = {"parse_int": str, "parse_float": str, "parse_constant": str} if words_only else {}
    try:
        value = json.loads(text, **as_typed)  # type: ignore[arg-type]
    except (ValueError, RecursionError):
        return text
    if not words_only:
        return value
    if isinstance(value, bool) or (value is None and type(None) not in kinds):
        return text
    if isinstance(value, list | dict):
        takes = [get_origin(kind) or kind for kind in kinds]
        fits = dict in takes if isinstance(value, dict) else any(kind in _LISTS for kind in takes)
        return _said(value) if fits else text
    return value


def _within(kind: Any) -> tuple[Any, ...]:
    """What the elements of a list or the values of a mapping are."""
    parts = get_args(kind)
    if get_origin(kind) is dict:
        parts = parts[1:]
    return tuple(inner for part in parts if part is not ... for inner in kinds_of(part))


def _said(value: Any) -> Any:
    """JSON's ``true``, ``false`` and ``null`` inside a list or mapping of texts as the words that were typed."""
    if isinstance(value, dict):
        return {name: _said(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_said(one) for one in value]
    return value if isinstance(value, str) else json.dumps(value)
