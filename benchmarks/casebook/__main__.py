"""Play planted cases and say who was right: ``python -m benchmarks.casebook --cases 20``.

Every case is made (drawn, planted, its network trained), played by the planner as ``failsight run`` plays it, and judged
against its key and against pictures that nobody saw. Results are kept a line a case; the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any, cast

from benchmarks.casebook.making import NotMadeError, make_case
from benchmarks.casebook.plans import SIZES, Split, key_digest, slot
from benchmarks.casebook.playing import TooLongError, play
from benchmarks.casebook.table import markdown

CACHE = Path.home() / ".cache" / "failsight" / "planted" / "casebook"


def one(split: Split, number: int, planner: str, cache: Path) -> dict[str, Any]:
    """The result of one case, as JSON values."""
    entry = slot(split, number)
    row: dict[str, Any] = {
        "case": f"{split}/{number}", "bugs": list(entry.bugs), "world": entry.world, "variant": entry.variant,
        "null": entry.null, "planner": planner,
    }  # fmt: skip
    home = Path(tempfile.mkdtemp(prefix="case-"))
    began = time.monotonic()
    try:
        case = make_case(split, number, home, cache)
        row |= {
            "made": round(time.monotonic() - began, 1),
            "attempt": case.plan.attempt,
            "taken_up": round(case.size, 3),
        }
        row |= play(case, planner, home / "played")
    except (NotMadeError, TooLongError) as problem:
        row["problem"] = str(problem)
    finally:
        shutil.rmtree(home, ignore_errors=True)
    return row


def main() -> None:
    """Parse, play what is left, print the tables."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.casebook", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--split", choices=("dev", "test"), default="dev")
    parser.add_argument("--cases", type=int, default=20, help="the first so many")
    parser.add_argument("--start", type=int, default=0, help="number of the first case")
    parser.add_argument("--planner", default="guided")
    parser.add_argument(
        "--out", type=Path, help="results, a JSON object a line; what it holds is not played again"
    )
    parser.add_argument(
        "--cache", type=Path, default=CACHE, help="folder of drawn pictures and shared networks"
    )
    parser.add_argument(
        "--digest", action="store_true", help="print the digest of the split's answer key and stop"
    )
    given = parser.parse_args()
    split = cast("Split", given.split)
    if given.digest:
        print(key_digest(split))
        return
    out = given.out or Path(tempfile.gettempdir()) / f"casebook-{split}.jsonl"
    rows = [json.loads(line) for line in out.read_text("utf-8").splitlines()] if out.is_file() else []
    done = {(r["case"], r["planner"]) for r in rows}
    wanted = range(given.start, min(given.start + given.cases, SIZES[split]))
    for i, number in enumerate(wanted):
        if (f"{split}/{number}", given.planner) in done:
            continue
        row = one(split, number, given.planner, given.cache)
        rows.append(row)
        with out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        first = next(iter(row.get("statements", ())), None)
        told = (
            f"{first['judgement']}: {first['says'][:90]}"
            if first
            else row.get("problem", "nothing confirmed")
        )
        print(f"{i + 1} of {len(wanted)} {row['case']} {'+'.join(row['bugs']) or 'null'}: {told}", flush=True)
    numbers = {f"{split}/{n}" for n in wanted}
    print("\n" + markdown([r for r in rows if r["case"] in numbers and r["planner"] == given.planner]))


if __name__ == "__main__":
    main()
