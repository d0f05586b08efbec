"""Small multiples: how a rate falls with growing strength, one small panel a disturbance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from failsight.tools.figures.charts import Mark
from failsight.tools.figures.svg import FAINT, GRID, SERIES, VERMILION, Canvas, short
from failsight.tools.text import interval, number

COLUMNS = 4
PANEL, GAP, TOP = 132.0, 34.0, 44.0
LOW = 62.0  # height of the plotting area of a panel


@dataclass(frozen=True, slots=True)
class Panel:
    """One disturbance.

    Attributes:
        title: its name.
        points: (what stands below the point, rate with interval), from weak to strong.
    """

    title: str
    points: Sequence[tuple[str, Mark]]


def small_multiples(title: str, alt: str, panels: Sequence[Panel], bound: float | None = None) -> str:
    """Rates from 0 to 100 % over strength; ``bound`` is drawn as a dashed line where there is one."""
    rows = -(-len(panels) // COLUMNS)
    step = LOW + 52
    canvas = Canvas(COLUMNS * (PANEL + GAP) + 20, TOP + rows * step + 8)
    canvas.text(10, 18, title, size=13, bold=True)
    for i, one in enumerate(panels):
        left, top = 38 + (i % COLUMNS) * (PANEL + GAP), TOP + (i // COLUMNS) * step
        _panel(canvas, one, left, top, bound)
    return canvas.svg(title, alt)


def _panel(canvas: Canvas, one: Panel, left: float, top: float, bound: float | None) -> None:
    canvas.text(left, top - 4, short(one.title.replace("_", " "), 22), bold=True)
    for share in (0.0, 0.5, 1.0):
        y = top + LOW * (1 - share)
        canvas.line(left, y, left + PANEL, y, GRID)
        canvas.text(left - 4, y + 4, f"{share * 100:.0f} %", anchor="end", fill=FAINT, size=9)
    if bound is not None:
        y = top + LOW * (1 - bound)
        canvas.line(left, y, left + PANEL, y, VERMILION, 1.2, "4 3")
    places = [left + PANEL * (k + 0.5) / max(len(one.points), 1) for k in range(len(one.points))]
    heights = [top + LOW * (1 - mark.value) for _, mark in one.points]
    for k in range(1, len(places)):
        canvas.line(places[k - 1], heights[k - 1], places[k], heights[k], SERIES[0], 1.4)
    for (name, mark), x, y in zip(one.points, places, heights, strict=True):
        canvas.line(x, top + LOW * (1 - mark.low), x, top + LOW * (1 - mark.high), SERIES[0], 1.6)
        hint = f"{one.title}, {name}: {number(mark.value)} {interval((mark.low, mark.high))}"
        canvas.dot(x, y, 3, SERIES[0], hint)
        canvas.text(x, top + LOW + 13, name, anchor="middle", fill=FAINT, size=9)
