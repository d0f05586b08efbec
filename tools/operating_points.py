"""operating_points: from which score on a class should be answered, and what each threshold costs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from failsight.tools import belonging
from failsight.tools.checks import operating_report as report
from failsight.tools.errors import RetryError
from failsight.tools.evidence import Evidence
from failsight.tools.experiments.population import check_split, class_index, parse_filters, rows_meeting
from failsight.tools.inputs.base import Predictions, Split
from failsight.tools.inputs.decisions import decision_words
from failsight.tools.notes import called, left_out_notes, need_labels
from failsight.tools.registry import tool
from failsight.tools.stats.operating import (
    Point,
    Wanted,
    best_recall,
    halves,
    limit_for,
    point,
    reaches,
    threshold_for,
)
from failsight.tools.stats.two_sample import Auc, auc
from failsight.tools.text import clean
from failsight.tools.view import CaseView

GRID = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99)
QUESTIONS = ("performance.10",)
FEWEST = 10  # images in each half that a rate is counted of, from which a threshold is chosen
Bool = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Wish:
    """A rate that is wanted, and the threshold that was chosen for it.

    Attributes:
        measure: recall, precision or specificity. share: at least so much of it.
        chosen: the threshold; None where there is none to be had, and then ``first`` and ``second`` are None.
        reached: whether it reaches the rate on the half that chose it; else it is the one that comes nearest.
        first: at the threshold on the half that chose it; second: on the other half.
        few: whether there are too few images to choose from.
    """

    measure: Wanted
    share: float
    chosen: float | None = None
    reached: bool = False
    first: Point | None = None
    second: Point | None = None
    few: bool = False


@dataclass(frozen=True, slots=True)
class Measured:
    """The images of one class and all others, and what calling them so from a score on comes to.

    Attributes:
        name: of the class.
        n, own: images, and those of the class.
        now: as the model answers at present. at: the threshold of the grid that calls the same images so; None without one.
        points: by threshold, ascending.
        wishes: the rates that are wanted.
        named: a threshold that somebody asked about.
        grouped: the column by which images belong together; empty for none.
    """

    name: str
    n: int
    own: int
    area: Auc
    now: Point
    at: float | None
    points: tuple[tuple[float, Point], ...]
    wishes: tuple[Wish, ...] = ()
    named: float | None = None
    grouped: str = ""


@tool(cost="pass", needs=("scores",), answers=QUESTIONS, reads_groups=True)
def operating_points(
    view: CaseView,
    class_name: Annotated[
        str | None,
        Field(
            description="The class to be found. Default: the one that has a threshold, else the rarer of two, else the one recognised least.",
            max_length=200,
        ),
    ] = None,
    recall: Annotated[
        float | None,
        Field(description="Also the threshold that finds this share of the class, e.g. 0.95.", ge=0.01, le=1),
    ] = None,
    precision: Annotated[
        float | None,
        Field(
            description="Also the threshold from which on this share of the answers is right (positive predictive value), e.g. 0.9; at the prevalence, if one is given.",
            ge=0.01,
            le=1,
        ),
    ] = None,
    specificity: Annotated[
        float | None,
        Field(
            description="Also the threshold that leaves this share of the other images alone, e.g. 0.95 for at most 5 % false alarms.",
            ge=0.01,
            le=1,
        ),
    ] = None,
    threshold: Annotated[
        float | None,
        Field(description="A threshold to be told of, beside those of the table.", ge=0.0001, le=1),
    ] = None,
    prevalence: Annotated[
        float | None,
        Field(
            description="Share of images of the class where the model is used, e.g. 0.08: precision is also told for that.",
            ge=0.0001,
            le=0.9999,
        ),
    ] = None,
    where: Annotated[
        str,
        Field(description="Only images that meet conditions, joined by &: site=north.", max_length=400),
    ] = "",
    split: Annotated[Split, Field(description="Which images: data, train or deploy.")] = "data",
) -> Evidence:
    """Measure what each threshold on a class's score costs: sensitivity (recall), precision, false alarms, and the AUC.

    Intervals are 95 % (Wilson's; DeLong's for the AUC); images that belong together are counted so where the case says it. The
    threshold for a wanted recall is the largest that reaches it on one half of the images, the one for a wanted precision or
    specificity the smallest, and it is told on the other half. Where none reaches it, the one that comes nearest is told.
    Nothing is changed: a threshold is set with --threshold when a case is opened, or in model.json.

    Raises:
        RetryError: no scores or labels; an unknown class or condition; no image of the class, or of the others.
    """
    split = check_split(view, split)
    need_labels(view, split)
    predictions = view.predictions(split)
    if not predictions.has_scores:
        raise RetryError(
            "These predictions come without class probabilities, so there is no score to put a threshold on: "
            "give a column of probabilities for each class, or the model itself."
        )
    inside = _inside(view, predictions, where)
    index, why = _class(predictions, inside, class_name)
    groups = belonging.codes(view, split)
    wanted: list[tuple[Wanted, float | None]] = [
        ("recall", recall),
        ("precision", precision),
        ("specificity", specificity),
    ]
    asked = _Asked([(m, share) for m, share in wanted if share is not None], threshold, prevalence)
    made = _measured(predictions, inside, index, asked, groups, view.seed)
    if groups is not None:
        made = report.with_groups(made, belonging.shown(view))
    rule = decision_words(predictions)
    notes = (*([why] if why else []), *([rule] if rule else []), *report.notes(made, predictions, prevalence))
    return Evidence(
        tool="operating_points",
        arguments={
            "class_name": class_name, "recall": recall, "precision": precision, "specificity": specificity, "threshold": threshold,
            "prevalence": prevalence, "where": where, "split": split,
        },
        title="What a threshold costs",
        summary=report.summary(made, split, prevalence),
        facts=report.facts(made, split, prevalence),
        tables=(report.table(made, prevalence),),
        figures=(report.figure(view, made),),
        questions=QUESTIONS,
        notes=(*notes, *left_out_notes(split, predictions.left_out)),
        next_steps=report.next_steps(made),
    )  # fmt: skip


def _inside(view: CaseView, predictions: Predictions, where: str) -> Bool:
    """(n,) labelled images that meet the conditions. Raises RetryError without any."""
    filters = parse_filters(where)
    meets, _ = rows_meeting(view, predictions.split, filters)
    inside: Bool = predictions.labelled & meets[predictions.rows]
    if not inside.any():
        raise RetryError(f"There are no labelled {called(predictions.split)} that meet these conditions.")
    return inside


def _class(predictions: Predictions, inside: Bool, given: str | None) -> tuple[int, str]:
    """The class to be found, and why that one where nobody said it. Raises RetryError without images of it or of others."""
    counts = np.bincount(predictions.labels[inside], minlength=len(predictions.classes))
    why = ""
    if given is not None:
        index = class_index(predictions.classes, given)
    else:
        index, reason = _default(predictions, inside, counts)
        why = f"No class was named: {clean(predictions.classes[index], 60)} was taken, {reason}."
    if not 0 < counts[index] < counts.sum():
        name, n = clean(predictions.classes[index], 60), int(counts[index])
        lacking = f"all {n:,} images here are {name}" if n else f"there are no images of {name} here"
        raise RetryError(
            f"class_name: {lacking}, so nothing can be weighed.",
            [predictions.classes[int(i)] for i in np.flatnonzero(counts)],
        )
    return index, why


def _default(predictions: Predictions, inside: Bool, counts: Ints) -> tuple[int, str]:
    bars = [i for i, t in enumerate(predictions.thresholds) if t is not None and counts[i]]
    if bars:
        return bars[0], "which has a threshold"
    present = np.flatnonzero(counts)
    if len(present) == 2:
        return int(present[counts[present].argmin()]), "the rarer of the two"
    right = np.bincount(predictions.labels[inside & predictions.correct], minlength=len(counts))
    return int(present[(right[present] / counts[present]).argmin()]), "which is recognised least"


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked: rates that are wanted, a threshold, the share of the class where the model is used."""

    wanted: list[tuple[Wanted, float]]
    threshold: float | None
    prevalence: float | None


