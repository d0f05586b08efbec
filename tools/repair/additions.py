"""Labels and images that a repair adds: a file of labels for pool or deployment images, a folder or manifest of its own."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from failsight.tools.errors import RetryError, UserError
from failsight.tools.inputs.base import ImageTable, Split
from failsight.tools.notes import called
from failsight.tools.repair.piles import Ints, inside_of
from failsight.tools.text import clean, counted

if TYPE_CHECKING:
    from failsight.tools.view import CaseView

LABELS = (
    "new_label",
    "label",
    "truth",
    "true_class",
    "class",
)  # columns that may hold the label, the first that is there
LARGEST = 256 * 2**20  # bytes of a file of labels
MINE: tuple[Split, ...] = ("pool", "deploy")  # images of the case that may be added, once they are labelled


@dataclass(frozen=True)
class Added:
    """Labelled images that can be added.

    Attributes:
        table: where they are.
        split: the split whose images they are; None for images from outside the case.
        rows: rows of the table, those to be taken first first.
        labels: the class of each.
        told: how they were chosen, in words.
        notes: what was left out.
    """

    table: ImageTable
    split: Split | None
    rows: Ints
    labels: Ints
    told: str
    notes: tuple[str, ...] = ()

    def first(self, n: int | None) -> Added:
        """At most ``n`` of them."""
        if n is None or n >= len(self.rows):
            return self
        return Added(self.table, self.split, self.rows[:n], self.labels[:n], self.told, self.notes)


def labelled_images(
    view: CaseView, data: str, conditions: Mapping[str, str] | None, budget: int | None
) -> Added:
    """The images that ``data`` labels, in the order in which they are worth adding.

    Args:
        data: ``deploy`` for half of the labelled deployment images; a CSV of labels for pool or deployment images
            (``path`` and ``label``); or a folder or manifest of further images.
        budget: how many of them are to be taken.

    Raises:
        RetryError: it labels evaluation or training images.
        UserError: it can't be read.
    """
    if data.strip().lower() in MINE:
        return _split_labels(view, "pool" if data.strip().lower() == "pool" else "deploy")
    path = Path(data).expanduser()
    if not path.exists():
        raise UserError(
            f"The data {clean(data)} do not exist.", "Give a CSV of labels, a manifest, or a folder."
        )
    if path.is_file() and path.suffix.lower() in (".csv", ".tsv"):
        rows = read_rows(path)
        split = _whose(view, rows)
        if split in ("data", "train"):
            raise RetryError(_misplaced(split))
        if split is not None:
            return _of_split(view, split, rows, conditions, budget, path.name)
    return _outside(view, path)


def repair_root(view: CaseView) -> Path:
    """The folder of the case in which repairs lie; looking it up leaves no empty folder behind."""
    first = view.workspace("R1")
    try:
        first.rmdir()
    except OSError:  # something is in it
        pass
    return first.parent


def made_pictures(view: CaseView, finding: str) -> str:
    """The manifest of the pictures that generate_repair_data made last (for the finding); empty where there is none."""
    root = repair_root(view)
    for one in reversed(view.evidence("generate_repair_data")):
        wanted = str(one.arguments.get("finding") or "").upper()
        if finding and wanted and wanted != finding:
            continue
        names = [str(one.arguments.get("name") or ""), *(n for f in one.facts for n in f.of.split())]
        for name in names:
            if name and "/" not in name and (root / name / "manifest.csv").is_file():
                return str(root / name / "manifest.csv")
    folders = sorted(root.glob("G*/manifest.csv"), key=lambda p: p.stat().st_mtime)
    return str(folders[-1]) if folders else ""


def read_rows(path: Path) -> list[dict[str, str]]:
    """The rows of a CSV with a column ``path``. Raises UserError."""
    try:
        if path.stat().st_size > LARGEST:
            raise UserError(
                f"{clean(path.name)} is too large for a file of labels.", "Leave out other columns."
            )
        text = path.read_text(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as problem:
        raise UserError(f"{clean(path)} can't be read ({problem.strerror}).", "Check the path.") from None
    head = text.split("\n", 1)[0]
    delimiter = max(",;\t", key=head.count)
    try:
        rows = list(csv.DictReader(text.splitlines(), delimiter=delimiter, restval=""))
    except csv.Error as problem:
        raise UserError(f"{clean(path.name)} is no CSV file ({clean(problem)}).", "Save it as CSV.") from None
    if not rows or "path" not in rows[0]:
        raise UserError(f"{clean(path.name)} has no column path, or no rows.", "Write path,label.")
    return rows


def label_of(row: Mapping[str, str]) -> str:
    """What a row says the class is; empty where it says nothing."""
    return next((str(row[name]).strip() for name in LABELS if row.get(name)), "")


def by_path(table: ImageTable) -> dict[str, int]:
    """Every spelling of a picture's path that a file of labels may use → row."""
    found = {str(p): i for i, p in enumerate(table.paths)}
    root = os.path.abspath(table.root)
    for i, p in enumerate(table.paths):
        found.setdefault(os.path.realpath(os.path.join(root, p)), i)
    return found


