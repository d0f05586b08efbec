"""The same figure for a terminal: lines of coloured text, or points that fill whatever width there is.

A sketch travels inside its SVG (``<metadata>``), so that one file is the whole figure. A terminal has few pixels: what
tells groups apart is the character first and the colour second, so that nothing is lost without colours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape, unescape
from typing import Any

import numpy as np
import numpy.typing as npt

from failsight.tools.text import clean

LARGEST = 4_000_000  # characters of an SVG file that are read for its sketch
MOST_LINES, MOST_POINTS, MOST_GROUPS = 400, 20_000, 40
GRAIN = 1000  # points lie on a grid of 0 … GRAIN
MARKS = "abcdefghijklmnopqrstuvwxyz"
_BLOCK = re.compile(r"<metadata>(.*?)</metadata>", re.DOTALL)
_COLOUR = re.compile(r"#[0-9A-Fa-f]{6}")
_DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])  # of a braille character


@dataclass(frozen=True, slots=True)
class Span:
    """Some characters in one colour (``#RRGGBB``; empty is the terminal's own), on a ground of another."""

    text: str
    colour: str = ""
    ground: str = ""


Line = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Lines:
    """Text as it is, line by line."""

    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class Group:
    """Points of one kind: ``mark`` is the character that stands for them, empty for fine dots."""

    name: str
    colour: str
    mark: str


@dataclass(frozen=True)
class Points:
    """Points of several groups; later groups lie over earlier ones where they are as many.

    Attributes:
        x, y: (n,) whole numbers in 0 … ``GRAIN``, y downwards.
        group: (n,) place among ``groups``.
        labels: (x, y, word) written over the points.
    """

    x: npt.NDArray[np.int64]
    y: npt.NDArray[np.int64]
    group: npt.NDArray[np.int64]
    groups: tuple[Group, ...]
    labels: tuple[tuple[int, int, str], ...] = ()


Sketch = Lines | Points


def with_sketch(svg: str, sketch: Sketch) -> str:
    """``svg`` with ``sketch`` inside."""
    return svg.replace("</svg>", f"<metadata>{escape(json.dumps(_to_json(sketch)))}</metadata></svg>")


def sketch_of(svg: str) -> Sketch | None:
    """The sketch inside of an SVG; None when there is none or it is not one of ours. Never raises."""
    found = _BLOCK.search(svg) if len(svg) <= LARGEST else None
    if found is None:
        return None
    try:
        return _from_json(json.loads(unescape(found.group(1))))
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return None  # whatever somebody wrote there, the words of the figure are shown instead


def drawn(sketch: Sketch, columns: int, rows: int) -> list[Line]:
    """The sketch as lines of at most ``columns`` characters; points take ``rows`` lines and their legend."""
    if isinstance(sketch, Lines):
        return [_cut(line, columns) for line in sketch.lines]
    return [*_scatter(sketch, columns, max(rows, 4)), *_legend(sketch.groups, columns)]


def line(*parts: str | tuple[str, str] | tuple[str, str, str]) -> Line:
    """A line of texts and (text, colour[, ground])."""
    return tuple(Span(p) if isinstance(p, str) else Span(*p) for p in parts)


def bar(share: float, width: int) -> str:
    """A bar of ``width`` characters at most, in eighths of one."""
    eighths = round(8 * width * min(max(share, 0.0), 1.0)) if share == share else 0
    full, rest = divmod(eighths, 8)
    return "█" * full + ("▏▎▍▌▋▊▉"[rest - 1] if rest else "")


def fit(words: object, width: int) -> str:
    """``words`` in exactly ``width`` characters."""
    return clean(words, max(width, 1)).ljust(width)


def _cut(made: Line, columns: int) -> Line:
    kept, left = [], columns
    total = sum(len(s.text) for s in made)
    for span in made:
        text = span.text
        if total > columns and len(text) >= left:
            kept.append(Span(text[: max(left - 1, 0)] + "…", span.colour, span.ground))
            break
        kept.append(span)
        left -= len(text)
    return tuple(kept)


def _scatter(points: Points, columns: int, rows: int) -> list[Line]:
    """Braille dots where the fine group is alone, else the mark of the group that has most points in the character."""
    place = (points.y * rows // (GRAIN + 1)) * columns + points.x * columns // (GRAIN + 1)
    count = np.zeros((rows * columns, max(len(points.groups), 1)), np.int64)
    np.add.at(count, (place, points.group), 1)
    fine = np.array([not g.mark for g in points.groups] or [True])
    marked = np.where(fine, 0, count)
    winner = marked.shape[1] - 1 - marked[:, ::-1].argmax(1)
    loud = marked.max(1) * 2 >= count.sum(1)
    loud &= marked.max(1) > 0
    dots = _braille(points, columns, rows)
    quiet = count.argmax(1)
    written = {
        min(y * rows // (GRAIN + 1), rows - 1) * columns + min(x * columns // (GRAIN + 1), columns - 1): w
        for x, y, w in points.labels
    }
    made = []
    for row in range(rows):
        spans: list[Span] = []
        for at in range(row * columns, (row + 1) * columns):
            if at in written:
                spans.append(Span(written[at][:1], "#000000", "#F0E442"))
            elif loud[at]:
                spans.append(Span(points.groups[winner[at]].mark, points.groups[winner[at]].colour))
            else:
                colour = points.groups[quiet[at]].colour if dots[at] else ""
                spans.append(Span(chr(0x2800 + dots[at]) if dots[at] else " ", colour))
        made.append(_joined(spans))
    return made


def _braille(points: Points, columns: int, rows: int) -> npt.NDArray[np.int64]:
    """(rows · columns,) dots of each character: two columns and four rows of them."""
    x, y = points.x * (2 * columns) // (GRAIN + 1), points.y * (4 * rows) // (GRAIN + 1)
    made = np.zeros(rows * columns, np.int64)
    np.bitwise_or.at(made, (y // 4) * columns + x // 2, _DOTS[y % 4, x % 2])
    return made


def _joined(spans: Sequence[Span]) -> Line:
    """Neighbours of one colour as one span."""
    made: list[Span] = []
    for span in spans:
        if made and (made[-1].colour, made[-1].ground) == (span.colour, span.ground):
            made[-1] = Span(made[-1].text + span.text, span.colour, span.ground)
        else:
            made.append(span)
    return tuple(made)


def _legend(groups: Sequence[Group], columns: int) -> list[Line]:
    """The groups side by side, as many a line as fit."""
    lines: list[list[Span]] = [[]]
    used = 0
    for group in groups:
        words = f"{group.mark or '⠿'} {clean(group.name, max(columns - 6, 4))}   "
        if used + len(words) > columns and lines[-1]:
            lines.append([])
            used = 0
        lines[-1].append(Span(words, group.colour))
        used += len(words)
    return [tuple(one) for one in lines if one]


def _to_json(sketch: Sketch) -> dict[str, Any]:
    if isinstance(sketch, Lines):
        kept = [[[s.text, s.colour, s.ground] for s in one] for one in sketch.lines[:MOST_LINES]]
        return {"lines": kept}
    return {
        "x": sketch.x.tolist(),
        "y": sketch.y.tolist(),
        "group": sketch.group.tolist(),
        "groups": [[g.name, g.colour, g.mark] for g in sketch.groups],
        "labels": [list(one) for one in sketch.labels],
    }


def _from_json(raw: Any) -> Sketch:
    if "lines" in raw:
        return Lines(tuple(tuple(_span(s) for s in one[:200]) for one in raw["lines"][:MOST_LINES]))
    groups = tuple(Group(clean(n, 60), _colour(c), clean(m, 1)) for n, c, m in raw["groups"][:MOST_GROUPS])
    x, y, group = (np.array(raw[k][:MOST_POINTS], np.int64).reshape(-1) for k in ("x", "y", "group"))
    fine = len(x) == len(y) == len(group)
    if not fine or group.min(initial=0) < 0 or group.max(initial=-1) >= len(groups):
        raise ValueError("not a sketch")
    labels = tuple((_place(a), _place(b), clean(w, 1)) for a, b, w in raw["labels"][:MOST_GROUPS])
    return Points(x.clip(0, GRAIN), y.clip(0, GRAIN), group, groups, labels)


def _span(raw: Any) -> Span:
    text, colour, ground = raw
    # spaces stay: they align columns
    kept = " ".join(clean(part, 400) for part in str(text)[:400].split(" "))
    return Span(kept, _colour(colour), _colour(ground))


def _colour(raw: Any) -> str:
    return str(raw) if _COLOUR.fullmatch(str(raw)) else ""


def _place(raw: Any) -> int:
    return min(max(int(raw), 0), GRAIN)
