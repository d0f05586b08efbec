"""Play planted cases and say who was right: ``python -m benchmarks.casebook --cases 20``.

Every case is made once (drawn, planted, its network trained) and kept; played by the planner as ``failsight run`` plays it; and
judged against its key and against pictures that nobody saw. Results are kept a line a case; the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from benchmarks.casebook.keeping import GIGABYTES
from benchmarks.casebook.plans import SIZES, Split, key_digest
from benchmarks.casebook.playing import LIMIT
from benchmarks.casebook.running import CACHE, Pace, Row, Wish, run
from benchmarks.casebook.table import markdown


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument("--split", choices=("dev", "test"), default="dev")
    parser.add_argument("--cases", type=int, default=20, metavar="N", help="the first so many")
    parser.add_argument("--start", type=int, default=0, metavar="N", help="number of the first case")
    parser.add_argument("--planner", default="guided", help="as in `failsight run --planner`")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="cases at the same time")
    parser.add_argument(
        "--out",
        type=Path,
        metavar="F.jsonl",
        help="results, a JSON object a line; what it holds is not played again",
    )
    parser.add_argument(
        "--limit", type=float, default=LIMIT, metavar="SECONDS", help="after which a case is given up"
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=CACHE,
        metavar="FOLDER",
        help="drawn pictures, shared networks, and (in made/) the cases made so far",
    )
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="the cases made so far lie here instead")
    parser.add_argument("--make-anew", action="store_true", help="use and keep no made case")
    parser.add_argument(
        "--gigabytes", type=float, default=GIGABYTES, metavar="N", help="of made cases are kept at most"
    )
    parser.add_argument(
        "--digest", action="store_true", help="print the digest of the split's answer key and stop"
    )


def wish_of(given: argparse.Namespace) -> Wish:
    """What the arguments ask for."""
    split = cast("Split", given.split)
    numbers = range(given.start, min(given.start + given.cases, SIZES[split]))
    keep = None if given.make_anew else given.keep or given.cache / "made"
    return Wish(
        split, numbers, (given.planner,), given.cache, keep, given.gigabytes, given.limit, max(1, given.jobs)
    )


def told(rows: Sequence[Row], pace: Pace) -> None:
    """A line for a case that is done."""
    for row in rows:
        first = next(iter(row.get("statements", ())), None)
        said = f"{first['judgement']}: {first['says'][:90]}" if first else _nothing(row)
        left = f"{pace.left / 60:.0f} min left" if pace.left >= 90 else f"{pace.left:.0f} s left"
        kind = "+".join(row["bugs"]) or "null"
        print(f"{pace.done} of {pace.total}, {left}: {row['case']} {kind}: {said}", file=sys.stderr, flush=True)  # fmt: skip


def _nothing(row: Row) -> str:
    return str(row.get("problem") or row.get("failed") or "nothing confirmed")


def main(argv: Sequence[str] | None = None) -> None:
    """Parse, play what is left, print the tables."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.casebook", description=(__doc__ or "").splitlines()[0]
    )
    arguments(parser)
    given = parser.parse_args(argv)
    if given.digest:
        print(key_digest(cast("Split", given.split)))
        return
    out = given.out or Path(tempfile.gettempdir()) / f"casebook-{given.split}.jsonl"
    rows: list[dict[str, Any]] = run(wish_of(given), out, told)
    print(markdown(rows))


if __name__ == "__main__":
    main()
