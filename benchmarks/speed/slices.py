"""Speed and memory of the slice search beside plain counting, pysubgroup and SliceLine, in one run.

    python -m benchmarks.speed.slices [--no-sliceline] [--rounds 7] [--rows 100000] [--attributes 12] [--seed 21]

One table of 100,000 rows and 12 attributes (cardinality 2 to 12; with ``--rows 1000000 --attributes 15`` the larger one),
five planted slices, depth 3, support 0.5 % (SliceLine: 2 %, below which it runs out of memory on this table). Times are the
best of several rounds in which ours and the references take turns (peers: pysubgroup best of two after a first run that
compiles, SliceLine one run), as wall-clock time and as processor time, which other work on the machine disturbs less;
memory is the rise of the peak resident size in a process of its own, above the table. The search counts, ranks, tests
on the other half and merges; the reference only counts. ``--pysubgroup-rows N`` runs pysubgroup on the first N rows and
scales its time with the rows (it grows in proportion or faster); below: 20,000 rows and 8 attributes, a further
attribute with the counts of the others at hand, and the same counts from chunks of a Parquet file.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import logging
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.speed.memory import peak_growth
from failsight.tools.stats.slices import (
    CountCache,
    Counts,
    SearchSettings,
    SliceReport,
    count_conjunctions,
    find_slices,
)
from failsight.tools.stats.slices.stream import arrow_chunks, count_stream
from tests.stats.tables import Conditions, five_planted

SUPPORT, SLICELINE_SUPPORT = 0.005, 0.02
MORE = (4, 6, 8)  # values of the thirteenth attribute and on
Table = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


def reference(codes: np.ndarray[Any, Any], errors: np.ndarray[Any, Any] | None) -> list[np.ndarray[Any, Any]]:
    """Plain counting: one bincount over mixed-radix codes per attribute triple, then pairs and singles as marginals.

    With errors, each cell is split into right and wrong rows; without, rows alone are counted.
    """
    columns = [np.ascontiguousarray(column, dtype=np.int64) for column in codes.T]
    sizes = [int(column.max()) + 1 for column in columns]
    wrong = None if errors is None else errors.astype(np.int64)
    out: list[np.ndarray[Any, Any]] = []
    pairs: dict[tuple[int, int], np.ndarray[Any, Any]] = {}
    for a, b, c in combinations(range(len(columns)), 3):
        key = (columns[a] * sizes[b] + columns[b]) * sizes[c] + columns[c]
        shape: tuple[int, ...] = (sizes[a], sizes[b], sizes[c])
        if wrong is not None:
            key, shape = key * 2 + wrong, (*shape, 2)
        cells = np.bincount(key, minlength=int(np.prod(shape))).reshape(shape)
        out.append(cells)
        for pair, axis in (((a, b), 2), ((a, c), 1), ((b, c), 0)):
            if pair not in pairs:
                pairs[pair] = cells.sum(axis=axis)
    singles = {a: pairs[a, b].sum(axis=1) for a, b in pairs}
    return [*out, *pairs.values(), *singles.values()]


def ours(codes: np.ndarray[Any, Any], errors: np.ndarray[Any, Any]) -> SliceReport:
    """The whole search, as the tool runs it."""
    return find_slices(codes, errors, settings=SearchSettings(depth=3))


def pysubgroup(codes: np.ndarray[Any, Any], errors: np.ndarray[Any, Any], algorithm: str) -> Any:
    """pysubgroup's ten best subgroups of depth ≤ 3 by weighted relative accuracy."""
    import pandas as pd
    import pysubgroup as ps

    frame = pd.DataFrame({f"a{j}": codes[:, j].astype(str) for j in range(codes.shape[1])})
    frame["error"] = errors.astype(bool)
    space = ps.create_nominal_selectors(frame, ignore=["error"])
    task = ps.SubgroupDiscoveryTask(
        frame,
        ps.BinaryTarget("error", True),
        space,
        result_set_size=10,
        depth=3,
        qf=ps.WRAccQF(),
        constraints=[ps.MinSupportConstraint(int(SUPPORT * len(errors)))],
    )
    runner = ps.Apriori() if algorithm == "Apriori" else ps.DFS(ps.BitSetRepresentation)
    return runner.execute(task)


def sliceline(codes: np.ndarray[Any, Any], errors: np.ndarray[Any, Any]) -> Any:
    """SliceLine's ten best slices of depth ≤ 3, at 2 % support."""
    from sliceline.slicefinder import Slicefinder

    finder = Slicefinder(alpha=0.95, k=10, max_l=3, min_sup=SLICELINE_SUPPORT, verbose=False)
    finder.fit(codes, errors)
    return finder


