"""What lies at a path: models and pictures recognised by their files alone, nothing opened that could take long.

The wizard shows what is found here, asks about what is missing, and only then has the model opened.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from failsight.tools.errors import UserError
from failsight.tools.inputs.base import BadImage
from failsight.tools.inputs.folders import image_files, read_folder
from failsight.tools.inputs.images import header
from failsight.tools.inputs.manifest import NAMES, read_manifest
from failsight.tools.inputs.models.side import Side, find_side
from failsight.tools.inputs.splits import is_split_name
from failsight.tools.inputs.table import Sources
from failsight.tools.text import clean

SUFFIXES = {
    ".onnx": "ONNX",
    ".pt": "TorchScript, or weights",
    ".pth": "torch weights",
    ".pt2": "torch.export program",
    ".safetensors": "safetensors weights",
    ".ckpt": "torch checkpoint",
}
TABLES = (".csv", ".tsv", ".parquet", ".pq")
PROCESSORS = ("preprocessor_config.json", "processor_config.json")
HISTORIES = ("trainer_state.json", "history.csv", "training.csv", "log.csv", "metrics.csv")
PATH_WORDS = (
    "path",
    "image",
    "file",
    "filename",
    "file_name",
    "image_path",
    "img",
    "img_path",
    "filepath",
    "image_file",
    "picture",
)
LABEL_WORDS = (
    "label",
    "class",
    "target",
    "category",
    "label_name",
    "class_name",
    "y",
    "y_true",
    "true",
    "ground_truth",
)


@dataclass(frozen=True, slots=True)
class ModelSeen:
    """What a path holds that may be a model.

    Attributes:
        path: the model itself (a folder may have led to the file in it).
        format: in words.
        classes: names of its classes, where they can be read.
        unnamed: number of classes that have no names but LABEL_0, LABEL_1, …
        side: what its side file says.
        lacks: ``classes``, ``preparation`` (how pictures are prepared), ``arch``, ``trust``: what has to be asked.
        size: input size that its settings mention, though nothing says how pictures are prepared.
        history: a training record beside it.
        problem: why it can't be used, with what to do; empty when it can.
        choices: several models to choose from; then nothing else is known.
    """

    path: Path
    format: str = ""
    classes: tuple[str, ...] = ()
    unnamed: int = 0
    side: Side = field(default_factory=Side)
    lacks: tuple[str, ...] = ()
    size: tuple[int, int] | None = None
    history: Path | None = None
    problem: str = ""
    choices: tuple[Path, ...] = ()


def look_at_model(path: Path) -> ModelSeen:
    """What kind of model lies at ``path``, and what it does not say about itself."""
    if not path.exists():
        return ModelSeen(path, problem=_missing(path))
    if path.is_dir() and not (path / "config.json").is_file():
        return _in_folder(path)
    try:
        side = find_side(path)
    except UserError as error:
        return ModelSeen(path, problem=str(error))
    if path.is_dir():
        return _transformers(path, side)
    suffix = path.suffix.lower()
    if suffix in TABLES:
        return ModelSeen(path, "a table of predictions (no model to run)")
    if suffix == ".py":
        return ModelSeen(path, "Python code that builds a model", side=side, lacks=("factory", "trust"))
    if suffix not in SUFFIXES:
        return ModelSeen(path, problem=f"{clean(path.name)} is no model that Failsight can read. {KNOWN}")
    lacks = []
    if side.classes is None and suffix != ".pt2":
        lacks.append("classes")
    if side.size is None and suffix != ".onnx":
        lacks.append("preparation")
    if suffix == ".safetensors" and side.arch is None:
        lacks.append("arch")
    history = _history(path.parent)
    return ModelSeen(path, SUFFIXES[suffix], side.classes or (), 0, side, tuple(lacks), None, history)


KNOWN = "Known are: a transformers folder, .onnx, .pt, .pt2, .safetensors, a table of predictions (.csv), file.py:function."


def _missing(path: Path) -> str:
    near = nearest(path)
    return f"There is no {clean(path)}." + (f" Did you mean {clean(near)}?" if near else "")


def nearest(path: Path) -> Path | None:
    """The file or folder whose path differs least from one that is not there."""
    import difflib

    parent = path.parent
    if not parent.is_dir():
        return None
    try:
        names = [p.name for p in parent.iterdir()][:2_000]
    except OSError:
        return None
    close = difflib.get_close_matches(path.name, names, n=1, cutoff=0.6)
    return parent / close[0] if close else None


def _in_folder(path: Path) -> ModelSeen:
    """A folder without ``config.json``: the model in it, or the models to choose from."""
    found = _candidates(path)
    if len(found) == 1:
        return look_at_model(found[0])
    if found:
        return ModelSeen(path, choices=tuple(found[:20]))
    if next(image_files(str(path)), None) is not None:
        return ModelSeen(
            path,
            problem=f"{clean(path)} holds pictures, no model. It will be asked for next; the model comes first.",
        )
    return ModelSeen(path, problem=f"{clean(path)} holds no model. {KNOWN}")


def _candidates(path: Path) -> list[Path]:
    """Models in a folder and one level below; of a training run's checkpoints the latest first."""
    entries = sorted(p for p in path.iterdir() if not p.name.startswith("."))
    made = [
        p for p in entries if (p / "config.json").is_file() or (p.is_file() and p.suffix.lower() in SUFFIXES)
    ]
    return sorted(made, key=lambda p: (-_number(p.name), p.name))


