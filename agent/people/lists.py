"""Pictures as a table that a spreadsheet opens: path, label, answer, how sure the model was, the columns of the data, and why each is listed."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from failsight.agent.people.attribute_files import write_new
from failsight.tools.experiments.population import parse_filters, rows_meeting

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.tools.view import CaseView

HEADER = ("number", "path", "label", "answer", "confidence", "outcome")
MOST_COLUMNS = 30  # of the data
_FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run


def write(
    case: Case, name: str, parts: Sequence[tuple[Sequence[str], str]], *, unsure_first: bool = False
) -> tuple[Path, int]:
    """Write the evaluation images that meet conditions to ``CASE/lists/NAME-1.csv`` (the next free number); returns the file and its rows.

    Args:
        parts: conditions of images, and why they are listed (empty for no such column); an image is listed with the first part that it meets.
        unsure_first: within a part the answers that the model is least sure of come first, else those that it is surest of.

    Raises:
        RetryError: an unknown column, class or value.
        UserError: the file can't be written.
    """
    view, table, made = cast("CaseView", case), case.table(), case.predictions("data")
    why: dict[int, str] = {}
    for conditions, reason in parts:
        meets, _ = rows_meeting(view, "data", parse_filters(list(conditions)))
        at = np.flatnonzero(meets[made.rows])
        if made.has_scores:
            at = at[np.argsort(made.confidence[at] if unsure_first else -made.confidence[at], kind="stable")]
        for i in at.tolist():
            why.setdefault(i, reason)
    reasons = any(why.values())
    columns = list(table.columns)[:MOST_COLUMNS]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*HEADER, *(["why"] if reasons else []), *map(_cell, columns)])
    for number, (i, reason) in enumerate(why.items(), 1):
        row = int(made.rows[i])
        label = case.classes[int(table.labels[row])] if table.labels[row] >= 0 else ""
        told = "" if not label else "right" if made.correct[i] else "wrong"
        sure = f"{float(made.confidence[i]):.3f}" if made.has_scores else ""
        cells = [table.paths[row], label, case.classes[int(made.predicted[i])], sure, told, *([reason] if reasons else [])]  # fmt: skip
        writer.writerow([number, *map(_cell, cells), *(_cell(table.columns[c][row]) for c in columns)])
    target = _free(case.folder / "lists", name)
    write_new(target, "\ufeff" + text.getvalue())  # with that mark spreadsheets read all letters right
    return target, len(why)


def _cell(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return "" if value is None else value


def _free(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return next(p for i in range(1, 10_000) if not (p := folder / f"{name}-{i}.csv").exists())
