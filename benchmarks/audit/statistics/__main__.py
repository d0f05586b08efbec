"""The error rates that are promised, measured again: one table.

    python -m benchmarks.audit.statistics                       all trials: some 25 minutes of processor time
    python -m benchmarks.audit.statistics --share 0.1           a tenth of them; a longer run goes on from there
    python -m benchmarks.audit.statistics --minutes 5 --only slices
    python -m benchmarks.audit.statistics --table               only the table of what is counted; --write: also docs/audit.md

Counts are kept in ``statistics.json`` beside this package. Trials have fixed seeds (the cell's name and a number), so that
any of them can be made again. A promise is *broken* where the 99 % interval of the share lies beyond it by more than the slack
of that statistic, *short* where it lies beyond it by less.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
import warnings
from collections.abc import Iterable
from pathlib import Path

from benchmarks.audit.statistics import intervals, slices, testing, tools, verdicts
from benchmarks.audit.statistics.cells import Cell, Ledger, run
from benchmarks.audit.statistics.table import HEAD, Row, detail, markdown, rows, summary

PARTS = {"intervals": intervals, "tests": testing, "slices": slices, "verdicts": verdicts, "tools": tools}
LEDGER = Path(__file__).parents[1] / "statistics.json"
PAGE = Path(__file__).parents[3] / "docs" / "audit.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"


def all_cells(only: Iterable[str] = ()) -> list[Cell]:
    """The cells of all parts, or of those named."""
    made = [c for name in (only or PARTS) for c in PARTS[name].cells()]
    assert len({c.key for c in made}) == len(made)
    return made


def write(made: list[Row], page: Path = PAGE) -> None:
    """Put the tables into the page, between its marks."""
    text = page.read_text(encoding="utf-8")
    start, end = text.index(BEGIN) + len(BEGIN), text.index(END)
    broken = sum(r.state == "broken" for r in made)
    short = sum(r.state == "short" for r in made)
    judged = sum(r.promise is not None for r in made)
    trials = sum(r.tally.n for r in made)
    told = f"{judged:,} promises in as many worlds, {trials:,} trials: {judged - broken - short:,} kept, {short} short, {broken} broken."
    body = f"\n\n{told}\n\n{markdown(HEAD, summary(made))}\n\n## Every world\n\n{detail(made)}\n\n"
    page.write_text(text[:start] + body + text[end:], encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--minutes", type=float, default=600)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=[])
    parser.add_argument("--ledger", type=Path, default=LEDGER)
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    cells, ledger = all_cells(given.only), Ledger(given.ledger)
    command = f"python -m benchmarks.audit.statistics --share {given.share:g}"
    if not given.table:
        until, last = time.monotonic() + 60 * given.minutes, 0.0
        for cell in run(cells, ledger, given.share, until):
            if time.monotonic() - last > 5:
                ledger.save(command)
                last = time.monotonic()
                print(
                    f"{cell.key}: {ledger.of(cell).runs:,} of {round(cell.runs * given.share):,}",
                    file=sys.stderr,
                    flush=True,
                )
        ledger.save(command)
    made = list(rows(cells, ledger))
    for line in summary(made):
        area, measure, promise, worlds, mean, told, worst = line
        print(
            f"{area[:58]:<58} {measure[:36]:<36} {promise:>9} {worlds:>3} worlds, mean {mean:>7}, {told:<24} {worst}"
        )
    if given.write:
        write(list(rows(all_cells(), ledger)))
    return 1 if any(r.state == "broken" for r in made) else 0


if __name__ == "__main__":
    sys.exit(main())
