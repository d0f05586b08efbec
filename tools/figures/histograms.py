"""Histograms of attributes: one block each, a bar a value, and beside it how often the model errs there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from failsight.tools.figures.charts import Mark
from failsight.tools.figures.sketch import Line, Lines, bar, fit, line, with_sketch
from failsight.tools.figures.svg import BLUE, FAINT, GRID, INK, VERMILION, Canvas, short
from failsight.tools.text import interval, number

WIDTH, ROW, HEAD = 740.0, 16.0, 26.0
NAMES, BARS, COUNTS, RATES = 190.0, 200.0, 60.0, 220.0  # widths of the lanes, left to right
QUIET = "#9AA0A6"
MOST_BARS = 12  # of a block; the rarer values are put together


@dataclass(frozen=True, slots=True)
class Bar:
    """One value: images, and its error rate where it is known. ``quiet``: no value, or others put together."""

    name: str
    n: int
    error: Mark | None = None
    quiet: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """One attribute: its name, a few words about it, its values."""

    name: str
    words: str
    bars: tuple[Bar, ...]


def histograms(title: str, alt: str, blocks: Sequence[Block], overall: float | None) -> str:
    """The blocks below each other.

    Args:
        overall: error rate of all images, drawn as a dashed line; None without error rates.
    """
    top = 50.0 if overall is not None else 32.0
    height = top + sum(HEAD + ROW * len(b.bars) for b in blocks) + 12
    canvas = Canvas(WIDTH, height)
    canvas.text(10, 18, short(title, 90), size=13, bold=True)
    left = NAMES + 10
    rate_left = left + BARS + COUNTS
    if overall is not None:
        canvas.text(left, 38, "images", fill=FAINT)
        canvas.text(
            rate_left,
            38,
            f"wrong, 0 to 100 %, with 95 % interval; dashed: all, {number(overall)}",
            fill=FAINT,
            size=10,
        )
    y = top
    for block in blocks:
        most = max((b.n for b in block.bars), default=1)
        canvas.text(10, y + 19, short(block.name, 30), bold=True)
        canvas.text(left, y + 19, short(block.words, 84), fill=FAINT)
        y += HEAD
        if overall is not None:
            _frame(canvas, rate_left, y, ROW * len(block.bars), overall)
        for one in block.bars:
            canvas.text(NAMES, y + 12, short(one.name, 30), anchor="end", fill=FAINT if one.quiet else INK)
            wide = (BARS - 8) * one.n / max(most, 1)
            canvas.rect(
                left,
                y + 2,
                max(wide, 1),
                ROW - 4,
                QUIET if one.quiet else BLUE,
                hint=f"{one.name}: {one.n:,}",
            )
            canvas.text(left + wide + 4, y + 12, f"{one.n:,}", fill=FAINT, size=10)
            if one.error is not None:
                _rate(canvas, one, rate_left, y + ROW / 2)
            y += ROW
    return with_sketch(canvas.svg(title, alt), Lines(tuple(_sketch(blocks))))


def _frame(canvas: Canvas, left: float, y: float, height: float, overall: float) -> None:
    for share in (0.0, 0.5, 1.0):
        x = left + RATES * share
        canvas.line(x, y, x, y + height, GRID)
    x = left + RATES * overall
    canvas.line(x, y, x, y + height, FAINT, 1, "3 3")


def _rate(canvas: Canvas, one: Bar, left: float, y: float) -> None:
    mark = one.error
    if mark is None:
        return
    canvas.line(left + RATES * mark.low, y, left + RATES * mark.high, y, VERMILION, 2)
    hint = f"{one.name}: {number(mark.value)} wrong {interval((mark.low, mark.high))}"
    canvas.dot(left + RATES * mark.value, y, 4, VERMILION, hint)


def _sketch(blocks: Sequence[Block]) -> list[Line]:
    made: list[Line] = []
    for block in blocks:
        most = max((b.n for b in block.bars), default=1)
        made.append(line((short(block.name, 28), BLUE), f"  {short(block.words, 60)}"))
        for one in block.bars:
            drawn = bar(one.n / max(most, 1), 10).ljust(10)
            colour = QUIET if one.quiet else BLUE
            tail = ""
            if one.error is not None:
                tail = (
                    f"{100 * one.error.value:>3.0f} % [{100 * one.error.low:.0f}, {100 * one.error.high:.0f}]"
                )
            made.append(line(f"  {fit(one.name, 20)} ", (drawn, colour), f"{one.n:>8,} ", (tail, VERMILION)))
    if any(one.error is not None for block in blocks for one in block.bars):
        made.append(line("  bars: images; then % wrong with 95 % interval"))
    return made
