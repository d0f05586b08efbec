"""Charts: rates with intervals, a matrix as a heat map, a reliability diagram, and a histogram by group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.figures.svg import CHARACTER, FAINT, GRID, INK, ORANGE, SERIES, Canvas, shade, short
from failsight.tools.text import interval, number

MOST_ROWS = 30  # more are not legible: the caller shows the most telling ones and says so
WIDTH = 640


@dataclass(frozen=True, slots=True)
class Mark:
    """A rate in [0, 1] with its interval."""

    value: float
    low: float
    high: float


def rates(
    title: str, alt: str, names: Sequence[str], series: Sequence[tuple[str, Sequence[Mark | None]]], axis: str
) -> str:
    """Rates of several groups as dots with interval lines, one row a group, one colour and shape of row a series.

    Args:
        names: group names, top to bottom; at most ``MOST_ROWS`` are drawn.
        series: (name, one mark or None per group); at most four.
        axis: what is on the horizontal axis, always 0 to 100 %.
    """
    names, lane = list(names)[:MOST_ROWS], 12
    label = min(180.0, 20 + CHARACTER * max((len(short(n, 26)) for n in names), default=0))
    step = 8 + lane * len(series)
    top, left, right = 44 if len(series) > 1 else 30, label + 10, WIDTH - 20
    bottom = top + step * len(names)
    canvas = Canvas(WIDTH, bottom + 40)
    canvas.text(10, 18, title, size=13, bold=True)
    _legend(canvas, [name for name, _ in series], left)
    for tick in range(0, 101, 20):
        x = left + (right - left) * tick / 100
        canvas.line(x, top, x, bottom)
        canvas.text(x, bottom + 15, f"{tick} %", anchor="middle", fill=FAINT)
    canvas.text((left + right) / 2, bottom + 32, axis, anchor="middle", fill=FAINT)
    for i, name in enumerate(names):
        canvas.text(label, top + step * (i + 0.5) + 4, short(name, 26), anchor="end")
        for s, (kind, marks) in enumerate(series):
            mark, y = marks[i], top + step * i + 4 + lane * (s + 0.5)
            if mark is not None:
                hint = f"{name} {kind}: {number(mark.value)} {interval((mark.low, mark.high))}"
                _mark(canvas, mark, y, left, right - left, SERIES[s], hint)
    return canvas.svg(title, alt)


def _mark(canvas: Canvas, mark: Mark, y: float, left: float, width: float, colour: str, hint: str) -> None:
    canvas.line(left + width * mark.low, y, left + width * mark.high, y, colour, 2)
    canvas.dot(left + width * mark.value, y, 4, colour, hint)


def _legend(canvas: Canvas, names: Sequence[str], x: float, y: float = 34) -> None:
    if len(names) < 2:
        return
    for name, colour in zip(names, SERIES, strict=False):
        canvas.dot(x + 4, y - 4, 4, colour)
        canvas.text(x + 12, y, short(name, 24), fill=INK)
        x += 30 + CHARACTER * len(short(name, 24))


def heat_map(title: str, alt: str, names: Sequence[str], counts: npt.NDArray[np.int64]) -> str:
    """A confusion matrix: shade is the share of the true class (row), figures are counts. At most ``MOST_ROWS`` classes."""
    k = min(len(names), MOST_ROWS)
    side = max(18.0, min(46.0, 460 / max(k, 1)))
    label = 20 + CHARACTER * max((len(short(n, 18)) for n in names[:k]), default=0)
    head = 34 + (label * 0.75 if k > 4 else 18)
    slant = label * 0.72 if k > 4 else 12  # room for the last slanted name
    canvas = Canvas(max(label + 8 + side * k + slant, 430), head + side * k + 34)
    canvas.text(10, 18, title, size=13, bold=True)
    totals = np.maximum(counts.sum(1), 1)
    for i in range(k):
        canvas.text(label, head + side * (i + 0.5) + 4, short(names[i], 18), anchor="end")
        x = label + 8 + side * (i + 0.5)
        canvas.text(
            x, head - 6, short(names[i], 18), anchor="start" if k > 4 else "middle", turn=-45 if k > 4 else 0
        )
        for j in range(k):
            share = counts[i, j] / totals[i]
            fill, ink = shade(share)
            left, top = label + 8 + side * j, head + side * i
            hint = f"{names[i]} taken for {names[j]}: {counts[i, j]} ({number(share)})"
            canvas.rect(left, top, side, side, fill, stroke=GRID, hint=hint)
            if counts[i, j]:
                size = 9 if side < 30 else 11
                canvas.text(
                    left + side / 2, top + side / 2 + 4, counts[i, j], anchor="middle", fill=ink, size=size
                )
    for i in range(k):  # last, so that no neighbour covers the frame
        canvas.rect(label + 8 + side * i, head + side * i, side, side, "none", stroke=INK)
    note = "rows: true class · columns: prediction · shade: share of the row"
    canvas.text(10, head + side * k + 22, note, fill=FAINT)
    return canvas.svg(title, alt)


def reliability(title: str, alt: str, bins: Sequence[tuple[float, Mark, int]]) -> str:
    """Accuracy against confidence: one dot with its interval a bin, the diagonal of perfect calibration, counts below.

    Args:
        bins: (mean confidence, accuracy with interval, number of images) of each filled bin.
    """
    left, top, side = 60.0, 34.0, 300.0
    canvas = Canvas(left + side + 40, top + side + 110)
    canvas.text(10, 18, title, size=13, bold=True)
    for tick in range(0, 101, 25):
        at = side * tick / 100
        canvas.line(left + at, top, left + at, top + side)
        canvas.line(left, top + side - at, left + side, top + side - at)
        canvas.text(left + at, top + side + 14, f"{tick} %", anchor="middle", fill=FAINT)
        canvas.text(left - 6, top + side - at + 4, f"{tick} %", anchor="end", fill=FAINT)
    canvas.line(left, top + side, left + side, top, FAINT, 1.5, "5 4")
    most = max((n for _, _, n in bins), default=1)
    base = top + side + 90
    for confidence, mark, n in bins:
        x = left + side * confidence
        canvas.line(x, top + side * (1 - mark.low), x, top + side * (1 - mark.high), SERIES[0], 2)
        hint = f"confidence {number(confidence)}: right {number(mark.value)} {interval((mark.low, mark.high))} of {n}"
        canvas.dot(x, top + side * (1 - mark.value), 4, SERIES[0], hint)
        canvas.rect(x - 5, base - 44 * n / most, 10, 44 * n / most, ORANGE, hint=f"{n} images")
    canvas.text(
        left + side / 2, top + side + 32, "confidence · bars: number of images", anchor="middle", fill=FAINT
    )
    canvas.text(16, top + side / 2, "share that is right", anchor="middle", fill=FAINT, turn=-90)
    canvas.line(left, base, left + side, base, FAINT)
    return canvas.svg(title, alt)
