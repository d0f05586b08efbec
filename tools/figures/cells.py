"""Classes against attribute values: a heat map in which cells that rest on too few images are hatched, not shaded."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.figures.sketch import MARKS, Line, Lines, Span, fit, line, with_sketch
from failsight.tools.figures.svg import CHARACTER, FAINT, GRID, INK, Canvas, shade, short
from failsight.tools.stats.intervals import wilson
from failsight.tools.text import counted, interval, number

Floats = npt.NDArray[np.float64]
WIDE, TALL = 34.0, 18.0
TURN = 40  # degrees that column names rise by
SKETCHED = 10  # columns that a narrow terminal has room for


@dataclass(frozen=True)
class Cells:
    """What a heat map shows.

    Attributes:
        rows: names of the rows, top to bottom.
        columns: names of the columns, left to right.
        groups: (columns,) attribute of each column; a line is drawn where it changes.
        values: (rows, columns) shares in [0, 1]; NaN is left empty.
        n: (rows, columns) images behind each.
        what: what a share is of, for the words on hovering: ``of the images of kitchen``.
    """

    rows: Sequence[str]
    columns: Sequence[str]
    groups: Sequence[int]
    values: Floats
    n: npt.NDArray[np.int64]
    what: str


def cells(title: str, alt: str, made: Cells, *, least: int, note: str) -> str:
    """The heat map as SVG with its terminal sketch.

    Args:
        least: fewest images that are shaded; cells with fewer are hatched.
        note: what shade and figures mean, in a line.
    """
    label = 16 + CHARACTER * max((len(short(r, 22)) for r in made.rows), default=4)
    longest = CHARACTER * max((len(short(c, 30)) for c in made.columns), default=4)
    head = 38 + longest * math.sin(math.radians(TURN))
    lean = longest * math.cos(math.radians(TURN))
    wide = min(WIDE, max(24.0, 700 / max(len(made.columns), 1)))
    width = max(label + wide * len(made.columns) + max(lean - wide / 2, 0) + 10, 460)
    canvas = Canvas(width, head + TALL * len(made.rows) + 34)
    canvas.text(10, 18, short(title, 90), size=13, bold=True)
    for j, name in enumerate(made.columns):
        canvas.text(label + wide * (j + 0.5) + 2, head - 5, short(name, 30), turn=-TURN)
    for i, name in enumerate(made.rows):
        canvas.text(label - 6, head + TALL * i + 13, short(name, 22), anchor="end")
        for j in range(len(made.columns)):
            _cell(canvas, made, i, j, (label + wide * j, head + TALL * i, wide), least)
    for j in range(1, len(made.columns)):
        if made.groups[j] != made.groups[j - 1]:
            x = label + wide * j
            canvas.line(x, head - 4, x, head + TALL * len(made.rows), INK, 1.2)
    canvas.text(10, head + TALL * len(made.rows) + 22, short(note, 130), fill=FAINT)
    return with_sketch(canvas.svg(title, alt), Lines(tuple(_sketch(made, least))))


def _cell(canvas: Canvas, made: Cells, i: int, j: int, at: tuple[float, float, float], least: int) -> None:
    value, n = float(made.values[i, j]), int(made.n[i, j])
    x, y, wide = at
    hint = f"{made.rows[i]}, {made.columns[j]}: {number(value)} {made.what}"
    if n and math.isfinite(value):
        hint += f" {interval(wilson(value * n, n))} (n = {n:,})"
    if n < least or not math.isfinite(value):
        canvas.hatch(
            x, y, wide, TALL, f"{hint}: too few" if n else f"{made.rows[i]}, {made.columns[j]}: none"
        )
        return
    fill, ink = shade(value)
    canvas.rect(x, y, wide, TALL, fill, stroke=GRID, hint=hint)
    canvas.text(x + wide / 2, y + 13, f"{100 * value:.0f}", anchor="middle", fill=ink, size=10)


def _sketch(made: Cells, least: int) -> list[Line]:
    """Columns as letters, with what they stand for below."""
    columns = range(min(len(made.columns), SKETCHED))
    lines: list[Line] = [line(" " * 14 + "".join(f"  {MARKS[j]} " for j in columns) + "  in %")]
    for i, name in enumerate(made.rows):
        spans = [Span(fit(name, 13) + " ")]
        for j in columns:
            value = float(made.values[i, j])
            if int(made.n[i, j]) < least or not math.isfinite(value):
                spans.append(Span("  · "))
            else:
                fill, ink = shade(value)
                spans.append(Span(f"{100 * value:>3.0f} ", ink, fill))
        lines.append(tuple(spans))
    lines += [line(f"  {MARKS[j]} {short(made.columns[j], 50)}") for j in columns]
    left = len(made.columns) - len(columns)
    lines.append(
        line(
            f"  · fewer than {least} images"
            + (f"; {counted(left, 'more column in', 'more columns in')} the figure" if left else "")
        )
    )
    return lines
