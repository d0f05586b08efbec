"""What ``failsight bench`` and ``python -m benchmarks.casebook`` do: play, tell how long it still takes, print tables or JSON."""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

from benchmarks.casebook.baselines.methods import METHODS
from benchmarks.casebook.bugs import RECIPES
from benchmarks.casebook.plans import SIZES, Split, key_digest, slot
from benchmarks.casebook.running import CACHE, Pace, Row, Wish, code_digest, run_wish
from benchmarks.casebook.table import compared, markdown, summary
from failsight.agent.ui.words import duration, inert_text
from failsight.tools.errors import UserError
from failsight.tools.text import clean

NULL = "null"  # what cases without a fault are called where faults are
ABOUT = (
    "Statements without a kind can't be wrong in it: they are right wherever their place is that of a planted fault. Groups of "
    "pictures without words are named by the attribute value that says most about who is in them, given the label. Intervals: "
    "Wilson, 95 %; of statements: resampled cases."
)


def run(given: argparse.Namespace) -> int:
    """Play what is left of the wished cases and print the scores."""
    wish = wish_of(given)
    if "sliceline" in wish.players and find_spec("sliceline") is None:
        raise UserError(
            "The method sliceline is a package of its own, which is not installed.",
            "Install it with `pip install 'failsight[bench]'`, or name the other methods.",
        )
    out = given.out or Path(tempfile.gettempdir()) / f"casebook-{wish.split}-{code_digest()}.jsonl"
    rows = run_wish(wish, out, told)
    other = sum(row.get("code") != code_digest() for row in rows if not row.get("ended"))
    if other:
        print(
            f"{other:,} of {len(rows):,} results were made by another version of the code.", file=sys.stderr
        )
    print(json.dumps(as_json(wish, rows), indent=1) if given.json else as_text(wish, rows))
    print(f"Results: {out}", file=sys.stderr)
    return 0


def wish_of(given: argparse.Namespace) -> Wish:
    """What the arguments ask for. Raises UserError where there is no such case."""
    split = cast("Split", given.split)
    span = range(max(0, given.start), min(given.start + given.cases, SIZES[split]))
    if not span:
        raise UserError(
            f"The split {split} has {SIZES[split]} cases, numbered from 0: none of them is asked for.",
            "Give another --start or --cases.",
        )
    only = tuple(dict.fromkeys(given.only or ()))
    numbers = _with(split, span, only) if only else span
    methods = tuple(METHODS) if "all" in (given.method or ()) else tuple(dict.fromkeys(given.method or ()))
    planners = tuple(dict.fromkeys(given.planner or (() if methods else ("guided",))))
    cache = given.cache or CACHE
    keep = None if given.make_anew else cache / "made"
    return Wish(
        split, numbers, (*planners, *methods), cache, keep, given.gigabytes, given.limit, max(1, given.jobs),
        given.budget, only,
    )  # fmt: skip


def _with(split: Split, span: range, faults: Sequence[str]) -> list[int]:
    """The cases of ``span`` that hold one of the faults (``null``: none at all). Raises UserError where there is none."""
    unknown = [name for name in faults if name != NULL and name not in RECIPES]
    if unknown:
        raise UserError(
            f"No case has the fault {clean(unknown[0], 60)}.",
            f"Faults are: {', '.join((*RECIPES, NULL))} (for cases without any).",
        )
    made = [n for n in span if set(slot(split, n).bugs or (NULL,)) & set(faults)]
    if not made:
        raise UserError(
            f"None of the cases {span[0]} to {span[-1]} of {split} has {' or '.join(faults)}.",
            "Give more --cases.",
        )
    return made


def told(rows: Sequence[Row], pace: Pace) -> None:
    """A line for each player of a case that is done, on stderr."""
    left = f", {duration(pace.left)} left" if pace.done < pace.total else ""
    for row in rows:
        first = next(iter(row.get("statements", ())), None)
        said = f"{first['judgement']}: {first['says'][:90]}" if first else _nothing(row)
        kind = "+".join(row["bugs"]) or "null"
        head = f"{pace.done} of {pace.total}{left}: {row['case']} {kind}, {row['planner']}: "
        print(inert_text(head + said), file=sys.stderr, flush=True)


def _nothing(row: Row) -> str:
    return str(row.get("problem") or row.get("failed") or "nothing confirmed")


def as_text(wish: Wish, rows: Sequence[Row]) -> str:
    """All tables, as Markdown."""
    parts = []
    for player in wish.players:
        mine = [r for r in rows if r["planner"] == player]
        if player not in METHODS or len(wish.players) == 1:
            parts.append(f"## {titles(wish)[player]}, {len(mine)} cases of {wish.split}\n\n{markdown(mine)}")
    if len(wish.players) > 1:
        parts.append(f"## All on the same cases\n\n{compared(rows, titles(wish))}\n\n{ABOUT}")
        notes = [f"- {METHODS[p].title}: {METHODS[p].source}" for p in wish.players if p in METHODS]
        parts.append("\n".join(notes))
    return "\n\n".join(p for p in parts if p)


def titles(wish: Wish) -> dict[str, str]:
    """Player → what to call it."""
    return {p: METHODS[p].title if p in METHODS else f"Failsight, {p}" for p in wish.players}


def as_json(wish: Wish, rows: Sequence[Row]) -> dict[str, Any]:
    """Scores of all players, and how they were made."""
    span = wish.numbers[-1] - wish.numbers[0] + 1
    command = f"failsight bench --split {wish.split} --start {wish.numbers[0]} --cases {span}"
    command += "".join(f" --only {name}" for name in wish.only)
    asked = "".join(f" --method {p}" if p in METHODS else f" --planner {p}" for p in wish.players)
    return {
        "command": command + asked,
        "cases": len(wish.numbers),
        "code": sorted({str(r.get("code", "")) for r in rows}),
        "key": key_digest(wish.split),
        "versions": {n: version(n) for n in ("failsight", "torch", "numpy")}
        | {"python": platform.python_version()},
        "machine": f"{platform.machine()}, {platform.system()}",
        "players": {p: summary([r for r in rows if r["planner"] == p]) for p in wish.players},
        "rows": list(rows),
    }
