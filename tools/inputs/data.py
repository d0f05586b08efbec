"""``open_images``: whatever holds the pictures, one table of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from failsight.tools.errors import UserError
from failsight.tools.inputs.base import NOT_READ, Ground, LeftOut, Split
from failsight.tools.inputs.classes import Matching, match_labels
from failsight.tools.inputs.clear import clear_words
from failsight.tools.inputs.columns import TABLES, join_metadata, typed_columns
from failsight.tools.inputs.depth import dim_words
from failsight.tools.inputs.fingerprint import Look, content_hash, look_at
from failsight.tools.inputs.folders import read_folder
from failsight.tools.inputs.manifest import NAMES, read_manifest
from failsight.tools.inputs.table import Images, Raw
from failsight.tools.inputs.unmatched import MOST_LOST, NO_CLASS, check_labels
from failsight.tools.text import clean, counted, listing

if TYPE_CHECKING:
    from failsight.tools.view import Progress

NO_LABEL = "it has no label"
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
    refuse_loss: bool = False,
    cache_folder: Path | None = None,
    progress: Progress | None = None,
    ground: Ground = "drop",
    hint: str = "",
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
        refuse_loss: raise where more than half of the images would be left out for their labels or because they can't be
            read (labelled splits only; what the class map leaves out on purpose does not count).
        cache_folder: where hashes of unchanged files are remembered.
        ground: what transparent pictures are laid on, as the model is fed them.
        hint: what else may be done where not one picture can be used.

    Raises:
        UserError: nothing there, no usable image, labels missing or none known to the model, one class only.
    """
    root, chosen = split_off(path)
    if labelled is None:
        labelled = {"data": True, "train": True, "pool": False}.get(split)
    raw = read_raw(root, split, choose or chosen, labelled)
    if metadata is not None:
        _join(raw, Path(metadata[0]).expanduser(), metadata[1])
    matching = match_labels(raw.labels, classes, class_map or {}, clean(root), strict=bool(labelled))
    refused = refuse_loss and bool(labelled)
    if refused:  # before every picture is looked at
        total, folders = len(raw.labels) + len(raw.left_out), raw.format == "folder"
        check_labels(
            matching.unmatched, total, f"{split} in {clean(root)}", matching.classes, folders=folders
        )
    looks = look_at(raw.sources, cache_folder, raw.root, progress)
    if dim := dim_words(raw.sources):
        raw.notes.append(dim)
    table = _build(raw, matching, looks, bool(labelled), root, hint).on(ground)
    if clear := clear_words(table):
        table = replace(table, notes=(*table.notes, clear))
    if refused:
        _check_loss(table, root, split)
    if labelled:
        _check_classes(table, root, split)
    return table


def split_off(path: str | Path) -> tuple[Path, str | None]:
    """``path`` and the split named after ``#``; a file that really has ``#`` in its name is taken as it is."""
    whole = Path(path).expanduser()
    if whole.exists() or "#" not in str(path):
        return whole, None
    before, _, name = str(path).rpartition("#")
    return Path(before).expanduser(), name


