"""compare_classes: in what do the images of two classes differ, and what goes with confusing them?"""

from __future__ import annotations

from itertools import combinations
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from failsight.tools.class_pairs import report
from failsight.tools.class_pairs.measures import (
    LEAST,
    Apart,
    Column,
    Difference,
    apart,
    columns_of,
    differences,
)
from failsight.tools.class_pairs.model import Classes, Compared, Pair
from failsight.tools.class_pairs.pictures import pictures
from failsight.tools.class_pairs.tables import tables
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence, jsonable
from failsight.tools.experiments.population import check_split, class_index
from failsight.tools.inputs.base import AttributeTable, Predictions, Split
from failsight.tools.notes import called, left_out_notes, need_labels
from failsight.tools.performance import performance
from failsight.tools.registry import tool
from failsight.tools.stats.confident import confident_counts
from failsight.tools.text import clean
from failsight.tools.view import CaseView

QUESTIONS = ("input.6", "performance.4")
MOST_ATTRIBUTES = 200
Ints = npt.NDArray[np.int64]


@tool(cost="pass", answers=QUESTIONS, reads_attributes=True)
def compare_classes(
    view: CaseView,
    class_a: Annotated[str, Field(description="The class to look at.", max_length=200)],
    class_b: Annotated[str, Field(description="The class to compare it with.", max_length=200)],
    others: Annotated[
        tuple[str, ...] | None,
        Field(description="More classes, compared pair by pair in less detail.", max_length=4),
    ] = None,
    attributes: Annotated[
        tuple[str, ...] | None, Field(description="Only these attributes. Default: all.", max_length=60)
    ] = None,
    split: Annotated[Split, Field(description="Which images: data, train or deploy.")] = "data",
) -> Evidence:
    """Compare the images of two (or more) classes: attributes and measurements, feature space, accuracy, mutual confusion, training images.

    Recalls are compared: difference, interval, exact test. Each attribute is tested between the classes, and between
    images taken for the other class and all others within the true class (Benjamini–Hochberg over all attributes of either question). Feature space: how well a classifier that never saw an image
    tells the two apart, and how often an image's nearest neighbour is of the other class. Typical, most alike and confused
    images are shown. What goes with being confused is an association: it raises hypotheses and confirms none.

    Raises:
        RetryError: an unknown class, attribute or split; the same class twice; a class without images.
    """
    given = {name: value for name, value in locals().items() if name != "view"}
    split = check_split(view, split)
    need_labels(view, split)
    chosen = [class_index(view.classes, name) for name in (class_a, class_b, *(others or ()))]
    if len(set(chosen)) < len(chosen):
        raise RetryError("The same class stands there twice; name different ones.", view.classes)
    table = view.attributes(split)
    _known(table, attributes)
    labels = np.asarray(view.table(split).labels, np.int64)
    for c in chosen:
        if not (labels == c).any():
            raise RetryError(f"There is no image of {clean(view.classes[c], 60)} among the {called(split)}.")
    notes: list[str] = []
    predictions = _predictions(view, split, notes)
    space, features = _features(view, split, notes)
    made = _compared(view, split, chosen, predictions, space, notes)
    with view.progress.job("comparing classes", len(made.pairs)) as ticker:
        for pair in made.pairs:
            _measure(view, made, pair, table, features, attributes)
            ticker.advance()
    images, figures = pictures(view, made)
    return Evidence(
        tool="compare_classes",
        arguments=jsonable(given),
        title="In what the images of classes differ",
        summary=report.summary(made),
        facts=tuple(report.facts(made)),
        tables=tables(made),
        figures=figures,
        images=images,
        questions=QUESTIONS if predictions is not None else QUESTIONS[:1],
        findings=report.hypotheses(made),
        notes=(*report.notes(made), *notes, *left_out_notes(split, view.table(split).left_out)),
        next_steps=report.next_steps(made),
    )


def _known(table: AttributeTable, wanted: tuple[str, ...] | None) -> None:
    for name in wanted or ():
        if name not in table.columns:
            raise RetryError(f"There is no attribute {clean(name, 60)!r}.", list(table.columns))


def _predictions(view: CaseView, split: Split, notes: list[str]) -> Predictions | None:
    try:
        return view.predictions(split)
    except RetryError as problem:
        notes.append(f"Without predictions nothing is said about accuracy and confusion: {problem}")
        return None


