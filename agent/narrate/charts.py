"""Small charts drawn as inline SVG: a point with its interval beside what it is compared with. Text tells the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from failsight.agent.narrate.markup import Html, el
from failsight.tools.text import number

WIDTH, LABELS, ROW, TOP = 640, 190, 30, 8


@dataclass(frozen=True, slots=True)
class Mark:
    """One row: a value in [-1, 1], its interval, its class name for colour (``main``, ``other``)."""

    label: str
    value: float
    ci: tuple[float, float] | None = None
    style: str = "main"


def interval_chart(
    marks: Sequence[Mark], *, unit: str, bound: float | None = None, bound_label: str = "", alt: str = ""
) -> Html:
    """Marks on one axis. ``unit`` is ``share`` (axis from 0) or ``points`` (axis around 0); ``bound`` a dashed line."""
    marks = [m for m in marks if math.isfinite(m.value)]
    if not marks:
        return Html("")
    low, high = _range(marks, bound)
    if unit == "share":
        low, high = max(low, 0.0), min(high, 1.0)
    height = TOP + ROW * len(marks) + 30
    base = TOP + ROW * len(marks)

    def x(value: float) -> str:
        return f"{LABELS + (WIDTH - LABELS - 70) * (value - low) / (high - low):.1f}"

    parts: list[Html] = []
    for tick in _ticks(low, high):
        parts.append(_line(x(tick), TOP, x(tick), base, "zero" if tick == 0 else "grid"))
        parts.append(
            el(
                "text",
                number(tick, unit).replace(" points", ""),
                x=x(tick),
                y=base + 18,
                class_="tick",
                text_anchor="middle",
            )
        )
    if bound is not None:
        parts.append(_line(x(bound), TOP, x(bound), base, "bound"))
    for i, mark in enumerate(marks):
        y = TOP + ROW * i + ROW // 2
        parts.append(el("text", mark.label, x=LABELS - 12, y=y + 4, class_="label", text_anchor="end"))
        if mark.ci is not None and all(map(math.isfinite, mark.ci)):
            a, b = (min(max(c, low), high) for c in mark.ci)
            parts.append(_line(x(a), y, x(b), y, f"whisker {mark.style}"))
        parts.append(el("circle", cx=x(mark.value), cy=y, r=5, class_=f"dot {mark.style}"))
        parts.append(
            el("text", number(mark.value, unit), x=WIDTH - 2, y=y + 4, class_="value", text_anchor="end")
        )
    if bound is not None and bound_label:
        parts.append(el("text", bound_label, x=LABELS - 12, y=base + 18, class_="tick", text_anchor="end"))
    return el("svg", *parts, class_="chart", viewBox=f"0 0 {WIDTH} {height}", role="img", aria_label=alt)


def _line(x1: str, y1: float, x2: str, y2: float, style: str) -> Html:
    return el("line", x1=x1, y1=f"{y1}", x2=x2, y2=f"{y2}", class_=style)


def _range(marks: Sequence[Mark], bound: float | None) -> tuple[float, float]:
    values = [0.0, *(m.value for m in marks), *([bound] if bound is not None else [])]
    values += [c for m in marks for c in (m.ci or ()) if math.isfinite(c)]
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