def read_raw(path: Path, split: str, choose: str | None, labelled: bool | None) -> Raw:
    """What lies at ``path``, read but not matched and not looked at. Raises UserError where it is no data."""
    if not path.exists():
        raise UserError(f"The data {clean(path)} do not exist.", "Check the path.")
    if path.is_file():
        if path.suffix.lower() not in TABLES:
            raise UserError(
                f"The data {clean(path.name)} are neither a folder nor a CSV, Parquet or JSON table.",
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


def raw_labels(path: str | Path) -> tuple[list[str | None], tuple[str, ...]]:
    """The data's own label of each labelled image of ``path``, and its labels in the order in which the data number them, where they do.

    No picture is looked at. Raises UserError where it is no data.
    """
    root, chosen = split_off(path)
    raw = read_raw(root, "data", chosen, True)
    return raw.labels, raw.numbered


def _join(raw: Raw, table: Path, key: str) -> None:
    """Add the metadata columns to ``raw``; a column that it has already keeps its own values."""
    joined = typed_columns(join_metadata(raw.names, raw.columns, table, key, raw.notes), raw.notes)
    for name, values in joined.items():
        raw.columns.setdefault(name, values)


def _build(raw: Raw, matching: Matching, looks: list[Look], labelled: bool, path: Path, hint: str) -> Images:
    """The table of the rows that are usable; the others are listed with their reason."""
    left_out = list(raw.left_out)
    meant = {
        one.label for one in matching.unmatched if one.on_purpose
    }  # left out where no labels are needed, too
    keep: list[int] = []
    for i, (label, look) in enumerate(zip(raw.labels, looks, strict=True)):
        reason = look.problem or (_label_problem(label, matching) if labelled or label in meant else "")
        if reason:
            left_out.append(LeftOut(raw.names[i], reason))
        else:
            keep.append(i)
    if not keep:
        _nothing_left(left_out, path, hint)
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
        unmatched=matching.unmatched,
        transparent=np.array([looks[i].transparent for i in keep], bool),
    )


def _label_problem(label: str | None, matching: Matching) -> str:
    if label is None:
        return NO_LABEL
    return "" if label in matching.index else _label_reason(label)


def _label_reason(label: str) -> str:
    return f"its label {clean(label, 60)} {NO_CLASS}"


def _nothing_left(left_out: list[LeftOut], path: Path, hint: str) -> None:
    reason, count = (
        Counter(item.reason for item in left_out).most_common(1)[0] if left_out else ("nothing listed", 0)
    )
    raise UserError(
        f"Not one of the {len(left_out):,} images in {clean(path)} can be used ({count:,} times: {reason}).",
        f"Check the paths and that the files are images. {hint}".rstrip(),
    )


def _check_loss(table: Images, path: Path, split: str) -> None:
    """Raises UserError where more than half of the images would be left out: what is measured on the rest says little."""
    meant = {one.label for one in table.unmatched if one.on_purpose}
    lost = [
        one.reason
        for one in table.left_out
        if one.reason != NO_LABEL and not any(_label_reason(m) == one.reason for m in meant)
    ]
    total = len(table) + len(table.left_out)
    if len(lost) > MOST_LOST * total:
        reason, count = Counter(lost).most_common(1)[0]
        raise UserError(
            f"Most of the {split} in {clean(path)} can't be used: {len(lost):,} of {total:,} images would be left out ({count:,} times: {reason}).",
            "Check the paths, the files and the labels.",
        )


def _check_classes(table: Images, path: Path, split: str) -> None:
    """Failures are told apart by class: images of a single one say nothing."""
    present = [table.classes[i] for i in np.unique(table.labels)]
    if len(present) < 2:
        away = (
            f" ({counted(len(table.left_out), 'image was left', 'images were left')} out)"
            if table.left_out
            else ""
        )
        raise UserError(
            f"The {split} in {clean(path)} hold images of one class only: {listing(present)}{away}.",
            "Give at least two classes.",
        )


def _notes(sizes: Any, left_out: list[LeftOut]) -> list[str]:
    notes = []
    tiny = int((sizes.min(1) < _TINY).sum()) if len(sizes) else 0
    if tiny:
        notes.append(
            f"{counted(tiny, f'image is smaller than {_TINY} pixels on a side; it is used as it is', f'images are smaller than {_TINY} pixels on a side; they are used as they are')}."
        )
    damaged = sum(
        "label" not in item.reason and "path" not in item.reason and not item.reason.endswith(NOT_READ)
        for item in left_out
    )
    if damaged:
        notes.append(
            f"{damaged:,} {'image' if damaged == 1 else 'images'} can't be read and {'is' if damaged == 1 else 'are'} left out."
        )
    return notes
