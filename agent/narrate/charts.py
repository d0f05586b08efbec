"""Small charts drawn as inline SVG: a point with its interval beside what it is compared with. Text tells the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from failsight.agent.narrate.markup import Html, el
from failsight.tools.text import number

WIDTH, LABELS, MOST_LABELS, LETTER, VALUES, ROW, TOP = 520, 130, 260, 7.2, 96, 28, 8


@dataclass(frozen=True, slots=True)
class Mark:
    """One row: a value in [-1, 1] (None or NaN: not drawn), its interval, its class name for colour (``main``, ``other``), a
    bound of its own."""

    label: str
    value: float
    ci: tuple[float, float] | None = None
    style: str = "main"
    bound: float | None = None


def interval_chart(marks: Sequence[Mark], *, unit: str, bound: float | None = None, alt: str = "") -> Html:
    """Marks on one axis. ``unit`` is ``share`` (axis from 0) or ``points`` (axis around 0); ``bound`` a dashed line."""
    marks = [m for m in marks if m.value is not None and math.isfinite(m.value)]
    if not marks:
        return Html("")
    low, high = _range(marks, bound)
    if unit == "share":
        low, high = max(low, 0.0), min(high, 1.0)
    base = TOP + ROW * len(marks)
    left = min(MOST_LABELS, max(LABELS, 20 + round(LETTER * max(len(m.label) for m in marks))))

    def x(value: float) -> str:
        inside = min(max(value, low), high)
        return f"{left + (WIDTH - left - VALUES) * (inside - low) / (high - low):.1f}"

    parts: list[Html] = []
    for tick in _ticks(low, high):
        shown = f"{100 * tick:g}" + (" %" if unit == "share" else "")
        parts.append(_line(x(tick), TOP, x(tick), base, "zero" if tick == 0 else "grid"))
        parts.append(_text(shown, x(tick), base + 18, "tick", "middle"))
    if bound is not None:
        parts.append(_line(x(bound), TOP, x(bound), base, "bound"))
    for i, mark in enumerate(marks):
        y = TOP + ROW * i + ROW // 2
        parts.append(_text(_fit(mark.label, left), f"{left - 12}", y + 4, "label", "end"))
        if mark.ci is not None and all(map(math.isfinite, mark.ci)):
            parts.append(_line(x(mark.ci[0]), y, x(mark.ci[1]), y, f"whisker {mark.style}"))
        if mark.bound is not None:
            parts.append(_line(x(mark.bound), y - 10, x(mark.bound), y + 10, "bound"))
        parts.append(el("circle", cx=x(mark.value), cy=y, r=5, class_=f"dot {mark.style}"))
        parts.append(_text(number(mark.value, unit), f"{WIDTH - 2}", y + 4, "value", "end"))
    height = base + 26
    return el("svg", *parts, class_="chart", viewBox=f"0 0 {WIDTH} {height}", role="img", aria_label=alt)


def _fit(label: str, left: int) -> str:
    """A label cut to the room beside the axis; the table under a chart has it whole."""
    most = int((left - 14) / LETTER)
    return label if len(label) <= most else label[: most - 1] + "…"


def _text(shown: str, x: str, y: int, style: str, anchor: str) -> Html:
    return el("text", shown, x=x, y=y, class_=style, text_anchor=anchor)


def _line(x1: str, y1: float, x2: str, y2: float, style: str) -> Html:
    return el("line", x1=x1, y1=f"{y1}", x2=x2, y2=f"{y2}", class_=style)


def _range(marks: Sequence[Mark], bound: float | None) -> tuple[float, float]:
    values = [0.0, *(m.value for m in marks), *([bound] if bound is not None else [])]
    values += [c for m in marks for c in (m.ci or ()) if math.isfinite(c)]
    values += [m.bound for m in marks if m.bound is not None]
    low, high = min(values), max(values)
    room = 0.06 * (high - low or 1.0)
    return (low - room if low < 0 else low, high + room)


def _ticks(low: float, high: float) -> list[float]:
    """Four to eight round values between ``low`` and ``high``, zero among them when it lies there."""
    span = high - low
    for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5):
        if span / step <= 7:
            break
    first = math.ceil(low / step - 1e-9)
    return [round(k * step, 10) for k in range(first, math.floor(high / step + 1e-9) + 1)]
