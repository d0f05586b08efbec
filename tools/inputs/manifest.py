"""Data listed in a table: ``path, label[, split][, boxes]`` and any attribute columns, as CSV or Parquet."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import Any

from failsight.tools.errors import UserError
from failsight.tools.inputs.base import LeftOut
from failsight.tools.inputs.columns import parse_boxes, read_columns, typed_columns
from failsight.tools.inputs.names import usual_names, without_answers
from failsight.tools.inputs.splits import choose_split
from failsight.tools.inputs.table import Files, Raw, distinct, printable
from failsight.tools.text import clean

RESERVED = ("path", "label", "split", "boxes")
LOOKED_AT = (
    "given_label",
    "looked",
)  # as `failsight labels import` writes them: both say what people did, not what an image shows
NAMES = ("manifest.csv", "manifest.parquet", "manifest.tsv", "manifest.jsonl", "manifest.json")


def read_manifest(path: Path, *, split: str, choose: str | None, labelled: bool | None) -> Raw:
    """The images that the table at ``path`` lists; paths in it are relative to its folder.

    Raises:
        UserError: no column ``path`` (or ``label``, where labels are needed), or no such split.
    """
    columns, notes = read_columns(path)
    wanted = ("path", "label") if labelled is not False else ("path",)
    columns = usual_names(columns, clean(path.name), notes, *wanted, sure=() if labelled else ("label",))
    columns = without_answers(columns, clean(path.name), notes)
    need_column(columns, "path", path)
    if labelled:
        need_column(columns, "label", path)
    columns = of_split(columns, split, choose, path, notes)
    given = [_text(value) for value in columns["path"]]
    words = [_text(value) or None for value in columns.get("label", [None] * len(given))]
    labels = [clean(word) if word is not None and labelled is not False else None for word in words]
    keep = [i for i, name in enumerate(given) if name]
    left_out = [
        LeftOut(f"row {i + 2} of {clean(path.name)}", "it names no path")
        for i, n in enumerate(given)
        if not n
    ]
    columns = {name: [values[i] for i in keep] for name, values in columns.items()}
    boxes = parse_boxes(columns["boxes"], notes) if "boxes" in columns else None
    apart = (*RESERVED, *LOOKED_AT) if set(LOOKED_AT) <= set(columns) else RESERVED
    attributes = typed_columns({k: v for k, v in columns.items() if k not in apart}, notes)
    names = distinct([printable(given[i].replace("\\", "/")) for i in keep])
    files = Files([locate(path.parent, given[i]) for i in keep])
    return Raw(
        path.parent, "manifest", names, files, [labels[i] for i in keep], attributes, boxes, notes, left_out
    )


def need_column(columns: dict[str, list[Any]], name: str, path: Path) -> None:
    """Raise UserError when ``columns`` lacks ``name``, saying which there are."""
    if name not in columns:
        raise UserError(
            f"The table {clean(path.name)} has no column named {name}.",
            f"Its columns: {', '.join([clean(c, 40) for c in list(columns)[:12]] + ['…'] * (len(columns) > 12))}. "
            f"Rename one of them to {name}.",
        )


def of_split(
    columns: dict[str, list[Any]], split: str, choose: str | None, path: Path, notes: list[str]
) -> dict[str, list[Any]]:
    """The rows of one split, where there is a ``split`` column."""
    if "split" not in columns:
        if choose is not None:
            raise UserError(
                f"The table {clean(path.name)} has no column split to choose {clean(choose)} from.", ""
            )
        return columns
    marks = [_text(value) for value in columns["split"]]
    present = sorted(set(marks) - {""})
    if not present:
        return columns
    chosen = choose_split(present, split, choose, clean(path.name), notes)
    keep = [i for i, mark in enumerate(marks) if mark == chosen]
    return {name: [values[i] for i in keep] for name, values in columns.items()}


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()


def locate(folder: Path, name: str) -> str:
    """The file that a manifest's ``name`` means; as written when there is none (it is then listed as missing)."""
    first = os.path.join(folder, name)
    if os.path.exists(first):
        return first
    spellings = [
        name.replace("\\", "/"),
        unicodedata.normalize("NFC", name),
        unicodedata.normalize("NFD", name),
    ]
    try:
        spellings.append(os.fsdecode(name.encode("latin-1")))  # a name in Latin-1, listed in a Latin-1 table
    except UnicodeEncodeError:
        pass
    for spelling in spellings:
        other = os.path.join(folder, spelling)
        if os.path.exists(other):
            return other
    return first
