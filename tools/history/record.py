"""A training record of any kind as a handful of curves."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from failsight.tools.history import names
from failsight.tools.history.events import read_events
from failsight.tools.history.names import Quantity
from failsight.tools.text import clean

Floats = npt.NDArray[np.float64]
MOST_BYTES = 256 * 2**20
MOST_FILES = 200


class UnreadableRecordError(Exception):
    """A training record that can't be used; the message says why in a few words."""


@dataclass(frozen=True)
class Curve:
    """One quantity over time: increasing ``at`` (epochs or steps) and ``values`` (which may be infinite or NaN), both (n,)."""

    at: Floats
    values: Floats
    source: str = ""

    def __len__(self) -> int:
        return len(self.at)

    @property
    def finite(self) -> Curve:
        """Without the values that are not finite."""
        keep = np.isfinite(self.values)
        return replace(self, at=self.at[keep], values=self.values[keep])


@dataclass(frozen=True)
class Record:
    """A training record.

    Attributes:
        format: ``CSV``, ``Hugging Face trainer state`` or ``TensorBoard events``.
        unit: what ``at`` counts: ``epoch`` or ``step``.
        curves: quantity → curve; only what was found.
        settings: what else the record states (batch size, planned epochs, best checkpoint …), as text.
        ignored: columns or tags that were not understood.
        notes: what was odd about it, one sentence each.
    """

    format: str
    unit: str
    curves: Mapping[Quantity, Curve]
    settings: Mapping[str, str] = field(default_factory=dict)
    ignored: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def get(self, name: Quantity) -> Curve:
        """The curve of ``name``; an empty one where it was not recorded."""
        return self.curves.get(name, Curve(np.zeros(0), np.zeros(0)))


def read_record(path: Path) -> Record:
    """The training record at ``path``: a CSV, a ``trainer_state.json``, an event file, or a folder that holds one of these.

    Raises:
        UnreadableRecordError: it can't be read, or holds no curve that is understood.
    """
    try:
        made = _read_folder(path) if path.is_dir() else _read_file(path)
    except OSError as problem:
        raise UnreadableRecordError(str(problem.strerror or problem)) from problem
    if not made.curves:
        told = f"; it has {clean(', '.join(made.ignored[:8]), 200)}" if made.ignored else ""
        raise UnreadableRecordError(f"no loss or accuracy is recorded in it{told}")
    return made


def _read_file(path: Path) -> Record:
    if "tfevents" in path.name:
        return _from_events([path], path.parent)
    if path.stat().st_size > MOST_BYTES:
        raise UnreadableRecordError(f"it is larger than {MOST_BYTES // 2**20} MiB")
    raw = path.read_bytes()
    if raw[:3] == b"\xef\xbb\xbf":
        raw = raw[3:]
    if path.suffix.lower() == ".json" or raw.lstrip()[:1] in (b"{", b"["):
        return _from_json(raw)
    if b"\0" in raw[:4096]:
        try:
            return _from_events([path], path.parent)
        except UnreadableRecordError:
            raise UnreadableRecordError("it is neither text nor a TensorBoard event file") from None
    return _from_csv(raw.decode("utf-8", "replace"))


def _read_folder(path: Path) -> Record:
    """The newest trainer state, else all event files, else the only table."""
    states = sorted(path.glob("trainer_state.json")) or sorted(path.glob("checkpoint-*/trainer_state.json"))
    if states:
        return max(
            (_read_file(p) for p in states[:MOST_FILES]),
            key=lambda r: max((c.at[-1] for c in r.curves.values()), default=0),
        )
    events = sorted(p for p in path.rglob("*tfevents*") if p.is_file())
    if events:
        return _from_events(events[:MOST_FILES], path)
    tables = sorted(path.glob("*.csv"))
    if len(tables) == 1:
        return _read_file(tables[0])
    what = "several CSV files: name one of them" if tables else "no trainer_state.json, event file or CSV"
    raise UnreadableRecordError(f"the folder holds {what}")


