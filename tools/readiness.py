"""readiness: do the expectations hold?"""

from __future__ import annotations

from collections.abc import Sequence

from failsight.tools.checks.budgets import is_budget
from failsight.tools.checks.criterion_measures import price_matrix
from failsight.tools.checks.criterion_names import (
    is_price,
    is_share,
    parse_name,
    parse_price,
    show_range,
    show_value,
)
from failsight.tools.checks.named_groups import groups, pick
from failsight.tools.criteria import COLUMNS, TABLE, Criterion, describe, judge, overall, prices
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Cell, Evidence, Fact, Finding, Table
from failsight.tools.experiments.population import check_split
from failsight.tools.inputs.base import Predictions
from failsight.tools.notes import called, labelled_splits
from failsight.tools.performance import confusion
from failsight.tools.registry import tool
from failsight.tools.stats.floors import exact
from failsight.tools.text import clean, listing
from failsight.tools.view import CaseView

WORDS = {
    "ready": "The expectations hold",
    "not_ready": "The model is not ready",
    "undecided": "Whether the model is ready is undecided",
}
PHRASE = "accuracy at least 90 %, recall of every class at least 80 %"


MOST_PRICED = 20
TABLE_UNRESOLVED = "Confirmed and not repaired"


@tool(cost="pass", answers=("expectations.7",), stateful=True, reads_attributes=True)
def readiness(view: CaseView) -> Evidence:
    """Judge whether the expectations set for this model hold, with 95 % confidence bounds: ready, not ready or undecided.

    An expectation holds only when its whole interval is on the right side of the bound; where the interval contains the
    bound, the number of images that would decide is computed. Counts of images have exact intervals. Confirmed findings
    without a verified repair are listed.
    """
    predictions, notes = _predictions(view)
    findings = view.findings()
    timed = view.evidence("efficiency")
    reviewed = [
        e for e in view.evidence("review_errors") if any(f.name == "unacceptable_share" for f in e.facts)
    ]
    criteria = judge(
        predictions,
        view.expectations,
        findings,
        slices_searched=bool(view.evidence("find_slices")),
        seed=view.seed,
        efficiency=timed[-1] if timed else None,
        reviews=reviewed[-1] if reviewed else None,
        pick=lambda split, where: pick(view, check_split(view, split), where),
        name=lambda split, where: groups(view, check_split(view, split), where),
    )
    verdict = overall(criteria)
    unresolved = unresolved_findings(view)
    notes += [f"{clean(c.name, 80)}: {c.reason}" for c in criteria if c.reason]
    notes += _price_notes(view)
    notes += _version_notes(view)
    if unresolved:
        notes.append(
            f"Confirmed and not yet repaired: {listing([i for i, _ in unresolved], 12)}. The verdict is about the expectations alone."
        )
    return Evidence(
        tool="readiness",
        title="Is it ready?",
        summary=_summary(verdict, criteria, unresolved),
        facts=(Fact("readiness", verdict, "text"), *_facts(criteria)),
        tables=tuple(
            t
            for t in (_table(criteria), _price_table(view, predictions), _unresolved_table(unresolved))
            if t.rows
        ),
        questions=("expectations.7",),
        notes=tuple(notes),
        next_steps=_next_steps(criteria, unresolved),
    )


def _predictions(view: CaseView) -> tuple[dict[str, Predictions], list[str]]:
    """Prediction tables of the labelled splits that the expectations speak of; why one is missing goes to the notes."""
    wanted = set()
    for e in view.expectations:
        if is_price(e.name) or is_budget(e.name):
            continue
        try:
            wanted.add(parse_name(e.name).split)
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
            named = [
                f"{describe(c)} {show_range(c.name, c.ci)}".rstrip() for c in criteria if c.holds is holds
            ]
            if named:
                parts.append(
                    f"{words}: {'; '.join(named[:4])}"
                    + (f" and {len(named) - 4} more" if len(named) > 4 else "")
                )
        text = f"{WORDS[verdict]}. {'. '.join(p[0].upper() + p[1:] for p in parts)}."
    if unresolved:
        text += f" {len(unresolved)} confirmed {'finding is' if len(unresolved) == 1 else 'findings are'} not repaired."
    return text


def _facts(criteria: Sequence[Criterion]) -> list[Fact]:
    made = []
    for c in criteria:
        direction = "higher_is_better" if c.at_least else "lower_is_better"
        unit = "share" if is_share(c.name) else "score"
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
    rate = "share" if all(is_share(c.name) for c in criteria) else "score"
    units = ("text", "text", rate, rate, rate, rate, "count", "text", "count")
    caption = "Low and high: 95 % interval. More images: about how many would decide with 80 % chance, if the value stayed as it is."
    return Table(TABLE, COLUMNS, tuple(rows), units, caption)  # type: ignore[arg-type]


def _price_table(view: CaseView, predictions: dict[str, Predictions]) -> Table:
    """Confusions that have a cost of their own: how often they occur, and what they add to the expected cost."""
    set_ = prices(predictions, view.expectations)
    made = predictions.get("data")
    rows: list[tuple[Cell, ...]] = []
    if made is not None and set_:
        classes = made.classes
        counts, costs = confusion(made.labels, made.predicted, len(classes)), price_matrix(classes, set_)
        total = max(int(counts.sum()), 1)
        for true, said in set_:
            i, j = classes.index(true), classes.index(said)
            k, n = int(counts[i, j]), int(counts[i].sum())
            low, high = exact(k, n)
            rows.append(
                (
                    true,
                    said,
                    float(costs[i, j]),
                    k,
                    n,
                    k / n if n else None,
                    low,
                    high,
                    k * float(costs[i, j]) / total,
                )
            )
    rows.sort(key=lambda r: (-float(r[8] or 0), -float(r[2] or 0)))
    return Table(
        "What confusions cost",
        ("true class", "taken for", "cost", "images", "of", "rate", "low", "high", "cost an image"),
        tuple(rows[:MOST_PRICED]),
        ("text", "text", "score", "count", "count", "share", "share", "share", "score"),
        "Low and high: 95 % interval of the rate. Cost an image: what it adds to the expected cost; other errors cost one each.",
    )


def _version_notes(view: CaseView) -> list[str]:
    """That versions which repairs made are not what was judged."""
    made = [v.name for v in view.versions() if v.arm == "repair"]
    if not made:
        return []
    return [
        f"The verdict is about the case's own model, not about {listing(made, 4)}: take a version out (failsight versions --take) and judge it as a case of its own."
    ]


def _price_notes(view: CaseView) -> list[str]:
    """Prices that name no two classes, and prices on which nothing rests."""
    priced = [e.name for e in view.expectations if is_price(e.name)]
    unknown = [n for n in priced if parse_price(n, view.classes) is None]
    made = [f"Costs that name no two classes and were left out: {listing(unknown, 6)}."] if unknown else []
    bounded = any("expected_cost" in e.name for e in view.expectations)
    if priced and not bounded:
        made.append(
            "Costs of confusions are set, but nobody has bounded expected_cost, so they decide nothing."
        )
    return made


def _unresolved_table(unresolved: Sequence[tuple[str, Finding]]) -> Table:
    rows = tuple(
        (i, f.kind.replace("_", " "), clean(f.statement, 300), f.error_rate, f.n) for i, f in unresolved
    )
    return Table(
        TABLE_UNRESOLVED,
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
            f"To decide {clean(least.name, 80)} (bound {show_value(least.name, least.bound)}): {least.reason}"
        )
    if unresolved:
        steps.append(f"Propose a repair for {unresolved[0][0]} (propose_correction).")
    return tuple(steps)
