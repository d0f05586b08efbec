"""Are planted cues confirmed, and decoys refuted, by masking and by adding, and does the effect grow with the dose?

    python -m benchmarks.hypotheses --seeds 20            # about a quarter of an hour on one free core
    python -m benchmarks.hypotheses --seeds 3 --first 100 --out dev.jsonl --markdown dev.md

Seeds 1 to 20 are for the figures; develop with others (``--first 100``). What ``--out`` holds is not asked again, so that
an interrupted run goes on where it was; give another file after a change of the tools.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from benchmarks.hypotheses.report import markdown
from benchmarks.hypotheses.trials import Result, load, run

HERE = Path(__file__).parent


def default_out() -> Path:
    """Where results are kept when nothing else is said."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "failsight" / "hypotheses" / "results.jsonl"


def main(argv: Sequence[str] | None = None) -> int:
    """Ask, compare, print."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.hypotheses", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--seeds", type=int, default=20, help="how many")
    parser.add_argument("--first", type=int, default=1, help="the first of them")
    parser.add_argument(
        "--out",
        type=Path,
        default=default_out(),
        help="file for all results, one JSON object a line",
    )
    parser.add_argument("--markdown", type=Path, default=HERE / "results.md", help="file for the tables")
    parser.add_argument("--report", action="store_true", help="ask nothing; tell what --out holds so far")
    given = parser.parse_args(argv)
    if given.seeds < 1 or given.first < 1:
        parser.error("seeds are counted from 1")
    if given.report:
        results = [r for r in load(given.out) if r.seed >= given.first]
    else:
        import torch

        torch.set_num_threads(1)
        seeds = range(given.first, given.first + given.seeds)
        results = run(seeds, given.out, lambda line: print(line, file=sys.stderr, flush=True))
    lines = markdown(results)
    print("\n".join(lines))
    head = [
        "# Experiments judged by what is true",
        "",
        f"Measured on {date.today():%d %B %Y} by `python -m benchmarks.hypotheses --seeds {given.seeds}"
        + (f" --first {given.first}" if given.first != 1 else "")
        + f"`: {_cases(results, False)} cases of the demo, {_cases(results, True)} trained networks. Shares with Wilson 95 % "
        "intervals; effects in points (hundredths of a probability); what is asked of which "
        "model: `benchmarks/hypotheses/questions.py`; what is true is measured on twins of the scenes, drawn with and "
        "without the cue (`truth.py`).",
        "",
    ]
    given.markdown.write_text("\n".join([*head, *lines]) + "\n", encoding="utf-8")
    return 0


def _cases(results: Sequence[Result], trained: bool) -> int:
    """How many cases were judged."""
    return len({r.seed for r in results if (r.family == "trained") == trained})


if __name__ == "__main__":
    sys.exit(main())
