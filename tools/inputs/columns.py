"""Tables of text: CSV in whatever encoding, Parquet, and columns with a type."""

from __future__ import annotations

import csv
import io
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from failsight.tools.attributes.dates import told_forms
from failsight.tools.errors import UserError
from failsight.tools.inputs.base import Box
from failsight.tools.inputs.nearly_numbers import as_numbers, spelt_alike
from failsight.tools.inputs.records import SUFFIXES, read_records
from failsight.tools.inputs.table import Boxes, distinct
from failsight.tools.text import clean, counted, number_text

TABLES = (".csv", ".tsv", ".parquet", ".pq", *SUFFIXES)
"""What the names of tables end in."""
OPPOSITE = "none"
"""The word that is a value beside a single other word, and a missing value beside several."""
OBVIOUS = 0.9  # share of the images that a column of paths has to name to be taken for the one that does
_MISSING = frozenset(("", "na", "n/a", "nan", "null", "none", "-"))
_NUMBER = re.compile(r"[+-]?(0|[1-9]\d*|(?=\.\d))(\.\d*)?([eE][+-]?\d+)?")  # not 007: that is a name


def read_columns(path: Path) -> tuple[dict[str, list[Any]], list[str]]:
    """The columns of a CSV (text cells), Parquet or JSON file (Python values), and notes on how it was read.

    Raises:
        UserError: missing, unreadable, or without a single row.
    """
    if not path.is_file():
        raise UserError(f"The file {clean(path)} does not exist.", "Check the path.")
    try:
        columns, notes = _reader(path)(path)
    except (OSError, csv.Error) as problem:
        raise UserError(
            f"The table {clean(path)} can't be read ({clean(problem)}).", "Is the file complete?"
        ) from problem
    if not columns or not len(next(iter(columns.values()))):
        raise UserError(f"The table {clean(path)} holds no rows.", "It needs a header and one row per image.")
    return columns, notes


def _reader(path: Path) -> Callable[[Path], tuple[dict[str, list[Any]], list[str]]]:
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return read_records
    return _read_parquet if suffix in (".parquet", ".pq") else _read_csv


def _read_parquet(path: Path) -> tuple[dict[str, list[Any]], list[str]]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as problem:
        raise UserError(
            f"Reading {clean(path.name)} needs pyarrow ({clean(problem)}).", "Install it, or use CSV."
        ) from problem
    try:
        table = pq.read_table(path)
        names = distinct([clean(name) for name in table.column_names])
    except (pa.ArrowException, ValueError) as problem:  # ValueError: names that are no UTF-8
        raise OSError(str(problem)) from problem
    try:
        return {name: table.column(i).to_pylist() for i, name in enumerate(names)}, []
    except (ValueError, OverflowError) as problem:  # text that is no UTF-8, dates beyond the calendar
        raise OSError(f"damaged: {problem}") from problem


def _read_csv(path: Path) -> tuple[dict[str, list[Any]], list[str]]:
    text, notes = _decode(path.read_bytes(), path)
    first = text.partition("\n")[0]
    delimiter = max((",", ";", "\t"), key=first.count)
    rows = [
        row
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        if any(cell.strip() for cell in row)
    ]
    if not rows:
        return {}, notes
    names = distinct([clean(name) or f"column {i + 1}" for i, name in enumerate(rows[0])])
    odd = sum(len(row) != len(names) for row in rows[1:])
    if odd:
        notes.append(
            f"In {clean(path.name)}, {counted(odd, 'row has more or fewer cells', 'rows have more or fewer cells')} than the header; missing cells count as empty."
        )
    return {name: [row[i] if i < len(row) else "" for row in rows[1:]] for i, name in enumerate(names)}, notes


def _decode(content: bytes, path: Path) -> tuple[str, list[str]]:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16", "replace"), []
    try:
        return content.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        return content.decode("latin-1"), [f"{clean(path.name)} is not UTF-8; it was read as Latin-1."]


