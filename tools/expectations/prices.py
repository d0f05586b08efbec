"""What confusions cost, where a person named a price: a table for readiness, and what limits it."""

from __future__ import annotations

from failsight.tools.evidence import Cell, Table
from failsight.tools.expectations.criteria import (
    prices,
)
from failsight.tools.expectations.measures import price_matrix
from failsight.tools.expectations.names import (
    is_price,
    parse_price,
)
from failsight.tools.inputs.base import Predictions
from failsight.tools.performance import confusion
from failsight.tools.stats.floors import exact
from failsight.tools.text import listing
from failsight.tools.view import CaseView

MOST_PRICED = 20


def price_table(view: CaseView, predictions: dict[str, Predictions]) -> Table:
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


def price_notes(view: CaseView) -> list[str]:
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
