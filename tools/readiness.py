"""readiness: do the expectations hold?"""

from __future__ import annotations

from collections.abc import Sequence

from failsight.tools.checks.budgets import is_budget, show, show_interval
from failsight.tools.criteria import COLUMNS, TABLE, Criterion, describe, judge, overall, parse_name
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Cell, Evidence, Fact, Finding, Table
from failsight.tools.inputs.base import Predictions
from failsight.tools.notes import called, labelled_splits
from failsight.tools.registry import tool
from failsight.tools.text import clean, interval, listing, number
from failsight.tools.view import CaseView

WORDS = {
    "ready": "The expectations hold",
    "not_ready": "The model is not ready",
    "undecided": "Whether the model is ready is undecided",
}
PHRASE = "accuracy at least 90 %, recall of every class at least 80 %"


@tool(cost="pass", answers=("expectations.7",), stateful=True)
def readiness(view: CaseView) -> Evidence:
    """Judge whether the expectations set for this model hold, with 95 % confidence bounds: ready, not ready or undecided.

    An expectation holds only when its whole interval is on the right side of the bound; where the interval contains the
    bound, the number of images that would decide is estimated. Confirmed findings without a verified repair are listed.
    """
    predictions, notes = _predictions(view)
    findings = view.findings()
    searched = bool(view.evidence("find_slices"))
    timed = view.evidence("efficiency")
    criteria = judge(
        predictions,
        view.expectations,
        findings,
        slices_searched=searched,
        seed=view.seed,
        efficiency=timed[-1] if timed else None,
    )
    verdict = overall(criteria)
    unresolved = unresolved_findings(view)
    notes += [f"{clean(c.name, 60)}: {c.reason}" for c in criteria if c.reason]
    if unresolved:
        notes.append(
            f"Confirmed and not yet repaired: {listing([i for i, _ in unresolved], 12)}. The verdict is about the expectations alone."
        )
    return Evidence(
        tool="readiness",
        title="Is it ready?",
        summary=_summary(verdict, criteria, unresolved),
        facts=(Fact("readiness", verdict, "text"), *_facts(criteria)),
        tables=tuple(t for t in (_table(criteria), _unresolved_table(unresolved)) if t.rows),
        questions=("expectations.7",),
        notes=tuple(notes),
        next_steps=_next_steps(criteria, unresolved),
    )


def _predictions(view: CaseView) -> tuple[dict[str, Predictions], list[str]]:
    """Prediction tables of the labelled splits that the expectations speak of; why one is missing goes to the notes."""
    wanted = set()
    for e in view.expectations:
        if is_budget(e.name):
            continue
        try:
            wanted.add(parse_name(e.name)[0])
        except LookupError:
            continue
    made: dict[str, Predictions] = {}
    notes = []
    for split in labelled_splits(view):
        if split not in wanted:
            continue
        try:
            made[split] = view.predictions(split)
        except RetryError as problem:
            notes.append(f"The {called(split)} have no predictions: {problem}")
    return made, notes


def unresolved_findings(view: CaseView) -> list[tuple[str, Finding]]:
    """Confirmed findings for which no correction has been verified."""
    verified = {c.finding for e in view.evidence() for c in e.corrections if c.status == "verified"}
    return [(i, f) for i, f in view.findings() if f.verdict == "confirmed" and f.key not in verified]


def _summary(verdict: str, criteria: Sequence[Criterion], unresolved: Sequence[tuple[str, Finding]]) -> str:
    if not criteria:
        text = f"{WORDS['undecided']}: nobody has said how good it must be. Say, for example: {PHRASE}."
    else:
        parts = []
        for holds, words in ((False, "fails"), (None, "undecided"), (True, "holds")):
            named = [f"{describe(c)} {_interval(c)}".rstrip() for c in criteria if c.holds is holds]
            if named:
                parts.append(
                    f"{words}: {'; '.join(named[:4])}"
                    + (f" and {len(named) - 4} more" if len(named) > 4 else "")
                )
        text = f"{WORDS[verdict]}. {'. '.join(p[0].upper() + p[1:] for p in parts)}."
    if unresolved:
        text += f" {len(unresolved)} confirmed {'finding is' if len(unresolved) == 1 else 'findings are'} not repaired."
    return text


def _interval(c: Criterion) -> str:
    return show_interval(c.name, c.ci) if is_budget(c.name) else interval(c.ci)


def _facts(criteria: Sequence[Criterion]) -> list[Fact]:
    made = []
    for c in criteria:
        direction = "higher_is_better" if c.at_least else "lower_is_better"
        unit = "score" if is_budget(c.name) else "share"
        made.append(Fact("criterion", c.value, unit, c.name, c.ci, c.n, direction))  # type: ignore[arg-type]
    return made


def _table(criteria: Sequence[Criterion]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for c in criteria:
        low, high = c.ci or (None, None)
        holds = {True: "yes", False: "no", None: "undecided"}[c.holds]
        rows.append(
            (c.name, "at least" if c.at_least else "at most", c.bound, c.value, low, high, c.n, holds, c.more)
        )
    rate = "score" if any(is_budget(c.name) for c in criteria) else "share"
    units = ("text", "text", rate, rate, rate, rate, "count", "text", "count")
    caption = (
        "Low and high: 95 % interval. More images: about how many would decide, if the value stayed as it is."
    )
    return Table(TABLE, COLUMNS, tuple(rows), units, caption)  # type: ignore[arg-type]


def _unresolved_table(unresolved: Sequence[tuple[str, Finding]]) -> Table:
    rows = tuple(
        (i, f.kind.replace("_", " "), clean(f.statement, 300), f.error_rate, f.n) for i, f in unresolved
    )
    return Table(
        "Confirmed and not repaired",
        ("finding", "kind", "statement", "error rate", "images"),
        rows,
        ("text", "text", "text", "share", "count"),
    )


def _next_steps(criteria: Sequence[Criterion], unresolved: Sequence[tuple[str, Finding]]) -> tuple[str, ...]:
    steps = []
    if not criteria:
        steps.append(f"Ask whoever relies on the model how good it must be, and set it: {PHRASE}.")
    open_ones = [c for c in criteria if c.holds is None and c.more]
    if open_ones:
        least = min(open_ones, key=lambda c: c.more or 0)
        steps.append(
            f"To decide {clean(least.name, 60)} (bound {show(least.name, least.bound) if is_budget(least.name) else number(least.bound)}): {least.reason}"
        )
    if unresolved:
        steps.append(f"Propose a repair for {unresolved[0][0]} (propose_correction).")
    return tuple(steps)
