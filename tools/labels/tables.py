"""Tables of what was found about labels: pairs of classes, groups by who, when or how, and single suspects."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Cell, Table
from failsight.tools.labels.groups import Group
from failsight.tools.labels.pairs import Pair
from failsight.tools.labels.scores import Scored
from failsight.tools.text import counted, interval, p_value

MOST_PAIRS = 30
SUSPECTS = "Suspects"  # title of the table that `failsight labels export` reads
SUSPECT_COLUMNS = ("path", "label", "suggested", "label quality", "score of label", "score of suggested")


def pair_table(pairs: Sequence[Pair], classes: Sequence[str]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (classes[p.given], classes[p.suggested], p.suspects, p.rate, interval(p.ci), round(p.expected, 1), p.reverse, p.likeness, p.reading)
        for p in pairs[:MOST_PAIRS]
    ]  # fmt: skip
    left = (
        f" {counted(len(pairs) - MOST_PAIRS, 'more pair is', 'more pairs are')} not shown."
        if len(pairs) > MOST_PAIRS
        else ""
    )
    return Table(
        "Labels against confident classes",
        (
            "label",
            "suggested",
            "suspects",
            "share of label",
            "interval",
            "expected from errors",
            "the other way",
            "likeness",
            "speaks for",
        ),
        tuple(rows),
        ("text", "text", "count", "share", "text", "score", "count", "share", "text"),
        "Likeness: where the model's confidence lies among images of the suggested class whose label agrees; 50 % for images like them, "
        f"near 0 % for hesitant errors. The last column describes, it is not a test.{left}",
    )


def group_table(groups: Sequence[Group]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            f"{g.column}={g.value}", g.n, g.suspects, g.rate, g.base, g.floor.inside, g.floor.outside,
            g.measure.name, g.measure.effect, interval(g.measure.ci, "points"), p_value(g.q), g.verdict, g.why,
        )
        for g in groups
    ]  # fmt: skip
    return Table(
        "Suspects by who, when and how labelled",
        (
            "group",
            "images",
            "suspects",
            "suspect",
            "elsewhere",
            "wrong labels",
            "elsewhere (wrong)",
            "judged by",
            "difference",
            "interval",
            "q",
            "verdict",
            "why",
        ),
        tuple(rows),
        (
            "text",
            "count",
            "count",
            "share",
            "share",
            "share",
            "share",
            "text",
            "points",
            "text",
            "text",
            "text",
            "text",
        ),
        "Wrong labels: estimated share that disagrees however sure the model is. Judged by: the measure on which the verdict stands, "
        "whose difference and interval follow; one alone refutes, both together confirm. q is of both together (of disagreement within labels where that decides), corrected over all rows (Benjamini–Hochberg).",
    )


def suspect_table(
    scored: Scored,
    order: npt.NDArray[np.int64],
    suggested: npt.NDArray[np.int64],
    quality: npt.NDArray[np.float64],
    paths: Sequence[str],
) -> Table:
    """The ranked suspects, most suspicious first; ``failsight labels export`` reads it."""
    rows: list[tuple[Cell, ...]] = [
        (
            paths[int(scored.rows[i])], scored.classes[scored.labels[i]], scored.classes[suggested[i]],
            round(float(quality[i]), 4), float(scored.scores[i, scored.labels[i]]), float(scored.scores[i, suggested[i]]),
        )
        for i in order.tolist()
    ]  # fmt: skip
    return Table(
        SUSPECTS, SUSPECT_COLUMNS, tuple(rows), ("text", "text", "text", "score", "share", "share"),
        "Most suspicious first. Label quality: score of the label minus the largest other score, −1 to 1; low is suspicious.",
    )  # fmt: skip
