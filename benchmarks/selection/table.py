"""The results as Markdown: HiBug's Table 4 with intervals, paired over problems."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchmarks.selection.methods import NONE
from benchmarks.selection.run import Result
from failsight.tools.stats.intervals import mean_interval, mean_share_interval
from failsight.tools.stats.multiplicity import benjamini_hochberg
from failsight.tools.stats.tests import sign_flip

Floats = npt.NDArray[np.float64]
RANDOM = "random"


@dataclass(frozen=True)
class Means:
    """Of one method: problem → mean over its seeds, for the problems and seeds that every method has."""

    error: dict[str, float]
    inside: dict[str, float]
    outside: dict[str, float]
    picked: float | None
    seconds: float


def complete(results: Sequence[Result]) -> list[Result]:
    """The results of trials that every method has finished."""
    methods = {r.method for r in results}
    done: dict[tuple[str, int], set[str]] = defaultdict(set)
    for r in results:
        done[r.problem, r.seed].add(r.method)
    return [r for r in results if done[r.problem, r.seed] == methods]


def means(results: Sequence[Result], method: str) -> Means:
    """Average over seeds."""
    mine = [r for r in results if r.method == method]
    by: dict[str, list[Result]] = defaultdict(list)
    for r in mine:
        by[r.problem].append(r)
    picked = [r.picked for r in mine if r.picked is not None]
    return Means(
        {p: float(np.mean([r.error for r in many])) for p, many in by.items()},
        {p: float(np.mean([r.inside for r in many])) for p, many in by.items()},
        {p: float(np.mean([r.outside for r in many])) for p, many in by.items()},
        float(np.mean(picked)) if picked else None,
        float(np.mean([r.seconds for r in mine])),
    )


def markdown(results: Sequence[Result]) -> list[str]:
    """Tables: all problems, and each kind."""
    results = complete(results)
    if not results:
        return ["No trial is complete."]
    lines = []
    for kind in ("", *sorted({r.kind for r in results})):
        part = [r for r in results if kind in ("", r.kind)]
        problems, trials = len({r.problem for r in part}), len({(r.problem, r.seed) for r in part})
        title = f"{kind} problems" if kind else "All problems"
        lines += ["", f"## {title}: {problems} problems, {trials} trials", "", *_table(part)]
    return lines[1:]


def _table(results: Sequence[Result]) -> list[str]:
    methods = list(dict.fromkeys(r.method for r in results))
    made = {m: means(results, m) for m in methods}
    problems = sorted({r.problem for r in results})
    there = float(np.mean([r.there for r in results]))
    gains = {m: _paired(made, m, RANDOM, problems) for m in methods if m not in (NONE, RANDOM)}
    q = dict(zip(gains, benjamini_hochberg([sign_flip(g) for g in gains.values()]), strict=True))
    lines = [
        "| images added | test error | where the bug is | elsewhere | of the added, the bug's | less error than random, points | better, of problems | q | s |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    best = min(methods, key=lambda m: np.mean(list(made[m].error.values())))
    for m in methods:
        one = made[m]
        name = f"**{m}**" if m == best else m
        picked = "" if one.picked is None else f"{one.picked:.2f} (there {there:.2f})"
        gain = better = level = ""
        if m in gains:
            gain = points(gains[m])
            better = f"{int((gains[m] > 0).sum())} of {len(problems)}"
            level = f"{q[m]:.4f}" if q[m] >= 0.0001 else "< 0.0001"
        rates = [rate([d[p] for p in problems]) for d in (one.error, one.inside, one.outside)]
        lines.append(
            f"| {name} | {' | '.join(rates)} | {picked} | {gain} | {better} | {level} | {one.seconds:.1f} |"
        )
    return [*lines, *_against(made, problems)]


def _against(made: dict[str, Means], problems: Sequence[str]) -> list[str]:
    """Failsight's way against every other, paired."""
    lines = []
    for ours in (m for m in made if m.startswith("Failsight")):
        said = [
            f"{m} {points(_paired(made, ours, m, problems))}"
            for m in made
            if m not in (NONE, ours) and not m.startswith("Failsight")
        ]
        lines += ["", f"{ours}: points less error than {'; '.join(said)}."]
    return lines


def _paired(made: dict[str, Means], method: str, other: str, problems: Sequence[str]) -> Floats:
    """(problems,) error of the other minus error of the method."""
    return np.array([made[other].error[p] - made[method].error[p] for p in problems])


def rate(values: Sequence[float]) -> str:
    """``12.3 % [10.1, 14.5]``: mean and interval of shares, within 0 and 100 %."""
    low, high = mean_share_interval(values)
    ci = f" [{100 * low:.1f}, {100 * high:.1f}]" if low == low else ""  # a single problem has none
    return f"{100 * np.mean(values):.1f} %{ci}"


def points(differences: Floats) -> str:
    """``+1.2 [+0.3, +2.1]``: mean and interval of differences of shares, in points."""
    low, high = mean_interval(differences)
    ci = f" [{100 * low:+.1f}, {100 * high:+.1f}]" if low == low else ""
    return f"{100 * differences.mean():+.1f}{ci}"
