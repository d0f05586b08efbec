"""Keys never reach the journal, a report or a log: what looks like one is struck out before anything is written."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSW", re.IGNORECASE)
_KNOWN = (  # forms that nothing else has
    r"\bgithub_pat_[A-Za-z0-9_]{22,}|\bAKIA[0-9A-Z]{16}\b|\bAIza[A-Za-z0-9_-]{35}|\bxox[abprs]-[A-Za-z0-9-]{10,}"
)
_SHAPE = re.compile(rf"\b(?:sk|hf|key|ghp|gsk)[-_][A-Za-z0-9_*\-]{{6,}}|(?<=Bearer )\S+|{_KNOWN}")
_JOURNALLED = re.compile(
    rf"\b(?:sk|hf|ghp|gsk)[-_](?=[A-Za-z0-9_-]*\d)[A-Za-z0-9_-]{{16,}}|(?<=Bearer )\S{{8,}}|{_KNOWN}"
)
SHORTEST = 8  # shorter values are no keys, and would strike out ordinary words
Names = Callable[[], str]


def redacted(text: str) -> str:
    """``text`` without anything that looks like a key, and without the value of any variable named like one."""
    return _SHAPE.sub("<key>", _without_values(text, _values()))


def redact(value: Any, names: Names | None = None) -> Any:
    """JSON values for the journal: as :func:`redacted`, but only what is surely shaped like a key, since names of
    classes and files stand there too.

    Args:
        names: gives all that the data call by name, as one text; asked only where something is shaped like a key. What
            stands there is kept: it is a name, and evidence without its names would be of nothing.
    """
    return _redact(value, _values(), names or str)


def _redact(value: Any, values: Mapping[str, str], names: Names) -> Any:
    if isinstance(value, str):
        kept = _without_values(value, values)
        return _JOURNALLED.sub(lambda found: found[0] if found[0] in names() else "<key>", kept)
    if isinstance(value, Mapping):
        return {_redact(k, values, names): _redact(v, values, names) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_redact(v, values, names) for v in value]
    return value


def _values() -> dict[str, str]:
    """Variable → value, of those that are named like a key. A place that is there is none, whatever it is called."""
    return {
        name: value
        for name, value in os.environ.items()
        if len(value) >= SHORTEST
        and _NAME.search(name)
        and not (os.path.isabs(value) and os.path.exists(value))
    }


def _without_values(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(value, f"<{name}>")
    return text
