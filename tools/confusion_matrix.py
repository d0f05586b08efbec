"""confusion_matrix: which class is taken for which, and the images behind a cell."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from failsight.tools.belonging import independent_note
from failsight.tools.confusions import ALL, MATRIX, TOP
from failsight.tools.evidence import Cell, Evidence, Fact, Figure, Table
from failsight.tools.examples import contact_sheet, references
from failsight.tools.experiments.population import check_split, class_index
from failsight.tools.figures.charts import MOST_ROWS, heat_map
from failsight.tools.inputs.base import Predictions, Split
from failsight.tools.inputs.decisions import decision_words
from failsight.tools.notes import (
    called,
    left_out_notes,
    need_labels,
    of_split,
    without_images_facts,
    without_images_words,
)
from failsight.tools.performance import adjusted, confusion
from failsight.tools.registry import tool
from failsight.tools.stats.intervals import newcombe, wilson
from failsight.tools.stats.tests import fisher_exact
from failsight.tools.text import clean, interval, number, p_value
from failsight.tools.view import CaseView

Counts = npt.NDArray[np.int64]
MOST_COLUMNS = 60  # a wider matrix is shown for the classes with most errors only
SHOWN = 12  # images of a cell


@tool(cost="pass", answers=("performance.2", "performance.4", "input.6"), reads_groups=True)
def confusion_matrix(
    view: CaseView,
    true_class: Annotated[
        str | None,
        Field(description="Show the images of this true class that are misclassified.", max_length=200),
    ] = None,
    predicted_class: Annotated[
        str | None, Field(description="Show the images that are wrongly called this class.", max_length=200)
    ] = None,
    top: Annotated[int, Field(description="How many of the largest confusions to list.", ge=1, le=100)] = 10,
    split: Annotated[Split, Field(description="Which images: data, train or deploy.")] = "data",
) -> Evidence:
    """Count how often each class is taken for each other one, with the largest confusions and the images behind a cell.

    Rates are shares of the true class with 95 % intervals; a pair of classes is called one-sided when one is taken for
    the other more often than the reverse (exact test, corrected for the number of pairs).
    """
    split = check_split(view, split)
    need_labels(view, split)
    predictions = view.predictions(split)
    classes = predictions.classes
    counts = confusion(predictions.labels, predictions.predicted, len(classes))
    given = [class_index(classes, c) if c else None for c in (true_class, predicted_class)]
    arguments = {"true_class": true_class, "predicted_class": predicted_class, "top": top, "split": split}
    if given == [None, None]:
        made = _whole(view, predictions, counts, top)
    else:
        made = _cell(view, predictions, counts, given[0], given[1], top)
    rule = decision_words(predictions)
    return dataclasses.replace(
        made, arguments=arguments, notes=(*([rule] if rule else []), *independent_note(view), *made.notes)
    )


def _whole(view: CaseView, predictions: Predictions, counts: Counts, top: int) -> Evidence:
    classes, split = predictions.classes, predictions.split
    ranked = _ranked(counts)
    errors = int(counts.sum() - np.trace(counts))
    covered = sum(int(counts[i, j]) for i, j in ranked[:top])
    table, sides = _top_table(classes, counts, ranked[:top]), _asymmetry(classes, counts)
    return Evidence(
        tool="confusion_matrix",
        title="Which class is taken for which",
        summary=f"{_summary(classes, counts, ranked, split, errors, covered)} {without_images_words(predictions)}".rstrip(),
        facts=(
            Fact("errors", errors, "count", of_split(split), None, int(counts.sum()), "lower_is_better"),
            *without_images_facts(predictions),
            *_confusion_facts(classes, counts, ranked[:top], split),
        ),
        tables=(*(t for t in (table, sides) if t.rows), matrix_table(classes, counts)),
        figures=(_heat_map(view, classes, counts, ranked),),
        questions=("performance.2", "performance.4"),
        notes=tuple(left_out_notes(split, predictions.left_out)),
        next_steps=_look_behind(classes, ranked),
    )


def _look_behind(classes: Sequence[str], ranked: Sequence[tuple[int, int]]) -> tuple[str, ...]:
    if not ranked:
        return ()
    i, j = ranked[0]
    a, b = clean(classes[i], 60), clean(classes[j], 60)
    return (
        f"Look at the {a} images that are taken for {b} (confusion_matrix with true_class and predicted_class).",
    )


def _ranked(counts: Counts) -> list[tuple[int, int]]:
    """Off-diagonal cells with images, most images first, then the larger share of the true class."""
    off = counts.copy()
    np.fill_diagonal(off, 0)
    cells = [(int(i), int(j)) for i, j in zip(*np.nonzero(off), strict=True)]
    total = np.maximum(counts.sum(1), 1)
    return sorted(cells, key=lambda c: (-counts[c], -counts[c] / total[c[0]], c))


def _summary(
    classes: Sequence[str],
    counts: Counts,
    ranked: Sequence[tuple[int, int]],
    split: str,
    errors: int,
    covered: int,
) -> str:
    n = int(counts.sum())
    if not errors:
        return f"None of the {n:,} {called(split)} is misclassified."
    i, j = ranked[0]
    k, total = int(counts[i, j]), int(counts[i].sum())
    return (
        f"{errors:,} of {n:,} {called(split)} are misclassified. The largest confusion: {k:,} of {total:,} {clean(classes[i], 60)} images "
        f"({number(k / total)} {interval(wilson(k, total))}) are taken for {clean(classes[j], 60)}. "
        f"The listed confusions hold {number(covered / errors)} of all errors."
    )


def _confusion_facts(
    classes: Sequence[str], counts: Counts, ranked: Sequence[tuple[int, int]], split: str
) -> list[Fact]:
    made = []
    for i, j in ranked:
        k, n = int(counts[i, j]), int(counts[i].sum())
        of = of_split(split, f"class {classes[i]} taken for {classes[j]}")
        made.append(Fact("confusion_rate", k / n, "share", of, wilson(k, n), n, "lower_is_better"))
    return made


def _top_table(classes: Sequence[str], counts: Counts, ranked: Sequence[tuple[int, int]]) -> Table:
    errors = max(int(counts.sum() - np.trace(counts)), 1)
    rows: list[tuple[Cell, ...]] = []
    for i, j in ranked:
        k, n = int(counts[i, j]), int(counts[i].sum())
        rows.append((classes[i], classes[j], k, n, f"{100 * k / n:.1f} {interval(wilson(k, n))}", k / errors))
    return Table(
        TOP,
        ("true class", "predicted class", "images", "of", "share of the true class", "share of all errors"),
        tuple(rows),
        ("text", "text", "count", "count", "text", "share"),
    )


def _asymmetry(classes: Sequence[str], counts: Counts, most: int = 10) -> Table:
    """Pairs of which one side is taken for the other more often than the reverse, as a share of its images."""
    n = counts.sum(1)
    pairs = [(i, j) for i, j in _ranked(counts) if n[i] and n[j] and (i < j or counts[j, i] == 0)]
    p = [fisher_exact(int(counts[i, j]), int(n[i]), int(counts[j, i]), int(n[j])) for i, j in pairs]
    q = adjusted(np.array(p, np.float64)).tolist()
    rows: list[tuple[Cell, ...]] = []
    for (i, j), value in sorted(zip(pairs, q, strict=True), key=lambda pair: pair[1]):
        if value > 0.05 or len(rows) == most:
            break
        a, b = (i, j) if counts[i, j] / n[i] >= counts[j, i] / n[j] else (j, i)
        rates = float(counts[a, b] / n[a]), float(counts[b, a] / n[b])
        ci = newcombe(int(counts[a, b]), int(n[a]), int(counts[b, a]), int(n[b]))
        gap = f"{number(rates[0] - rates[1], 'points')} {interval(ci, 'points')}"
        rows.append((classes[a], classes[b], *rates, gap, p_value(value)))
    return Table(
        "One-sided confusions",
        ("class", "taken for", "rate", "reverse rate", "difference", "q"),
        tuple(rows),
        ("text", "text", "share", "share", "text", "text"),
        "Reverse: the second class taken for the first. Fisher's test for each pair, Benjamini–Hochberg over pairs; q at most 0.05.",
    )


def matrix_table(classes: Sequence[str], counts: Counts) -> Table:
    """The matrix itself: a row a true class. Very many classes: those with most errors, and how many images each has in all."""
    shown = _most_confused(counts, MOST_COLUMNS)
    rows = [(classes[i], *(int(counts[i, j]) for j in shown)) for i in shown]
    columns = ("true class", *(classes[j] for j in shown))
    caption = "Rows: true class. Columns: prediction."
    if len(shown) < len(classes):
        caption += f" The {len(shown)} classes with most errors of {len(classes):,}."
    if int(counts[np.ix_(shown, shown)].sum()) < int(counts.sum()):
        rows = [(*row, int(counts[i].sum())) for row, i in zip(rows, shown, strict=True)]
        columns = (*columns, ALL)
        caption += " The last column: all images of the class, whatever they are taken for."
    units = ("text", *("count" for _ in columns[1:]))
    return Table(MATRIX, columns, tuple(rows), units, caption)  # type: ignore[arg-type]


def _most_confused(counts: Counts, most: int) -> list[int]:
    """Indices of at most ``most`` classes that have images or are predicted, those in most errors, in class order."""
    wrong = counts.sum(0) + counts.sum(1) - 2 * np.diag(counts)
    used = np.flatnonzero(counts.sum(0) + counts.sum(1))
    order = used[np.argsort(-wrong[used], kind="stable")][:most]
    return sorted(order.tolist())


def _heat_map(
    view: CaseView, classes: Sequence[str], counts: Counts, ranked: Sequence[tuple[int, int]]
) -> Figure:
    shown = _most_confused(counts, MOST_ROWS)
    names = [classes[i] for i in shown]
    largest = [
        f"{clean(classes[i], 30)} taken for {clean(classes[j], 30)} {counts[i, j]} times"
        for i, j in ranked[:3]
    ]
    alt = f"Confusion matrix of {len(shown)} classes, shaded by share of the true class. " + (
        f"Largest: {'; '.join(largest)}." if largest else "All images lie on the diagonal."
    )
    svg = heat_map("Confusion matrix", alt, names, counts[np.ix_(shown, shown)])
    return view.save_figure("confusion_matrix", svg, title="Confusion matrix", alt=alt)


def _cell(
    view: CaseView,
    predictions: Predictions,
    counts: Counts,
    true: int | None,
    predicted: int | None,
    top: int,
) -> Evidence:
    """The images of one cell, or of one row or column without its diagonal."""
    classes, split = predictions.classes, predictions.split
    inside = predictions.labelled.copy()
    if true is not None:
        inside &= predictions.labels == true
    if predicted is not None:
        inside &= predictions.predicted == predicted
    if true is None or predicted is None:
        inside &= ~predictions.correct
    at = np.flatnonzero(inside)
    at = at[np.argsort(-predictions.confidence[at], kind="stable")]
    what, n = _what(classes, counts, true, predicted)
    cells = [c for c in _ranked(counts) if true in (None, c[0]) and predicted in (None, c[1])][:top]
    k = len(at)
    rate = f" ({number(k / n)} {interval(wilson(k, n))})" if n else ""
    sure = (
        f" Mean confidence {number(float(predictions.confidence[at].mean()))}."
        if k and predictions.has_scores
        else ""
    )
    images = references(view, predictions, at[:SHOWN])
    alt = f"The {len(images)} most confident of {k} {called(split)}: {what}."
    figure = (
        contact_sheet(view, images, name="confusion_cell", title=f"Images: {what}", alt=alt)
        if images
        else None
    )
    table = _top_table(classes, counts, cells)
    about = f"class {what}" if true is not None else what
    return Evidence(
        tool="confusion_matrix",
        title="Images behind a confusion",
        summary=f"{k:,} of {n:,} {called(split)}{rate}: {what}.{sure}",
        facts=(
            Fact(
                "confusion_rate",
                k / n if n else None,
                "share",
                of_split(split, about),
                wilson(k, n),
                n,
                "lower_is_better",
            ),
        ),
        tables=(table,) if table.rows and (true is None or predicted is None) else (),
        figures=(figure,) if figure else (),
        images=images,
        questions=("performance.4", "input.6"),
        notes=tuple(left_out_notes(split, predictions.left_out)),
        next_steps=("Look for what these images have in common (find_slices within the class, saliency).",)
        if k
        else (),
    )


def _what(classes: Sequence[str], counts: Counts, true: int | None, predicted: int | None) -> tuple[str, int]:
    """What a cell, row or column holds, in words, and of how many images its share is taken."""
    a, b = (clean(classes[c], 60) if c is not None else "" for c in (true, predicted))
    if true is not None and predicted is not None:
        return (f"{a} recognised as such" if true == predicted else f"{a} taken for {b}"), int(
            counts[true].sum()
        )
    if true is not None:
        return f"{a} taken for another class", int(counts[true].sum())
    return f"other classes taken for {b}", int(counts[:, predicted].sum())