def contestants(table: Table, peers: int | None = None) -> dict[str, Callable[[], object]]:
    """Name → what is timed; pysubgroup on the first ``peers`` rows."""
    codes, errors = table
    few, few_errors = codes[:peers], errors[:peers]
    calls: dict[str, Callable[[], object]] = {
        "failsight": lambda: ours(codes, errors),
        "counting rows": lambda: reference(codes, None),
        "counting rows and errors": lambda: reference(codes, errors),
    }
    if importlib.util.find_spec("pysubgroup"):
        calls["pysubgroup Apriori"] = lambda: pysubgroup(few, few_errors, "Apriori")
        calls["pysubgroup DFS"] = lambda: pysubgroup(few, few_errors, "DFS")
    if importlib.util.find_spec("sliceline"):
        calls["sliceline (2 % support)"] = lambda: sliceline(codes, errors)
    return calls


Seconds = tuple[float, float]


def timed(call: Callable[[], object]) -> Seconds:
    """Wall-clock and processor seconds."""
    start, used = time.perf_counter(), time.process_time()
    call()
    return time.perf_counter() - start, time.process_time() - used


def measure_time(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, Seconds]:
    """Best seconds of each (least disturbed by other work); ours and the references take turns."""
    seconds: dict[str, list[Seconds]] = {name: [] for name in calls}
    for name, call in calls.items():
        if name.startswith("pysubgroup"):
            timed(call)  # compiles
            seconds[name] = [timed(call), timed(call)]
        elif name.startswith("sliceline"):
            seconds[name] = [timed(call)]
        else:
            timed(call)
    own = [name for name in calls if not seconds[name]]
    for _ in range(rounds):
        for name in own:
            seconds[name].append(timed(calls[name]))
    return {name: (min(w for w, _ in v), min(c for _, c in v)) for name, v in seconds.items()}


