"""Keys never reach the journal, a report or a log: what looks like one is struck out before anything is written."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSW", re.IGNORECASE)
_SHAPE = re.compile(r"\b(?:sk|hf|key|ghp|gsk)[-_][A-Za-z0-9_*\-]{6,}|(?<=Bearer )\S+")
_JOURNALLED = re.compile(r"\b(?:sk|hf|ghp|gsk)[-_](?=[A-Za-z0-9_-]*\d)[A-Za-z0-9_-]{16,}|(?<=Bearer )\S{8,}")
SHORTEST = 8  # shorter values are no keys, and would strike out ordinary words


def redacted(text: str) -> str:
    """``text`` without anything that looks like a key, and without the value of any variable named like one."""
    return _SHAPE.sub("<key>", _without_values(text))


def redact(value: Any) -> Any:
    """JSON values for the journal: as :func:`redacted`, but only what is surely shaped like a key, since names of
    classes and files stand there too."""
    if isinstance(value, str):
        return _JOURNALLED.sub("<key>", _without_values(value))
    if isinstance(value, Mapping):
        return {k: redact(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [redact(v) for v in value]
    return value


def _without_values(text: str) -> str:
    for name, value in os.environ.items():
        if len(value) >= SHORTEST and _NAME.search(name):
            text = text.replace(value, f"<{name}>")
    return text
