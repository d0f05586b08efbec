"""One cell: a world, what is promised in it, and how often it held; counted in a file, so that several runs add up."""

from __future__ import annotations

import json
import math
import os
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from failsight.tools.stats.floors import exact
from failsight.tools.stats.intervals import mean_interval

Interval = tuple[float, float]
Rng = np.random.Generator
LEVEL = 0.99  # of the Monte-Carlo interval by which a promise is called broken: there are hundreds of cells


@dataclass(frozen=True, slots=True)
class Promise:
    """What is promised of a share: at most or at least ``bound``. ``slack``: how far beyond it is called short, not broken."""

    side: Literal["at most", "at least"]
    bound: float
    slack: float = 0.0


COVERS = Promise("at least", 0.95, 0.02)
ALPHA = Promise("at most", 0.05, 0.01)
GUARANTEED = Promise("at most", 0.025)
FEW = Promise("at most", 0.05)

#: one trial: measure → value in [0, 1]; a measure that does not apply to this trial is left out
Trial = Callable[[Rng], Mapping[str, float]]


@dataclass(frozen=True)
class Cell:
    """``area``: which statistic; ``where``: the world; ``promises``: of its measures (None is shown, not judged)."""

    area: str
    where: str
    promises: Mapping[str, Promise | None]
    trial: Trial
    runs: int
    batch: int = 100

    @property
    def key(self) -> str:
        return f"{self.area} | {self.where}"


@dataclass
class Tally:
    """A measure so far: trials it applied to, the sum of its values and of their squares."""

    n: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        self.n, self.total, self.squares = self.n + 1, self.total + value, self.squares + value * value

    @property
    def mean(self) -> float:
        return self.total / self.n if self.n else math.nan

    def interval(self, level: float = 0.95) -> Interval:
        """Clopper–Pearson for counts; for shares Student's t, within [0, 1] and never narrower than it would be of one trial more."""
        if not self.n:
            return 0.0, 1.0
        if abs(self.total - self.squares) < 1e-9 and abs(self.total - round(self.total)) < 1e-9:
            return exact(round(self.total), self.n, level)
        if self.n < 3:
            return 0.0, 1.0
        spread = math.sqrt(max(self.squares / self.n - self.mean**2, 0.0))
        low, high = mean_interval(self.mean + spread * np.resize([-1.0, 1.0], self.n), level)
        return max(0.0, low), min(1.0, high)

    def state(self, promise: Promise | None) -> str:
        """``kept``, ``short`` (beyond the promise, within its slack), ``broken``, or ``shown`` without a promise."""
        if promise is None or not self.n:
            return "shown"
        low, high = self.interval(LEVEL)
        if promise.side == "at most":
            beyond, by = low > promise.bound, self.mean - promise.bound
        else:
            beyond, by = high < promise.bound, promise.bound - self.mean
        return "kept" if not beyond else "short" if by <= promise.slack else "broken"


@dataclass
class Counted:
    """What a cell has come to. Batches 0 … batches − 1 were run; each has a seed of its own."""

    runs: int = 0
    batches: int = 0
    seconds: float = 0.0
    measures: dict[str, Tally] = field(default_factory=dict)


class Ledger:
    """Counts of all cells in one JSON file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        raw: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self.cells = {
            key: Counted(
                v["runs"], v["batches"], v["seconds"], {m: Tally(*t) for m, t in v["measures"].items()}
            )
            for key, v in raw.get("cells", {}).items()
        }

    def of(self, cell: Cell) -> Counted:
        return self.cells.setdefault(cell.key, Counted())

    def save(self, command: str = "") -> None:
        cells = {
            key: {
                "runs": c.runs,
                "batches": c.batches,
                "seconds": round(c.seconds, 2),
                "measures": {m: [t.n, round(t.total, 6), round(t.squares, 6)] for m, t in c.measures.items()},
            }
            for key, c in sorted(self.cells.items())
        }
        new = self.path.with_name(f".{self.path.name}")
        lines = [f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in cells.items()]
        new.write_text(
            f'{{\n "command": {json.dumps(command)},\n "cells": {{\n' + ",\n".join(lines) + "\n }\n}\n",
            encoding="utf-8",
        )
        os.replace(new, self.path)


def batch(cell: Cell, counted: Counted) -> None:
    """One more batch of a cell; equal batch numbers give equal trials."""
    rng = np.random.default_rng([zlib.crc32(cell.key.encode()), counted.batches])
    began = time.process_time()
    for _ in range(cell.batch):
        for name, value in cell.trial(rng).items():
            counted.measures.setdefault(name, Tally()).add(float(value))
    counted.runs, counted.batches = counted.runs + cell.batch, counted.batches + 1
    counted.seconds += time.process_time() - began


def run(cells: Sequence[Cell], ledger: Ledger, share: float, until: float) -> Iterator[Cell]:
    """Every cell up to ``share`` of its runs; all a little before any of them much, so that a short run shows everything."""
    for part in (0.1, 0.3, 1.0):
        for cell in cells:
            counted = ledger.of(cell)
            while counted.runs < cell.runs * share * part and time.monotonic() < until:
                batch(cell, counted)
            if time.monotonic() < until:
                yield cell