def _measured(
    predictions: Predictions, inside: Bool, index: int, asked: _Asked, groups: Ints | None, seed: int
) -> Measured:
    scores, target = predictions.scores[inside, index], predictions.labels[inside] == index
    together = None if groups is None else groups[inside]
    said = predictions.predicted[inside] == index
    own = predictions.thresholds[index] if predictions.thresholds else None
    lot = halves(target, together, seed) if asked.wanted else target
    wishes = tuple(
        _wish(m, share, scores, target, together, lot, asked.prevalence) for m, share in asked.wanted
    )
    bars = sorted({*GRID, *(t for t in (own, asked.threshold, *(w.chosen for w in wishes)) if t is not None)})
    calls = [(bar, reaches(scores, bar)) for bar in bars]
    same = [bar for bar, call in calls if np.array_equal(call, said)]
    at = min(same, key=lambda bar: (bar != own, abs(bar - 0.5)), default=None)
    return Measured(
        name=predictions.classes[index],
        n=len(target),
        own=int(target.sum()),
        area=auc(scores.astype(np.float64), target, groups=together),
        now=point(said, target, together),
        at=at,
        points=tuple((bar, point(call, target, together)) for bar, call in calls),
        wishes=wishes,
        named=asked.threshold,
    )


def _wish(
    measure: Wanted,
    share: float,
    scores: npt.NDArray[np.float32],
    target: Bool,
    together: Ints | None,
    lot: Bool,
    prevalence: float | None,
) -> Wish:
    """The threshold for a wanted rate, chosen on the images of ``lot`` and counted there and on the others."""
    counted = ~target if measure == "specificity" else target
    parts = [part & half for part in (target, ~target) for half in (lot, ~lot)]
    if min(int((counted & half).sum()) for half in (lot, ~lot)) < FEWEST or not all(p.any() for p in parts):
        return Wish(measure, share, few=True)
    chosen, reached = _chosen(measure, share, scores[lot], target[lot], prevalence)
    if chosen is None:
        return Wish(measure, share)
    first, second = (
        point(reaches(scores, chosen)[h], target[h], None if together is None else together[h])
        for h in (lot, ~lot)
    )
    return Wish(measure, share, chosen, reached, first, second)


def _chosen(
    measure: Wanted, share: float, scores: npt.NDArray[np.float32], target: Bool, prevalence: float | None
) -> tuple[float | None, bool]:
    if measure == "recall":
        bar = threshold_for(scores[target], share)
        return (bar, True) if bar is not None else (best_recall(scores[target]), False)
    fewest = FEWEST if measure == "precision" else 1
    made = limit_for(scores, target, measure, share, fewest=fewest, prevalence=prevalence)
    return made or (None, False)
