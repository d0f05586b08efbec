"""What ``failsight compare`` tells of two models: JSON for programs, evidence for people."""

from __future__ import annotations

from typing import Any

from failsight.agent.commands.compare import Comparison, Side
from failsight.tools.changes import report as told
from failsight.tools.changes.measures import Group, ModelChange, Paired
from failsight.tools.evidence import Evidence, jsonable

SCHEMA = "failsight.comparison/1"


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
    both = [{"ece": e, "ece_ci": ci, "mean_confidence": m} for e, ci, m in sides]
    return {"before": both[0], "after": both[1]}


def as_evidence(made: Comparison) -> Evidence:
    """The comparison for people, with the faces that all evidence has."""
    change = made.change
    tables = (
        told.changes_table(change, "left to --json"),
        told.disagreements_table(change, made.classes, "left to --json"),
    )
    return Evidence(
        tool="compare",
        title="Two models on the same images",
        summary=" ".join(told.sentences(change, made.before.name, made.after.name)),
        facts=told.facts(change),
        tables=tuple(t for t in tables if t.rows),
        notes=made.notes,
    )
