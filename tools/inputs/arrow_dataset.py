"""A Hugging Face data set on disk: an image column, a label column, everything else metadata."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from failsight.tools.errors import UserError
from failsight.tools.inputs.columns import parse_boxes, typed_columns
from failsight.tools.inputs.splits import choose_split
from failsight.tools.inputs.table import Raw, distinct, printable
from failsight.tools.text import clean, listing


class Embedded:
    """Pictures inside an Arrow table, read row by row from the memory-mapped file."""

    def __init__(self, data: Any, column: str, root: Path) -> None:
        self._data, self._column = data.with_format("arrow"), column
        files = [Path(f["filename"]) for f in data.cache_files] or [root]
        stats = [file.stat() for file in files if file.exists()]
        self._stamp = (sum(s.st_size for s in stats), max((s.st_mtime_ns for s in stats), default=0))
        self._name = os.path.abspath(files[0])
        self._root = root

    def __len__(self) -> int:
        return len(self._data)

    def get(self, index: int) -> str | bytes:
        """The bytes of one picture, or the path of its file. Raises FileNotFoundError for a row without either."""
        cell = self._data[index].column(self._column)[0].as_py()
        if cell is None or (cell.get("bytes") is None and not cell.get("path")):
            raise FileNotFoundError("the row holds no picture")
        if cell.get("bytes") is not None:
            return bytes(cell["bytes"])
        return os.path.join(self._root, cell["path"])

    def identity(self, index: int) -> tuple[str, int, int]:
        """The Arrow file and row, with the file's size and time: hashes are remembered as long as it is unchanged."""
        return f"{self._name}#{index}", self._stamp[0] or 1, self._stamp[1]


def read_dataset(path: Path, *, split: str, choose: str | None, labelled: bool | None) -> Raw:
    """The pictures of ``datasets.load_from_disk(path)``.

    Raises:
        UserError: datasets is not usable here, the folder is damaged, no picture or (``labelled``) no label column.
    """
    notes: list[str] = []
    folder = _split_folder(path, split, choose, notes)
    datasets = _library(path)
    try:
        data = datasets.load_from_disk(os.fspath(folder))
    except Exception as problem:
        raise UserError(
            f"The data set {clean(path)} can't be loaded ({clean(problem)}).", "Is the folder complete?"
        ) from problem
    pictures = [name for name, kind in data.features.items() if isinstance(kind, datasets.Image)]
    label = _label_column(data, datasets)
    columns = f"Its columns: {listing(data.column_names, 12)}."
    if not pictures:
        raise UserError(f"The data set {clean(path)} has no column of images.", columns)
    if labelled and label is None:
        raise UserError(f"The data set {clean(path)} has no column of class labels.", columns)
    picture = "image" if "image" in pictures else pictures[0]
    table = _whole(data, path)
    found = _attributes(data, table, {*pictures, label, "split", "boxes"}, datasets, notes)
    names = [f"row-{i}" for i in range(len(data))]
    if "path" in found:
        names = [printable(str(given or name)) for given, name in zip(found.pop("path"), names, strict=True)]
    words: list[Any] = [None] * len(data)
    if label is not None and labelled is not False:
        words = _decoded(table, data.features[label], label)
    return Raw(
        folder,
        "dataset",
        distinct(names),
        Embedded(data, picture, folder),
        [clean(word) if word is not None and str(word) else None for word in words],
        typed_columns(found, notes),
        parse_boxes(table.column("boxes").to_pylist(), notes) if "boxes" in data.column_names else None,
        notes,
        numbered=tuple(clean(name) for name in getattr(data.features.get(label), "names", ())),
    )


def _whole(data: Any, path: Path) -> Any:
    """The table, its offsets checked: Arrow ends the process where it follows one that points outside."""
    import pyarrow as pa

    try:
        table = data.with_format("arrow")[:]
        table.validate(full=True)
    except (pa.ArrowException, ValueError, OverflowError, MemoryError) as problem:
        raise UserError(
            f"The data set {clean(path)} is damaged ({clean(problem)}).", "Is the folder complete?"
        ) from problem
    return table


def _attributes(
    data: Any, table: Any, taken: set[str | None], datasets: Any, notes: list[str]
) -> dict[str, list[Any]]:
    """The columns of single values that are not ``taken``; the others are named in ``notes``."""
    others = [name for name in data.column_names if name not in taken]
    single = [
        name for name in others if isinstance(data.features[name], datasets.Value | datasets.ClassLabel)
    ]
    notes.extend(
        f"The column {clean(name)} holds lists or pictures, not single values; it is left out."
        for name in others
        if name not in single
    )
    return {clean(name): _decoded(table, data.features[name], name) for name in single}


def _library(path: Path) -> Any:
    try:
        import datasets
    except ImportError as problem:
        raise UserError(
            f"Reading the data set {clean(path.name)} needs the package datasets ({clean(problem)}).",
            "Install or mend it.",
        ) from problem
    datasets.disable_progress_bars()
    return datasets


def _split_folder(path: Path, split: str, choose: str | None, notes: list[str]) -> Path:
    """``path`` itself, or the folder of one split of a dictionary of data sets."""
    index = path / "dataset_dict.json"
    if not index.is_file():
        if choose is not None:
            raise UserError(f"The data set {clean(path)} has no splits to choose {clean(choose)} from.", "")
        return path
    try:
        names = [str(name) for name in json.loads(index.read_text("utf-8"))["splits"]]
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise UserError(
            f"{clean(index)} can't be read ({clean(problem)}).", "Is the folder complete?"
        ) from problem
    return path / choose_split(names, split, choose, clean(path), notes)


def _label_column(data: Any, datasets: Any) -> str | None:
    """The label: a ClassLabel column (``label`` first), else a column called so."""
    labelled = [name for name, kind in data.features.items() if isinstance(kind, datasets.ClassLabel)]
    for usual in ("label", "labels", "class"):
        if usual in labelled:
            return usual
    if labelled:
        return str(labelled[0])
    return next((name for name in ("label", "labels", "class") if name in data.column_names), None)


def _decoded(table: Any, kind: Any, name: str) -> list[Any]:
    """A column's values; class numbers as their names, −1 (unknown) and what has no name as None."""
    values: list[Any] = table.column(name).to_pylist()
    if hasattr(kind, "int2str"):
        return [None if v is None or not 0 <= v < len(kind.names) else kind.int2str(v) for v in values]
    return values
