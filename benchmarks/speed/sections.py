"""The parts of the speed table. Each is run in a process of its own and gives figures by name; curves are lists of [x, y].

    python -m benchmarks.speed.sections NAME [--quick]      one part, as JSON on the last line

Ratios are of processor time wherever both sides run in one process: other work on the machine disturbs them least. What a
person waits for (a start, a key, an answer) is told in seconds of the clock and is not guarded.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

Figures = dict[str, Any]


def slices(quick: bool) -> Figures:
    """The search beside plain counting and other packages."""
    from benchmarks.speed import slices as s
    from failsight.tools.stats.slices import CountCache, SearchSettings, find_slices

    table, planted = s.make_table(100_000, 12, 21)
    calls = s.contestants(table)
    skip = (
        ("sliceline", "pysubgroup")
        if quick
        else ("sliceline",)
        if "sliceline (2 % support)" not in calls
        else ()
    )
    calls = {k: v for k, v in calls.items() if not k.startswith(skip or "\0")}
    if quick and "pysubgroup DFS" in s.contestants(table):
        calls["pysubgroup DFS"] = s.contestants(table)["pysubgroup DFS"]
    seconds = {k: v[1] for k, v in s.measure_time(calls, 3 if quick else 7).items()}
    own = seconds["failsight"]
    found = {t.conjunction.conditions for t in s.ours(*table).confirmed}
    made: Figures = {
        "slices_over_counting": own / seconds["counting rows"],
        "slices_memory_mib": s.measure_memory("failsight", 100_000, 12, 21),
        "slices_planted_found": sum(p in found for p in planted),
        "slices_reported": len(found),
    }
    for name, value in seconds.items():
        if name.startswith("pysubgroup"):
            made[f"{name.lower().replace(' ', '_')}_over_slices"] = value / own
        elif name.startswith("sliceline"):
            made["sliceline_over_slices"] = value / own
    codes, errors = table
    cache = CountCache()
    find_slices(codes[:, :-1], errors, cache=cache)
    made["slices_one_attribute_more"] = s.timed(lambda: find_slices(codes, errors, cache=cache))[1] / own
    made["slices_20k_x_8_s"] = _small(s)
    rows = (10_000, 30_000, 100_000) if quick else (10_000, 30_000, 100_000, 300_000, 1_000_000)
    made["curve:rows"] = [
        [n, _best(lambda n=n: s.ours(*s.make_table(n, 12, 21)[0]), lambda n=n: s.make_table(n, 12, 21))]
        for n in rows
    ]  # type: ignore[misc]
    made["curve:attributes"] = [
        [w, _cpu(lambda w=w: find_slices(codes[:, :w], errors))]
        for w in (3, 6, 9, 12)  # type: ignore[misc]
    ]
    made["curve:depth"] = [
        [d, _cpu(lambda d=d: find_slices(codes, errors, settings=SearchSettings(depth=d)))]
        for d in (1, 2, 3)  # type: ignore[misc]
    ]
    return made


def slices_large(quick: bool) -> Figures:
    """A million rows, fifteen attributes."""
    if quick:
        return {}
    from benchmarks.speed import slices as s

    table, planted = s.make_table(1_000_000, 15, 21)
    calls = {
        k: v
        for k, v in s.contestants(table, 200_000).items()
        if not k.startswith(("sliceline", "counting rows and"))
    }
    seconds = {k: v[1] for k, v in s.measure_time(calls, 2).items()}
    own = seconds["failsight"]
    found = {t.conjunction.conditions for t in s.ours(*table).confirmed}
    made: Figures = {
        "slices_1m_over_counting": own / seconds["counting rows"],
        "slices_1m_memory_mib": s.measure_memory("failsight", 1_000_000, 15, 21),
        "slices_1m_planted_found": sum(p in found for p in planted),
        "slices_1m_s": own,
    }
    peers = [
        v * 5 for k, v in seconds.items() if k.startswith("pysubgroup")
    ]  # a fifth of the rows; its time grows with them
    return made | ({"pysubgroup_1m_over_slices": min(peers) / own} if peers else {})


def _small(s: Any) -> float:
    rng = np.random.default_rng(21)
    codes = np.stack([rng.integers(0, k, 20_000) for k in (2, 2, 2, 3, 6, 7, 7, 7)], axis=1).astype(np.int16)
    errors = (rng.random(20_000) < np.where(codes[:, 0] == 1, 0.3, 0.1)).astype(float)
    return _cpu(lambda: s.ours(codes, errors))


def _cpu(work: Callable[[], object], rounds: int = 3) -> float:
    """Least processor seconds of a few rounds, after one to warm up."""
    work()
    taken = []
    for _ in range(rounds):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)


def _best(work: Callable[[], object], without: Callable[[], object]) -> float:
    """The same, less what making the input takes."""
    return max(_cpu(work, 2) - _cpu(without, 2), 1e-4)


def duplicates(quick: bool) -> Figures:
    """Near duplicates among hashes."""
    from benchmarks.speed.duplicates import planted
    from failsight.tools.attributes.duplicates import near_pairs

    sizes = (12_500, 25_000, 50_000) if quick else (12_500, 25_000, 50_000, 100_000)
    curve = []
    for n in sizes:
        first, second, pairs = planted(n, 0.03, 0)
        keep = np.ones(n, bool)
        curve.append([n, _cpu(lambda a=first, b=second, k=keep: near_pairs(a, b, k), 1)])  # type: ignore[misc]
    found, _ = near_pairs(first, second, keep)
    return {
        "curve:hashes": curve,
        "duplicates_recall": len(pairs & {tuple(p) for p in found.tolist()}) / len(pairs),
        "duplicates_growth": curve[-1][1] / curve[-2][1],
    }


def assignment(quick: bool) -> Figures:
    from benchmarks.speed.assignment import measure

    made = measure(2_000 if quick else 10_000)
    return {
        "assignment_over_encoding": made["whole_over_one_encoding"],
        "hibug_pattern_over_encoding": made["encoding_again_for_8_attributes_over_one_encoding"],
        "relabel_20k_ms": made["relabel_cached_ms"],
    }


def saliency(quick: bool) -> Figures:
    from benchmarks.speed.saliency import measure

    return dict(measure(100 if quick else 200, 1, 3 if quick else 5))


def masking(quick: bool) -> Figures:
    from benchmarks.speed.masking import measured

    return {"masking_over_passes": measured(100 if quick else 500, 96, 1, 5)[1]}


def turns(quick: bool) -> Figures:
    """What a turn costs beside the model, by the length of the conversation."""
    from benchmarks.speed.turns import AT, turns

    turns(2)
    seconds = turns(52 if quick else 255)
    curve = [
        [m, 1000 * statistics.median(seconds[max(0, m // 2 - 3) : m // 2 + 2])]
        for m in AT
        if m // 2 <= len(seconds)
    ]
    made: Figures = {
        "curve:messages": curve,
        "turn_10_ms": curve[0][1],
        "turn_growth": curve[-1][1] / curve[0][1],
    }
    return made if quick else made | {"turn_500_ms": curve[-1][1]}


def knowledge(quick: bool) -> Figures:
    """Questions: warm in this process, cold from the command line."""
    from failsight.knowledge_base import load

    base = load()
    asked = ["why does it confuse kitchens with dining rooms?", "is the test set big enough?", "which images are wrong with high confidence?",
             "does it depend on the background?", "what should I do about rare cases?"] * (4 if quick else 12)  # fmt: skip
    base.search(asked[0])
    wall = []
    for text in asked:
        start = time.perf_counter()
        base.search(text)
        wall.append(1000 * (time.perf_counter() - start))
    cold = min(_clock(["ask", asked[0]]) for _ in range(2))
    return {
        "ask_warm_p95_ms": sorted(wall)[int(0.95 * len(wall))],
        "ask_cold_s": cold,
        "index_embedded_at_start": base.index.embedded,
    }


def start(quick: bool) -> Figures:
    """--help and the first paint."""
    from benchmarks.speed.first_paint import measure

    painted = measure(3 if quick else 5)
    return {
        "help_s": statistics.median(_clock(["--help"]) for _ in range(3)),
        "first_paint_s": float(str(painted["failsight_s"])),
        "first_paint_over_bare": float(str(painted["failsight_s"])) / float(str(painted["bare_textual_s"])),
        "heavy_before_first_paint": len(painted["heavy"]),  # type: ignore[arg-type]
    }


def _clock(arguments: Sequence[str]) -> float:
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "failsight.agent.cli", *arguments], capture_output=True, check=False
    )
    return time.perf_counter() - began


def app(quick: bool) -> Figures:
    """The terminal app with many cards."""
    if quick:
        return {}
    from benchmarks.speed.app import measure

    made = measure(1_000, 200)
    return {
        "keystroke_p95_ms": made["keystroke"]["p95_ms"],
        "gallery_page_p95_ms": made["page"]["leapt_all_p95_ms"],
        "mb_per_100_turns": made["memory"]["mb_per_100_turns"],
    }


SECTIONS: Mapping[str, Callable[[bool], Figures]] = {
    f.__name__: f
    for f in (slices, slices_large, assignment, saliency, masking, duplicates, turns, knowledge, start, app)
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", choices=list(SECTIONS))
    parser.add_argument("--quick", action="store_true")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    print("\n" + json.dumps(SECTIONS[given.name](given.quick)))


if __name__ == "__main__":
    main()
