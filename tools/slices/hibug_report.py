"""What find_slices shows with HiBug's own rules: a list for comparison, of which nothing was tested."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from failsight.tools.evidence import Cell, Evidence, Fact, Finding, Table
from failsight.tools.inputs.base import Split
from failsight.tools.notes import of_split
from failsight.tools.slices.causes import train_codes
from failsight.tools.slices.columns import Coded
from failsight.tools.slices.hibug import HiBugBug, hibug_bugs
from failsight.tools.slices.search import Prepared
from failsight.tools.text import clean, number
from failsight.tools.view import CaseView

UNTESTED = "By HiBug's thresholds; nothing was tested."
CALLED = {
    "weak_slice": "weak slice",
    "rare_case": "rare case",
    "spurious_correlation": "spurious correlation",
}


def hibug_evidence(
    view: CaseView, split: Split, prepared: Prepared, notes: Sequence[str], alpha: float, top: int
) -> Evidence:
    """HiBug's list for the images of a search, as evidence without a verdict."""
    predictions = view.predictions(split)
    coded, depth = prepared.plain, prepared.settings.depth
    predicted = predictions.predicted[prepared.keep]
    train = None if split == "train" else _train_codes(view, coded)
    bugs = hibug_bugs(
        np.stack([c.codes for c in coded], axis=1),
        [c.values for c in coded],
        [c.name for c in coded],
        prepared.labels,
        predicted,
        predictions.classes,
        train_codes=train,
        alpha=alpha,
        depth=depth,
    )
    overall = float((predicted != prepared.labels).mean())
    shown = _first(bugs, top)
    many = {kind: sum(b.kind == kind for b in bugs) for kind in CALLED}
    said = f"By HiBug's own rules {len(bugs):,} descriptions count as bugs: {many['spurious_correlation']:,} correlations, {many['rare_case']:,} rare cases and {many['weak_slice']:,} weak slices."
    more = [
        *notes,
        "HiBug's rules compare rates with thresholds: no test was made, and by chance alone about half of all slices lie below the overall accuracy.",
    ]
    if train is None:
        more.append("Without training images HiBug's rules know no rare cases.")
    if len(bugs) > len(shown):
        more.append(f"{len(bugs) - len(shown):,} more are not shown; raise top to see them.")
    where = of_split(split)
    return Evidence(
        tool="find_slices",
        title="Where it fails more, by HiBug's rules",
        summary=f"{said} Over all {len(predicted):,} images {number(overall)} are wrong. None of this was tested.",
        facts=(Fact("slices_listed", len(bugs), "count", where), Fact("error_rate", overall, "share", where)),
        tables=tuple(t for t in (_table(shown),) if t),
        findings=tuple(_finding(b, overall, len(predictions.classes), split) for b in shown),
        notes=tuple(more),
        next_steps=("Search with method failsight: it tests on images that did not suggest the slices.",),
    )


def _first(bugs: Sequence[HiBugBug], top: int) -> list[HiBugBug]:
    """The first of each kind."""
    made = []
    for kind in CALLED:
        made += [b for b in bugs if b.kind == kind][:top]
    return sorted(made, key=bugs.index)


def _train_codes(view: CaseView, coded: Sequence[Coded]) -> npt.NDArray[np.int64] | None:
    """(m, a) codes of the training images; −1 throughout for attributes not known there; None without any."""
    codes = train_codes(view, coded)
    if not codes:
        return None
    unknown = np.full(len(view.table("train")), -1, np.int64)
    return np.stack([codes.get(c.name, unknown) for c in coded], axis=1)


def _description(bug: HiBugBug) -> str:
    return " & ".join(
        f"{clean(a, 40)}={clean(v, 60)}" for a, v in zip(bug.attributes, bug.values, strict=True)
    )


def _table(bugs: Sequence[HiBugBug]) -> Table | None:
    if not bugs:
        return None
    rows: list[tuple[Cell, ...]] = [
        (CALLED[b.kind], _description(b), b.class_name, b.n, b.error, b.probability, b.train_share)
        for b in bugs
    ]
    return Table(
        "Bugs by HiBug's rules",
        (
            "kind",
            "description",
            "prediction",
            "images",
            "error",
            "P(prediction | description)",
            "in training",
        ),
        tuple(rows),
        ("text", "text", "text", "count", "share", "share", "share"),
        UNTESTED,
    )


def _finding(bug: HiBugBug, overall: float, classes: int, split: Split) -> Finding:
    description = _description(bug)
    if bug.kind == "spurious_correlation":
        text = f"Of the images with {description}, {number(bug.probability)} are called {clean(bug.class_name or '', 40)} (an even share would be {number(1 / max(classes, 1))})."
    else:
        text = (
            f"Images with {description} are wrong in {number(bug.error)}, against {number(overall)} over all."
        )
        if bug.kind == "rare_case":
            text += f" They are {number(bug.train_share)} of the training images."
    return Finding(
        kind=bug.kind,
        failure="features" if bug.kind == "spurious_correlation" else "correctness",
        bug="unknown" if bug.kind == "weak_slice" else "data_statistics",
        statement=text,
        slice=dict(zip(bug.attributes, bug.values, strict=True)),
        class_name=bug.class_name,
        n=bug.n,
        # a correlation is told by how often a class is said: its share of errors would be read as that
        error_rate=None if bug.kind == "spurious_correlation" else bug.error,
        base_error_rate=None if bug.kind == "spurious_correlation" else overall,
        verdict=None,
        note=UNTESTED,
        split=split,
    )
