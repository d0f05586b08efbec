"""efficiency: how fast and how small the model is on this machine, against what is demanded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from failsight.tools.checks.timing import Peak, device_of, device_peak, scorer, threads, timed
from failsight.tools.engine.singly import scored_singly
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Cell, Evidence, Fact, Interval, Table
from failsight.tools.expectations.budgets import BUDGETS, is_budget, show, show_interval
from failsight.tools.expectations.criteria import Criterion, describe, judge
from failsight.tools.inputs.base import BadImage
from failsight.tools.registry import tool
from failsight.tools.stats.quantiles import quantile_interval
from failsight.tools.structure.report import Size, size_of
from failsight.tools.text import number
from failsight.tools.view import CaseView

SECONDS = 20.0  # for the runs with one picture; the runs with a batch take as long at most
BATCHES = 9
PREPARED = 20  # pictures timed from file to pixels


@dataclass(frozen=True)
class Measured:
    """Times in seconds, memory in bytes; ``prepared`` pictures were timed from file to pixels. ``memory_ci``: what the model surely needs, and all that the process held."""

    latency: tuple[float, Interval]
    late: tuple[float, Interval]
    runs: int
    throughput: tuple[float, Interval]
    batch: int
    batches: int
    prepare: tuple[float, Interval] | None
    prepared: int
    memory: float | None
    memory_ci: Interval | None
    on_device: bool
    size: Size | None


@tool(
    cost="pass",
    needs=("model",),
    answers=("performance.9",),
    stateful=True,  # it judges the demands that the case holds by then
    passes=3.0,
    sample=100,
)
def efficiency(
    view: CaseView,
    repeats: Annotated[int, Field(description="Timed runs with a single picture.", ge=10, le=1000)] = 100,
    batch: Annotated[
        int | None,
        Field(
            description="Pictures a batch for the throughput; by default the working batch.", ge=1, le=1024
        ),
    ] = None,
) -> Evidence:
    """Measure latency for one picture, throughput in batches, peak memory and number of parameters on this machine, and judge them against the expectations.

    Times are medians over repeated runs after a warm-up, with intervals between order statistics; they cover the way from prepared
    pixels to scores. Another machine, or a busy one, gives other figures.
    """
    model = view.model()
    pixels, passed_over = _pixels(view, model)
    made = _measure(view, model, pixels, repeats, batch or _working_batch(model))
    facts = _facts(made)
    evidence = Evidence("efficiency", "", "", facts=facts)
    demands = [e for e in view.expectations if is_budget(e.name)]
    judged = judge({}, demands, efficiency=evidence)
    where = f"{device_of(model)}, {threads(model)}"
    return Evidence(
        tool="efficiency",
        arguments={"repeats": repeats, "batch": batch},
        title="How fast and how small it is",
        summary=_summary(made, judged, where),
        facts=facts,
        tables=tuple(t for t in (_table(made), _demands(judged)) if t.rows),
        questions=("performance.9",),
        notes=(*_notes(made, judged, where), *_passed_over(passed_over)),
        next_steps=_next_steps(judged),
    )


def _pixels(view: CaseView, model: Any) -> tuple[Any, int]:
    """One evaluation image that the model answers, prepared, and how many before it the model fails on. Raises RetryError when there is none."""
    rows = np.arange(min(50, len(view.table("data"))), dtype=np.int64)
    failing = 0
    for _, pixels in view.pixels(rows, "data", 1):
        if not len(pixels):
            continue
        _, failed = scored_singly(model.scores, pixels[:1], len(view.classes))
        if not failed:
            return pixels[:1], failing
        failing += 1
        why = failed[0]
    if failing:
        raise RetryError(
            f"The model answers none of the first evaluation images ({why}), so there is nothing to time it on."
        )
    raise RetryError(
        "None of the first evaluation images can be read, so there is nothing to time the model on."
    )


def _passed_over(n: int) -> tuple[str, ...]:
    if not n:
        return ()
    what = "one evaluation image" if n == 1 else f"{n} evaluation images"
    return (f"The model fails on {what} before the one that is timed; evaluate counts all of these.",)


def _working_batch(model: Any) -> int:
    from failsight.tools.engine.local import batch_size

    return batch_size(model)


def _measure(view: CaseView, model: Any, pixels: Any, repeats: int, batch: int) -> Measured:
    many = np.repeat(pixels, batch, 0)
    with view.progress.job("timing the model", 3) as ticker, Peak() as peak:
        single = timed(scorer(model, pixels), repeats, SECONDS)
        ticker.advance()
        try:
            several = timed(scorer(model, many), BATCHES, SECONDS, least=3)
        except Exception as problem:
            if type(problem).__name__ not in ("OutOfMemoryError", "MemoryError"):
                raise
            raise RetryError(
                f"A batch of {batch} pictures does not fit into the memory; give a smaller batch."
            ) from problem
        ticker.advance()
        spent = _prepare(view, model)
        ticker.advance()
    size = size_of(model)
    device = device_peak(device_of(model), scorer(model, many))
    memory, memory_ci = _memory(peak, size, device)
    median, (low, high) = quantile_interval(several, 0.5)
    return Measured(
        latency=quantile_interval(single, 0.5),
        late=quantile_interval(single, 0.95),
        runs=len(single),
        throughput=(batch / median, (batch / high, batch / low if low > 0 else math.inf)),
        batch=batch,
        batches=len(several),
        prepare=quantile_interval(spent, 0.5) if spent else None,
        prepared=len(spent),
        memory=memory,
        memory_ci=memory_ci,
        on_device=device is not None,
        size=size,
    )


def _prepare(view: CaseView, model: Any) -> list[float]:
    """Seconds from file to pixels, picture by picture."""
    import time

    table = view.table("data")
    spent: list[float] = []
    for row in range(min(PREPARED, len(table))):
        before = time.perf_counter()
        try:
            model.prepare(table.open(row))
        except BadImage:
            continue
        spent.append(time.perf_counter() - before)
    return spent


def _memory(peak: Peak, size: Size | None, device: int | None) -> tuple[float | None, Interval | None]:
    """On CUDA what torch held; else between what the model surely needs (weights and growth) and all the process held."""
    if device is not None:
        return float(device), (float(device), float(device))
    if peak.highest is None:
        return None, None
    needs = float((size.weight_bytes if size else 0) + peak.growth)
    return float(peak.highest), (min(needs, float(peak.highest)), float(peak.highest))


def _facts(made: Measured) -> tuple[Fact, ...]:
    def scaled(pair: tuple[float, Interval], by: float) -> tuple[float, Interval]:
        value, (low, high) = pair
        return value * by, (low * by, high * by)

    (latency, ci), (late, late_ci) = scaled(made.latency, 1e3), scaled(made.late, 1e3)
    facts = [
        Fact("latency_ms", latency, "score", "", ci, made.runs, "lower_is_better"),
        Fact("latency_p95_ms", late, "score", "", late_ci, made.runs, "lower_is_better"),
        Fact(
            "throughput",
            made.throughput[0],
            "score",
            "",
            made.throughput[1],
            made.batches * made.batch,
            "higher_is_better",
        ),
    ]
    if made.prepare is not None:
        value, ci = scaled(made.prepare, 1e3)
        facts.append(Fact("prepare_ms", value, "score", "", ci, None, "lower_is_better"))
    if made.memory is not None and made.memory_ci is not None:
        low, high = made.memory_ci
        facts.append(
            Fact(
                "memory_mb", made.memory / 1e6, "score", "", (low / 1e6, high / 1e6), None, "lower_is_better"
            )
        )
    if made.size is not None:
        facts += [
            Fact("parameters_m", made.size.parameters / 1e6, "score", "", None, None, "lower_is_better"),
            Fact("parameters", made.size.parameters, "count"),
            Fact("weights_bytes", made.size.weight_bytes, "bytes", "", None, None, "lower_is_better"),
        ]
    return tuple(facts)


def _summary(made: Measured, judged: Sequence[Criterion], where: str) -> str:
    (latency, ci), late = made.latency, made.late[0]
    parts = [
        f"On this machine ({where}) one picture takes {show('latency_ms', 1e3 * latency)} {show_interval('latency_ms', (1e3 * ci[0], 1e3 * ci[1]))} from pixels to scores "
        f"(median of {made.runs} runs; 95 % take at most {show('latency_ms', 1e3 * late)}); in batches of {made.batch} it does "
        f"{show('throughput', made.throughput[0])} {show_interval('throughput', made.throughput[1])}."
    ]
    if made.size is not None:
        parts.append(
            f"It has {made.size.parameters:,} parameters, {number(made.size.weight_bytes, 'bytes')} of weights."
        )
    for holds, words in ((False, "Too much for"), (True, "Within"), (None, "Undecided")):
        named = [describe(c) for c in judged if c.holds is holds]
        if named:
            parts.append(f"{words}: {'; '.join(named)}.")
    return " ".join(parts)


def _table(made: Measured) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for name, pair, n in (
        ("one picture, median", made.latency, made.runs),
        ("one picture, 95th percentile", made.late, made.runs),
        ("preparing one picture, median", made.prepare, made.prepared),
    ):
        if pair is not None:
            rows.append(
                (
                    name,
                    show("latency_ms", 1e3 * pair[0]),
                    show_interval("latency_ms", (1e3 * pair[1][0], 1e3 * pair[1][1])),
                    n,
                )
            )
    rows.append(
        (
            f"batches of {made.batch}",
            show("throughput", made.throughput[0]),
            show_interval("throughput", made.throughput[1]),
            made.batches,
        )
    )
    return Table(
        "Time", ("what", "measured", "interval", "runs"), tuple(rows), ("text", "text", "text", "count")
    )


def _demands(judged: Sequence[Criterion]) -> Table:
    rows = tuple(
        (BUDGETS[c.name].words, "at least" if c.at_least else "at most", show(c.name, c.bound), show(c.name, c.value), show_interval(c.name, c.ci), {True: "holds", False: "does not hold", None: "undecided"}[c.holds])
        for c in judged
    )  # fmt: skip
    return Table("Demands", ("what", "sense", "bound", "measured", "interval", "verdict"), rows)


def _notes(made: Measured, judged: Sequence[Criterion], where: str) -> tuple[str, ...]:
    notes = [
        f"Measured on {where}; other programs on the machine make it slower. Decoding and resizing a picture come on top."
    ]
    if made.memory is None:
        notes.append("This system does not say how much memory a process holds.")
    elif not made.on_device:
        notes.append(
            "Memory: the upper figure is all that this process held, Failsight and its libraries included; the lower one is weights and what the runs added."
        )
    if made.size is None:
        notes.append("Parameters can't be counted in this format.")
    if not math.isfinite(made.late[1][1]):
        notes.append(
            f"{made.runs} runs are too few to bound the 95th percentile from above; give more repeats."
        )
    notes += [f"{BUDGETS[c.name].words}: {c.reason}" for c in judged if c.reason]
    if not judged:
        notes.append("Nobody has said how fast or small it must be: say for example “latency at most 50 ms”.")
    return tuple(notes)


def _next_steps(judged: Sequence[Criterion]) -> tuple[str, ...]:
    if any(c.holds is False for c in judged):
        return (
            "Measure on the machine it will run on; then try smaller input, quantisation, pruning or a smaller network, and judge accuracy anew.",
        )
    return ()
