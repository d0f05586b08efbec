"""What is told of the change from one model to another: sentences, facts and tables over a measured ``ModelChange``."""

from __future__ import annotations

import math
from collections.abc import Sequence

from failsight.tools.changes.measures import Group, ModelChange
from failsight.tools.evidence import Cell, Fact, Table
from failsight.tools.text import clean, interval, number, p_value

MOST_ROWS = 30  # of a table on the terminal
MOST_CELLS = 12


def sentences(change: ModelChange, before: str, after: str) -> list[str]:
    """Who is right more often, how many answers differ, and what lost most; names are those of the two models."""
    o = change.overall
    if not change.disagree:
        right = f", right in {number(o.before)} of {o.n:,}" if o.n else ""
        return [f"Both answer all {change.n:,} images alike{right}: there is no change."]
    said = []
    if o.n:
        sure = "" if o.p <= 0.05 else "; that can be chance"
        said.append(
            f"{before} is right in {number(o.before)} of {o.n:,} images, {after} in {number(o.after)}: "
            f"{number(o.difference, 'points')} {interval(o.ci, 'points')}, p {p_value(o.p)}{sure}."
        )
    else:
        said.append("No shared image has a label, so that nothing is known of right and wrong.")
    mended = f": {o.only_after:,} errors mended, {o.only_before:,} new ones" if o.n else ""
    said.append(f"They answer {number(change.churn)} of {change.n:,} images differently{mended}.")
    if change.worst is not None:
        w = change.worst
        certain = "more than chance" if w.verdict == "worse" else "no more than chance would do"
        said.append(
            f"{clean(w.name, 80)} lost most: {number(w.counts.difference, 'points')} {interval(w.counts.ci, 'points')} on "
            f"{w.counts.n:,} images ({certain}, q {p_value(w.q)})."
        )
    elif change.groups:
        said.append("No class and no slice lost anything.")
    return said


def facts(change: ModelChange) -> tuple[Fact, ...]:
    """Accuracy and calibration of both, the change, and churn."""
    o = change.overall
    made = [
        Fact("accuracy", o.before, "share", "before", o.interval("before"), o.n, "higher_is_better"),
        Fact("accuracy", o.after, "share", "after", o.interval("after"), o.n, "higher_is_better"),
        Fact("accuracy_change", o.difference, "points", "", o.ci, o.n, "higher_is_better"),
        Fact("churn", change.churn, "share", "", change.churn_ci, change.n),
    ]
    c = change.calibration
    if c is not None:
        made += [
            Fact("ece", c.before, "share", "before", c.before_ci, o.n, "lower_is_better"),
            Fact("ece", c.after, "share", "after", c.after_ci, o.n, "lower_is_better"),
        ]
    return tuple(f for f in made if not (isinstance(f.value, float) and math.isnan(f.value)))


def changes_table(change: ModelChange, elsewhere: str = "") -> Table:
    """Groups, those that lost most first; where there are many, those with the clearest change.

    Args:
        elsewhere: where the others can be seen, for the caption.
    """
    shown = sorted(change.groups, key=lambda g: (g.q, -abs(g.counts.difference)))[:MOST_ROWS]
    shown.sort(key=lambda g: g.counts.difference)
    rows: list[tuple[Cell, ...]] = [
        (
            clean(g.name, 80) if g.kind == "class" else f"{clean(g.name, 80)} ({g.kind})",
            g.counts.n, f"{100 * g.counts.before:.1f} → {100 * g.counts.after:.1f} %", _change(g), p_value(g.q), g.verdict,
        )
        for g in shown
    ]  # fmt: skip
    more = len(change.groups) - len(shown)
    left = f" {more} more, less clear, are {elsewhere or 'not shown'}." if more else ""
    return Table(
        "Classes and slices, what lost most first",
        ("group", "images", "right", "change in points", "q", "verdict"),
        tuple(rows),
        ("text", "count", "text", "text", "text", "text"),
        f"Share that is right; paired (McNemar), q: Benjamini–Hochberg over {len(change.groups)} groups.{left}",
    )


def _change(group: Group) -> str:
    """``+2.1 [0.3, 3.9]``, in points: narrow enough for a terminal of 80 columns."""
    low, high = group.counts.ci
    return f"{100 * group.counts.difference:+.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def right_wrong_table(change: ModelChange, before: str, after: str) -> Table:
    """Labelled images by which of the two is right."""
    o = change.overall
    rows: tuple[tuple[Cell, ...], ...] = (
        (f"{before} right", o.both, o.only_before),
        (f"{before} wrong", o.only_after, o.neither),
    )
    return Table(
        "Who is right where",
        ("", f"{after} right", f"{after} wrong"),
        rows if o.n else (),
        ("text", "count", "count"),
    )


def disagreements_table(change: ModelChange, classes: Sequence[str], elsewhere: str = "") -> Table:
    """Where they answer differently, class by class, the most frequent first."""
    names = (*(clean(c, 60) for c in classes), "unknown")
    rows: list[tuple[Cell, ...]] = [
        (names[c.true], names[c.before], names[c.after], c.n, effect(c.true, c.before, c.after))
        for c in change.cells[:MOST_CELLS]
    ]
    more = len(change.cells) - len(rows)
    return Table(
        "Where they disagree",
        ("true class", "before", "after", "images", "effect"),
        tuple(rows),
        ("text", "text", "text", "count", "text"),
        f"{more} more kinds of disagreement are {elsewhere or 'not shown'}." if more else "",
    )


def effect(true: int, before: int, after: int) -> str:
    """What a different answer does; empty without a label."""
    if true < 0:
        return ""
    return "mended" if after == true else "new error" if before == true else "wrong both times"
