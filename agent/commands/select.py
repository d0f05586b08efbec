"""``failsight select``: which images of the pool to have labelled, as a CSV for people, and in words what to collect."""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from failsight.tools.errors import RetryError, UserError
from failsight.tools.text import counted

if TYPE_CHECKING:
    from failsight.agent.case import Case
    from failsight.tools.evidence import Evidence
    from failsight.tools.view import CaseView

HEADER = ("rank", "path", "share", "chosen_as", "taken_for", "confidence", "label")
BUDGET = 100


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("case", type=Path, metavar="CASE")
    parser.add_argument(
        "file", type=Path, metavar="FILE.csv", help="a new file; people fill in its column label"
    )
    parser.add_argument(
        "--budget", type=int, default=BUDGET, help=f"how many images can be labelled (default {BUDGET})"
    )
    parser.add_argument(
        "--method",
        choices=("failsight", "hibug", "random", "coreset", "confidence"),
        default="failsight",
        help="how they are chosen; `failsight tools select_data` says more (default failsight)",
    )
    parser.add_argument(
        "--beta", type=float, default=0.9, help="share of the errors that the slices must hold (default 0.9)"
    )
    parser.add_argument(
        "--split", choices=("pool", "deploy"), default="pool", help="where to choose (default pool)"
    )


def run(args: argparse.Namespace) -> int:
    """Choose, write the list, say it in words."""
    from failsight.agent.commands.basic import must_be_case
    from failsight.agent.opening import open_case
    from failsight.agent.ui.lines import StderrProgress

    must_be_case(args.case)
    given = {k: getattr(args, k) for k in ("budget", "method", "beta", "split")}
    with open_case(args.case, progress=StderrProgress()) as case:
        made, n = export(case, args.file, given)
    listed = f"{counted(n, 'image is listed', 'images are listed')} in {args.file}. {AFTER}"
    print("\n".join([*in_words(made), "", listed]))
    return 0


AFTER = "Fill in its column label; retrain then takes it as data=FILE.csv."


def export(case: Case, target: Path, given: Mapping[str, Any]) -> tuple[Evidence, int]:
    """Call ``select_data`` and write its whole ranked list to ``target``: (evidence, images listed).

    Raises:
        UserError: the case lacks what is needed, an argument is out of range, the file exists or can't be written.
    """
    from failsight.agent.people.attribute_files import write_new

    if target.exists():
        raise UserError(f"{target} exists already.", "Give another name: it may hold somebody's labels.")
    try:
        made, _ = case.call("select_data", dict(given), by="person")
    except RetryError as error:
        raise UserError(str(error)) from None
    rows = _rows(case, made)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows((*row, "") for row in rows)
    write_new(target, text.getvalue())
    return made, len(rows)


KEY = ("budget", "method", "beta", "attributes", "split")


def _rows(case: Case, made: Evidence) -> list[tuple[Any, ...]]:
    """Rank, path, share, the share in words, predicted class, confidence, of every image.

    The whole list is in the case's cache; what the evidence lists stands in where somebody emptied that.
    """
    from failsight.tools.select_data import stored_key
    from failsight.tools.selection.report import FILES, SHARES

    tables = {t.title: t for t in made.tables}
    words = {row[0]: str(row[1]) for row in tables[SHARES].rows} if SHARES in tables else {}
    stored = case.cached(stored_key(cast("CaseView", case), **{k: made.arguments.get(k) for k in KEY}))
    if stored is not None and "share" in stored:
        shown = _all(case, made.arguments["split"], stored, words)
    else:
        listed = tables[FILES].rows if FILES in tables else ()
        shown = [(*row[:3], words.get(row[2], ""), *row[3:5]) for row in listed]
    return [tuple("" if cell is None else _short(cell) for cell in row) for row in shown]


def _all(
    case: Case, split: Any, stored: Mapping[str, Any], words: Mapping[Any, str]
) -> list[tuple[Any, ...]]:
    paths, predictions = case.table(split).paths, None
    try:
        predictions = case.predictions(split)
    except RetryError:
        pass  # without a model the images were chosen by their attributes
    place = {int(r): i for i, r in enumerate(predictions.rows.tolist())} if predictions is not None else {}
    made: list[tuple[Any, ...]] = []
    for rank, (row, at) in enumerate(zip(stored["rows"].tolist(), stored["share"].tolist(), strict=True), 1):
        share, i = (at + 1 if at >= 0 else None), place.get(row)
        taken = sure = None
        if predictions is not None and i is not None:
            taken = predictions.classes[int(predictions.predicted[i])]
            sure = float(predictions.confidence[i]) if predictions.has_scores else None
        made.append((rank, paths[row], share, words.get(share, ""), taken, sure))
    return made


def _short(cell: Any) -> Any:
    return round(cell, 4) if isinstance(cell, float) else cell


def in_words(made: Evidence) -> list[str]:
    """What to label and what to collect, a line each."""
    from failsight.tools.selection.report import SHARES

    lines = [made.summary]
    shares = next((t.rows for t in made.tables if t.title == SHARES), ())
    lines += [f"  {row[2]:,} {row[1]}{_really(row)}" for row in shares if row[2]]
    lines += [step for step in made.next_steps if step.startswith("Collect")]
    return lines


def _really(row: tuple[Any, ...]) -> str:
    """Of which true class the errors there mostly are, where that is known."""
    return f" (errors there are really {row[8]})" if row[8] else ""