def _features(
    view: CaseView, split: Split, notes: list[str]
) -> tuple[str, tuple[Ints, npt.NDArray[np.float32]] | None]:
    """(what the space is called, (rows, features)): the model's own features, else an encoder's, else none."""
    try:
        return "the model's features", view.features(split)
    except RetryError as problem:
        why = str(problem)
    try:
        made = view.embeddings(split)
        notes.append(f"Distances are those of the encoder's embeddings, not of the model: {why}")
        return "the encoder's embeddings", made
    except RetryError:
        notes.append(f"How far the classes lie apart in feature space is not known: {why}")
        return "", None


def _compared(
    view: CaseView,
    split: Split,
    chosen: list[int],
    predictions: Predictions | None,
    space: str,
    notes: list[str],
) -> Compared:
    """Everything but the pairwise measurements."""
    classes = tuple(view.classes[c] for c in chosen)
    counts: dict[str, tuple[int, ...]] = {
        s: tuple(int((np.asarray(view.table(s).labels) == c).sum()) for c in chosen)
        for s in view.splits()
        if s != "pool" and (np.asarray(view.table(s).labels) >= 0).any()
    }
    made = performance(predictions, seed=view.seed) if predictions is not None else None
    suspects = None
    if predictions is not None and predictions.has_scores and predictions.labelled.any():
        known = predictions.labelled
        suspects = confident_counts(
            predictions.labels[known], predictions.scores[known].astype(np.float64)
        ).joint
    if "train" not in counts:
        notes.append(
            "There are no training images here, so how many of either class were learned from is not known."
        )
    about = Classes(classes, tuple(chosen), counts, made, suspects)
    pairs = [Pair(i, j) for i, j in combinations(range(len(chosen)), 2)]
    return Compared(split, about, pairs, predictions, space)


def _measure(
    view: CaseView,
    made: Compared,
    pair: Pair,
    table: AttributeTable,
    features: tuple[Ints, npt.NDArray[np.float32]] | None,
    attributes: tuple[str, ...] | None,
) -> None:
    """Fill in what is measured of one pair."""
    first, second = (made.about.index[i] for i in (pair.first, pair.second))
    labels = np.asarray(view.table(made.split).labels, np.int64)
    of = labels[table.rows]
    keep = (of == first) | (of == second)
    names = (attributes or tuple(table.columns))[:MOST_ATTRIBUTES]
    columns = columns_of(table, keep, names if attributes else None)[:MOST_ATTRIBUTES]
    target = of[keep] == second
    pair.attributes = differences(columns, target, np.zeros(len(target), np.int64), seed=view.seed)
    pair.rows = table.rows[keep]
    pair.target = target
    pair.space = _apart(view, labels, features, first, second)
    if made.predictions is not None:
        pair.confused, pair.outcome = _confused(
            made.predictions, pair.rows, first, second, columns, target, view.seed
        )


def _apart(
    view: CaseView,
    labels: Ints,
    features: tuple[Ints, npt.NDArray[np.float32]] | None,
    first: int,
    second: int,
) -> tuple[Apart, Ints] | None:
    """(how far apart, row numbers of the positions that it names)."""
    if features is None:
        return None
    rows, x = features
    of = labels[rows]
    keep = ((of == first) | (of == second)) & np.isfinite(np.asarray(x, np.float32)).all(1)
    found = apart(np.asarray(x, np.float64)[keep], of[keep] == second, seed=view.seed)
    return (found, rows[keep]) if found is not None else None


def _confused(
    predictions: Predictions,
    rows: Ints,
    first: int,
    second: int,
    columns: list[Column],
    target: npt.NDArray[np.bool_],
    seed: int,
) -> tuple[list[Difference], npt.NDArray[np.int8]]:
    """Attributes of images taken for the other class against all others with an answer, within the true class.

    Images taken for a third class count among the others: left out, they would make a share of cases too large.

    Returns:
        The differences, and per row: 1 taken for the other, 0 recognised, 2 taken for a third class, −1 no answer.
    """
    if not len(predictions):
        return [], np.full(len(rows), -1, np.int8)
    place = np.full(int(max(rows.max(initial=-1), predictions.rows.max(initial=-1))) + 1, -1, np.int64)
    place[predictions.rows] = np.arange(len(predictions))
    at = place[rows]
    said = np.where(at >= 0, predictions.predicted[at], -1)
    own, other = np.where(target, second, first), np.where(target, first, second)
    outcome = np.select([at < 0, said == other, said == own], [-1, 1, 0], 2).astype(np.int8)
    judged = outcome >= 0
    confused = outcome[judged] == 1
    if min(int(confused.sum()), int((~confused).sum())) < LEAST:
        return [], outcome
    inside = [c.of(judged) for c in columns]
    return differences(inside, confused, target[judged].astype(np.int64), seed=seed + 1), outcome
