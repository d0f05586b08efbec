"""Learning curves: losses, accuracies and the learning rate over time, the best and the last point marked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Figure
from failsight.tools.figures.svg import FAINT, INK, ORANGE, SERIES, Canvas
from failsight.tools.history.curves import thinned
from failsight.tools.history.diagnosis import Course, when
from failsight.tools.history.record import Curve, Record
from failsight.tools.text import clean, number
from failsight.tools.view import CaseView

WIDTH, HEIGHT, GAP = 640.0, 170.0, 44.0
LEFT, RIGHT = 70.0, 20.0


@dataclass(frozen=True)
class _Panel:
    title: str
    unit: str
    series: tuple[tuple[str, Curve], ...]


def learning_curves(view: CaseView, record: Record, course: Course) -> Figure | None:
    """One panel each for loss, accuracy and learning rate, as far as recorded, over a common time axis."""
    panels = [p for p in (_panel(record, *one) for one in _PANELS) if p is not None]
    if not panels:
        return None
    times = np.concatenate([c.at for p in panels for _, c in p.series])
    span = (float(times.min()), float(times.max()))
    alt = _alt(record, course, panels)
    canvas = Canvas(WIDTH, 34 + len(panels) * (HEIGHT + GAP) + 14)
    canvas.text(10, 18, "Learning curves", size=13, bold=True)
    marks = _marks(course, span[1])
    for i, panel in enumerate(panels):
        _draw(canvas, panel, 44 + i * (HEIGHT + GAP), span, marks)
    canvas.text(WIDTH / 2, canvas.height - 6, record.unit, anchor="middle", fill=FAINT)
    return view.save_figure(
        "learning_curves", canvas.svg("Learning curves", alt), title="Learning curves", alt=alt
    )


_PANELS = (
    ("loss", "score", (("training", "train_loss"), ("validation", "val_loss"))),
    ("accuracy", "share", (("training", "train_accuracy"), ("validation", "val_accuracy"))),
    ("learning rate", "score", (("learning rate", "learning_rate"),)),
)


def _panel(record: Record, title: str, unit: str, series: Sequence[tuple[str, str]]) -> _Panel | None:
    kept = tuple((name, c) for name, key in series if len(c := thinned(record.get(key))))  # type: ignore[arg-type]
    return _Panel(title, unit, kept) if kept else None


def _marks(course: Course, last: float) -> list[tuple[float, str, str]]:
    made = [(last, "last", FAINT)]
    if course.best_at is not None:
        made.insert(0, (course.best_at, "best" if course.best_at != last else "best and last", ORANGE))
        if course.best_at == last:
            made.pop()
    return made


def _alt(record: Record, course: Course, panels: Sequence[_Panel]) -> str:
    parts = [
        f"{name} {panel.title if name != panel.title else ''} from {number(float(c.values[0]), panel.unit)} to {number(float(c.values[-1]), panel.unit)}".replace(
            "  ", " "
        )
        for panel in panels
        for name, c in panel.series
    ]
    best = (
        f" Best by the validation images at {when(course.best_at, record.unit)}."
        if course.best_at is not None
        else ""
    )
    return f"Learning curves: {'; '.join(parts)}.{best}"


def _draw(
    canvas: Canvas,
    panel: _Panel,
    top: float,
    span: tuple[float, float],
    marks: Sequence[tuple[float, str, str]],
) -> None:
    values = np.concatenate([c.values for _, c in panel.series])
    low, high = _range(values, panel.unit)
    wide = max(span[1] - span[0], 1e-12)

    def x(at: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (at - span[0]) / wide

    def y(value: float) -> float:
        return top + HEIGHT * (1 - (min(max(value, low), high) - low) / (high - low))

    canvas.text(LEFT, top - 8, panel.title, bold=True)
    if len(panel.series) > 1:
        for s, (name, _) in enumerate(panel.series):
            canvas.dot(LEFT + 90 + 100 * s, top - 12, 4, SERIES[s])
            canvas.text(LEFT + 98 + 100 * s, top - 8, name, fill=INK)
    for tick in np.linspace(low, high, 5):
        canvas.line(LEFT, y(tick), WIDTH - RIGHT, y(tick))
        canvas.text(LEFT - 6, y(tick) + 4, number(float(tick), panel.unit), anchor="end", fill=FAINT)
    for at in np.linspace(*span, 5):
        canvas.text(x(at), top + HEIGHT + 14, number(float(at), "score"), anchor="middle", fill=FAINT)
    for at, name, colour in marks:
        canvas.line(x(at), top, x(at), top + HEIGHT, colour, 1.5, "4 3")
        end = x(at) > WIDTH - 120
        canvas.text(x(at) + (-4 if end else 4), top + 12, name, anchor="end" if end else "start", fill=colour)
    for s, (name, curve) in enumerate(panel.series):
        _line(
            canvas,
            [(x(float(a)), y(float(v))) for a, v in zip(curve.at, curve.values, strict=True)],
            SERIES[s],
        )
        if len(curve) <= 60:
            for a, v in zip(curve.at, curve.values, strict=True):
                canvas.dot(
                    x(float(a)),
                    y(float(v)),
                    2.5,
                    SERIES[s],
                    f"{name} {clean(panel.title)} {number(float(v), panel.unit)} at {a:g}",
                )


def _line(canvas: Canvas, points: Sequence[tuple[float, float]], colour: str) -> None:
    for (x1, y1), (x2, y2) in zip(points, points[1:], strict=False):  # noqa: RUF007
        canvas.line(x1, y1, x2, y2, colour, 1.5)


def _range(values: npt.NDArray[np.float64], unit: str) -> tuple[float, float]:
    """What the axis spans: a few extreme values are cut off at the top, so that the rest can be read."""
    low, high = float(values.min()), float(values.max())
    usual = float(np.quantile(values, 0.95))
    if unit != "share" and high > 5 * abs(usual) > 0:
        high = 2 * usual
    low = 0.0 if 0 <= low < 0.5 * high else low
    if not math.isfinite(high - low) or high - low < 1e-12:
        return low - 0.5, low + 0.5
    return low, high
