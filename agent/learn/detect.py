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
RECORDS = (
    ".jsonl",
    ".ndjson",
    ".json",
)  # tables too where they are named, but in a folder they may be anything
PROCESSORS = ("preprocessor_config.json", "processor_config.json")
HISTORIES = ("trainer_state.json", "history.csv", "training.csv", "log.csv", "metrics.csv")


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
        notes: remarks of the reader.
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
    notes: tuple[str, ...] = ()


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
    if suffix in (*TABLES, *RECORDS):
        return _predictions(path)
    if suffix == ".py":
        return ModelSeen(path, "Python code that builds a model", side=side, lacks=("factory", "trust"))
    if suffix not in SUFFIXES:
        return ModelSeen(path, problem=f"{clean(path.name)} is no model that Failsight can read. {KNOWN}")
    if suffix == ".onnx":
        return _onnx(path, side)
    lacks = []
    if side.classes is None and suffix != ".pt2":
        lacks.append("classes")
    if side.size is None:
        lacks.append("preparation")
    if suffix == ".safetensors" and side.arch is None:
        lacks.append("arch")
    history = _history(path.parent)
    return ModelSeen(path, SUFFIXES[suffix], side.classes or (), 0, side, tuple(lacks), None, history)


def _predictions(path: Path) -> ModelSeen:
    """A table of answers: which columns say what, read without looking at a picture."""
    from failsight.tools.inputs.blackbox import probability_columns
    from failsight.tools.inputs.columns import read_columns
    from failsight.tools.inputs.manifest import need_column
    from failsight.tools.inputs.names import usual_names

    try:
        columns, notes = read_columns(path)
        columns = usual_names(columns, clean(path.name), notes, "path", "label", "prediction")
        need_column(columns, "path", path)
        scores = probability_columns(columns, None, {})
        if not scores:
            need_column(columns, "prediction", path)
    except UserError as error:
        return ModelSeen(path, problem=str(error))
    words = {str(v).strip() for n in ("label", "prediction") for v in columns.get(n, ()) if v is not None}
    names = tuple(clean(n) for n in scores) or tuple(sorted(clean(w) for w in words - {""}))
    which = "probabilities" if scores else "answers without probabilities"
    kind = f"a table of predictions (no model to run): {which} for {len(columns['path']):,} pictures"
    lacks = () if "label" in columns else ("labels",)
    return ModelSeen(path, kind, names, lacks=lacks, notes=tuple(notes))


def _onnx(path: Path, side: Side) -> ModelSeen:
    """An ONNX file: its graph says the size of pictures and the number of classes, its metadata perhaps their names."""
    from failsight.tools.inputs.models.onnx_file import names_in
    from failsight.tools.inputs.models.protobuf import graph_shapes
    from failsight.tools.inputs.models.side import from_shape

    try:
        inputs, outputs, metadata = graph_shapes(path)
        size = next((from_shape(shape)[0].size for shape in inputs if len(shape) == 4), None)
        count = next((shape[-1] for shape in outputs if len(shape) == 2 and shape[-1] > 1), 0)
        names = side.classes or names_in(metadata) or ()
    except (ValueError, OSError, RecursionError):  # opening it will say what is wrong with it
        size, count, names = None, 0, side.classes or ()
    lacks = [] if names else ["classes"]
    if side.mean is None:
        lacks.append("preparation")
    return ModelSeen(
        path, SUFFIXES[".onnx"], names, 0 if names else count, side, tuple(lacks), size, _history(path.parent)
    )


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
    picture: tuple[int, int] | None = None


def look_at_data(path: Path, split: str = "data", *, labelled: bool | None = True) -> DataSeen:
    """What kind of pictures lie at ``path``: format, labels, splits. Only names are read, no picture."""
    if not path.exists():
        return DataSeen(path, problem=_missing(path))
    try:
        if path.is_file() and path.suffix.lower() in (*TABLES, *RECORDS):
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