def _from_csv(text: str) -> Record:
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    try:
        rows = [r for r in csv.reader(io.StringIO(text), delimiter=delimiter) if any(c.strip() for c in r)]
    except csv.Error as problem:
        raise UnreadableRecordError(f"it is not a table ({problem})") from problem
    if len(rows) < 2:
        raise UnreadableRecordError("it has a heading at most, and no rows" if rows else "it is empty")
    heads = _distinct([h.strip() for h in rows[0]])
    unread = 0
    table: dict[str, list[float | None]] = {h: [] for h in heads}
    for row in rows[1:]:
        for i, name in enumerate(heads):
            value, odd = _number(row[i] if i < len(row) else "", comma=delimiter != ",")
            table[name].append(value)
            unread += odd
    made = _from_table(table, "CSV")
    if unread:
        made = replace(
            made,
            notes=(*made.notes, f"{unread} cells of the training record are no numbers and were left out."),
        )
    return made


def _distinct(heads: Sequence[str]) -> list[str]:
    """Headings that occur again get a number, so that no column is lost in another."""
    seen: dict[str, int] = {}
    made = []
    for head in heads:
        seen[head] = seen.get(head, 0) + 1
        made.append(head if seen[head] == 1 else f"{head} ({seen[head]})")
    return made


def _number(cell: str, *, comma: bool = False) -> tuple[float | None, bool]:
    """(value or None, whether something was there that is no number); ``nan`` and ``inf`` are values."""
    text = cell.strip().strip('"')
    if not text or text.lower() in ("none", "null", "n/a", "na", "-"):
        return None, False
    if text.endswith("%"):
        inner, odd = _number(text[:-1], comma=comma)
        return (None if inner is None else inner / 100), odd
    found = text.removeprefix("tensor(").removesuffix(")")
    try:
        return float(found.replace(",", ".") if comma else found), False
    except ValueError:
        return None, True


def _from_table(table: Mapping[str, Sequence[float | None]], kind: str) -> Record:
    """A record from columns of equal length; None where a row says nothing about a column."""
    columns = [c for c in table if any(v is not None for v in table[c])]
    epoch, step = names.axis(columns, names.EPOCH), names.axis(columns, names.STEP)
    found = names.assign([c for c in columns if c not in (epoch, step)])
    unit, axis = _axis(table, epoch, step, [c for c, _ in found.values()])
    curves, notes = {}, []
    for quantity, (column, wrong) in found.items():
        pairs = [(a, v) for a, v in zip(axis, table[column], strict=True) if a is not None and v is not None]
        curve, odd = _curve(pairs, column, quantity, wrong)
        if len(curve):
            curves[quantity] = curve
        notes += odd
    used = {c for c, _ in found.values()} | {epoch, step}
    return Record(
        kind, unit, curves, {}, tuple(c for c in columns if c not in used), tuple(dict.fromkeys(notes))
    )


def _axis(
    table: Mapping[str, Sequence[float | None]], epoch: str | None, step: str | None, used: Sequence[str]
) -> tuple[str, Sequence[float | None]]:
    """Epochs where each names one row of a column, else steps, else the number of the row."""
    for name, unit in ((epoch, "epoch"), (step, "step")):
        if name is None:
            continue
        fits = all(
            len(set(at)) >= 0.9 * len(at)  # a restart may repeat a few
            for column in used
            for at in (
                [
                    a
                    for a, v in zip(table[name], table[column], strict=True)
                    if v is not None and a is not None
                ],
            )
        )
        if fits:
            return unit, table[name]
    return ("epoch" if step is None else "step"), [
        float(i + 1) for i in range(len(next(iter(table.values()), ())))
    ]


def _curve(
    pairs: Sequence[tuple[float, float]], source: str, quantity: Quantity, wrong: bool
) -> tuple[Curve, list[str]]:
    """Pairs in order of writing as a curve; what was written last for a time counts."""
    notes = []
    if any(b <= a for (a, _), (b, _) in itertools.pairwise(pairs)):
        notes.append(
            "The record goes back in time (a restart, or several runs); what was written last for a time is what counts."
        )
    latest = {a: v for a, v in pairs if math.isfinite(a)}
    at = np.array(sorted(latest), np.float64)
    values = np.array([latest[a] for a in at], np.float64)
    if quantity.endswith("accuracy"):
        known = values[np.isfinite(values)]
        if len(known) and 1.5 < known.max() <= 100:
            values = values / 100
        elif len(known) and (known.max() > 1.5 or known.min() < 0):
            return Curve(np.zeros(0), np.zeros(0)), [
                f"{clean(source, 60)} is no accuracy: its values lie outside 0 to 100."
            ]
        values = 1 - values if wrong else values
    return Curve(at, values, clean(source, 60)), notes