def measure_memory(name: str, rows: int, width: int, seed: int) -> float:
    """MiB above the table, in a fresh process (which runs the call once on a small table first)."""
    command = [sys.executable, "-m", "benchmarks.speed.slices", "--memory-of", name, "--rows", str(rows)]
    command += ["--seed", str(seed), "--attributes", str(width)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return float("nan")
    return float(json.loads(done.stdout.splitlines()[-1])["mib"])


def report_memory(name: str, rows: int, width: int, seed: int) -> None:
    small = contestants(make_table(3000, width, seed)[0])
    small[name]()
    table, _ = make_table(rows, width, seed)
    print(json.dumps({"mib": peak_growth(contestants(table)[name])}))


def make_table(rows: int, width: int, seed: int) -> tuple[Table, list[Conditions]]:
    codes, errors, planted = five_planted(seed, n=max(rows, 20_000), more=MORE[: max(width - 12, 0)])
    return (codes[:rows].astype(np.int16), errors[:rows]), planted


def show_recovery(report: SliceReport, planted: list[Conditions]) -> None:
    found = {s.conjunction.conditions: s for s in report.confirmed}
    print(
        f"\nPlanted slices found: {sum(p in found for p in planted)} of 5; reported in all: {len(found)} (promised: ≤ 10)"
    )
    for conditions in planted:
        text = " & ".join(f"a{a}={v}" for a, v in conditions)
        s = found.get(conditions)
        if s is None:
            print(f"  {text:<24} not found")
            continue
        figures = f"error {s.confirmation.rate:.3f} [{s.ci[0]:.3f}, {s.ci[1]:.3f}] against {s.confirmation.rate_out:.3f}"
        print(f"  {text:<24} {figures}, n {s.support}, q {s.q:.1e}, {len(s.merged)} merged into it")
    for conditions in found:
        if conditions not in planted:
            print(f"  {' & '.join(f'a{a}={v}' for a, v in conditions):<24} reported besides")
    print(f"  {report.examined} conjunctions counted, {report.carried} carried to confirmation")


def show_growth(width: int, seed: int, most: int) -> None:
    print("\nGrowth: rows, processor seconds of the search, of counting rows, ratio")
    for rows in (10_000, 30_000, 100_000, 300_000, 1_000_000):
        if rows > most:
            break
        table, _ = make_table(rows, width, seed)
        calls = {k: v for k, v in contestants(table).items() if k in ("failsight", "counting rows")}
        seconds = measure_time(calls, 3)
        a, b = seconds["failsight"][1], seconds["counting rows"][1]
        print(f"  {rows:>9,} {a:8.3f} {b:8.3f} {a / b:6.2f}")


def show_small(seed: int, rounds: int) -> None:
    """HiBug's table: 20,000 rows, 8 attributes (published 1.06 s for 4,536 combinations)."""
    rng = np.random.default_rng(seed)
    codes = np.stack([rng.integers(0, k, 20_000) for k in (2, 2, 2, 3, 6, 7, 7, 7)], axis=1).astype(np.int16)
    errors = (rng.random(20_000) < np.where(codes[:, 0] == 1, 0.3, 0.1)).astype(float)
    cells = sum(int(np.prod([codes[:, j].max() + 1 for j in t])) for t in combinations(range(8), 3))
    wall, cpu = measure_time({"failsight": lambda: ours(codes, errors)}, rounds)["failsight"]
    found = ours(codes, errors)
    print(
        f"\n20,000 rows × 8 attributes, depth 3: {cells:,} combinations of three, {found.examined:,} counted in all: "
        f"{wall:.3f} s, processor {cpu:.3f} s (promised: ≤ 0.1 s)"
    )


def show_incremental(table: Table) -> None:
    """A further attribute with the counts of the others at hand."""
    codes, errors = table
    cache = CountCache()
    timed(lambda: find_slices(codes[:, :-1], errors, cache=cache))
    before = cache.counted
    wall, cpu = timed(lambda: find_slices(codes, errors, cache=cache))
    added, reused = cache.counted - before, cache.reused
    anew = timed(lambda: find_slices(codes, errors))
    print(
        f"\nA further attribute: {added} tuples counted, {reused} at hand: {wall:.3f} s (processor {cpu:.3f} s); "
        f"from scratch {anew[0]:.3f} s ({anew[1]:.3f} s)"
    )


def show_stream(table: Table) -> None:
    """The same counts from record batches of a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    codes, errors = table
    names = [f"a{j}" for j in range(codes.shape[1])]
    floor = SearchSettings().floor(len(errors))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.parquet"
        columns = {name: codes[:, j].astype(np.int8) for j, name in enumerate(names)}
        pq.write_table(pa.table(columns | {"wrong": errors}), path, row_group_size=100_000)
        file = pq.ParquetFile(path)
        chunks = arrow_chunks(lambda: file.iter_batches(100_000), names, "wrong")
        made: list[Counts] = []
        grown = peak_growth(lambda: made.append(count_stream(chunks, min_support=floor)))
        wall, cpu = timed(lambda: count_stream(chunks, min_support=floor))
    whole = count_conjunctions(codes, errors, min_support=floor)
    same = np.array_equal(made[0].support, whole.support) and np.array_equal(made[0].total, whole.total)
    inside = timed(lambda: count_conjunctions(codes, errors, min_support=floor))
    print(
        f"\nFrom a Parquet file in chunks of 100,000: {wall:.3f} s (processor {cpu:.3f} s), {grown:.0f} MiB; in memory "
        f"{inside[0]:.3f} s ({inside[1]:.3f} s); the same {len(whole):,} counts: {'yes' if same else 'NO'}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--attributes", type=int, default=12, choices=range(12, 16))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seed", type=int, default=21)
    parser.add_argument("--growth", type=int, default=1_000_000, help="largest table of the growth figures")
    parser.add_argument("--pysubgroup-rows", type=int, help="run it on so many rows, and scale its time")
    parser.add_argument(
        "--no-sliceline", action="store_true", help="leave out the contestant that takes a minute"
    )
    parser.add_argument("--memory-of", help=argparse.SUPPRESS)
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    if given.memory_of:
        report_memory(given.memory_of, given.rows, given.attributes, given.seed)
        return
    table, planted = make_table(given.rows, given.attributes, given.seed)
    calls = contestants(table, given.pysubgroup_rows)
    if given.no_sliceline:
        calls = {k: v for k, v in calls.items() if not k.startswith("sliceline")}
    print(
        f"{given.rows:,} rows × {given.attributes} attributes (cardinality 2–12), depth 3, support {100 * SUPPORT} %\n"
    )
    print(f"{'':<26}{'seconds':>10}{'processor':>11}{'× ours':>9}{'MiB above the table':>22}")
    seconds = measure_time(calls, given.rounds)
    mine = seconds["failsight"][1]
    for name in calls:
        scale = 1.0
        if name.startswith("pysubgroup") and given.pysubgroup_rows:
            scale = given.rows / min(given.pysubgroup_rows, given.rows)
        wall, cpu = (scale * value for value in seconds[name])
        mib = measure_memory(name, given.rows, given.attributes, given.seed) if scale == 1.0 else float("nan")
        note = "" if scale == 1.0 else f"  (scaled from {given.pysubgroup_rows:,} rows)"
        print(f"{name:<26}{wall:>10.3f}{cpu:>11.3f}{cpu / mine:>9.2f}{mib:>22.1f}{note}", flush=True)
    print(f"\nours / counting rows: {mine / seconds['counting rows'][1]:.2f}   (promised: ≤ 3)")
    print(f"ours / counting rows and errors: {mine / seconds['counting rows and errors'][1]:.2f}")
    show_recovery(ours(*table), planted)
    show_small(given.seed, given.rounds)
    show_incremental(table)
    show_stream(table)
    show_growth(given.attributes, given.seed, given.growth)


if __name__ == "__main__":
    main()
