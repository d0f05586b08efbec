"""What ``failsight compare`` tells of two models: JSON for programs, evidence for people."""

from __future__ import annotations

import math
from typing import Any

from failsight.agent.compare import Comparison, Side
from failsight.tools.checks.model_change import Group, ModelChange, Paired
from failsight.tools.evidence import Cell, Evidence, Fact, Table, jsonable
from failsight.tools.text import clean, interval, number, p_value

SCHEMA = "failsight.comparison/1"
MOST_ROWS = 30  # of a table on the terminal; the JSON has all
MOST_CELLS = 12


def to_json(made: Comparison) -> dict[str, Any]:
    """The comparison as JSON values (schema ``failsight.comparison/1``); positive differences: the second is better."""
    change, names = made.change, (*made.classes, None)
    found: dict[str, Any] = jsonable(
        {
            "schema": SCHEMA,
            "before": _about(made.before),
            "after": _about(made.after),
            "images": {"n": change.n, "labelled": change.overall.n, "joined_by": made.joined_by},
            "accuracy": _counts(change.overall),
            "churn": {"n": change.disagree, "share": change.churn, "ci": change.churn_ci},
            "disagreements": [
                {"true": names[c.true], "before": names[c.before], "after": names[c.after], "n": c.n}
                for c in change.cells
            ],
            "groups": [_group(g) for g in change.groups],
            "worst": _group(change.worst) if change.worst else None,
            "calibration": _calibration(change),
            "notes": made.notes,
        }
    )
    return found


def _about(side: Side) -> dict[str, Any]:
    case = side.case
    return {
        "case": side.name,
        "model": case.model().fingerprint if case.has_model() else None,
        "data": case.table("data").fingerprint,
    }


def _counts(c: Paired) -> dict[str, Any]:
    return {
        "n": c.n, "before": c.before, "before_ci": c.interval("before"), "after": c.after, "after_ci": c.interval("after"),
        "difference": c.difference, "ci": c.ci, "p": c.p, "only_before": c.only_before, "only_after": c.only_after,
    }  # fmt: skip


def _group(g: Group) -> dict[str, Any]:
    return {"kind": g.kind, "name": g.name, **_counts(g.counts), "q": g.q, "verdict": g.verdict}


def _calibration(change: ModelChange) -> dict[str, Any] | None:
    c = change.calibration
    if c is None:
        return None
    sides = ((c.before, c.before_ci, c.mean_before), (c.after, c.after_ci, c.mean_after))
    told = [{"ece": e, "ece_ci": ci, "mean_confidence": m} for e, ci, m in sides]
    return {"before": told[0], "after": told[1]}


def as_evidence(made: Comparison) -> Evidence:
    """The comparison for people, with the faces that all evidence has."""
    change = made.change
    tables = (_changes(change), _disagreements(made))
    return Evidence(
        tool="compare",
        title="Two models on the same images",
        summary=" ".join(_sentences(made)),
        facts=_facts(change),
        tables=tuple(t for t in tables if t.rows),
        notes=made.notes,
    )


def _sentences(made: Comparison) -> list[str]:
    change, o = made.change, made.change.overall
    if not change.disagree:
        right = f", right in {number(o.before)} of {o.n:,}" if o.n else ""
        return [f"Both answer all {change.n:,} images alike{right}: there is no change."]
    said = []
    if o.n:
        sure = "" if o.p <= 0.05 else "; that can be chance"
        said.append(
            f"{made.before.name} is right in {number(o.before)} of {o.n:,} images, {made.after.name} in {number(o.after)}: "
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


def _facts(change: ModelChange) -> tuple[Fact, ...]:
    o = change.overall
    facts = [
        Fact("accuracy", o.before, "share", "before", o.interval("before"), o.n, "higher_is_better"),
        Fact("accuracy", o.after, "share", "after", o.interval("after"), o.n, "higher_is_better"),
        Fact("accuracy_change", o.difference, "points", "", o.ci, o.n, "higher_is_better"),
        Fact("churn", change.churn, "share", "", change.churn_ci, change.n),
    ]
    c = change.calibration
    if c is not None:
        facts += [
            Fact("ece", c.before, "share", "before", c.before_ci, o.n, "lower_is_better"),
            Fact("ece", c.after, "share", "after", c.after_ci, o.n, "lower_is_better"),
        ]
    return tuple(f for f in facts if not (isinstance(f.value, float) and math.isnan(f.value)))


def _changes(change: ModelChange) -> Table:
    """Groups, those that lost most first; where there are many, those with the clearest change."""
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
    return Table(
        "Classes and slices, what lost most first",
        ("group", "images", "right", "change in points", "q", "verdict"),
        tuple(rows),
        ("text", "count", "text", "text", "text", "text"),
        f"Share that is right; paired (McNemar), q: Benjamini–Hochberg over {len(change.groups)} groups."
        + (f" {more} more, less clear, are left to --json." if more else ""),
    )


def _change(group: Group) -> str:
    """``+2.1 [0.3, 3.9]``, in points: narrow enough for a terminal of 80 columns."""
    low, high = group.counts.ci
    return f"{100 * group.counts.difference:+.1f} [{100 * low:.1f}, {100 * high:.1f}]"


def _disagreements(made: Comparison) -> Table:
    names = (*(clean(c, 60) for c in made.classes), "unknown")
    rows: list[tuple[Cell, ...]] = [
        (names[c.true], names[c.before], names[c.after], c.n, _effect(c.true, c.before, c.after))
        for c in made.change.cells[:MOST_CELLS]
    ]
    more = len(made.change.cells) - len(rows)
    return Table(
        "Where they disagree",
        ("true class", "before", "after", "images", "effect"),
        tuple(rows),
        ("text", "text", "text", "count", "text"),
        f"{more} more kinds of disagreement are left to --json." if more else "",
    )


def _effect(true: int, before: int, after: int) -> str:
    if true < 0:
        return ""
    return "mended" if after == true else "new error" if before == true else "wrong both times"
