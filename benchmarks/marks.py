"""Are marks that nobody named found unasked, and is nothing found where there is none?

    python -m benchmarks.marks --part dev          the worlds that the rules were made on
    python -m benchmarks.marks --part fresh        fresh worlds, to be counted once
    python -m benchmarks.marks --part null         worlds with no mark, or one that the network does not use

Each world is pictures, labels and a small network trained on them (``marks_worlds``): no metadata, no boxes, no words. One line
a world goes to ``--out`` as it is done, and a world that is there already is not played again. ``--table`` prints the counts.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import marks_worlds as worlds
from failsight.tools.find_marks import find_marks
from failsight.tools.inputs.base import Predictions
from failsight.tools.stats.intervals import wilson

TAKEN = (
    0.3  # share of other classes' pictures that go to the class with the mark, from which the network uses it
)
UNUSED = 0.1  # points by which the mark may raise it where a network does not use it
PARTS = {
    "dev": lambda: worlds.development(12),
    "dev null": lambda: worlds.nulls("devnull", 12),
    "fresh": lambda: worlds.fresh(14),
    "null": lambda: worlds.nulls("null", 42),
}
Row = dict[str, Any]


def view_of(world: worlds.World) -> Any:
    """A case over the world's pictures."""
    from tests.fakes.view import FakeModel, FakeTable, FakeView

    class View(FakeView):
        _made: dict[str, Predictions]

        def predictions(self, split: str = "data") -> Predictions:
            made = self.__dict__.setdefault("_made", {})
            if split not in made:
                made[split] = super().predictions(split)
            found: Predictions = made[split]
            return found

    plan, side = world.plan, worlds.SEEN[world.plan.source]
    tables = {
        split: FakeTable(world.pixels[split], world.labels[split].tolist(), plan.classes)
        for split in ("data", *(["train"] if plan.train else []))
    }
    model = FakeModel(None, plan.classes, (side, side), world.network)
    model.fingerprint = plan.name
    return View(tables, model)


def play(world: worlds.World) -> Row:
    """What the tool says of a world, beside what was put in."""
    plan, view = world.plan, view_of(world)
    view.predictions()
    view.model().seen, began = 0, time.process_time()
    made = find_marks(view)
    seconds = time.process_time() - began
    found = [_said(world, f.slice["region"], str(f.class_name)) for f in made.findings if f.slice]
    return {
        "world": plan.name, "source": plan.source, "form": plan.mark.form, "colour": plan.mark.colour,
        "fixed": plan.mark.place is not None, "area": plan.mark.area, "share": plan.share, "rare": plan.rare, "train": plan.train,
        "null": plan.null, "target": plan.target, "accuracy": world.accuracy, "taken": world.taken, "found": found,
        "said": [f.statement for f in made.findings], "seconds": seconds, "passes": view.model().seen,
    }  # fmt: skip


def _said(world: worlds.World, spec: str, name: str) -> Row:
    """A confirmed mark: its class, and how well it is found where the mark was put (and only there)."""
    import numpy as np

    from failsight.tools.experiments.donors import Pictures
    from failsight.tools.marks.trials import Bench

    view = view_of(world)
    bench = Bench.of(view, spec, {"data": Pictures(view, "data")})
    marked = world.marked["data"]
    rng = world.plan.rng("judge")
    has = rng.permutation(np.flatnonzero(marked))[:40]
    lacks = rng.permutation(np.flatnonzero(~marked))[:80]
    return {
        "class": name, "spec": spec,
        "in_marked": float(bench.shows("data", has).mean()) if len(has) else None,
        "in_others": float(bench.shows("data", lacks).mean()) if len(lacks) else None,
    }  # fmt: skip


def right(row: Mapping[str, Any], one: Mapping[str, Any]) -> bool:
    """Whether a confirmed mark is the one that was put in: its class, seen in marked pictures thrice as often as in others."""
    seen, others = one["in_marked"] or 0.0, one["in_others"] or 0.0
    return bool(one["class"] == row["target"] and seen >= 0.3 and seen >= 3 * others)


def kind_of(row: Mapping[str, Any]) -> str:
    """``used``, ``null`` or ``neither``: what the world counts for."""
    with_, plain = row["taken"]
    if row["null"]:
        return "null" if with_ - plain < UNUSED or row["null"] == "no mark" else "neither"
    return "used" if with_ >= TAKEN else "neither"


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The counts with Wilson's 95 % intervals."""
    used = [r for r in rows if kind_of(r) == "used"]
    null = [r for r in rows if kind_of(r) == "null"]
    hit = sum(any(right(r, f) for f in r["found"]) for r in used)
    more = sum(any(not right(r, f) for f in r["found"]) for r in used)
    false = sum(bool(r["found"]) for r in null)
    lines = []
    for what, k, n in (
        ("mark used by the network, found with its class", hit, len(used)),
        ("mark used, and something else confirmed as well", more, len(used)),
        ("nothing to find, something confirmed", false, len(null)),
    ):
        low, high = wilson(k, n) if n else (0.0, 1.0)
        lines.append(f"{what}: {k} of {n} [{100 * low:.0f}, {100 * high:.0f}] %")
    seconds = sorted(r["seconds"] for r in rows)
    passes = max((r["passes"] for r in rows), default=0)
    if rows:
        lines.append(
            f"processor seconds: median {seconds[len(seconds) // 2]:.1f}, most {seconds[-1]:.1f}; most passes {passes}"
        )
    lines.append(
        f"neither (not taken up, or taken up without having been taught): {len(rows) - len(used) - len(null)}"
    )
    return "\n".join(lines)


def main() -> None:
    """Play worlds and print the counts."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "--part", choices=PARTS, action="append", help="which worlds (may be repeated); default: dev"
    )
    parser.add_argument("--out", type=Path, default=Path("marks.jsonl"), help="results, a line a world")
    parser.add_argument(
        "--table", action="store_true", help="print the counts of what is there, play nothing"
    )
    given = parser.parse_args()
    lines = given.out.read_text("utf-8").splitlines() if given.out.is_file() else []
    done: dict[str, Row] = {row["world"]: row for row in map(json.loads, lines)}
    plans = [plan for part in given.part or ["dev"] for plan in PARTS[part]()]
    for plan in plans:
        if plan.name in done or given.table:
            continue
        done[plan.name] = play(worlds.make(plan))
        with given.out.open("a", encoding="utf-8") as file:
            file.write(json.dumps(done[plan.name]) + "\n")
        one = done[plan.name]
        print(plan.name, kind_of(one), [(f["class"], right(one, f)) for f in one["found"]], flush=True)
    print(table([done[p.name] for p in plans if p.name in done]))


if __name__ == "__main__":
    main()
