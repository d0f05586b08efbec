"""Play planted cases and say who was right: ``python -m benchmarks.casebook --cases 20``; the same as ``failsight bench``.

Every case is made once (drawn, planted, its network trained) and kept; played by the planner as ``failsight run`` plays it; and
judged against its key and against pictures that nobody saw. Results are kept a line a case; the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from benchmarks.casebook.command import run
from benchmarks.casebook.plans import key_digest
from failsight.agent.commands.bench import arguments
from failsight.tools.errors import FailsightError


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, play what is left, print the tables."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.casebook", description=(__doc__ or "").splitlines()[0]
    )
    arguments(parser)
    parser.add_argument(
        "--digest", action="store_true", help="print the digest of the split's answer key and stop"
    )
    given = parser.parse_args(argv)
    if given.digest:
        print(key_digest(given.split))
        return 0
    try:
        return run(given)
    except FailsightError as problem:
        print(problem, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