def _number(name: str) -> int:
    tail = name.rpartition("-")[2]
    return int(tail) if tail.isdecimal() and len(tail) < 10 else -1


def _transformers(path: Path, side: Side) -> ModelSeen:
    """A transformers folder, from its ``config.json``."""
    try:
        config = json.loads((path / "config.json").read_text("utf-8"))
        architectures = [str(name) for name in config.get("architectures") or []]
    except (OSError, ValueError, AttributeError) as error:
        return ModelSeen(
            path, problem=f"{clean(path)}/config.json can't be read ({clean(error)}). Is the folder complete?"
        )
    if architectures and not any("Classification" in name for name in architectures):
        return ModelSeen(
            path,
            problem=f"The model in {clean(path.name)} is no image classifier ({clean(', '.join(architectures))}). Save one with an image-classification head.",
        )
    weights = [p for p in path.iterdir() if p.suffix in (".safetensors", ".bin")]
    if not weights:
        return ModelSeen(
            path,
            problem=f"{clean(path)} has settings and no weights. Copy model.safetensors into it (save_pretrained writes it).",
        )
    lacks = ["trust"] if config.get("auto_map") else []
    names = side.classes or _named(config)
    unnamed = 0
    if side.classes is None and names and all(n.startswith("LABEL_") for n in names):
        unnamed, names = len(names), ()
        lacks.append("classes")
    if side.size is None and not any((path / name).is_file() for name in PROCESSORS):
        lacks.append("preparation")
    kind = architectures[0].removesuffix("ForImageClassification") if architectures else "image classifier"
    return ModelSeen(
        path, f"transformers ({clean(kind, 60)})", tuple(names), unnamed, side, tuple(lacks), _size(config),
        _history(path) or _history(path.parent),
    )  # fmt: skip


def _named(config: Mapping[str, Any]) -> tuple[str, ...]:
    found = config.get("id2label")
    if not isinstance(found, dict):
        return ()
    try:
        return tuple(clean(found[key]) for key in sorted(found, key=int))
    except (TypeError, ValueError):
        return ()


def _size(config: Mapping[str, Any]) -> tuple[int, int] | None:
    found = config.get("image_size")
    if isinstance(found, int):
        return found, found
    if isinstance(found, list) and len(found) == 2 and all(isinstance(v, int) for v in found):
        return found[0], found[1]
    return None


def _history(folder: Path) -> Path | None:
    """A training record in a folder."""
    return next((folder / name for name in HISTORIES if (folder / name).is_file()), None)


# --- pictures ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DataSeen:
    """What a path holds that may be pictures.

    Attributes:
        path: of them.
        format: in words.
        labels: label → number of pictures; empty where they have none.
        n: number of pictures.
        splits: names of the splits in it (``train``, ``test`` …).
        used: which split serves for testing.
        columns: columns of a manifest.
        notes: remarks of the reader.
        problem: why it can't be used; empty when it can.
        rename: columns that stand for ``path`` and ``label`` under other names.
        picture: (height, width) of the first pictures, where they are all alike.
    """

    path: Path
    format: str = ""
    labels: Mapping[str, int] = field(default_factory=dict)
    n: int = 0
    splits: tuple[str, ...] = ()
    used: str = ""
    columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""
    rename: Mapping[str, str] = field(default_factory=dict)
    picture: tuple[int, int] | None = None


def look_at_data(path: Path, split: str = "data", *, labelled: bool | None = True) -> DataSeen:
    """What kind of pictures lie at ``path``: format, labels, splits. Only names are read, no picture."""
    if not path.exists():
        return DataSeen(path, problem=_missing(path))
    try:
        if path.is_file() and path.suffix.lower() in TABLES:
            return _table(path, split, labelled)
        if path.is_file():
            return DataSeen(
                path,
                problem=f"{clean(path.name)} is one file. Give a folder with one folder a class, or a table with the columns path and label.",
            )
        listed = next((path / n for n in NAMES if (path / n).is_file()), None)
        if listed is not None:
            return replace(_table(listed, split, labelled), path=path)
        if (path / "dataset_dict.json").is_file() or (path / "state.json").is_file():
            return _arrow(path, split, labelled)
        return _folder(path, split, labelled)
    except UserError as error:
        return DataSeen(path, problem=str(error))


