"""Faults injected and survived, and broken inputs tried: one table.

    python -m benchmarks.audit.faults [--inputs 60000] [--moments 4] [--seed 0]

Inputs are shared among the targets of ``targets_*.py``, each within a bounded time; a target's ``share`` says how many it gets.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
import warnings
from pathlib import Path

from benchmarks.audit import disks, fuzz, targets_files, targets_models, targets_words


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--inputs", type=int, default=60_000)
    parser.add_argument("--moments", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    desk = targets_files.Desk()
    targets = [t for module in (targets_files, targets_words, targets_models) for t in module.targets(desk)]
    unit = given.inputs / sum(t.share for t in targets)
    tried = wrong = 0
    for target in targets:
        made = fuzz.run(target, max(10, round(unit * target.share)), unit / 300, given.seed)
        tried, wrong = tried + made.tried, wrong + made.wrong
        print(
            f"{made.target:<34}{made.tried:>9,} tried {made.refused:>9,} refused {made.wrong:>5} wrong",
            flush=True,
        )
        for where, how in made.faults.items():
            print(f"    {where}: {how}")
    print(f"{tried:,} broken inputs, {wrong} unhandled")
    with tempfile.TemporaryDirectory() as folder:
        faults = disks.run(Path(folder), given.moments)
    print(f"{faults.kind}: {faults.survived} of {faults.tried} survived ({faults.what})")
    for bad in faults.bad:
        print(f"    {bad}")
    return 1 if wrong or faults.bad else 0


if __name__ == "__main__":
    sys.exit(main())
