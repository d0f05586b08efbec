"""``failsight bench``: planted faults, who finds them and who cries wolf. Light: the benchmark itself loads when it runs."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from failsight.tools.errors import UserError

CASES = 60
METHODS = ("hibug", "domino", "spotlight", "sliceline", "barlow", "confusion")
MISSING = "The benchmark does not come with the installed package: it makes hundreds of cases and trains their models."
ADVICE = "Get the repository, `pip install -e '.[bench]'` in it, and run the command from there."


def arguments(parser: argparse.ArgumentParser) -> None:
    """What the command takes."""
    parser.add_argument(
        "--planner",
        action="append",
        metavar="NAME",
        help="as in `failsight run --planner`; may be given more than once (default guided, unless only methods are asked for)",
    )
    parser.add_argument(
        "--method",
        action="append",
        choices=(*METHODS, "all"),
        help="a method of the literature on the same cases; may be given more than once",
    )
    parser.add_argument(
        "--split",
        choices=("dev", "test", "fresh"),
        default="dev",
        help="dev to build against, test and fresh to be run once",
    )
    parser.add_argument("--cases", type=int, default=CASES, metavar="N", help=f"how many (default {CASES})")
    parser.add_argument("--start", type=int, default=0, metavar="N", help="number of the first case")
    parser.add_argument(
        "--only", action="append", metavar="FAULT", help="of these cases those with this fault; `null`: those without any; may be given more than once"
    )  # fmt: skip
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="cases at the same time (default 1)")
    parser.add_argument(
        "--out", type=Path, metavar="FILE.jsonl", help="results, a case a line; what it holds is not played again"
    )  # fmt: skip
    parser.add_argument(
        "--budget", default="", metavar="NAME=CAP,…", help="of a language model, for each case"
    )
    parser.add_argument(
        "--limit", type=float, default=900.0, metavar="SECONDS", help="after which a case is given up"
    )
    parser.add_argument(
        "--cache", type=Path, metavar="FOLDER", help="for drawn pictures, shared networks and made cases"
    )
    parser.add_argument("--make-anew", action="store_true", help="make every case again, and keep none")
    parser.add_argument(
        "--gigabytes", type=float, default=4.0, metavar="N", help="made cases that are kept, at most"
    )
    parser.add_argument(
        "--json", action="store_true", help="print JSON: scores with intervals, and the command"
    )


def run(args: argparse.Namespace) -> int:
    """Play the cases and print the tables."""
    return int(benchmark().run(args))


def benchmark() -> Any:
    """The module that does the work. Raises UserError where it is not installed."""
    if find_spec("benchmarks") is None or find_spec("benchmarks.casebook") is None:
        place = next((p for p in (Path(__file__).resolve().parents[2], Path.cwd()) if _holds(p)), None)
        if place is None:
            raise UserError(MISSING, ADVICE)
        sys.modules.pop("benchmarks", None)
        sys.path.insert(0, str(place))  # before a package of the same name that somebody else installed
    return import_module("benchmarks.casebook.command")


def _holds(folder: Path) -> bool:
    return (folder / "benchmarks" / "casebook" / "keys.sha256").is_file()