def _folder(path: Path, split: str, labelled: bool | None) -> DataSeen:
    inside = [p.name for p in sorted(path.iterdir()) if p.is_dir() and is_split_name(p.name)]
    table = next((p for p in sorted(path.iterdir()) if p.suffix.lower() in TABLES), None)
    try:
        raw = read_folder(path, split=split, choose=None, labelled=labelled)
    except UserError as error:
        if table is not None:  # a table under another name than manifest.csv
            return _table(table, split, labelled)
        return DataSeen(path, splits=tuple(inside), problem=str(error))
    used = raw.root.name if raw.root != path else ""
    splits = tuple(inside) if used else ()
    return DataSeen(
        path, "one folder a class", _counts(raw.labels), len(raw.labels), splits, used, (), tuple(raw.notes),
        picture=_alike(raw.sources),
    )  # fmt: skip


def _table(path: Path, split: str, labelled: bool | None) -> DataSeen:
    from failsight.tools.inputs.columns import read_columns

    columns, _ = read_columns(path)
    names = tuple(str(c) for c in columns)
    rename = _renaming(names)
    if rename:
        return DataSeen(path, "a table", columns=names, rename=rename, problem="its columns have other names")
    marks = sorted({str(v).strip() for v in columns.get("split", []) if v}) if "split" in columns else []
    raw = read_manifest(path, split=split, choose=None, labelled=labelled)
    missing = sum(not Path(str(raw.sources.get(i))).is_file() for i in range(len(raw.labels)))
    notes = (*raw.notes, *((f"{missing:,} of the files that it lists are not there.",) if missing else ()))
    used = next((m for m in marks if any(m in n for n in raw.notes)), "") if len(marks) > 1 else ""
    return DataSeen(
        path, "a table of pictures", _counts(raw.labels), len(raw.labels), tuple(marks), used, names, notes,
        picture=_alike(raw.sources),
    )  # fmt: skip


def _alike(sources: Sources) -> tuple[int, int] | None:
    """(height, width) of some pictures, where all of them have the same."""
    sizes = set()
    for index in range(0, len(sources), max(1, len(sources) // 8)):
        try:
            width, height = header(sources.get(index))
        except (BadImage, OSError):
            continue
        sizes.add((height, width))
    return sizes.pop() if len(sizes) == 1 else None


def _renaming(names: tuple[str, ...]) -> dict[str, str]:
    """Columns to rename: those that look like path and label where these are missing."""
    by_word = {n.strip().casefold(): n for n in names}
    made = {}
    for wanted, words in (("path", PATH_WORDS), ("label", LABEL_WORDS)):
        if wanted not in names:
            found = next((by_word[w] for w in words if w in by_word), None)
            if found is not None:
                made[found] = wanted
    return made


def _arrow(path: Path, split: str, labelled: bool | None) -> DataSeen:
    from failsight.tools.inputs.arrow_dataset import read_dataset

    raw = read_dataset(path, split=split, choose=None, labelled=labelled)
    inside = tuple(p.name for p in sorted(path.iterdir()) if p.is_dir())
    return DataSeen(
        path,
        "a Hugging Face data set",
        _counts(raw.labels),
        len(raw.labels),
        inside,
        "",
        (),
        tuple(raw.notes),
    )


def _counts(labels: list[str | None]) -> dict[str, int]:
    return dict(sorted(Counter(label for label in labels if label is not None).items()))


def renamed_table(seen: DataSeen, where: Path) -> Path:
    """Write the table once more with the columns that Failsight reads; the pictures stay where they are.

    Raises:
        OSError: the file can't be written.
    """
    import csv

    from failsight.tools.inputs.columns import read_columns
    from failsight.tools.inputs.manifest import locate

    columns, _ = read_columns(seen.path)
    names = {c: seen.rename.get(c, c) for c in columns}
    where.parent.mkdir(parents=True, exist_ok=True)
    with where.open("w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out)
        writer.writerow(names.values())
        for row in zip(*columns.values(), strict=True):
            cells = ["" if v is None else v for v in row]
            writer.writerow(
                locate(seen.path.parent, str(v)) if names[c] == "path" else v
                for c, v in zip(columns, cells, strict=True)
            )
    return where
