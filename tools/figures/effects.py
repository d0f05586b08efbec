"""A chart of effects: falls of a score with their intervals, several series a row, on one signed axis."""

from __future__ import annotations

import math
from collections.abc import Sequence

from failsight.tools.figures.charts import MOST_ROWS, WIDTH, Mark
from failsight.tools.figures.svg import CHARACTER, FAINT, INK, SERIES, Canvas, short
from failsight.tools.text import interval, number


def effects(
    title: str, alt: str, names: Sequence[str], series: Sequence[tuple[str, Sequence[Mark | None]]], axis: str
) -> str:
    """Differences in points as dots with interval lines, zero marked; the axis fits the data, in whole tens of points.

    Args:
        names: row names, top to bottom; at most ``MOST_ROWS`` are drawn.
        series: (name, one mark in [−1, 1] or None per row); at most four.
        axis: what is on the horizontal axis.
    """
    names, lane = list(names)[:MOST_ROWS], 12
    marks = [m for _, ms in series for m in ms[: len(names)] if m is not None]
    low, high, step = _range([m.low for m in marks], [m.high for m in marks])
    label = min(240.0, 20 + CHARACTER * max((len(short(n, 36)) for n in names), default=0))
    top, left, right = 44.0, label + 10, WIDTH - 20.0
    row = 8 + lane * len(series)
    bottom = top + row * len(names)
    canvas = Canvas(WIDTH, bottom + 40)
    canvas.text(10, 18, title, size=13, bold=True)
    x = left
    for (name, _), colour in zip(series, SERIES, strict=False):
        canvas.dot(x + 4, 30, 4, colour)
        canvas.text(x + 12, 34, short(name, 40), fill=INK)
        x += 30 + CHARACTER * len(short(name, 40))

    def place(value: float) -> float:
        return left + (right - left) * (min(max(value, low), high) - low) / (high - low)

    for i in range(round((high - low) / step) + 1):
        tick = low + i * step
        zero = abs(tick) < 1e-9
        canvas.line(place(tick), top, place(tick), bottom, *((INK, 1.2) if zero else ()))
        canvas.text(
            place(tick), bottom + 15, f"{100 * tick:+.0f}" if not zero else "0", anchor="middle", fill=FAINT
        )
    canvas.text((left + right) / 2, bottom + 32, axis, anchor="middle", fill=FAINT)
    for i, name in enumerate(names):
        canvas.text(label, top + row * (i + 0.5) + 4, short(name, 36), anchor="end")
        for s, (kind, values) in enumerate(series):
            mark, y = values[i], top + row * i + 4 + lane * (s + 0.5)
            if mark is None:
                continue
            canvas.line(place(mark.low), y, place(mark.high), y, SERIES[s], 2)
            hint = (
                f"{name}, {kind}: {number(mark.value, 'points')} {interval((mark.low, mark.high), 'points')}"
            )
            canvas.dot(place(mark.value), y, 4, SERIES[s], hint)
    return canvas.svg(title, alt)


def _range(lows: Sequence[float], highs: Sequence[float]) -> tuple[float, float, float]:
    """(low, high, step) of an axis that holds zero and all finite values."""
    low = min((v for v in lows if math.isfinite(v)), default=0.0)
    high = max((v for v in highs if math.isfinite(v)), default=0.0)
    span = max(high, 0.0) - min(low, 0.0)
    step = next(s for s in (0.02, 0.05, 0.1, 0.2, 0.5, 1.0) if span <= 8 * s or s == 1.0)
    first = math.floor(min(low, 0.0) / step + 1e-9) * step
    last = math.ceil(max(high, 0.0) / step - 1e-9) * step
    return first, max(last, first + step), step