def _from_json(raw: bytes) -> Record:
    try:
        read = json.loads(raw.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as problem:
        raise UnreadableRecordError(f"it is not valid JSON ({clean(problem, 100)})") from problem
    if isinstance(read, dict) and isinstance(read.get("log_history"), list):
        return _from_trainer(read)
    if isinstance(read, dict) and any(isinstance(v, list) for v in read.values()):  # a Keras history
        columns = {str(k): v for k, v in read.items() if isinstance(v, list)}
        longest = max(len(v) for v in columns.values())
        return _from_table(
            {k: [*map(_plain, v), *[None] * (longest - len(v))] for k, v in columns.items()},
            "JSON of columns",
        )
    if isinstance(read, list) and read and all(isinstance(r, dict) for r in read):
        return _from_table(_columns(read), "JSON of rows")
    raise UnreadableRecordError("it has no log_history")


def _plain(value: Any) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if abs(value) < 1e300 or isinstance(value, float) else None


def _columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[float | None]]:
    keys = list(dict.fromkeys(str(k) for row in rows for k in row))
    return {k: [_plain(row.get(k)) for row in rows] for k in keys}


def _from_trainer(state: Mapping[str, Any]) -> Record:
    """Hugging Face's ``TrainerState``: one row a log; the closing summary (``train_runtime``) is no point of a curve."""
    rows = [r for r in state["log_history"] if isinstance(r, dict) and "train_runtime" not in r]
    if not rows:
        raise UnreadableRecordError("its log_history is empty")
    made = _from_table(_columns(rows), "Hugging Face trainer state")
    known = (
        "train_batch_size",
        "num_train_epochs",
        "max_steps",
        "best_metric",
        "best_model_checkpoint",
        "best_global_step",
        "global_step",
    )
    settings = {k: clean(state[k], 120) for k in known if state.get(k) not in (None, 0, 0.0, "")}
    if "best_model_checkpoint" in settings:
        settings["best_model_checkpoint"] = (
            settings["best_model_checkpoint"].replace("\\", "/").rsplit("/", 1)[-1]
        )
    return replace(made, settings=settings)


def _from_events(files: Sequence[Path], root: Path) -> Record:
    """All event files below ``root``; the folder of a file (``train``, ``validation``) is part of its tags' names."""
    points: dict[str, list[tuple[float, float]]] = {}
    notes: list[str] = []
    unreadable: list[str] = []
    for path in files:
        try:
            read = read_events(path)
        except (OSError, ValueError) as problem:
            unreadable.append(f"{clean(path.name, 60)}: {problem}")
            continue
        folder = path.parent.relative_to(root).as_posix() if path.parent != root else ""
        for tag, values in read.values.items():
            points.setdefault(f"{folder}/{tag}".lstrip("./"), []).extend((float(s), v) for s, v in values)
        if read.broken:
            notes.append(
                f"The event file {clean(path.name, 60)} is damaged ({read.broken}); what comes before was read."
            )
    if not points and unreadable:
        raise UnreadableRecordError(unreadable[0])
    notes += [f"An event file could not be read: {clean(u, 160)}." for u in unreadable[:3]]
    found = names.assign([t for t in points if names.axis([t.rsplit("/", 1)[-1]], names.EPOCH) is None])
    curves = {}
    for quantity, (tag, wrong) in found.items():
        curve, odd = _curve(points[tag], tag, quantity, wrong)
        notes += odd
        if len(curve):
            curves[quantity] = curve
    by_epoch = all("epoch" in names.words(c.source) for q, c in curves.items() if q != "learning_rate")
    ignored = tuple(t for t in points if t not in {t for t, _ in found.values()})
    return Record(
        "TensorBoard events",
        "epoch" if by_epoch and curves else "step",
        curves,
        {},
        ignored,
        tuple(dict.fromkeys(notes)),
    )
