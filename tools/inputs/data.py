"""``open_images``: whatever holds the pictures, one table of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from failsight.tools.errors import UserError
from failsight.tools.inputs.base import LeftOut, Split
from failsight.tools.inputs.classes import Matching, match_labels
from failsight.tools.inputs.columns import join_metadata, typed_columns
from failsight.tools.inputs.fingerprint import Look, content_hash, look_at
from failsight.tools.inputs.folders import read_folder
from failsight.tools.inputs.manifest import NAMES, read_manifest
from failsight.tools.inputs.table import Images, Raw
from failsight.tools.text import clean, listing

if TYPE_CHECKING:
    from failsight.tools.view import Progress

_TABLES = (".csv", ".tsv", ".parquet", ".pq")
_TINY = 8  # pixels on the shorter side: still used, but worth a word


def open_images(
    path: str | Path,
    *,
    classes: tuple[str, ...] | None = None,
    class_map: Mapping[str, str] | None = None,
    split: Split = "data",
    labelled: bool | None = None,
    choose: str | None = None,
    metadata: tuple[str | Path, str] | None = None,
    cache_folder: Path | None = None,
    progress: Progress | None = None,
) -> Images:
    """Open the pictures at ``path``: every image looked at once (hash, header), none held.

    Args:
        path: a folder with one subfolder a class (or, unlabelled, just images), a CSV or Parquet manifest (or a folder
            that holds ``manifest.csv``), or a Hugging Face data set on disk. ``path#name`` names a split inside it.
        classes: the model's class names; None takes the data's own, sorted.
        class_map: data label → class name, where they differ by more than case and punctuation.
        split: what the pictures are for; decides which split inside ``path`` is meant and whether labels are needed.
        labelled: True: labels are needed; False: they are ignored; None: ``data`` and ``train`` need them, ``pool``
            ignores them, ``deploy`` uses them where they are.
        choose: the split inside ``path``, instead of ``#name``.
        metadata: (CSV or Parquet file, key column) joined on path, file name or file name without suffix.
        cache_folder: where hashes of unchanged files are remembered.

    Raises:
        UserError: nothing there, no usable image, labels missing or none known to the model, one class only.
    """
    root, chosen = _split_off(path)
    if labelled is None:
        labelled = {"data": True, "train": True, "pool": False}.get(split)
    raw = _read(root, split, choose or chosen, labelled)
    if metadata is not None:
        _join(raw, Path(metadata[0]).expanduser(), metadata[1])
    matching = match_labels(raw.labels, classes, class_map or {}, clean(root), strict=bool(labelled))
    looks = look_at(raw.sources, cache_folder, raw.root, progress)
    table = _build(raw, matching, looks, bool(labelled), root)
    if labelled:
        _check_classes(table, root, split)
    return table


def _split_off(path: str | Path) -> tuple[Path, str | None]:
    """``path`` and the split named after ``#``; a file that really has ``#`` in its name is taken as it is."""
    whole = Path(path).expanduser()
    if whole.exists() or "#" not in str(path):
        return whole, None
    before, _, name = str(path).rpartition("#")
    return Path(before).expanduser(), name


def _read(path: Path, split: str, choose: str | None, labelled: bool | None) -> Raw:
    if not path.exists():
        raise UserError(f"The data {clean(path)} do not exist.", "Check the path.")
    if path.is_file():
        if path.suffix.lower() not in _TABLES:
            raise UserError(
                f"The data {clean(path.name)} are neither a folder nor a CSV or Parquet table.",
                "Give a folder of class folders, a manifest with path and label, or a data set on disk.",
            )
        return read_manifest(path, split=split, choose=choose, labelled=labelled)
    for name in NAMES:
        if (path / name).is_file():
            return read_manifest(path / name, split=split, choose=choose, labelled=labelled)
    if (path / "dataset_dict.json").is_file() or (path / "state.json").is_file():
        from failsight.tools.inputs.arrow_dataset import read_dataset

        return read_dataset(path, split=split, choose=choose, labelled=labelled)
    return read_folder(path, split=split, choose=choose, labelled=labelled)


def _join(raw: Raw, table: Path, key: str) -> None:
    """Add the metadata columns to ``raw``; a column that it has already keeps its own values."""
    joined = typed_columns(join_metadata(raw.names, raw.columns, table, key, raw.notes), raw.notes)
    for name, values in joined.items():
        raw.columns.setdefault(name, values)


def _build(raw: Raw, matching: Matching, looks: list[Look], labelled: bool, path: Path) -> Images:
    """The table of the rows that are usable; the others are listed with their reason."""
    left_out = list(raw.left_out)
    keep: list[int] = []
    for i, (label, look) in enumerate(zip(raw.labels, looks, strict=True)):
        reason = look.problem or (_label_problem(label, matching) if labelled else "")
        if reason:
            left_out.append(LeftOut(raw.names[i], reason))
        else:
            keep.append(i)
    if not keep:
        _nothing_left(left_out, path)
    labels = np.array([matching.index.get(raw.labels[i] or "", -1) for i in keep], np.int64)
    columns = {name: [values[i] for i in keep] for name, values in raw.columns.items()}
    boxes = [raw.boxes[i] for i in keep] if raw.boxes is not None else None
    sizes = np.array([(looks[i].width, looks[i].height) for i in keep], np.int32).reshape(-1, 2)
    digests = [looks[i].digest for i in keep]
    words = [matching.classes[label] if label >= 0 else None for label in labels]
    return Images(
        root=raw.root,
        paths=[raw.names[i] for i in keep],
        labels=labels,
        classes=matching.classes,
        columns=columns,
        boxes=boxes,
        left_out=left_out,
        fingerprint=content_hash([list(matching.classes), words, columns, boxes], digests),
        format=raw.format,
        sizes=sizes,
        digests=digests,
        notes=(*raw.notes, *matching.notes, *_notes(sizes, left_out)),
        sources=raw.sources,
        index=np.array(keep, np.int64),
    )


def _label_problem(label: str | None, matching: Matching) -> str:
    if label is None:
        return "it has no label"
    return "" if label in matching.index else f"its label {clean(label, 60)} is not a class of the model"


def _nothing_left(left_out: list[LeftOut], path: Path) -> None:
    reason, count = (
        Counter(item.reason for item in left_out).most_common(1)[0] if left_out else ("nothing listed", 0)
    )
    raise UserError(
        f"Not one of the {len(left_out):,} images in {clean(path)} can be used ({count:,} times: {reason}).",
        "Check the paths and that the files are images.",
    )


def _check_classes(table: Images, path: Path, split: str) -> None:
    """Failures are told apart by class: images of a single one say nothing."""
    present = [table.classes[i] for i in np.unique(table.labels)]
    if len(present) < 2:
        away = f" ({len(table.left_out):,} images were left out)" if table.left_out else ""
        raise UserError(
            f"The {split} in {clean(path)} hold images of one class only: {listing(present)}{away}.",
            "Give at least two classes.",
        )


def _notes(sizes: Any, left_out: list[LeftOut]) -> list[str]:
    notes = []
    tiny = int((sizes.min(1) < _TINY).sum()) if len(sizes) else 0
    if tiny:
        notes.append(f"{tiny:,} images are smaller than {_TINY} pixels on a side; they are used as they are.")
    damaged = sum("label" not in item.reason and "path" not in item.reason for item in left_out)
    if damaged:
        notes.append(f"{damaged:,} images can't be read and are left out.")
    return notes