def place_of(row: Mapping[str, str], known: Mapping[str, int]) -> int | None:
    """The row that a line of a file of labels is about; None for none."""
    path = row["path"] or ""
    if path in known:
        return known[path]
    return known.get(os.path.realpath(path)) if os.path.isabs(path) else None


def _whose(view: CaseView, rows: Sequence[Mapping[str, str]]) -> Split | None:
    """The split to which most of the paths belong; None where none of them is one of the case's."""
    best: tuple[float, Split | None] = (0.5, None)
    for split in (*MINE, "train", "data"):
        if split not in view.splits():
            continue
        known = by_path(view.table(split))
        share = sum(place_of(row, known) is not None for row in rows) / len(rows)
        if share > best[0]:
            best = (share, split)
    return best[1]


def _misplaced(split: Split) -> str:
    if split == "data":
        return (
            "data: these are evaluation images. They judge the repair, so they may not train it; label pool or "
            "deployment images instead."
        )
    return "data: these are labels of training images. Use strategy=relabel for them."


def class_numbers(view: CaseView, words: Sequence[str]) -> Ints:
    """(n,) class numbers, −1 for what is none."""
    names = {c: i for i, c in enumerate(view.classes)}
    folded: dict[str, list[int]] = {}
    for c, i in names.items():
        folded.setdefault(c.casefold(), []).append(i)
    made = []
    for word in words:
        alike = folded.get(word.casefold(), [])
        made.append(names.get(word, alike[0] if len(alike) == 1 else -1))
    return np.array(made, np.int64)


def _of_split(
    view: CaseView,
    split: Split,
    rows: Sequence[Mapping[str, str]],
    conditions: Mapping[str, str] | None,
    budget: int | None,
    name: str,
) -> Added:
    table = view.table(split)
    known = by_path(table)
    places = [place_of(row, known) for row in rows]
    labels = class_numbers(view, [label_of(row) for row in rows])
    said = {p: int(c) for p, c in zip(places, labels.tolist(), strict=True) if p is not None and c >= 0}
    notes = []
    if len(said) < len(rows):
        notes.append(
            f"{counted(len(rows) - len(said), f'row of {clean(name)} names', f'rows of {clean(name)} name')} no image of the {split}, or no class."
        )
    if not said:
        raise UserError(f"{clean(name)} labels no image.", "Its columns are path and label.")
    order, told = _order(view, split, np.array(sorted(said), np.int64), conditions, budget)
    return Added(
        table, split, order, np.array([said[r] for r in order.tolist()], np.int64), told, tuple(notes)
    )


