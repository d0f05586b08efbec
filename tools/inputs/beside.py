"""Predictions whose labels stand elsewhere: a table of answers beside a manifest or class folders, joined picture by picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from failsight.tools.errors import UserError
from failsight.tools.inputs.data import read_raw
from failsight.tools.inputs.manifest import NAMES
from failsight.tools.inputs.table import Raw
from failsight.tools.text import clean

Columns = dict[str, list[Any]]


def joined(
    columns: Columns, table: Path, root: Path | None, choose: str | None, notes: list[str]
) -> tuple[Columns, Path]:
    """The columns of a table of predictions with what ``--data`` says of the same pictures, and the folder its paths are in.

    A manifest given as ``--data`` is joined always: its attributes and boxes count, and its labels where the table has none. A
    manifest in the folder, and class folders, are read only for a table without labels. Pictures are matched by path: one of the
    two paths must be the end of the other, and no other picture's path; with or without the suffix of the file.

    Args:
        columns: with ``path``; ``label`` or not.
        table: where they come from.
        root: what ``--data`` names; None for the table's own folder, where only a manifest is looked for.
        choose: the split inside ``--data``.

    Raises:
        UserError: what is joined can't be read; not one picture of the table is known there.
    """
    labelled = "label" in columns
    beside = _beside(table, root, labelled)
    if beside is None:
        return columns, root if root is not None else table.parent
    raw = read_raw(beside, "data", choose, None if labelled else True)
    rows = _rows([str(v or "") for v in columns["path"]], raw.names)
    found = [row for row in rows if row is not None]
    if not found:
        raise UserError(
            f"Not one path in {clean(table.name)} (such as {clean(columns['path'][0], 80)}) is a picture of {clean(beside.name)} "
            f"(such as {clean(raw.names[0], 80)}).",
            "Write the same paths in both, relative to the same folder.",
        )
    _told(notes, table, beside, len(rows), found, len(raw.names), labelled)
    notes += raw.notes
    return _put(columns, raw, rows, labelled), raw.root


def _beside(table: Path, root: Path | None, labelled: bool) -> Path | None:
    """What is joined: a manifest, class folders; None where the table says all, or nothing is there."""
    if root is not None and root.is_file():
        return None if root.samefile(table) else root
    folder = root if root is not None else table.parent
    if labelled or (root is None and not folder.is_dir()):
        return None
    manifest = next((folder / n for n in NAMES if (folder / n).is_file()), None)
    if manifest is not None and not manifest.samefile(table):
        return manifest
    return root


def _rows(paths: Sequence[str], names: Sequence[str]) -> list[int | None]:
    """For each path the place of the one name that means the same picture; None where none or several do."""
    whole: dict[str, int] = {}
    ends: dict[str, int] = {}  # of longer names; −1 where several end so
    for i, name in enumerate(names):
        for given in _spellings(name):
            whole.setdefault(given, i)
            for end in _ends(given)[1:]:
                ends[end] = i if ends.get(end, i) == i else -1
    made: list[int | None] = []
    for path in paths:
        found = next((whole[e] for s in _spellings(path) for e in _ends(s) if e in whole), None)
        if found is None:
            found = next((ends[s] for s in _spellings(path) if s in ends), -1)
        made.append(found if found >= 0 else None)
    return made


def _spellings(path: str) -> tuple[str, ...]:
    """The path as parts joined by ``/``, and the same without the file's suffix."""
    pure = PurePosixPath(path.replace("\\", "/"))
    plain = "/".join(p for p in pure.parts if p not in ("/", "."))
    if not plain:
        return ()
    return (plain, plain[: -len(pure.suffix)]) if pure.suffix else (plain,)


def _ends(path: str) -> list[str]:
    """``a/b/c``: itself, ``b/c``, ``c``."""
    parts = path.split("/")
    return ["/".join(parts[i:]) for i in range(len(parts))]


def _put(columns: Columns, raw: Raw, rows: Sequence[int | None], labelled: bool) -> Columns:
    """The columns with the manifest's; what the table says itself stays."""
    more: dict[str, Sequence[Any]] = dict(raw.columns)
    if raw.boxes is not None:
        more["boxes"] = raw.boxes
    if not labelled:
        more["label"] = raw.labels
    made: Columns = dict(columns)
    for name, values in more.items():
        if name not in made:
            made[name] = [None if row is None else values[row] for row in rows]
    # the pictures are where the manifest, or the class folder, has them
    made["path"] = [
        p if row is None else raw.names[row] for p, row in zip(columns["path"], rows, strict=True)
    ]
    return made


def _told(
    notes: list[str], table: Path, beside: Path, n: int, found: Sequence[int], there: int, labelled: bool
) -> None:
    what = "attributes" if labelled else "labels"
    notes.append(
        f"Of the {n:,} rows of {clean(table.name)}, {len(found):,} have their {what} from {clean(beside.name)}."
    )
    if len(found) < n and not labelled:
        notes.append(
            f"{n - len(found):,} rows of {clean(table.name)} are no picture of {clean(beside.name)}, or may be several of them: left out."
        )
    without = there - len(set(found))
    if without:
        notes.append(
            f"{without:,} of the {there:,} pictures in {clean(beside.name)} have no prediction in {clean(table.name)}: not counted anywhere."
        )


def not_labelled(columns: Mapping[str, Sequence[Any]], table: Path) -> UserError:
    """What is said of a table of predictions whose labels are nowhere."""
    shown = ", ".join(clean(c, 40) for c in [*columns][:12]) + (", …" if len(columns) > 12 else "")
    return UserError(
        f"The table {clean(table.name)} has no column named label. Its columns: {shown}.",
        "Rename one of them to label, or give the labels with --data: a table with path and label, or one folder a class.",
    )
