"""Arguments of a tool as people type them: ``depth=2 where=brightness<0.3``."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from typing import Any

from failsight.tools.errors import RetryError
from failsight.tools.registry import registry


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

    A value is JSON where it reads as JSON, else text; where the tool takes a list, text is split at commas, and a name
    given several times collects its values.

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
        several = name in fields and any(
            kind in str(fields[name].annotation) for kind in ("tuple[", "list[", "Sequence[")
        )
        value = _value(text, several)
        if several and name in made and isinstance(value, list):
            value = [*made[name], *value]
        made[name] = value
    return made


def _value(text: str, several: bool) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return [part.strip() for part in text.split(",") if part.strip()] if several else text
    return [value] if several and not isinstance(value, list | dict) and value is not None else value