def _order(
    view: CaseView, split: Split, rows: Ints, conditions: Mapping[str, str] | None, budget: int | None
) -> tuple[Ints, str]:
    """Labelled rows, those to be added first first, chosen without looking at the labels."""
    if budget is None or budget >= len(rows):
        return rows, f"all labelled {called(split)}"
    from failsight.tools.select_data import stored_key

    for one in reversed(view.evidence("select_data")):
        if str(one.arguments.get("split") or "pool") != split:
            continue
        stored = view.cached(stored_key(view, **dict(one.arguments)))
        if stored is not None:
            picked = np.array([r for r in stored["rows"].tolist() if r in set(rows.tolist())], np.int64)
            rest = np.setdiff1d(rows, picked)
            how = f"as {one.id or 'select_data'} ranked them"
            return np.concatenate([picked, _shuffled(view, rest)]), how
    ranked = _weakest(view, split, rows, budget)
    if ranked is not None:
        return (
            ranked,
            "where the model fails on the evaluation images, the likeliest errors first (as select_data does)",
        )
    inside = inside_of(view, view.table(split), conditions, split)[rows]
    if not inside.any():
        return _shuffled(view, rows), "by lot"
    return _in_turn(view, split, rows, inside), (
        "inside and outside the finding's slice in turn, and of what the model takes them for in turn"
    )


def _weakest(view: CaseView, split: Split, rows: Ints, budget: int) -> Ints | None:
    """Rows as HiBug ranks them, the others after them by lot; None where it can't be learned where the model fails."""
    from failsight.tools.selection.methods import open_pool, pick
    from failsight.tools.selection.weak_slices import learn

    if not (view.table("data").labels >= 0).any():
        return None
    try:
        pool = open_pool(view, split)
        weak = learn(
            view.predictions("data"),
            view.attributes("data"),
            pool.attributes,
            view.findings(),
            beta=0.9,
            wanted=None,
            by_class=pool.predictions is not None,
            of_there=called(split),
        )
        picked: Ints = pool.rows[pick(view, pool, weak, "failsight", budget).at]
    except RetryError:
        return None
    picked = picked[np.isin(picked, rows)]
    made: Ints = np.concatenate([picked, _shuffled(view, np.setdiff1d(rows, picked))])
    return made


def _shuffled(view: CaseView, rows: Ints) -> Ints:
    made: Ints = np.random.default_rng([view.seed, 5]).permutation(rows)
    return made


def _in_turn(
    view: CaseView, split: Split, rows: Ints, inside: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]
) -> Ints:
    """Rows by turns of (slice, predicted class), each part shuffled."""
    made = view.predictions(split)
    guess = np.zeros(len(view.table(split)), np.int64)
    guess[made.rows] = made.predicted
    parts: dict[tuple[bool, int], list[int]] = {}
    lot = np.random.default_rng([view.seed, 5]).permutation(len(rows))
    for i in lot.tolist():
        parts.setdefault((bool(inside[i]), int(guess[rows[i]])), []).append(int(rows[i]))
    turns: list[int] = []
    while any(parts.values()):
        turns.extend(parts[key].pop() for key in sorted(parts) if parts[key])
    return np.array(turns, np.int64)


def _split_labels(view: CaseView, split: Split) -> Added:
    """Half of the labelled images of a split, so that the other half can judge."""
    table = view.table(split)
    rows = np.flatnonzero(table.labels >= 0).astype(np.int64)
    if not len(rows):
        raise RetryError(f"data: the {called(split)} have no labels. Give a CSV with path and label.")
    half = _shuffled(view, rows)[: max(1, len(rows) // 2)]
    return Added(table, split, half, table.labels[half], f"half of the labelled {called(split)}, by lot")


def _outside(view: CaseView, path: Path) -> Added:
    """Images that are no part of the case: a folder with one subfolder a class, or a manifest."""
    from failsight.tools.inputs import open_images

    table = open_images(path, classes=view.classes, split="train", labelled=True, progress=view.progress)
    rows = _shuffled(view, np.arange(len(table), dtype=np.int64))
    notes = [f"{len(table.left_out):,} of the images to be added can't be used."] if table.left_out else []
    return Added(table, None, rows, table.labels[rows], f"images of {clean(path.name)}", tuple(notes))
