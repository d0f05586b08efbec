"""Data that are folders of image files: one folder a class, or no classes at all."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from failsight.tools.errors import UserError
from failsight.tools.inputs.base import NOT_READ, LeftOut
from failsight.tools.inputs.columns import parse_boxes, read_columns, typed_columns
from failsight.tools.inputs.images import SUFFIXES, is_image_name, is_unread_name
from failsight.tools.inputs.names import usual_names, without_answers
from failsight.tools.inputs.splits import choose_split, is_split_name
from failsight.tools.inputs.table import Files, Raw, distinct, printable
from failsight.tools.text import clean, counted, listing

METADATA = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
"""Tables about the pictures of a folder, as Hugging Face's ImageFolder names them; their column ``file_name`` says of which."""


def image_files(root: str, wanted: Callable[[str], bool] = is_image_name) -> Iterator[str]:
    """Paths of all image files under ``root``, relative to it, sorted within each folder; hidden ones are passed over.

    ``wanted`` says by its name whether a file counts.

    Links to folders are followed, each folder once, so that a loop of links ends.
    """
    seen: set[tuple[int, int]] = set()

    def walk(folder: str, relative: str) -> Iterator[str]:
        stat = os.stat(folder)
        if (stat.st_dev, stat.st_ino) in seen:
            return
        seen.add((stat.st_dev, stat.st_ino))
        with os.scandir(folder) as scan:
            entries = sorted(scan, key=lambda e: e.name)
        for entry in entries:
            if entry.name.startswith(".") or entry.name == "__MACOSX":
                continue
            inner = os.path.join(relative, entry.name)
            try:
                is_folder = entry.is_dir()
            except OSError:  # a link that points at itself
                is_folder = False
            if is_folder:
                yield from _readable(walk(entry.path, inner))
            elif wanted(entry.name):
                yield inner

    yield from walk(root, "")


def _readable(entries: Iterator[str]) -> Iterator[str]:
    """``entries`` of a folder, none where it may not be read."""
    try:
        yield from entries
    except PermissionError:
        return