def typed(values: Sequence[Any]) -> list[Any] | None:
    """One metadata column as ``float`` or ``str`` values with None where a value is missing.

    Numbers only when every value that is there is a finite number written as one (``007`` is a name). Booleans become
    ``yes`` and ``no``. Beside a single word, ``none`` is its opposite (a frame: white or none), else a missing value. None
    when the column holds lists, pictures or other things that are no attribute.
    """
    cells = [_cell(value) for value in values]
    if any(cell is NotImplemented for cell in cells):
        return None
    there = [cell for cell in cells if cell is not None]
    if there and all(isinstance(cell, float) or _NUMBER.fullmatch(cell) for cell in there):
        numbers = [None if cell is None else float(cell) for cell in cells]
        if all(number is None or math.isfinite(number) for number in numbers):
            return numbers
    made = [None if cell is None else cell if isinstance(cell, str) else number_text(cell) for cell in cells]
    if len(set(there)) == 1:
        words = zip(values, made, strict=True)
        return [
            OPPOSITE if m is None and isinstance(v, str) and clean(v).lower() == OPPOSITE else m
            for v, m in words
        ]
    return made


def _cell(value: Any) -> Any:
    """``value`` as float, clean text or None; NotImplemented for what is no attribute."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        try:
            return float(value) if math.isfinite(value) else None
        except OverflowError:  # a whole number larger than any float
            return None
    if isinstance(value, list | dict | bytes | tuple):
        return NotImplemented
    text = clean(value)
    return None if text.lower() in _MISSING else text


def typed_columns(columns: Mapping[str, Sequence[Any]], notes: list[str]) -> dict[str, list[Any]]:
    """All ``columns`` that are attributes, typed; the others are named in ``notes``."""
    result = {}
    for name, values in columns.items():
        column = as_numbers(name, typed(values), notes)
        notes += [told for told in (spelt_alike(name, column), told_forms(name, column or ())) if told]
        if column is None:
            notes.append(
                f"The column {clean(name)} holds lists or pictures, not single values; it is left out."
            )
        elif any(value is not None for value in column):
            result[name] = column
    return result


def parse_boxes(values: Sequence[Any], notes: list[str]) -> list[Boxes]:
    """The ``boxes`` column: JSON or mappings ``{object: [[x0, y0, x1, y1], …]}`` in fractions of width and height.

    Boxes without area (an object just outside the picture) are dropped; what is no box is dropped and counted.
    """
    result: list[Boxes] = []
    images = 0
    for value in values:
        boxes, fine = _boxes(value)
        result.append(boxes)
        images += not fine
    if images:
        notes.append(
            f"Of {images:,} images some boxes are not of the form {{object: [[x0, y0, x1, y1], …]}} with fractions of 0 to 1; "
            "those boxes are left out."
        )
    return result


def _boxes(value: Any) -> tuple[Boxes, bool]:
    """The boxes in one cell, and whether everything in it was one."""
    if value is None or (isinstance(value, str) and value.strip().lower() in _MISSING):
        return {}, True
    try:
        raw = json.loads(value) if isinstance(value, str) else value
        pairs = list(raw.items()) if isinstance(raw, Mapping) else [(name, boxes) for name, boxes in raw]
    except (ValueError, TypeError, RecursionError):
        return {}, False
    made: dict[str, tuple[Box, ...]] = {}
    fine = True
    for name, boxes in pairs:
        kept = []
        for box in boxes if isinstance(boxes, list | tuple) else [None]:
            try:
                kept.append(_box(box))
            except (ValueError, TypeError, OverflowError):
                fine = False
        with_area = tuple(box for box in kept if box[0] < box[2] and box[1] < box[3])
        if with_area:
            made[clean(name)] = with_area
    return made, fine


def _box(box: Any) -> Box:
    """Four fractions in order. Raises ValueError, TypeError or OverflowError."""
    x0, y0, x1, y1 = (float(value) for value in box)
    if not (-0.001 <= x0 <= x1 <= 1.001 and -0.001 <= y0 <= y1 <= 1.001):
        raise ValueError("not fractions in order")
    return max(0.0, x0), max(0.0, y0), min(1.0, x1), min(1.0, y1)


def join_metadata(
    names: Sequence[str], own: Mapping[str, Sequence[Any]], table: Path, key: str, notes: list[str]
) -> dict[str, list[Any]]:
    """Columns of ``table`` for each of ``names``, joined on its column ``key``.

    A key is matched, in this order, with: the picture's column of the same name, its path, its file name, its file
    name without suffix; last as whole numbers (``001`` = 1).

    Raises:
        UserError: no such column, or not one key matches.
    """
    columns, read_notes = read_columns(table)
    notes.extend(read_notes)
    if not key and (key := _obvious_key(names, columns)):
        notes.append(
            f"The column {clean(key)} of {clean(table.name)} names the image; nobody said which does."
        )
    if not key:
        raise UserError(
            f"Which column of the metadata {clean(table.name)} names the image was not said.",
            f"Give it with --metadata-key (metadata_key=): one of {', '.join(map(clean, columns))}.",
        )
    if key not in columns:
        raise UserError(
            f"The metadata {clean(table.name)} has no column {clean(key)}.",
            f"It has: {', '.join(map(clean, columns))}.",
        )
    by_key: dict[str, int] = {}
    for i, value in enumerate(columns[key]):
        by_key.setdefault(str(value).strip(), i)
    if len(by_key) < len(columns[key]):
        notes.append(
            f"{clean(table.name)} has {counted(len(columns[key]) - len(by_key), 'row with a repeated', 'rows with a repeated')} {clean(key)}; the first counts."
        )
    by_number = {int(k): i for k, i in by_key.items() if k.isdecimal()}
    found = [
        _row_of(name, own[key][i] if key in own else None, by_key, by_number) for i, name in enumerate(names)
    ]
    matched = sum(row is not None for row in found)
    if not matched:
        example, wanted = clean(next(iter(by_key))), clean(names[0]) if names else ""
        raise UserError(
            f"No {clean(key)} in {clean(table.name)} (such as {example}) matches an image (such as {wanted}).",
            "The key must be the image's path, file name, or file name without suffix.",
        )
    notes.append(f"Metadata from {clean(table.name)} were found for {matched:,} of {len(names):,} images.")
    others = {
        name: values
        for name, values in columns.items()
        if name not in (key, "path", "label", "split", "boxes")
    }
    return {name: [None if row is None else values[row] for row in found] for name, values in others.items()}


def _obvious_key(names: Sequence[str], columns: Mapping[str, Sequence[Any]]) -> str:
    """The one column whose values are paths or file names of (nearly) all images; empty where none or several are.

    A file name that several images have (``cat/a.jpg``, ``dog/a.jpg``) names none of them.
    """
    forms = [set(_forms(n)) for n in names]
    shared = Counter(form for one in forms for form in one)
    wanted = [{form for form in one if shared[form] == 1} for one in forms]
    found = []
    for name, values in columns.items():
        texts = {v.strip() for v in values if isinstance(v, str) and not v.strip().isdecimal()}
        if wanted and sum(not texts.isdisjoint(w) for w in wanted) >= OBVIOUS * len(wanted):
            found.append(name)
    return found[0] if len(found) == 1 else ""


def _forms(name: str) -> tuple[str, str, str]:
    """How a table may name a picture: its path, its file name, and that without suffix."""
    path = Path(name)
    return name, path.name, path.stem


def _row_of(name: str, own: Any, by_key: Mapping[str, int], by_number: Mapping[int, int]) -> int | None:
    candidates = _forms(name) if own is None else (number_text(own) if isinstance(own, float) else str(own),)
    for candidate in candidates:
        if candidate in by_key:
            return by_key[candidate]
    last = candidates[-1]
    return by_number.get(int(last)) if last.isdecimal() else None
