"""Slice cards: what a slice is, how much worse it is, what it is taken for, and how its images look."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from failsight.tools.figures.charts import Mark
from failsight.tools.figures.sketch import Line, Lines, Span, bar, fit, line, with_sketch
from failsight.tools.figures.svg import BLUE, CHARACTER, FAINT, GREEN, GRID, INK, VERMILION, Canvas, short
from failsight.tools.inputs.base import Pixels
from failsight.tools.text import clean, interval, listing, number, p_value

WIDTH, PAD = 740.0, 12.0
THUMB, GAP = 82.0, 7.0
KEPT = 128  # pixels a side of a thumbnail kept in the figure
MOST_WRONG, MOST_RIGHT = 6, 2
PER_FIGURE = 2  # cards that a page shows without being shrunk
SMALL = (12, 6)  # columns and rows of a thumbnail in a terminal
IN_TERMINAL = 4


@dataclass(frozen=True)
class Example:
    """One image of a slice: (h, w, 3) uint8, its label, what the model said, and how sure it was."""

    picture: Pixels
    label: str
    prediction: str
    confidence: float | None = None

    @property
    def wrong(self) -> bool:
        return self.label != self.prediction


@dataclass(frozen=True)
class SliceCard:
    """One slice.

    Attributes:
        name: what it is called elsewhere (``F3``); may be empty.
        conditions: ``television=yes`` …
        class_name: the true class it is about, or None.
        n: images on which the rates rest.
        inside, outside: error rate in the slice and elsewhere, with intervals.
        q: after correction for everything that was tested.
        mistaken: (class, share of the slice's errors), commonest first.
        stability: (times found again, searches) with other halves; None when not measured.
        notes: further sentences.
        examples: wrong ones first.
    """

    name: str
    conditions: tuple[str, ...]
    class_name: str | None
    n: int
    inside: Mark
    outside: Mark | None = None
    q: float | None = None
    mistaken: tuple[tuple[str, float], ...] = ()
    stability: tuple[int, int] | None = None
    notes: tuple[str, ...] = ()
    examples: tuple[Example, ...] = ()

    @property
    def words(self) -> str:
        """``kitchen with television=yes and floor=tile``."""
        where = listing([clean(c, 60) for c in self.conditions], 4)
        if self.class_name is None:
            return where or "all images"
        return f"{clean(self.class_name, 40)} with {where}" if where else clean(self.class_name, 40)

    @property
    def shown(self) -> tuple[Example, ...]:
        """Wrong ones, then right ones, no more than fit."""
        wrong = [e for e in self.examples if e.wrong][:MOST_WRONG]
        return (*wrong, *[e for e in self.examples if not e.wrong][:MOST_RIGHT])


def cards_alt(cards: Sequence[SliceCard]) -> str:
    """What the cards show, in words."""
    told = []
    for one in cards:
        against = f" against {number(one.outside.value)} in the rest" if one.outside else ""
        taken = f", mostly taken for {clean(one.mistaken[0][0], 40)}" if one.mistaken else ""
        told.append(
            f"{one.words}: {number(one.inside.value)} wrong{against}{taken}, {len(one.shown)} example images"
        )
    return "Slice cards. " + "; ".join(told) + "."


def slice_cards(title: str, alt: str, cards: Sequence[SliceCard]) -> str:
    """The cards below each other as SVG, with the same for a terminal inside. ``PER_FIGURE`` of them read well on a page."""
    heights = [_height(one) for one in cards]
    canvas = Canvas(WIDTH, 30 + sum(heights) + 8)
    canvas.text(10, 18, short(title, 90), size=13, bold=True)
    y, lines = 30.0, []
    for one, height in zip(cards, heights, strict=True):
        _card(canvas, one, y, height - 8)
        lines += _sketch(one)
        y += height
    return with_sketch(canvas.svg(title, alt), Lines(tuple(lines)))


def _height(one: SliceCard) -> float:
    pictures = THUMB + 52 if one.shown else 0.0
    return 26 + 2 * 20 + 18 * (1 + len(one.notes[:2])) + pictures + 22


def _card(canvas: Canvas, one: SliceCard, y: float, height: float) -> None:
    canvas.rect(4, y, WIDTH - 8, height, "#FFFFFF", stroke=GRID)
    canvas.rect(4, y, 4, height, VERMILION)
    name = f"{clean(one.name, 12)}  " if one.name else ""
    canvas.text(PAD + 6, y + 19, short(name + one.words, 104), size=12, bold=True)
    y += 28
    for words, mark, colour in (("this slice", one.inside, VERMILION), ("the rest", one.outside, BLUE)):
        if mark is not None:
            _rate(canvas, words, mark, colour, y)
        y += 20
    for text in (_numbers(one), *one.notes[:2]):
        canvas.text(PAD + 6, y + 12, short(text, 116), fill=INK if text == _numbers(one) else FAINT)
        y += 18
    for i, example in enumerate(one.shown):
        _example(canvas, example, PAD + 6 + i * (THUMB + GAP), y + 6)


def _rate(canvas: Canvas, words: str, mark: Mark, colour: str, y: float) -> None:
    """A bar from 0 to 100 % with its interval and figures."""
    left, wide = PAD + 84.0, 340.0
    canvas.text(left - 8, y + 12, words, anchor="end")
    canvas.rect(left, y + 2, wide, 12, "#F2F2F2")
    hint = f"{words}: {number(mark.value)} wrong {interval((mark.low, mark.high))}"
    canvas.rect(left, y + 2, wide * mark.value, 12, colour, hint=hint)
    canvas.line(left + wide * mark.low, y + 8, left + wide * mark.high, y + 8, INK, 1.6)
    for end in (mark.low, mark.high):
        canvas.line(left + wide * end, y + 4, left + wide * end, y + 12, INK, 1.6)
    canvas.text(left + wide + 10, y + 12, f"{number(mark.value)} wrong {interval((mark.low, mark.high))}")


def _numbers(one: SliceCard) -> str:
    parts = [f"{one.n:,} images"]
    if one.q is not None:
        q = p_value(one.q)
        parts.append(f"q {q}" if q.startswith("<") else f"q = {q}")
    if one.mistaken:
        wrong = round(one.inside.value * one.n)
        taken = listing(
            [f"{clean(c, 30)} ({round(s * wrong):,} of {wrong:,} errors)" for c, s in one.mistaken[:2]]
        )
        parts.append(f"taken for {taken}")
    if one.stability is not None:
        parts.append(f"found again in {one.stability[0]} of {one.stability[1]} reseeded searches")
    return " · ".join(parts)


def _example(canvas: Canvas, one: Example, x: float, y: float) -> None:
    """The picture in a frame that says right or wrong by colour and sign, and two lines below it."""
    colour = VERMILION if one.wrong else GREEN
    canvas.rect(x - 2, y - 2, THUMB + 4, THUMB + 4, "none", stroke=colour)
    canvas.rect(x, y, THUMB, THUMB, "#EEEEEE")
    raw, width, height = _jpeg(one.picture)
    scale = THUMB / max(width, height, 1)
    wide, tall = width * scale, height * scale
    canvas.picture(x + (THUMB - wide) / 2, y + (THUMB - tall) / 2, wide, tall, raw, "jpeg")
    letters = int((THUMB + GAP) / (CHARACTER * 0.9))
    sign = "✗" if one.wrong else "✓"
    canvas.text(x, y + THUMB + 13, f"{sign} {short(one.prediction, letters - 2)}", size=9.5, fill=colour)
    below = [f"is {one.label}"] if one.wrong else []
    below += [f"{number(one.confidence)} sure"] if one.confidence is not None else []
    for k, words in enumerate(below):
        canvas.text(x, y + THUMB + 25 + 11 * k, short(words, letters), size=9, fill=FAINT)


def _jpeg(picture: Pixels) -> tuple[bytes, int, int]:
    from PIL import Image

    made = Image.fromarray(np.ascontiguousarray(picture, np.uint8))
    made.thumbnail((KEPT, KEPT))
    buffer = io.BytesIO()
    made.convert("RGB").save(buffer, "JPEG", quality=80)
    return buffer.getvalue(), *made.size


def _sketch(one: SliceCard) -> list[Line]:
    name = f"{clean(one.name, 12)} " if one.name else ""
    lines = [line((f"▌{name}{one.words}", VERMILION))]
    for words, mark, colour in (("slice", one.inside, VERMILION), ("the rest", one.outside, BLUE)):
        if mark is not None:
            drawn = bar(mark.value, 18).ljust(18, "·")
            figures = f" {number(mark.value)} {interval((mark.low, mark.high))}"
            lines.append(line(f"  {fit(words, 9)} ", (drawn, colour), figures))
    said = [*_numbers(one).split(" · "), *one.notes[:2]]
    lines += [line(f"  {clean(text, 110)}") for text in (" · ".join(said[:2]), *said[2:])]
    return [*lines, *_thumbnails(one), line("")]


def _thumbnails(one: SliceCard) -> list[Line]:
    """A few wrong images and a right one, as half-blocks side by side, with what each was taken for."""
    wrong = [e for e in one.shown if e.wrong]
    right = [e for e in one.shown if not e.wrong][:1]
    shown = [*wrong[: IN_TERMINAL - len(right)], *right]
    if not shown:
        return []
    blocks = [half_blocks(e.picture, *SMALL) for e in shown]
    lines: list[Line] = []
    for row in range(SMALL[1]):
        spans: list[Span] = [Span("  ")]
        for block in blocks:
            spans += [*block[row], Span("  ")]
        lines.append(tuple(spans[:-1]))
    words = "  ".join(fit(f"{'✗' if e.wrong else '✓'} {e.prediction}", SMALL[0]) for e in shown)
    return [*lines, line(f"  {words}")]


def half_blocks(picture: Pixels, columns: int, rows: int) -> list[Line]:
    """A picture as ``rows`` lines of exactly ``columns`` characters, two pixels each, centred."""
    from PIL import Image

    small = Image.fromarray(np.ascontiguousarray(picture, np.uint8)).convert("RGB")
    small.thumbnail((columns, rows * 2))
    if small.width < columns and small.height < rows * 2:
        scale = min(columns / small.width, rows * 2 / small.height)
        size = (max(1, int(small.width * scale)), max(1, int(small.height * scale)))
        small = small.resize(size, Image.Resampling.NEAREST)
    pixels = np.asarray(small)
    made: list[Line] = []
    left = (columns - pixels.shape[1]) // 2
    for row in range(rows):
        spans = [Span(" " * left)]
        for x in range(pixels.shape[1]):
            top, below = (_hex(pixels, 2 * row + k, x) for k in (0, 1))
            spans.append(Span("▀", top, below) if top else Span(" "))
        spans.append(Span(" " * (columns - left - pixels.shape[1])))
        made.append(tuple(spans))
    return made


def _hex(pixels: Pixels, y: int, x: int) -> str:
    return "#" + "".join(f"{int(c):02X}" for c in pixels[y, x]) if y < len(pixels) else ""