def _told_apart(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Images, and pictures in formats that are not read: those of which no image of the same name lies beside them."""
    images: list[str] = []
    others: list[str] = []
    for name in names:
        (images if is_image_name(os.path.basename(name)) else others).append(name)
    known = {os.path.splitext(name)[0] for name in images} if others else set()
    return images, [name for name in others if os.path.splitext(name)[0] not in known]


def _leave_out(raw: Raw, unread: Sequence[str]) -> None:
    """List pictures in formats that are not read among what is left out, and say how many of each there are."""
    if not unread:
        return
    endings = [Path(name).suffix.lower() for name in unread]
    counts = [f"{n:,} {clean(ending, 20)}" for ending, n in Counter(endings).most_common()]
    verb = "file is" if len(unread) == 1 else "files are"
    raw.notes.append(f"{listing(counts, 6)} {verb} not read and left out: export them to PNG or JPEG.")
    raw.left_out += [
        LeftOut(printable(name.replace(os.sep, "/")), f"{ending} {NOT_READ}")
        for name, ending in zip(unread, endings, strict=True)
    ]


_DICOM = (".dcm", ".dicom", ".dic", ".ima")


def _others(root: Path) -> Counter[str]:
    """Endings of the files in a folder without images, of the first few thousand."""
    return Counter(
        Path(name).suffix.lower() or name
        for _, (_, _, names) in zip(range(200), os.walk(root), strict=False)
        for name in names[:200]
        if not name.startswith(".")
    )


def _instead(root: Path) -> str:
    """What lies in a folder that holds no images: `` (7 .dcm files)``."""
    (ending, n), *_ = _others(root).most_common(1) or [("", 0)]
    return f" ({n:,} {clean(ending, 20)} file{'s' if n > 1 else ''})" if n else ""


def _what_to_do(root: Path) -> str:
    ending = (_others(root).most_common(1) or [("", 0)])[0][0]
    if ending in _DICOM:
        return "DICOM is not read: export the pictures to PNG or TIFF (8 bits, or 16 at full range), a folder a class, or with a manifest."
    return f"Give a folder with one subfolder of images a class, or a manifest. Read are {', '.join(s[1:] for s in sorted(SUFFIXES))}."


def read_folder(root: Path, *, split: str, choose: str | None, labelled: bool | None) -> Raw:
    """The images under ``root``; where they lie in folders, the first folder's name is the label.

    Raises:
        UserError: no image, or (``labelled``) images without class folders.
    """
    notes: list[str] = []
    root = _split_folder(root, split, choose, notes)
    files, unread = _told_apart(image_files(os.fspath(root), lambda n: is_image_name(n) or is_unread_name(n)))
    if not files:
        raise UserError(f"The folder {clean(root)} holds no images{_instead(root)}.", _what_to_do(root))
    tops = [file.partition(os.sep)[0] if os.sep in file else None for file in files]
    loose = sum(top is None for top in tops)
    told = any((root / name).is_file() for name in METADATA)  # its labels may stand there
    if labelled and loose == len(files) and not told:
        raise UserError(
            f"The images in {clean(root)} have no labels: they do not lie in class folders.",
            "Put each class in a folder of its own, or give a manifest with the columns path and label.",
        )
    if labelled and loose and not told:
        notes.append(
            f"{counted(loose, 'image beside the class folders has no label and is', 'images beside the class folders have no label and are')} left out."
        )
    labels = [printable(top) if top is not None and labelled is not False else None for top in tops]
    names = distinct([printable(file.replace(os.sep, "/")) for file in files])
    raw = Raw(root, "folder", names, Files([os.path.join(root, file) for file in files]), labels, notes=notes)
    _leave_out(raw, unread)
    table = next((root / name for name in METADATA if (root / name).is_file()), None)
    if table is not None:
        _described(raw, table, labelled)
    return raw


def _described(raw: Raw, table: Path, labelled: bool | None) -> None:
    """Add what a ``metadata`` table in the folder says of its pictures: attributes, boxes, and labels where it has them."""
    columns, notes = read_columns(table)
    shown = f"{clean(table.name)} in the folder"
    columns = usual_names(columns, shown, notes, "path", "label", sure=("label",))
    columns = without_answers(columns, shown, notes)
    raw.notes += notes
    if "path" not in columns:
        raw.notes.append(
            f"{clean(table.name)} in the folder names no pictures (no column file_name): it is not used."
        )
        return
    at = {str(value).replace("\\", "/").strip(): i for i, value in reversed([*enumerate(columns["path"])])}
    rows = [at.get(name) for name in raw.names]
    found = sum(row is not None for row in rows)
    raw.notes.append(
        f"{clean(table.name)} in the folder says more of {found:,} of its {len(rows):,} pictures."
        + (" Its other rows name no picture there." if len(at) > found else "")
    )
    if not found:
        return
    said = {k: [None if r is None else v[r] for r in rows] for k, v in columns.items()}
    if "label" in said and labelled is not False:
        words = [clean(v) if v is not None and str(v).strip() else None for v in said["label"]]
        raw.labels[:] = [word or own for word, own in zip(words, raw.labels, strict=True)]
    if "boxes" in said:
        raw.boxes = parse_boxes(said["boxes"], raw.notes)
    others = {k: v for k, v in said.items() if k not in ("path", "label", "split", "boxes")}
    raw.columns.update(typed_columns(others, raw.notes))


def _split_folder(root: Path, split: str, choose: str | None, notes: list[str]) -> Path:
    """``root``, or the subfolder for ``split`` when its subfolders are ``train``, ``test`` … with classes inside."""
    folders = [entry for entry in sorted(root.iterdir()) if entry.is_dir() and not entry.name.startswith(".")]
    nested = [
        f
        for f in folders
        if is_split_name(f.name) and any(inner.is_dir() or inner.name in METADATA for inner in f.iterdir())
    ]
    if not nested or (len(nested) < len(folders) and choose is None):
        if choose is not None:
            raise UserError(f"The folder {clean(root)} holds no splits to choose {clean(choose)} from.", "")
        return root
    return root / choose_split([f.name for f in nested], split, choose, clean(root), notes)
