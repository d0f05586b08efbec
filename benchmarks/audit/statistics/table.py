"""The counts as tables: by statistic on the terminal, by cell in the docs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.audit.statistics.cells import Cell, Ledger, Promise, Tally

WORST = {"broken": 0, "short": 1, "kept": 2, "shown": 3}


@dataclass(frozen=True)
class Row:
    """One measure of one cell."""

    area: str
    where: str
    measure: str
    promise: Promise | None
    tally: Tally

    @property
    def state(self) -> str:
        return self.tally.state(self.promise)

    @property
    def margin(self) -> float:
        """How far on the right side of the promise; below 0 beyond it."""
        if self.promise is None:
            return 1.0
        gap = self.promise.bound - self.tally.mean
        return gap if self.promise.side == "at most" else -gap


def rows(cells: Sequence[Cell], ledger: Ledger) -> Iterator[Row]:
    for cell in cells:
        counted = ledger.cells.get(cell.key)
        for name, tally in counted.measures.items() if counted else ():
            yield Row(cell.area, cell.where, name, cell.promises.get(name), tally)


def percent(share: float) -> str:
    return f"{100 * share:.1f}" if share < 0.9995 else "100"


def figure(tally: Tally) -> str:
    low, high = tally.interval()
    return f"{percent(tally.mean)} % [{percent(low)}, {percent(high)}]"


def promised(promise: Promise | None) -> str:
    return "" if promise is None else f"{'≤' if promise.side == 'at most' else '≥'} {100 * promise.bound:g} %"


def groups(made: Sequence[Row]) -> Iterator[tuple[str, str, list[Row]]]:
    """(statistic, measure, its rows) in order of appearance."""
    seen: dict[tuple[str, str], list[Row]] = {}
    for row in made:
        seen.setdefault((row.area, row.measure), []).append(row)
    for (area, measure), some in seen.items():
        yield area, measure, some


def summary(made: Sequence[Row]) -> list[list[str]]:
    """A line for each statistic and measure: promise, worlds, how many kept, the mean, the worst world."""
    lines = []
    for area, measure, some in groups(made):
        judged = [r for r in some if r.promise is not None and r.tally.n]
        mean = sum(r.tally.mean for r in some if r.tally.n) / max(sum(r.tally.n > 0 for r in some), 1)
        worst = min(judged, key=lambda r: (WORST[r.state], r.margin)) if judged else None
        states = [r.state for r in judged]
        told = (
            ", ".join(f"{states.count(s)} {s}" for s in ("kept", "short", "broken") if s in states) or "shown"
        )
        lines.append([
            area, measure, promised(some[0].promise if worst is None else worst.promise), str(len(some)), percent(mean) + " %", told,
            f"{figure(worst.tally)}: {worst.where}" if worst else f"{percent(min(r.tally.mean for r in some))} to {percent(max(r.tally.mean for r in some))} %",
        ])  # fmt: skip
    return lines


HEAD = [
    "statistic",
    "measured",
    "promised",
    "worlds",
    "mean",
    "promise",
    "worst world, with its 95 % interval",
]


def markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    made = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return "\n".join([*made, *(f"| {' | '.join(c.replace('|', '/') for c in line)} |" for line in lines)])


def detail(made: Sequence[Row]) -> str:
    """Every cell: a table for each statistic."""
    parts = []
    for area in dict.fromkeys(r.area for r in made):
        some = [r for r in made if r.area == area]
        lines = [[r.where, r.measure, promised(r.promise), figure(r.tally), f"{r.tally.n:,}", "" if r.state in ("kept", "shown") else f"**{r.state}**"] for r in some]  # fmt: skip
        parts.append(
            f"### {area}\n\n{markdown(['world', 'measured', 'promised', 'share, 95 % interval', 'trials', ''], lines)}"
        )
    return "\n\n".join(parts)
