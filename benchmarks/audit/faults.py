"""Faults injected and survived, and broken inputs tried: one table.

    python -m benchmarks.audit.faults [--quick] [--only disks kills …] [--workers]

Broken inputs are counted by ``benchmarks.audit.fuzzing`` in ``fuzzed.json`` over several runs; here the counts are told. Faults are injected
anew: each result replaces the one of its kind in ``faults.json``. ``--workers`` also kills workers of a Ray cluster (a minute).
"""

from __future__ import annotations

import argparse
import json
import logging
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks.audit import crashes, disks, fuzzing, hostile
from benchmarks.audit.injected import Injected

KEPT = Path(__file__).with_name("faults.json")


def kinds(quick: bool, seed: int) -> dict[str, Callable[[Path], Iterable[Injected]]]:
    """Name → what injects the faults of that kind in a folder of its own."""
    few = 3 if quick else 1
    return {
        "disks": lambda f: [disks.run(f, 2 if quick else 6)],
        "quota": lambda f: [disks.quota(f, 4 if quick else 16, seed)],
        "kills": lambda f: [crashes.kills(f, 60 // few, seed)],
        "journals": lambda f: [crashes.tampering(f, 300 // few)],
        "clocks": lambda f: [crashes.clocks(f, 12 // few, seed)],
        "endpoints": hostile.endpoints,
        "screens": lambda f: [hostile.screens(f)],
    }


def workers() -> Injected:
    """Workers of a Ray cluster that die at work: the tests of the engine, one by one."""
    made = Injected("worker killed (Ray)", "the same table, nothing left behind")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:xdist",
        "-m",
        "slow",
        "tests/engine/test_ray.py",
        "-k",
        "kill or interrupt",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    told = done.stdout.strip().splitlines()[-1:] or ["no output"]
    count = {
        word.rstrip(","): int(n)
        for n, word in zip(told[0].split(), told[0].split()[1:], strict=False)
        if n.isdecimal()
    }
    made.tried = count.get("passed", 0) + count.get("failed", 0) + count.get("errors", 0)
    made.bad = [told[0]] if done.returncode else []
    return made


def table(kept: dict[str, Any], ledger: fuzzing.Ledger) -> str:
    """The figures as Markdown."""
    rows = ["| faults | injected | survived | survived means |", "|---|---|---|---|"]
    rows += [f"| {k} | {v['tried']:,} | {v['survived']:,} | {v['what']} |" for k, v in kept.items()]
    total, held = (sum(v[name] for v in kept.values()) for name in ("tried", "survived"))
    rows.append(f"| **all** | {total:,} | {held:,} | |")
    rows.append(
        f"\n{ledger.tried:,} broken inputs over {len(ledger.targets)} readers; {ledger.wrong} were not handled, by {len(ledger.faults)} faults, "
        f"of which {len(ledger.faults) - ledger.standing} are mended and {ledger.standing} stand."
    )
    return "\n".join(rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    names = list(kinds(True, 0))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=names, default=[])
    parser.add_argument("--workers", action="store_true")
    parser.add_argument("--table", action="store_true", help="only what is kept")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    kept: dict[str, Any] = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    chosen = kinds(given.quick, given.seed)

    def keep(made: Injected, seconds: float) -> None:
        kept[made.kind] = {"tried": made.tried, "survived": made.survived, "what": made.what, "bad": made.bad}
        KEPT.write_text(json.dumps(dict(sorted(kept.items())), indent=1) + "\n", encoding="utf-8")
        print(f"{made.kind}: {made.survived} of {made.tried} ({seconds:.0f} s)", file=sys.stderr, flush=True)
        for bad in made.bad:
            print(f"    {bad}", file=sys.stderr, flush=True)

    for name in () if given.table else (given.only or chosen):
        with tempfile.TemporaryDirectory() as folder:
            began = time.monotonic()
            for made in chosen[name](Path(folder)):
                keep(made, time.monotonic() - began)
    if given.workers:
        began = time.monotonic()
        keep(workers(), time.monotonic() - began)
    ledger = fuzzing.load(fuzzing.LEDGER)
    print(table(kept, ledger))
    return 1 if ledger.standing or any(v["bad"] for v in kept.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
