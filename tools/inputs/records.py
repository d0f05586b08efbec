"""Tables as JSON: one object a line, or one list of objects; every object a row, every member a column."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from failsight.tools.errors import UserError
from failsight.tools.inputs.table import distinct
from failsight.tools.text import clean

SUFFIXES = (".jsonl", ".ndjson", ".json")


def read_records(path: Path) -> tuple[dict[str, list[Any]], list[str]]:
    """The columns of a JSON file (Python values, None where a row lacks the member), in the order in which they first occur.

    Raises:
        OSError: it can't be read.
        UserError: it is no JSON, or its rows are no objects; says in which line.
    """
    text = path.read_bytes().decode("utf-8-sig", "replace")
    rows = list(_rows(text, path))
    names = list(dict.fromkeys(name for row in rows for name in row))
    shown = distinct([clean(name, 80) or f"column {i + 1}" for i, name in enumerate(names)])
    return {s: [row.get(n) for row in rows] for s, n in zip(shown, names, strict=True)}, []


def _rows(text: str, path: Path) -> Iterator[Mapping[str, Any]]:
    whole = _one(text) if path.suffix.lower() == ".json" else None
    if isinstance(whole, Mapping):  # one object that holds the list, under whatever name
        lists = [v for v in whole.values() if isinstance(v, list) and v and isinstance(v[0], Mapping)]
        whole = lists[0] if len(lists) == 1 else None
    if isinstance(whole, list):
        for i, row in enumerate(whole):
            yield _row(row, f"row {i + 1}", path)
        return
    for i, line in enumerate(text.splitlines()):
        if line.strip():
            yield _row(_one(line), f"line {i + 1}", path)


def _one(text: str) -> Any:
    """The value that a text is; None where it is no JSON (``null`` is no row either)."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _row(value: Any, where: str, path: Path) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise UserError(
            f"In {clean(path.name)}, {where} is no JSON object.",
            'Write one object a row, such as {"path": "cat/1.jpg", "label": "cat"}: one a line (.jsonl), or a list of them (.json).',
        )
    return value
