"""The tables of the check of a repair: the target, all other groups, confidences, and what the model relies on."""

from __future__ import annotations

from collections.abc import Sequence

from failsight.tools.evidence import Cell, Table, Unit
from failsight.tools.repair.reliance import Reliance
from failsight.tools.repair.verdict import Compared
from failsight.tools.stats.crossed import CrossedMean
from failsight.tools.text import clean, interval, number, p_value

MOST_ROWS = 30


def target_table(t: Compared, measure: str) -> Table:
    """Before and after in the target, both arms, and the difference that counts."""
    rows: list[tuple[Cell, ...]] = [
        ("before", number(t.before), "", "", ""),
        ("repair", number(t.repair), *_cells(t.change)),
    ]
    if t.effect is not None and t.drift is not None:
        rows += [
            ("control", number(t.control), *_cells(t.drift)),
            ("repair − control", "", *_cells(t.effect)),
        ]
    return Table(
        f"The target: {clean(t.name, 80)}",
        ("arm", measure, "change", "95 % interval", "p"),
        tuple(rows),
        ("text",) * 5,
        f"{t.n:,} images that neither chose nor trained. Change: from before, mean over seeds; for repair − control between "
        "the arms. Intervals cover other images and other seeds; p: one-sided, that it fell (with sign flips for repair).",
    )


def _cells(m: CrossedMean) -> tuple[str, str, str]:
    return number(m.mean, "points"), interval(m.ci, "points"), p_value(m.p("less"))


def others_table(others: Sequence[Compared]) -> Table:
    """What lost first; the clearest where there are many."""
    order = sorted(others, key=lambda o: (o.q_worse, -abs(o.change.mean)))[:MOST_ROWS]
    order.sort(key=lambda o: -o.change.mean)
    rows: list[tuple[Cell, ...]] = []
    for o in order:
        control = "–" if o.drift is None else number(o.drift.mean, "points")
        rows.append(
            (
                clean(o.name, 80),
                o.n,
                number(o.before),
                number(o.repair),
                o.change.mean,
                *o.change.ci,
                control,
                p_value(o.q_worse),
                o.cost,
            )
        )
    units: tuple[Unit, ...] = ("text", "count", "text", "text", *("points",) * 3, "text", "text", "text")
    more = len(others) - len(rows)
    return Table(
        "What it did elsewhere, what lost most first",
        (
            "group",
            "images",
            "wrong before",
            "wrong after",
            "change",
            "from",
            "to",
            "control's change",
            "q worse",
            "verdict",
        ),
        tuple(rows),
        units,
        "After: mean over the versions that were made. From, to: 95 % interval, paired by image. q worse: one-sided, "
        f"Benjamini–Hochberg over {len(others)} groups."
        + (f" {more} more, less clear, are not shown." if more else ""),
    )


def ece_table(e: Compared, n: int) -> Table:
    """The calibration error of all untouched images."""
    rows: list[tuple[Cell, ...]] = [
        ("before", e.before, "", ""),
        ("repair", e.repair, number(e.change.mean, "points"), interval(e.change.ci, "points")),
    ]
    if e.control is not None and e.drift is not None:
        rows.append(("control", e.control, number(e.drift.mean, "points"), interval(e.drift.ci, "points")))
    return Table(
        "Do confidences mean what they say?",
        ("arm", "calibration error", "change", "95 % interval"),
        tuple(rows),
        ("text", "share", "text", "text"),
        f"Expected calibration error of {n:,} untouched images, 15 bins of equal width, mean over seeds. Lower is better.",
    )


def reliance_table(r: Reliance) -> Table:
    """How much the watched score hangs on the finding's cue, before and after, in both arms."""
    rows: list[tuple[Cell, ...]] = [("before", r.before.mean, "", "")]
    rows.append(("repair", r.repair.mean, number(r.change.mean, "points"), interval(r.change.ci, "points")))
    if r.control is not None and r.effect is not None:
        rows.append(("control", r.control, "", ""))
        rows.append(("repair − control", r.effect.mean, "", interval(r.effect.ci, "points")))
    return Table(
        "Have the features changed?",
        ("arm", f"fall by masking {clean(r.what, 40)}", "change", "95 % interval"),
        tuple(rows),
        ("text", "points", "text", "text"),
        f"Fall of the score of {clean(r.of, 60)} when it is masked, beyond that of controls of equal area, in {r.n} untouched images.",
    )
