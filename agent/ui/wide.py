"""Evidence on standard output: in a terminal at its width, elsewhere as wide as its tables need, so that no cell is cut or broken."""

from __future__ import annotations

import os
import sys
from typing import Any, TextIO

from failsight.tools.evidence import Evidence

LEAST = 100  # columns of prose that goes to a file or a pipe
FRAME = 4  # of the panel around it


def print_evidence(made: Evidence, stream: TextIO | None = None) -> None:
    """Print evidence with its tables."""
    from rich.console import Console

    out = sys.stdout if stream is None else stream
    Console(file=out, width=None if out.isatty() else width_of(made)).print(made)


def width_of(made: Evidence) -> int:
    """Columns for a pipe: what COLUMNS says, else what the widest table needs."""
    from rich.console import Console
    from rich.measure import Measurement

    from failsight.tools.faces import table_rich

    said = os.environ.get("COLUMNS", "")
    if said.isdecimal() and int(said) > 0:
        return int(said)
    console = Console(width=100_000)
    tables: list[Any] = [table_rich(t) for t in made.tables]
    widths = (Measurement.get(console, console.options, t).maximum + FRAME for t in tables)
    return max((LEAST, *widths))
