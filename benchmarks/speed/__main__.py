"""How fast it is: every ratio that was promised, in one run, in one table.

    python -m benchmarks.speed            everything (some 15 minutes on two idle cores)
    python -m benchmarks.speed --quick    smaller tables, without the slowest peers (about 3 minutes)
    python -m benchmarks.speed --guard    exit 1 where a ratio is 1.5 times worse than the stored one
    python -m benchmarks.speed --store    keep this run's ratios as those that the guard compares with
    python -m benchmarks.speed --write    put table and picture into docs/speed.md

Each part runs in a process of its own with one thread (``benchmarks.speed.sections``). Ratios are of processor time: other work on the
machine disturbs them least. Figures in seconds of the clock hold for this machine and are told, not guarded.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.speed.sections import SECTIONS
from benchmarks.speed.shown import PROMISES, judged, machine, page, picture, regressions, shown

HERE = Path(__file__).parent
STORED, LAST = HERE / "stored.json", HERE / "last.json"
DOCS = HERE.parents[1] / "docs"


def section(name: str, quick: bool, seconds: float = 1500) -> dict[str, Any]:
    """The figures of one part; why there are none, where it fails."""
    command = [sys.executable, "-m", "benchmarks.speed.sections", name, *(["--quick"] if quick else [])]
    alone = {**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=alone, timeout=seconds
        )
    except subprocess.TimeoutExpired:
        return {f"failed:{name}": f"longer than {seconds:g} s"}
    lines = done.stdout.strip().splitlines()
    if done.returncode or not lines:
        return {f"failed:{name}": (done.stderr.strip().splitlines() or ["no output"])[-1][:300]}
    made: dict[str, Any] = json.loads(lines[-1])
    return made


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--guard", action="store_true")
    parser.add_argument("--store", action="store_true")
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), default=[])
    parser.add_argument("--kept", action="store_true", help="no measuring: the last run's figures")
    given = parser.parse_args()
    last: dict[str, Any] = json.loads(LAST.read_text()) if LAST.exists() else {}
    figures: dict[str, Any] = last.get("figures", {}) if given.kept or given.only else {}
    for name in () if given.kept else (given.only or SECTIONS):
        began = time.monotonic()
        print(f"{name} …", end=" ", file=sys.stderr, flush=True)
        figures = {k: v for k, v in figures.items() if k != f"failed:{name}"} | section(name, given.quick)
        print(f"{time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        LAST.write_text(
            json.dumps({"machine": machine(), "quick": given.quick, "figures": figures}, indent=1) + "\n"
        )
    about = last["machine"] if given.kept else machine()
    print(shown(figures, about))
    if given.store:
        kept = {p.name: round(figures[p.name], 4) for p in PROMISES if p.guarded and p.name in figures}
        before = json.loads(STORED.read_text()) if STORED.exists() else {}
        STORED.write_text(json.dumps(before | {"quick" if given.quick else "full": kept}, indent=1) + "\n")
    if given.write:
        (DOCS / "pictures").mkdir(exist_ok=True)
        (DOCS / "pictures" / "speed.svg").write_text(picture(figures), encoding="utf-8")
        page(DOCS / "speed.md", figures, about)
    if given.guard:
        stored = (
            json.loads(STORED.read_text()).get("quick" if given.quick else "full", {})
            if STORED.exists()
            else {}
        )
        worse = regressions(figures, stored)
        print("\n".join(worse) or f"No ratio of {len(stored)} is 1.5 times worse than the stored one.")
        return 1 if worse else 0
    return 1 if any(judged(p, figures) == "missed" for p in PROMISES) else 0


if __name__ == "__main__":
    sys.exit(main())
